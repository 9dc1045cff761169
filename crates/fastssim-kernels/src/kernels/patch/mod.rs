//! The kernels of small images: the threads of a block share out a patch of 16 × 32 windows or pixels.
//!
//! A march takes its time, row by row, however small the image. Here all rows are computed side by side, pass after pass with a barrier
//! between. A thread takes some places side by side of a line, a *run*, for which it reads once what windows have in common:
//!
//! ```text
//! pixels ─▶ u', v' ─▶ along rows ─▶ along columns ─▶ 1 − SSIM ─▶ sum
//! (read)    (shared)  (shared)      (moments)           │
//!                                                       ▼
//! gradient ◀─ along columns ◀─ along rows ◀─ shared ◀── derivatives A, B, C
//! ```
//!
//! Gradients of windows of more than eleven taps have kernels that are told how many.

mod pixels;
mod window;

use fastssim_device::global::GlobalMut;
use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::thread::{sync_threads, thread_idx_x};
use fastssim_device::warp::lane;

use self::pixels::Read;
use self::window::{Narrow, Wide, Window};
use super::down::with_squares;
use super::edges::{Edges, at_edges, reflect, with_derivatives};
use super::formula::{BOTH, Constants, Moments, ONE, slopes, work_of};
use super::pixels::{Pixel, Reader};
use super::shift::{Shift, of_area};
use super::sum::{Sum, finish_block};
use super::tile::{Tile, warp, within};
use crate::geometry::{COLUMN, PATCH, PATCH_THREADS, PatchLayout, Way, Work, pitch};
use crate::params::Params;

/// Pixels of a gradient, or windows of a score, that a thread has: so many rows of a column.
const OWN: usize = (PATCH[0] * PATCH[1] / PATCH_THREADS) as usize;
/// Pixels of a run whose derivatives are summed along rows.
const BACK: usize = 4;

/// The score of each image.
///
/// # Safety
/// As [`score`](super::score()), with a block for each patch.
#[inline(always)]
pub unsafe fn score<P: Pixel, E: Edges>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { windows::<P, E>(params, Work::Score) };
}

/// The SSIM of each window.
///
/// # Safety
/// As [`map`](super::map()), with a block for each patch.
#[inline(always)]
pub unsafe fn map<P: Pixel, E: Edges>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { windows::<P, E>(params, Work::Map) };
}

/// Score or map: what is made of the windows of a patch.
#[inline(always)]
unsafe fn windows<P: Pixel, E: Edges>(params: &Params, work: Work) {
    let Some(tile) = Tile::of_block(params, work, Way::Patch) else {
        return;
    };
    // SAFETY: all threads of the block are here.
    let patch = unsafe { Patch::<Narrow>::new::<P, E, 4>(params, &tile, work) };
    sync_threads();
    let out = GlobalMut::<f32>::from_address(params.out.data).offset(params.out.plane(&tile));
    let mut sum = Sum::default();
    // SAFETY: a barrier stands between the sums along rows and this.
    unsafe {
        patch.each_window::<OWN>(params, |[row, col], moments| {
            let half = patch.constants.half_deficit(&moments);
            let [row, col] = [tile.rows[0] + row as i32, tile.cols[0] + col as i32];
            if (row < tile.rows[1]) & (col < tile.cols[1]) {
                if let Work::Map = work {
                    let [row, col] = [row - tile.map_rows[0], col - tile.map_cols[0]].map(|at| at as u32);
                    // SAFETY: the map has a value for each window, and no other thread has this one.
                    out.store(row * params.out.row + col * params.out.col, fma(-2.0, half, 1.0));
                } else {
                    sum.add(half);
                }
            }
        });
    }
    if let Work::Score = work {
        // SAFETY: nobody needs the pixels any more.
        unsafe { finish_block(params, Work::Score, Way::Patch, &sum, Shared::at(0)) };
    }
}

/// The score of each image, and its gradient with respect to x.
///
/// # Safety
/// As [`score`].
#[inline(always)]
pub unsafe fn gradient<P: Pixel, E: Edges>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { back_and_forth::<P, E, Narrow, ONE, 6, 5>(params) };
}

