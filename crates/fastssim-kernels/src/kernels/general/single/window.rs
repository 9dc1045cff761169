//! Sums of windows side by side, or below one another, of any number of taps.
//!
//! `STEP` windows of T taps reach T + `STEP` − 1 places. The first eight count in some of them only, as do the last eight; each of those
//! between counts in all, and the table says what two neighbours count:
//!
//! ```text
//! place      0  1  …  8  9  10  …  T − 1  T  …  T + 7
//! window 0   g₀ g₁ …  g₈ g₉ g₁₀ …  g₀
//! window 1      g₀ …  g₇ g₈ g₉  …  g₁     g₀
//!   …                 …            …
//! window 8            g₀ g₁ g₂  …  g₈     g₇ …  g₀
//! ```

use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, thread_idx_x};

use crate::general::params::Params;
use crate::general::single::{ENTRY, Layout};
use crate::geometry::STEP;

/// Windows side by side.
pub(crate) const N: usize = STEP as usize;

/// A window's weights.
#[derive(Clone, Copy)]
pub(crate) struct Window<'a> {
    params: &'a Params,
    pub(crate) taps: u32,
    pub(crate) radius: i32,
    table: Shared<f32>,
}

impl<'a> Window<'a> {
    /// Writes the table: by pairs of places, from the ninth on, what the first tap of the last window to the tap of the first window
    /// that holds the second place count.
    ///
    /// # Safety
    /// All threads of the block call it, nobody else uses that memory, and a barrier follows before sums are asked for.
    #[inline(always)]
    pub(crate) unsafe fn new(params: &'a Params, layout: &Layout) -> Self {
        let table = Shared::at(layout.weights);
        let mut at = thread_idx_x();
        while at < params.entries() * ENTRY {
            let tap = at / ENTRY * 2 + at % ENTRY;
            // The weights are registers, which no thread can index.
            let mut weight = 0.0;
            for i in 0..params.weights.len() {
                if i as u32 == tap {
                    weight = params.weights[i];
                }
            }
            // SAFETY: each has one thread.
            unsafe { table.store(at, weight) };
            at += block_dim_x();
        }
        Self {
            params,
            taps: params.taps(),
            radius: params.radius as i32,
            table,
        }
    }

    /// The sums of `N` windows over values at the places that they reach, but for the last `N` places. They are asked for in order, each
    /// once.
    ///
    /// # Safety
    /// All threads of the block have written the table, and a barrier stands between.
    #[inline(always)]
    pub(crate) unsafe fn begin<const M: usize>(&self, mut value: impl FnMut(u32) -> [f32; M]) -> [[f32; M]; N] {
        let mut sums = [[0.0; M]; N];
        if self.taps < STEP {
            // Not a `match`, of which the compiler makes a table of jumps.
            if self.taps == 3 {
                self.begin_narrow::<3, M>(&mut sums, value);
            } else if self.taps == 5 {
                self.begin_narrow::<5, M>(&mut sums, value);
            } else if self.taps == 7 {
                self.begin_narrow::<7, M>(&mut sums, value);
            }
            return sums;
        }
        for place in 0..N - 1 {
            let values = value(place as u32);
            // All windows, so that the compiler has loops to unroll.
            for window in 0..N {
                if window <= place {
                    add(&mut sums[window], self.edge(place - window), values);
                }
            }
        }
        let (mut place, mut table) = (STEP - 1, self.table);
        while place < self.taps - 1 {
            // SAFETY: as the caller promises; the table has an entry for each pair.
            let weights = unsafe { [table.load4(0), table.load4(4), table.load4(8)] };
            for i in 0..2 {
                let values = value(place + i as u32);
                for window in 0..N {
                    let at = N - 1 + i - window;
                    add(&mut sums[window], weights[at / 4][at % 4], values);
                }
            }
            place += 2;
            table = table.offset(ENTRY);
        }
        sums
    }

    /// Adds the values at the last `N` places, which are asked for in order, each once.
    #[inline(always)]
    pub(crate) fn end<const M: usize>(&self, sums: &mut [[f32; M]; N], value: impl FnMut(usize) -> [f32; M]) {
        if self.taps >= STEP {
            self.end_reaching::<N, M>(sums, value);
        } else if self.taps == 1 {
            self.end_reaching::<1, M>(sums, value);
        } else if self.taps == 3 {
            self.end_reaching::<3, M>(sums, value);
        } else if self.taps == 5 {
            self.end_reaching::<5, M>(sums, value);
        } else {
            self.end_reaching::<7, M>(sums, value);
        }
    }

    /// The weight of a tap of the first nine, or of the last, counted from the last: windows are symmetric.
    #[inline(always)]
    fn edge(&self, tap: usize) -> f32 {
        self.params.weights[tap]
    }

    /// [`begin`](Self::begin) with fewer taps than windows. A tap that there is not, with a weight of zero, would make NaN of NaN.
    #[inline(always)]
    fn begin_narrow<const T: usize, const M: usize>(
        &self,
        sums: &mut [[f32; M]; N],
        mut value: impl FnMut(u32) -> [f32; M],
    ) {
        for place in 0..T - 1 {
            let values = value(place as u32);
            for window in 0..N {
                if window <= place {
                    add(&mut sums[window], self.edge(place - window), values);
                }
            }
        }
    }

    /// [`end`](Self::end), where a place is reached by so many windows.
    #[inline(always)]
    fn end_reaching<const W: usize, const M: usize>(
        &self,
        sums: &mut [[f32; M]; N],
        mut value: impl FnMut(usize) -> [f32; M],
    ) {
        for i in 0..N {
            let values = value(i);
            for window in 0..N {
                if window >= i && window < i + W {
                    add(&mut sums[window], self.edge(window - i), values);
                }
            }
        }
    }
}

#[inline(always)]
fn add<const M: usize>(sums: &mut [f32; M], weight: f32, values: [f32; M]) {
    for i in 0..M {
        sums[i] = fma(weight, values[i], sums[i]);
    }
}
