//! Element types of images, and reading pixels of two of them.

use core::marker::PhantomData;

use fastssim_device::global::Global;
use fastssim_device::math::{fma, fresh, from_f16};

use super::edges::{Edges, nearest, source};
use super::shift::Shift;
use super::tile::Tile;
use crate::params::{Params, Planes};

/// An element type of images: `u8`, `u16`, [`F16`], [`Bf16`] or `f32`, or what a host makes of the PTX.
pub trait Pixel {
    /// Reads the element at `at`, as it is.
    ///
    /// # Safety
    /// It lies within a buffer, is aligned, and nobody writes it while the kernel runs.
    unsafe fn load(at: Global<u8>) -> u32;
    /// The same, or zero where that is not done. There is no branch.
    ///
    /// # Safety
    /// As [`load`](Self::load), if it is done.
    unsafe fn load_if(is_done: bool, at: Global<u8>) -> u32;
    /// The number that an element stands for, exactly.
    fn number(word: u32) -> f32;
}

/// IEEE's binary16, as its bits.
pub enum F16 {}

/// The upper half of an `f32`, as its bits.
pub enum Bf16 {}

/// The type that the PTX is for: `f32` as it is written, another one where the host has made it so.
#[cfg(target_arch = "nvptx64")]
pub enum Any {}

#[cfg(target_arch = "nvptx64")]
impl Pixel for Any {
    #[inline(always)]
    unsafe fn load(at: Global<u8>) -> u32 {
        // SAFETY: as the caller promises.
        unsafe { fastssim_device::pixel::load_nc(at) }
    }
    #[inline(always)]
    unsafe fn load_if(is_done: bool, at: Global<u8>) -> u32 {
        // SAFETY: as the caller promises.
        unsafe { fastssim_device::pixel::load_nc_if(is_done, at) }
    }
    #[inline(always)]
    fn number(word: u32) -> f32 {
        fastssim_device::pixel::number(word)
    }
}

/// An element type that stands in memory as `$stored`.
macro_rules! pixel {
    ($($type:ty, $stored:ty: $word:expr, $number:expr;)*) => {$(
        impl Pixel for $type {
            #[inline(always)]
            unsafe fn load(at: Global<u8>) -> u32 {
                // SAFETY: as the caller promises.
                $word(unsafe { at.cast::<$stored>().load_nc(0) })
            }
            #[inline(always)]
            unsafe fn load_if(is_done: bool, at: Global<u8>) -> u32 {
                // SAFETY: as the caller promises.
                $word(unsafe { at.cast::<$stored>().load_nc_strided_if(is_done, 0, 0) })
            }
            #[inline(always)]
            fn number(word: u32) -> f32 {
                $number(word)
            }
        }
    )*};
}

pixel! {
    u8, u8: u32::from, float;
    u16, u16: u32::from, float;
    F16, u16: u32::from, from_f16;
    Bf16, u16: u32::from, |word| f32::from_bits(word << 16);
    f32, f32: f32::to_bits, f32::from_bits;
}

/// The number itself, below 2²³. The device's own conversion has a quarter of the speed of arithmetic: so
/// the number becomes the last bits of 2²³, where they count ones, and 2²³ is subtracted.
#[inline(always)]
pub(crate) fn float(value: u32) -> f32 {
    const TWO_23: f32 = 8388608.0;
    f32::from_bits(TWO_23.to_bits() | value) - TWO_23
}

/// A column that a thread reads from top to bottom.
pub(crate) struct Column {
    /// Its first pixel in x and in y. Where there is no pixel, that of the nearest column.
    x: Global<u8>,
    y: Global<u8>,
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

/// One channel of an image; distances are in bytes.
struct Plane {
    data: Global<u8>,
    row: u32,
    col: u32,
}

impl Plane {
    #[inline(always)]
    fn new(planes: &Planes, tile: &Tile) -> Self {
        Self {
            data: Global::from_address(planes.data).offset(planes.plane(tile)),
            row: planes.row,
            col: planes.col,
        }
    }

    /// The first pixel of a column.
    #[inline(always)]
    fn column(&self, col: u32) -> Global<u8> {
        self.data.offset(i64::from(col * self.col))
    }

    /// The pixel at a place.
    ///
    /// # Safety
    /// It lies within the image.
    #[inline(always)]
    unsafe fn at<P: Pixel>(&self, row: u32, col: u32) -> u32 {
        // SAFETY: the host promises that every pixel of the image lies within a buffer that nobody writes meanwhile.
        unsafe { P::load(self.column(col).strided(row, self.row)) }
    }
}

/// One channel of each of the two images.
pub(crate) struct Reader<P: Pixel, E: Edges> {
    x: Plane,
    y: Plane,
    padding: u32,
    height: u32,
    width: u32,
    scale: f32,
    kind: PhantomData<(P, E)>,
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
            kind: PhantomData,
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
        let [x, y] = unsafe { [self.x.at::<P>(row, col), self.y.at::<P>(row, col)] };
        [P::number(x) * self.scale, P::number(y) * self.scale]
    }

    /// A column, in the image or beside it.
    #[inline(always)]
    pub(crate) fn column(&self, col: i32) -> Column {
        let found = self.source(col, self.width);
        Column {
            x: self.x.column(found as u32),
            y: self.y.column(found as u32),
            scale: if (found == col) | !E::ARE_ZEROS {
                self.scale
            } else {
                0.0
            },
        }
    }

    /// Reads a row of a column; where there is none, the nearest row.
    #[inline(always)]
    pub(crate) fn read(&self, row: i32, column: &Column) -> Words {
        let row = nearest(row, self.height) as u32;
        // SAFETY: the row and the column lie within the image, which has a pixel.
        unsafe {
            [
                P::load(column.x.strided(row, self.x.row)),
                P::load(column.y.strided(row, self.y.row)),
            ]
        }
    }

    /// Reads some rows of a column, in the image or beside it.
    #[inline(always)]
    pub(crate) fn read_rows<const N: usize>(&self, row: i32, column: &Column) -> [Words; N] {
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
                        P::load(column.x.strided(row as u32, strides[0])),
                        P::load(column.y.strided(row as u32, strides[1])),
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
                    P::load_if(is_row, x.strided(i as u32, strides[0])),
                    P::load_if(is_row, y.strided(i as u32, strides[1])),
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
    pub(crate) fn signals(&self, column: &Column, words: Words, shift: &Shift) -> [f32; 2] {
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
