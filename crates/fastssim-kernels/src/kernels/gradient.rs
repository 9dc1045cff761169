//! The kernel of the scores and their gradient.

use fastssim_device::global::GlobalMut;
use fastssim_device::math::{fma, fresh};
use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, sync_threads, thread_idx_x};

use super::blur::{Running, slide};
use super::down::Kept;
use super::formula::{Constants, Derivatives, Moments};
use super::march::{Columns, March, Run};
use super::origins::moved_back;
use super::pixels::Pixel;
use super::sum::{Sum, finish_block};
use super::tile::Tile;
use crate::geometry::{COLUMN, R, STEP, TAPS, Way, Work};
use crate::params::Params;

/// Rows of a step that are read ahead.
const AHEAD: usize = 8;

/// All windows of a run, a bit each.
const ALL: u32 = (1 << STEP) - 1;
/// Columns of pixels on each side of a tile whose windows reach into it by way of another window.
const BESIDE: usize = 2 * R as usize;

/// The score of each image, and its gradient with respect to x.
///
/// The march goes over the windows that hold a pixel of the tile: five more on each side. Their
/// derivatives take the way back: blurred along rows by way of shared memory, then along columns by running
/// sums. They never leave the multiprocessor. Their pixels, which the gradient needs ten rows later, are kept meanwhile; so are
/// those that the next windows need.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub unsafe fn gradient<P: Pixel>(params: &Params) {
    let Some(tile) = Tile::of_block(params, Work::Gradient, Way::March) else {
        return;
    };
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let layout = Work::Gradient.layout(block_dim_x());
    let (sums, derivatives) = (Columns(Shared::at(0)), Columns(Shared::at(layout.derivatives)));
    let mut row = top - R;
    // SAFETY: all threads of the block come here.
    let mut march = unsafe { March::<P, Kept, AHEAD>::new(params, &layout, &tile, [row, left - R]) };
    let (windows, has_windows) = Run::new(((right - left + 2 * R) as u32).div_ceil(STEP));
    let (pixels, has_pixels) = Run::new(((right - left) as u32).div_ceil(STEP));
    // SAFETY: nobody else writes there before the next barrier.
    unsafe { clear_beyond(derivatives, ((right - left + 2 * R) as u32).div_ceil(STEP) * STEP) };
    let mut back = Back::new(params, &tile);
    // Of this thread's windows, those whose columns are in the map, and those that are in the tile as well: a bit each.
    let columns = |range: [i32; 2]| {
        let first = left - R + (STEP * windows.place) as i32;
        (0..STEP).fold(0, |bits, i| bits | u32::from(within(first + i as i32, range)) << i)
    };
    // Side by side in one register, as there are none to spare.
    let columns = columns(tile.map_cols) | columns(tile.cols) << STEP;
    let mut sum = Sum::default();
    while row < bottom + R {
        // SAFETY: barriers stand between the writing of columns and the reading of rows, and the other way round; a
        // column of sums is read and written by one thread.
        unsafe {
            march.step(row, sums);
            sync_threads();
            if has_windows {
                let run = &windows;
                let (along, shift) = march.along(run, sums);
                let constants = Constants::new(params, &shift);
                let at = row + run.row as i32;
                let found = along.map(|sums| constants.derivatives(&Moments::new(sums)));
                let in_map = if within(at, tile.map_rows) { columns & ALL } else { 0 };
                let own = if within(at, tile.rows) {
                    columns >> STEP & in_map
                } else {
                    0
                };
                let mut halves = 0.0;
                for i in 0..STEP {
                    let Derivatives { half_deficit, quarters } = found[i as usize];
                    let [a, b, c] = quarters.map(|quarter| if_bit(in_map, i, quarter));
                    // SAFETY: each window has one thread.
                    derivatives.store(run, i as usize, [a, b, c, 0.0]);
                    halves += if_bit(own, i, half_deficit);
                }
                sum.add(halves);
            }
            sync_threads();
            if has_pixels {
                let along = march.along_derivatives(&pixels, derivatives);
                for i in 0..STEP as usize {
                    let [a, b, c] = along[i];
                    sums.store(&pixels, i + BESIDE, [a, b, c, 0.0]);
                }
            }
            sync_threads();
            march.read(row + STEP as i32);
            back.step(march.weights, &mut march.down, sums, row - R - top);
        }
        row += STEP as i32;
    }
    sync_threads();
    // SAFETY: as the caller promises; nobody needs the sums any more.
    unsafe { finish_block(params, Work::Gradient, Way::March, &sum, Shared::at(0)) };
}

