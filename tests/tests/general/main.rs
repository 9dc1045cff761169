//! The general GPU kernels in the emulator: every option against the reference, with every access to memory checked.
//!
//! Each test prints the largest errors it has seen: `cargo test --test general -- --nocapture`.

mod steps;

use fastssim::Padding;
use fastssim_kernels::general::params::Kind;
use fastssim_tests::general::{Launches, Stored, emulate};
use fastssim_tests::images::{Scene, numbers};
use fastssim_tests::options::{Limits, Mask, Options, Results, Upstream};
use fastssim_tests::strided::{Arrangement, Strided};
use fastssim_tests::suite::{EXACT, PADDINGS, Subject, Suite, batch, limits};
use half::f16;
use ndarray::{Array2, Array3, Array4, Axis, s};

/// The general kernels, whatever the options.
struct Emulator {
    /// Whether they sum up the weights of pixels.
    weighs: bool,
}

impl Subject for Emulator {
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
        emulate(options, &launches, &planar(x), &planar(y)).map_err(|fault| fault.to_string())
    }

    /// Outputs are `f64` where the arithmetic is, and what single precision is off by has the rounding in it.
    fn rounding<T: Stored>(&self) -> Limits {
        EXACT
    }
}

fn planar<T: Stored>(images: &Array4<T>) -> Strided<T> {
    Strided::new(images.view(), Arrangement::PLANAR, T::from_unit(0.0))
}

