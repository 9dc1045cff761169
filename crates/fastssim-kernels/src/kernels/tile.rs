//! Which part of which image a block computes.
//!
//! The tiles of a batch stand in one line, image by image, channel by channel, row by row. A block takes the one of its own
//! number.

use fastssim_device::math::fresh;
use fastssim_device::thread::{block_idx_x, thread_idx_x};

use crate::geometry::{LANES, Tiling, Way, Work};
use crate::params::{Params, Planes};

/// A tile. Rows and columns are those of the image.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    /// Its number in the batch.
    pub(crate) index: u32,
    pub(crate) image: u32,
    pub(crate) channel: u32,
    /// Tiles of each image.
    pub(crate) tiles_of_image: u32,
    /// Its rows: [from, to).
    pub(crate) rows: [i32; 2],
    /// Its columns: [from, to).
    pub(crate) cols: [i32; 2],
    /// The rows of the image that have windows in the map: [from, to).
    pub(crate) map_rows: [i32; 2],
    /// The columns of the image that have windows in the map: [from, to).
    pub(crate) map_cols: [i32; 2],
}

/// Quotient and remainder. No extent is zero, but the compiler must know it, or it makes room for a panic.
#[inline(always)]
fn divide(value: u32, by: u32) -> (u32, u32) {
    let by = by.max(1);
    (value / by, value % by)
}

/// This thread's warp in its block.
#[inline(always)]
pub(crate) fn warp() -> u32 {
    thread_idx_x() / LANES
}

/// Whether a row or column is one of a range, [from, to).
#[inline(always)]
pub(crate) fn within(at: i32, range: [i32; 2]) -> bool {
    (at >= range[0]) & (at < range[1])
}

impl Tile {
    /// The tile of this thread's block; `None` where there are no more.
    ///
    /// Where it is asked for again it is found again, and kept in no registers between.
    #[inline(always)]
    pub(crate) fn of_block(params: &Params, work: Work, way: Way) -> Option<Self> {
        let mut tiling = Tiling::new(params, work, way);
        tiling.tile = tiling.tile.map(fresh);
        let mut index = fresh(block_idx_x());
        if let Way::Split = way {
            let [rows, cols] = tiling.tiles();
            index += params.first * (rows * cols);
        }
        Self::number(index, params, work, way, &tiling)
    }

    /// That of this thread's block in the second of two kernels, a strip of so many columns; the first one's are in part `beside` the image.
    #[inline(always)]
    pub(crate) fn of_adjoint(params: &Params, beside: u32, strip: u32) -> Self {
        let area = [params.height, params.width + beside];
        let tile = [params.back_rows, strip];
        let [down, across] = Tiling { area, tile }.tiles();
        let (rest, col) = divide(block_idx_x(), across);
        let (plane, row) = divide(rest, down);
        let (image, channel) = divide(params.first + plane, params.channels);
        let span =
            |index: u32, size: u32, extent: u32| [index * size, (index * size + size).min(extent)].map(|at| at as i32);
        let margin = params.margin as i32;
        Self {
            index: block_idx_x(),
            image,
            channel,
            tiles_of_image: params.channels * down * across,
            rows: span(row, tile[0], area[0]),
            cols: span(col, tile[1], area[1]).map(|at| (at - beside as i32).max(0)),
            map_rows: [margin, params.height as i32 - margin],
            map_cols: [margin, params.width as i32 - margin],
        }
    }

    #[inline(always)]
    fn number(index: u32, params: &Params, work: Work, way: Way, tiling: &Tiling) -> Option<Self> {
        let [tile_rows, tile_cols] = tiling.tiles();
        let (rest, col) = divide(index, tile_cols);
        let (rest, row) = divide(rest, tile_rows);
        let (image, channel) = divide(rest, params.channels);
        if image >= params.images {
            return None;
        }
        let margin = params.margin as i32;
        // A gradient has a value everywhere, a map only within the margin.
        let first = match (work, way) {
            (_, Way::Split) => params.derivatives_margin,
            (Work::Gradient | Work::Gradients, _) => 0,
            (Work::Score | Work::Map, _) => margin,
        };
        let span = |index: u32, size: u32, extent: u32| {
            let [from, extent] = [index * size, extent].map(|at| at as i32);
            [first + from, first + (from + size as i32).min(extent)]
        };
        Some(Self {
            index,
            image,
            channel,
            tiles_of_image: params.channels * tile_rows * tile_cols,
            rows: span(row, tiling.tile[0], tiling.area[0]),
            cols: span(col, tiling.tile[1], tiling.area[1]),
            map_rows: [margin, params.height as i32 - margin],
            map_cols: [margin, params.width as i32 - margin],
        })
    }
}

impl Planes {
    /// The distance from the first pixel to that of the tile's channel.
    #[inline(always)]
    pub(crate) fn plane(&self, tile: &Tile) -> i64 {
        i64::from(tile.image) * self.image + i64::from(tile.channel) * self.channel
    }
}
