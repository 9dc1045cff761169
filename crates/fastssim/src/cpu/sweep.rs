//! The sweep over a tile: a column of blocks at a time, from left to right.
//!
//! ```text
//! for each block column (16 pixels wide, the tile's height and the window's margin high):
//!     u, v                  ← pixels                                   lines are rows
//!     for each sub-block (16 rows):
//!         means, variances  of u and v along columns, transposed       lines are columns
//!         means, variances  of those along rows: the moments of 16 × 16 pixels
//! ```
//!
//! Both blurs run along lines (see [`super::blur`]), so neither needs a shuffle but for the
//! transposition. The blur along rows needs the columns to the left: the last 2r of them are kept.
//! All buffers of a block column together fit the first-level cache; none depends on the image's
//! size.

use fearless_simd::prelude::*;

use super::blur::mean_and_variance;
use super::compute::Compute;
use super::fill::fill;
use super::formula::Moments;
use super::lanes::{BLOCK, Line, Vector, groups, load, splat, store, transpose};
use super::pixels::Planes;
use super::scratch::{Scratch, Signals, history};
use super::shift::Shift;

/// A sweep over the windows whose centres are in some rows, from some column on.
#[derive(Clone, Copy)]
pub(super) struct Sweep<'a, 'p, T> {
    pub(super) planes: &'a Planes<'p>,
    pub(super) shift: Shift<T>,
    /// The window from its centre outwards.
    pub(super) half: &'a [T],
    /// The first row of centres.
    pub(super) row: isize,
    /// Sub-blocks of sixteen rows of centres.
    pub(super) blocks: usize,
    /// The first column that is read.
    pub(super) col: isize,
    pub(super) signals: Signals,
}

impl<T: Compute> Sweep<'_, '_, T> {
    pub(super) fn radius(&self) -> usize {
        self.half.len() - 1
    }

    /// The maps of derivatives, which the compiler knows unless `MAPS` is 0.
    #[inline(always)]
    pub(super) fn maps<const MAPS: usize>(&self) -> usize {
        if MAPS > 0 { MAPS } else { self.signals.derivatives }
    }

    /// Reads block column `index` and blurs it along columns.
    #[inline(always)]
    pub(super) fn read<S: Simd>(&self, simd: S, index: usize, scratch: &mut Scratch<T>) {
        let radius = self.radius();
        let rows = self.blocks * BLOCK;
        let col = self.col + (index * BLOCK) as isize;
        let u = &mut scratch.u[..rows + 2 * radius];
        let v = &mut scratch.v[..rows + 2 * radius];
        fill(simd, self.planes, &self.shift, self.row - radius as isize, col, u, v);
        if self.signals.x {
            mean_of_both(simd, u, v, &mut scratch.x[..rows + 2 * radius]);
        }
        let history = history(radius);
        let (mean, rest) = scratch.blurred.split_at_mut(BLOCK);
        let variance = &mut rest[..BLOCK];
        let signals = self.signals.count();
        let columns = scratch
            .columns
            .chunks_exact_mut(2 * signals * history)
            .take(self.blocks);
        for (block, columns) in columns.enumerate() {
            let (of_u, rest) = columns.split_at_mut(2 * history);
            let (of_v, of_x) = rest.split_at_mut(2 * history);
            self.blur_columns(simd, block, u, of_u, mean, variance);
            self.blur_columns(simd, block, v, of_v, mean, variance);
            if self.signals.x {
                self.blur_columns(simd, block, &scratch.x, of_x, mean, variance);
            }
        }
    }

    /// Blurs one signal of a sub-block along columns.
    #[inline(always)]
    fn blur_columns<S: Simd>(
        &self,
        simd: S,
        block: usize,
        lines: &[Line<T>],
        columns: &mut [Line<T>],
        mean: &mut [Line<T>],
        variance: &mut [Line<T>],
    ) {
        let history = history(self.radius());
        let from = &lines[block * BLOCK..][..history];
        let first = self.row - self.radius() as isize + (block * BLOCK) as isize;
        let near = middle(first, history, self.planes.height());
        for group in 0..groups::<S, T>() {
            let center = center(simd, from, near, group);
            mean_and_variance(simd, self.half, group, from, &[], center, mean, variance);
        }
        let (means, variances) = columns.split_at_mut(history);
        append(simd, means, mean);
        append(simd, variances, variance);
    }

