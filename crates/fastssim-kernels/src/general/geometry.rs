//! How the work of the general kernels is shared out: tiles, shared memory, and the launch.
//!
//! In double precision a block is one warp, which computes a tile of one channel on its own, marching down its rows, one column
//! a lane; what sums up weights, and what makes images smaller, has such blocks too. [`single`] precision has wider ones.

use super::params::{Params, Resize};
use super::single;
use crate::geometry::Launch;

/// Threads of a block, and columns of a tile.
pub(crate) const LANES: u32 = 32;
/// Rows of a tile of a large image; a window's rows less one are read besides.
const MOST_ROWS: u32 = 96;
/// Rows of a tile of a small image, and the step between the two.
pub(crate) const LEAST_ROWS: u32 = 8;
/// Tiles that an image should have at least, so that one alone keeps a good part of a GPU busy.
const TILES_OF_IMAGE: u32 = 256;
/// Maps of derivatives in the workspace: P, Q, B and C.
pub const DERIVATIVES: u32 = 4;
/// Rows that a warp takes in at a time, and windows or pixels of a lane's run in one of these rows: what stands in shared memory is
/// read once for so many of them.
pub(crate) const AT_ONCE: u32 = 2;

/// The arithmetic of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// `f32`.
    Single,
    /// `f64`.
    Double,
}

/// What a general kernel computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The windows: their scores, and sums of them.
    Windows,
    /// The windows with their derivatives.
    Derivatives,
    /// A gradient with respect to one image, from the windows' derivatives.
    Adjoint,
    /// Both gradients.
    Adjoints,
    /// The means of channels and images, from the sums.
    Means,
    /// Sums over tiles of what windows count.
    Weights,
    /// The totals of those, and factors divided by them.
    Totals,
}

/// What a kernel does that makes images smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resizing {
    /// The small images are the means of pixels of the large ones.
    Reduce,
    /// The adjoint of that: the large gradient is what the small one says of each pixel.
    Spread,
}

impl Params {
    /// The kernel of the windows that is wanted, and that of the gradients if one is.
    pub fn works(&self) -> (Work, Option<Work>) {
        let gradients = self.gradients.iter().filter(|gradient| gradient.planes.data != 0);
        match gradients.count() {
            0 => (Work::Windows, None),
            1 => (Work::Derivatives, Some(Work::Adjoint)),
            _ => (Work::Derivatives, Some(Work::Adjoints)),
        }
    }

    /// Height and width of the map.
    #[inline(always)]
    pub fn map_area(&self) -> [u32; 2] {
        [self.height, self.width].map(|extent| extent - 2 * self.margin)
    }

    /// Height and width of what a kernel is tiled over.
    #[inline(always)]
    pub(crate) fn area(&self, work: Work) -> [u32; 2] {
        match work {
            Work::Windows | Work::Derivatives | Work::Means | Work::Weights | Work::Totals => self.map_area(),
            Work::Adjoint | Work::Adjoints => [self.height, self.width],
        }
    }

    /// Finds the sizes of tiles, which depend on the image, the window and the [shared memory](single::most_shared) that a block may
    /// have, not on the batch, and so does the order of a sum; and the weights in single precision.
    pub fn prepare(&mut self, precision: Precision, most_shared: u32) {
        let [windows, back] = [Work::Windows, Work::Adjoint].map(|work| match precision {
            Precision::Single => single::tile(self, work, most_shared),
            Precision::Double => [self.rows_of_warp(work), LANES],
        });
        [self.tile_rows, self.tile_cols] = windows;
        [self.back_rows, self.back_cols] = back;
        let radius = self.radius as i32;
        self.weights = core::array::from_fn(|tap| {
            let distance = (tap as i32 - radius).unsigned_abs();
            if distance <= self.radius {
                self.half[distance as usize] as f32
            } else {
                0.0
            }
        });
    }

    /// Rows of a tile that one warp computes.
    #[inline(always)]
    pub(crate) fn rows_of_warp(&self, work: Work) -> u32 {
        let [height, width] = self.area(work);
        // No extent is zero, but the compiler must know it, or it makes room for a panic.
        let tiles_across = self.channels.saturating_mul(width.div_ceil(LANES)).max(1);
        let bands = TILES_OF_IMAGE.div_ceil(tiles_across).max(1);
        let rows = height.div_ceil(bands).div_ceil(LEAST_ROWS).saturating_mul(LEAST_ROWS);
        rows.clamp(LEAST_ROWS, MOST_ROWS)
    }

    /// Rows and columns of a tile.
    #[inline(always)]
    pub(crate) fn tile(&self, work: Work) -> [u32; 2] {
        match work {
            Work::Windows | Work::Derivatives | Work::Means => [self.tile_rows, self.tile_cols],
            Work::Adjoint | Work::Adjoints => [self.back_rows, self.back_cols],
            Work::Weights | Work::Totals => [self.rows_of_warp(work), LANES],
        }
    }

    /// Rows and columns of tiles of one channel.
    #[inline(always)]
    pub(crate) fn tiles(&self, work: Work) -> [u32; 2] {
        let ([height, width], [rows, cols]) = (self.area(work), self.tile(work));
        // As above.
        [height.div_ceil(rows.max(1)), width.div_ceil(cols.max(1))]
    }

    /// Pixels of a window's side.
    #[inline(always)]
    pub(crate) fn taps(&self) -> u32 {
        2 * self.radius + 1
    }

    /// Columns that the windows of a tile reach.
    #[inline(always)]
    pub(crate) fn reach(&self) -> u32 {
        LANES + 2 * self.radius
    }

