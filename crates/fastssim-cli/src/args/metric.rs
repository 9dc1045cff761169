//! The options of the metric, which all subcommands share, and the metric that they configure.

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use fastssim::{DssimConvention, Error, Ssim};

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Metric")]
pub struct MetricArgs {
    /// How the images continue beyond their edges
    #[arg(long, value_enum, default_value_t)]
    pub padding: Padding,

    /// Side of the Gaussian window, odd
    #[arg(long, value_name = "PIXELS", default_value_t = 11, allow_negative_numbers = true)]
    pub window: usize,

    /// Standard deviation of the Gaussian window
    #[arg(long, value_name = "PIXELS", default_value_t = 1.5, allow_negative_numbers = true)]
    pub sigma: f64,

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

    /// What DSSIM means
    #[arg(long, value_enum, default_value_t, value_name = "CONVENTION")]
    pub dssim: Dssim,

    /// Where the work is done
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,

    /// Which GPU `--backend cuda` takes, counted from 0
    #[arg(long, value_name = "INDEX")]
    pub device: Option<usize>,
}

/// How the images continue beyond their edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Padding {
    /// As zeros (black); every pixel counts
    #[default]
    Zero,
    /// Not at all: only windows that lie inside count
    Valid,
}

impl From<Padding> for fastssim::Padding {
    fn from(padding: Padding) -> Self {
        match padding {
            Padding::Zero => Self::Zero,
            Padding::Valid => Self::Valid,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Dssim {
    /// 1 - SSIM, from 0 to 2
    #[default]
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
        let builder = Ssim::builder()
            .padding(self.padding.into())
            .window(self.window)
            .sigma(self.sigma)
            .data_range(self.data_range.unwrap_or(range))
            .k1(self.k1)
            .k2(self.k2)
            .dssim(self.dssim.into())
            .backend(backend);
        builder.build().map_err(|error| match error {
            Error::WindowSize { size, max } => anyhow!("--window {size}: it must be odd and from 1 to {max}"),
            Error::Parameter { name, value, allowed } => {
                anyhow!("--{} {value}: it must be {allowed}", name.replace('_', "-"))
            }
            Error::Cuda(error) => anyhow!("--backend cuda: {error}"),
            other => other.into(),
        })
    }
}
