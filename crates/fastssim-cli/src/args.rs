//! What can be asked for: the arguments, their help, and the metric that they configure.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Parser, ValueEnum};
use fastssim::{DssimConvention, Error, Ssim};

/// SSIM and DSSIM of two images, where they differ, and the gradient.
///
/// The score is that of Wang et al. 2004: the mean over all pixels, then over the channels. It is 1
/// for identical images and never more. Pixels are compared as they are stored: neither colour
/// profiles nor a camera's orientation are applied, and of an animation the first frame counts.
#[derive(Debug, Parser)]
#[command(name = "fastssim", version, after_long_help = AFTER_HELP, max_term_width = 100)]
pub struct Args {
    /// The image as it should be
    #[arg(value_name = "REFERENCE")]
    pub reference: PathBuf,

    /// The image to judge, of the same size
    #[arg(value_name = "DISTORTED")]
    pub distorted: PathBuf,

    /// Print one JSON object on one line
    ///
    /// All numbers have their full precision; `ssim` and `dssim` are null where the score is not a
    /// number, because an image of floats holds NaN or infinity. `seconds` is the time that the
    /// score took, `decoding_seconds` that of reading both images.
    #[arg(long)]
    pub json: bool,

    /// Write the map as a PNG: dark where the images agree, bright where they differ
    ///
    /// Each pixel shows 1 - SSIM of the window around it, averaged over the channels and clipped to
    /// 0..1, on the colour scale "inferno": 0 is black, then purple (0.25), red (0.5), orange
    /// (0.75), and 1 pale yellow. Green marks what is not a number. Under valid padding the map is
    /// smaller than the images by the window less one.
    #[arg(long, value_name = "FILE.png")]
    pub map: Option<PathBuf>,

    /// Write the gradient of SSIM with respect to DISTORTED, as NumPy's (c, h, w) of f32
    ///
    /// It says how the score changes with each sample of DISTORTED, in units of the samples as they
    /// are stored: one step of 255, say. That of DSSIM is its negative. With --gray it is that with
    /// respect to the luma, (1, h, w).
    #[arg(long, value_name = "FILE.npy")]
    pub gradient: Option<PathBuf>,

    /// How the images continue beyond their edges
    #[arg(long, value_enum, default_value_t)]
    pub padding: Padding,

    /// Side of the Gaussian window, odd
    #[arg(long, value_name = "PIXELS", default_value_t = 11, allow_negative_numbers = true)]
    pub window: usize,

    /// Standard deviation of the Gaussian window
    #[arg(long, value_name = "PIXELS", default_value_t = 1.5, allow_negative_numbers = true)]
    pub sigma: f64,

    /// White less black, in units of the samples as they are stored
    ///
    /// Without it: 255 for images of 8 bits, 65535 for 16 bits, 1 for floats.
    #[arg(long, value_name = "RANGE", allow_negative_numbers = true)]
    pub data_range: Option<f64>,

    /// Compare in gray: the luma 0.299 R + 0.587 G + 0.114 B
    ///
    /// These are the weights of ITU-R BT.601, applied to the samples as they are stored. The luma
    /// stays a floating-point number: rounding it to 8 bits, as a gray file would, changes the score.
    /// A gray image is its own luma, so it can be compared with one in colour.
    #[arg(long)]
    pub gray: bool,

    /// What to do with transparency: `drop` it, or blend onto `white`, `black` or RRGGBB
    ///
    /// Without it an image with an alpha channel is an error, since transparency has no SSIM.
    /// `drop` compares the colours as they are stored, however transparent. A blend is rounded to
    /// the image's own depth.
    #[arg(long, value_name = "COLOR", value_parser = Alpha::parse)]
    pub alpha: Option<Alpha>,

    /// Where the work is done
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,

    /// Which GPU `--backend cuda` takes, counted from 0
    #[arg(long, value_name = "INDEX")]
    pub device: Option<usize>,
}

const AFTER_HELP: &str = "\
Output files appear whole or not at all. The result goes to standard output, messages to standard
error. The exit code is 0 on success and 2 on any error.

Examples:
  fastssim reference.png distorted.png
  fastssim --json --padding valid reference.png distorted.png
  fastssim --gray --map map.png --gradient gradient.npy reference.png distorted.jpg";

/// How the images continue beyond their edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Padding {
    /// As zeros (black); every pixel counts
    #[default]
    Zero,
    /// Not at all: only windows that lie inside count
    Valid,
}

impl From<Padding> for fastssim::Padding {
    fn from(padding: Padding) -> Self {
        match padding {
            Padding::Zero => Self::Zero,
            Padding::Valid => Self::Valid,
        }
    }
}

/// Where the work is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// On a GPU if there is one that works, else on the processor
    #[default]
    Auto,
    /// On the processor
    Cpu,
    /// On an NVIDIA GPU, or not at all
    Cuda,
}

/// What becomes of an alpha channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Alpha {
    /// It is ignored.
    Drop,
    /// The image is blended onto this colour: red, green and blue from 0 to 1.
    Onto([f32; 3]),
}

impl Alpha {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "drop" => return Ok(Self::Drop),
            "white" => return Ok(Self::Onto([1.0; 3])),
            "black" => return Ok(Self::Onto([0.0; 3])),
            _ => (),
        }
        let digits = text.strip_prefix('#').unwrap_or(text);
        // `from_str_radix` would take a sign for a digit.
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err("expected drop, white, black or six hexadecimal digits RRGGBB");
        }
        let rgb = u32::from_str_radix(digits, 16).map_err(|_| "not a colour")?;
        let [_, r, g, b] = rgb.to_be_bytes();
        Ok(Self::Onto([r, g, b].map(|component| f32::from(component) / 255.0)))
    }
}

impl Args {
    /// The metric that was asked for, where white less black is `range` unless an option says
    /// otherwise; an error names the option at fault.
    pub fn metric(&self, range: f64) -> Result<Ssim> {
        let backend = match (self.backend, self.device) {
            (Backend::Auto, None) => fastssim::Backend::Auto,
            (Backend::Cpu, None) => fastssim::Backend::Cpu,
            (Backend::Cuda, device) => fastssim::Backend::Cuda {
                device: device.unwrap_or(0),
            },
            (_, Some(device)) => return Err(anyhow!("--device {device}: it needs --backend cuda")),
        };
        let builder = Ssim::builder()
            .padding(self.padding.into())
            .window(self.window)
            .sigma(self.sigma)
            .data_range(self.data_range.unwrap_or(range))
            .dssim(DssimConvention::OneMinusSsim)
            .backend(backend);
        builder.build().map_err(|error| match error {
            Error::WindowSize { size, max } => anyhow!("--window {size}: it must be odd and from 1 to {max}"),
            Error::Parameter { name, value, allowed } => {
                anyhow!("--{} {value}: it must be {allowed}", name.replace('_', "-"))
            }
            Error::Cuda(error) => anyhow!("--backend cuda: {error}"),
            other => other.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn colours_are_names_or_six_digits() {
        assert_eq!(Alpha::parse("drop"), Ok(Alpha::Drop));
        assert_eq!(Alpha::parse("white"), Ok(Alpha::Onto([1.0; 3])));
        assert_eq!(Alpha::parse("#ff0033"), Ok(Alpha::Onto([1.0, 0.0, 0.2])));
        assert_eq!(Alpha::parse("FF0033"), Alpha::parse("ff0033"));
        for wrong in [
            "", "#", "red", "fff", "ff00334", "+f0033", "ff003g", "##ff0033", "é0033",
        ] {
            assert!(Alpha::parse(wrong).is_err(), "{wrong}");
        }
    }
}
