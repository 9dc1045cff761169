//! Columns of pixels of two images, as they continue beyond the edges; and what is subtracted from sums and differences of pixels, so
//! that variances do not come out as small differences of large numbers.

use fastssim_device::math::fma;

use super::super::elements::Plane;
use super::super::source::source;
use super::super::tile::Tile;
use super::window::N;
use crate::general::params::{Padding, Params};
use crate::kernels::origins::{key, median, number};
use crate::kernels::shift::{PIXELS_PREVAIL, Shift};

/// Samples of a column, in rows at equal distances.
const SAMPLES: usize = 8;
/// All rows of a step, a bit each.
const ALL: u32 = (1 << N) - 1;

/// One channel of each of the two images.
#[derive(Clone, Copy)]
pub(crate) struct Pixels {
    x: Plane,
    y: Plane,
    padding: u32,
    height: i32,
    width: i32,
    scale: f32,
}

/// A column that a thread reads from top to bottom.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    x: Plane,
    y: Plane,
    /// What its pixels are multiplied by: the scale, or 0 where there is no pixel.
    ///
    /// It is then the nearest column, and one of its pixels that is not finite gives NaN beyond the edge. That is no mistake: each window
    /// that reaches beyond the edge there holds that pixel itself.
    scale: f32,
}

/// What has been read of the rows of a step: of x and of y, and which rows there are, a bit each.
///
/// They are not looked at before they are needed, so that nothing waits for them.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    x: [u32; N],
    y: [u32; N],
    rows: u32,
}

impl Pixels {
    #[inline(always)]
    pub(crate) fn new(params: &Params, tile: &Tile) -> Self {
        Self {
            x: Plane::new(&params.x, tile.image, tile.channel),
            y: Plane::new(&params.y, tile.image, tile.channel),
            padding: params.padding,
            height: params.height as i32,
            width: params.width as i32,
            scale: params.scale as f32,
        }
    }

    /// A column, in the image or beside it.
    #[inline(always)]
    pub(crate) fn column(&self, col: i32) -> Column {
        let found = source(self.padding, col, self.width);
        let nearest = found.unwrap_or(col.min(self.width - 1).max(0)) as u32;
        Column {
            x: self.x.at_col(nearest),
            y: self.y.at_col(nearest),
            scale: if found.is_some() { self.scale } else { 0.0 },
        }
    }

    /// Reads the rows of a step in a column.
    #[inline(always)]
    pub(crate) fn read(&self, column: &Column, row: i32) -> Words {
        // SAFETY: the host promises that every pixel of the image lies within a buffer that nobody writes meanwhile; the rows and the column
        // are of the image.
        unsafe {
            if row >= 0 && row + N as i32 <= self.height {
                return Words {
                    x: column.x.below(row as u32),
                    y: column.y.below(row as u32),
                    rows: ALL,
                };
            }
            let mut rows = 0;
            let places = core::array::from_fn(|i| {
                let place = source(self.padding, row + i as i32, self.height);
                rows |= u32::from(place.is_some()) << i;
                place.unwrap_or(0) as u32
            });
            Words {
                x: column.x.bits::<f32, N, 1>(places, [0]).map(|[bits]| bits),
                y: column.y.bits::<f32, N, 1>(places, [0]).map(|[bits]| bits),
                rows,
            }
        }
    }

    /// The pixels of x and of y; zeros in rows that there are not.
    #[inline(always)]
    pub(crate) fn numbers(&self, column: &Column, words: &Words) -> [[f32; 2]; N] {
        let (mut x, mut y) = (column.x.singles(words.x), column.y.singles(words.y));
        if words.rows != ALL {
            for i in 0..N {
                let is_row = words.rows >> i & 1 != 0;
                [x[i], y[i]] = [x[i], y[i]].map(|value| if is_row { value } else { 0.0 });
            }
        }
        core::array::from_fn(|i| [x[i], y[i]])
    }

    /// The shift of a column between two rows: of samples the mean. What is close to it leaves the smallest squares. Where all samples
    /// are the same the area may well be flat, and its u' and v' are zero. Zeros beside the image have none, nor has an image that windows
    /// find few pixels of among zeros.
    #[inline(always)]
    pub(crate) fn shift(&self, column: &Column, [from, to]: [i32; 2]) -> [f32; 2] {
        let rows = core::array::from_fn(|i| (from + (to - from) * (2 * i as i32 + 1) / (2 * SAMPLES as i32)) as u32);
        let samples = samples::<SAMPLES, 1>(&column.x, &column.y, rows, [0], column.scale).map(|[sample]| sample);
        let prevail = self.height.min(self.width) >= PIXELS_PREVAIL as i32;
        let is_used = prevail | (self.padding != Padding::Zero as u32);
        [0, 1].map(|signal| {
            let [a, b, c, d, e, f, g, h] = samples.map(|sample| sample[signal]);
            let mean = (((a + b) + (c + d)) + ((e + f) + (g + h))) / SAMPLES as f32;
            if is_used { mean } else { 0.0 }
        })
    }

    /// What u and v are counted from in the derivatives of windows, the same for a whole channel: of nine pixels the median of three
    /// medians, or 0 where it is not finite.
    #[inline(always)]
    pub(crate) fn origin(&self) -> Shift {
        let at = |i: i32, extent: i32| ((2 * i + 1) * extent / 6) as u32;
        let [rows, cols] = [self.height, self.width].map(|extent| [0, 1, 2].map(|i| at(i, extent)));
        let samples = samples::<3, 3>(&self.x, &self.y, rows, cols, self.scale);
        let [cu, cv] = [0, 1].map(|signal| {
            let of_row = |row: [[f32; 2]; 3]| median(row.map(|sample| key(sample[signal])));
            finite(number(median(samples.map(of_row))))
        });
        Shift { cu, cv }
    }
}

/// u and v of the pixels in some rows and columns, by what x and y are multiplied.
#[inline(always)]
fn samples<const R: usize, const C: usize>(
    x: &Plane,
    y: &Plane,
    rows: [u32; R],
    cols: [u32; C],
    scale: f32,
) -> [[[f32; 2]; C]; R] {
    // SAFETY: as of all pixels; these are of the image.
    let bits = unsafe { [x, y].map(|plane| plane.bits::<f32, R, C>(rows, cols)) };
    let [x, y] = [(x, bits[0]), (y, bits[1])].map(|(plane, bits)| bits.map(|bits| plane.singles(bits)));
    core::array::from_fn(|i| {
        core::array::from_fn(|j| {
            let (x, y) = (x[i][j], y[i][j]);
            [(x + y) * scale, (x - y) * scale]
        })
    })
}

/// The value, or 0 where it is not finite.
#[inline(always)]
pub(crate) fn finite(value: f32) -> f32 {
    if value.abs() < f32::INFINITY { value } else { 0.0 }
}

impl Column {
    /// u' and v' of pixels of this column.
    #[inline(always)]
    pub(crate) fn signals(&self, [x, y]: [f32; 2], shift: &Shift) -> [f32; 2] {
        [fma(x + y, self.scale, -shift.cu), fma(x - y, self.scale, -shift.cv)]
    }
}

/// Whether zeros stand beyond the edges.
#[inline(always)]
pub(crate) fn pads_with_zeros(params: &Params) -> bool {
    params.padding == Padding::Zero as u32
}
