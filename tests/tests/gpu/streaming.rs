//! References and running sums on a GPU.

use fastssim::cuda::{CudaOutputs, DeviceImages, DeviceScoreSum, DeviceScores, Stream};
use fastssim::{Backend, Downsampling, Padding, Reference, ScoreSum, Ssim};
use fastssim_tests::images::Scene;
use half::f16;
use ndarray::{Array4, Axis};

use crate::raw::{Graph, Mode};
use crate::{gpu, upload};

fn metrics(device: usize) -> [Ssim; 3] {
    [
        // The fast kernels, those of a larger window, and smaller images.
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

/// Scores of channels, of batches of several sizes, by two streams in turn; and of an image with NaN.
#[test]
fn gpu_scores_of_channels_add_up_over_streams() {
    let Some((device, stream)) = gpu() else { return };
    let streams = [stream, Stream::new(&device).expect("a stream")];
    let metric = &metrics(device.index())[1];
    let mut all = DeviceScoreSum::new(&streams[0]).expect("there is memory");
    let mut expected = ScoreSum::new();
    let mut add = |batch: usize, pair: [Array4<f32>; 2]| {
        let (stream, other) = (&streams[batch % 2], &streams[(batch + 1) % 2]);
        stream.wait_for(other).expect("it works");
        let [x, y] = upload(stream, &pair);
        let channels = metric.dssim_of(&pair[0], &pair[1]).channels().expect("valid input");
        let mut scores = DeviceScores::new(&device, channels.len()).expect("there is memory");
        let outputs = CudaOutputs::new().channels(&mut scores);
        metric
            .on(stream)
            .dssim_of(&x, &y)
            .compute(outputs)
            .expect("valid input");
        all.add(stream, &scores).expect("one device");
        expected.extend(channels);
        (all.download(stream).expect("it works"), expected)
    };
    for (batch, shape) in [[2, 3, 40, 50], [1, 1, 33, 64], [5, 2, 20, 30], [1, 40, 17, 17]]
        .into_iter()
        .enumerate()
    {
        let (found, expected) = add(batch, Scene::Distorted.batches(shape, batch as u64));
        assert_eq!(found.count(), expected.count());
        assert!((found.sum() - expected.sum()).abs() < 1e-13, "{found:?} {expected:?}");
    }
    let [mut x, y] = Scene::Distorted.batches([1, 1, 20, 30], 9);
    x[[0, 0, 3, 4]] = f32::NAN;
    let (found, _) = add(4, [x, y]);
    assert!(found.sum().is_nan() && found.mean().is_some_and(f64::is_nan));
    assert_eq!(found.count(), 58);
}

/// The sum is of the device: a graph adds to it at each launch.
#[test]
fn gpu_scores_add_up_in_graphs() {
    let Some((device, stream)) = gpu() else { return };
    let metric = Ssim::default();
    let [x, y] = upload(&stream, &Scene::Distorted.batches::<f32>([3, 1, 60, 70], 1));
    let mut scores = DeviceScores::new(&device, 3).expect("there is memory");
    let mut all = DeviceScoreSum::new(&stream).expect("there is memory");
    let mut step = |all: &mut DeviceScoreSum| {
        let scores = &mut scores;
        metric.on(&stream).ssim_into(&x, &y, scores).expect("valid input");
        all.add(&stream, scores).expect("one device");
    };
    // The first call makes room, and has the driver load the kernels.
    step(&mut all);
    let once = all.download(&stream).expect("it works").sum();
    let graph = Graph::capture(&stream, Mode::ThreadLocal, || step(&mut all));
    all.clear(&stream).expect("one device");
    for _ in 0..4 {
        // SAFETY: images, scores and the sum are still there, and all work is in this stream.
        unsafe { graph.launch(&stream) };
    }
    let found = all.download(&stream).expect("it works");
    assert_eq!(found.count(), 12);
    assert!((found.sum() - 4.0 * once).abs() < 1e-13, "{found:?} {once}");
}

/// One image on the device for a batch there: its step from image to image is 0.
#[test]
fn gpu_one_device_image_stands_beside_every_image_of_a_batch() {
    let Some((device, stream)) = gpu() else { return };
    let pair = Scene::Distorted.batches::<f32>([3, 2, 400, 390], 4);
    let one = pair[1].select(Axis(0), &[1]);
    let repeated = pair[1].select(Axis(0), &[1, 1, 1]);
    let [x, repeated] = upload(&stream, &[pair[0].clone(), repeated]);
    let one = DeviceImages::<f32>::upload(&stream, &one).expect("there is memory");
    let mut strides = one.strides();
    strides[0] = 0;
    // SAFETY: the pixels of `one`, which outlives this and is not written to.
    let all = unsafe { DeviceImages::<f32>::from_raw(&device, one.as_raw(), x.shape(), strides) }.expect("valid");
    for metric in metrics(device.index()) {
        let on = metric.on(&stream);
        let expected = on.ssim_with_gradient(&x, &repeated).expect("valid input");
        assert!(on.ssim_with_gradient(&x, &all).expect("valid input") == expected);
    }
}
