//! The command `fastssim`: compares two pictures.
//!
//! Arguments become a metric and two pictures; those are compared; output files and the report
//! follow. Whatever fails ends it with exit code 2 and one line.
#![forbid(unsafe_code)]

mod args;
mod compare;
mod interrupt;
mod jpeg;
mod output;
mod pictures;
mod report;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;

use crate::args::Args;
use crate::output::{Output, Staged};
use crate::report::Report;

fn main() -> ExitCode {
    let result = match Args::try_parse() {
        Ok(args) => run(&args),
        // Help and version, which clap reports like errors.
        Err(error) if !error.use_stderr() => unless_closed(error.print()),
        Err(error) => Err(anyhow::Error::msg(usage(&error))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done if this fails too.
            let _ = writeln!(io::stderr(), "fastssim: {}", one_line(&format!("{error:#}")));
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let map = args.map.as_deref();
    let gradient = args.gradient.as_deref();
    let inputs = [&*args.reference, &*args.distorted];
    let map_output = map.map(|path| Output::new(path, &inputs)).transpose()?;
    let taken = [inputs[0], inputs[1], map.unwrap_or(inputs[0])];
    let gradient_output = gradient.map(|path| Output::new(path, &taken)).transpose()?;

    let start = Instant::now();
    let pictures = pictures::read(args)?;
    let decoding = start.elapsed();
    // The luma of bytes is a float with the range of bytes, so no default of the library's will do.
    let metric = args.metric(pictures.depth.range())?;
    let comparison = compare::compare(&metric, &pictures.pixels, map.is_some(), gradient.is_some())
        .with_context(|| format!("{} and {}", args.reference.display(), args.distorted.display()))?;
    let report = Report::new(args, &metric, &pictures, decoding, &comparison);

    // All files are complete before the first of them gets its name.
    let mut staged: Vec<Staged> = Vec::new();
    if let (Some(output), Some(map)) = (map_output, &comparison.map) {
        staged.push(output.stage(|file| output::write_map(map, file))?);
    }
    if let (Some(output), Some(gradient)) = (gradient_output, &comparison.gradient) {
        staged.push(output.stage(|file| output::write_npy(gradient, file))?);
    }
    for file in staged {
        file.publish()?;
    }
    print(&if args.json { report.json()? } else { report.to_string() })
}

fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    unless_closed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// A reader that has left is no error: it has seen what it wanted.
fn unless_closed(printed: io::Result<()>) -> Result<()> {
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
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

/// The text with its control characters, which a file's name may hold, shown instead of obeyed.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
