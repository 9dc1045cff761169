//! Which part of which channel a block computes.
//!
//! The tiles of a launch stand in one line, channel by channel, row by row. A block takes the one of its own number.

use fastssim_device::thread::block_idx_x;

use crate::general::geometry::Work;
use crate::general::params::Params;

/// The tile of a block. Rows and columns are those of the image.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    /// The channel's number in the launch.
    pub(crate) plane: u32,
    pub(crate) image: u32,
    pub(crate) channel: u32,
    /// Its number among the tiles of its channel.
    pub(crate) index: u32,
    /// Its rows: [from, to).
    pub(crate) rows: [i32; 2],
    /// Its columns: [from, to).
    pub(crate) cols: [i32; 2],
}

/// Quotient and remainder. No extent is zero, but the compiler must know it, or it makes room for a panic.
#[inline(always)]
pub(crate) fn divide(value: u32, by: u32) -> [u32; 2] {
    let by = by.max(1);
    [value / by, value % by]
}

impl Tile {
    /// The tile of this block.
    #[inline(always)]
    pub(crate) fn of_block(params: &Params, work: Work) -> Self {
        let [tile_rows, tile_cols] = params.tiles(work);
        let [plane, index] = divide(block_idx_x(), tile_rows * tile_cols);
        let [row, col] = divide(index, tile_cols);
        let [image, channel] = divide(params.first + plane, params.channels);
        let [rows, cols] = spans(params, work, [row, col]);
        Self {
            plane,
            image,
            channel,
            index,
            rows,
            cols,
        }
    }
}

/// The rows and columns of the tile in this row and column of tiles.
#[inline(always)]
pub(crate) fn spans(params: &Params, work: Work, [row, col]: [u32; 2]) -> [[i32; 2]; 2] {
    // A gradient has a value everywhere, a map only within the margin.
    let first = match work {
        Work::Adjoint | Work::Adjoints => 0,
        _ => params.margin,
    };
    let ([height, width], [rows, cols]) = (params.area(work), params.tile(work));
    [(row, rows, height), (col, cols, width)].map(|(index, size, extent)| {
        let from = index * size;
        [first + from, first + (from + size).min(extent)].map(|at| at as i32)
    })
}
