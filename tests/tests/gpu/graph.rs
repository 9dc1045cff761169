//! CUDA graphs: calls that are captured from a stream and done again by the driver, on other pixels in the same memory.

use fastssim::cuda::{CudaOutputs, Device, DeviceImages, DevicePixel, DeviceScores, PinnedImages, Stream};
use fastssim::{CudaError, Error, Padding, Ssim};
use fastssim_tests::images::{Element, Scene};
use fastssim_tests::skipped;
use half::f16;
use ndarray::Array4;

use crate::raw::{Graph, Mode, RawStream};
use crate::{gpu, metric, upload};

/// Of one tile, of a few, and of many; one image and several.
const SHAPES: [[usize; 4]; 6] = [
    [1, 1, 11, 12],
    [1, 3, 64, 64],
    [3, 1, 100, 60],
    [2, 3, 130, 300],
    [1, 1, 256, 256],
    // Of several tiles for a larger window, too.
    [1, 1, 600, 610],
];

/// Those of the fast kernels for zeros beyond the edges and of those for pixels there, and one whose gradients are the general
/// kernels' business.
const PADDINGS: [Padding; 4] = [Padding::Zero, Padding::Valid, Padding::Symmetric, Padding::Replicate];

/// What all calls write to.
struct Outputs {
    scores: DeviceScores,
    with_gradient: DeviceScores,
    gradient: DeviceImages<f32>,
    alone: DeviceImages<f32>,
    map: DeviceImages<f32>,
}

/// The same on the host.
#[derive(Debug, PartialEq)]
struct Results {
    scores: [Vec<f64>; 2],
    images: [Array4<f32>; 3],
}

impl Outputs {
    fn new(device: &Device, metric: &Ssim, [n, c, h, w]: [usize; 4]) -> Self {
        let margin = if metric.padding() == Padding::Valid {
            metric.window() - 1
        } else {
            0
        };
        let scores = || DeviceScores::new(device, n).expect("there is memory");
        let images = |h, w| DeviceImages::new(device, [n, c, h, w]).expect("there is memory");
        Self {
            scores: scores(),
            with_gradient: scores(),
            gradient: images(h, w),
            alone: images(h, w),
            map: images(h - margin, w - margin),
        }
    }

    /// Puts all calls into the stream.
    fn compute<T: DevicePixel>(&mut self, metric: &Ssim, stream: &Stream, [x, y]: &[DeviceImages<T>; 2]) {
        let on = metric.on(stream);
        on.ssim_into(x, y, &mut self.scores)
            .and_then(|()| on.dssim_with_gradient_into(x, y, &mut self.with_gradient, &mut self.gradient))
            .and_then(|()| on.ssim_gradient_into(y, x, &mut self.alone))
            .and_then(|()| on.ssim_map_into(x, y, &mut self.map))
            .expect("valid input");
    }

    fn download(&self, stream: &Stream) -> Results {
        let scores = |scores: &DeviceScores| scores.download(stream).expect("it works");
        let images = |images: &DeviceImages<f32>| images.download(stream).expect("it works");
        Results {
            scores: [scores(&self.scores), scores(&self.with_gradient)],
            images: [images(&self.gradient), images(&self.alone), images(&self.map)],
        }
    }
}

fn replay<T: Element + DevicePixel>(device: &Device, direct: &Stream) {
    let larger = Ssim::builder().window(21).build().expect("valid");
    let metrics = PADDINGS.map(metric).into_iter().chain([larger]).collect::<Vec<_>>();
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        for metric in &metrics {
            let raw = RawStream::new(device);
            // SAFETY: of this device's primary context, and it outlives this; see below for the graph.
            let stream = unsafe { Stream::from_raw(device, raw.as_raw()) }.expect("a stream");
            let mut pair = upload(&stream, &Scene::Noise.batches::<T>(shape, seed as u64));
            let mut outputs = Outputs::new(device, metric, shape);
            // The first call makes room, and has the driver load the kernels.
            outputs.compute(metric, &stream, &pair);
            let graph = Graph::capture(&stream, Mode::ThreadLocal, || {
                outputs.compute(metric, &stream, &pair);
            });
            for replay in 0..6 {
                // Never the numbers that are in the outputs already.
                let images = Scene::Distorted.batches::<T>(shape, 10 + 6 * seed as u64 + replay);
                for (on_device, images) in pair.iter_mut().zip(&images) {
                    on_device.copy_from(&stream, images).expect("the same shape");
                }
                for _ in 0..1 + replay % 3 {
                    // SAFETY: the images, the outputs and the stream are still there, and all work is in this stream.
                    unsafe { graph.launch(&stream) };
                }
                let found = outputs.download(&stream);
                let mut expected = Outputs::new(device, metric, shape);
                // In the other stream, and in the same between two launches.
                let stream = if replay % 2 == 0 { direct } else { &stream };
                expected.compute(metric, stream, &pair);
                let expected = expected.download(stream);
                assert!(expected.scores.iter().flatten().all(|score| score.is_finite()));
                assert!(found == expected, "{shape:?} {metric:?}, replay {replay}");
            }
        }
    }
}

#[test]
fn gpu_graphs_replay_calls_on_other_pixels() {
    let Some((device, direct)) = gpu() else { return };
    replay::<u8>(&device, &direct);
    replay::<f16>(&device, &direct);
    replay::<f32>(&device, &direct);
}

fn is_refused<T>(result: fastssim::Result<T>) -> bool {
    let text = match result {
        Err(Error::Cuda(error @ CudaError::Unsupported { .. })) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => return false,
    };
    text.contains("while the stream is captured in a graph")
}

