//! How the work is shared out: sizes of windows, tiles, warps and shared memory, and the launch.

use crate::params::Params;

/// Taps of the window. Smaller windows have weights of zero at both ends.
pub const TAPS: usize = 11;
/// Pixels on each side of the window's centre.
pub(crate) const R: i32 = TAPS as i32 / 2;

/// Rows or columns of an image at most beyond whose edges pixels stand: twice as many and a window's are far below 2³¹.
pub const MOST_CONTINUED: u32 = 1 << 29;

/// Threads of a warp.
pub(crate) const LANES: u32 = 32;
/// Rows that a march takes at a time, and windows side by side that a thread has of a row. Odd: threads that read 16 bytes
/// each, so many columns apart, meet in no bank of shared memory.
pub(crate) const STEP: u32 = 9;
/// Steps of a tile at least, if its image has as many. Each tile reads 10 rows more than it has windows, 20 for a gradient.
const LEAST_STEPS: u32 = 8;
/// Heights of tiles that are weighed up: all that there are, up to 2160 rows.
const HEIGHTS: usize = 16;
/// Widths of tiles that are weighed up: those of blocks of the two largest sizes, up to 4000 columns.
const WIDTHS: usize = 12;
/// Threads of a march that a multiprocessor has registers for: 128 each. Both gradients take 168, in the tiles of one, as does one where
/// pixels stand beyond the edges.
pub(crate) const THREADS: u32 = 512;
/// Multiprocessors that tiles are sized for: those of a large GPU. Not those of the device, as a score should have the same
/// bits on all, but for large windows on compute capability 7.5.
const MULTIPROCESSORS: u32 = 132;
/// Numbers of a column of a row in shared memory: four sums, or three derivatives.
pub(crate) const COLUMN: u32 = 4;
/// Bytes of u' and v' of a pixel, and of a shift.
const PAIR_BYTES: u32 = 8;

/// Rows and columns of a patch: the tile of a block, where images are small.
pub(crate) const PATCH: [u32; 2] = [16, 32];
/// Threads of such a block: a row of a patch has one warp.
pub(crate) const PATCH_THREADS: u32 = 256;

/// What a kernel computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The scores.
    Score,
    /// The SSIM of each window.
    Map,
    /// The scores and the gradient with respect to x.
    Gradient,
    /// The scores and the gradients with respect to x and to y.
    Gradients,
}

impl Work {
    /// All there is.
    pub const ALL: [Self; 4] = [Self::Score, Self::Map, Self::Gradient, Self::Gradients];
}

/// The way to do it: both compute the same to rounding, and which is the faster depends on the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A block marches down the rows of a strip: least work.
    March,
    /// The threads of a block share out a small tile: least time for a small image.
    Patch,
}

/// The geometry of a launch, in one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Blocks.
    pub grid: u32,
    /// Threads of a block.
    pub block: u32,
    /// Bytes of dynamic shared memory of a block.
    pub shared: u32,
    /// Tiles of the batch: numbers that `partials` must have room for.
    pub tiles: u32,
}

impl Work {
    /// Windows beyond a tile on each side that it needs.
    #[inline(always)]
    pub(crate) const fn beyond(self) -> u32 {
        match self {
            Work::Score | Work::Map => 0,
            Work::Gradient | Work::Gradients => R as u32,
        }
    }

    /// Threads of a block that marches down a strip of so many columns: one for each column of pixels that its windows
    /// reach, `STEP` windows at a time.
    fn threads(self, cols: u32) -> u32 {
        let windows = (cols + 2 * self.beyond()).div_ceil(STEP) * STEP;
        (windows + TAPS as u32 - 1).next_multiple_of(LANES)
    }

    /// Steps of a tile at most: what a thread's sum may add up, and rows that share a shift.
    const fn most_steps(self) -> u32 {
        match self {
            Work::Score | Work::Map => 16,
            Work::Gradient | Work::Gradients => 20,
        }
    }

    /// Threads of the largest block: more would wait for one another.
    const fn most_threads(self) -> u32 {
        match self {
            Work::Score | Work::Map => 160,
            Work::Gradient | Work::Gradients => 128,
        }
    }

    /// Columns of the widest strip.
    const fn most_cols(self) -> u32 {
        (self.most_threads() + 1 - TAPS as u32) / STEP * STEP - 2 * self.beyond()
    }

    /// Where in the shared memory of a block of so many threads what it holds begins, in bytes.
    #[inline(always)]
    pub const fn layout(self, threads: u32) -> Layout {
        let step = threads * STEP;
        let sums = step * COLUMN * 4;
        let (derivatives, pixels) = match self {
            Work::Score | Work::Map => (0, 0),
            Work::Gradient | Work::Gradients => (sums, 2 * step * PAIR_BYTES),
        };
        let found = sums + derivatives + pixels;
        let shifts = found + threads * PAIR_BYTES;
        Layout {
            derivatives: sums,
            pixels: [sums + derivatives, sums + derivatives + pixels / 2],
            found,
            shifts,
            end: shifts + (group(threads - 1) + 1) * PAIR_BYTES,
        }
    }
}

