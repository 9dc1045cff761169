//! Gradients of large windows, in two kernels.
//!
//! A tile of a gradient would have to compute the windows that hold one of its pixels, and keep pixels and unfinished sums of
//! derivatives, for which there is no room. So the first kernel leaves the derivatives of windows in memory, and the second sums
//! them along rows and then along columns:
//!
//! ```text
//! pixels ─▶ u', v' ─▶ … ─▶ moments ─▶ derivatives ─▶ memory
//! memory ─▶ shared ─▶ along rows ─▶ shared ─▶ running sums ─▶ with u', v' ─▶ gradient
//! ```
//! In memory the derivatives of `STEP` × `STEP` windows make a group. Where its first column's are, those of the next group's first column
//! follow, and so on along the image; then the second columns, up to the last: of runs, which have a group's windows in a row, neighbouring
//! threads write and read side by side. So nothing has to be rearranged on the way, and what the second kernel copies takes no registers.
//!
//! Pixels count from an origin that is the same for a whole channel.

use fastssim_device::copy;
use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::math::{fma, fresh};
use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, sync_threads, thread_idx_x};

use super::blur::slide;
use super::down::Kept;
use super::edges::{Edges, Zeros, at_edges, is_edge, reflect};
use super::formula::{BOTH, Constants, Derivatives, Moments, work_of};
use super::gradient::{Back, halve_edges};
use super::march::{Columns, March, Run, layout};
use super::origins::{key, median, number};
use super::pixels::{Pixel, Reader};
use super::shift::Shift;
use super::sum::{Sum, finish_block};
use super::tile::{Tile, within};
use crate::geometry::{COLUMN, STEP, Way, back_columns, back_strips, derivatives_area, numbers_of};
use crate::params::Params;

/// Rows of a step.
const ROWS: usize = STEP as usize;
/// Rows that a window reaches above its last, at most, where there are registers for a step's pixels before its derivatives have been summed.
const READS_AHEAD: usize = 24;

/// Scores, and the derivatives of windows that reach `A` rows above their last. Of a step's rows so many are read ahead.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub(crate) unsafe fn derivatives<P: Pixel, E: Edges, const MAPS: usize, const A: usize, const AHEAD: usize>(
    params: &Params,
) {
    let work = work_of(MAPS);
    let Some(tile) = Tile::of_block(params, work, Way::Split) else {
        return;
    };
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let layout = layout::<A>(work, true, block_dim_x());
    let columns = Columns(Shared::at(layout.sums));
    // SAFETY: all threads of the block come here.
    let mut march = unsafe { March::<P, E, Kept<A>, A, AHEAD>::new(params, &layout, &tile, [top, left]) };
    let (run, is_one) = Run::new(((right - left) as u32).div_ceil(STEP));
    let first = left + (STEP * run.place) as i32;
    // The windows that the score counts: none of those beyond the edges of the image.
    let [rows, cols] = scored::<E>(&tile);
    let windows = if is_one { cols.map(|col| col - first) } else { [0; 2] };
    let origin = origin(params, &march.reader);
    let count = right - first;
    let mut place = Place::<MAPS>::new(params, &tile, [top + run.row as i32, first]);
    let mut sum = Sum::default();
    let mut row = top;
    while row < bottom {
        // SAFETY: barriers stand between the writing of columns and the reading of rows, and the other way round.
        unsafe {
            march.step(row, columns);
            // Long before the step is over: where it begins again nobody should have to wait.
            march.read(row + STEP as i32);
            sync_threads();
            let at = row + run.row as i32;
            let mut halves = [0.0; ROWS];
            if is_one {
                let (along, shift) = march.along(&run, columns);
                let constants = Constants::new(params, &shift);
                let by = origin.until(&shift);
                let count = if at < bottom { count } else { 0 };
                for i in 0..ROWS {
                    let Derivatives { half_deficit, quarters } = constants.derivatives::<MAPS>(&Moments::new(along[i]));
                    halves[i] = half_deficit;
                    place.write(i as u32, (i as i32) < count, counted_from(quarters, by));
                }
                if reflect::<E>(params) {
                    place.double_edges(params, [at, first], count);
                }
            }
            sum.add_some(halves, if within(at, rows) { windows } else { [0; 2] });
            sync_threads();
        }
        place.next();
        row += STEP as i32;
    }
    // SAFETY: as the caller promises; nobody needs the sums any more.
    unsafe { finish_block(params, work, Way::Split, &sum, Shared::at(0)) };
}

