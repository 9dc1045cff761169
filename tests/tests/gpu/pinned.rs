//! Pinned images: copied while the host goes on, and never changed or freed under a copy.

use fastssim::cuda::{DeviceImages, DevicePixel, DeviceScores, PinnedImages, Stream};
use fastssim::{CudaError, Error, Ssim};
use fastssim_tests::images::{Element, Scene};
use ndarray::Array4;

use crate::{gpu, shape, upload};

#[test]
fn gpu_pinned_images_go_there_and_back() {
    fn check<T: Element + DevicePixel>(stream: &Stream) {
        let device = stream.device();
        for extents in [[1, 1, 1, 1], [2, 3, 33, 41], [1, 3, 1, 7], [5, 1, 20, 1]] {
            let [x, y] = Scene::Distorted.batches::<T>(extents, 1);
            for make in [PinnedImages::<T>::new, PinnedImages::<T>::interleaved] {
                let mut pinned = make(device, extents).expect("there is memory");
                assert_eq!(pinned.shape(), extents);
                assert!(
                    pinned
                        .view()
                        .expect("it works")
                        .iter()
                        .all(|&value| value == T::default())
                );
                pinned.view_mut().expect("it works").assign(&x);
                let mut copy = DeviceImages::upload_pinned(stream, &mut pinned).expect("there is memory");
                assert_eq!(copy.strides(), pinned.strides());
                assert_eq!(copy.download(stream).as_ref(), Ok(&x));
                pinned.view_mut().expect("it works").assign(&y);
                copy.copy_from_pinned(stream, &mut pinned).expect("the same shape");
                pinned.view_mut().expect("it works").fill(T::default());
                copy.copy_to_pinned(stream, &mut pinned).expect("the same shape");
                assert_eq!(pinned.view().expect("it works"), y);
            }
        }
    }
    let Some((_, stream)) = gpu() else { return };
    check::<u8>(&stream);
    check::<u16>(&stream);
    check::<f32>(&stream);
}

#[test]
fn gpu_interleaved_pinned_images_lie_as_decoders_write_them() {
    let Some((device, stream)) = gpu() else { return };
    let mut pinned = PinnedImages::<u8>::interleaved(&device, [2, 3, 40, 50]).expect("there is memory");
    assert_eq!(pinned.strides(), [6000, 1, 150, 3]);
    let pair = Scene::Distorted.batches::<u8>([2, 3, 40, 50], 2);
    pinned.view_mut().expect("it works").assign(&pair[0]);
    let x = DeviceImages::upload_pinned(&stream, &mut pinned).expect("there is memory");
    let planar = upload(&stream, &pair);
    let metric = Ssim::default();
    let on = metric.on(&stream);
    assert_eq!(on.ssim(&x, &planar[1]), on.ssim(&planar[0], &planar[1]));
}

/// Copies of some milliseconds: the host is always far ahead.
#[test]
fn gpu_pinned_images_wait_for_copies_before_they_change() {
    let Some((device, stream)) = gpu() else { return };
    let extents = [1, 1, 8192, 8192];
    let streams = [stream, Stream::new(&device).expect("a stream")];
    let mut pinned = PinnedImages::<u8>::new(&device, extents).expect("there is memory");
    let mut copies = [(); 2].map(|()| DeviceImages::<u8>::new(&device, extents).expect("there is memory"));
    let all_are = |images: &Array4<u8>, value| images.iter().all(|&found| found == value);
    for round in 0..4u8 {
        pinned.view_mut().expect("it works").fill(round + 1);
        // To two places, in two streams; the mark is behind both.
        for (copy, stream) in copies.iter_mut().zip(&streams) {
            copy.copy_from_pinned(stream, &mut pinned).expect("the same shape");
        }
        pinned.view_mut().expect("it works").fill(100);
        for (copy, stream) in copies.iter().zip(&streams) {
            assert!(all_are(&copy.download(stream).expect("it works"), round + 1), "{round}");
        }
        // Back, behind another copy from there.
        copies[0]
            .copy_from_pinned(&streams[0], &mut pinned)
            .expect("the same shape");
        copies[1]
            .copy_to_pinned(&streams[1], &mut pinned)
            .expect("the same shape");
        assert!(pinned.view().expect("it works").iter().all(|&found| found == round + 1));
        let first = copies[0].download(&streams[0]).expect("it works");
        assert!(all_are(&first, 100), "{round}");
    }
    // Dropped while it is copied: the copy is over by then.
    pinned.view_mut().expect("it works").fill(77);
    copies[0]
        .copy_from_pinned(&streams[0], &mut pinned)
        .expect("the same shape");
    drop(pinned);
    assert!(all_are(&copies[0].download(&streams[0]).expect("it works"), 77));
}

