//! What is made of the description of the arguments: completions for shells, and manual pages.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::sink::print;

/// Prints the completions of a shell.
pub fn completions(shell: Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "fastssim", &mut text);
    print(&String::from_utf8(text)?)
}

/// Prints the manual page, or writes it and those of the subcommands into a folder, which is made.
pub fn manual(folder: Option<&Path>) -> Result<()> {
    match folder {
        Some(folder) => fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
            .with_context(|| folder.display().to_string()),
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut text)?;
            print(&String::from_utf8(text)?)
        }
    }
}
