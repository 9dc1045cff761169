//! Pairs of device images: what they say is what the functions for host images say, to the last bit.

use fastssim::cuda::{CudaOutputs, DeviceImages, DevicePixel, DeviceScores, Stream};
use fastssim::{Backend, Error, Outputs, Padding, Ssim};
use fastssim_tests::images::{Element, Random, Scene};
use half::{bf16, f16};
use ndarray::{Array2, Array4};

use crate::{gpu, shape};

const SHAPE: [usize; 4] = [2, 3, 40, 53];

fn metric(padding: Padding) -> Ssim {
    let builder = Ssim::builder().padding(padding).window(9).data_range(1.0);
    builder.channel_weights([3.0, 2.0, 1.0]).build().expect("valid")
}

fn upload<T: DevicePixel>(stream: &Stream, images: &Array4<T>) -> DeviceImages<T> {
    DeviceImages::upload(stream, images).expect("there is memory")
}

/// All outputs, with three kinds of upstream gradients.
fn compare<T: Element + DevicePixel, U: Element + DevicePixel>(padding: Padding) {
    let Some((device, stream)) = gpu() else { return };
    let [x, _] = Scene::Distorted.batches::<T>(SHAPE, 3);
    let [_, y] = Scene::Distorted.batches::<U>(SHAPE, 3);
    let metric = metric(padding);
    let host = metric
        .with_backend(Backend::Cuda { device: device.index() })
        .expect("a GPU that works");
    let (on_device_x, on_device_y) = (upload(&stream, &x), upload(&stream, &y));
    let map_shape = shape(&host.ssim_of(&x, &y).map().expect("valid input"));
    let mut random = Random::new(5);
    let of_images = [0.5, -2.0];
    let of_channels = Array2::from_shape_simple_fn((2, 3), || random.normal());
    let of_map = Array4::from_shape_simple_fn(map_shape, || random.normal() as f32);
    let on_device_map = upload(&stream, &of_map);
    for kind in 0..4 {
        let (mut images, mut channels) = ([0.0; 2], [0.0; 6]);
        let mut map = Array4::<f32>::zeros(map_shape);
        let [mut by_x, mut by_y] = [(); 2].map(|()| Array4::<f32>::zeros(x.dim()));
        let outputs = Outputs::new()
            .images(&mut images)
            .channels(&mut channels)
            .map(map.view_mut())
            .gradient(by_x.view_mut())
            .gradient_of_y(by_y.view_mut());
        let pair = host.dssim_of(&x, &y);
        let pair = match kind {
            0 => pair.upstream(-2.5),
            1 => pair.upstream_of_images(&of_images),
            2 => pair.upstream_of_channels(of_channels.view()),
            _ => pair.upstream_of_map(of_map.view()),
        };
        pair.compute(outputs).expect("valid input");

        let mut scores = DeviceScores::new(&device, 2).expect("there is memory");
        let mut of_each = DeviceScores::new(&device, 6).expect("there is memory");
        let mut on_device =
            [SHAPE, SHAPE, map_shape].map(|shape| DeviceImages::<f32>::new(&device, shape).expect("there is memory"));
        let [gradient, gradient_of_y, values] = &mut on_device;
        let outputs = CudaOutputs::new()
            .images(&mut scores)
            .channels(&mut of_each)
            .map(values)
            .gradient(gradient)
            .gradient_of_y(gradient_of_y);
        let pair = metric.on(&stream).dssim_of(&on_device_x, &on_device_y);
        let pair = match kind {
            0 => pair.upstream(-2.5),
            1 => pair.upstream_of_images(&of_images),
            2 => pair.upstream_of_channels(of_channels.view()),
            _ => pair.upstream_of_map(&on_device_map),
        };
        pair.compute(outputs).expect("valid input");
        assert_eq!(scores.download(&stream).expect("it works"), images);
        assert_eq!(of_each.download(&stream).expect("it works"), channels);
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
    for padding in fastssim_tests::suite::PADDINGS {
        compare::<f32, f32>(padding);
        compare::<f16, bf16>(padding);
        compare::<f64, f32>(padding);
    }
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
    let host = metric(Padding::Reflect)
        .with_backend(Backend::Cuda { device: device.index() })
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
