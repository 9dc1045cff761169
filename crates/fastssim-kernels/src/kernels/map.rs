//! The kernel of the map.

use fastssim_device::global::GlobalMut;
use fastssim_device::math::{fma, fresh};
use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, sync_threads, thread_idx_x};

use super::blur::Running;
use super::down::Down;
use super::edges::Edges;
use super::formula::{Constants, Moments};
use super::march::{Columns, March, Run, layout};
use super::pixels::Pixel;
use super::tile::Tile;
use crate::geometry::{ABOVE, STEP, Way, Work};
use crate::params::Params;

/// Rows of a step that are read ahead.
const AHEAD: usize = 5;

/// The SSIM of each window.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub unsafe fn map<P: Pixel, E: Edges>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { down::<P, E, Running<4, ABOVE>, ABOVE>(params) };
}

/// The SSIM of each window, for windows that reach `A` rows above their last.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub(crate) unsafe fn down<P: Pixel, E: Edges, D: Down<A>, const A: usize>(params: &Params) {
    let Some(tile) = Tile::of_block(params, Work::Map, Way::March) else {
        return;
    };
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let layout = layout::<A>(Work::Map, false, block_dim_x());
    // SAFETY: all threads of the block come here, and barriers stand between the writing of columns and the reading of rows.
    let mut march = unsafe { March::<P, E, D, A, AHEAD>::new(params, &layout, &tile, [top, left]) };
    let (run, is_one) = Run::new(((right - left) as u32).div_ceil(STEP));
    let out = GlobalMut::<f32>::from_address(params.out.data).offset(params.out.plane(&tile));
    let shared = Shared::at(layout.sums);
    let col = left + thread_idx_x() as i32;
    let mut row = top;
    while row < bottom {
        // SAFETY: as above.
        unsafe { march.step(row, Columns(shared)) };
        march.read(row + STEP as i32);
        sync_threads();
        let mut ssim = [0.0; STEP as usize];
        if is_one {
            // SAFETY: all threads have written.
            let (along, shift) = unsafe { march.along(&run, Columns(shared)) };
            let constants = Constants::new(params, &shift);
            ssim = along.map(|sums| fma(-2.0, constants.half_deficit(&Moments::new(sums)), 1.0));
        }
        sync_threads();
        // By way of shared memory, so that neighbours write to neighbouring places. The condition is a fresh one: of one that has
        // been looked at before, the compiler makes two ways through all that lies between, with a barrier in each.
        if fresh(is_one.into()) != 0 {
            for i in 0..STEP {
                // SAFETY: each window has one thread, and nobody needs the sums any more.
                unsafe { shared.store(run.row * block_dim_x() + STEP * run.place + i, ssim[i as usize]) };
            }
        }
        sync_threads();
        for i in 0..STEP as i32 {
            if col < right && row + i < bottom {
                let [row, col] = [row + i - tile.map_rows[0], col - tile.map_cols[0]].map(|at| at as u32);
                // SAFETY: the map has a value for each window, and no other thread has this one.
                unsafe {
                    let ssim = shared.load(i as u32 * block_dim_x() + thread_idx_x());
                    out.store(row * params.out.row + col * params.out.col, ssim);
                }
            }
        }
        sync_threads();
        row += STEP as i32;
    }
}
