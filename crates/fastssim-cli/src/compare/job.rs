//! One pair: its files are read and compared, and the files about it are written.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use anyhow::{Context as _, Error, Result, anyhow};

use crate::args::CompareArgs;
use crate::measure::{self, Wanted};
use crate::output::{self, Output, Staged, Taken};
use crate::pairs::Pair;
use crate::picture::{self, Picture};
use crate::record::{Measured, Record, Settings};
use crate::report::Gallery;

use super::exhibits::Exhibits;

/// A pair, and what it shares with others.
pub struct Job {
    pub pair: Pair,
    /// Its place among the jobs.
    index: u64,
    reference: Arc<Shared>,
}

/// What is the same for all jobs.
pub struct Context<'a> {
    pub args: &'a CompareArgs,
    pub settings: Settings,
    /// Whether `--map` and the like name files and not folders.
    pub single: bool,
    /// The files that may not be overwritten.
    pub taken: Taken,
    /// The worst pairs so far, for the report.
    pub gallery: Mutex<Gallery>,
}

/// A file to write: its path, and the file.
type Target = (PathBuf, Output);

/// What became of a pair.
pub struct Outcome {
    pub record: Record,
    pub label: String,
    /// The error of the record, or what else is to be said.
    pub error: Option<Error>,
    pub note: Option<String>,
}

/// A reference, which jobs that follow each other may share: it is read by the first of them.
struct Shared {
    path: PathBuf,
    picture: OnceLock<Result<Picture, String>>,
}

/// The jobs of these pairs.
pub fn jobs(pairs: Vec<Pair>) -> impl Iterator<Item = Job> + Send {
    let mut last: Option<Arc<Shared>> = None;
    pairs.into_iter().zip(0..).map(move |(pair, index)| {
        let shared = last.take().filter(|shared| shared.path == pair.reference);
        let reference = shared.unwrap_or_else(|| {
            Arc::new(Shared {
                path: pair.reference.clone(),
                picture: OnceLock::new(),
            })
        });
        last = Some(Arc::clone(&reference));
        Job { pair, index, reference }
    })
}

impl Shared {
    fn read(&self, args: &CompareArgs) -> Result<&Picture> {
        let picture = self.picture.get_or_init(|| {
            let picture = picture::read(&self.path, &args.input);
            picture.map_err(|error| format!("{error:#}"))
        });
        picture.as_ref().map_err(|error| anyhow!("{error}"))
    }
}

impl Context<'_> {
    /// Does all that there is to do about a pair.
    pub fn run(&self, job: Job) -> Outcome {
        let pair = &job.pair;
        let [a, b] = [&pair.reference, &pair.distorted].map(|path| path.to_string_lossy().into_owned());
        let record = Record::new(a, b, self.args.input.gray, &self.settings);
        let result = self.compare(&job, record.clone());
        let (record, note, error) = match result {
            Ok((record, note)) => (record, note, None),
            Err(error) => {
                let text = Some(format!("{error:#}"));
                (Record { error: text, ..record }, None, Some(error))
            }
        };
        Outcome {
            record,
            label: job.pair.label,
            error,
            note,
        }
    }

    fn compare(&self, job: &Job, record: Record) -> Result<(Record, Option<String>)> {
        let pair = &job.pair;
        let map = self.target(self.args.map.as_deref(), pair, "png")?;
        let beside = self.target(self.args.side_by_side.as_deref(), pair, "png")?;
        let gradient = self.target(self.args.gradient.as_deref(), pair, "npy")?;
        check_all_differ(&[&map, &beside, &gradient])?;
        let start = Instant::now();
        let (reference, distorted) = rayon::join(
            || job.reference.read(self.args),
            || picture::read(&pair.distorted, &self.args.input),
        );
        let (reference, distorted) = (reference?, distorted?);
        let decoding = start.elapsed();
        let both = || format!("{} and {}", pair.reference.display(), pair.distorted.display());
        reference
            .check_comparable(&distorted, self.args.input.gray)
            .with_context(both)?;

        // The luma of bytes is a float with the range of bytes, so no default of the library's will do.
        let range = distorted.depth.range();
        let metric = self.args.metric.metric(range)?;
        let wanted = Wanted {
            map: map.is_some() || beside.is_some(),
            gradient: gradient.is_some(),
        };
        let mut comparison = measure::measure(&metric, reference, &distorted, wanted).with_context(both)?;
        let data_range = metric.data_range().unwrap_or(range);
        let [width, height] = distorted.size();
        let mut record = record.with(&Measured {
            deficit: comparison.deficit,
            dssim: comparison.dssim,
            backend: comparison.backend,
            width,
            height,
            channels: distorted.channels(),
            pixel_type: distorted.depth.name(),
            data_range,
            time: comparison.time,
            decoding,
        });

        let exhibits = self.exhibits(job.index, 1.0 - comparison.deficit);
        if exhibits.wanted && comparison.map.is_none() {
            let metric = metric.with_backend(comparison.backend)?;
            comparison.map = Some(measure::map(&metric, reference, &distorted).with_context(both)?);
        }
        // All files are complete before the first of them gets its name.
        let mut staged: Vec<Staged> = Vec::new();
        if let Some(ssim) = &comparison.map {
            let shown = exhibits.show([reference, &distorted], data_range, ssim.view());
            if let Some((path, output)) = map {
                staged.push(output.stage(|file| output::write_png(&shown.map(), file))?);
                record.map = Some(path.to_string_lossy().into_owned());
            }
            if let Some((path, output)) = beside {
                staged.push(output.stage(|file| output::write_png(&shown.side_by_side(), file))?);
                record.side_by_side = Some(path.to_string_lossy().into_owned());
            }
            shown.exhibit(&pair.label)?;
        }
        if let (Some((path, output)), Some(gradient)) = (gradient, &comparison.gradient) {
            staged.push(output.stage(|file| output::write_npy(gradient, file))?);
            record.gradient = Some(path.to_string_lossy().into_owned());
        }
        for file in staged {
            file.publish()?;
        }
        Ok((record, comparison.note))
    }

    /// The pictures of a pair, which may be among the worst.
    fn exhibits(&self, index: u64, ssim: f64) -> Exhibits<'_> {
        Exhibits::new(&self.args.pictures, &self.gallery, index, ssim)
    }

    /// The file about a pair that an option asks for: its path, or one in the folder that it names.
    fn target(&self, option: Option<&Path>, pair: &Pair, extension: &str) -> Result<Option<Target>> {
        let Some(path) = option else { return Ok(None) };
        let path = if self.single {
            path.to_owned()
        } else {
            let mut name = pair.name.clone().into_os_string();
            name.push(".");
            name.push(extension);
            let path = path.join(name);
            let folder = path.parent().unwrap_or(&path);
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            path
        };
        let output = Output::new(&path, &self.taken)?;
        Ok(Some((path, output)))
    }
}

/// No file is to be written twice.
fn check_all_differ(targets: &[&Option<Target>]) -> Result<()> {
    for (index, target) in targets.iter().enumerate() {
        for before in &targets[..index] {
            if let (Some((_, before)), Some((_, target))) = (before, target) {
                target.check_differs(before)?;
            }
        }
    }
    Ok(())
}