/// The same for a window of more taps.
///
/// # Safety
/// As [`score`].
#[inline(always)]
pub unsafe fn wide_gradient<P: Pixel, E: Edges>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { back_and_forth::<P, E, Wide, ONE, 4, 4>(params) };
}

/// The score of each image, and its gradients with respect to x and to y.
///
/// # Safety
/// As [`score`].
#[inline(always)]
pub unsafe fn gradients<P: Pixel, E: Edges>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { back_and_forth::<P, E, Narrow, BOTH, 6, 5>(params) };
}

/// The same for a window of more taps.
///
/// # Safety
/// As [`score`].
#[inline(always)]
pub unsafe fn wide_gradients<P: Pixel, E: Edges>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { back_and_forth::<P, E, Wide, BOTH, 4, 4>(params) };
}

/// Scores and gradients, by so many maps of derivatives. Runs are of `ALONG` windows in a row, and then of `DOWN` in a column: so many that a
/// turn of all threads does a patch of eleven taps.
#[inline(always)]
unsafe fn back_and_forth<P: Pixel, E: Edges, W: Window, const MAPS: usize, const ALONG: usize, const DOWN: usize>(
    params: &Params,
) {
    let work = work_of(MAPS);
    let Some(tile) = Tile::of_block(params, work, Way::Patch) else {
        return;
    };
    // SAFETY: all threads of the block are here.
    let patch = unsafe { Patch::<W>::new::<P, E, ALONG>(params, &tile, work) };
    let (above, own) = (W::above(params), own());
    // Before derivatives take the place of pixels.
    let pixels: [[f32; 2]; OWN] = core::array::from_fn(|i| {
        // SAFETY: they have been written, and a barrier stands between.
        unsafe { patch.pixel([own[0] + i as u32 + above, own[1] + above]) }
    });
    sync_threads();
    // SAFETY: all threads of the block come, and the barriers stand where they must.
    let sum = unsafe { patch.write_derivatives::<E, MAPS, DOWN>(params, &tile) };
    sync_threads();
    // The sums along rows take the place of those of the pixels.
    // SAFETY: as above.
    unsafe { patch.derivatives_along_rows::<MAPS>(params) };
    sync_threads();
    // SAFETY: as above, and no other thread has these pixels.
    unsafe { patch.write_gradients::<E, MAPS>(params, &tile, own, pixels) };
    // SAFETY: nobody needs the derivatives any more: their sums along rows are elsewhere.
    unsafe { finish_block(params, work, Way::Patch, &sum, Shared::at(0)) };
}

/// Row and column in the patch of the first pixel of this thread.
#[inline(always)]
fn own() -> [u32; 2] {
    [thread_idx_x() / PATCH[1] * OWN as u32, thread_idx_x() % PATCH[1]]
}

/// Does something for each run of `RUN` of the `length` places of a line, at least so many: told are the line, the run's first place, and how
/// many of its places are another run's, too. Neighbouring threads have neighbouring lines.
#[inline(always)]
fn each_run<const RUN: usize>(lines: u32, length: u32, mut act: impl FnMut(u32, u32, usize)) {
    let run = RUN as u32;
    // There are lines, but the compiler must know it, or it makes room for a panic.
    let lines = lines.max(1);
    let mut place = thread_idx_x();
    while place < lines * length.div_ceil(run) {
        let begin = place / lines * run;
        let first = begin.min(length - run);
        act(place % lines, first, (begin - first) as usize);
        place += PATCH_THREADS;
    }
}

/// What a block shares: first the pixels of a patch, then its sums along rows.
struct Patch<W: Window> {
    window: W,
    constants: Constants,
    /// What it reaches, and where it is.
    layout: PatchLayout,
    /// u' and v' of the pixels, side by side; later the derivatives of the windows.
    pixels: Shared<f32>,
    /// Four sums a window and row of pixels; later derivatives along rows.
    along: Shared<f32>,
}

