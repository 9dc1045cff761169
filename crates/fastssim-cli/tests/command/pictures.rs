//! Pictures to look at: maps with their legends, and three beside each other.

use std::fs;
use std::path::PathBuf;

use image::{DynamicImage, Rgb, RgbImage, imageops};

use crate::oracle::Oracle;
use crate::y4m::{self, Video};
use crate::{Folder, channel, texture};

fn pair(width: u32, height: u32) -> Folder {
    Folder::with_pair(texture(width, height, 1), texture(width, height, 2))
}

fn read(folder: &Folder, name: &str) -> RgbImage {
    image::open(folder.path(name)).unwrap().into_rgb8()
}

/// Whether the picture is somewhere in the canvas; its top left corner.
fn find(picture: &RgbImage, canvas: &RgbImage) -> Option<(u32, u32)> {
    let (width, height) = picture.dimensions();
    let places =
        (0..=canvas.height() - height).flat_map(|top| (0..=canvas.width() - width).map(move |left| (left, top)));
    let same =
        |&(left, top): &(u32, u32)| *imageops::crop_imm(canvas, left, top, width, height).to_image() == **picture;
    // Most places differ in their first pixel.
    places
        .filter(|&(left, top)| canvas[(left, top)] == picture[(0, 0)])
        .find(same)
}

#[test]
fn the_legend_stands_below_the_map_which_it_leaves_as_it_is() {
    for (width, height) in [(340, 30), (20, 17)] {
        let folder = pair(width, height);
        folder.succeed("a.png b.png --map plain.png --no-legend");
        folder.succeed("a.png b.png --map legend.png");
        let (plain, legend) = (read(&folder, "plain.png"), read(&folder, "legend.png"));
        assert_eq!(plain.dimensions(), (width, height));
        assert!(legend.height() > height + 40 && legend.width() >= width);
        assert!(imageops::crop_imm(&legend, 0, 0, width, height).to_image() == plain);
        // The whole scale is below, from its first colour to its last, in order.
        let rows = |row: u32| legend.rows().nth(row as usize).unwrap().copied().collect::<Vec<_>>();
        let bar = (height..legend.height())
            .map(rows)
            .find(|row| row.contains(&Rgb([252, 255, 164])));
        let bar = bar.expect("no bar");
        let at = |color: [u8; 3]| {
            bar.iter()
                .position(|pixel| pixel.0 == color)
                .expect("a colour is missing")
        };
        assert!(at([0, 0, 4]) < at([87, 15, 109]) && at([87, 15, 109]) < at([252, 255, 164]));
    }
}

#[test]
fn the_brightest_colour_stands_for_what_is_asked() {
    let folder = pair(60, 40);
    let ssim = |args: &str| folder.ssim(args);
    assert_eq!(ssim("a.png b.png"), ssim("a.png b.png --map map.png --map-max 0.01"));
    let bright = |max: &str| {
        folder.succeed(&format!("a.png b.png --map map.png --no-legend --map-max {max}"));
        let map = read(&folder, "map.png");
        map.pixels().filter(|pixel| pixel.0 == [252, 255, 164]).count()
    };
    assert!(bright("0.01") > bright("0.1") && bright("0.1") > bright("1"));
    for wrong in ["0", "-1", "3", "nan"] {
        folder.fail(
            &format!("a.png b.png --map-max={wrong}"),
            &["--map-max", "from 0.000001 to 2"],
        );
    }
}

