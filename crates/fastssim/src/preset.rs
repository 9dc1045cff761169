//! The settings of other libraries by name.

use std::fmt;
use std::str::FromStr;

use crate::builder::SsimBuilder;
use crate::config::Ssim;
use crate::error::Error;
use crate::options::{Covariance, Downsampling, DssimConvention, Padding};

/// What another library computes by default, which [`Ssim::preset`] reproduces.
///
/// | preset | beyond the edges | window | variances | downsampling | DSSIM |
/// |---|---|---|---|---|---|
/// | `wang2004` | valid | Gaussian 11, σ 1.5 | population | | 1 − SSIM |
/// | `fused-ssim` | zero | Gaussian 11, σ 1.5 | population | | 1 − SSIM |
/// | `fast-cuda-ssim` | zero | Gaussian 11, σ 1.5 | population | | 1 − SSIM |
/// | `pytorch-msssim` | valid | Gaussian 11, σ 1.5 | population | | 1 − SSIM |
/// | `scikit-image` | valid | uniform 7 | sample | | 1 − SSIM |
/// | `scikit-image-wang` | valid | Gaussian 11, σ 1.5 | population | | 1 − SSIM |
/// | `tensorflow` | valid | Gaussian 11, σ 1.5 | population | | 1 − SSIM |
/// | `kornia` | reflect | Gaussian 11, σ 1.5 | population | | (1 − SSIM) / 2 |
/// | `matlab` | valid | Gaussian 11, σ 1.5 | population | automatic | 1 − SSIM |
/// | `ssimloss-jl` | valid | Gaussian 11, σ 1.5 | population | | 1 − SSIM |
///
/// All have k1 = 0.01, k2 = 0.03 and the mean over the channels. The dynamic range stays that of the element type:
/// 255 for bytes, 1 for floats; some of the libraries assume 255 or 1 whatever the type. Scores agree to
/// 1e-12 with what pytorch-msssim, scikit-image, TensorFlow and kornia compute in double precision, and with the formulas of
/// the others, which could not be run. As they come, pytorch-msssim's window is in single precision, by which its scores can
/// be off by 9e-6, and TensorFlow's public function, fused-ssim and FastCUDASSIM.jl compute all in single precision.
///
/// ```
/// use fastssim::{Padding, Preset, Ssim};
///
/// let metric = Ssim::preset(Preset::ScikitImage).build()?;
/// assert_eq!((metric.padding(), metric.window()), (Padding::Valid, 7));
/// assert_eq!("scikit-image".parse(), Ok(Preset::ScikitImage));
/// # Ok::<(), fastssim::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// The definition of Wang et al. 2004: `ssim_index.m`.
    Wang2004,
    /// `fused_ssim` with its default padding.
    FusedSsim,
    /// FastCUDASSIM.jl.
    FastCudaSsim,
    /// `pytorch_msssim.ssim`.
    PytorchMsssim,
    /// `skimage.metrics.structural_similarity` as it comes.
    ScikitImage,
    /// The same with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`, which follow Wang et al.
    ScikitImageWang,
    /// `tf.image.ssim`.
    Tensorflow,
    /// `kornia.metrics.ssim` and `kornia.losses.ssim_loss`, with `eps=0`: what kornia adds to the denominator moves
    /// scores by 1e-7, and that of two black images by 1e-5.
    Kornia,
    /// `ssim.m` of Wang et al. for MATLAB, which makes large images smaller. Colours are scored channel by channel,
    /// where the script takes gray images alone.
    Matlab,
    /// SSIMLoss.jl, whose default crops the edges.
    SsimlossJl,
}

impl Preset {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Wang2004,
        Self::FusedSsim,
        Self::FastCudaSsim,
        Self::PytorchMsssim,
        Self::ScikitImage,
        Self::ScikitImageWang,
        Self::Tensorflow,
        Self::Kornia,
        Self::Matlab,
        Self::SsimlossJl,
    ];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wang2004 => "wang2004",
            Self::FusedSsim => "fused-ssim",
            Self::FastCudaSsim => "fast-cuda-ssim",
            Self::PytorchMsssim => "pytorch-msssim",
            Self::ScikitImage => "scikit-image",
            Self::ScikitImageWang => "scikit-image-wang",
            Self::Tensorflow => "tensorflow",
            Self::Kornia => "kornia",
            Self::Matlab => "matlab",
            Self::SsimlossJl => "ssimloss-jl",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::Preset`] for any other text than the names.
    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|preset| preset.name() == name);
        found.ok_or_else(|| Error::Preset {
            name: name.into(),
            allowed: Self::ALL.map(Self::name).join(", "),
        })
    }
}

impl Ssim {
    /// Starts a configuration from the settings of another library.
    pub fn preset(preset: Preset) -> SsimBuilder {
        let builder = Self::builder();
        match preset {
            Preset::FusedSsim | Preset::FastCudaSsim => builder,
            Preset::Wang2004
            | Preset::PytorchMsssim
            | Preset::ScikitImageWang
            | Preset::Tensorflow
            | Preset::SsimlossJl => builder.padding(Padding::Valid),
            Preset::ScikitImage => builder
                .padding(Padding::Valid)
                .uniform_window(7)
                .covariance(Covariance::Sample),
            Preset::Kornia => builder
                .padding(Padding::Reflect)
                .dssim(DssimConvention::HalfOneMinusSsim),
            Preset::Matlab => builder.padding(Padding::Valid).downsampling(Downsampling::Automatic),
        }
    }
}
