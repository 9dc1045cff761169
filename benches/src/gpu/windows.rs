//! What windows cost on images in the device's memory: those of all sizes beside one of eleven pixels, of the same type and padding in the
//! same run. A larger one should take no more time than its taps say.

use anyhow::Result;
use clap::Args;
use fastssim::cuda::Stream;
use fastssim::{Padding, Ssim};
use half::{bf16, f16};
use serde::Serialize;

use crate::clock::Clock;
use crate::options::{Pair, SHAPE, SMALL, Times, pairs_of, time};
use crate::pixels::Random;
use crate::print;

/// A batch of large images.
const BATCH: [usize; 4] = [8, 3, 1080, 1920];
const MEDIUM: [usize; 4] = [1, 3, 512, 512];
/// So few windows that most multiprocessors are idle.
const TINY: [usize; 4] = [1, 1, 256, 256];
/// Taps that others are compared with.
const TAPS: usize = 11;

#[derive(Args)]
pub struct Options {
    /// Sizes of windows beside eleven.
    #[arg(long, value_delimiter = ',', default_values_t = [13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33])]
    sizes: Vec<usize>,
    /// Only the series whose names contain this: a type, a padding and a shape.
    #[arg(long, default_value = "")]
    only: String,
}

#[derive(Serialize)]
struct Row {
    series: String,
    window: usize,
    /// The multiples are of the time with eleven taps, times the taps over eleven.
    #[serde(flatten)]
    times: Times,
}

/// One run: where it runs, and what it measures.
struct Run<'a> {
    stream: &'a Stream,
    clock: Clock<'a>,
    rounds: usize,
    options: &'a Options,
}

pub fn measure(stream: &Stream, rounds: usize, options: &Options) -> Result<()> {
    let mut run = Run {
        stream,
        clock: Clock::new(stream, rounds)?,
        rounds,
        options,
    };
    let all = [
        Padding::Zero,
        Padding::Valid,
        Padding::Symmetric,
        Padding::Reflect,
        Padding::Replicate,
    ];
    run.measure::<f32>("f32", SHAPE, &all)?;
    run.measure::<u8>("u8", SHAPE, &[Padding::Zero, Padding::Reflect])?;
    run.measure::<u16>("u16", SHAPE, &[Padding::Zero])?;
    run.measure::<f16>("f16", SHAPE, &[Padding::Zero, Padding::Reflect])?;
    run.measure::<bf16>("bf16", SHAPE, &[Padding::Zero])?;
    run.measure::<f64>("f64", SHAPE, &[Padding::Zero])?;
    for shape in [BATCH, MEDIUM, SMALL, TINY] {
        run.measure::<f32>("f32", shape, &[Padding::Zero])?;
    }
    Ok(())
}

impl Run<'_> {
    /// All sizes of windows with these paddings.
    fn measure<T: Random>(&mut self, pixel: &str, shape: [usize; 4], paddings: &[Padding]) -> Result<()> {
        let [images, channels, height, width] = shape;
        let name = |padding: Padding| format!("{pixel} {padding} {images}x{channels}x{height}x{width}");
        let wanted: Vec<_> = paddings
            .iter()
            .filter(|padding| name(**padding).contains(&self.options.only))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let pairs = pairs_of::<T>(self.stream, shape)?;
        for &padding in wanted {
            self.series(name(padding), padding, &pairs)?;
        }
        Ok(())
    }

    fn series<T: Random>(&mut self, series: String, padding: Padding, pairs: &[Pair<T>]) -> Result<()> {
        let mut time_of = |window: usize| {
            let builder = Ssim::builder().padding(padding).window(window);
            time(self.stream, &mut self.clock, self.rounds, &builder, pairs)
        };
        let eleven = time_of(TAPS)?;
        for &window in [TAPS].iter().chain(&self.options.sizes) {
            let times = if window == TAPS { eleven } else { time_of(window)? };
            let taps = window as f64 / TAPS as f64;
            print(&Row {
                series: series.clone(),
                window,
                times: Times::new(times, eleven.map(|time| time * taps)),
            })?;
        }
        Ok(())
    }
}