/// The gradients, from what [`derivatives`] has left.
///
/// # Safety
/// As [`derivatives`], which has run for the same channels; the grid is that of
/// [`launch_adjoint`](crate::geometry::launch_adjoint).
#[inline(always)]
pub(crate) unsafe fn adjoint<P: Pixel, E: Edges, const MAPS: usize, const A: usize>(params: &Params) {
    let r = A as i32 / 2;
    let (beside, strip) = back_strips(A as u32, block_dim_x(), params);
    let tile = Tile::of_adjoint(params, beside, strip);
    let [[top, bottom], [_, right]] = [tile.rows, tile.cols];
    let left = if tile.cols[0] > 0 {
        tile.cols[0]
    } else {
        -(beside as i32)
    };
    // The tile's own pixels are all that is read.
    let reader = Reader::<P, Zeros>::new(params, &tile);
    let origin = origin(params, &reader);
    // Derivatives of this step and of the next, and a place for sums that do not take that of the derivatives.
    let [mut columns, mut next, apart] = [0, 1, 2].map(|i| Columns(Shared::at(i * back_columns(block_dim_x()))));
    // A thread has a run of windows, then one of pixels, and then a column of pixels.
    let (windows, has_windows) = Run::new(((right - left) as u32 + A as u32).div_ceil(STEP));
    let (run, is_one) = Run::new(((right - left) as u32).div_ceil(STEP));
    let col = left + thread_idx_x() as i32;
    let column = reader.column(col);
    let mut back = Back::<MAPS, A>::new(params, &tile, col);
    let has_pixel = within(col, tile.cols);
    // Derivatives above the tile complete its first rows.
    let mut copies = Copies::<MAPS>::new(params, &tile, [top - r, left - r], &windows, has_windows);
    // SAFETY: barriers stand between the clearing of columns and the landing of others' copies; the kernel before has written the derivatives.
    unsafe {
        for columns in [columns, next] {
            columns.clear_spare();
            for i in 0..STEP {
                columns.column(thread_idx_x()).store4(COLUMN * i, [0.0; 4]);
            }
        }
        sync_threads();
        copies.start(&windows, columns);
    }
    let mut row = -(A as i32);
    while row < bottom - top {
        // SAFETY: as above; barriers stand between the landing of columns and the reading of rows, between that and the writing of sums in
        // their place, and between the writing of sums and the reading of columns; what comes next lands where nobody has read since the
        // barrier before.
        unsafe {
            copy::wait::<0>();
            sync_threads();
            copies.start(&windows, next);
            // Sums along rows of four maps have a place of their own, those of three come in that of the derivatives: larger blocks leave
            // the first-level cache less.
            let sums = if MAPS == BOTH { apart } else { columns };
            let mut words = [[0; 2]; ROWS];
            if A <= READS_AHEAD {
                words = reader.read_rows(top + row, &column);
            }
            let mut along = [[0.0; MAPS]; ROWS];
            if is_one {
                along = slide::<MAPS, A>(&params.weights, |col| columns.load(&run, col, 0));
            }
            if MAPS != BOTH {
                sync_threads();
            }
            // A fresh condition: of one that has been looked at before, the compiler makes two ways through all that lies between,
            // with a barrier in each.
            if fresh(is_one.into()) != 0 {
                for i in 0..ROWS {
                    sums.store(&run, i, 0, along[i]);
                }
            }
            if A > READS_AHEAD {
                words = reader.read_rows(top + row, &column);
            }
            sync_threads();
            // Whole warps may have none. The condition is a fresh one, too.
            if fresh(has_pixel.into()) != 0 {
                let own = sums.column(thread_idx_x());
                back.step(
                    &params.weights,
                    |i| {
                        let found = own.load4(COLUMN * i as u32);
                        let pixel = reader.signals(&column, words[i], &origin);
                        (core::array::from_fn(|map| found[map]), pixel)
                    },
                    row,
                );
            }
        }
        core::mem::swap(&mut columns, &mut next);
        row += STEP as i32;
    }
    sync_threads();
    if reflect::<E>(params) {
        // SAFETY: the block has written its tile, and a barrier stands between.
        unsafe { halve_edges::<MAPS>(params, &tile) };
    }
}

