//! Element types of images, and reading pixels of two of them.

use core::marker::PhantomData;

use fastssim_device::Element;
use fastssim_device::global::Global;
use fastssim_device::math::{fma, fresh, from_f16};

use super::edges::{Edges, nearest, source};
use super::shift::Shift;
use super::tile::Tile;
use crate::params::{Params, Planes};

/// An element type of images: `u8`, `u16`, [`F16`], [`Bf16`] or `f32`.
pub trait Pixel {
    /// What stands in memory.
    type Stored: Element;
    /// The element in a register.
    fn word(stored: Self::Stored) -> u32;
    /// The number that it stands for, exactly.
    fn number(word: u32) -> f32;
}

/// IEEE's binary16, as its bits.
pub enum F16 {}

/// The upper half of an `f32`, as its bits.
pub enum Bf16 {}

impl Pixel for u8 {
    type Stored = u8;
    #[inline(always)]
    fn word(stored: u8) -> u32 {
        stored.into()
    }
    #[inline(always)]
    fn number(word: u32) -> f32 {
        float(word)
    }
}

impl Pixel for u16 {
    type Stored = u16;
    #[inline(always)]
    fn word(stored: u16) -> u32 {
        stored.into()
    }
    #[inline(always)]
    fn number(word: u32) -> f32 {
        float(word)
    }
}

impl Pixel for F16 {
    type Stored = u16;
    #[inline(always)]
    fn word(stored: u16) -> u32 {
        stored.into()
    }
    #[inline(always)]
    fn number(word: u32) -> f32 {
        from_f16(word)
    }
}

impl Pixel for Bf16 {
    type Stored = u16;
    #[inline(always)]
    fn word(stored: u16) -> u32 {
        stored.into()
    }
    #[inline(always)]
    fn number(word: u32) -> f32 {
        f32::from_bits(word << 16)
    }
}

impl Pixel for f32 {
    type Stored = f32;
    #[inline(always)]
    fn word(stored: f32) -> u32 {
        stored.to_bits()
    }
    #[inline(always)]
    fn number(word: u32) -> f32 {
        f32::from_bits(word)
    }
}

/// The number itself, below 2²³. The device's own conversion has a quarter of the speed of arithmetic: so
/// the number becomes the last bits of 2²³, where they count ones, and 2²³ is subtracted.
#[inline(always)]
pub(crate) fn float(value: u32) -> f32 {
    const TWO_23: f32 = 8388608.0;
    f32::from_bits(TWO_23.to_bits() | value) - TWO_23
}

/// A column that a thread reads from top to bottom.
pub(crate) struct Column<P: Pixel> {
    /// Its first pixel in x and in y. Where there is no pixel, that of the nearest column.
    x: Global<P::Stored>,
    y: Global<P::Stored>,
    /// What its pixels are multiplied by: the scale, or 0 where zeros stand.
    ///
    /// A nearest pixel that is not finite gives NaN beyond the edge. That is no mistake: each window that
    /// reaches beyond the edge there holds that pixel itself.
    scale: f32,
}

/// What a thread has read: a pixel of x and of y, as they are.
///
/// They are not looked at before they are needed, so that nothing waits for them. Words, since the
/// compiler would pack smaller elements together at once.
pub(crate) type Words = [u32; 2];

/// One channel of an image.
struct Plane<P: Pixel> {
    data: Global<P::Stored>,
    row: u32,
    col: u32,
}

impl<P: Pixel> Plane<P> {
    #[inline(always)]
    fn new(planes: &Planes, tile: &Tile) -> Self {
        Self {
            data: Global::from_address(planes.data).offset(planes.plane(tile)),
            row: planes.row,
            col: planes.col,
        }
    }

    /// The pixel of a row that is `offset` elements from its first.
    ///
    /// # Safety
    /// The row lies within the image, and so does what is at `offset`.
    #[inline(always)]
    unsafe fn at(&self, row: u32, offset: u32) -> u32 {
        // SAFETY: the host promises that every pixel of the image lies within a buffer that nobody
        // writes meanwhile; an offset within a plane fits 32 bits.
        P::word(unsafe { self.data.load_nc(row * self.row + offset) })
    }
}

/// One channel of each of the two images.
pub(crate) struct Reader<P: Pixel, E: Edges> {
    x: Plane<P>,
    y: Plane<P>,
    padding: u32,
    height: u32,
    width: u32,
    scale: f32,
    edges: PhantomData<E>,
}

impl<P: Pixel, E: Edges> Reader<P, E> {
    #[inline(always)]
    pub(crate) fn new(params: &Params, tile: &Tile) -> Self {
        Self {
            x: Plane::new(&params.x, tile),
            y: Plane::new(&params.y, tile),
            padding: params.padding,
            height: params.height,
            width: params.width,
            scale: params.scale,
            edges: PhantomData,
        }
    }

