//! The patches of small images: their sizes, and the shared memory of a block.

use super::march::PAIR_BYTES;
use super::{R, Work};

/// Rows and columns of a patch: the tile of a block, where images are small.
pub(crate) const PATCH: [u32; 2] = [16, 32];
/// Threads of such a block: a row of a patch has one warp.
pub(crate) const PATCH_THREADS: u32 = 256;

/// Windows and pixels beyond a patch on each side whose pixels and windows it needs.
#[inline(always)]
pub(crate) const fn patch_windows(work: Work) -> [u32; 2] {
    let beyond = work.beyond();
    [PATCH[0] + 2 * beyond, PATCH[1] + 2 * beyond]
}

/// Rows and columns of pixels that the windows of a patch reach.
#[inline(always)]
pub(crate) const fn patch_pixels(work: Work) -> [u32; 2] {
    let [rows, cols] = patch_windows(work);
    [rows + 2 * R as u32, cols + 2 * R as u32]
}

/// Bytes of the pixels of a patch, two numbers each, whose place the derivatives of its windows take; then come the pixels' four
/// sums along rows.
#[inline(always)]
pub(crate) const fn patch_pixel_bytes(work: Work) -> u32 {
    let [rows, cols] = patch_pixels(work);
    let pixels = rows * cols * PAIR_BYTES;
    let [rows, cols] = patch_windows(work);
    let derivatives = match work {
        Work::Score | Work::Map => 0,
        Work::Gradient => rows * cols * 3 * 4,
        Work::Gradients => rows * cols * 4 * 4,
    };
    if pixels > derivatives { pixels } else { derivatives }
}

/// Bytes of shared memory of a block.
#[inline(always)]
pub(super) const fn patch_bytes(work: Work) -> u32 {
    patch_pixel_bytes(work) + patch_pixels(work)[0] * patch_windows(work)[1] * 16
}
