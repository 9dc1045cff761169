//! The numbers, and how they are printed.

use fastssim::{Covariance, Downsampling, DropAlpha, Padding, Preset, Ssim, SsimBuilder};
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, Rgb32FImage, Rgba, RgbaImage};

use crate::oracle::Oracle;
use crate::{Folder, channel, mirrored_ramp, noise, ramp, texture};

/// Rounding in single precision.
const TOLERANCE: f64 = 3e-7;

#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < TOLERANCE, "{found} instead of {expected}");
}

/// The pattern of the published numbers: 40 rows of 56 columns, its alpha channel to be dropped.
fn pattern(a: usize, b: usize) -> RgbaImage {
    let bytes = (0..40 * 56 * 4).map(|i| ((i * a + b) % 251) as u8).collect();
    RgbaImage::from_raw(56, 40, bytes).unwrap()
}

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
    let fields = "reference distorted ssim dssim error width height channels pixel_type gray preset padding window \
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

/// Each flag against the library told the same.
#[test]
fn every_option_of_the_library_has_a_flag() {
    let (a, b) = (texture(40, 37, 1), texture(40, 37, 2));
    let folder = Folder::with_pair(a.clone(), b.clone());
    let default = || Ssim::builder();
    let cases: [(&str, SsimBuilder, Option<&str>); 10] = [
        ("--padding symmetric", default().padding(Padding::Symmetric), None),
        ("--padding reflect", default().padding(Padding::Reflect), None),
        ("--padding replicate", default().padding(Padding::Replicate), None),
        (
            "--uniform-window 7",
            default().uniform_window(7),
            Some("uniform window"),
        ),
        (
            "--window-weights 1,2,1",
            default().window_weights([1.0, 2.0, 1.0]),
            Some("window weights 0.25,0.5,0.25"),
        ),
        (
            "--sample-covariance",
            default().covariance(Covariance::Sample),
            Some("sample covariance"),
        ),
        (
            "--exponents 1,2,0.5",
            default().exponents([1.0, 2.0, 0.5]),
            Some("exponents 1,2,0.5"),
        ),
        (
            "--channel-weights 6,1,1",
            default().channel_weights([6.0, 1.0, 1.0]),
            Some("channel weights 6,1,1"),
        ),
        (
            "--downsample",
            default().downsampling(Downsampling::Automatic),
            Some("downsampling"),
        ),
        (
            "--preset scikit-image --padding reflect",
            Ssim::preset(Preset::ScikitImage).padding(Padding::Reflect),
            Some("uniform window; sample covariance"),
        ),
    ];
    let mut scores = Vec::new();
    for (flags, builder, options) in cases {
        let expected = builder.build().unwrap().ssim(&b, &a).unwrap();
        let json = folder.json(&format!("a.png b.png {flags}"));
        let score = json["ssim"].as_f64().unwrap();
        assert!((score - expected).abs() < 1e-12, "{flags}: {score} {expected}");
        assert_eq!(json["options"].as_str(), options, "{flags}");
        scores.push(score);
    }
    // None of them is another's, but for the image that is too small to become smaller.
    for (i, score) in scores.iter().enumerate().filter(|(i, _)| *i != 8) {
        assert!(scores[..i].iter().all(|other| other != score), "{i}");
    }
}

/// The numbers of the peers themselves, as `docs/presets.md` has them.
#[test]
fn presets_have_the_scores_of_their_libraries() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data");
    if !std::path::Path::new(data).exists() {
        eprintln!("skipped: {data} is not part of this package");
        return;
    }
    let folder = Folder::with_pair(texture(12, 12, 1), texture(12, 12, 2));
    for (preset, expected) in [
        ("wang2004", 0.3579642362),
        ("scikit-image", 0.3674518328),
        ("kornia", 0.3561145828),
        ("matlab", 0.6244639496),
        ("fused-ssim", 0.3717030174),
    ] {
        let json = folder.json(&format!("{data}/camera.png {data}/camera-noisy.png --preset {preset}"));
        assert_eq!(json["preset"], preset);
        let score = json["ssim"].as_f64().unwrap();
        assert!((score - expected).abs() < 5e-8, "{preset} {score}");
    }
}

