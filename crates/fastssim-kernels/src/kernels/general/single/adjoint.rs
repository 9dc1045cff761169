//! The kernel of the gradients: the windows' derivatives, taken back to the pixels.

use fastssim_device::math::{fma, fresh};
use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, sync_threads, thread_idx_x};

use super::super::elements::Plane;
use super::super::sum::factor;
use super::super::tile::Tile;
use super::pixels::{self, Pixels, Words};
use super::places::{Column, Line};
use super::window::{N, Window};
use crate::general::geometry::Work;
use crate::general::params::Params;
use crate::geometry::{COLUMN, STEP};
use crate::kernels::formula::{BOTH, ONE, slopes};
use crate::kernels::march::{Columns, Run};
use crate::kernels::shift::Shift;

/// The gradient with respect to x or to y.
///
/// # Safety
/// As [`windows`](super::windows()); the kernel of the derivatives has left those of these channels.
#[inline(always)]
pub unsafe fn adjoint(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { back::<ONE>(params) };
}

/// Both gradients.
///
/// # Safety
/// As [`adjoint`].
#[inline(always)]
pub unsafe fn adjoints(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { back::<BOTH>(params) };
}

/// By so many maps of derivatives.
#[inline(always)]
unsafe fn back<const MAPS: usize>(params: &Params) {
    let tile = Tile::of_block(params, Work::Adjoint);
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let columns = Columns(Shared::at(0));
    // SAFETY: all threads of the block come here.
    let sums = unsafe { Sums::<MAPS>::new(params, &tile) };
    let gradients = Gradients::new(params, &tile);
    let (run, is_one) = Run::new(((right - left) as u32).div_ceil(STEP));
    let mut row = top;
    while row < bottom {
        // SAFETY: barriers stand between the writing of columns and the reading of rows, and the other way round.
        unsafe {
            sums.down(row, columns);
            sync_threads();
            let mut found = [[0.0; MAPS]; N];
            if is_one {
                found = sums.along(&run, columns, left);
            }
            let words = gradients.read(row);
            sync_threads();
            // A fresh condition: of one that has been looked at before, the compiler makes two ways through all that lies between,
            // with a barrier in each.
            if fresh(is_one.into()) != 0 {
                for i in 0..N {
                    columns.store(&run, i, 0, found[i]);
                }
            }
            sync_threads();
            gradients.write::<MAPS>(columns, row, &words);
        }
        row += N as i32;
    }
}

/// Sums of derivatives over the windows that hold a pixel: along a thread's column, and then along rows.
struct Sums<'a, const MAPS: usize> {
    window: Window<'a>,
    column: Column,
    /// What the column counts.
    counts: f32,
    down: Line,
    across: Line,
    /// Which rows of derivatives a step reads, and what they count, where not all are windows that count as they are.
    rows: Shared<u32>,
    /// What the taps from 1, 2, … pixels beyond the centre on sum up to.
    tails: Shared<f32>,
}

impl<'a, const MAPS: usize> Sums<'a, MAPS> {
    /// # Safety
    /// All threads of the block call it; the geometry has made room.
    #[inline(always)]
    unsafe fn new(params: &'a Params, tile: &Tile) -> Self {
        let layout = params.layout(Work::Adjoint, block_dim_x());
        // SAFETY: as the caller promises; a barrier follows.
        let window = unsafe { Window::new(params, &layout) };
        let (down, across) = (Line::new(params, params.height), Line::new(params, params.width));
        let tails = Shared::at(layout.tails);
        if (thread_idx_x() as i32) < window.radius {
            let mut tail = 0.0;
            for i in 0..params.half.len() {
                tail += if i as u32 > thread_idx_x() { params.half[i] } else { 0.0 };
            }
            // SAFETY: each has one thread.
            unsafe { tails.store(thread_idx_x(), tail as f32) };
        }
        sync_threads();
        let (col, counts) = across.window(tile.cols[0] - window.radius + thread_idx_x() as i32);
        Self {
            window,
            column: Column::new::<MAPS>(params, tile, col),
            counts,
            down,
            across,
            rows: Shared::at(layout.rows),
            tails,
        }
    }

