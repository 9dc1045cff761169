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
use crate::general::params::Params;

/// Moments of a row in the ring, without the variance of x.
const MOMENTS: u32 = 4;

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
#[derive(Clone, Copy)]
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

/// The rows that windows reach, in shared memory: `N` are taken in at a time.
pub(crate) struct Rows<T, const N: usize> {
    window: Window<T>,
    /// The moments along the last rows: as many as `N` windows below one another reach, by row.
    ring: Shared<T>,
    /// The variances of x of those rows, where they are wanted.
    ring_of_x: Shared<T>,
    /// u and v of the rows that are taken in.
    rows: Shared<T>,
    /// Columns of such a row.
    reach: u32,
    /// Whether the variance of x is wanted.
    with_x: bool,
    /// Rows of the ring.
    capacity: u32,
    /// Where in the ring the next row goes; the oldest is there.
    slot: u32,
}

/// Places of a row that a lane reads.
const READS: usize = 2;

/// The columns of the image that a lane reads.
pub(crate) type Columns = [Option<i32>; READS];

impl<T: Real, const N: usize> Rows<T, N> {
    /// The window and its rows, in shared memory from its beginning on.
    ///
    /// # Safety
    /// All lanes of the warp call it; the geometry has made room.
    #[inline(always)]
    pub(crate) unsafe fn new(params: &Params) -> Self {
        let capacity = params.taps() + N as u32 - 1;
        let with_x = T::DOUBLE && params.is_apart();
        let ring = Shared::at(0);
        let ring_of_x = ring.offset(capacity * MOMENTS * LANES);
        let rows = ring_of_x.offset(if with_x { capacity * LANES } else { 0 });
        Self {
            // SAFETY: as the caller promises; a barrier comes with the first rows.
            window: unsafe { Window::new(params, rows.offset(2 * N as u32 * params.reach())) },
            ring,
            ring_of_x,
            rows,
            reach: params.reach(),
            with_x,
            capacity,
            slot: 0,
        }
    }

