//! The patches of small images: their sizes, and the shared memory of a block.

use super::march::{COLUMN, PAIR_BYTES};
use super::split::{SPLIT_ONE, way};
use super::{TAPS, Way, Work};

/// Rows and columns of a patch: the tile of a block, where images are small.
pub(crate) const PATCH: [u32; 2] = [16, 32];
/// Threads of such a block.
pub(crate) const PATCH_THREADS: u32 = 256;

/// Places from one line of `cols` numbers in shared memory to the next. Odd: neighbouring threads, which have neighbouring lines, meet in no
/// bank.
#[inline(always)]
pub(crate) const fn pitch(cols: u32) -> u32 {
    cols | 1
}

/// What a patch reaches, and where in the shared memory of its block it is, in bytes. At 0 are u' and v' of pixels, then the derivatives of
/// windows, four numbers each.
#[derive(Clone, Copy)]
pub(crate) struct PatchLayout {
    /// Rows and columns of windows: the patch's own, and for a gradient those that hold one of its pixels.
    pub(crate) windows: [u32; 2],
    /// Rows and columns of the pixels that these reach.
    pub(crate) pixels: [u32; 2],
    /// Sums along rows, four numbers each: of pixels, then of derivatives.
    pub(crate) along: u32,
    /// The weights of a window whose taps are not known when the kernel is compiled.
    pub(crate) weights: u32,
    /// The end of all.
    pub(crate) end: u32,
}

impl PatchLayout {
    /// That of a work, with windows that reach so many rows above their last.
    #[inline(always)]
    pub(crate) const fn new(work: Work, above: u32) -> Self {
        let beyond = if work.has_gradient() { above } else { 0 };
        let windows = [PATCH[0] + beyond, PATCH[1] + beyond];
        let pixels = [windows[0] + above, windows[1] + above];
        let of_pixels = pixels[0] * pitch(pixels[1]) * PAIR_BYTES;
        let of_derivatives = windows[0] * pitch(windows[1]) * COLUMN * 4;
        let along = if work.has_gradient() && of_derivatives > of_pixels {
            of_derivatives
        } else {
            of_pixels
        };
        // Four numbers are one access.
        let along = along.next_multiple_of(COLUMN * 4);
        let weights = along + pixels[0] * pitch(windows[1]) * COLUMN * 4;
        Self {
            windows,
            pixels,
            along,
            weights,
            end: weights + (above + 1) * 4,
        }
    }
}

/// Whether there are patches for a work with windows of so many taps: for all of [`TAPS`], and of more for gradients that one kernel would
/// march. Scores of these take no longer by marches. Gradients in two kernels do: but larger windows reach so many pixels beyond a patch that a
/// batch of patches takes two to four times as long.
pub const fn has_patches(work: Work, taps: u32, continued: bool) -> bool {
    taps <= TAPS as u32 || work.has_gradient() && matches!(way(work, taps, continued), Way::March)
}

/// Bytes of shared memory that a block has at most, where windows are larger than [`TAPS`].
pub const MOST_PATCH: u32 = PatchLayout::new(Work::Gradients, SPLIT_ONE - 2 - 1).end;