/// The rows and columns of a tile whose windows count for the score.
#[inline(always)]
fn scored<E: Edges>(tile: &Tile) -> [[i32; 2]; 2] {
    if E::ARE_ZEROS {
        return [tile.rows, tile.cols];
    }
    let both = |a: [i32; 2], b: [i32; 2]| [a[0].max(b[0]), a[1].min(b[1])];
    [both(tile.rows, tile.map_rows), both(tile.cols, tile.map_cols)]
}

/// What pixels of a channel count from: of nine of them the median of three medians, or 0 where it is not finite.
#[inline(always)]
fn origin<P: Pixel, E: Edges>(params: &Params, reader: &Reader<P, E>) -> Shift {
    let at = |i: u32, extent: u32| (extent / 6 * (2 * i + 1)) as i32;
    let samples = [0, 1, 2].map(|row| {
        [0, 1, 2].map(|col| {
            // SAFETY: these are pixels of the image.
            let [x, y] = unsafe { reader.at(at(row, params.height), at(col, params.width)) };
            [x + y, x - y].map(key)
        })
    });
    let [cu, cv] = [0, 1].map(|signal| {
        let origin = number(median(samples.map(|row| median(row.map(|sample| sample[signal])))));
        if origin.abs() < f32::INFINITY { origin } else { 0.0 }
    });
    Shift { cu, cv }
}

/// Derivatives for pixels that count from elsewhere: the signals by which they enter shrink by `by`.
#[inline(always)]
fn counted_from<const MAPS: usize>(mut maps: [f32; MAPS], by: [f32; 2]) -> [f32; MAPS] {
    if MAPS == BOTH {
        maps[0] = fma(maps[1], by[0], maps[0]);
        maps[2] = fma(maps[3], by[1], maps[2]);
    } else {
        maps[0] = fma(maps[2], by[1], fma(maps[1], by[0], maps[0]));
    }
    maps
}

/// Where the derivatives of a run are in memory.
struct Place<const MAPS: usize> {
    /// Those of its first window: four numbers, or the first two.
    first: GlobalMut<f32>,
    /// The third, which stands behind the others of the channel, so that no access is of three.
    third: GlobalMut<f32>,
    /// Groups of `STEP` columns beside each other.
    groups: u32,
}

impl<const MAPS: usize> Place<MAPS> {
    /// Numbers of a window that stand side by side.
    const BESIDE: u32 = if MAPS == BOTH { COLUMN } else { 2 };

    /// That of a run of the tile's channel whose first window is this one.
    #[inline(always)]
    fn new(params: &Params, tile: &Tile, at: [i32; 2]) -> Self {
        let step = STEP as i32;
        let [height, groups] = derivatives_area(params).map(|extent| extent.div_ceil(STEP));
        let [row, col] = at.map(|at| at - params.derivatives_margin);
        let rows = i64::from(step * step) * i64::from(groups);
        let windows = i64::from(height) * rows;
        let window = i64::from(row.div_euclid(step)) * rows
            + i64::from(step) * i64::from(col.div_euclid(step))
            + i64::from(row.rem_euclid(step));
        let plane = i64::from(tile.image * params.channels + tile.channel - params.first);
        let channel = GlobalMut::from_address(params.derivatives).offset(plane * numbers_of(MAPS as u32, windows));
        Self {
            first: channel.offset(i64::from(Self::BESIDE) * window),
            third: channel.offset(i64::from(Self::BESIDE) * windows + window),
            groups,
        }
    }

    /// The first numbers of window `i` of the run, and the third.
    #[inline(always)]
    fn window(&self, i: u32) -> [GlobalMut<f32>; 2] {
        [
            self.first.strided(Self::BESIDE * STEP * i, self.groups),
            self.third.strided(STEP * i, self.groups),
        ]
    }

