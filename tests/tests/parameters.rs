//! Every parameter of the metric against the reference: windows, sigmas, constants, ranges, DSSIM's
//! conventions. The weights of every window must sum to 1, whatever its size.

use fastssim::{Backend, DssimConvention, Padding, Ssim};
use fastssim_tests::comparison::Comparison;
use fastssim_tests::images::{Element, Scene, numbers};
use fastssim_tests::reference::Reference;
use fastssim_tests::tolerance::{self, relative_l2};
use ndarray::{Array2, Axis};

const PADDINGS: [Padding; 2] = [Padding::Zero, Padding::Valid];

/// Compares score, map and gradient of a textured image pair with the reference.
fn compare<T: Element>(errors: &mut Comparison, reference: &Reference, h: usize, w: usize) {
    let [x, y] = Scene::Distorted.batches::<T>([1, 1, h, w], 11);
    errors.compare(reference, &x, &y, "");
}

/// Every window and sigma with both paddings.
fn windows<T: Element>() {
    let mut errors = Comparison::default();
    let sigmas = [0.3, 1.5, 4.0];
    for window in [1, 3, 5, 7, 9, 11, 13, 21, 33, 63] {
        for sigma in sigmas.into_iter().chain([window as f64]) {
            for padding in PADDINGS {
                let reference = Reference {
                    window,
                    sigma,
                    ..Reference::new(padding, T::RANGE)
                };
                compare::<T>(&mut errors, &reference, 70, 83);
                if padding == Padding::Zero {
                    // Smaller than the window, most of the time.
                    compare::<T>(&mut errors, &reference, 4, 19);
                }
            }
        }
    }
    errors.finish();
}

/// Images so large that single precision will do. Sizes have code of their own up to 17 pixels, and share it from there on.
#[test]
fn windows_in_single_precision() {
    let mut errors = Comparison::default();
    for window in (1..=19).step_by(2).chain([33]) {
        for padding in PADDINGS {
            let reference = Reference {
                window,
                sigma: window as f64 / 4.0,
                ..Reference::new(padding, 1.0)
            };
            compare::<f32>(&mut errors, &reference, 291, 289);
        }
    }
    errors.finish();
}

#[test]
fn windows_f32() {
    windows::<f32>();
}

#[test]
fn windows_f64() {
    windows::<f64>();
}

#[test]
fn windows_u8() {
    windows::<u8>();
}

#[test]
fn constants() {
    let mut errors = Comparison::default();
    for (k1, k2) in [(0.01, 0.03), (0.1, 0.03), (0.01, 0.3), (0.4, 0.5), (2.0, 3.0)] {
        for padding in PADDINGS {
            let unit = Reference {
                k1,
                k2,
                ..Reference::new(padding, 1.0)
            };
            compare::<f32>(&mut errors, &unit, 60, 75);
            compare::<f64>(&mut errors, &unit, 60, 75);
            compare::<u8>(&mut errors, &Reference { range: 255.0, ..unit }, 60, 75);
        }
    }
    errors.finish();
}

/// Constants so small that only double precision can tell them from 0.
#[test]
fn tiny_constants() {
    let mut errors = Comparison::default();
    for (k1, k2) in [(1e-3, 0.03), (0.01, 3e-3), (1e-4, 0.03)] {
        for padding in PADDINGS {
            let reference = Reference {
                k1,
                k2,
                ..Reference::new(padding, 1.0)
            };
            compare::<f64>(&mut errors, &reference, 60, 75);
        }
    }
    errors.finish();
}

#[test]
fn ranges() {
    let mut errors = Comparison::default();
    for padding in PADDINGS {
        for range in [1.0, 0.7, 2.0] {
            compare::<f32>(&mut errors, &Reference::new(padding, range), 60, 75);
            compare::<f64>(&mut errors, &Reference::new(padding, range), 60, 75);
        }
        for range in [255.0, 256.0, 219.0, 1023.0] {
            compare::<u8>(&mut errors, &Reference::new(padding, range), 60, 75);
        }
        for range in [65535.0, 50000.0] {
            compare::<u16>(&mut errors, &Reference::new(padding, range), 60, 75);
        }
    }
    errors.finish();
}

