//! What many records amount to: their summary, and whether they pass the thresholds.

use crate::args::GateArgs;
use crate::format::score;
use crate::record::{Record, Summary, VERSION};
use crate::statistics::Statistics;

/// The exit code of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed = 0,
    BelowThreshold = 1,
    Failed = 2,
}

/// What is kept of the records so far: of each its score, of one its names.
pub struct Tally {
    gates: GateArgs,
    scores: Vec<f64>,
    failed: usize,
    not_a_number: usize,
    /// How many are below the threshold of each.
    below: usize,
    worst: Option<(f64, [String; 2])>,
}

impl Tally {
    pub fn new(gates: &GateArgs) -> Self {
        Self {
            gates: gates.clone(),
            scores: Vec::new(),
            failed: 0,
            not_a_number: 0,
            below: 0,
            worst: None,
        }
    }

    pub fn add(&mut self, record: &Record) {
        match record.ssim {
            _ if record.error.is_some() => self.failed += 1,
            None => self.not_a_number += 1,
            Some(ssim) => {
                self.scores.push(ssim);
                self.below += usize::from(self.gates.fail_under.is_some_and(|threshold| ssim < threshold));
                if self.worst.as_ref().is_none_or(|(worst, _)| ssim < *worst) {
                    self.worst = Some((ssim, [record.reference.clone(), record.distorted.clone()]));
                }
            }
        }
    }

    /// The summary of these and of what has no record: `pairs` is the number that was asked for.
    pub fn summary(&mut self, pairs: usize, unpaired: usize) -> Summary {
        let scored = self.scores.len();
        Summary {
            pairs,
            scored,
            failed: self.failed,
            not_a_number: self.not_a_number,
            unpaired,
            complete: scored + self.failed + self.not_a_number == pairs,
            ssim: Statistics::of(&mut self.scores),
            worst: self.worst.as_ref().map(|(_, names)| names.clone()),
            version: VERSION,
        }
    }

    /// The exit code, and what is to be said of the thresholds that were missed.
    pub fn verdict(&self, summary: &Summary) -> (Verdict, Vec<String>) {
        let mut missed = Vec::new();
        if let Some(threshold) = self.gates.fail_under {
            let below = self.below + self.not_a_number;
            if below > 0 {
                let worst = match &self.worst {
                    Some((ssim, [_, name])) if self.below > 0 => {
                        format!("; the lowest is {} of {name}", score(Some(*ssim)))
                    }
                    _ => String::new(),
                };
                missed.push(format!(
                    "--fail-under {threshold}: {below} of {} below it{worst}",
                    summary.pairs
                ));
            }
        }
        if let Some(threshold) = self.gates.fail_mean_under {
            let mean = summary.ssim.as_ref().map(|ssim| ssim.mean);
            // A mean that is unknown because of one that is not a number does not pass either.
            if self.not_a_number > 0 || mean.is_none_or(|mean| mean < threshold) {
                let mean = mean.filter(|_| self.not_a_number == 0);
                missed.push(format!("--fail-mean-under {threshold}: the mean is {}", score(mean)));
            }
        }
        let verdict = match () {
            () if summary.failed > 0 => Verdict::Failed,
            () if !missed.is_empty() => Verdict::BelowThreshold,
            () => Verdict::Passed,
        };
        (verdict, missed)
    }
}
