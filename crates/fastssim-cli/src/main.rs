//! The command `fastssim`: compares pictures and videos.
//!
//! Arguments become a metric (`args`) and pairs of files (`pairs`). Each pair is a job (`compare`) of a pipeline: its
//! files become pictures (`picture`), which are compared (`measure`), by weights of pixels if there are some (`mask`); files about it follow (`output`), and a record
//! (`record`), which is counted (`tally`) and printed (`format`, `sink`). Videos are compared frame by frame
//! (`video`). Both have pictures to look at (`heatmap`, `side_by_side`, over `draw`) and a page of HTML (`report`).
//! Whatever fails ends in exit code 2 and one line (`console`).
#![forbid(unsafe_code)]

mod args;
mod compare;
mod console;
#[cfg(test)]
mod damage;
mod devices;
mod draw;
mod format;
mod generate;
mod heatmap;
mod interrupt;
mod mask;
mod measure;
mod output;
mod pairs;
mod picture;
mod pipeline;
mod record;
mod report;
mod resume;
mod side_by_side;
mod sink;
mod statistics;
mod tally;
mod video;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::args::{Cli, Command};
use crate::tally::Verdict;

fn main() -> ExitCode {
    let result = match Cli::try_parse() {
        Ok(cli) => run(cli.task()),
        // Help and version, which clap reports like errors.
        Err(error) if !error.use_stderr() => sink::is_closed(error.print()).map(|_| Verdict::Passed),
        Err(error) => Err(anyhow::Error::msg(usage(&error))),
    };
    let verdict = result.unwrap_or_else(|error| {
        console::say(&format!("{error:#}"));
        Verdict::Failed
    });
    ExitCode::from(verdict as u8)
}

fn run(command: Command) -> Result<Verdict> {
    match command {
        Command::Compare(args) => return compare::run(&args),
        Command::Video(args) => return video::run(&args),
        Command::ListDevices => sink::print(&devices::list())?,
        Command::Completions { shell } => generate::completions(shell)?,
        Command::Man { folder } => generate::manual(folder.as_deref())?,
    }
    Ok(Verdict::Passed)
}

/// What is wrong with the arguments, and what may help, on one line.
fn usage(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .take_while(|paragraph| !paragraph.starts_with("Usage:") && !paragraph.starts_with("For more"))
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let text = paragraphs.join("; ");
    format!("{}; see fastssim --help", text.trim_start_matches("error: "))
}
