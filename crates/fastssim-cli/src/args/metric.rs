//! The options of the metric, which all subcommands share, and the metric that they configure.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use fastssim::{Covariance, Downsampling, DssimConvention, Error, Preset, Ssim};

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Metric")]
pub struct MetricArgs {
    /// The settings of another library, as it comes; further options change them
    ///
    /// One of wang2004, fused-ssim, fast-cuda-ssim, pytorch-msssim, scikit-image, scikit-image-wang, tensorflow,
    /// kornia, matlab and ssimloss-jl. docs/presets.md says what each of them computes.
    #[arg(long, value_name = "NAME", value_parser = preset)]
    pub preset: Option<Preset>,

    /// How the images continue beyond their edges; without a preset as zeros
    #[arg(long, value_enum)]
    pub padding: Option<Padding>,

    /// Side of the Gaussian window, odd; without a preset 11
    #[arg(long, value_name = "PIXELS", allow_negative_numbers = true)]
    pub window: Option<usize>,

    /// Standard deviation of the Gaussian window; without a preset 1.5
    #[arg(long, value_name = "PIXELS", allow_negative_numbers = true)]
    pub sigma: Option<f64>,

    /// A window of this side, odd, whose pixels all weigh the same
    #[arg(long, value_name = "PIXELS", allow_negative_numbers = true, conflicts_with_all = ["window", "sigma"])]
    pub uniform_window: Option<usize>,

    /// The weights of the window along one axis, as in 1,2,1; they are divided by their sum
    #[arg(
        long,
        value_name = "W,W,...",
        value_delimiter = ',',
        allow_negative_numbers = true,
        conflicts_with_all = ["window", "sigma", "uniform_window"],
    )]
    pub window_weights: Option<Vec<f64>>,

    /// Variances of a sample: times n / (n - 1), with n pixels in the window
    #[arg(long)]
    pub sample_covariance: bool,

    /// The exponents of luminance, contrast and structure, as in 1,0,0 for luminance alone
    #[arg(
        long,
        value_name = "A,B,C",
        value_delimiter = ',',
        num_args = 1,
        allow_negative_numbers = true
    )]
    pub exponents: Option<Vec<f64>>,

    /// What each channel counts in the mean over the channels, as in 6,1,1
    #[arg(long, value_name = "W,W,...", value_delimiter = ',', allow_negative_numbers = true)]
    pub channel_weights: Option<Vec<f64>>,

    /// What each pixel counts: a gray image or an array of the size of the images, 0 where nothing counts
    ///
    /// The score is the mean of the map weighted by it, the same for all channels; only the ratios of the weights
    /// matter. A window counts as the pixel at its centre does. Maps show all windows. Of videos a sample of U or V
    /// counts as its pixels do on average.
    #[arg(long, value_name = "FILE")]
    pub mask: Option<PathBuf>,

    /// Make images smaller first, by their shorter side / 256, rounded
    #[arg(long)]
    pub downsample: bool,

    /// White less black, in units of the samples as they are stored
    ///
    /// Without it: 255 for images of 8 bits, 65535 for 16 bits, 1 for floats.
    #[arg(long, value_name = "RANGE", allow_negative_numbers = true)]
    pub data_range: Option<f64>,

    /// The constant of the luminance, C1 = (k1 range)^2
    #[arg(long, value_name = "NUMBER", default_value_t = 0.01, allow_negative_numbers = true)]
    pub k1: f64,

    /// The constant of the contrast, C2 = (k2 range)^2
    #[arg(long, value_name = "NUMBER", default_value_t = 0.03, allow_negative_numbers = true)]
    pub k2: f64,

    /// What DSSIM means; without a preset 1 - SSIM
    #[arg(long, value_enum, value_name = "CONVENTION")]
    pub dssim: Option<Dssim>,

    /// Where the work is done
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,

    /// Which GPU `--backend cuda` takes, counted from 0
    #[arg(long, value_name = "INDEX")]
    pub device: Option<usize>,
}

/// How the images continue beyond their edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Padding {
    /// As zeros (black); every pixel counts
    Zero,
    /// Not at all: only windows that lie inside count
    Valid,
    /// Mirrored, the edge repeated: c b a | a b c
    Symmetric,
    /// Mirrored about the edge: c b | a b c
    Reflect,
    /// The edge for ever: a a | a b c
    Replicate,
}

