//! Gradients in two kernels: for which windows, what they have between them, and the launch of the second.

use super::march::{COLUMN, LEAST_OF_WIDE, SPARE, STEP, THREADS_OF_WIDE, columns_bytes};
use super::tiles::bands;
use super::{LANES, Launch, Way, Work};
use crate::params::Params;

/// The taps from which on gradients are [split](Way::Split), and the one where zeros stand beyond the edges. Both gradients have a map more,
/// and pixels beyond the edges take registers.
const SPLIT: u32 = 19;
pub(super) const SPLIT_ONE: u32 = 21;

/// The way to do images that are not small, with a kernel for so many taps and for zeros or pixels beyond the edges.
pub const fn way(work: Work, taps: u32, continued: bool) -> Way {
    let is_split = match work {
        Work::Score | Work::Map => false,
        Work::Gradient if !continued => taps >= SPLIT_ONE,
        Work::Gradient | Work::Gradients => taps >= SPLIT,
    };
    if is_split { Way::Split } else { Way::March }
}

/// Rows and columns of windows that have derivatives.
#[inline(always)]
pub(crate) fn derivatives_area(params: &Params) -> [u32; 2] {
    [params.height, params.width].map(|extent| extent.wrapping_add_signed(-2 * params.derivatives_margin))
}

/// Numbers of so many windows' derivatives of a channel, so many a window. Where these are three, two stand side by side: an even number, then.
#[inline(always)]
pub(crate) const fn numbers_of(maps: u32, windows: i64) -> i64 {
    let numbers = maps as i64 * windows;
    numbers + numbers % 2
}

/// Numbers of all derivatives of a channel, of whole groups; `None` where those of a row of groups are 2³² or more.
pub fn derivatives_of_channel(work: Work, params: &Params) -> Option<u64> {
    let [rows, cols] = derivatives_area(params).map(|extent| extent.div_ceil(STEP));
    cols.checked_mul(COLUMN * STEP * STEP)?;
    let windows = i64::from(rows) * i64::from(cols * STEP * STEP);
    Some(numbers_of(maps(work), windows) as u64)
}

/// Maps of derivatives that two kernels have between them.
#[inline(always)]
const fn maps(work: Work) -> u32 {
    match work {
        Work::Gradients => 4,
        _ => 3,
    }
}

/// Steps of a tile of the second kernel, at least and at most: each tile computes as many rows more as the window reaches above its last.
const BACK_STEPS: [u32; 2] = [1, 32];

/// Columns that the first strip of the second of two kernels has beside the image, and those of all strips, with so many threads a block: what
/// a strip needs of derivatives begins with a group of [`STEP`] columns.
#[inline(always)]
pub(crate) fn back_strips(above: u32, threads: u32, params: &Params) -> (u32, u32) {
    let reach = params.derivatives_margin.wrapping_add_unsigned(above / 2);
    let beside = (-reach).rem_euclid(STEP as i32) as u32;
    let most = (threads / STEP * STEP).saturating_sub(above) / STEP * STEP;
    // No width is zero, but the compiler must know it, or it makes room for a panic.
    let most = if most > 0 { most } else { 1 };
    let width = params.width + beside;
    let strips = width.div_ceil(most);
    let strip = width.div_ceil(if strips > 0 { strips } else { 1 });
    (beside, strip.next_multiple_of(STEP))
}

/// Threads of a block of the second kernel at most, and those that a multiprocessor has registers for: unfinished sums of three maps take up
/// to 168, of four up to 240.
const BACK_THREADS: [u32; 2] = [192, THREADS_OF_WIDE];
const BACK_THREADS_OF_BOTH: [u32; 2] = [128, 256];
/// Bytes of shared memory that such a block has at most.
pub const MOST_BACK: u32 = {
    let one = back_shared(Work::Gradient, BACK_THREADS[0]);
    let both = back_shared(Work::Gradients, BACK_THREADS_OF_BOTH[0]);
    if one > both { one } else { both }
};

/// Bytes of shared memory of such a block: derivatives of two steps, and sums of four maps along rows.
const fn back_shared(work: Work, threads: u32) -> u32 {
    match work {
        Work::Gradients => 3 * back_columns(threads),
        _ => 2 * back_columns(threads),
    }
}

/// Bytes of a step's derivatives, or their sums, in a block of so many threads.
#[inline(always)]
pub(crate) const fn back_columns(threads: u32) -> u32 {
    columns_bytes(threads + SPARE)
}

/// How to launch the second of two kernels for all channels, and the height of its tiles, which it is told; `None` where it would have 2³¹
/// or more.
pub fn launch_adjoint(work: Work, taps: u32, params: &mut Params) -> Option<Launch> {
    let [most_threads, at_once] = match work {
        Work::Gradients => BACK_THREADS_OF_BOTH,
        _ => BACK_THREADS,
    };
    let above = taps.saturating_sub(1);
    let strips = |threads: u32| {
        let (beside, strip) = back_strips(above, threads, params);
        (params.width + beside).div_ceil(strip)
    };
    // From the widest on, as warps beyond a strip have less to do.
    let sizes = (LEAST_OF_WIDE..=most_threads).rev().step_by(LANES as usize);
    let threads = sizes
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
        shared: back_shared(work, threads),
        tiles,
    })
}
