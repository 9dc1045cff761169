//! Every option on a GPU, against the reference: the suite that the CPU and the emulator run too.

use fastssim::{Backend, Outputs, Preset, Real, Ssim};
use fastssim_tests::general::Stored;
use fastssim_tests::images::{Scene, bytes, picture};
use fastssim_tests::options::{Limits, Options, Results};
use fastssim_tests::suite::{EXACT, PADDINGS, Subject, Suite, by_host};
use fastssim_tests::tolerance::max_abs;
use half::{bf16, f16};
use ndarray::{Array2, Array4, Axis};

use crate::{gpu, metric};

/// The first GPU, by the functions for host images.
struct Gpu(Backend);

impl Subject for Gpu {
    fn results<T: Stored, U: Stored>(
        &self,
        options: &Options,
        x: &Array4<T>,
        y: &Array4<U>,
        limits: Limits,
    ) -> Result<Results, String> {
        // Some calls are the fast kernels', others the general ones'.
        by_host(self.0, options, x, y, limits)
    }

    /// Whatever the precision of the arithmetic, all that is beside images other than `f64` comes in `f32`.
    fn rounding<T: Stored>(&self) -> Limits {
        if T::DOUBLE {
            return EXACT;
        }
        let half = f64::from(f32::EPSILON) / 2.0;
        Limits {
            score: 0.0,
            gradient: half,
            map: half,
        }
    }
}

fn suite(test: impl FnOnce(&Suite<Gpu>)) {
    let Some((device, _)) = gpu() else { return };
    let suite = Suite::new(Gpu(Backend::Cuda { device: device.index() }));
    test(&suite);
    suite.finish();
}

#[test]
fn gpu_types_paddings_and_windows() {
    suite(Suite::types_paddings_and_windows);
}

#[test]
fn gpu_images_smaller_than_their_window() {
    suite(Suite::images_smaller_than_their_window);
}

#[test]
fn gpu_several_tiles() {
    suite(Suite::several_tiles);
}

#[test]
fn gpu_scenes() {
    suite(Suite::scenes);
}

#[test]
fn gpu_types_in_all_pairs() {
    suite(Suite::types_in_all_pairs);
}

#[test]
fn gpu_covariances_of_a_sample() {
    suite(Suite::covariances_of_a_sample);
}

#[test]
fn gpu_exponents() {
    suite(Suite::exponents);
}

#[test]
fn gpu_masks_and_weights() {
    suite(Suite::masks_and_weights);
}

#[test]
fn gpu_upstream_gradients() {
    suite(Suite::upstream_gradients);
}

#[test]
fn gpu_any_combination() {
    suite(|suite| suite.any_combination(400));
}

/// All of them by the general kernels, which weights call for, so that they differ by their rounding alone.
#[test]
fn gpu_half_precision_on_request() {
    fn outputs<R: Real>(metric: &Ssim, [x, y]: &[Array4<u8>; 2], zero: R) -> [Array4<R>; 3] {
        let shape = metric.ssim_map(x, y).expect("valid input").dim();
        let [mut by_x, mut by_y, mut map] = [x.dim(), x.dim(), shape].map(|shape| Array4::from_elem(shape, zero));
        let outputs = Outputs::new()
            .gradient(by_x.view_mut())
            .gradient_of_y(by_y.view_mut())
            .map(map.view_mut());
        let all = Array2::from_elem((40, 33), 1u8);
        let pair = metric.dssim_of(x, y).weights(&all);
        pair.compute(outputs).expect("valid input");
        [by_x, by_y, map]
    }
    let Some((device, _)) = gpu() else { return };
    for padding in PADDINGS {
        let pair = Scene::Distorted.batches::<u8>([1, 3, 40, 33], 4);
        let metric = metric(padding).with_backend(Backend::Cuda { device: device.index() });
        let metric = metric.expect("a GPU");
        let exact = outputs(&metric, &pair, 0.0f32);
        let half = outputs(&metric, &pair, f16::ZERO);
        let brain = outputs(&metric, &pair, bf16::ZERO);
        assert_eq!(half, exact.each_ref().map(|a| a.mapv(f16::from_f32)), "{padding}");
        assert_eq!(brain, exact.map(|a| a.mapv(bf16::from_f32)), "{padding}");
    }
}

/// By its name a preset gives what it gives on the processor, which the numbers of its peer are compared with.
#[test]
fn gpu_presets() {
    let Some((device, _)) = gpu() else { return };
    let pictures = [["camera.png", "camera-noisy.png"], ["coffee.png", "coffee-q10.png"]];
    for (pair, preset) in pictures
        .into_iter()
        .flat_map(|pair| Preset::ALL.map(|preset| (pair, preset)))
    {
        let what = format!("{preset} {}", pair[0]);
        let [x, y] = pair.map(|name| bytes(&picture(name)).insert_axis(Axis(0)));
        let [on_gpu, on_cpu] = [Backend::Cuda { device: device.index() }, Backend::Cpu].map(|backend| {
            let metric = Ssim::preset(preset).data_range(255.0).backend(backend);
            metric.build().expect("valid")
        });
        let [found, expected] = [&on_gpu, &on_cpu].map(|metric| metric.ssim(&x, &y).expect("valid input")[0]);
        assert!((found - expected).abs() < 5e-8, "{what}: {found} {expected}");
        let [x, y] = [x, y].map(|pixels| pixels.mapv(f64::from));
        let [found, expected] = [&on_gpu, &on_cpu].map(|metric| {
            let mut gradient = Array4::<f64>::zeros(x.dim());
            let score = metric.ssim_with_gradient_into(&x, &y, &mut [0.0], gradient.view_mut());
            score.expect("valid input");
            (metric.ssim(&x, &y).expect("valid input")[0], gradient)
        });
        assert!(
            (found.0 - expected.0).abs() < 1e-11,
            "{what}: {} {}",
            found.0,
            expected.0
        );
        let error = max_abs(&found.1, &expected.1) / expected.1.iter().fold(0.0, |most, slope| slope.abs().max(most));
        assert!(error < 1e-10, "{what}: {error:e}");
    }
}
