//! The fast GPU kernels in the emulator: against the reference, and with every access to memory checked for
//! races, for what was never written and for what lies outside of a buffer.
//!
//! Each test prints the largest errors it has seen: `cargo test --test emulator -- --nocapture`.

use fastssim::{Backend, Padding, Ssim};
use fastssim_kernels::geometry::{MOST_TAPS, Way, Work};
use fastssim_tests::comparison::Comparison;
use fastssim_tests::compiled::Code;
use fastssim_tests::emulated::{Emulation, Fast, emulate, paddings, works};
use fastssim_tests::images::{Element, Scene, bytes, numbers, picture};
use fastssim_tests::reference::Reference;
use fastssim_tests::strided::{Arrangement, Strided};
use fastssim_tests::suite::PADDINGS;
use fastssim_tests::tolerance;
use half::{bf16, f16};
use ndarray::{Array4, Axis, s};

const WAYS: [Way; 2] = [Way::March, Way::Patch];
/// One tile and less, more than one in both directions, and the smallest there are.
const SHAPES: [[usize; 4]; 10] = [
    [1, 1, 1, 1],
    [1, 1, 1, 23],
    [2, 3, 5, 90],
    [1, 1, 12, 61],
    [1, 2, 48, 17],
    [1, 1, 11, 11],
    [2, 1, 64, 64],
    [1, 1, 65, 55],
    [1, 1, 131, 121],
    // The largest tiles.
    [1, 16, 70, 140],
];

/// A negative stride has no place on the GPU; all others do.
const INTERLEAVED: Arrangement = Arrangement {
    order: [0, 2, 3, 1],
    steps: [1; 4],
};
const TRANSPOSED: Arrangement = Arrangement {
    order: [1, 3, 0, 2],
    steps: [1, 2, 1, 3],
};
const CROPPED: Arrangement = Arrangement {
    order: [0, 1, 2, 3],
    steps: [1, 1, 3, 1],
};

/// All kernels that leave what is in `works`.
fn kernels<const N: usize>(works: [Work; N]) -> impl Iterator<Item = (Way, Work)> {
    WAYS.into_iter().flat_map(move |way| works.map(|work| (way, work)))
}

fn run<T: Fast>((way, work): (Way, Work), reference: &Reference, x: &Strided<T>, y: &Strided<T>) -> Emulation {
    // The sources of few larger windows are compiled: that theirs and the PTX agree another test shows.
    let code = if reference.window > 11 {
        Code::NEWER
    } else {
        Code::Sources
    };
    emulate(code, way, work, reference, x, y).unwrap_or_else(|fault| panic!("{way:?} {work:?} {reference:?}: {fault}"))
}

fn planar<T: Element>(images: &Array4<T>) -> Strided<T> {
    Strided::new(images.view(), Arrangement::PLANAR, T::from_unit(0.0))
}

/// Compares all kernels with the reference.
fn compare<T: Fast>(errors: &mut Comparison, reference: &Reference, x: &Array4<T>, y: &Array4<T>, what: &str) {
    let what = format!(
        "{what} {:?} {} {}",
        x.dim(),
        std::any::type_name::<T>(),
        reference.padding
    );
    let (_, _, h, w) = x.dim();
    let [of_x, of_y] = [numbers(x.view()), numbers(y.view())];
    let expected = reference.evaluate(of_x.view(), of_y.view());
    let by_y = reference.evaluate(of_y.view(), of_x.view()).gradient;
    let (x, y) = (planar(x), planar(y));
    let windows = expected.map.len() / x.view().dim().0;
    let limits = tolerance::gpu(h * w, windows, errors.is_regular(), reference.padding);
    for way in WAYS {
        // The last shape is there for the march: to a patch it is nothing new.
        if way == Way::Patch && x.view().dim().1 > 3 {
            continue;
        }
        let what = format!("{way:?} {what}");
        for work in works(way, reference) {
            let what = format!("{work:?} {what}");
            let found = run((way, work), reference, &x, &y);
            if work == Work::Map {
                errors.map(&what, &found.out, &expected.map, limits[2]);
                continue;
            }
            for (found, expected) in found.scores.iter().zip(&expected.ssim) {
                errors.score(&what, (found - expected).abs(), limits[0]);
            }
            let gradients = match work {
                Work::Score | Work::Map => vec![],
                Work::Gradient => vec![("x", &found.out, &expected.gradient)],
                Work::Gradients => vec![("x", &found.out, &expected.gradient), ("y", &found.by_y, &by_y)],
            };
            for (by, found, expected) in gradients {
                assert_eq!(found.dim(), expected.dim(), "{what}");
                for (found, expected) in found.axis_iter(Axis(0)).zip(expected.axis_iter(Axis(0))) {
                    errors.gradient(&format!("{what}, by {by}"), &found, &expected, limits[1]);
                }
            }
        }
    }
}

