//! References and running sums on a GPU.

use fastssim::cuda::{DeviceImages, DeviceScoreSum, DeviceScores};
use fastssim::{Backend, Downsampling, Padding, Reference, ScoreSum, Ssim};
use fastssim_tests::images::Scene;
use half::f16;
use ndarray::{Array4, Axis};

use crate::gpu;

fn metrics(device: usize) -> [Ssim; 3] {
    [
        // The fast kernels, the general ones, and smaller images.
        Ssim::builder(),
        Ssim::builder().padding(Padding::Reflect).window(17),
        Ssim::builder().downsampling(Downsampling::Automatic),
    ]
    .map(|builder| {
        builder
            .backend(Backend::Cuda { device })
            .data_range(1.0)
            .build()
            .expect("a GPU")
    })
}

#[test]
fn gpu_references_say_what_their_images_say() {
    let Some((device, _)) = gpu() else { return };
    let [x, y] = Scene::Distorted.batches::<f32>([3, 2, 400, 390], 1);
    for metric in metrics(device.index()) {
        let reference = Reference::new(&y).expect("it has pixels");
        let expected = metric.dssim_of(&x, &y).images_with_gradients();
        for _ in 0..3 {
            assert_eq!(metric.dssim_of(&x, &reference).images_with_gradients(), expected);
            assert_eq!(metric.ssim_map(&x, &reference), metric.ssim_map(&x, &y));
        }
        // Of another type, channels side by side, one for all.
        let one = y.index_axis(Axis(0), 2).mapv(f16::from_f32);
        let interleaved = one.view().permuted_axes([1, 2, 0]).as_standard_layout().into_owned();
        let reference = Reference::new(interleaved.view().permuted_axes([2, 0, 1])).expect("it has pixels");
        let repeated = ndarray::stack(Axis(0), &[one.view(); 3]).expect("one shape");
        for _ in 0..2 {
            let found = metric.ssim_with_gradient(&x, &reference);
            assert_eq!(found, metric.ssim_with_gradient(&x, &repeated));
        }
    }
}

/// Each thread has a stream of its own; one of them copies the reference.
#[test]
fn gpu_references_are_used_by_many_threads() {
    let Some((device, _)) = gpu() else { return };
    let [x, y] = Scene::Distorted.batches::<f32>([1, 3, 1080, 1920], 2);
    for metric in &metrics(device.index()) {
        let expected = metric.ssim(&x, &y);
        for _ in 0..5 {
            let reference = Reference::new(&y).expect("it has pixels");
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| assert_eq!(metric.ssim(&x, &reference), expected));
                }
            });
        }
    }
}

#[test]
fn gpu_scores_add_up_without_a_wait() {
    let Some((device, stream)) = gpu() else { return };
    let metric = Ssim::default();
    let mut all = DeviceScoreSum::new(&stream).expect("there is memory");
    let mut expected = ScoreSum::new();
    assert_eq!(all.download(&stream), Ok(expected));
    for images in [1, 5, 33, 64, 2] {
        let [x, y] = Scene::Distorted
            .batches::<f32>([images, 1, 20, 30], images as u64)
            .map(|batch: Array4<f32>| DeviceImages::<f32>::upload(&stream, &batch).expect("there is memory"));
        let mut scores = DeviceScores::new(&device, images).expect("there is memory");
        metric.on(&stream).ssim_into(&x, &y, &mut scores).expect("valid input");
        all.add(&stream, &scores).expect("one device");
        expected.extend(scores.download(&stream).expect("it works"));
        let found = all.download(&stream).expect("it works");
        assert_eq!(found.count(), expected.count());
        assert!((found.sum() - expected.sum()).abs() < 1e-13, "{found:?} {expected:?}");
    }
    all.clear(&stream).expect("one device");
    assert_eq!(all.download(&stream), Ok(ScoreSum::new()));
}
