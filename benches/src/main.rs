//! Times the library on arrays from `.npy` files and prints one JSON object: the half of
//! `peers/compare.py` that is ours, run in turn with the peers on the very same arrays.
#![forbid(unsafe_code)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use fastssim::{Backend, Padding, Pixel, Ssim};
use ndarray::{Array, Array2, Ix2};
use ndarray_npy::ReadNpyExt;
use serde::Serialize;

/// Times SSIM of two images of (height, width) in `.npy` files.
#[derive(Parser)]
struct Args {
    x: PathBuf,
    y: PathBuf,
    /// What is computed in each call.
    #[arg(long, value_enum)]
    work: Work,
    /// Threads of the pool.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Timed calls, after two that are not.
    #[arg(long, default_value_t = 9)]
    calls: usize,
    /// Valid padding, the one that the CPU peers have.
    #[arg(long)]
    valid: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Work {
    Forward,
    Gradient,
    Map,
}

#[derive(Serialize)]
struct Timing {
    score: f64,
    seconds: Vec<f64>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let timing = match element_type(&args.x)?.as_str() {
        "|u1" => time::<u8>(&args),
        "<u2" => time::<u16>(&args),
        "<f4" => time::<f32>(&args),
        "<f8" => time::<f64>(&args),
        other => bail!("{}: element type {other} is not supported", args.x.display()),
    }?;
    println!("{}", serde_json::to_string(&timing)?);
    Ok(())
}

/// The `descr` of a `.npy` file's header.
fn element_type(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let header = String::from_utf8_lossy(&bytes[..bytes.len().min(128)]).into_owned();
    let quoted = header.split("'descr':").nth(1).and_then(|rest| rest.split('\'').nth(1));
    Ok(quoted.context("no header of a .npy file")?.to_owned())
}

fn read<T: ndarray_npy::ReadableElement>(path: &Path) -> Result<Array2<T>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    Array::<T, Ix2>::read_npy(file).with_context(|| path.display().to_string())
}

fn time<T: Pixel + ndarray_npy::ReadableElement>(args: &Args) -> Result<Timing> {
    let (x, y) = (read::<T>(&args.x)?, read::<T>(&args.y)?);
    let padding = if args.valid { Padding::Valid } else { Padding::Zero };
    let metric = Ssim::builder().padding(padding).backend(Backend::Cpu).build()?;
    let margin = if args.valid { metric.window() - 1 } else { 0 };
    let mut scores = [0.0];
    let mut gradient = Array2::<T::Real>::default(x.dim());
    let mut map = Array2::<T::Real>::default((x.nrows() - margin, x.ncols() - margin));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads).build()?;
    let mut seconds = Vec::new();
    pool.install(|| -> Result<()> {
        for call in 0..args.calls + 2 {
            let start = Instant::now();
            match args.work {
                Work::Forward => metric.ssim_into(&x, &y, &mut scores)?,
                Work::Gradient => metric.ssim_with_gradient_into(&x, &y, &mut scores, gradient.view_mut())?,
                Work::Map => metric.ssim_map_into(&x, &y, map.view_mut())?,
            }
            if call >= 2 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
        metric.ssim_into(&x, &y, &mut scores)?;
        Ok(())
    })?;
    Ok(Timing {
        score: scores[0],
        seconds,
    })
}