    /// Places of a line in shared memory that has a place for each of these columns. Odd, so that lanes that access several lines
    /// meet in no bank.
    #[inline(always)]
    pub(crate) fn line(&self) -> u32 {
        self.reach() | 1
    }

    /// Places that `n` windows side by side reach.
    #[inline(always)]
    pub(crate) fn span(&self, n: u32) -> u32 {
        self.taps() + n - 1
    }

    /// Rows of the ring where `n` are taken in at a time.
    #[inline(always)]
    pub(crate) fn ring_rows(&self, n: u32) -> u32 {
        self.span(n).next_multiple_of(n)
    }

    /// Whether contrast and structure are needed apart, and so the variance of x.
    #[inline(always)]
    pub(crate) fn is_apart(&self) -> bool {
        self.exponents[1] != self.exponents[2]
    }

    /// Numbers that the ring of the windows' kernel keeps of a row and column.
    #[inline(always)]
    pub(crate) fn signals(&self) -> u32 {
        if self.is_apart() { 5 } else { 4 }
    }

    /// Bytes of the shared memory of a warp: with 33 taps less than the 48 KiB that a block has without asking for more.
    fn shared_of_warp(&self, work: Work) -> u32 {
        let n = AT_ONCE;
        let ring = self.ring_rows(n) * LANES;
        let table = self.span(n) * n;
        let numbers = match work {
            // The table of weights; the ring; rows of u and v; the weights.
            Work::Windows | Work::Derivatives => table + ring * self.signals() + n * 2 * self.line() + self.taps(),
            // The tables of the rows and of the columns; the ring; rows of derivatives; the weights.
            Work::Adjoint | Work::Adjoints => {
                let tables = table + self.span(n) * LANES;
                tables + DERIVATIVES * (ring + n * self.line()) + self.taps()
            }
            Work::Means | Work::Weights | Work::Totals => 0,
        };
        numbers * size_of::<f64>() as u32
    }

    /// Threads and bytes of shared memory of a block.
    fn block(&self, work: Work, precision: Precision) -> [u32; 2] {
        match (work, precision) {
            (Work::Means | Work::Weights | Work::Totals, _) => [LANES, 0],
            (_, Precision::Single) => single::block(self, work),
            (_, Precision::Double) => [LANES, self.shared_of_warp(work)],
        }
    }

    /// Numbers that `partials` must have room for; `None` where there are 2³¹ or more.
    pub fn partials(&self) -> Option<u32> {
        let [rows, cols] = self.tiles(Work::Windows);
        blocks([self.images, self.channels, rows, cols])
    }

    /// The same where weights are summed.
    pub fn sums_of_weights(&self) -> Option<u32> {
        let [rows, cols] = self.tiles(Work::Weights);
        blocks([self.images, rows, cols, 1])
    }

    /// Bytes that `derivatives` must have room for, for each channel of a launch; `None` where a map of the channel
    /// has 2³¹ or more.
    pub fn derivatives_of_channel(&self, precision: Precision) -> Option<u64> {
        let [height, width] = self.map_area();
        let map = u64::from(blocks([height, width, 1, 1])?);
        Some(match precision {
            Precision::Single => single::derivatives(self) * size_of::<f32>() as u64,
            Precision::Double => map * u64::from(DERIVATIVES) * size_of::<f64>() as u64,
        })
    }
}

/// How to launch a kernel with such an arithmetic; `None` where it would have 2³¹ blocks or more.
pub fn launch(work: Work, params: &Params, precision: Precision) -> Option<Launch> {
    let grid = match work {
        Work::Windows | Work::Derivatives | Work::Adjoint | Work::Adjoints => {
            let [rows, cols] = params.tiles(work);
            blocks([params.chunk, rows, cols, 1])?
        }
        Work::Means | Work::Totals => params.images,
        Work::Weights => params.sums_of_weights()?,
    };
    let [block, shared] = params.block(work, precision);
    Some(Launch {
        grid,
        block,
        shared,
        tiles: grid,
    })
}

impl Resize {
    /// Height and width of the small images.
    #[inline(always)]
    pub(crate) fn small_area(&self) -> [u32; 2] {
        [self.height, self.width].map(|extent| extent.div_ceil(self.factor.max(1)))
    }

    /// Height and width of what is written.
    #[inline(always)]
    pub(crate) fn area(&self, resizing: Resizing) -> [u32; 2] {
        match resizing {
            Resizing::Reduce => self.small_area(),
            Resizing::Spread => [self.height, self.width],
        }
    }

    /// Rows and columns of tiles of one channel.
    #[inline(always)]
    pub(crate) fn tiles(&self, resizing: Resizing) -> [u32; 2] {
        let [height, width] = self.area(resizing);
        [height.div_ceil(LEAST_ROWS), width.div_ceil(LANES)]
    }
}

/// How to launch a kernel that makes images smaller; `None` where it would have 2³¹ blocks or more.
pub fn launch_resize(resizing: Resizing, params: &Resize) -> Option<Launch> {
    let [rows, cols] = params.tiles(resizing);
    let grid = blocks([params.images, params.channels, rows, cols])?;
    Some(one_warp(grid))
}

/// How to launch the kernel that adds scores to a running sum.
pub fn launch_accumulate() -> Launch {
    one_warp(1)
}

/// So many blocks of one warp, which need no shared memory.
fn one_warp(grid: u32) -> Launch {
    Launch {
        grid,
        block: LANES,
        shared: 0,
        tiles: grid,
    }
}

/// A product that is less than 2³¹.
fn blocks(factors: [u32; 4]) -> Option<u32> {
    factors
        .into_iter()
        .try_fold(1, u32::checked_mul)
        .filter(|&blocks| blocks <= i32::MAX as u32)
}
