//! How the work of the general kernels is shared out: tiles, shared memory, and the launch.
//!
//! A block is one warp, which computes a tile of one channel on its own, marching down its rows, one column a lane.

use super::params::{Params, Resize};
use crate::geometry::Launch;

/// Threads of a block, and columns of a tile.
pub(crate) const LANES: u32 = 32;
/// Rows of a tile of a large image; a window's rows less one are read besides.
const MOST_ROWS: u32 = 96;
/// Rows of a tile of a small image, and the step between the two.
pub(crate) const LEAST_ROWS: u32 = 8;
/// Tiles that an image should have at least, so that one alone keeps a good part of a GPU busy.
const TILES_OF_IMAGE: u32 = 256;
/// Maps of derivatives in the workspace: P, Q, B and C.
pub const DERIVATIVES: u32 = 4;

/// Rows that a warp takes in at a time, in double precision or in single, and windows or pixels of a lane's run in one of these
/// rows: what stands in shared memory is read once for so many of them.
#[inline(always)]
pub(crate) const fn at_once(double: bool) -> u32 {
    if double { 2 } else { 4 }
}

/// Places of a line of the ring, of which the lanes have 32. One more in single precision: what lanes of several rows write at once
/// would meet in the same banks. In double precision there is no room for it.
#[inline(always)]
pub(crate) const fn ring_places(double: bool) -> u32 {
    if double { LANES } else { LANES + 1 }
}

/// What a general kernel computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The windows: their scores, sums of them, and their derivatives.
    Windows,
    /// The gradients, from the windows' derivatives.
    Adjoint,
    /// The means of channels and images, from the sums.
    Means,
    /// Sums over tiles of what windows count.
    Weights,
    /// The totals of those, and factors divided by them.
    Totals,
}

/// What a kernel does that makes images smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resizing {
    /// The small images are the means of pixels of the large ones.
    Reduce,
    /// The adjoint of that: the large gradient is what the small one says of each pixel.
    Spread,
}

impl Params {
    /// Height and width of the map.
    #[inline(always)]
    pub fn map_area(&self) -> [u32; 2] {
        [self.height, self.width].map(|extent| extent - 2 * self.margin)
    }

    /// Height and width of what a kernel is tiled over.
    #[inline(always)]
    pub(crate) fn area(&self, work: Work) -> [u32; 2] {
        match work {
            Work::Windows | Work::Means | Work::Weights | Work::Totals => self.map_area(),
            Work::Adjoint => [self.height, self.width],
        }
    }

    /// Rows of a tile. They depend on the image alone, not on the batch, and so does the order of a sum.
    #[inline(always)]
    pub(crate) fn tile_rows(&self, work: Work) -> u32 {
        let [height, width] = self.area(work);
        // No extent is zero, but the compiler must know it, or it makes room for a panic.
        let tiles_across = self.channels.saturating_mul(width.div_ceil(LANES)).max(1);
        let bands = TILES_OF_IMAGE.div_ceil(tiles_across).max(1);
        let rows = height.div_ceil(bands).div_ceil(LEAST_ROWS).saturating_mul(LEAST_ROWS);
        rows.clamp(LEAST_ROWS, MOST_ROWS)
    }

    /// Rows and columns of tiles of one channel.
    #[inline(always)]
    pub(crate) fn tiles(&self, work: Work) -> [u32; 2] {
        let [height, width] = self.area(work);
        [height.div_ceil(self.tile_rows(work)), width.div_ceil(LANES)]
    }

    /// Pixels of a window's side.
    #[inline(always)]
    pub(crate) fn taps(&self) -> u32 {
        2 * self.radius + 1
    }

    /// Columns that the windows of a tile reach.
    #[inline(always)]
    pub(crate) fn reach(&self) -> u32 {
        LANES + 2 * self.radius
    }

    /// Places of a line in shared memory that has a place for each of these columns. Odd, so that lanes that access several lines
    /// meet in no bank.
    #[inline(always)]
    pub(crate) fn line(&self) -> u32 {
        self.reach() | 1
    }

    /// Places that `n` windows side by side reach.
    #[inline(always)]
    pub(crate) fn span(&self, n: u32) -> u32 {
        self.taps() + n - 1
    }

    /// Rows of the ring where `n` are taken in at a time.
    #[inline(always)]
    pub(crate) fn ring_rows(&self, n: u32) -> u32 {
        self.span(n).next_multiple_of(n)
    }

