//! Separate pairs from the host's memory: pinned images over several streams, so that one stream copies while another
//! computes, beside the speed of copies alone, and beside arrays, which the library copies into pinned buffers first.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use fastssim::cuda::{DeviceImages, DeviceScores, Event, PinnedImages, Stream};
use fastssim::{Backend, Padding, Ssim};
use ndarray::Array4;
use serde::Serialize;

use crate::clock::median;
use crate::pixels::{check, noise};
use crate::print;

/// Of each image.
const SHAPE: [usize; 4] = [1, 3, 1080, 1920];
/// Bytes of a pair.
const BYTES: usize = 2 * SHAPE[1] * SHAPE[2] * SHAPE[3];
/// Of the copy whose speed is the bound: large enough that its start does not count.
const COPIED: [usize; 4] = [1, 1, 1 << 14, 1 << 14];

#[derive(Args)]
pub struct Options {
    /// Streams, each with a pair of its own.
    #[arg(long, default_value_t = 4)]
    streams: usize,
    /// Pairs in a round.
    #[arg(long, default_value_t = 400)]
    pairs: usize,
}

#[derive(Serialize)]
struct Copies<'a> {
    device: &'a str,
    /// Of the bus, from pinned memory to the device.
    copy_bytes_per_second: f64,
}

#[derive(Serialize)]
struct Throughput {
    shape: [usize; 4],
    pixel: &'static str,
    work: &'static str,
    /// Where the images come from.
    from: &'static str,
    streams: usize,
    pairs_per_second: f64,
    bytes_per_second: f64,
    /// Of the speed of copies alone.
    share: f64,
}

/// What the host and the device need for one pair at a time.
struct Slot {
    stream: Stream,
    pinned: [PinnedImages<u8>; 2],
    images: [DeviceImages<u8>; 2],
    score: DeviceScores,
    /// What the score must be found to be.
    expected: Vec<f64>,
}

pub fn measure(stream: &Stream, padding: Padding, rounds: usize, options: &Options) -> Result<()> {
    let bound = copy_speed(stream, rounds)?;
    print(&Copies {
        device: &stream.device().info().name,
        copy_bytes_per_second: bound,
    })?;
    let metric = Ssim::builder().padding(padding).build()?;
    let report = |from, streams, pairs: usize, time: Duration| {
        let pairs_per_second = pairs as f64 / time.as_secs_f64();
        let bytes_per_second = pairs_per_second * BYTES as f64;
        print(&Throughput {
            shape: SHAPE,
            pixel: "u8",
            work: "forward",
            from,
            streams,
            pairs_per_second,
            bytes_per_second,
            share: bytes_per_second / bound,
        })
    };
    for streams in [1, options.streams.max(1)] {
        let mut slots = (0..streams as u64)
            .map(|seed| slot(stream, &metric, seed))
            .collect::<Result<Vec<_>>>()?;
        let pairs = options.pairs.max(streams);
        let time = repeat(rounds, || pinned_round(&metric, &mut slots, pairs))?;
        report("pinned memory", streams, pairs, time)?;
    }
    let index = stream.device().index();
    let metric = Ssim::builder()
        .padding(padding)
        .backend(Backend::Cuda { device: index });
    let metric = metric.build()?;
    let [x, y] = pair(0);
    let pairs = options.pairs.div_ceil(8);
    let time = repeat(rounds, || {
        for _ in 0..pairs {
            let _: Vec<f64> = metric.ssim(&x, &y)?;
        }
        Ok(())
    })?;
    report("arrays", 1, pairs, time)
}

fn pair(seed: u64) -> [Array4<u8>; 2] {
    [2 * seed, 2 * seed + 1].map(|seed| noise::<u8>(SHAPE, seed))
}

/// A slot whose pair has been compared once, and whose score is the processor's.
fn slot(stream: &Stream, metric: &Ssim, seed: u64) -> Result<Slot> {
    let device = stream.device();
    let stream = Stream::new(device)?;
    let pixels = pair(seed);
    let mut pinned = [PinnedImages::new(device, SHAPE)?, PinnedImages::new(device, SHAPE)?];
    for (pinned, pixels) in pinned.iter_mut().zip(&pixels) {
        pinned.view_mut()?.assign(pixels);
    }
    let [x, y] = &mut pinned;
    let images = [
        DeviceImages::upload_pinned(&stream, x)?,
        DeviceImages::upload_pinned(&stream, y)?,
    ];
    let expected = metric.on(&stream).ssim(&images[0], &images[1])?;
    check(metric.padding(), &expected, &pixels[0], &pixels[1])?;
    Ok(Slot {
        score: DeviceScores::new(device, 1)?,
        stream,
        pinned,
        images,
        expected,
    })
}

/// Copies and compares so many pairs, slot by slot; every score comes back to the host, when its slot is needed again.
fn pinned_round(metric: &Ssim, slots: &mut [Slot], pairs: usize) -> Result<()> {
    let count = slots.len();
    for step in 0..pairs + count {
        let slot = &mut slots[step % count];
        if step >= count {
            let found = slot.score.download(&slot.stream)?;
            anyhow::ensure!(found == slot.expected, "{found:?} for {:?}", slot.expected);
        }
        if step >= pairs {
            continue;
        }
        for (images, pinned) in slot.images.iter_mut().zip(&mut slot.pinned) {
            images.copy_from_pinned(&slot.stream, pinned)?;
        }
        let [x, y] = &slot.images;
        metric.on(&slot.stream).ssim_into(x, y, &mut slot.score)?;
    }
    Ok(())
}

/// The median time of a round by the host's clock, which is what a pipeline has.
fn repeat(rounds: usize, mut round: impl FnMut() -> Result<()>) -> Result<Duration> {
    round()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        round()?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}

/// Bytes a second of one large copy from pinned memory to the device, by the device's events.
fn copy_speed(stream: &Stream, rounds: usize) -> Result<f64> {
    let device = stream.device();
    let mut pinned = PinnedImages::<u8>::new(device, COPIED)?;
    let mut images = DeviceImages::upload_pinned(stream, &mut pinned)?;
    let (start, end) = (Event::new(device)?, Event::new(device)?);
    let mut times = Vec::new();
    for _ in 0..rounds {
        stream.record(&start)?;
        images.copy_from_pinned(stream, &mut pinned)?;
        stream.record(&end)?;
        times.push(end.elapsed_since(&start)?);
    }
    let bytes: usize = COPIED.iter().product();
    Ok(bytes as f64 / median(times).as_secs_f64())
}
