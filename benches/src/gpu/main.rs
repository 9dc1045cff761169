//! Times the CUDA backend and prints one JSON object a line: the half of `peers/gpu.py` that is ours.
//!
//! ```console
//! $ measure-gpu                  # images in the device's memory, of every shape and type
//! $ measure-gpu host-stream      # separate pairs from the host's memory
//! $ measure-gpu options          # what windows, paddings, types and other options cost
//! $ measure-gpu windows          # what windows of all sizes cost, by their taps
//! $ measure-gpu tune             # which kernels suit which images on this card
//! ```
//!
//! Times are those of the device's own events, medians of many rounds, on inputs that rotate through more memory than
//! the second-level cache has. The first line is the speed of a copy in the same run, which the floor of all others
//! comes from. Every score is compared with the processor's before its time counts.

#![forbid(unsafe_code)]

mod clock;
mod host_stream;
mod options;
mod pixels;
mod resident;
mod tune;
mod windows;

use anyhow::Result;
use clap::{Parser, Subcommand};
use fastssim::Padding;
use fastssim::cuda::{Device, Stream};
use serde::Serialize;

/// Times SSIM and its gradient on a GPU.
#[derive(Parser)]
struct Args {
    /// The device's index.
    #[arg(long, default_value_t = 0, global = true)]
    device: usize,
    /// Timed rounds, of which the median counts.
    #[arg(long, default_value_t = 21, global = true)]
    rounds: usize,
    /// Valid padding rather than zeros.
    #[arg(long, global = true)]
    valid: bool,
    #[command(subcommand)]
    mode: Option<Mode>,
}

#[derive(Subcommand)]
enum Mode {
    /// Separate 1080p pairs of three channels and `u8` from pinned memory, copied and compared in turn over several
    /// streams, beside the speed of copies alone.
    HostStream(host_stream::Options),
    /// Windows, paddings, types and other options beside the defaults.
    Options,
    /// Windows of all sizes, with each type and padding, beside one of eleven pixels of the same type and padding.
    Windows(windows::Options),
    /// Both kernels on images of several sizes, and the lines that this card should have in the library's table of
    /// launch plans.
    Tune(tune::Options),
}

fn main() -> Result<()> {
    let args = Args::parse();
    let device = Device::new(args.device)?;
    let stream = Stream::new(&device)?;
    // As on the threads of frameworks; else each call has to switch there and back.
    device.make_current()?;
    let padding = if args.valid { Padding::Valid } else { Padding::Zero };
    match args.mode {
        None => resident::measure(&stream, padding, args.rounds),
        Some(Mode::HostStream(options)) => host_stream::measure(&stream, padding, args.rounds, &options),
        Some(Mode::Options) => options::measure(&stream, args.rounds),
        Some(Mode::Windows(options)) => windows::measure(&stream, args.rounds, &options),
        Some(Mode::Tune(options)) => tune::measure(&stream, args.rounds, &options),
    }
}

fn print(line: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(line)?);
    Ok(())
}
