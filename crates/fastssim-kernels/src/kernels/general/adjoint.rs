//! The kernel of the gradients: the windows' derivatives, taken back to the pixels.
//!
//! The window is its own transpose, but for the padding: a pixel takes part in a window once for each place where it
//! stands. So near an edge the weights are those of all its places together, along rows and along columns apart, and
//! each pixel gathers what is its own.

use fastssim_device::global::Global;
use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::warp::{self, lane};

use super::elements::Plane;
use super::real::Real;
use super::sum::factor;
use super::tile::{Reader, Tile};
use super::window::Window;
use crate::general::geometry::{DERIVATIVES, LANES, Work};
use crate::general::params::Params;

/// Maps of derivatives: P, Q, B and C.
const MAPS: usize = DERIVATIVES as usize;
/// Columns of a row that a lane reads.
const READS: usize = 2;

/// The gradients with respect to x and to y, as far as they are wanted.
///
/// # Safety
/// As [`windows`](super::windows()), whose kernel has left the derivatives of these channels.
#[inline(always)]
pub unsafe fn adjoint<T: Real>(params: &Params) {
    let tile = Tile::of_block(params, Work::Adjoint);
    let reader = Reader::<T>::new(params, &tile);
    let shared = Shared::<T>::at(0);
    // SAFETY: the geometry makes room for all of these, and the barriers are between writing and reading.
    let mut back = unsafe { Back::new(params, &tile, &reader, shared) };
    let gradients = Gradients::new(params, &tile, back.origin);
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let radius = back.window.radius;
    let col = left + lane() as i32;
    for row in top - radius..bottom + radius {
        let pixel_row = row - radius;
        // SAFETY: the whole warp is here, and the ring is full when the first pixel is complete.
        unsafe {
            back.write(&reader, row, pixel_row);
            warp::sync();
            back.along(row);
            if pixel_row >= top {
                let sums = back.down();
                if col < right {
                    gradients.write(&reader, pixel_row, col, sums);
                }
            }
        }
    }
}

/// The way back: from the derivatives of windows to sums at pixels.
struct Back<'a, T> {
    params: &'a Params,
    window: Window<T>,
    /// The weights of the pixels of two rows, by tap: one is used while the next is written.
    of_row: Shared<T>,
    /// The weights of the pixels of this lane's column, by tap and lane.
    of_col: Shared<T>,
    /// Two rows of derivatives, by map and column.
    row: Shared<T>,
    /// The sums along the last rows, as many as there are taps: by row, map and lane.
    ring: Shared<T>,
    /// Where in the ring the next row goes.
    slot: u32,
    second: bool,
    maps: Global<T>,
    map_elements: u32,
    /// The rows and columns of the image that have windows.
    map_rows: [i32; 2],
    map_cols: [i32; 2],
    left: i32,
    /// What u and v of this tile's pixels are counted from.
    origin: [T; 2],
    /// What they are counted from in the windows that this lane reads, and the row of tiles that these belong to.
    origins: [[T; 2]; READS],
    tile_row: u32,
}

