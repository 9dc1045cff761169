//! The kernel of the windows: their scores, the sums of them, and their derivatives.

use fastssim_device::global::GlobalMut;
use fastssim_device::math::{fma, fresh};
use fastssim_device::shared::Shared;
use fastssim_device::thread::{block_dim_x, sync_threads, thread_idx_x};

use super::super::elements::Plane;
use super::super::tile::Tile;
use super::moments::March;
use super::pixels::Pixels;
use super::places::{Out, each};
use super::window::N;
use crate::general::geometry::Work;
use crate::general::params::{Params, Typed};
use crate::geometry::{COLUMN, STEP};
use crate::kernels::formula::{BOTH, Constants, Derivatives, Moments};
use crate::kernels::march::{Columns, Run};
use crate::kernels::shift::Shift;
use crate::kernels::sum::{Sum, sum_of_block};

/// What is wanted of the windows: any of the sum of 1 − SSIM over each tile, and the map.
///
/// # Safety
/// `params` describes buffers that hold what it says, and the grid is that of
/// [`launch`](crate::general::geometry::launch).
#[inline(always)]
pub unsafe fn windows(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { down::<false>(params) };
}

/// The same and the derivatives.
///
/// # Safety
/// As [`windows`].
#[inline(always)]
pub unsafe fn derivatives(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { down::<true>(params) };
}

/// With derivatives or without.
#[inline(always)]
unsafe fn down<const DERIVATIVES: bool>(params: &Params) {
    let tile = Tile::of_block(params, Work::Windows);
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let layout = params.layout(Work::Windows, block_dim_x());
    let columns = Columns(Shared::at(0));
    // SAFETY: all threads of the block come here.
    let mut march = unsafe { March::new(params, &tile, &layout, top) };
    let results = Results::<DERIVATIVES>::new(params, &tile);
    let (run, is_one) = Run::new(((right - left) as u32).div_ceil(STEP));
    let first = left + (STEP * run.place) as i32;
    let windows = if is_one { (right - first).min(N as i32) } else { 0 };
    let mut sum = Sum::default();
    let mut row = top;
    while row < bottom {
        // SAFETY: barriers stand between the writing of columns and the reading of rows, and the other way round; what is kept of a
        // column is of one thread, which also writes a column's results before it leaves the next sums there.
        unsafe {
            let down = march.down();
            if !DERIVATIVES {
                // Not before: `down` is each thread's own work, for which none waits for the others.
                sync_threads();
            }
            march.leave(columns, down);
            if !DERIVATIVES {
                march.read(row + N as i32);
            }
            sync_threads();
            let mut found = Found::default();
            let at = row + run.row as i32;
            if (windows > 0) & (at < bottom) {
                let (sums, shift) = march.along(&run, columns);
                found = results.of_run(&sums, &shift);
                sum.add(results.count(&mut found, [at, first], windows));
            }
            // The conditions are fresh ones: of those that have been looked at before, the compiler makes two ways through all that
            // lies between, with a barrier in each.
            if DERIVATIVES {
                sync_threads();
                if fresh(is_one.into()) != 0 {
                    for i in 0..N {
                        columns
                            .column(STEP * run.place + i as u32)
                            .store4(COLUMN * run.row, found.derivatives[i]);
                    }
                }
                sync_threads();
                // Only now, as there are no registers for them before.
                march.read(row + N as i32);
                results.write(&tile, columns, row, |place, count, column| {
                    results.out.store(place, count, |i| column.load4(COLUMN * i));
                });
            }
            if fresh(results.map.is_some().into()) != 0 {
                sync_threads();
                if fresh(is_one.into()) != 0 {
                    for i in 0..N {
                        columns
                            .column(STEP * run.place + i as u32)
                            .store4(COLUMN * run.row, [found.halves[i]; 4]);
                    }
                }
                sync_threads();
                results.write(&tile, columns, row, |place, count, column| {
                    results.store_scores(place, count, column);
                });
            }
        }
        row += N as i32;
    }
    sync_threads();
    if params.partials != 0 {
        // SAFETY: all threads come here, and nobody needs the columns any more.
        let sum = unsafe { sum_of_block(&sum, Shared::at(0)) };
        if thread_idx_x() == 0 {
            let [rows, cols] = params.tiles(Work::Windows);
            let index = (params.first + tile.plane) * rows * cols + tile.index;
            // SAFETY: the workspace has a number for each tile; no other block has this one.
            unsafe { GlobalMut::<f64>::from_address(params.partials).store(index, 2.0 * sum) };
        }
    }
}

/// What has been found of the windows of a run.
#[derive(Clone, Copy, Default)]
struct Found {
    /// (1 − SSIM) / 2.
    halves: [f32; N],
    /// P, B, Q and C, if they are wanted.
    derivatives: [[f32; BOTH]; N],
}

/// Which results of a tile's windows are wanted, and where they go.
struct Results<const DERIVATIVES: bool> {
    constants: [f32; 2],
    counts: Option<Plane>,
    map: Option<Plane>,
    score_offset: f32,
    score_factor: f32,
    out: Out,
    /// What u and v are counted from in the derivatives.
    origin: Shift,
    /// Whether windows have more pixels than one, and so variances.
    has_variances: bool,
    margin: i32,
}

