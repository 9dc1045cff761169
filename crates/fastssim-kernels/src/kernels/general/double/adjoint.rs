//! The kernel of the gradients: the windows' derivatives, taken back to the pixels.
//!
//! The window is its own transpose, but for the padding: a pixel takes part in a window once for each place where it
//! stands. So near an edge the weights are those of all its places together, along rows and along columns apart, and
//! each pixel gathers what is its own.

use fastssim_device::global::Global;
use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::warp::{self, lane};

use super::super::MAPS;
use super::super::tile::Tile;
use super::gradients::{Gradients, Pixels};
use super::numbers::{load, load_all, read4, store};
use super::reader::Reader;
use super::window::{Window, slide};
use crate::general::geometry::{AT_ONCE, DERIVATIVES, LANES, Work};
use crate::general::params::Params;

/// Columns of a row that a lane reads.
const READS: usize = 2;

/// The gradients with respect to x and to y, as far as they are wanted.
///
/// # Safety
/// As [`windows`](super::windows()), whose kernel has left the derivatives of these channels.
#[inline(always)]
pub unsafe fn adjoint(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { adjoint_by::<{ AT_ONCE as usize }>(params) };
}

/// `N` rows at a time.
#[inline(always)]
unsafe fn adjoint_by<const N: usize>(params: &Params) {
    let tile = Tile::of_block(params, Work::Adjoint);
    let reader = Reader::new(params, &tile);
    // SAFETY: the whole warp is here.
    let mut back = unsafe { Back::<N>::new(params, &tile, &reader) };
    let gradients = Gradients::new(params, &tile, back.origin);
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let radius = back.window.radius;
    let col = left + lane() as i32;
    let mut row = top - back.window.lead::<N>();
    // SAFETY: the kernel before has left the derivatives.
    let mut next = unsafe { back.read(row) };
    while row < bottom + radius {
        let pixel_row = row - radius;
        // SAFETY: the whole warp is here, the barriers are between writing and reading, and the rows of windows that hold the
        // pixels from the top on have been taken in when these are complete.
        unsafe {
            back.write(&reader, row, &next);
            if pixel_row >= top {
                back.weigh(pixel_row);
            }
            warp::sync();
            next = back.read(row + N as i32);
            back.along();
            warp::sync();
            if pixel_row >= top {
                let sums = back.down();
                let pixels = Pixels::read(&reader, [pixel_row, bottom], [col, right]);
                gradients.write(&reader, &pixels, &sums);
            }
            warp::sync();
        }
        row += N as i32;
    }
}

/// The way back: from the derivatives of windows to sums at pixels. `N` rows are taken in at a time.
struct Back<'a, const N: usize> {
    params: &'a Params,
    window: Window,
    /// The sums along the last rows: at least as many as `N` pixels below one another need, by row.
    ring: Shared<f64>,
    /// The derivatives of the rows that are taken in, and places of a line of them.
    rows: Shared<f64>,
    line: u32,
    /// What each place of a run counts in its `N` pixels, by place and run.
    of_cols: Shared<f64>,
    /// What each row counts in the pixels of `N` rows, by row.
    of_rows: Shared<f64>,
    /// Whether these are those of pixels that are close to no edge.
    is_inside: bool,
    /// Rows of the ring.
    capacity: u32,
    /// Where in the ring the next rows go.
    slot: u32,
    /// The derivatives of this channel's windows, and how many these are.
    derivatives: Global<f64>,
    map_elements: u32,
    /// The rows and columns of the image that have windows.
    map_rows: [i32; 2],
    map_cols: [i32; 2],
    left: i32,
    /// What u and v of this tile's pixels are counted from.
    origin: [f64; 2],
    /// What they are counted from in the windows that this lane reads, of a row of tiles and of the next, whose first row is
    /// this one of the map.
    origins: [[[f64; 2]; READS]; 2],
    next_tile: i32,
}

