//! How the work is shared out: sizes of windows, tiles, warps and shared memory, and the launch.

use crate::params::Params;

/// Taps of the window that most kernels are compiled for. Smaller windows have weights of zero at both ends.
pub const TAPS: usize = 11;
/// Rows that such a window reaches above its last: what kernels that march are told of their window.
pub const ABOVE: usize = TAPS - 1;
/// Pixels on each side of such a window's centre.
pub(crate) const R: i32 = TAPS as i32 / 2;
/// Taps of the largest window.
pub const MOST_TAPS: usize = 33;

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
/// Widths of tiles that are weighed up: those of blocks of all sizes.
const WIDTHS: usize = 8;
/// Threads of a march that a multiprocessor has registers for where each has 128, and where each has 168.
pub(crate) const THREADS: u32 = 512;
const THREADS_OF_WIDE: u32 = 384;
/// Multiprocessors that tiles are sized for: those of a large GPU. Not those of the device, as a score should have the same
/// bits on all, but for large windows: which kernels and tiles those have depends on the shared memory of blocks.
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

/// The way to do it: all compute the same to rounding, and which is the fastest depends on the image and the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A block marches down the rows of a strip: least work.
    March,
    /// The threads of a block share out a small tile: least time for a small image.
    Patch,
    /// A gradient in two kernels that march, with derivatives in memory between them: least work for a large window.
    Split,
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

/// A march: what is computed, and the taps of the window, less one.
#[derive(Clone, Copy)]
pub struct March {
    /// What is computed.
    pub work: Work,
    /// Rows that a window reaches above its last.
    pub above: u32,
    /// Whether it ends with derivatives, for another kernel.
    pub is_split: bool,
}

impl Work {
    /// Whether windows are computed that a tile does not have itself: those that hold one of its pixels.
    #[inline(always)]
    const fn has_gradient(self) -> bool {
        match self {
            Work::Score | Work::Map => false,
            Work::Gradient | Work::Gradients => true,
        }
    }

    /// Windows of [`TAPS`] beyond a patch on each side that it needs.
    #[inline(always)]
    const fn beyond(self) -> u32 {
        if self.has_gradient() { R as u32 } else { 0 }
    }
}

impl March {
    /// Rows and columns of windows beyond a tile, on both sides together, that it needs.
    #[inline(always)]
    const fn beyond(self) -> u32 {
        if self.goes_back() { self.above } else { 0 }
    }

    /// Whether derivatives have shared memory of their own, and unfinished sums of them registers.
    #[inline(always)]
    const fn goes_back(self) -> bool {
        self.work.has_gradient() && !self.is_split
    }

    /// Threads of a block that marches down a strip of so many columns: one for each column of pixels that its windows
    /// reach, `STEP` windows at a time.
    fn threads(self, cols: u32) -> u32 {
        let windows = (cols + self.beyond()).div_ceil(STEP) * STEP;
        (windows + self.above).next_multiple_of(LANES)
    }

    /// Whether the window is one of [`TAPS`] at most.
    const fn is_narrow(self) -> bool {
        self.above < TAPS as u32
    }

    /// Steps of a tile at most: what a thread's sum may add up, and rows that share a shift.
    const fn most_steps(self) -> u32 {
        match (self.goes_back(), self.is_narrow()) {
            (false, _) => 16,
            (true, true) => 20,
            // Each tile computes more rows that are not its own.
            (true, false) => 32,
        }
    }

    /// Threads of the largest block: more would wait for one another.
    const fn most_threads(self) -> u32 {
        match (self.goes_back(), self.is_narrow()) {
            (false, true) => 160,
            (true, true) => 128,
            // Fewer have too many columns beyond their strip.
            (false, false) => 256,
            (true, false) => 192,
        }
    }

