//! The CPU backend.
//!
//! Images, channels and tiles are shared out among the threads of the current `rayon` pool; a
//! tile is swept in one go (see [`sweep`]), in buffers of a few hundred kilobytes a thread (some
//! megabytes with the largest windows). The
//! tiles of an image and the order in which their sums are added depend on its size alone, so a
//! score has the same bits for any number of threads and in any batch.

mod blur;
mod compute;
mod counts;
mod exponents;
mod fill;
mod formula;
mod gradient;
mod lanes;
mod pixels;
mod prefetch;
mod scratch;
mod shift;
mod sum;
mod sweep;
mod tile;
mod write;

use std::ops::Range;

use fearless_simd::{Level, dispatch};
use ndarray::Array4;

use self::compute::Compute;
use self::counts::Counts;
use self::exponents::Exponents;
use self::gradient::Destination;
use self::lanes::BLOCK;
use self::pixels::Planes;
use self::tile::Tile;
use crate::input::RealsMut;
use crate::options::Padding;
use crate::problem::{Derived, Means, Output, Problem, Score, Upstream};

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

/// Computes the means of 1 − SSIM, and `output`.
pub(crate) fn run(problem: &Problem<'_>, means: Means<'_>, output: Output<'_, '_>) {
    match output {
        Output::Nothing => run_once(problem, means, Work::Score, [None, None]),
        Output::Map { into, score } => run_once(problem, means, Work::Map(score), [Some(into), None]),
        Output::Gradient { into, of } => run_gradient(problem, means, Work::Gradient(of), into),
    }
}

/// The sweep has the gradient with respect to x, and that with respect to y as well where they share their derivatives.
fn run_gradient(problem: &Problem<'_>, means: Means<'_>, work: Work<'_>, [x, y]: Arrays<'_>) {
    let exponents = Exponents::new(problem.exponents);
    match (x, y) {
        (None, None) => run_once(problem, means, Work::Score, [None, None]),
        (None, y) => run_once(&problem.exchanged(), means, work, [y, None]),
        (x, y @ Some(_)) if exponents.is_some_and(|exponents| exponents.are_apart()) => {
            run_once(problem, means, work, [x, None]);
            run_once(&problem.exchanged(), Means::default(), work, [y, None]);
        }
        (x, y) => run_once(problem, means, work, [x, y]),
    }
}

fn run_once(problem: &Problem<'_>, means: Means<'_>, work: Work<'_>, into: Arrays<'_>) {
    let [images, _, height, width] = problem.shape;
    // The weights of a Gaussian can be rounded such that they sum to 1; those of other windows are all rounded one way.
    let is_usual = Exponents::new(problem.exponents).is_none() && problem.is_gaussian();
    let are_alike = problem.weights.is_none() && !matches!(work, Work::Gradient(of) if of.is_of_map());
    if are_alike && !problem.is_double() && is_usual && height * width >= SINGLE_PRECISION {
        Plan::<f32>::new(problem, work).images(0..images, means, into);
    } else {
        Plan::<f64>::new(problem, work).images(0..images, means, into);
    }
}

/// What is done with the windows.
#[derive(Clone, Copy)]
enum Work<'a> {
    Score,
    Map(Score),
    Gradient(Derived<'a>),
}

/// The arrays that are filled: a map, or the gradients with respect to x and to y.
type Arrays<'a> = [Option<RealsMut<'a>>; 2];

/// The same arrays for a shorter time.
fn reborrow<'a>(arrays: &'a mut Arrays<'_>) -> Arrays<'a> {
    arrays.each_mut().map(|array| array.as_mut().map(RealsMut::reborrow))
}

/// How a problem is cut into tiles.
struct Plan<'a, 'p, 'u, T> {
    level: Level,
    problem: &'a Problem<'p>,
    work: Work<'u>,
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

/// Some tile rows and tile columns of one channel.
#[derive(Clone)]
struct Tiles {
    image: usize,
    channel: usize,
    rows: Range<usize>,
    cols: Range<usize>,
}

impl<'a, 'p, 'u, T: Compute> Plan<'a, 'p, 'u, T> {
    fn new(problem: &'a Problem<'p>, work: Work<'u>) -> Self {
        let [_, _, height, width] = problem.shape;
        let [_, _, map_height, map_width] = problem.map_shape();
        let radius = problem.window.radius();
        let (area, margin, rows) = match work {
            // The sweep has r rows more on each side, which fill the last of its sub-blocks.
            Work::Gradient(_) => {
                let rows = (GRADIENT_TILE_ROWS + 2 * radius).next_multiple_of(BLOCK) - 2 * radius;
                ([height, width], 0, rows)
            }
            Work::Score | Work::Map(_) => ([map_height, map_width], problem.margin(), TILE_ROWS),
        };
        // As many tile columns as needed, of about equal width.
        let cols = area[1].div_ceil(area[1].div_ceil(TILE_COLS)).next_multiple_of(BLOCK);
        let scale = (-problem.range.log2().floor()).exp2();
        let [c1, c2] = problem.constants(scale);
        Self {
            level: Level::new(),
            problem,
            work,
            half: T::half(problem.window),
            area,
            margin,
            tile: [rows, cols],
            scale,
            c1,
            c2,
        }
    }

