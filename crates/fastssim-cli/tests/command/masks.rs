//! Weights of pixels: one mask for all, one for each pair, and of videos.

use std::fs;

use fastssim::{Padding, PixelWeights, Ssim};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma};
use ndarray::{Array2, Array3, ArrayView2};
use ndarray_npy::{read_npy, write_npy};
use serde_json::Value;

use crate::oracle::{Oracle, assert_close};
use crate::y4m::{self, Video};
use crate::{Folder, Outcome, channel, json_lines, noise, texture};

/// A weight for each pixel; zero for many.
fn weight(x: u32, y: u32) -> u32 {
    (noise(3, y * 1000 + x) % 256) * u32::from(x + y > 30)
}

fn gray(width: u32, height: u32) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| Luma([weight(x, y) as u8]))
}

fn pair() -> Folder {
    let folder = Folder::with_pair(texture(40, 30, 1), texture(40, 30, 2));
    folder.save("mask.png", gray(40, 30));
    folder
}

#[test]
fn a_mask_weighs_the_map() {
    let folder = pair();
    let (a, b) = (texture(40, 30, 1), texture(40, 30, 2));
    for (option, valid, margin) in [("", false, 0), ("--padding valid", true, 5)] {
        let oracle = Oracle {
            valid,
            ..Oracle::DEFAULT
        };
        let centres = (margin..30 - margin).flat_map(|y| (margin..40 - margin).map(move |x| (x, y)));
        let weights: Vec<f64> = centres.map(|(x, y)| f64::from(weight(x, y))).collect();
        let of_channel = |c| {
            let map = oracle.map(&channel(&a, c), &channel(&b, c), 40);
            assert_eq!(map.len(), weights.len());
            map.iter()
                .zip(&weights)
                .map(|(ssim, weight)| ssim * weight)
                .sum::<f64>()
                / weights.iter().sum::<f64>()
        };
        let expected = (0..3).map(of_channel).sum::<f64>() / 3.0;
        let plain = folder.ssim(&format!("a.png b.png {option}"));
        assert!((expected - plain).abs() > 1e-3, "the mask makes a difference");
        let json = folder.json(&format!("a.png b.png --mask mask.png {option}"));
        assert_close(json["ssim"].as_f64().unwrap(), expected);
        assert_eq!(json["mask"], "mask.png");
    }
    assert_eq!(folder.json("a.png b.png")["mask"], Value::Null);
    let out = folder.succeed("a.png b.png --mask mask.png");
    assert!(out.contains("\nmask   mask.png\n"), "{out}");
}

#[test]
fn only_the_ratios_of_weights_matter_and_not_the_file_that_has_them() {
    let folder = pair();
    let deep = ImageBuffer::from_fn(40, 30, |x, y| Luma([200 * weight(x, y) as u16]));
    folder.save("deep.png", DynamicImage::ImageLuma16(deep));
    let array = |factor: f64| Array2::from_shape_fn((30, 40), |(y, x)| factor * f64::from(weight(x as u32, y as u32)));
    write_npy(folder.path("f64.npy"), &array(0.5)).unwrap();
    write_npy(folder.path("f32.npy"), &array(2.0).mapv(|weight| weight as f32)).unwrap();
    write_npy(folder.path("u8.npy"), &array(1.0).mapv(|weight| weight as u8)).unwrap();
    folder.save("alpha.png", DynamicImage::from(gray(40, 30)).to_luma_alpha8());
    folder.save("rgb.png", DynamicImage::from(gray(40, 30)).to_rgb8());
    let expected = folder.ssim("a.png b.png --mask mask.png");
    for name in ["rgb.png", "deep.png", "f64.npy", "f32.npy", "u8.npy", "alpha.png"] {
        let found = folder.ssim(&format!("a.png b.png --mask {name}"));
        assert!((found - expected).abs() < 1e-12, "{name}: {found} {expected}");
    }
    // All pixels alike.
    folder.save("white.png", GrayImage::from_pixel(40, 30, Luma([255])));
    assert_close(folder.ssim("a.png b.png --mask white.png"), folder.ssim("a.png b.png"));
}

#[test]
fn with_a_mask_come_gray_gradients_and_other_options() {
    let folder = pair();
    let (a, b) = (texture(40, 30, 1), texture(40, 30, 2));
    let weights = Array2::from_shape_fn((30, 40), |(y, x)| weight(x as u32, y as u32) as f32);
    let metric = Ssim::builder().padding(Padding::Reflect).build().unwrap();
    let (score, gradient) = metric.ssim_of(&b, &a).weights(&weights).images_with_gradient().unwrap();
    let found = folder.ssim("a.png b.png --mask mask.png --padding reflect --gradient g.npy");
    assert!((found - score).abs() < 1e-12);
    let found: Array3<f32> = read_npy(folder.path("g.npy")).unwrap();
    assert!(found.iter().zip(&gradient).all(|(a, b)| (a - b).abs() <= 1e-6 * 0.1));
    // The map is that of all windows.
    folder.succeed("a.png b.png --mask mask.png --map masked.png --no-legend");
    folder.succeed("a.png b.png --map all.png --no-legend");
    assert_eq!(
        fs::read(folder.path("masked.png")).unwrap(),
        fs::read(folder.path("all.png")).unwrap()
    );
    let gray = folder.ssim("a.png b.png --mask mask.png --gray");
    assert!((gray - folder.ssim("a.png b.png --gray")).abs() > 1e-3);
}

