//! The gradient of a tile: derivatives at each window, blurred on their way back to the pixels.

use fearless_simd::prelude::*;

use super::blur::{STEP, blur};
use super::compute::Compute;
use super::fill::fill;
use super::formula::{Constants, Derivatives, derivatives};
use super::lanes::{BLOCK, Line, groups, load, splat, store, transpose};
use super::scratch::{Scratch, adjoint_stride, history};
use super::sum::DeficitSum;
use super::sweep::{Sweep, lead, moments_at, third_at};
use super::tile::{Tile, counted, intersection, within};
use super::write::{fold, write};
use crate::input::RealsMut;

/// Where the gradient of a tile goes.
pub(super) struct Destination<'a> {
    /// Those with respect to x and to y, as far as they are wanted.
    pub(super) gradients: [Option<RealsMut<'a>>; 2],
    /// Whether the tile lies outside of the image, and the gradients are those of the whole channel: its pixels' parts
    /// are added to the pixels that they come from. Otherwise the gradients are the tile's.
    pub(super) is_channel: bool,
}

impl Tile<'_> {
    /// The sum of 1 − SSIM over the part of the map within the tile, and `factor` times the
    /// gradient of the sum of SSIM over the whole map with respect to the tile's pixels of x and, where that is wanted,
    /// of y. Windows count what they count in both.
    ///
    /// The sweep goes over the windows that hold a pixel of the tile: r more on each side. Their
    /// derivatives take the way back: blurred along rows, transposed, blurred along columns.
    #[inline(always)]
    pub(super) fn gradient<S: Simd, T: Compute>(
        &self,
        simd: S,
        half: &[T],
        scratch: &mut Scratch<T>,
        into: Destination<'_>,
        factor: f64,
    ) -> f64 {
        if T::IS_GENERAL {
            self.gradient_of::<S, T, false, 0>(simd, half, scratch, into, factor)
        } else if into.gradients[1].is_none() {
            self.gradient_of::<S, T, true, 3>(simd, half, scratch, into, factor)
        } else {
            self.gradient_of::<S, T, true, 4>(simd, half, scratch, into, factor)
        }
    }

    /// Where all windows are `ALIKE` (see [`alike`](Self::alike)) the loops have no part of the other cases. `MAPS` of
    /// derivatives are blurred, 3 or 4 with the gradient with respect to y; 0 says that it is known at run time alone
    /// (see [`Sweep::maps`]).
    #[inline(always)]
    fn gradient_of<S: Simd, T: Compute, const ALIKE: bool, const MAPS: usize>(
        &self,
        simd: S,
        half: &[T],
        scratch: &mut Scratch<T>,
        mut into: Destination<'_>,
        factor: f64,
    ) -> f64 {
        let radius = half.len() - 1;
        let lead = lead(radius);
        let shift = self.shift();
        let constants = Constants::new(&shift, self.c1, self.c2);
        let [top, bottom] = self.rows;
        let [left, right] = self.cols;
        let both = into.gradients[1].is_some();
        let sweep = Sweep {
            planes: &self.planes,
            shift,
            half,
            row: top - radius as isize,
            blocks: ((bottom - top) as usize + 2 * radius).div_ceil(BLOCK),
            col: left + 2 * radius as isize - (2 * lead * BLOCK) as isize,
            signals: self.signals::<ALIKE>(if MAPS > 0 { MAPS } else { 3 + usize::from(both) }),
        };
        scratch.reserve(radius, sweep.blocks, sweep.signals);
        let mut sum = DeficitSum::new(simd, &shift, &constants, self.c1, ALIKE || self.alike());
        let factor = T::from_f64(factor * self.scale);
        for index in 0..2 * lead + ((right - left) as usize).div_ceil(BLOCK) {
            sweep.read(simd, index, scratch);
            if index < lead {
                continue;
            }
            let centers = sweep.col + (index * BLOCK) as isize - radius as isize;
            for block in 0..sweep.blocks {
                sweep.moments(simd, index, block, scratch);
                self.derive::<S, T, ALIKE, MAPS>(simd, &sweep, &constants, block, centers, scratch, &mut sum);
                back_to_rows::<S, T, MAPS>(simd, &sweep, block, scratch);
            }
            if index >= 2 * lead {
                let from = (index - 2 * lead) * BLOCK;
                let col = left + from as isize;
                let cols = within(self.cols, col)[1];
                self.blend::<S, T, MAPS>(simd, &sweep, col, scratch);
                let at = [[top, col], [0, from as isize]];
                let [of_x, of_y] = &mut into.gradients;
                if let Some(of_x) = of_x {
                    let values = self.combine::<S, T, false>(simd, &sweep, factor, scratch);
                    self.leave(of_x, into.is_channel, at, cols, values);
                }
                if MAPS != 3
                    && let Some(of_y) = of_y
                {
                    let values = self.combine::<S, T, true>(simd, &sweep, factor, scratch);
                    self.leave(of_y, into.is_channel, at, cols, values);
                }
            }
        }
        sum.total()
    }

    /// Writes sixteen columns of the gradient, or adds them where they come from. They stand at a row and column of the
    /// image, and at one of the tile.
    #[inline(always)]
    fn leave<T: Compute>(
        &self,
        gradient: &mut RealsMut<'_>,
        is_channel: bool,
        [of_image, of_tile]: [[isize; 2]; 2],
        cols: usize,
        values: &[Line<T>],
    ) {
        if is_channel {
            fold(gradient, self.planes.padding(), of_image, cols, values);
        } else {
            write(gradient, of_tile.map(|at| at as usize), cols, values);
        }
    }

    /// Turns the moments of a sub-block into derivatives, which are 0 outside of the map, and adds
    /// the deficits of the tile's own pixels.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "the state of one step of the sweep")]
    fn derive<S: Simd, T: Compute, const ALIKE: bool, const MAPS: usize>(
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
        let maps = sweep.maps::<MAPS>();
        let derivs = &mut scratch.derivatives[block * maps * history..][..maps * history];
        let mut sums = Line::default();
        for map in derivs.chunks_exact_mut(history) {
            map.copy_within(BLOCK.., 0);
            map[history - BLOCK..].fill(Line::default());
        }
        let (a, rest) = derivs.split_at_mut(history);
        let (b, rest) = rest.split_at_mut(history);
        let (c, a_of_y) = rest.split_at_mut(history);
        let new = history - BLOCK;
        let (a, b, c) = (&mut a[new..], &mut b[new..], &mut c[new..]);
        let mut a_of_y = if maps > 3 { a_of_y.get_mut(new..) } else { None };
        let counts = self.counts::<ALIKE>();
        if let Some(counts) = counts {
            counts.fill([row, col], rows, cols, &mut scratch.counts[..BLOCK]);
        }
        let zero = splat::<S, T>(simd, T::default());
        for group in 0..groups::<S, T>() {
            let flat = load::<S, T>(simd, &sum.flat, group);
            let inside = load::<S, T>(simd, &inside, group);
            let mut partial = zero;
            for column in cols[0]..cols[1] {
                let moments = moments_at(simd, &scratch.moments, column, group);
                let mut d: Derivatives<_> = match self.exponents::<ALIKE>() {
                    None => derivatives(simd, constants, moments),
                    Some(exponents) => {
                        let sx = third_at(simd, sweep.signals, &scratch.moments, column, group);
                        exponents.derivatives(simd, constants, moments, sx)
                    }
                };
                let mut deficit = d.deficit - flat;
                if counts.is_some() {
                    let count = load::<S, T>(simd, &scratch.counts[column], group);
                    d = Derivatives {
                        deficit: d.deficit,
                        a: counted::<S, T>(count, d.a, zero),
                        a_of_y: counted::<S, T>(count, d.a_of_y, zero),
                        b: counted::<S, T>(count, d.b, zero),
                        c: counted::<S, T>(count, d.c, zero),
                    };
                    deficit = counted::<S, T>(count, deficit, zero);
                }
                store::<S, T>(d.a * inside, &mut a[column], group);
                store::<S, T>(d.b * inside, &mut b[column], group);
                store::<S, T>(d.c * inside, &mut c[column], group);
                if let Some(a_of_y) = &mut a_of_y {
                    store::<S, T>(d.a_of_y * inside, &mut a_of_y[column], group);
                }
                if (own_cols[0]..own_cols[1]).contains(&column) {
                    partial += deficit;
                }
            }
            store::<S, T>(partial, &mut sums, group);
        }
        sum.add(&sums, own_rows, own_cols[1] - own_cols[0]);
    }

    /// Blurs the derivatives along columns, for sixteen columns of pixels from `col` on, which are read again.
    #[inline(always)]
    fn blend<S: Simd, T: Compute, const MAPS: usize>(
        &self,
        simd: S,
        sweep: &Sweep<'_, '_, T>,
        col: isize,
        scratch: &mut Scratch<T>,
    ) {
        let radius = sweep.radius();
        let rows = (self.rows[1] - self.rows[0]) as usize;
        let steps = rows.next_multiple_of(STEP);
        let (u, v) = (&mut scratch.u[..rows], &mut scratch.v[..rows]);
        fill(simd, &self.planes, &sweep.shift, self.rows[0], col, u, v);
        let stride = adjoint_stride(sweep.blocks);
        let maps = sweep.maps::<MAPS>();
        for (map, adjoint) in scratch.adjoint.chunks_exact(stride).take(maps).enumerate() {
            let out = &mut scratch.blended[map * stride..][..steps];
            for group in 0..groups::<S, T>() {
                blur(simd, sweep.half, group, &adjoint[..steps + 2 * radius], out);
            }
        }
    }

    /// Combines the blurred derivatives into `factor` times the gradient with respect to x or to y.
    #[inline(always)]
    fn combine<'s, S: Simd, T: Compute, const OF_Y: bool>(
        &self,
        simd: S,
        sweep: &Sweep<'_, '_, T>,
        factor: T,
        scratch: &'s mut Scratch<T>,
    ) -> &'s [Line<T>] {
        let rows = (self.rows[1] - self.rows[0]) as usize;
        let (u, v) = (&scratch.u[..rows], &scratch.v[..rows]);
        let (a, rest) = scratch.blended.split_at_mut(adjoint_stride(sweep.blocks));
        let (b, rest) = rest.split_at(adjoint_stride(sweep.blocks));
        let (c, a_of_y) = rest.split_at(adjoint_stride(sweep.blocks));
        for (i, (u, v)) in u.iter().zip(v).enumerate() {
            for group in 0..groups::<S, T>() {
                let at = |line| load::<S, T>(simd, line, group);
                let sum = if OF_Y {
                    (-at(v)).mul_add(at(&c[i]), at(u).mul_add(at(&b[i]), at(&a_of_y[i])))
                } else {
                    at(v).mul_add(at(&c[i]), at(u).mul_add(at(&b[i]), at(&a[i])))
                };
                store::<S, T>(sum * factor, &mut a[i], group);
            }
        }
        &a[..rows]
    }
}

/// Blurs the derivatives of sub-block `block` along rows and turns them into rows again.
#[inline(always)]
fn back_to_rows<S: Simd, T: Compute, const MAPS: usize>(
    simd: S,
    sweep: &Sweep<'_, '_, T>,
    block: usize,
    scratch: &mut Scratch<T>,
) {
    let history = history(sweep.radius());
    let stride = adjoint_stride(sweep.blocks);
    let maps = sweep.maps::<MAPS>();
    let derivs = &scratch.derivatives[block * maps * history..][..maps * history];
    for (map, derivs) in derivs.chunks_exact(history).enumerate() {
        let out = &mut scratch.moments[..BLOCK];
        for group in 0..groups::<S, T>() {
            blur(simd, sweep.half, group, derivs, out);
        }
        transpose(simd, out, &mut scratch.adjoint[map * stride + block * BLOCK..][..BLOCK]);
    }
}