/// What has no place in a graph is an error that leaves the capture, and the stream, as they were.
#[test]
fn gpu_captures_refuse_what_allocates_or_copies() {
    let Some((device, direct)) = gpu() else { return };
    let images = Scene::Distorted.batches::<f32>([2, 3, 130, 300], 3);
    let pair = upload(&direct, &images);
    // More tiles than the least workspace has room for.
    let many = upload(&direct, &Scene::Noise.batches::<f32>([1100, 1, 4, 4], 4));
    direct.synchronize().expect("it works");
    let metric = metric(Padding::Zero);
    let mut expected = Outputs::new(&device, &metric, pair[0].shape());
    expected.compute(&metric, &direct, &pair);
    let expected = expected.download(&direct);
    let mut many_scores = DeviceScores::new(&device, 1100).expect("there is memory");
    let mut pinned = PinnedImages::<f32>::new(&device, pair[0].shape()).expect("there is memory");
    for mode in [Mode::ThreadLocal, Mode::Relaxed] {
        let stream = Stream::new(&device).expect("a stream");
        let mut copy = DeviceImages::<f32>::new(&device, pair[0].shape()).expect("there is memory");
        let mut outputs = Outputs::new(&device, &metric, pair[0].shape());
        let on = metric.on(&stream);
        let [x, y] = &pair;
        let graph = Graph::capture(&stream, mode, || {
            assert!(is_refused(on.ssim_into(x, y, &mut outputs.scores)));
            let (scores, gradient) = (&mut outputs.with_gradient, &mut outputs.gradient);
            assert!(is_refused(on.ssim_with_gradient_into(x, y, scores, gradient)));
            assert!(is_refused(on.ssim_gradient_into(x, y, &mut outputs.alone)));
            // A map needs no room.
            on.ssim_map_into(x, y, &mut outputs.map).expect("nothing is allocated");
            assert!(is_refused(copy.copy_from(&stream, &images[0])));
            assert!(is_refused(copy.copy_from_pinned(&stream, &mut pinned)));
            assert!(is_refused(copy.copy_to_pinned(&stream, &mut pinned)));
            assert!(is_refused(x.download(&stream)));
            assert!(is_refused(outputs.scores.download(&stream)));
        });
        assert_eq!(outputs.map.shape(), x.shape());
        // SAFETY: the images and the map are still there, and all work is in this stream.
        unsafe { graph.launch(&stream) };
        assert!(outputs.map.download(&stream).expect("it works") == expected.images[2]);
        // And what was refused is done when it is called again.
        outputs.compute(&metric, &stream, &pair);
        assert!(outputs.download(&stream) == expected);
        // Room for these is not room for all, and factors of the host's are copied.
        let factors = [1.0, -2.0];
        let weighted = |outputs: &mut Outputs| {
            let outputs = CudaOutputs::new().gradient(&mut outputs.gradient);
            on.ssim_of(x, y).upstream_of_images(&factors).compute(outputs)
        };
        weighted(&mut outputs).expect("valid input");
        let larger = Graph::capture(&stream, mode, || {
            on.ssim_into(x, y, &mut outputs.scores).expect("there is room");
            assert!(is_refused(on.ssim_into(&many[0], &many[1], &mut many_scores)));
            assert!(is_refused(weighted(&mut outputs)));
        });
        // SAFETY: as above.
        unsafe { larger.launch(&stream) };
        assert_eq!(outputs.scores.download(&stream).as_ref(), Ok(&expected.scores[0]));
        on.ssim_into(&many[0], &many[1], &mut many_scores).expect("it grows");
        let alone = metric.on(&direct).ssim(&many[0], &many[1]);
        assert_eq!(many_scores.download(&stream), alone);
    }
    assert!(
        pinned
            .view()
            .expect("no copy was captured")
            .iter()
            .all(|&value| value == 0.0)
    );
}

/// The second kernel of a gradient is one more to load: where it cannot be, nothing of the gradient is in the stream.
#[test]
fn gpu_captures_refuse_to_load_the_second_kernel() {
    let Some((device, stream)) = gpu() else { return };
    if !matches!(device.info().compute_capability, (8, 0) | (9, 0) | (10, _)) {
        return skipped("this device has no kernels of their own for larger windows");
    }
    let of = |window: usize| {
        let metric = Ssim::builder().window(window).padding(Padding::Symmetric);
        metric.build().expect("valid")
    };
    let (metric, larger) = (of(27), of(33));
    let pair = upload(&stream, &Scene::Distorted.batches::<u16>([2, 1, 300, 310], 8));
    let mut outputs = Outputs::new(&device, &metric, pair[0].shape());
    // Room for more derivatives than these, and the first kernel, which is loaded with that of the scores.
    outputs.compute(&larger, &stream, &pair);
    let [x, y] = &pair;
    let on = metric.on(&stream);
    on.ssim_into(x, y, &mut outputs.scores).expect("valid input");
    let before = outputs.download(&stream);
    let graph = Graph::capture(&stream, Mode::ThreadLocal, || {
        let (scores, gradient) = (&mut outputs.with_gradient, &mut outputs.gradient);
        let error = on
            .ssim_with_gradient_into(x, y, scores, gradient)
            .map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.contains("which loads kernels") && error.contains("captured")));
    });
    // SAFETY: nothing is in it.
    unsafe { graph.launch(&stream) };
    assert!(outputs.download(&stream) == before);
    outputs.compute(&metric, &stream, &pair);
    let found = outputs.download(&stream);
    assert!(found.scores[0] == before.scores[0] && found.images[0] != before.images[0]);
}
