//! The kernels of small images: the threads of a block share out a patch of 16 × 32 windows or pixels.
//!
//! A march takes its time, row by row, however small the image. Here a row of a patch has one warp, and rows are
//! computed side by side, pass after pass with a barrier between:
//!
//! ```text
//! pixels ─▶ u', v' ─▶ along rows ─▶ along columns ─▶ 1 − SSIM ─▶ sum
//! (read)    (shared)  (shared)      (moments)           │
//!                                                       ▼
//! gradient ◀─ along columns ◀─ along rows ◀─ shared ◀── derivatives A, B, C
//! ```

use fastssim_device::global::GlobalMut;
use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::thread::{sync_threads, thread_idx_x};
use fastssim_device::warp::lane;

use super::blur::{Weights, at_tap};
use super::edges::{Edges, at_edges, reflect, with_derivatives};
use super::formula::{BOTH, Constants, Moments, ONE, slopes, work_of};
use super::pixels::{Pixel, Reader};
use super::shift::Shift;
use super::sum::{Sum, finish_block};
use super::tile::{Tile, warp};
use crate::geometry::{
    ABOVE, PATCH, PATCH_THREADS, R, TAPS, Way, Work, patch_pixel_bytes, patch_pixels, patch_windows,
};
use crate::params::Params;

/// Pixels that a thread reads before it waits for the first.
const READS: u32 = 8;
/// Windows, or pixels of a gradient, of a thread: 2.
const OWN: usize = (PATCH[0] * PATCH[1] / PATCH_THREADS) as usize;

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
    let patch = unsafe { Patch::new::<P, E>(params, &tile, work) };
    let out = GlobalMut::<f32>::from_address(params.out.data).offset(params.out.plane(&tile));
    let mut sum = Sum::default();
    for i in 0..OWN {
        let [row, col] = own(i);
        // SAFETY: the sums along rows are complete.
        let half = patch.constants.half_deficit(&unsafe { patch.moments([row, col]) });
        let [row, col] = [tile.rows[0] + row as i32, tile.cols[0] + col as i32];
        if row < tile.rows[1] && col < tile.cols[1] {
            if let Work::Map = work {
                let [row, col] = [row - tile.map_rows[0], col - tile.map_cols[0]].map(|at| at as u32);
                // SAFETY: the map has a value for each window, and no other thread has this one.
                unsafe { out.store(row * params.out.row + col * params.out.col, fma(-2.0, half, 1.0)) };
            } else {
                sum.add(half);
            }
        }
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
    unsafe { back_and_forth::<P, E, ONE>(params) };
}

/// The score of each image, and its gradients with respect to x and to y.
///
/// # Safety
/// As [`score`].
#[inline(always)]
pub unsafe fn gradients<P: Pixel, E: Edges>(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { back_and_forth::<P, E, BOTH>(params) };
}

/// Scores and gradients, by so many maps of derivatives.
#[inline(always)]
unsafe fn back_and_forth<P: Pixel, E: Edges, const MAPS: usize>(params: &Params) {
    let work = work_of(MAPS);
    let Some(tile) = Tile::of_block(params, work, Way::Patch) else {
        return;
    };
    // SAFETY: all threads of the block are here.
    let patch = unsafe { Patch::new::<P, E>(params, &tile, work) };
    let pixels: [[f32; 2]; OWN] = core::array::from_fn(|i| {
        let [row, col] = own(i);
        // SAFETY: they have been written, and a barrier stands between.
        unsafe { patch.pixel([row + 2 * R as u32, col + 2 * R as u32]) }
    });
    // Derivatives take the place of pixels.
    sync_threads();
    // SAFETY: all threads of the block come, and the barriers stand where they must.
    let sum = unsafe { patch.write_derivatives::<E, MAPS>(params, &tile) };
    sync_threads();
    // The sums along rows take the place of those of the pixels.
    // SAFETY: as above.
    unsafe { patch.derivatives_along_rows::<MAPS>() };
    sync_threads();
    // Derivatives come in quarters.
    let factor = 4.0 * params.gradient_factor * params.scale;
    for i in 0..OWN {
        let [row, col] = own(i);
        // SAFETY: as above.
        let maps = unsafe { patch.derivatives_along_column::<MAPS>([row, col]) };
        let slopes = slopes(maps, pixels[i]);
        let [row, col] = [tile.rows[0] + row as i32, tile.cols[0] + col as i32];
        if row < tile.rows[1] && col < tile.cols[1] {
            let reflects = reflect::<E>(params);
            let remains = if reflects {
                at_edges(params, [row, col], 0.5)
            } else {
                1.0
            };
            for of in 0..MAPS - ONE + 1 {
                let planes = if of == 0 { &params.out } else { &params.by_y };
                let out = GlobalMut::<f32>::from_address(planes.data).offset(planes.plane(&tile));
                let place = row as u32 * planes.row + col as u32 * planes.col;
                // SAFETY: the gradient has a value for each pixel, and no other thread has this one.
                unsafe { out.store(place, remains * (factor * slopes[of])) };
            }
        }
    }
    // SAFETY: nobody needs the derivatives any more: their sums along rows are elsewhere.
    unsafe { finish_block(params, work, Way::Patch, &sum, Shared::at(0)) };
}

