//! Which backend does the work: a problem goes in, and its scores and output come back.

use crate::config::{Backend, Ssim};
use crate::cpu;
#[cfg(feature = "cuda")]
use crate::cuda;
use crate::error::Result;
use crate::problem::{Output, Problem, Score};

/// What `Backend::Auto` stands for on this machine.
pub(crate) fn resolve(metric: &Ssim) -> Backend {
    match metric.backend {
        #[cfg(feature = "cuda")]
        Backend::Auto => match cuda::auto(metric) {
            Some(device) => Backend::Cuda { device: device.index() },
            None => Backend::Cpu,
        },
        #[cfg(not(feature = "cuda"))]
        Backend::Auto => Backend::Cpu,
        backend => backend,
    }
}

/// Whether the backend exists and has what the metric asks for. It opens a device that was asked for, so that
/// what is missing is known before the first image.
pub(crate) fn check(metric: &Ssim) -> Result<()> {
    match metric.backend {
        Backend::Auto | Backend::Cpu => Ok(()),
        #[cfg(feature = "cuda")]
        Backend::Cuda { device } => {
            cuda::supports(metric)?;
            cuda::Device::new(device).map(|_| ())
        }
        #[cfg(not(feature = "cuda"))]
        Backend::Cuda { .. } => Err(crate::CudaError::NotBuilt.into()),
    }
}

/// Computes the scores and the output.
///
/// # Errors
///
/// Those of a GPU that was asked for by name.
pub(crate) fn run(
    metric: &Ssim,
    problem: &Problem<'_>,
    score: Score,
    mut scores: Option<&mut [f64]>,
    output: Output<'_>,
) -> Result<()> {
    #[cfg(feature = "cuda")]
    let mut output = output;
    #[cfg(feature = "cuda")]
    match metric.backend {
        Backend::Cpu => {}
        Backend::Cuda { device } => {
            let device = cuda::Device::new(device)?;
            return cuda::run(&device, metric, problem, score, scores, output);
        }
        Backend::Auto => {
            if cuda::takes(problem)
                && let Some(device) = cuda::auto(metric)
                && cuda::run(
                    &device,
                    metric,
                    problem,
                    score,
                    scores.as_deref_mut(),
                    output.reborrow(),
                )
                .is_ok()
            {
                return Ok(());
            }
        }
    }
    #[cfg(not(feature = "cuda"))]
    check(metric)?;
    cpu::run(problem, scores.as_deref_mut(), output);
    // What comes back are the deficits, 1 − SSIM.
    for value in scores.into_iter().flatten() {
        *value = score.of(*value);
    }
    Ok(())
}
