//! Device memory: whose it is, how much of it, and what happens when there is none left.

use std::ffi::c_void;

use fastssim::cuda::{DeviceImages, DeviceScores, Stream};
use fastssim::{CudaError, Error, Ssim};
use fastssim_tests::images::Scene;
use ndarray::{Array4, Axis, concatenate, s};

use crate::{gpu, shape, upload};

/// An address some elements further on.
fn offset<T>(pointer: *mut c_void, elements: usize) -> *mut c_void {
    pointer.cast::<T>().wrapping_add(elements).cast()
}

#[test]
fn gpu_out_of_memory_leaves_everything_usable() {
    let Some((device, stream)) = gpu() else { return };
    let pair = Scene::Distorted.batches::<f32>([1, 3, 100, 200], 1);
    let [x, y] = upload(&stream, &pair);
    let metric = Ssim::default();
    let expected = metric.on(&stream).ssim_with_gradient(&x, &y);
    // Four terabytes.
    let shape = [1 << 12, 1, 1 << 14, 1 << 14];
    for _ in 0..3 {
        let error = DeviceImages::<f32>::new(&device, shape).expect_err("no device has so much");
        let Error::Cuda(CudaError::OutOfMemory {
            requested,
            free: Some(free),
            ..
        }) = error
        else {
            panic!("{error}");
        };
        assert_eq!(requested, 1 << 42);
        assert!(free > 0 && free < requested);
        assert_eq!(metric.on(&stream).ssim_with_gradient(&x, &y), expected);
    }
}

/// The workspace grows with work in flight.
#[test]
fn gpu_larger_and_larger_without_a_wait() {
    let Some((device, stream)) = gpu() else { return };
    let metric = Ssim::default();
    let problems: Vec<_> = (0..8u32)
        .map(|step| {
            let images = 1usize << step;
            let pair = Scene::Noise.batches::<u8>([images, 1, 64, 90], u64::from(step));
            (
                upload(&stream, &pair),
                DeviceScores::new(&device, images).expect("there is memory"),
            )
        })
        .collect();
    let expected: Vec<_> = problems
        .iter()
        .map(|([x, y], _)| metric.on(&stream).ssim(x, y).expect("valid input"))
        .collect();
    let fresh = Stream::new(&device).expect("a stream");
    fresh.wait_for(&stream).expect("it works");
    let mut problems = problems;
    for ([x, y], scores) in &mut problems {
        metric.on(&fresh).ssim_into(x, y, scores).expect("valid input");
    }
    for ((_, scores), expected) in problems.iter().zip(expected) {
        assert_eq!(scores.download(&fresh), Ok(expected));
    }
}

#[test]
fn gpu_copies_there_and_back() {
    let Some((_, stream)) = gpu() else { return };
    // Beyond the pinned buffers, and with a rest.
    let large = Array4::from_shape_fn((3, 3, 1001, 777), |(n, c, i, j)| (n + 3 * c + 7 * i + 11 * j) as f32);
    let copy = DeviceImages::<f32>::upload(&stream, &large).expect("there is memory");
    assert_eq!(copy.download(&stream).as_ref(), Ok(&large));
    let interleaved = large
        .view()
        .permuted_axes([0, 2, 3, 1])
        .as_standard_layout()
        .into_owned();
    let mut copy =
        DeviceImages::<f32>::upload(&stream, interleaved.view().permuted_axes([0, 3, 1, 2])).expect("memory");
    assert_eq!(copy.strides(), [3 * 1001 * 777, 1, 3 * 777, 3]);
    assert_eq!(copy.download(&stream).as_ref(), Ok(&large));
    let negative = large.mapv(|value| -value);
    copy.copy_from(&stream, &negative).expect("the same shape");
    assert_eq!(copy.download(&stream), Ok(negative));
    let zeros = DeviceImages::<u16>::zeros(&stream, [2, 1, 30, 40]).expect("there is memory");
    assert_eq!(zeros.download(&stream), Ok(Array4::zeros((2, 1, 30, 40))));
}