impl<W: Window> Patch<W> {
    /// Reads the pixels that the windows of a tile reach, and sums them along rows, in runs of `ALONG` windows. What comes next waits for a
    /// barrier.
    ///
    /// # Safety
    /// All threads of the block call it; nobody uses its shared memory.
    #[inline(always)]
    unsafe fn new<P: Pixel, E: Edges, const ALONG: usize>(params: &Params, tile: &Tile, work: Work) -> Self {
        let layout = PatchLayout::new(work, W::above(params));
        let beyond = ((layout.pixels[0] - PATCH[0]) / 2) as i32;
        let first = [tile.rows[0] - beyond, tile.cols[0] - beyond];
        let (pixels, along) = (Shared::at(0), Shared::at(layout.along));
        let reader = Reader::<P, E>::new(params, tile);
        let read = Read::ahead::<P, E, W>(&reader, first, layout.pixels);
        // SAFETY: nobody else uses that memory, and barriers stand before the first sum.
        let window = unsafe { W::new(params, Shared::at(layout.weights)) };
        // Two warps find the shift, while the pixels are on their way.
        if warp() < 2 {
            let found = of_area(params, &reader, [tile.rows, tile.cols], warp() == 1);
            if lane() == 0 {
                // SAFETY: nobody else writes there before the next barrier but one.
                unsafe { along.store(warp(), found) };
            }
        }
        sync_threads();
        // SAFETY: it has been written before the barrier.
        let [cu, cv] = unsafe { along.load2(0) };
        let shift = Shift { cu, cv };
        // SAFETY: nobody else uses the memory of the pixels.
        unsafe { read.write::<P, E, W>(&reader, &shift, pixels) };
        sync_threads();
        let patch = Self {
            window,
            constants: Constants::new(params, &shift),
            layout,
            pixels,
            along,
        };
        let [rows, [_, cols]] = [layout.pixels, layout.windows];
        each_run::<ALONG>(rows[0], cols, |row, col, done| {
            // SAFETY: the pixels have been written, and each place has one thread.
            unsafe {
                let sums: [_; ALONG] = patch
                    .window
                    .slide(params, |i| with_squares(patch.pixel([row, col + i])));
                let line = row * pitch(cols) + col;
                for i in 0..ALONG {
                    if i >= done {
                        along.store4(COLUMN * (line + i as u32), sums[i]);
                    }
                }
            }
        });
        patch
    }

    /// u' and v' of a pixel.
    ///
    /// # Safety
    /// It has been written.
    #[inline(always)]
    unsafe fn pixel(&self, [row, col]: [u32; 2]) -> [f32; 2] {
        // SAFETY: as the caller promises.
        unsafe { self.pixels.load2(2 * (row * pitch(self.layout.pixels[1]) + col)) }
    }

    /// Does something with the moments of each window, in runs of `DOWN` windows of a column.
    ///
    /// # Safety
    /// The sums along rows have been written, and a barrier stands between.
    #[inline(always)]
    unsafe fn each_window<const DOWN: usize>(&self, params: &Params, mut act: impl FnMut([u32; 2], Moments)) {
        let [rows, cols] = self.layout.windows;
        each_run::<DOWN>(cols, rows, |col, row, done| {
            // SAFETY: as the caller promises.
            let sums: [_; DOWN] = unsafe {
                self.window
                    .slide(params, |i| self.along.load4(COLUMN * ((row + i) * pitch(cols) + col)))
            };
            for i in 0..DOWN {
                if i >= done {
                    act([row + i as u32, col], Moments::new(sums[i]));
                }
            }
        });
    }

