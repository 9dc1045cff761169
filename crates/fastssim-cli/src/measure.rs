//! The comparison: which functions of the library are called, and on what.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use fastssim::{Backend, DropAlpha, DssimConvention, Error, Input, Ssim};
use ndarray::{Array3, Ix3};

use crate::pictures::Pixels;

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
    pub gradient: Option<Array3<f32>>,
}

/// Compares two images; the map and the gradient only where they are wanted.
///
/// With [`Backend::Auto`] one backend does all of the work, and a GPU that fails is not passed over in silence.
pub fn measure(metric: &Ssim, pixels: &Pixels, map: bool, gradient: bool) -> fastssim::Result<Comparison> {
    // Opens the device and has its kernels compiled, before any time is taken.
    let backend = metric.backend();
    let on = |backend| measure_on(&metric.with_backend(backend)?, pixels, map, gradient);
    match on(backend) {
        Err(error) if backend != Backend::Cpu && metric.requested_backend() == Backend::Auto && of_gpu(&error) => {
            // Where standard error is closed, nobody reads it.
            let _ = writeln!(io::stderr(), "fastssim: {error}; the processor takes over");
            on(Backend::Cpu)
        }
        other => other,
    }
}

/// Whether it is for the GPU that it did not work, and not for the images.
fn of_gpu(error: &Error) -> bool {
    matches!(error, Error::Cuda(_) | Error::Overflow { .. })
}

/// The same on the metric's own backend, which is one and not [`Backend::Auto`].
fn measure_on(metric: &Ssim, pixels: &Pixels, map: bool, gradient: bool) -> fastssim::Result<Comparison> {
    // The gradient is that with respect to the first argument.
    match pixels {
        Pixels::Stored { reference, distorted } => {
            run(metric, DropAlpha(distorted), DropAlpha(reference), map, gradient)
        }
        Pixels::Gray { reference, distorted } => run(metric, distorted, reference, map, gradient),
    }
}

fn run<'a, X>(metric: &Ssim, x: X, y: X, map: bool, gradient: bool) -> fastssim::Result<Comparison>
where
    X: Input<'a, Real = f32, Dim = Ix3, Scores = f64> + Copy,
{
    let start = Instant::now();
    let dssim = metric.dssim(x, y)?;
    let time = start.elapsed();
    // Each in a call of its own: the score then has the same bits whatever else is asked for.
    let map = if map { Some(metric.ssim_map(x, y)?) } else { None };
    let gradient = if gradient {
        Some(metric.ssim_gradient(x, y)?)
    } else {
        None
    };
    let deficit = match metric.dssim_convention() {
        DssimConvention::HalfOneMinusSsim => 2.0 * dssim,
        _ => dssim,
    };
    Ok(Comparison {
        backend: metric.requested_backend(),
        deficit,
        dssim,
        time,
        map,
        gradient,
    })
}
