//! The metric with all defaults, as free functions.
//!
//! Zero padding, an 11×11 Gaussian window with σ = 1.5, k1 = 0.01, k2 = 0.03, the element type's own
//! range, DSSIM = 1 − SSIM, the fastest backend. For anything else, build an [`Ssim`].

use std::sync::LazyLock;

use ndarray::{Array, ArrayViewMut};

use crate::config::Ssim;
use crate::error::Result;
use crate::input::Input;

/// Made once: its window has been allocated.
static DEFAULT: LazyLock<Ssim> = LazyLock::new(Ssim::default);

/// The SSIM of each image; see [`Ssim::ssim`].
///
/// ```no_run
/// let score = fastssim::ssim(&image::open("a.png")?, &image::open("b.png")?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn ssim<'a, 'b, X: Input<'a>, Y: Input<'b>>(x: X, y: Y) -> Result<X::Scores> {
    DEFAULT.ssim(x, y)
}

/// The SSIM of each image, into a buffer; see [`Ssim::ssim_into`].
pub fn ssim_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(x: X, y: Y, scores: &mut [f64]) -> Result<()> {
    DEFAULT.ssim_into(x, y, scores)
}

/// The DSSIM of each image; see [`Ssim::dssim`].
pub fn dssim<'a, 'b, X: Input<'a>, Y: Input<'b>>(x: X, y: Y) -> Result<X::Scores> {
    DEFAULT.dssim(x, y)
}

/// The DSSIM of each image, into a buffer; see [`Ssim::dssim_into`].
pub fn dssim_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(x: X, y: Y, scores: &mut [f64]) -> Result<()> {
    DEFAULT.dssim_into(x, y, scores)
}

/// The gradient of each image's SSIM with respect to `x`; see [`Ssim::ssim_gradient`].
pub fn ssim_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(x: X, y: Y) -> Result<Array<X::Real, X::Dim>> {
    DEFAULT.ssim_gradient(x, y)
}

/// The gradient of each image's SSIM, into a buffer; see [`Ssim::ssim_gradient_into`].
pub fn ssim_gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
    x: X,
    y: Y,
    gradient: ArrayViewMut<'_, X::Real, X::Dim>,
) -> Result<()> {
    DEFAULT.ssim_gradient_into(x, y, gradient)
}

/// The SSIM of each image and its gradient; see [`Ssim::ssim_with_gradient`].
pub fn ssim_with_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(
    x: X,
    y: Y,
) -> Result<(X::Scores, Array<X::Real, X::Dim>)> {
    DEFAULT.ssim_with_gradient(x, y)
}

/// The SSIM of each image and its gradient, into buffers; see
/// [`Ssim::ssim_with_gradient_into`].
pub fn ssim_with_gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
    x: X,
    y: Y,
    scores: &mut [f64],
    gradient: ArrayViewMut<'_, X::Real, X::Dim>,
) -> Result<()> {
    DEFAULT.ssim_with_gradient_into(x, y, scores, gradient)
}

/// The gradient of each image's DSSIM with respect to `x`; see [`Ssim::dssim_gradient`].
pub fn dssim_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(x: X, y: Y) -> Result<Array<X::Real, X::Dim>> {
    DEFAULT.dssim_gradient(x, y)
}

/// The gradient of each image's DSSIM, into a buffer; see [`Ssim::dssim_gradient_into`].
pub fn dssim_gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
    x: X,
    y: Y,
    gradient: ArrayViewMut<'_, X::Real, X::Dim>,
) -> Result<()> {
    DEFAULT.dssim_gradient_into(x, y, gradient)
}

/// The DSSIM of each image and its gradient; see [`Ssim::dssim_with_gradient`].
pub fn dssim_with_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(
    x: X,
    y: Y,
) -> Result<(X::Scores, Array<X::Real, X::Dim>)> {
    DEFAULT.dssim_with_gradient(x, y)
}

/// The DSSIM of each image and its gradient, into buffers; see
/// [`Ssim::dssim_with_gradient_into`].
pub fn dssim_with_gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
    x: X,
    y: Y,
    scores: &mut [f64],
    gradient: ArrayViewMut<'_, X::Real, X::Dim>,
) -> Result<()> {
    DEFAULT.dssim_with_gradient_into(x, y, scores, gradient)
}

/// The SSIM of each window; see [`Ssim::ssim_map`].
pub fn ssim_map<'a, 'b, X: Input<'a>, Y: Input<'b>>(x: X, y: Y) -> Result<Array<X::Real, X::Dim>> {
    DEFAULT.ssim_map(x, y)
}

/// The SSIM of each window, into a buffer; see [`Ssim::ssim_map_into`].
pub fn ssim_map_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
    x: X,
    y: Y,
    map: ArrayViewMut<'_, X::Real, X::Dim>,
) -> Result<()> {
    DEFAULT.ssim_map_into(x, y, map)
}
