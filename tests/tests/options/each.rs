//! Options one by one and in pairs.

use fastssim::{Backend, Padding, Ssim};
use fastssim_tests::images::{Element, Random, Scene};
use fastssim_tests::options::{Limits, Mask, Options, weights};
use half::{bf16, f16};
use ndarray::Array2;

use crate::{PADDINGS, check, limits, windows};

#[test]
fn paddings_and_windows() {
    for padding in PADDINGS {
        for (window, sigma, taps) in windows() {
            let mut options = Options::new(padding, 1.0);
            options.reference.window = window;
            options.reference.sigma = sigma;
            options.reference.taps = taps;
            for shape in [[1, 1, 40, 37], [2, 2, 35, 50]] {
                check::<f64, f64>(&options, Scene::Distorted, shape, limits::<f64>());
            }
            check::<f32, f32>(&options, Scene::Noise, [1, 1, 33, 64], limits::<f32>());
        }
    }
}

/// Images smaller than the window are mirrored more than once.
#[test]
fn images_smaller_than_their_window() {
    for padding in PADDINGS {
        if padding == Padding::Valid {
            continue;
        }
        for window in [3, 11, 17] {
            let mut options = Options::new(padding, 1.0);
            options.reference.window = window;
            for (h, w) in [(1, 1), (1, 7), (2, 3), (5, 1), (4, 40), (6, 6)] {
                check::<f64, f64>(&options, Scene::Noise, [1, 1, h, w], limits::<f64>());
            }
        }
    }
}

#[test]
fn tiles_of_large_images_meet() {
    for padding in PADDINGS {
        let options = Options::new(padding, 1.0);
        check::<f64, f64>(&options, Scene::Distorted, [1, 1, 230, 530], limits::<f64>());
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

fn all_types_with<T: Element>(padding: Padding) {
    fn with<T: Element, U: Element>(padding: Padding) {
        let options = Options::new(padding, T::RANGE.max(U::RANGE));
        check::<T, U>(&options, Scene::Distorted, [2, 1, 24, 31], limits::<T>());
    }
    with::<T, u8>(padding);
    with::<T, u16>(padding);
    with::<T, f16>(padding);
    with::<T, bf16>(padding);
    with::<T, f32>(padding);
    with::<T, f64>(padding);
}

#[test]
fn types_in_all_pairs() {
    for padding in [Padding::Zero, Padding::Reflect] {
        all_types_with::<u8>(padding);
        all_types_with::<u16>(padding);
        all_types_with::<f16>(padding);
        all_types_with::<bf16>(padding);
        all_types_with::<f32>(padding);
        all_types_with::<f64>(padding);
    }
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

#[test]
fn covariances_of_a_sample() {
    for (window, taps) in [(7, Some(vec![1.0; 7])), (11, None), (3, None)] {
        for exponents in [[1.0; 3], [1.0, 2.0, 1.0]] {
            let mut options = Options::new(Padding::Valid, 1.0);
            options.reference.window = window;
            options.reference.taps = taps.clone();
            options.reference.sample = true;
            options.reference.exponents = exponents;
            check::<f64, f64>(&options, Scene::Distorted, [1, 2, 30, 31], limits::<f64>());
        }
    }
}

#[test]
fn exponents() {
    for exponents in [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0],
        [0.0, 1.0, 1.0],
        [2.0, 1.0, 1.0],
        [0.5, 0.5, 0.5],
        [0.3, 1.7, 0.6],
        [1.0, 2.0, 3.0],
        [0.0, 0.0, 0.0],
    ] {
        for padding in [Padding::Zero, Padding::Valid, Padding::Symmetric] {
            let mut options = Options::new(padding, 1.0);
            options.reference.exponents = exponents;
            // Noise has windows of negative structure.
            for scene in [Scene::Distorted, Scene::Noise, Scene::NearConvergence] {
                let double = Limits {
                    // Of a third of the digits where structure is close to 0 and its power is not smooth.
                    gradient: 1e-7,
                    ..limits::<f64>()
                };
                check::<f64, f64>(&options, scene, [1, 2, 24, 29], double);
            }
        }
    }
}

#[test]
fn masks_and_weights() {
    let mut random = Random::new(7);
    for padding in PADDINGS {
        let mut options = Options::new(padding, 1.0);
        options.mask = Mask::Shared(Array2::from_shape_fn((30, 41), |(i, j)| ((i / 3 + j) % 2) as u8 * 255));
        check::<f64, f64>(&options, Scene::Distorted, [2, 3, 30, 41], limits::<f64>());
        options.mask = Mask::Each(weights(&mut random, (2, 30, 41)));
        options.channel_weights = Some(vec![6.0, 1.0, 0.0]);
        check::<f64, f64>(&options, Scene::Distorted, [2, 3, 30, 41], limits::<f64>());
        check::<u8, u8>(
            &Options {
                reference: fastssim_tests::reference::Reference::new(padding, 255.0),
                ..options.clone()
            },
            Scene::Distorted,
            [2, 3, 30, 41],
            limits::<u8>(),
        );
    }
}
