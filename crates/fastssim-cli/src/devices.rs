//! Which devices there are, and why one was chosen.

use std::fmt::Write;
use std::thread::available_parallelism;

use fastssim::{Backend, Ssim};

use crate::console::count;

/// The list of `--list-devices`.
pub fn list() -> String {
    let cores = available_parallelism().map_or(1, usize::from);
    let mut text = format!("cpu     {}\n", count(cores, "thread"));
    gpus(&mut text);
    text
}

#[cfg(feature = "cuda")]
fn gpus(text: &mut String) {
    match fastssim::cuda::devices() {
        Ok(devices) => {
            for info in devices {
                let (major, minor) = info.compute_capability;
                let gibibytes = info.memory as f64 / f64::from(1 << 30);
                let _ = write!(
                    text,
                    "cuda:{}  {}, {gibibytes:.1} GiB, compute capability {major}.{minor}",
                    info.index, info.name
                );
                // Its error says what is missing.
                if let Err(error) = fastssim::cuda::Device::new(info.index) {
                    let _ = write!(text, ": {error}");
                }
                text.push('\n');
            }
        }
        Err(error) => {
            let _ = writeln!(text, "cuda    none: {error}");
        }
    }
}

#[cfg(not(feature = "cuda"))]
fn gpus(text: &mut String) {
    let _ = writeln!(text, "cuda    none: this program was built without it");
}

/// Which backend a metric takes, and why.
pub fn choice(metric: &Ssim) -> String {
    let backend = metric.backend();
    let reason = match (metric.requested_backend(), backend) {
        (Backend::Auto, Backend::Cpu) => match metric.with_backend(Backend::Cuda { device: 0 }) {
            Err(error) => format!("{error}"),
            Ok(_) => "no GPU can be used any more".into(),
        },
        (Backend::Auto, _) => "the first GPU that works".into(),
        _ => "as --backend says".into(),
    };
    format!("backend {backend}: {reason}")
}
