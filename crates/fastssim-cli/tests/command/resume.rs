//! Lists that are interrupted, and continued.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

#[cfg(unix)]
use crate::is_ignored;
use crate::{Folder, json_lines, texture};

/// A folder with a list of pairs, of which no two are the same.
fn listed(count: usize, side: u32) -> Folder {
    let folder = Folder::new();
    folder.save("a.png", texture(side, side, 0));
    let mut list = String::new();
    for at in 0..count {
        // Other names for a few pictures.
        let name = format!("b{at}.png");
        if at < 4 {
            folder.save(&name, texture(side, side, 1 + at as u32));
        } else {
            fs::hard_link(folder.path(format!("b{}.png", at % 4)), folder.path(&name)).unwrap();
        }
        list += &format!("a.png,{name}\n");
    }
    folder.write("list.csv", list);
    folder
}

/// What does not change from run to run.
fn scores(text: &str) -> Vec<[Value; 2]> {
    json_lines(text)
        .iter()
        .map(|line| [line["distorted"].clone(), line["ssim"].clone()])
        .collect()
}

const LIST: &str = "--pairs list.csv --output r.jsonl";

#[test]
fn a_list_is_continued_where_it_ended() {
    let folder = listed(7, 20);
    folder.succeed(LIST);
    let whole = folder.read("r.jsonl");
    let line_ends: Vec<usize> = whole.match_indices('\n').map(|(at, _)| at + 1).collect();
    for kept in [
        0,
        5,
        line_ends[2],
        line_ends[2] - 1,
        line_ends[2] + 40,
        line_ends[5],
        whole.len(),
    ] {
        folder.write("r.jsonl", &whole[..kept]);
        assert_eq!(folder.succeed(&format!("{LIST} --resume")), "");
        let resumed = folder.read("r.jsonl");
        assert_eq!(scores(&resumed), scores(&whole), "{kept}");
        // What was whole is as it was, times and all.
        let before = line_ends.iter().rfind(|&&end| end <= kept).copied().unwrap_or(0);
        assert_eq!(resumed[..before], whole[..before], "{kept}");
    }
    // The same in CSV, from nothing on.
    folder.succeed("--pairs list.csv --output r.csv --resume");
    let whole = folder.read("r.csv");
    assert_eq!(whole.lines().count(), 8);
    folder.write("r.csv", &whole[..whole.len() - 30]);
    folder.succeed("--pairs list.csv --output r.csv --resume");
    let without_times = |text: &str| {
        text.lines()
            .map(|line| line[..line.len() - 50].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(without_times(&folder.read("r.csv")).len(), 8);
    assert_eq!(folder.read("r.csv").matches("reference").count(), 1, "one header");
}

#[test]
fn results_of_before_count_for_thresholds_and_the_summary() {
    let folder = listed(4, 20);
    folder.write("b1.png", "");
    let outcome = folder.run(LIST.split_whitespace());
    assert_eq!(outcome.code, Some(2));
    let whole = folder.read("r.jsonl");
    let resume = |kept: usize, options: &str| {
        let lines: String = whole.split_inclusive('\n').take(kept).collect();
        folder.write("r.jsonl", lines);
        folder.run(format!("{LIST} --resume --summary {options}").split_whitespace())
    };
    for kept in 0..=4 {
        let outcome = resume(kept, "");
        assert_eq!(outcome.code, Some(2), "the failure counts");
        assert!(
            outcome.err.contains("pairs   4, 3 with a score, 1 failed"),
            "{}",
            outcome.err
        );
    }
    folder.save("b1.png", texture(20, 20, 9));
    folder.succeed(LIST);
    let outcome = folder.run(format!("{LIST} --resume --fail-under 0.99").split_whitespace());
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.err.contains("4 of 4 below"), "{}", outcome.err);
}

#[test]
fn a_file_of_other_results_is_not_continued() {
    let folder = listed(3, 20);
    folder.succeed(LIST);
    let resume = |options: &str| format!("{LIST} --resume {options}");
    for options in [
        "--window 9",
        "--padding valid",
        "--gray",
        "--data-range 100",
        "--k1 0.02",
        "--dssim half-one-minus-ssim",
    ] {
        folder.fail(
            &resume(options),
            &["r.jsonl: the result of a.png | b0.png was made with other options"],
        );
    }
    folder.succeed(&resume("--data-range 255"));
    folder.write("list.csv", "a.png,b0.png\na.png,b1.png\n");
    folder.fail(
        &resume(""),
        &["r.jsonl: it has a result of a.png | b2.png, which is not to be compared"],
    );
    folder.write("r.jsonl", "nonsense\n");
    folder.fail(&resume(""), &["r.jsonl: line 1: not a result"]);
    folder.fail("--pairs list.csv --resume", &["--output"]);
    folder.fail(
        "--pairs list.csv --resume -o r.json",
        &["r.json: only --format jsonl and csv"],
    );
}

#[test]
fn the_same_pair_twice_is_compared_twice() {
    let folder = listed(2, 20);
    folder.write("list.csv", "a.png,b0.png\na.png,b1.png\na.png,b0.png\n");
    folder.succeed(LIST);
    let whole = folder.read("r.jsonl");
    let first: String = whole.split_inclusive('\n').take(1).collect();
    folder.write("r.jsonl", first);
    folder.succeed(&format!("{LIST} --resume"));
    assert_eq!(scores(&folder.read("r.jsonl")), scores(&whole));
}

/// Runs it on two threads until there are some results, and sends a signal.
#[cfg(unix)]
fn interrupted(folder: &Folder, args: &str, signal: &str, some: impl Fn() -> bool) -> Child {
    let command = folder.command(args.split_whitespace().chain(["--threads", "2"]));
    signalled(command, signal, some)
}

#[cfg(unix)]
fn signalled(mut command: Command, signal: &str, some: impl Fn() -> bool) -> Child {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while !some() {
        assert!(start.elapsed() < Duration::from_secs(60), "it does nothing");
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(1));
    }
    let kill = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    child
}

