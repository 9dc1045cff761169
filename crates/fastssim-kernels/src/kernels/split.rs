//! Gradients of large windows, in two kernels.
//!
//! A tile of a gradient would have to compute the windows that hold one of its pixels, and keep pixels and unfinished sums of
//! derivatives, for which there is no room. So the first kernel leaves the derivatives of windows in memory, and the second sums
//! them along rows and then along columns:
//!
//! ```text
//! pixels ─▶ u', v' ─▶ … ─▶ moments ─▶ derivatives ─▶ shared ─▶ memory
//! memory ─▶ shared ─▶ along rows ─▶ shared ─▶ running sums ─▶ with u', v' ─▶ gradient
//! ```
//! Pixels count from an origin that is the same for a whole channel.

use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::math::{fma, fresh};
use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, sync_threads, thread_idx_x};

use super::blur::slide;
use super::down::Kept;
use super::edges::{Edges, Zeros, reflect};
use super::formula::{BOTH, Constants, Derivatives, Moments, work_of};
use super::gradient::{Back, double_edges, halve_edges};
use super::march::{Columns, March, Run, layout};
use super::origins::{key, median, number};
use super::pixels::{Pixel, Reader};
use super::shift::Shift;
use super::sum::{Sum, finish_block};
use super::tile::{Tile, within};
use crate::geometry::{COLUMN, STEP, Way, back_cols, derivatives_area};
use crate::params::Params;

