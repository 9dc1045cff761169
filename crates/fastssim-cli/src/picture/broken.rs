//! A test: files that were damaged at random are pictures or errors, and take no more memory than is allowed.

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, ImageFormat, RgbImage};
use proptest::prop_assert;

use super::decode::decode;
use super::guard::guarded;
use super::{Depth, Picture};
use crate::args::{Alpha, InputArgs, Size};
use crate::damage;

/// What an image may take when decoded, in bytes.
const LIMIT: u64 = 1 << 20;

/// What reading it may take in all: the picture in two or three forms, and what decoders have of their own.
const MOST_MEMORY: u64 = 24 << 20;

/// The same of TIFF, whose decoder begins with limits of its own: 32 MiB for each of its lists of values.
const MOST_MEMORY_TIFF: u64 = 400 << 20;

/// A whole file of each format.
fn files() -> Vec<(String, Option<ImageFormat>, Vec<u8>)> {
    let pixels = (0..3 * 17 * 13)
        .map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 26) as u8 * 3)
        .collect();
    let image = DynamicImage::from(RgbImage::from_raw(17, 13, pixels).unwrap());
    let mut files = Vec::new();
    let mut add = |name: &str, format: ImageFormat, image: DynamicImage| {
        let mut file = Cursor::new(Vec::new());
        image.write_to(&mut file, format).unwrap();
        files.push((name.to_owned(), Some(format), file.into_inner()));
    };
    for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Pnm, ImageFormat::Bmp] {
        add("8 bit", format, image.clone());
        add("gray", format, image.to_luma8().into());
        if format != ImageFormat::Bmp {
            add("16 bit", format, image.to_rgb16().into());
        }
    }
    for format in [ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Tga, ImageFormat::Qoi] {
        add("8 bit", format, image.clone());
    }
    for format in [ImageFormat::Hdr, ImageFormat::OpenExr, ImageFormat::Tiff] {
        add("float", format, image.to_rgb32f().into());
    }
    add("deep", ImageFormat::Farbfeld, image.to_rgba16().into());
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    encoder.encode_frame(Frame::new(image.to_rgba8())).unwrap();
    drop(encoder);
    files.push(("one frame".into(), Some(ImageFormat::Gif), gif));
    for descr in ["|u1", "<u2", ">f4", "<f8"] {
        let size: usize = descr[2..].parse().unwrap();
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (13, 17), }}\n");
        let length = (header.len() as u16).to_le_bytes();
        let file = [
            &b"\x93NUMPY\x01\0"[..],
            &length,
            header.as_bytes(),
            &vec![7; 13 * 17 * size],
        ]
        .concat();
        files.push((descr.into(), None, file));
    }
    let mut tiff = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut tiff).unwrap();
    let samples = [0.5; 13 * 17];
    encoder
        .write_image::<tiff::encoder::colortype::Gray32Float>(17, 13, &samples)
        .unwrap();
    files.push(("gray float".into(), Some(ImageFormat::Tiff), tiff.into_inner()));
    files
}

fn read(file: &[u8], format: Option<ImageFormat>) -> anyhow::Result<Picture> {
    let args = InputArgs {
        gray: false,
        alpha: Some(Alpha::Drop),
        max_image_size: Size(LIMIT),
    };
    guarded(|| decode(Cursor::new(file), format, &args))
}

#[test]
fn whole_files_are_pictures() {
    for (name, format, file) in files() {
        let picture = read(&file, format).unwrap_or_else(|error| panic!("{format:?} {name}: {error:#}"));
        assert_eq!(picture.size(), [17, 13], "{format:?} {name}");
    }
}

#[test]
fn files_that_were_cut_off_are_errors() {
    for (name, format, file) in files() {
        for kept in [file.len() / 4, file.len() / 2, file.len() * 3 / 4, file.len() * 9 / 10] {
            let picture = read(&file[..kept], format);
            assert!(picture.is_err(), "{format:?} {name}: {kept} of {} bytes", file.len());
        }
    }
}

#[test]
fn broken_files_are_pictures_or_errors() {
    let files = files();
    damage::test(files.len(), 6000, |at, damage| {
        let (name, format, mut file) = files[at].clone();
        for damage in damage {
            damage.apply(&mut file);
        }
        let mut result = None;
        let memory = allocation_counter::measure(|| result = Some(read(&file, format)));
        let most = if format == Some(ImageFormat::Tiff) {
            MOST_MEMORY_TIFF
        } else {
            MOST_MEMORY
        };
        prop_assert!(memory.bytes_max < most, "{format:?} {name}: {} bytes", memory.bytes_max);
        match result {
            Some(Ok(picture)) => {
                let [width, height] = picture.size();
                let sample = match picture.depth {
                    Depth::U8 => 1,
                    Depth::U16 => 2,
                    Depth::F32 => 4,
                    Depth::F64 => 8,
                };
                let bytes = (width * height * picture.channels() * sample) as u64;
                prop_assert!(bytes > 0 && bytes <= LIMIT, "{width}x{height}");
            }
            Some(Err(error)) => {
                let text = format!("{error:#}");
                prop_assert!(!text.is_empty() && text.len() < 1000, "{text}");
            }
            None => prop_assert!(false),
        }
        Ok(())
    });
}
