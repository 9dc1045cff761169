//! Measures on this card which kernels suit which images, and writes the lines of the library's table of launch plans.
//!
//! Images alone and in a batch that fills the card are timed with the kernels for small images and with the march, size
//! after size. A score must not depend on its batch, so one answer must do for both: small images' kernels suit a size
//! if the product of their two gains is one, and all sizes below have it as well.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use fastssim::cuda::{DeviceImages, DeviceScores, Stream};
use fastssim::{Padding, Ssim};
use half::{bf16, f16};
use serde::Serialize;

use crate::clock::Clock;
use crate::pixels::{Random, noise};
use crate::print;

/// Sides of the images, of one channel, in ascending order.
const SIDES: [usize; 9] = [64, 128, 192, 256, 320, 384, 512, 768, 1024];
/// Images of a batch: enough for all multiprocessors from 128 × 128 pixels on.
const BATCH: usize = 32;
/// Calls that a time is the mean of.
const CALLS: usize = 50;
/// The works, as the table names them.
const WORKS: [&str; 3] = ["forward", "map", "value + gradient"];
/// The element types that the kernels have.
const PIXELS: [(&str, Measure); 5] = [
    ("u8", sizes::<u8>),
    ("u16", sizes::<u16>),
    ("f16", sizes::<f16>),
    ("bf16", sizes::<bf16>),
    ("f32", sizes::<f32>),
];
const HEADER: &str = "compute_capability,multiprocessors,work,pixel,most_pixels";

type Measure = fn(&Stream, &mut Clock<'_>, usize, &'static str, &str) -> Result<u64>;

#[derive(Args)]
pub struct Options {
    /// The table to put this card's lines into, in place of those that it has [in a checkout:
    /// crates/fastssim/src/cuda/plans.csv]. A file that does not exist is begun. The library has it from its next build
    /// on.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// One size, alone or in a batch.
#[derive(Serialize)]
struct Variants {
    shape: [usize; 4],
    pixel: &'static str,
    work: String,
    march_us: f64,
    patch_us: f64,
}

pub fn measure(stream: &Stream, rounds: usize, options: &Options) -> Result<()> {
    // Measuring takes minutes: what is wrong with the file is said before.
    let table = options.write.as_deref().map(Table::open).transpose()?;
    let info = stream.device().info();
    let (major, minor) = info.compute_capability;
    let card = format!("{major}.{minor},{}", info.multiprocessors);
    let mut clock = Clock::new(stream, rounds)?;
    let mut lines = Vec::new();
    for (pixel, sizes) in PIXELS {
        for work in WORKS {
            let most_pixels = sizes(stream, &mut clock, rounds, pixel, work);
            stream.device().force_plan(None);
            lines.push(format!("{card},{work},{pixel},{}", most_pixels?));
        }
    }
    println!("{HEADER}\n{}", lines.join("\n"));
    match table {
        Some(table) => table.put(&card, lines),
        None => Ok(()),
    }
}

/// Up to how many pixels the kernels for small images suit.
fn sizes<T: Random>(
    stream: &Stream,
    clock: &mut Clock<'_>,
    rounds: usize,
    pixel: &'static str,
    work: &str,
) -> Result<u64> {
    let mut most_pixels = 0;
    for side in SIDES {
        let mut gain = 1.0;
        for images in [1, BATCH] {
            let shape = [images, 1, side, side];
            let [march_us, patch_us] = variants::<T>(stream, clock, rounds, shape, work)?;
            print(&Variants {
                shape,
                pixel,
                work: work.to_owned(),
                march_us,
                patch_us,
            })?;
            gain *= march_us / patch_us;
        }
        if gain < 1.0 {
            break;
        }
        most_pixels = (side * side) as u64;
    }
    Ok(most_pixels)
}

/// Microseconds of the march and of the kernels for small images.
fn variants<T: Random>(
    stream: &Stream,
    clock: &mut Clock<'_>,
    rounds: usize,
    shape: [usize; 4],
    work: &str,
) -> Result<[f64; 2]> {
    let metric = Ssim::builder().padding(Padding::Zero).build()?;
    let on = metric.on(stream);
    let x = DeviceImages::<T>::upload(stream, &noise::<T>(shape, 1))?;
    let y = DeviceImages::<T>::upload(stream, &noise::<T>(shape, 2))?;
    let mut scores = DeviceScores::new(stream.device(), shape[0])?;
    let mut out = DeviceImages::<f32>::new(stream.device(), shape)?;
    // Small images stay in the cache, as they do where they were made just before.
    let calls = [(); CALLS];
    let mut times = [0.0; 2];
    for (time, most_pixels) in times.iter_mut().zip([0, u32::MAX]) {
        stream.device().force_plan(Some(most_pixels));
        let measured = clock.time(&calls, rounds, |()| {
            let put = match work {
                "forward" => on.ssim_into(&x, &y, &mut scores),
                "map" => on.ssim_map_into(&x, &y, &mut out),
                _ => on.ssim_with_gradient_into(&x, &y, &mut scores, &mut out),
            };
            Ok(put?)
        })?;
        *time = measured.kernel;
    }
    Ok(times)
}

/// The table to put the card's lines into: there, of the right columns, and in a place that can be written to.
#[derive(Debug)]
struct Table<'a> {
    path: &'a Path,
    text: String,
}

