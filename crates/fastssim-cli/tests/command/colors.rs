//! What becomes of colour and transparency.

use fastssim::DropAlpha;
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgba, RgbaImage};

use crate::oracle::{Oracle, TOLERANCE, assert_close};
use crate::{Folder, noise, pattern, texture};

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