impl From<Padding> for fastssim::Padding {
    fn from(padding: Padding) -> Self {
        match padding {
            Padding::Zero => Self::Zero,
            Padding::Valid => Self::Valid,
            Padding::Symmetric => Self::Symmetric,
            Padding::Reflect => Self::Reflect,
            Padding::Replicate => Self::Replicate,
        }
    }
}

/// Where the work is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// On a GPU if there is one that works, else on the processor
    #[default]
    Auto,
    /// On the processor
    Cpu,
    /// On an NVIDIA GPU, or not at all
    Cuda,
}

/// What DSSIM means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Dssim {
    /// 1 - SSIM, from 0 to 2
    OneMinusSsim,
    /// (1 - SSIM) / 2, from 0 to 1
    HalfOneMinusSsim,
}

impl From<Dssim> for DssimConvention {
    fn from(dssim: Dssim) -> Self {
        match dssim {
            Dssim::OneMinusSsim => Self::OneMinusSsim,
            Dssim::HalfOneMinusSsim => Self::HalfOneMinusSsim,
        }
    }
}

/// Numbers as they were given.
fn list(numbers: &[f64]) -> String {
    let numbers: Vec<_> = numbers.iter().map(f64::to_string).collect();
    numbers.join(",")
}

fn preset(name: &str) -> Result<Preset, Error> {
    name.parse()
}

impl MetricArgs {
    /// The metric that was asked for, where white less black is `range` unless an option says
    /// otherwise; an error names the option at fault.
    pub fn metric(&self, range: f64) -> Result<Ssim> {
        let backend = match (self.backend, self.device) {
            (Backend::Auto, None) => fastssim::Backend::Auto,
            (Backend::Cpu, None) => fastssim::Backend::Cpu,
            (Backend::Cuda, device) => fastssim::Backend::Cuda {
                device: device.unwrap_or(0),
            },
            (_, Some(device)) => return Err(anyhow!("--device {device}: it needs --backend cuda")),
        };
        let mut builder = self.preset.map_or_else(Ssim::builder, Ssim::preset);
        if let Some(padding) = self.padding {
            builder = builder.padding(padding.into());
        }
        if let Some(window) = self.window {
            builder = builder.window(window);
        }
        if let Some(sigma) = self.sigma {
            builder = builder.sigma(sigma);
        }
        if let Some(size) = self.uniform_window {
            builder = builder.uniform_window(size);
        }
        if let Some(weights) = &self.window_weights {
            builder = builder.window_weights(weights.clone());
        }
        if self.sample_covariance {
            builder = builder.covariance(Covariance::Sample);
        }
        if let Some(exponents) = &self.exponents {
            let found = exponents.len();
            let three = <[f64; 3]>::try_from(exponents.as_slice());
            let three = three.map_err(|_| anyhow!("--exponents {}: there must be 3, not {found}", list(exponents)))?;
            builder = builder.exponents(three);
        }
        if let Some(weights) = &self.channel_weights {
            builder = builder.channel_weights(weights.clone());
        }
        if self.downsample {
            builder = builder.downsampling(Downsampling::Automatic);
        }
        if let Some(dssim) = self.dssim {
            builder = builder.dssim(dssim.into());
        }
        let builder = builder
            .data_range(self.data_range.unwrap_or(range))
            .k1(self.k1)
            .k2(self.k2)
            .backend(backend);
        builder.build().map_err(|error| match error {
            Error::WindowSize { size, max } => {
                let option = match (self.uniform_window, &self.window_weights) {
                    (Some(_), _) => "--uniform-window",
                    (None, Some(weights)) => {
                        let found = list(weights);
                        return anyhow!("--window-weights {found}: there must be an odd number of them, at most {max}");
                    }
                    (None, None) => "--window",
                };
                anyhow!("{option} {size}: it must be odd and from 1 to {max}")
            }
            Error::Weights { name, allowed, .. } if name.ends_with("_weights") => {
                let weights = [&self.window_weights, &self.channel_weights];
                let found = weights[usize::from(name == "channel_weights")]
                    .as_deref()
                    .unwrap_or_default();
                anyhow!("--{} {}: they must be {allowed}", name.replace('_', "-"), list(found))
            }
            Error::Parameter { name, value, allowed } if name.contains(' ') => {
                let found = list(self.exponents.as_deref().unwrap_or_default());
                anyhow!("--exponents {found}: {name} is {value}, and must be {allowed}")
            }
            Error::Parameter { name, value, allowed } => {
                anyhow!("--{} {value}: it must be {allowed}", name.replace('_', "-"))
            }
            Error::Cuda(error) => anyhow!("--backend cuda: {error}"),
            other => other.into(),
        })
    }
}
