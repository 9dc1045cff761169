//! What is known after videos were compared: a record for each frame, and a summary. How they are printed is the
//! business of others.

use fastssim::{Backend, DssimConvention, Ssim};
use serde::Serialize;

use super::format::Format;
use super::score::{Deficits, Scorer};
use crate::args::MetricArgs;
use crate::record::{Settings, VERSION};
use crate::statistics::Statistics;

/// The result of one frame. The order of fields is that of all outputs; `docs/video.md` documents each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrameRecord {
    /// Its number in the video, counted from 0.
    pub frame: u64,
    /// When it is shown, in seconds from the beginning.
    pub time: Option<f64>,
    /// The weighted total of the planes.
    pub ssim: f64,
    /// That of the total, as the metric's convention has it.
    pub dssim: f64,
    /// SSIM of each plane.
    pub y: f64,
    pub u: Option<f64>,
    pub v: Option<f64>,
}

impl FrameRecord {
    pub fn new(frame: u64, deficits: &Deficits, format: &Format, metric: &Ssim) -> Self {
        let plane = |index: usize| deficits.planes.get(index).map(|deficit| 1.0 - deficit);
        let factor = match metric.dssim_convention() {
            DssimConvention::HalfOneMinusSsim => 0.5,
            _ => 1.0,
        };
        Self {
            frame,
            time: format
                .rate
                .map(|[over, under]| frame as f64 * f64::from(under) / f64::from(over)),
            ssim: 1.0 - deficits.total,
            dssim: factor * deficits.total,
            y: 1.0 - deficits.planes[0],
            u: plane(1),
            v: plane(2),
        }
    }
}

/// The result of a video: what was compared and how, and the statistics of all frames. The order of fields is that of
/// all outputs.
#[derive(Clone, Debug, Serialize)]
pub struct VideoRecord {
    pub reference: String,
    pub distorted: String,
    /// Frames that were scored.
    pub frames: usize,
    /// Of the weighted total.
    pub ssim: Statistics,
    /// Of each plane.
    pub y: Statistics,
    pub u: Option<Statistics>,
    pub v: Option<Statistics>,
    /// The number of the frame with the lowest total, the first of them.
    pub worst: u64,
    pub width: usize,
    pub height: usize,
    /// `gray`, `4:2:0`, `4:2:2` or `4:4:4`.
    pub chroma: &'static str,
    pub bits: u32,
    /// Frames a second.
    pub frame_rate: Option<f64>,
    /// How much each plane counts; the sum is 1.
    pub weights: Vec<f64>,
    /// The file that says what each pixel counts.
    pub mask: Option<String>,
    pub preset: Option<String>,
    pub padding: String,
    pub window: usize,
    /// None where the window is no Gaussian.
    pub sigma: Option<f64>,
    pub k1: f64,
    pub k2: f64,
    pub data_range: f64,
    pub options: Option<String>,
    pub dssim_convention: String,
    /// `cpu` or `cuda`.
    pub backend: String,
    /// The index of the GPU.
    pub device: Option<usize>,
    /// From the first frame to the last, all work included.
    pub seconds: f64,
    pub version: &'static str,
}

impl VideoRecord {
    /// Gathers what is known; nothing where there is no frame.
    pub fn new(
        names: [String; 2],
        frames: &[FrameRecord],
        format: &Format,
        metric: &Ssim,
        args: &MetricArgs,
        scorer: &Scorer,
        seconds: f64,
    ) -> Option<Self> {
        let statistics = |of: fn(&FrameRecord) -> Option<f64>| {
            Statistics::of(&mut frames.iter().filter_map(of).collect::<Vec<f64>>())
        };
        let [reference, distorted] = names;
        let settings = Settings::of(metric, args.preset);
        let (backend, device) = match scorer.backend() {
            Backend::Cuda { device } => ("cuda".into(), Some(device)),
            other => (other.to_string(), None),
        };
        Some(Self {
            reference,
            distorted,
            frames: frames.len(),
            ssim: statistics(|frame| Some(frame.ssim))?,
            y: statistics(|frame| Some(frame.y))?,
            u: statistics(|frame| frame.u),
            v: statistics(|frame| frame.v),
            worst: frames.iter().min_by(|a, b| a.ssim.total_cmp(&b.ssim))?.frame,
            width: format.width,
            height: format.height,
            chroma: format.chroma.name(),
            bits: format.bits,
            frame_rate: format.rate.map(|[over, under]| f64::from(over) / f64::from(under)),
            weights: scorer.weights().to_vec(),
            mask: args.mask.as_ref().map(|path| path.to_string_lossy().into_owned()),
            preset: settings.preset,
            padding: settings.padding,
            window: settings.window,
            sigma: settings.sigma,
            k1: settings.k1,
            k2: settings.k2,
            data_range: metric.data_range().unwrap_or(f64::from(format.largest())),
            options: settings.options,
            dssim_convention: settings.dssim_convention,
            backend,
            device,
            seconds,
            version: VERSION,
        })
    }
}
