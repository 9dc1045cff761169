//! Scores, maps and gradients of the GPU against the reference in double precision, and against numbers of others.

use fastssim::cuda::{CudaOutputs, DeviceImages, DevicePixel, DeviceScores, Stream};
use fastssim::{Backend, DssimConvention, Padding, Ssim};
use fastssim_tests::images::{Element, Scene, bytes, numbers, picture};
use fastssim_tests::reference::Reference;
use fastssim_tests::tolerance::{self, max_abs, relative_l2};
use half::{bf16, f16};
use ndarray::{Array2, Array4, Axis};

use crate::{PADDINGS, gpu, metric, upload};

/// Small and large, of one pixel and of several tiles, whole and with a rest.
const SHAPES: [[usize; 4]; 8] = [
    [1, 1, 1, 1],
    [1, 1, 11, 11],
    [3, 1, 5, 200],
    [1, 2, 200, 3],
    [2, 3, 67, 93],
    [1, 1, 64, 128],
    [1, 1, 129, 257],
    [1, 1, 256, 300],
];

/// What is too far from the reference.
#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    fn check(&mut self, error: f64, allowed: f64, what: &str) {
        // Written so that NaN fails.
        let passes = error <= allowed;
        if !passes {
            self.0
                .push(format!("{what} off by {error:.1e}, allowed are {allowed:.0e}"));
        }
    }

    fn finish(self) {
        assert!(self.0.is_empty(), "{} errors:\n{}", self.0.len(), self.0.join("\n"));
    }

    /// Every function of a metric on one pair.
    fn compare<T: Element + DevicePixel<Float = f32>>(
        &mut self,
        stream: &Stream,
        reference: &Reference,
        pair: &[Array4<T>; 2],
        regular: bool,
        what: &str,
    ) {
        let [x, y] = pair;
        let (_, _, h, w) = x.dim();
        let what = format!("{what} {:?} {} {reference:?}", x.dim(), std::any::type_name::<T>());
        let expected = reference.evaluate(numbers(x.view()).view(), numbers(y.view()).view());
        let metric = reference.metric();
        let on = metric.on(stream);
        let [x, y] = &upload(stream, pair);
        let (with_gradient, gradient) = on.ssim_with_gradient(x, y).expect("valid input");
        let (losses, descent) = on.dssim_with_gradient(x, y).expect("valid input");
        let scores = on.ssim(x, y).expect("valid input");
        let dssim = on.dssim(x, y).expect("valid input");
        let windows = expected.map.len() / scores.len();
        let [allowed, gradient_allowed, map_allowed] = tolerance::gpu(h * w, windows, regular, reference.padding);
        for image in 0..scores.len() {
            for (name, found, expected) in [
                ("score", scores[image], expected.ssim[image]),
                ("score with gradient", with_gradient[image], expected.ssim[image]),
                ("dssim", dssim[image], expected.dssim[image]),
                ("dssim with gradient", losses[image], expected.dssim[image]),
            ] {
                self.check((found - expected).abs(), allowed, &format!("{what}: {name}"));
            }
            let [slopes, expected] = [
                gradient.index_axis(Axis(0), image).mapv(f64::from),
                expected.gradient.index_axis(Axis(0), image).to_owned(),
            ];
            self.check(
                relative_l2(&slopes, &expected),
                gradient_allowed,
                &format!("{what}: gradient"),
            );
        }
        assert!(
            descent.iter().zip(&gradient).all(|(down, up)| *down == -*up),
            "{what}: the gradient of DSSIM is that of SSIM with another sign"
        );
        let map = on.ssim_map(x, y).expect("valid input");
        self.check(max_abs(&map, &expected.map), map_allowed, &format!("{what}: map"));
    }
}

fn scenes<T: Element + DevicePixel<Float = f32>>() {
    let Some((_, stream)) = gpu() else { return };
    let mut failures = Failures::default();
    for padding in PADDINGS {
        let reference = Reference::new(padding, T::RANGE);
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            // Of smaller images only these are the fast kernels' business.
            if padding != Padding::Zero && shape[2].min(shape[3]) < 11 {
                continue;
            }
            for scene in Scene::ALL {
                let pair = scene.batches::<T>(shape, seed as u64);
                failures.compare(&stream, &reference, &pair, scene.is_regular(), &format!("{scene:?}"));
            }
        }
    }
    failures.finish();
}

#[test]
fn gpu_follows_the_reference_u8() {
    scenes::<u8>();
}

#[test]
fn gpu_follows_the_reference_u16() {
    scenes::<u16>();
}

#[test]
fn gpu_follows_the_reference_f16() {
    scenes::<f16>();
}

#[test]
fn gpu_follows_the_reference_bf16() {
    scenes::<bf16>();
}

#[test]
fn gpu_follows_the_reference_f32() {
    scenes::<f32>();
}

