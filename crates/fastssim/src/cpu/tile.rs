//! What is done with the moments of a tile: the score, the map, the gradient.

use fearless_simd::prelude::*;
use ndarray::{ArrayViewMut4, s};

use super::blur::{STEP, blur};
use super::compute::Compute;
use super::formula::{Constants, Derivatives, Moments, deficit, derivatives};
use super::lanes::{BLOCK, Line, groups, load, splat, store, transpose};
use super::pixels::{Planes, Shift, fill};
use super::scratch::{DERIVATIVES, Scratch, adjoint_stride, history};
use super::sweep::{Sweep, lead, moments_at};
use crate::input::RealsMut;

/// One tile of one channel of one image.
pub(super) struct Tile<'a> {
    pub(super) planes: Planes<'a>,
    /// Rows and columns of the tile, as pixels of the image: [from, to).
    pub(super) rows: [usize; 2],
    pub(super) cols: [usize; 2],
    /// Rows and columns of the image whose windows count, likewise.
    pub(super) map_rows: [usize; 2],
    pub(super) map_cols: [usize; 2],
    /// What pixels are multiplied by: a power of two.
    pub(super) scale: f64,
    /// C1 and C2 of the scaled pixels.
    pub(super) c1: f64,
    pub(super) c2: f64,
}

/// The sum of 1 − SSIM over a tile.
///
/// Sixteen columns are added in single precision, then all in double precision, so that no sum is
/// long. Where the tile seems to be flat, what is added are differences from the deficit of a flat
/// region, whose own is known in double precision: all its pixels would be rounded the same way.
struct DeficitSum<T> {
    /// The deficit of a flat region as the sweep computes it, and in double precision; or zeros.
    flat: Line<T>,
    exact: f64,
    /// One for each row of a sub-block.
    sums: [f64; BLOCK],
}

