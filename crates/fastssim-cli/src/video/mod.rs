//! `fastssim video`: from its arguments to what it prints and writes.
//!
//! Both videos are opened (`source`) and read ahead (`frames`, `y4m`, `format`). Each pair of frames is scored plane by plane
//! (`score`), pictures of it are made (`exhibits`, `display`), and its record (`record`) is printed (`print`). At the end
//! come the summary and the report (`page`).

#[cfg(test)]
mod broken;
mod display;
mod exhibits;
mod format;
mod frames;
mod page;
mod print;
mod record;
mod score;
mod source;
mod y4m;

use std::io;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use fastssim::Ssim;

pub use score::Weights;

use crate::args::{Format as OutputFormat, Size, VideoArgs};
use crate::console::{Console, count};
use crate::format::score as score_text;
use crate::mask::Mask;
use crate::output::{Output, Taken};
use crate::sink::Destination;
use crate::tally::Verdict;
use crate::{devices, interrupt, report};

use exhibits::Exhibits;
use format::Format;
use frames::{Frames, Next, Selection};
use print::Printer;
use record::{FrameRecord, VideoRecord};
use score::Scorer;
use source::Source;

/// What a mask may take when decoded.
const LARGEST_MASK: Size = Size(512 << 20);

pub fn run(args: &VideoArgs) -> Result<Verdict> {
    let mut console = Console::new(args.output.quiet);
    // What is wrong with the options is known before any file is read.
    let metric = args.metric.metric(1.0)?;
    if args.output.verbose {
        console.note(&devices::choice(&metric));
    }
    let inputs = [&*args.reference, &*args.distorted];
    ensure!(
        inputs != [Path::new("-"); 2],
        "only one of the two videos can be standard input"
    );
    let mut taken = Taken::default();
    inputs.iter().for_each(|path| taken.add(path));
    args.metric.mask.iter().for_each(|path| taken.add(path));
    let report = output(args.pictures.report.as_deref(), &mut taken)?;
    let results = output(args.output.output.as_deref(), &mut taken)?;

    let mask = args.metric.mask.as_deref();
    let mask = mask.map(|path| Mask::read(path, LARGEST_MASK)).transpose()?;
    let sources = [Source::open(inputs[0])?, Source::open(inputs[1])?];
    let format = common_format(&sources).with_context(|| both(args))?;
    let metric = args.metric.metric(f64::from(format.largest()))?;
    let scorer = Scorer::new(&metric, format, args.weights, mask.as_ref())?;
    let mut destination = match results {
        Some(output) => Destination::new(output)?,
        None => Destination::standard(),
    };
    console.count("frames", args.frames.map(u64::from));
    interrupt::soften()?;
    let comparison = Comparison {
        args,
        format,
        metric,
        scorer,
        printer: printer(args, &format),
        exhibits: Exhibits::new(args, &taken, format)?,
        records: Vec::new(),
    };
    let done = comparison.run(sources, &mut destination, &console)?;
    console.finish();
    destination.finish()?;
    if args.output.summary && matches!(args.output.format(), OutputFormat::Jsonl | OutputFormat::Csv) {
        let text = done.summary.as_ref().map(print::summary).unwrap_or_default();
        text.lines().for_each(|line| console.note(line));
    }
    let missed = missed(args, &done);
    if let (Some(output), Some(record)) = (report, &done.summary) {
        let mut problems = missed.clone();
        if interrupt::stopped() {
            problems.push("it was interrupted before the last frame".into());
        }
        let verdict = report::Verdict::new(&args.gates, &problems);
        let page = page::page(&done.records, record, done.worst, verdict, &args.pictures, &args.gates);
        output.stage(|file| page.write(file))?.publish()?;
    }
    if interrupt::stopped() {
        console.error(&format!("interrupted after {}", count(done.records.len(), "frame")));
        interrupt::obey();
        return Ok(Verdict::Failed);
    }
    missed.iter().for_each(|line| console.error(line));
    Ok(if missed.is_empty() {
        Verdict::Passed
    } else {
        Verdict::BelowThreshold
    })
}

/// A file to write, which no other may overwrite.
fn output(path: Option<&Path>, taken: &mut Taken) -> Result<Option<Output>> {
    let Some(path) = path else { return Ok(None) };
    let output = Output::new(path, taken)?;
    taken.add(path);
    Ok(Some(output))
}

fn both(args: &VideoArgs) -> String {
    format!("{} and {}", args.reference.display(), args.distorted.display())
}

/// The format of both videos, or the reason why they cannot be compared.
fn common_format([reference, distorted]: &[Source; 2]) -> Result<Format> {
    let (a, b) = (reference.format(), distorted.format());
    ensure!(
        (a.width, a.height) == (b.width, b.height),
        "the sizes differ: {}x{} and {}x{} pixels; ffmpeg scales with -vf scale=WIDTH:HEIGHT",
        a.width,
        a.height,
        b.width,
        b.height
    );
    ensure!(
        (a.chroma, a.bits) == (b.chroma, b.bits),
        "the formats differ: {} of {} bits and {} of {} bits; ffmpeg converts with -pix_fmt",
        a.chroma.name(),
        a.bits,
        b.chroma.name(),
        b.bits
    );
    // The rate of one that has none is that of the other.
    Ok(Format {
        rate: a.rate.or(b.rate),
        ..a
    })
}

fn printer(args: &VideoArgs, format: &Format) -> Printer {
    let colors = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    Printer {
        format: args.output.format(),
        color: args.output.output.is_none() && colors,
        threshold: args.gates.fail_under,
        planes: format.planes().len(),
    }
}

