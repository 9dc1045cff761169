//! The kernel of the scores.

use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, sync_threads};

use super::blur::Running;
use super::edges::Edges;
use super::formula::{Constants, Moments};
use super::march::{Columns, March, Run};
use super::pixels::Pixel;
use super::sum::{Sum, finish_block};
use super::tile::Tile;
use crate::geometry::{STEP, Way, Work};
use crate::params::Params;

/// Rows of a step that are read ahead.
const AHEAD: usize = 5;

/// The score of each image.
///
/// # Safety
/// `params` describes buffers that hold what it says, and the grid is that of
/// [`launch`](crate::geometry::launch).
#[inline(always)]
pub unsafe fn score<P: Pixel, E: Edges>(params: &Params) {
    let Some(tile) = Tile::of_block(params, Work::Score, Way::March) else {
        return;
    };
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let layout = Work::Score.layout(block_dim_x());
    // SAFETY: all threads of the block come here, and barriers stand between the writing of columns and the reading of rows.
    let mut march = unsafe { March::<P, E, Running<4>, AHEAD>::new(params, &layout, &tile, [top, left]) };
    let (run, is_one) = Run::new(((right - left) as u32).div_ceil(STEP));
    let windows = if is_one {
        right - left - (STEP * run.place) as i32
    } else {
        0
    };
    let sums = Columns(Shared::at(0));
    let mut sum = Sum::default();
    let mut row = top;
    while row < bottom {
        // SAFETY: as above.
        unsafe { march.step(row, sums) };
        march.read(row + STEP as i32);
        sync_threads();
        if (windows > 0) & (row + (run.row as i32) < bottom) {
            // SAFETY: all threads have written.
            let (along, shift) = unsafe { march.along(&run, sums) };
            let constants = Constants::new(params, &shift);
            let halves = along.map(|sums| constants.half_deficit(&Moments::new(sums)));
            let mut all = 0.0;
            if windows >= STEP as i32 {
                for i in 0..STEP as usize {
                    all += halves[i];
                }
            } else {
                for i in 0..STEP as usize {
                    all += if (i as i32) < windows { halves[i] } else { 0.0 };
                }
            }
            sum.add(all);
        }
        sync_threads();
        row += STEP as i32;
    }
    // SAFETY: as the caller promises; nobody needs the sums any more.
    unsafe { finish_block(params, Work::Score, Way::March, &sum, Shared::at(0)) };
}
