//! From the halves of deficits that a thread adds up to the score of an image, in one launch.
//!
//! Every tile leaves one number; the last of an image to do so adds them. Whoever that is, the order of additions is the
//! same, so a score has the same bits in every run and batch.

use fastssim_device::global::GlobalMut;
use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, fence, sync_threads};
use fastssim_device::warp::{self, lane};

use super::tile::{Tile, warp as warp_of_block};
use crate::geometry::{LANES, STEP, Way, Work};
use crate::params::Params;

/// Numbers that a lane reads before it waits for the first.
const AT_ONCE: usize = 4;

/// A sum that keeps what each addition rounds off (Kahan 1965): a lane adds a hundred numbers of
/// like size, and in regular images all lanes would be off the same way.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum {
    total: f32,
    rest: f32,
}

impl Sum {
    #[inline(always)]
    pub(crate) fn add(&mut self, value: f32) {
        let value = value + self.rest;
        let total = self.total + value;
        self.rest = value - (total - self.total);
        self.total = total;
    }

    /// Adds what a run has of some of its windows, [from, to). What does not count is masked: under a condition, the compiler would finish
    /// window after window there, and keep the columns of all for it.
    #[inline(always)]
    pub(crate) fn add_some(&mut self, values: [f32; STEP as usize], [from, to]: [i32; 2]) {
        let mut sum = 0.0;
        for i in 0..STEP as i32 {
            sum += if (i >= from) & (i < to) {
                values[i as usize]
            } else {
                0.0
            };
        }
        self.add(sum);
    }

    #[inline(always)]
    fn total(&self) -> f64 {
        f64::from(self.total) + f64::from(self.rest)
    }
}

/// The sum over all threads of a block, in its first warp, by way of as many numbers in `shared` as it has warps.
///
/// # Safety
/// All threads of the block call it once; nobody else uses that memory.
#[inline(always)]
pub(crate) unsafe fn sum_of_block(sum: &Sum, shared: Shared<f64>) -> f64 {
    let partial = warp::sum(sum.total());
    if lane() == 0 {
        // SAFETY: each warp has a number of its own.
        unsafe { shared.store(warp_of_block(), partial) };
    }
    sync_threads();
    let mut partial = 0.0;
    if (warp_of_block() == 0) & (lane() < block_dim_x() / LANES) {
        // SAFETY: all warps have left their number before the barrier.
        partial = unsafe { shared.load(lane()) };
    }
    warp::sum(partial)
}

/// Leaves the sum of (1 − SSIM) / 2 of all threads of a block over its tile, by way of as many numbers in `shared` as it has
/// warps; if the block is the last of its image, writes the score.
///
/// # Safety
/// All threads of the block call it once; nobody else uses that memory, and the workspace is as [`Params`] says.
#[inline(always)]
pub(crate) unsafe fn finish_block(params: &Params, work: Work, way: Way, sum: &Sum, shared: Shared<f64>) {
    // SAFETY: as the caller promises.
    let partial = unsafe { sum_of_block(sum, shared) };
    if warp_of_block() != 0 {
        return;
    }
    let Some(tile) = Tile::of_block(params, work, way) else {
        return;
    };
    // SAFETY: as the caller promises; this warp is the only one, and the workspace has a number for each tile.
    unsafe {
        if lane() == 0 {
            GlobalMut::<f64>::from_address(params.partials).store(tile.index, partial);
        }
        count(params, &tile);
    }
}

/// Counts a tile; the last one of an image writes its score.
///
/// # Safety
/// All lanes of a warp call it once, and the workspace is as [`Params`] says.
#[inline(always)]
unsafe fn count(params: &Params, tile: &Tile) {
    let partials = GlobalMut::<f64>::from_address(params.partials);
    let counters = GlobalMut::<u32>::from_address(params.counters);
    let mut before = 0;
    if lane() == 0 {
        // SAFETY: the workspace has a number for each image.
        unsafe {
            fence();
            before = counters.atomic_add(tile.image, 1);
        }
    }
    if warp::shuffle(before, 0) != tile.tiles_of_image - 1 {
        return;
    }
    // The shuffle says to all lanes what the first has found, but orders no memory.
    warp::sync();
    fence();
    let mut sums = [0.0; AT_ONCE];
    let mut first = lane();
    while first < tile.tiles_of_image {
        for i in 0..AT_ONCE {
            let index = first + i as u32 * LANES;
            if index < tile.tiles_of_image {
                // SAFETY: all tiles of the image have left their number before they were counted.
                sums[i] += unsafe { partials.load_coherent(tile.image * tile.tiles_of_image + index) };
            }
        }
        first += AT_ONCE as u32 * LANES;
    }
    let sum = warp::sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
    if lane() == 0 {
        let [rows, cols] = [params.height, params.width].map(|extent| f64::from(extent - 2 * params.margin));
        let mean = 2.0 * sum / (f64::from(params.channels) * rows * cols);
        // Rounding alone can make it negative; NaN stays.
        let deficit = if mean < 0.0 { 0.0 } else { mean };
        // SAFETY: one warp finishes an image, and nobody counts its tiles any more.
        unsafe {
            let score = params.score_offset + params.score_factor * deficit;
            GlobalMut::<f64>::from_address(params.scores).store(tile.image, score);
            counters.store(tile.image, 0);
        }
    }
}
