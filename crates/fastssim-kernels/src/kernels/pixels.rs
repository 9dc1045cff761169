//! Element types of images, and reading a row of two of them.

use fastssim_device::Element;
use fastssim_device::global::Global;
use fastssim_device::warp::lane;

use super::tile::Tile;
use crate::geometry::{LANES, ROW_COLS};
use crate::params::{Params, Planes};

/// An element type of images: `u8`, `u16` or `f32`.
pub trait Pixel: Element {
    /// The number as it is computed with; exact.
    fn to_f32(self) -> f32;
}

impl Pixel for u8 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from(self)
    }
}

impl Pixel for u16 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from(self)
    }
}

impl Pixel for f32 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
}

/// Columns of a row that a lane reads: its own, and every 32nd from there.
pub(crate) const READS: usize = ROW_COLS.div_ceil(LANES) as usize;

/// What a lane reads of a row: pixels of x and of y, scaled, zero outside of the image.
#[derive(Clone, Copy, Default)]
pub(crate) struct Row {
    pub(crate) x: [f32; READS],
    pub(crate) y: [f32; READS],
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

    /// # Safety
    /// The row and the column lie within the image.
    #[inline(always)]
    unsafe fn at(&self, row: u32, col: u32) -> f32 {
        // SAFETY: the host promises that every pixel of the image lies within a buffer that nobody
        // writes meanwhile; an offset within a plane fits 32 bits.
        unsafe { self.data.load_nc(row * self.row + col * self.col) }.to_f32()
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

    /// The two pixels at a place, scaled; zero outside of the image.
    ///
    /// It always reads: where there is no pixel, the nearest one, whose value is then dropped.
    #[inline(always)]
    pub(crate) fn at(&self, row: i32, col: i32) -> [f32; 2] {
        let [near_row, near_col] = [nearest(row, self.height), nearest(col, self.width)];
        let inside = (near_row == row) & (near_col == col);
        let (row, col) = (near_row as u32, near_col as u32);
        // SAFETY: the place lies within the image, which has a pixel.
        let [x, y] = unsafe { [self.x.at(row, col), self.y.at(row, col)] };
        [x, y].map(|value| if inside { value * self.scale } else { 0.0 })
    }

    /// This lane's pixels of row `row`, of the `ROW_COLS` columns from `col` on.
    #[inline(always)]
    pub(crate) fn row(&self, row: i32, col: i32) -> Row {
        let mut out = Row::default();
        for i in 0..READS {
            // Where 32 do not divide the columns, the last lanes repeat the last one.
            let col = col + (lane() + i as u32 * LANES).min(ROW_COLS - 1) as i32;
            [out.x[i], out.y[i]] = self.at(row, col);
        }
        out
    }
}

/// The place within `extent`, at least 1, that is nearest to `at`.
#[inline(always)]
fn nearest(at: i32, extent: u32) -> i32 {
    at.min(extent as i32 - 1).max(0)
}