#[inline(always)]
fn within(at: i32, range: [i32; 2]) -> bool {
    (at >= range[0]) & (at < range[1])
}

/// `value` where bit `i` is set, else zero. There is no branch, in which uniform registers could not be used.
#[inline(always)]
fn if_bit(bits: u32, i: u32, value: f32) -> f32 {
    let all = ((bits << (31 - i)) as i32 >> 31) as u32;
    f32::from_bits(value.to_bits() & all)
}

/// Writes zeros into the columns from `first` on: runs of pixels that end beyond the tile read them.
///
/// # Safety
/// Nobody else uses them.
#[inline(always)]
unsafe fn clear_beyond(columns: Columns, first: u32) {
    if thread_idx_x() >= first {
        for i in 0..STEP {
            // SAFETY: as the caller promises.
            unsafe { columns.column(thread_idx_x()).store4(COLUMN * i, [0.0; 4]) };
        }
    }
}

impl<P: Pixel> March<'_, P, Kept, AHEAD> {
    /// The sums of the derivatives over the windows that hold the pixels of a run, with the shifts of the pixels' groups.
    ///
    /// # Safety
    /// They have been written, and a barrier stands between.
    #[inline(always)]
    unsafe fn along_derivatives(&self, run: &Run, derivatives: Columns) -> [[f32; 3]; STEP as usize] {
        // SAFETY: as the caller promises; a block has the groups of its windows.
        let [left, shift, right] = [1, 2, 3].map(|i| unsafe { self.origins.of_group(run.place + i) });
        let (from_left, from_right) = (shift.until(&left), shift.until(&right));
        let mut along = slide(self.weights, |col| {
            // SAFETY: as the caller promises; beyond the windows there are zeros.
            let [a, b, c, _] = unsafe { derivatives.load(run, col) };
            if col < STEP as usize {
                moved_back([a, b, c], from_left)
            } else if col >= 2 * STEP as usize {
                moved_back([a, b, c], from_right)
            } else {
                [a, b, c]
            }
        });
        // The first pixels are of the left group.
        for i in 0..STEP as usize - R as usize {
            along[i] = moved_back(along[i], left.until(&shift));
        }
        along
    }
}

/// The way back of a gradient, down a thread's own column of pixels: from derivatives that are blurred along rows.
struct Back {
    /// Of A, B and C.
    sums: Running<3>,
    /// This column of the gradient, in the tile's first row.
    out: GlobalMut<f32>,
    row_stride: u32,
    /// Rows of the tile that this thread writes: all or none.
    count: u32,
    factor: f32,
}

impl Back {
    /// Begins above the tile.
    #[inline(always)]
    fn new(params: &Params, tile: &Tile) -> Self {
        let col = tile.cols[0] - BESIDE as i32 + thread_idx_x() as i32;
        let out = GlobalMut::from_address(params.out.data).offset(params.out.plane(tile));
        let is_own = within(col, tile.cols);
        Self {
            sums: Running::NEW,
            out: out
                .offset(i64::from(tile.rows[0]) * i64::from(params.out.row))
                .offset(if is_own {
                    i64::from(col as u32 * params.out.col)
                } else {
                    0
                }),
            row_stride: params.out.row,
            count: if is_own {
                (tile.rows[1] - tile.rows[0]) as u32
            } else {
                0
            },
            // Derivatives come in quarters.
            factor: 4.0 * params.gradient_factor * params.scale,
        }
    }

    /// Takes in `STEP` rows of derivatives, and writes as many rows of the gradient, from row `row` of the tile on.
    ///
    /// # Safety
    /// They have been written, and a barrier stands between; the pixels of the step have been kept.
    #[inline(always)]
    unsafe fn step(&mut self, weights: &[f32; TAPS], pixels: &mut Kept, columns: Columns, row: i32) {
        let column = columns.column(thread_idx_x());
        let stride = fresh(self.row_stride);
        let out = self.out.offset(i64::from(row) * i64::from(stride));
        for i in 0..STEP {
            // SAFETY: as the caller promises. Beside the tile there may be sums, which nobody looks at.
            let ([a, b, c, _], [u, v]) = unsafe { (column.load4(COLUMN * i), pixels.leave(i)) };
            let [a, b, c] = self.sums.push(weights, [a, b, c]);
            let value = self.factor * fma(v, c, fma(u, b, a));
            // SAFETY: the gradient has a value for each pixel, and no other thread has this one.
            unsafe { out.store_strided_if((row as u32).wrapping_add(i) < self.count, i, stride, value) };
        }
    }
}
