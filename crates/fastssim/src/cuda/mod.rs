//! The CUDA backend: images in the memory of a GPU, compared where they lie.
//!
//! Images on the host need nothing of this module: with [`Backend::Auto`](crate::Backend::Auto), the default, the
//! functions of [`Ssim`](crate::Ssim) take the GPU where there is one that works, and with
//! [`Backend::Cuda`](crate::Backend::Cuda) they insist. What this module adds are images that are on the device
//! already, results that stay there, and the caller's own streams.
//!
//! ```no_run
//! use fastssim::Ssim;
//! use fastssim::cuda::{Device, DeviceImages, DeviceScores, Stream};
//! use ndarray::Array4;
//!
//! let device = Device::new(0)?;
//! let stream = Stream::new(&device)?;
//! let metric = Ssim::default();
//!
//! // Copies of host images, of any strides.
//! let x = Array4::from_shape_fn((8, 3, 1080, 1920), |(n, c, i, j)| (n + c + i * j) as f32 / 2e6);
//! let y = x.mapv(|value| value * 0.9);
//! let x = DeviceImages::<f32>::upload(&stream, &x)?;
//! let y = DeviceImages::<f32>::upload(&stream, &y)?;
//!
//! // Values on the host, which these functions wait for.
//! let scores: Vec<f64> = metric.on(&stream).ssim(&x, &y)?;
//!
//! // Results on the device: nothing waits, nothing is copied, nothing is allocated.
//! let mut losses = DeviceScores::new(&device, 8)?;
//! let mut gradient = DeviceImages::<f32>::new(&device, x.shape())?;
//! for _step in 0..1000 {
//!     metric.on(&stream).dssim_with_gradient_into(&x, &y, &mut losses, &mut gradient)?;
//!     // … further work in the same stream, on `gradient.as_raw()` …
//! }
//! println!("{:?}", losses.download(&stream)?);
//! # Ok::<(), fastssim::Error>(())
//! ```
//!
//! Memory and streams of other frameworks are used as they are, with [`DeviceImages::from_raw`],
//! [`DeviceScores::from_raw`] and [`Stream::from_raw`]: everything runs in the device's primary context, which
//! PyTorch and the CUDA runtime use too.
//!
//! A stream of pairs from the host is compared as fast as the bus brings it if the host makes the images in
//! [`PinnedImages`]. Calls on device images can be captured in CUDA graphs: see [`CudaSsim`].
//!
//! [`CudaSsim::ssim_of`] and [`CudaSsim::dssim_of`] have all else: scores of channels, weights of pixels, gradients with
//! respect to either image for any upstream gradient. [`DeviceScoreSum`] adds up scores from call to call. Images of the
//! host that are compared with many stay on the device as a [`Reference`](crate::Reference).
//!
//! # What it needs
//!
//! To run: an NVIDIA GPU of compute capability 7.5 (Turing) or later, and its driver; no CUDA toolkit. The driver is
//! looked for when it is first needed, so a program with this feature starts on any machine.
//!
//! To build: no CUDA, but the build script of `cust` wants a folder with a `libcuda.so` for the linker, be it an
//! empty one. It looks in `/usr/local/cuda`, `/opt/cuda`, and where `CUDA_LIBRARY_PATH` says:
//!
//! ```sh
//! mkdir -p link/lib64 && echo 'INPUT()' > link/lib64/libcuda.so
//! export CUDA_LIBRARY_PATH=$PWD/link        # or in the [env] of .cargo/config.toml
//! ```
//!
//! # What is fast
//!
//! `u8`, `u16`, `f16`, `bf16` and `f32`, both images alike, with any padding, windows of 3 to 33 pixels,
//! exponents of 1, channels and pixels that all count the same, and scores of images, their gradient in `f32` with respect to
//! either image or both, or the map of SSIM in `f32`: these have kernels of their own, compiled by the
//! driver when a device first needs those of an element type (and those for symmetric, reflecting and replicating padding, for each
//! size of windows beyond 11 pixels, and for gradients of small images with such windows, when it first needs these). Those for windows of
//! 13 pixels and more are there on devices whose blocks can have 113 KiB of shared memory (compute capability 8.0, 9.0 and 10.x), for images
//! of as many rows and columns at least. All else, up to windows of 33 pixels, is done by general kernels in
//! time proportional to the window's side: also gradients with replicating padding, and all of these paddings where the images have
//! fewer rows or columns than 11, or than the window. Their gradients, and fast ones of 19 or 21 pixels and more, take a
//! workspace of three maps a channel (four in double precision, or for both gradients), in the precision of the
//! arithmetic, for as many channels at a time as fit in 256 MiB (the fast ones: 1 GiB), and one at least. Larger windows are refused by name;
//! with [`Backend::Auto`](crate::Backend::Auto) the processor does those. Device images that are made smaller before they
//! are compared ([`Downsampling::Automatic`](crate::Downsampling::Automatic)) are so in double precision, in the workspace, and
//! compared by the general kernels.
//!
//! # Accuracy
//!
//! Pixels are computed in single precision and summed in double: scores are within 1e-7 of double precision (5e-7
//! for images of fewer than 256×256 pixels), and gradients within 1e-5 in relative L2 norm. The exceptions are images
//! in which many windows are alike (checkerboards, ramps, large areas of one colour each: up to 1e-6 and 3e-4, and 2e-5 for
//! the score of a single window, or 1e-4 where pixels stand beyond an edge), and the gradient with respect to an image beside which the other is all but black
//! (1e-3). A score has the same bits in every run, in every stream and in any batch. The last digits are not those of the
//! CPU backend.
//!
//! Where either image is `f64`, with exponents other than 1, and where images are made smaller first, pixels are computed in
//! double precision: scores are within 1e-11 (1e-10 where one image is all but black beside the other), gradients within
//! 1e-10, and maps and gradients of other types than `f64` are rounded from that (to `f16` and `bf16` by way of `f32`).
//! Elsewhere outputs of `f16` and `bf16` are rounded from single precision, and those of `f64` have no more digits than that.
//!
//! NaN in a pixel makes the map and the gradient NaN as far as the window reaches, and up to five pixels away with the
//! fast kernels, whatever the window.
//!
//! # Several devices, several threads
//!
//! A [`Device`] is cheap to clone and can be used from any thread; several devices work side by side. Threads that
//! use one [`Stream`] get in line; with one for each they do not. Host images need no streams: each thread that calls
//! gets one, with device memory that is kept for later calls. After a kernel has failed, by whomever it was
//! started, the driver refuses all further work of this process on that device:
//! [`CudaError::Fault`](crate::CudaError::Fault) says so at every call.

mod call;
mod device;
mod driver;
mod event;
mod general;
mod host;
mod images;
mod job;
mod layout;
mod memory;
mod metric;
mod module;
mod packing;
mod pair;
mod pinned;
mod plan;
mod ptx;
mod reduced;
mod resident;
mod running;
mod scores;
mod split;
mod staging;
mod stream;
mod sys;
mod workspace;

pub use device::{Device, DeviceInfo, devices};
pub use event::Event;
pub use images::{DeviceImages, DevicePixel, DeviceReal};
pub use metric::CudaSsim;
pub use pair::{CudaOutputs, CudaPair};
pub use pinned::PinnedImages;
pub use running::DeviceScoreSum;
pub use scores::DeviceScores;
pub use stream::Stream;

pub(crate) use call::supports;
pub(crate) use host::{auto, run};
pub(crate) use resident::Residents;
