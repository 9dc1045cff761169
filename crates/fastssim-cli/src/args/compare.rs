//! The arguments of `fastssim compare`.

use std::path::PathBuf;

use clap::Args;

use super::{InputArgs, MetricArgs};

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The image as it should be
    #[arg(value_name = "REFERENCE", required = true)]
    pub reference: Option<PathBuf>,

    /// The image to judge, of the same size
    #[arg(value_name = "DISTORTED", required = true)]
    pub distorted: Option<PathBuf>,

    /// Print one JSON object on one line
    ///
    /// All numbers have their full precision; `ssim` and `dssim` are null where the score is not a
    /// number, because an image of floats holds NaN or infinity. `seconds` is the time that the
    /// score took, `decoding_seconds` that of reading both images.
    #[arg(long)]
    pub json: bool,

    /// Write the map as a PNG: dark where the images agree, bright where they differ
    ///
    /// Each pixel shows 1 - SSIM of the window around it, averaged over the channels and clipped to
    /// 0..1, on the colour scale "inferno": 0 is black, then purple (0.25), red (0.5), orange
    /// (0.75), and 1 pale yellow. Green marks what is not a number. Under valid padding the map is
    /// smaller than the images by the window less one.
    #[arg(long, value_name = "FILE.png")]
    pub map: Option<PathBuf>,

    /// Write the gradient of SSIM with respect to DISTORTED, as NumPy's (c, h, w) of f32
    ///
    /// It says how the score changes with each sample of DISTORTED, in units of the samples as they
    /// are stored: one step of 255, say. That of DSSIM is its negative. With --gray it is that with
    /// respect to the luma, (1, h, w).
    #[arg(long, value_name = "FILE.npy")]
    pub gradient: Option<PathBuf>,

    #[command(flatten)]
    pub input: InputArgs,

    #[command(flatten)]
    pub metric: MetricArgs,
}
