//! The two pictures: read from their files, made comparable, or refused with the reason.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use image::error::LimitErrorKind;
use image::{DynamicImage, ImageError, ImageFormat, ImageReader};
use ndarray::Array3;

use crate::args::{Alpha, InputArgs};
use crate::jpeg;

/// Two pictures of one size, depth and number of channels.
pub struct Pictures {
    pub pixels: Pixels,
    pub width: u32,
    pub height: u32,
    pub channels: u8,
    pub depth: Depth,
}

/// The samples to compare.
pub enum Pixels {
    /// As they are stored. There may be an alpha channel left, which is to be ignored.
    Stored {
        reference: DynamicImage,
        distorted: DynamicImage,
    },
    /// Luma, as (1, height, width).
    Gray {
        reference: Array3<f32>,
        distorted: Array3<f32>,
    },
}

/// The type of the samples of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    U8,
    U16,
    F32,
}

impl Depth {
    fn of(image: &DynamicImage) -> Self {
        match image.color().bytes_per_pixel() / image.color().channel_count() {
            1 => Self::U8,
            2 => Self::U16,
            _ => Self::F32,
        }
    }

    /// White less black, where nothing else is said.
    pub fn range(self) -> f64 {
        match self {
            Self::U8 => 255.0,
            Self::U16 => 65535.0,
            Self::F32 => 1.0,
        }
    }

    /// The name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::F32 => "f32",
        }
    }
}

/// Reads both pictures and makes them what the options ask for.
pub fn read(paths: [&Path; 2], args: &InputArgs) -> Result<Pictures> {
    let reference = read_one(paths[0], args.alpha)?;
    let distorted = read_one(paths[1], args.alpha)?;
    check_comparable(&reference, &distorted, args.gray)
        .with_context(|| format!("{} and {}", paths[0].display(), paths[1].display()))?;
    let (width, height, depth) = (distorted.width(), distorted.height(), Depth::of(&distorted));
    let channels = if args.gray { 1 } else { colors(&distorted) };
    let pixels = if args.gray {
        Pixels::Gray {
            reference: luma(&reference)?,
            distorted: luma(&distorted)?,
        }
    } else {
        Pixels::Stored { reference, distorted }
    };
    Ok(Pictures {
        pixels,
        width,
        height,
        channels,
        depth,
    })
}

/// A picture whose alpha channel, if it has one, is to be ignored.
fn read_one(path: &Path, alpha: Option<Alpha>) -> Result<DynamicImage> {
    let file = || path.display().to_string();
    let image = decode(path).with_context(file)?;
    if !image.color().has_alpha() {
        return Ok(image);
    }
    match alpha {
        Some(Alpha::Drop) => Ok(image),
        Some(Alpha::Onto(color)) => fastssim::composite(&image, color).with_context(file),
        None => bail!(
            "{}: the image has an alpha channel: ignore it with --alpha drop, or blend it with --alpha white, \
             black or RRGGBB",
            path.display()
        ),
    }
}

/// Decodes a file; what it holds is found from its content, not from its name.
fn decode(path: &Path) -> Result<DynamicImage> {
    let reader = ImageReader::open(path)?.with_guessed_format()?;
    ensure!(reader.format().is_some(), "not an image of a known format");
    let is_jpeg = reader.format() == Some(ImageFormat::Jpeg);
    let image = reader.decode().map_err(|error| match error {
        ImageError::IoError(error) => error.into(),
        ImageError::Limits(limit) if limit.kind() == LimitErrorKind::InsufficientMemory => {
            anyhow!("the image is too large: it needs more than 512 MiB when decoded")
        }
        // Its text holds that of its source, which must not be said twice.
        other => anyhow!("{other}"),
    })?;
    ensure!(!is_jpeg || jpeg::is_whole(&fs::read(path)?), "unexpected end of file");
    Ok(image)
}

/// The reason why two pictures cannot be compared, if there is one.
fn check_comparable(a: &DynamicImage, b: &DynamicImage, gray: bool) -> Result<()> {
    let size = |image: &DynamicImage| format!("{}x{}", image.width(), image.height());
    ensure!(
        size(a) == size(b),
        "the sizes differ: {} and {} pixels",
        size(a),
        size(b)
    );
    let (depth, other) = (Depth::of(a), Depth::of(b));
    ensure!(
        depth == other,
        "the sample types differ: {} and {}; convert one of them",
        depth.name(),
        other.name()
    );
    ensure!(
        gray || colors(a) == colors(b),
        "the numbers of channels differ: {} and {}; --gray compares both in gray",
        colors(a),
        colors(b)
    );
    Ok(())
}

/// Channels without alpha: 1 or 3.
fn colors(image: &DynamicImage) -> u8 {
    image.color().channel_count() - u8::from(image.color().has_alpha())
}

/// The luma of a picture as (1, height, width), in units of its samples but not rounded to them.
fn luma(image: &DynamicImage) -> Result<Array3<f32>> {
    let (colors, step) = (colors(image), usize::from(image.color().channel_count()));
    let luma = if let Some(samples) = image.as_flat_samples_u8() {
        weigh(samples.samples, step, colors)
    } else if let Some(samples) = image.as_flat_samples_u16() {
        weigh(samples.samples, step, colors)
    } else if let Some(samples) = image.as_flat_samples_f32() {
        weigh(samples.samples, step, colors)
    } else {
        bail!("no luma of colour type {:?}", image.color());
    };
    Ok(Array3::from_shape_vec(
        (1, image.height() as usize, image.width() as usize),
        luma,
    )?)
}

/// The luma of each pixel, which is `step` samples, `colors` of them gray or RGB.
///
/// Whole weights over a whole divisor, in double precision: where R = G = B the luma is exactly that.
fn weigh<T: Copy + Into<f64>>(samples: &[T], step: usize, colors: u8) -> Vec<f32> {
    let pixels = samples.chunks_exact(step);
    if colors == 1 {
        pixels.map(|pixel| pixel[0].into() as f32).collect()
    } else {
        pixels
            .map(|pixel| {
                let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(Into::into);
                ((299.0 * r + 587.0 * g + 114.0 * b) / 1000.0) as f32
            })
            .collect()
    }
}
