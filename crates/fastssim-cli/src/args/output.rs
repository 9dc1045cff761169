//! Where results go and how they look, and which of them make the command fail.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// How results are written
    ///
    /// Without it as the extension of --output says (.json, .jsonl, .csv), else as a table. Numbers of json, jsonl
    /// and csv have their full precision; docs/output.md describes the fields.
    #[arg(long, value_enum)]
    pub format: Option<Format>,

    /// Write the results to a file instead of standard output
    ///
    /// It is written under another name and renamed at the end, when it replaces a file that was there. Interrupted
    /// (Ctrl-C), it has the results so far.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Add a summary: mean, standard deviation, percentiles and the worst pair
    ///
    /// After the table; as the member `summary` that json always has; with jsonl and csv, whose lines are all
    /// results, on standard error.
    #[arg(long)]
    pub summary: bool,

    /// Say nothing on standard error but errors and thresholds that were missed
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say which backend does the work, and why
    #[arg(long, short)]
    pub verbose: bool,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Thresholds")]
pub struct GateArgs {
    /// Exit with 1 if the SSIM of any pair is below this
    #[arg(long, value_name = "SSIM", value_parser = score, allow_negative_numbers = true)]
    pub fail_under: Option<f64>,

    /// Exit with 1 if the mean SSIM of all pairs is below this
    #[arg(long, value_name = "SSIM", value_parser = score, allow_negative_numbers = true)]
    pub fail_mean_under: Option<f64>,
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines to read; one for each pair if there are several
    #[default]
    Table,
    /// One JSON document, with all results and their summary
    Json,
    /// A JSON object on a line for each pair
    Jsonl,
    /// Comma-separated values with a header
    Csv,
}

impl OutputArgs {
    /// The format that was asked for, or the one that the file's extension stands for.
    pub fn format(&self) -> Format {
        let extension = self.output.as_deref().and_then(|path| path.extension()?.to_str());
        self.format.unwrap_or(match extension {
            Some("json") => Format::Json,
            Some("jsonl" | "ndjson") => Format::Jsonl,
            Some("csv") => Format::Csv,
            _ => Format::Table,
        })
    }
}

fn score(text: &str) -> Result<f64, &'static str> {
    let value = text.parse().ok().filter(|value| (-1.0..=1.0).contains(value));
    value.ok_or("expected a number from -1 to 1")
}
