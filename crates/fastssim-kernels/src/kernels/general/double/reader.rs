//! How a warp reads pixels.

use super::super::elements::Plane;
use super::super::source::source;
use super::super::tile::{Tile, spans};
use crate::general::geometry::Work;
use crate::general::params::Params;

/// The value, or 0 where it is not finite.
#[inline(always)]
pub(crate) fn finite(value: f64) -> f64 {
    let zero = 0.0;
    // Zero times what is not finite is NaN.
    if value * zero == zero { value } else { zero }
}

/// One channel of each of the two images.
pub(crate) struct Reader {
    x: Plane,
    y: Plane,
    padding: u32,
    height: i32,
    width: i32,
    scale: f64,
}

/// What has been read in some rows and columns: of x and of y, and where there are pixels.
#[derive(Clone, Copy)]
pub(crate) struct Read<const N: usize, const M: usize> {
    x: [[u64; M]; N],
    y: [[u64; M]; N],
    /// A bit each.
    rows: u32,
    cols: u32,
}

/// The bits of those that there are.
#[inline(always)]
fn present<const N: usize>(places: [Option<i32>; N]) -> u32 {
    let mut bits = 0;
    for i in 0..N {
        bits |= u32::from(places[i].is_some()) << i;
    }
    bits
}

impl Reader {
    #[inline(always)]
    pub(crate) fn new(params: &Params, tile: &Tile) -> Self {
        Self {
            x: Plane::new(&params.x, tile.image, tile.channel),
            y: Plane::new(&params.y, tile.image, tile.channel),
            padding: params.padding,
            height: params.height as i32,
            width: params.width as i32,
            scale: params.scale,
        }
    }

    /// The rows of the image whose pixels stand in the rows from `row` on, which may be beyond the edges.
    #[inline(always)]
    pub(crate) fn rows<const N: usize>(&self, row: i32) -> [Option<i32>; N] {
        let rows = core::array::from_fn(|i| row + i as i32);
        if row >= 0 && row + N as i32 <= self.height {
            return rows.map(Some);
        }
        rows.map(|row| source(self.padding, row, self.height))
    }

    /// The column of the image whose pixels stand in a column that may be beyond the edges.
    #[inline(always)]
    pub(crate) fn col(&self, col: i32) -> Option<i32> {
        source(self.padding, col, self.width)
    }

    /// The pixels in rows and columns of the image, as [`rows`](Self::rows) and [`col`](Self::col) give them.
    #[inline(always)]
    pub(crate) fn read<const N: usize, const M: usize>(
        &self,
        rows: [Option<i32>; N],
        cols: [Option<i32>; M],
    ) -> Read<N, M> {
        let at_rows = rows.map(|row| row.unwrap_or(0) as u32);
        let at_cols = cols.map(|col| col.unwrap_or(0) as u32);
        // SAFETY: the host promises that every pixel of the image lies within a buffer that nobody writes meanwhile,
        // and the image has a pixel.
        unsafe {
            Read {
                x: self.x.bits::<f64, N, M>(at_rows, at_cols),
                y: self.y.bits::<f64, N, M>(at_rows, at_cols),
                rows: present(rows),
                cols: present(cols),
            }
        }
    }

    /// The sums and the differences of what has been read, scaled; zero where there is no pixel.
    #[inline(always)]
    pub(crate) fn values<const N: usize, const M: usize>(&self, read: &Read<N, M>) -> [[[f64; 2]; M]; N] {
        let x = self.x.numbers::<f64, N, M>(read.x);
        let y = self.y.numbers::<f64, N, M>(read.y);
        core::array::from_fn(|i| {
            core::array::from_fn(|j| {
                let (x, y) = (x[i][j] * self.scale, y[i][j] * self.scale);
                let zero = 0.0;
                let is_pixel = read.rows >> i & read.cols >> j & 1 != 0;
                [x + y, x - y].map(|value| if is_pixel { value } else { zero })
            })
        })
    }

    /// What the derivatives of the windows of a tile, in this row and column of tiles, take for the origin of u and
    /// v: the pixel in its middle. Sums of products with u and v would lose digits where the images are bright.
    #[inline(always)]
    pub(crate) fn origin(&self, params: &Params, work: Work, tile_row: u32, tile_col: u32) -> [f64; 2] {
        let [rows, cols] = spans(params, work, [tile_row, tile_col]);
        self.middle(rows, cols)
    }

    /// u and v of the pixel in the middle of some rows and columns, 0 where they are not finite.
    #[inline(always)]
    pub(crate) fn middle(&self, rows: [i32; 2], cols: [i32; 2]) -> [f64; 2] {
        let [row, col] = [rows, cols].map(|[from, to]| from + (to - from) / 2);
        let [[values]] = self.values(&self.read([Some(row)], [Some(col)]));
        values.map(finite)
    }
}
