//! Means and variances under a window: of the pixels of a column, and then of neighbouring columns.
//!
//! Along a column pixels are counted from its shift, and along a row the means of columns from that of the column in the middle of
//! the run; in the end the distance of that from the mean is subtracted:
//!
//! ```text
//! mean = o + Σ g (z − o)      variance = Σ g (variance of z) + Σ g (z − o)² − (mean − o)²
//! ```

use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, sync_threads, thread_idx_x};

use super::super::tile::Tile;
use super::pixels::{Column, Pixels, Words, finite, pads_with_zeros};
use super::window::{N, Window};
use crate::general::params::Params;
use crate::general::single::{Layout, PIXEL};
use crate::geometry::{COLUMN, STEP};
use crate::kernels::formula::Moments;
use crate::kernels::march::{Columns, Run};
use crate::kernels::origins::{key, median, number};
use crate::kernels::shift::Shift;

/// Columns to each side whose shifts have a say in that of a column.
const BESIDE: u32 = 3;

/// A thread's way down its column.
pub(crate) struct March<'a> {
    window: Window<'a>,
    pixels: Pixels,
    column: Column,
    shift: Shift,
    /// The rows of the next step.
    words: Words,
    kept: Kept,
    /// The last column that may be a centre, counted from the first that windows reach.
    last: i32,
}

impl<'a> March<'a> {
    /// Begins above row `row` of windows, those of a tile.
    ///
    /// # Safety
    /// All threads of the block call it; the geometry has made room.
    #[inline(always)]
    pub(crate) unsafe fn new(params: &'a Params, tile: &Tile, layout: &Layout, row: i32) -> Self {
        // SAFETY: as the caller promises; there are barriers before a step is over.
        let window = unsafe { Window::new(params, layout) };
        let pixels = Pixels::new(params, tile);
        let left = tile.cols[0] - window.radius;
        let column = pixels.column(left + thread_idx_x() as i32);
        let own = pixels.shift(&column, tile.rows);
        // SAFETY: as the caller promises; nobody uses the memory of sums yet.
        let shift = unsafe { shift_among(own, Shared::at(0)) };
        let first = row - window.radius;
        let mut march = Self {
            window,
            pixels,
            column,
            shift,
            words: pixels.read(&column, first),
            kept: Kept::new(params, layout),
            last: if pads_with_zeros(params) {
                params.width as i32 - 1 - left
            } else {
                i32::MAX
            },
        };
        let (above, mut done) = (window.taps as i32 - 1, 0);
        while done < above {
            let pixels = march.signals();
            for i in 0..N {
                if done + (i as i32) < above {
                    // SAFETY: as the caller promises.
                    unsafe { march.kept.put(pixels[i]) };
                }
            }
            done += N as i32;
            march.words = march.pixels.read(&march.column, first + done);
        }
        march.read(row);
        march
    }

    /// u' and v' of the rows that have been read.
    #[inline(always)]
    fn signals(&self) -> [[f32; 2]; N] {
        let numbers = self.pixels.numbers(&self.column, &self.words);
        numbers.map(|number| self.column.signals(number, &self.shift))
    }

    /// Reads the rows that the windows of the step from row `row` on reach below those before.
    #[inline(always)]
    pub(crate) fn read(&mut self, row: i32) {
        self.words = self.pixels.read(&self.column, row + self.window.radius);
    }

    /// Takes in the rows that have been read: sums of the windows along this thread's column that are complete then.
    ///
    /// # Safety
    /// The table of weights has been written, with a barrier since.
    #[inline(always)]
    pub(crate) unsafe fn down(&mut self) -> [[f32; 4]; N] {
        let oldest = self.kept.oldest(self.window.taps - 1);
        let (kept, mut at) = (&self.kept, oldest);
        // SAFETY: as the caller promises; these rows have been put there.
        let mut sums = unsafe {
            self.window.begin(|_| {
                let pixel = kept.at(at);
                at = kept.after(at);
                with_squares(pixel)
            })
        };
        let pixels = self.signals();
        self.window.end(&mut sums, |i| with_squares(pixels[i]));
        for pixel in pixels {
            // SAFETY: as the caller promises.
            unsafe { self.kept.put(pixel) };
        }
        sums
    }

