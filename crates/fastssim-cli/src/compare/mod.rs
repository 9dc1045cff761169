//! `fastssim compare`: from its arguments to what it prints and writes.

mod exhibits;
mod job;
mod page;
mod results;

use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;
use std::{io, mem};

use anyhow::{Context as _, Result, ensure};

use crate::args::CompareArgs;
use crate::console::{Console, count};
use crate::devices;
use crate::format::Printer;
use crate::interrupt;
use crate::mask::Mask;
use crate::output::{Output, Taken};
use crate::pairs::Plan;
use crate::pipeline::{self, Workers};
use crate::record::{Record, Settings};
use crate::report::Gallery;
use crate::resume::Done;
use crate::sink::{Destination, Sink};
use crate::tally::Verdict;

use job::Context;
use page::Report;
use results::Results;

pub fn run(args: &CompareArgs) -> Result<Verdict> {
    let console = Console::new(args.output.quiet);
    // What is wrong with the options is known before any file is read.
    let metric = args.metric.metric(1.0)?;
    let settings = Settings::of(&metric, args.metric.preset);
    let mask = args.metric.mask.as_deref();
    let mask = mask
        .map(|path| Mask::read(path, args.input.max_image_size))
        .transpose()?;
    let mut plan = Plan::new(args)?;
    report_problems(&plan, args, &console)?;
    check_folders(&plan, args)?;
    let (total, single) = (plan.pairs.len(), plan.single);
    let mut taken = taken(&plan, args);
    let report = args.pictures.report.as_deref();
    let report = report.map(|path| Report::new(path, &taken, &settings)).transpose()?;
    args.pictures.report.iter().for_each(|path| taken.add(path));
    let (sink, done) = sink(&mut plan, args, &settings, &taken)?;
    args.output.output.iter().for_each(|path| taken.add(path));

    let threads = args.threads.or(available_parallelism().ok()).map_or(1, usize::from);
    let workers = Workers::new(plan.pairs.len(), threads);
    if args.output.verbose {
        console.note(&devices::choice(&metric));
        if !single {
            console.note(&format!("{} at a time", count(workers.count, "pair")));
        }
    }
    let mut results = Results::new(args, single, console, sink, report);
    done.iter().for_each(|record| results.count(record));
    if !single {
        results.begin(&plan.unpaired, total, done.len())?;
        interrupt::soften()?;
    }
    let context = Context {
        args,
        settings,
        single,
        taken,
        gallery: Mutex::new(Gallery::new(
            args.pictures.report.as_ref().map_or(0, |_| args.pictures.worst),
        )),
    };
    let work = |job| context.run(job);
    let take = |outcome| results.take(outcome);
    pipeline::run(job::jobs(plan.pairs, mask), workers, interrupt::stopped, work, take)?;
    let gallery = context.gallery.into_inner().unwrap_or_else(PoisonError::into_inner);
    let verdict = results.finish(total, plan.unpaired.len(), gallery.into_exhibits())?;
    let all_read = plan.unreadable.is_empty();
    Ok(if all_read { verdict } else { Verdict::Failed })
}

/// Says which files are not going to be compared. Under `--strict` there may be none.
fn report_problems(plan: &Plan, args: &CompareArgs, console: &Console) -> Result<()> {
    plan.unreadable.iter().for_each(|line| console.error(line));
    plan.unpaired.iter().for_each(|line| console.note(line));
    let (unpaired, unreadable) = (plan.unpaired.len(), plan.unreadable.len());
    if unpaired > 0 {
        console.note(&format!(
            "{} without a partner, {}",
            count(unpaired, "file"),
            count(plan.pairs.len(), "pair")
        ));
    }
    ensure!(
        !args.strict || unpaired + unreadable == 0,
        "--strict: {} without a partner, {} that cannot be read",
        count(unpaired, "file"),
        count(unreadable, "folder")
    );
    Ok(())
}

/// Files about many pairs need a folder.
fn check_folders(plan: &Plan, args: &CompareArgs) -> Result<()> {
    for (option, path) in [
        ("--map", &args.map),
        ("--side-by-side", &args.side_by_side),
        ("--gradient", &args.gradient),
    ] {
        if let Some(path) = path
            && !plan.single
            && path.exists()
        {
            ensure!(
                path.is_dir(),
                "{}: not a folder, which {option} needs for more than one pair",
                path.display()
            );
        }
    }
    Ok(())
}

/// The files that no output may replace. They are looked up only if there is an output.
fn taken(plan: &Plan, args: &CompareArgs) -> Taken {
    let mut taken = Taken::default();
    let pictures = [&args.map, &args.side_by_side, &args.pictures.report];
    let outputs = [&args.gradient, &args.output.output].into_iter().chain(pictures);
    if outputs.into_iter().any(|path| path.is_some()) {
        for pair in &plan.pairs {
            taken.add(&pair.reference);
            taken.add(&pair.distorted);
            pair.mask.iter().for_each(|path| taken.add(path));
        }
        args.pairs.iter().for_each(|path| taken.add(path));
    }
    taken
}

fn printer(args: &CompareArgs, single: bool, begun: bool) -> Printer {
    let standard = args.output.output.is_none();
    let colors = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    Printer {
        format: args.output.format(),
        single,
        color: standard && colors,
        threshold: args.gates.fail_under,
        begun,
    }
}

/// Where results go, and those that are there already; the plan keeps the other pairs.
fn sink(plan: &mut Plan, args: &CompareArgs, settings: &Settings, taken: &Taken) -> Result<(Sink, Vec<Record>)> {
    let Some(path) = &args.output.output else {
        return Ok((
            Sink::new(printer(args, plan.single, false), Destination::standard()),
            Vec::new(),
        ));
    };
    let output = Output::new(path, taken)?;
    if !args.resume {
        let sink = Sink::new(printer(args, plan.single, false), Destination::new(output)?);
        return Ok((sink, Vec::new()));
    }
    let done = Done::read(path, args.output.format())?;
    plan.pairs = done
        .rest(
            mem::take(&mut plan.pairs),
            settings,
            args.metric.data_range,
            &args.input,
        )
        .with_context(|| path.display().to_string())?;
    let printer = printer(args, plan.single, done.length > 0);
    let sink = Sink::new(printer, Destination::growing(path, done.length)?);
    Ok((sink, done.records))
}
