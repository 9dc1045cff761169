//! A block on its way down a strip: from rows of pixels to the moments of windows, `STEP` rows at a time.
//!
//! A thread has a column of pixels, whose sums it leaves in shared memory row by row. After a barrier it takes
//! `STEP` windows side by side in one of those rows: its *run*.

use fastssim_device::shared::Shared;
use fastssim_device::thread::thread_idx_x;

use super::blur::slide;
use super::down::{ABOVE, Down};
use super::edges::Edges;
use super::origins::{Origins, moved};
use super::pixels::{Column, Pixel, Reader, Words};
use super::shift::Shift;
use super::tile::Tile;
use crate::geometry::{COLUMN, Layout, R, STEP, TAPS, group};
use crate::params::Params;

/// A thread's way down its column. Of the rows of a step it reads `AHEAD` before the step above is complete; the others are on
/// their way while these are taken in.
pub(crate) struct March<'a, P: Pixel, E: Edges, D, const AHEAD: usize> {
    pub(crate) weights: &'a [f32; TAPS],
    pub(crate) reader: Reader<P, E>,
    pub(crate) origins: Origins,
    column: Column<P>,
    /// Rows that have been read.
    ahead: [Words; AHEAD],
    shift: Shift,
    pub(crate) down: D,
}

/// Numbers of `STEP` rows in shared memory, column by column: four a row.
#[derive(Clone, Copy)]
pub(crate) struct Columns(pub(crate) Shared<f32>);

impl Columns {
    /// The first row of a column.
    #[inline(always)]
    pub(crate) fn column(self, col: u32) -> Shared<f32> {
        self.0.offset(COLUMN * STEP * col)
    }

    /// What stands in the row of a run, `col` columns from its first window's first on: of its four numbers those from `first`
    /// on, two from the first or third, or more from the first.
    ///
    /// # Safety
    /// It has been written, and a barrier stands between.
    #[inline(always)]
    pub(crate) unsafe fn load<const N: usize>(self, run: &Run, col: usize, first: u32) -> [f32; N] {
        let row = self.column(STEP * run.place).offset(COLUMN * run.row);
        let at = COLUMN * STEP * col as u32;
        // SAFETY: as the caller promises.
        unsafe {
            if N == 2 {
                let found = row.load2(at + first);
                core::array::from_fn(|i| found[i])
            } else {
                let found = row.load4(at);
                core::array::from_fn(|i| found[i])
            }
        }
    }

    /// Writes there; zeros where three numbers are followed by a fourth.
    ///
    /// # Safety
    /// Nobody else uses that place.
    #[inline(always)]
    pub(crate) unsafe fn store<const N: usize>(self, run: &Run, col: usize, first: u32, values: [f32; N]) {
        let row = self.column(STEP * run.place).offset(COLUMN * run.row);
        let at = COLUMN * STEP * col as u32;
        // SAFETY: as the caller promises.
        unsafe {
            if N == 2 {
                row.store2(at + first, [values[0], values[1]]);
            } else {
                row.store4(at, core::array::from_fn(|i| if i < N { values[i] } else { 0.0 }));
            }
        }
    }
}

/// Windows side by side that a thread has of each step: those of columns `STEP` × `place` on in row `row` of the step.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(crate) row: u32,
    pub(crate) place: u32,
}

impl Run {
    /// That of this thread, and whether it is one, where a row has so many runs: those that are left over have what another
    /// thread has.
    #[inline(always)]
    pub(crate) fn new(runs: u32) -> (Self, bool) {
        // Neighbouring threads have neighbouring rows: what they read lies side by side, and they meet in no bank of shared
        // memory.
        let (row, place) = (thread_idx_x() % STEP, thread_idx_x() / STEP);
        let is_one = place < runs;
        let place = if is_one { place } else { runs - 1 };
        (Self { row, place }, is_one)
    }
}

impl<'a, P: Pixel, E: Edges, D: Down, const AHEAD: usize> March<'a, P, E, D, AHEAD> {
    /// Begins above row `row` of windows, the first of which is in column `col`.
    ///
    /// # Safety
    /// All threads of the block call it.
    #[inline(always)]
    pub(crate) unsafe fn new(params: &'a Params, layout: &Layout, tile: &Tile, [row, col]: [i32; 2]) -> Self {
        let reader = Reader::new(params, tile);
        let column = reader.column(col - R + thread_idx_x() as i32);
        let above = row - R;
        let first: [_; ABOVE] = reader.read_rows(above, &column);
        // SAFETY: as the caller promises.
        let origins = unsafe { Origins::find(params, layout, tile, &reader, &column) };
        let ahead = reader.read_rows(above + ABOVE as i32, &column);
        // SAFETY: it has been found.
        let shift = unsafe { origins.of_group(group(thread_idx_x())) };
        let first = first.map(|words| reader.signals(&column, words, &shift));
        Self {
            weights: &params.weights,
            // SAFETY: as the caller promises.
            down: unsafe { D::new(&params.weights, layout, first) },
            reader,
            origins,
            column,
            ahead,
            shift,
        }
    }

    /// Takes in `STEP` rows, and leaves the sums of this thread's column of `STEP` rows of windows, from row `row` on.
    ///
    /// # Safety
    /// Nobody else uses that column of the shared memory.
    #[inline(always)]
    pub(crate) unsafe fn step(&mut self, row: i32, columns: Columns) {
        let column = columns.column(thread_idx_x());
        // As many as a step has; those that are not looked at are not read.
        let rest: [_; STEP as usize] = self.reader.read_rows(row + R + AHEAD as i32, &self.column);
        let pixel = |i: usize| {
            let words = if i < AHEAD { self.ahead[i] } else { rest[i - AHEAD] };
            self.reader.signals(&self.column, words, &self.shift)
        };
        // SAFETY: as the caller promises.
        unsafe {
            self.down
                .step(self.weights, pixel, |i, sums| column.store4(COLUMN * i, sums));
        }
    }

    /// Reads rows of the step whose windows begin with row `row`.
    #[inline(always)]
    pub(crate) fn read(&mut self, row: i32) {
        self.ahead = self.reader.read_rows(row + R, &self.column);
    }

    /// The sums of a run's windows, and the shift that they have.
    ///
    /// # Safety
    /// All threads have taken their step, and a barrier stands between.
    #[inline(always)]
    pub(crate) unsafe fn along(&self, run: &Run, columns: Columns) -> ([[f32; 4]; STEP as usize], Shift) {
        // SAFETY: as the caller promises; a block has the groups that its runs reach.
        let [left, shift, right] = [0, 1, 2].map(|i| unsafe { self.origins.of_group(run.place + i) });
        let (from_left, from_right) = (left.until(&shift), right.until(&shift));
        let sums = slide(self.weights, |col| {
            // SAFETY: as the caller promises; a row has a column for all that its runs reach.
            let sums = unsafe { columns.load(run, col, 0) };
            if col < R as usize {
                moved(sums, from_left)
            } else if col >= STEP as usize + R as usize {
                moved(sums, from_right)
            } else {
                sums
            }
        });
        (sums, shift)
    }
}
