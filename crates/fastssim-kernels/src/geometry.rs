//! How the work is shared out: sizes of windows, tiles, warps and shared memory, and the launch.

use crate::params::Params;

/// Taps of the window. Smaller windows have weights of zero at both ends.
pub const TAPS: usize = 11;
/// Pixels on each side of the window's centre.
pub(crate) const R: i32 = TAPS as i32 / 2;

/// Threads of a warp.
pub(crate) const LANES: u32 = 32;
/// Warps of a block. They have nothing to do with one another; four to a block keep the number of
/// blocks that a multiprocessor can hold from being the limit.
pub(crate) const WARPS: u32 = 4;
/// Columns that a lane computes.
pub(crate) const COLS: usize = 2;
/// Windows side by side that a warp has the moments of: 64.
pub(crate) const MOMENTS: u32 = LANES * COLS as u32;

/// Rows of a tile of a large image. The 10 rows that its windows reach beyond it are read as well, 20 for a
/// gradient: 16 % and 31 % more work.
const MOST_ROWS: u32 = 64;
/// Rows of a tile of a small image, and the step between the two.
const LEAST_ROWS: u32 = 8;
/// Tiles that an image should have at least, so that one alone keeps a good part of a GPU busy.
const TILES_OF_IMAGE: u32 = 48;
/// Columns of a tile of a gradient: 54, a window less than there are moments, since derivatives are
/// blurred once more.
pub(crate) const GRADIENT_COLS: u32 = MOMENTS - 2 * R as u32;

/// Columns of a row of u' and v' in shared memory: 74.
pub(crate) const ROW_COLS: u32 = MOMENTS + 2 * R as u32;
/// Bytes of such a row, two numbers a column: 592, a multiple of 16.
pub(crate) const ROW_BYTES: u32 = ROW_COLS * 8;
/// Rows that the score and the map keep: one is written while another is read.
const RING_ROWS: u32 = 2;
/// Rows that the gradient keeps: a pixel is needed once more when the rows of two windows have come
/// after it, 10 below it. The next power of two.
pub(crate) const GRADIENT_RING_ROWS: u32 = 16;
/// Bytes of a row of the three derivatives.
const DERIVATIVE_BYTES: u32 = MOMENTS * 12;

/// What a kernel computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The scores.
    Score,
    /// The SSIM of each window.
    Map,
    /// The scores and the gradient.
    Gradient,
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

impl Work {
    /// Rows of `u'` and `v'` that a warp keeps in shared memory.
    pub(crate) const fn ring_rows(self) -> u32 {
        match self {
            Work::Score | Work::Map => RING_ROWS,
            Work::Gradient => GRADIENT_RING_ROWS,
        }
    }

    /// Bytes of shared memory of a warp.
    pub(crate) const fn shared_bytes(self) -> u32 {
        let ring = self.ring_rows() * ROW_BYTES;
        match self {
            Work::Score | Work::Map => ring,
            Work::Gradient => ring + DERIVATIVE_BYTES,
        }
    }

    /// Columns of a tile.
    pub(crate) const fn tile_cols(self) -> u32 {
        match self {
            Work::Score | Work::Map => MOMENTS,
            Work::Gradient => GRADIENT_COLS,
        }
    }
}

impl Params {
    /// Height and width of what `work` is tiled over: the map, or the image for a gradient.
    #[inline(always)]
    pub(crate) fn area(&self, work: Work) -> [u32; 2] {
        match work {
            Work::Score | Work::Map => [self.height, self.width].map(|extent| extent - 2 * self.margin),
            Work::Gradient => [self.height, self.width],
        }
    }

    /// Rows of a tile. They depend on the image alone, not on the batch, and so does the order of a sum.
    #[inline(always)]
    pub(crate) fn tile_rows(&self, work: Work) -> u32 {
        let [height, width] = self.area(work);
        // No extent is zero, but the compiler must know it, or it makes room for a panic.
        let tiles_across = self.channels.saturating_mul(width.div_ceil(work.tile_cols())).max(1);
        let bands = TILES_OF_IMAGE.div_ceil(tiles_across).max(1);
        let rows = height.div_ceil(bands).div_ceil(LEAST_ROWS).saturating_mul(LEAST_ROWS);
        rows.clamp(LEAST_ROWS, MOST_ROWS)
    }

    /// Rows and columns of tiles of one channel.
    #[inline(always)]
    pub(crate) fn tiles(&self, work: Work) -> [u32; 2] {
        let [height, width] = self.area(work);
        [height.div_ceil(self.tile_rows(work)), width.div_ceil(work.tile_cols())]
    }
}

/// How to launch a kernel; `None` where it would have 2³¹ tiles or more.
pub fn launch(work: Work, params: &Params) -> Option<Launch> {
    let [rows, cols] = params.tiles(work);
    let tiles = [params.channels, rows, cols]
        .into_iter()
        .try_fold(params.images, u32::checked_mul)
        .filter(|&tiles| tiles <= i32::MAX as u32)?;
    Some(Launch {
        grid: tiles.div_ceil(WARPS),
        block: WARPS * LANES,
        shared: WARPS * work.shared_bytes(),
        tiles,
    })
}
