//! What options cost on images in the device's memory: one call of each beside the defaults in the same run.

use anyhow::{Result, ensure};
use fastssim::cuda::{CudaOutputs, DeviceImages, DevicePixel, DeviceScores, Stream};
use fastssim::{Backend, Padding, Ssim, SsimBuilder};
use serde::Serialize;

use crate::clock::Clock;
use crate::pixels::{Random, noise};
use crate::print;

/// A large image, which several of keep any GPU busy.
pub const SHAPE: [usize; 4] = [2, 3, 1080, 1920];
/// One that a GPU has few of its multiprocessors busy with.
pub const SMALL: [usize; 4] = [1, 3, 256, 256];
/// Pairs that calls rotate through: 400 MB of `f32` of large images.
const PAIRS: u64 = 4;

#[derive(Serialize)]
struct Row {
    option: String,
    pixel: &'static str,
    /// The multiples are of what the defaults take with `f32`.
    #[serde(flatten)]
    times: Times,
}

/// What the scores, those with the gradient, and those with both gradients take.
#[derive(Serialize)]
pub struct Times {
    /// Microseconds that the kernels of a call take.
    forward_us: f64,
    gradient_us: f64,
    gradients_us: f64,
    /// As multiples of others.
    forward: f64,
    gradient: f64,
    gradients: f64,
}

impl Times {
    /// These microseconds, as multiples of others.
    pub fn new(times: [f64; 3], of: [f64; 3]) -> Self {
        let [forward_us, gradient_us, gradients_us] = times;
        let [forward, gradient, gradients] = std::array::from_fn(|i| times[i] / of[i]);
        Self {
            forward_us,
            gradient_us,
            gradients_us,
            forward,
            gradient,
            gradients,
        }
    }
}

pub fn measure(stream: &Stream, rounds: usize) -> Result<()> {
    let mut clock = Clock::new(stream, rounds)?;
    let window = |taps: usize| Ssim::builder().window(taps);
    let mut options: Vec<(String, SsimBuilder)> = [11, 3, 5, 7, 9, 17, 33]
        .map(|taps| (format!("window of {taps}"), window(taps)))
        .into();
    options.push(("uniform window of 7".into(), Ssim::builder().uniform_window(7)));
    for padding in [Padding::Valid, Padding::Symmetric, Padding::Reflect, Padding::Replicate] {
        options.push((padding.to_string(), Ssim::builder().padding(padding)));
    }
    options.push((
        "channel weights".into(),
        Ssim::builder().channel_weights([3.0, 6.0, 1.0]),
    ));
    options.push(("exponents".into(), Ssim::builder().exponents([0.5, 1.0, 1.0])));
    let pairs = pairs::<f32>(stream)?;
    let mut defaults = None;
    for (name, builder) in options {
        let times = time(stream, &mut clock, rounds, &builder, &pairs)?;
        report(name, "f32", times, *defaults.get_or_insert(times))?;
    }
    let defaults = defaults.unwrap_or_default();
    drop(pairs);
    let small = pairs_of::<f32>(stream, SMALL)?;
    for (name, builder) in [
        ("a small image", Ssim::builder()),
        ("a small image, symmetric", Ssim::builder().padding(Padding::Symmetric)),
        ("a small image, window of 17", window(17)),
    ] {
        let times = time(stream, &mut clock, rounds, &builder, &small)?;
        report(name.into(), "f32", times, defaults)?;
    }
    drop(small);
    for (pixel, times) in [
        ("u8", time_of::<u8>(stream, &mut clock, rounds)?),
        ("f64", time_of::<f64>(stream, &mut clock, rounds)?),
    ] {
        report("defaults".into(), pixel, times, defaults)?;
    }
    Ok(())
}

fn report(option: String, pixel: &'static str, times: [f64; 3], defaults: [f64; 3]) -> Result<()> {
    print(&Row {
        option,
        pixel,
        times: Times::new(times, defaults),
    })
}

pub type Pair<T> = [DeviceImages<T>; 2];

fn pairs<T: Random>(stream: &Stream) -> Result<Vec<Pair<T>>> {
    pairs_of(stream, SHAPE)
}

pub fn pairs_of<T: Random>(stream: &Stream, shape: [usize; 4]) -> Result<Vec<Pair<T>>> {
    (0..PAIRS)
        .map(|pair| {
            let [x, y] = [2 * pair, 2 * pair + 1].map(|seed| noise::<T>(shape, seed));
            Ok([DeviceImages::upload(stream, &x)?, DeviceImages::upload(stream, &y)?])
        })
        .collect()
}

fn time_of<T: Random>(stream: &Stream, clock: &mut Clock<'_>, rounds: usize) -> Result<[f64; 3]> {
    time(stream, clock, rounds, &Ssim::builder(), &pairs::<T>(stream)?)
}

/// Microseconds of the scores, of scores and gradient, and of scores and both gradients, once the processor has confirmed a score.
pub fn time<T: DevicePixel>(
    stream: &Stream,
    clock: &mut Clock<'_>,
    rounds: usize,
    builder: &SsimBuilder,
    pairs: &[Pair<T>],
) -> Result<[f64; 3]> {
    let metric = builder.clone().build()?;
    let on = metric.on(stream);
    let [x, y] = &pairs[0];
    let found = on.ssim(x, y)?;
    let cpu = builder.clone().backend(Backend::Cpu).build()?;
    let expected: Vec<f64> = cpu.ssim(&x.download(stream)?, &y.download(stream)?)?;
    ensure!(
        found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6),
        "the device says {found:?}, the processor {expected:?}"
    );
    let shape = x.shape();
    let mut scores = DeviceScores::new(stream.device(), shape[0])?;
    let mut gradient = DeviceImages::<f32>::new(stream.device(), shape)?;
    let forward = clock.time(pairs, rounds, |[x, y]| Ok(on.ssim_into(x, y, &mut scores)?))?;
    let one = clock.time(pairs, rounds, |[x, y]| {
        Ok(on.ssim_with_gradient_into(x, y, &mut scores, &mut gradient)?)
    })?;
    let mut of_y = DeviceImages::<f32>::new(stream.device(), shape)?;
    let both = clock.time(pairs, rounds, |[x, y]| {
        let outputs = CudaOutputs::new().images(&mut scores);
        let outputs = outputs.gradient(&mut gradient).gradient_of_y(&mut of_y);
        Ok(on.ssim_of(x, y).compute(outputs)?)
    })?;
    Ok([forward, one, both].map(|times| times.kernel))
}
