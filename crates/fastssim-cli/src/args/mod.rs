//! What can be asked for: the subcommands, their arguments and their help.

mod compare;
mod input;
mod metric;

use clap::{Parser, Subcommand};

pub use compare::CompareArgs;
pub use input::{Alpha, InputArgs};
pub use metric::MetricArgs;

/// SSIM and DSSIM of images, where they differ, and the gradient.
///
/// The score is that of Wang et al. 2004: the mean over all pixels, then over the channels. It is 1
/// for identical images and never more.
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

    #[command(flatten)]
    short: CompareArgs,
}

/// What the command can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare images
    Compare(Box<CompareArgs>),
}

impl Cli {
    /// What was asked for, in the long form or the short one.
    pub fn task(self) -> Command {
        self.command.unwrap_or_else(|| Command::Compare(Box::new(self.short)))
    }
}

const AFTER_HELP: &str = "\
Output files appear whole or not at all. The result goes to standard output, messages to standard
error. The exit code is 0 on success and 2 on any error.

Examples:
  fastssim reference.png distorted.png
  fastssim --json --padding valid reference.png distorted.png
  fastssim --gray --map map.png --gradient gradient.npy reference.png distorted.jpg";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