    /// The two pixels at a place within the image, scaled.
    ///
    /// # Safety
    /// The place lies within the image.
    #[inline(always)]
    pub(crate) unsafe fn at(&self, row: i32, col: i32) -> [f32; 2] {
        let (row, col) = (row as u32, col as u32);
        // SAFETY: as the caller promises.
        let [x, y] = unsafe { [self.x.at(row, col * self.x.col), self.y.at(row, col * self.y.col)] };
        [P::number(x) * self.scale, P::number(y) * self.scale]
    }

    /// The two pixels at a place as they are; those nearest to it where zeros stand.
    #[inline(always)]
    pub(crate) fn words(&self, [row, col]: [i32; 2]) -> Words {
        let (row, col) = (
            self.source(row, self.height) as u32,
            self.source(col, self.width) as u32,
        );
        // SAFETY: the place lies within the image, which has a pixel.
        unsafe { [self.x.at(row, col * self.x.col), self.y.at(row, col * self.y.col)] }
    }

    /// The pixels of x and y in what was read at a place, scaled; zero outside of the image.
    #[inline(always)]
    pub(crate) fn scaled(&self, [row, col]: [i32; 2], words: [u32; 2]) -> [f32; 2] {
        let inside = (nearest(row, self.height) == row) & (nearest(col, self.width) == col);
        let scale = if inside | !E::ARE_ZEROS { self.scale } else { 0.0 };
        words.map(|word| P::number(word) * scale)
    }

    /// A column, in the image or beside it.
    #[inline(always)]
    pub(crate) fn column(&self, col: i32) -> Column<P> {
        let found = self.source(col, self.width);
        let first = |plane: &Plane<P>| plane.data.offset(i64::from(found as u32 * plane.col));
        Column {
            x: first(&self.x),
            y: first(&self.y),
            scale: if (found == col) | !E::ARE_ZEROS {
                self.scale
            } else {
                0.0
            },
        }
    }

    /// Reads a row of a column; where there is none, the nearest row.
    #[inline(always)]
    pub(crate) fn read(&self, row: i32, column: &Column<P>) -> Words {
        let row = nearest(row, self.height) as u32;
        // SAFETY: the row and the column lie within the image, which has a pixel.
        unsafe {
            [
                P::word(column.x.load_nc_strided(row, self.x.row)),
                P::word(column.y.load_nc_strided(row, self.y.row)),
            ]
        }
    }

    /// Reads some rows of a column, in the image or beside it.
    #[inline(always)]
    pub(crate) fn read_rows<const N: usize>(&self, row: i32, column: &Column<P>) -> [Words; N] {
        let strides = [self.x.row, self.y.row].map(fresh);
        if !E::ARE_ZEROS {
            // Only which rows are read depends on the place: the reading is the same instructions, so that nothing waits for it.
            let mut rows: [_; N] = core::array::from_fn(|i| row + i as i32);
            if (row < 0) | (row + N as i32 > self.height as i32) {
                rows = rows.map(|row| self.source(row, self.height));
            }
            return rows.map(|row| {
                // SAFETY: the row and the column lie within the image.
                unsafe {
                    [
                        P::word(column.x.load_nc_strided(row as u32, strides[0])),
                        P::word(column.y.load_nc_strided(row as u32, strides[1])),
                    ]
                }
            });
        }
        let x = column.x.offset(i64::from(row) * i64::from(strides[0]));
        let y = column.y.offset(i64::from(row) * i64::from(strides[1]));
        core::array::from_fn(|i| {
            let is_row = ((row + i as i32) as u32) < self.height;
            // SAFETY: the column lies within the image, and what is read so does the row.
            unsafe {
                [
                    P::word(x.load_nc_strided_if(is_row, i as u32, strides[0])),
                    P::word(y.load_nc_strided_if(is_row, i as u32, strides[1])),
                ]
            }
        })
    }

    /// The place within `extent` of the pixel that stands at `at`.
    #[inline(always)]
    fn source(&self, at: i32, extent: u32) -> i32 {
        source::<E>(self.padding, at, extent)
    }

    /// u' and v' of what was read of a column.
    #[inline(always)]
    pub(crate) fn signals(&self, column: &Column<P>, words: Words, shift: &Shift) -> [f32; 2] {
        let [x, y] = words.map(P::number);
        [fma(x + y, column.scale, -shift.cu), fma(x - y, column.scale, -shift.cv)]
    }

    /// u and v of what was read of a column, or of the nearest one within the image.
    #[inline(always)]
    pub(crate) fn sample(&self, words: Words) -> [f32; 2] {
        let [x, y] = words.map(P::number);
        [(x + y) * self.scale, (x - y) * self.scale]
    }
}
