//! Element types of images, and reading a row of two of them.

use core::array;

use fastssim_device::Element;
use fastssim_device::global::Global;
use fastssim_device::warp::lane;

use super::tile::Tile;
use crate::geometry::{LANES, ROW_COLS};
use crate::params::{Params, Planes};

/// An element type of images: `u8`, `u16` or `f32`.
pub trait Pixel: Element {
    /// The element in a register.
    fn word(self) -> u32;
    /// The number that it stands for, exactly.
    fn number(word: u32) -> f32;
}

impl Pixel for u8 {
    #[inline(always)]
    fn word(self) -> u32 {
        self.into()
    }
    #[inline(always)]
    fn number(word: u32) -> f32 {
        float(word)
    }
}

impl Pixel for u16 {
    #[inline(always)]
    fn word(self) -> u32 {
        self.into()
    }
    #[inline(always)]
    fn number(word: u32) -> f32 {
        float(word)
    }
}

impl Pixel for f32 {
    #[inline(always)]
    fn word(self) -> u32 {
        self.to_bits()
    }
    #[inline(always)]
    fn number(word: u32) -> f32 {
        f32::from_bits(word)
    }
}

/// The number itself, below 2²³. The device's own conversion has a quarter of the speed of arithmetic: so
/// the number becomes the last bits of 2²³, where they count ones, and 2²³ is subtracted.
#[inline(always)]
fn float(value: u32) -> f32 {
    const TWO_23: f32 = 8388608.0;
    f32::from_bits(TWO_23.to_bits() | value) - TWO_23
}

/// Columns of a row that a lane reads: its own, and every 32nd from there.
pub(crate) const READS: usize = ROW_COLS.div_ceil(LANES) as usize;

/// The columns that a lane reads of every row.
pub(crate) struct Columns {
    /// Their distances in elements from the first column, in x and in y. Where there is no pixel, those of
    /// the nearest column.
    x: [u32; READS],
    y: [u32; READS],
    /// What their pixels are multiplied by: the scale, or 0 where there is no pixel.
    ///
    /// A nearest pixel that is not finite gives NaN beyond the edge. That is no mistake: each window that
    /// reaches beyond the edge there holds that pixel itself.
    scale: [f32; READS],
}

/// What a lane has read of a row: pixels of x and of y, as they are.
///
/// They are not looked at before they are needed, so that nothing waits for them. Words, since the
/// compiler would pack smaller elements together at once.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    x: [u32; READS],
    y: [u32; READS],
}

/// One channel of an image.
struct Plane<P> {
    data: Global<P>,
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
        unsafe { self.data.load_nc(row * self.row + offset) }.word()
    }
}

/// One channel of each of the two images.
pub(crate) struct Reader<P> {
    x: Plane<P>,
    y: Plane<P>,
    height: u32,
    width: u32,
    scale: f32,
}

impl<P: Pixel> Reader<P> {
    #[inline(always)]
    pub(crate) fn new(params: &Params, tile: &Tile) -> Self {
        Self {
            x: Plane::new(&params.x, tile),
            y: Plane::new(&params.y, tile),
            height: params.height,
            width: params.width,
            scale: params.scale,
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

    /// The two pixels at a place as they are, or those nearest to it.
    #[inline(always)]
    pub(crate) fn words(&self, [row, col]: [i32; 2]) -> [u32; 2] {
        let (row, col) = (nearest(row, self.height) as u32, nearest(col, self.width) as u32);
        // SAFETY: the place lies within the image, which has a pixel.
        unsafe { [self.x.at(row, col * self.x.col), self.y.at(row, col * self.y.col)] }
    }

    /// The pixels of x and y in what was read at a place, scaled; zero outside of the image.
    #[inline(always)]
    pub(crate) fn scaled(&self, [row, col]: [i32; 2], words: [u32; 2]) -> [f32; 2] {
        let inside = (nearest(row, self.height) == row) & (nearest(col, self.width) == col);
        let scale = if inside { self.scale } else { 0.0 };
        words.map(|word| P::number(word) * scale)
    }

    /// This lane's part of the `ROW_COLS` columns from `col` on.
    #[inline(always)]
    pub(crate) fn columns(&self, col: i32) -> Columns {
        // Where 32 do not divide the columns, the last lanes repeat the last one.
        let cols: [i32; READS] = array::from_fn(|i| col + (lane() + i as u32 * LANES).min(ROW_COLS - 1) as i32);
        let near = cols.map(|col| nearest(col, self.width));
        Columns {
            x: near.map(|col| col as u32 * self.x.col),
            y: near.map(|col| col as u32 * self.y.col),
            scale: array::from_fn(|i| if near[i] == cols[i] { self.scale } else { 0.0 }),
        }
    }

    /// Reads this lane's part of row `row`; where there is none, of the nearest row.
    #[inline(always)]
    pub(crate) fn row(&self, row: i32, columns: &Columns) -> Row {
        let row = nearest(row, self.height) as u32;
        // SAFETY: the row and the columns lie within the image, which has a pixel.
        unsafe {
            Row {
                x: array::from_fn(|i| self.x.at(row, columns.x[i])),
                y: array::from_fn(|i| self.y.at(row, columns.y[i])),
            }
        }
    }

    /// The pixels of x and y in what was read of row `row`, scaled; zero outside of the image.
    #[inline(always)]
    pub(crate) fn values(&self, row: i32, columns: &Columns, read: &Row) -> [[f32; 2]; READS] {
        let inside = nearest(row, self.height) == row;
        array::from_fn(|i| {
            let scale = if inside { columns.scale[i] } else { 0.0 };
            [P::number(read.x[i]) * scale, P::number(read.y[i]) * scale]
        })
    }
}

/// The place within `extent`, at least 1, that is nearest to `at`.
#[inline(always)]
fn nearest(at: i32, extent: u32) -> i32 {
    at.min(extent as i32 - 1).max(0)
}
