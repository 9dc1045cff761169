//! The last rows of u' and v' of one warp, in shared memory.
//!
//! A row holds the 74 columns that 64 windows side by side reach. The two numbers of a column lie
//! next to each other, so that one access of 16 bytes brings two columns.

use fastssim_device::shared::Shared;
use fastssim_device::warp::lane;

use super::pixels::READS;
use super::shift::Shift;
use crate::geometry::{LANES, ROW_BYTES, ROW_COLS};

/// A ring of rows. A row is overwritten when `rows` more have been written, a barrier of the warp after
/// each, so that no lane still reads it.
#[derive(Clone, Copy)]
pub(crate) struct Ring {
    start: Shared<f32>,
    /// A power of two.
    rows: u32,
}

impl Ring {
    /// The ring of the warp whose shared memory starts at `start`.
    #[inline(always)]
    pub(crate) fn new(start: Shared<f32>, rows: u32) -> Self {
        Self { start, rows }
    }

    #[inline(always)]
    fn row(&self, row: i32) -> Shared<f32> {
        let slot = row as u32 & (self.rows - 1);
        self.start.offset(slot * (ROW_BYTES / 4))
    }

    /// Writes this lane's part of row `row`.
    ///
    /// # Safety
    /// The ring is this warp's own; all lanes call it, and wait for one another before they read the row.
    #[inline(always)]
    pub(crate) unsafe fn write(&self, row: i32, pixels: &[[f32; 2]; READS], shift: &Shift) {
        let to = self.row(row);
        for i in 0..READS {
            let col = lane() + i as u32 * LANES;
            if col < ROW_COLS {
                let values = shift.apply(pixels[i][0], pixels[i][1]);
                // SAFETY: the column lies within the row, and each is written by one lane.
                unsafe { to.store2(2 * col, values) };
            }
        }
    }

    /// u' and v' of `PAIRS` pairs of columns of row `row`, from the pair `pair` on.
    ///
    /// # Safety
    /// The row has been written, all its lanes have been waited for, and it has not been overwritten;
    /// the pairs lie within it.
    #[inline(always)]
    pub(crate) unsafe fn read<const PAIRS: usize>(&self, row: i32, pair: u32) -> [[f32; 4]; PAIRS] {
        let from = self.row(row);
        let mut out = [[0.0; 4]; PAIRS];
        for i in 0..PAIRS {
            // SAFETY: as the caller promises; a pair takes 16 bytes, and a row a multiple of that.
            out[i] = unsafe { from.load4(4 * (pair + i as u32)) };
        }
        out
    }
}
