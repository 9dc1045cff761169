//! The kernels for windows of more than [`TAPS`](crate::geometry::TAPS) taps, each compiled for one size: `A` is its taps less one.
//!
//! They march as the others do. Unfinished sums along columns would take more registers than there are, so that scores keep
//! pixels, too.

use super::down::Kept;
use super::edges::Edges;
use super::formula::{BOTH, ONE};
use super::gradient::back_and_forth;
use super::pixels::Pixel;
use super::{map as maps, score as scores, split};
use crate::params::Params;

/// The score of each image.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub unsafe fn score<P: Pixel, E: Edges, const A: usize>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { scores::down::<P, E, Kept<A>, A>(params) };
}

/// The SSIM of each window.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub unsafe fn map<P: Pixel, E: Edges, const A: usize>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { maps::down::<P, E, Kept<A>, A>(params) };
}

/// The score of each image, and its gradient with respect to x.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub unsafe fn gradient<P: Pixel, E: Edges, const A: usize>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { back_and_forth::<P, E, ONE, A, 8>(params) };
}

/// The score of each image, and derivatives from which [`adjoint`] makes the gradient with respect to x.
///
/// # Safety
/// As [`score`](super::score()); `derivatives` has room for those of the launch's channels.
#[inline(always)]
pub unsafe fn derivatives<P: Pixel, E: Edges, const A: usize>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { derivatives_of::<P, E, ONE, A>(params) };
}

/// Derivatives by so many maps. A step's rows are all read before the step above is complete, if the places of pixels beyond the edges take
/// no registers.
///
/// # Safety
/// As [`derivatives`].
#[inline(always)]
unsafe fn derivatives_of<P: Pixel, E: Edges, const MAPS: usize, const A: usize>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe {
        if E::ARE_ZEROS {
            split::derivatives::<P, E, MAPS, A, 9>(params);
        } else {
            split::derivatives::<P, E, MAPS, A, 5>(params);
        }
    }
}

/// The gradient with respect to x.
///
/// # Safety
/// As [`derivatives`], which has run for the same channels.
#[inline(always)]
pub unsafe fn adjoint<P: Pixel, E: Edges, const A: usize>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { split::adjoint::<P, E, ONE, A>(params) };
}

/// The score of each image, and derivatives from which [`adjoints`] makes both gradients.
///
/// # Safety
/// As [`derivatives`].
#[inline(always)]
pub unsafe fn derivatives_of_both<P: Pixel, E: Edges, const A: usize>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { derivatives_of::<P, E, BOTH, A>(params) };
}

/// The gradients with respect to x and to y.
///
/// # Safety
/// As [`adjoint`].
#[inline(always)]
pub unsafe fn adjoints<P: Pixel, E: Edges, const A: usize>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { split::adjoint::<P, E, BOTH, A>(params) };
}

/// The score of each image, and its gradients with respect to x and to y.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub unsafe fn gradients<P: Pixel, E: Edges, const A: usize>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { back_and_forth::<P, E, BOTH, A, 8>(params) };
}
