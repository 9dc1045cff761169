//! What files may hold: arrays, floats, orientations, animations, and claims to be gigantic.

use std::fs;
use std::io::Cursor;

use fastssim::Ssim;
use image::codecs::gif::GifEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, Frame, ImageFormat, RgbImage};
use ndarray::{Array2, Array3, Ix3, ShapeBuilder};
use ndarray_npy::{WritableElement, write_npy};
use tiff::encoder::{TiffEncoder, colortype};

use crate::{Folder, texture};

/// (channels, height, width) of a texture.
fn array<T: Clone>(seed: u32, convert: impl Fn(u8) -> T) -> Array3<T> {
    let image = texture(24, 18, seed);
    Array3::from_shape_fn((3, 18, 24), |(c, y, x)| convert(image[(x as u32, y as u32)].0[c]))
}

fn save_npy<T: WritableElement + Clone>(folder: &Folder, name: &str, array: &ndarray::ArrayRef<T, Ix3>) {
    write_npy(folder.path(name), &array.to_owned()).unwrap();
}

#[test]
fn arrays_of_all_types_have_the_score_of_the_library() {
    let folder = Folder::new();
    macro_rules! check {
        ($name:literal, $convert:expr) => {{
            let (a, b) = (array(1, $convert), array(2, $convert));
            save_npy(&folder, "a.npy", &a);
            save_npy(&folder, "b.npy", &b);
            let json = folder.json("a.npy b.npy");
            assert_eq!(json["ssim"].as_f64().unwrap(), 1.0 - fastssim::dssim(&b, &a).unwrap());
            assert_eq!((&json["pixel_type"], &json["channels"]), (&$name.into(), &3.into()));
            assert_eq!((&json["width"], &json["height"]), (&24.into(), &18.into()));
            json["ssim"].as_f64().unwrap()
        }};
    }
    let bytes = check!("u8", |value| value);
    check!("u16", |value| u16::from(value) * 100);
    let single = check!("f32", |value| f32::from(value) / 255.0);
    let double = check!("f64", |value| f64::from(value) / 255.0);
    assert!((bytes - double).abs() < 1e-7 && (single - double).abs() < 1e-7);
}

#[test]
fn arrays_may_have_channels_last_and_fortran_order_and_are_pictures_like_others() {
    let folder = Folder::new();
    folder.save("a.png", texture(24, 18, 1));
    folder.save("b.png", texture(24, 18, 2));
    let score = folder.ssim("a.png b.png");
    let b = array(2, |value| value);
    save_npy(&folder, "first.npy", &b);
    save_npy(
        &folder,
        "last.npy",
        &b.view().permuted_axes([1, 2, 0]).as_standard_layout(),
    );
    let mut fortran = Array3::zeros((3, 18, 24).f());
    fortran.assign(&b);
    write_npy(folder.path("fortran.npy"), &fortran).unwrap();
    for name in ["first.npy", "last.npy", "fortran.npy"] {
        assert_eq!(folder.ssim(&format!("a.png {name}")), score, "{name}");
        assert_eq!(folder.ssim(&format!("b.png {name} --gray")), 1.0, "{name}");
    }
    let gray = Array2::from_shape_fn((18, 24), |(y, x)| (x * y) as u8);
    write_npy(folder.path("gray.npy"), &gray).unwrap();
    assert_eq!(folder.json("gray.npy gray.npy --gray")["channels"], 1);
    // The luma of gray is gray, to the last digit.
    let gray = Array2::from_shape_fn((18, 24), |(y, x)| 1.0 / (x * y + 3) as f64);
    write_npy(folder.path("gray64.npy"), &gray).unwrap();
    let repeated = gray.broadcast((3, 18, 24)).unwrap().to_owned();
    write_npy(folder.path("repeated.npy"), &repeated).unwrap();
    assert_eq!(folder.ssim("gray64.npy repeated.npy --gray"), 1.0);
    let four = Array3::from_elem((18, 24, 4), 0.5f32);
    write_npy(folder.path("four.npy"), &four).unwrap();
    assert_eq!(folder.json("four.npy four.npy")["channels"], 4, "no alpha channel");
    folder.fail("four.npy four.npy --gray", &["four.npy: --gray: 4 channels"]);
}

