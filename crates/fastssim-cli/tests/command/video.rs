//! Videos: their frames and planes, the choice of frames, and what is printed.

use fastssim::Ssim;
use ndarray::ArrayView2;
use serde_json::Value;

use crate::oracle::Oracle;
use crate::y4m::{Video, folder, small};
use crate::{Folder, Outcome, assert_failure};

/// The records of frames.
#[track_caller]
fn frames(folder: &Folder, args: &str) -> Vec<Value> {
    let out = folder.succeed(&format!("video --format jsonl {args}"));
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The summary.
#[track_caller]
fn summary(folder: &Folder, args: &str) -> Value {
    let out = folder.succeed(&format!("video --format json {args}"));
    serde_json::from_str::<Value>(&out).unwrap()["summary"].clone()
}

fn numbers(frames: &[Value]) -> Vec<u64> {
    frames.iter().map(|frame| frame["frame"].as_u64().unwrap()).collect()
}

#[track_caller]
fn assert_close(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
}

#[test]
fn each_plane_has_the_score_of_the_library() {
    for (video, range) in [
        (Video::small(), 255.0),
        (Video::new("422", 8, &[[30, 20], [15, 20], [15, 20]]), 255.0),
        (Video::new("444", 8, &[[30, 20]; 3]), 255.0),
        (Video::new("mono", 8, &[[31, 17]]), 255.0),
        (Video::new("420p10", 10, &[[46, 35], [23, 18], [23, 18]]), 1023.0),
        (Video::new("422p10", 10, &[[31, 20], [16, 20], [16, 20]]), 1023.0),
        (Video::new("444p10", 10, &[[30, 20]; 3]), 1023.0),
        (Video::new("mono10", 10, &[[31, 17]]), 1023.0),
    ] {
        let folder = folder(&video, &video.distorted());
        let metric = Ssim::builder().data_range(range).build().unwrap();
        let found = frames(&folder, "a.y4m b.y4m");
        assert_eq!(numbers(&found), [0, 1, 2, 3, 4]);
        for (frame, record) in found.iter().enumerate() {
            let score = |plane: usize| {
                let [width, height] = video.planes[plane];
                let [x, y] = [&video, &video.distorted()].map(|video| video.plane(frame, plane));
                if video.bits == 8 {
                    let bytes = |samples: &[u16]| samples.iter().map(|&sample| sample as u8).collect::<Vec<_>>();
                    let (x, y) = (bytes(&x), bytes(&y));
                    let view = |samples| ArrayView2::from_shape((height, width), samples).unwrap();
                    return metric.ssim(view(&y), view(&x)).unwrap();
                }
                let view = |samples| ArrayView2::from_shape((height, width), samples).unwrap();
                metric.ssim(view(&y), view(&x)).unwrap()
            };
            assert_close(&record["y"], score(0));
            assert_close(&record["time"], frame as f64 / 25.0);
            let total = if video.planes.len() == 1 {
                assert!(record["u"].is_null() && record["v"].is_null());
                score(0)
            } else {
                assert_close(&record["u"], score(1));
                assert_close(&record["v"], score(2));
                (6.0 * score(0) + score(1) + score(2)) / 8.0
            };
            assert_close(&record["ssim"], total);
            assert_close(&record["dssim"], 1.0 - total);
            assert!(total < 0.999, "{total}");
        }
        // And the library that of the oracle.
        let oracle = Oracle {
            range,
            ..Oracle::DEFAULT
        };
        let plane = |video: &Video| video.plane(3, 0).into_iter().map(f64::from).collect::<Vec<_>>();
        let expected = oracle.ssim(&plane(&video), &plane(&video.distorted()), video.planes[0][0]);
        assert!((found[3]["y"].as_f64().unwrap() - expected).abs() < 3e-7);
    }
}

#[test]
fn the_weights_of_the_total_can_be_chosen() {
    let folder = small();
    for (weights, [y, u, v]) in [
        ("6:1:1", [0.75, 0.125, 0.125]),
        ("1:0:0", [1.0, 0.0, 0.0]),
        ("0.5:1:2.5", [0.125, 0.25, 0.625]),
        ("samples", [1610.0, 414.0, 414.0].map(|samples| samples / 2438.0)),
    ] {
        let args = format!("a.y4m b.y4m --weights {weights}");
        for record in frames(&folder, &args) {
            let [a, b, c] = ["y", "u", "v"].map(|plane| record[plane].as_f64().unwrap());
            assert_close(&record["ssim"], y * a + u * b + v * c);
        }
        let found = &summary(&folder, &args)["weights"];
        [y, u, v]
            .iter()
            .zip(found.as_array().unwrap())
            .for_each(|(weight, found)| assert_close(found, *weight));
    }
    for wrong in ["1:1", "0:0:0", "-1:1:1", "half"] {
        folder.fail(&format!("video a.y4m b.y4m --weights={wrong}"), &["--weights", "Y:U:V"]);
    }
}

#[test]
fn identical_videos_score_exactly_one() {
    let folder = small();
    let summary = summary(&folder, "a.y4m a.y4m");
    for of in ["ssim", "y", "u", "v"] {
        for name in ["mean", "min", "max", "median", "harmonic_mean"] {
            assert_eq!(summary[of][name], 1.0, "{of} {name}");
        }
        assert_eq!(summary[of]["standard_deviation"], 0.0);
    }
}

#[test]
fn the_summary_is_that_of_the_frames() {
    let video = Video::small().frames(9);
    let folder = folder(&video, &video.distorted());
    let (records, summary) = (frames(&folder, "a.y4m b.y4m"), summary(&folder, "a.y4m b.y4m"));
    for of in ["ssim", "y", "u", "v"] {
        let mut scores: Vec<f64> = records.iter().map(|record| record[of].as_f64().unwrap()).collect();
        let count = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / count;
        let variance = scores.iter().map(|score| score * score).sum::<f64>() / count - mean * mean;
        assert_close(&summary[of]["mean"], mean);
        assert!((summary[of]["standard_deviation"].as_f64().unwrap() - variance.sqrt()).abs() < 1e-9);
        assert_close(
            &summary[of]["harmonic_mean"],
            count / scores.iter().map(|score| 1.0 / score).sum::<f64>(),
        );
        scores.sort_by(f64::total_cmp);
        assert_close(&summary[of]["min"], scores[0]);
        assert_close(&summary[of]["max"], scores[8]);
        // Of nine scores the quartiles are scores themselves; 5 % of the way is 0.4 of a step.
        assert_close(&summary[of]["p25"], scores[2]);
        assert_close(&summary[of]["median"], scores[4]);
        assert_close(&summary[of]["p5"], scores[0] + 0.4 * (scores[1] - scores[0]));
        if of == "ssim" {
            let worst = records
                .iter()
                .position(|record| record["ssim"].as_f64() == Some(scores[0]))
                .unwrap();
            assert_eq!(summary["worst"], worst);
        }
    }
    for (field, value) in [
        ("frames", Value::from(9)),
        ("width", 46.into()),
        ("height", 35.into()),
        ("chroma", "4:2:0".into()),
        ("bits", 8.into()),
        ("frame_rate", 25.0.into()),
        ("data_range", 255.0.into()),
        ("padding", "zero".into()),
        ("reference", "a.y4m".into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
    ] {
        assert_eq!(summary[field], value, "{field}");
    }
}

#[test]
fn options_choose_the_frames() {
    let video = Video::small().frames(10);
    let folder = folder(&video, &video.distorted());
    let all = frames(&folder, "a.y4m b.y4m");
    for (options, expected) in [
        ("--skip 7", vec![7, 8, 9]),
        ("--every 4", vec![0, 4, 8]),
        ("--frames 2", vec![0, 1]),
        ("--skip 1 --every 3", vec![1, 4, 7]),
        ("--skip 1 --every 3 --frames 2", vec![1, 4]),
        ("--frames 100", (0..10).collect()),
    ] {
        let found = frames(&folder, &format!("a.y4m b.y4m {options}"));
        assert_eq!(numbers(&found), expected, "{options}");
        for record in found {
            assert_eq!(record, all[record["frame"].as_u64().unwrap() as usize], "{options}");
        }
    }
    folder.fail(
        "video a.y4m b.y4m --skip 10",
        &["no frame to compare", "10 frames", "10 are skipped"],
    );
    folder.fail("video a.y4m b.y4m --every 0", &["--every"]);
    folder.fail("video a.y4m b.y4m --frames 0", &["--frames"]);
}

#[test]
fn videos_of_different_lengths_are_compared_only_when_asked() {
    let video = Video::small().frames(10);
    let folder = folder(&video, &video.distorted().frames(6));
    let run = |args: &str| folder.run(format!("video {args}").split(' '));
    let Outcome { code, out, err } = run("a.y4m b.y4m --format csv");
    assert_eq!(
        (code, out.lines().count()),
        (Some(2), 7),
        "the frames that both have are printed"
    );
    assert_eq!(
        err,
        "fastssim: the videos differ in length: a.y4m goes on and b.y4m ends after 6 frames; --shortest compares as far \
         as both go\n"
    );
    let json: Value = serde_json::from_str(&run("a.y4m b.y4m --format json").out).unwrap();
    assert_eq!(json["frames"].as_array().unwrap().len(), 6);
    assert!(json["summary"].is_null());
    // Also where no more of them would have been compared.
    let Outcome { code, err, .. } = run("b.y4m a.y4m --every 6");
    assert_eq!(code, Some(2));
    assert!(err.contains("b.y4m ends after 6 frames and a.y4m goes on"), "{err}");
    let Outcome { code, err, .. } = run("a.y4m b.y4m --every 20");
    assert_eq!(code, Some(2));
    assert!(
        err.contains("a.y4m ends after 10 frames and b.y4m ends after 6 frames"),
        "{err}"
    );
    assert_eq!(numbers(&frames(&folder, "a.y4m b.y4m --shortest")), [0, 1, 2, 3, 4, 5]);
    assert_eq!(numbers(&frames(&folder, "a.y4m b.y4m --frames 6")), [0, 1, 2, 3, 4, 5]);
    folder.fail("video a.y4m b.y4m --shortest --skip 6", &["no frame to compare"]);
}

#[test]
fn videos_that_cannot_be_compared() {
    let folder = small();
    folder.write(
        "wide.y4m",
        Video::new("420", 8, &[[48, 35], [24, 18], [24, 18]]).bytes(),
    );
    folder.write("full.y4m", Video::new("444", 8, &[[46, 35]; 3]).bytes());
    folder.write(
        "deep.y4m",
        Video::new("420p10", 10, &[[46, 35], [23, 18], [23, 18]]).bytes(),
    );
    folder.write("none.y4m", Video::small().frames(0).bytes());
    folder.write("gray.y4m", Video::new("mono", 8, &[[46, 35]]).bytes());
    folder.write("empty.y4m", "");
    let whole = Video::small().bytes();
    folder.write("cut.y4m", &whole[..whole.len() - 1]);
    folder.write("header.y4m", &whole[..20]);
    for (args, parts) in [
        (
            "a.y4m wide.y4m",
            &["a.y4m and wide.y4m: the sizes differ: 46x35 and 48x35 pixels"][..],
        ),
        (
            "a.y4m full.y4m",
            &["a.y4m and full.y4m: the formats differ: 4:2:0 of 8 bits and 4:4:4 of 8 bits"],
        ),
        ("deep.y4m a.y4m", &["4:2:0 of 10 bits and 4:2:0 of 8 bits", "-pix_fmt"]),
        ("none.y4m none.y4m", &["there is no frame to compare: 0 frames"]),
        (
            "gray.y4m gray.y4m --weights 0:1:1",
            &["--weights: a gray video has Y alone"],
        ),
        ("a.y4m empty.y4m", &["empty.y4m: the file is empty"]),
        (
            "a.y4m header.y4m",
            &["header.y4m: unexpected end of file in the header"],
        ),
        ("a.y4m missing.y4m", &["missing.y4m: No such file"]),
        ("a.y4m .", &[".: "]),
        ("- -", &["only one of the two videos can be standard input"]),
        ("a.y4m -", &["standard input: the file is empty"]),
        (
            "a.y4m b.y4m --padding valid --window 19",
            &["frame 0 of a.y4m and b.y4m: plane U", "18"],
        ),
        ("a.y4m b.y4m --window 4", &["--window 4: it must be odd"]),
        ("a.y4m b.y4m --report a.y4m", &["a.y4m: ", "would overwrite"]),
        ("a.y4m b.y4m --report x --output x", &["x: ", "would overwrite"]),
    ] {
        let outcome = folder.run(format!("video --format jsonl {args}").split(' '));
        assert_failure(&outcome, parts);
    }
    let outcome = folder.run("video --format csv cut.y4m cut.y4m".split(' '));
    assert_eq!(
        (outcome.code, outcome.out.lines().count()),
        (Some(2), 5),
        "the frames before are printed"
    );
    assert!(
        outcome
            .err
            .contains("cut.y4m: frame 4: unexpected end of file: 2437 of 2438 bytes"),
        "{}",
        outcome.err
    );
}

#[test]
fn thresholds_set_the_exit_code() {
    let folder = small();
    let summary = summary(&folder, "a.y4m b.y4m");
    let [mean, min] = ["mean", "min"].map(|name| summary["ssim"][name].as_f64().unwrap());
    let run = |gate: &str| folder.run(format!("video a.y4m b.y4m --format csv {gate}").split(' '));
    for (gate, below) in [("--fail-under", min), ("--fail-mean-under", mean)] {
        for (threshold, code) in [(below, 0), (below - 1e-9, 0), (below + 1e-9, 1), (1.0, 1), (-1.0, 0)] {
            let outcome = run(&format!("{gate}={threshold}"));
            assert_eq!(outcome.code, Some(code), "{gate} {threshold}");
            assert_eq!(outcome.out.lines().count(), 6);
            assert_eq!(outcome.err.is_empty(), code == 0, "{}", outcome.err);
        }
    }
    let outcome = run(&format!("--fail-under {}", min + 1e-9));
    assert!(
        outcome
            .err
            .contains(&format!("1 of 5 frames below it; the lowest is {min:.6} of frame")),
        "{}",
        outcome.err
    );
    assert!(
        run("--fail-mean-under 1")
            .err
            .contains(&format!("the mean is {mean:.6}"))
    );
}

#[test]
fn results_have_the_format_that_is_asked_for() {
    let folder = small();
    let csv = folder.succeed("video a.y4m b.y4m --format csv");
    let records = frames(&folder, "a.y4m b.y4m");
    assert_eq!(csv.lines().next(), Some("frame,time,ssim,dssim,y,u,v"));
    for (line, record) in csv.lines().skip(1).zip(&records) {
        let fields: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
        let names = ["frame", "time", "ssim", "dssim", "y", "u", "v"];
        let expected: Vec<f64> = names.iter().map(|name| record[name].as_f64().unwrap()).collect();
        assert_eq!(fields, expected);
    }
    let json: Value = serde_json::from_str(&folder.succeed("video a.y4m b.y4m --format json")).unwrap();
    assert_eq!(json["frames"].as_array().unwrap(), &records);
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));

    let table = folder.succeed("video a.y4m b.y4m");
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["frame", "SSIM", "Y", "U", "V"]);
    let score = |name: &str| format!("{:.6}", records[2][name].as_f64().unwrap());
    assert_eq!(lines[3], ["2", &score("ssim"), &score("y"), &score("u"), &score("v")]);
    for name in [
        "mean",
        "standard deviation",
        "harmonic mean",
        "minimum",
        "1 %",
        "median",
        "99 %",
        "maximum",
    ] {
        assert!(
            table.lines().any(|line| line.trim_start().starts_with(name)),
            "{name} is missing in {table}"
        );
    }
    assert!(
        table.contains("46x35, 4:2:0, 8 bits, 25 frames/s; weights 0.75:0.125:0.125\n"),
        "{table}"
    );

    folder.succeed("video a.y4m b.y4m --output frames.csv");
    assert_eq!(folder.read("frames.csv"), csv);
    let outcome = folder.run("video a.y4m b.y4m --format csv --summary".split(' '));
    assert_eq!((outcome.code, outcome.out), (Some(0), csv));
    assert!(outcome.err.contains("harmonic mean"), "{}", outcome.err);
}

#[test]
fn a_gray_video_has_a_total_that_is_that_of_y() {
    let video = Video::new("mono", 8, &[[31, 17]]);
    let folder = folder(&video, &video.distorted());
    let table = folder.succeed("video a.y4m b.y4m");
    assert_eq!(
        table.lines().next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["frame", "SSIM", "Y"]
    );
    assert!(table.contains("31x17, gray, 8 bits"), "{table}");
    assert!(summary(&folder, "a.y4m b.y4m")["u"].is_null());
}