/// Crops of a larger image, from every offset: rows that are aligned to nothing.
#[test]
fn gpu_raw_pointers_with_any_strides_and_offsets() {
    let Some((device, stream)) = gpu() else { return };
    let pair = Scene::Distorted.batches::<u8>([2, 3, 90, 150], 3);
    let [x, y] = upload(&stream, &pair);
    let metric = Ssim::default();
    let strides = x.strides();
    for (top, left, h, w) in [
        (0, 0, 90, 150),
        (3, 1, 70, 131),
        (1, 7, 64, 64),
        (20, 13, 1, 99),
        (5, 15, 80, 11),
    ] {
        let crop = s![.., .., top..top + h, left..left + w];
        let expected = {
            let [x, y] = upload(&stream, &pair.each_ref().map(|images| images.slice(crop).to_owned()));
            metric.on(&stream).ssim_with_gradient(&x, &y).expect("valid input")
        };
        let [x, y] = [&x, &y].map(|images| {
            let pointer = offset::<u8>(images.as_raw(), top * strides[2] + left);
            // SAFETY: within `images`, which outlives it.
            unsafe { DeviceImages::<u8>::from_raw(&device, pointer, [2, 3, h, w], strides) }.expect("valid")
        });
        assert!(
            metric.on(&stream).ssim_with_gradient(&x, &y).expect("valid input") == expected,
            "{top} {left} {h}x{w}"
        );
        assert_eq!(x.download(&stream).expect("valid"), pair[0].slice(crop));
    }
}

/// Copies within the device go to images of others as well, and to no more than those.
#[test]
fn gpu_copies_to_raw_images() {
    let Some((device, stream)) = gpu() else { return };
    let [x, y] = Scene::Noise.batches::<u16>([2, 3, 30, 40], 6);
    let from = DeviceImages::<u16>::upload(&stream, &x).expect("there is memory");
    let around = DeviceImages::<u16>::upload(&stream, &concatenate![Axis(0), y, y, y]).expect("there is memory");
    let elements = 2 * 3 * 30 * 40;
    let pointer = offset::<u16>(around.as_raw(), elements);
    // SAFETY: the middle third of `around`, which outlives it and is not used meanwhile.
    let raw = unsafe { DeviceImages::<u16>::from_raw(&device, pointer, from.shape(), from.strides()) };
    let mut raw = raw.expect("valid");
    raw.copy_from_device(&stream, &from).expect("the same shape and order");
    assert_eq!(raw.download(&stream).as_ref(), Ok(&x));
    assert_eq!(around.download(&stream), Ok(concatenate![Axis(0), y, x, y]));
    // And from there.
    let mut copy = DeviceImages::<u16>::zeros(&stream, from.shape()).expect("there is memory");
    copy.copy_from_device(&stream, &raw).expect("the same shape and order");
    assert_eq!(copy.download(&stream), Ok(x));
}

/// Outputs that are part of something larger: what is around them stays as it was.
#[test]
fn gpu_raw_outputs_with_gaps() {
    let Some((device, stream)) = gpu() else { return };
    let pair = Scene::Distorted.batches::<f32>([2, 3, 40, 70], 4);
    let [x, y] = upload(&stream, &pair);
    let metric = Ssim::default();
    let (expected_scores, expected) = metric.on(&stream).ssim_with_gradient(&x, &y).expect("valid input");

    let frame = Array4::from_elem((2, 3, 50, 81), 7.5f32);
    let around = DeviceImages::<f32>::upload(&stream, &frame).expect("there is memory");
    let pointer = offset::<f32>(around.as_raw(), 4 * 81 + 5);
    let three = DeviceScores::new(&device, 3).expect("there is memory");
    // SAFETY: within `around`, which outlives it and is not used meanwhile.
    let gradient = unsafe { DeviceImages::<f32>::from_raw(&device, pointer, shape(&expected), around.strides()) };
    let mut gradient = gradient.expect("valid");
    // SAFETY: the first two of three.
    let mut scores = unsafe { DeviceScores::from_raw(&device, three.as_raw(), 2) }.expect("valid");
    let on = metric.on(&stream);
    on.ssim_with_gradient_into(&x, &y, &mut scores, &mut gradient)
        .expect("valid input");
    assert_eq!(scores.download(&stream), Ok(expected_scores));
    assert_eq!(gradient.download(&stream).as_ref(), Ok(&expected));
    let mut whole = around.download(&stream).expect("valid");
    let mut inner = whole.slice_mut(s![.., .., 4..44, 5..75]);
    assert_eq!(inner, expected);
    inner.fill(7.5);
    assert_eq!(whole, frame);
}