impl<'a> Table<'a> {
    /// Reads the table, or begins one where there is no such file or nothing in it.
    fn open(path: &'a Path) -> Result<Self> {
        let name = || path.display().to_string();
        // Nothing is written to a table that is there, so that none is lost by measurements that fail.
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .with_context(name)?;
        let mut text = fs::read_to_string(path).with_context(name)?;
        if text.is_empty() {
            text = format!("{HEADER}\n");
            fs::write(path, &text).with_context(name)?;
        }
        let header = text.lines().next().unwrap_or_default();
        if header != HEADER {
            bail!(
                "{} is no table of launch plans: its first line is {header:?}, it must be {HEADER:?}",
                name()
            );
        }
        Ok(Self { path, text })
    }

    /// Puts the card's lines in place of those that the table has, in one go.
    fn put(&self, card: &str, lines: Vec<String>) -> Result<()> {
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let write = || {
            let mut file = tempfile::Builder::new()
                .permissions(fs::metadata(self.path)?.permissions())
                .tempfile_in(folder)?;
            file.write_all(merged(&self.text, card, lines).as_bytes())?;
            file.persist(self.path)?;
            anyhow::Ok(())
        };
        write().with_context(|| self.path.display().to_string())
    }
}

/// The table with these lines of the card, in order.
fn merged(table: &str, card: &str, lines: Vec<String>) -> String {
    let others = table.lines().skip(1).filter(|line| {
        let rest = line.strip_prefix(card);
        !rest.is_some_and(|rest| rest.starts_with(','))
    });
    let mut all: Vec<String> = others.map(str::to_owned).chain(lines).collect();
    all.sort();
    let all: String = all.iter().map(|line| format!("{line}\n")).collect();
    format!("{HEADER}\n{all}")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{HEADER, Table, merged};

    #[test]
    fn a_card_has_its_own_lines_replaced() {
        let table = format!("{HEADER}\n8.6,46,forward,u8,1\n8.6,4,forward,u8,2\n9.0,132,forward,u8,3\n");
        let found = merged(
            &table,
            "8.6,4",
            vec!["8.6,4,map,u8,5".into(), "8.6,4,forward,u8,4".into()],
        );
        let lines: Vec<&str> = found.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "8.6,4,forward,u8,4",
                "8.6,4,map,u8,5",
                "8.6,46,forward,u8,1",
                "9.0,132,forward,u8,3"
            ]
        );
        assert!(found.starts_with(HEADER) && found.ends_with("3\n"));
    }
    #[test]
    fn a_table_that_does_not_exist_is_begun() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plans.csv");
        Table::open(&path).expect("nothing is in the way");
        let table = Table::open(&path).expect("an empty table");
        // Before anything is measured.
        assert_eq!(fs::read_to_string(&path).expect("a file"), format!("{HEADER}\n"));
        table.put("9.0,132", vec!["9.0,132,map,u8,5".into()]).expect("a place");
        Table::open(&path)
            .and_then(|table| table.put("8.6,46", vec!["8.6,46,map,u8,7".into()]))
            .expect("a table");
        let found = fs::read_to_string(&path).expect("a file");
        assert_eq!(found, format!("{HEADER}\n8.6,46,map,u8,7\n9.0,132,map,u8,5\n"));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn what_is_no_table_is_said_before_anything_is_measured() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = |path| format!("{:#}", Table::open(path).expect_err("no table"));
        let notes = folder.path().join("notes.txt");
        let text = "to do\n8.6,46,map,u8,7\n";
        fs::write(&notes, text).expect("a place");
        assert!(
            said(&notes).contains("notes.txt is no table of launch plans: its first line is \"to do\""),
            "{}",
            said(&notes)
        );
        assert_eq!(fs::read_to_string(&notes).expect("a file"), text);
        let nowhere = folder.path().join("missing/plans.csv");
        assert!(said(&nowhere).contains("missing/plans.csv: "), "{}", said(&nowhere));
        assert!(said(folder.path()).contains(&folder.path().display().to_string()));
    }
}
