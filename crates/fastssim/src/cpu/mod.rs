//! The CPU backend.
//!
//! Images, channels and tiles are shared out among the threads of the current `rayon` pool; a
//! tile is swept in one go (see [`sweep`]), in buffers of a few hundred kilobytes a thread (some
//! megabytes with the largest windows). The
//! tiles of an image and the order in which their sums are added depend on its size alone, so a
//! score has the same bits for any number of threads and in any batch.

mod blur;
mod compute;
mod formula;
mod lanes;
mod pixels;
mod prefetch;
mod scratch;
mod sweep;
mod tile;

use std::ops::Range;

use fearless_simd::{Level, dispatch};

use self::compute::Compute;
use self::lanes::BLOCK;
use self::pixels::Planes;
use self::tile::Tile;
use crate::input::Pixels;
use crate::problem::{Output, Problem};

/// The largest height of a tile without its margins: the buffers of a block column (42 KB with
/// eleven taps and `f32`) stay in a second-level cache, most of them in the first.
const TILE_ROWS: usize = 4 * BLOCK;
/// For the gradient, whose margins are twice as wide, more rows are worth a little more memory.
const GRADIENT_TILE_ROWS: usize = 6 * BLOCK;
/// The largest width of a tile in columns: wide enough that its lead-in does not count.
const TILE_COLS: usize = 512;
/// Pixels of a channel from which on single precision will do for all types but `f64`: rounding
/// errors average out over a large image; over a small one they need not.
const SINGLE_PRECISION: usize = 256 * 256;
/// Pixels below which work is not worth another thread.
const GRAIN: usize = 16 * 1024;

/// Computes 1 − SSIM of each image into `deficits`, and `output`.
pub(crate) fn run(problem: &Problem<'_>, deficits: Option<&mut [f64]>, output: Output<'_>) {
    let [_, _, height, width] = problem.shape;
    let single = !matches!(problem.x, Pixels::F64(_)) && height * width >= SINGLE_PRECISION;
    if single {
        run_in::<f32>(problem, deficits, output);
    } else {
        run_in::<f64>(problem, deficits, output);
    }
}

fn run_in<T: Compute>(problem: &Problem<'_>, deficits: Option<&mut [f64]>, output: Output<'_>) {
    Plan::<T>::new(problem, &output).images(0..problem.shape[0], deficits, output);
}

/// How a problem is cut into tiles.
struct Plan<'a, 'p, T> {
    level: Level,
    problem: &'a Problem<'p>,
    half: &'a [T],
    /// Height and width of what is tiled: of the map, or of the gradient.
    area: [usize; 2],
    /// Pixels of the image above and to the left of that.
    margin: usize,
    /// Height and width of a tile.
    tile: [usize; 2],
    /// What pixels are multiplied by, and the constants of pixels so scaled.
    scale: f64,
    c1: f64,
    c2: f64,
}

/// Some channels, tile rows and tile columns of one image.
#[derive(Clone)]
struct Tiles {
    image: usize,
    channels: Range<usize>,
    rows: Range<usize>,
    cols: Range<usize>,
}

impl<'a, 'p, T: Compute> Plan<'a, 'p, T> {
    fn new(problem: &'a Problem<'p>, output: &Output<'_>) -> Self {
        let [_, _, height, width] = problem.shape;
        let [_, _, map_height, map_width] = problem.map_shape();
        let radius = problem.window.radius();
        let (area, margin, rows) = match output {
            // The sweep has r rows more on each side, which fill the last of its sub-blocks.
            Output::Gradient { .. } => {
                let rows = (GRADIENT_TILE_ROWS + 2 * radius).next_multiple_of(BLOCK) - 2 * radius;
                ([height, width], 0, rows)
            }
            Output::Nothing | Output::Map(_) => ([map_height, map_width], problem.margin(), TILE_ROWS),
        };
        // As many tile columns as needed, of about equal width.
        let cols = area[1].div_ceil(area[1].div_ceil(TILE_COLS)).next_multiple_of(BLOCK);
        let scale = (-problem.range.log2().floor()).exp2();
        let range = problem.range * scale;
        Self {
            level: Level::new(),
            problem,
            half: T::half(problem.window),
            area,
            margin,
            tile: [rows, cols],
            scale,
            c1: (problem.k1 * range).powi(2),
            c2: (problem.k2 * range).powi(2),
        }
    }