    /// Blocks of so many threads that a large multiprocessor has registers and shared memory for. Both gradients of a narrow window take
    /// 168 registers in the tiles of one, as does one where pixels stand beyond the edges.
    fn blocks(self, threads: u32) -> u32 {
        let at_once = if self.goes_back() && !self.is_narrow() {
            THREADS_OF_WIDE
        } else {
            THREADS
        };
        (at_once / threads).min(SHARED / (self.layout(threads).end + RESERVED))
    }

    /// Columns of the strips of blocks of all sizes, from the narrowest on: of two as good blocks that start together wait less.
    fn strip_cols(self) -> impl Iterator<Item = u32> {
        (LANES..=self.most_threads())
            .step_by(LANES as usize)
            .filter(move |&threads| self.layout(threads).end <= MOST_SHARED)
            .map(move |threads| threads.saturating_sub(self.above) / STEP * STEP)
            .map(move |windows| windows.saturating_sub(self.beyond()))
            .filter(|&cols| cols > 0)
    }

    /// Steps whose pixels are kept: those of the step itself, and those before that its first window reaches, but for some rows.
    #[inline(always)]
    const fn steps_kept(self) -> u32 {
        match self.work {
            Work::Score | Work::Map if self.is_narrow() => 0,
            _ => steps_kept(self.above as usize) as u32,
        }
    }

    /// Where in the shared memory of a block of so many threads what it holds begins, in bytes.
    #[inline(always)]
    pub const fn layout(self, threads: u32) -> Layout {
        let step = threads * STEP;
        let sums = step * COLUMN * 4;
        let derivatives = if self.goes_back() { sums } else { 0 };
        let kept = step * PAIR_BYTES;
        let pixels = sums + derivatives;
        let found = pixels + self.steps_kept() * kept;
        let shifts = found + threads * PAIR_BYTES;
        Layout {
            // Those of a split march take the place of the sums.
            derivatives,
            pixels,
            kept,
            found,
            shifts,
            end: shifts + (group(self.above, threads - 1) + 1) * PAIR_BYTES,
        }
    }

    /// Bytes of shared memory that a block has at most. Beyond 48 KiB a kernel has to ask for them.
    pub const fn most_shared(self) -> u32 {
        if self.is_narrow() {
            self.layout(self.most_threads()).end
        } else {
            MOST_SHARED
        }
    }
}

/// Bytes of shared memory that a block has at most where windows are wider than [`TAPS`]: a large multiprocessor has room for two such.
pub const MOST_SHARED: u32 = 113 * 1024;

/// Whether devices of a compute capability let a block have [`MOST_SHARED`].
pub const fn has_wide(compute_capability: (u32, u32)) -> bool {
    matches!(compute_capability, (8, 0) | (9, 0) | (10, _))
}

/// Bytes that a large multiprocessor has, and those that a block takes besides its own.
pub(crate) const SHARED: u32 = 228 * 1024;
pub(crate) const RESERVED: u32 = 1024;

/// Rows of pixels, before those of the steps that are kept whole, that a thread keeps for itself at most.
pub(crate) const MOST_LAST: usize = 5;

/// Steps whose pixels are kept where a window reaches so many rows above its last: that of the step itself, and those that hold these
/// rows, but for [`MOST_LAST`].
#[inline(always)]
pub(crate) const fn steps_kept(above: usize) -> usize {
    1 + above.saturating_sub(MOST_LAST).div_ceil(STEP as usize)
}

/// The shared memory of a march, in bytes. First come the sums of a step.
#[derive(Clone, Copy)]
pub struct Layout {
    /// The derivatives of a step's windows.
    pub derivatives: u32,
    /// u' and v' of the pixels of some steps.
    pub pixels: u32,
    /// Those of one step, in bytes.
    pub kept: u32,
    /// What each thread has found for the shift of its group.
    pub found: u32,
    /// The shifts of groups.
    pub shifts: u32,
    /// The end of all.
    pub end: u32,
}

/// Groups of columns on each side of a run's own that its windows reach.
#[inline(always)]
pub(crate) const fn groups_beside(above: u32) -> u32 {
    (above / 2).div_ceil(STEP)
}

