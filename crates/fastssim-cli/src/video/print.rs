//! How the results of videos look, on standard output and in files.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use anyhow::Result;

use super::record::{FrameRecord, VideoRecord};
use crate::args::Format;
use crate::console::one_line;
use crate::format::{csv_line, score};
use crate::record::{VERSION, window};
use crate::statistics::Statistics;

/// Turns records of frames into text, one by one.
pub struct Printer {
    pub format: Format,
    /// Whether a terminal shows colours.
    pub color: bool,
    /// The threshold below which a score stands out in colour.
    pub threshold: Option<f64>,
    /// How many planes there are: 1 or 3.
    pub planes: usize,
}

impl Printer {
    /// What comes before the first frame.
    pub fn begin(&self) -> Result<String> {
        Ok(match self.format {
            Format::Json => format!("{{\"version\":{},\"frames\":[", serde_json::to_string(VERSION)?),
            Format::Table => columns(
                "frame",
                ["SSIM", "Y", "U", "V"].map(String::from),
                self.planes,
                Style::new(),
            ),
            Format::Jsonl | Format::Csv => String::new(),
        })
    }

    /// A frame, and whether it is the first.
    pub fn frame(&self, record: &FrameRecord, first: bool) -> Result<String> {
        Ok(match self.format {
            Format::Json => format!("{}\n{}", if first { "" } else { "," }, serde_json::to_string(record)?),
            Format::Jsonl => serde_json::to_string(record)? + "\n",
            Format::Csv => csv_line(record, first)?,
            Format::Table => {
                let low = self.threshold.is_some_and(|threshold| record.ssim < threshold);
                let color = (self.color && low).then_some(AnsiColor::Red.into());
                let values = [Some(record.ssim), Some(record.y), record.u, record.v].map(score);
                columns(
                    &record.frame.to_string(),
                    values,
                    self.planes,
                    Style::new().fg_color(color),
                )
            }
        })
    }

    /// What comes after the last frame.
    pub fn end(&self, record: Option<&VideoRecord>) -> Result<String> {
        Ok(match (self.format, record) {
            (Format::Json, record) => format!("\n],\"summary\":{}}}\n", serde_json::to_string(&record)?),
            (Format::Table, Some(record)) => format!("\n{}", summary(record)),
            _ => String::new(),
        })
    }
}

/// A line of the table: the total in this style, and the planes that there are.
fn columns(name: &str, values: [String; 4], planes: usize, style: Style) -> String {
    let mut line = format!("{name:>18}");
    for (index, value) in values.iter().take(1 + planes).enumerate() {
        let style = if index == 0 { style } else { Style::new() };
        let _ = write!(line, "  {style}{value:>10}{style:#}");
    }
    line + "\n"
}

/// The statistics and what was measured, in a few lines.
pub fn summary(record: &VideoRecord) -> String {
    type Of = fn(&Statistics) -> Option<f64>;
    let lines: [(&str, Of); 12] = [
        ("mean", |of| Some(of.mean)),
        ("standard deviation", |of| Some(of.standard_deviation)),
        ("harmonic mean", |of| of.harmonic_mean),
        ("minimum", |of| Some(of.min)),
        ("1 %", |of| Some(of.p1)),
        ("5 %", |of| Some(of.p5)),
        ("25 %", |of| Some(of.p25)),
        ("median", |of| Some(of.median)),
        ("75 %", |of| Some(of.p75)),
        ("95 %", |of| Some(of.p95)),
        ("99 %", |of| Some(of.p99)),
        ("maximum", |of| Some(of.max)),
    ];
    let planes = if record.u.is_some() { 3 } else { 1 };
    let all = [
        Some(&record.ssim),
        Some(&record.y),
        record.u.as_ref(),
        record.v.as_ref(),
    ];
    let mut text = columns("", ["SSIM", "Y", "U", "V"].map(String::from), planes, Style::new());
    for (name, of) in lines {
        // The harmonic mean may be none.
        let value = |statistics: Option<&Statistics>| match statistics.and_then(of) {
            Some(value) => score(Some(value)),
            None => "-".into(),
        };
        text += &columns(name, all.map(value), planes, Style::new());
    }
    let rate = record
        .frame_rate
        .map_or(String::new(), |rate| format!(", {} frames/s", short(rate)));
    let device = record.device.map_or(String::new(), |device| format!(":{device}"));
    let weights: Vec<String> = record.weights.iter().map(|weight| short(*weight)).collect();
    let _ = writeln!(
        text,
        "\nworst  frame {}\nvideo  {} | {}",
        record.worst,
        one_line(&record.reference),
        one_line(&record.distorted)
    );
    let _ = writeln!(
        text,
        "       {}x{}, {}, {} bits{rate}; weights {}",
        record.width,
        record.height,
        record.chroma,
        record.bits,
        weights.join(":")
    );
    let _ = writeln!(
        text,
        "window {}, {} padding, range {}",
        window(record.window, record.sigma, record.options.as_deref()),
        record.padding,
        record.data_range
    );
    let speed = record.frames as f64 / record.seconds;
    let _ = writeln!(
        text,
        "{:<6} {} frames in {:.1} s, {speed:.1} a second",
        record.backend.clone() + &device,
        record.frames,
        record.seconds
    );
    text
}

/// A number with four digits after the point at most.
pub fn short(value: f64) -> String {
    ((value * 1e4).round() / 1e4).to_string()
}
