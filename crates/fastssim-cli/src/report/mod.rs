//! The report: one page of HTML that holds all it shows, and loads nothing from elsewhere.
//!
//! The data stand in the page as JSON. `page.js` makes the table, the charts and the pictures of them, with functions of
//! the browser alone.

mod gallery;

use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

pub use gallery::{Exhibit, Gallery, Shown};

use crate::args::GateArgs;
use crate::heatmap::Scale;
use crate::record::VERSION;
use crate::statistics::Statistics;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page shows.
#[derive(Debug, Serialize)]
pub struct Page {
    /// What was compared, in a line.
    pub subject: String,
    /// The summary: labels, and numbers or text.
    pub tiles: Vec<(&'static str, Value)>,
    /// How it was measured: labels and values.
    pub settings: Vec<(&'static str, String)>,
    /// Whether it passed, where that was asked.
    pub verdict: Option<Verdict>,
    /// Those of the table. One of them has the key `ssim`.
    pub columns: Vec<Column>,
    /// One value for each column; null where it is not known.
    pub rows: Vec<Vec<Value>>,
    /// The lines of the score over time, if rows are frames; their first two columns are the number and the time.
    pub series: Option<Vec<Series>>,
    /// Scores below this are marked.
    pub fail_under: Option<f64>,
    /// What stands above the worst.
    pub worst_title: String,
    /// The worst first.
    pub worst: Vec<Exhibit>,
    pub scale: Legend,
}

/// Whether it passed.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub passed: bool,
    pub text: String,
}

impl Verdict {
    /// What became of the thresholds, if there are any; failed where there are `problems`, whatever the thresholds.
    pub fn new(gates: &GateArgs, problems: &[String]) -> Option<Self> {
        let thresholds: Vec<String> = [
            ("--fail-under", gates.fail_under),
            ("--fail-mean-under", gates.fail_mean_under),
        ]
        .into_iter()
        .filter_map(|(name, threshold)| Some(format!("{name} {}", threshold?)))
        .collect();
        let (passed, word, lines) = match problems {
            [] => (true, "Passed", &thresholds[..]),
            problems => (false, "Failed", problems),
        };
        (!lines.is_empty()).then(|| Self {
            passed,
            text: format!("{word}: {}", lines.join("; ")),
        })
    }
}

/// The summary of scores: of so many `things`, and their statistics.
pub fn tiles(things: &'static str, count: usize, statistics: Option<&Statistics>) -> Vec<(&'static str, Value)> {
    let mut tiles = vec![(things, count.into())];
    if let Some(of) = statistics {
        tiles.extend([
            ("Mean", of.mean.into()),
            ("Standard deviation", of.standard_deviation.into()),
            ("Harmonic mean", of.harmonic_mean.into()),
            ("Minimum", of.min.into()),
            ("1 %", of.p1.into()),
            ("5 %", of.p5.into()),
            ("25 %", of.p25.into()),
            ("Median", of.median.into()),
            ("75 %", of.p75.into()),
            ("95 %", of.p95.into()),
            ("99 %", of.p99.into()),
            ("Maximum", of.max.into()),
        ]);
    }
    tiles
}

/// A column of the table.
#[derive(Debug, Serialize)]
pub struct Column {
    pub key: &'static str,
    pub name: &'static str,
    pub kind: Kind,
}

/// What a column holds, and so how it is shown and sorted.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Text,
    /// Short text, which is not broken into lines.
    Word,
    Score,
    Number,
    Seconds,
}

/// A line of the chart.
#[derive(Debug, Serialize)]
pub struct Series {
    /// `total`, `y`, `u` or `v`, which has a colour of its own.
    pub key: &'static str,
    pub name: &'static str,
    /// The key of its column.
    pub column: &'static str,
}

/// What the colours of the maps mean.
#[derive(Debug, Serialize)]
pub struct Legend {
    colors: Vec<String>,
    ticks: Vec<String>,
}

impl From<Scale> for Legend {
    fn from(scale: Scale) -> Self {
        Self {
            colors: scale.stops(),
            ticks: scale.labels().to_vec(),
        }
    }
}

impl Page {
    /// Writes the page.
    pub fn write(&self, writer: &mut impl Write) -> Result<()> {
        // No text can end the element that it stands in.
        let data = serde_json::to_string(self)?.replace('<', "\\u003c");
        let title = escape(&format!("SSIM: {}", self.subject));
        let mut parts = PAGE.split("{{");
        writer.write_all(parts.next().unwrap_or_default().as_bytes())?;
        for part in parts {
            let (name, rest) = part.split_once("}}").unwrap_or((part, ""));
            let value = match name {
                "title" => &title,
                "version" => VERSION,
                "style" => STYLE,
                "data" => &data,
                "script" => SCRIPT,
                other => unreachable!("the page has no {other}"),
            };
            writer.write_all(value.as_bytes())?;
            writer.write_all(rest.as_bytes())?;
        }
        Ok(())
    }
}

/// Text in HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_file_can_leave_its_place() {
        let hostile = "</script><script>alert(1)</script>{{script}}<!-- &amp;";
        let page = Page {
            subject: hostile.into(),
            tiles: vec![],
            settings: vec![],
            verdict: None,
            columns: vec![Column {
                key: "ssim",
                name: "SSIM",
                kind: Kind::Score,
            }],
            rows: vec![vec![hostile.into()]],
            series: None,
            fail_under: None,
            worst_title: String::new(),
            worst: vec![],
            scale: Scale::default().into(),
        };
        let mut html = Vec::new();
        page.write(&mut html).unwrap();
        let html = String::from_utf8(html).unwrap();
        assert_eq!(html.matches("</script>").count(), 2);
        assert_eq!(html.matches("<script").count(), 2);
        assert!(
            html.contains(
                "<title>SSIM: &lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{script}}&lt;!-- &amp;amp;"
            )
        );
        let start = html.find("id=\"data\">").unwrap() + 10;
        let end = start + html[start..].find("</script>").unwrap();
        let data: Value = serde_json::from_str(&html[start..end]).unwrap();
        assert_eq!(data["rows"][0][0], hostile);
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for part in [PAGE, STYLE, SCRIPT] {
            let text = part.replace("http://www.w3.org/2000/svg", "");
            for loader in [
                "http:", "https:", "//cdn", "src=\"", "<link", "@import", "url(", "fetch(", "import(",
            ] {
                assert!(!text.contains(loader), "{loader}");
            }
        }
        assert!(PAGE.contains("default-src 'none'"));
    }
}