fn suite(test: impl FnOnce(&Suite<Emulator>)) {
    let suite = Suite::new(Emulator { weighs: false });
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
fn weights_that_the_kernels_sum_up() {
    let suite = Suite::new(Emulator { weighs: true });
    suite.masks_and_weights();
    suite.any_combination(30);
    suite.finish();
}

#[test]
fn weights_that_cannot_be_make_their_own_image_nan() {
    let [x, y] = Scene::Distorted.batches::<f32>([3, 2, 20, 45], 2);
    for padding in PADDINGS {
        for wrong in [-1.0, f32::NAN, f32::INFINITY, 0.0] {
            let mut weights = Array3::from_elem((3, 20, 45), 2.5f32);
            if wrong == 0.0 {
                weights.index_axis_mut(Axis(0), 1).fill(0.0);
            } else {
                weights[[1, 10, 30]] = wrong;
            }
            let mut options = Options::new(padding, 1.0);
            let launches = Launches {
                weighs: true,
                ..Launches::new(false)
            };
            let run = |options: &Options| {
                emulate(options, &launches, &planar(&x), &planar(&y)).unwrap_or_else(|fault| panic!("{fault}"))
            };
            let expected = run(&options);
            options.mask = Mask::Each(weights);
            let found = run(&options);
            assert!(found.images[1].is_nan(), "{padding} {wrong}: {:?}", found.images);
            for image in [0, 2] {
                let error = (found.images[image] - expected.images[image]).abs();
                assert!(error < 1e-7, "{padding} {wrong}: {error:e}");
                let slopes = found.gradients[0].index_axis(Axis(0), image);
                assert!(slopes.iter().all(|slope| slope.is_finite()), "{padding} {wrong}");
            }
            let slopes = found.gradients[0].index_axis(Axis(0), 1);
            assert!(slopes.iter().all(|slope| slope.is_nan()), "{padding} {wrong}");
        }
    }
}

#[test]
fn upstream_gradients() {
    suite(Suite::upstream_gradients);
}

#[test]
fn any_combination() {
    suite(|suite| suite.any_combination(150));
}

/// Outputs of each type, and launches of any size.
#[test]
fn what_the_host_chooses() {
    let [x, y] = batch::<u8, u8>(Scene::Distorted, [2, 3, 20, 33]);
    let mut options = Options::new(Padding::Symmetric, 255.0);
    for (out, gradient, map) in [
        (Kind::F16, 1e-3, 5e-4),
        (Kind::Bf16, 4e-3, 4e-3),
        (Kind::F32, 1e-5, 2e-5),
        (Kind::F64, 1e-5, 2e-5),
    ] {
        // Gradients of a usual size are subnormal numbers of 16 bits.
        options.upstream = Upstream::All(1e7);
        let expected = options.expected(numbers(x.0.view()).view(), numbers(y.1.view()).view());
        for chunk in [1, 4, 6] {
            let launches = Launches {
                out,
                chunk,
                ..Launches::new(false)
            };
            let limits = Limits {
                gradient,
                map,
                ..limits(false)
            };
            let found = emulate(&options, &launches, &planar(&x.0), &planar(&y.1));
            let found = found.unwrap_or_else(|fault| panic!("{fault}"));
            let errors = options.errors(&found, &expected);
            errors
                .within(limits)
                .unwrap_or_else(|wrong| panic!("{out:?} {chunk}: {wrong}"));
        }
    }
}

fn bits(results: &Results) -> Vec<u64> {
    let numbers = results.images.iter().chain(&results.channels).chain(&results.map);
    let [x, y] = &results.gradients;
    numbers.chain(x).chain(y).map(|value| value.to_bits()).collect()
}

#[test]
fn strides_change_nothing() {
    const INTERLEAVED: Arrangement = Arrangement {
        order: [0, 2, 3, 1],
        steps: [1; 4],
    };
    const TRANSPOSED: Arrangement = Arrangement {
        order: [1, 3, 0, 2],
        steps: [1, 2, 1, 3],
    };
    let [x, y] = batch::<f16, u16>(Scene::Distorted, [2, 3, 25, 40]);
    let options = Options::new(Padding::Replicate, 65535.0);
    let run = |of_x, of_y| {
        let x = Strided::new(x.0.view(), of_x, f16::NAN);
        let y = Strided::new(y.1.view(), of_y, 100);
        emulate(&options, &Launches::new(false), &x, &y).unwrap_or_else(|fault| panic!("{fault}"))
    };
    let expected = bits(&run(Arrangement::PLANAR, Arrangement::PLANAR));
    for (of_x, of_y) in [
        (INTERLEAVED, INTERLEAVED),
        (INTERLEAVED, TRANSPOSED),
        (TRANSPOSED, INTERLEAVED),
    ] {
        assert!(bits(&run(of_x, of_y)) == expected, "{of_x:?} {of_y:?}");
    }
}

#[test]
fn images_of_a_batch_do_not_influence_each_other() {
    let [x, y] = Scene::Distorted.batches::<f32>([3, 2, 40, 45], 11);
    let options = Options::new(Padding::Reflect, 1.0);
    let run = |x: &Array4<f32>, y: &Array4<f32>, chunk| {
        let launches = Launches {
            chunk,
            ..Launches::new(false)
        };
        emulate(&options, &launches, &planar(x), &planar(y)).unwrap_or_else(|fault| panic!("{fault}"))
    };
    let batch = run(&x, &y, 6);
    for image in 0..3 {
        let one = |images: &Array4<f32>| images.slice(s![image..=image, .., .., ..]).to_owned();
        let alone = run(&one(&x), &one(&y), 1);
        let part = |all: &Array4<f64>| all.slice(s![image..=image, .., .., ..]).to_owned();
        let of_batch = Results {
            images: vec![batch.images[image]],
            channels: batch.channels[2 * image..2 * image + 2].to_vec(),
            map: part(&batch.map),
            gradients: batch.gradients.each_ref().map(part),
        };
        assert!(bits(&alone) == bits(&of_batch), "{image}");
    }
}

#[test]
fn identical_images_have_exactly_one_and_no_gradient() {
    for scene in Scene::ALL {
        for exponents in [[1.0; 3], [0.3, 1.7, 0.6]] {
            let [x, _] = scene.batches::<f32>([1, 1, 40, 45], 2);
            let mut options = Options::new(Padding::Symmetric, 1.0);
            options.reference.exponents = exponents;
            let launches = Launches::new(false);
            let found =
                emulate(&options, &launches, &planar(&x), &planar(&x)).unwrap_or_else(|fault| panic!("{fault}"));
            assert_eq!(found.images, [1.0], "{scene:?}");
            assert!(found.map.iter().all(|&ssim| ssim == 1.0), "{scene:?}");
            for gradient in found.gradients {
                assert!(gradient.iter().all(|&slope| slope == 0.0), "{scene:?} {exponents:?}");
            }
        }
    }
}

#[test]
fn what_is_not_finite_stays_in_its_image_and_in_what_counts() {
    let mut options = Options::new(Padding::Symmetric, 1.0);
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
        let [mut x, y] = Scene::Distorted.batches::<f32>([3, 1, 20, 45], 2);
        let run = |options: &Options, x: &Array4<f32>| {
            emulate(options, &Launches::new(false), &planar(x), &planar(&y)).unwrap_or_else(|fault| panic!("{fault}"))
        };
        let expected = run(&options, &x);
        x[[1, 0, 10, 10]] = value;
        let found = run(&options, &x);
        assert!(found.images[1].is_nan(), "{value}: {:?}", found.images);
        for image in [0, 2] {
            assert_eq!(found.images[image], expected.images[image]);
        }
        // Windows that do not count may be NaN, and gradients far from them are not.
        let mask = Array2::from_shape_fn((20, 45), |(_, j)| u8::from(j > 16));
        let counted = Options {
            mask: Mask::Shared(mask),
            ..options.clone()
        };
        let found = run(&counted, &x);
        assert!(found.images[1].is_finite(), "{value}: {:?}", found.images);
        assert!(
            found.gradients[0]
                .slice(s![1, 0, .., 22..])
                .iter()
                .all(|slope| slope.is_finite())
        );
        options.reference.padding = Padding::Replicate;
    }
}
