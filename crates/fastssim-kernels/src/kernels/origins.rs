//! The shifts of a march: one for each group of `STEP` columns of a tile.
//!
//! Regular scenes and pixels of few levels are rounded alike, so u' and v' must be small. A shift is the median of three columns,
//! of the mean of eight samples in each: what is close to a mean leaves the smallest squares, and errors that photographs do
//! not add up. But a single outlier must not cost the other pixels their digits. Where all samples are the same the area may
//! well be flat, and its u' and v' are zero.
//!
//! A window reaches pixels of three groups, or five. Its sums of u' and u'², under weights w that add up to 1, are moved from one shift
//! to another, with d what u' grows by:
//!
//! ```text
//! Σ w (u' + d) = Σ w u' + d         Σ w (u' + d)² = Σ w u'² + d (Σ w u' + Σ w (u' + d))
//! ```

use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, sync_threads, thread_idx_x};

use super::edges::Edges;
use super::pixels::{Column, Pixel, Reader};
use super::shift::{PIXELS_PREVAIL, Shift};
use super::tile::Tile;
use crate::geometry::{Layout, STEP, group, groups_beside};
use crate::params::Params;

/// Samples of a column, in rows at equal distances.
const SAMPLES: usize = 8;

/// Where a block has its shifts.
#[derive(Clone, Copy)]
pub(crate) struct Origins {
    /// Two for each group.
    shifts: Shared<f32>,
}

impl Origins {
    /// Finds them, of the rows of a tile; this thread has one of the columns. A window reaches `A` rows above its last.
    ///
    /// # Safety
    /// All threads of the block call it; nobody else uses that memory.
    #[inline(always)]
    pub(crate) unsafe fn find<P: Pixel, E: Edges, const A: usize>(
        params: &Params,
        layout: &Layout,
        tile: &Tile,
        reader: &Reader<P, E>,
        column: &Column,
    ) -> Self {
        let [from, to] = tile.rows;
        let samples: [_; SAMPLES] = core::array::from_fn(|i| {
            let row = from + (to - from) * (2 * i as i32 + 1) / (2 * SAMPLES as i32);
            reader.sample(reader.read(row, column))
        });
        let own = [0, 1].map(|signal| key(mean(samples.map(|sample| sample[signal]))));
        let found = Shared::<u32>::at(layout.found);
        let shifts = Shared::at(layout.shifts);
        let is_used = params.height.min(params.width) >= PIXELS_PREVAIL;
        let thread = thread_idx_x();
        // SAFETY: each place has one thread; barriers stand between writing and reading.
        unsafe {
            found.store2(2 * thread, own);
            sync_threads();
            // The middle column finds the shift of the group, with those three to the left and right of it; the last one where
            // the block ends before.
            let [group, last] = [thread, block_dim_x() - 1].map(|thread| group(A as u32, thread));
            if thread == middle(A as u32, group).min(block_dim_x() - 1) {
                let left = found.load2(2 * thread.saturating_sub(3));
                let right = found.load2(2 * (thread + 3).min(block_dim_x() - 1));
                let shift = [0, 1].map(|signal| {
                    let shift = number(median([left[signal], own[signal], right[signal]]));
                    if is_used & (shift.abs() < f32::INFINITY) {
                        shift
                    } else {
                        0.0
                    }
                });
                shifts.store2(2 * group, shift);
                // The last run may reach columns of the next group, beyond those of threads.
                if group == last {
                    shifts.store2(2 * group + 2, shift);
                }
            }
            sync_threads();
        }
        Self { shifts }
    }

    /// The shift of a group.
    ///
    /// # Safety
    /// It has been found.
    #[inline(always)]
    pub(crate) unsafe fn of_group(&self, group: u32) -> Shift {
        // SAFETY: as the caller promises.
        let [cu, cv] = unsafe { self.shifts.load2(2 * group) };
        Shift { cu, cv }
    }
}

/// Sums of u', v' and their squares with another shift: u' and v' grow by `by`.
#[inline(always)]
pub(crate) fn moved([u, v, uu, vv]: [f32; 4], by: [f32; 2]) -> [f32; 4] {
    let (new_u, new_v) = (u + by[0], v + by[1]);
    [new_u, new_v, fma(by[0], u + new_u, uu), fma(by[1], v + new_v, vv)]
}

/// Derivatives of windows, for pixels with another shift: the signals by which they enter shrink by `by`.
#[inline(always)]
pub(crate) fn moved_back<const MAPS: usize>(mut maps: [f32; MAPS], by: [f32; 2]) -> [f32; MAPS] {
    for map in 1..MAPS {
        maps[0] = fma(maps[map], by[map - 1], maps[0]);
    }
    maps
}

/// The thread whose column is in the middle of a group.
#[inline(always)]
const fn middle(above: u32, group: u32) -> u32 {
    (STEP * group + above / 2 + STEP / 2).saturating_sub(STEP * groups_beside(above))
}

/// The mean of samples: of equal ones exactly what each of them is.
#[inline(always)]
fn mean([a, b, c, d, e, f, g, h]: [f32; SAMPLES]) -> f32 {
    (((a + b) + (c + d)) + ((e + f) + (g + h))) / SAMPLES as f32
}

#[inline(always)]
pub(crate) fn median([a, b, c]: [u32; 3]) -> u32 {
    a.min(b).max(a.max(b).min(c))
}

/// A number that sorts as `value` does; NaN is above or below all.
#[inline(always)]
pub(crate) fn key(value: f32) -> u32 {
    let bits = value.to_bits();
    bits ^ ((bits as i32 >> 31) as u32 | 0x8000_0000)
}

/// The number of a [`key`].
#[inline(always)]
pub(crate) fn number(key: u32) -> f32 {
    f32::from_bits(key ^ (!(key as i32 >> 31) as u32 | 0x8000_0000))
}
