//! What can be asked for: the subcommands, their arguments and their help.

mod compare;
mod input;
mod metric;
mod output;
mod pictures;
mod video;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use compare::CompareArgs;
pub use input::{Alpha, InputArgs, Size};
pub use metric::MetricArgs;
pub use output::{Format, GateArgs, OutputArgs};
pub use pictures::PictureArgs;
pub use video::VideoArgs;

/// SSIM and DSSIM of images and videos, where they differ, and the gradient.
///
/// The score is that of Wang et al. 2004: the mean over all pixels, then over the channels. It is 1
/// for identical images and never more. Images are turned as their EXIF data say; colour profiles are ignored, and
/// samples are compared as they are stored.
///
/// `fastssim REFERENCE DISTORTED` is short for `fastssim compare REFERENCE DISTORTED`.
#[derive(Debug, Parser)]
#[command(
    name = "fastssim",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_long_help = AFTER_HELP,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// List the devices that --backend and --device can name
    #[arg(long, exclusive = true)]
    list_devices: bool,

    #[command(flatten)]
    short: CompareArgs,
}

/// What the command can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare images: a pair, one with many, two folders, or a list of pairs
    #[command(after_long_help = AFTER_HELP, max_term_width = 100)]
    Compare(Box<CompareArgs>),

    /// Compare two videos, frame by frame
    #[command(after_long_help = VIDEO_HELP, max_term_width = 100)]
    Video(Box<VideoArgs>),

    /// Print the completions of a shell, for it to read
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },

    /// Print the manual page, or write one for each subcommand
    Man {
        /// The folder that gets them all
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },

    /// List the devices that --backend and --device can name
    #[command(skip)]
    ListDevices,
}

impl Cli {
    /// What was asked for, in the long form or the short one.
    pub fn task(self) -> Command {
        match self.command {
            Some(command) => command,
            None if self.list_devices => Command::ListDevices,
            None => Command::Compare(Box::new(self.short)),
        }
    }
}

const AFTER_HELP: &str = "\
Output files appear whole or not at all. Results go to standard output, messages to standard error.

Exit codes:
  0  the images were compared, and passed all thresholds
  1  a score is below --fail-under, or the mean below --fail-mean-under
  2  an error, be it of one pair among many

Examples:
  fastssim reference.png distorted.png
  fastssim --gray --map map.png --gradient gradient.npy reference.png distorted.jpg
  fastssim compare originals/ encoded/ --summary --fail-under 0.98
  fastssim compare original.png q10.jpg q50.jpg q90.jpg --format csv
  fastssim compare --pairs list.csv --output results.jsonl --resume";

const VIDEO_HELP: &str = "\
Frames are counted from 0. A video that is not y4m is decoded by ffmpeg, if that is installed. The
thresholds are those of the weighted total, of any frame or of the mean.

Exit codes:
  0  the videos were compared, and passed all thresholds
  1  a frame is below --fail-under, or the mean below --fail-mean-under
  2  an error

Examples:
  fastssim video original.y4m encoded.mp4
  fastssim video original.mkv encoded.mkv --every 10 --report report.html
  ffmpeg -v error -i encoded.mkv -f yuv4mpegpipe -strict -1 - | fastssim video original.y4m -";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
