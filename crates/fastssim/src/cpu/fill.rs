//! From pixels to the numbers that are blurred.
//!
//! The sweep works on u = x + y and v = x − y, shifted by a constant for each tile:
//!
//! ```text
//! u' = (x − cx) + (y − cy)      v' = (x − y) − (cx − cy)
//! ```
//!
//! cx and cy are the tile's medians or near them, so that variances do not come out as small differences of
//! large numbers, on bright flat images above all. u and v rather than x and y make 1 − SSIM a
//! quotient of sums without cancellation (see [`super::formula`]). Pixels are multiplied by a power
//! of two first, so that the dynamic range is between 1 and 2 whatever its unit.

use std::ops::Range;

use fearless_simd::prelude::*;
use ndarray::{ArrayView1, ArrayView2, s};

use super::compute::Compute;
use super::lanes::{BLOCK, Line, Vector, groups, load, store};
use super::pixels::{AnyPlane, Plane, Planes, Sample};
use super::prefetch::prefetch;
use super::shift::Shift;
use crate::options::Padding;

/// Computes u' and v' of a block column: the columns from `col`, and as many rows from `row` as
/// there are lines.
#[inline(always)]
pub(super) fn fill<S: Simd, T: Compute>(
    simd: S,
    planes: &Planes<'_>,
    shift: &Shift<T>,
    row: isize,
    col: isize,
    u: &mut [Line<T>],
    v: &mut [Line<T>],
) {
    let block = BlockColumn {
        row,
        col,
        padding: planes.padding,
    };
    match (&planes.x, &planes.y) {
        (AnyPlane::U8(x), AnyPlane::U8(y)) => block.fill(simd, x, y, shift, u, v),
        (AnyPlane::U16(x), AnyPlane::U16(y)) => block.fill(simd, x, y, shift, u, v),
        (AnyPlane::F16(x), AnyPlane::F16(y)) => block.fill(simd, x, y, shift, u, v),
        (AnyPlane::Bf16(x), AnyPlane::Bf16(y)) => block.fill(simd, x, y, shift, u, v),
        (AnyPlane::F32(x), AnyPlane::F32(y)) => block.fill(simd, x, y, shift, u, v),
        (AnyPlane::F64(x), AnyPlane::F64(y)) => block.fill(simd, x, y, shift, u, v),
        (x, y) => {
            block.read_any(x, u);
            block.read_any(y, v);
            for (u, v) in u.iter_mut().zip(v) {
                let (x, y) = (*u, *v);
                shifted(simd, shift, &x, &y, u, v);
            }
        }
    }
}

/// Where a block column begins, and what is beyond the image's edges.
#[derive(Clone, Copy)]
struct BlockColumn {
    row: isize,
    col: isize,
    padding: Padding,
}