fn sweep<T: Fast>(scenes: &[Scene]) {
    let mut errors = Comparison::default();
    for (turn, &scene) in scenes.iter().enumerate() {
        errors.set_regular(scene.is_regular());
        for (i, shape) in SHAPES.into_iter().enumerate() {
            let [x, y] = scene.batches::<T>(shape, 7);
            for padding in paddings([shape[2], shape[3]], turn + i) {
                compare(
                    &mut errors,
                    &Reference::new(padding, T::RANGE),
                    &x,
                    &y,
                    &format!("{scene:?}"),
                );
            }
        }
    }
    errors.finish();
}

#[test]
fn scenes_f32() {
    sweep::<f32>(&Scene::ALL);
}

#[test]
fn scenes_u8() {
    sweep::<u8>(&[Scene::Distorted, Scene::Quantised(255.0)]);
}

#[test]
fn scenes_u16() {
    sweep::<u16>(&[Scene::Distorted, Scene::NearConvergence, Scene::Points]);
}

#[test]
fn scenes_f16() {
    sweep::<f16>(&Scene::ALL);
}

#[test]
fn scenes_bf16() {
    sweep::<bf16>(&Scene::ALL);
}

#[test]
fn smaller_windows_and_other_parameters() {
    let mut errors = Comparison::default();
    for (window, sigma) in [(1, 1.5), (3, 0.8), (7, 1.5), (9, 4.0), (11, 3.0)] {
        for padding in PADDINGS {
            let mut reference = Reference::new(padding, 1.0);
            (reference.window, reference.sigma) = (window, sigma);
            (reference.k1, reference.k2) = (0.02, 0.05);
            let [x, y] = Scene::Distorted.batches::<f32>([1, 1, 33, 70], 3);
            compare(&mut errors, &reference, &x, &y, &format!("window {window} {sigma}"));
        }
    }
    errors.finish();
}

/// Windows that have kernels of their own, of which the outermost taps count: one tile and less, and several in both directions. All
/// sizes with all paddings, the types in turn.
#[test]
fn larger_windows() {
    fn check<T: Fast>(errors: &mut Comparison, (turn, window): (usize, usize), padding: Padding) {
        let shapes = [[1, 1, 40, 37], [1, 1, 95, 150], [1, 3, 33, 70]];
        let mut reference = Reference::new(padding, T::RANGE);
        (reference.window, reference.sigma) = (window, window as f64 / 5.0);
        let scene = [Scene::Distorted, Scene::NearConvergence, Scene::Points][turn % 3];
        let [x, y] = scene.batches::<T>(shapes[turn / 2 % 3], 3);
        compare(errors, &reference, &x, &y, &format!("{scene:?} window {window}"));
    }
    let mut errors = Comparison::default();
    let cases = (13..=MOST_TAPS)
        .step_by(2)
        .flat_map(|window| PADDINGS.map(|padding| (window, padding)));
    for (turn, (window, padding)) in cases.enumerate() {
        let check = match turn % 7 {
            0 => check::<u8>,
            2 => check::<u16>,
            3 => check::<f16>,
            5 => check::<bf16>,
            _ => check::<f32>,
        };
        check(&mut errors, (turn, window), padding);
    }
    // Narrow images, whose blocks have few threads, wide ones, which have strips side by side, and those whose blocks are the largest.
    for (window, padding, shape) in [
        (19, Padding::Zero, [1, 1, 40, 46]),
        (13, Padding::Zero, [1, 1, 40, 20]),
        (21, Padding::Zero, [1, 1, 40, 12]),
        (33, Padding::Zero, [1, 1, 20, 3]),
        (21, Padding::Zero, [1, 1, 30, 200]),
        (33, Padding::Zero, [1, 1, 36, 180]),
        (13, Padding::Zero, [1, 1, 30, 230]),
        (15, Padding::Valid, [1, 1, 44, 454]),
        (17, Padding::Symmetric, [1, 1, 30, 211]),
        (25, Padding::Reflect, [1, 1, 33, 190]),
        // The smallest that there are, and smaller than the window.
        (13, Padding::Symmetric, [1, 1, 13, 13]),
        (17, Padding::Reflect, [1, 2, 17, 18]),
        (19, Padding::Valid, [1, 1, 19, 33]),
        (15, Padding::Zero, [1, 1, 8, 9]),
    ] {
        let mut reference = Reference::new(padding, 1.0);
        (reference.window, reference.sigma) = (window, window as f64 / 5.0);
        let [x, y] = Scene::Distorted.batches::<f32>(shape, 6);
        compare(&mut errors, &reference, &x, &y, &format!("window {window}"));
    }
    errors.finish();
}