#[test]
fn the_default_range_is_that_of_the_type() {
    fn check<T: Element>() {
        let [x, y] = Scene::Noise.batches::<T>([1, 2, 40, 30], 1);
        for padding in PADDINGS {
            let default = Ssim::builder()
                .padding(padding)
                .backend(Backend::Cpu)
                .build()
                .expect("valid");
            let explicit = Reference::new(padding, T::RANGE).cpu_metric();
            let scores = default.ssim(&x, &y).expect("valid input");
            assert_eq!(scores, explicit.ssim(&x, &y).expect("valid input"));
            let other = Reference::new(padding, 2.0 * T::RANGE).cpu_metric();
            assert_ne!(scores, other.ssim(&x, &y).expect("valid input"));
        }
    }
    check::<u8>();
    check::<u16>();
    check::<f32>();
    check::<f64>();
}

/// Scaling pixels and range together changes nothing, and the gradient by the inverse.
#[test]
fn the_unit_of_the_range_does_not_matter() {
    let [x, y] = Scene::Distorted.planes(50, 60, 4);
    for padding in PADDINGS {
        let (score, gradient) = Reference::new(padding, 1.0)
            .cpu_metric()
            .ssim_with_gradient(&x, &y)
            .expect("valid");
        for unit in [1e-20, 0.37, 255.0, 1e6, 1e25] {
            let metric = Reference::new(padding, unit).cpu_metric();
            let (scaled, scaled_gradient) = metric.ssim_with_gradient(&(&x * unit), &(&y * unit)).expect("valid");
            assert!((scaled - score).abs() < 1e-12, "{padding} {unit}: {scaled} for {score}");
            assert!(
                relative_l2(&(scaled_gradient * unit), &gradient) < 1e-11,
                "{padding} {unit}"
            );
        }
        let (x, y) = (x.mapv(|v| v as f32), y.mapv(|v| v as f32));
        for unit in [0.37, 255.0, 1e6, 1e15] {
            let metric = Reference::new(padding, unit).cpu_metric();
            let scale = |image: &Array2<f32>| image.mapv(|v| v * unit as f32);
            let scaled: f64 = metric.ssim(&scale(&x), &scale(&y)).expect("valid");
            // Scaling by anything but a power of two rounds the pixels anew.
            assert!((scaled - score).abs() < 2e-7, "{padding} {unit}: {scaled} for {score}");
        }
    }
}

#[test]
fn dssim_conventions() {
    let [x, y] = Scene::Distorted.batches::<f64>([2, 3, 30, 40], 5);
    for padding in PADDINGS {
        let expected = Reference::new(padding, 1.0).evaluate(x.view(), y.view());
        let conventions = [
            (DssimConvention::OneMinusSsim, 1.0),
            (DssimConvention::HalfOneMinusSsim, 0.5),
        ];
        for (convention, factor) in conventions {
            let metric = Ssim::builder()
                .padding(padding)
                .dssim(convention)
                .build()
                .expect("valid");
            let (scores, gradient) = metric.dssim_with_gradient(&x, &y).expect("valid input");
            for (score, expected) in scores.iter().zip(&expected.dssim) {
                assert!((score - factor * expected).abs() < 1e-12, "{score} {expected} {factor}");
            }
            assert!(relative_l2(&gradient, &(-factor * &expected.gradient)) < 1e-11);
            // The convention is DSSIM's alone.
            let ssim = metric.ssim(&x, &y).expect("valid input");
            assert!((ssim[0] - expected.ssim[0]).abs() < 1e-12);
        }
    }
    let default = fastssim::dssim(&x, &y).expect("valid input");
    let expected = Reference::new(Padding::Zero, 1.0).evaluate(x.view(), y.view()).dssim;
    assert!((default[0] - expected[0]).abs() < 1e-12);
}