#[test]
fn three_pictures_are_beside_each_other_pixel_for_pixel() {
    let folder = pair(60, 40);
    for (options, margin) in [("", 0), ("--padding valid", 5)] {
        folder.succeed(&format!(
            "a.png b.png --map map.png --side-by-side all.png --no-legend {options}"
        ));
        let all = read(&folder, "all.png");
        let [a, b, map] = ["a.png", "b.png", "map.png"].map(|name| find(&read(&folder, name), &all).expect(name));
        assert!(a.0 < b.0 && b.0 + 60 <= map.0 - margin, "{a:?} {b:?} {map:?}");
        assert_eq!((a.1, b.1), (map.1 - margin, map.1 - margin));
    }
    // Of 16 bits the upper eight are shown, and luma where luma is compared.
    folder.save("a16.png", DynamicImage::from(texture(60, 40, 1)).to_rgb16());
    folder.succeed("a16.png a16.png --side-by-side all.png");
    assert!(find(&texture(60, 40, 1), &read(&folder, "all.png")).is_some());
    folder.succeed("a.png b.png --gray --side-by-side all.png");
    let (image, all) = (texture(60, 40, 1), read(&folder, "all.png"));
    let luma = [0, 1, 2].map(|c| channel(&image, c));
    let luma = RgbImage::from_fn(60, 40, |x, y| {
        let at = (y * 60 + x) as usize;
        let value = 0.299 * luma[0][at] + 0.587 * luma[1][at] + 0.114 * luma[2][at];
        Rgb([(value as f32).round() as u8; 3])
    });
    assert!(find(&luma, &all).is_some());
}

#[test]
fn of_several_pairs_each_has_a_file() {
    let folder = pair(30, 20);
    for (name, seed) in [("one.png", 3), ("in/two.png", 4)] {
        folder.save(format!("x/{name}"), texture(30, 20, 1));
        folder.save(format!("y/{name}"), texture(30, 20, seed));
    }
    let text = folder.succeed("x y --side-by-side all --map maps --format jsonl");
    for name in ["one.png.png", "in/two.png.png"] {
        for sub in ["all", "maps"] {
            assert!(image::open(folder.path(sub).join(name)).is_ok(), "{sub} {name}");
            assert!(text.contains(&format!("{sub}/{name}")), "{text}");
        }
    }
}

#[test]
fn pictures_replace_no_input_and_no_other_output() {
    let folder = pair(20, 20);
    folder.fail("a.png b.png --side-by-side a.png", &["a.png: ", "would overwrite"]);
    folder.fail("a.png b.png --report b.png", &["b.png: ", "would overwrite"]);
    folder.fail(
        "a.png b.png --side-by-side c.png --map ./c.png",
        &["c.png: ", "would overwrite"],
    );
    folder.fail(
        "a.png b.png --report c.txt --output c.txt",
        &["c.txt: ", "would overwrite"],
    );
    folder.fail("a.png b.png --worst 3", &["--report"]);
    folder.fail(
        "a.png b.png --report missing/page.html",
        &["missing/page.html: ", "No such file"],
    );
}

#[test]
fn frames_have_pictures() {
    let video = Video::new("420", 8, &[[300, 60], [150, 30], [150, 30]]);
    let folder = y4m::folder(&video, &video.distorted());
    folder.succeed("video a.y4m b.y4m --skip 1 --every 2 --map maps --side-by-side all --no-legend");
    let names = |name: &str| -> Vec<PathBuf> {
        let mut names: Vec<PathBuf> = fs::read_dir(folder.path(name))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into())
            .collect();
        names.sort();
        names
    };
    for name in ["maps", "all"] {
        assert_eq!(names(name), ["frame-000001.png", "frame-000003.png"].map(PathBuf::from));
    }
    // The map of the luma, on the colour scale.
    let map: RgbImage = image::open(folder.path("maps/frame-000003.png")).unwrap().into_rgb8();
    let plane = |video: &Video| video.plane(3, 0).into_iter().map(f64::from).collect::<Vec<_>>();
    let expected = Oracle::DEFAULT.map(&plane(&video), &plane(&video.distorted()), 300);
    assert_eq!(map.dimensions(), (300, 60));
    for (pixel, ssim) in map.pixels().zip(expected) {
        let scaled = (1.0 - ssim).clamp(0.0, 1.0) * 255.0;
        let near = [scaled - 0.01, scaled + 0.01].map(|step| step.round().clamp(0.0, 255.0) as usize);
        let colors = near.map(|step| colorous::INFERNO.eval_rational(step, 256).into_array());
        assert!(colors.contains(&pixel.0), "{pixel:?} is not in {colors:?}");
    }
    let all = image::open(folder.path("all/frame-000001.png")).unwrap();
    assert!(all.width() >= 3 * 300 && all.height() > 60);
}
