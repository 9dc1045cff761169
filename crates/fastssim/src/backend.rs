//! Which backend does the work: a problem goes in, and its scores and output come back.

use crate::config::Ssim;
use crate::cpu;
#[cfg(feature = "cuda")]
use crate::cuda;
use crate::error::Result;
use crate::options::Backend;
use crate::problem::{Means, Output, Problem, Score};
#[cfg(feature = "cuda")]
use crate::{CudaError, Error};

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
/// Those of a GPU: all where it was asked for by name, and with `Backend::Auto` those that [`left_to_the_cpu`] does
/// not name.
pub(crate) fn run(
    metric: &Ssim,
    problem: &Problem<'_>,
    score: Score,
    mut means: Means<'_>,
    output: Output<'_, '_>,
) -> Result<()> {
    #[cfg(feature = "cuda")]
    let mut output = output;
    #[cfg(feature = "cuda")]
    match metric.backend {
        Backend::Cpu => {}
        Backend::Cuda { device } => {
            let device = cuda::Device::new(device)?;
            return cuda::run(&device, metric, problem, score, means, output);
        }
        Backend::Auto => {
            if let Some(device) = cuda::auto(metric) {
                let result = cuda::run(&device, metric, problem, score, means.reborrow(), output.reborrow());
                if !result.as_ref().is_err_and(left_to_the_cpu) {
                    return result;
                }
            }
        }
    }
    #[cfg(not(feature = "cuda"))]
    check(metric)?;
    cpu::run(problem, means.reborrow(), output);
    // What comes back are the deficits, 1 − SSIM.
    for value in [means.images, means.channels].into_iter().flatten().flatten() {
        *value = score.of(*value);
    }
    Ok(())
}

/// Whether `Backend::Auto` has the processor do what failed on a GPU like this: for want of memory, on a device that
/// cannot be used any more, or because the kernels cannot do it or cannot count so far.
#[cfg(feature = "cuda")]
fn left_to_the_cpu(error: &Error) -> bool {
    matches!(
        error,
        Error::Cuda(CudaError::OutOfMemory { .. } | CudaError::Fault { .. } | CudaError::Unsupported { .. })
            | Error::Overflow { .. }
    )
}

#[cfg(all(test, feature = "cuda"))]
mod tests {
    use super::*;

    #[test]
    fn only_errors_with_a_reason_are_left_to_the_cpu() {
        let fault = CudaError::Fault {
            device: 0,
            call: "cuCall",
            code: 700,
            name: "SOME_NAME".into(),
        };
        let memory = CudaError::OutOfMemory {
            device: 0,
            requested: 1,
            free: None,
        };
        let unsupported = CudaError::Unsupported {
            what: "something".into(),
            allowed: "something else",
        };
        for error in [fault, memory, unsupported] {
            assert!(left_to_the_cpu(&error.into()));
        }
        assert!(left_to_the_cpu(&Error::Overflow { shape: [1; 4] }));
        let refused = CudaError::Driver {
            call: "cuCall",
            code: 1,
            name: "SOME_NAME".into(),
        };
        for error in [refused, CudaError::NoDevice] {
            assert!(!left_to_the_cpu(&error.into()));
        }
    }
}
