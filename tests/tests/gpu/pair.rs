//! Pairs of device images: what they say is what the functions for host images say, to the last bit.

use fastssim::cuda::{CudaOutputs, DeviceImages, DevicePixel, DeviceScores, Stream};
use fastssim::{Backend, Downsampling, Error, Outputs, Padding, Ssim, SsimBuilder};
use fastssim_tests::images::{Element, Random, Scene};
use fastssim_tests::options::{Mask, weights};
use fastssim_tests::suite::PADDINGS;
use half::{bf16, f16};
use ndarray::{Array2, Array4, Axis};

use crate::{gpu, shape};

const SHAPE: [usize; 4] = [2, 3, 40, 53];

fn builder(padding: Padding) -> SsimBuilder {
    let builder = Ssim::builder().padding(padding).window(9).data_range(1.0);
    builder.channel_weights([3.0, 2.0, 1.0])
}

fn metric(padding: Padding) -> Ssim {
    builder(padding).build().expect("valid")
}

fn upload<T: DevicePixel>(stream: &Stream, images: &Array4<T>) -> DeviceImages<T> {
    DeviceImages::upload(stream, images).expect("there is memory")
}

/// The same weights on the device, as images of one channel.
enum DeviceMask {
    None,
    Shared(DeviceImages<u8>),
    Each(DeviceImages<f32>),
}

impl DeviceMask {
    fn new(stream: &Stream, mask: &Mask) -> Self {
        match mask {
            Mask::None => Self::None,
            Mask::Shared(mask) => {
                let image = mask.clone().insert_axis(Axis(0)).insert_axis(Axis(0));
                Self::Shared(upload(stream, &image))
            }
            Mask::Each(weights) => Self::Each(upload(stream, &weights.clone().insert_axis(Axis(1)))),
        }
    }
}

/// All outputs, with four kinds of upstream gradients.
fn compare<T: Element + DevicePixel, U: Element + DevicePixel>(metric: &Ssim, size: [usize; 4], mask: &Mask) {
    let Some((device, stream)) = gpu() else { return };
    let padding = metric.padding();
    let [x, _] = Scene::Distorted.batches::<T>(size, 3);
    let [_, y] = Scene::Distorted.batches::<U>(size, 3);
    let on_device_mask = DeviceMask::new(&stream, mask);
    let host = metric
        .with_backend(Backend::Cuda { device: device.index() })
        .expect("a GPU that works");
    let (on_device_x, on_device_y) = (upload(&stream, &x), upload(&stream, &y));
    let map_shape = shape(&host.ssim_of(&x, &y).map().expect("valid input"));
    let mut random = Random::new(5);
    let [images_of_batch, channels_of_image, ..] = size;
    let of_images = &[0.5, -2.0][..images_of_batch];
    let of_channels = Array2::from_shape_simple_fn((images_of_batch, channels_of_image), || random.normal());
    let of_map = Array4::from_shape_simple_fn(map_shape, || random.normal() as f32);
    let on_device_map = upload(&stream, &of_map);
    for kind in 0..4 {
        let (mut images, mut channels) = (vec![0.0; images_of_batch], vec![0.0; of_channels.len()]);
        let mut map = Array4::<f32>::zeros(map_shape);
        let [mut by_x, mut by_y] = [(); 2].map(|()| Array4::<f32>::zeros(x.dim()));
        let outputs = Outputs::new()
            .images(&mut images)
            .channels(&mut channels)
            .map(map.view_mut())
            .gradient(by_x.view_mut())
            .gradient_of_y(by_y.view_mut());
        let pair = host.dssim_of(&x, &y);
        let pair = match mask {
            Mask::None => pair,
            Mask::Shared(mask) => pair.weights(mask),
            Mask::Each(weights) => pair.weights(weights),
        };
        let pair = match kind {
            0 => pair.upstream(-2.5),
            1 => pair.upstream_of_images(of_images),
            2 => pair.upstream_of_channels(of_channels.view()),
            _ => pair.upstream_of_map(of_map.view()),
        };
        pair.compute(outputs).expect("valid input");

        let mut scores = DeviceScores::new(&device, images_of_batch).expect("there is memory");
        let mut of_each = DeviceScores::new(&device, of_channels.len()).expect("there is memory");
        let mut on_device =
            [size, size, map_shape].map(|shape| DeviceImages::<f32>::new(&device, shape).expect("there is memory"));
        let [gradient, gradient_of_y, values] = &mut on_device;
        let outputs = CudaOutputs::new()
            .images(&mut scores)
            .channels(&mut of_each)
            .map(values)
            .gradient(gradient)
            .gradient_of_y(gradient_of_y);
        let pair = metric.on(&stream).dssim_of(&on_device_x, &on_device_y);
        let pair = match &on_device_mask {
            DeviceMask::None => pair,
            DeviceMask::Shared(mask) => pair.weights(mask),
            DeviceMask::Each(weights) => pair.weights(weights),
        };
        let pair = match kind {
            0 => pair.upstream(-2.5),
            1 => pair.upstream_of_images(of_images),
            2 => pair.upstream_of_channels(of_channels.view()),
            _ => pair.upstream_of_map(&on_device_map),
        };
        pair.compute(outputs).expect("valid input");
        let found = [&scores, &of_each].map(|scores| scores.download(&stream).expect("it works"));
        for (found, expected) in found.concat().iter().zip(images.iter().chain(&channels)) {
            // Weights, and pixels that become one, are added in another order.
            let is_same = matches!(mask, Mask::None) && metric.downsampling() == Downsampling::None;
            let limit = if is_same { 0.0 } else { 1e-12 };
            assert!(
                (found - expected).abs() <= limit,
                "{padding} {kind}: {found} {expected}"
            );
        }
        let found = on_device.map(|images| images.download(&stream).expect("it works"));
        // The factors are products in another order.
        for (found, expected) in found.iter().zip([&by_x, &by_y, &map]) {
            let error = fastssim_tests::tolerance::relative_l2(found, &expected.mapv(f64::from));
            assert!(error < 1e-6, "{padding} {kind}: {error:e}");
        }
    }
}