    /// Goes on by `STEP` rows.
    #[inline(always)]
    fn next(&mut self) {
        [self.first, self.third] = self.window(STEP);
    }

    /// Writes what is known of window `i` of the run, or nothing.
    ///
    /// # Safety
    /// No other thread uses that place.
    #[inline(always)]
    unsafe fn write(&self, i: u32, is_done: bool, found: [f32; MAPS]) {
        let [first, third] = self.window(i);
        // SAFETY: as the caller promises.
        unsafe {
            if MAPS == BOTH {
                first.store4_if(is_done, core::array::from_fn(|map| found[map]));
            } else {
                first.store2_if(is_done, [found[0], found[1]]);
                third.store_strided_if(is_done, 0, 0, found[2]);
            }
        }
    }

    /// Doubles what has been written of the first `count` windows of a run at the edges of the image; the first of these has this row and
    /// column.
    ///
    /// # Safety
    /// This thread has written it, and nobody else uses it.
    #[inline(always)]
    unsafe fn double_edges(&self, params: &Params, [row, col]: [i32; 2], count: i32) {
        let right = params.width as i32 - 1;
        let reaches = |at: i32| within(at, [col, col + STEP as i32]);
        if !(is_edge(row, params.height) | reaches(0) | reaches(right)) {
            return;
        }
        for i in 0..STEP as i32 {
            let at = [row, col + i];
            if (i < count) & (is_edge(at[0], params.height) | is_edge(at[1], params.width)) {
                let twice = at_edges(params, at, 2.0);
                let [first, third] = self.window(i as u32);
                // SAFETY: as the caller promises.
                unsafe {
                    for map in 0..Self::BESIDE {
                        first.store(map, twice * first.load(map));
                    }
                    if MAPS != BOTH {
                        third.store(0, twice * third.load(0));
                    }
                }
            }
        }
    }
}

/// Copies of a run of derivatives from memory into shared memory, step by step.
struct Copies<const MAPS: usize> {
    place: Place<MAPS>,
    /// The run's row in the maps, and how many these have.
    row: i32,
    rows: u32,
    /// Bit `i` + 4 where the run's column `i` is in the maps.
    cols: u32,
    is_one: bool,
}

impl<const MAPS: usize> Copies<MAPS> {
    /// That of a run in the step whose first window is this one.
    #[inline(always)]
    fn new(params: &Params, tile: &Tile, [row, col]: [i32; 2], run: &Run, is_one: bool) -> Self {
        let [row, first] = [row + run.row as i32, col + (STEP * run.place) as i32];
        let [rows, width] = derivatives_area(params);
        let margin = params.derivatives_margin;
        let is_col = |i: u32| ((first + i as i32 - margin) as u32) < width;
        Self {
            place: Place::new(params, tile, [row, first]),
            row: row - margin,
            rows,
            cols: (0..STEP).fold(0, |bits, i| bits | u32::from(is_col(i)) << (i + 4)),
            is_one,
        }
    }

    /// Starts the copies of a step, zeros where there are no derivatives, and goes on to the next.
    ///
    /// # Safety
    /// Derivatives have been written by another kernel, and nobody else uses the run's windows of these columns.
    #[inline(always)]
    unsafe fn start(&mut self, run: &Run, columns: Columns) {
        let to = columns.column(STEP * run.place).offset(COLUMN * run.row);
        let cols = if (self.row as u32) < self.rows { self.cols } else { 0 };
        if fresh(self.is_one.into()) != 0 {
            for i in 0..STEP {
                let to = to.offset(COLUMN * STEP * i);
                let [first, third] = self.place.window(i).map(|at| Global::<f32>::from_address(at.address()));
                // The bit of the column, moved to where it counts all bytes.
                let bytes = |all: u32| cols >> (i + (16 / all).ilog2()) & all;
                // SAFETY: as the caller promises.
                unsafe {
                    if MAPS == BOTH {
                        copy::async16(to, first, bytes(16));
                    } else {
                        copy::async8(to, first, bytes(8));
                        copy::async4(to.offset(2), third, bytes(4));
                    }
                }
            }
        }
        copy::commit();
        self.place.next();
        self.row += STEP as i32;
    }
}