#[test]
fn the_gradient_of_doubles_is_one_of_doubles() {
    let folder = Folder::new();
    let (a, b) = (
        array(1, |value| f64::from(value) / 255.0),
        array(2, |value| f64::from(value) / 255.0),
    );
    save_npy(&folder, "a.npy", &a);
    save_npy(&folder, "b.npy", &b);
    folder.succeed("a.npy b.npy --gradient g.npy --map map.png --no-legend");
    let gradient: Array3<f64> = ndarray_npy::read_npy(folder.path("g.npy")).unwrap();
    assert_eq!(gradient, Ssim::default().ssim_gradient(&b, &a).unwrap());
    assert_eq!(image::open(folder.path("map.png")).unwrap().width(), 24);
}

#[test]
fn arrays_that_are_no_pictures() {
    let folder = Folder::new();
    folder.save("a.png", texture(24, 18, 1));
    write_npy(folder.path("i32.npy"), &Array2::<i32>::zeros((3, 3))).unwrap();
    write_npy(folder.path("bool.npy"), &Array2::from_elem((3, 3), true)).unwrap();
    write_npy(folder.path("1d.npy"), &ndarray::Array1::<u8>::zeros(9)).unwrap();
    write_npy(folder.path("many.npy"), &Array3::<u8>::zeros((5, 6, 7))).unwrap();
    write_npy(folder.path("empty.npy"), &Array3::<u8>::zeros((0, 6, 3))).unwrap();
    write_npy(folder.path("whole.npy"), &Array2::<u16>::zeros((40, 40))).unwrap();
    let whole = fs::read(folder.path("whole.npy")).unwrap();
    folder.write("cut.npy", &whole[..whole.len() - 1]);
    folder.write("more.npy", [&whole[..], b"x"].concat());
    folder.write("header.npy", &whole[..60]);
    for (name, part) in [
        ("i32", "<i4: it must be of u8 (|u1), u16 (<u2), f32 (<f4) or f64 (<f8)"),
        ("bool", "|b1"),
        ("1d", "shape [9]"),
        ("many", "shape [5, 6, 7]: it must be (height, width)"),
        ("empty", "no pixel"),
        ("cut", "unexpected end of file"),
        ("more", "extra bytes"),
        ("header", "unexpected end of file"),
    ] {
        folder.fail(
            &format!("a.png {name}.npy"),
            &[&format!("fastssim: {name}.npy: "), part],
        );
    }
    folder.fail(
        "whole.npy whole.npy --max-image-size 3199",
        &["too large", "3199 bytes"],
    );
    folder.succeed("whole.npy whole.npy --max-image-size 3200");
}

#[test]
fn tiff_of_gray_floats() {
    let folder = Folder::new();
    let values = |seed| array(seed, |value| f64::from(value) / 255.0).index_axis_move(ndarray::Axis(0), 0);
    let (a, b) = (values(1), values(2));
    for (name, values) in [("a", &a), ("b", &b)] {
        let file = |kind: &str| fs::File::create(folder.path(format!("{name}{kind}.tiff"))).unwrap();
        let samples: Vec<f64> = values.iter().copied().collect();
        let mut encoder = TiffEncoder::new(file("64")).unwrap();
        encoder.write_image::<colortype::Gray64Float>(24, 18, &samples).unwrap();
        let samples: Vec<f32> = samples.iter().map(|&value| value as f32).collect();
        let mut encoder = TiffEncoder::new(file("32")).unwrap();
        encoder.write_image::<colortype::Gray32Float>(24, 18, &samples).unwrap();
    }
    let expected = fastssim::ssim(&b, &a).unwrap();
    let json = folder.json("a64.tiff b64.tiff");
    assert!((json["ssim"].as_f64().unwrap() - expected).abs() < 1e-15);
    assert_eq!((&json["pixel_type"], &json["channels"]), (&"f64".into(), &1.into()));
    assert!((folder.ssim("a32.tiff b32.tiff") - expected).abs() < 1e-7);
    folder.fail(
        "a32.tiff b64.tiff",
        &["a32.tiff and b64.tiff: the sample types differ: f32 and f64"],
    );
}

