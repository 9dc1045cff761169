//! The window, one way: along columns by running sums, or over values side by side.

use fastssim_device::math::fma;

use crate::geometry::{STEP, TAPS};

/// The weight of a tap. Windows are symmetric, so six registers hold them all.
#[inline(always)]
fn at_tap(weights: &[f32; TAPS], tap: usize) -> f32 {
    weights[if tap < TAPS / 2 { tap } else { TAPS - 1 - tap }]
}

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
            done[map] = fma(at_tap(weights, 0), values[map], self.sums[0][map]);
            for k in 1..TAPS - 1 {
                self.sums[k - 1][map] = fma(at_tap(weights, k), values[map], self.sums[k][map]);
            }
            self.sums[TAPS - 2][map] = at_tap(weights, TAPS - 1) * values[map];
        }
        done
    }
}

/// The sums of `STEP` windows side by side, of the values that they reach.
#[inline(always)]
pub(crate) fn slide<const N: usize>(
    weights: &[f32; TAPS],
    mut value: impl FnMut(usize) -> [f32; N],
) -> [[f32; N]; STEP as usize] {
    let mut sums = [[0.0; N]; STEP as usize];
    for at in 0..STEP as usize + TAPS - 1 {
        let values = value(at);
        for window in 0..STEP as usize {
            if at < window || at >= window + TAPS {
                continue;
            }
            let weight = at_tap(weights, at - window);
            for map in 0..N {
                sums[window][map] = if at == window {
                    weight * values[map]
                } else {
                    fma(weight, values[map], sums[window][map])
                };
            }
        }
    }
    sums
}
