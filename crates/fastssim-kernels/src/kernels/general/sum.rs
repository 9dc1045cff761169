//! From the deficits of a lane to the scores of channels and images.
//!
//! Every tile leaves one number; a kernel of its own adds them. The order of additions depends on the image alone, so
//! that a score has the same bits in every run and batch.

use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::thread::block_idx_x;
use fastssim_device::warp::{self, lane};

use super::tile::Tile;
use crate::general::geometry::{LANES, Work};
use crate::general::params::Params;

/// A sum that keeps what each addition rounds off (Kahan 1965): a lane adds many numbers of like size, and in regular
/// images all lanes would be off the same way.
pub(crate) struct Sum {
    total: f64,
    rest: f64,
}

impl Sum {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { total: 0.0, rest: 0.0 }
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, value: f64) {
        let value = value + self.rest;
        let total = self.total + value;
        self.rest = value - (total - self.total);
        self.total = total;
    }

    /// Leaves the warp's sum over its tile.
    ///
    /// # Safety
    /// All lanes of the warp call it once, and `partials` is as [`Params`] says.
    #[inline(always)]
    pub(crate) unsafe fn finish(&self, params: &Params, tile: &Tile) {
        let sum = warp::sum(self.total + self.rest);
        let [rows, cols] = params.tiles(Work::Windows);
        if lane() == 0 {
            let index = (params.first + tile.plane) * rows * cols + tile.index;
            // SAFETY: the workspace has a number for each tile; no other warp has this one.
            unsafe { GlobalMut::<f64>::from_address(params.partials).store(index, sum) };
        }
    }
}

/// The number for `index` in an array of the host's, or what stands for all where there is none.
///
/// # Safety
/// The array has such a number.
#[inline(always)]
pub(crate) unsafe fn factor(array: u64, index: u32, for_all: f64) -> f64 {
    if array == 0 {
        for_all
    } else {
        // SAFETY: as the caller promises; nobody writes it while the kernel runs.
        unsafe { Global::<f64>::from_address(array).load_nc(index) }
    }
}

/// The scores of channels and images, from the sums of tiles; one warp an image.
///
/// # Safety
/// `params` describes buffers that hold what it says, the grid is that of
/// [`launch`](crate::general::geometry::launch), and the windows' kernels of all channels have run.
#[inline(always)]
pub unsafe fn means(params: &Params) {
    let image = block_idx_x();
    let [rows, cols] = params.tiles(Work::Windows);
    let tiles = rows * cols;
    let partials = GlobalMut::<f64>::from_address(params.partials);
    let score = |deficit: f64| params.score_offset + params.score_factor * deficit;
    let mut of_image = 0.0;
    for channel in 0..params.channels {
        let plane = image * params.channels + channel;
        let mut sum = 0.0;
        let mut index = lane();
        while index < tiles {
            // SAFETY: the kernels before have left a number for each tile.
            sum += unsafe { partials.load(plane * tiles + index) };
            index += LANES;
        }
        let sum = warp::sum(sum);
        // SAFETY: the arrays are as `Params` says.
        let (window, weight) = unsafe {
            (
                factor(params.window_factors, image, params.window_factor),
                factor(params.channel_factors, channel, params.channel_factor),
            )
        };
        let mean = sum * window;
        // Rounding alone can make it negative; NaN stays.
        let mean = if mean < 0.0 { 0.0 } else { mean };
        // What does not count may be NaN.
        of_image += if weight == 0.0 { 0.0 } else { weight * mean };
        if lane() == 0 && params.channel_scores != 0 {
            // SAFETY: there is a score for each channel, and no other warp has this one.
            unsafe { GlobalMut::<f64>::from_address(params.channel_scores).store(plane, score(mean)) };
        }
    }
    if lane() == 0 && params.image_scores != 0 {
        // SAFETY: there is a score for each image, and no other warp has this one.
        unsafe { GlobalMut::<f64>::from_address(params.image_scores).store(image, score(of_image)) };
    }
}
