//! What can be wrong: each mistake ends in exit code 2 and one line that names it.

use std::fs;

use image::{DynamicImage, Rgba, RgbaImage};

use crate::{Folder, mirrored_ramp, ramp, skipped, texture};

fn pair() -> Folder {
    Folder::with_pair(ramp(), mirrored_ramp())
}

#[test]
fn files_that_are_no_image() {
    let folder = pair();
    fs::write(folder.path("empty.png"), []).unwrap();
    fs::write(folder.path("text.png"), "no image at all").unwrap();
    fs::write(folder.path("text.txt"), "no image at all").unwrap();
    let whole = fs::read(folder.path("a.png")).unwrap();
    fs::write(folder.path("half.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.path("most.png"), &whole[..whole.len() - 20]).unwrap();
    fs::create_dir(folder.path("folder.png")).unwrap();
    let names = [
        "missing.png",
        "empty.png",
        "text.png",
        "text.txt",
        "half.png",
        "most.png",
        "folder.png",
    ];
    for name in names {
        let reason = match name {
            "missing.png" => "No such file",
            "empty.png" => "the file is empty",
            "half.png" => "unexpected end of file",
            "text.png" => "Invalid PNG signature",
            "text.txt" => "not an image of a known format",
            "folder.png" => "Is a directory",
            _ => "",
        };
        let line = format!("fastssim: {name}: ");
        folder.fail(&format!("{name} b.png"), &[&line, reason]);
        folder.fail(&format!("a.png {name}"), &[&line, reason]);
        folder.fail(&format!("--format jsonl a.png {name}"), &[&line, reason]);
    }
}

#[test]
fn a_jpeg_that_was_cut_off() {
    let folder = Folder::new();
    folder.save("whole.jpg", texture(100, 100, 1));
    folder.succeed("whole.jpg whole.jpg");
    let whole = fs::read(folder.path("whole.jpg")).unwrap();
    for kept in [whole.len() / 2, whole.len() - 100, whole.len() - 2] {
        fs::write(folder.path("half.jpg"), &whole[..kept]).unwrap();
        folder.fail("whole.jpg half.jpg", &["fastssim: half.jpg: unexpected end of file"]);
    }
}

#[test]
fn an_image_too_large_to_decode() {
    let folder = pair();
    fs::write(folder.path("bomb.ppm"), b"P6\n30000 30000\n255\n0123456789").unwrap();
    folder.fail("a.png bomb.ppm", &["fastssim: bomb.ppm: ", "too large", "512 MiB"]);
}

#[test]
fn images_that_do_not_go_together() {
    let folder = pair();
    folder.save("small.png", texture(15, 16, 1));
    folder.save("color.png", DynamicImage::from(ramp()).to_rgb8());
    folder.save("deep.png", DynamicImage::from(ramp()).to_luma16());
    folder.save("deep_color.png", DynamicImage::from(ramp()).to_rgb16());
    folder.save("float.tiff", DynamicImage::from(ramp()).to_rgb32f());
    folder.fail(
        "a.png small.png",
        &["a.png and small.png: ", "sizes", "16x16 and 15x16"],
    );
    folder.fail(
        "a.png color.png",
        &["a.png and color.png: ", "channels", "1 and 3", "--gray"],
    );
    folder.fail(
        "color.png a.png",
        &["color.png and a.png: ", "channels", "3 and 1", "--gray"],
    );
    folder.fail("a.png deep.png", &["a.png and deep.png: ", "u8 and u16"]);
    folder.fail(
        "deep_color.png float.tiff",
        &["deep_color.png and float.tiff: ", "u16 and f32"],
    );
    // What --gray does not mend.
    folder.fail("a.png deep.png --gray", &["a.png and deep.png: ", "u8 and u16"]);
    folder.fail("a.png small.png --gray", &["a.png and small.png: ", "16x16 and 15x16"]);
}

#[test]
fn an_alpha_channel_without_a_choice() {
    let folder = pair();
    folder.save("alpha.png", RgbaImage::from_pixel(16, 16, Rgba([9, 8, 7, 255])));
    folder.save("gray_alpha.png", DynamicImage::from(ramp()).to_luma_alpha8());
    for name in ["alpha.png", "gray_alpha.png"] {
        let parts = [
            &*format!("fastssim: {name}: "),
            "alpha channel",
            "--alpha drop",
            "--alpha white",
        ];
        folder.fail(&format!("a.png {name}"), &parts);
        folder.fail(&format!("{name} a.png"), &parts);
        folder.fail(&format!("{name} a.png --gray"), &parts);
    }
}

#[test]
fn an_image_smaller_than_the_window() {
    let folder = pair();
    folder.save("small.png", texture(10, 20, 1));
    folder.succeed("small.png small.png");
    folder.fail(
        "small.png small.png --padding valid",
        &["small.png", "10x20", "11x11 window"],
    );
    folder.succeed("small.png small.png --padding valid --window 9");
    folder.fail(
        "a.png b.png --padding valid --window 17",
        &["a.png", "b.png", "17x17 window"],
    );
}

#[test]
fn values_that_an_option_does_not_take() {
    let folder = pair();
    for (option, value) in [
        ("--window", "4"),
        ("--window", "0"),
        ("--window", "257"),
        ("--window", "-3"),
        ("--window", "11.0"),
        ("--sigma", "0"),
        ("--sigma", "-1.5"),
        ("--sigma", "inf"),
        ("--sigma", "NaN"),
        ("--sigma", "wide"),
        ("--data-range", "0"),
        ("--data-range", "-255"),
        ("--data-range", "inf"),
        ("--padding", "mirror"),
        ("--uniform-window", "4"),
        ("--window-weights", "1,2"),
        ("--window-weights", "1,2,3"),
        ("--window-weights", "0,0,0"),
        ("--exponents", "1,2"),
        ("--exponents", "1,-1,1"),
        ("--channel-weights", "0,0,0"),
        ("--channel-weights", "1,-1,1"),
        ("--preset", "matplotlib"),
        ("--alpha", "red"),
        ("--alpha", "fff"),
    ] {
        folder.fail(&format!("a.png b.png {option} {value}"), &[option, value]);
        folder.fail(&format!("a.png b.png {option}={value}"), &[option, value]);
    }
}

#[test]
fn arguments_that_are_missing_or_unknown() {
    let folder = pair();
    folder.fail("", &["<REFERENCE>", "<DISTORTED>", "--help"]);
    folder.fail("a.png", &["<DISTORTED>", "--help"]);
    folder.fail("compare", &["<REFERENCE>", "<DISTORTED>", "--help"]);
    folder.fail("a.png b.png --grey", &["--grey", "--gray"]);
    folder.fail("a.png b.png --map", &["--map"]);
    folder.fail("a.png b.png --gray --gray", &["--gray"]);
}

#[test]
fn a_name_cannot_break_the_line() {
    let folder = pair();
    folder.fail_with(
        ["a.png", "two\nlines\u{1b}[31m.png"],
        &[r"two\nlines\u{1b}[31m.png: No such file"],
    );
    folder.fail_with(["a.png", "b.png", "--window", "4\n5"], &["--window"]);
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = pair();
    let name = OsStr::from_bytes(b"caf\xe9.png");
    folder.fail_with([OsStr::new("a.png"), name], &["caf\u{fffd}.png: No such file"]);
    fs::copy(folder.path("b.png"), folder.path(name)).unwrap();
    let outcome = folder.run([OsStr::new("--format=jsonl"), OsStr::new("a.png"), name]);
    let json: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(json["distorted"], "caf\u{fffd}.png");
    assert_eq!(json["ssim"], folder.json("a.png b.png")["ssim"]);
    let map = OsStr::from_bytes(b"map\xe9.png");
    let outcome = folder.run([OsStr::new("a.png"), name, OsStr::new("--map"), map]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    assert!(image::open(folder.path(map)).is_ok());
}

#[test]
fn backends_and_devices_that_make_no_sense() {
    let folder = pair();
    folder.fail("--backend gpu a.png b.png", &["invalid value 'gpu'", "auto, cpu, cuda"]);
    for backend in ["auto", "cpu"] {
        let args = format!("--backend {backend} --device 1 a.png b.png");
        folder.fail(&args, &["--device 1: it needs --backend cuda"]);
    }
    assert_eq!(folder.json("--backend cpu a.png b.png")["backend"], "cpu");
}

/// With the machine's own driver, if it has one.
#[test]
fn the_gpu_does_the_work_or_there_is_an_error() {
    let folder = pair();
    let cuda = "--format jsonl --backend cuda a.png b.png";
    if folder.run(cuda.split_whitespace()).code == Some(0) {
        let json = folder.json("--backend cuda a.png b.png");
        assert_eq!((&json["backend"], &json["device"]), (&"cuda".into(), &0.into()));
    } else {
        skipped("there is no GPU that works: only the error is tested");
        folder.fail(cuda, &["--backend cuda: "]);
    }
    folder.fail(
        "--format jsonl --backend cuda --device 99 a.png b.png",
        &["--backend cuda: "],
    );
}
