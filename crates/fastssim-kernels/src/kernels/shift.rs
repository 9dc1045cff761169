//! What is subtracted from the sums and differences of an area's pixels, so that variances do not come
//! out as small differences of large numbers.
//!
//! ```text
//! u' = (x + y) − cu      v' = (x − y) − cv
//! ```
//!
//! cu and cv are the medians of 32 samples. Not means: a single outlier must not cost the other pixels
//! their digits. Where all samples are the same the area may well be flat, and its u' and v' are zero.
//! Identical images have v' = 0, since cv is 0 too.

use fastssim_device::warp::{ballot, lane, shuffle};

use super::edges::Edges;
use super::pixels::{Pixel, Reader};
use crate::geometry::LANES;
use crate::params::Params;

/// Rows and columns of the grid of samples: one a lane.
const GRID: [i32; 2] = [4, 8];
/// The least height and width of an image from which on most of a window within it is pixels. In smaller
/// ones it is zeros, and nothing is subtracted.
pub(crate) const PIXELS_PREVAIL: u32 = 3;

/// The shift of an area, in scaled units.
#[derive(Clone, Copy)]
pub(crate) struct Shift {
    pub(crate) cu: f32,
    pub(crate) cv: f32,
}

impl Shift {
    /// What u' and v' grow by where `other` is subtracted instead.
    #[inline(always)]
    pub(crate) fn until(&self, other: &Self) -> [f32; 2] {
        [self.cu - other.cu, self.cv - other.cv]
    }
}

/// What is subtracted from x + y of some rows and columns of an image, or from their x − y.
#[inline(always)]
pub(crate) fn of_area<P: Pixel, E: Edges>(
    params: &Params,
    reader: &Reader<P, E>,
    [rows, cols]: [[i32; 2]; 2],
    of_differences: bool,
) -> f32 {
    if params.height.min(params.width) < PIXELS_PREVAIL {
        return 0.0;
    }
    let place = lane() as i32;
    let at = |[from, to]: [i32; 2], i: i32, n: i32| from + (to - from) * (2 * i + 1) / (2 * n);
    let row = at(rows, place / GRID[1], GRID[0]);
    let col = at(cols, place % GRID[1], GRID[1]);
    // SAFETY: the area lies within the image.
    let [x, y] = unsafe { reader.at(row, col) };
    median(if of_differences { x - y } else { x + y })
}

/// The median of the lanes' samples, the same in every lane; 0 where it is not finite.
#[inline(always)]
fn median(sample: f32) -> f32 {
    let mut rank = 0;
    for other in 0..LANES {
        let value = shuffle(sample, other);
        // Without `||` and `&&`, which branch.
        rank += u32::from((value < sample) | ((value == sample) & (other < lane())));
    }
    // NaN is below nothing and above nothing, so that no lane may be in the middle.
    let middle = ballot(rank == LANES / 2);
    let median = shuffle(sample, middle.trailing_zeros() % LANES);
    let finite = (middle != 0) & (median.abs() < f32::INFINITY);
    if finite { median } else { 0.0 }
}
