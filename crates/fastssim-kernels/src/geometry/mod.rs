//! How the work is shared out: sizes of windows, tiles, warps and shared memory, and the launch.

mod march;
mod patch;
mod split;
mod tiles;

pub(crate) use march::{COLUMN, RESERVED, SHARED, STEP, THREADS};
pub use march::{Layout, MOST_SHARED, March, has_wide};
pub use patch::{MOST_PATCH, has_patches};
pub(crate) use patch::{PATCH, PATCH_THREADS, PatchLayout};
pub use split::{MOST_BACK, derivatives_of_channel, launch_adjoint, way};
pub(crate) use tiles::{Tiling, bands, strips};

// What kernels alone ask for.
#[cfg(any(target_arch = "nvptx64", feature = "emulator"))]
pub(crate) use {
    march::{MOST_LAST, SPARE, group, groups_beside, steps_kept},
    patch::pitch,
    split::{back_columns, back_strips, derivatives_area, numbers_of},
};

use crate::params::{Padding, Params};
use tiles::march_tile;

/// Taps of the window that most kernels are compiled for. Smaller windows have weights of zero at both ends.
pub const TAPS: usize = 11;
/// Rows that such a window reaches above its last: what kernels that march are told of their window.
pub const ABOVE: usize = TAPS - 1;
/// Taps of the largest window.
pub const MOST_TAPS: usize = 33;

/// Rows or columns of an image at most beyond whose edges pixels stand: twice as many and a window's are far below 2³¹.
pub const MOST_CONTINUED: u32 = 1 << 29;

/// Threads of a warp.
pub(crate) const LANES: u32 = 32;

/// What a kernel computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The scores.
    Score,
    /// The SSIM of each window.
    Map,
    /// The scores and the gradient with respect to x.
    Gradient,
    /// The scores and the gradients with respect to x and to y.
    Gradients,
}

impl Work {
    /// All there is.
    pub const ALL: [Self; 4] = [Self::Score, Self::Map, Self::Gradient, Self::Gradients];

    /// Whether windows are computed that a tile does not have itself: those that hold one of its pixels.
    #[inline(always)]
    const fn has_gradient(self) -> bool {
        match self {
            Work::Score | Work::Map => false,
            Work::Gradient | Work::Gradients => true,
        }
    }
}

/// The way to do it: all compute the same to rounding, and which is the fastest depends on the image and the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A block marches down the rows of a strip: least work.
    March,
    /// The threads of a block share out a small tile: least time for a small image.
    Patch,
    /// A gradient in two kernels that march, with derivatives in memory between them: least work for a large window.
    Split,
}

/// The geometry of a launch, in one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Blocks.
    pub grid: u32,
    /// Threads of a block.
    pub block: u32,
    /// Bytes of dynamic shared memory of a block.
    pub shared: u32,
    /// Tiles of the batch: numbers that `partials` must have room for.
    pub tiles: u32,
}

/// How to launch the kernel for windows of so many taps, [`TAPS`] at least, and the taps and tiles that it is told; `None` where it would have
/// 2³¹ tiles or more.
pub fn launch(way: Way, work: Work, taps: u32, params: &mut Params) -> Option<Launch> {
    let march = March {
        work,
        above: taps.saturating_sub(1),
        is_split: matches!(way, Way::Split),
        continued: params.padding != Padding::Zero as u32,
    };
    params.taps = taps;
    if !matches!(way, Way::Patch) {
        let area = Tiling::new(params, work, way).area;
        [params.tile_rows, params.tile_cols] = march_tile(march, params.channels, area);
    }
    let [rows, cols] = Tiling::new(params, work, way).tiles();
    let tiles = [params.channels, rows, cols]
        .into_iter()
        .try_fold(params.images, u32::checked_mul)
        .filter(|tiles| *tiles <= i32::MAX as u32)?;
    let (block, shared) = match way {
        Way::March | Way::Split => {
            let threads = march.threads(params.tile_cols);
            (threads, march.layout(threads).end)
        }
        Way::Patch => (PATCH_THREADS, PatchLayout::new(work, march.above).end),
    };
    Some(Launch {
        grid: tiles,
        block,
        shared,
        tiles,
    })
}
