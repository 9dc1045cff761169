//! The kernels of the scores and their gradients.

use fastssim_device::global::GlobalMut;
use fastssim_device::math::fresh;
use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, sync_threads, thread_idx_x};

use super::blur::{Running, Weights, slide};
use super::down::Kept;
use super::edges::{Edges, at_edges, is_edge, reflect, with_derivatives};
use super::formula::{BOTH, Constants, Derivatives, Moments, ONE, slopes, work_of};
use super::march::{Columns, March, Run, layout};
use super::origins::moved_back;
use super::pixels::Pixel;
use super::shift::Shift;
use super::sum::{Sum, finish_block};
use super::tile::{Tile, within};
use crate::geometry::{ABOVE, COLUMN, MOST_TAPS, STEP, Way, groups_beside};
use crate::params::{Params, Planes};

/// All windows of a run, a bit each.
const ALL: u32 = (1 << STEP) - 1;
/// Groups of columns at most whose windows hold the pixels of a run.
const MOST_GROUPS: usize = (MOST_TAPS - 1).div_ceil(STEP as usize) + 1;

/// The score of each image, and its gradient with respect to x.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub unsafe fn gradient<P: Pixel, E: Edges>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { back_and_forth::<P, E, ONE, ABOVE, 8>(params) };
}

/// The score of each image, and its gradients with respect to x and to y.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub unsafe fn gradients<P: Pixel, E: Edges>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { back_and_forth::<P, E, BOTH, ABOVE, 8>(params) };
}

