//! What is subtracted from the pixels of a tile, so that variances are no small differences of large numbers.

use ndarray::ArrayView2;

use super::compute::Compute;
use super::pixels::{AnyPlane, Planes, Sample};

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
    pub(super) fn of_tile(planes: &Planes<'_>, rows: [isize; 2], cols: [isize; 2], scale: f64) -> Self {
        // A tile outside of the image is near to what its edge is.
        let (height, width) = (planes.height() as isize, planes.width() as isize);
        let inside = |[from, to]: [isize; 2], extent: isize| {
            let from = from.clamp(0, extent - 1);
            [from, to.clamp(from + 1, extent)].map(|at| at as usize)
        };
        let (rows, cols) = (inside(rows, height), inside(cols, width));
        let center = |plane: &AnyPlane<'_>| match plane {
            AnyPlane::U8(plane) => center(&plane.view, rows, cols, scale),
            AnyPlane::U16(plane) => center(&plane.view, rows, cols, scale),
            AnyPlane::F16(plane) => center(&plane.view, rows, cols, scale),
            AnyPlane::Bf16(plane) => center(&plane.view, rows, cols, scale),
            AnyPlane::F32(plane) => center(&plane.view, rows, cols, scale),
            AnyPlane::F64(plane) => center(&plane.view, rows, cols, scale),
        };
        let (cx, flat_x) = center(&planes.x);
        let (cy, flat_y) = center(&planes.y);
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
