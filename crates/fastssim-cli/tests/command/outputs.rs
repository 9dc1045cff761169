//! How results are written: the formats, the output file, the summary, and what is made of the arguments' description.

use std::fs;

use serde_json::Value;

use crate::{Folder, json_lines, texture};

fn folder() -> Folder {
    let folder = Folder::with_pair(texture(40, 30, 1), texture(40, 30, 2));
    folder.save("c.png", texture(40, 30, 3));
    folder
}

/// Without what differs from run to run.
fn timeless(mut value: Value) -> Value {
    for key in ["seconds", "decoding_seconds"] {
        value[key] = Value::Null;
    }
    value
}

#[test]
fn csv_has_the_fields_of_json() {
    let folder = folder();
    let lines = json_lines(&folder.succeed("a.png b.png c.png --format jsonl"));
    let csv = folder.succeed("a.png b.png c.png --format csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let fields: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(fields.len(), lines[0].as_object().unwrap().len());
    for (record, line) in reader.records().map(Result::unwrap).zip(&lines) {
        for (field, found) in fields.iter().zip(&record) {
            match &line[field] {
                _ if field.ends_with("seconds") => assert!(found.parse::<f64>().unwrap() > 0.0),
                Value::Null => assert_eq!(found, ""),
                Value::String(text) => assert_eq!(found, text),
                Value::Number(number) => assert_eq!(found.parse::<f64>().ok(), number.as_f64()),
                other => assert_eq!(found, other.to_string()),
            }
        }
    }
}

#[test]
fn a_json_document_has_results_and_their_summary() {
    let folder = folder();
    let document: Value = serde_json::from_str(&folder.succeed("a.png b.png c.png a.png --format json")).unwrap();
    let lines = json_lines(&folder.succeed("a.png b.png c.png a.png --format jsonl"));
    let results: Vec<Value> = document["results"]
        .as_array()
        .unwrap()
        .iter()
        .cloned()
        .map(timeless)
        .collect();
    assert_eq!(results, lines.iter().cloned().map(timeless).collect::<Vec<_>>());
    assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
    let scores: Vec<f64> = lines.iter().map(|line| line["ssim"].as_f64().unwrap()).collect();
    let summary = &document["summary"];
    let mean = scores.iter().sum::<f64>() / 3.0;
    assert!((summary["ssim"]["mean"].as_f64().unwrap() - mean).abs() < 1e-15);
    assert_eq!(summary["ssim"]["max"], 1.0);
    assert_eq!((&summary["pairs"], &summary["complete"]), (&3.into(), &true.into()));
    let lowest = if scores[0] < scores[1] { "b.png" } else { "c.png" };
    assert_eq!(summary["worst"], serde_json::json!(["a.png", lowest]));
    // One pair is a document of the same form.
    let one: Value = serde_json::from_str(&folder.succeed("a.png b.png --format json")).unwrap();
    assert_eq!(one["results"].as_array().unwrap().len(), 1);
    assert_eq!(one["summary"]["ssim"]["mean"], one["results"][0]["ssim"]);
}

#[test]
fn a_table_has_a_row_a_pair() {
    let folder = folder();
    let ssim = folder.ssim("a.png b.png");
    folder.write("empty.png", "");
    let outcome = folder.run(["a.png", "b.png", "a.png", "empty.png", "--summary"]);
    let lines: Vec<Vec<&str>> = outcome
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["SSIM", "DSSIM", "size", "pair"]);
    assert_eq!(
        lines[1],
        [&*format!("{ssim:.6}"), &*format!("{:.6}", 1.0 - ssim), "40x30", "b.png"]
    );
    assert_eq!(lines[2], ["1", "0", "40x30", "a.png"]);
    assert_eq!(lines[3], ["error", "empty.png"]);
    let text = outcome.out;
    assert!(text.contains("\npairs   3, 2 with a score, 1 failed\n"), "{text}");
    assert!(
        text.contains(&format!(
            "\nSSIM    mean {:.6}, standard deviation ",
            (1.0 + ssim) / 2.0
        )),
        "{text}"
    );
    assert!(text.ends_with("\nworst   a.png | b.png\n"), "{text}");
}