    /// Whether contrast and structure are needed apart, and so the variance of x.
    #[inline(always)]
    pub(crate) fn is_apart(&self) -> bool {
        self.exponents[1] != self.exponents[2]
    }

    /// Numbers that the ring of the windows' kernel keeps of a row and column.
    #[inline(always)]
    pub(crate) fn signals(&self) -> u32 {
        if self.is_apart() { 5 } else { 4 }
    }

    /// Numbers in the shared memory of a block whose arithmetic has so many bytes: with 33 taps and `f64` less than the 48 KiB that
    /// a block has without asking for more.
    fn shared(&self, work: Work, bytes: u32) -> u32 {
        let double = bytes == 8;
        let n = at_once(double);
        let ring = self.ring_rows(n) * ring_places(double);
        let table = self.span(n) * n;
        match work {
            // The table of weights; the ring; rows of u and v; the weights.
            Work::Windows => table + ring * self.signals() + n * 2 * self.line() + self.taps(),
            // The tables of the rows and of the columns; the ring; rows of derivatives; the weights.
            Work::Adjoint => {
                let tables = table + self.span(n) * LANES;
                tables + DERIVATIVES * (ring + n * self.line()) + self.taps()
            }
            Work::Means | Work::Weights | Work::Totals => 0,
        }
    }

    /// Numbers that `partials` must have room for; `None` where there are 2³¹ or more.
    pub fn partials(&self) -> Option<u32> {
        let [rows, cols] = self.tiles(Work::Windows);
        blocks([self.images, self.channels, rows, cols])
    }

    /// The same where weights are summed.
    pub fn sums_of_weights(&self) -> Option<u32> {
        let [rows, cols] = self.tiles(Work::Weights);
        blocks([self.images, rows, cols, 1])
    }

    /// Numbers that `derivatives` must have room for, for each channel of a launch; `None` where a map of the channel
    /// has 2³¹ or more.
    pub fn derivatives_of_channel(&self) -> Option<u64> {
        let [height, width] = self.map_area();
        let map = blocks([height, width, 1, 1])?;
        Some(u64::from(map) * u64::from(DERIVATIVES))
    }
}

/// How to launch a kernel with an arithmetic of so many bytes; `None` where it would have 2³¹ blocks or more.
pub fn launch(work: Work, params: &Params, bytes: u32) -> Option<Launch> {
    let grid = match work {
        Work::Windows | Work::Adjoint => {
            let [rows, cols] = params.tiles(work);
            blocks([params.chunk, rows, cols, 1])?
        }
        Work::Means | Work::Totals => params.images,
        Work::Weights => params.sums_of_weights()?,
    };
    Some(Launch {
        grid,
        block: LANES,
        shared: params.shared(work, bytes) * bytes,
        tiles: grid,
    })
}

impl Resize {
    /// Height and width of the small images.
    #[inline(always)]
    pub(crate) fn small_area(&self) -> [u32; 2] {
        [self.height, self.width].map(|extent| extent.div_ceil(self.factor.max(1)))
    }

    /// Height and width of what is written.
    #[inline(always)]
    pub(crate) fn area(&self, resizing: Resizing) -> [u32; 2] {
        match resizing {
            Resizing::Reduce => self.small_area(),
            Resizing::Spread => [self.height, self.width],
        }
    }

    /// Rows and columns of tiles of one channel.
    #[inline(always)]
    pub(crate) fn tiles(&self, resizing: Resizing) -> [u32; 2] {
        let [height, width] = self.area(resizing);
        [height.div_ceil(LEAST_ROWS), width.div_ceil(LANES)]
    }
}

/// How to launch a kernel that makes images smaller; `None` where it would have 2³¹ blocks or more.
pub fn launch_resize(resizing: Resizing, params: &Resize) -> Option<Launch> {
    let [rows, cols] = params.tiles(resizing);
    let grid = blocks([params.images, params.channels, rows, cols])?;
    Some(one_warp(grid))
}

/// How to launch the kernel that adds scores to a running sum.
pub fn launch_accumulate() -> Launch {
    one_warp(1)
}

/// So many blocks of one warp, which need no shared memory.
fn one_warp(grid: u32) -> Launch {
    Launch {
        grid,
        block: LANES,
        shared: 0,
        tiles: grid,
    }
}

/// A product that is less than 2³¹.
fn blocks(factors: [u32; 4]) -> Option<u32> {
    factors
        .into_iter()
        .try_fold(1, u32::checked_mul)
        .filter(|&blocks| blocks <= i32::MAX as u32)
}