    /// The moments of sub-block `block`, of the centres r columns to the left of block column
    /// `index`, which was read last.
    #[inline(always)]
    pub(super) fn moments<S: Simd>(&self, simd: S, index: usize, block: usize, scratch: &mut Scratch<T>) {
        let history = history(self.radius());
        let first = self.col + ((index + 1) * BLOCK) as isize - history as isize;
        let near = middle(first, history, self.planes.width());
        let signals = self.signals.count();
        let columns = scratch.columns.chunks_exact(2 * history).skip(block * signals);
        let moments = scratch.moments.chunks_exact_mut(2 * BLOCK).take(signals);
        for (columns, moments) in columns.zip(moments) {
            let (from, spread) = columns.split_at(history);
            let (mean, variance) = moments.split_at_mut(BLOCK);
            for group in 0..groups::<S, T>() {
                let center = center(simd, from, near, group);
                mean_and_variance(simd, self.half, group, from, spread, center, mean, variance);
            }
        }
    }
}

/// Block columns that must be read before the first whose moments are complete.
pub(super) fn lead(radius: usize) -> usize {
    (2 * radius).div_ceil(BLOCK)
}

/// Three of the `count` lines from image row or column `first` on: those around the middle, within
/// the image's `extent`. What lies beyond is no sign of what the pixels are near to.
#[inline(always)]
fn middle(first: isize, count: usize, extent: usize) -> [usize; 3] {
    let last = count as isize - 1;
    let from = (-first).clamp(0, last);
    let to = (extent as isize - 1 - first).clamp(from, last);
    [-5, 0, 5].map(|offset| (last / 2 + offset).clamp(from, to) as usize)
}

/// The median of three lines: a value that the pixels have, so that flat regions stay exact, and
/// no outlier. Where it is not finite it is 0, so that NaN stays within the windows that hold it.
#[inline(always)]
fn center<S: Simd, T: Compute>(simd: S, lines: &[Line<T>], near: [usize; 3], group: usize) -> Vector<S, T> {
    let a = load::<S, T>(simd, &lines[near[0]], group);
    let b = load::<S, T>(simd, &lines[near[1]], group);
    let c = load::<S, T>(simd, &lines[near[2]], group);
    let median = a.min(b).max(a.max(b).min(c));
    let zero = splat::<S, T>(simd, T::default());
    (median * T::default()).simd_eq(zero).select(median, zero)
}

/// Appends the transposed `block` to `columns`, whose oldest sixteen lines go.
#[inline(always)]
pub(super) fn append<S: Simd, T: Compute>(simd: S, columns: &mut [Line<T>], block: &[Line<T>]) {
    let kept = columns.len() - BLOCK;
    columns.copy_within(BLOCK.., 0);
    transpose(simd, block, &mut columns[kept..]);
}

/// x' = (u' + v') / 2.
#[inline(always)]
fn mean_of_both<S: Simd, T: Compute>(simd: S, u: &[Line<T>], v: &[Line<T>], x: &mut [Line<T>]) {
    for ((u, v), x) in u.iter().zip(v).zip(x) {
        for group in 0..groups::<S, T>() {
            let sum = load::<S, T>(simd, u, group) + load::<S, T>(simd, v, group);
            store::<S, T>(sum * T::from_f32(0.5), x, group);
        }
    }
}

/// The variance of x, where it is a signal, of one vector of rows in column `column` of a sub-block; u's otherwise.
#[inline(always)]
pub(super) fn third_at<S: Simd, T: Compute>(
    simd: S,
    signals: Signals,
    moments: &[Line<T>],
    column: usize,
    group: usize,
) -> Vector<S, T> {
    let map = if signals.x { 5 } else { 1 };
    load::<S, T>(simd, &moments[map * BLOCK + column], group)
}

/// The moments of one vector of rows in column `column` of a sub-block.
#[inline(always)]
pub(super) fn moments_at<S: Simd, T: Compute>(
    simd: S,
    moments: &[Line<T>],
    column: usize,
    group: usize,
) -> Moments<Vector<S, T>> {
    let moments = &moments[..4 * BLOCK];
    let at = |map: usize| load::<S, T>(simd, &moments[map * BLOCK + column], group);
    Moments {
        u: at(0),
        su: at(1),
        v: at(2),
        sv: at(3),
    }
}
