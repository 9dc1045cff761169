//! A block on its way down a strip: from rows of pixels to the moments of windows, `STEP` rows at a time.
//!
//! A thread has a column of pixels, whose sums it leaves in shared memory row by row. After a barrier it takes
//! `STEP` windows side by side in one of those rows: its *run*.

use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, thread_idx_x};

use super::blur::{Weights, slide};
use super::down::Down;
use super::edges::Edges;
use super::origins::{Origins, moved};
use super::pixels::{Column, Pixel, Reader, Words};
use super::shift::Shift;
use super::tile::Tile;
use crate::geometry::{ABOVE, COLUMN, Layout, MOST_TAPS, SPARE, STEP, Work, group, groups_beside};
use crate::params::Params;

/// A thread's way down its column, for windows that reach `A` rows above their last. Of the rows of a step it reads `AHEAD` before the
/// step above is complete; the others are on their way while these are taken in.
pub(crate) struct March<'a, P: Pixel, E: Edges, D, const A: usize, const AHEAD: usize> {
    pub(crate) weights: &'a Weights,
    pub(crate) reader: Reader<P, E>,
    pub(crate) origins: Origins,
    column: Column,
    /// Rows that have been read.
    ahead: [Words; AHEAD],
    shift: Shift,
    pub(crate) down: D,
}

/// The shared memory of a block of so many threads, where a window reaches `A` rows above its last.
#[inline(always)]
pub(crate) const fn layout<const A: usize>(work: Work, is_split: bool, threads: u32) -> Layout {
    let above = A as u32;
    crate::geometry::March {
        work,
        above,
        is_split,
        // Of no account here.
        continued: false,
    }
    .layout(threads)
}

/// Numbers of `STEP` rows in shared memory, column by column: four a row.
#[derive(Clone, Copy)]
pub(crate) struct Columns(pub(crate) Shared<f32>);

impl Columns {
    /// Writes zeros into the columns beyond those of threads.
    ///
    /// # Safety
    /// All threads of the block call it, at least [`SPARE`] × [`STEP`], and nobody else uses these columns before the next barrier.
    #[inline(always)]
    pub(crate) unsafe fn clear_spare(self) {
        if thread_idx_x() < SPARE * STEP {
            let spare = self.column(block_dim_x());
            // SAFETY: as the caller promises; each place has one thread.
            unsafe { spare.store4(COLUMN * thread_idx_x(), [0.0; 4]) };
        }
    }

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

/// Groups of columns that a run's windows reach at most.
const MOST_GROUPS: usize = 2 * groups_beside(MOST_TAPS as u32 - 1) as usize + 1;

impl<'a, P: Pixel, E: Edges, D: Down<A>, const A: usize, const AHEAD: usize> March<'a, P, E, D, A, AHEAD> {
    /// Pixels on each side of a window's centre.
    const R: i32 = A as i32 / 2;
    /// Groups of columns on each side of a run's own that its windows reach.
    const BESIDE: usize = groups_beside(A as u32) as usize;

    /// Begins above row `row` of windows, the first of which is in column `col`.
    ///
    /// # Safety
    /// All threads of the block call it.
    #[inline(always)]
    pub(crate) unsafe fn new(params: &'a Params, layout: &Layout, tile: &Tile, [row, col]: [i32; 2]) -> Self {
        let reader = Reader::new(params, tile);
        let column = reader.column(col - Self::R + thread_idx_x() as i32);
        let above = row - Self::R;
        let first: [_; A] = reader.read_rows(above, &column);
        // SAFETY: as the caller promises.
        let origins = unsafe { Origins::find::<P, E, A>(params, layout, tile, &reader, &column) };
        let ahead = reader.read_rows(above + A as i32, &column);
        // SAFETY: it has been found.
        let shift = unsafe { origins.of_group(group(A as u32, thread_idx_x())) };
        let first = first.map(|words| reader.signals(&column, words, &shift));
        if A > ABOVE {
            // SAFETY: as the caller promises; what was found for shifts is not needed any more.
            unsafe { Columns(Shared::at(layout.sums)).clear_spare() };
        }
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
        let rest: [_; STEP as usize] = self.reader.read_rows(row + Self::R + AHEAD as i32, &self.column);
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
        self.ahead = self.reader.read_rows(row + Self::R, &self.column);
    }

    /// The sums of a run's windows, and the shift that they have.
    ///
    /// # Safety
    /// All threads have taken their step, and a barrier stands between.
    #[inline(always)]
    pub(crate) unsafe fn along(&self, run: &Run, columns: Columns) -> ([[f32; 4]; STEP as usize], Shift) {
        // SAFETY: as the caller promises; a block has the groups that its runs reach.
        let of_group = |i: usize| unsafe { self.origins.of_group(run.place + i as u32) };
        let shift = of_group(Self::BESIDE);
        let mut by = [[0.0; 2]; MOST_GROUPS];
        for i in 0..2 * Self::BESIDE + 1 {
            if i != Self::BESIDE {
                by[i] = of_group(i).until(&shift);
            }
        }
        // Columns of the first group that are beyond what the windows reach.
        let beyond = Self::BESIDE * STEP as usize - Self::R as usize;
        let sums = slide::<4, A>(self.weights, |col| {
            // SAFETY: as the caller promises; a row has a column for all that its runs reach.
            let sums = unsafe { columns.load(run, col, 0) };
            let group = (col + beyond) / STEP as usize;
            if group == Self::BESIDE {
                sums
            } else {
                moved(sums, by[group])
            }
        });
        (sums, shift)
    }
}
