//! The same bits in every run, stream, thread, batch position and order of memory, and from the host as from the
//! device.

use fastssim::cuda::{CudaOutputs, Device, DeviceImages, DevicePixel, DeviceScores, Stream, devices};
use fastssim::{Backend, Ssim};
use fastssim_tests::images::{Element, Scene};
use fastssim_tests::skipped;
use fastssim_tests::strided::{Arrangement, Strided};
use ndarray::{Array4, s};

use crate::{gpu, shape, upload};

/// All results of one problem.
#[derive(Debug, PartialEq)]
struct Results {
    scores: Vec<f64>,
    dssim: Vec<f64>,
    with_gradient: Vec<f64>,
    gradient: Array4<f32>,
    map: Array4<f32>,
}

fn results<T: DevicePixel<Float = f32>>(stream: &Stream, x: &DeviceImages<T>, y: &DeviceImages<T>) -> Results {
    results_of(&Ssim::default(), stream, x, y)
}

fn results_of<T: DevicePixel<Float = f32>>(
    metric: &Ssim,
    stream: &Stream,
    x: &DeviceImages<T>,
    y: &DeviceImages<T>,
) -> Results {
    let on = metric.on(stream);
    let (with_gradient, gradient) = on.ssim_with_gradient(x, y).expect("valid input");
    Results {
        scores: on.ssim(x, y).expect("valid input"),
        dssim: on.dssim(x, y).expect("valid input"),
        with_gradient,
        gradient,
        map: on.ssim_map(x, y).expect("valid input"),
    }
}

fn of_pair<T: DevicePixel<Float = f32>>(stream: &Stream, pair: &[Array4<T>; 2]) -> Results {
    let [x, y] = upload(stream, pair);
    let results = results(stream, &x, &y);
    // No NaN: it would compare unequal to itself and hide a difference to nothing.
    assert!(results.scores.iter().all(|score| score.is_finite()));
    results
}

#[test]
fn gpu_a_hundred_runs_have_the_same_bits() {
    let Some((_, stream)) = gpu() else { return };
    let [x, y] = upload(&stream, &Scene::Distorted.batches::<f32>([3, 3, 300, 500], 7));
    let expected = results(&stream, &x, &y);
    for run in 0..100 {
        assert!(results(&stream, &x, &y) == expected, "run {run}");
    }
}

#[test]
fn gpu_every_stream_has_the_same_bits() {
    let Some((device, stream)) = gpu() else { return };
    let pair = Scene::Distorted.batches::<u8>([2, 3, 130, 700], 8);
    let expected = of_pair(&stream, &pair);
    for _ in 0..4 {
        let own = Stream::new(&device).expect("a stream");
        assert!(of_pair(&own, &pair) == expected);
        // SAFETY: `own` outlives it and is of this device.
        let wrapped = unsafe { Stream::from_raw(&device, own.as_raw()) }.expect("a stream");
        assert!(of_pair(&wrapped, &pair) == expected);
    }
    // SAFETY: the default stream is always there.
    let default = unsafe { Stream::from_raw(&device, std::ptr::null_mut()) }.expect("a stream");
    assert!(of_pair(&default, &pair) == expected);
}

#[test]
fn gpu_an_image_alone_as_in_a_batch() {
    let Some((_, stream)) = gpu() else { return };
    let pair = Scene::Distorted.batches::<f32>([5, 2, 150, 333], 9);
    let all = of_pair(&stream, &pair);
    for image in 0..5 {
        let only = s![image..image + 1, .., .., ..];
        let alone = of_pair(&stream, &pair.each_ref().map(|images| images.slice(only).to_owned()));
        assert_eq!(alone.scores, all.scores[image..=image]);
        assert_eq!(alone.dssim, all.dssim[image..=image]);
        assert_eq!(alone.with_gradient, all.with_gradient[image..=image]);
        assert_eq!(alone.gradient, all.gradient.slice(only));
        assert_eq!(alone.map, all.map.slice(only));
    }
}