/// Two constant images under valid padding: every window has SSIM = (2ab + C1) / (a² + b² + C1) and
/// no variance, and the sum of the gradient over all pixels is that number's derivative, if and only
/// if the weights sum to 1.
#[test]
fn weights_sum_to_one() {
    fn check<T: Element>(window: usize, sigma: f64, tolerance: f64) {
        let reference = Reference {
            window,
            sigma,
            ..Reference::new(Padding::Valid, 1.0)
        };
        let [a, b] = [0.3, 0.8].map(T::from_unit);
        let [x, y] = [a, b].map(|value| Array2::from_elem((window + 3, window + 1), value));
        let (score, gradient) = reference.cpu_metric().ssim_with_gradient(&x, &y).expect("valid input");
        let ([a, b], c1) = ([a.number(), b.number()], 1e-4);
        let ssim = (2.0 * a * b + c1) / (a * a + b * b + c1);
        assert!((score - ssim).abs() < tolerance, "{window} {sigma}: {score} for {ssim}");
        let slope = 2.0 * (b - a * ssim) / (a * a + b * b + c1);
        // Row by row, so that no sum is long.
        let sum = gradient.mapv(Into::into).sum_axis(Axis(1)).sum();
        assert!(
            (sum - slope).abs() < tolerance * slope,
            "{window} {sigma}: {sum} for {slope}"
        );
    }
    for window in (1..64).step_by(2).chain([99, 127, 191, 255]) {
        for sigma in [1e-3, 1.5, window as f64 / 6.0, 1e4] {
            check::<f64>(window, sigma, 1e-12);
            // 255 roundings of 6e-8 each stay below; a window cut from eleven taps to nine without a
            // new norm is off by 4e-3.
            check::<f32>(window, sigma, 2e-6);
        }
    }
}

/// All sizes that are allowed, on an image of a single window.
#[test]
fn every_window_agrees_on_a_single_window() {
    fn check<T: Element>(reference: &Reference) {
        let [x, y] = Scene::Noise.batches::<T>([1, 1, reference.window, reference.window], 3);
        let expected = reference
            .evaluate(numbers(x.view()).view(), numbers(y.view()).view())
            .ssim[0];
        let found = reference.cpu_metric().ssim(&x, &y).expect("valid input")[0];
        let error = (found - expected).abs();
        assert!(
            error <= tolerance::score::<T>(1),
            "{reference:?}: {found} for {expected}"
        );
    }
    for window in (1..=255).step_by(2) {
        for sigma in [0.5, 1.5, window as f64 / 6.0, 1e4] {
            let reference = Reference {
                window,
                sigma,
                ..Reference::new(Padding::Valid, 1.0)
            };
            check::<f64>(&reference);
            check::<f32>(&reference);
        }
    }
}

/// The same under zero padding, which sees the weights of cut windows: an image of one bright pixel.
#[test]
fn every_window_agrees_on_one_bright_pixel() {
    for window in (1..=255).step_by(2) {
        let reference = Reference {
            window,
            sigma: window as f64 / 4.0,
            ..Reference::new(Padding::Zero, 1.0)
        };
        let mut x = Array2::zeros((9, 14));
        let y = Array2::from_elem(x.dim(), 0.5);
        x[[3, 5]] = 1.0;
        let (dssim, expected) = reference.plane(x.view(), y.view());
        let (score, gradient) = reference.cpu_metric().ssim_with_gradient(&x, &y).expect("valid input");
        let windows = dssim.len() as f64;
        assert!((1.0 - score - dssim.sum() / windows).abs() < 1e-12, "{window}");
        assert!(relative_l2(&gradient, &(expected / windows)) < 1e-11, "{window}");
    }
}
