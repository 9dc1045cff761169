//! From pixels to the numbers that are blurred.
//!
//! The sweep works on u = x + y and v = x − y, shifted by a constant for each tile:
//!
//! ```text
//! u' = (x − cx) + (y − cy)      v' = (x − y) − (cx − cy)
//! ```
//!
//! cx and cy are about the tile's means, so that variances do not come out as small differences of
//! large numbers, on bright flat images above all. u and v rather than x and y make 1 − SSIM a
//! quotient of sums without cancellation (see [`super::formula`]). Pixels are multiplied by a power
//! of two first, so that the dynamic range is between 1 and 2 whatever its unit.

use fearless_simd::prelude::*;
use ndarray::{ArrayView2, Axis, s};

use super::compute::Compute;
use super::lanes::{BLOCK, Line, groups, load, store};
use super::prefetch::prefetch;
use crate::input::Pixels;

/// One channel of each of the two images.
#[derive(Clone, Copy)]
pub(super) enum Planes<'a> {
    U8(ArrayView2<'a, u8>, ArrayView2<'a, u8>),
    U16(ArrayView2<'a, u16>, ArrayView2<'a, u16>),
    F32(ArrayView2<'a, f32>, ArrayView2<'a, f32>),
    F64(ArrayView2<'a, f64>, ArrayView2<'a, f64>),
}

impl<'a> Planes<'a> {
    /// A channel of two inputs of the same type; `None` if the types differ.
    pub(super) fn new(x: Pixels<'a>, y: Pixels<'a>, image: usize, channel: usize) -> Option<Self> {
        fn plane<T>(view: ndarray::ArrayView4<'_, T>, image: usize, channel: usize) -> ArrayView2<'_, T> {
            view.index_axis_move(Axis(0), image).index_axis_move(Axis(0), channel)
        }
        Some(match (x, y) {
            (Pixels::U8(x), Pixels::U8(y)) => Self::U8(plane(x, image, channel), plane(y, image, channel)),
            (Pixels::U16(x), Pixels::U16(y)) => Self::U16(plane(x, image, channel), plane(y, image, channel)),
            (Pixels::F32(x), Pixels::F32(y)) => Self::F32(plane(x, image, channel), plane(y, image, channel)),
            (Pixels::F64(x), Pixels::F64(y)) => Self::F64(plane(x, image, channel), plane(y, image, channel)),
            _ => return None,
        })
    }
}

/// An element type of planes.
trait Sample: Copy {
    fn to<T: Compute>(self) -> T;
}

impl Sample for u8 {
    #[inline(always)]
    fn to<T: Compute>(self) -> T {
        T::from(self)
    }
}

impl Sample for u16 {
    #[inline(always)]
    fn to<T: Compute>(self) -> T {
        T::from_u16(self)
    }
}

impl Sample for f32 {
    #[inline(always)]
    fn to<T: Compute>(self) -> T {
        T::from_f32(self)
    }
}

impl Sample for f64 {
    #[inline(always)]
    fn to<T: Compute>(self) -> T {
        T::from_f64(self)
    }
}

/// How the pixels of one tile are scaled and shifted.
#[derive(Clone, Copy)]
pub(super) struct Shift<T> {
    /// A power of two.
    pub(super) scale: T,
    /// In scaled units.
    pub(super) cx: T,
    pub(super) cy: T,
    /// Whether every sample was the same, so that the tile may well be flat.
    pub(super) flat: bool,
}

impl<T: Compute> Shift<T> {
    /// A shift near the means of the tile `rows` × `cols`.
    pub(super) fn of_tile(planes: &Planes<'_>, rows: [usize; 2], cols: [usize; 2], scale: f64) -> Self {
        match planes {
            Planes::U8(x, y) => Self::of_samples(x, y, rows, cols, scale),
            Planes::U16(x, y) => Self::of_samples(x, y, rows, cols, scale),
            Planes::F32(x, y) => Self::of_samples(x, y, rows, cols, scale),
            Planes::F64(x, y) => Self::of_samples(x, y, rows, cols, scale),
        }
    }