#[test]
fn every_parameter_reaches_the_metric() {
    let (a, b) = (texture(20, 17, 1), texture(20, 17, 2));
    let folder = Folder::with_pair(a.clone(), b.clone());
    let cases = [
        (
            "--window 7",
            Oracle {
                window: 7,
                ..Oracle::DEFAULT
            },
        ),
        (
            "--sigma 0.8",
            Oracle {
                sigma: 0.8,
                ..Oracle::DEFAULT
            },
        ),
        (
            "--data-range 100",
            Oracle {
                range: 100.0,
                ..Oracle::DEFAULT
            },
        ),
        (
            "--padding valid",
            Oracle {
                valid: true,
                ..Oracle::DEFAULT
            },
        ),
        (
            "--window 5 --sigma 2.5 --data-range 1e3 --padding valid",
            Oracle {
                window: 5,
                sigma: 2.5,
                range: 1e3,
                valid: true,
            },
        ),
    ];
    for (options, oracle) in cases {
        let json = folder.json(&format!("a.png b.png {options}"));
        let expected: f64 = (0..3)
            .map(|c| oracle.ssim(&channel(&a, c), &channel(&b, c), 20))
            .sum::<f64>()
            / 3.0;
        assert_close(json["ssim"].as_f64().unwrap(), expected);
        assert_eq!(json["window"], oracle.window);
        assert_eq!(json["sigma"], oracle.sigma);
        assert_eq!(json["data_range"], oracle.range);
        assert_eq!(json["padding"], if oracle.valid { "valid" } else { "zero" });
    }
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

#[test]
fn gray_is_the_luma_without_rounding() {
    let (a, b) = (texture(26, 19, 1), texture(26, 19, 2));
    let folder = Folder::with_pair(a.clone(), b.clone());
    let luma = |image: &image::RgbImage| -> Vec<f64> {
        let weighted = |[r, g, b]: [f64; 3]| 0.299 * r + 0.587 * g + 0.114 * b;
        image.pixels().map(|pixel| weighted(pixel.0.map(f64::from))).collect()
    };
    let (x, y) = (luma(&a), luma(&b));
    let expected = Oracle::DEFAULT.ssim(&x, &y, 26);
    let rounded = |values: &[f64]| values.iter().map(|value| value.round()).collect::<Vec<_>>();
    // The test can tell the two apart.
    assert!((Oracle::DEFAULT.ssim(&rounded(&x), &rounded(&y), 26) - expected).abs() > 10.0 * TOLERANCE);
    let json = folder.json("a.png b.png --gray");
    assert_close(json["ssim"].as_f64().unwrap(), expected);
    assert_eq!((&json["channels"], &json["gray"]), (&1.into(), &true.into()));
    assert_eq!(
        (&json["pixel_type"], &json["data_range"]),
        (&"u8".into(), &255.0.into())
    );
    // The range is in units of the file with and without it.
    assert_eq!(
        folder.ssim("a.png b.png --gray --data-range 255"),
        folder.ssim("a.png b.png --gray")
    );
    let narrow = Oracle {
        range: 100.0,
        ..Oracle::DEFAULT
    };
    assert_close(
        folder.ssim("a.png b.png --gray --data-range 100"),
        narrow.ssim(&x, &y, 26),
    );
    let out = folder.succeed("a.png b.png --gray");
    assert!(out.contains("\nimage  26x19, 1 channel (luma), u8\n"), "{out}");
}

#[test]
fn gray_compares_gray_with_colour() {
    for gray in [
        DynamicImage::from(GrayImage::from_fn(30, 30, |x, y| {
            Luma([(noise(9, y * 30 + x) % 256) as u8])
        })),
        ImageBuffer::from_fn(30, 30, |x, y| Luma([(noise(9, y * 30 + x) % 65536) as u16])).into(),
    ] {
        let folder = Folder::new();
        let eight = matches!(gray, DynamicImage::ImageLuma8(_));
        let color: DynamicImage = if eight {
            gray.to_rgb8().into()
        } else {
            gray.to_rgb16().into()
        };
        folder.save("gray.png", gray);
        folder.save("color.png", color);
        assert_eq!(folder.ssim("gray.png color.png --gray"), 1.0);
    }
}

#[test]
fn alpha_is_dropped_or_blended_as_asked() {
    let transparent = |seed| {
        RgbaImage::from_fn(24, 20, |x, y| {
            let [r, g, b] = texture(24, 20, seed)[(x, y)].0;
            Rgba([r, g, b, (noise(7, y * 24 + x) % 256) as u8])
        })
    };
    let (a, b) = (transparent(1), transparent(2));
    let folder = Folder::with_pair(a.clone(), b.clone());
    let dropped = fastssim::ssim(DropAlpha(&b), DropAlpha(&a)).unwrap();
    assert_eq!(folder.ssim("a.png b.png --alpha drop"), dropped);
    let mut scores = vec![dropped];
    let colors = [
        ("white", [1.0; 3]),
        ("black", [0.0; 3]),
        ("#3366ff", [0.2, 0.4, 1.0]),
        ("3366FF", [0.2, 0.4, 1.0]),
    ];
    for (name, color) in colors {
        let blend = |image: &RgbaImage| fastssim::composite(&image.clone().into(), color).unwrap();
        let expected = fastssim::ssim(&blend(&b), &blend(&a)).unwrap();
        assert_eq!(folder.ssim(&format!("a.png b.png --alpha {name}")), expected, "{name}");
        scores.push(expected);
    }
    scores.dedup();
    assert_eq!(scores.len(), 4, "each choice has its own score: {scores:?}");
    // One image without alpha, and gray after the blend.
    folder.save("opaque.png", fastssim::composite(&a.into(), [1.0; 3]).unwrap());
    assert_eq!(folder.ssim("opaque.png a.png --alpha white"), 1.0);
    assert_eq!(folder.ssim("a.png opaque.png --alpha white --gray"), 1.0);
    assert_eq!(folder.ssim("opaque.png opaque.png --alpha drop"), 1.0);
    assert!(folder.ssim("opaque.png a.png --alpha black") < 1.0);
}

#[test]
fn gray_ignores_a_dropped_alpha_channel() {
    let gray = image::GrayAlphaImage::from_fn(20, 20, |x, y| image::LumaA([(x * 9) as u8, (y * 9) as u8]));
    let folder = Folder::with_pair(gray.clone(), DynamicImage::from(gray).to_luma8());
    assert_eq!(folder.ssim("a.png b.png --gray --alpha drop"), 1.0);
    let folder = Folder::with_pair(pattern(7, 19), DynamicImage::from(pattern(7, 19)).to_rgb8());
    assert_eq!(folder.ssim("a.png b.png --gray --alpha drop"), 1.0);
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
