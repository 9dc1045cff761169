//! One pair: its files are read and compared, and the files about it are written.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use anyhow::{Context as _, Error, Result, anyhow};

use crate::args::CompareArgs;
use crate::mask::Mask;
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
    reference: Arc<Shared<Picture>>,
    mask: Option<Arc<Shared<Mask>>>,
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

/// A file that jobs which follow each other may share, a reference or a mask: it is read by the first of them.
struct Shared<T> {
    path: PathBuf,
    content: OnceLock<Result<T, String>>,
}

/// The jobs of these pairs. A mask has been read already if it may be that of all.
pub fn jobs(pairs: Vec<Pair>, mask: Option<Mask>) -> impl Iterator<Item = Job> + Send {
    let mut reference: Option<Arc<Shared<Picture>>> = None;
    let mut mask = mask.map(|mask| {
        Arc::new(Shared {
            path: mask.path.clone(),
            content: Ok(mask).into(),
        })
    });
    pairs.into_iter().zip(0..).map(move |(pair, index)| {
        let shared = Shared::of(&mut reference, &pair.reference);
        let mask = pair.mask.as_ref().map(|path| Shared::of(&mut mask, path));
        Job {
            pair,
            index,
            reference: shared,
            mask,
        }
    })
}

impl<T> Shared<T> {
    /// The last one again if it is the same file, or else a new one.
    fn of(last: &mut Option<Arc<Self>>, path: &Path) -> Arc<Self> {
        let same = last.take().filter(|shared| shared.path == path);
        let shared = same.unwrap_or_else(|| {
            Arc::new(Self {
                path: path.to_owned(),
                content: OnceLock::new(),
            })
        });
        Arc::clone(last.insert(shared))
    }

    fn read(&self, read: impl FnOnce(&Path) -> Result<T>) -> Result<&T> {
        let content = self
            .content
            .get_or_init(|| read(&self.path).map_err(|error| format!("{error:#}")));
        content.as_ref().map_err(|error| anyhow!("{error}"))
    }
}

impl Context<'_> {
    /// Does all that there is to do about a pair.
    pub fn run(&self, job: Job) -> Outcome {
        let pair = &job.pair;
        let name = |path: &PathBuf| path.to_string_lossy().into_owned();
        let names = [&pair.reference, &pair.distorted].map(name);
        let mask = pair.mask.as_ref().map(name);
        let record = Record::new(names, mask, self.args.input.gray, &self.settings);
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
            || job.reference.read(|path| picture::read(path, &self.args.input)),
            || picture::read(&pair.distorted, &self.args.input),
        );
        let (reference, distorted) = (reference?, distorted?);
        let mask = match &job.mask {
            Some(mask) => Some(mask.read(|path| Mask::read(path, self.args.input.max_image_size))?),
            None => None,
        };
        let decoding = start.elapsed();
        let both = || format!("{} and {}", pair.reference.display(), pair.distorted.display());
        reference
            .check_comparable(&distorted, self.args.input.gray)
            .with_context(both)?;
        if let Some(mask) = mask {
            mask.check_size(distorted.size(), &pair.distorted.display().to_string())?;
        }

        // The luma of bytes is a float with the range of bytes, so no default of the library's will do.
        let range = distorted.depth.range();
        let metric = self.args.metric.metric(range)?;
        let wanted = Wanted {
            map: map.is_some() || beside.is_some(),
            gradient: gradient.is_some(),
        };
        let mut comparison = measure::measure(&metric, reference, &distorted, mask, wanted).with_context(both)?;
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