/// Row and column in the patch of one of this thread's windows or pixels.
#[inline(always)]
fn own(i: usize) -> [u32; 2] {
    let place = thread_idx_x() + i as u32 * PATCH_THREADS;
    [place / PATCH[1], place % PATCH[1]]
}

/// Does something for each place of `rows` × `cols`, the threads taking turns.
#[inline(always)]
fn each([rows, cols]: [u32; 2], mut act: impl FnMut([u32; 2])) {
    let mut place = thread_idx_x();
    while place < rows * cols {
        act([place / cols, place % cols]);
        place += PATCH_THREADS;
    }
}

/// What a block shares: first the pixels of a patch, then its sums along rows.
struct Patch<'a> {
    weights: &'a Weights,
    constants: Constants,
    /// Height and width of the windows, and of the pixels that they reach.
    windows: [u32; 2],
    extent: [u32; 2],
    /// u' and v' of the pixels, side by side; later the derivatives of the windows, map after map.
    pixels: Shared<f32>,
    /// Four sums a window and row of pixels; later derivatives along rows, map after map.
    along: Shared<f32>,
}

impl<'a> Patch<'a> {
    /// Reads the pixels that the windows of a tile reach, and sums them along rows.
    ///
    /// # Safety
    /// All threads of the block call it; nobody uses its shared memory.
    #[inline(always)]
    unsafe fn new<P: Pixel, E: Edges>(params: &'a Params, tile: &Tile, work: Work) -> Self {
        let (windows, extent) = (patch_windows(work), patch_pixels(work));
        let beyond = ((extent[0] - PATCH[0]) / 2) as i32;
        let first = [tile.rows[0] - beyond, tile.cols[0] - beyond];
        let (pixels, along) = (Shared::at(0), Shared::at(patch_pixel_bytes(work)));
        let reader = Reader::<P, E>::new(params, tile);
        let read = Read::new(&reader, first, extent);
        // One warp finds the shift, while the pixels are on their way.
        if warp() == 0 {
            let shift = Shift::of_area(params, &reader, [tile.rows, tile.cols]);
            if lane() == 0 {
                // SAFETY: nobody else writes there before the next barrier but one.
                unsafe { along.store2(0, [shift.cu, shift.cv]) };
            }
        }
        sync_threads();
        // SAFETY: it has been written before the barrier.
        let [cu, cv] = unsafe { along.load2(0) };
        let shift = Shift { cu, cv };
        // SAFETY: nobody else uses the memory of the pixels.
        unsafe { read.write(&reader, &shift, pixels) };
        sync_threads();
        let patch = Self {
            weights: &params.weights,
            constants: Constants::new(params, &shift),
            windows,
            extent,
            pixels,
            along,
        };
        each([extent[0], windows[1]], |[row, col]| {
            // SAFETY: the pixels have been written, and each place has one thread.
            unsafe {
                patch
                    .along
                    .store4(4 * (row * windows[1] + col), patch.along_row([row, col]))
            };
        });
        sync_threads();
        patch
    }

    /// u' and v' of a pixel.
    ///
    /// # Safety
    /// It has been written.
    #[inline(always)]
    unsafe fn pixel(&self, [row, col]: [u32; 2]) -> [f32; 2] {
        // SAFETY: as the caller promises.
        unsafe { self.pixels.load2(2 * (row * self.extent[1] + col)) }
    }

    /// The sums of u', v' and their squares over the eleven pixels of a row from `col` on.
    ///
    /// # Safety
    /// The pixels have been written.
    #[inline(always)]
    unsafe fn along_row(&self, [row, col]: [u32; 2]) -> [f32; 4] {
        let mut sums = [0.0; 4];
        for tap in 0..TAPS {
            // SAFETY: as the caller promises.
            let [u, v] = unsafe { self.pixel([row, col + tap as u32]) };
            let values = [u, v, u * u, v * v];
            for map in 0..4 {
                sums[map] = fma(at_tap::<ABOVE>(self.weights, tap), values[map], sums[map]);
            }
        }
        sums
    }

    /// The moments of a window.
    ///
    /// # Safety
    /// The sums along rows have been written.
    #[inline(always)]
    unsafe fn moments(&self, [row, col]: [u32; 2]) -> Moments {
        let mut sums = [0.0; 4];
        for tap in 0..TAPS {
            // SAFETY: as the caller promises.
            let values = unsafe { self.along.load4(4 * ((row + tap as u32) * self.windows[1] + col)) };
            for map in 0..4 {
                sums[map] = fma(at_tap::<ABOVE>(self.weights, tap), values[map], sums[map]);
            }
        }
        Moments::new(sums)
    }