    /// Leaves the sums along this thread's column, of the pixels of the step from row `row` on.
    ///
    /// # Safety
    /// All threads of the block call it; nobody else uses that column of the shared memory.
    #[inline(always)]
    unsafe fn down(&self, row: i32, columns: Columns) {
        let first = row - self.window.radius;
        let last = self.window.taps - 1;
        let places = last + STEP;
        // SAFETY: as the caller promises; the kernel before has written the rows.
        unsafe {
            let mut sums = if self.down.is_plain(first, first + places as i32) {
                self.down_plain((first - self.down.first) as u32)
            } else {
                let mut place = thread_idx_x();
                while place < places {
                    let (row, counts) = self.down.window(first + place as i32);
                    self.rows.store2(2 * place, [row, counts.to_bits()]);
                    place += block_dim_x();
                }
                sync_threads();
                let at = |place: u32| {
                    let [row, counts] = self.rows.load2(2 * place);
                    counted(f32::from_bits(counts), self.column.at::<MAPS>(row))
                };
                let mut sums = self.window.begin(at);
                self.window.end(&mut sums, |i| at(last + i as u32));
                sums
            };
            if self.down.repeats() {
                let derivatives = |at: i32| self.column.at::<MAPS>((at - self.down.first) as u32);
                self.repeat(&self.down, row, &mut sums, derivatives);
            }
            let column = columns.column(thread_idx_x());
            let sums = if self.counts == 1.0 {
                sums
            } else {
                sums.map(|sums| counted(self.counts, sums))
            };
            for i in 0..N {
                column.store4(
                    COLUMN * i as u32,
                    core::array::from_fn(|map| if map < MAPS { sums[i][map] } else { 0.0 }),
                );
            }
        }
    }

    /// The sums of the step that reads the rows of the map from this one on, as they are.
    ///
    /// # Safety
    /// There are such rows; the kernel before has written them.
    #[inline(always)]
    unsafe fn down_plain(&self, row: u32) -> [[f32; MAPS]; N] {
        let column = self.column.at_row::<MAPS>(row);
        let last = self.window.taps - 1;
        // SAFETY: as the caller promises.
        unsafe {
            if MAPS == BOTH {
                let mut sums = self.window.begin(|place| column.at(place));
                self.window.end(&mut sums, |i| column.at(last + i as u32));
                return sums;
            }
            // No step before has had the last rows, so they take longest and are read first. Of both gradients there are no registers
            // for them.
            let rows: [[f32; MAPS]; N] = core::array::from_fn(|i| column.at(last + i as u32).map(read_here));
            let mut sums = self.window.begin(|place| column.at(place));
            self.window.end(&mut sums, |i| rows[i]);
            sums
        }
    }

    /// The sums of a run of a tile's pixels, the first of which are in column `left`.
    ///
    /// # Safety
    /// All threads have left theirs, and a barrier stands between.
    #[inline(always)]
    unsafe fn along(&self, run: &Run, columns: Columns, left: i32) -> [[f32; MAPS]; N] {
        let last = self.window.taps - 1;
        // SAFETY: as the caller promises; a row has a column for all windows that hold the run's pixels.
        unsafe {
            let at = |place: u32| columns.load::<MAPS>(run, place as usize, 0);
            let mut sums = self.window.begin(at);
            self.window.end(&mut sums, |i| at(last + i as u32));
            if self.across.repeats() {
                let first = (STEP * run.place) as i32;
                let derivatives =
                    |at: i32| columns.load::<MAPS>(run, (at - left - first + self.window.radius) as usize, 0);
                self.repeat(&self.across, left + first, &mut sums, derivatives);
            }
            sums
        }
    }

    /// Adds to the sums of pixels, from `from` on, what those at an edge take for all that stands beyond it.
    #[inline(always)]
    unsafe fn repeat(
        &self,
        line: &Line,
        from: i32,
        sums: &mut [[f32; MAPS]; N],
        derivatives: impl Fn(i32) -> [f32; MAPS],
    ) {
        for i in 0..2 {
            let (edge, way) = line.edges()[i];
            if edge < from || edge >= from + N as i32 {
                continue;
            }
            let mut beyond = [0.0; MAPS];
            for i in 0..line.within(self.window.radius) {
                let values = derivatives(edge + i * way);
                // SAFETY: the tails have been written, with a barrier since.
                let tail = unsafe { self.tails.load(i as u32) };
                for map in 0..MAPS {
                    beyond[map] = fma(tail, values[map], beyond[map]);
                }
            }
            for i in 0..N {
                for map in 0..MAPS {
                    sums[i][map] += if from + i as i32 == edge { beyond[map] } else { 0.0 };
                }
            }
        }
    }
}

