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
const MANY_ROWS: u32 = 64;
/// Those of an image that is so large that its tiles keep all multiprocessors busy even so: 8 % and 16 % more work.
const MOST_ROWS: u32 = 128;
/// Rows of a tile of a small image, and the step between the two.
const LEAST_ROWS: u32 = 8;
/// Tiles that an image should have at least, so that one alone keeps a good part of a GPU busy.
const TILES_OF_IMAGE: u32 = 48;
/// Columns of a tile of a gradient: 54, a window less than there are moments, since derivatives are
/// blurred once more.
pub(crate) const GRADIENT_COLS: u32 = MOMENTS - 2 * R as u32;

/// Rows and columns of a patch: the tile of a block, where images are small.
pub(crate) const PATCH: [u32; 2] = [16, 32];
/// Threads of such a block: a row of a patch has one warp.
pub(crate) const PATCH_THREADS: u32 = 256;
/// Patches of an image up to which it is small: 256 × 256 pixels of one channel. Alone it takes a third of the march's
/// time; but where there is enough work for all multiprocessors it takes up to twice as much, since patches that overlap
/// compute much twice. The image alone decides, as a score must not depend on what else is in the batch.
const MOST_PATCHES: u32 = 128;

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

/// The way to do it: both compute the same to rounding, and which is the faster depends on the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A warp marches down the rows of a tile: least work.
    March,
    /// The threads of a block share out a small tile: least time for a small image.
    Patch,
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

    /// Tiles that keep a large GPU busy: an H100 has room for 1584 warps of the score, and for 1056 of the gradient.
    const fn many_tiles(self) -> u32 {
        match self {
            Work::Score | Work::Map => 1400,
            Work::Gradient => 900,
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

/// How what is computed is cut into tiles.
#[derive(Clone, Copy)]
pub(crate) struct Tiling {
    /// Height and width of what is computed: the map, or the image for a gradient.
    pub(crate) area: [u32; 2],
    /// Height and width of a tile.
    pub(crate) tile: [u32; 2],
}

impl Tiling {
    /// That of a kernel.
    #[inline(always)]
    pub(crate) fn new(params: &Params, work: Work, way: Way) -> Self {
        let area = match work {
            Work::Score | Work::Map => [params.height, params.width].map(|extent| extent - 2 * params.margin),
            Work::Gradient => [params.height, params.width],
        };
        let tile = match way {
            Way::March => [tile_rows(params.channels, area, work), work.tile_cols()],
            Way::Patch => PATCH,
        };
        Self { area, tile }
    }

    /// Rows and columns of tiles of one channel.
    #[inline(always)]
    pub(crate) fn tiles(&self) -> [u32; 2] {
        // No extent is zero, but the compiler must know it, or it makes room for a panic.
        [0, 1].map(|axis| self.area[axis].div_ceil(self.tile[axis].max(1)))
    }
}

/// Rows of a tile of the march. They depend on the image alone, not on the batch, and so does the order of a sum.
#[inline(always)]
fn tile_rows(channels: u32, [height, width]: [u32; 2], work: Work) -> u32 {
    // As above: no extent is zero.
    let tiles_across = channels.saturating_mul(width.div_ceil(work.tile_cols())).max(1);
    if tiles_across.saturating_mul(height.div_ceil(MOST_ROWS)) >= work.many_tiles() {
        return MOST_ROWS;
    }
    let bands = TILES_OF_IMAGE.div_ceil(tiles_across).max(1);
    let rows = height.div_ceil(bands).div_ceil(LEAST_ROWS).saturating_mul(LEAST_ROWS);
    rows.clamp(LEAST_ROWS, MANY_ROWS)
}

impl Way {
    /// The one that suits the image.
    pub fn new(work: Work, params: &Params) -> Self {
        let [rows, cols] = Tiling::new(params, work, Way::Patch).tiles().map(u64::from);
        let patches = rows.saturating_mul(cols).saturating_mul(u64::from(params.channels));
        if patches <= u64::from(MOST_PATCHES) {
            Way::Patch
        } else {
            Way::March
        }
    }
}

/// How to launch a kernel; `None` where it would have 2³¹ tiles or more.
pub fn launch(way: Way, work: Work, params: &Params) -> Option<Launch> {
    let [rows, cols] = Tiling::new(params, work, way).tiles();
    let tiles = [params.channels, rows, cols]
        .into_iter()
        .try_fold(params.images, u32::checked_mul)
        .filter(|&tiles| tiles <= i32::MAX as u32)?;
    Some(match way {
        Way::March => Launch {
            grid: tiles.div_ceil(WARPS),
            block: WARPS * LANES,
            shared: WARPS * work.shared_bytes(),
            tiles,
        },
        Way::Patch => Launch {
            grid: tiles,
            block: PATCH_THREADS,
            shared: patch_bytes(work),
            tiles,
        },
    })
}

/// Windows and pixels beyond a patch on each side whose pixels and windows it needs.
#[inline(always)]
pub(crate) const fn patch_windows(work: Work) -> [u32; 2] {
    let beyond = match work {
        Work::Score | Work::Map => 0,
        Work::Gradient => R as u32,
    };
    [PATCH[0] + 2 * beyond, PATCH[1] + 2 * beyond]
}

/// Rows and columns of pixels that the windows of a patch reach.
#[inline(always)]
pub(crate) const fn patch_pixels(work: Work) -> [u32; 2] {
    let [rows, cols] = patch_windows(work);
    [rows + 2 * R as u32, cols + 2 * R as u32]
}

/// Bytes of the pixels of a patch, two numbers each; then come their four sums along rows.
#[inline(always)]
pub(crate) const fn patch_pixel_bytes(work: Work) -> u32 {
    let [rows, cols] = patch_pixels(work);
    rows * cols * 8
}

/// Bytes of shared memory of a block.
#[inline(always)]
const fn patch_bytes(work: Work) -> u32 {
    patch_pixel_bytes(work) + patch_pixels(work)[0] * patch_windows(work)[1] * 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_high_where_there_are_many() {
        let rows = |work, channels, height, width| tile_rows(channels, [height, width], work);
        assert_eq!(rows(Work::Score, 3, 1080, 1920), 64);
        assert_eq!(rows(Work::Gradient, 3, 1080, 1920), 128);
        assert_eq!(rows(Work::Score, 3, 2160, 3840), 128);
        assert_eq!(rows(Work::Map, 720, 70, 65), 128);
        assert_eq!(rows(Work::Score, 1, 300, 1000), 64);
        assert_eq!(rows(Work::Score, 1, 256, 256), 24);
        assert_eq!(rows(Work::Score, 1, 1, 1), 8);
        assert_eq!(rows(Work::Gradient, u32::MAX, u32::MAX, u32::MAX), 128);
    }
}
