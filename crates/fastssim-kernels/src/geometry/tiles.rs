//! How what is computed is cut into tiles.

use super::march::{March, STEP};
use super::split::derivatives_area;
use super::{LANES, PATCH, Way, Work};
use crate::params::Params;

/// Heights of tiles that are weighed up, from the largest on: where windows are not larger all that there are, up to 2160 rows.
const HEIGHTS: usize = 16;
/// Widths of tiles that are weighed up: those of blocks of all sizes.
const WIDTHS: usize = 8;
/// Multiprocessors that tiles are sized for: those of a large GPU. Not those of the device, as a score should have the same
/// bits on all, but for large windows: which kernels and tiles those have depends on the shared memory of blocks.
const MULTIPROCESSORS: u32 = 132;
/// Warps of a multiprocessor below which a step of those that are not narrow takes no less: it waits for memory and for barriers.
const BUSY: u64 = 8;
/// Rows above the first window's last that take as long to read as a step.
const BEFORE: u32 = 25;

/// How what is computed is cut into tiles.
#[derive(Clone, Copy)]
pub(crate) struct Tiling {
    /// Height and width of what is computed: the map, the image for a gradient, or the windows that have derivatives.
    pub(crate) area: [u32; 2],
    /// Height and width of a tile.
    pub(crate) tile: [u32; 2],
}

impl Tiling {
    /// That of a kernel.
    #[inline(always)]
    pub(crate) fn new(params: &Params, work: Work, way: Way) -> Self {
        let area = match (work, way) {
            (_, Way::Split) => derivatives_area(params),
            (Work::Gradient | Work::Gradients, _) => [params.height, params.width],
            (Work::Score | Work::Map, _) => [params.height, params.width].map(|extent| extent - 2 * params.margin),
        };
        let tile = match way {
            Way::March | Way::Split => [params.tile_rows, params.tile_cols],
            Way::Patch => PATCH,
        };
        Self { area, tile }
    }

    /// Rows and columns of tiles of one channel.
    #[inline(always)]
    pub(crate) fn tiles(&self) -> [u32; 2] {
        // No extent is zero, but the compiler must know it, or it makes room for a panic.
        let ([height, width], [rows, cols]) = (self.area, self.tile);
        [height.div_ceil(rows.max(1)), width.div_ceil(cols.max(1))]
    }
}

/// Height and width of a tile of the march. They depend on the image alone: neither on the batch nor on the device.
pub(super) fn march_tile(march: March, channels: u32, [height, width]: [u32; 2]) -> [u32; 2] {
    if !march.is_narrow() {
        return wide_tile(march, channels, [height, width]);
    }
    let blocks = |cols: u32| march.blocks(march.threads(cols));
    let counts = march.strip_cols().map(|cols| width.div_ceil(cols));
    let strips = strips(width, counts, blocks);
    let [least, most] = march.steps();
    let tiles = |steps: u32| height.div_ceil((steps * STEP).saturating_sub(march.beyond()).max(1));
    let bands = bands(
        height,
        channels.saturating_mul(strips),
        blocks(width.div_ceil(strips)),
        tiles(most)..=tiles(least),
        |rows| (rows + march.beyond()).div_ceil(STEP).into(),
    );
    [height.div_ceil(bands), width.div_ceil(strips)]
}

/// The same where windows are not narrow: of all strips and heights the tiles that take least time, the image alone, two of them, and in a
/// batch.
///
/// A step of a block takes as long as its multiprocessor's warps do, [`BUSY`] at least (of scores: besides), and what comes before the first
/// step takes a part of one. Five hundred measured times were so to 5 %, those of scores to 8 %. Blocks count as if they had an even number
/// of warps.
fn wide_tile(march: March, channels: u32, [height, width]: [u32; 2]) -> [u32; 2] {
    let multiprocessors = u64::from(MULTIPROCESSORS);
    let [least, most] = march.steps();
    // Derivatives lie in memory in groups of `STEP` × `STEP` windows.
    let whole = |extent: u32| {
        if march.is_split {
            extent.next_multiple_of(STEP)
        } else {
            extent
        }
    };
    let (mut best, mut least_cost) = ([whole(height), whole(width)], u64::MAX);
    let mut strips = 0;
    for cols in march.strip_cols() {
        if strips == width.div_ceil(cols) {
            continue;
        }
        strips = width.div_ceil(cols);
        let cols = whole(width.div_ceil(strips));
        let threads = march.threads(cols);
        let warps = u64::from((threads / LANES).next_multiple_of(2));
        let room = u64::from(march.blocks(threads).max(1));
        let busy = |blocks: u64| match (blocks, march.work) {
            (0, _) => 0,
            (_, Work::Score | Work::Map) => blocks * warps + BUSY,
            (_, Work::Gradient | Work::Gradients) => (blocks * warps).max(BUSY),
        };
        let mut bands = 0;
        for rows in (least..=most)
            .rev()
            .map(|steps| (steps * STEP).saturating_sub(march.beyond()))
        {
            if rows == 0 || bands == height.div_ceil(rows) {
                continue;
            }
            bands = height.div_ceil(rows);
            let rows = whole(height.div_ceil(bands));
            let time = u64::from((rows + march.beyond()).div_ceil(STEP) * BEFORE + march.above);
            let tiles = u64::from(channels) * u64::from(strips) * u64::from(bands);
            // Of the multiprocessor that has most tiles.
            let of_images = |images: u64| {
                let most = (images * tiles).div_ceil(multiprocessors);
                most / room * busy(room) + busy(most % room)
            };
            let steps_of = multiprocessors * (2 * of_images(1) + of_images(2)) + 2 * tiles * warps;
            let cost = steps_of.saturating_mul(time);
            if cost < least_cost {
                (best, least_cost) = ([rows, cols], cost);
            }
        }
    }
    best
}

/// How many strips to cut so many columns into, of those numbers that come into question, such that few threads are idle, and few
/// multiprocessors' registers and shared memory. A multiprocessor has room for `blocks` of strips of so many columns.
pub(crate) fn strips(width: u32, strips: impl Iterator<Item = u32>, blocks: impl Fn(u32) -> u32) -> u32 {
    let best = strips.take(WIDTHS).min_by(|&a, &b| {
        let share = |a: u32, b: u32| u64::from(a) * u64::from(blocks(width.div_ceil(b)));
        share(a, b).cmp(&share(b, a))
    });
    best.unwrap_or(1)
}

/// How many tiles to cut so many rows into, out of a range, such that the image takes little time on a GPU that is large, alone and in
/// a batch. There are `strips` of all channels, a multiprocessor has room for so many `blocks`, and a tile of so many rows takes
/// `time`.
///
/// Each tile takes its time; alone, that of the multiprocessor that has the most tiles counts, and that of those that have to
/// wait until others are done; in a batch the sum.
pub(crate) fn bands(
    height: u32,
    strips: u32,
    blocks: u32,
    range: core::ops::RangeInclusive<u32>,
    time: impl Fn(u32) -> u64,
) -> u32 {
    let least = *range.start();
    let multiprocessors = u64::from(MULTIPROCESSORS);
    let room = multiprocessors * u64::from(blocks);
    let cost = |bands: &u32| {
        let all = u64::from(strips) * u64::from(*bands);
        let alone = 2 * all.div_ceil(multiprocessors) + all.div_ceil(room);
        (all + multiprocessors * alone).saturating_mul(time(height.div_ceil(*bands)))
    };
    range.take(HEIGHTS).min_by_key(cost).unwrap_or(least)
}
