//! The window of a patch: of eleven taps, or of more that are told.

use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::thread::thread_idx_x;

use super::super::blur;
use crate::geometry::{ABOVE, LANES, MOST_TAPS};
use crate::params::Params;

/// What a kernel knows of its window when it is compiled.
pub(super) trait Window: Sized {
    /// Pieces of the patch's pixels that a warp reads before the block knows their shift.
    const AHEAD: u32;
    /// Whether these are all that a warp has.
    const ARE_ALL: bool;

    /// Rows that it reaches above its last.
    fn above(params: &Params) -> u32;

    /// The window, whose weights may take that memory.
    ///
    /// # Safety
    /// All threads of the block call it, nobody uses that memory otherwise, and a barrier stands before the first sum.
    unsafe fn new(params: &Params, memory: Shared<f32>) -> Self;

    /// The sums of `RUN` windows side by side, of the values that they reach.
    ///
    /// # Safety
    /// A barrier stands between [`new`](Self::new) and this.
    unsafe fn slide<const N: usize, const RUN: usize>(
        &self,
        params: &Params,
        value: impl FnMut(u32) -> [f32; N],
    ) -> [[f32; N]; RUN];
}

/// A window of eleven taps.
pub(super) struct Narrow;

impl Window for Narrow {
    const AHEAD: u32 = 2;
    const ARE_ALL: bool = true;

    #[inline(always)]
    fn above(_: &Params) -> u32 {
        ABOVE as u32
    }

    #[inline(always)]
    unsafe fn new(_: &Params, _: Shared<f32>) -> Self {
        Self
    }

    #[inline(always)]
    unsafe fn slide<const N: usize, const RUN: usize>(
        &self,
        params: &Params,
        mut value: impl FnMut(u32) -> [f32; N],
    ) -> [[f32; N]; RUN] {
        blur::slide_over::<N, ABOVE, RUN>(&params.weights, |at| value(at as u32))
    }
}

/// A window of more.
pub(super) struct Wide {
    taps: u32,
    /// All of them: what a loop counts has no place in registers or among parameters.
    weights: Shared<f32>,
}

impl Window for Wide {
    const AHEAD: u32 = 3;
    const ARE_ALL: bool = false;

    #[inline(always)]
    fn above(params: &Params) -> u32 {
        params.taps - 1
    }

    #[inline(always)]
    unsafe fn new(params: &Params, memory: Shared<f32>) -> Self {
        let above = Self::above(params);
        // The first two warps have more to do than others.
        let tap = thread_idx_x().wrapping_sub(2 * LANES);
        if tap <= above {
            // By masks: what is chosen by its place the compiler would put into local memory. Behind the centre's there are zeros.
            let mut bits = 0;
            for i in 0..MOST_TAPS as u32 / 2 + 1 {
                let is_it = (tap == i) | (tap + i == above);
                bits |= params.weights[i as usize].to_bits() & u32::from(is_it).wrapping_neg();
            }
            // SAFETY: as the caller promises; each place has one thread.
            unsafe { memory.store(tap, f32::from_bits(bits)) };
        }
        Self {
            taps: params.taps,
            weights: memory,
        }
    }

    #[inline(always)]
    unsafe fn slide<const N: usize, const RUN: usize>(
        &self,
        _: &Params,
        mut value: impl FnMut(u32) -> [f32; N],
    ) -> [[f32; N]; RUN] {
        const {
            assert!(
                RUN.is_multiple_of(2) && RUN < 11,
                "the taps are odd, and two values a turn"
            )
        };
        let mut sums = [[0.0; N]; RUN];
        // What a value counts for in each window.
        let mut weights = [0.0; RUN];
        // Values of the first windows alone, then of all, then of the last.
        for at in 0..RUN - 1 {
            // SAFETY: they have been written, and a barrier stands between.
            let tap = unsafe { self.weights.load(at as u32) };
            add(&mut sums, &mut weights, tap, value(at as u32), [0, at + 1]);
        }
        let mut at = RUN as u32 - 1;
        while at < self.taps {
            for i in 0..2 {
                // SAFETY: as above.
                let tap = unsafe { self.weights.load(at + i) };
                add(&mut sums, &mut weights, tap, value(at + i), [0, RUN]);
            }
            at += 2;
        }
        for from in 1..RUN {
            let values = value(at + from as u32 - 1);
            add(&mut sums, &mut weights, 0.0, values, [from, RUN]);
        }
        sums
    }
}

/// Adds the next values to the sums of windows `from` to `to`: the first of all windows counts them by this tap, each other by that of its
/// neighbour before.
#[inline(always)]
fn add<const N: usize, const RUN: usize>(
    sums: &mut [[f32; N]; RUN],
    weights: &mut [f32; RUN],
    tap: f32,
    values: [f32; N],
    [from, to]: [usize; 2],
) {
    for window in (1..RUN).rev() {
        weights[window] = weights[window - 1];
    }
    weights[0] = tap;
    // Not from one to the other: indices that are no constants would put all into local memory.
    for window in 0..RUN {
        if window < from || window >= to {
            continue;
        }
        for map in 0..N {
            sums[window][map] = fma(weights[window], values[map], sums[window][map]);
        }
    }
}