/// An image of so many tiles that they are 128 rows high, with rows beyond the 64 of others.
#[test]
fn gpu_large_images() {
    let Some((_, stream)) = gpu() else { return };
    let mut failures = Failures::default();
    let pair = Scene::Distorted.batches::<f32>([1, 720, 70, 65], 7);
    failures.compare(&stream, &Reference::new(Padding::Zero, 1.0), &pair, false, "large");
    failures.finish();
}

#[test]
fn gpu_windows_and_constants() {
    let Some((_, stream)) = gpu() else { return };
    let mut failures = Failures::default();
    let pair = Scene::Distorted.batches::<f32>([1, 2, 70, 90], 4);
    for window in [1, 3, 5, 7, 9, 11] {
        for (padding, sigma, k1, range) in [
            (Padding::Zero, 1.5, 0.01, 1.0),
            (Padding::Valid, 0.8, 0.05, 1.0),
            (Padding::Zero, 3.0, 0.01, 2.5),
        ] {
            let reference = Reference {
                window,
                sigma,
                k1,
                range,
                ..Reference::new(padding, 1.0)
            };
            failures.compare(&stream, &reference, &pair, false, "other parameters");
        }
    }
    failures.finish();
}

/// Windows that have kernels of their own: all sizes with all paddings, the types in turn.
#[test]
fn gpu_larger_windows() {
    let Some((_, stream)) = gpu() else { return };
    let mut failures = Failures::default();
    for (turn, window) in (13..=33).step_by(2).enumerate() {
        for (i, padding) in PADDINGS.into_iter().enumerate() {
            let case = (turn + i, window, padding);
            // What a test of graphs wants to find not yet loaded is the mirrored edges of `u16`.
            match (turn + 2 * i) % 8 {
                0 => failures.larger_window::<u8>(&stream, case),
                2 => failures.larger_window::<f16>(&stream, case),
                5 => failures.larger_window::<bf16>(&stream, case),
                7 if matches!(padding, Padding::Zero | Padding::Valid) => failures.larger_window::<u16>(&stream, case),
                _ => failures.larger_window::<f32>(&stream, case),
            }
        }
    }
    failures.finish();
}

impl Failures {
    /// A window of so many pixels on large images and on small ones, whose gradients are patches up to some size of windows.
    fn larger_window<T: Element + DevicePixel<Float = f32>>(
        &mut self,
        stream: &Stream,
        (turn, window, padding): (usize, usize, Padding),
    ) {
        // The first has strips as wide as the largest blocks of a gradient with 13 taps.
        let large = [[1, 1, 530, 690], [2, 3, 111, 275], [1, 2, 600, 133]][turn % 3];
        let small = [[1, 1, 256, 256], [2, 3, 33, 40], [3, 1, 70, 175], [1, 1, 100, 37]][turn % 4];
        self.with_shape::<T>(stream, (turn, window, padding), large);
        self.with_shape::<T>(stream, (turn, window, padding), small);
    }

    /// Scores, both gradients and the map, against the processor's in double precision.
    fn with_shape<T: Element + DevicePixel<Float = f32>>(
        &mut self,
        stream: &Stream,
        (turn, window, padding): (usize, usize, Padding),
        shape: [usize; 4],
    ) {
        let what = format!(
            "window of {window}, {padding}, {}, {shape:?}",
            std::any::type_name::<T>()
        );
        let scene = [Scene::Distorted, Scene::NearConvergence, Scene::Noise][turn / 2 % 3];
        let pair = scene.batches::<T>(shape, 4);
        let metric = Ssim::builder()
            .padding(padding)
            .window(window)
            .sigma(window as f64 / 5.0)
            .data_range(T::RANGE);
        let cpu = metric.clone().backend(Backend::Cpu).build().expect("valid");
        let metric = metric.build().expect("valid");
        let [x, y] = pair.each_ref().map(|images| numbers(images.view()));
        let (expected, by_x, by_y) = cpu.ssim_of(&x, &y).images_with_gradients().expect("valid input");
        let expected_map = cpu.ssim_map(&x, &y).expect("valid input");
        let [x, y] = upload(stream, &pair);
        let on = metric.on(stream);
        let mut scores = DeviceScores::new(stream.device(), shape[0]).expect("there is memory");
        let mut gradients = [0, 1].map(|_| DeviceImages::<f32>::new(stream.device(), shape).expect("there is memory"));
        let alone = on.ssim(&x, &y).expect("valid input");
        let (with_gradient, one) = on.ssim_with_gradient(&x, &y).expect("valid input");
        let [of_x, of_y] = &mut gradients;
        let outputs = CudaOutputs::new().images(&mut scores);
        on.ssim_of(&x, &y)
            .compute(outputs.gradient(of_x).gradient_of_y(of_y))
            .expect("valid input");
        let with_both = scores.download(stream).expect("it works");
        for found in [alone, with_gradient, with_both] {
            for (found, expected) in found.iter().zip(&expected) {
                let allowed = tolerance::gpu_score(shape[1] * shape[2] * shape[3]);
                self.check((found - expected).abs(), allowed, &what);
            }
        }
        let [of_x, of_y] = gradients
            .each_ref()
            .map(|images| images.download(stream).expect("it works"));
        for (found, expected) in [(&one, &by_x), (&of_x, &by_x), (&of_y, &by_y)] {
            let error = relative_l2(found, expected);
            self.check(error, tolerance::gradient::<f32>(), &format!("{what}, gradient"));
        }
        let map = on.ssim_map(&x, &y).expect("valid input");
        let error = map.iter().zip(&expected_map).fold(0.0f64, |most, (found, expected)| {
            most.max((f64::from(*found) - expected).abs())
        });
        self.check(error, tolerance::map::<f32>(), &format!("{what}, map"));
    }
}