/// The pipeline of the documentation, with every score looked at.
#[test]
fn gpu_pinned_pipelines_have_the_scores_of_arrays() {
    let Some((device, stream)) = gpu() else { return };
    let extents = [1, 3, 180, 240];
    let pairs: Vec<_> = (0..12)
        .map(|seed| Scene::Distorted.batches::<u8>(extents, seed))
        .collect();
    let metric = Ssim::default();
    let expected: Vec<_> = pairs
        .iter()
        .map(|pair| {
            let [x, y] = upload(&stream, pair);
            metric.on(&stream).ssim(&x, &y).expect("valid input")
        })
        .collect();
    let mut slots: Vec<_> = (0..3)
        .map(|_| {
            let stream = Stream::new(&device).expect("a stream");
            let pinned = [(); 2].map(|()| PinnedImages::<u8>::new(&device, extents).expect("there is memory"));
            let images = [(); 2].map(|()| DeviceImages::<u8>::new(&device, extents).expect("there is memory"));
            let score = DeviceScores::new(&device, 1).expect("there is memory");
            (stream, pinned, images, score)
        })
        .collect();
    let mut found = Vec::new();
    for step in 0..pairs.len() + slots.len() {
        let index = step % slots.len();
        let (stream, pinned, images, score) = &mut slots[index];
        if step >= 3 {
            found.push(score.download(stream).expect("it works"));
        }
        let Some(pair) = pairs.get(step) else { continue };
        for ((pinned, images), pixels) in pinned.iter_mut().zip(&mut *images).zip(pair) {
            pinned.view_mut().expect("it works").assign(pixels);
            images.copy_from_pinned(stream, pinned).expect("the same shape");
        }
        let [x, y] = &*images;
        metric.on(stream).ssim_into(x, y, score).expect("valid input");
    }
    assert_eq!(found, expected);
}

#[test]
fn gpu_pinned_images_that_do_not_fit() {
    let Some((device, stream)) = gpu() else { return };
    let error = PinnedImages::<u8>::new(&device, [1, 0, 2, 3]).expect_err("empty");
    assert!(matches!(error, Error::Empty { .. }), "{error}");
    let mut pinned = PinnedImages::<u8>::interleaved(&device, [1, 3, 4, 5]).expect("there is memory");
    let mut other = DeviceImages::<u8>::zeros(&stream, [1, 3, 5, 4]).expect("there is memory");
    let error = other.copy_from_pinned(&stream, &mut pinned).expect_err("another shape");
    assert!(
        matches!(
            error,
            Error::OutputShape {
                name: "the pinned images",
                ..
            }
        ),
        "{error}"
    );
    let planar = Array4::<u8>::zeros((1, 3, 4, 5));
    let mut planar = DeviceImages::<u8>::upload(&stream, &planar).expect("there is memory");
    assert_eq!(planar.shape(), [1, 3, 4, 5]);
    for result in [
        planar.copy_from_pinned(&stream, &mut pinned),
        planar.copy_to_pinned(&stream, &mut pinned),
    ] {
        let error = result.expect_err("another order");
        assert!(matches!(error, Error::Cuda(CudaError::Unsupported { .. })), "{error}");
    }
    let zeros = pinned.view().expect("it works").to_owned();
    assert_eq!(shape(&zeros), [1, 3, 4, 5]);
}
