//! How far the library may be from the reference.
//!
//! The figures are the library's promise, not what happens to pass: `f32` (which also computes `u8`
//! and `u16`) has 24 binary digits, so that a window is off by up to some 1e-7, and the mean over
//! many windows by much less; `f64` has 53.

use fastssim::{Backend, Padding, Ssim};
use ndarray::{ArrayBase, Data, Dimension};

use crate::images::Element;

/// Pixels of a channel from which on the tighter tolerance of single precision holds.
pub const LARGE: usize = 256 * 256;

/// The largest errors of score and gradient in single precision for large images that repeat a
/// pattern, such as checkerboards: their windows are all rounded alike, so that the errors of one
/// window, some units of 1e-7, do not average out. The library's documentation says so.
pub const REGULAR: [f64; 2] = [3e-7, 1e-4];

/// The largest absolute error of a score of images of `pixels` pixels, by the CPU backend.
pub fn score<T: Element>(pixels: usize) -> f64 {
    match (T::DOUBLE, pixels >= LARGE) {
        (true, _) => 1e-12,
        (false, true) => 1e-8,
        (false, false) => 2e-7,
    }
}

/// The same by the default backend of this machine, which may be a GPU.
pub fn default_score<T: Element>(pixels: usize) -> f64 {
    if T::DOUBLE || Ssim::default().backend() == Backend::Cpu {
        score::<T>(pixels)
    } else {
        gpu_score(pixels)
    }
}

/// The largest errors of score, gradient and map of the GPU kernels, for images of `pixels` pixels and `windows`
/// windows in the map. Regular patterns get more room, whatever their size: the kernels subtract one number from the
/// pixels of a row's neighbourhood, the CPU one from those of each window.
///
/// At the edges a window of zeros has a large variance; one of mirror images can have less than any other of the image.
pub fn gpu(pixels: usize, windows: usize, regular: bool, padding: Padding) -> [f64; 3] {
    if !regular {
        return [gpu_score(pixels), gradient::<f32>(), map::<f32>()];
    }
    let map = match padding {
        Padding::Zero | Padding::Valid => 5e-5,
        _ => 1e-4,
    };
    // The mean of a few windows is no better than they are.
    [(map / windows as f64).max(1e-6), 3e-4, map]
}

/// The largest absolute error of a score of the GPU kernels, which compute in single precision.
pub fn gpu_score(pixels: usize) -> f64 {
    if pixels >= LARGE { 1e-7 } else { 5e-7 }
}

/// The largest error of a gradient, relative to it in the L2 norm.
pub fn gradient<T: Element>() -> f64 {
    if T::DOUBLE { 1e-11 } else { 1e-5 }
}

/// The largest absolute error of the SSIM of one window: where all else is small, that of a variance
/// divided by C2 = 9e-4. Variances are rounded to some 1e-8 in single and 1e-16 in double precision.
pub fn map<T: Element>() -> f64 {
    if T::DOUBLE { 1e-12 } else { 2e-5 }
}

/// ‖found − expected‖ / ‖expected‖ in the L2 norm; 0 where both are zero, infinite where only
/// `expected` is.
pub fn relative_l2<R, S, P, D>(found: &ArrayBase<S, D>, expected: &ArrayBase<P, D>) -> f64
where
    R: Copy + Into<f64>,
    S: Data<Elem = R>,
    P: Data<Elem = f64>,
    D: Dimension,
{
    assert_eq!(found.shape(), expected.shape());
    let (mut error, mut norm) = (0.0, 0.0);
    for (&found, expected) in found.iter().zip(expected) {
        error += (found.into() - expected).powi(2);
        norm += expected.powi(2);
    }
    if error == 0.0 { 0.0 } else { (error / norm).sqrt() }
}

/// The largest absolute difference; NaN if there is one.
pub fn max_abs<R, S, P, D>(found: &ArrayBase<S, D>, expected: &ArrayBase<P, D>) -> f64
where
    R: Copy + Into<f64>,
    S: Data<Elem = R>,
    P: Data<Elem = f64>,
    D: Dimension,
{
    assert_eq!(found.shape(), expected.shape());
    let differences = found
        .iter()
        .zip(expected)
        .map(|(&found, expected)| (found.into() - expected).abs());
    // `f64::max` would lose a NaN.
    differences.fold(0.0, |max, d| if d <= max { max } else { d })
}