impl BlockColumn {
    /// Computes u' and v' from two planes of one type.
    #[inline(always)]
    fn fill<S: Simd, T: Compute, P: Sample>(
        &self,
        simd: S,
        x: &Plane<'_, P>,
        y: &Plane<'_, P>,
        shift: &Shift<T>,
        u: &mut [Line<T>],
        v: &mut [Line<T>],
    ) {
        let (height, width) = x.view.dim();
        let inside = |at: isize| at.clamp(0, height as isize) as usize;
        let (top, bottom) = (inside(self.row), inside(self.row + u.len() as isize));
        // The lines of u and v that are rows of the image, where all of their pixels are inside.
        let rows = if self.has_all_columns(width) {
            let first = (top as isize - self.row) as usize;
            first..first + (bottom - top)
        } else {
            0..0
        };
        if rows.len() < u.len() {
            let cols = self.columns(width);
            let (x, y) = (x.strip(&cols), y.strip(&cols));
            for i in (0..rows.start).chain(rows.end..u.len()) {
                let row = self.padding.source(self.row + i as isize, height);
                shifted(simd, shift, &x.line(row), &y.line(row), &mut u[i], &mut v[i]);
            }
        }
        if rows.is_empty() {
            return;
        }
        let (u, v) = (&mut u[rows.clone()], &mut v[rows]);
        let (left, right) = (self.col as usize, self.col as usize + BLOCK);
        if let (Some((x, channel)), Some((y, _))) = (&x.packed, &y.packed) {
            let x = x.slice(s![top..bottom, left..right, ..]);
            let y = y.slice(s![top..bottom, left..right, ..]);
            let third = Third::<S, T>::new(simd, *channel);
            for ((u, v), (x, y)) in u.iter_mut().zip(v).zip(x.outer_iter().zip(y.outer_iter())) {
                // Always so: whole pixels of a packed row lie side by side.
                if let (Some(x), Some(y)) = (x.to_slice(), y.to_slice()) {
                    prefetch(x);
                    prefetch(y);
                    shifted(simd, shift, &third.of(simd, x), &third.of(simd, y), u, v);
                }
            }
            return;
        }
        let x = x.view.slice(s![top..bottom, left..right]);
        let y = y.view.slice(s![top..bottom, left..right]);
        for ((u, v), (x, y)) in u.iter_mut().zip(v).zip(x.outer_iter().zip(y.outer_iter())) {
            if let (Some(x), Some(y)) = (as_block(&x), as_block(&y)) {
                prefetch(x);
                prefetch(y);
                shifted(simd, shift, &Line(x.map(P::to)), &Line(y.map(P::to)), u, v);
            } else {
                shifted(simd, shift, &strided(&x), &strided(&y), u, v);
            }
        }
    }

    /// Reads the pixels of one plane as they are.
    fn read_any<T: Compute>(&self, plane: &AnyPlane<'_>, lines: &mut [Line<T>]) {
        match plane {
            AnyPlane::U8(plane) => self.read(plane, lines),
            AnyPlane::U16(plane) => self.read(plane, lines),
            AnyPlane::F16(plane) => self.read(plane, lines),
            AnyPlane::Bf16(plane) => self.read(plane, lines),
            AnyPlane::F32(plane) => self.read(plane, lines),
            AnyPlane::F64(plane) => self.read(plane, lines),
        }
    }

    fn read<T: Compute, P: Sample>(&self, plane: &Plane<'_, P>, lines: &mut [Line<T>]) {
        let (height, width) = plane.view.dim();
        let cols = self.columns(width);
        let strip = plane.strip(&cols);
        for (i, line) in lines.iter_mut().enumerate() {
            *line = strip.line(self.padding.source(self.row + i as isize, height));
        }
    }

    fn has_all_columns(&self, width: usize) -> bool {
        self.col >= 0 && self.col + BLOCK as isize <= width as isize
    }

    /// Where each of the sixteen columns comes from.
    fn columns(&self, width: usize) -> Columns {
        let inside = |at: isize| at.clamp(0, width as isize);
        let [from, to] = [self.col, self.col + BLOCK as isize].map(inside);
        let lanes = [from, to].map(|at| (at - self.col).clamp(0, BLOCK as isize) as usize);
        let copies = !matches!(self.padding, Padding::Zero | Padding::Valid);
        Columns {
            lanes: lanes[0]..lanes[1],
            from: from as usize,
            copied: copies.then(|| std::array::from_fn(|j| self.padding.source(self.col + j as isize, width))),
        }
    }
}

/// Where the columns of a block come from.
struct Columns {
    /// Those inside of the image,
    lanes: Range<usize>,
    /// and the first of them there.
    from: usize,
    /// The columns that all sixteen come from, where those outside are copies.
    copied: Option<[Option<usize>; BLOCK]>,
}

/// How one of three interleaved channels is taken out of three vectors.
///
/// Its numbers are 3 apart and a vector has a power of two of them, so no two of them are in the
/// same lane: two selections bring them into one vector, and one permutation into order.
struct Third<S: Simd, T: Compute> {
    from_second: <Vector<S, T> as SimdBase<S>>::Mask,
    from_third: <Vector<S, T> as SimdBase<S>>::Mask,
    order: <Vector<S, T> as SimdBase<S>>::ByteVector,
}

