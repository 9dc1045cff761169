//! The kernel of the scores.

use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, sync_threads};

use super::blur::Running;
use super::down::Down;
use super::edges::Edges;
use super::formula::{Constants, Moments};
use super::march::{Columns, March, Run, layout};
use super::pixels::Pixel;
use super::sum::{Sum, finish_block};
use super::tile::Tile;
use crate::geometry::{ABOVE, STEP, Way, Work};
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
    // SAFETY: as the caller promises.
    unsafe { down::<P, E, Running<4, ABOVE>, ABOVE>(params) };
}

/// The score of each image, for windows that reach `A` rows above their last.
///
/// # Safety
/// As [`score`].
#[inline(always)]
pub(crate) unsafe fn down<P: Pixel, E: Edges, D: Down<A>, const A: usize>(params: &Params) {
    let Some(tile) = Tile::of_block(params, Work::Score, Way::March) else {
        return;
    };
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let layout = layout::<A>(Work::Score, false, block_dim_x());
    // SAFETY: all threads of the block come here, and barriers stand between the writing of columns and the reading of rows.
    let mut march = unsafe { March::<P, E, D, A, AHEAD>::new(params, &layout, &tile, [top, left]) };
    let (run, is_one) = Run::new(((right - left) as u32).div_ceil(STEP));
    let windows = if is_one {
        right - left - (STEP * run.place) as i32
    } else {
        0
    };
    let sums = Columns(Shared::at(layout.sums));
    let mut sum = Sum::default();
    let mut row = top;
    while row < bottom {
        // SAFETY: as above.
        unsafe { march.step(row, sums) };
        march.read(row + STEP as i32);
        sync_threads();
        let mut halves = [0.0; STEP as usize];
        if is_one {
            // SAFETY: all threads have written.
            let (along, shift) = unsafe { march.along(&run, sums) };
            let constants = Constants::new(params, &shift);
            halves = along.map(|sums| constants.half_deficit(&Moments::new(sums)));
        }
        let windows = if row + (run.row as i32) < bottom { windows } else { 0 };
        sum.add_some(halves, [0, windows]);
        sync_threads();
        row += STEP as i32;
    }
    // SAFETY: as the caller promises; nobody needs the sums any more.
    unsafe { finish_block(params, Work::Score, Way::March, &sum, Shared::at(0)) };
}