    fn of_samples<P: Sample>(
        x: &ArrayView2<'_, P>,
        y: &ArrayView2<'_, P>,
        rows: [usize; 2],
        cols: [usize; 2],
        scale: f64,
    ) -> Self {
        let (cx, flat_x) = center(x, rows, cols, scale);
        let (cy, flat_y) = center(y, rows, cols, scale);
        Self {
            scale: T::from_f64(scale),
            cx: T::from_f64(cx),
            cy: T::from_f64(cy),
            flat: flat_x && flat_y,
        }
    }
}

/// About the mean of a tile, from samples on a coarse grid, and whether all of them are equal.
fn center<P: Sample>(plane: &ArrayView2<'_, P>, rows: [usize; 2], cols: [usize; 2], scale: f64) -> (f64, bool) {
    const GRID: [usize; 2] = [4, 8];
    let at = |[from, to]: [usize; 2], i: usize, n: usize| from + (to - from) * (2 * i + 1) / (2 * n);
    let sample = |i: usize| {
        let row = at(rows, i / GRID[1], GRID[0]);
        let col = at(cols, i % GRID[1], GRID[1]);
        plane[[row, col]].to::<f64>() * scale
    };
    let first = sample(0);
    let (mut sum, mut flat) = (0.0, true);
    for i in 0..GRID[0] * GRID[1] {
        let value = sample(i);
        flat &= value == first;
        sum += value;
    }
    let mean = sum / (GRID[0] * GRID[1]) as f64;
    if !mean.is_finite() {
        (0.5, false)
    } else if flat {
        (first, true)
    } else {
        // Few digits, so that cx + cy and cx − cy are exact.
        ((mean * 1024.0).round() / 1024.0, false)
    }
}

/// Computes u' and v' of a block column: the columns from `col`, and as many rows from `row` as
/// there are lines. Pixels outside of the image are 0.
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
    match planes {
        Planes::U8(x, y) => fill_from(simd, x, y, shift, row, col, u, v),
        Planes::U16(x, y) => fill_from(simd, x, y, shift, row, col, u, v),
        Planes::F32(x, y) => fill_from(simd, x, y, shift, row, col, u, v),
        Planes::F64(x, y) => fill_from(simd, x, y, shift, row, col, u, v),
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "those of `fill`, and the planes apart")]
fn fill_from<S: Simd, T: Compute, P: Sample>(
    simd: S,
    x: &ArrayView2<'_, P>,
    y: &ArrayView2<'_, P>,
    shift: &Shift<T>,
    row: isize,
    col: isize,
    u: &mut [Line<T>],
    v: &mut [Line<T>],
) {
    let (height, width) = x.dim();
    let inside = |at: isize, extent: usize| at.clamp(0, extent as isize) as usize;
    let (top, bottom) = (inside(row, height), inside(row + u.len() as isize, height));
    let (left, right) = (inside(col, width), inside(col + BLOCK as isize, width));
    let above = (top as isize - row) as usize;
    let zero = Line::default();
    let lines = u.iter_mut().zip(v.iter_mut());
    if top == bottom || left == right {
        return lines.for_each(|(u, v)| shifted(simd, shift, &zero, &zero, u, v));
    }
    let x = x.slice(s![top..bottom, left..right]);
    let y = y.slice(s![top..bottom, left..right]);
    let mut rows = x.rows().into_iter().zip(y.rows());
    for (i, (u, v)) in lines.enumerate() {
        let (mut xs, mut ys) = (zero, zero);
        if i >= above
            && let Some((x, y)) = rows.next()
        {
            let whole = (x.to_slice().and_then(as_block), y.to_slice().and_then(as_block));
            if let (Some(x), Some(y)) = whole {
                xs = Line(x.map(P::to));
                ys = Line(y.map(P::to));
                prefetch(x);
                prefetch(y);
            } else {
                let offset = (left as isize - col) as usize;
                for (j, (&x, &y)) in x.iter().zip(y).enumerate() {
                    xs.0[offset + j] = x.to();
                    ys.0[offset + j] = y.to();
                }
            }
        }
        shifted(simd, shift, &xs, &ys, u, v);
    }
}

#[inline(always)]
fn as_block<P>(row: &[P]) -> Option<&[P; BLOCK]> {
    row.try_into().ok()
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