impl<T: Compute> DeficitSum<T> {
    #[inline(always)]
    fn new<S: Simd>(simd: S, shift: &Shift<T>, constants: &Constants<T>, c1: f64) -> Self {
        let mut flat = Line::default();
        let mut exact = 0.0;
        if shift.flat {
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
    fn add(&mut self, sums: &Line<T>, rows: [usize; 2], count: usize) {
        let [exact, flat] = [self.exact, self.flat.0[0].to_f64()].map(|flat| flat * count as f64);
        for (i, (total, sum)) in self.sums.iter_mut().zip(sums.0).enumerate() {
            let sum = sum.to_f64();
            let sum = sum + if sum == 0.0 { exact } else { flat };
            *total += if i >= rows[0] && i < rows[1] { sum } else { 0.0 };
        }
    }

    fn total(&self) -> f64 {
        self.sums.iter().sum()
    }
}

/// The part of `range` within the sixteen from `start` on, counted from `start`.
#[inline(always)]
fn within(range: [usize; 2], start: isize) -> [usize; 2] {
    range.map(|at| (at as isize - start).clamp(0, BLOCK as isize) as usize)
}

#[inline(always)]
fn intersection(a: [usize; 2], b: [usize; 2]) -> [usize; 2] {
    let from = a[0].max(b[0]);
    [from, a[1].min(b[1]).max(from)]
}

impl Tile<'_> {
    fn shift<T: Compute>(&self) -> Shift<T> {
        Shift::of_tile(&self.planes, self.rows, self.cols, self.scale)
    }

    /// The sum of 1 − SSIM over the tile.
    #[inline(always)]
    pub(super) fn score<S: Simd, T: Compute>(&self, simd: S, half: &[T], scratch: &mut Scratch<T>) -> f64 {
        self.score_and_map(simd, half, scratch, None)
    }

    /// The SSIM of each window of the tile.
    #[inline(always)]
    pub(super) fn map<S: Simd, T: Compute>(&self, simd: S, half: &[T], scratch: &mut Scratch<T>, map: RealsMut<'_>) {
        self.score_and_map(simd, half, scratch, Some(map));
    }

    #[inline(always)]
    fn score_and_map<S: Simd, T: Compute>(
        &self,
        simd: S,
        half: &[T],
        scratch: &mut Scratch<T>,
        mut map: Option<RealsMut<'_>>,
    ) -> f64 {
        let radius = half.len() - 1;
        let lead = lead(radius);
        let shift = self.shift();
        let constants = Constants::new(&shift, self.c1, self.c2);
        let [top, bottom] = self.rows;
        let [left, right] = self.cols;
        let sweep = Sweep {
            planes: &self.planes,
            shift,
            half,
            row: top as isize,
            blocks: (bottom - top).div_ceil(BLOCK),
            col: (left + radius) as isize - (lead * BLOCK) as isize,
        };
        scratch.reserve(radius, sweep.blocks, false);
        let mut sum = DeficitSum::new(simd, &shift, &constants, self.c1);
        for index in 0..lead + (right - left).div_ceil(BLOCK) {
            sweep.read(simd, index, scratch);
            if index < lead {
                continue;
            }
            let col = left + (index - lead) * BLOCK;
            let cols = (right - col).min(BLOCK);
            for block in 0..sweep.blocks {
                let row = top + block * BLOCK;
                let rows = (bottom - row).min(BLOCK);
                sweep.moments(simd, index, block, scratch);
                let mut sums = Line::default();
                for group in 0..groups::<S, T>() {
                    let flat = load::<S, T>(simd, &sum.flat, group);
                    let mut partial = splat::<S, T>(simd, T::default());
                    for column in 0..cols {
                        let moments = moments_at(simd, &scratch.moments, column, group);
                        let deficit = deficit(simd, &constants, moments);
                        partial += deficit - flat;
                        if map.is_some() {
                            // A comparison that NaN passes on every processor.
                            let one = splat::<S, T>(simd, T::from(1u8));
                            let ssim = one - deficit;
                            let ssim = ssim.simd_gt(one).select(one, ssim);
                            store::<S, T>(ssim, &mut scratch.moments[column], group);
                        }
                    }
                    store::<S, T>(partial, &mut sums, group);
                }
                sum.add(&sums, [0, rows], cols);
                if let Some(map) = &mut map {
                    let values = &mut scratch.blurred[..BLOCK];
                    transpose(simd, &scratch.moments[..BLOCK], values);
                    write(map, [row - top, col - left], cols, &values[..rows]);
                }
            }
        }
        sum.total()
    }

    /// The sum of 1 − SSIM over the part of the map within the tile, and `factor` times the
    /// gradient of the sum of SSIM over the whole map with respect to the tile's pixels of x.
    ///
    /// The sweep goes over the windows that hold a pixel of the tile: r more on each side. Their
    /// derivatives take the way back: blurred along rows, transposed, blurred along columns.
    #[inline(always)]
    pub(super) fn gradient<S: Simd, T: Compute>(
        &self,
        simd: S,
        half: &[T],
        scratch: &mut Scratch<T>,
        mut gradient: RealsMut<'_>,
        factor: f64,
    ) -> f64 {
        let radius = half.len() - 1;
        let lead = lead(radius);
        let shift = self.shift();
        let constants = Constants::new(&shift, self.c1, self.c2);
        let [top, bottom] = self.rows;
        let [left, right] = self.cols;
        let sweep = Sweep {
            planes: &self.planes,
            shift,
            half,
            row: top as isize - radius as isize,
            blocks: (bottom - top + 2 * radius).div_ceil(BLOCK),
            col: (left + 2 * radius) as isize - (2 * lead * BLOCK) as isize,
        };
        scratch.reserve(radius, sweep.blocks, true);
        let mut sum = DeficitSum::new(simd, &shift, &constants, self.c1);
        let factor = T::from_f64(factor * self.scale);
        for index in 0..2 * lead + (right - left).div_ceil(BLOCK) {
            sweep.read(simd, index, scratch);
            if index < lead {
                continue;
            }
            let centers = sweep.col + (index * BLOCK) as isize - radius as isize;
            for block in 0..sweep.blocks {
                sweep.moments(simd, index, block, scratch);
                self.derive(simd, &sweep, &constants, block, centers, scratch, &mut sum);
                back_to_rows(simd, &sweep, block, scratch);
            }
            if index >= 2 * lead {
                let col = left + (index - 2 * lead) * BLOCK;
                let cols = (right - col).min(BLOCK);
                let values = self.combine(simd, &sweep, col, factor, scratch);
                write(&mut gradient, [0, col - left], cols, values);
            }
        }
        sum.total()
    }

    /// Turns the moments of a sub-block into derivatives, which are 0 outside of the map, and adds
    /// the deficits of the tile's own pixels.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "the state of one step of the sweep")]
    fn derive<S: Simd, T: Compute>(
        &self,
        simd: S,
        sweep: &Sweep<'_, '_, T>,
        constants: &Constants<T>,
        block: usize,
        col: isize,
        scratch: &mut Scratch<T>,
        sum: &mut DeficitSum<T>,
    ) {
        let row = sweep.row + (block * BLOCK) as isize;
        let rows = within(self.map_rows, row);
        let cols = within(self.map_cols, col);
        let own_rows = within(intersection(self.rows, self.map_rows), row);
        let own_cols = within(intersection(self.cols, self.map_cols), col);
        let mut inside = Line::default();
        inside.0[rows[0]..rows[1]].fill(T::from(1u8));
        let history = history(sweep.radius());
        let derivs = &mut scratch.derivatives[block * DERIVATIVES * history..][..DERIVATIVES * history];
        let mut sums = Line::default();
        for map in derivs.chunks_exact_mut(history) {
            map.copy_within(BLOCK.., 0);
            map[history - BLOCK..].fill(Line::default());
        }
        let (a, rest) = derivs.split_at_mut(history);
        let (b, c) = rest.split_at_mut(history);
        let new = history - BLOCK;
        let (a, b, c) = (&mut a[new..], &mut b[new..], &mut c[new..]);
        for group in 0..groups::<S, T>() {
            let flat = load::<S, T>(simd, &sum.flat, group);
            let inside = load::<S, T>(simd, &inside, group);
            let mut partial = splat::<S, T>(simd, T::default());
            for column in cols[0]..cols[1] {
                let moments = moments_at(simd, &scratch.moments, column, group);
                let d: Derivatives<_> = derivatives(simd, constants, moments);
                store::<S, T>(d.a * inside, &mut a[column], group);
                store::<S, T>(d.b * inside, &mut b[column], group);
                store::<S, T>(d.c * inside, &mut c[column], group);
                if (own_cols[0]..own_cols[1]).contains(&column) {
                    partial += d.deficit - flat;
                }
            }
            store::<S, T>(partial, &mut sums, group);
        }
        sum.add(&sums, own_rows, own_cols[1] - own_cols[0]);
    }

    /// Blurs the derivatives along columns and combines them into `factor` times the gradient of
    /// sixteen columns from `col` on.
    #[inline(always)]
    fn combine<'s, S: Simd, T: Compute>(
        &self,
        simd: S,
        sweep: &Sweep<'_, '_, T>,
        col: usize,
        factor: T,
        scratch: &'s mut Scratch<T>,
    ) -> &'s [Line<T>] {
        let radius = sweep.radius();
        let rows = self.rows[1] - self.rows[0];
        let steps = rows.next_multiple_of(STEP);
        let (u, v) = (&mut scratch.u[..rows], &mut scratch.v[..rows]);
        fill(
            simd,
            &self.planes,
            &sweep.shift,
            self.rows[0] as isize,
            col as isize,
            u,
            v,
        );
        let stride = adjoint_stride(sweep.blocks);
        for (map, adjoint) in scratch.adjoint.chunks_exact(stride).take(DERIVATIVES).enumerate() {
            let out = &mut scratch.blended[map * stride..][..steps];
            for group in 0..groups::<S, T>() {
                blur(simd, sweep.half, group, &adjoint[..steps + 2 * radius], out);
            }
        }
        let (a, rest) = scratch.blended.split_at_mut(stride);
        let (b, c) = rest.split_at(stride);
        for (i, (u, v)) in u.iter().zip(v.iter()).enumerate() {
            for group in 0..groups::<S, T>() {
                let at = |line| load::<S, T>(simd, line, group);
                let sum = at(v).mul_add(at(&c[i]), at(u).mul_add(at(&b[i]), at(&a[i])));
                store::<S, T>(sum * factor, &mut a[i], group);
            }
        }
        &a[..rows]
    }
}

