//! The command as a user meets it: a process with arguments, output, an exit code and files.

#[cfg(feature = "cuda")]
mod backends;
mod batches;
mod colors;
mod docs;
mod errors;
mod files;
mod inputs;
mod masks;
mod metric;
mod oracle;
mod outputs;
mod pictures;
mod report;
mod resume;
mod scores;
mod sources;
mod streams;
mod video;
mod y4m;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, RgbaImage};
use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own for each test, in which the command runs.
struct Folder(TempDir);

/// What a run left.
struct Outcome {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with the pair `a.png` and `b.png`.
    fn with_pair(a: impl Into<DynamicImage>, b: impl Into<DynamicImage>) -> Self {
        let folder = Self::new();
        folder.save("a.png", a);
        folder.save("b.png", b);
        folder
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Saves an image, in a folder that is made.
    fn save(&self, name: impl AsRef<Path>, image: impl Into<DynamicImage>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image.into().save(path).unwrap();
    }

    /// Writes a file, in a folder that is made.
    fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn read(&self, name: impl AsRef<Path>) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fastssim"));
        command.current_dir(self.0.path()).args(args).stdin(Stdio::null());
        command
    }

    fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        let output = self.command(args).output().unwrap();
        Outcome {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output of a run that succeeds, and has nothing to say on standard error.
    #[track_caller]
    fn succeed(&self, args: &str) -> String {
        let outcome = self.run(args.split_whitespace());
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{args}");
        outcome.out
    }

    /// The JSON of a run that succeeds.
    #[track_caller]
    fn json(&self, args: &str) -> Value {
        let out = self.succeed(&format!("--format jsonl {args}"));
        assert_eq!(out.matches('\n').count(), 1, "{out}");
        assert!(out.ends_with('\n'), "{out}");
        serde_json::from_str(&out).unwrap()
    }

    /// The SSIM of a run that succeeds.
    #[track_caller]
    fn ssim(&self, args: &str) -> f64 {
        self.json(args)["ssim"].as_f64().unwrap()
    }

    /// A run that fails as it must: exit code 2, nothing on standard output, one line on standard
    /// error that holds all of `parts`, and every file in the folder as it was.
    #[track_caller]
    fn fail(&self, args: &str, parts: &[&str]) {
        self.fail_with(args.split_whitespace(), parts);
    }

    #[track_caller]
    fn fail_with<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, parts: &[&str]) {
        let before = self.files();
        let outcome = self.run(args);
        assert_failure(&outcome, parts);
        assert_eq!(self.files(), before, "the folder has changed");
    }

    /// Every file in the folder with its content.
    fn files(&self) -> BTreeMap<OsString, Vec<u8>> {
        let entries = fs::read_dir(self.0.path()).unwrap().map(Result::unwrap);
        entries
            .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap_or_default()))
            .collect()
    }
}

/// The objects of JSON lines.
#[track_caller]
fn json_lines(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn assert_failure(outcome: &Outcome, parts: &[&str]) {
    let Outcome { code, out, err } = outcome;
    assert_eq!((*code, out.as_str()), (Some(2), ""), "{err}");
    assert_eq!(err.matches('\n').count(), 1, "{err}");
    assert!(err.starts_with("fastssim: ") && err.ends_with('\n'), "{err}");
    for part in parts {
        assert!(err.contains(part), "{part:?} is not in {err:?}");
    }
}

/// Says that the test was skipped, and why, past the harness, which would keep it to itself.
fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "{test} skipped: {why}");
}

/// A ramp from left to right, and its mirror image: known numbers, see `scores`.
fn ramp() -> GrayImage {
    GrayImage::from_fn(16, 16, |x, _| Luma([x as u8 * 16]))
}

fn mirrored_ramp() -> GrayImage {
    image::imageops::flip_horizontal(&ramp())
}

/// The pattern of the published numbers: 40 rows of 56 columns, its alpha channel to be dropped.
fn pattern(a: usize, b: usize) -> RgbaImage {
    let bytes = (0..40 * 56 * 4).map(|i| ((i * a + b) % 251) as u8).collect();
    RgbaImage::from_raw(56, 40, bytes).unwrap()
}

/// Samples that look random and are the same on every machine.
fn noise(seed: u32, index: u32) -> u32 {
    let mut state = (seed << 16 ^ index).wrapping_mul(0x9e37_79b9) ^ 0x85eb_ca6b;
    for _ in 0..3 {
        state ^= state >> 15;
        state = state.wrapping_mul(0x2c1b_3c6d);
    }
    state ^ state >> 16
}

/// A textured image; with another seed the texture is the same and the noise on it another.
fn texture(width: u32, height: u32, seed: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let channel = |c: u32| (x * 5 + y * 3 + c * 40) % 200 + noise(seed, (y * width + x) * 3 + c) % 56;
        Rgb([0, 1, 2].map(|c| channel(c) as u8))
    })
}

/// The samples of one channel, from the top left corner.
fn channel(image: &RgbImage, channel: usize) -> Vec<f64> {
    image.pixels().map(|pixel| f64::from(pixel.0[channel])).collect()
}

/// Whether whoever started the tests has this signal ignored, as shells do for what they run in the background: the
/// command then ignores it as well, and the test is skipped.
#[cfg(unix)]
fn is_ignored(number: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let is_ignored = mask.unwrap_or(0) >> (number - 1) & 1 == 1;
    if is_ignored {
        skipped(&format!("signal {number} is ignored by whoever started the tests"));
    }
    is_ignored
}