impl<'a, T: Real> Back<'a, T> {
    /// # Safety
    /// All lanes of the warp call it, and `shared` has room.
    #[inline(always)]
    unsafe fn new(params: &'a Params, tile: &Tile, reader: &Reader<T>, shared: Shared<T>) -> Self {
        let taps = params.taps();
        let [height, width] = params.map_area();
        let elements = height * width;
        let of_channel = i64::from(tile.plane) * i64::from(DERIVATIVES) * i64::from(elements);
        let of_row = shared.offset(taps);
        let of_col = of_row.offset(2 * taps);
        let row = of_col.offset(taps * LANES);
        // SAFETY: the weights are the first of what there is room for.
        let window = unsafe { Window::new(params, shared) };
        warp::sync();
        let left = tile.cols[0];
        // The lanes beyond the last column look on.
        let col = (left + lane() as i32).min(params.width as i32 - 1);
        for tap in 0..taps {
            // SAFETY: the weights have been written and waited for; the lane's column is its own.
            unsafe { of_col.store(tap * LANES + lane(), window.folded(col, params.width as i32, tap)) };
        }
        let margin = params.margin as i32;
        Self {
            params,
            window,
            of_row,
            of_col,
            row,
            ring: row.offset(2 * DERIVATIVES * params.reach()),
            slot: 0,
            second: false,
            maps: Global::from_address(params.derivatives).offset(of_channel),
            map_elements: elements,
            map_rows: [margin, margin + height as i32],
            map_cols: [margin, margin + width as i32],
            left,
            origin: reader.middle(tile.rows, tile.cols),
            origins: [[T::from_u32(0); 2]; READS],
            tile_row: u32::MAX,
        }
    }

    /// The map's column of the window at place `i` of this lane; `None` where there is none.
    #[inline(always)]
    fn column(&self, i: usize) -> Option<u32> {
        let col = lane() + i as u32 * LANES;
        let at = self.left - self.window.radius + col as i32;
        let [from, to] = self.map_cols;
        (col < self.params.reach() && at >= from && at < to).then_some((at - from) as u32)
    }

    /// Takes in the derivatives of a row of windows, and the weights of the row of pixels that it completes.
    ///
    /// # Safety
    /// All lanes of the warp call it, and [`along`](Self::along) with a barrier in between.
    #[inline(always)]
    unsafe fn write(&mut self, reader: &Reader<T>, row: i32, pixel_row: i32) {
        self.second = !self.second;
        let of_row = self.weights_of_row();
        let mut tap = lane();
        while tap < self.window.taps {
            // SAFETY: each tap is written by one lane.
            unsafe { of_row.store(tap, self.window.folded(pixel_row, self.params.height as i32, tap)) };
            tap += LANES;
        }
        let [from, to] = self.map_rows;
        if row < from || row >= to {
            return;
        }
        let map_row = (row - from) as u32;
        self.follow(reader, map_row);
        let out = self.current();
        for i in 0..READS {
            let col = lane() + i as u32 * LANES;
            if col >= self.params.reach() {
                continue;
            }
            let mut maps = [T::from_u32(0); MAPS];
            if let Some(map_col) = self.column(i) {
                let index = map_row * (self.map_cols[1] - self.map_cols[0]) as u32 + map_col;
                for map in 0..MAPS {
                    let of_map = self.maps.offset(map as i64 * i64::from(self.map_elements));
                    // SAFETY: the map has this window, and the kernel before has written it.
                    maps[map] = unsafe { of_map.load_nc(index) };
                }
                // From the window's origin to that of this tile.
                for signal in 0..2 {
                    let by = self.origin[signal] - self.origins[i][signal];
                    maps[signal] = fma(by, maps[2 + signal], maps[signal]);
                }
            }
            for map in 0..MAPS {
                // SAFETY: within the row, and each column is written by one lane.
                unsafe { out.store(map as u32 * self.params.reach() + col, maps[map]) };
            }
        }
    }

    /// Finds the origins of the windows of a row, which change with the tiles that these belong to.
    #[inline(always)]
    fn follow(&mut self, reader: &Reader<T>, map_row: u32) {
        let tile_row = map_row / self.params.tile_rows(Work::Windows).max(1);
        if tile_row == self.tile_row {
            return;
        }
        self.tile_row = tile_row;
        for i in 0..READS {
            let tile_col = self.column(i).unwrap_or(0) / LANES;
            self.origins[i] = reader.origin(self.params, Work::Windows, tile_row, tile_col);
        }
    }

    #[inline(always)]
    fn weights_of_row(&self) -> Shared<T> {
        self.of_row.offset(if self.second { self.window.taps } else { 0 })
    }