#[test]
fn gpu_pairs_say_what_the_host_says() {
    for padding in PADDINGS {
        compare::<f32, f32>(&metric(padding), SHAPE, &Mask::None);
        compare::<f16, bf16>(&metric(padding), SHAPE, &Mask::None);
        compare::<f64, f32>(&metric(padding), SHAPE, &Mask::None);
    }
}

/// A mask for all images, and weights of each.
fn masks([n, _, h, w]: [usize; 4]) -> [Mask; 2] {
    let mask = Array2::from_shape_fn((h, w), |(i, j)| u8::from((i / 3 + j / 5) % 2 == 0) * 200);
    [Mask::Shared(mask), Mask::Each(weights(&mut Random::new(6), (n, h, w)))]
}

#[test]
fn gpu_pairs_weigh_pixels_as_the_host_does() {
    for padding in PADDINGS {
        for mask in masks(SHAPE) {
            compare::<f32, f32>(&metric(padding), SHAPE, &mask);
            compare::<u8, f64>(&metric(padding), SHAPE, &mask);
            let apart = builder(padding).exponents([1.0, 2.0, 1.0]).build().expect("valid");
            compare::<f32, f32>(&apart, SHAPE, &mask);
        }
    }
}

/// By two and by three.
#[test]
fn gpu_pairs_make_images_smaller_as_the_host_does() {
    for size in [[2, 3, 401, 387], [1, 3, 650, 644]] {
        for padding in PADDINGS {
            let smaller = builder(padding).downsampling(Downsampling::Automatic);
            let metric = smaller.build().expect("valid");
            compare::<f32, f32>(&metric, size, &Mask::None);
            for mask in masks(size) {
                compare::<bf16, f64>(&metric, size, &mask);
            }
        }
    }
}

#[test]
fn gpu_weights_that_cannot_be() {
    let Some((device, stream)) = gpu() else { return };
    let [x, y] = Scene::Distorted
        .batches::<f32>(SHAPE, 3)
        .map(|images| upload(&stream, &images));
    let metric = metric(Padding::Reflect);
    let mut scores = DeviceScores::new(&device, 2).expect("there is memory");
    for wrong in [-1.0, f32::NAN, f32::INFINITY] {
        let mut weights = Array4::from_elem((2, 1, 40, 53), 1.0f32);
        weights[[1, 0, 39, 0]] = wrong;
        let weights = upload(&stream, &weights);
        let pair = metric.on(&stream).ssim_of(&x, &y).weights(&weights);
        pair.compute(CudaOutputs::new().images(&mut scores))
            .expect("nobody waits");
        let found = scores.download(&stream).expect("it works");
        assert!(found[0].is_finite() && found[1].is_nan(), "{wrong}: {found:?}");
    }
    let none = DeviceImages::<u8>::zeros(&stream, [1, 1, 40, 53]).expect("there is memory");
    let pair = metric.on(&stream).ssim_of(&x, &y).weights(&none);
    pair.compute(CudaOutputs::new().images(&mut scores))
        .expect("nobody waits");
    let found = scores.download(&stream).expect("it works");
    assert!(found.iter().all(|score| score.is_nan()), "{found:?}");
    for shape in [[2, 3, 40, 53], [3, 1, 40, 53], [2, 1, 53, 40]] {
        let weights = DeviceImages::<u8>::zeros(&stream, shape).expect("there is memory");
        let pair = metric.on(&stream).ssim_of(&x, &y).weights(&weights);
        let error = pair.compute(CudaOutputs::new()).expect_err("another shape").to_string();
        assert!(error.starts_with("weights has shape"), "{error}");
    }
}