/// EXIF data that say nothing but the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let tag = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
    [&b"MM\0\x2a\0\0\0\x08\0\x01"[..], &tag, &[0; 4]].concat()
}

#[test]
fn pictures_are_turned_as_their_exif_data_say() {
    let folder = Folder::new();
    let mut plain = Vec::new();
    texture(40, 24, 1)
        .write_to(&mut Cursor::new(&mut plain), ImageFormat::Jpeg)
        .unwrap();
    let stored = image::load_from_memory(&plain).unwrap();
    for orientation in 1..=8 {
        let content = [b"Exif\0\0", &exif(orientation)[..]].concat();
        let length = (content.len() as u16 + 2).to_be_bytes();
        let turned = [&plain[..2], b"\xff\xe1", &length, &content, &plain[2..]].concat();
        folder.write("turned.jpg", &turned);
        let mut expected = stored.clone();
        expected.apply_orientation(Orientation::from_exif(orientation).unwrap());
        folder.save("expected.png", expected);
        assert_eq!(folder.ssim("expected.png turned.jpg"), 1.0, "{orientation}");
        assert_eq!(
            folder.json("turned.jpg turned.jpg")["width"],
            if orientation < 5 { 40 } else { 24 }
        );
    }
    // What cannot be read does not matter.
    let turned = [&plain[..2], b"\xff\xe1\0\x0cExif\0\0MM\0\0", &plain[2..]].concat();
    folder.write("turned.jpg", &turned);
    folder.save("expected.png", stored);
    assert_eq!(folder.ssim("expected.png turned.jpg"), 1.0);
}

/// A chunk of a PNG.
fn chunk(kind: &[u8], content: &[u8]) -> Vec<u8> {
    let body = [kind, content].concat();
    let mut crc = u32::MAX;
    for &byte in &body {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    [&(content.len() as u32).to_be_bytes(), &body[..], &(!crc).to_be_bytes()].concat()
}

#[test]
fn animations_are_refused() {
    let folder = Folder::new();
    let image = texture(24, 18, 1);
    folder.save("a.png", image.clone());
    let rgba = DynamicImage::from(image.clone()).to_rgba8();
    for frames in [1, 2] {
        let mut encoder = GifEncoder::new(fs::File::create(folder.path(format!("{frames}.gif"))).unwrap());
        encoder.encode_frames(vec![Frame::new(rgba.clone()); frames]).unwrap();
    }
    folder.succeed("a.png 1.gif --alpha drop");
    // An animated PNG says so after its header, which ends at 33 bytes.
    let png = fs::read(folder.path("a.png")).unwrap();
    let control = chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    folder.write("2.png", [&png[..33], &control, &png[33..]].concat());
    // A WebP, whose picture follows 12 bytes, becomes the two frames of one.
    let mut still = Vec::new();
    image.write_to(&mut Cursor::new(&mut still), ImageFormat::WebP).unwrap();
    let piece = |kind: &[u8], content: &[u8]| [kind, &(content.len() as u32).to_le_bytes(), content].concat();
    let size = [23, 0, 0, 17, 0, 0];
    let frame = piece(b"ANMF", &[&[0; 6][..], &size, &[100, 0, 0, 0], &still[12..]].concat());
    let pieces = [
        piece(b"VP8X", &[&[2, 0, 0, 0][..], &size].concat()),
        piece(b"ANIM", &[0; 6]),
        frame.clone(),
        frame,
    ];
    let body = [b"WEBP", &pieces.concat()[..]].concat();
    folder.write("2.webp", piece(b"RIFF", &body));
    for name in ["2.gif", "2.png", "2.webp"] {
        let line = format!("fastssim: {name}: it is animated; only still images are compared");
        folder.fail(&format!("a.png {name} --alpha drop"), &[&line]);
    }
}

#[test]
fn what_is_gigantic_is_refused_and_the_limit_can_be_moved() {
    let folder = Folder::new();
    // 3 × 100 × 100 bytes when decoded.
    for name in ["a.png", "a.jpg", "a.bmp", "a.tiff", "a.webp", "a.qoi", "a.ppm", "a.tga"] {
        folder.save(name, texture(100, 100, 1));
        folder.succeed(&format!("{name} {name}"));
        let parts = [&*format!("fastssim: {name}: "), "too large", "20 KiB"];
        folder.fail(&format!("{name} {name} --max-image-size 20K"), &parts);
    }
    folder.succeed("a.ppm a.ppm --max-image-size 30000");
    folder.fail("a.ppm a.ppm --max-image-size 29999", &["too large", "29999 bytes"]);
    for value in ["0.5G", "-1", "big", ""] {
        folder.fail_with(["a.ppm", "a.ppm", "--max-image-size", value], &["--max-image-size"]);
    }
    // What a few bytes claim.
    folder.write("bomb.ppm", "P6\n4000000000 4000000000\n255\n");
    folder.write("bomb.pgm", "P5\n40000 40000\n65535\n");
    for name in ["bomb.ppm", "bomb.pgm"] {
        folder.fail(&format!("a.ppm {name}"), &[name, "too large"]);
    }
}

#[cfg(unix)]
#[test]
fn pictures_may_come_through_pipes() {
    let folder = Folder::new();
    folder.save("a.png", texture(24, 18, 1));
    folder.save("b.jpg", texture(24, 18, 2));
    let expected = folder.ssim("a.png b.jpg");
    let script = "mkfifo x y; cat a.png > x & cat b.jpg > y & \"$0\" x y --format jsonl";
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_fastssim")])
        .current_dir(folder.path(""));
    let output = command.output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["ssim"], expected);
}