    #[inline(always)]
    fn current(&self) -> Shared<T> {
        let size = DERIVATIVES * self.params.reach();
        self.row.offset(if self.second { size } else { 0 })
    }

    #[inline(always)]
    fn place(&self, slot: u32, map: usize) -> u32 {
        (slot * DERIVATIVES + map as u32) * LANES + lane()
    }

    /// The sums along the row that has been taken in, into the ring; zeros where there are no windows.
    ///
    /// # Safety
    /// All lanes of the warp call it, after a barrier.
    #[inline(always)]
    unsafe fn along(&mut self, row: i32) {
        let mut sums = [T::from_u32(0); MAPS];
        let [from, to] = self.map_rows;
        // SAFETY: the row has been written and waited for, and holds all windows that hold the lanes' pixels; the
        // lane's columns of the weights and of the ring are its own.
        unsafe {
            if row >= from && row < to {
                let line = self.current().offset(lane());
                for tap in 0..self.window.taps {
                    let weight = self.of_col.load(tap * LANES + lane());
                    for map in 0..MAPS {
                        let value = line.load(map as u32 * self.params.reach() + tap);
                        sums[map] = fma(weight, value, sums[map]);
                    }
                }
            }
            for map in 0..MAPS {
                self.ring.store(self.place(self.slot, map), sums[map]);
            }
        }
        self.slot = if self.slot + 1 == self.window.taps {
            0
        } else {
            self.slot + 1
        };
    }

    /// The sums at the lane's pixel in the row whose weights have been taken in.
    ///
    /// # Safety
    /// As many rows as taps have been taken in.
    #[inline(always)]
    unsafe fn down(&self) -> [T; MAPS] {
        let of_row = self.weights_of_row();
        let mut sums = [T::from_u32(0); MAPS];
        let mut slot = self.slot;
        for tap in 0..self.window.taps {
            // SAFETY: the ring is full, and the lane's column of it is its own; the weights have been waited for.
            unsafe {
                let weight = of_row.load(tap);
                for map in 0..MAPS {
                    sums[map] = fma(weight, self.ring.load(self.place(slot, map)), sums[map]);
                }
            }
            slot = if slot + 1 == self.window.taps { 0 } else { slot + 1 };
        }
        sums
    }
}

/// Where the gradients of a tile go.
struct Gradients<T> {
    out: [Option<Plane>; 2],
    origin: [T; 2],
    factor: T,
}

impl<T: Real> Gradients<T> {
    #[inline(always)]
    fn new(params: &Params, tile: &Tile, origin: [T; 2]) -> Self {
        // SAFETY: the array is as `Params` says.
        let factor = unsafe {
            factor(
                params.gradient_factors,
                params.first + tile.plane,
                params.gradient_factor,
            )
        };
        let plane = |i: usize| {
            let typed = &params.gradients[i];
            (typed.planes.data != 0).then(|| Plane::new(typed, tile.image, tile.channel))
        };
        Self {
            out: [plane(0), plane(1)],
            origin,
            factor: T::from_f64(factor * params.scale),
        }
    }

    /// Writes the gradients at a pixel, from the sums of P, Q, B and C.
    ///
    /// # Safety
    /// The image has such a pixel, and no other thread writes there.
    #[inline(always)]
    unsafe fn write(&self, reader: &Reader<T>, row: i32, col: i32, [p, q, b, c]: [T; MAPS]) {
        let [u, v] = reader.values(reader.read(Some(row), Some(col)));
        let of_u = fma(u - self.origin[0], b, p);
        let of_v = fma(v - self.origin[1], c, q);
        let (row, col) = (row as u32, col as u32);
        // SAFETY: as the caller promises.
        unsafe {
            if let Some(out) = &self.out[0] {
                out.store(row, col, self.factor * (of_u + of_v));
            }
            if let Some(out) = &self.out[1] {
                out.store(row, col, self.factor * (of_u - of_v));
            }
        }
    }
}
