//! Chores of the project that are not cargo's: `cargo xtask --help` lists them.
//!
//! `ptx` compiles the kernels or checks the committed ones; `tune` measures which suit this machine's GPU; `bundle`
//! gathers what a machine with a GPU and without Rust needs to run the tests and the benchmarks.
#![forbid(unsafe_code)]

mod bundle;
mod compiler;
mod ptx;
mod ptxas;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::workspace::Workspace;

/// Chores of fastssim.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Chore {
    /// Compiles the kernels to PTX, into the library's sources.
    ///
    /// The compiler is the one that FASTSSIM_KERNEL_RUSTC names, else Debian's, else that of the
    /// pinned toolchain; it must have the source of its core library beside it. `ptxas`, which
    /// only the check uses, is the one that PTXAS names, else the one in PATH, else that of the
    /// PyPI package nvidia-cuda-nvcc of `python3`.
    Ptx {
        /// Writes nothing: compares with the committed files, and assembles those if ptxas is there.
        #[arg(long)]
        check: bool,
    },
    /// Measures on this machine's GPU which kernels suit which images, and writes its lines of the table of launch plans
    /// into the library's sources.
    Tune {
        /// The device's index.
        #[arg(long, default_value_t = 0)]
        device: usize,
    },
    /// Gathers the GPU tests, the command and the benchmarks for a machine that has no Rust.
    Bundle {
        /// The folder to write to [default: bundle, in the target folder].
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Chore::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not as `main` would show it, which adds a backtrace of this program.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<()> {
    let workspace = Workspace::find()?;
    match chore {
        Chore::Ptx { check: false } => ptx::write(&workspace),
        Chore::Ptx { check: true } => ptx::check(&workspace),
        Chore::Tune { device } => tune(&workspace, device),
        Chore::Bundle { out } => bundle::write(&workspace, out),
    }
}

/// Runs the benchmarks' program, which has what it takes: on machines without Rust it is run by itself.
fn tune(workspace: &Workspace, device: usize) -> Result<()> {
    let table = workspace.root.join("crates/fastssim/src/cuda/plans.csv");
    let mut command = workspace.cargo();
    command.args([
        "run",
        "--release",
        "--package",
        "fastssim-benches",
        "--bin",
        "measure-gpu",
    ]);
    command
        .args(["--", "tune", "--device", &device.to_string(), "--write"])
        .arg(table);
    let status = command.status().context("cargo run")?;
    ensure!(status.success(), "measure-gpu tune failed: {status}");
    Ok(())
}
