//! Gradients in two kernels: for which windows, what they have between them, and the launch of the second.

use super::march::{LEAST_OF_WIDE, SPARE, STEP, THREADS_OF_WIDE, columns_bytes};
use super::tiles::bands;
use super::{LANES, Launch, Way, Work};
use crate::params::Params;

/// The taps from which on a gradient is [split](Way::Split), and both are with zeros beyond the edges. Pixels there take registers.
const SPLIT: [u32; 2] = [21, 25];

/// The way to do images that are not small, with a kernel for so many taps and for zeros or pixels beyond the edges.
pub const fn way(work: Work, taps: u32, continued: bool) -> Way {
    let is_split = match work {
        Work::Score | Work::Map => false,
        Work::Gradients if !continued => taps >= SPLIT[1],
        Work::Gradient | Work::Gradients => taps >= SPLIT[0],
    };
    if is_split { Way::Split } else { Way::March }
}

/// Maps of derivatives that two kernels have between them.
#[inline(always)]
const fn maps(work: Work) -> u32 {
    match work {
        Work::Gradients => 4,
        _ => 3,
    }
}

/// Rows and columns of windows that have derivatives.
#[inline(always)]
pub(crate) fn derivatives_area(params: &Params) -> [u32; 2] {
    [params.height, params.width].map(|extent| extent.wrapping_add_signed(-2 * params.derivatives_margin))
}

/// Numbers of all derivatives of a channel; `None` where the map of one has 2³¹ or more, or a row of all 2³².
pub fn derivatives_of_channel(work: Work, params: &Params) -> Option<u64> {
    let [rows, cols] = derivatives_area(params);
    // A row's numbers are counted in 32 bits.
    cols.checked_mul(maps(work))?;
    let map = rows.checked_mul(cols).filter(|&map| map <= i32::MAX as u32)?;
    Some(u64::from(maps(work)) * u64::from(map))
}

/// Steps of a tile of the second kernel, at least and at most: each tile computes as many rows more as the window reaches above its last.
const BACK_STEPS: [u32; 2] = [4, 32];

/// Columns of the strips of the second of two kernels, with so many threads a block: all the same, but for the last.
#[inline(always)]
pub(crate) const fn back_cols(above: u32, threads: u32, width: u32) -> u32 {
    let most = threads.saturating_sub(above);
    // No width is zero, but the compiler must know it, or it makes room for a panic.
    let most = if most > 0 { most } else { 1 };
    let strips = width.div_ceil(most);
    width.div_ceil(if strips > 0 { strips } else { 1 })
}

/// How to launch the second of two kernels for all channels, and the height of its tiles, which it is told; `None` where it would have 2³¹
/// or more.
pub fn launch_adjoint(work: Work, taps: u32, params: &mut Params) -> Option<Launch> {
    // Threads of a block at most, and of a multiprocessor: unfinished sums of four maps take up to 246 registers.
    let (most_threads, at_once) = match work {
        Work::Gradients => (128, 256),
        _ => (192, THREADS_OF_WIDE),
    };
    let above = taps.saturating_sub(1);
    let strips = |threads: u32| params.width.div_ceil(back_cols(above, threads, params.width));
    // From the widest on, as warps beyond a strip have less to do.
    let sizes = (LEAST_OF_WIDE..=most_threads).rev().step_by(LANES as usize);
    let threads = sizes
        .filter(|&threads| threads >= above + STEP)
        .min_by_key(|&threads| u64::from(strips(threads)) * (1 << 20) / u64::from(at_once / threads))
        .unwrap_or(most_threads);
    let strips = strips(threads);
    let [most, least] = BACK_STEPS.map(|steps| params.height.div_ceil(steps * STEP));
    let all = params.channels.saturating_mul(strips);
    let blocks = at_once / threads;
    let bands = bands(params.height, all, blocks, least..=most, |rows| {
        (rows + above).div_ceil(STEP).into()
    });
    params.back_rows = params.height.div_ceil(bands);
    let bands = params.height.div_ceil(params.back_rows);
    let tiles = [params.channels, bands, strips]
        .into_iter()
        .try_fold(params.images, u32::checked_mul)
        .filter(|tiles| *tiles <= i32::MAX as u32)?;
    Some(Launch {
        grid: tiles,
        block: threads,
        shared: columns_bytes(threads + SPARE),
        tiles,
    })
}
