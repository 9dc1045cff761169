//! Means and variances under a window: of the pixels of a row, and then of the rows.
//!
//! Both steps subtract what stands at the window's centre first, and in the end its distance from the mean:
//!
//! ```text
//! mean = o + Σ g (z − o)      variance = Σ g (variance of z) + Σ g (z − o)² − (mean − o)²
//! ```
//!
//! The centre is one of the numbers summed up, so that the last term takes at most 1 − 1/g of the one before: no digits
//! are lost, however bright and flat the images are.

use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::warp::lane;

use super::real::Real;
use super::tile::{Read, Reader};
use super::window::Window;
use crate::general::geometry::LANES;

/// Means of u and v in a window, the variances of both, and that of x, which is zero where it is not wanted.
#[derive(Clone, Copy)]
pub(crate) struct Moments<T> {
    pub(crate) u: T,
    pub(crate) v: T,
    pub(crate) su: T,
    pub(crate) sv: T,
    pub(crate) sx: T,
}

/// Sums of differences from the centre, and of their squares.
struct Sums<T> {
    u: T,
    v: T,
    uu: T,
    vv: T,
    xx: T,
}

impl<T: Real> Sums<T> {
    #[inline(always)]
    fn new() -> Self {
        let zero = T::from_u32(0);
        let [u, v, uu, vv, xx] = [zero; 5];
        Self { u, v, uu, vv, xx }
    }

    /// Adds a difference from the centre with its weight; x is half of u and v.
    #[inline(always)]
    fn add(&mut self, weight: T, u: T, v: T, with_x: bool) {
        let (of_u, of_v) = (weight * u, weight * v);
        self.u = self.u + of_u;
        self.v = self.v + of_v;
        self.uu = fma(of_u, u, self.uu);
        self.vv = fma(of_v, v, self.vv);
        if with_x {
            let x = T::from_f32(0.5) * (u + v);
            self.xx = fma(weight * x, x, self.xx);
        }
    }

    /// The moments about the centre's u and v.
    #[inline(always)]
    fn about(self, u: T, v: T) -> Moments<T> {
        let less = |sum: T, mean: T| sum - mean * mean;
        Moments {
            u: u + self.u,
            v: v + self.v,
            su: less(self.uu, self.u),
            sv: less(self.vv, self.v),
            sx: less(self.xx, T::from_f32(0.5) * (self.u + self.v)),
        }
    }
}

/// The rows that windows reach, in shared memory.
pub(crate) struct Rows<T> {
    window: Window<T>,
    /// Two rows of u and v: one is read while the next is written.
    row: Shared<T>,
    /// Columns of such a row.
    reach: u32,
    /// The moments along the last rows, as many as there are taps: by row, moment and lane.
    ring: Shared<T>,
    /// Moments of a row: 5, or 4 without that of x.
    signals: u32,
    /// Where in the ring the next row goes.
    slot: u32,
    /// Whether the next row of u and v is the second of the two.
    second: bool,
}

/// Places of a row that a lane reads.
const READS: usize = 2;

/// The columns of the image that a lane reads.
pub(crate) type Columns = [Option<i32>; READS];

/// What a lane has read of a row.
pub(crate) type Row = [Read; READS];

impl<T: Real> Rows<T> {
    /// Rows in shared memory from `start` on.
    #[inline(always)]
    pub(crate) fn new(window: Window<T>, start: Shared<T>, signals: u32) -> Self {
        let reach = LANES + 2 * window.radius as u32;
        Self {
            window,
            row: start,
            reach,
            ring: start.offset(4 * reach),
            signals,
            slot: 0,
            second: false,
        }
    }

    /// The columns that this lane reads of every row, for windows from column `left` on.
    #[inline(always)]
    pub(crate) fn columns(&self, reader: &Reader<T>, left: i32) -> Columns {
        // Where there are fewer columns, the last lanes read one of them again.
        core::array::from_fn(|i| {
            let col = (lane() + i as u32 * LANES).min(self.reach - 1);
            reader.col(left - self.window.radius + col as i32)
        })
    }

