//! The numbers, and how they are printed.

use fastssim::{Padding, Ssim};
use image::{DynamicImage, ImageBuffer, Luma, Rgb, Rgb32FImage};

use crate::oracle::{Oracle, assert_close};
use crate::{Folder, channel, mirrored_ramp, noise, pattern, ramp, texture};

#[test]
fn the_result_is_short_and_readable() {
    let folder = Folder::with_pair(ramp(), mirrored_ramp());
    let out = folder.succeed("a.png b.png");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "SSIM   -0.160247");
    assert_eq!(lines[1], "DSSIM  1.160247  (1 - SSIM)");
    assert_eq!(lines[2], "image  16x16, 1 channel, u8");
    assert_eq!(lines[3], "window 11x11, sigma 1.5, zero padding, range 255");
    assert!(
        lines[4].starts_with("cpu    ") && lines[4].contains(" ms (decoding "),
        "{out}"
    );
    assert_eq!(lines.len(), 5, "{out}");
}

#[test]
fn json_has_its_fields_in_their_order() {
    let folder = Folder::with_pair(texture(40, 30, 1), texture(40, 30, 2));
    let out = folder.succeed("a.png b.png --format jsonl");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let fields = "reference distorted ssim dssim error width height channels pixel_type gray mask preset padding window \
                  sigma k1 k2 data_range options dssim_convention backend device map side_by_side gradient seconds decoding_seconds version";
    let mut from = 0;
    for field in fields.split_whitespace() {
        let at = out[from..].find(&format!("\"{field}\":"));
        from += at.unwrap_or_else(|| panic!("{field} is missing or out of order in {out}"));
    }
    assert_eq!(json.as_object().unwrap().len(), fields.split_whitespace().count());
    assert_eq!(
        (&json["reference"], &json["distorted"]),
        (&"a.png".into(), &"b.png".into())
    );
    assert_eq!(
        (&json["width"], &json["height"], &json["channels"]),
        (&40.into(), &30.into(), &3.into())
    );
    assert_eq!((&json["pixel_type"], &json["gray"]), (&"u8".into(), &false.into()));
    assert_eq!((&json["padding"], &json["window"]), (&"zero".into(), &11.into()));
    assert_eq!((&json["sigma"], &json["data_range"]), (&1.5.into(), &255.0.into()));
    assert_eq!((&json["k1"], &json["k2"]), (&0.01.into(), &0.03.into()));
    let (backend, device) = match Ssim::default().backend() {
        fastssim::Backend::Cuda { device } => ("cuda", device.into()),
        _ => ("cpu", serde_json::Value::Null),
    };
    assert_eq!(
        (&json["backend"], &json["device"], &json["version"]),
        (&backend.into(), &device, &env!("CARGO_PKG_VERSION").into())
    );
    assert!(json["seconds"].as_f64().unwrap() > 0.0 && json["decoding_seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn json_has_every_digit_of_the_library() {
    let (a, b) = (texture(40, 30, 1), texture(40, 30, 2));
    let folder = Folder::with_pair(a.clone(), b.clone());
    let json = folder.json("a.png b.png");
    assert_eq!(json["ssim"].as_f64().unwrap(), fastssim::ssim(&b, &a).unwrap());
    assert_eq!(json["dssim"].as_f64().unwrap(), fastssim::dssim(&b, &a).unwrap());
    let valid = Ssim::builder().padding(Padding::Valid).build().unwrap();
    assert_eq!(folder.ssim("a.png b.png --padding valid"), valid.ssim(&b, &a).unwrap());
}

#[test]
fn published_numbers_come_out() {
    let folder = Folder::with_pair(ramp(), mirrored_ramp());
    assert_close(folder.ssim("a.png b.png"), -0.1602466777743);
    assert_close(folder.ssim("a.png b.png --padding zero"), -0.1602466777743);
    assert_close(folder.ssim("a.png b.png --padding valid"), -0.8170395324781);
    let folder = Folder::with_pair(pattern(7, 19), pattern(13, 7));
    assert_close(folder.ssim("a.png b.png --alpha drop"), 0.0798227902600312);
    assert_close(
        folder.ssim("a.png b.png --alpha drop --padding valid"),
        0.0008750928723344,
    );
}

#[test]
fn identical_images_score_exactly_one() {
    let folder = Folder::new();
    folder.save("u8.png", texture(33, 21, 1));
    folder.save("u16.png", DynamicImage::from(texture(33, 21, 1)).to_rgb16());
    folder.save("f32.tiff", DynamicImage::from(texture(33, 21, 1)).to_rgb32f());
    folder.save("gray.png", ramp());
    for name in ["u8.png", "u16.png", "f32.tiff", "gray.png"] {
        for option in ["", "--gray", "--padding valid", "--window 3", "--data-range 7"] {
            let json = folder.json(&format!("{name} {name} {option}"));
            assert_eq!(
                (&json["ssim"], &json["dssim"]),
                (&1.0.into(), &0.0.into()),
                "{name} {option}"
            );
        }
    }
    let out = folder.succeed("u8.png u8.png");
    assert!(out.starts_with("SSIM   1\nDSSIM  0  (1 - SSIM)\n"), "{out}");
}

#[test]
fn nearly_identical_images_do_not_look_identical() {
    let image = |last| ImageBuffer::from_fn(64, 64, |x, y| Luma([30000 + u16::from(x + y == 126) * last]));
    let folder = Folder::with_pair(image(0), image(1));
    let out = folder.succeed("a.png b.png");
    let numbers: Vec<&str> = out.split_whitespace().collect();
    let (ssim, dssim): (f64, f64) = (numbers[1].parse().unwrap(), numbers[3].parse().unwrap());
    assert!(ssim < 1.0 && dssim > 0.0 && dssim < 1e-9, "{out}");
}

#[test]
fn sixteen_bits_and_floats_have_their_own_range() {
    let folder = Folder::new();
    let values = |seed| move |x, y| Luma([(noise(seed, y * 24 + x) % 65536) as u16]);
    let (a, b) = (
        ImageBuffer::from_fn(24, 18, values(1)),
        ImageBuffer::from_fn(24, 18, values(2)),
    );
    folder.save("a.png", a.clone());
    folder.save("b.png", b.clone());
    let json = folder.json("a.png b.png");
    let samples = |image: &ImageBuffer<Luma<u16>, Vec<u16>>| image.iter().copied().map(f64::from).collect::<Vec<_>>();
    let oracle = Oracle {
        range: 65535.0,
        ..Oracle::DEFAULT
    };
    assert_close(
        json["ssim"].as_f64().unwrap(),
        oracle.ssim(&samples(&a), &samples(&b), 24),
    );
    assert_eq!(
        (&json["pixel_type"], &json["data_range"]),
        (&"u16".into(), &65535.0.into())
    );

    let float = |seed| DynamicImage::from(texture(24, 18, seed)).to_rgb32f();
    folder.save("a.tiff", float(1));
    folder.save("b.exr", float(2));
    let json = folder.json("a.tiff b.exr");
    let bytes = [texture(24, 18, 1), texture(24, 18, 2)];
    let of = |c| Oracle::DEFAULT.ssim(&channel(&bytes[0], c), &channel(&bytes[1], c), 24);
    assert_close(json["ssim"].as_f64().unwrap(), (of(0) + of(1) + of(2)) / 3.0);
    assert_eq!((&json["pixel_type"], &json["data_range"]), (&"f32".into(), &1.0.into()));
}

#[test]
fn a_score_that_is_not_a_number_is_null_in_json() {
    let folder = Folder::new();
    let mut image = Rgb32FImage::from_pixel(16, 16, Rgb([0.5; 3]));
    folder.save("a.tiff", image.clone());
    image[(3, 4)] = Rgb([0.5, f32::NAN, 0.5]);
    folder.save("nan.tiff", image);
    let json = folder.json("a.tiff nan.tiff");
    assert!(json["ssim"].is_null() && json["dssim"].is_null(), "{json}");
    let out = folder.succeed("a.tiff nan.tiff");
    assert!(out.starts_with("SSIM   NaN\nDSSIM  NaN"), "{out}");
}
