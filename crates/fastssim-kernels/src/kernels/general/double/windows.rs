//! The kernel of the windows: their scores, the sums of them, and their derivatives.

use fastssim_device::global::GlobalMut;
use fastssim_device::warp::{self, lane};

use super::super::elements::Plane;
use super::super::sum::Sum;
use super::super::tile::{Tile, divide};
use super::formula::{Constants, Derivatives};
use super::moments::{Moments, Rows};
use super::numbers::write4;
use super::reader::Reader;
use crate::general::geometry::{AT_ONCE, DERIVATIVES, LANES, Work};
use crate::general::params::Params;

/// What is wanted of the windows: any of the sum of 1 − SSIM over each tile, the map, and the derivatives.
///
/// # Safety
/// `params` describes buffers that hold what it says, and the grid is that of
/// [`launch`](crate::general::geometry::launch).
#[inline(always)]
pub unsafe fn windows(params: &Params) {
    // SAFETY: as the caller promises.
    unsafe { windows_by::<{ AT_ONCE as usize }>(params) };
}

/// `N` rows at a time.
#[inline(always)]
unsafe fn windows_by<const N: usize>(params: &Params) {
    let tile = Tile::of_block(params, Work::Windows);
    let reader = Reader::new(params, &tile);
    let results = Results::new(params, &tile, &reader);
    let constants = Constants::new(params);
    // SAFETY: the whole warp is here.
    let mut rows = unsafe { Rows::<N>::new(params, &tile) };
    let [[top, bottom], [left, right]] = [tile.rows, tile.cols];
    let radius = params.radius as i32;
    let col = left + lane() as i32;
    let mut sum = Sum::new();
    let columns = rows.columns(&reader, left);
    let mut row = rows.first(top);
    let mut next = rows.read(&reader, row, &columns);
    while row < bottom + radius {
        // SAFETY: the whole warp is here, and the rows of windows from the top on have been taken in when they are
        // complete.
        unsafe {
            rows.write(&reader, &next);
            warp::sync();
            next = rows.read(&reader, row + N as i32, &columns);
            rows.along();
            warp::sync();
            if row - radius >= top {
                let moments = rows.moments(row - radius);
                for i in 0..N {
                    let center = row - radius + i as i32;
                    let inside = (col < right) & (center < bottom);
                    sum.add(results.take(&constants, &moments[i], center, col, inside));
                }
            }
            warp::sync();
        }
        row += N as i32;
    }
    if params.partials != 0 {
        // SAFETY: as the caller promises.
        unsafe { sum.finish(params, &tile) };
    }
}

/// Where the results of a tile's windows go.
struct Results {
    margin: i32,
    counts: Option<Plane>,
    map: Option<Plane>,
    score_offset: f64,
    score_factor: f64,
    /// The derivatives of this channel's windows; how many these are, and those of a row.
    derivatives: Option<GlobalMut<f64>>,
    map_elements: u32,
    map_width: u32,
    /// What u and v are counted from in the derivatives.
    origin: [f64; 2],
    /// Whether windows have more pixels than one, and so variances.
    has_variances: bool,
}

impl Results {
    #[inline(always)]
    fn new(params: &Params, tile: &Tile, reader: &Reader) -> Self {
        let plane = |typed: &crate::general::params::Typed| {
            (typed.planes.data != 0).then(|| Plane::new(typed, tile.image, tile.channel))
        };
        let [_, tile_cols] = params.tiles(Work::Windows);
        let [tile_row, tile_col] = divide(tile.index, tile_cols);
        let [height, width] = params.map_area();
        let of_channel = i64::from(tile.plane) * i64::from(DERIVATIVES) * i64::from(height * width);
        Self {
            margin: params.margin as i32,
            counts: plane(&params.counts),
            map: plane(&params.map),
            score_offset: params.score_offset,
            score_factor: params.score_factor,
            derivatives: (params.derivatives != 0)
                .then(|| GlobalMut::from_address(params.derivatives).offset(of_channel)),
            map_elements: height * width,
            map_width: width,
            origin: reader.origin(params, Work::Windows, tile_row, tile_col),
            has_variances: params.radius > 0,
        }
    }

    /// Writes what is wanted of the window at this row and column; 1 − SSIM, times what the window counts, 0 where it
    /// is not inside.
    ///
    /// # Safety
    /// Inside is what the map has.
    #[inline(always)]
    unsafe fn take(&self, constants: &Constants, m: &Moments, row: i32, col: i32, inside: bool) -> f64 {
        let (zero, one) = (0.0, 1.0);
        if !inside {
            return zero;
        }
        let (row, col) = ((row - self.margin) as u32, (col - self.margin) as u32);
        let derivatives = constants.derivatives(m);
        let deficit = derivatives.deficit;
        if let Some(map) = &self.map {
            let score = self.score_offset + self.score_factor * deficit;
            // Rounding alone can make SSIM larger than 1; NaN stays.
            let score = if self.score_offset == one && score > one {
                one
            } else {
                score
            };
            // SAFETY: the map has a value for each window, and no other thread has this one.
            unsafe { map.store(row, col, score) };
        }
        let mut count = one;
        if let Some(counts) = &self.counts {
            // SAFETY: there is a number for each window.
            count = unsafe { counts.at(row, col) };
        }
        if let Some(out) = &self.derivatives {
            let maps = self.about_origin(m, &derivatives);
            // SAFETY: there is a place for each window, and no other thread has this one.
            unsafe {
                write4(
                    *out,
                    row * self.map_width + col,
                    self.map_elements,
                    maps.map(|value| counted(count, value)),
                )
            };
        }
        counted(count, deficit)
    }

    /// P, Q, B and C: with u and v counted from the origin, the derivative with respect to a pixel of x in a window of
    /// weight g is g (P + Q + u B + v C), and that with respect to y is g (P − Q + u B − v C).
    #[inline(always)]
    fn about_origin(&self, m: &Moments, by: &Derivatives) -> [f64; DERIVATIVES as usize] {
        if !self.has_variances {
            // A pixel is its own mean, which rounding need not know.
            let zero = 0.0;
            return [by.by_u, by.by_v, zero, zero];
        }
        let p = by.by_u - (m.u - self.origin[0]) * by.b;
        let q = by.by_v - (m.v - self.origin[1]) * by.c;
        [p, q, by.b, by.c]
    }
}

/// `value` times `count`; what does not count is 0, were it NaN.
#[inline(always)]
fn counted(count: f64, value: f64) -> f64 {
    let zero = 0.0;
    if count == zero { zero } else { count * value }
}

/// Threads of a block are the columns of a tile.
const _: () = assert!(LANES == warp::LANES);
