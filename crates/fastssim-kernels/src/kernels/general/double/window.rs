//! The window's weights in shared memory and those of the way back, and windows side by side.

use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::warp::lane;

use super::super::source::source;
use crate::general::geometry::LANES;
use crate::general::params::{Padding, Params};

/// The weights from the first tap to the last.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    weights: Shared<f64>,
    pub(crate) radius: i32,
    pub(crate) taps: u32,
    padding: u32,
}

impl Window {
    /// Writes the weights to `weights`.
    ///
    /// # Safety
    /// All lanes of the warp call it; there is room for the taps; a barrier follows before a weight is used.
    #[inline(always)]
    pub(crate) unsafe fn new(params: &Params, weights: Shared<f64>) -> Self {
        let (radius, taps) = (params.radius as i32, params.taps());
        let mut tap = lane();
        while tap < taps {
            // The weights are registers, which no lane can index.
            let distance = (tap as i32 - radius).unsigned_abs();
            let mut weight = 0.0;
            for k in 0..params.half.len() {
                if k as u32 == distance {
                    weight = params.half[k];
                }
            }
            // SAFETY: each tap is written by one lane.
            unsafe { weights.store(tap, weight) };
            tap += LANES;
        }
        Self {
            weights,
            radius,
            taps,
            padding: params.padding,
        }
    }

    /// Rows to take in above the centre of the first window, where `N` are taken in at a time and the first of them is to be the
    /// last row of a window each time from then on.
    #[inline(always)]
    pub(crate) fn lead<const N: usize>(&self) -> i32 {
        let above = self.taps - 1;
        above.next_multiple_of(N as u32) as i32 - self.radius
    }

    /// Writes a table: what `N` windows side by side count in each of the places that they reach, 0 where they do not reach.
    ///
    /// # Safety
    /// All lanes of the warp call it; the weights have been written, with a barrier since; a barrier follows before the table is
    /// used.
    #[inline(always)]
    pub(crate) unsafe fn tabulate<const N: usize>(&self, table: Shared<f64>) {
        let mut entry = lane();
        while entry < (self.taps + N as u32 - 1) * N as u32 {
            let tap = (entry / N as u32).wrapping_sub(entry % N as u32);
            // SAFETY: there is such a tap; each entry is written by one lane.
            unsafe {
                let weight = if tap < self.taps { self.weight(tap) } else { 0.0 };
                table.store(entry, weight);
            }
            entry += LANES;
        }
    }

    /// The weight of a tap.
    ///
    /// # Safety
    /// The weights have been written, with a barrier since; there is such a tap.
    #[inline(always)]
    pub(crate) unsafe fn weight(&self, tap: u32) -> f64 {
        // SAFETY: as the caller promises.
        unsafe { self.weights.load(tap) }
    }

    /// What the window that is centred `tap` − radius pixels further on counts in the pixel at `at` of a line of
    /// `extent` pixels: for itself, and for all places beyond the edges where it stands too.
    ///
    /// Places beyond are reached only by windows that are no further from the pixel than a window's radius.
    ///
    /// # Safety
    /// As [`weight`](Self::weight).
    #[inline(always)]
    pub(crate) unsafe fn folded(&self, at: i32, extent: i32, tap: u32) -> f64 {
        // SAFETY: as the caller promises, here and below, where the tap is found to be one.
        let mut weight = unsafe { self.weight(tap) };
        let (from_first, from_last) = (at, extent - 1 - at);
        if self.padding == Padding::Zero as u32 || (from_first > self.radius && from_last > self.radius) {
            return weight;
        }
        for beyond in 1..=self.radius {
            for place in [-beyond, extent - 1 + beyond] {
                let other = tap as i32 - (place - at);
                let stands_there = source(self.padding, place, extent) == Some(at);
                if stands_there && other >= 0 && other < self.taps as i32 {
                    // SAFETY: as above.
                    weight += unsafe { self.weight(other as u32) };
                }
            }
        }
        weight
    }
}

/// The sums of `N` windows side by side, each of so many taps, over values at the places that they reach: `weights` says what a
/// place counts in each of them.
#[inline(always)]
pub(crate) fn slide<const N: usize, const M: usize>(
    taps: u32,
    weights: impl Fn(u32) -> [f64; N],
    values: impl Fn(u32) -> [f64; M],
) -> [[f64; M]; N] {
    let mut sums = [[0.0; M]; N];
    // What is not of a window may be NaN.
    let mut add = |place: u32, windows: core::ops::Range<usize>| {
        let (weights, values) = (weights(place), values(place));
        for window in windows {
            for i in 0..M {
                sums[window][i] = fma(weights[window], values[i], sums[window][i]);
            }
        }
    };
    if taps < N as u32 {
        for tap in 0..taps {
            for window in 0..N {
                add(tap + window as u32, window..window + 1);
            }
        }
        return sums;
    }
    for place in 0..N - 1 {
        add(place as u32, 0..place + 1);
    }
    for place in N as u32 - 1..taps {
        add(place, 0..N);
    }
    for place in 1..N {
        add(taps - 1 + place as u32, place..N);
    }
    sums
}
