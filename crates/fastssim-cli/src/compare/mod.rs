//! `fastssim compare`: from its arguments to what it prints and writes.

mod job;

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::thread::available_parallelism;

use anyhow::{Result, ensure};

use crate::args::{CompareArgs, Format};
use crate::console::{Console, count};
use crate::devices;
use crate::format::{self, Printer};
use crate::interrupt;
use crate::output::{Output, Taken};
use crate::pairs::Plan;
use crate::pipeline::{self, Workers};
use crate::record::Settings;
use crate::resume::Done;
use crate::sink::Sink;
use crate::tally::{Tally, Verdict};

use job::{Context, Outcome};

pub fn run(args: &CompareArgs) -> Result<Verdict> {
    let mut console = Console::new(args.output.quiet);
    // What is wrong with the options is known before any file is read.
    let metric = args.metric.metric(1.0)?;
    let settings = Settings::of(&metric);
    let mut plan = Plan::new(args)?;
    report_problems(&plan, args, &console)?;
    check_folders(&plan, args)?;
    if args.output.verbose {
        console.note(&devices::choice(&metric));
    }
    let mut taken = taken(&plan, args);
    let mut tally = Tally::new(&args.gates);
    let total = plan.pairs.len();
    let mut sink = if args.resume {
        let (sink, done) = resumed(&mut plan, args, &settings)?;
        done.records.iter().for_each(|record| tally.add(record));
        sink
    } else {
        match &args.output.output {
            Some(path) => Sink::new(printer(args, plan.single, false), Output::new(path, &taken)?)?,
            None => Sink::standard(printer(args, plan.single, false)),
        }
    };

    args.output.output.iter().for_each(|path| taken.add(path));

    let threads = args.threads.or(available_parallelism().ok()).map_or(1, usize::from);
    let workers = Workers::new(plan.pairs.len(), threads);
    if args.output.verbose && !plan.single {
        console.note(&format!("{} at a time", count(workers.count, "pair")));
    }
    if !plan.single {
        console.start(total, total - plan.pairs.len());
        interrupt::soften()?;
    }
    let single = plan.single;
    let context = Context {
        args,
        settings,
        single,
        taken,
    };
    let mut failure = if single {
        Ok(())
    } else {
        sink.begin(&plan.unpaired, &console)
    };
    let take = |outcome: Outcome| {
        let Outcome {
            record,
            label,
            error,
            note,
        } = outcome;
        if let Some(note) = note {
            console.note(&note);
        }
        if let Some(error) = error {
            if single {
                failure = Err(error);
                return ControlFlow::Break(());
            }
            console.error(&format!("{error:#}"));
        }
        if single {
            failure = sink.begin(&[], &console);
        }
        tally.add(&record);
        failure = std::mem::replace(&mut failure, Ok(())).and_then(|()| sink.record(&record, &label, &console));
        console.advance();
        let useless = sink.is_closed() && !has_other_ends(args);
        if failure.is_err() || useless || (args.strict && record.error.is_some()) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    pipeline::run(
        job::jobs(plan.pairs),
        workers,
        interrupt::stopped,
        |job| context.run(job),
        take,
    )?;
    console.finish();
    failure?;

    let summary = tally.summary(total, plan.unpaired.len());
    sink.finish(&summary, args.output.summary, &console)?;
    if args.output.summary && matches!(args.output.format(), Format::Jsonl | Format::Csv) {
        for line in format::summary_text(&summary).lines() {
            console.note(line);
        }
    }
    if interrupt::stopped() {
        let done = summary.scored + summary.failed + summary.not_a_number;
        console.error(&format!("interrupted after {done} of {}", count(total, "pair")));
        interrupt::obey();
        return Ok(Verdict::Failed);
    }
    if !single && summary.failed > 0 {
        console.error(&format!("{} of {} failed", summary.failed, count(total, "pair")));
    }
    let (verdict, missed) = tally.verdict(&summary);
    missed.iter().for_each(|line| console.error(line));
    Ok(if plan.unreadable.is_empty() {
        verdict
    } else {
        Verdict::Failed
    })
}

/// Says which files are not going to be compared. Under `--strict` there may be none.
fn report_problems(plan: &Plan, args: &CompareArgs, console: &Console) -> Result<()> {
    plan.unreadable.iter().for_each(|line| console.error(line));
    plan.unpaired.iter().for_each(|line| console.note(line));
    let (unpaired, unreadable) = (plan.unpaired.len(), plan.unreadable.len());
    if unpaired > 0 {
        console.note(&format!(
            "{unpaired} files without a partner, {} pairs",
            plan.pairs.len()
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
    for (option, path) in [("--map", &args.map), ("--gradient", &args.gradient)] {
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
    let outputs = [&args.map, &args.gradient, &args.output.output];
    if outputs.iter().any(|path| path.is_some()) {
        for pair in &plan.pairs {
            taken.add(&pair.reference);
            taken.add(&pair.distorted);
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

/// The output file, which may have results already; the plan keeps the other pairs.
fn resumed(plan: &mut Plan, args: &CompareArgs, settings: &Settings) -> Result<(Sink, Done)> {
    use anyhow::Context;

    let path = args.output.output.as_deref().unwrap_or(Path::new(""));
    // For its checks.
    Output::new(path, &taken(plan, args))?;
    let done = Done::read(path, args.output.format())?;
    let pairs = std::mem::take(&mut plan.pairs);
    plan.pairs = done
        .rest(pairs, settings, args.metric.data_range, &args.input)
        .with_context(|| path.display().to_string())?;
    let sink = Sink::growing(printer(args, plan.single, done.length > 0), path, done.length)?;
    Ok((sink, done))
}

/// Whether there is something to be done for which nobody need read the results.
fn has_other_ends(args: &CompareArgs) -> bool {
    args.map.is_some()
        || args.gradient.is_some()
        || args.gates.fail_under.is_some()
        || args.gates.fail_mean_under.is_some()
}