    /// Leaves means and variances of these windows.
    ///
    /// # Safety
    /// Nobody else uses this thread's column of the shared memory.
    #[inline(always)]
    pub(crate) unsafe fn leave(&self, columns: Columns, sums: [[f32; 4]; N]) {
        let column = columns.column(thread_idx_x());
        for i in 0..N {
            let m = Moments::new(sums[i]);
            let means = [m.u + self.shift.cu, m.v + self.shift.cv];
            // SAFETY: as the caller promises.
            unsafe { column.store4(COLUMN * i as u32, [means[0], means[1], m.su, m.sv]) };
        }
    }

    /// Sums along a run from which [`Moments::new`] makes moments, and the shift that they have.
    ///
    /// # Safety
    /// All threads have taken their step, and a barrier stands between.
    #[inline(always)]
    pub(crate) unsafe fn along(&self, run: &Run, columns: Columns) -> ([[f32; 4]; N], Shift) {
        let middle = (STEP * run.place) as i32 + self.window.radius + (STEP / 2) as i32;
        let row = columns.0.offset(COLUMN * run.row);
        // SAFETY: as the caller promises; a row has a column for all that its runs reach.
        unsafe {
            let [cu, cv] = row.load2(COLUMN * STEP * middle.min(self.last) as u32).map(finite);
            let at = |place: u32| {
                let [u, v, su, sv] = row.load4(COLUMN * STEP * (STEP * run.place + place));
                let (u, v) = (u - cu, v - cv);
                [u, v, fma(u, u, su), fma(v, v, sv)]
            };
            let last = self.window.taps - 1;
            let mut sums = self.window.begin(at);
            self.window.end(&mut sums, |i| at(last + i as u32));
            (sums, Shift { cu, cv })
        }
    }
}

#[inline(always)]
fn with_squares([u, v]: [f32; 2]) -> [f32; 4] {
    [u, v, u * u, v * v]
}

/// The median of a column's own shift and those of two columns beside it: a single outlier must not cost the other pixels their
/// digits. 0 where it is not finite.
///
/// # Safety
/// All threads of the block call it; nobody else uses that memory before the next barrier but one.
#[inline(always)]
unsafe fn shift_among(own: [f32; 2], found: Shared<u32>) -> Shift {
    let (thread, last) = (thread_idx_x(), block_dim_x() - 1);
    let own = own.map(key);
    // SAFETY: each place has one thread; a barrier stands between writing and reading.
    let beside = unsafe {
        found.store2(2 * thread, own);
        sync_threads();
        [thread.saturating_sub(BESIDE), (thread + BESIDE).min(last)].map(|thread| found.load2(2 * thread))
    };
    sync_threads();
    let [cu, cv] = [0, 1].map(|signal| finite(number(median([beside[0][signal], own[signal], beside[1][signal]]))));
    Shift { cu, cv }
}

/// u' and v' of the last pixels of this thread's column, in shared memory: the oldest are written over. Places are counted in bytes.
struct Kept {
    /// Those of the first row; each row has the threads' pixels side by side.
    rows: Shared<u8>,
    /// Bytes of a row, and of all.
    row: u32,
    end: u32,
    /// Where the next row goes.
    next: u32,
}

impl Kept {
    #[inline(always)]
    fn new(params: &Params, layout: &Layout) -> Self {
        let row = PIXEL * block_dim_x();
        Self {
            rows: Shared::at(layout.pixels + PIXEL * thread_idx_x()),
            row,
            end: row * params.rows_kept(),
            next: 0,
        }
    }

    /// The place of the row after that of another.
    #[inline(always)]
    fn after(&self, at: u32) -> u32 {
        let next = at + self.row;
        // What is below zero is beyond all: one instruction.
        next.min(next.wrapping_sub(self.end))
    }

    /// The place of the first of so many rows that were the last to be put here.
    #[inline(always)]
    fn oldest(&self, rows: u32) -> u32 {
        let at = self.next.wrapping_sub(rows * self.row);
        at.min(at.wrapping_add(self.end))
    }

    /// The pixel at a place.
    ///
    /// # Safety
    /// One has been put there.
    #[inline(always)]
    unsafe fn at(&self, at: u32) -> [f32; 2] {
        // SAFETY: as the caller promises; the memory is this thread's.
        unsafe { self.rows.offset(at).cast().load2(0) }
    }

    /// Puts a pixel in the place of the oldest.
    ///
    /// # Safety
    /// The memory is this thread's.
    #[inline(always)]
    unsafe fn put(&mut self, pixel: [f32; 2]) {
        // SAFETY: as the caller promises.
        unsafe { self.rows.offset(self.next).cast().store2(0, pixel) };
        self.next = self.after(self.next);
    }
}