/// Scores and gradients, by so many maps of derivatives, for windows that reach `A` rows above their last. Of a step's rows so many are
/// read ahead as there are registers for.
///
/// The march goes over the windows that hold a pixel of the tile: half as many more on each side. Their
/// derivatives take the way back: blurred along rows by way of shared memory, then along columns by running
/// sums. They never leave the multiprocessor. Their pixels, which the gradient needs `A` rows later, are kept meanwhile; so are
/// those that the next windows need.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub(crate) unsafe fn back_and_forth<P: Pixel, E: Edges, const MAPS: usize, const A: usize, const AHEAD: usize>(
    params: &Params,
) {
    let r = A as i32 / 2;
    let work = work_of(MAPS);
    let Some(tile) = Tile::of_block(params, work, Way::March) else {
        return;
    };
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let layout = layout::<A>(work, false, block_dim_x());
    let [sums, derivatives] = [layout.sums, layout.derivatives].map(|at| Columns(Shared::at(at)));
    let mut row = top - r;
    // SAFETY: all threads of the block come here.
    let mut march = unsafe { March::<P, E, Kept<A>, A, AHEAD>::new(params, &layout, &tile, [row, left - r]) };
    let (windows, has_windows) = Run::new(((right - left + 2 * r) as u32).div_ceil(STEP));
    let (pixels, has_pixels) = Run::new(((right - left) as u32).div_ceil(STEP));
    // SAFETY: nobody else writes there before the next barrier.
    unsafe { clear_beyond(derivatives, ((right - left + 2 * r) as u32).div_ceil(STEP) * STEP) };
    let mut back = Back::<MAPS, A>::new(params, &tile, left - A as i32 + thread_idx_x() as i32);
    // Of this thread's windows, those whose columns have derivatives, and those that are in the tile as well: a bit each.
    let columns = |range: [i32; 2]| {
        let first = left - r + (STEP * windows.place) as i32;
        (0..STEP).fold(0, |bits, i| bits | u32::from(within(first + i as i32, range)) << i)
    };
    // Side by side in one register, as there are none to spare.
    let columns = columns(with_derivatives(params, params.width)) | columns(tile.cols) << STEP;
    let mut sum = Sum::default();
    while row < bottom + r {
        // SAFETY: barriers stand between the writing of columns and the reading of rows, and the other way round; a
        // column of sums is read and written by one thread, and what a run doubles it has written itself.
        unsafe {
            march.step(row, sums);
            sync_threads();
            if has_windows {
                let run = &windows;
                let (along, shift) = march.along(run, sums);
                let constants = Constants::new(params, &shift);
                let at = row + run.row as i32;
                let found = along.map(|sums| constants.derivatives::<MAPS>(&Moments::new(sums)));
                let has_derivatives = if within(at, with_derivatives(params, params.height)) {
                    columns & ALL
                } else {
                    0
                };
                let own = if within(at, tile.rows) {
                    columns >> STEP & has_derivatives
                } else {
                    0
                };
                let mut halves = 0.0;
                for i in 0..STEP {
                    let Derivatives { half_deficit, quarters } = found[i as usize];
                    let quarters = quarters.map(|quarter| if_bit(has_derivatives, i, quarter));
                    // SAFETY: each window has one thread.
                    derivatives.store(run, i as usize, 0, quarters);
                    halves += if_bit(own, i, half_deficit);
                }
                sum.add(halves);
                if reflect::<E>(params) {
                    double_edges(params, derivatives, run, [at, left - r + (STEP * run.place) as i32]);
                }
            }
            sync_threads();
            if has_pixels {
                if MAPS == BOTH {
                    // One signal after the other: there are no registers for both at once.
                    march.blur_derivatives::<2>(&pixels, 0, derivatives, sums);
                    march.blur_derivatives::<2>(&pixels, 1, derivatives, sums);
                } else {
                    march.blur_derivatives::<ONE>(&pixels, 0, derivatives, sums);
                }
            }
            sync_threads();
            march.read(row + STEP as i32);
            let column = sums.column(thread_idx_x());
            back.step(
                march.weights,
                // Beside the tile there may be sums, which nobody looks at.
                |i| {
                    let found = column.load4(COLUMN * i as u32);
                    (core::array::from_fn(|map| found[map]), march.down.above(i))
                },
                row - r - top,
            );
        }
        row += STEP as i32;
    }
    sync_threads();
    if reflect::<E>(params) {
        // SAFETY: the block has written its tile, and a barrier stands between.
        unsafe { halve_edges::<MAPS>(params, &tile) };
    }
    // SAFETY: as the caller promises; nobody needs the sums any more.
    unsafe { finish_block(params, work, Way::March, &sum, Shared::at(0)) };
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

impl<P: Pixel, E: Edges, const A: usize, const AHEAD: usize> March<'_, P, E, Kept<A>, A, AHEAD> {
    /// Blurs derivatives along a run of pixels, for the shifts of their groups: all three of a gradient, or those two of both
    /// gradients that a signal enters by, u or v.
    ///
    /// # Safety
    /// They have been written, and a barrier stands between; nobody else uses the columns `to`.
    #[inline(always)]
    unsafe fn blur_derivatives<const N: usize>(&self, run: &Run, signal: usize, derivatives: Columns, to: Columns) {
        let first = (2 * signal) as u32;
        let (step, r) = (STEP as usize, A / 2);
        let of_group = |i: usize| {
            let group = run.place + groups_beside(A as u32) + i as u32;
            // SAFETY: as the caller promises; a block has the groups of its windows.
            unsafe { self.origins.of_group(group) }
        };
        let until = |from: &Shift, to: &Shift| {
            let by = from.until(to);
            [by[signal], by[1 - signal]]
        };
        // The group of the last of these pixels; of those of the windows that hold them it is in the middle.
        let middle = r.div_ceil(step);
        let shift = of_group(middle);
        let mut by = [[0.0; 2]; MOST_GROUPS];
        for i in 0..A.div_ceil(step) + 1 {
            if i != middle {
                by[i] = until(&shift, &of_group(i));
            }
        }
        let mut along = slide::<N, A>(self.weights, |col| {
            // SAFETY: as the caller promises; beyond the windows there are zeros.
            let maps: [f32; N] = unsafe { derivatives.load(run, col, first) };
            if col / step == middle {
                maps
            } else {
                moved_back(maps, by[col / step])
            }
        });
        // The first pixels may be of the group before: by how much is found again, as there are no registers to keep it in.
        for i in 0..step {
            if (i + r) / step != middle {
                along[i] = moved_back(along[i], until(&of_group((i + r) / step), &shift));
            }
        }
        for i in 0..step {
            // SAFETY: as the caller promises.
            unsafe { to.store(run, i + A, first, along[i]) };
        }
    }
}

/// Doubles the derivatives of a run's windows at the edges of the image; the first of these has this row and column.
///
/// # Safety
/// This thread has written them, and nobody else uses them.
#[inline(always)]
unsafe fn double_edges(params: &Params, derivatives: Columns, run: &Run, [row, first]: [i32; 2]) {
    let right = params.width as i32 - 1;
    let reaches = |col: i32| (col >= first) & (col < first + STEP as i32);
    if !(is_edge(row, params.height) | reaches(0) | reaches(right)) {
        return;
    }
    for i in 0..STEP as usize {
        let col = first + i as i32;
        if is_edge(row, params.height) | is_edge(col, params.width) {
            let twice = at_edges(params, [row, col], 2.0);
            // SAFETY: as the caller promises.
            unsafe {
                let all: [f32; 4] = derivatives.load(run, i, 0);
                derivatives.store(run, i, 0, all.map(|value| twice * value));
            }
        }
    }
}

