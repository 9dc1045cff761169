//! The kernel of the scores and their gradient.

use fastssim_device::global::GlobalMut;
use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::warp::{self, lane};

use super::blur::{REACH, Running, along_row};
use super::formula::Constants;
use super::march::{March, shared, within};
use super::pixels::Pixel;
use super::sum::{Sum, finish};
use super::tile::Tile;
use crate::geometry::{COLS, GRADIENT_COLS, GRADIENT_RING_ROWS, MOMENTS, R, ROW_BYTES, TAPS, Work};
use crate::params::Params;

/// The score of each image, and its gradient with respect to x.
///
/// The march goes over the windows that hold a pixel of the tile: five more on each side. Their
/// derivatives take the way back: blurred along rows by way of shared memory, then along columns by running
/// sums. They never leave the multiprocessor.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub unsafe fn gradient<P: Pixel>(params: &Params) {
    let Some(tile) = Tile::of_warp(params, Work::Gradient) else {
        return;
    };
    let [top, bottom] = tile.rows;
    // The first window that holds a pixel of the tile.
    let first_col = tile.cols[0] - R;
    let mut march = March::<P>::new(params, &tile, Work::Gradient, top - 2 * R, first_col);
    let constants = Constants::new(params, &march.shift);
    let mut back = Back::new(params, &tile);
    let col = first_col + (COLS as u32 * lane()) as i32;
    let in_map = within(col, tile.map_cols);
    let in_tile = within(col, tile.cols);
    let mut sum = Sum::default();
    for row in top - 2 * R..bottom + 2 * R {
        // SAFETY: the whole warp has the same tile.
        let moments = unsafe { march.step(row) };
        if row < top {
            continue;
        }
        // The row of the windows that are complete now.
        let center = row - R;
        let row_in_map = center >= tile.map_rows[0] && center < tile.map_rows[1];
        let row_in_tile = row_in_map && center >= top && center < bottom;
        let mut maps = [[0.0; COLS]; 3];
        let mut deficit = 0.0;
        for i in 0..COLS {
            let derivatives = constants.derivatives(&moments[i]);
            for map in 0..3 {
                maps[map][i] = if row_in_map && in_map[i] {
                    derivatives.maps[map]
                } else {
                    0.0
                };
            }
            deficit += if row_in_tile && in_map[i] && in_tile[i] {
                derivatives.deficit
            } else {
                0.0
            };
        }
        sum.add(deficit);
        // SAFETY: all lanes are here, and the ring still holds the row 10 above.
        unsafe {
            let values = back.step(&march.weights, maps);
            if row >= top + 2 * R {
                back.write(
                    row - 2 * R,
                    values,
                    march.ring.read(row - 2 * R, back.pair() + R as u32),
                );
            }
        }
    }
    // SAFETY: as the caller promises.
    unsafe { finish(params, &tile, &sum) };
}

/// The way back of a gradient: from derivatives to pixels.
struct Back {
    shared: Shared<f32>,
    /// Of A, B and C, for each of the lane's columns.
    sums: [[Running; 3]; COLS],
    out: GlobalMut<f32>,
    row_stride: u32,
    col_stride: u32,
    /// The first of the lane's columns, and which of them it writes.
    col: i32,
    inside: [bool; COLS],
    factor: f32,
}

impl Back {
    #[inline(always)]
    fn new(params: &Params, tile: &Tile) -> Self {
        let col = tile.cols[0] + (COLS as u32 * lane()) as i32;
        Self {
            shared: shared(Work::Gradient).offset(GRADIENT_RING_ROWS * ROW_BYTES / 4),
            sums: Default::default(),
            out: GlobalMut::from_address(params.out.data).offset(params.out.plane(tile)),
            row_stride: params.out.row,
            col_stride: params.out.col,
            col,
            inside: within(col, tile.cols),
            factor: params.gradient_factor * params.scale,
        }
    }

    /// The pair of columns of derivatives that this lane's two pixels reach first. The last five lanes
    /// have no pixels, and look on.
    #[inline(always)]
    fn pair(&self) -> u32 {
        lane().min(GRADIENT_COLS / COLS as u32 - 1)
    }

    /// Takes in a row of derivatives, 0 outside of the map; the blurred derivatives five rows above.
    ///
    /// # Safety
    /// All lanes of the warp call it.
    #[inline(always)]
    unsafe fn step(&mut self, weights: &[f32; TAPS], maps: [[f32; COLS]; 3]) -> [[f32; 3]; COLS] {
        let (ab, c) = (self.shared, self.shared.offset(2 * MOMENTS));
        let [[a0, a1], [b0, b1], c_pair] = maps;
        let mut columns = [[0.0; REACH]; 3];
        // SAFETY: each lane has its own pair of columns, and a barrier stands between the writing and the
        // reading. Another one follows before the next row is written: that of the march.
        unsafe {
            ab.store4(4 * lane(), [a0, a1, b0, b1]);
            c.store2(2 * lane(), c_pair);
            warp::sync();
            for i in 0..REACH / 2 {
                let pair = self.pair() + i as u32;
                let [a0, a1, b0, b1] = ab.load4(4 * pair);
                let [c0, c1] = c.load2(2 * pair);
                [columns[0][2 * i], columns[0][2 * i + 1]] = [a0, a1];
                [columns[1][2 * i], columns[1][2 * i + 1]] = [b0, b1];
                [columns[2][2 * i], columns[2][2 * i + 1]] = [c0, c1];
            }
        }
        let mut out = [[0.0; 3]; COLS];
        for map in 0..3 {
            let row = along_row(weights, &columns[map]);
            for col in 0..COLS {
                out[col][map] = self.sums[col][map].push(weights, row[col]);
            }
        }
        out
    }

    /// Writes the gradient of a row of pixels, given the derivatives and u', v' of both columns.
    ///
    /// # Safety
    /// The row lies within the tile.
    #[inline(always)]
    unsafe fn write(&self, row: i32, derivatives: [[f32; 3]; COLS], pixels: [[f32; 4]; 1]) {
        for i in 0..COLS {
            let [u, v] = [pixels[0][2 * i], pixels[0][2 * i + 1]];
            let [a, b, c] = derivatives[i];
            let value = self.factor * fma(v, c, fma(u, b, a));
            if self.inside[i] {
                let [row, col] = [row, self.col + i as i32].map(|at| at as u32);
                // SAFETY: the gradient has a value for each pixel, and no other lane has this one.
                unsafe { self.out.store(row * self.row_stride + col * self.col_stride, value) };
            }
        }
    }
}
