//! The choices that a metric leaves open, each with a default.

#[cfg(doc)]
use crate::config::Ssim;

/// How the image continues beyond its edges, and so which pixels the map has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Padding {
    /// The image continues as zeros (black); the map has the image's size. This is what
    /// `fused-ssim` and `FastCUDASSIM.jl` do.
    #[default]
    Zero,
    /// Only windows that lie inside the image count; the map is smaller than the image by the
    /// window less one, in both directions. This is the definition of Wang et al. 2004, and what
    /// scikit-image, `pytorch-msssim` and TensorFlow do.
    Valid,
    /// The image is mirrored with its edge repeated: `c b a | a b c`. NumPy's `symmetric`, SciPy's `reflect`; what
    /// SSIMLoss.jl and ImageQualityIndexes.jl do.
    Symmetric,
    /// The image is mirrored about its edge pixel, which is not repeated: `c b | a b c`. NumPy's and PyTorch's
    /// `reflect`; what kornia does.
    Reflect,
    /// The edge pixel goes on for ever: `a a | a b c`. What MATLAB's `ssim` does.
    Replicate,
}

impl Padding {
    /// The pixel that stands at `at`, which may be beyond the edges of a line of `extent` pixels; `None` for zero.
    /// What is mirrored more than once goes to and fro.
    pub(crate) fn source(self, at: isize, extent: usize) -> Option<usize> {
        let extent = extent as isize;
        if (0..extent).contains(&at) {
            return Some(at as usize);
        }
        let source = match self {
            Self::Zero | Self::Valid => return None,
            Self::Replicate => at.clamp(0, extent - 1),
            Self::Symmetric => {
                let at = at.rem_euclid(2 * extent);
                at.min(2 * extent - 1 - at)
            }
            Self::Reflect if extent == 1 => 0,
            Self::Reflect => {
                let at = at.rem_euclid(2 * extent - 2);
                at.min(2 * extent - 2 - at)
            }
        };
        Some(source as usize)
    }
}

/// How variances and the covariance are normalised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Covariance {
    /// Weighted means of squares, as Wang et al. 2004 have it.
    #[default]
    Population,
    /// Times n / (n − 1), with n pixels in the window: the unbiased estimate for a uniform window. This is
    /// scikit-image's default.
    Sample,
}

/// Whether images are made smaller before they are compared, which models a viewer at a distance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Downsampling {
    /// Images are compared as they are.
    #[default]
    None,
    /// By f = the shorter side / 256, rounded, where that is 2 or more: the means of f×f pixels about every f-th, the
    /// edges repeated. This is what the script `ssim.m` of Wang et al. does by itself. The map is that of the smaller
    /// images, gradients are those of the pixels given.
    Automatic,
}

impl Downsampling {
    /// By how much images of this size become smaller.
    pub(crate) fn factor(self, height: usize, width: usize) -> usize {
        match self {
            Self::None => 1,
            Self::Automatic => ((height.min(width) + 128) / 256).max(1),
        }
    }
}

/// What DSSIM, the structural dissimilarity, means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DssimConvention {
    /// 1 − SSIM, from 0 to 2.
    #[default]
    OneMinusSsim,
    /// (1 − SSIM) / 2, from 0 to 1.
    HalfOneMinusSsim,
}

impl DssimConvention {
    /// What 1 − SSIM is multiplied by.
    pub(crate) fn factor(self) -> f64 {
        match self {
            Self::OneMinusSsim => 1.0,
            Self::HalfOneMinusSsim => 0.5,
        }
    }
}

/// Where the work is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// The first CUDA device that works (with the feature `cuda`), else the processor.
    ///
    /// The choice is made once for each process and does not depend on the images, except that the processor does
    ///
    /// * what the GPU does not do: windows larger than 33 pixels, and images so large that the GPU cannot count their
    ///   pixels (a channel that spans 2³¹ or more);
    /// * what the GPU has no memory for;
    /// * everything, once work on the GPU has crashed ([`CudaError::Fault`](crate::CudaError::Fault)).
    ///
    /// Any other error of the GPU is returned. To know for sure where the work is done, ask
    /// [`Ssim::backend`], and insist on its answer with [`Ssim::with_backend`].
    #[default]
    Auto,
    /// The processor: SIMD instructions found at run time, and the threads of the current
    /// `rayon` pool.
    Cpu,
    /// A GPU of NVIDIA's, of compute capability 7.5 or later. It needs the feature `cuda`. Windows have at most 33
    /// pixels a side.
    Cuda {
        /// The device's index, counted from 0.
        device: usize,
    },
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda { device } => write!(f, "cuda:{device}"),
        }
    }
}

impl std::fmt::Display for Padding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Zero => "zero",
            Self::Valid => "valid",
            Self::Symmetric => "symmetric",
            Self::Reflect => "reflect",
            Self::Replicate => "replicate",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_continue_as_numpy_pads_them() {
        // numpy.pad(arange(n), 7, mode) for n = 1, 2, 3 and 5.
        let symmetric = [
            (1, vec![0; 15]),
            (2, vec![1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0]),
            (3, vec![0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2]),
            (5, vec![3, 4, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 4, 3, 2, 1, 0, 0, 1]),
        ];
        let reflect = [
            (1, vec![0; 15]),
            (2, vec![1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]),
            (3, vec![1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1]),
            (5, vec![1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3]),
        ];
        for (padding, cases) in [(Padding::Symmetric, symmetric), (Padding::Reflect, reflect)] {
            for (extent, expected) in cases {
                let line: Vec<_> = (-7..extent as isize + 7).map(|at| padding.source(at, extent)).collect();
                let expected: Vec<_> = expected.into_iter().map(Some).collect();
                assert_eq!(line, expected, "{padding} {extent}");
            }
        }
        assert_eq!(Padding::Replicate.source(-9, 4), Some(0));
        assert_eq!(Padding::Replicate.source(9, 4), Some(3));
        assert_eq!(Padding::Zero.source(-1, 4), None);
        assert_eq!(Padding::Valid.source(4, 4), None);
        assert_eq!(Padding::Zero.source(3, 4), Some(3));
    }
}
