//! The march: threads, registers and shared memory of its blocks.

use super::{LANES, TAPS, Work};

/// Rows that a march takes at a time, and windows side by side that a thread has of a row. Odd: threads that read 16 bytes
/// each, so many columns apart, meet in no bank of shared memory.
pub(crate) const STEP: u32 = 9;
/// Threads of a march that a multiprocessor has registers for where each has 128, and where each has 168.
pub(crate) const THREADS: u32 = 512;
pub(super) const THREADS_OF_WIDE: u32 = 384;
/// Threads of a block at least, where windows are not narrow: each writes one of the [`SPARE`] columns' zeros.
pub(super) const LEAST_OF_WIDE: u32 = 96;
const _: () = assert!(LEAST_OF_WIDE >= SPARE * STEP);
/// Rows that a window reaches above its last, at most, where 128 registers do for a gradient: a multiprocessor has sixteen of its warps, in two
/// blocks of so many threads.
const SIXTEEN_WARPS: u32 = 14;
const SIXTEEN_WARPS_THREADS: u32 = 256;
/// Numbers of a column of a row in shared memory: four sums, or three derivatives.
pub(crate) const COLUMN: u32 = 4;
/// Bytes of u' and v' of a pixel, and of a shift.
pub(super) const PAIR_BYTES: u32 = 8;

/// A march: what is computed, and the taps of the window, less one.
#[derive(Clone, Copy)]
pub struct March {
    /// What is computed.
    pub work: Work,
    /// Rows that a window reaches above its last.
    pub above: u32,
    /// Whether it ends with derivatives, for another kernel.
    pub is_split: bool,
    /// Whether pixels stand beyond the edges, which takes registers.
    pub continued: bool,
}

impl March {
    /// Rows and columns of windows beyond a tile, on both sides together, that it needs.
    #[inline(always)]
    pub(super) const fn beyond(self) -> u32 {
        if self.goes_back() { self.above } else { 0 }
    }

    /// Whether derivatives have shared memory of their own, and unfinished sums of them registers.
    #[inline(always)]
    const fn goes_back(self) -> bool {
        self.work.has_gradient() && !self.is_split
    }

    /// Threads of a block that marches down a strip of so many columns: one for each column of pixels that its windows
    /// reach. Narrow ones come in whole runs; of others the last run may have some that nobody needs, and no threads for what these reach.
    pub(super) fn threads(self, cols: u32) -> u32 {
        let windows = cols + self.beyond();
        let windows = if self.is_narrow() {
            windows.next_multiple_of(STEP)
        } else {
            windows
        };
        let threads = (windows + self.above).next_multiple_of(LANES);
        if self.is_narrow() {
            threads
        } else {
            threads.max(LEAST_OF_WIDE)
        }
    }

    /// The most columns of a strip for which so many threads do.
    fn cols(self, threads: u32) -> u32 {
        let windows = threads.saturating_sub(self.above);
        let windows = if self.is_narrow() || self.is_split {
            windows / STEP * STEP
        } else {
            windows
        };
        windows.saturating_sub(self.beyond())
    }

    /// Whether the window is one of [`TAPS`] at most.
    pub(super) const fn is_narrow(self) -> bool {
        self.above < TAPS as u32
    }

    /// Whether it is a gradient of a window that is not narrow, for which 128 registers do nevertheless.
    const fn has_sixteen_warps(self) -> bool {
        matches!(self.work, Work::Gradient) && !self.is_split && !self.continued && self.above <= SIXTEEN_WARPS
    }

    /// Steps of a tile at least and at most, if its image has as many. Each reads more rows than it has windows, twice as many more for a
    /// gradient, and all of its rows share a shift and a thread's sum.
    pub(super) const fn steps(self) -> [u32; 2] {
        match (self.goes_back(), self.is_narrow()) {
            // Small images are patches.
            (false, true) => [8, 16],
            (true, true) => [8, 20],
            (false, false) if self.is_split => [1, 10],
            (false, false) => [1, 11],
            // Each tile computes more rows that are not its own.
            (true, false) => [1, 32],
        }
    }

