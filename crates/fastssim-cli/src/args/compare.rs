//! The arguments of `fastssim compare`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::{GateArgs, InputArgs, MetricArgs, OutputArgs, PictureArgs};

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The image as it should be, or a folder of such images
    #[arg(value_name = "REFERENCE", required_unless_present = "pairs")]
    pub reference: Option<PathBuf>,

    /// The image to judge, of the same size; or several of them; or a folder
    ///
    /// Two folders are compared file by file: each file with that of the same path in the other, or, where there is
    /// none, with the only one whose path differs in its extension alone (a.png and a.jpg). Files without a partner
    /// are reported and counted.
    #[arg(value_name = "DISTORTED", required_unless_present = "pairs")]
    pub distorted: Vec<PathBuf>,

    /// Compare the pairs that a list names: CSV or JSON lines, `-` for standard input
    ///
    /// CSV has two columns, the reference and the distorted image, or a header with the columns `reference` and
    /// `distorted` among any others. A line of JSON is an object with these two members. A column or member `mask`
    /// names the mask of a pair, instead of --mask. Paths are taken from the current folder, as on the command line.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reference", "distorted"])]
    pub pairs: Option<PathBuf>,

    /// Compare only files of folders that match: *.png, or by their path, photos/**/*.jpg
    ///
    /// Without it all files with an extension of a known format are compared. A pattern without a slash is one of
    /// names in any folder. Hidden files are left out.
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,

    /// Leave out files of folders that match
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,

    /// Take the masks from a folder: for each file of two folders the one of the same path in there
    ///
    /// Or, where there is none, the only one whose path differs in its extension alone (a.jpg and a.png). A pair
    /// without a mask fails. See --mask.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["mask", "pairs"], help_heading = "Metric")]
    pub masks: Option<PathBuf>,

    /// Stop at the first pair that fails, and refuse folders in which a file has no partner
    ///
    /// Without it a pair that fails is reported, and the others are compared nevertheless.
    #[arg(long)]
    pub strict: bool,

    /// Continue a list from its output file, which has the results of the pairs before
    ///
    /// It needs --output and the formats jsonl or csv. Results are appended as they come; a line that was cut off is
    /// compared again. The options of the metric must be those of the results in the file. With a file that does not
    /// exist it starts one, which survives even a loss of power.
    #[arg(long, requires = "output")]
    pub resume: bool,

    /// The number of threads; as many pairs are in work at a time
    ///
    /// Without it as many as the machine has cores.
    #[arg(long, value_name = "NUMBER")]
    pub threads: Option<NonZeroUsize>,

    /// Write the map as a PNG: dark where the images agree, bright where they differ
    ///
    /// Each pixel shows 1 - SSIM of the window around it, averaged over the channels and clipped to
    /// 0..1 (or as --map-max says), on the colour scale "inferno": 0 is black, then purple (0.25), red (0.5), orange
    /// (0.75), and 1 pale yellow. Green marks what is not a number. Under valid padding the map is
    /// smaller than the images by the window less one. The legend is below the map, whose pixels keep their places.
    ///
    /// Of more than one pair it is a folder, which is made: it gets a file for each pair, named for the distorted
    /// image with .png added.
    #[arg(long, value_name = "FILE.png|DIR", help_heading = "Pictures")]
    pub map: Option<PathBuf>,

    /// Write the reference, the distorted image and the map beside each other, as a PNG
    ///
    /// Samples of 16 bits and floats are shown with 8 bits. Of more than one pair it is a folder, as with --map.
    #[arg(long, value_name = "FILE.png|DIR", help_heading = "Pictures")]
    pub side_by_side: Option<PathBuf>,

    #[command(flatten)]
    pub pictures: PictureArgs,

    /// Write the gradient of SSIM with respect to DISTORTED, as NumPy's (c, h, w) of f32
    ///
    /// It says how the score changes with each sample of DISTORTED, in units of the samples as they
    /// are stored: one step of 255, say. That of DSSIM is its negative (or half of that). With --gray it is that with
    /// respect to the luma, (1, h, w). Arrays of f64 have one of f64.
    ///
    /// Of more than one pair it is a folder, as with --map.
    #[arg(long, value_name = "FILE.npy|DIR", help_heading = "Output")]
    pub gradient: Option<PathBuf>,

    #[command(flatten)]
    pub output: OutputArgs,

    #[command(flatten)]
    pub gates: GateArgs,

    #[command(flatten)]
    pub input: InputArgs,

    #[command(flatten)]
    pub metric: MetricArgs,
}
