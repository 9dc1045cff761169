//! The PTX that ships, in the emulator: it must compute what the sources of its kernels do, bit for bit. How far those are
//! from the reference is the business of other tests.
//!
//! What is seen here and not in the sources: assembly, and what a compiler makes of branches and barriers. What is not: what
//! the driver's assembler makes of the PTX.

use fastssim::Padding;
use fastssim_kernels::geometry::Way;
use fastssim_tests::compiled::Code;
use fastssim_tests::emulated::{CONTINUED_WIDE, Fast, WIDE, emulate, paddings, works};
use fastssim_tests::general::{self, Launches, Stored};
use fastssim_tests::images::{Element, Scene};
use fastssim_tests::options::{Limits, Options, Results};
use fastssim_tests::reference::Reference;
use fastssim_tests::strided::{Arrangement, Strided};
use fastssim_tests::suite::{EXACT, Subject, Suite};
use half::{bf16, f16};
use ndarray::Array4;

/// One tile and less, several in both directions, and a batch.
const SHAPES: [[usize; 4]; 6] = [
    [1, 1, 1, 1],
    [1, 1, 2, 23],
    [1, 1, 11, 12],
    [2, 2, 31, 50],
    [1, 1, 65, 121],
    [1, 1, 140, 40],
];

fn planar<T: Element>(images: &Array4<T>) -> Strided<T> {
    Strided::new(images.view(), Arrangement::PLANAR, T::from_unit(0.0))
}

/// The bits of numbers; all NaN are one.
fn bits<'a>(numbers: impl Iterator<Item = &'a f64>) -> Vec<u64> {
    let bits = |number: &f64| {
        if number.is_nan() {
            f64::NAN.to_bits()
        } else {
            number.to_bits()
        }
    };
    numbers.map(bits).collect()
}

/// All forms of all kernels on two batches. Those for larger windows are in the newer PTX alone.
fn compare<T: Fast>(reference: &Reference, x: &Strided<T>, y: &Strided<T>) {
    let is_wide = reference.window > 11;
    for way in [Way::March, Way::Patch] {
        for work in works(way, reference) {
            let codes = Code::all().into_iter().filter(|(name, _)| !is_wide || *name != "sm_75");
            let found = codes.map(|(name, code)| {
                let what = format!("{name} {way:?} {work:?} {:?} {}", x.view().dim(), reference.padding);
                let emulation =
                    emulate(code, way, work, reference, x, y).unwrap_or_else(|fault| panic!("{what}: {fault}"));
                let [out, by_y] = [emulation.out, emulation.by_y].map(|numbers| numbers.mapv(f64::from));
                (what, bits(emulation.scores.iter().chain(&out).chain(&by_y)))
            });
            let found: Vec<_> = found.collect();
            let (_, expected) = &found[0];
            for (what, found) in &found[1..] {
                assert!(found == expected, "{what}: not the bits that the sources give");
            }
        }
    }
}

fn sweep<T: Fast>() {
    for (turn, shape) in SHAPES.into_iter().enumerate() {
        let scene = [Scene::Distorted, Scene::NearConvergence][turn % 2];
        let [x, y] = scene.batches::<T>(shape, 5);
        for padding in paddings([shape[2], shape[3]], turn) {
            compare(&Reference::new(padding, T::RANGE), &planar(&x), &planar(&y));
        }
    }
}

#[test]
fn fast_kernels_f32() {
    sweep::<f32>();
}

#[test]
fn fast_kernels_u8() {
    sweep::<u8>();
}

#[test]
fn fast_kernels_u16() {
    sweep::<u16>();
}

#[test]
fn fast_kernels_f16() {
    sweep::<f16>();
}

#[test]
fn fast_kernels_bf16() {
    sweep::<bf16>();
}

/// Windows that have kernels of their own, each with zeros beyond the edges or without windows there, some with pixels there.
#[test]
fn larger_windows() {
    let zeros = WIDE
        .into_iter()
        .zip([Padding::Zero, Padding::Valid].into_iter().cycle());
    let pixels = CONTINUED_WIDE.into_iter().zip([Padding::Symmetric, Padding::Reflect]);
    for (turn, (window, padding)) in zeros.chain(pixels).enumerate() {
        let mut reference = Reference::new(padding, 1.0);
        (reference.window, reference.sigma) = (window, window as f64 / 5.0);
        // Where derivatives go through memory, of two channels at a time: the second time begins within an image.
        let shape = if turn == 0 { [1, 1, 70, 60] } else { [1, 3, 36, 47] };
        let [x, y] = Scene::Distorted.batches::<f32>(shape, 9);
        compare(&reference, &planar(&x), &planar(&y));
    }
}

/// Rows, columns and planes at any distance, and a pixel that is not finite.
#[test]
fn other_orders_of_memory() {
    let reference = Reference::new(Padding::Zero, 1.0);
    let [mut x, y] = Scene::Distorted.batches::<f32>([2, 3, 20, 30], 6);
    x[[1, 2, 11, 17]] = f32::NAN;
    let interleaved = Arrangement {
        order: [0, 2, 3, 1],
        steps: [1; 4],
    };
    let cropped = Arrangement {
        order: [0, 1, 2, 3],
        steps: [1, 1, 3, 1],
    };
    let strided = |images: &Array4<f32>, arrangement| Strided::new(images.view(), arrangement, 0.0);
    compare(&reference, &strided(&x, interleaved), &strided(&y, cropped));
}

fn all_bits(results: &Results) -> Vec<u64> {
    let [by_x, by_y] = &results.gradients;
    let scores = results.images.iter().chain(&results.channels);
    bits(scores.chain(&results.map).chain(by_x).chain(by_y))
}

/// The general kernels: sources and PTX must agree.
struct EveryCode {
    /// Whether they sum up the weights of pixels.
    weighs: bool,
}

impl Subject for EveryCode {
    fn results<T: Stored, U: Stored>(
        &self,
        options: &Options,
        x: &Array4<T>,
        y: &Array4<U>,
        _limits: Limits,
    ) -> Result<Results, String> {
        let launches = Launches {
            // Some channels at a time.
            chunk: 2,
            weighs: self.weighs,
            ..Launches::new(T::DOUBLE || U::DOUBLE || options.reference.exponents != [1.0; 3])
        };
        let (x, y) = (planar(x), planar(y));
        let [sources, rest @ ..] = Code::all().map(|(name, code)| {
            let launches = Launches { code, ..launches };
            (name, general::emulate(options, &launches, &x, &y))
        });
        let expected = sources.1.map_err(|fault| fault.to_string())?;
        for (name, found) in rest {
            let found = found.map_err(|fault| format!("{name}: {fault}"))?;
            if all_bits(&found) != all_bits(&expected) {
                return Err(format!("{name}: not the bits that the sources give"));
            }
        }
        Ok(expected)
    }

    fn rounding<T: Stored>(&self) -> Limits {
        EXACT
    }
}

#[test]
fn general_kernels() {
    for weighs in [false, true] {
        let suite = Suite::new(EveryCode { weighs });
        suite.any_combination(20);
        suite.finish();
    }
}
