//! The comparison of two pictures: which functions of the library are called, and on what.

use std::time::{Duration, Instant};

use fastssim::{Backend, CudaError, DssimConvention, Error, Input, Pair, PixelWeights, Real, Ssim};
use ndarray::{Array3, Ix3};

use crate::mask::Mask;
use crate::picture::{Picture, Samples};

/// What came out.
pub struct Comparison {
    /// Where all of the work was done.
    pub backend: Backend,
    /// 1 − SSIM, which keeps its digits where the images are nearly the same.
    pub deficit: f64,
    /// As the metric's convention has it.
    pub dssim: f64,
    /// The time that the score took.
    pub time: Duration,
    /// SSIM of each window, as (channels, height, width).
    pub map: Option<Array3<f32>>,
    /// The gradient of SSIM with respect to the distorted image, as (channels, height, width).
    pub gradient: Option<Gradient>,
    /// What the user should know of, but for which the result is good.
    pub note: Option<String>,
}

/// A gradient, of the precision of the pixels.
pub enum Gradient {
    F32(Array3<f32>),
    F64(Array3<f64>),
}

/// What to compute besides the score.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub map: bool,
    pub gradient: bool,
}

/// Compares two pictures of the same shape and type, by the weights of a mask if there is one.
///
/// With [`Backend::Auto`] one backend does all of the work, and a GPU that fails is not passed over in silence. What it
/// is not made for is the processor's, and nothing is to be said about that.
pub fn measure(
    metric: &Ssim,
    reference: &Picture,
    distorted: &Picture,
    mask: Option<&Mask>,
    wanted: Wanted,
) -> fastssim::Result<Comparison> {
    let automatic = metric.requested_backend() == Backend::Auto;
    let backend = metric.backend();
    let on = |backend| measure_on(&metric.with_backend(backend)?, reference, distorted, mask, wanted);
    match on(backend) {
        Err(error) if backend != Backend::Cpu && automatic && of_gpu(&error) => {
            let expected = matches!(error, Error::Cuda(CudaError::Unsupported { .. }));
            let note = (!expected).then(|| format!("{error}; the processor takes over"));
            Ok(Comparison {
                note,
                ..on(Backend::Cpu)?
            })
        }
        other => other,
    }
}

/// The map of a pair alone: SSIM of each window, as (channels, height, width).
pub fn map(metric: &Ssim, reference: &Picture, distorted: &Picture) -> fastssim::Result<Array3<f32>> {
    match (&distorted.samples, &reference.samples) {
        (Samples::U8(x), Samples::U8(y)) => metric.ssim_map(x.view(), y.view()),
        (Samples::U16(x), Samples::U16(y)) => metric.ssim_map(x.view(), y.view()),
        (Samples::F32(x), Samples::F32(y)) => metric.ssim_map(x.view(), y.view()),
        (Samples::F64(x), Samples::F64(y)) => metric.ssim_map(x.view(), y.view()).map(Output::map),
        _ => Err(mismatch(reference, distorted)),
    }
}

/// Whether it is for the GPU that it did not work, and not for the images.
pub fn of_gpu(error: &Error) -> bool {
    matches!(error, Error::Cuda(_) | Error::Overflow { .. })
}

/// The same on the metric's own backend, which is one and not [`Backend::Auto`].
fn measure_on(
    metric: &Ssim,
    x: &Picture,
    y: &Picture,
    mask: Option<&Mask>,
    wanted: Wanted,
) -> fastssim::Result<Comparison> {
    let weights = mask.map(Mask::weights);
    // The gradient is that with respect to the first argument.
    match (&y.samples, &x.samples) {
        (Samples::U8(x), Samples::U8(y)) => run(metric, x.view(), y.view(), weights, wanted),
        (Samples::U16(x), Samples::U16(y)) => run(metric, x.view(), y.view(), weights, wanted),
        (Samples::F32(x), Samples::F32(y)) => run(metric, x.view(), y.view(), weights, wanted),
        (Samples::F64(x), Samples::F64(y)) => run(metric, x.view(), y.view(), weights, wanted),
        _ => Err(mismatch(x, y)),
    }
}

fn mismatch(reference: &Picture, distorted: &Picture) -> Error {
    Error::TypeMismatch {
        x: distorted.depth.name(),
        y: reference.depth.name(),
    }
}

/// The element types of maps and gradients.
trait Output: Real {
    fn gradient(gradient: Array3<Self>) -> Gradient;
    fn map(map: Array3<Self>) -> Array3<f32>;
}

impl Output for f32 {
    fn gradient(gradient: Array3<Self>) -> Gradient {
        Gradient::F32(gradient)
    }
    fn map(map: Array3<Self>) -> Array3<f32> {
        map
    }
}

impl Output for f64 {
    fn gradient(gradient: Array3<Self>) -> Gradient {
        Gradient::F64(gradient)
    }
    fn map(map: Array3<Self>) -> Array3<f32> {
        map.mapv(|value| value as f32)
    }
}

fn run<'a, X, R>(
    metric: &'a Ssim,
    x: X,
    y: X,
    weights: Option<PixelWeights<'a>>,
    wanted: Wanted,
) -> fastssim::Result<Comparison>
where
    X: Input<'a, Real = R, Dim = Ix3, Scores = f64> + Copy,
    R: Output,
{
    let start = Instant::now();
    let dssim = weighted(metric.dssim_of(x, y), weights).images()?;
    let time = start.elapsed();
    // Each in a call of its own: the score then has the same bits whatever else is asked for.
    let map = if wanted.map {
        Some(Output::map(metric.ssim_map(x, y)?))
    } else {
        None
    };
    let gradient = if wanted.gradient {
        Some(Output::gradient(weighted(metric.ssim_of(x, y), weights).gradient()?))
    } else {
        None
    };
    Ok(Comparison {
        backend: metric.requested_backend(),
        deficit: deficit(metric, dssim),
        dssim,
        time,
        map,
        gradient,
        note: None,
    })
}

/// The pair with weights of its pixels, if there are some.
pub fn weighted<'p, 'a: 'p, X: Input<'a>>(
    pair: Pair<'p, 'a, 'a, X, X>,
    weights: Option<PixelWeights<'p>>,
) -> Pair<'p, 'a, 'a, X, X> {
    match weights {
        Some(weights) => pair.weights(weights),
        None => pair,
    }
}

/// 1 − SSIM, of DSSIM as the metric's convention has it.
pub fn deficit(metric: &Ssim, dssim: f64) -> f64 {
    match metric.dssim_convention() {
        DssimConvention::HalfOneMinusSsim => 2.0 * dssim,
        _ => dssim,
    }
}