    /// Threads of the largest block: more would wait for one another.
    const fn most_threads(self) -> u32 {
        match (self.goes_back(), self.is_narrow()) {
            (false, true) => 160,
            (true, true) => 128,
            // Fewer have too many columns beyond their strip.
            (false, false) => 256,
            (true, false) if self.has_sixteen_warps() => SIXTEEN_WARPS_THREADS,
            (true, false) => 192,
        }
    }

    /// Blocks of so many threads that a large multiprocessor has registers and shared memory for. Both gradients of a narrow window take
    /// 168 registers in the tiles of one, as does one where pixels stand beyond the edges.
    pub(super) fn blocks(self, threads: u32) -> u32 {
        let at_once = if self.goes_back() && !self.is_narrow() && !self.has_sixteen_warps() {
            THREADS_OF_WIDE
        } else {
            THREADS
        };
        (at_once / threads).min(SHARED / (self.layout(threads).end + RESERVED))
    }

    /// Columns of the strips of blocks of all sizes, from the narrowest on: of two as good blocks that start together wait less.
    pub(super) fn strip_cols(self) -> impl Iterator<Item = u32> {
        let least = match (self.goes_back(), self.is_narrow()) {
            (_, true) => LANES,
            // Where the image is wide enough: fewer threads have too many columns beyond their strip.
            (true, false) if self.has_sixteen_warps() => SIXTEEN_WARPS_THREADS,
            (_, false) => LEAST_OF_WIDE,
        };
        (least..=self.most_threads())
            .step_by(LANES as usize)
            .filter(move |&threads| self.layout(threads).end <= MOST_SHARED)
            .map(move |threads| self.cols(threads))
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
        let columns = columns_bytes(threads);
        // What was found makes room for the columns beyond the threads'.
        let spare = if self.is_narrow() { 0 } else { SPARE_BYTES };
        let found = threads * PAIR_BYTES;
        let sums = columns + if found > spare { found } else { spare };
        let derivatives = if self.goes_back() { columns } else { 0 };
        let kept = threads * STEP * PAIR_BYTES;
        let pixels = self.steps_kept() * kept;
        // Which come first decides by what registers they are found. Gradients of narrow windows are 8 % slower the other way round, those
        // of others up to 5 % faster.
        let sums_are_first = self.is_narrow() || !self.goes_back();
        Layout {
            sums: if sums_are_first { 0 } else { derivatives + pixels },
            found: columns + if sums_are_first { 0 } else { derivatives + pixels },
            derivatives: if sums_are_first { sums } else { 0 },
            pixels: if sums_are_first {
                sums + derivatives
            } else {
                derivatives
            },
            kept,
            shifts: sums + derivatives + pixels,
            // One more, for the columns beyond.
            end: sums + derivatives + pixels + (group(self.above, threads - 1) + 2) * PAIR_BYTES,
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

/// Columns beyond those of a block's threads that the last run's windows may reach, where they are not narrow: nobody needs these windows,
/// and zeros stand there.
pub(crate) const SPARE: u32 = STEP - 1;
const SPARE_BYTES: u32 = columns_bytes(SPARE);

/// Bytes of a step's numbers, in so many columns.
#[inline(always)]
pub(super) const fn columns_bytes(cols: u32) -> u32 {
    cols * STEP * COLUMN * 4
}

/// The shared memory of a march, in bytes.
#[derive(Clone, Copy)]
pub struct Layout {
    /// The sums of a step.
    pub sums: u32,
    /// What each thread has found for the shift of its group; then zeros, in columns beyond those of the sums.
    pub found: u32,
    /// The derivatives of a step's windows.
    pub derivatives: u32,
    /// u' and v' of the pixels of some steps.
    pub pixels: u32,
    /// Those of one step, in bytes.
    pub kept: u32,
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
