//! SSIM, DSSIM and their gradients, exact and fast.
//!
//! The structural similarity index of Wang et al. 2004 as a score and as a loss: of one pair of
//! images or of a batch, of pixels as they are (`u8`, `u16`, `f16`, `bf16`, `f32`, `f64`; planar, interleaved, cropped),
//! with the gradient in the same sweep.
//!
//! ```no_run
//! // One pair, one line: zero padding, an 11×11 Gaussian window with σ = 1.5.
//! let score = fastssim::ssim(&image::open("a.png")?, &image::open("b.png")?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Configured once, used for ever:
//!
//! ```
//! use fastssim::{Padding, Ssim};
//! use ndarray::Array4;
//!
//! let metric = Ssim::builder().padding(Padding::Valid).build()?;
//! let x = Array4::from_shape_fn((2, 3, 32, 48), |(n, c, i, j)| (n + c + i * j) as f32 / 2000.0);
//! let y = x.mapv(|value| value * 0.9);
//!
//! let scores = metric.ssim(x.view(), y.view())?; // One score for each image.
//! let (losses, gradient) = metric.dssim_with_gradient(x.view(), y.view())?;
//! assert_eq!((losses.len(), gradient.dim()), (2, x.dim()));
//! assert!((losses[0] - (1.0 - scores[0])).abs() < 1e-7);
//!
//! // In a training loop: the caller's buffers, no allocation.
//! let (mut losses, mut gradient) = ([0.0; 2], Array4::zeros(x.dim()));
//! metric.dssim_with_gradient_into(x.view(), y.view(), &mut losses, gradient.view_mut())?;
//! # Ok::<(), fastssim::Error>(())
//! ```
//!
//! One original and many candidates are compared through a [`Reference`]; [`ScoreSum`] adds up what comes in bit by bit.
//!
//! # Which SSIM this is
//!
//! The score of an image is the mean of the SSIM map over its pixels, then over its channels.
//! What libraries disagree on, and how it is chosen here:
//!
//! | | default | otherwise |
//! |---|---|---|
//! | beyond the edges | zeros: the map has the image's size | [`Padding`]: valid, symmetric, reflect, replicate |
//! | window | Gaussian, 11×11, σ = 1.5, weights that sum to 1 | [`window`](SsimBuilder::window), [`sigma`](SsimBuilder::sigma), [`uniform_window`](SsimBuilder::uniform_window), [`window_weights`](SsimBuilder::window_weights) |
//! | C1 = (k1 L)², C2 = (k2 L)² | k1 = 0.01, k2 = 0.03 | [`k1`](SsimBuilder::k1), [`k2`](SsimBuilder::k2) |
//! | dynamic range L | 255 for `u8`, 65535 for `u16`, 1 for floats | [`data_range`](SsimBuilder::data_range) |
//! | variances | weighted population moments (no n / (n − 1)) | [`Covariance::Sample`] |
//! | luminance, contrast, structure | their product | [`exponents`](SsimBuilder::exponents) |
//! | channels | each on its own, then their mean; no conversion to gray | [`channel_weights`](SsimBuilder::channel_weights) |
//! | pixels | all count the same | [`Pair::weights`] |
//! | downsampling | none | [`Downsampling::Automatic`] |
//! | DSSIM | 1 − SSIM | [`DssimConvention::HalfOneMinusSsim`] |
//! | scores | one an image | [`Pair::channels`], [`Pair::mean`], [`Pair::sum`], [`Pair::map`] |
//! | gradient | of each image's own score, with respect to the first input | [`Pair::gradients`], [`Pair::upstream_of_images`] and others |
//!
//! [`Preset`] has the choices of other libraries by name.
//!
//! # Accuracy
//!
//! Scores are `f64`. `f64` images, all images of fewer than 256×256 pixels, and all options that few need (windows
//! other than Gaussians, exponents, weights of pixels, upstream gradients of the map) are computed in
//! double precision, the others in single precision, arranged so that next to nothing cancels:
//! their score is within 1e-8 of double precision and their gradient within 1e-5 in relative L2
//! norm, near convergence and on flat bright images as well. The exceptions are images in which
//! many windows are alike and all rounded the same way, such as checkerboards and large areas of
//! one colour each: up to 1e-6 for the score and 5e-4 for the gradient. Where that matters,
//! convert to `f64`. A score never exceeds 1; identical images have exactly 1 and a zero gradient.
//! [`dssim`] does not subtract from 1, so that it keeps its digits where the images are close.
//!
//! A result has the same bits from run to run, for any number of threads, and in any batch. It can
//! differ in its last digits between processors with different SIMD instructions, and between a
//! score alone and one computed together with a gradient.
//!
//! These are figures of the CPU backend; those of the CUDA backend are in its module's documentation.
//!
//! # Threads
//!
//! Work is shared out in the current `rayon` pool; small images stay on the calling thread. To limit
//! the number of threads, call from within a pool of your own: `pool.install(|| …)`. There the
//! functions with buffers of the caller's allocate nothing once a thread has its own; from a thread
//! outside the pool, `rayon` allocates now and then to hand the work over.
//!
//! # Features
//!
//! `image` (on by default): inputs of the `image` crate, version 0.25. Without it the crate
//! takes `ndarray` views and slices.
//!
//! `cuda`: the CUDA backend, for Linux on x86-64 and aarch64. Programs that have it start on machines without a GPU as
//! well, and use the processor there. CUDA need not be installed to build it, but one variable must be set; see the
//! documentation of the module `cuda`.

mod backend;
mod builder;
mod config;
mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
mod cuda_error;
mod error;
mod functions;
mod input;
mod metric;
mod options;
mod outputs;
mod pair;
mod preset;
mod problem;
mod reduced;
mod reference;
mod running;
mod weights;
mod window;

pub use builder::SsimBuilder;
pub use config::Ssim;
pub use cuda_error::CudaError;
pub use error::{Error, Result};
pub use functions::{
    dssim, dssim_gradient, dssim_gradient_into, dssim_into, dssim_with_gradient, dssim_with_gradient_into, ssim,
    ssim_gradient, ssim_gradient_into, ssim_into, ssim_map, ssim_map_into, ssim_with_gradient, ssim_with_gradient_into,
};
#[cfg(feature = "image")]
pub use input::{DropAlpha, composite};
pub use input::{Images, Input, Layout, Pixel, Real, Shape};
pub use options::{Backend, Covariance, Downsampling, DssimConvention, Padding};
pub use outputs::Outputs;
pub use pair::Pair;
pub use preset::Preset;
pub use reference::Reference;
pub use running::ScoreSum;
pub use weights::{PixelWeights, Weight};