impl<'a, const N: usize> Back<'a, N> {
    /// With shared memory from its beginning on.
    ///
    /// # Safety
    /// All lanes of the warp call it; the geometry has made room.
    #[inline(always)]
    unsafe fn new(params: &'a Params, tile: &Tile, reader: &Reader) -> Self {
        let n = N as u32;
        let span = params.span(n);
        let [height, width] = params.map_area();
        let of_channel = i64::from(tile.plane) * i64::from(DERIVATIVES) * i64::from(height * width);
        let of_rows = Shared::at(0);
        let of_cols = of_rows.offset(span * n);
        let ring = of_cols.offset(span * LANES);
        let rows = ring.offset(params.ring_rows(n) * DERIVATIVES * LANES);
        // SAFETY: as the caller promises.
        let window = unsafe { Window::new(params, rows.offset(n * DERIVATIVES * params.line())) };
        warp::sync();
        let left = tile.cols[0];
        // The lanes beyond the last column look on.
        let col = (left + lane() as i32).min(params.width as i32 - 1);
        for place in 0..span {
            let tap = place.wrapping_sub(lane() % n);
            // SAFETY: the weights have been written and waited for, and there is such a tap; each entry is written by one lane.
            unsafe {
                let weight = if tap < window.taps {
                    window.folded(col, params.width as i32, tap)
                } else {
                    0.0
                };
                of_cols.store(place * LANES + lane(), weight);
            }
        }
        let margin = params.margin as i32;
        Self {
            params,
            window,
            ring,
            rows,
            line: params.line(),
            of_cols,
            of_rows,
            is_inside: false,
            capacity: params.ring_rows(n),
            slot: 0,
            derivatives: Global::from_address(params.derivatives).offset(of_channel),
            map_elements: height * width,
            map_rows: [margin, margin + height as i32],
            map_cols: [margin, margin + width as i32],
            left,
            origin: reader.middle(tile.rows, tile.cols),
            origins: [[[0.0; 2]; READS]; 2],
            next_tile: 0,
        }
    }

    /// Reads this lane's part of the rows of derivatives from `row` on; where there is no window, that of another.
    ///
    /// # Safety
    /// The kernel before has written them.
    #[inline(always)]
    unsafe fn read(&self, row: i32) -> [[[f64; MAPS]; READS]; N] {
        let [from, to] = self.map_rows;
        let [first, last] = self.map_cols;
        core::array::from_fn(|i| {
            let map_row = ((row + i as i32).max(from).min(to - 1) - from) as u32;
            core::array::from_fn(|j| {
                let at = self.column(lane() + j as u32 * LANES);
                let index = map_row * (last - first) as u32 + (at.max(first).min(last - 1) - first) as u32;
                // SAFETY: as the caller promises; the map has this window.
                unsafe { read4(self.derivatives, index, self.map_elements) }
            })
        })
    }

    /// Takes in the derivatives that have been read of the rows of windows from `row` on; zeros where there are none.
    ///
    /// # Safety
    /// All lanes of the warp call it, with a barrier between this and [`along`](Self::along), and the other way round.
    #[inline(always)]
    unsafe fn write(&mut self, reader: &Reader, row: i32, read: &[[[f64; MAPS]; READS]; N]) {
        let [from, to] = self.map_rows;
        let [first, last] = self.map_cols;
        self.follow(reader, row.max(from).min(to - 1) - from);
        let zero = 0.0;
        let cols: [_; READS] = core::array::from_fn(|j| lane() + j as u32 * LANES);
        for i in 0..N {
            let row = row + i as i32;
            let line = self.row(i as u32);
            for j in 0..READS {
                let at = self.column(cols[j]);
                let is_window = (row >= from) & (row < to) & (at >= first) & (at < last);
                let mut maps = read[i][j].map(|value| if is_window { value } else { zero });
                // From the window's origin to that of this tile.
                for signal in 0..2 {
                    let [this, next] = [0, 1].map(|tile| self.origins[tile][j][signal]);
                    let by = self.origin[signal] - if row - from < self.next_tile { this } else { next };
                    maps[signal] = fma(by, maps[2 + signal], maps[signal]);
                }
                if cols[j] < self.params.reach() {
                    // SAFETY: within the row, and each column is written by one lane.
                    unsafe { store(line, cols[j], self.line, maps) };
                }
            }
        }
    }

    /// The image's column of the windows in a column of the rows.
    #[inline(always)]
    fn column(&self, col: u32) -> i32 {
        self.left - self.window.radius + col as i32
    }