/// Threads that use one stream do not share the memory of smaller images.
#[test]
fn gpu_smaller_images_from_many_threads() {
    let Some((_, stream)) = gpu() else { return };
    let metric = builder(Padding::Valid)
        .downsampling(Downsampling::Automatic)
        .build()
        .expect("valid");
    let pairs: Vec<_> = (0..8)
        .map(|seed| Scene::Distorted.batches::<f32>([1, 3, 400, 400 + 8 * seed as usize], seed))
        .map(|pair| pair.map(|images| upload(&stream, &images)))
        .collect();
    let score = |[x, y]: &[DeviceImages<f32>; 2]| metric.on(&stream).ssim(x, y).expect("it works");
    let expected: Vec<_> = pairs.iter().map(score).collect();
    std::thread::scope(|scope| {
        for (pair, expected) in pairs.iter().zip(&expected) {
            let score = &score;
            scope.spawn(move || {
                for _ in 0..50 {
                    assert_eq!(&score(pair), expected);
                }
            });
        }
    });
}

#[test]
fn gpu_upstream_gradients_have_the_shape_of_what_they_are_of() {
    let Some((device, stream)) = gpu() else { return };
    let images = DeviceImages::<f32>::zeros(&stream, SHAPE).expect("there is memory");
    let mut gradient = DeviceImages::<f16>::new(&device, SHAPE).expect("there is memory");
    let metric = metric(Padding::Valid);
    let error = metric
        .on(&stream)
        .ssim_of(&images, &images)
        .upstream_of_map(&images)
        .compute(CudaOutputs::new().gradient(&mut gradient))
        .expect_err("the map is smaller");
    assert!(matches!(error, Error::OutputShape { .. }), "{error}");
}

/// The general kernels, as the others: the same bits in every run and in any batch.
#[test]
fn gpu_general_kernels_do_not_depend_on_the_batch() {
    let Some((device, _)) = gpu() else { return };
    let [x, y] = Scene::Distorted.batches::<f16>([5, 3, 150, 211], 8);
    let general = Ssim::builder().padding(Padding::Reflect).window(13);
    let host = general
        .backend(Backend::Cuda { device: device.index() })
        .build()
        .expect("a GPU that works");
    let all = |x: &Array4<f16>, y: &Array4<f16>| host.ssim_of(x, y).images_with_gradients().expect("valid input");
    let batch = all(&x, &y);
    for _ in 0..10 {
        assert!(all(&x, &y) == batch);
    }
    for image in 0..5 {
        let one = |images: &Array4<f16>| images.slice(ndarray::s![image..=image, .., .., ..]).to_owned();
        let (scores, by_x, by_y) = all(&one(&x), &one(&y));
        assert_eq!(scores[0].to_bits(), batch.0[image].to_bits());
        let part = |all: &Array4<f32>| all.slice(ndarray::s![image..=image, .., .., ..]).to_owned();
        assert!(by_x == part(&batch.1) && by_y == part(&batch.2));
    }
}

/// What comes to the host lies as the first image does, in `f64` where that is.
#[test]
fn gpu_results_on_the_host_have_the_layout_and_the_digits_of_the_first_image() {
    let Some((_, stream)) = gpu() else { return };
    for padding in PADDINGS {
        let metric = metric(padding);
        let [x, y] = Scene::Distorted.batches::<f64>(SHAPE, 12);
        let interleaved = x.view().permuted_axes([0, 2, 3, 1]).as_standard_layout().into_owned();
        let interleaved = interleaved.view().permuted_axes([0, 3, 1, 2]);
        let cpu = metric.with_backend(Backend::Cpu).expect("there is one");
        let (expected, slopes) = cpu.ssim_with_gradient(interleaved, &y).expect("valid input");
        let values = cpu.ssim_map(interleaved, &y).expect("valid input");
        let x = DeviceImages::<f64>::upload(&stream, interleaved).expect("there is memory");
        let y = upload(&stream, &y);
        let on = metric.on(&stream);
        let (scores, gradient) = on.ssim_with_gradient(&x, &y).expect("valid input");
        let map = on.ssim_map(&x, &y).expect("valid input");
        assert_eq!(gradient.strides(), slopes.strides());
        assert_eq!(map.strides(), values.strides());
        assert!(scores.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-11));
        let error = fastssim_tests::tolerance::relative_l2(&gradient, &slopes);
        assert!(error < 1e-10, "{padding}: {error:e}");
        let error = fastssim_tests::tolerance::max_abs(&map, &values);
        assert!(error < 1e-11, "{padding}: {error:e}");
    }
}
