//! The window: along columns by running sums, and along rows from shared memory.

use fastssim_device::math::fma;

use crate::geometry::{STEP, TAPS};

/// The unfinished sums of one column, of `N` maps: of the eleven windows that hold the row now read.
///
/// Each row moves every sum one place on, which costs nothing: a fused multiply-add may write to another
/// register than it reads.
#[derive(Clone, Copy)]
pub(crate) struct Running<const N: usize> {
    sums: [[f32; N]; TAPS - 1],
}

impl<const N: usize> Running<N> {
    pub(crate) const NEW: Self = Self {
        sums: [[0.0; N]; TAPS - 1],
    };

    /// Adds a row; the sums of the window whose last row it is.
    #[inline(always)]
    pub(crate) fn push(&mut self, weights: &[f32; TAPS], values: [f32; N]) -> [f32; N] {
        let mut done = [0.0; N];
        for map in 0..N {
            done[map] = fma(weights[0], values[map], self.sums[0][map]);
            for k in 1..TAPS - 1 {
                self.sums[k - 1][map] = fma(weights[k], values[map], self.sums[k][map]);
            }
            self.sums[TAPS - 2][map] = weights[TAPS - 1] * values[map];
        }
        done
    }
}

/// The sums of `STEP` windows side by side in a row, of the columns that they reach.
#[inline(always)]
pub(crate) fn along_row<const N: usize>(
    weights: &[f32; TAPS],
    column: impl Fn(usize) -> [f32; N],
) -> [[f32; N]; STEP as usize] {
    let mut sums = [[0.0; N]; STEP as usize];
    for col in 0..STEP as usize + TAPS - 1 {
        let values = column(col);
        for window in 0..STEP as usize {
            if col < window || col >= window + TAPS {
                continue;
            }
            for map in 0..N {
                sums[window][map] = if col == window {
                    weights[0] * values[map]
                } else {
                    fma(weights[col - window], values[map], sums[window][map])
                };
            }
        }
    }
    sums
}