#[test]
fn gpu_raw_pointers_that_cannot_be() {
    let Some((device, stream)) = gpu() else { return };
    let around = DeviceImages::<f32>::zeros(&stream, [1, 1, 8, 8]).expect("there is memory");
    for pointer in [std::ptr::null_mut(), offset::<u8>(around.as_raw(), 2)] {
        // SAFETY: within `around`, or refused.
        let images = unsafe { DeviceImages::<f32>::from_raw(&device, pointer, [1, 1, 4, 4], [16, 16, 4, 1]) };
        let error = images.expect_err("null or misaligned");
        assert!(matches!(error, Error::Cuda(CudaError::Address { .. })), "{error}");
        // SAFETY: as above.
        let scores = unsafe { DeviceScores::from_raw(&device, pointer, 1) };
        let error = scores.expect_err("null or misaligned");
        assert!(matches!(error, Error::Cuda(CudaError::Address { .. })), "{error}");
    }
    let per_thread = std::ptr::without_provenance_mut(2);
    // SAFETY: always there, and refused.
    let error = unsafe { Stream::from_raw(&device, per_thread) }.expect_err("another on each thread");
    assert!(matches!(error, Error::Cuda(CudaError::Unsupported { .. })), "{error}");
}

#[test]
fn gpu_arguments_that_do_not_fit() {
    let Some((device, stream)) = gpu() else { return };
    let [x, y] = upload(&stream, &Scene::Noise.batches::<f32>([2, 1, 20, 30], 5));
    let metric = Ssim::default();
    let on = metric.on(&stream);
    let mut three = DeviceScores::new(&device, 3).expect("there is memory");
    let error = on
        .ssim_into(&x, &y, &mut three)
        .expect_err("three scores for two images");
    assert!(matches!(error, Error::OutputShape { name: "scores", .. }), "{error}");
    let mut small = DeviceImages::<f32>::new(&device, [2, 1, 20, 29]).expect("there is memory");
    let error = on.ssim_gradient_into(&x, &y, &mut small).expect_err("too small");
    assert!(matches!(error, Error::OutputShape { name: "gradient", .. }), "{error}");
    let error = on.ssim_map_into(&x, &y, &mut small).expect_err("too small");
    assert!(matches!(error, Error::OutputShape { name: "map", .. }), "{error}");
    let error = on.ssim(&x, &small).expect_err("shapes differ");
    assert!(matches!(error, Error::ShapeMismatch { .. }), "{error}");
    let error = DeviceImages::<u8>::new(&device, [1, 0, 2, 3]).expect_err("empty");
    assert!(matches!(error, Error::Empty { .. }), "{error}");
    let doubles = Array4::<f64>::zeros((1, 1, 20, 30));
    let error = DeviceImages::<f32>::upload(&stream, &doubles).expect_err("another type");
    assert_eq!(error.to_string(), "pixels of type f64: these device images hold f32");
    let error = small.copy_from(&stream, &concatenate![Axis(3), doubles, doubles].mapv(|v| v as f32));
    assert!(
        matches!(error, Err(Error::OutputShape { name: "the input", .. })),
        "{error:?}"
    );
}
