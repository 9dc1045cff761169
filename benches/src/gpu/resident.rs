//! Images that are in the device's memory: the time of a call of each work, shape and element type, beside the time
//! that the bytes alone take, which are the inputs read once and the output written once.

use anyhow::Result;
use fastssim::cuda::{DeviceImages, DeviceScores, Stream};
use fastssim::{Padding, Ssim};
use half::f16;
use serde::Serialize;

use crate::clock::{Clock, Times};
use crate::pixels::{Random, check, noise};
use crate::print;

/// The shapes of the table in the README, and those of the chart of time over size.
const SHAPES: [[usize; 4]; 8] = [
    [8, 3, 1080, 1920],
    [1, 3, 2160, 3840],
    [1, 3, 1080, 1920],
    [32, 3, 256, 256],
    [1, 1, 256, 256],
    [1, 3, 256, 256],
    [1, 3, 512, 512],
    [1, 3, 1024, 1024],
];
/// The element types that are measured, of those that the device reads at full speed.
const PIXELS: [(&str, Measure); 3] = [("f32", rows::<f32>), ("f16", rows::<f16>), ("u8", rows::<u8>)];
/// Bytes that a round of calls goes through: several times the cache of any GPU of today.
const ROTATED: usize = 400 << 20;

type Measure = fn(&mut Bench<'_>, [usize; 4], &'static str) -> Result<()>;

/// What all measurements need.
struct Bench<'a> {
    stream: &'a Stream,
    metric: Ssim,
    clock: Clock<'a>,
    rounds: usize,
}

#[derive(Serialize)]
struct Copy<'a> {
    device: &'a str,
    copy_bytes_per_second: f64,
}

#[derive(Serialize)]
struct Row {
    shape: [usize; 4],
    pixel: &'static str,
    work: &'static str,
    /// Microseconds that the kernels take.
    kernel_us: f64,
    /// Microseconds a call, in a stream of calls.
    device_us: f64,
    /// Microseconds that the caller is busy with a call.
    call_us: f64,
    /// Microseconds that its bytes take at the speed of a copy.
    floor_us: f64,
    /// Of `device_us` to `floor_us`.
    ratio: f64,
}

pub fn measure(stream: &Stream, padding: Padding, rounds: usize) -> Result<()> {
    let clock = Clock::new(stream, rounds)?;
    print(&Copy {
        device: &stream.device().info().name,
        copy_bytes_per_second: clock.bytes_per_second(),
    })?;
    let metric = Ssim::builder().padding(padding).build()?;
    let mut bench = Bench {
        stream,
        metric,
        clock,
        rounds,
    };
    for shape in SHAPES {
        for (pixel, rows) in PIXELS {
            rows(&mut bench, shape, pixel)?;
        }
    }
    Ok(())
}

/// The three works on images of one shape and type.
fn rows<T: Random>(bench: &mut Bench<'_>, shape: [usize; 4], pixel: &'static str) -> Result<()> {
    let Bench {
        stream,
        metric,
        clock,
        rounds,
    } = bench;
    let elements = shape.iter().product::<usize>();
    let sets = ROTATED.div_ceil(2 * elements * size_of::<T>()).clamp(2, 128);
    let mut pairs = Vec::new();
    for set in 0..sets as u64 {
        let [x, y] = [2 * set, 2 * set + 1].map(|seed| noise::<T>(shape, seed));
        let pair = [
            DeviceImages::<T>::upload(stream, &x)?,
            DeviceImages::<T>::upload(stream, &y)?,
        ];
        if set == 0 {
            check(metric.padding(), &metric.on(stream).ssim(&pair[0], &pair[1])?, &x, &y)?;
        }
        pairs.push(pair);
    }
    let on = metric.on(stream);
    let mut scores = DeviceScores::new(stream.device(), shape[0])?;
    let mut gradient = DeviceImages::<f32>::new(stream.device(), shape)?;
    let bytes_per_second = clock.bytes_per_second();
    let report = |work, outputs: usize, times: Times| {
        let bytes = 2 * elements * size_of::<T>() + outputs * elements * size_of::<f32>();
        let floor_us = bytes as f64 / bytes_per_second * 1e6;
        print(&Row {
            shape,
            pixel,
            work,
            kernel_us: times.kernel,
            device_us: times.device,
            call_us: times.call,
            floor_us,
            ratio: times.device / floor_us,
        })
    };
    let forward = clock.time(&pairs, *rounds, |[x, y]| Ok(on.ssim_into(x, y, &mut scores)?))?;
    report("forward", 0, forward)?;
    let both = clock.time(&pairs, *rounds, |[x, y]| {
        Ok(on.ssim_with_gradient_into(x, y, &mut scores, &mut gradient)?)
    })?;
    report("value + gradient", 1, both)?;
    if metric.padding() == Padding::Zero {
        let map = clock.time(&pairs, *rounds, |[x, y]| Ok(on.ssim_map_into(x, y, &mut gradient)?))?;
        report("map", 1, map)?;
    }
    Ok(())
}
