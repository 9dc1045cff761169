//! The report on pairs of images.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::args::CompareArgs;
use crate::console::count;
use crate::output::{Output, Taken};
use crate::record::{Record, Settings, Summary, window};
use crate::report::{Column, Exhibit, Kind, Page, Verdict, tiles};

/// The report, as it grows.
pub struct Report {
    output: Output,
    settings: Settings,
    rows: Vec<Vec<Value>>,
    errors: bool,
    /// Where the work was done: all places, in order of appearance.
    backends: Vec<String>,
}

impl Report {
    /// A report that will be written to this file, in place of none that is `taken`.
    pub fn new(path: &Path, taken: &Taken, settings: &Settings) -> Result<Self> {
        Ok(Self {
            output: Output::new(path, taken)?,
            settings: settings.clone(),
            rows: Vec::new(),
            errors: false,
            backends: Vec::new(),
        })
    }

    pub fn add(&mut self, record: &Record) {
        let size = match (record.width, record.height) {
            (Some(width), Some(height)) => Some(format!("{width}x{height}")),
            _ => None,
        };
        self.errors |= record.error.is_some();
        self.rows.push(vec![
            json!(record.distorted),
            json!(record.reference),
            json!(record.ssim),
            json!(record.dssim),
            json!(size),
            json!(record.error),
        ]);
        if let Some(backend) = &record.backend {
            let device = record
                .device
                .map_or(String::new(), |device| format!(", device {device}"));
            let place = backend.clone() + &device;
            if !self.backends.contains(&place) {
                self.backends.push(place);
            }
        }
    }

    /// Writes the page, and gives the file its name. The thresholds that were `missed` stand in it.
    pub fn write(self, args: &CompareArgs, summary: &Summary, missed: &[String], worst: Vec<Exhibit>) -> Result<()> {
        let mut problems = missed.to_vec();
        if summary.failed > 0 {
            problems.push(format!("{} of {} failed", summary.failed, count(summary.pairs, "pair")));
        }
        if !summary.complete {
            problems.push("it ended before the last pair".into());
        }
        let verdict = Verdict::new(&args.gates, &problems);
        let (page, output) = self.page(args, summary, verdict, worst);
        output.stage(|file| page.write(file))?.publish()
    }

    fn page(
        mut self,
        args: &CompareArgs,
        summary: &Summary,
        verdict: Option<Verdict>,
        worst: Vec<Exhibit>,
    ) -> (Page, Output) {
        let column = |key, name, kind| Column { key, name, kind };
        let mut columns = vec![
            column("distorted", "Distorted", Kind::Text),
            column("reference", "Reference", Kind::Text),
            column("ssim", "SSIM", Kind::Score),
            column("dssim", "DSSIM", Kind::Score),
            column("size", "Size", Kind::Word),
        ];
        if self.errors {
            columns.push(column("error", "Error", Kind::Text));
        } else {
            self.rows.iter_mut().for_each(|row| row.truncate(columns.len()));
        }
        let mut tiles = tiles("Pairs", summary.pairs, summary.ssim.as_ref());
        for (name, count) in [
            ("Failed", summary.failed),
            ("Not a number", summary.not_a_number),
            ("Files without a partner", summary.unpaired),
        ] {
            if count > 0 {
                tiles.push((name, count.into()));
            }
        }
        let page = Page {
            subject: subject(args),
            tiles,
            settings: self.settings(args),
            verdict,
            columns,
            rows: std::mem::take(&mut self.rows),
            series: None,
            fail_under: args.gates.fail_under,
            worst_title: "The worst pairs".into(),
            worst,
            scale: args.pictures.map_max.into(),
        };
        (page, self.output)
    }

    fn settings(&self, args: &CompareArgs) -> Vec<(&'static str, String)> {
        let metric = &self.settings;
        let range = match args.metric.data_range {
            Some(range) => range.to_string(),
            None => "that of the samples' type".into(),
        };
        let convention = match metric.dssim_convention.as_str() {
            "half-one-minus-ssim" => "(1 - SSIM) / 2",
            _ => "1 - SSIM",
        };
        let colors = if args.input.gray {
            "the luma"
        } else {
            "all, each on its own"
        };
        let mut settings = vec![
            ("Channels", colors.into()),
            ("Window", window(metric.window, metric.sigma, metric.options.as_deref())),
            ("Padding", metric.padding.clone()),
            ("Constants", format!("k1 {}, k2 {}", metric.k1, metric.k2)),
            ("Data range", range),
            ("DSSIM", convention.into()),
            ("Backend", self.backends.join("; ")),
        ];
        let masks = args.masks.as_ref().or(args.metric.mask.as_ref());
        settings.extend(masks.map(|masks| ("Mask", masks.display().to_string())));
        settings
    }
}

/// What was compared, as the arguments name it.
fn subject(args: &CompareArgs) -> String {
    match (&args.pairs, &args.reference, &args.distorted[..]) {
        (Some(list), ..) => format!("the pairs of {}", list.display()),
        (None, Some(reference), [distorted]) => {
            format!("{} compared with {}", distorted.display(), reference.display())
        }
        (None, reference, distorted) => {
            let reference = reference.as_deref().unwrap_or(Path::new(""));
            format!("{} images compared with {}", distorted.len(), reference.display())
        }
    }
}