/// Halves the gradients of a tile at the edges of the image.
///
/// # Safety
/// All threads of the block call it, which has written them, with a barrier since.
#[inline(always)]
pub(crate) unsafe fn halve_edges<const MAPS: usize>(params: &Params, tile: &Tile) {
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let halve = |row: i32, col: i32| {
        let half = at_edges(params, [row, col], 0.5);
        for planes in [&params.out, &params.by_y].into_iter().take(MAPS - ONE + 1) {
            let out = GlobalMut::<f32>::from_address(planes.data)
                .offset(planes.plane(tile))
                .offset(i64::from(row) * i64::from(planes.row) + i64::from(col) * i64::from(planes.col));
            // SAFETY: as the caller promises; no other thread has this one.
            unsafe { out.store(0, half * out.load(0)) };
        }
    };
    let (thread, threads) = (thread_idx_x() as i32, block_dim_x() as i32);
    let mut row = top + thread;
    while row < bottom {
        for col in [0, params.width as i32 - 1] {
            if within(col, tile.cols) {
                halve(row, col);
            }
        }
        row += threads;
    }
    // The corners have been halved.
    let mut col = left + thread;
    while col < right {
        for row in [0, params.height as i32 - 1] {
            if within(row, tile.rows) & !is_edge(col, params.width) {
                halve(row, col);
            }
        }
        col += threads;
    }
}

/// The way back of a gradient, down a thread's own column of pixels: from derivatives that are blurred along rows.
pub(crate) struct Back<const MAPS: usize, const A: usize> {
    /// Of the maps of derivatives.
    sums: Running<MAPS, A>,
    /// With respect to x, and to y if there are maps for both.
    outs: [Out; 2],
    /// Rows of the tile that this thread writes: all or none.
    count: u32,
    factor: f32,
}

/// Where this thread's column of a gradient goes.
struct Out {
    /// Its value in the tile's first row.
    first: GlobalMut<f32>,
    row_stride: u32,
}

impl Out {
    /// Where column `col` goes, if it is one of the tile's.
    #[inline(always)]
    fn new(planes: &Planes, tile: &Tile, col: i32) -> Self {
        let is_own = within(col, tile.cols);
        Self {
            first: GlobalMut::from_address(planes.data)
                .offset(planes.plane(tile))
                .offset(i64::from(tile.rows[0]) * i64::from(planes.row))
                .offset(if is_own { i64::from(col as u32 * planes.col) } else { 0 }),
            row_stride: planes.row,
        }
    }
}

impl<const MAPS: usize, const A: usize> Back<MAPS, A> {
    /// Begins above the tile, in this column.
    #[inline(always)]
    pub(crate) fn new(params: &Params, tile: &Tile, col: i32) -> Self {
        Self {
            sums: Running::NEW,
            outs: [&params.out, &params.by_y].map(|planes| Out::new(planes, tile, col)),
            count: if within(col, tile.cols) {
                (tile.rows[1] - tile.rows[0]) as u32
            } else {
                0
            },
            // Derivatives come in quarters.
            factor: 4.0 * params.gradient_factor * params.scale,
        }
    }

    /// Takes in `STEP` rows of derivatives, and writes as many rows of the gradients, from row `row` of the tile on: `read` gives what is
    /// in a row of derivatives, and the pixel that the row completes.
    ///
    /// # Safety
    /// No other thread writes these gradients.
    #[inline(always)]
    pub(crate) unsafe fn step(
        &mut self,
        weights: &Weights,
        mut read: impl FnMut(usize) -> ([f32; MAPS], [f32; 2]),
        row: i32,
    ) {
        let outs = [0, 1].map(|of| {
            let stride = fresh(self.outs[of].row_stride);
            (self.outs[of].first.offset(i64::from(row) * i64::from(stride)), stride)
        });
        for i in 0..STEP {
            let (along, pixel) = read(i as usize);
            let maps = self.sums.push(weights, along);
            let slopes = slopes(maps, pixel);
            let is_own = (row as u32).wrapping_add(i) < self.count;
            for of in 0..MAPS - ONE + 1 {
                let (out, stride) = outs[of];
                // SAFETY: the gradient has a value for each pixel, and no other thread has this one.
                unsafe { out.store_strided_if(is_own, i, stride, self.factor * slopes[of]) };
            }
        }
    }
}
