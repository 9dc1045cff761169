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

use fearless_simd::prelude::*;
use ndarray::{ArrayView1, ArrayView2, ArrayView3, ArrayView4, Axis, s};

use super::compute::Compute;
use super::lanes::{BLOCK, Line, Vector, groups, load, store};
use super::prefetch::prefetch;
use crate::input::Pixels;

/// One channel of each of two images of the same type.
#[derive(Clone, Copy)]
pub(super) enum Planes<'a> {
    U8(Plane<'a, u8>, Plane<'a, u8>),
    U16(Plane<'a, u16>, Plane<'a, u16>),
    F32(Plane<'a, f32>, Plane<'a, f32>),
    F64(Plane<'a, f64>, Plane<'a, f64>),
}

impl<'a> Planes<'a> {
    /// A channel of two inputs of the same type; `None` if the types differ.
    pub(super) fn new(x: Pixels<'a>, y: Pixels<'a>, image: usize, channel: usize) -> Option<Self> {
        Some(match (x, y) {
            (Pixels::U8(x), Pixels::U8(y)) => Self::U8(Plane::new(x, image, channel), Plane::new(y, image, channel)),
            (Pixels::U16(x), Pixels::U16(y)) => Self::U16(Plane::new(x, image, channel), Plane::new(y, image, channel)),
            (Pixels::F32(x), Pixels::F32(y)) => Self::F32(Plane::new(x, image, channel), Plane::new(y, image, channel)),
            (Pixels::F64(x), Pixels::F64(y)) => Self::F64(Plane::new(x, image, channel), Plane::new(y, image, channel)),
            _ => return None,
        })
    }
}

impl Planes<'_> {
    pub(super) fn height(&self) -> usize {
        self.extents().0
    }

    pub(super) fn width(&self) -> usize {
        self.extents().1
    }

    fn extents(&self) -> (usize, usize) {
        match self {
            Self::U8(x, _) => x.view.dim(),
            Self::U16(x, _) => x.view.dim(),
            Self::F32(x, _) => x.view.dim(),
            Self::F64(x, _) => x.view.dim(),
        }
    }
}

/// One channel of one image.
#[derive(Clone, Copy)]
pub(super) struct Plane<'a, P> {
    /// (height, width).
    view: ArrayView2<'a, P>,
    /// Where the three channels of a pixel lie side by side, all of them, as (height, width,
    /// channel), and which one this is: whole pixels are read faster than every third number.
    packed: Option<(ArrayView3<'a, P>, usize)>,
}

impl<'a, P> Plane<'a, P> {
    fn new(images: ArrayView4<'a, P>, image: usize, channel: usize) -> Self {
        let image = images.index_axis_move(Axis(0), image);
        let view = image.reborrow().index_axis_move(Axis(0), channel);
        let is_packed = image.dim().0 == 3 && image.strides()[0] == 1 && image.strides()[2] == 3;
        let packed = is_packed.then(|| (image.permuted_axes([1, 2, 0]), channel));
        Self { view, packed }
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
    /// A shift near the medians of the tile `rows` × `cols`.
    pub(super) fn of_tile(planes: &Planes<'_>, rows: [usize; 2], cols: [usize; 2], scale: f64) -> Self {
        match planes {
            Planes::U8(x, y) => Self::of_samples(&x.view, &y.view, rows, cols, scale),
            Planes::U16(x, y) => Self::of_samples(&x.view, &y.view, rows, cols, scale),
            Planes::F32(x, y) => Self::of_samples(&x.view, &y.view, rows, cols, scale),
            Planes::F64(x, y) => Self::of_samples(&x.view, &y.view, rows, cols, scale),
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

/// The median of a tile's samples on a coarse grid, and whether all of them are equal. Not their
/// mean: a single outlier must not cost the other pixels their digits.
fn center<P: Sample>(plane: &ArrayView2<'_, P>, rows: [usize; 2], cols: [usize; 2], scale: f64) -> (f64, bool) {
    const GRID: [usize; 2] = [4, 8];
    const SAMPLES: usize = GRID[0] * GRID[1];
    let at = |[from, to]: [usize; 2], i: usize, n: usize| from + (to - from) * (2 * i + 1) / (2 * n);
    let mut samples: [f64; SAMPLES] = std::array::from_fn(|i| {
        let row = at(rows, i / GRID[1], GRID[0]);
        let col = at(cols, i % GRID[1], GRID[1]);
        plane[[row, col]].to::<f64>() * scale
    });
    samples.sort_unstable_by(f64::total_cmp);
    let median = samples[SAMPLES / 2];
    if !median.is_finite() {
        (0.5, false)
    } else if samples[0] == samples[SAMPLES - 1] {
        (median, true)
    } else {
        // Few digits, so that cx + cy and cx − cy are exact.
        ((median * 1024.0).round() / 1024.0, false)
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
    x: &Plane<'_, P>,
    y: &Plane<'_, P>,
    shift: &Shift<T>,
    row: isize,
    col: isize,
    u: &mut [Line<T>],
    v: &mut [Line<T>],
) {
    let (height, width) = x.view.dim();
    let inside = |at: isize, extent: usize| at.clamp(0, extent as isize) as usize;
    let (top, bottom) = (inside(row, height), inside(row + u.len() as isize, height));
    let (left, right) = (inside(col, width), inside(col + BLOCK as isize, width));
    // The rows of the block column, in lines of u and v, that hold any pixel.
    let first = (top as isize - row) as usize;
    let last = if left < right { first + (bottom - top) } else { first };
    let zero = Line::default();
    for i in (0..first).chain(last..u.len()) {
        shifted(simd, shift, &zero, &zero, &mut u[i], &mut v[i]);
    }
    let (u, v) = (&mut u[first..last], &mut v[first..last]);
    if right - left == BLOCK
        && let (Some((x, channel)), Some((y, _))) = (&x.packed, &y.packed)
    {
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
            let offset = (left as isize - col) as usize;
            shifted(simd, shift, &gather(&x, offset), &gather(&y, offset), u, v);
        }
    }
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

/// A line with the pixels of `row` from `offset` on, and zeros elsewhere.
#[inline(always)]
fn gather<T: Compute, P: Sample>(row: &ArrayView1<'_, P>, offset: usize) -> Line<T> {
    let mut line = Line::default();
    for (value, pixel) in line.0[offset..].iter_mut().zip(row) {
        *value = pixel.to();
    }
    line
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
