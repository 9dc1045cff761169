//! Whether a file holds more pictures than one, of which none is the one to compare.

use std::io::{BufRead, Seek};

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ImageDecoder, ImageFormat, ImageResult, Limits};

/// Whether the file is animated. One that cannot be read is not: what is wrong with it is for its decoder to say.
pub fn is_animated(format: ImageFormat, reader: impl BufRead + Seek, limits: &Limits) -> bool {
    let animated = match format {
        ImageFormat::Png => PngDecoder::with_limits(reader, limits.clone()).and_then(|decoder| decoder.is_apng()),
        ImageFormat::WebP => WebPDecoder::new(reader).map(|decoder| decoder.has_animation()),
        ImageFormat::Gif => has_second_frame(reader, limits),
        _ => return false,
    };
    animated.unwrap_or(false)
}

fn has_second_frame(reader: impl BufRead + Seek, limits: &Limits) -> ImageResult<bool> {
    let mut decoder = GifDecoder::new(reader)?;
    decoder.set_limits(limits.clone())?;
    Ok(decoder.into_frames().nth(1).is_some())
}
