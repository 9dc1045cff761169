//! Times the CUDA backend on images in the device's memory and prints one JSON object a line: the half of
//! `peers/gpu.py` that is ours.
//!
//! Times are those of the device's own events around many calls in one stream, on inputs that rotate through
//! more memory than the second-level cache has. The first line is the speed of a copy, which the floor of each
//! other line comes from: its inputs read once and its output written once.

#![forbid(unsafe_code)]

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Parser;
use fastssim::cuda::{Device, DeviceImages, DevicePixel, DeviceScores, Event, Stream};
use fastssim::{Padding, Ssim};
use ndarray::Array4;
use serde::Serialize;

/// The shapes of the table in the design, and the smallest that is worth a GPU.
const SHAPES: [[usize; 4]; 5] = [
    [1, 3, 1080, 1920],
    [8, 3, 1080, 1920],
    [1, 3, 2160, 3840],
    [32, 3, 256, 256],
    [1, 1, 256, 256],
];
/// Bytes that a round of calls goes through: several times the cache of any GPU of today.
const ROTATED: usize = 400 << 20;

/// Times SSIM and its gradient of images on a GPU.
#[derive(Parser)]
struct Args {
    /// The device's index.
    #[arg(long, default_value_t = 0)]
    device: usize,
    /// Timed rounds, of which the median counts.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// Valid padding rather than zeros.
    #[arg(long)]
    valid: bool,
}

#[derive(Serialize)]
struct Copy {
    device: String,
    copy_bytes_per_second: f64,
}

#[derive(Serialize)]
struct Row {
    shape: [usize; 4],
    pixel: &'static str,
    work: &'static str,
    /// Microseconds a call, in a stream of calls.
    device_us: f64,
    /// Microseconds that the caller is busy with a call.
    call_us: f64,
    /// Microseconds that its bytes take at the speed of a copy.
    floor_us: f64,
    ratio: f64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let device = Device::new(args.device)?;
    let stream = Stream::new(&device)?;
    let bytes_per_second = copy_speed(&stream, args.rounds)?;
    print(&Copy {
        device: device.info().name.clone(),
        copy_bytes_per_second: bytes_per_second,
    })?;
    let padding = if args.valid { Padding::Valid } else { Padding::Zero };
    let metric = Ssim::builder().padding(padding).build()?;
    for shape in SHAPES {
        rows::<f32>(&stream, &metric, shape, "f32", bytes_per_second, args.rounds)?;
        rows::<u8>(&stream, &metric, shape, "u8", bytes_per_second, args.rounds)?;
    }
    Ok(())
}

/// The three works on images of one shape and type.
fn rows<T: DevicePixel + Random>(
    stream: &Stream,
    metric: &Ssim,
    shape: [usize; 4],
    pixel: &'static str,
    bytes_per_second: f64,
    rounds: usize,
) -> Result<()> {
    let elements = shape.iter().product::<usize>();
    let sets = ROTATED.div_ceil(2 * elements * size_of::<T>()).clamp(2, 128);
    let pairs = (0..sets)
        .map(|set| Ok([0, 1].map(|image| random::<T>(shape, (2 * set + image) as u64))))
        .map(|pair: Result<_>| {
            let [x, y] = pair?;
            Ok([
                DeviceImages::<T>::upload(stream, &x)?,
                DeviceImages::<T>::upload(stream, &y)?,
            ])
        })
        .collect::<Result<Vec<_>>>()?;
    check(stream, metric, &pairs[0])?;
    let on = metric.on(stream);
    let mut scores = DeviceScores::new(stream.device(), shape[0])?;
    let mut gradient = DeviceImages::<f32>::new(stream.device(), shape)?;
    let floor = |outputs: usize| {
        let bytes = 2 * elements * size_of::<T>() + outputs * elements * size_of::<f32>();
        bytes as f64 / bytes_per_second * 1e6
    };
    let report = |work, floor_us: f64, [device_us, call_us]: [f64; 2]| {
        let ratio = device_us / floor_us;
        print(&Row {
            shape,
            pixel,
            work,
            device_us,
            call_us,
            floor_us,
            ratio,
        })
    };
    let forward = time(stream, &pairs, rounds, |[x, y]| Ok(on.ssim_into(x, y, &mut scores)?))?;
    report("forward", floor(0), forward)?;
    let both = time(stream, &pairs, rounds, |[x, y]| {
        Ok(on.ssim_with_gradient_into(x, y, &mut scores, &mut gradient)?)
    })?;
    report("value + gradient", floor(1), both)?;
    if metric.padding() == Padding::Zero {
        let map = time(stream, &pairs, rounds, |[x, y]| {
            Ok(on.ssim_map_into(x, y, &mut gradient)?)
        })?;
        report("map", floor(1), map)?;
    }
    Ok(())
}

