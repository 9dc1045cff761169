//! Lines to read.

use std::fmt::Write;

use crate::record::Record;

/// The result of one pair in a few lines.
pub fn one(record: &Record) -> String {
    let plural = if record.channels == Some(1) { "" } else { "s" };
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
        "image  {}x{}, {} channel{plural}{gray}, {}",
        record.width.unwrap_or_default(),
        record.height.unwrap_or_default(),
        record.channels.unwrap_or_default(),
        record.pixel_type.as_deref().unwrap_or_default()
    );
    let _ = writeln!(
        text,
        "window {window}x{window}, sigma {}, {} padding, range {}",
        record.sigma,
        record.padding,
        record.data_range.unwrap_or(f64::NAN),
        window = record.window
    );
    let _ = writeln!(
        text,
        "{backend:<6} {:.1} ms (decoding {:.1} ms)",
        milliseconds(record.seconds),
        milliseconds(record.decoding_seconds)
    );
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