    /// Reads this lane's part of a row.
    #[inline(always)]
    pub(crate) fn read(&self, reader: &Reader<T>, row: i32, columns: &Columns) -> Row {
        let row = reader.row(row);
        columns.map(|col| reader.read(row, col))
    }

    /// Takes in the next row.
    ///
    /// # Safety
    /// All lanes of the warp call it, and [`along`](Self::along) with a barrier in between.
    #[inline(always)]
    pub(crate) unsafe fn write(&mut self, reader: &Reader<T>, row: &Row) {
        self.second = !self.second;
        for i in 0..READS {
            let col = lane() + i as u32 * LANES;
            if col < self.reach {
                let [u, v] = reader.values(row[i]);
                // SAFETY: within the row, and each column is written by one lane.
                unsafe {
                    self.current().store(col, u);
                    self.current().store(self.reach + col, v);
                }
            }
        }
    }

    #[inline(always)]
    fn current(&self) -> Shared<T> {
        self.row.offset(if self.second { 2 * self.reach } else { 0 })
    }

    #[inline(always)]
    fn place(&self, slot: u32, signal: u32) -> u32 {
        (slot * self.signals + signal) * LANES + lane()
    }

    /// The moments along the row that has been taken in, into the ring.
    ///
    /// # Safety
    /// All lanes of the warp call it, after a barrier.
    #[inline(always)]
    pub(crate) unsafe fn along(&mut self) {
        let with_x = T::DOUBLE && self.signals > 4;
        let row = self.current().offset(lane());
        let center = self.window.radius as u32;
        // SAFETY: the row has been written and waited for, and holds all columns that the lanes' windows reach; the
        // lane's column of the ring is its own.
        unsafe {
            let [u, v] = [row.load(center), row.load(self.reach + center)];
            let mut sums = Sums::new();
            for tap in 0..self.window.taps {
                let weight = self.window.weight(tap);
                sums.add(weight, row.load(tap) - u, row.load(self.reach + tap) - v, with_x);
            }
            let m = sums.about(u, v);
            self.ring.store(self.place(self.slot, 0), m.u);
            self.ring.store(self.place(self.slot, 1), m.v);
            self.ring.store(self.place(self.slot, 2), m.su);
            self.ring.store(self.place(self.slot, 3), m.sv);
            if with_x {
                self.ring.store(self.place(self.slot, 4), m.sx);
            }
        }
        self.slot = if self.slot + 1 == self.window.taps {
            0
        } else {
            self.slot + 1
        };
    }

    /// The moments of the lane's window whose last row has been taken in.
    ///
    /// # Safety
    /// As many rows as taps have been taken in.
    #[inline(always)]
    pub(crate) unsafe fn moments(&self) -> Moments<T> {
        let with_x = T::DOUBLE && self.signals > 4;
        let taps = self.window.taps;
        // The oldest row is where the next one goes.
        let center = self.slot + self.window.radius as u32;
        let center = if center >= taps { center - taps } else { center };
        let mut slot = self.slot;
        // SAFETY: the ring is full, and the lane's column of it is its own.
        unsafe {
            let [u, v] = [0, 1].map(|signal| self.ring.load(self.place(center, signal)));
            let mut sums = Sums::new();
            for tap in 0..taps {
                let weight = self.window.weight(tap);
                let at = |signal| self.ring.load(self.place(slot, signal));
                sums.add(weight, at(0) - u, at(1) - v, with_x);
                sums.uu = fma(weight, at(2), sums.uu);
                sums.vv = fma(weight, at(3), sums.vv);
                if with_x {
                    sums.xx = fma(weight, at(4), sums.xx);
                }
                slot = if slot + 1 == taps { 0 } else { slot + 1 };
            }
            sums.about(u, v)
        }
    }
}