/// That the device's score is the processor's, before any time counts.
fn check<T: DevicePixel + Random>(stream: &Stream, metric: &Ssim, [x, y]: &[DeviceImages<T>; 2]) -> Result<()> {
    let found = metric.on(stream).ssim(x, y)?;
    let cpu = Ssim::builder()
        .padding(metric.padding())
        .backend(fastssim::Backend::Cpu)
        .build()?;
    let expected = T::score(&cpu, &x.download(stream)?, &y.download(stream)?)?;
    for (found, expected) in found.iter().zip(&expected) {
        ensure!(
            (found - expected).abs() < 1e-6,
            "the device says {found}, the processor {expected}"
        );
    }
    Ok(())
}

/// Medians of the device's and the caller's microseconds a call.
fn time<T>(
    stream: &Stream,
    pairs: &[[DeviceImages<T>; 2]],
    rounds: usize,
    mut call: impl FnMut(&[DeviceImages<T>; 2]) -> Result<()>,
) -> Result<[f64; 2]>
where
    T: DevicePixel,
{
    let (start, end) = (Event::new(stream.device())?, Event::new(stream.device())?);
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..rounds + 2 {
        stream.record(&start)?;
        let begin = Instant::now();
        for pair in pairs {
            call(pair)?;
        }
        let busy = begin.elapsed();
        stream.record(&end)?;
        let elapsed = end.elapsed_since(&start)?;
        if round >= 2 {
            for (times, total) in times.iter_mut().zip([elapsed, busy]) {
                times.push(total.as_secs_f64() * 1e6 / pairs.len() as f64);
            }
        }
    }
    Ok(times.map(median))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Bytes that a copy within the device reads and writes in a second.
fn copy_speed(stream: &Stream, rounds: usize) -> Result<f64> {
    let shape = [1, 1, 1 << 14, 1 << 14];
    let bytes = 2 * shape.iter().product::<usize>() * size_of::<f32>();
    let from = DeviceImages::<f32>::zeros(stream, shape)?;
    let mut to = DeviceImages::<f32>::zeros(stream, shape)?;
    let (start, end) = (Event::new(stream.device())?, Event::new(stream.device())?);
    let mut seconds = Vec::new();
    for _ in 0..rounds {
        stream.record(&start)?;
        to.copy_from_device(stream, &from)?;
        stream.record(&end)?;
        seconds.push(end.elapsed_since(&start)?.as_secs_f64());
    }
    Ok(bytes as f64 / median(seconds))
}

fn print(line: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(line)?);
    Ok(())
}

/// Elements that random images are made of.
trait Random: Sized {
    fn from_bits(bits: u32) -> Self;
    fn score(metric: &Ssim, x: &Array4<Self>, y: &Array4<Self>) -> Result<Vec<f64>>;
}

impl Random for f32 {
    fn from_bits(bits: u32) -> Self {
        (bits >> 8) as f32 / (1 << 24) as f32
    }
    fn score(metric: &Ssim, x: &Array4<f32>, y: &Array4<f32>) -> Result<Vec<f64>> {
        Ok(metric.ssim(x, y)?)
    }
}

impl Random for u8 {
    fn from_bits(bits: u32) -> Self {
        (bits >> 24) as u8
    }
    fn score(metric: &Ssim, x: &Array4<u8>, y: &Array4<u8>) -> Result<Vec<f64>> {
        Ok(metric.ssim(x, y)?)
    }
}

/// Noise, of a small generator (PCG without its output function).
fn random<T: Random>(shape: [usize; 4], seed: u64) -> Array4<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    Array4::from_shape_simple_fn(shape, || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        T::from_bits((state >> 32) as u32)
    })
}