    /// Finds the origins of the windows of this row of the map and of the next rows, which change with the tiles that these
    /// belong to.
    #[inline(always)]
    fn follow(&mut self, reader: &Reader, map_row: i32) {
        if map_row < self.next_tile {
            return;
        }
        let [first, last] = self.map_cols;
        let rows = self.params.tile_rows.max(1);
        let tile_row = map_row as u32 / rows;
        self.next_tile = ((tile_row + 1) * rows) as i32;
        let [tiles, _] = self.params.tiles(Work::Windows);
        for i in 0..2 {
            let tile_row = (tile_row + i as u32).min(tiles - 1);
            for j in 0..READS {
                let at = self.column(lane() + j as u32 * LANES).max(first).min(last - 1);
                let tile_col = (at - first) as u32 / LANES;
                self.origins[i][j] = reader.origin(self.params, Work::Windows, tile_row, tile_col);
            }
        }
    }

    /// Finds the weights of the pixels of the rows from `row` on.
    ///
    /// # Safety
    /// All lanes of the warp call it, with a barrier between this and [`down`](Self::down), and the other way round.
    #[inline(always)]
    unsafe fn weigh(&mut self, row: i32) {
        let (rows, height) = (N as u32, self.params.height as i32);
        let is_inside = (row > self.window.radius) & (row + N as i32 + self.window.radius < height);
        if is_inside & self.is_inside {
            return;
        }
        self.is_inside = is_inside;
        let mut entry = lane();
        while entry < self.params.span(rows) * rows {
            let pixel = entry % rows;
            let (tap, row) = ((entry / rows).wrapping_sub(pixel), row + pixel as i32);
            let is_tap = (tap < self.window.taps) & (row < height);
            // SAFETY: there is such a tap; each entry is written by one lane.
            unsafe {
                let weight = if is_tap {
                    self.window.folded(row, height, tap)
                } else {
                    0.0
                };
                self.of_rows.store(entry, weight);
            }
            entry += LANES;
        }
    }

    #[inline(always)]
    fn row(&self, row: u32) -> Shared<f64> {
        self.rows.offset(row * DERIVATIVES * self.line)
    }

    #[inline(always)]
    fn ring(&self, slot: u32) -> Shared<f64> {
        self.ring.offset(slot * DERIVATIVES * LANES)
    }

    /// The sums along the rows that have been taken in, into the ring.
    ///
    /// # Safety
    /// All lanes of the warp call it, after a barrier, with barriers between this and [`down`](Self::down), and the other way
    /// round.
    #[inline(always)]
    unsafe fn along(&mut self) {
        let n = N as u32;
        // Neighbours have neighbouring rows: they meet in no bank.
        let (row, run) = (lane() % n, lane() / n);
        let line = self.row(row);
        // SAFETY: the rows have been written and waited for, as the weights have, and hold all windows that hold the run's pixels.
        let sums = slide::<N, MAPS>(
            self.window.taps,
            |place| unsafe { load_all(self.of_cols, place * (LANES / n) + run) },
            |place| unsafe { load(line, n * run + place, self.line) },
        );
        for pixel in 0..N {
            let place = n * run + pixel as u32;
            // SAFETY: each pixel has one lane.
            unsafe { store(self.ring(self.slot + row), place, LANES, sums[pixel]) };
        }
        let next = self.slot + n;
        self.slot = if next == self.capacity { 0 } else { next };
    }

    /// The sums at the lane's pixels in the rows whose weights have been found.
    ///
    /// # Safety
    /// All rows that these pixels need have been taken in and waited for, as the weights.
    #[inline(always)]
    unsafe fn down(&self) -> [[f64; MAPS]; N] {
        let first = self.slot + self.capacity - self.params.span(N as u32);
        let slot = |place: u32| {
            let slot = first + place;
            if slot < self.capacity {
                slot
            } else {
                slot - self.capacity
            }
        };
        // SAFETY: the ring is full.
        slide::<N, MAPS>(
            self.window.taps,
            |place| unsafe { load_all(self.of_rows, place) },
            |place| unsafe { load(self.ring(slot(place)), lane(), LANES) },
        )
    }
}
