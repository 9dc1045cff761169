//! From a file to a picture, or to the reason why there is none.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use image::error::{LimitErrorKind, ParameterError, ParameterErrorKind};
use image::{
    ColorType, DynamicImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, ImageReader, ImageResult, Limits,
};

use super::guard::guarded;
use super::{Picture, animation, jpeg, memory, npy, tiff};
use crate::args::{Alpha, InputArgs};

/// The usual extensions of the formats that are read.
pub const EXTENSIONS: &[&str] = &[
    "bmp", "exr", "ff", "gif", "hdr", "jfif", "jpe", "jpeg", "jpg", "npy", "pam", "pbm", "pgm", "png", "pnm", "ppm",
    "qoi", "tga", "tif", "tiff", "webp",
];

/// How much of a file tells its format.
const SIGNATURE: u64 = 64;

/// Reads a file and makes it what the options ask for.
pub fn read(path: &Path, args: &InputArgs) -> Result<Picture> {
    let picture = guarded(|| {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        ensure!(!metadata.is_dir(), "Is a directory");
        let named = ImageFormat::from_path(path).ok();
        if metadata.is_file() {
            decode(BufReader::new(file), named, args)
        } else {
            // Nobody can go back in a pipe.
            decode(Cursor::new(read_all(file, args.max_image_size.0, 0)?), named, args)
        }
    });
    let picture = picture.with_context(|| path.display().to_string())?;
    if args.gray { picture.luma() } else { Ok(picture) }.with_context(|| path.display().to_string())
}

/// Decodes a file whose name promises the `named` format; what it holds is found from its content if that has a
/// signature.
pub fn decode(mut file: impl BufRead + Seek, named: Option<ImageFormat>, args: &InputArgs) -> Result<Picture> {
    let limit = args.max_image_size.0;
    let mut start = Vec::new();
    file.by_ref().take(SIGNATURE).read_to_end(&mut start)?;
    ensure!(!start.is_empty(), "the file is empty");
    file.seek(SeekFrom::Start(0))?;
    if start.starts_with(npy::MAGIC) {
        return Ok(npy::read(file, limit)?.into());
    }
    let format = image::guess_format(&start).ok().or(named);
    let format = format.ok_or_else(|| anyhow!("not an image of a known format"))?;
    match format {
        ImageFormat::Jpeg => {
            let length = file.seek(SeekFrom::End(0))?;
            file.seek(SeekFrom::Start(0))?;
            let whole = read_all(file, limit, length)?;
            let image = picture(Cursor::new(&whole), format, limit)?;
            ensure!(jpeg::is_whole(&whole), "unexpected end of file");
            opaque(image, args.alpha)
        }
        ImageFormat::Tiff => {
            // What is wrong with the file, the other decoder says as well.
            if let Ok(Some(samples)) = tiff::read_gray_floats(&mut file, limit) {
                return Ok(samples.into());
            }
            file.seek(SeekFrom::Start(0))?;
            opaque(picture(file, format, limit)?, args.alpha)
        }
        _ => opaque(picture(file, format, limit)?, args.alpha),
    }
}

/// All that there is, probably `length` bytes, unless that is more than `limit`.
fn read_all(file: impl Read, limit: u64, length: u64) -> Result<Vec<u8>> {
    // One more, so that the end is found without more room.
    let mut whole = Vec::with_capacity(length.min(limit) as usize + 1);
    file.take(limit.saturating_add(1)).read_to_end(&mut whole)?;
    ensure!(whole.len() as u64 <= limit, too_large(limit));
    Ok(whole)
}

/// Decodes a picture, and turns it as its EXIF data say.
fn picture(mut file: impl BufRead + Seek, format: ImageFormat, limit: u64) -> Result<DynamicImage> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(limit);
    ensure!(
        !animation::is_animated(format, &mut file, &limits),
        "it is animated; only still images are compared"
    );
    file.seek(SeekFrom::Start(0))?;
    let mut reader = ImageReader::with_format(file, format);
    reader.limits(limits.clone());
    let image = || {
        let mut decoder = reader.into_decoder()?;
        let (width, height) = decoder.dimensions();
        ensure!(
            width > 0 && height > 0,
            "an image of {width}x{height} pixels has no pixel"
        );
        limits.reserve(decoder.total_bytes())?;
        decoder.set_limits(limits)?;
        // What cannot be read of these data does not matter to the picture.
        let orientation = decoder.orientation().ok();
        let mut image = decoded(decoder)?;
        if let Some(orientation) = orientation {
            image.apply_orientation(orientation);
        }
        Ok(image)
    };
    image().map_err(|error| match error.downcast() {
        Ok(ImageError::IoError(error)) => error.into(),
        Ok(ImageError::Limits(error)) if error.kind() == LimitErrorKind::InsufficientMemory => {
            anyhow!(too_large(limit))
        }
        // Its text holds that of its source, which must not be said twice.
        Ok(other) => anyhow!("{other}"),
        Err(error) => error,
    })
}

/// The picture of a decoder, in memory of earlier ones where that fits.
fn decoded(decoder: impl ImageDecoder) -> ImageResult<DynamicImage> {
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    let bytes = usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX);
    if !matches!(
        color,
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8
    ) {
        return DynamicImage::from_decoder(decoder);
    }
    // All zero, for decoders that leave out what a file does not have.
    let mut samples = memory::BYTES.take(bytes);
    decoder.read_image(&mut samples)?;
    let image = match color {
        ColorType::L8 => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageLuma8),
        ColorType::La8 => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageLumaA8),
        ColorType::Rgb8 => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgb8),
        _ => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgba8),
    };
    // The memory has the size that the decoder has said.
    let wrong = || ImageError::Parameter(ParameterError::from_kind(ParameterErrorKind::DimensionMismatch));
    image.ok_or_else(wrong)
}

/// The picture without its alpha channel, if it has one and that is what was asked for.
fn opaque(image: DynamicImage, alpha: Option<Alpha>) -> Result<Picture> {
    if !image.color().has_alpha() {
        return Picture::new(image);
    }
    match alpha {
        Some(Alpha::Drop) => Picture::new(image),
        Some(Alpha::Onto(color)) => Picture::new(fastssim::composite(&image, color)?),
        None => bail!(
            "the image has an alpha channel: ignore it with --alpha drop, or blend it with --alpha white, black or \
             RRGGBB"
        ),
    }
}

/// What is said of an image that takes more bytes.
pub fn too_large(limit: u64) -> String {
    format!(
        "the image is too large: it needs more than {} when decoded (--max-image-size sets the limit)",
        crate::args::Size(limit)
    )
}