    fn images(&self, images: Range<usize>, means: Means<'_>, into: Arrays<'_>) {
        let [_, channels, ..] = self.problem.shape;
        if images.len() > 1 {
            let half = images.len() / 2;
            let mid = images.start + half;
            let (low, high) = split(into, 0, half);
            let (low_images, high_images) = means.images.map(|all| all.split_at_mut(half)).unzip();
            let (low_channels, high_channels) = means.channels.map(|all| all.split_at_mut(half * channels)).unzip();
            let means = |images, channels| Means { images, channels };
            let pixels = images.len() * channels * self.area[0] * self.area[1];
            join(
                pixels,
                || self.images(images.start..mid, means(low_images, low_channels), low),
                || self.images(mid..images.end, means(high_images, high_channels), high),
            );
            return;
        }
        let mean = self.channels(images.start, 0..channels, means.channels, into);
        if let Some(slot) = means.images.and_then(|all| all.first_mut()) {
            *slot = mean;
        }
    }

    /// The mean of 1 − SSIM over an image's channels, as far as these have a part in it.
    ///
    /// Channels and tiles are halved until one is left, so that the order of additions is that of the halving whoever
    /// does the work.
    fn channels(&self, image: usize, channels: Range<usize>, means: Option<&mut [f64]>, into: Arrays<'_>) -> f64 {
        if channels.len() > 1 {
            let half = channels.len() / 2;
            let mid = channels.start + half;
            let (low, high) = split(into, 1, half);
            let (low_means, high_means) = means.map(|all| all.split_at_mut(half)).unzip();
            let (low, high) = join(
                channels.len() * self.area[0] * self.area[1],
                || self.channels(image, channels.start..mid, low_means, low),
                || self.channels(image, mid..channels.end, high_means, high),
            );
            return low + high;
        }
        let channel = channels.start;
        let mean = self.channel(image, channel, into) * self.problem.window_factor(image);
        // Rounding alone can make it negative; NaN stays.
        let mean = if mean < 0.0 { 0.0 } else { mean };
        if let Some(slot) = means.and_then(|all| all.first_mut()) {
            *slot = mean;
        }
        let factor = self.problem.channel_factor(channel);
        // What does not count may be NaN.
        if factor == 0.0 { 0.0 } else { factor * mean }
    }

    /// The sum over a channel's windows of 1 − SSIM, times what they count.
    fn channel(&self, image: usize, channel: usize, mut into: Arrays<'_>) -> f64 {
        let folds =
            matches!(self.work, Work::Gradient(_)) && !matches!(self.problem.padding, Padding::Zero | Padding::Valid);
        if !folds {
            return self.all_tiles(image, channel, into);
        }
        // What copies of a pixel have adds up in 64 bits where it is then rounded to 16.
        let mut exact = into.each_ref().map(|into| {
            let half = into.as_ref().filter(|into| into.is_half())?;
            Some(Array4::zeros(half.shape()))
        });
        let mut wide = [None, None];
        for ((wide, into), exact) in wide.iter_mut().zip(&mut into).zip(&mut exact) {
            *wide = match exact {
                Some(exact) => Some(RealsMut::F64(exact.view_mut())),
                None => into.as_mut().map(RealsMut::reborrow),
            };
        }
        let sum = self.all_tiles(image, channel, reborrow(&mut wide));
        self.frame(image, channel, wide);
        for (into, exact) in into.iter_mut().zip(&exact) {
            if let (Some(into), Some(exact)) = (into, exact) {
                into.assign(exact);
            }
        }
        sum
    }

    fn all_tiles(&self, image: usize, channel: usize, into: Arrays<'_>) -> f64 {
        let tiles = Tiles {
            image,
            channel,
            rows: 0..self.area[0].div_ceil(self.tile[0]),
            cols: 0..self.area[1].div_ceil(self.tile[1]),
        };
        self.tiles(tiles, into)
    }