#[test]
fn the_summary_of_lines_goes_to_standard_error() {
    let folder = folder();
    for format in ["jsonl", "csv"] {
        let args = ["a.png", "b.png", "c.png", "--format", format];
        let plain = folder.run(args);
        let outcome = folder.run(args.into_iter().chain(["--summary"]));
        assert_eq!(outcome.out.lines().count(), plain.out.lines().count());
        assert!(
            outcome.err.contains("fastssim: pairs   2, 2 with a score\n"),
            "{}",
            outcome.err
        );
        assert_eq!(plain.err, "");
    }
}

#[test]
fn the_output_file_has_what_standard_output_would_have() {
    let folder = folder();
    let pairs = "a.png b.png c.png";
    for (name, format) in [
        ("r.csv", "csv"),
        ("r.jsonl", "jsonl"),
        ("r.json", "json"),
        ("r.txt", "table"),
    ] {
        assert_eq!(folder.succeed(&format!("{pairs} --output {name}")), "");
        let printed = folder.succeed(&format!("{pairs} --format {format}"));
        let file = folder.read(name);
        assert_eq!(file.lines().count(), printed.lines().count(), "{name}");
        assert_eq!(
            file.lines().next().map(|line| &line[..20]),
            printed.lines().next().map(|line| &line[..20])
        );
    }
    // What was asked for wins, and a single pair has its file too.
    folder.succeed("a.png b.png -o one.csv --format jsonl");
    assert_eq!(json_lines(&folder.read("one.csv")).len(), 1);
    // No pair is compared for nothing.
    folder.fail(
        "a.png b.png c.png -o missing/r.csv",
        &["missing/r.csv: the folder missing: No such file"],
    );
    fs::create_dir(folder.path("dir")).unwrap();
    folder.fail("a.png b.png c.png -o dir", &["dir: not a regular file"]);
    // A failure of the only pair leaves no file.
    folder.fail("a.png missing.png -o new.csv", &["missing.png"]);
}

#[test]
fn the_backend_is_explained() {
    let folder = folder();
    let outcome = folder.run("a.png b.png --verbose --backend cpu".split_whitespace());
    assert_eq!(outcome.err, "fastssim: backend cpu: as --backend says\n");
    let outcome = folder.run("a.png b.png c.png --verbose --threads 2".split_whitespace());
    let backend = folder.json("a.png b.png")["backend"].as_str().unwrap().to_owned();
    let lines: Vec<&str> = outcome.err.lines().collect();
    assert!(
        lines[0].starts_with(&format!("fastssim: backend {backend}")),
        "{}",
        outcome.err
    );
    assert_eq!(lines[1], "fastssim: 2 pairs at a time");
    folder.fail("a.png b.png --verbose --quiet", &["--quiet"]);
}

#[test]
fn devices_are_listed() {
    let folder = Folder::new();
    let list = folder.succeed("--list-devices");
    let lines: Vec<&str> = list.lines().collect();
    assert!(
        lines.len() >= 2 && lines[0].starts_with("cpu ") && lines[1].starts_with("cuda"),
        "{list}"
    );
}

#[test]
fn completions_and_manual_pages_are_made() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = folder.succeed(&format!("completions {shell}"));
        assert!(text.contains("fail-under") && text.contains("compare"), "{shell}");
    }
    folder.fail("completions tcsh", &["tcsh", "bash"]);
    let page = folder.succeed("man");
    assert!(
        page.contains(".TH fastssim 1") && page.contains("fail\\-under"),
        "{page}"
    );
    assert_eq!(folder.succeed("man pages"), "");
    let names: Vec<_> = fs::read_dir(folder.path("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    for name in ["fastssim.1", "fastssim-compare.1"] {
        assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
    }
}

#[test]
fn colours_are_for_terminals_only() {
    let folder = folder();
    let outcome = folder.run(["a.png", "b.png", "c.png", "--fail-under", "0.99"]);
    assert!(!outcome.out.contains('\u{1b}') && !outcome.err.contains('\u{1b}'));
}

#[test]
fn half_of_dssim_can_be_meant() {
    let folder = folder();
    let (whole, half) = (
        folder.json("a.png b.png"),
        folder.json("a.png b.png --dssim half-one-minus-ssim"),
    );
    assert_eq!(whole["ssim"], half["ssim"]);
    assert_eq!(whole["dssim"].as_f64().unwrap() / 2.0, half["dssim"].as_f64().unwrap());
    assert_eq!(half["dssim_convention"], "half-one-minus-ssim");
    let text = folder.succeed("a.png b.png --dssim half-one-minus-ssim");
    assert!(text.contains("((1 - SSIM) / 2)"), "{text}");
}
