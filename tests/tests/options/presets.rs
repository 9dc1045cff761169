//! Presets, and the downsampling that one of them has.

use fastssim::{Backend, Downsampling, Preset, Ssim};
use fastssim_tests::images::{Random, Scene};
use fastssim_tests::suite::PADDINGS;
use ndarray::Array2;

/// The derivative along a direction, by finite differences: where images are made smaller the reference has no say.
#[test]
fn gradients_of_images_made_smaller() {
    for (h, w) in [(400, 431), (650, 641)] {
        let [x, y] = Scene::Distorted.planes(h, w, 3);
        let metric = Ssim::preset(Preset::Matlab)
            .data_range(1.0)
            .backend(Backend::Cpu)
            .build()
            .expect("valid");
        let mask = Array2::from_shape_fn((h, w), |(i, j)| 1.0 + ((i + 2 * j) % 5) as f32);
        for masked in [false, true] {
            let pair = |x: &Array2<f64>, y: &Array2<f64>| {
                let pair = metric.ssim_of(x, y);
                if masked {
                    pair.weights(&mask).mean()
                } else {
                    pair.mean()
                }
            };
            let pair = |x: &Array2<f64>, y: &Array2<f64>| pair(x, y).expect("valid input");
            let call = metric.ssim_of(&x, &y);
            let call = if masked { call.weights(&mask) } else { call };
            let (by_x, by_y) = call.gradients().expect("valid input");
            let mut random = Random::new(5);
            // Everywhere, and at a corner, where the padding of the means has its part.
            for corner in [h.max(w), 9] {
                let direction = Array2::from_shape_fn((h, w), |(i, j)| {
                    let far = h - i > corner || w - j > corner;
                    if far { 0.0 } else { random.normal() }
                });
                let step = 1e-4;
                let moved = |image: &Array2<f64>, step: f64| image + &(&direction * step);
                let along_x = (pair(&moved(&x, step), &y) - pair(&moved(&x, -step), &y)) / (2.0 * step);
                let along_y = (pair(&x, &moved(&y, step)) - pair(&x, &moved(&y, -step))) / (2.0 * step);
                for (found, expected) in [
                    ((&by_x * &direction).sum(), along_x),
                    ((&by_y * &direction).sum(), along_y),
                ] {
                    // Observed: 1e-9 of the slope's own size and more where it is next to nothing.
                    assert!(
                        (found - expected).abs() < 1e-5 * expected.abs() + 1e-10,
                        "{found:e} {expected:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn images_are_made_smaller_by_means_of_squares() {
    let (h, w) = (400, 513);
    let [x, y] = Scene::Noise.planes(h, w, 1);
    let halved = |image: &Array2<f64>| {
        Array2::from_shape_fn((h.div_ceil(2), w.div_ceil(2)), |(i, j)| {
            let at = |row: usize, col: usize| image[[row.min(h - 1), col.min(w - 1)]];
            (at(2 * i, 2 * j) + at(2 * i + 1, 2 * j) + at(2 * i, 2 * j + 1) + at(2 * i + 1, 2 * j + 1)) / 4.0
        })
    };
    for padding in PADDINGS {
        let builder = Ssim::builder().padding(padding).backend(Backend::Cpu);
        let smaller = builder
            .clone()
            .downsampling(Downsampling::Automatic)
            .build()
            .expect("valid");
        let expected = builder
            .build()
            .expect("valid")
            .ssim_map(&halved(&x), &halved(&y))
            .expect("valid input");
        let found = smaller.ssim_map(&x, &y).expect("valid input");
        assert!(fastssim_tests::tolerance::max_abs(&found, &expected) < 1e-12);
    }
}

/// The scores of two pictures, as `docs/presets.md` has them, by their names.
#[test]
fn presets_differ_as_their_table_says() {
    let scores = |preset: Preset| {
        let metric = Ssim::preset(preset).backend(Backend::Cpu).build().expect("valid");
        ["camera", "coffee"].map(|name| {
            let distorted = match name {
                "camera" => "camera-noisy.png",
                _ => "coffee-q10.png",
            };
            let [x, y] = [&format!("{name}.png"), distorted].map(fastssim_tests::images::picture);
            metric.ssim(&x, &y).expect("valid input")
        })
    };
    // What the peers return themselves, in double precision.
    for (preset, camera, coffee) in [
        (Preset::Wang2004, 0.3579642362, 0.6888688352),
        (Preset::PytorchMsssim, 0.3579642362, 0.6888688352),
        (Preset::Tensorflow, 0.3579642362, 0.6888688352),
        (Preset::SsimlossJl, 0.3579642362, 0.6888688352),
        (Preset::ScikitImageWang, 0.3579642362, 0.6888688352),
        (Preset::Matlab, 0.6244639496, 0.6888688352),
        (Preset::ScikitImage, 0.3674518328, 0.6915244723),
        (Preset::FusedSsim, 0.3717030174, 0.6982866891),
        (Preset::FastCudaSsim, 0.3717030174, 0.6982866891),
        (Preset::Kornia, 0.3561145828, 0.6834909302),
    ] {
        let [found_camera, found_coffee] = scores(preset);
        assert!((found_camera - camera).abs() < 1e-8, "{preset} {found_camera}");
        assert!((found_coffee - coffee).abs() < 1e-8, "{preset} {found_coffee}");
    }
    assert_eq!(Preset::ALL.map(|preset| preset.name().parse()), Preset::ALL.map(Ok));
}