/// Bytes of shared memory that a block of the march has at most. Beyond 48 KiB a kernel has to ask for them; no device has
/// less than 64.
pub const fn most_shared(work: Work) -> u32 {
    work.layout(work.most_threads()).end
}

/// The shared memory of a march, in bytes. First come the sums of a step.
#[derive(Clone, Copy)]
pub struct Layout {
    /// The derivatives of a step's windows.
    pub derivatives: u32,
    /// u' and v' of the pixels of two steps.
    pub pixels: [u32; 2],
    /// What each thread has found for the shift of its group.
    pub found: u32,
    /// The shifts of groups.
    pub shifts: u32,
    /// The end of all.
    pub end: u32,
}

/// The group that a thread's column is of: `STEP` columns whose shift is the same. The windows of a run are centred on those of
/// a group.
#[inline(always)]
pub(crate) const fn group(thread: u32) -> u32 {
    (thread + STEP - R as u32) / STEP
}

/// How what is computed is cut into tiles.
#[derive(Clone, Copy)]
pub(crate) struct Tiling {
    /// Height and width of what is computed: the map, or the image for a gradient.
    pub(crate) area: [u32; 2],
    /// Height and width of a tile.
    pub(crate) tile: [u32; 2],
}

impl Tiling {
    /// That of a kernel.
    #[inline(always)]
    pub(crate) fn new(params: &Params, work: Work, way: Way) -> Self {
        let area = match work {
            Work::Score | Work::Map => [params.height, params.width].map(|extent| extent - 2 * params.margin),
            Work::Gradient | Work::Gradients => [params.height, params.width],
        };
        let tile = match way {
            Way::March => [params.tile_rows, params.tile_cols],
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
fn march_tile(work: Work, channels: u32, [height, width]: [u32; 2]) -> [u32; 2] {
    let blocks = |cols: u32| THREADS / work.threads(cols);
    let least = width.div_ceil(work.most_cols());
    let strips = strips(width, least..=least + least / 3 + 1, blocks);
    let tiles = |steps: u32| height.div_ceil(steps * STEP - 2 * work.beyond());
    let bands = bands(
        height,
        channels.saturating_mul(strips),
        blocks(width.div_ceil(strips)),
        tiles(work.most_steps())..=tiles(LEAST_STEPS),
        |rows| (rows + 2 * work.beyond()).div_ceil(STEP).into(),
    );
    [height.div_ceil(bands), width.div_ceil(strips)]
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

/// How to launch a kernel, and the tiles of a march, which it is told; `None` where it would have 2³¹ tiles or more.
pub fn launch(way: Way, work: Work, params: &mut Params) -> Option<Launch> {
    if let Way::March = way {
        let area = Tiling::new(params, work, way).area;
        [params.tile_rows, params.tile_cols] = march_tile(work, params.channels, area);
    }
    let [rows, cols] = Tiling::new(params, work, way).tiles();
    let tiles = [params.channels, rows, cols]
        .into_iter()
        .try_fold(params.images, u32::checked_mul)
        .filter(|tiles| *tiles <= i32::MAX as u32)?;
    let (block, shared) = match way {
        Way::March => {
            let threads = work.threads(params.tile_cols);
            (threads, work.layout(threads).end)
        }
        Way::Patch => (PATCH_THREADS, patch_bytes(work)),
    };
    Some(Launch {
        grid: tiles,
        block,
        shared,
        tiles,
    })
}

/// Windows and pixels beyond a patch on each side whose pixels and windows it needs.
#[inline(always)]
pub(crate) const fn patch_windows(work: Work) -> [u32; 2] {
    let beyond = work.beyond();
    [PATCH[0] + 2 * beyond, PATCH[1] + 2 * beyond]
}

/// Rows and columns of pixels that the windows of a patch reach.
#[inline(always)]
pub(crate) const fn patch_pixels(work: Work) -> [u32; 2] {
    let [rows, cols] = patch_windows(work);
    [rows + 2 * R as u32, cols + 2 * R as u32]
}

/// Bytes of the pixels of a patch, two numbers each, whose place the derivatives of its windows take; then come the pixels' four
/// sums along rows.
#[inline(always)]
pub(crate) const fn patch_pixel_bytes(work: Work) -> u32 {
    let [rows, cols] = patch_pixels(work);
    let pixels = rows * cols * PAIR_BYTES;
    let [rows, cols] = patch_windows(work);
    let derivatives = match work {
        Work::Score | Work::Map => 0,
        Work::Gradient => rows * cols * 3 * 4,
        Work::Gradients => rows * cols * 4 * 4,
    };
    if pixels > derivatives { pixels } else { derivatives }
}

/// Bytes of shared memory of a block.
#[inline(always)]
const fn patch_bytes(work: Work) -> u32 {
    patch_pixel_bytes(work) + patch_pixels(work)[0] * patch_windows(work)[1] * 16
}