#[test]
fn masks_that_cannot_be_used() {
    let folder = pair();
    folder.save("small.png", gray(39, 30));
    folder.save("color.png", texture(40, 30, 1));
    folder.save("zero.png", GrayImage::new(40, 30));
    folder.write("text.png", "no image");
    let mut corner = GrayImage::new(40, 30);
    corner[(0, 0)] = Luma([1]);
    folder.save("corner.png", corner);
    let array = |value: f32| {
        let mut weights = Array2::<f32>::ones((30, 40));
        weights[[2, 3]] = value;
        weights
    };
    write_npy(folder.path("negative.npy"), &array(-1.5)).unwrap();
    write_npy(folder.path("nan.npy"), &array(f32::NAN)).unwrap();
    folder.write("a.y4m", Video::small().bytes());
    for (name, parts) in [
        ("missing.png", &["fastssim: missing.png: No such file"][..]),
        ("text.png", &["fastssim: text.png: ", "Invalid PNG signature"]),
        (
            "small.png",
            &["fastssim: small.png: the mask has 39x30 pixels, and b.png 40x30"],
        ),
        (
            "color.png",
            &["fastssim: color.png: a mask is gray, and this has 3 channels that differ"],
        ),
        ("zero.png", &["fastssim: zero.png: all weights are 0"]),
        (
            "negative.npy",
            &[
                "fastssim: negative.npy: a weight of -1.5 at row 2, column 3",
                "not negative",
            ],
        ),
        (
            "nan.npy",
            &["fastssim: nan.npy: a weight of NaN at row 2, column 3", "finite"],
        ),
    ] {
        folder.fail(&format!("a.png b.png --mask {name}"), parts);
        let parts: Vec<&str> = parts
            .iter()
            .map(|part| match *part {
                part if part.contains("b.png") => "small.png: the mask has 39x30 pixels, and the frames 46x35",
                part => part,
            })
            .collect();
        folder.fail(&format!("video a.y4m a.y4m --mask {name}"), &parts);
    }
    // What counts is no window's centre.
    folder.fail(
        "a.png b.png --mask corner.png --padding valid",
        &["fastssim: a.png and b.png: weights is zero for all windows"],
    );
    folder.fail("a.png b.png --masks .", &["--masks", "two folders", "--mask"]);
    folder.fail(
        "a.png b.png --masks . --mask mask.png",
        &["--masks", "--mask", "cannot be used with"],
    );
    folder.fail(
        "a.png b.png --mask mask.png --map mask.png",
        &["mask.png: this would overwrite"],
    );
}

/// Two folders with two files each.
fn folders() -> Folder {
    let folder = Folder::new();
    for name in ["one.png", "sub/two.png"] {
        folder.save(format!("a/{name}"), texture(40, 30, 1));
        folder.save(format!("b/{name}"), texture(40, 30, 2));
    }
    let all = |folder: &Folder, name: &str, low: u8| {
        folder.save(
            name,
            GrayImage::from_fn(40, 30, |x, _| Luma([if x < 20 { 255 } else { low }])),
        )
    };
    all(&folder, "m/one.png", 0);
    all(&folder, "m/sub/two.bmp", 255);
    folder
}

#[test]
fn folders_have_one_mask_for_all_or_a_folder_of_masks() {
    let folder = folders();
    let plain = folder.ssim("a/one.png b/one.png");
    let masked = folder.ssim("a/one.png b/one.png --mask m/one.png");
    let lines = |args: &str| json_lines(&folder.succeed(&format!("a b --format jsonl {args}")));
    for line in lines("--mask m/one.png") {
        assert_eq!((&line["ssim"], &line["mask"]), (&masked.into(), &"m/one.png".into()));
    }
    // Found by path, and by path without extension.
    let found = lines("--masks m");
    assert_eq!(
        (&found[0]["ssim"], &found[0]["mask"]),
        (&masked.into(), &"m/one.png".into())
    );
    assert_close(found[1]["ssim"].as_f64().unwrap(), plain);
    assert_eq!(found[1]["mask"], "m/sub/two.bmp");
    // A pattern of pictures is none of masks.
    assert_eq!(lines("--masks m --include *.png").len(), 2);

    // A pair without its mask, or with a wrong one, fails, and the others do not.
    folder.save("m/sub/two.bmp", GrayImage::from_pixel(7, 9, Luma([1])));
    let args = ["a", "b", "--format", "jsonl", "--masks", "m"];
    let Outcome { code, out, err } = folder.run(args);
    assert_eq!((code, json_lines(&out)[0]["ssim"].as_f64()), (Some(2), Some(masked)));
    let reason = "m/sub/two.bmp: the mask has 7x9 pixels, and b/sub/two.png 40x30";
    assert!(err.starts_with(&format!("fastssim: {reason}\n")), "{err}");
    assert_eq!(json_lines(&out)[1]["error"], reason);
    fs::remove_file(folder.path("m/sub/two.bmp")).unwrap();
    let Outcome { code, err, .. } = folder.run(args);
    assert_eq!(code, Some(2));
    assert!(err.starts_with("fastssim: m/sub/two.png: No such file"), "{err}");
}