/// A value that has been read, which the compiler would read where it is needed.
#[inline(always)]
fn read_here(value: f32) -> f32 {
    f32::from_bits(fresh(value.to_bits()))
}

/// Values times what they count; what does not count is 0, were it NaN.
#[inline(always)]
fn counted<const MAPS: usize>(counts: f32, values: [f32; MAPS]) -> [f32; MAPS] {
    values.map(|value| if counts == 0.0 { 0.0 } else { counts * value })
}

/// Where the gradients go in this thread's column, and the pixels that they need.
struct Gradients {
    pixels: Pixels,
    column: pixels::Column,
    /// From this column on.
    out: [Option<Plane>; 2],
    origin: Shift,
    down: Line,
    factor: f32,
    /// The end of the tile's rows.
    bottom: i32,
    is_one: bool,
}

impl Gradients {
    #[inline(always)]
    fn new(params: &Params, tile: &Tile) -> Self {
        let pixels = Pixels::new(params, tile);
        let col = tile.cols[0] + thread_idx_x() as i32;
        let is_one = col < tile.cols[1];
        // The threads beyond the last column look on.
        let col = col.min(params.width as i32 - 1);
        // SAFETY: the array is as `Params` says.
        let factor = unsafe {
            factor(
                params.gradient_factors,
                params.first + tile.plane,
                params.gradient_factor,
            )
        };
        let remains = Line::new(params, params.width).remains(col);
        Self {
            pixels,
            column: pixels.column(col),
            out: [0, 1].map(|i| {
                let typed = &params.gradients[i];
                (typed.planes.data != 0).then(|| Plane::new(typed, tile.image, tile.channel).at_col(col as u32))
            }),
            origin: pixels.origin(),
            down: Line::new(params, params.height),
            // Derivatives come in quarters.
            factor: (4.0 * factor * params.scale) as f32 * remains,
            bottom: tile.rows[1],
            is_one,
        }
    }

    /// Reads the pixels of a step.
    #[inline(always)]
    fn read(&self, row: i32) -> Words {
        self.pixels.read(&self.column, row)
    }

    /// Writes the gradients of the step from row `row` on, from the sums in the thread's column.
    ///
    /// # Safety
    /// They have been written, with a barrier since; no other thread writes these gradients.
    #[inline(always)]
    unsafe fn write<const MAPS: usize>(&self, columns: Columns, row: i32, words: &Words) {
        if !self.is_one {
            return;
        }
        let column = columns.column(thread_idx_x());
        let pixels = self.pixels.numbers(&self.column, words);
        let mut slopes_of = [[0.0; 2]; N];
        for i in 0..N {
            // SAFETY: as the caller promises.
            let all = unsafe { column.load4(COLUMN * i as u32) };
            let sums: [f32; MAPS] = core::array::from_fn(|map| all[map]);
            let slopes = slopes(sums, self.column.signals(pixels[i], &self.origin));
            slopes_of[i] = slopes.map(|slope| self.factor * slope);
        }
        if self.down.mirrors_edges() {
            for i in 0..N {
                let remains = self.down.remains(row + i as i32);
                slopes_of[i] = slopes_of[i].map(|slope| remains * slope);
            }
        }
        for of in 0..2 {
            // Of one gradient, it is whichever is wanted.
            let slopes = slopes_of.map(|slopes| slopes[if MAPS == BOTH { of } else { 0 }]);
            // SAFETY: as the caller promises; the gradients have a value for each pixel.
            unsafe { self.store(of, row, slopes) };
        }
    }

    /// Writes one of the gradients.
    ///
    /// # Safety
    /// No other thread writes it here.
    #[inline(always)]
    unsafe fn store(&self, of: usize, row: i32, slopes: [f32; N]) {
        let Some(out) = &self.out[of] else { return };
        let count = (self.bottom - row) as u32;
        // SAFETY: as the caller promises; the gradient has a value for each pixel.
        unsafe {
            if count >= STEP && out.store_below(row as u32, slopes) {
                return;
            }
            for i in 0..STEP {
                if i < count {
                    out.store(row as u32 + i, 0, slopes[i as usize]);
                }
            }
        }
    }
}
