//! Standard output and standard error: what goes where, and what happens when they fail.

use std::io;
use std::process::{Command, Stdio};

use crate::{Folder, Outcome, assert_failure, texture};

fn pair() -> Folder {
    Folder::with_pair(texture(20, 20, 1), texture(20, 20, 2))
}

/// A pipe that nobody reads any more.
fn closed_pipe() -> Stdio {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Runs it with this standard output, and returns the exit code and standard error.
fn run_onto(mut command: Command, out: Stdio) -> Outcome {
    let output = command.stdout(out).stderr(Stdio::piped()).output().unwrap();
    Outcome {
        code: output.status.code(),
        out: String::new(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let folder = pair();
    for args in [
        &["a.png", "b.png"][..],
        &["a.png", "b.png", "--format", "json"],
        &["--help"],
        &["--version"],
    ] {
        let Outcome { code, err, .. } = run_onto(folder.command(args), closed_pipe());
        assert_eq!((code, err.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn files_are_written_though_the_pipe_is_closed() {
    let folder = pair();
    let command = folder.command(["a.png", "b.png", "--map", "map.png"]);
    assert_eq!(run_onto(command, closed_pipe()).code, Some(0));
    assert!(image::open(folder.path("map.png")).is_ok());
}

#[test]
fn an_error_is_an_error_though_nobody_reads_about_it() {
    let folder = pair();
    let status = folder.command(["a.png", "missing.png"]).stderr(closed_pipe()).status();
    assert_eq!(status.unwrap().code(), Some(2));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_error() {
    let folder = pair();
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    for args in [
        &["a.png", "b.png"][..],
        &["a.png", "b.png", "--format", "json"],
        &["--help"],
        &["--version"],
    ] {
        let outcome = run_onto(folder.command(args), full());
        assert_failure(&outcome, &["standard output: ", "No space left"]);
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let folder = Folder::new();
    assert_eq!(
        folder.succeed("--version"),
        format!("fastssim {}\n", env!("CARGO_PKG_VERSION"))
    );
    for option in ["--help", "-h"] {
        let help = folder.succeed(option);
        for word in
            "REFERENCE DISTORTED --format --map --gradient --padding --window --sigma --data-range --gray --alpha"
                .split_whitespace()
        {
            assert!(help.contains(word), "{word} is missing in {help}");
        }
    }
    let help = folder.succeed("--help");
    for fact in [
        "0.299 R + 0.587 G + 0.114 B",
        "with respect to DISTORTED",
        "inferno",
        "1 - SSIM",
    ] {
        assert!(help.contains(fact), "{fact} is missing in {help}");
    }
}
