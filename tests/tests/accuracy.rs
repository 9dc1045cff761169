//! The accuracy that the library promises, against the reference: scores, maps and gradients of
//! every kind of picture, in every type, under both paddings.
//!
//! Each test prints the largest errors it has seen: `cargo test --test accuracy -- --nocapture`.

use fastssim::{Backend, Padding};
use fastssim_tests::comparison::Comparison;
use fastssim_tests::images::{Element, Scene, numbers};
use fastssim_tests::reference::Reference;
use fastssim_tests::tolerance;
use ndarray::Array2;

const PADDINGS: [Padding; 2] = [Padding::Zero, Padding::Valid];
/// From 256×256 on: with and without remainders of tiles and vectors.
const LARGE: [(usize, usize); 3] = [(256, 256), (97, 1100), (700, 129)];
const SMALL: [(usize, usize); 8] = [
    (128, 200),
    (64, 64),
    (48, 17),
    (11, 11),
    (12, 61),
    (5, 90),
    (1, 23),
    (1, 1),
];

/// Compares all scenes in all sizes.
fn sweep<T: Element>(sizes: &[(usize, usize)]) {
    let mut errors = Comparison::default();
    for scene in Scene::ALL {
        errors.set_regular(scene.is_regular());
        for &(h, w) in sizes {
            let [x, y] = scene.batches::<T>([1, 1, h, w], 7);
            for padding in PADDINGS {
                if padding == Padding::Zero || h.min(w) >= 11 {
                    errors.compare(&Reference::new(padding, T::RANGE), &x, &y, &format!("{scene:?}"));
                }
            }
        }
    }
    errors.finish();
}

#[test]
fn large_f32() {
    sweep::<f32>(&LARGE);
}

#[test]
fn large_u8() {
    sweep::<u8>(&LARGE);
}

#[test]
fn large_u16() {
    sweep::<u16>(&LARGE);
}

#[test]
fn large_f64() {
    sweep::<f64>(&LARGE);
}

#[test]
fn small_f32() {
    sweep::<f32>(&SMALL);
}

#[test]
fn small_u8() {
    sweep::<u8>(&SMALL);
}

#[test]
fn small_u16() {
    sweep::<u16>(&SMALL);
}

#[test]
fn small_f64() {
    sweep::<f64>(&SMALL);
}

/// A picture of the size that users have, where errors of one sign would add up.
#[test]
fn full_hd() {
    let mut errors = Comparison::default();
    for scene in [Scene::Quantised(255.0), Scene::FlatBright] {
        let [x, y] = scene.batches::<f32>([1, 1, 1080, 1920], 3);
        errors.compare(&Reference::new(Padding::Zero, 1.0), &x, &y, &format!("{scene:?}"));
    }
    errors.finish();
}

/// Constant images of all brightnesses: their score has a closed form and no error averages out.
#[test]
fn constant_images() {
    fn check<T: Element>(errors: &mut Comparison) {
        let metric = Reference::new(Padding::Valid, T::RANGE).metric();
        let on_gpu = metric.backend() != Backend::Cpu && !T::DOUBLE;
        let c1 = (0.01 * T::RANGE).powi(2);
        for (h, w) in [(256, 256), (300, 530)] {
            for x in [0.0, 0.013, 0.1, 0.337, 0.5, 0.77, 0.9, 0.999, 1.0] {
                for y in [0.0, 0.02, 0.5, 0.51, 0.9, 0.99, 1.0] {
                    let [x, y] = [x, y].map(T::from_unit);
                    let (images, others) = (Array2::from_elem((h, w), x), Array2::from_elem((h, w), y));
                    let (x, y) = (x.number(), y.number());
                    let limit = if on_gpu {
                        tolerance::gpu(h * w, (h - 10) * (w - 10), true, Padding::Valid)[0]
                    } else {
                        tolerance::score::<T>(h * w)
                    };
                    let expected = (2.0 * x * y + c1) / (x * x + y * y + c1);
                    let (with_gradient, _) = metric.ssim_with_gradient(&images, &others).expect("valid input");
                    let alone: f64 = metric.ssim(&images, &others).expect("valid input");
                    for (score, how) in [(alone, "alone"), (with_gradient, "with gradient")] {
                        let what = format!("{x} against {y}, range {}, {h}×{w} {how}", T::RANGE);
                        errors.score(&what, (score - expected).abs(), limit);
                    }
                }
            }
        }
    }
    let mut errors = Comparison::default();
    check::<f64>(&mut errors);
    check::<u8>(&mut errors);
    check::<u16>(&mut errors);
    check::<f32>(&mut errors);
    errors.finish();
}

/// Close to 1, SSIM has no digits left, DSSIM has: they must be right ones.
#[test]
fn dssim_near_convergence_keeps_its_digits() {
    fn check<T: Element>(tolerance: f64) {
        for (h, w) in [(256, 256), (300, 530), (40, 50)] {
            for seed in 0..3 {
                let [x, y] = Scene::NearConvergence.batches::<T>([1, 1, h, w], seed);
                for padding in PADDINGS {
                    let reference = Reference::new(padding, T::RANGE);
                    let expected = reference
                        .evaluate(numbers(x.view()).view(), numbers(y.view()).view())
                        .dssim[0];
                    let found = reference.metric().dssim(&x, &y).expect("valid input")[0];
                    let (with_gradient, _) = reference.metric().dssim_with_gradient(&x, &y).expect("valid input");
                    for found in [found, with_gradient[0]] {
                        let error = (found / expected - 1.0).abs();
                        println!("{h}×{w} {padding}: {expected:e}, relative error {error:.1e}");
                        assert!(error < tolerance, "{h}×{w} {padding}: {found} for {expected}");
                    }
                }
            }
        }
    }
    // Of numbers near 3e-4: 1 − SSIM in single precision would be off by 1e-4 and more.
    check::<f32>(1e-6);
    check::<f64>(1e-13);
}

/// So close that single precision cannot tell SSIM from 1.
#[test]
fn dssim_of_one_changed_pixel() {
    for value in [0.5f32, 0.9, 1.0] {
        let x = Array2::from_elem((300, 300), value);
        let mut y = x.clone();
        y[[150, 100]] -= 1e-4;
        for padding in PADDINGS {
            let reference = Reference::new(padding, 1.0);
            let (map, _) = reference.plane(x.mapv(f64::from).view(), y.mapv(f64::from).view());
            let expected = map.sum() / map.len() as f64;
            let found: f64 = reference.metric().dssim(&x, &y).expect("valid input");
            let error = (found / expected - 1.0).abs();
            println!("{value} {padding}: {expected:e}, relative error {error:.1e}");
            assert!(error < 1e-6, "{value} {padding}: {found:e} for {expected:e}");
        }
    }
}