    /// Writes the derivatives of the windows in the place of the pixels, zero outside of the map; the sum of (1 − SSIM) / 2 over the tile's
    /// own.
    ///
    /// # Safety
    /// The sums along rows have been written, and a barrier stands between; nobody needs the pixels any more.
    #[inline(always)]
    unsafe fn write_derivatives<E: Edges, const MAPS: usize, const DOWN: usize>(
        &self,
        params: &Params,
        tile: &Tile,
    ) -> Sum {
        let beyond = (W::above(params) / 2) as i32;
        let [rows, cols] = [params.height, params.width].map(|extent| with_derivatives(params, extent));
        let reflects = reflect::<E>(params);
        let mut sum = Sum::default();
        let act = |[row, col]: [u32; 2], moments: Moments| {
            let derivatives = self.constants.derivatives::<MAPS>(&moments);
            let place = row * pitch(self.layout.windows[1]) + col;
            let [row, col] = [tile.rows[0] + row as i32 - beyond, tile.cols[0] + col as i32 - beyond];
            let counts = if reflects {
                at_edges(params, [row, col], 2.0)
            } else {
                1.0
            };
            let has_derivatives = within(row, rows) & within(col, cols);
            let mut values = [0.0; COLUMN as usize];
            for map in 0..MAPS {
                if has_derivatives {
                    values[map] = counts * derivatives.quarters[map];
                }
            }
            // SAFETY: each place has one thread, and there is room where the pixels were.
            unsafe { self.pixels.store4(COLUMN * place, values) };
            if has_derivatives & within(row, tile.rows) & within(col, tile.cols) {
                sum.add(derivatives.half_deficit);
            }
        };
        // SAFETY: as the caller promises.
        unsafe { self.each_window::<DOWN>(params, act) };
        sum
    }

    /// Sums the derivatives along rows, for the columns of pixels.
    ///
    /// # Safety
    /// They have been written, and a barrier stands between; nobody needs the pixels' sums any more.
    #[inline(always)]
    unsafe fn derivatives_along_rows<const MAPS: usize>(&self, params: &Params) {
        let [rows, cols] = self.layout.windows;
        each_run::<BACK>(rows, PATCH[1], |row, col, _| {
            // SAFETY: as the caller promises; each place has one thread, and there is room where the sums were.
            unsafe {
                let sums: [[f32; MAPS]; BACK] = self.window.slide(params, |i| {
                    let found = self.pixels.load4(COLUMN * (row * pitch(cols) + col + i));
                    core::array::from_fn(|map| found[map])
                });
                for i in 0..BACK {
                    let values = core::array::from_fn(|map| if map < MAPS { sums[i][map] } else { 0.0 });
                    let place = row * pitch(PATCH[1]) + col + i as u32;
                    self.along.store4(COLUMN * place, values);
                }
            }
        });
    }

    /// Writes the gradients of this thread's pixels, which are given.
    ///
    /// # Safety
    /// The sums of derivatives along rows have been written, and a barrier stands between; no other thread has these pixels.
    #[inline(always)]
    unsafe fn write_gradients<E: Edges, const MAPS: usize>(
        &self,
        params: &Params,
        tile: &Tile,
        [row, col]: [u32; 2],
        pixels: [[f32; 2]; OWN],
    ) {
        // SAFETY: as the caller promises.
        let maps: [[f32; MAPS]; OWN] = unsafe {
            self.window.slide(params, |i| {
                let found = self.along.load4(COLUMN * ((row + i) * pitch(PATCH[1]) + col));
                core::array::from_fn(|map| found[map])
            })
        };
        // Derivatives come in quarters.
        let factor = 4.0 * params.gradient_factor * params.scale;
        let reflects = reflect::<E>(params);
        for i in 0..OWN {
            let slopes = slopes(maps[i], pixels[i]);
            let [row, col] = [tile.rows[0] + row as i32 + i as i32, tile.cols[0] + col as i32];
            if (row >= tile.rows[1]) | (col >= tile.cols[1]) {
                continue;
            }
            let remains = if reflects {
                at_edges(params, [row, col], 0.5)
            } else {
                1.0
            };
            for of in 0..MAPS - ONE + 1 {
                let planes = if of == 0 { &params.out } else { &params.by_y };
                let out = GlobalMut::<f32>::from_address(planes.data).offset(planes.plane(tile));
                let place = row as u32 * planes.row + col as u32 * planes.col;
                // SAFETY: the gradient has a value for each pixel, and no other thread has this one.
                unsafe { out.store(place, remains * (factor * slopes[of])) };
            }
        }
    }
}
