//! Means and variances under a window: of the pixels of a row, and then of the rows.
//!
//! Along a row a lane has `N` windows side by side, its *run*; along columns `N` windows below one another. Both steps subtract
//! what stands at the centre of the middle one first, and in the end its distance from the mean:
//!
//! ```text
//! mean = o + Σ g (z − o)      variance = Σ g (variance of z) + Σ g (z − o)² − (mean − o)²
//! ```
//!
//! The centre is close to what is summed up, so that few digits are lost, however bright and flat the images are.

use fastssim_device::math::fma;
use fastssim_device::shared::Shared;
use fastssim_device::warp::{self, lane};

use super::super::tile::Tile;
use super::numbers::{load, load_all, store};
use super::reader::{Read, Reader, finite};
use super::window::{Window, slide};
use crate::general::geometry::LANES;
use crate::general::params::{Padding, Params};

/// Moments of a row in the ring, without the variance of x.
const MOMENTS: u32 = 4;

/// Means of u and v in a window, the variances of both, and that of x, which is zero where it is not wanted.
#[derive(Clone, Copy)]
pub(crate) struct Moments {
    pub(crate) u: f64,
    pub(crate) v: f64,
    pub(crate) su: f64,
    pub(crate) sv: f64,
    pub(crate) sx: f64,
}

impl Moments {
    /// From the sums of differences from a centre and of their squares.
    #[inline(always)]
    fn about(center: [f64; 2], [u, v, uu, vv, xx]: [f64; 5]) -> Self {
        let less = |sum: f64, mean: f64| sum - mean * mean;
        Self {
            u: center[0] + u,
            v: center[1] + v,
            su: less(uu, u),
            sv: less(vv, v),
            sx: less(xx, 0.5 * (u + v)),
        }
    }
}

/// Differences from a centre and their squares, each added to what comes with it; x is half of u and v.
#[inline(always)]
fn differences([u, v]: [f64; 2], center: [f64; 2], [su, sv, sx]: [f64; 3]) -> [f64; 5] {
    let (u, v) = (u - center[0], v - center[1]);
    let x = 0.5 * (u + v);
    [u, v, fma(u, u, su), fma(v, v, sv), fma(x, x, sx)]
}

/// The same without x.
#[inline(always)]
fn without_x([u, v, uu, vv, _]: [f64; 5]) -> [f64; 4] {
    [u, v, uu, vv]
}

/// The rows that windows reach, in shared memory: `N` are taken in at a time.
pub(crate) struct Rows<const N: usize> {
    window: Window,
    /// What each place counts in `N` windows side by side.
    table: Shared<f64>,
    /// The moments along the last rows: at least as many as `N` windows below one another reach, by row.
    ring: Shared<f64>,
    /// The variances of x of those rows, where they are wanted.
    ring_of_x: Shared<f64>,
    /// u and v of the rows that are taken in.
    rows: Shared<f64>,
    /// Columns of such a row, and places of its line.
    reach: u32,
    line: u32,
    /// Whether the variance of x is wanted.
    with_x: bool,
    /// Rows of the ring.
    capacity: u32,
    /// Where in the ring the next rows go.
    slot: u32,
    /// The last row and column whose pixels may be centres, those in a row counted from the first that windows reach.
    last: [i32; 2],
}

/// Places of a row that a lane reads.
const READS: usize = 2;

/// The columns of the image that a lane reads.
pub(crate) type Columns = [Option<i32>; READS];

impl<const N: usize> Rows<N> {
    /// The window and its rows, in shared memory from its beginning on.
    ///
    /// # Safety
    /// All lanes of the warp call it; the geometry has made room.
    #[inline(always)]
    pub(crate) unsafe fn new(params: &Params, tile: &Tile) -> Self {
        let n = N as u32;
        let capacity = params.ring_rows(n);
        let with_x = params.is_apart();
        let table = Shared::at(0);
        let ring = table.offset(params.span(n) * n);
        let ring_of_x = ring.offset(capacity * MOMENTS * LANES);
        let rows = ring_of_x.offset(if with_x { capacity * LANES } else { 0 });
        // SAFETY: as the caller promises.
        let window = unsafe {
            let window = Window::new(params, rows.offset(2 * n * params.line()));
            warp::sync();
            window.tabulate::<N>(table);
            window
        };
        // Beyond an edge there may be zeros, far from all that is summed up.
        let last = match params.padding == Padding::Zero as u32 {
            true => [
                params.height as i32 - 1,
                params.width as i32 - 1 - (tile.cols[0] - window.radius),
            ],
            false => [i32::MAX; 2],
        };
        Self {
            window,
            table,
            ring,
            ring_of_x,
            rows,
            reach: params.reach(),
            line: params.line(),
            with_x,
            capacity,
            slot: 0,
            last,
        }
    }

    /// The first row to take in for windows from row `top` on.
    #[inline(always)]
    pub(crate) fn first(&self, top: i32) -> i32 {
        top - self.window.lead::<N>()
    }

