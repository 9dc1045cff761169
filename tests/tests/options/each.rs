//! Options one by one and in pairs: the suite that the emulator and a GPU run too, and what only the CPU has.

use fastssim::{Backend, Padding, Ssim};
use fastssim_tests::general::Stored;
use fastssim_tests::images::{Element, Scene};
use fastssim_tests::options::{Limits, Options, Results, Upstream};
use fastssim_tests::suite::{EXACT, PADDINGS, Subject, Suite, UNLIKE, by_host};
use half::{bf16, f16};
use ndarray::{Array2, Array4};

use crate::check;

/// The CPU, by the functions for host images.
pub struct Cpu;

impl Subject for Cpu {
    fn results<T: Stored, U: Stored>(
        &self,
        options: &Options,
        x: &Array4<T>,
        y: &Array4<U>,
        limits: Limits,
    ) -> Result<Results, String> {
        by_host(Backend::Cpu, options, x, y, limits)
    }

    /// Small images are computed in double precision, whatever their type.
    fn limits<T: Stored, U: Stored>(&self, _: &Options, _: Scene, _: [usize; 4]) -> Limits {
        let limits = Limits {
            score: 1e-12,
            gradient: 1e-11,
            map: 1e-12,
        };
        if T::RANGE == U::RANGE {
            limits
        } else {
            limits.or(UNLIKE)
        }
    }

    fn rounding<T: Stored>(&self) -> Limits {
        if T::DOUBLE {
            return EXACT;
        }
        Limits {
            score: 0.0,
            // What copies of a pixel have adds up in single precision.
            gradient: 2e-6,
            map: f64::from(f32::EPSILON) / 2.0,
        }
    }
}

fn suite(test: impl FnOnce(&Suite<Cpu>)) {
    let suite = Suite::new(Cpu);
    test(&suite);
    suite.finish();
}

#[test]
fn types_paddings_and_windows() {
    suite(Suite::types_paddings_and_windows);
}

#[test]
fn images_smaller_than_their_window() {
    suite(Suite::images_smaller_than_their_window);
}

#[test]
fn several_tiles() {
    suite(Suite::several_tiles);
}

#[test]
fn scenes() {
    suite(Suite::scenes);
}

#[test]
fn types_in_all_pairs() {
    suite(Suite::types_in_all_pairs);
}

#[test]
fn covariances_of_a_sample() {
    suite(Suite::covariances_of_a_sample);
}

#[test]
fn exponents() {
    suite(Suite::exponents);
}

#[test]
fn masks_and_weights() {
    suite(Suite::masks_and_weights);
}

#[test]
fn upstream_gradients() {
    suite(Suite::upstream_gradients);
}

#[test]
fn tiles_of_large_images_meet() {
    for padding in PADDINGS {
        let options = Options::new(padding, 1.0);
        let double = Limits {
            score: 1e-12,
            gradient: 1e-11,
            map: 1e-12,
        };
        check::<f64, f64>(&options, Scene::Distorted, [1, 1, 230, 530], double);
        let single = Limits {
            score: 1e-8,
            gradient: 1e-5,
            map: 2e-5,
        };
        check::<f32, f32>(&options, Scene::Distorted, [1, 1, 260, 257], single);
        check::<u8, f16>(
            &Options::new(padding, 255.0),
            Scene::Distorted,
            [1, 1, 257, 260],
            // The two are not close: one is from 0 to 255, the other from 0 to 1.
            single,
        );
    }
}

/// Images of as many pixels as are computed in single precision: types, paddings, windows, weights of channels and upstream
/// gradients of scores.
#[test]
fn single_precision() {
    fn check_all<T: Stored>(errors: Limits) {
        for padding in PADDINGS {
            for (window, sigma) in [(3, 0.6), (11, 1.5), (13, 2.0), (33, 5.5)] {
                let mut options = Options::new(padding, T::RANGE);
                (options.reference.window, options.reference.sigma) = (window, sigma);
                let margin = if padding == Padding::Valid { window - 1 } else { 0 };
                let mut shape = [1, 1, 256 + margin, 257 + margin];
                if window == 11 {
                    shape[1] = 3;
                    options.channel_weights = Some(vec![6.0, 3.0, 1.0]);
                    options.half_dssim = true;
                    options.upstream = Upstream::Channels(Array2::from_shape_fn((1, 3), |(_, c)| 0.5 - c as f64));
                }
                check::<T, T>(&options, Scene::Distorted, shape, errors);
            }
        }
    }
    let errors = Limits {
        score: 1e-8,
        gradient: 1e-5,
        map: 2e-5,
    };
    check_all::<u8>(errors);
    check_all::<u16>(errors);
    check_all::<f16>(errors);
    check_all::<bf16>(errors);
    check_all::<f32>(errors);
}

#[test]
fn every_f16_and_bf16_is_read_as_it_is() {
    // All finite numbers that are not so large that their squares overflow, subnormal ones among them.
    let bits = |most: u16| (0..=most).flat_map(|bits| [bits, bits | 0x8000]);
    let half: Vec<f16> = bits(0x7bff).map(f16::from_bits).collect();
    let brain: Vec<bf16> = bits(0x4700).map(bf16::from_bits).collect();
    fn same<T: Element>(values: &[T]) {
        let x = Array2::from_shape_vec((values.len() / 2, 2), values.to_vec()).expect("an even number");
        let y = x.mapv(T::number);
        let metric = Ssim::builder()
            .data_range(1.0)
            .backend(Backend::Cpu)
            .build()
            .expect("valid");
        assert_eq!(metric.ssim(&x, &y), Ok(1.0));
        // The same through the path of two inputs of one type.
        let halved = y.mapv(|value| 0.5 * value + 1.0);
        let expected = metric.ssim_map(&y, &halved).expect("valid input");
        let found = metric.ssim_map(&x, &halved.mapv(T::from_unit)).expect("valid input");
        let rounded = metric
            .ssim_map(&y, &halved.mapv(|value| T::from_unit(value).number()))
            .expect("valid input");
        assert_ne!(expected, rounded);
        for (a, b) in found.iter().zip(&rounded) {
            let a: f64 = (*a).into();
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }
    same(&half);
    same(&brain[..brain.len() / 2 * 2]);
    for value in [f16::NAN, f16::INFINITY, f16::NEG_INFINITY] {
        let x = Array2::from_elem((12, 12), value);
        assert!(
            fastssim::ssim(&x, &Array2::from_elem((12, 12), f16::ONE))
                .expect("valid input")
                .is_nan()
        );
    }
}
