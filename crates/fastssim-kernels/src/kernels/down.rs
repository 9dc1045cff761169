//! The window along columns, on the way down: what a thread keeps of its column from one step to the next.

use fastssim_device::shared::Shared;
use fastssim_device::thread::thread_idx_x;

use super::blur::{Running, slide};
use crate::geometry::{Layout, STEP, TAPS};

/// Rows of pixels above those that a step reads: its first window reaches them.
pub(crate) const ABOVE: usize = TAPS - 1;

/// A way to come from u' and v' of rows to the sums of windows along the column: of u', v' and their squares.
pub(crate) trait Down {
    /// Begins below the rows `above`.
    ///
    /// # Safety
    /// Nobody else uses the memory of this thread's pixels.
    unsafe fn new(weights: &[f32; TAPS], layout: &Layout, above: [[f32; 2]; ABOVE]) -> Self;

    /// The sums of the windows whose last rows are those of this step; `row` reads one.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    unsafe fn step(
        &mut self,
        weights: &[f32; TAPS],
        row: impl FnMut(usize) -> [f32; 2],
        done: impl FnMut(u32, [f32; 4]),
    );
}

#[inline(always)]
fn with_squares([u, v]: [f32; 2]) -> [f32; 4] {
    [u, v, u * u, v * v]
}

/// Keeps unfinished sums, in 40 registers: least work.
impl Down for Running<4> {
    #[inline(always)]
    unsafe fn new(weights: &[f32; TAPS], _: &Layout, above: [[f32; 2]; ABOVE]) -> Self {
        let mut sums = Self::NEW;
        for pixel in above {
            sums.push(weights, with_squares(pixel));
        }
        sums
    }

    #[inline(always)]
    unsafe fn step(
        &mut self,
        weights: &[f32; TAPS],
        mut row: impl FnMut(usize) -> [f32; 2],
        mut done: impl FnMut(u32, [f32; 4]),
    ) {
        for i in 0..STEP {
            done(i, self.push(weights, with_squares(row(i as usize))));
        }
    }
}

/// Keeps the pixels in shared memory, where a gradient needs them for its way back: no sums occupy registers there, for two reads and
/// two squares more a row.
pub(crate) struct Kept {
    /// Where u' and v' of this column's pixels are: of the last step, and of the one before.
    steps: [Shared<f32>; 2],
    /// Those of the last row of the step before both.
    last: [f32; 2],
}

impl Down for Kept {
    #[inline(always)]
    unsafe fn new(_: &[f32; TAPS], layout: &Layout, above: [[f32; 2]; ABOVE]) -> Self {
        let steps = layout.pixels.map(|at| Shared::at(at).offset(2 * STEP * thread_idx_x()));
        for i in 0..STEP {
            // SAFETY: as the caller promises.
            unsafe { steps[0].store2(2 * i, above[i as usize + 1]) };
        }
        Self { steps, last: above[0] }
    }

    #[inline(always)]
    unsafe fn step(
        &mut self,
        weights: &[f32; TAPS],
        mut row: impl FnMut(usize) -> [f32; 2],
        mut done: impl FnMut(u32, [f32; 4]),
    ) {
        self.steps.swap(0, 1);
        let [new, before] = self.steps;
        let sums = slide(weights, |i| {
            with_squares(match i {
                0 => self.last,
                // SAFETY: as the caller promises, and it has been written.
                1..ABOVE => unsafe { before.load2(2 * (i - 1) as u32) },
                i => {
                    let pixel = row(i - ABOVE);
                    // SAFETY: as the caller promises.
                    unsafe { new.store2(2 * (i - ABOVE) as u32, pixel) };
                    pixel
                }
            })
        });
        for i in 0..STEP {
            done(i, sums[i as usize]);
        }
    }
}

impl Kept {
    /// u' and v' of the pixel ten rows above row `i` of the step. Each is asked for once, one after the other.
    ///
    /// # Safety
    /// As for [`Down::new`].
    #[inline(always)]
    pub(crate) unsafe fn leave(&mut self, i: u32) -> [f32; 2] {
        // SAFETY: as the caller promises, and it has been written.
        let pixel = unsafe { self.steps[1].load2(2 * i) };
        core::mem::replace(&mut self.last, pixel)
    }
}
