//! The kernel of the map.

use fastssim_device::global::GlobalMut;
use fastssim_device::warp::lane;

use super::formula::Constants;
use super::march::{March, within};
use super::pixels::Pixel;
use super::tile::Tile;
use crate::geometry::{COLS, R, Work};
use crate::params::Params;

/// The SSIM of each window.
///
/// # Safety
/// As [`score`](super::score()).
#[inline(always)]
pub unsafe fn map<P: Pixel>(params: &Params) {
    let Some(tile) = Tile::of_warp(params, Work::Map) else {
        return;
    };
    let [top, bottom] = tile.rows;
    let mut march = March::<P>::new(params, &tile, Work::Map, top - R, tile.cols[0]);
    let constants = Constants::new(params, &march.shift);
    let col = tile.cols[0] + (COLS as u32 * lane()) as i32;
    let inside = within(col, tile.cols);
    let out = GlobalMut::<f32>::from_address(params.out.data).offset(params.out.plane(&tile));
    for row in top - R..bottom + R {
        // SAFETY: the whole warp has the same tile.
        let moments = unsafe { march.step(row) };
        if row < top + R {
            continue;
        }
        for i in 0..COLS {
            let ssim = 1.0 - constants.deficit(&moments[i]);
            if inside[i] {
                let [row, col] = [row - R - tile.map_rows[0], col + i as i32 - tile.map_cols[0]].map(|at| at as u32);
                // SAFETY: the map has a value for each window, and no other lane has this one.
                unsafe { out.store(row * params.out.row + col * params.out.col, ssim) };
            }
        }
    }
}
