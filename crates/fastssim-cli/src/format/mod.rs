//! How records look, on standard output and in files.

mod text;

use anyhow::Result;
use serde::Serialize;

use crate::args::Format;
use crate::record::{Record, Summary, VERSION};

pub use text::{score, summary as summary_text};

/// Turns records into text, one by one.
pub struct Printer {
    pub format: Format,
    /// Whether it is one pair, of which a table has more to say.
    pub single: bool,
    /// Whether a terminal shows colours.
    pub color: bool,
    /// The threshold below which a score stands out in colour.
    pub threshold: Option<f64>,
    /// Whether a record has been printed, or is in the file already.
    pub begun: bool,
}

impl Printer {
    /// What comes before the first record.
    pub fn begin(&self, unpaired: &[String]) -> Result<String> {
        Ok(match self.format {
            Format::Json => format!(
                "{{\"version\":{},\"unpaired\":{},\"results\":[",
                serde_json::to_string(VERSION)?,
                serde_json::to_string(unpaired)?
            ),
            Format::Table if !self.single => text::header(),
            _ => String::new(),
        })
    }

    /// A record. `label` is what a table calls the pair.
    pub fn record(&mut self, record: &Record, label: &str) -> Result<String> {
        let first = !std::mem::replace(&mut self.begun, true);
        Ok(match self.format {
            Format::Json => format!("{}\n{}", if first { "" } else { "," }, serde_json::to_string(record)?),
            Format::Jsonl => serde_json::to_string(record)? + "\n",
            Format::Csv => csv_line(record, first)?,
            Format::Table if self.single => text::one(record),
            Format::Table => text::row(record, label, self.color, self.threshold),
        })
    }

    /// What comes after the last record; a table has a summary only if it is `wanted`.
    pub fn end(&self, summary: &Summary, wanted: bool) -> Result<String> {
        Ok(match self.format {
            Format::Json => format!("\n],\"summary\":{}}}\n", serde_json::to_string(summary)?),
            Format::Table if wanted => format!("\n{}", text::summary(summary)),
            _ => String::new(),
        })
    }
}

/// A record as a line, and before it one of the names of its fields.
pub fn csv_line(record: &impl Serialize, header: bool) -> Result<String> {
    let mut writer = csv::WriterBuilder::new().has_headers(header).from_writer(Vec::new());
    writer.serialize(record)?;
    Ok(String::from_utf8(writer.into_inner()?)?)
}
