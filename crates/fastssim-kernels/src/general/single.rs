//! How the general kernels of single precision share out their work: a block marches down a strip of one channel, `STEP` rows at
//! a time, a thread a column of what its windows reach; then a thread takes `STEP` windows, or pixels, side by side.

use super::geometry::Work;
use super::params::Params;
use crate::geometry::{COLUMN, LANES, RESERVED, SHARED, STEP, THREADS, bands, strips};

/// Steps of a tile at most: what a thread's sum may add up, and rows that share a shift.
const MOST_STEPS: u32 = 16;
/// Steps of a tile at least, if its image has as many.
const LEAST_STEPS: u32 = 2;
/// Threads of a block at most.
const MOST_THREADS: u32 = 256;
/// Bytes of shared memory that a block has at most: as many as the smallest device of each generation lets it have. Beyond 48 KiB a
/// kernel has to ask for them.
pub const fn most_shared(compute_capability: (u32, u32)) -> u32 {
    if compute_capability.0 < 8 { 64 * 1024 } else { 99 * 1024 }
}
/// Bytes of u' and v' of a pixel.
pub(crate) const PIXEL: u32 = 8;
/// Numbers of an entry of the table of weights: what two neighbouring places count in `STEP` windows side by side, one weight more
/// than windows, in accesses of four.
pub(crate) const ENTRY: u32 = (STEP + 1).next_multiple_of(4);
/// Tails of the window that a pixel at an edge takes where it is repeated beyond: one for each pixel beside a window's centre.
const TAILS: u32 = 16;

/// Where in the shared memory of a block what it holds begins, in bytes. First come the sums of a step.
pub struct Layout {
    /// The table of weights.
    pub weights: u32,
    /// The pixels of the last rows, of the windows' kernel.
    pub pixels: u32,
    /// Where the rows of derivatives are that a step reads, of the adjoint's.
    pub rows: u32,
    /// The tails of the window, of the adjoint's.
    pub tails: u32,
    end: u32,
}

impl Params {
    /// Entries of the table of weights.
    #[inline(always)]
    pub(crate) fn entries(&self) -> u32 {
        self.taps().saturating_sub(STEP) / 2
    }

    /// Rows of pixels that a step of windows needs of those before, and writes at least.
    #[inline(always)]
    pub(crate) fn rows_kept(&self) -> u32 {
        (self.taps() - 1).max(STEP)
    }

    /// The shared memory of a block of so many threads.
    #[inline(always)]
    pub fn layout(&self, work: Work, threads: u32) -> Layout {
        let weights = threads * STEP * COLUMN * 4;
        let next = weights + self.entries() * ENTRY * 4;
        let tails = next + (self.taps() + STEP).next_multiple_of(2) * 8;
        Layout {
            weights,
            pixels: next,
            rows: next,
            tails,
            end: match work {
                Work::Adjoint | Work::Adjoints => tails + TAILS * 4,
                _ => next + threads * self.rows_kept() * PIXEL,
            },
        }
    }

    /// Threads of a block for a strip of so many columns.
    fn threads(&self, cols: u32) -> u32 {
        (cols.next_multiple_of(STEP) + self.taps() - 1).next_multiple_of(LANES)
    }

    /// Columns of the strips of blocks of all sizes, from the narrowest on.
    fn strip_cols(&self, work: Work, most_shared: u32) -> impl Iterator<Item = u32> {
        (LANES..=MOST_THREADS)
            .step_by(LANES as usize)
            .filter(move |&threads| self.layout(work, threads).end <= most_shared)
            .map(|threads| (threads + 1).saturating_sub(self.taps()) / STEP * STEP)
            .filter(|&cols| cols > 0)
    }
}