    fn images(&self, images: Range<usize>, mut deficits: Option<&mut [f64]>, output: Output<'_>) {
        let [_, channels, ..] = self.problem.shape;
        if images.len() > 1 {
            let half = images.len() / 2;
            let mid = images.start + half;
            let (low, high) = split_output(output, 0, half);
            let (low_deficits, high_deficits) = deficits.map(|all| all.split_at_mut(half)).unzip();
            let pixels = images.len() * channels * self.area[0] * self.area[1];
            join(
                pixels,
                || self.images(images.start..mid, low_deficits, low),
                || self.images(mid..images.end, high_deficits, high),
            );
            return;
        }
        let tiles = Tiles {
            image: images.start,
            channels: 0..channels,
            rows: 0..self.area[0].div_ceil(self.tile[0]),
            cols: 0..self.area[1].div_ceil(self.tile[1]),
        };
        let sum = self.tiles(tiles, output);
        if let Some(deficit) = deficits.as_mut().and_then(|all| all.first_mut()) {
            let [_, _, map_height, map_width] = self.problem.map_shape();
            let mean = sum / (channels * map_height * map_width) as f64;
            // Rounding alone can make it negative; NaN stays.
            *deficit = if mean < 0.0 { 0.0 } else { mean };
        }
    }

    /// The sum of 1 − SSIM over `tiles`. They are halved until one is left, so that the order of
    /// additions is that of the halving whoever does the work.
    fn tiles(&self, tiles: Tiles, output: Output<'_>) -> f64 {
        let Tiles {
            channels, rows, cols, ..
        } = &tiles;
        let pixels = channels.len() * rows.len() * cols.len() * self.tile[0] * self.tile[1];
        let (mut low, mut high) = (tiles.clone(), tiles.clone());
        let (low_output, high_output);
        if channels.len() > 1 {
            let mid = channels.start + channels.len() / 2;
            (low.channels.end, high.channels.start) = (mid, mid);
            (low_output, high_output) = split_output(output, 1, mid - channels.start);
        } else if rows.len() > 1 {
            let mid = rows.start + rows.len() / 2;
            (low.rows.end, high.rows.start) = (mid, mid);
            (low_output, high_output) = split_output(output, 2, (mid - rows.start) * self.tile[0]);
        } else if cols.len() > 1 {
            let mid = cols.start + cols.len() / 2;
            (low.cols.end, high.cols.start) = (mid, mid);
            (low_output, high_output) = split_output(output, 3, (mid - cols.start) * self.tile[1]);
        } else {
            return self.tile(&tiles, output);
        }
        let (low, high) = join(pixels, || self.tiles(low, low_output), || self.tiles(high, high_output));
        low + high
    }

    fn tile(&self, tiles: &Tiles, output: Output<'_>) -> f64 {
        let [_, _, height, width] = self.problem.shape;
        let Some(planes) = Planes::new(self.problem.x, self.problem.y, tiles.image, tiles.channels.start) else {
            return f64::NAN; // Unreachable: the problem has been validated.
        };
        let span = |index: usize, axis: usize| {
            let from = index * self.tile[axis];
            [from, (from + self.tile[axis]).min(self.area[axis])].map(|at| at + self.margin)
        };
        let map = |extent: usize| [self.problem.margin(), extent - self.problem.margin()];
        let tile = Tile {
            planes,
            rows: span(tiles.rows.start, 0),
            cols: span(tiles.cols.start, 1),
            map_rows: map(height),
            map_cols: map(width),
            scale: self.scale,
            c1: self.c1,
            c2: self.c2,
        };
        let [_, channels, map_height, map_width] = self.problem.map_shape();
        let windows = (channels * map_height * map_width) as f64;
        T::with_scratch(|scratch| match output {
            Output::Nothing => dispatch!(self.level, simd => tile.score(simd, self.half, scratch)),
            Output::Map(into) => dispatch!(self.level, simd => {
                tile.map(simd, self.half, scratch, into);
                0.0
            }),
            Output::Gradient { into, factor } => dispatch!(self.level, simd => {
                tile.gradient(simd, self.half, scratch, into, factor / windows)
            }),
        })
    }
}

/// Divides an output along one of (images, channels, height, width).
fn split_output(output: Output<'_>, axis: usize, index: usize) -> (Output<'_>, Output<'_>) {
    match output {
        Output::Nothing => (Output::Nothing, Output::Nothing),
        Output::Map(into) => {
            let (low, high) = into.split_at(axis, index);
            (Output::Map(low), Output::Map(high))
        }
        Output::Gradient { into, factor } => {
            let (low, high) = into.split_at(axis, index);
            (
                Output::Gradient { into: low, factor },
                Output::Gradient { into: high, factor },
            )
        }
    }
}

/// Does both, on two threads where there are enough pixels.
fn join<A: Send, B: Send>(pixels: usize, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    if pixels > GRAIN { rayon::join(a, b) } else { (a(), b()) }
}