/// The group that a thread's column is of: `STEP` columns whose shift is the same. The windows of a run are centred on those of
/// a group.
#[inline(always)]
pub(crate) const fn group(above: u32, thread: u32) -> u32 {
    (thread + STEP * groups_beside(above) - above / 2) / STEP
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
            Work::Gradient | Work::Gradients if !matches!(way, Way::Split) => [params.height, params.width],
            _ => [params.height, params.width].map(|extent| extent - 2 * params.margin),
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
fn march_tile(march: March, channels: u32, [height, width]: [u32; 2]) -> [u32; 2] {
    let blocks = |cols: u32| march.blocks(march.threads(cols));
    let counts = march.strip_cols().map(|cols| width.div_ceil(cols));
    let strips = strips(width, counts, blocks);
    let tiles = |steps: u32| height.div_ceil((steps * STEP).saturating_sub(march.beyond()).max(1));
    let bands = bands(
        height,
        channels.saturating_mul(strips),
        blocks(width.div_ceil(strips)),
        tiles(march.most_steps())..=tiles(LEAST_STEPS),
        |rows| (rows + march.beyond()).div_ceil(STEP).into(),
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

/// How to launch a kernel that is compiled for so many taps, [`TAPS`] at least, and the tiles of a march, which it is told; `None` where it
/// would have 2³¹ tiles or more.
pub fn launch(way: Way, work: Work, taps: u32, params: &mut Params) -> Option<Launch> {
    let march = March {
        work,
        above: taps.saturating_sub(1),
        is_split: matches!(way, Way::Split),
    };
    if !matches!(way, Way::Patch) {
        let area = Tiling::new(params, work, way).area;
        [params.tile_rows, params.tile_cols] = march_tile(march, params.channels, area);
    }
    let [rows, cols] = Tiling::new(params, work, way).tiles();
    let tiles = [params.channels, rows, cols]
        .into_iter()
        .try_fold(params.images, u32::checked_mul)
        .filter(|tiles| *tiles <= i32::MAX as u32)?;
    let (block, shared) = match way {
        Way::March | Way::Split => {
            let threads = march.threads(params.tile_cols);
            (threads, march.layout(threads).end)
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

/// The taps from which on a gradient is [split](Way::Split), and both are.
const SPLIT: [u32; 2] = [21, 25];

/// The way to do images that are not small, with a kernel for so many taps.
pub const fn way(work: Work, taps: u32) -> Way {
    let is_split = match work {
        Work::Score | Work::Map => false,
        Work::Gradient => taps >= SPLIT[0],
        Work::Gradients => taps >= SPLIT[1],
    };
    if is_split { Way::Split } else { Way::March }
}

/// Maps of derivatives that two kernels have between them.
#[inline(always)]
pub(crate) const fn maps(work: Work) -> u32 {
    match work {
        Work::Gradients => 4,
        _ => 3,
    }
}

/// Numbers of all derivatives of a channel; `None` where the map of one has 2³¹ or more.
pub fn derivatives_of_channel(work: Work, params: &Params) -> Option<u64> {
    let [rows, cols] = [params.height, params.width].map(|extent| extent - 2 * params.margin);
    let map = rows.checked_mul(cols).filter(|&map| map <= i32::MAX as u32)?;
    Some(u64::from(maps(work)) * u64::from(map))
}

/// Steps of a tile of the second kernel, at least and at most: each tile computes as many rows more as the window reaches above its last.
const BACK_STEPS: [u32; 2] = [4, 32];

/// Columns of the strips of the second of two kernels, with so many threads a block: all the same, but for the last.
#[inline(always)]
pub(crate) const fn back_cols(above: u32, threads: u32, width: u32) -> u32 {
    let most = threads.saturating_sub(above) / STEP * STEP;
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
    let sizes = (LANES..=most_threads).rev().step_by(LANES as usize);
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
        shared: threads * STEP * COLUMN * 4,
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