/// Rows of a step.
const ROWS: usize = STEP as usize;

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
    let col = left + thread_idx_x() as i32;
    let maps = Maps::<MAPS>::new(params, &tile, col);
    let mut sum = Sum::default();
    let mut row = top;
    while row < bottom {
        // SAFETY: barriers stand between the writing of columns and the reading of rows, and the other way round; at the end of a
        // step a thread reads its own column, before it leaves the next sums there.
        unsafe {
            march.step(row, columns);
            // Long before the step is over: where it begins again nobody should have to wait.
            march.read(row + STEP as i32);
            sync_threads();
            let mut found = [[0.0; MAPS]; ROWS];
            let mut halves = [0.0; ROWS];
            if is_one {
                let (along, shift) = march.along(&run, columns);
                let constants = Constants::new(params, &shift);
                let by = origin.until(&shift);
                for i in 0..ROWS {
                    let Derivatives { half_deficit, quarters } = constants.derivatives::<MAPS>(&Moments::new(along[i]));
                    halves[i] = half_deficit;
                    found[i] = counted_from(quarters, by);
                }
            }
            let at = row + run.row as i32;
            sum.add_some(halves, if within(at, rows) { windows } else { [0; 2] });
            sync_threads();
            // A fresh condition: of one that has been looked at before, the compiler makes two ways through all that lies between,
            // with a barrier in each.
            if fresh(is_one.into()) != 0 {
                for i in 0..ROWS {
                    columns.store(&run, i, 0, found[i]);
                }
                if reflect::<E>(params) {
                    double_edges(params, columns, &run, [at, first]);
                }
            }
            sync_threads();
            let count = if col < right { (bottom - row) as u32 } else { 0 };
            maps.write((row - top) as u32, count, columns.column(thread_idx_x()));
        }
        row += STEP as i32;
    }
    sync_threads();
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
    let tile = Tile::of_adjoint(params, back_cols(A as u32, block_dim_x(), params.width));
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    // The tile's own pixels are all that is read.
    let reader = Reader::<P, Zeros>::new(params, &tile);
    let origin = origin(params, &reader);
    let columns = Columns(Shared::at(0));
    // A thread has a column of the windows that hold one of the tile's pixels, and then one of pixels.
    let col = left + thread_idx_x() as i32;
    let maps = Maps::<MAPS>::new(params, &tile, col - r);
    let column = reader.column(col);
    let mut back = Back::<MAPS, A>::new(params, &tile, col);
    let (run, is_one) = Run::new(((right - left) as u32).div_ceil(STEP));
    let has_pixel = col < right;
    let own = columns.column(thread_idx_x());
    // SAFETY: nobody else writes there.
    unsafe { columns.clear_spare() };
    // Derivatives above the tile complete its first rows.
    let mut row = -(A as i32);
    // SAFETY: the kernel before has written the maps.
    let mut ahead = unsafe { maps.read(row + r) };
    while row < bottom - top {
        // SAFETY: as above; barriers stand between the writing of columns and the reading of rows, and
        // the other way round; each pixel has one thread, which has read its column before it leaves the next derivatives there.
        unsafe {
            for i in 0..ROWS {
                let values = core::array::from_fn(|map| if map < MAPS { ahead[i][map] } else { 0.0 });
                own.store4(COLUMN * i as u32, values);
            }
            sync_threads();
            let mut along = [[0.0; MAPS]; ROWS];
            if is_one {
                along = slide::<MAPS, A>(&params.weights, |col| columns.load(&run, col, 0));
            }
            let words: [_; ROWS] = reader.read_rows(top + row, &column);
            sync_threads();
            // As above.
            if fresh(is_one.into()) != 0 {
                for i in 0..ROWS {
                    columns.store(&run, i, 0, along[i]);
                }
            }
            sync_threads();
            ahead = maps.read(row + r + STEP as i32);
            // Whole warps may have none. The condition is a fresh one, too.
            if fresh(has_pixel.into()) != 0 {
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

/// A column of the derivatives in memory, of the rows and columns whose windows have some: map after map, or four maps' side by side.
struct Maps<const MAPS: usize> {
    /// The first row of the tile in the first map.
    first: GlobalMut<f32>,
    /// Numbers of a map, and of a row.
    map: i64,
    width: u32,
    /// The tile's first row, and how many there are; none of a column beside the maps.
    top: i32,
    rows: u32,
}

impl<const MAPS: usize> Maps<MAPS> {
    /// Numbers of a window that stand side by side: one access has them all.
    const BESIDE: u32 = if MAPS == BOTH { COLUMN } else { 1 };

    #[inline(always)]
    fn new(params: &Params, tile: &Tile, col: i32) -> Self {
        let margin = params.derivatives_margin;
        let [rows, width] = derivatives_area(params);
        let (top, col) = (tile.rows[0] - margin, col - margin);
        let plane = tile.image * params.channels + tile.channel - params.first;
        let map = i64::from(rows) * i64::from(width);
        let at = i64::from(top) * i64::from(width) + i64::from(col);
        Self {
            first: GlobalMut::from_address(params.derivatives)
                .offset(i64::from(plane) * MAPS as i64 * map + i64::from(Self::BESIDE) * at),
            map,
            width,
            top,
            rows: if (col as u32) < width { rows } else { 0 },
        }
    }

    /// Writes the first `count` rows of a step, from row `row` of the tile on, which stand in a column.
    ///
    /// # Safety
    /// There are such rows, and no other thread writes them; the column has been written, with a barrier since.
    #[inline(always)]
    unsafe fn write(&self, row: u32, count: u32, column: Shared<f32>) {
        let width = fresh(self.width);
        let first = self.first.offset(i64::from(row) * i64::from(Self::BESIDE * width));
        for i in 0..STEP {
            // SAFETY: as the caller promises.
            unsafe {
                let found = column.load4(COLUMN * i);
                if MAPS == BOTH {
                    first.store4_strided_if(i < count, COLUMN * i, width, found);
                    continue;
                }
                for map in 0..MAPS {
                    first
                        .offset(map as i64 * self.map)
                        .store_strided_if(i < count, i, width, found[map]);
                }
            }
        }
    }

    /// Reads the rows of a step, from row `row` of the tile on; zeros where there are none.
    ///
    /// # Safety
    /// They have been written by another kernel.
    #[inline(always)]
    unsafe fn read(&self, row: i32) -> [[f32; MAPS]; ROWS] {
        let width = fresh(self.width);
        let first = self.first.offset(i64::from(row) * i64::from(Self::BESIDE * width));
        let first = Global::<f32>::from_address(first.address());
        core::array::from_fn(|i| {
            let is_row = ((self.top + row + i as i32) as u32) < self.rows;
            // SAFETY: as the caller promises; what is read is such a row.
            unsafe {
                if MAPS == BOTH {
                    let found = first.load4_nc_strided_if(is_row, COLUMN * i as u32, width);
                    return core::array::from_fn(|map| found[map]);
                }
                core::array::from_fn(|map| {
                    let of_map = first.offset(map as i64 * self.map);
                    of_map.load_nc_strided_if(is_row, i as u32, width)
                })
            }
        })
    }
}