/// Derivatives of windows of 25 taps go through memory, and gradients of small images with 17 are patches.
#[test]
fn gpu_larger_windows_have_the_same_bits_in_any_batch() {
    let Some((_, stream)) = gpu() else { return };
    for (shape, window) in [
        ([5, 3, 1100, 1500], 15),
        ([5, 3, 1100, 1500], 25),
        ([5, 1, 100, 120], 17),
        ([5, 1, 100, 120], 25),
    ] {
        let pair = Scene::Distorted.batches::<f32>(shape, 9);
        let [x, y] = upload(&stream, &pair);
        let metric = Ssim::builder().window(window).build().expect("valid");
        let all = results_of(&metric, &stream, &x, &y);
        let both = both_gradients(&metric, &stream, &x, &y);
        assert!(all.scores.iter().all(|score| score.is_finite()));
        for run in 0..10 {
            assert!(results_of(&metric, &stream, &x, &y) == all, "run {run}");
        }
        for image in [0, 4] {
            let only = s![image..image + 1, .., .., ..];
            let [x, y] = upload(&stream, &pair.each_ref().map(|images| images.slice(only).to_owned()));
            let alone = results_of(&metric, &stream, &x, &y);
            assert_eq!(alone.with_gradient, all.with_gradient[image..=image]);
            assert_eq!(alone.gradient, all.gradient.slice(only));
            assert_eq!(alone.map, all.map.slice(only));
            for (alone, of_all) in both_gradients(&metric, &stream, &x, &y).iter().zip(&both) {
                assert_eq!(alone, of_all.slice(only));
            }
        }
    }
}

/// Derivatives of three so large channels do not fit into a gigabyte: those of two come first, and then the third's.
#[test]
fn gpu_some_channels_at_a_time() {
    let Some((_, stream)) = gpu() else { return };
    let channel = Scene::Distorted.batches::<f32>([1, 1, 600, 5600], 9);
    // Rows again and again, darker from image to image.
    let batch = |of: &Array4<f32>| {
        Array4::from_shape_fn([3, 1, 5600, 5600], |(image, _, row, col)| {
            of[[0, 0, row % 600, col]] * (1.0 - 0.2 * image as f32)
        })
    };
    let pair = channel.each_ref().map(batch);
    let [x, y] = upload(&stream, &pair);
    let metric = Ssim::builder().window(25).build().expect("valid");
    let (scores, gradient) = metric.on(&stream).ssim_with_gradient(&x, &y).expect("valid input");
    let both = both_gradients(&metric, &stream, &x, &y);
    for (image, expected) in scores.iter().enumerate() {
        let only = s![image..image + 1, .., .., ..];
        let [x, y] = upload(&stream, &pair.each_ref().map(|images| images.slice(only).to_owned()));
        let (score, alone) = metric.on(&stream).ssim_with_gradient(&x, &y).expect("valid input");
        assert!(score[0].is_finite() && score[0] == *expected);
        assert!(alone == gradient.slice(only));
        for (alone, of_all) in both_gradients(&metric, &stream, &x, &y).iter().zip(&both) {
            assert!(alone == of_all.slice(only));
        }
    }
}

/// The gradients with respect to x and to y, by one call.
fn both_gradients(metric: &Ssim, stream: &Stream, x: &DeviceImages<f32>, y: &DeviceImages<f32>) -> [Array4<f32>; 2] {
    let new = || DeviceImages::<f32>::new(stream.device(), x.shape()).expect("there is memory");
    let (mut by_x, mut by_y) = (new(), new());
    let outputs = CudaOutputs::new().gradient(&mut by_x).gradient_of_y(&mut by_y);
    metric.on(stream).ssim_of(x, y).compute(outputs).expect("valid input");
    [by_x, by_y].map(|images| images.download(stream).expect("it works"))
}

#[test]
fn gpu_eight_threads_on_one_device() {
    let Some((device, stream)) = gpu() else { return };
    let problems: Vec<_> = (0..8)
        .map(|seed| Scene::Distorted.batches::<f32>([1, 3, 150, 40 + 60 * seed as usize], seed))
        .collect();
    let expected: Vec<_> = problems.iter().map(|pair| of_pair(&stream, pair)).collect();
    std::thread::scope(|scope| {
        for (pair, expected) in problems.iter().zip(&expected) {
            let shared = &stream;
            scope.spawn(move || {
                // One stream each, and one for all.
                let own = Stream::new(&device).expect("a stream");
                for _ in 0..10 {
                    assert!(of_pair(&own, pair) == *expected);
                    assert!(of_pair(shared, pair) == *expected);
                }
            });
        }
    });
}

