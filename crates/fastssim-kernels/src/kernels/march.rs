//! From a row of pixels to the moments of the windows whose last row it is.

use fastssim_device::math::{max, min};
use fastssim_device::shared::Shared;
use fastssim_device::warp::{self, lane};

use super::blur::{REACH, Running, along_row, move_origin};
use super::formula::Moments;
use super::pixels::{Columns, Pixel, Reader, Row};
use super::ring::Ring;
use super::shift::Shift;
use super::tile::{Tile, warp};
use crate::geometry::{COLS, R, TAPS, Work};
use crate::params::Params;

/// A warp on its way down the rows: [`Self::step`] by step.
pub(crate) struct March<P> {
    reader: Reader<P>,
    pub(crate) shift: Shift,
    pub(crate) ring: Ring,
    pub(crate) weights: [f32; TAPS],
    /// What this lane reads of a row, from five columns to the left of the first moments on.
    columns: Columns,
    /// The row that comes next, on its way while the last is computed.
    next: Row,
    /// Of u' and v' less their origins, and of the squares, for each of the lane's columns.
    sums: [[Running; 4]; COLS],
    /// What is subtracted from u' and v' besides: what they were near this lane's columns some rows above. Dark and
    /// bright parts of a tile have variances alike, but could not have them to the same digits about one number.
    origins: [f32; 2],
}

/// Rows after which the origin follows the image; a power of two.
const FOLLOW_ROWS: i32 = 16;

/// Which of a lane's columns, from image column `col` on, lie within `range`.
#[inline(always)]
pub(crate) fn within(col: i32, range: [i32; 2]) -> [bool; COLS] {
    core::array::from_fn(|i| {
        let col = col + i as i32;
        col >= range[0] && col < range[1]
    })
}

/// The start of this warp's shared memory.
#[inline(always)]
pub(crate) fn shared(work: Work) -> Shared<f32> {
    Shared::at(warp() * work.shared_bytes())
}

impl<P: Pixel> March<P> {
    /// Starts at row `row` (it is read first), with moments from column `col` on.
    #[inline(always)]
    pub(crate) fn new(params: &Params, tile: &Tile, work: Work, row: i32, col: i32) -> Self {
        let reader = Reader::new(params, tile);
        let shift = Shift::of_tile(params, &reader, tile);
        let columns = reader.columns(col - R);
        Self {
            next: reader.row(row, &columns),
            reader,
            shift,
            ring: Ring::new(shared(work), work.ring_rows()),
            weights: params.weights,
            columns,
            sums: Default::default(),
            origins: [0.0; 2],
        }
    }

    /// Takes in row `row`, one more than the last; the moments of the windows whose last row it is,
    /// if eleven rows have been taken in.
    ///
    /// # Safety
    /// All lanes of the warp call it, and nobody else uses the warp's ring.
    #[inline(always)]
    pub(crate) unsafe fn step(&mut self, row: i32) -> [Moments; COLS] {
        // SAFETY: as the caller promises; the barrier stands between the writing and the reading.
        let pairs: [[f32; 4]; REACH / 2] = unsafe {
            let pixels = self.reader.values(row, &self.columns, &self.next);
            self.ring.write(row, &pixels, &self.shift);
            warp::sync();
            self.next = self.reader.row(row + 1, &self.columns);
            self.ring.read(row, lane())
        };
        let (mut u, mut v) = ([0.0; REACH], [0.0; REACH]);
        for i in 0..REACH / 2 {
            [u[2 * i], v[2 * i], u[2 * i + 1], v[2 * i + 1]] = pairs[i];
        }
        u = u.map(|u| u - self.origins[0]);
        v = v.map(|v| v - self.origins[1]);
        let rows = [u, v, u.map(|u| u * u), v.map(|v| v * v)].map(|columns| along_row(&self.weights, &columns));
        let mut moments = [Moments::default(); COLS];
        for col in 0..COLS {
            let [u, v, uu, vv] = core::array::from_fn(|map| self.sums[col][map].push(&self.weights, rows[map][col]));
            moments[col] = Moments {
                u: u + self.origins[0],
                v: v + self.origins[1],
                su: uu - u * u,
                sv: vv - v * v,
            };
        }
        if row & (FOLLOW_ROWS - 1) == 0 {
            self.follow([middle(&u, rows[0][0]), middle(&v, rows[1][0])]);
        }
        moments
    }

    /// Moves the origins of u' and v', to where the images are.
    #[inline(always)]
    fn follow(&mut self, by: [f32; 2]) {
        for signal in 0..2 {
            // Not to where there is nothing finite.
            let by = if by[signal].abs() < f32::INFINITY {
                by[signal]
            } else {
                0.0
            };
            for col in 0..COLS {
                let (signals, squares) = self.sums[col].split_at_mut(2);
                move_origin(&self.weights, by, &mut signals[signal], &mut squares[signal]);
            }
            self.origins[signal] += by;
        }
    }
}

/// The median of a row's mean and its first and last column: what a region is like, whatever a single pixel is.
#[inline(always)]
fn middle(columns: &[f32; REACH], mean: f32) -> f32 {
    let [first, last] = [columns[0], columns[REACH - 1]];
    max(min(first, last), min(max(first, last), mean))
}