/// Blurs the derivatives of sub-block `block` along rows and turns them into rows again.
#[inline(always)]
fn back_to_rows<S: Simd, T: Compute>(simd: S, sweep: &Sweep<'_, '_, T>, block: usize, scratch: &mut Scratch<T>) {
    let history = history(sweep.radius());
    let stride = adjoint_stride(sweep.blocks);
    let derivs = &scratch.derivatives[block * DERIVATIVES * history..][..DERIVATIVES * history];
    for (map, derivs) in derivs.chunks_exact(history).enumerate() {
        let out = &mut scratch.moments[..BLOCK];
        for group in 0..groups::<S, T>() {
            blur(simd, sweep.half, group, derivs, out);
        }
        transpose(simd, out, &mut scratch.adjoint[map * stride + block * BLOCK..][..BLOCK]);
    }
}

/// Writes the first `cols` numbers of each line to rows of `out` from `at` on.
#[inline(always)]
fn write<T: Compute>(out: &mut RealsMut<'_>, at: [usize; 2], cols: usize, lines: &[Line<T>]) {
    match out {
        RealsMut::F32(out) => write_as(out, at, cols, lines, T::to_f32),
        RealsMut::F64(out) => write_as(out, at, cols, lines, T::to_f64),
    }
}

#[inline(always)]
fn write_as<T: Copy, R>(
    out: &mut ArrayViewMut4<'_, R>,
    [row, col]: [usize; 2],
    cols: usize,
    lines: &[Line<T>],
    convert: impl Fn(T) -> R,
) {
    let mut out = out.slice_mut(s![0, 0, row..row + lines.len(), col..col + cols]);
    for (mut out, line) in out.outer_iter_mut().zip(lines) {
        if let Some(Ok(out)) = out.as_slice_mut().map(<&mut [R; BLOCK]>::try_from) {
            *out = line.0.map(&convert);
        } else {
            for (out, &value) in out.iter_mut().zip(&line.0) {
                *out = convert(value);
            }
        }
    }
}
