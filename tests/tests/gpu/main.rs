//! The CUDA backend: the same promises as the CPU's, on a GPU where there is one.
//!
//! Every test whose name starts with `gpu_` says that it was skipped, and why, where there is none; those of
//! `absent` run there as well.

mod absent;
mod conformance;
mod determinism;
mod fault;
mod graph;
mod memory;
mod options;
mod pair;
mod pinned;
mod raw;
mod streaming;

use fastssim::cuda::{Device, DeviceImages, DevicePixel, Stream};
use fastssim::{Padding, Ssim};
use fastssim_tests::first_gpu;
use fastssim_tests::suite::PADDINGS;
use ndarray::Array4;

/// The first GPU and a stream of its own, or `None` after saying why there is none.
fn gpu() -> Option<(Device, Stream)> {
    let device = first_gpu()?;
    let stream = Stream::new(&device).expect("a stream");
    Some((device, stream))
}

fn metric(padding: Padding) -> Ssim {
    Ssim::builder()
        .padding(padding)
        .build()
        .expect("the defaults are valid")
}

/// Both on the device.
fn upload<T: DevicePixel>(stream: &Stream, [x, y]: &[Array4<T>; 2]) -> [DeviceImages<T>; 2] {
    [x, y].map(|images| DeviceImages::upload(stream, images).expect("there is memory"))
}

fn shape<T>(images: &Array4<T>) -> [usize; 4] {
    let (n, c, h, w) = images.dim();
    [n, c, h, w]
}
