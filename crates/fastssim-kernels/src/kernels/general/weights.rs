//! What the weights of an image's windows sum up to, for weights that the host has not seen.
//!
//! Every tile of one channel leaves the sum of its weights; a kernel of its own adds those, and divides by them what the
//! sums over windows are multiplied by. The order of additions depends on the image alone.

use fastssim_device::global::GlobalMut;
use fastssim_device::thread::block_idx_x;
use fastssim_device::warp::{self, lane};

use super::elements::Plane;
use super::tile::divide;
use crate::general::geometry::{LANES, Work};
use crate::general::params::Params;

/// The sums of weights over tiles, NaN where a weight is negative or not finite; one warp a tile.
///
/// # Safety
/// `params` describes buffers that hold what it says, `partials` those of the weights, and the grid is that of
/// [`launch`](crate::general::geometry::launch).
#[inline(always)]
pub unsafe fn weights(params: &Params) {
    let [tile_rows, tile_cols] = params.tiles(Work::Weights);
    let [image, index] = divide(block_idx_x(), tile_rows * tile_cols);
    let [tile_row, tile_col] = divide(index, tile_cols);
    let [height, width] = params.area(Work::Weights);
    let [rows, _] = params.tile(Work::Weights);
    let (from, col) = (tile_row * rows, tile_col * LANES + lane());
    let weights = Plane::new(&params.counts, image, 0);
    let mut sum = 0.0;
    if col < width {
        for row in from..(from + rows).min(height) {
            // SAFETY: there is a number for each window.
            let weight: f64 = unsafe { weights.at(row, col) };
            // Written so that NaN fails.
            let is_weight = weight >= 0.0 && weight.is_finite();
            sum += if is_weight { weight } else { f64::NAN };
        }
    }
    let sum = warp::sum(sum);
    if lane() == 0 {
        // SAFETY: the workspace has a number for each tile; no other warp has this one.
        unsafe { GlobalMut::<f64>::from_address(params.partials).store(block_idx_x(), sum) };
    }
}

/// Divides the factors of windows and of gradients by the total of the image's weights; all are NaN where that is 0. One
/// warp an image.
///
/// # Safety
/// As [`weights`], which has run; there are factors of windows, and those of gradients if there are any.
#[inline(always)]
pub unsafe fn totals(params: &Params) {
    let image = block_idx_x();
    let [rows, cols] = params.tiles(Work::Weights);
    let tiles = rows * cols;
    let partials = GlobalMut::<f64>::from_address(params.partials);
    let mut sum = 0.0;
    let mut index = lane();
    while index < tiles {
        // SAFETY: the kernel before has left a number for each tile.
        sum += unsafe { partials.load(image * tiles + index) };
        index += LANES;
    }
    let total = warp::sum(sum);
    let factor = if total > 0.0 { 1.0 / total } else { f64::NAN };
    let multiply = |array: u64, index: u32| {
        let array = GlobalMut::<f64>::from_address(array);
        // SAFETY: the array has this number, which no other thread accesses.
        unsafe { array.store(index, array.load(index) * factor) };
    };
    if lane() == 0 {
        multiply(params.window_factors, image);
    }
    let mut channel = lane();
    while params.gradient_factors != 0 && channel < params.channels {
        multiply(params.gradient_factors, image * params.channels + channel);
        channel += LANES;
    }
}
