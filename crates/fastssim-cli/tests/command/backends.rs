//! Where the work is done: GPUs that are missing, too old or fail, and what is said about it.
//!
//! A driver that can be loaded is made for the tests, `backends/driver.rs`, so that they need no GPU.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::{Folder, Outcome, assert_failure, json_lines, skipped, texture, y4m};

/// The driver of the tests: a folder in which the system finds it. None where there is no compiler.
fn driver(folder: &Folder) -> Option<PathBuf> {
    folder.write("driver/driver.rs", include_str!("backends/driver.rs"));
    let compiled = Command::new("rustc")
        .current_dir(folder.path("driver"))
        .args([
            "--edition=2024",
            "--crate-type=cdylib",
            "-o",
            "libcuda.so.1",
            "driver.rs",
        ])
        .output();
    match compiled {
        Ok(output) if output.status.success() => Some(folder.path("driver")),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            skipped(&format!("rustc, which compiles a driver for it: {error}"));
            None
        }
    }
}

/// A folder in which the system finds a driver that cannot be loaded.
fn no_driver(folder: &Folder) -> PathBuf {
    folder.write("no-driver/libcuda.so.1", "no library");
    folder.path("no-driver")
}

/// Runs with the driver of this folder.
fn run(folder: &Folder, driver: &PathBuf, variables: &[(&str, &str)], args: &str) -> Outcome {
    let mut command = folder.command(args.split_whitespace());
    command.env("LD_LIBRARY_PATH", driver).envs(variables.iter().copied());
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Three pairs.
fn folders() -> Folder {
    let folder = Folder::new();
    for name in ["1.png", "2.png", "3.png"] {
        folder.save(format!("a/{name}"), texture(30, 20, 1));
        folder.save(format!("b/{name}"), texture(30, 20, 2));
    }
    folder
}

/// What does not depend on the time that it took.
fn results(out: &str) -> Vec<[Value; 3]> {
    json_lines(out)
        .iter()
        .map(|line| ["distorted", "ssim", "backend"].map(|field| line[field].clone()))
        .collect()
}

#[test]
fn without_a_driver_the_processor_does_the_work_unless_a_gpu_is_asked_for() {
    let folder = folders();
    let none = no_driver(&folder);
    let run = |args: &str| run(&folder, &none, &[], args);
    let Outcome { code, out, err } = run("--list-devices");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].starts_with("cpu     ") && lines[0].contains(" thread"),
        "{out}"
    );
    assert!(lines[1].starts_with("cuda    none: no CUDA driver: "), "{out}");
    assert!(lines[1].contains("libcuda.so.1") && lines.len() == 2, "{out}");

    for args in ["a/1.png b/1.png", "a b --output r.json", "video a.y4m b.y4m"] {
        for device in ["", "--device 0", "--device 7"] {
            let (command, rest) = match args.strip_prefix("video ") {
                Some(rest) => ("video ", rest),
                None => ("", args),
            };
            let outcome = run(&format!("{command}--backend cuda {device} {rest}"));
            assert_failure(&outcome, &["fastssim: --backend cuda: no CUDA driver: "]);
            assert!(!folder.path("r.json").exists(), "{args}");
        }
    }

    let Outcome { code, out, err } = run("a b --format jsonl --verbose --threads 1");
    assert_eq!(code, Some(0), "{err}");
    let line = err.lines().next().unwrap();
    assert!(
        line.starts_with("fastssim: backend cpu: no CUDA driver: "),
        "says which one, and why: {err}"
    );
    assert!(results(&out).iter().all(|[_, _, backend]| backend == "cpu"), "{out}");
    // Nobody is bothered with it who has not asked.
    assert_eq!(run("a b").err, "");
}

