//! The window, one way: along columns by running sums, or over values side by side.
//!
//! A window of T taps has A = T − 1 rows above its last: what these functions are compiled for.

use fastssim_device::math::fma;

use crate::geometry::{MOST_TAPS, STEP};

/// A window's weights, from the first to that of its centre: windows are symmetric.
pub(crate) type Weights = [f32; MOST_TAPS / 2 + 1];

/// The weight of a tap.
#[inline(always)]
pub(crate) fn at_tap<const A: usize>(weights: &Weights, tap: usize) -> f32 {
    weights[if tap <= A / 2 { tap } else { A - tap }]
}

/// The unfinished sums of one column, of `N` maps: of the windows that hold the row now read.
///
/// Each row moves every sum one place on, which costs nothing: a fused multiply-add may write to another
/// register than it reads.
#[derive(Clone, Copy)]
pub(crate) struct Running<const N: usize, const A: usize> {
    sums: [[f32; N]; A],
}

impl<const N: usize, const A: usize> Running<N, A> {
    pub(crate) const NEW: Self = Self { sums: [[0.0; N]; A] };

    /// Adds a row; the sums of the window whose last row it is.
    #[inline(always)]
    pub(crate) fn push(&mut self, weights: &Weights, values: [f32; N]) -> [f32; N] {
        let mut done = [0.0; N];
        for map in 0..N {
            done[map] = fma(at_tap::<A>(weights, 0), values[map], self.sums[0][map]);
            for k in 1..A {
                self.sums[k - 1][map] = fma(at_tap::<A>(weights, k), values[map], self.sums[k][map]);
            }
            self.sums[A - 1][map] = at_tap::<A>(weights, A) * values[map];
        }
        done
    }
}

/// The sums of `STEP` windows side by side, of the values that they reach.
#[inline(always)]
pub(crate) fn slide<const N: usize, const A: usize>(
    weights: &Weights,
    value: impl FnMut(usize) -> [f32; N],
) -> [[f32; N]; STEP as usize] {
    slide_over::<N, A, { STEP as usize }>(weights, value)
}

/// The same of `RUN` windows side by side, of the values that they reach.
#[inline(always)]
pub(crate) fn slide_over<const N: usize, const A: usize, const RUN: usize>(
    weights: &Weights,
    mut value: impl FnMut(usize) -> [f32; N],
) -> [[f32; N]; RUN] {
    let mut sums = [[0.0; N]; RUN];
    for at in 0..RUN + A {
        let values = value(at);
        for window in 0..RUN {
            if at < window || at > window + A {
                continue;
            }
            let weight = at_tap::<A>(weights, at - window);
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