#[test]
fn one_colour_in_all_formats() {
    let folder = Folder::new();
    for (format, name) in [
        (ImageFormat::Png, "x.png"),
        (ImageFormat::Tiff, "x.tif"),
        (ImageFormat::Pnm, "x.pnm"),
    ] {
        let image = DynamicImage::from(RgbImage::from_pixel(9, 9, image::Rgb([200, 100, 50]))).to_rgb16();
        image.save_with_format(folder.path(name), format).unwrap();
        assert_eq!(folder.json(&format!("{name} {name}"))["pixel_type"], "u16", "{name}");
    }
}

#[test]
fn the_usual_formats_are_read_whatever_their_name() {
    let folder = Folder::new();
    let image = texture(32, 24, 1);
    folder.save("reference.png", image.clone());
    for (format, options) in [
        (ImageFormat::Png, ""),
        (ImageFormat::Bmp, ""),
        (ImageFormat::Tiff, ""),
        (ImageFormat::WebP, ""),
        (ImageFormat::Qoi, ""),
        (ImageFormat::Pnm, ""),
        // A GIF is decoded with an alpha channel, and has few colours.
        (ImageFormat::Gif, "--alpha drop"),
        (ImageFormat::Jpeg, ""),
    ] {
        image.save_with_format(folder.path("file.dat"), format).unwrap();
        let lossy = matches!(format, ImageFormat::Gif | ImageFormat::Jpeg);
        let score = folder.ssim(&format!("reference.png file.dat {options}"));
        assert!(
            if lossy {
                score > 0.5 && score < 1.0
            } else {
                score == 1.0
            },
            "{format:?} {score}"
        );
    }
    // These have no signature, or another depth.
    image
        .save_with_format(folder.path("file.tga"), ImageFormat::Tga)
        .unwrap();
    assert_eq!(folder.ssim("reference.png file.tga"), 1.0);
    let float = DynamicImage::from(image.clone()).to_rgb32f();
    for format in [ImageFormat::Hdr, ImageFormat::OpenExr] {
        float.save_with_format(folder.path("file.dat"), format).unwrap();
        assert_eq!(folder.ssim("file.dat file.dat"), 1.0);
    }
    let deep = DynamicImage::from(image).to_rgba16();
    deep.save_with_format(folder.path("file.dat"), ImageFormat::Farbfeld)
        .unwrap();
    assert_eq!(folder.ssim("file.dat file.dat --alpha drop"), 1.0);
}