    /// The first row to take in for windows from row `top` on.
    #[inline(always)]
    pub(crate) fn first(&self, top: i32) -> i32 {
        top - self.window.lead::<N>()
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

    /// Reads this lane's part of the rows from `row` on.
    #[inline(always)]
    pub(crate) fn read(&self, reader: &Reader<T>, row: i32, columns: &Columns) -> Read<N, READS> {
        reader.read(core::array::from_fn(|i| reader.row(row + i as i32)), *columns)
    }

    /// Takes in the next rows.
    ///
    /// # Safety
    /// All lanes of the warp call it, with a barrier between this and [`along`](Self::along), and the other way round.
    #[inline(always)]
    pub(crate) unsafe fn write(&mut self, reader: &Reader<T>, rows: &Read<N, READS>) {
        let values = reader.values(rows);
        for i in 0..READS {
            let col = lane() + i as u32 * LANES;
            if col < self.reach {
                for row in 0..N {
                    // SAFETY: within the row, and each column is written by one lane.
                    unsafe { T::store2(self.row(row), col, self.reach, values[row][i]) };
                }
            }
        }
    }

    #[inline(always)]
    fn row(&self, row: usize) -> Shared<T> {
        self.rows.offset(2 * row as u32 * self.reach)
    }

    /// The place in the ring so many rows after the oldest.
    #[inline(always)]
    fn after(&self, rows: u32) -> u32 {
        let slot = self.slot + rows;
        if slot >= self.capacity {
            slot - self.capacity
        } else {
            slot
        }
    }

    /// The moments in a place of the ring.
    ///
    /// # Safety
    /// They have been written.
    #[inline(always)]
    unsafe fn ring(&self, slot: u32) -> [T; 4] {
        // SAFETY: as the caller promises; the lane's column of the ring is its own.
        unsafe { T::load4(self.ring.offset(slot * MOMENTS * LANES), lane(), LANES) }
    }

    /// The moments along the rows that have been taken in, into the ring.
    ///
    /// # Safety
    /// All lanes of the warp call it, after a barrier.
    #[inline(always)]
    pub(crate) unsafe fn along(&mut self) {
        let rows: [_; N] = core::array::from_fn(|row| self.row(row));
        // SAFETY: the rows have been written and waited for, and hold all columns that the lanes' windows reach; the
        // lane's column of the ring is its own.
        unsafe {
            let at = |row: usize, tap: u32| T::load2(rows[row], lane() + tap, self.reach);
            let centers: [_; N] = core::array::from_fn(|row| at(row, self.window.radius as u32));
            let mut sums = [Sums::new(); N];
            for tap in 0..self.window.taps {
                let weight = self.window.weight(tap);
                for row in 0..N {
                    let ([u, v], [center_u, center_v]) = (at(row, tap), centers[row]);
                    sums[row].add(weight, u - center_u, v - center_v, self.with_x);
                }
            }
            for row in 0..N {
                let [u, v] = centers[row];
                let m = sums[row].about(u, v);
                let slot = self.after(row as u32);
                let place = self.ring.offset(slot * MOMENTS * LANES);
                T::store4(place, lane(), LANES, [m.u, m.v, m.su, m.sv]);
                if self.with_x {
                    self.ring_of_x.store(slot * LANES + lane(), m.sx);
                }
            }
        }
        self.slot = self.after(N as u32);
    }

    /// The moments of the lane's windows whose last rows have been taken in.
    ///
    /// # Safety
    /// The rows of all of them have been taken in.
    #[inline(always)]
    pub(crate) unsafe fn moments(&self) -> [Moments<T>; N] {
        // SAFETY: the ring is full.
        let centers: [_; N] = core::array::from_fn(|row| unsafe {
            let [u, v, ..] = self.ring(self.after(row as u32 + self.window.radius as u32));
            [u, v]
        });
        let mut down = Down {
            sums: [Sums::new(); N],
            weights: [T::from_u32(0); N],
            slot: self.slot,
        };
        // The first and the last rows are not of all windows, and what is not of a window may be NaN.
        let (inner, taps) = (N as u32 - 1, self.window.taps);
        // SAFETY: as above.
        unsafe {
            for row in 0..inner {
                down.add(self, &centers, row, |window| row >= window && row - window < taps);
            }
            for row in inner..taps {
                down.add(self, &centers, row, |_| true);
            }
            for row in inner.max(taps)..self.capacity {
                down.add(self, &centers, row, |window| row - window < taps);
            }
        }
        core::array::from_fn(|row| {
            let [u, v] = centers[row];
            down.sums[row].about(u, v)
        })
    }
}

/// `N` windows below one another on the way down the ring.
struct Down<T, const N: usize> {
    sums: [Sums<T>; N],
    /// What the row counts in each of them.
    weights: [T; N],
    /// The row's place in the ring.
    slot: u32,
}

impl<T: Real, const N: usize> Down<T, N> {
    /// Adds row `row` to the windows that it is of.
    ///
    /// # Safety
    /// The ring is full; rows come one after the other.
    #[inline(always)]
    unsafe fn add(&mut self, rows: &Rows<T, N>, centers: &[[T; 2]; N], row: u32, is_of: impl Fn(u32) -> bool) {
        for window in (1..N).rev() {
            self.weights[window] = self.weights[window - 1];
        }
        // SAFETY: as the caller promises; the lane's column of the ring is its own.
        unsafe {
            if is_of(0) {
                self.weights[0] = rows.window.weight(row);
            }
            let [u, v, su, sv] = rows.ring(self.slot);
            for window in 0..N {
                if !is_of(window as u32) {
                    continue;
                }
                let (weight, [center_u, center_v]) = (self.weights[window], centers[window]);
                let sums = &mut self.sums[window];
                sums.add(weight, u - center_u, v - center_v, rows.with_x);
                sums.uu = fma(weight, su, sums.uu);
                sums.vv = fma(weight, sv, sums.vv);
                if rows.with_x {
                    let sx = rows.ring_of_x.load(self.slot * LANES + lane());
                    sums.xx = fma(weight, sx, sums.xx);
                }
            }
        }
        self.slot = if self.slot + 1 == rows.capacity {
            0
        } else {
            self.slot + 1
        };
    }
}