impl<const DERIVATIVES: bool> Results<DERIVATIVES> {
    #[inline(always)]
    fn new(params: &Params, tile: &Tile) -> Self {
        let plane = |typed: &Typed| (typed.planes.data != 0).then(|| Plane::new(typed, tile.image, tile.channel));
        Self {
            constants: [params.c1 as f32, params.c2 as f32],
            counts: plane(&params.counts),
            map: plane(&params.map),
            score_offset: params.score_offset as f32,
            score_factor: params.score_factor as f32,
            out: Out::new(params, tile),
            origin: if DERIVATIVES {
                Pixels::new(params, tile).origin()
            } else {
                Shift { cu: 0.0, cv: 0.0 }
            },
            has_variances: params.radius > 0,
            margin: params.margin as i32,
        }
    }

    /// What is wanted of a run's windows, from their sums.
    #[inline(always)]
    fn of_run(&self, sums: &[[f32; 4]; N], shift: &Shift) -> Found {
        let constants = Constants::with(self.constants, shift);
        let mut found = Found::default();
        if !DERIVATIVES {
            found.halves = sums.map(|sums| constants.half_deficit(&Moments::new(sums)));
        } else if self.has_variances {
            let by = shift.until(&self.origin);
            for i in 0..N {
                let Derivatives {
                    half_deficit,
                    quarters: [p, b, q, c],
                } = constants.derivatives::<BOTH>(&Moments::new(sums[i]));
                found.halves[i] = half_deficit;
                // From the run's shift to the origin: u and v grow by that much.
                found.derivatives[i] = [fma(-by[0], b, p), b, fma(-by[1], c, q), c];
            }
        } else {
            for i in 0..N {
                // A pixel is its own mean, which rounding need not know.
                let [u, v, ..] = sums[i];
                let constants = Constants::with(
                    self.constants,
                    &Shift {
                        cu: u + shift.cu,
                        cv: v + shift.cv,
                    },
                );
                let Derivatives {
                    half_deficit,
                    quarters: [p, _, q, _],
                } = constants.derivatives::<BOTH>(&Moments::default());
                found.halves[i] = half_deficit;
                found.derivatives[i] = [p, 0.0, q, 0.0];
            }
        }
        found
    }

    /// The sum of the first `windows` deficits' halves, the first of which is in this row and column, times what each window counts; and the
    /// derivatives times that.
    ///
    /// # Safety
    /// There are such windows.
    #[inline(always)]
    unsafe fn count(&self, found: &mut Found, [row, col]: [i32; 2], windows: i32) -> f32 {
        let mut sum = 0.0;
        let Some(counts) = &self.counts else {
            if windows >= N as i32 {
                for i in 0..N {
                    sum += found.halves[i];
                }
            } else {
                for i in 0..N {
                    sum += if (i as i32) < windows { found.halves[i] } else { 0.0 };
                }
            }
            return sum;
        };
        for i in 0..N {
            if (i as i32) < windows {
                let [row, col] = [row, col + i as i32].map(|at| (at - self.margin) as u32);
                // SAFETY: as the caller promises, and there is a number for each.
                let count: f32 = unsafe { counts.at(row, col) };
                sum += counted(count, found.halves[i]);
                found.derivatives[i] = found.derivatives[i].map(|value| counted(count, value));
            }
        }
        sum
    }

    /// Gives `store` what stands in this thread's column for the windows of the step from row `row` on: the first one's row and column
    /// in the map, and how many there are.
    ///
    /// # Safety
    /// They have been written, with a barrier since.
    #[inline(always)]
    unsafe fn write(&self, tile: &Tile, columns: Columns, row: i32, store: impl Fn([u32; 2], u32, Shared<f32>)) {
        let col = tile.cols[0] + thread_idx_x() as i32;
        if col < tile.cols[1] {
            let place = [row, col].map(|at| (at - self.margin) as u32);
            store(place, (tile.rows[1] - row) as u32, columns.column(thread_idx_x()));
        }
    }

    /// Writes the scores of windows below one another into the map, from the deficits' halves in a column.
    ///
    /// # Safety
    /// There are such windows, and no other thread has them; the column has been written, with a barrier since.
    #[inline(always)]
    unsafe fn store_scores(&self, [row, col]: [u32; 2], count: u32, column: Shared<f32>) {
        let Some(map) = &self.map else { return };
        each(count, |i| {
            // SAFETY: as the caller promises.
            let half = unsafe { column.load(COLUMN * i) };
            let score = fma(2.0 * self.score_factor, half, self.score_offset);
            // Rounding alone can make SSIM larger than 1; NaN stays.
            let score = if self.score_offset == 1.0 && score > 1.0 {
                1.0
            } else {
                score
            };
            // SAFETY: as the caller promises; the map has a value for each window.
            unsafe { map.store(row + i, col, score) };
        });
    }
}

/// `value` times `count`; what does not count is 0, were it NaN.
#[inline(always)]
fn counted(count: f32, value: f32) -> f32 {
    if count == 0.0 { 0.0 } else { count * value }
}