#[test]
fn a_line_of_a_list_may_name_its_mask() {
    let folder = folders();
    let plain = folder.ssim("a/one.png b/one.png");
    let masked = folder.ssim("a/one.png b/one.png --mask m/one.png");
    folder.write(
        "list.csv",
        "reference,distorted,mask\na/one.png,b/one.png,m/one.png\na/one.png,b/one.png,\n",
    );
    let scores = |args: &str| -> Vec<Value> {
        let out = folder.succeed(&format!("--pairs list.csv --format jsonl {args}"));
        json_lines(&out).iter().map(|line| line["ssim"].clone()).collect()
    };
    assert_eq!(scores(""), [Value::from(masked), plain.into()]);
    assert_eq!(scores("--mask m/one.png"), [Value::from(masked), masked.into()]);

    // Results can be a list, and are continued with the masks that they were made with.
    folder.succeed("--pairs list.csv --output r.jsonl");
    let again = folder.succeed("--pairs r.jsonl --format jsonl");
    assert_eq!(json_lines(&again)[0]["ssim"], masked);
    let all = folder.read("r.jsonl");
    let first = all.split_inclusive('\n').next().unwrap();
    for format in ["jsonl", "csv"] {
        folder.succeed(&format!("--pairs list.csv --output r.{format}"));
        folder.succeed(&format!("--pairs list.csv --output r.{format} --resume"));
    }
    folder.write("r.jsonl", first);
    folder.succeed("--pairs list.csv --output r.jsonl --resume");
    assert_eq!(json_lines(&folder.read("r.jsonl")).len(), 2);
    folder.fail(
        "--pairs list.csv --output r.jsonl --resume --mask m/sub/two.bmp",
        &["a/one.png | b/one.png without a mask", "not to be compared"],
    );
}

#[test]
fn a_mask_of_a_video_counts_in_all_planes() {
    let video = Video::small();
    let folder = y4m::folder(&video, &video.distorted());
    folder.save("mask.png", gray(46, 35));
    let metric = Ssim::builder().data_range(255.0).build().unwrap();
    // What a sample of chroma stands for, of an odd number of rows.
    let mean = |x: u32, y: u32| {
        let rows = (2 * y..2 * y + 2).filter(|&y| y < 35);
        let pixels: Vec<u32> = rows.flat_map(|y| [weight(2 * x, y), weight(2 * x + 1, y)]).collect();
        pixels.iter().sum::<u32>() as f32 / pixels.len() as f32
    };
    let planes = [
        Array2::from_shape_fn((35, 46), |(y, x)| weight(x as u32, y as u32) as f32),
        Array2::from_shape_fn((18, 23), |(y, x)| mean(x as u32, y as u32)),
    ];
    let args = "video a.y4m b.y4m --backend cpu --mask mask.png --frames 1 --format json";
    let json: Value = serde_json::from_str(&folder.succeed(args)).unwrap();
    let frame = &json["frames"][0];
    for (index, name) in ["y", "u", "v"].into_iter().enumerate() {
        let samples = |video: &Video| {
            video
                .plane(0, index)
                .iter()
                .map(|&sample| sample as u8)
                .collect::<Vec<_>>()
        };
        let (x, y) = (samples(&video), samples(&video.distorted()));
        let [width, height] = video.planes[index];
        let view = |samples| ArrayView2::from_shape((height, width), samples).unwrap();
        let weights = PixelWeights::from(&planes[index.min(1)]);
        let pair = metric.ssim_of(view(&y), view(&x));
        let expected = pair.weights(weights).images().unwrap();
        let found = frame[name].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-12, "{name}: {found} {expected}");
        assert!((found - pair.images().unwrap()).abs() > 1e-4, "{name}");
    }
    assert_eq!(json["summary"]["mask"], "mask.png");
    let plain: Value = serde_json::from_str(&folder.succeed("video a.y4m b.y4m --format json")).unwrap();
    assert_eq!(plain["summary"]["mask"], Value::Null);
}

#[test]
fn a_report_says_which_mask_was_used() {
    let folder = pair();
    folder.succeed("a.png b.png --mask mask.png --report r.html");
    assert!(folder.read("r.html").contains("mask.png"));
}
