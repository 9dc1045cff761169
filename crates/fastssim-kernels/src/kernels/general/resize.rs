//! Images made smaller, and the gradient's way back.
//!
//! Along each axis pixel `at` of the small image is the mean of `factor` pixels of the large one, the first of which is
//! `at * factor - (factor - 1) / 2`. These tile the line, which is mirrored beyond its ends, the ends repeated. A warp
//! writes some rows of 32 columns.

use fastssim_device::thread::block_idx_x;
use fastssim_device::warp::lane;

use super::elements::Plane;
use super::source::source;
use super::tile::divide;
use crate::general::geometry::{LANES, LEAST_ROWS, Resizing};
use crate::general::params::{Padding, Resize};

/// What a warp writes: the rows [from, to) of one column a lane, in a channel of an image.
struct Tile {
    image: u32,
    channel: u32,
    rows: [u32; 2],
    col: u32,
    /// Whether there is such a column.
    inside: bool,
}

impl Tile {
    #[inline(always)]
    fn of_block(params: &Resize, resizing: Resizing) -> Self {
        let [tile_rows, tile_cols] = params.tiles(resizing);
        let [plane, index] = divide(block_idx_x(), tile_rows * tile_cols);
        let [tile_row, tile_col] = divide(index, tile_cols);
        let [image, channel] = divide(plane, params.channels);
        let [height, width] = params.area(resizing);
        let (from, col) = (tile_row * LEAST_ROWS, tile_col * LANES + lane());
        Self {
            image,
            channel,
            rows: [from, (from + LEAST_ROWS).min(height)],
            col,
            inside: col < width,
        }
    }
}

/// Makes images smaller: each pixel is the mean of `factor` × `factor` pixels, in double precision.
///
/// # Safety
/// `params` describes buffers that hold what it says, and the grid is that of
/// [`launch_resize`](crate::general::geometry::launch_resize).
#[inline(always)]
pub unsafe fn reduce(params: &Resize) {
    let tile = Tile::of_block(params, Resizing::Reduce);
    let large = Plane::new(&params.large, tile.image, tile.channel);
    let small = Plane::new(&params.small, tile.image, tile.channel);
    let factor = params.factor as i32;
    let first = |at: u32| at as i32 * factor - (factor - 1) / 2;
    let place = |at: i32, extent: u32| source(Padding::Symmetric as u32, at, extent as i32).unwrap_or(0) as u32;
    if !tile.inside {
        return;
    }
    let left = first(tile.col);
    let pixels = f64::from(params.factor) * f64::from(params.factor);
    for row in tile.rows[0]..tile.rows[1] {
        let top = first(row);
        let mut sum = 0.0;
        for j in left..left + factor {
            let col = place(j, params.width);
            // Column by column, as the host adds them.
            let mut of_column = 0.0;
            for i in top..top + factor {
                // SAFETY: the place is inside of the image.
                of_column += unsafe { large.at::<f64>(place(i, params.height), col) };
            }
            sum += of_column;
        }
        // SAFETY: the pixel is inside of the small image, and no other thread has it.
        unsafe { small.store(row, tile.col, sum / pixels) };
    }
}

/// The gradient of the large images from that of the small ones: the adjoint of [`reduce`].
///
/// # Safety
/// As [`reduce`].
#[inline(always)]
pub unsafe fn spread(params: &Resize) {
    let tile = Tile::of_block(params, Resizing::Spread);
    let large = Plane::new(&params.large, tile.image, tile.channel);
    let small = Plane::new(&params.small, tile.image, tile.channel);
    let [small_height, small_width] = params.small_area();
    if !tile.inside {
        return;
    }
    let cols = means_with(params, tile.col, params.width, small_width);
    let pixels = f64::from(params.factor) * f64::from(params.factor);
    for row in tile.rows[0]..tile.rows[1] {
        let mut sum = 0.0;
        for i in means_with(params, row, params.height, small_height) {
            for j in cols {
                if let (Some(i), Some(j)) = (i, j) {
                    // SAFETY: both are inside of the small image.
                    sum += unsafe { small.at::<f64>(i, j) };
                }
            }
        }
        // SAFETY: the pixel is inside of the large image, and no other thread has it.
        unsafe { large.store(row, tile.col, sum / pixels) };
    }
}

/// The pixels of a line of the small image whose means have pixel `at` of the large one in them: by itself, and by its
/// reflections at the two ends.
#[inline(always)]
fn means_with(params: &Resize, at: u32, extent: u32, small: u32) -> [Option<u32>; 3] {
    let (at, extent) = (at as i32, extent as i32);
    [at, -1 - at, 2 * extent - 1 - at].map(|place| {
        let from_first = place + (params.factor as i32 - 1) / 2;
        let [mean, _] = divide(from_first.max(0) as u32, params.factor);
        (from_first >= 0 && mean < small).then_some(mean)
    })
}
