//! The window along columns, on the way down: what a thread keeps of its column from one step to the next.

use fastssim_device::shared::Shared;
use fastssim_device::thread::thread_idx_x;

use super::blur::{Running, Weights, slide};
use crate::geometry::{Layout, MOST_LAST, MOST_TAPS, STEP, steps_kept};

/// Rows of a step.
const ROWS: usize = STEP as usize;

/// Steps that are kept at most.
const MOST_KEPT: usize = steps_kept(MOST_TAPS - 1);

/// A way to come from u' and v' of rows to the sums of windows along the column: of u', v' and their squares. A window reaches `A` rows
/// above its last.
pub(crate) trait Down<const A: usize> {
    /// Begins below the rows `above`, which the first window of a step reaches.
    ///
    /// # Safety
    /// Nobody else uses the memory of this thread's pixels.
    unsafe fn new(weights: &Weights, layout: &Layout, above: [[f32; 2]; A]) -> Self;

    /// The sums of the windows whose last rows are those of this step; `row` reads one.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    unsafe fn step(&mut self, weights: &Weights, row: impl FnMut(usize) -> [f32; 2], done: impl FnMut(u32, [f32; 4]));
}

#[inline(always)]
pub(super) fn with_squares([u, v]: [f32; 2]) -> [f32; 4] {
    [u, v, u * u, v * v]
}

/// Keeps unfinished sums, four registers for each row above: least work.
impl<const A: usize> Down<A> for Running<4, A> {
    #[inline(always)]
    unsafe fn new(weights: &Weights, _: &Layout, above: [[f32; 2]; A]) -> Self {
        let mut sums = Self::NEW;
        for pixel in above {
            sums.push(weights, with_squares(pixel));
        }
        sums
    }

    #[inline(always)]
    unsafe fn step(
        &mut self,
        weights: &Weights,
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
///
/// ```text
/// rows above:  last | spare, not needed | steps that are kept whole | this step
/// ```
///
/// Of the first two there is one at most.
pub(crate) struct Kept<const A: usize> {
    /// Where u' and v' of this column's pixels are: of the last step, and of those before. The first [`steps_kept`] count.
    steps: [Shared<f32>; MOST_KEPT],
    /// Those of the first rows that the step's first window reaches, where they are in no step that is kept whole.
    last: [[f32; 2]; MOST_LAST],
}

impl<const A: usize> Kept<A> {
    /// Steps before this one that are kept whole.
    const BEFORE: usize = steps_kept(A) - 1;
    /// Rows above that are in none of these.
    const LAST: usize = A.saturating_sub(Self::BEFORE * ROWS);
    /// Rows of these that are not above.
    const SPARE: usize = (Self::BEFORE * ROWS).saturating_sub(A);

    /// u' and v' of row `i` of those that are kept whole, once this step has its place.
    ///
    /// # Safety
    /// As for [`Down::new`], and it has been written.
    #[inline(always)]
    unsafe fn before(&self, i: usize) -> [f32; 2] {
        // SAFETY: as the caller promises.
        unsafe { self.steps[Self::BEFORE - i / ROWS].load2(2 * (i % ROWS) as u32) }
    }

    /// u' and v' of the pixel `A` rows above row `i` of the step.
    ///
    /// # Safety
    /// As for [`Down::new`], and the step has been taken.
    #[inline(always)]
    pub(crate) unsafe fn above(&self, i: usize) -> [f32; 2] {
        if i < Self::LAST {
            return self.last[i];
        }
        // SAFETY: as the caller promises.
        unsafe { self.before(i - Self::LAST + Self::SPARE) }
    }
}

impl<const A: usize> Down<A> for Kept<A> {
    #[inline(always)]
    unsafe fn new(_: &Weights, layout: &Layout, above: [[f32; 2]; A]) -> Self {
        let own = 2 * STEP * thread_idx_x();
        let this = Self {
            steps: core::array::from_fn(|i| Shared::at(layout.pixels + i as u32 * layout.kept).offset(own)),
            last: [[0.0; 2]; MOST_LAST],
        };
        for i in 0..A {
            // The place of this step is still that of the oldest, which has the last of these rows.
            let (step, row) = if i < Self::LAST {
                (Self::BEFORE, ROWS - Self::LAST + i)
            } else {
                let i = i - Self::LAST + Self::SPARE;
                (Self::BEFORE - 1 - i / ROWS, i % ROWS)
            };
            // SAFETY: as the caller promises.
            unsafe { this.steps[step].store2(2 * row as u32, above[i]) };
        }
        this
    }

    #[inline(always)]
    unsafe fn step(
        &mut self,
        weights: &Weights,
        mut row: impl FnMut(usize) -> [f32; 2],
        mut done: impl FnMut(u32, [f32; 4]),
    ) {
        let oldest = self.steps[Self::BEFORE];
        for i in 0..Self::LAST {
            // SAFETY: as the caller promises, and it has been written.
            self.last[i] = unsafe { oldest.load2(2 * (ROWS - Self::LAST + i) as u32) };
        }
        for i in (0..Self::BEFORE).rev() {
            self.steps[i + 1] = self.steps[i];
        }
        self.steps[0] = oldest;
        let sums = slide::<4, A>(weights, |i| {
            with_squares(if i < A {
                // SAFETY: as the caller promises, and it has been written.
                unsafe { self.above(i) }
            } else {
                let pixel = row(i - A);
                // SAFETY: as the caller promises.
                unsafe { oldest.store2(2 * (i - A) as u32, pixel) };
                pixel
            })
        });
        for i in 0..STEP {
            done(i, sums[i as usize]);
        }
    }
}