#[test]
fn gpu_half_of_one_minus_ssim() {
    let Some((_, stream)) = gpu() else { return };
    let [x, y] = upload(&stream, &Scene::Distorted.batches::<u8>([2, 3, 70, 90], 5));
    let half = Ssim::builder().dssim(DssimConvention::HalfOneMinusSsim).build();
    let (half, whole) = (half.expect("valid"), Ssim::default());
    let (half, half_gradient) = half.on(&stream).dssim_with_gradient(&x, &y).expect("valid input");
    let (whole, gradient) = whole.on(&stream).dssim_with_gradient(&x, &y).expect("valid input");
    assert!(half.iter().zip(whole).all(|(half, whole)| 2.0 * half == whole));
    assert_eq!(half_gradient.mapv(|slope| 2.0 * slope), gradient);
}

#[test]
fn gpu_identical_images_have_exactly_one_and_no_gradient() {
    fn check<T: Element + DevicePixel<Float = f32>>(stream: &Stream) {
        for scene in Scene::ALL {
            for padding in PADDINGS {
                let [x, _] = &upload(stream, &scene.batches::<T>([2, 2, 75, 140], 6));
                let on = metric(padding);
                let on = on.on(stream);
                let (scores, gradient) = on.ssim_with_gradient(x, x).expect("valid input");
                assert_eq!(scores, [1.0; 2], "{scene:?} {padding}");
                assert_eq!(on.ssim(x, x), Ok(vec![1.0; 2]), "{scene:?} {padding}");
                assert_eq!(on.dssim(x, x), Ok(vec![0.0; 2]), "{scene:?} {padding}");
                assert!(gradient.iter().all(|&slope| slope == 0.0), "{scene:?} {padding}");
                let map = on.ssim_map(x, x).expect("valid input");
                assert!(map.iter().all(|&ssim| ssim == 1.0), "{scene:?} {padding}");
            }
        }
    }
    let Some((_, stream)) = gpu() else { return };
    check::<u8>(&stream);
    check::<u16>(&stream);
    check::<f16>(&stream);
    check::<bf16>(&stream);
    check::<f32>(&stream);
}

/// Scores that scikit-image and others have computed; see `goldens.rs`.
#[test]
fn gpu_agrees_with_the_numbers_of_others() {
    let Some((_, stream)) = gpu() else { return };
    let score = |padding, pair: &[Array4<u8>; 2]| {
        let [x, y] = upload(&stream, pair);
        metric(padding).on(&stream).ssim(&x, &y).expect("valid input")[0]
    };
    let pair = |x: &str, y: &str| [x, y].map(|name| bytes(&picture(name)).insert_axis(Axis(0)));
    let camera = pair("camera.png", "camera-noisy.png");
    for (padding, pair, golden) in [
        (Padding::Zero, &camera, 0.3717030174440715),
        (Padding::Valid, &camera, 0.3579642362365814),
        (
            Padding::Valid,
            &pair("coffee.png", "coffee-q10.png"),
            0.6888688351883584,
        ),
        (
            Padding::Valid,
            &pair("chelsea.png", "chelsea-blurred.png"),
            0.804787322087468,
        ),
    ] {
        let found = score(padding, pair);
        assert!((found - golden).abs() < 1e-7, "{found} for {golden}");
    }
}

#[test]
fn gpu_gradients_of_one_pixel() {
    let Some((_, stream)) = gpu() else { return };
    for (x, y, ssim, slope) in [
        (0.0, 0.1, 0.385033281588531, 9.48213694400445),
        (0.2, 0.5, 0.499339933239211, 3.30473441430357),
        (1.0, 0.0, 2.64374316206615e-04, -1.04000508975158e-03),
        (1.0, 1.0, 1.0, 0.0),
    ] {
        let pair = [x, y].map(|value: f64| {
            let pixel = Array2::from_elem((1, 1), value as f32);
            pixel.insert_axis(Axis(0)).insert_axis(Axis(0))
        });
        let [x, y] = upload(&stream, &pair);
        let default = Ssim::default();
        let (scores, gradient) = default.on(&stream).ssim_with_gradient(&x, &y).expect("valid input");
        assert!((scores[0] - ssim).abs() < 5e-7, "{} for {ssim}", scores[0]);
        let error = (f64::from(gradient[[0, 0, 0, 0]]) - slope).abs();
        assert!(error <= 1e-5 * slope.abs(), "{gradient} for {slope}");
    }
}