/// Rows and columns of a tile, with so many bytes of shared memory at most.
pub(crate) fn tile(params: &Params, work: Work, most_shared: u32) -> [u32; 2] {
    let [height, width] = params.area(work);
    let blocks = |cols: u32| {
        let threads = params.threads(cols);
        (THREADS / threads).min(SHARED / (params.layout(work, threads).end + RESERVED))
    };
    // Of two as good the narrower: blocks that start together wait together.
    let strips = strips(
        width,
        params.strip_cols(work, most_shared).map(|cols| width.div_ceil(cols)),
        blocks,
    );
    let tiles = |steps: u32| height.div_ceil(steps * STEP);
    let bands = bands(
        height,
        params.channels.saturating_mul(strips),
        blocks(width.div_ceil(strips)),
        tiles(MOST_STEPS)..=tiles(LEAST_STEPS),
        // A row that is read takes a fiftieth of the time that a step takes; a block begins with those that its first windows reach, and what
        // it finds before takes as long as a step.
        |rows| (50 * rows.div_ceil(STEP) + 50 + params.taps()).into(),
    );
    [height.div_ceil(bands), width.div_ceil(strips)]
}

/// Threads and bytes of shared memory of a block.
pub(crate) fn block(params: &Params, work: Work) -> [u32; 2] {
    let [_, cols] = params.tile(work);
    let threads = params.threads(cols);
    [threads, params.layout(work, threads).end]
}

/// Numbers of each map of derivatives of a channel, with room for what is aligned to 16 bytes.
#[inline(always)]
pub(crate) fn map_elements(params: &Params) -> u64 {
    let [height, width] = params.map_area().map(u64::from);
    (height * width).next_multiple_of(4)
}

/// Maps of derivatives: B and C, and the sum of P and Q, or both where both gradients are wanted.
#[inline(always)]
pub(crate) fn maps(params: &Params) -> u64 {
    let [by_x, by_y] = [0, 1].map(|i| params.gradients[i].planes.data != 0);
    if by_x & by_y { 4 } else { 3 }
}

/// Numbers of all derivatives of a channel.
#[inline(always)]
pub(crate) fn derivatives(params: &Params) -> u64 {
    maps(params) * map_elements(params)
}

#[cfg(test)]
mod tests {
    use super::super::geometry::{Precision, launch};
    use super::*;

    fn params(taps: u32, [height, width]: [u32; 2], most_shared: u32) -> Params {
        let mut params = Params {
            images: 1,
            channels: 1,
            height,
            width,
            radius: taps / 2,
            chunk: 1,
            ..Params::default()
        };
        params.gradients[0].planes.data = 1;
        params.prepare(Precision::Single, most_shared);
        params
    }

    #[test]
    fn blocks_have_room_and_tiles_have_all_windows() {
        let shared = [(7, 5), (8, 6)].map(most_shared);
        for (taps, most) in (1..=33).step_by(2).flat_map(|taps| shared.map(|most| (taps, most))) {
            for extent in [1, 7, 35, 100, 256, 1000, 1920, 7680, 30_000] {
                let params = params(taps, [extent, extent], most);
                for work in [Work::Windows, Work::Derivatives, Work::Adjoint, Work::Adjoints] {
                    let ([rows, cols], [tiles_down, tiles_across]) = (params.tile(work), params.tiles(work));
                    assert!(rows * tiles_down >= extent && cols * tiles_across >= extent);
                    assert!(rows <= MOST_STEPS * STEP, "{taps} {extent}: {rows} rows");
                    let launch = launch(work, &params, Precision::Single).expect("not too many tiles");
                    assert!(launch.shared <= most, "{taps} {extent}: {}", launch.shared);
                    assert!(launch.block <= MOST_THREADS && launch.block.is_multiple_of(LANES));
                    // A thread for each column that the windows of whole runs reach.
                    assert!(launch.block >= cols.next_multiple_of(STEP) + taps - 1);
                    assert!(cols.div_ceil(STEP) * STEP <= launch.block, "a run for each thread");
                }
            }
        }
    }

    #[test]
    fn tiles_do_not_depend_on_the_batch() {
        let one = params(17, [500, 700], most_shared((9, 0)));
        let mut many = Params {
            images: 9,
            chunk: 9,
            ..one
        };
        many.prepare(Precision::Single, most_shared((9, 0)));
        assert_eq!(one.tile(Work::Windows), many.tile(Work::Windows));
        assert_eq!(one.tile(Work::Adjoint), many.tile(Work::Adjoint));
    }
}