/// A comparison in progress.
struct Comparison<'a> {
    args: &'a VideoArgs,
    format: Format,
    metric: Ssim,
    scorer: Scorer,
    printer: Printer,
    exhibits: Exhibits<'a>,
    records: Vec<FrameRecord>,
}

/// What came out.
struct Done {
    records: Vec<FrameRecord>,
    /// None if there was no frame before an interruption.
    summary: Option<VideoRecord>,
    worst: Vec<report::Exhibit>,
}

impl Comparison<'_> {
    fn run(mut self, sources: [Source; 2], destination: &mut Destination, console: &Console) -> Result<Done> {
        let selection = Selection {
            skip: self.args.skip,
            every: self.args.every.get(),
            frames: self.args.frames.map(u64::from),
        };
        let start = Instant::now();
        let videos = sources.map(|source| Frames::start(source, selection));
        if let Err(error) = self.all(&videos, destination, console) {
            if !self.records.is_empty() {
                // So that a document is one though it ends early.
                destination.write(&self.printer.end(None)?, console)?;
            }
            return Err(error);
        }
        if self.records.is_empty() {
            destination.write(&self.printer.begin()?, console)?;
        }
        let names = [&self.args.reference, &self.args.distorted].map(|path| path.to_string_lossy().into_owned());
        let seconds = start.elapsed().as_secs_f64();
        let summary = VideoRecord::new(
            names,
            &self.records,
            &self.format,
            &self.metric,
            &self.args.metric,
            &self.scorer,
            seconds,
        );
        destination.write(&self.printer.end(summary.as_ref())?, console)?;
        Ok(Done {
            records: self.records,
            summary,
            worst: self.exhibits.into_worst(),
        })
    }

    /// Compares frames until the end, or until a signal asks it to stop.
    fn all(&mut self, videos: &[Frames; 2], destination: &mut Destination, console: &Console) -> Result<()> {
        loop {
            let [reference, distorted] = [videos[0].next()?, videos[1].next()?];
            let (Next::Frame(frame, x), Next::Frame(_, y)) = (&reference, &distorted) else {
                if !interrupt::stopped() {
                    self.check_ends(&reference, &distorted)?;
                }
                return Ok(());
            };
            self.frame(*frame, [x, y], destination, console)
                .with_context(|| format!("frame {frame} of {}", both(self.args)))?;
            for (video, next) in videos.iter().zip([reference, distorted]) {
                if let Next::Frame(_, samples) = next {
                    video.give_back(samples);
                }
            }
            // The reader of a pipe may have seen enough, unless there is more to be done.
            if destination.is_closed() && !self.has_other_ends() {
                return Ok(());
            }
        }
    }

    /// Scores a frame, makes its pictures and prints its record.
    fn frame(
        &mut self,
        frame: u64,
        [x, y]: [&y4m::Samples; 2],
        destination: &mut Destination,
        console: &Console,
    ) -> Result<()> {
        let deficits = self.scorer.score(x, y)?;
        if let Some(note) = self.scorer.take_note() {
            console.note(&note);
        }
        let record = FrameRecord::new(frame, &deficits, &self.format, &self.metric);
        self.exhibits.add(&record, &mut self.scorer, x, y)?;
        let first = self.records.is_empty();
        if first {
            destination.write(&self.printer.begin()?, console)?;
        }
        destination.write(&self.printer.frame(&record, first)?, console)?;
        self.records.push(record);
        console.advance();
        Ok(())
    }

    /// Whether the videos end together, as they should, with at least one frame.
    fn check_ends(&self, reference: &Next, distorted: &Next) -> Result<()> {
        let lengths = [reference, distorted].map(|next| match next {
            Next::End(length) => Some(*length),
            _ => None,
        });
        if !self.args.shortest && lengths[0] != lengths[1] {
            let length = |length: Option<u64>| match length {
                Some(length) => format!("ends after {}", count(length as usize, "frame")),
                None => "goes on".into(),
            };
            bail!(
                "the videos differ in length: {} {} and {} {}; --shortest compares as far as both go",
                self.args.reference.display(),
                length(lengths[0]),
                self.args.distorted.display(),
                length(lengths[1])
            );
        }
        let length = lengths.into_iter().flatten().min();
        ensure!(
            !self.records.is_empty(),
            "{}: there is no frame to compare: {} frames, of which {} are skipped",
            both(self.args),
            length.unwrap_or_default(),
            self.args.skip
        );
        Ok(())
    }

    /// Whether there is something to be done for which nobody need read the results.
    fn has_other_ends(&self) -> bool {
        let args = self.args;
        let files = [&args.map, &args.side_by_side, &args.pictures.report];
        let gates = [args.gates.fail_under, args.gates.fail_mean_under];
        files.iter().any(|file| file.is_some()) || gates.iter().any(|gate| gate.is_some())
    }
}

/// What is to be said of the thresholds that were missed.
fn missed(args: &VideoArgs, done: &Done) -> Vec<String> {
    let mut missed = Vec::new();
    let Some(summary) = &done.summary else { return missed };
    if let Some(threshold) = args.gates.fail_under {
        let below = done.records.iter().filter(|frame| frame.ssim < threshold).count();
        if below > 0 {
            missed.push(format!(
                "--fail-under {threshold}: {below} of {} below it; the lowest is {} of frame {}",
                count(summary.frames, "frame"),
                score_text(Some(summary.ssim.min)),
                summary.worst
            ));
        }
    }
    if let Some(threshold) = args.gates.fail_mean_under
        && summary.ssim.mean < threshold
    {
        let mean = score_text(Some(summary.ssim.mean));
        missed.push(format!("--fail-mean-under {threshold}: the mean is {mean}"));
    }
    missed
}
