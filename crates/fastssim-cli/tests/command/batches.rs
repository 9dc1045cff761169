//! More than one pair: folders, lists, one with many; what one failure does to the others; thresholds.

use std::fs;

use image::DynamicImage;

use crate::{Folder, json_lines, texture};

/// Two folders with three pairs, one of them in a folder below and one of another extension.
fn folders() -> Folder {
    let folder = Folder::new();
    for (at, name) in ["one.png", "sub/two.png", "three.png"].into_iter().enumerate() {
        let (width, seed) = (20 + at as u32, at as u32 * 2);
        folder.save(format!("a/{name}"), texture(width, 20, seed));
        let other = if name == "three.png" { "three.bmp" } else { name };
        folder.save(format!("b/{other}"), texture(width, 20, seed + 1));
    }
    folder
}

/// The names in the lines, in their order.
fn names(out: &str) -> Vec<[String; 2]> {
    let name = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let lines = json_lines(out);
    lines
        .iter()
        .map(|line| [name(&line["reference"]), name(&line["distorted"])])
        .collect()
}

#[test]
fn folders_are_paired_by_path_and_scored_as_single_pairs_are() {
    let folder = folders();
    let out = folder.succeed("compare a b --format jsonl");
    let expected = [
        ["a/one.png", "b/one.png"],
        ["a/sub/two.png", "b/sub/two.png"],
        ["a/three.png", "b/three.bmp"],
    ];
    assert_eq!(names(&out), expected);
    for line in json_lines(&out) {
        let alone = format!(
            "{} {}",
            line["reference"].as_str().unwrap(),
            line["distorted"].as_str().unwrap()
        );
        assert_eq!(line["ssim"], folder.ssim(&alone), "{alone}");
        assert!(line["error"].is_null());
    }
    // The short form, and any number of threads.
    for args in ["a b", "compare --threads 1 a b", "compare --threads 7 a/ b/."] {
        let other = folder.succeed(&format!("{args} --format jsonl"));
        let scores = |out: &str| {
            json_lines(out)
                .iter()
                .map(|line| line["ssim"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(scores(&other), scores(&out), "{args}");
    }
}

#[test]
fn files_without_a_partner_are_reported_and_counted() {
    let folder = folders();
    folder.save("a/alone.png", texture(9, 9, 1));
    folder.write("a/notes.txt", "no image, and not asked for");
    folder.save("a/.hidden.png", texture(9, 9, 1));
    folder.save("b/sub/x/alone.tiff", texture(9, 9, 1));
    let outcome = folder.run(["a", "b", "--format", "json"]);
    assert_eq!(outcome.code, Some(0));
    let lines: Vec<&str> = outcome.err.lines().collect();
    assert_eq!(
        lines,
        [
            "fastssim: a/alone.png: no partner in b",
            "fastssim: b/sub/x/alone.tiff: no partner in a",
            "fastssim: 2 files without a partner, 3 pairs",
        ]
    );
    let json: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(json["unpaired"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&json["summary"]["pairs"], &json["summary"]["unpaired"]),
        (&3.into(), &2.into())
    );
    folder.succeed("a b --quiet");
    folder.succeed("a b --exclude alone.*");
    let before = folder.files();
    let outcome = folder.run(["a", "b", "--strict", "--output", "r.csv"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(2), ""));
    assert!(
        outcome.err.contains("--strict: 2 files without a partner"),
        "{}",
        outcome.err
    );
    assert_eq!(folder.files(), before);
}

#[test]
fn globs_choose_files() {
    let folder = folders();
    folder.save("a/sub/deep/four.dat.png", texture(9, 9, 1));
    folder.save("b/sub/deep/four.dat.png", texture(9, 9, 1));
    fs::copy(folder.path("a/one.png"), folder.path("a/five.raw")).unwrap();
    fs::copy(folder.path("a/one.png"), folder.path("b/five.raw")).unwrap();
    let count = |options: &str| names(&folder.succeed(&format!("a b --quiet --format jsonl {options}"))).len();
    assert_eq!(count(""), 4);
    assert_eq!(count("--include *.png"), 3);
    assert_eq!(count("--include *.raw"), 1);
    assert_eq!(count("--include *.png --include *.bmp"), 4);
    assert_eq!(count("--include sub/*.png"), 1);
    assert_eq!(count("--include sub/**/*.png"), 2);
    assert_eq!(count("--include ./sub/**"), 2);
    assert_eq!(count("--exclude sub/**"), 2);
    assert_eq!(count("--exclude t*.* --exclude f[a-o]*"), 1);
    assert_eq!(count("--include *.png --exclude one.*"), 2);
    folder.fail("a b --include a[", &["--include a[: "]);
    folder.fail("a b --include nothing", &["a and b: no file has a partner"]);
    folder.fail("a/one.png b/one.png --include *.png", &["--include", "two folders"]);
}

#[test]
fn what_goes_together_is_two_folders_or_files() {
    let folder = folders();
    fs::create_dir(folder.path("empty")).unwrap();
    folder.fail(
        "a empty",
        &["a and empty: no file has a partner in the other folder (3 without one)"],
    );
    folder.fail(
        "a b/one.png",
        &["a: Is a directory; a folder is compared with one other folder"],
    );
    folder.fail("a/one.png b", &["b: Is a directory"]);
    folder.fail("a b b", &["a: Is a directory"]);
    folder.fail("a missing", &["a: Is a directory"]);
    folder.fail("compare a", &["<DISTORTED>"]);
    folder.fail("compare", &["<REFERENCE>"]);
    folder.fail("compare --pairs list.csv a b", &["--pairs"]);
}

#[test]
fn one_reference_is_compared_with_many() {
    let folder = folders();
    let out = folder.succeed("a/one.png b/one.png a/one.png b/one.png --format jsonl");
    let lines = json_lines(&out);
    let single = folder.ssim("a/one.png b/one.png");
    let scores: Vec<_> = lines.iter().map(|line| line["ssim"].as_f64().unwrap()).collect();
    assert_eq!(scores, [single, 1.0, single]);
    // A reference that cannot be read is a failure of each.
    let outcome = folder.run(["missing.png", "b/one.png", "a/one.png", "--format", "csv"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.err.matches("missing.png: No such file").count(),
        2,
        "{}",
        outcome.err
    );
}

#[test]
fn lists_are_csv_or_json_lines() {
    let folder = folders();
    folder.write(
        "list.csv",
        "a/one.png,b/one.png\na/three.png,b/three.bmp\na/one.png,b/one.png\n",
    );
    let expected = [
        ["a/one.png", "b/one.png"],
        ["a/three.png", "b/three.bmp"],
        ["a/one.png", "b/one.png"],
    ];
    let out = folder.succeed("compare --pairs list.csv --format jsonl");
    assert_eq!(names(&out), expected);
    // What comes out can go in again.
    folder.write("list.jsonl", &out);
    assert_eq!(names(&folder.succeed("--pairs list.jsonl --format jsonl")), expected);
    folder.write("again.csv", folder.succeed("--pairs list.jsonl --format csv"));
    assert_eq!(names(&folder.succeed("--pairs again.csv --format jsonl")), expected);
    // And comes through a pipe.
    let mut command = folder.command(["compare", "--pairs", "-", "--format", "jsonl"]);
    let output = command
        .stdin(fs::File::open(folder.path("list.csv")).unwrap())
        .output()
        .unwrap();
    assert_eq!(names(std::str::from_utf8(&output.stdout).unwrap()), expected);
    folder.write("empty.csv", "reference,distorted\n");
    folder.write("wrong.csv", "a,b\nc\n");
    folder.fail("--pairs empty.csv", &["empty.csv: no pair is listed"]);
    folder.fail("--pairs wrong.csv", &["wrong.csv: line 2: "]);
    folder.fail("--pairs missing.csv", &["missing.csv: No such file"]);
    folder.fail("--pairs -", &["standard input: no pair is listed"]);
}

#[test]
fn a_failure_is_one_line_and_does_not_stop_the_others() {
    let folder = folders();
    let png = fs::read(folder.path("a/one.png")).unwrap();
    folder.write("a/b0.png", "");
    folder.save("b/b0.png", texture(9, 9, 1));
    folder.write("a/b1.png", &png[..png.len() / 2]);
    folder.save("b/b1.png", texture(9, 9, 1));
    folder.save("a/b2.png", texture(9, 9, 1));
    folder.save("b/b2.png", texture(9, 10, 1));
    folder.save("a/b3.ppm", texture(9, 9, 1));
    folder.write("b/b3.ppm", "P6\n60000 60000\n255\n");
    folder.save("a/b4.png", texture(9, 9, 1));
    folder.save("b/b4.png", DynamicImage::from(texture(9, 9, 1)).to_rgb16());
    let reasons = [
        "a/b0.png: the file is empty",
        "a/b1.png: unexpected end of file",
        "a/b2.png and b/b2.png: the sizes differ: 9x9 and 9x10 pixels",
        "b/b3.ppm: the image is too large: it needs more than 512 MiB when decoded",
        "a/b4.png and b/b4.png: the sample types differ: u8 and u16",
    ];
    let outcome = folder.run(["a", "b", "--format", "jsonl"]);
    assert_eq!(outcome.code, Some(2));
    let errors: Vec<&str> = outcome.err.lines().collect();
    assert_eq!(errors.len(), reasons.len() + 1, "{}", outcome.err);
    assert_eq!(errors.last(), Some(&"fastssim: 5 of 8 pairs failed"));
    let lines = json_lines(&outcome.out);
    assert_eq!(lines.len(), 8);
    for ((line, said), reason) in lines.iter().zip(errors).zip(reasons) {
        assert!(line["ssim"].is_null() && line["width"].is_null(), "{line}");
        assert!(line["error"].as_str().unwrap().starts_with(reason), "{line}");
        assert!(said.starts_with(&format!("fastssim: {reason}")), "{said}");
    }
    assert!(
        lines[5..]
            .iter()
            .all(|line| line["error"].is_null() && line["ssim"].is_f64())
    );
    // A threshold that is missed as well changes nothing about it.
    assert_eq!(folder.run(["a", "b", "--fail-under", "1", "--quiet"]).code, Some(2));
    // In the strict order, the first failure is the last result.
    let outcome = folder.run(["a", "b", "--strict", "--format", "jsonl"]);
    assert_eq!((outcome.code, json_lines(&outcome.out).len()), (Some(2), 1));
    let outcome = folder.run(["a", "b", "--strict", "--format", "jsonl", "--exclude", "b[01234].*"]);
    assert_eq!((outcome.code, json_lines(&outcome.out).len()), (Some(0), 3));
}

#[test]
fn thresholds_set_the_exit_code() {
    let folder = Folder::with_pair(texture(40, 40, 1), texture(40, 40, 2));
    let ssim = folder.ssim("a.png b.png");
    assert!((0.1..0.9).contains(&ssim), "{ssim}");
    let code = |args: &str| {
        let outcome = folder.run(args.split_whitespace());
        assert!(!outcome.out.is_empty(), "the results are there all the same");
        (outcome.code, outcome.err.lines().count())
    };
    for option in ["--fail-under", "--fail-mean-under"] {
        assert_eq!(code(&format!("a.png b.png {option} {ssim}")), (Some(0), 0), "not below");
        assert_eq!(code(&format!("a.png b.png {option} 0.95")), (Some(1), 1));
        assert_eq!(code(&format!("a.png b.png {option} 0.95 --quiet")), (Some(1), 1));
        assert_eq!(code(&format!("a.png b.png {option} -1")), (Some(0), 0));
        folder.fail(&format!("a.png missing.png {option} 0"), &["missing.png"]);
        for value in ["98", "NaN", "-1.5", "high"] {
            folder.fail(
                &format!("a.png b.png {option} {value}"),
                &[option, value, "from -1 to 1"],
            );
        }
    }
    // The mean of two, one of which is below.
    let mean = (1.0 + ssim) / 2.0;
    let two = "a.png b.png a.png";
    assert_eq!(code(&format!("{two} --fail-under {mean}")), (Some(1), 1));
    assert_eq!(code(&format!("{two} --fail-mean-under {}", mean - 1e-9)), (Some(0), 0));
    assert_eq!(code(&format!("{two} --fail-mean-under {}", mean + 1e-9)), (Some(1), 1));
    assert_eq!(
        code(&format!("{two} --fail-under 0.99 --fail-mean-under 0.99")),
        (Some(1), 2)
    );
    let outcome = folder.run(["a.png", "b.png", "a.png", "--fail-under", "0.99"]);
    let line = format!("fastssim: --fail-under 0.99: 1 of 2 below it; the lowest is {ssim:.6} of b.png\n");
    assert_eq!(outcome.err, line);
}

#[test]
fn a_score_that_is_not_a_number_passes_no_threshold() {
    let folder = Folder::new();
    let mut image = DynamicImage::from(texture(16, 16, 1)).to_rgb32f();
    folder.save("a.tiff", image.clone());
    image[(3, 4)].0[1] = f32::NAN;
    folder.save("nan.tiff", image);
    assert_eq!(folder.run(["a.tiff", "nan.tiff"]).code, Some(0));
    for option in ["--fail-under", "--fail-mean-under"] {
        let outcome = folder.run(["a.tiff", "nan.tiff", "a.tiff", option, "-1", "--format", "json"]);
        assert_eq!(outcome.code, Some(1), "{option}");
        let json: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
        assert_eq!(
            (&json["summary"]["not_a_number"], &json["summary"]["ssim"]["mean"]),
            (&1.into(), &1.0.into())
        );
    }
}

#[test]
fn maps_and_gradients_get_a_file_a_pair() {
    let folder = folders();
    let out = folder.succeed("a b --map maps/here --gradient gradients --format jsonl");
    for (line, name) in json_lines(&out).iter().zip(["one.png", "sub/two.png", "three.bmp"]) {
        let (map, gradient) = (format!("maps/here/{name}.png"), format!("gradients/{name}.npy"));
        assert_eq!(
            (&line["map"], &line["gradient"]),
            (&map.as_str().into(), &gradient.as_str().into())
        );
        let pair = format!("a/{} b/{name}", name.replace("bmp", "png"));
        folder.succeed(&format!("{pair} --map map.png --gradient gradient.npy"));
        assert_eq!(
            fs::read(folder.path(map)).unwrap(),
            fs::read(folder.path("map.png")).unwrap()
        );
        let alone = fs::read(folder.path("gradient.npy")).unwrap();
        assert_eq!(fs::read(folder.path(gradient)).unwrap(), alone);
    }
    // Files of the same name from several folders do not replace each other.
    folder.succeed("a/one.png b/one.png a/one.png --map many");
    let mut names: Vec<_> = fs::read_dir(folder.path("many"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["one.png.2.png", "one.png.png"]);
}

#[test]
fn maps_of_many_pairs_need_a_folder() {
    let folder = folders();
    folder.write("file", "");
    for option in ["--map", "--gradient"] {
        folder.fail(&format!("a b {option} file"), &["file: not a folder", option]);
        folder.fail(
            &format!("a/one.png b/one.png a/one.png {option} file"),
            &["file: not a folder"],
        );
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_pipes_left_alone() {
    use std::os::unix::fs::symlink;

    let folder = folders();
    symlink("../a/one.png", folder.path("a/link.png")).unwrap();
    symlink("../b/one.png", folder.path("b/link.png")).unwrap();
    symlink("nowhere", folder.path("a/notes.txt")).unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(folder.path("a/pipe.png"))
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(names(&folder.succeed("a b --format jsonl")).len(), 4);
    symlink("nowhere", folder.path("a/broken.png")).unwrap();
    folder.save("b/broken.png", texture(9, 9, 1));
    let outcome = folder.run(["a", "b", "--quiet"]);
    assert_eq!(outcome.code, Some(2));
    assert!(
        outcome.err.starts_with("fastssim: a/broken.png: No such file"),
        "{}",
        outcome.err
    );
    fs::remove_file(folder.path("a/broken.png")).unwrap();
    symlink("..", folder.path("a/sub/loop")).unwrap();
    let outcome = folder.run(["a", "b", "--format", "jsonl"]);
    assert_eq!(
        (outcome.code, json_lines(&outcome.out).len()),
        (Some(2), 4),
        "{}",
        outcome.err
    );
    assert!(outcome.err.contains("loop"), "{}", outcome.err);
}

#[test]
fn no_input_is_overwritten() {
    let folder = folders();
    folder.save("b/one.png.png", texture(20, 20, 5));
    folder.save("a/one.png.png", texture(20, 20, 6));
    let input = fs::read(folder.path("b/one.png.png")).unwrap();
    let outcome = folder.run(["a", "b", "--map", "b", "--format", "csv"]);
    assert_eq!(outcome.code, Some(2));
    assert!(
        outcome.err.contains("b/one.png.png: this would overwrite an input"),
        "{}",
        outcome.err
    );
    assert_eq!(fs::read(folder.path("b/one.png.png")).unwrap(), input);
    folder.fail(
        "a b --quiet --output a/one.png",
        &["a/one.png: this would overwrite an input"],
    );
    folder.write("list.csv", "a/one.png,b/one.png\n");
    for options in ["", "--resume --format csv"] {
        folder.fail(
            &format!("--pairs list.csv --output list.csv {options}"),
            &["list.csv: this would overwrite"],
        );
    }
}