    fn tiles(&self, tiles: Tiles, into: Arrays<'_>) -> f64 {
        let Tiles { rows, cols, .. } = &tiles;
        let pixels = rows.len() * cols.len() * self.tile[0] * self.tile[1];
        let (mut low, mut high) = (tiles.clone(), tiles.clone());
        let (low_into, high_into);
        if rows.len() > 1 {
            let mid = rows.start + rows.len() / 2;
            (low.rows.end, high.rows.start) = (mid, mid);
            (low_into, high_into) = split(into, 2, (mid - rows.start) * self.tile[0]);
        } else if cols.len() > 1 {
            let mid = cols.start + cols.len() / 2;
            (low.cols.end, high.cols.start) = (mid, mid);
            (low_into, high_into) = split(into, 3, (mid - cols.start) * self.tile[1]);
        } else {
            let span = |index: usize, axis: usize| {
                let from = index * self.tile[axis];
                [from, (from + self.tile[axis]).min(self.area[axis])].map(|at| (at + self.margin) as isize)
            };
            let rect = [span(rows.start, 0), span(cols.start, 1)];
            return self.tile(tiles.image, tiles.channel, rect, into, false);
        }
        let (low, high) = join(pixels, || self.tiles(low, low_into), || self.tiles(high, high_into));
        low + high
    }

    /// Adds what the pixels beyond the edges, which are copies, have of the gradient to the pixels that they come
    /// from: the adjoint of the padding. One frame of the window's radius, side by side and piece by piece.
    fn frame(&self, image: usize, channel: usize, mut into: Arrays<'_>) {
        let radius = self.problem.window.radius() as isize;
        let [height, width] = self.area.map(|extent| extent as isize);
        let sides = [
            [[-radius, 0], [-radius, width + radius]],
            [[height, height + radius], [-radius, width + radius]],
            [[0, height], [-radius, 0]],
            [[0, height], [width, width + radius]],
        ];
        let [tile_rows, tile_cols] = self.tile.map(|extent| extent as isize);
        for [rows, cols] in sides {
            for row in (rows[0]..rows[1]).step_by(self.tile[0]) {
                for col in (cols[0]..cols[1]).step_by(self.tile[1]) {
                    let rect = [[row, rows[1].min(row + tile_rows)], [col, cols[1].min(col + tile_cols)]];
                    self.tile(image, channel, rect, reborrow(&mut into), true);
                }
            }
        }
    }

    /// The sum over one tile, [[from, to) of rows, [from, to) of columns]; see [`Destination`] for where it lies.
    fn tile(
        &self,
        image: usize,
        channel: usize,
        [rows, cols]: [[isize; 2]; 2],
        into: Arrays<'_>,
        is_channel: bool,
    ) -> f64 {
        let [_, _, height, width] = self.problem.shape;
        let margin = self.problem.margin();
        let map = |extent: usize| [margin, extent - margin].map(|at| at as isize);
        let tile = Tile {
            planes: Planes::new(self.problem, image, channel),
            rows,
            cols,
            map_rows: map(height),
            map_cols: map(width),
            counts: self.counts(image, channel),
            exponents: Exponents::new(self.problem.exponents),
            scale: self.scale,
            c1: self.c1,
            c2: self.c2,
        };
        T::with_scratch(|scratch| match self.work {
            Work::Gradient(of) => {
                let factor = self.problem.gradient_factor(of, image, channel);
                let into = Destination {
                    gradients: into,
                    is_channel,
                };
                dispatch!(self.level, simd => tile.gradient(simd, self.half, scratch, into, factor))
            }
            work => {
                let [map, _] = into;
                let map = match work {
                    Work::Map(score) => map.map(|map| (map, score)),
                    _ => None,
                };
                dispatch!(self.level, simd => tile.score(simd, self.half, scratch, map))
            }
        })
    }

    /// What the windows of a channel count, where it is not the same for all.
    fn counts(&self, image: usize, channel: usize) -> Option<Counts<'_>> {
        match self.work {
            Work::Gradient(Derived {
                upstream: Upstream::Map(map),
                ..
            }) => Some(Counts::Upstream {
                map: map.reborrow(),
                image,
                channel,
                margin: self.problem.margin(),
            }),
            _ => {
                let weights = self.problem.weights.as_ref()?;
                Some(Counts::Weights {
                    weights: weights.of_image(image),
                })
            }
        }
    }
}

/// Divides arrays along one of (images, channels, height, width).
fn split(arrays: Arrays<'_>, axis: usize, index: usize) -> (Arrays<'_>, Arrays<'_>) {
    let [first, second] = arrays.map(|array| array.map(|array| array.split_at(axis, index)).unzip());
    ([first.0, second.0], [first.1, second.1])
}

/// Does both, on two threads where there are enough pixels.
fn join<A: Send, B: Send>(pixels: usize, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    if pixels > GRAIN { rayon::join(a, b) } else { (a(), b()) }
}
