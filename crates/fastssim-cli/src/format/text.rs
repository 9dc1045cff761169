//! Lines to read.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::console::{count, one_line};
use crate::record::{Record, Summary, window};

/// The result of one pair in a few lines.
pub fn one(record: &Record) -> String {
    let gray = if record.gray { " (luma)" } else { "" };
    let convention = match record.dssim_convention.as_str() {
        "half-one-minus-ssim" => "(1 - SSIM) / 2",
        _ => "1 - SSIM",
    };
    let backend = match (&record.backend, record.device) {
        (Some(backend), Some(device)) => format!("{backend}:{device}"),
        (Some(backend), None) => backend.clone(),
        (None, _) => String::new(),
    };
    let milliseconds = |seconds: Option<f64>| seconds.unwrap_or(f64::NAN) * 1e3;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "SSIM   {}", score(record.ssim));
    let _ = writeln!(text, "DSSIM  {}  ({convention})", score(record.dssim));
    let _ = writeln!(
        text,
        "image  {}x{}, {}{gray}, {}",
        record.width.unwrap_or_default(),
        record.height.unwrap_or_default(),
        count(record.channels.unwrap_or_default(), "channel"),
        record.pixel_type.as_deref().unwrap_or_default()
    );
    let _ = writeln!(
        text,
        "window {}, {} padding, range {}",
        window(record.window, record.sigma, record.options.as_deref()),
        record.padding,
        record.data_range.unwrap_or(f64::NAN)
    );
    if let Some(mask) = &record.mask {
        let _ = writeln!(text, "mask   {}", one_line(mask));
    }
    let _ = writeln!(
        text,
        "{backend:<6} {:.1} ms (decoding {:.1} ms)",
        milliseconds(record.seconds),
        milliseconds(record.decoding_seconds)
    );
    text
}

/// What stands above the rows of [`row`].
pub fn header() -> String {
    format!("{:>10}  {:>12}  {:>11}  pair\n", "SSIM", "DSSIM", "size")
}

/// The result of one pair among many, on a line.
pub fn row(record: &Record, label: &str, color: bool, threshold: Option<f64>) -> String {
    let low = record
        .ssim
        .is_none_or(|ssim| threshold.is_some_and(|threshold| ssim < threshold));
    let style = if color && low {
        Style::new().fg_color(Some(AnsiColor::Red.into()))
    } else {
        Style::new()
    };
    let (ssim, dssim) = match record.error {
        Some(_) => ("error".into(), String::new()),
        None => (score(record.ssim), score(record.dssim)),
    };
    let size = match (record.width, record.height) {
        (Some(width), Some(height)) => format!("{width}x{height}"),
        _ => String::new(),
    };
    let label = one_line(label);
    format!("{style}{ssim:>10}{style:#}  {dssim:>12}  {size:>11}  {label}\n")
}

/// The summary in a few lines.
pub fn summary(summary: &Summary) -> String {
    let mut text = format!("pairs   {}, {} with a score", summary.pairs, summary.scored);
    for (count, what) in [
        (summary.failed, "failed"),
        (summary.not_a_number, "not a number"),
        (
            summary.pairs - summary.scored - summary.failed - summary.not_a_number,
            "not done",
        ),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    if summary.unpaired > 0 {
        let _ = write!(text, "; {} without a partner", count(summary.unpaired, "file"));
    }
    text.push('\n');
    if let Some(ssim) = &summary.ssim {
        let line = |names_and_values: &[(&str, Option<f64>)]| {
            let parts = names_and_values.iter().filter(|(_, value)| value.is_some());
            let parts: Vec<String> = parts.map(|&(name, value)| format!("{name} {}", score(value))).collect();
            parts.join(", ")
        };
        let first = [
            ("mean", Some(ssim.mean)),
            ("standard deviation", Some(ssim.standard_deviation)),
            ("harmonic mean", ssim.harmonic_mean),
        ];
        let second = [
            ("min", ssim.min),
            ("1 %", ssim.p1),
            ("5 %", ssim.p5),
            ("25 %", ssim.p25),
            ("median", ssim.median),
            ("75 %", ssim.p75),
            ("95 %", ssim.p95),
            ("99 %", ssim.p99),
            ("max", ssim.max),
        ];
        let _ = writeln!(text, "SSIM    {}", line(&first));
        let _ = writeln!(
            text,
            "        {}",
            line(&second.map(|(name, value)| (name, Some(value))))
        );
    }
    if let Some([reference, distorted]) = &summary.worst {
        let _ = writeln!(text, "worst   {} | {}", one_line(reference), one_line(distorted));
    }
    text
}

/// A score with six decimals, on which backends differ by one in the last place at most, or with more digits where six
/// would hide that it is not 0 or 1.
pub fn score(value: Option<f64>) -> String {
    let Some(value) = value else { return "NaN".into() };
    let magnitude = value.abs();
    if magnitude == 0.0 || magnitude == 1.0 || !magnitude.is_finite() {
        format!("{value}")
    } else if magnitude < 0.01 {
        format!("{value:.5e}")
    } else {
        let rounded = format!("{value:.6}");
        if rounded == "1.000000" {
            format!("{value}")
        } else {
            rounded
        }
    }
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn a_score_that_is_nearly_0_or_1_does_not_look_like_it() {
        assert_eq!(score(Some(1.0)), "1");
        assert_eq!(score(Some(0.0)), "0");
        assert_eq!(score(None), "NaN");
        assert_eq!(score(Some(0.371_703_017_444_071_5)), "0.371703");
        assert_eq!(score(Some(-0.160_246_677_774_3)), "-0.160247");
        assert_eq!(score(Some(1.0 - 2f64.powi(-40))), "0.9999999999990905");
        assert_eq!(score(Some(2f64.powi(-40))), "9.09495e-13");
        assert_eq!(score(Some(1.25)), "1.250000");
    }
}
