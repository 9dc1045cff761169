//! The kernel of the scores.

use fastssim_device::warp::lane;

use super::formula::{Constants, Moments};
use super::march::{March, within};
use super::pixels::Pixel;
use super::sum::{Sum, finish};
use super::tile::Tile;
use crate::geometry::{COLS, R, Work};
use crate::params::Params;

/// The score of each image.
///
/// # Safety
/// `params` describes buffers that hold what it says, and the grid is that of
/// [`launch`](crate::geometry::launch).
#[inline(always)]
pub unsafe fn score<P: Pixel>(params: &Params) {
    let Some(tile) = Tile::of_warp(params, Work::Score) else {
        return;
    };
    let [top, bottom] = tile.rows;
    let mut march = March::<P>::new(params, &tile, Work::Score, top - R, tile.cols[0]);
    let constants = Constants::new(params, &march.shift);
    let inside = within(tile.cols[0] + (COLS as u32 * lane()) as i32, tile.cols);
    let mut sum = Sum::default();
    for row in top - R..bottom + R {
        // SAFETY: the whole warp has the same tile.
        let moments = unsafe { march.step(row) };
        if row >= top + R {
            sum.add(deficits(&constants, &moments, inside));
        }
    }
    // SAFETY: as the caller promises.
    unsafe { finish(params, &tile, &sum) };
}

/// The sum of 1 − SSIM over the columns that are `inside`.
#[inline(always)]
fn deficits(constants: &Constants, moments: &[Moments; COLS], inside: [bool; COLS]) -> f32 {
    let mut sum = 0.0;
    for i in 0..COLS {
        let deficit = constants.deficit(&moments[i]);
        sum += if inside[i] { deficit } else { 0.0 };
    }
    sum
}
