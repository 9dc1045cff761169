//! What becomes of the results, one by one in their order and at the end.

use std::ops::ControlFlow;

use anyhow::Result;

use super::job::Outcome;
use super::page::Report;
use crate::args::{CompareArgs, Format};
use crate::console::{Console, count};
use crate::format;
use crate::interrupt;
use crate::record::Record;
use crate::report::Exhibit;
use crate::sink::Sink;
use crate::tally::{Tally, Verdict};

/// Everything that results go to.
pub struct Results<'a> {
    args: &'a CompareArgs,
    /// Whether it is one pair, whose error is one of the command.
    single: bool,
    console: Console,
    sink: Sink,
    tally: Tally,
    report: Option<Report>,
    /// Why there can be no more.
    failure: Result<()>,
}

impl<'a> Results<'a> {
    pub fn new(args: &'a CompareArgs, single: bool, console: Console, sink: Sink, report: Option<Report>) -> Self {
        Self {
            args,
            single,
            console,
            sink,
            tally: Tally::new(&args.gates),
            report,
            failure: Ok(()),
        }
    }

    /// Counts a result, be it one that is in the output already.
    pub fn count(&mut self, record: &Record) {
        self.tally.add(record);
        self.report.iter_mut().for_each(|report| report.add(record));
    }

    /// Many pairs are going to be compared, of which some are `done` already.
    pub fn begin(&mut self, unpaired: &[String], total: usize, done: usize) -> Result<()> {
        self.console.start(total, done);
        self.sink.begin(unpaired, &self.console)
    }

    /// Takes the next result, and says whether there should be more.
    pub fn take(&mut self, outcome: Outcome) -> ControlFlow<()> {
        if let Some(note) = outcome.note {
            self.console.note(&note);
        }
        let failed = outcome.error.is_some();
        match outcome.error {
            Some(error) if self.single => {
                self.failure = Err(error);
                return ControlFlow::Break(());
            }
            Some(error) => self.console.error(&format!("{error:#}")),
            None => (),
        }
        self.count(&outcome.record);
        self.failure = self.print(&outcome.record, &outcome.label);
        self.console.advance();
        if self.failure.is_err() || self.is_useless() || (self.args.strict && failed) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn print(&mut self, record: &Record, label: &str) -> Result<()> {
        if self.single {
            self.sink.begin(&[], &self.console)?;
        }
        self.sink.record(record, label, &self.console)
    }

    /// Whether nobody reads the results any more, and nothing but them was asked for.
    fn is_useless(&self) -> bool {
        let (args, gates) = (self.args, &self.args.gates);
        let pictures = [&args.map, &args.side_by_side, &args.pictures.report];
        let files = args.gradient.is_some() || pictures.iter().any(|path| path.is_some());
        let thresholds = gates.fail_under.is_some() || gates.fail_mean_under.is_some();
        self.sink.is_closed() && !files && !thresholds
    }

    /// Writes what comes last, and says how it went: `total` pairs were asked for, and the report shows the `worst`.
    pub fn finish(mut self, total: usize, unpaired: usize, worst: Vec<Exhibit>) -> Result<Verdict> {
        self.console.finish();
        self.failure?;
        let summary = self.tally.summary(total, unpaired);
        let wanted = self.args.output.summary;
        self.sink.finish(&summary, wanted, &self.console)?;
        if wanted && matches!(self.args.output.format(), Format::Jsonl | Format::Csv) {
            let text = format::summary_text(&summary);
            text.lines().for_each(|line| self.console.note(line));
        }
        let (verdict, missed) = self.tally.verdict(&summary);
        if let Some(report) = self.report {
            report.write(self.args, &summary, &missed, worst)?;
        }
        let console = &self.console;
        if interrupt::stopped() {
            let done = summary.scored + summary.failed + summary.not_a_number;
            console.error(&format!("interrupted after {done} of {}", count(total, "pair")));
            interrupt::obey();
            return Ok(Verdict::Failed);
        }
        if !self.single && summary.failed > 0 {
            console.error(&format!("{} of {} failed", summary.failed, count(total, "pair")));
        }
        missed.iter().for_each(|line| console.error(line));
        Ok(verdict)
    }
}
