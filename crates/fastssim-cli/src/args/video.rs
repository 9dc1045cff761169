//! The arguments of `fastssim video`.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::Args;

use super::{GateArgs, MetricArgs, OutputArgs, PictureArgs};
use crate::video::Weights;

#[derive(Debug, Args)]
pub struct VideoArgs {
    /// The video as it should be: a y4m file or pipe, `-` for standard input, or what ffmpeg reads
    #[arg(value_name = "REFERENCE")]
    pub reference: PathBuf,

    /// The video to judge, of the same size, chroma and depth
    #[arg(value_name = "DISTORTED")]
    pub distorted: PathBuf,

    /// Leave out so many frames at the beginning of both videos
    #[arg(long, value_name = "NUMBER", default_value_t = 0, help_heading = "Frames")]
    pub skip: u64,

    /// Of the frames that follow, compare the first and then one in so many
    #[arg(long, value_name = "NUMBER", default_value = "1", help_heading = "Frames")]
    pub every: NonZeroU64,

    /// Compare so many frames at most
    #[arg(long, value_name = "NUMBER", help_heading = "Frames")]
    pub frames: Option<NonZeroU64>,

    /// Compare as far as both videos go
    ///
    /// Without it videos that differ in length are an error, once the frames that both have are compared.
    #[arg(long, help_heading = "Frames")]
    pub shortest: bool,

    /// How much Y, U and V count in the total: Y:U:V, or `samples` for as many as there are of each
    ///
    /// 6:1:1 is the custom of the video coding groups. With `samples` the weights are those of the line "All" of
    /// ffmpeg's filter: 4:1:1 for 4:2:0. The total of a gray video is that of Y.
    #[arg(long, value_name = "Y:U:V", default_value_t = Weights::CUSTOMARY, value_parser = Weights::parse, help_heading = "Metric")]
    pub weights: Weights,

    /// Write the map of each frame's luma as a PNG into this folder, which is made: frame-000000.png and so on
    ///
    /// Dark where the frames agree, bright where they differ: see `fastssim compare --help`.
    #[arg(long, value_name = "DIR", help_heading = "Pictures")]
    pub map: Option<PathBuf>,

    /// Write each frame of the reference, that of the distorted video and their map beside each other, as a PNG
    #[arg(long, value_name = "DIR", help_heading = "Pictures")]
    pub side_by_side: Option<PathBuf>,

    #[command(flatten)]
    pub pictures: PictureArgs,

    #[command(flatten)]
    pub output: OutputArgs,

    #[command(flatten)]
    pub gates: GateArgs,

    #[command(flatten)]
    pub metric: MetricArgs,
}