#[cfg(unix)]
fn has_maps(folder: &Folder) -> bool {
    fs::read_dir(folder.path("maps")).map_or(0, Iterator::count) >= 5
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_batch_with_what_is_finished() {
    use std::os::unix::process::ExitStatusExt;

    let folder = listed(1000, 64);
    let temporary = || {
        let folders = [folder.path(""), folder.path("maps")];
        let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        entries
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .starts_with(".fastssim-")
            })
            .count()
    };
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        if is_ignored(number) {
            continue;
        }
        let child = interrupted(&folder, &format!("{LIST} --map maps"), name, || has_maps(&folder));
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(number));
        let lines = scores(&folder.read("r.jsonl"));
        assert!((5..1000).contains(&lines.len()), "{}", lines.len());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            said,
            format!("fastssim: interrupted after {} of 1000 pairs\n", lines.len())
        );
        assert_eq!(temporary(), 0);
        // All in their order, and each with its map.
        for (at, [distorted, _]) in lines.iter().enumerate() {
            assert_eq!(*distorted, format!("b{at}.png"));
            assert!(image::open(folder.path(format!("maps/b{at}.png.png"))).is_ok());
        }
        fs::remove_dir_all(folder.path("maps")).unwrap();
    }
    if is_ignored(2) {
        return;
    }
    // The document is a whole one, and says that it is not all.
    let child = interrupted(&folder, "--pairs list.csv --format json --map maps", "INT", || {
        has_maps(&folder)
    });
    let output = child.wait_with_output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = document["results"].as_array().unwrap().len();
    assert_eq!(document["summary"]["complete"], false);
    assert_eq!(
        (&document["summary"]["pairs"], &document["summary"]["scored"]),
        (&1000.into(), &count.into())
    );
    // And the list can be continued.
    folder.succeed(&format!("{LIST} --resume"));
    assert_eq!(scores(&folder.read("r.jsonl")).len(), 1000);
}

#[cfg(unix)]
#[test]
fn what_was_started_with_resume_survives_any_death() {
    let folder = listed(1000, 64);
    let lines = || fs::read_to_string(folder.path("r.jsonl")).map_or(0, |text| text.matches('\n').count());
    let mut child = interrupted(&folder, &format!("{LIST} --resume"), "KILL", || lines() >= 3);
    child.wait().unwrap();
    let text = folder.read("r.jsonl");
    assert!((3..1000).contains(&lines()), "{text}");
    folder.succeed(&format!("{LIST} --resume"));
    let names: Vec<Value> = scores(&folder.read("r.jsonl"))
        .into_iter()
        .map(|[name, _]| name)
        .collect();
    assert_eq!(
        names,
        (0..1000)
            .map(|at| Value::from(format!("b{at}.png")))
            .collect::<Vec<_>>()
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_to_be_ignored_is_ignored() {
    let folder = listed(100, 120);
    let mut command = Command::new("sh");
    let script = "trap '' HUP; exec \"$0\" --threads 2 --pairs list.csv --output r.jsonl --map maps";
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_fastssim")])
        .current_dir(folder.path(""));
    let mut child = signalled(command, "HUP", || has_maps(&folder));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(scores(&folder.read("r.jsonl")).len(), 100);
}