    /// Writes the derivatives of the windows, zero outside of the map; the sum of (1 − SSIM) / 2 over the tile's own.
    ///
    /// # Safety
    /// The sums along rows have been written, and nobody needs the pixels any more.
    #[inline(always)]
    unsafe fn write_derivatives<E: Edges, const MAPS: usize>(&self, params: &Params, tile: &Tile) -> Sum {
        let plane = self.windows[0] * self.windows[1];
        let within = |at: i32, range: [i32; 2]| (at >= range[0]) & (at < range[1]);
        let [rows, cols] = [params.height, params.width].map(|extent| with_derivatives(params, extent));
        let reflects = reflect::<E>(params);
        let mut sum = Sum::default();
        each(self.windows, |[row, col]| {
            // SAFETY: as the caller promises.
            let derivatives = self.constants.derivatives::<MAPS>(&unsafe { self.moments([row, col]) });
            let place = row * self.windows[1] + col;
            let [row, col] = [tile.rows[0] + row as i32 - R, tile.cols[0] + col as i32 - R];
            let counts = if reflects {
                at_edges(params, [row, col], 2.0)
            } else {
                1.0
            };
            let has_derivatives = within(row, rows) & within(col, cols);
            for map in 0..MAPS {
                let value = if has_derivatives {
                    counts * derivatives.quarters[map]
                } else {
                    0.0
                };
                // SAFETY: each place has one thread, and the planes have room where the pixels were.
                unsafe { self.pixels.store(map as u32 * plane + place, value) };
            }
            if has_derivatives & within(row, tile.rows) & within(col, tile.cols) {
                sum.add(derivatives.half_deficit);
            }
        });
        sum
    }

    /// Sums the derivatives along rows, for the columns of pixels.
    ///
    /// # Safety
    /// They have been written, and nobody needs the pixels' sums any more.
    #[inline(always)]
    unsafe fn derivatives_along_rows<const MAPS: usize>(&self) {
        let rows = self.windows[0];
        each([rows, PATCH[1]], |[row, col]| {
            for map in 0..MAPS as u32 {
                let mut sum = 0.0;
                for tap in 0..TAPS as u32 {
                    let place = (map * rows + row) * self.windows[1] + col + tap;
                    // SAFETY: as the caller promises.
                    sum = fma(
                        at_tap::<ABOVE>(self.weights, tap as usize),
                        unsafe { self.pixels.load(place) },
                        sum,
                    );
                }
                // SAFETY: each place has one thread, and the planes have room where the sums were.
                unsafe { self.along.store((map * rows + row) * PATCH[1] + col, sum) };
            }
        });
    }

    /// The sums of the derivatives over the windows that hold a pixel.
    ///
    /// # Safety
    /// Their sums along rows have been written.
    #[inline(always)]
    unsafe fn derivatives_along_column<const MAPS: usize>(&self, [row, col]: [u32; 2]) -> [f32; MAPS] {
        let rows = self.windows[0];
        core::array::from_fn(|map| {
            let mut sum = 0.0;
            for tap in 0..TAPS as u32 {
                let place = (map as u32 * rows + row + tap) * PATCH[1] + col;
                // SAFETY: as the caller promises.
                sum = fma(
                    at_tap::<ABOVE>(self.weights, tap as usize),
                    unsafe { self.along.load(place) },
                    sum,
                );
            }
            sum
        })
    }
}

/// The pixels that a thread reads, as they are.
struct Read {
    first: [i32; 2],
    extent: [u32; 2],
    words: [[u32; 2]; READS as usize],
}

impl Read {
    /// Those of `extent` pixels from `first` on; where there is none, the nearest. All threads share them out.
    #[inline(always)]
    fn new<P: Pixel, E: Edges>(reader: &Reader<P, E>, first: [i32; 2], extent: [u32; 2]) -> Self {
        let mut read = Self {
            first,
            extent,
            words: [[0; 2]; READS as usize],
        };
        for i in 0..READS {
            if i * PATCH_THREADS < extent[0] * extent[1] {
                read.words[i as usize] = reader.words(read.at(read.place(i)));
            }
        }
        read
    }

    /// The number of one of this thread's pixels; the last is repeated.
    #[inline(always)]
    fn place(&self, i: u32) -> u32 {
        (thread_idx_x() + i * PATCH_THREADS).min(self.extent[0] * self.extent[1] - 1)
    }

    /// Where in the image it lies.
    #[inline(always)]
    fn at(&self, place: u32) -> [i32; 2] {
        let cols = self.extent[1];
        [
            self.first[0] + (place / cols) as i32,
            self.first[1] + (place % cols) as i32,
        ]
    }

    /// Writes u' and v' of the pixels.
    ///
    /// # Safety
    /// Nobody else uses that memory.
    #[inline(always)]
    unsafe fn write<P: Pixel, E: Edges>(&self, reader: &Reader<P, E>, shift: &Shift, pixels: Shared<f32>) {
        for i in 0..READS {
            if thread_idx_x() + i * PATCH_THREADS < self.extent[0] * self.extent[1] {
                let place = self.place(i);
                let [x, y] = reader.scaled(self.at(place), self.words[i as usize]);
                // SAFETY: each place has one thread.
                unsafe { pixels.store2(2 * place, shift.apply(x, y)) };
            }
        }
    }
}
