//! What is known after a comparison: one record a pair, and a summary of many. How they are printed is the business
//! of others.

use std::time::Duration;

use fastssim::{Backend, Covariance, Downsampling, DssimConvention, Preset, Ssim};
use serde::{Deserialize, Serialize};

use crate::statistics::Statistics;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The parameters of a metric, without those of the pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub preset: Option<String>,
    pub padding: String,
    pub window: usize,
    /// None where the window is no Gaussian.
    pub sigma: Option<f64>,
    pub k1: f64,
    pub k2: f64,
    pub options: Option<String>,
    pub dssim_convention: String,
}

impl Settings {
    pub fn of(metric: &Ssim, preset: Option<Preset>) -> Self {
        Self {
            preset: preset.map(|preset| preset.to_string()),
            options: options(metric),
            padding: metric.padding().to_string(),
            window: metric.window(),
            sigma: metric.sigma(),
            k1: metric.k1(),
            k2: metric.k2(),
            dssim_convention: match metric.dssim_convention() {
                DssimConvention::HalfOneMinusSsim => "half-one-minus-ssim",
                _ => "one-minus-ssim",
            }
            .into(),
        }
    }
}

/// What a metric has besides the parameters that have a field of their own; None where that is nothing.
fn options(metric: &Ssim) -> Option<String> {
    let list = |numbers: &[f64]| numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let mut options = Vec::new();
    if metric.sigma().is_none() {
        let weights = metric.window_weights();
        if weights.iter().all(|weight| *weight == weights[0]) {
            options.push("uniform window".into());
        } else {
            options.push(format!("window weights {}", list(&weights)));
        }
    }
    if metric.covariance() == Covariance::Sample {
        options.push("sample covariance".into());
    }
    if metric.exponents() != [1.0; 3] {
        options.push(format!("exponents {}", list(&metric.exponents())));
    }
    if let Some(weights) = metric.channel_weights() {
        options.push(format!("channel weights {}", list(weights)));
    }
    if metric.downsampling() != Downsampling::None {
        options.push("downsampling".into());
    }
    (!options.is_empty()).then(|| options.join("; "))
}

/// The window in a few words.
pub fn window(size: usize, sigma: Option<f64>, options: Option<&str>) -> String {
    let sigma = sigma.map(|sigma| format!(", sigma {sigma}")).unwrap_or_default();
    let options = options.map(|options| format!(", {options}")).unwrap_or_default();
    format!("{size}x{size}{sigma}{options}")
}

/// The result of one pair. The order of fields is that of all outputs; all are there always, and null (in CSV:
/// empty) where they are not known. `docs/output.md` documents each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub reference: String,
    pub distorted: String,
    /// None where there is an error, or where the score is not a number.
    pub ssim: Option<f64>,
    pub dssim: Option<f64>,
    /// Why there is no score.
    pub error: Option<String>,
    pub width: Option<usize>,
    pub height: Option<usize>,
    pub channels: Option<usize>,
    pub pixel_type: Option<String>,
    pub gray: bool,
    /// The file that says what each pixel counts.
    pub mask: Option<String>,
    /// The name of a preset.
    pub preset: Option<String>,
    pub padding: String,
    pub window: usize,
    /// None where the window is no Gaussian.
    pub sigma: Option<f64>,
    pub k1: f64,
    pub k2: f64,
    pub data_range: Option<f64>,
    /// Whatever else the metric was told, in words.
    pub options: Option<String>,
    pub dssim_convention: String,
    /// `cpu` or `cuda`.
    pub backend: Option<String>,
    /// The index of the GPU.
    pub device: Option<usize>,
    /// Where the files are that were written.
    pub map: Option<String>,
    pub side_by_side: Option<String>,
    pub gradient: Option<String>,
    pub seconds: Option<f64>,
    pub decoding_seconds: Option<f64>,
    pub version: String,
}

/// What a comparison that succeeded has to say.
pub struct Measured {
    /// 1 − SSIM, which keeps its digits where the images are nearly the same.
    pub deficit: f64,
    /// As the metric's convention has it.
    pub dssim: f64,
    pub backend: Backend,
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    pub pixel_type: &'static str,
    pub data_range: f64,
    pub time: Duration,
    pub decoding: Duration,
}

impl Record {
    /// A record without a result.
    pub fn new([reference, distorted]: [String; 2], mask: Option<String>, gray: bool, settings: &Settings) -> Self {
        let settings = settings.clone();
        Self {
            reference,
            distorted,
            ssim: None,
            dssim: None,
            error: None,
            width: None,
            height: None,
            channels: None,
            pixel_type: None,
            gray,
            mask,
            preset: settings.preset,
            padding: settings.padding,
            window: settings.window,
            sigma: settings.sigma,
            k1: settings.k1,
            k2: settings.k2,
            data_range: None,
            options: settings.options,
            dssim_convention: settings.dssim_convention,
            backend: None,
            device: None,
            map: None,
            side_by_side: None,
            gradient: None,
            seconds: None,
            decoding_seconds: None,
            version: VERSION.into(),
        }
    }

    /// The record with its result.
    pub fn with(self, measured: &Measured) -> Self {
        let number = |value: f64| value.is_finite().then_some(value);
        let (backend, device) = match measured.backend {
            Backend::Cuda { device } => ("cuda".into(), Some(device)),
            other => (other.to_string(), None),
        };
        Self {
            ssim: number(1.0 - measured.deficit),
            dssim: number(measured.dssim),
            width: Some(measured.width),
            height: Some(measured.height),
            channels: Some(measured.channels),
            pixel_type: Some(measured.pixel_type.into()),
            data_range: Some(measured.data_range),
            backend: Some(backend),
            device,
            seconds: Some(measured.time.as_secs_f64()),
            decoding_seconds: Some(measured.decoding.as_secs_f64()),
            ..self
        }
    }

    /// The parameters that it was made with.
    pub fn settings(&self) -> Settings {
        Settings {
            preset: self.preset.clone(),
            options: self.options.clone(),
            padding: self.padding.clone(),
            window: self.window,
            sigma: self.sigma,
            k1: self.k1,
            k2: self.k2,
            dssim_convention: self.dssim_convention.clone(),
        }
    }
}

/// The result of many pairs.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Pairs that were asked for.
    pub pairs: usize,
    /// Those that have a score; the statistics are theirs.
    pub scored: usize,
    /// Those that have an error.
    pub failed: usize,
    /// Those whose score is not a number, as an image of floats holds NaN or infinity.
    pub not_a_number: usize,
    /// Files without a partner.
    pub unpaired: usize,
    /// Whether there is a result of each: no signal, and no error under `--strict`, ended it before.
    pub complete: bool,
    /// Of SSIM.
    pub ssim: Option<Statistics>,
    /// The names of the pair with the lowest score.
    pub worst: Option<[String; 2]>,
    pub version: &'static str,
}
