//! The result on standard output: some lines to read, or one of JSON.

use std::fmt;
use std::time::Duration;

use fastssim::Ssim;
use serde::Serialize;

use crate::args::Args;
use crate::compare::Comparison;
use crate::pictures::Pictures;

/// All there is to say about a comparison. The order of fields is that of the JSON.
#[derive(Debug, Serialize)]
pub struct Report {
    reference: String,
    distorted: String,
    width: u32,
    height: u32,
    channels: u8,
    gray: bool,
    pixel_type: &'static str,
    /// Null in JSON where it is not a number.
    ssim: f64,
    dssim: f64,
    padding: String,
    window: usize,
    sigma: f64,
    data_range: f64,
    backend: String,
    seconds: f64,
    decoding_seconds: f64,
    version: &'static str,
}

impl Report {
    /// Gathers what is known. `decoding` is the time that reading both pictures took.
    pub fn new(args: &Args, metric: &Ssim, pictures: &Pictures, decoding: Duration, comparison: &Comparison) -> Self {
        Self {
            reference: args.reference.to_string_lossy().into_owned(),
            distorted: args.distorted.to_string_lossy().into_owned(),
            width: pictures.width,
            height: pictures.height,
            channels: pictures.channels,
            gray: args.gray,
            pixel_type: pictures.depth.name(),
            ssim: 1.0 - comparison.dssim,
            dssim: comparison.dssim,
            padding: metric.padding().to_string(),
            window: metric.window(),
            sigma: args.sigma,
            data_range: args.data_range.unwrap_or(pictures.depth.range()),
            backend: comparison.backend.to_string(),
            seconds: comparison.time.as_secs_f64(),
            decoding_seconds: decoding.as_secs_f64(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// One JSON object on one line.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

/// The lines to read.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.channels == 1 { "" } else { "s" };
        let gray = if self.gray { " (luma)" } else { "" };
        writeln!(f, "SSIM   {}", score(self.ssim))?;
        writeln!(f, "DSSIM  {}  (1 - SSIM)", score(self.dssim))?;
        writeln!(
            f,
            "image  {}x{}, {} channel{plural}{gray}, {}",
            self.width, self.height, self.channels, self.pixel_type
        )?;
        writeln!(
            f,
            "window {window}x{window}, sigma {}, {} padding, range {}",
            self.sigma,
            self.padding,
            self.data_range,
            window = self.window
        )?;
        writeln!(
            f,
            "{:<6} {:.1} ms (decoding {:.1} ms)",
            self.backend,
            self.seconds * 1e3,
            self.decoding_seconds * 1e3
        )
    }
}

/// A score with six decimals, on which backends differ by one in the last place at most, or with more digits where six
/// would hide that it is not 0 or 1.
fn score(value: f64) -> String {
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
        assert_eq!(score(1.0), "1");
        assert_eq!(score(0.0), "0");
        assert_eq!(score(f64::NAN), "NaN");
        assert_eq!(score(0.371_703_017_444_071_5), "0.371703");
        assert_eq!(score(-0.160_246_677_774_3), "-0.160247");
        assert_eq!(score(1.0 - 2f64.powi(-40)), "0.9999999999990905");
        assert_eq!(score(2f64.powi(-40)), "9.09495e-13");
        assert_eq!(score(1.25), "1.250000");
    }
}
