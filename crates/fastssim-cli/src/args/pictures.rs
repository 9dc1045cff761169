//! The options of pictures and of the report, which images and videos share.

use std::path::PathBuf;

use clap::Args;

use crate::heatmap::Scale;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Pictures")]
pub struct PictureArgs {
    /// Write a report: one page of HTML with a table, a histogram and the worst, which loads nothing from elsewhere
    ///
    /// The table can be sorted and filtered. Of videos it has the score over time as well. docs/report.md shows it.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,

    /// How many of the worst the report shows with their maps
    #[arg(long, value_name = "NUMBER", default_value_t = 8, requires = "report")]
    pub worst: usize,

    /// What the brightest colour of maps stands for, from 0.000001 to 2: less shows smaller differences
    #[arg(long, value_name = "VALUE", default_value = "1", value_parser = Scale::parse)]
    pub map_max: Scale,

    /// Write maps without a legend, as large as the images
    #[arg(long)]
    pub no_legend: bool,
}