/// All other windows that are the fast kernels' business: boxes and weights of a caller's own, and variances of a sample.
#[test]
fn windows_that_are_no_gaussians() {
    fn check<T: Fast>(errors: &mut Comparison, taps: &[f64], sample: bool) {
        for (padding, shape) in PADDINGS
            .into_iter()
            .zip([[2, 1, 40, 75], [1, 2, 33, 70]].into_iter().cycle())
        {
            let mut reference = Reference::new(padding, T::RANGE);
            (reference.window, reference.taps, reference.sample) = (taps.len(), Some(taps.to_vec()), sample);
            let [x, y] = Scene::Distorted.batches::<T>(shape, 8);
            compare(errors, &reference, &x, &y, &format!("{taps:?} {sample}"));
        }
    }
    let mut errors = Comparison::default();
    for sample in [false, true] {
        for taps in [
            &[1.0; 3][..],
            &[1.0; 7],
            &[1.0; 11],
            &[1.0, 0.0, 3.0, 0.0, 1.0],
            &[0.5, 0.0, 0.5],
        ] {
            check::<f32>(&mut errors, taps, sample);
            check::<u8>(&mut errors, taps, sample);
        }
        check::<bf16>(&mut errors, &[1.0, 2.0, 1.0], sample);
        check::<u16>(&mut errors, &[2.0, 3.0, 4.0, 5.0, 5.0, 5.0, 4.0, 3.0, 2.0], sample);
    }
    errors.finish();
}

#[test]
fn strides_change_nothing() {
    let [x, y] = Scene::Distorted.batches::<u16>([2, 3, 25, 70], 5);
    let larger = Reference {
        window: 13,
        ..Reference::new(Padding::Zero, 65535.0)
    };
    let references = PADDINGS.map(|padding| Reference::new(padding, 65535.0));
    for reference in references.into_iter().chain([larger]) {
        for kernel in WAYS
            .into_iter()
            .flat_map(|way| works(way, &reference).map(move |work| (way, work)))
        {
            let expected = run(kernel, &reference, &planar(&x), &planar(&y));
            for (of_x, of_y) in [(INTERLEAVED, INTERLEAVED), (CROPPED, TRANSPOSED), (TRANSPOSED, CROPPED)] {
                let x = Strided::new(x.view(), of_x, 200);
                let y = Strided::new(y.view(), of_y, 100);
                assert!(
                    same(&run(kernel, &reference, &x, &y), &expected),
                    "{kernel:?} {of_x:?} {of_y:?}"
                );
            }
        }
    }
}

#[test]
fn images_of_a_batch_do_not_influence_each_other() {
    let [x, y] = Scene::Distorted.batches::<f32>([3, 2, 70, 66], 11);
    let reference = Reference::new(Padding::Zero, 1.0);
    for kernel in kernels(Work::ALL) {
        let batch = run(kernel, &reference, &planar(&x), &planar(&y));
        for image in 0..3 {
            let one = |images: &Array4<f32>| planar(&images.slice(s![image..=image, .., .., ..]).to_owned());
            let alone = run(kernel, &reference, &one(&x), &one(&y));
            assert_eq!(alone.scores[0].to_bits(), batch.scores[image].to_bits());
            if kernel.1 != Work::Score {
                assert_eq!(alone.out.index_axis(Axis(0), 0), batch.out.index_axis(Axis(0), image));
            }
            if kernel.1 == Work::Gradients {
                assert_eq!(alone.by_y.index_axis(Axis(0), 0), batch.by_y.index_axis(Axis(0), image));
            }
        }
    }
}