impl<S: Simd, T: Compute> Third<S, T> {
    #[inline(always)]
    fn new(simd: S, channel: usize) -> Self {
        let len = Vector::<S, T>::LEN;
        let lanes_from = |vector: usize| {
            let places = (0..len).map(|i| 3 * i + channel).filter(|place| place / len == vector);
            places.fold(0, |mask, place| mask | 1u64 << (place % len))
        };
        let size = size_of::<T>();
        Self {
            from_second: SimdMask::from_bitmask(simd, lanes_from(1)),
            from_third: SimdMask::from_bitmask(simd, lanes_from(2)),
            order: SimdBase::from_fn(simd, |byte| {
                ((3 * (byte / size) + channel) % len * size + byte % size) as u8
            }),
        }
    }

    /// The channel of sixteen pixels.
    #[inline(always)]
    fn of<P: Sample>(&self, simd: S, pixels: &[P]) -> Line<T> {
        let groups = groups::<S, T>();
        let mut all = [Line::default(); 3];
        for (line, &pixels) in all.iter_mut().zip(pixels.as_chunks::<BLOCK>().0) {
            *line = Line(pixels.map(P::to));
        }
        let mut line = Line::default();
        for group in 0..groups {
            let at = |i: usize| load::<S, T>(simd, &all[(3 * group + i) / groups], (3 * group + i) % groups);
            let mixed = self.from_third.select(at(2), self.from_second.select(at(1), at(0)));
            store::<S, T>(mixed.swizzle_dyn(self.order), &mut line, group);
        }
        line
    }
}

/// A row of sixteen neighbouring pixels.
#[inline(always)]
fn as_block<'a, P>(row: &ArrayView1<'a, P>) -> Option<&'a [P; BLOCK]> {
    row.to_slice()?.try_into().ok()
}

/// A line of the sixteen pixels of `row`, wherever they lie.
#[inline(always)]
fn strided<T: Compute, P: Sample>(row: &ArrayView1<'_, P>) -> Line<T> {
    let mut line = Line::default();
    for (value, pixel) in line.0.iter_mut().zip(row) {
        *value = pixel.to();
    }
    line
}

/// The sixteen columns of a plane that a block column reads.
struct Strip<'a, P> {
    plane: ArrayView2<'a, P>,
    /// Those inside of the image, (height, columns). They are cut out once: to slice every row takes longer than to
    /// read it.
    inside: ArrayView2<'a, P>,
    cols: &'a Columns,
}

impl<P> Plane<'_, P> {
    #[inline(always)]
    fn strip<'a>(&'a self, cols: &'a Columns) -> Strip<'a, P> {
        Strip {
            plane: self.view,
            inside: self.view.slice(s![.., cols.from..cols.from + cols.lanes.len()]),
            cols,
        }
    }
}

impl<P: Sample> Strip<'_, P> {
    /// A line of the pixels of a row; what has no row or column is 0.
    #[inline(always)]
    fn line<T: Compute>(&self, row: Option<usize>) -> Line<T> {
        let mut line = Line::default();
        let Some(row) = row else {
            return line;
        };
        let inside = self.inside.row(row);
        if let Some(block) = as_block(&inside) {
            return Line(block.map(P::to));
        }
        let Columns { lanes, copied, .. } = self.cols;
        for (value, pixel) in line.0[lanes.clone()].iter_mut().zip(inside) {
            *value = pixel.to();
        }
        if let Some(copied) = copied {
            for lane in (0..lanes.start).chain(lanes.end..BLOCK) {
                line.0[lane] = copied[lane].map_or(T::default(), |col| self.plane[[row, col]].to());
            }
        }
        line
    }
}

/// u' and v' of one line.
#[inline(always)]
fn shifted<S: Simd, T: Compute>(simd: S, shift: &Shift<T>, x: &Line<T>, y: &Line<T>, u: &mut Line<T>, v: &mut Line<T>) {
    for group in 0..groups::<S, T>() {
        let x = load::<S, T>(simd, x, group) * shift.scale;
        let y = load::<S, T>(simd, y, group) * shift.scale;
        store::<S, T>((x - shift.cx) + (y - shift.cy), u, group);
        store::<S, T>((x - y) - (shift.cx - shift.cy), v, group);
    }
}