#[test]
fn gpu_host_images_have_the_same_bits_from_many_threads() {
    let Some((device, stream)) = gpu() else { return };
    let pair = Scene::Distorted.batches::<u8>([2, 3, 200, 300], 10);
    let expected = of_pair(&stream, &pair);
    let [x, y] = &pair;
    let index = device.index();
    let metric = Ssim::builder().backend(Backend::Cuda { device: index }).build();
    let metric = metric.expect("it works");
    assert_eq!(metric.backend(), Backend::Cuda { device: index });
    let check = |metric: &Ssim| {
        let (with_gradient, gradient) = metric.ssim_with_gradient(x, y).expect("valid input");
        let found = Results {
            scores: metric.ssim(x, y).expect("valid input"),
            dssim: metric.dssim(x, y).expect("valid input"),
            with_gradient,
            gradient,
            map: metric.ssim_map(x, y).expect("valid input"),
        };
        assert!(found == expected);
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..5).for_each(|_| check(&metric)));
        }
    });
    let auto = Ssim::default();
    assert_eq!(auto.backend(), Backend::Cuda { device: 0 });
    check(&auto);
}

#[test]
fn gpu_every_order_of_memory_has_the_same_bits() {
    fn check<T: Element + DevicePixel<Float = f32>>(stream: &Stream) {
        let pair = Scene::Distorted.batches::<T>([2, 3, 45, 77], 11);
        let expected = of_pair(stream, &pair);
        for (order, steps) in [
            ([0, 1, 2, 3], [1, 1, 1, 1]),
            ([0, 2, 3, 1], [1, 1, 1, 1]),
            ([3, 2, 1, 0], [1, 1, 1, 1]),
            ([1, 0, 2, 3], [1, 2, 1, 1]),
            ([0, 1, 2, 3], [1, 1, 2, 3]),
            ([0, 1, 3, 2], [-1, 1, 1, -1]),
        ] {
            let arrangement = Arrangement { order, steps };
            let gap = T::from_unit(0.3);
            let [x, y] = pair
                .each_ref()
                .map(|images| Strided::new(images.view(), arrangement, gap));
            let x = DeviceImages::<T>::upload(stream, x.view()).expect("there is memory");
            // Another order than that of x.
            let y = DeviceImages::<T>::upload(stream, &y.view().to_owned()).expect("there is memory");
            assert_eq!(x.shape(), shape(&pair[0]));
            assert!(results(stream, &x, &y) == expected, "{arrangement:?}");
            assert_eq!(x.download(stream).expect("valid"), pair[0], "{arrangement:?}");
        }
    }
    let Some((_, stream)) = gpu() else { return };
    check::<u8>(&stream);
    check::<u16>(&stream);
    check::<f32>(&stream);
}

#[test]
fn gpu_several_devices_work_side_by_side() {
    let Some((_, stream)) = gpu() else { return };
    let count = devices().map_or(0, |devices| devices.len());
    if count < 2 {
        return skipped("there is one GPU, which has no other beside it");
    }
    let pair = &Scene::Distorted.batches::<f32>([2, 3, 300, 400], 12);
    let expected = &of_pair(&stream, pair);
    std::thread::scope(|scope| {
        for index in 0..count {
            scope.spawn(move || {
                let device = Device::new(index).expect("it works");
                let stream = Stream::new(&device).expect("a stream");
                for _ in 0..10 {
                    assert!(of_pair(&stream, pair) == *expected, "device {index}");
                }
            });
        }
    });
    // What is on one device cannot be used on another.
    let other = Device::new(1).expect("it works");
    let [x, y] = upload(&stream, pair);
    let mut scores = DeviceScores::new(&other, 2).expect("there is memory");
    let error = Ssim::default().on(&stream).ssim_into(&x, &y, &mut scores);
    assert!(error.expect_err("another device").to_string().contains("device 1"));
}