#[test]
fn identical_images_have_exactly_one_and_no_gradient() {
    for scene in Scene::ALL {
        let [x, _] = scene.batches::<f32>([1, 1, 66, 70], 2);
        let reference = Reference::new(Padding::Zero, 1.0);
        let x = planar(&x);
        for way in WAYS {
            let found = run((way, Work::Gradient), &reference, &x, &x);
            assert_eq!(found.scores, [1.0], "{way:?} {scene:?}");
            assert!(found.out.iter().all(|&slope| slope == 0.0), "{way:?} {scene:?}");
            let both = run((way, Work::Gradients), &reference, &x, &x);
            let mut slopes = both.out.iter().chain(&both.by_y);
            assert!(slopes.all(|&slope| slope == 0.0), "{way:?} {scene:?}");
            assert_eq!(
                run((way, Work::Score), &reference, &x, &x).scores,
                [1.0],
                "{way:?} {scene:?}"
            );
        }
    }
}

/// A patch that is told its taps sums up in loops what it reaches, and nothing else.
#[test]
fn what_is_not_finite_stays_in_larger_windows_that_hold_it() {
    let mut reference = Reference::new(Padding::Zero, 1.0);
    (reference.window, reference.sigma) = (13, 2.5);
    let [mut x, y] = Scene::Distorted.batches::<f32>([1, 1, 60, 70], 2);
    let [row, col] = [31, 40];
    x[[0, 0, row, col]] = f32::NAN;
    let found = run((Way::Patch, Work::Gradient), &reference, &planar(&x), &planar(&y));
    // Windows of 13 pixels that hold it hold others up to 12 away.
    for ((_, _, i, j), slope) in found.out.indexed_iter() {
        let is_near = i.abs_diff(row) <= 12 && j.abs_diff(col) <= 12;
        assert_eq!(slope.is_nan(), is_near, "{i} {j}: {slope}");
    }
}

#[test]
fn what_is_not_finite_stays_in_its_image() {
    let reference = Reference::new(Padding::Zero, 1.0);
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
        let [mut x, y] = Scene::Distorted.batches::<f32>([3, 1, 20, 24], 2);
        let expected = run((Way::March, Work::Score), &reference, &planar(&x), &planar(&y));
        x[[1, 0, 10, 10]] = value;
        for kernel in kernels([Work::Score, Work::Gradient, Work::Gradients]) {
            let found = run(kernel, &reference, &planar(&x), &planar(&y));
            assert!(found.scores[1].is_nan(), "{value}: {:?}", found.scores);
            for image in [0, 2] {
                let error = (found.scores[image] - expected.scores[image]).abs();
                assert!(error < 1e-7, "{value}: {:?}", found.scores);
            }
        }
    }
}

/// Photographs have dark and bright parts, and integers for pixels: errors of one sign would add up.
#[test]
fn photographs() {
    let metric = Ssim::builder().backend(Backend::Cpu).build().expect("valid");
    for [x, y] in [["coffee.png", "coffee-q10.png"], ["camera.png", "camera-noisy.png"]] {
        let [x, y] = [x, y].map(|name| bytes(&picture(name)).insert_axis(Axis(0)));
        let [in_f64, other_in_f64] = [&x, &y].map(|pixels| pixels.mapv(|value| f64::from(value) / 255.0));
        let expected = metric.ssim(&in_f64, &other_in_f64).expect("valid input")[0];
        let reference = Reference::new(Padding::Zero, 255.0);
        for kernel in kernels([Work::Score, Work::Gradient, Work::Gradients]) {
            let error = run(kernel, &reference, &planar(&x), &planar(&y)).scores[0] - expected;
            println!("{kernel:?}: {expected:.9}, off by {error:.1e}");
            assert!(error.abs() < 2e-8, "{kernel:?}: {error:e}");
        }
    }
}

/// Whether two results have the same bits, NaN included.
fn same(a: &Emulation, b: &Emulation) -> bool {
    let bits = |found: &Emulation| {
        let scores: Vec<u64> = found.scores.iter().map(|score| score.to_bits()).collect();
        (scores, found.out.mapv(f32::to_bits), found.by_y.mapv(f32::to_bits))
    };
    bits(a) == bits(b)
}