    /// The columns that this lane reads of every row, for windows from column `left` on.
    #[inline(always)]
    pub(crate) fn columns(&self, reader: &Reader, left: i32) -> Columns {
        // Where there are fewer columns, the last lanes read one of them again.
        core::array::from_fn(|i| {
            let col = (lane() + i as u32 * LANES).min(self.reach - 1);
            reader.col(left - self.window.radius + col as i32)
        })
    }

    /// Reads this lane's part of the rows from `row` on.
    #[inline(always)]
    pub(crate) fn read(&self, reader: &Reader, row: i32, columns: &Columns) -> Read<N, READS> {
        reader.read(reader.rows(row), *columns)
    }

    /// Takes in the next rows.
    ///
    /// # Safety
    /// All lanes of the warp call it, with a barrier between this and [`along`](Self::along), and the other way round.
    #[inline(always)]
    pub(crate) unsafe fn write(&mut self, reader: &Reader, rows: &Read<N, READS>) {
        let values = reader.values(rows);
        for i in 0..READS {
            let col = lane() + i as u32 * LANES;
            if col < self.reach {
                for row in 0..N {
                    // SAFETY: within the row, and each column is written by one lane.
                    unsafe { store(self.row(row as u32), col, self.line, values[row][i]) };
                }
            }
        }
    }

    #[inline(always)]
    fn row(&self, row: u32) -> Shared<f64> {
        self.rows.offset(2 * row * self.line)
    }

    /// Weights of a place in the windows side by side.
    ///
    /// # Safety
    /// A barrier stands between [`new`](Self::new) and this; there is such a place.
    #[inline(always)]
    unsafe fn weights(&self, place: u32) -> [f64; N] {
        // SAFETY: as the caller promises.
        unsafe { load_all(self.table, place) }
    }

    /// The moments along the rows that have been taken in, into the ring.
    ///
    /// # Safety
    /// All lanes of the warp call it, after a barrier, with barriers between this and [`moments`](Self::moments), and the other
    /// way round.
    #[inline(always)]
    pub(crate) unsafe fn along(&mut self) {
        // Neighbours have neighbouring rows: they meet in no bank.
        let (row, first) = (lane() % N as u32, lane() / N as u32 * N as u32);
        let line = self.row(row);
        // SAFETY: the rows have been written and waited for, and hold all columns that the lanes' windows reach.
        let at = |col: u32| unsafe { load(line, col, self.line) };
        let middle = first as i32 + self.window.radius + (N as i32 - 1) / 2;
        let center = at(middle.min(self.last[1]) as u32).map(finite);
        let zero = 0.0;
        let pixel = |place: u32| differences(at(first + place), center, [zero; 3]);
        let moments = self.sums(center, pixel);
        for window in 0..N {
            let (slot, col) = (self.slot + row, first + window as u32);
            let m = moments[window];
            // SAFETY: each window has one lane.
            unsafe {
                store(self.ring(slot), col, LANES, [m.u, m.v, m.su, m.sv]);
                if self.with_x {
                    self.ring_of_x.store(slot * LANES + col, m.sx);
                }
            }
        }
        let next = self.slot + N as u32;
        self.slot = if next == self.capacity { 0 } else { next };
    }

    /// The moments of the lane's windows whose last rows have been taken in; the first is in row `row`.
    ///
    /// # Safety
    /// The rows of all of them have been taken in, and waited for.
    #[inline(always)]
    pub(crate) unsafe fn moments(&self, row: i32) -> [Moments; N] {
        let span = self.window.taps + N as u32 - 1;
        // The rows of the ring from the first that these windows reach on.
        let slot = |place: u32| {
            let slot = self.slot + self.capacity - span + place;
            if slot < self.capacity {
                slot
            } else {
                slot - self.capacity
            }
        };
        // SAFETY: the ring is full.
        let at = |place: u32| unsafe { load(self.ring(slot(place)), lane(), LANES) };
        let middle = self.window.radius + ((N as i32 - 1) / 2).min(self.last[0] - row).max(0);
        let [u, v, _, _] = at(middle as u32);
        let center = [u, v].map(finite);
        self.sums(center, |place| {
            let [u, v, su, sv] = at(place);
            let mut sx = 0.0;
            if self.with_x {
                // SAFETY: the ring is full.
                sx = unsafe { self.ring_of_x.load(slot(place) * LANES + lane()) };
            }
            differences([u, v], center, [su, sv, sx])
        })
    }

    /// The moments of windows side by side, from the differences from a centre at each place.
    #[inline(always)]
    fn sums(&self, center: [f64; 2], differences: impl Fn(u32) -> [f64; 5]) -> [Moments; N] {
        // SAFETY: places are those that the windows reach.
        let weights = |place| unsafe { self.weights(place) };
        if self.with_x {
            let sums = slide::<N, 5>(self.window.taps, weights, differences);
            return sums.map(|sums| Moments::about(center, sums));
        }
        let sums = slide::<N, 4>(self.window.taps, weights, |place| without_x(differences(place)));
        sums.map(|[u, v, uu, vv]| Moments::about(center, [u, v, uu, vv, 0.0]))
    }

    #[inline(always)]
    fn ring(&self, slot: u32) -> Shared<f64> {
        self.ring.offset(slot * MOMENTS * LANES)
    }
}
