//! TIFF of gray floats, which the `image` crate does not read.

use std::io::{BufRead, Seek};

use anyhow::{Result, ensure};
use image::metadata::Orientation;
use ndarray::{Array2, Array3, Axis};
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::Samples;
use super::decode::too_large;

/// The picture, if it is one of gray floats.
pub fn read_gray_floats(reader: impl BufRead + Seek, limit: u64) -> Result<Option<Samples>> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(limit).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    let mut decoder = Decoder::new(reader)?.with_limits(limits);
    let bytes = match decoder.colortype()? {
        ColorType::Gray(32) => 4,
        ColorType::Gray(64) => 8,
        _ => return Ok(None),
    };
    let (width, height) = decoder.dimensions()?;
    ensure!(u64::from(width) * u64::from(height) * bytes <= limit, too_large(limit));
    let orientation = decoder.find_tag_unsigned::<u8>(Tag::Orientation)?;
    let orientation = orientation.and_then(Orientation::from_exif);
    let shape = (height as usize, width as usize);
    Ok(match decoder.read_image()? {
        DecodingResult::F32(samples) => Some(Samples::F32(upright(shape, samples, orientation)?)),
        DecodingResult::F64(samples) => Some(Samples::F64(upright(shape, samples, orientation)?)),
        _ => None,
    })
}

/// (1, height, width) of samples in rows, turned as the file says.
fn upright<T: Clone>(shape: (usize, usize), samples: Vec<T>, orientation: Option<Orientation>) -> Result<Array3<T>> {
    let mut array = Array2::from_shape_vec(shape, samples)?;
    let (transpose, flip_rows, flip_columns) = match orientation.unwrap_or(Orientation::NoTransforms) {
        Orientation::NoTransforms => (false, false, false),
        Orientation::FlipHorizontal => (false, false, true),
        Orientation::Rotate180 => (false, true, true),
        Orientation::FlipVertical => (false, true, false),
        Orientation::Rotate90FlipH => (true, false, false),
        Orientation::Rotate90 => (true, false, true),
        Orientation::Rotate270FlipH => (true, true, true),
        Orientation::Rotate270 => (true, true, false),
    };
    if transpose {
        array.swap_axes(0, 1);
    }
    if flip_rows {
        array.invert_axis(Axis(0));
    }
    if flip_columns {
        array.invert_axis(Axis(1));
    }
    Ok(array.as_standard_layout().into_owned().insert_axis(Axis(0)))
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage};

    use super::*;

    #[test]
    fn it_is_turned_as_any_other_picture_is() {
        let samples: Vec<u8> = (0..6).collect();
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif);
            let found = upright((2, 3), samples.clone(), orientation).unwrap();
            let mut image = DynamicImage::from(GrayImage::from_raw(3, 2, samples.clone()).unwrap());
            image.apply_orientation(orientation.unwrap());
            assert_eq!(found.dim(), (1, image.height() as usize, image.width() as usize));
            assert_eq!(found.into_raw_vec_and_offset().0, image.into_bytes(), "{exif}");
        }
    }
}
