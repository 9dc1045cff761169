//! The sum of 1 − SSIM over a tile.

use fearless_simd::prelude::*;

use super::compute::Compute;
use super::formula::{Constants, Moments, deficit};
use super::lanes::{BLOCK, Line, groups, splat, store};
use super::shift::Shift;

/// The sum of 1 − SSIM over a tile.
///
/// Sixteen columns are added in single precision, then all in double precision, so that no sum is
/// long. Where the tile seems to be flat, what is added are differences from the deficit of a flat
/// region, whose own is known in double precision: all its pixels would be rounded the same way.
pub(super) struct DeficitSum<T> {
    /// The deficit of a flat region as the sweep computes it, and in double precision; or zeros.
    pub(super) flat: Line<T>,
    exact: f64,
    /// One for each row of a sub-block.
    sums: [f64; BLOCK],
}

impl<T: Compute> DeficitSum<T> {
    /// A sum of nothing. Only a tile whose windows are `alike`, in how they count and by which formula, can be flat.
    #[inline(always)]
    pub(super) fn new<S: Simd>(simd: S, shift: &Shift<T>, constants: &Constants<T>, c1: f64, alike: bool) -> Self {
        let mut flat = Line::default();
        let mut exact = 0.0;
        if shift.flat && alike {
            let zero = splat::<S, T>(simd, T::default());
            let [u, v, su, sv] = [zero; 4];
            let at_shift = deficit(simd, constants, Moments { u, v, su, sv });
            for group in 0..groups::<S, T>() {
                store::<S, T>(at_shift, &mut flat, group);
            }
            exact = Constants::flat_deficit(shift, c1);
        }
        Self {
            flat,
            exact,
            sums: [0.0; BLOCK],
        }
    }

    /// Adds a line of sums over `count` columns each: those of the lanes `rows`.
    #[inline(always)]
    pub(super) fn add(&mut self, sums: &Line<T>, rows: [usize; 2], count: usize) {
        let [exact, flat] = [self.exact, self.flat.0[0].to_f64()].map(|flat| flat * count as f64);
        for (i, (total, sum)) in self.sums.iter_mut().zip(sums.0).enumerate() {
            let sum = sum.to_f64();
            let sum = sum + if sum == 0.0 { exact } else { flat };
            *total += if i >= rows[0] && i < rows[1] { sum } else { 0.0 };
        }
    }

    pub(super) fn total(&self) -> f64 {
        self.sums.iter().sum()
    }
}
