//! The command `fastssim`: compares pictures.
//!
//! Arguments become a metric and pairs of pictures; those are compared; output files and records of
//! the results follow. Whatever fails ends it with exit code 2 and one line.
#![forbid(unsafe_code)]

mod args;
mod compare;
mod format;
mod interrupt;
mod jpeg;
mod measure;
mod output;
mod pictures;
mod record;
mod statistics;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    let result = match Cli::try_parse() {
        Ok(cli) => run(cli.task()),
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

fn run(command: Command) -> Result<()> {
    match command {
        Command::Compare(args) => compare::run(&args),
    }
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