#[test]
fn a_gpu_that_fails_is_reported_and_the_processor_takes_over() {
    let folder = folders();
    let Some(driver) = driver(&folder) else { return };
    let run = |code: &str, args: &str| run(&folder, &driver, &[("TEST_GPU_CODE", code)], args);
    let expected = results(&folder.succeed("a b --backend cpu --format jsonl"));

    // A crash: no pair after it goes there.
    let Outcome { code, out, err } = run("700", "a b --format jsonl --threads 1 --verbose");
    assert_eq!((code, results(&out)), (Some(0), expected.clone()), "{err}");
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines[0], "fastssim: backend cuda:0: the first GPU that works");
    let fallback = "fastssim: CUDA device 0 cannot be used any more, as work on it has failed: SOME_NAME (700) in \
                    cuStreamCreate; the processor takes over";
    assert_eq!(lines.iter().filter(|line| **line == fallback).count(), 1, "{err}");
    assert_eq!(
        run("700", "a b --format jsonl --threads 1").err,
        format!("{fallback}\n")
    );
    assert_eq!(run("700", "a b --format jsonl --threads 1 --quiet").err, "");

    // A lack of memory: another pair may fit, and so each says it.
    let Outcome { code, out, err } = run("2", "a b --format jsonl");
    assert_eq!((code, results(&out)), (Some(0), expected), "{err}");
    assert_eq!(
        err,
        "fastssim: CUDA device 0 is out of memory; the processor takes over\n".repeat(3)
    );

    let Outcome { code, out, err } = run("700", "a/1.png b/1.png");
    assert_eq!((code, err), (Some(0), format!("{fallback}\n")));
    assert!(out.contains("\ncpu    "), "{out}");

    folder.write("a.y4m", y4m::Video::small().bytes());
    folder.write("b.y4m", y4m::Video::small().distorted().bytes());
    let Outcome { code, out, err } = run("700", "video a.y4m b.y4m --format csv");
    assert_eq!((code, err), (Some(0), format!("{fallback}\n")));
    assert_eq!(out, folder.succeed("video a.y4m b.y4m --format csv --backend cpu"));
}

#[test]
fn a_gpu_that_fails_is_an_error_where_it_was_asked_for() {
    let folder = folders();
    let Some(driver) = driver(&folder) else { return };
    let run = |args: &str| run(&folder, &driver, &[], args);
    assert_failure(
        &run("--backend cuda a/1.png b/1.png"),
        &[
            "fastssim: a/1.png and b/1.png: CUDA device 0 cannot be used any more",
            "(700)",
        ],
    );
    let Outcome { code, out, err } = run("--backend cuda a b --format jsonl --threads 1");
    assert_eq!(code, Some(2), "{err}");
    let errors: Vec<Value> = json_lines(&out).iter().map(|line| line["error"].clone()).collect();
    assert_eq!(errors.len(), 3);
    assert!(
        errors
            .iter()
            .all(|error| error.as_str().unwrap().contains("CUDA device 0")),
        "{errors:?}"
    );
    assert_failure(
        &run("--backend cuda --device 7 a/1.png b/1.png"),
        &["fastssim: --backend cuda: CUDA device 7 does not exist: there are 1, counted from 0"],
    );
}

#[test]
fn devices_are_listed_with_what_is_wrong_with_them() {
    let folder = folders();
    let Some(driver) = driver(&folder) else { return };
    let run = |major: &str, args: &str| run(&folder, &driver, &[("TEST_GPU_MAJOR", major)], args);
    let second = |out: &str| out.lines().nth(1).unwrap_or_default().to_owned();
    let line = "cuda:0  Test GPU, 8.0 GiB, compute capability ";
    assert_eq!(second(&run("9", "--list-devices").out), format!("{line}9.0"));
    let old = "CUDA device 0 (Test GPU) has compute capability 7.0: it must be at least 7.5";
    assert_eq!(second(&run("7", "--list-devices").out), format!("{line}7.0: {old}"));
    assert_failure(
        &run("7", "--backend cuda a/1.png b/1.png"),
        &[&format!("fastssim: --backend cuda: {old}")],
    );
    let Outcome { code, out, err } = run("7", "a/1.png b/1.png --verbose");
    assert_eq!((code, err), (Some(0), format!("fastssim: backend cpu: {old}\n")));
    assert!(out.contains("\ncpu    "), "{out}");
}
