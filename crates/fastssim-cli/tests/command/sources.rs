//! Where videos come from: pipes, and ffmpeg.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::y4m::{Video, folder, small};
use crate::{Folder, Outcome, assert_failure, skipped};

/// Starts the command with a pipe as standard input.
fn piped(folder: &Folder, args: &str) -> Child {
    let mut command = folder.command(args.split(' '));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn finish(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn one_of_the_videos_may_come_through_a_pipe() {
    let folder = small();
    let expected = folder.succeed("video a.y4m b.y4m --format csv");
    for (args, name) in [
        ("video - b.y4m --format csv", "a.y4m"),
        ("video a.y4m - --format csv", "b.y4m"),
    ] {
        let mut child = piped(&folder, args);
        child
            .stdin
            .take()
            .unwrap()
            .write_all(&fs::read(folder.path(name)).unwrap())
            .unwrap();
        let Outcome { code, out, err } = finish(child);
        assert_eq!((code, out.as_str(), err.as_str()), (Some(0), expected.as_str(), ""));
    }
    let mut child = piped(&folder, "video a.y4m -");
    child.stdin.take().unwrap().write_all(b"RIFF....AVI LIST").unwrap();
    assert_failure(&finish(child), &["standard input: not a y4m stream", "-f yuv4mpegpipe"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_video_has_the_frames_so_far() {
    use std::os::unix::process::ExitStatusExt;

    if crate::is_ignored(2) {
        return;
    }
    let folder = small();
    let mut child = piped(&folder, "video a.y4m - --format jsonl --output out.jsonl --summary");
    let mut input = child.stdin.take().unwrap();
    // Two frames, and then nothing for a long time.
    input.write_all(&Video::small().distorted().frames(2).bytes()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let kill = format!("kill -INT {}", child.id());
    assert!(
        std::process::Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.signal(), Some(2), "{err}");
    assert!(err.contains("interrupted after 2 frames"), "{err}");
    assert_eq!(folder.read("out.jsonl").lines().count(), 2);
    drop(input);
}

/// A program that stands for ffmpeg, and the folder in which it is.
#[cfg(unix)]
fn fake_ffmpeg(folder: &Folder, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;

    folder.write("bin/ffmpeg", format!("#!/bin/sh\n{script}\n"));
    let path = folder.path("bin/ffmpeg");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    folder.path("bin")
}

/// Runs with only this folder, and those of the shell's own tools, on PATH.
#[cfg(unix)]
fn with_path(folder: &Folder, args: &str, path: &str) -> Outcome {
    let mut command = folder.command(args.split(' '));
    command.env("PATH", path).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap())
}

#[cfg(unix)]
#[test]
fn what_is_not_y4m_is_decoded_by_ffmpeg() {
    let folder = small();
    folder.write("a b.mp4", "no y4m");
    folder.write("-c.mkv", "no y4m");
    let expected = folder.succeed("video a.y4m b.y4m --format csv");
    // It says what it was asked for, and gives the video that stands for the file.
    let script = "echo \"$@\" >> asked\n\
                  for input; do case $input in file:*a\\ b.mp4) exec cat a.y4m;; file:-c.mkv) exec cat b.y4m;; esac; done\n\
                  exit 9";
    let path = format!("{}:/usr/bin:/bin", fake_ffmpeg(&folder, script).display());
    let mut command = folder.command(["video", "a b.mp4", "b.y4m", "--format", "csv"]);
    command.env("PATH", &path).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Outcome { code, out, err } = finish(command.spawn().unwrap());
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), expected.as_str(), ""));
    let asked = folder.read("asked");
    for part in [
        "-nostdin",
        "-i file:a b.mp4",
        "-f yuv4mpegpipe",
        "-strict -1",
        "yuv420p10le",
        "passthrough",
    ] {
        assert!(asked.contains(part), "{part} is missing in {asked}");
    }
    // A name that looks like an option is none of ffmpeg's, and both may need it.
    let mut command = folder.command(["video", "a b.mp4", "--format", "csv", "--", "-c.mkv"]);
    command.env("PATH", &path).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = finish(command.spawn().unwrap());
    assert_eq!(
        (outcome.code, outcome.out.as_str()),
        (Some(0), expected.as_str()),
        "{}",
        outcome.err
    );
    // One that is not needed to the end.
    let outcome = with_path(&folder, "video a.y4m -- -c.mkv --frames 1", &path);
    assert_eq!(outcome.code, Some(2), "an option after -- is a file");
    let outcome = with_path(&folder, "video a.y4m --frames 1 -- -c.mkv", &path);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
}

#[cfg(unix)]
#[test]
fn ffmpeg_may_be_missing_or_fail() {
    let folder = small();
    folder.write("c.mp4", "no y4m");
    let outcome = with_path(&folder, "video a.y4m c.mp4", "/nowhere");
    assert_failure(&outcome, &["c.mp4: not a y4m file, and ffmpeg", "is not installed"]);
    let cases = [
        (
            "echo '[mov,mp4 @ 0x5581] moov atom not found' >&2; echo more >&2; exit 1",
            "c.mp4: ffmpeg failed: moov atom not found",
        ),
        ("exit 3", "c.mp4: ffmpeg failed: exit status: 3"),
        ("true", "c.mp4: the file is empty"),
        ("echo text", "c.mp4: not a y4m file"),
    ];
    for (script, reason) in cases {
        let path = format!("{}:/usr/bin:/bin", fake_ffmpeg(&folder, script).display());
        assert_failure(&with_path(&folder, "video a.y4m c.mp4", &path), &[reason]);
    }
    // What it writes is no video, and it does not end.
    for (script, reason) in [
        ("echo text; exec sleep 300", "c.mp4: not a y4m file"),
        (
            "echo YUV4MPEG2 W46 H35; echo JUNK; exec sleep 300",
            "c.mp4: frame 0: it does not begin with FRAME",
        ),
    ] {
        let path = format!("{}:/usr/bin:/bin", fake_ffmpeg(&folder, script).display());
        assert_failure(&with_path(&folder, "video a.y4m c.mp4", &path), &[reason]);
    }
    // It fails in the middle, or says that it has mended frames.
    for (script, code, reason) in [
        (
            "head -c 4000 b.y4m; echo 'out of disk' >&2; exit 1",
            2,
            "c.mp4: ffmpeg failed: out of disk",
        ),
        (
            "cat b.y4m; echo 'concealing errors' >&2",
            2,
            "c.mp4: ffmpeg found the video damaged: concealing errors",
        ),
    ] {
        let path = format!("{}:/usr/bin:/bin", fake_ffmpeg(&folder, script).display());
        let outcome = with_path(&folder, "video a.y4m c.mp4", &path);
        assert_eq!(outcome.code, Some(code));
        assert!(outcome.err.contains(reason), "{}", outcome.err);
        assert!(outcome.out.lines().count() > 1, "{}", outcome.out);
    }
}

/// With the real one, where it is installed.
#[test]
fn ffmpeg_decodes_what_it_has_encoded() {
    let ffmpeg = || {
        let mut command = std::process::Command::new("ffmpeg");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    if ffmpeg().arg("-version").status().is_err() {
        return skipped("ffmpeg is not installed");
    }
    for (video, format) in [
        (Video::small(), "yuv420p"),
        (Video::new("422p10", 10, &[[46, 34], [23, 34], [23, 34]]), "yuv422p10le"),
        (Video::new("mono", 8, &[[46, 34]]), "gray"),
    ] {
        let folder = folder(&video, &video.distorted());
        // Without loss, so that the frames are known.
        let mut encode = ffmpeg();
        encode
            .current_dir(folder.path(""))
            .args(["-i", "b.y4m", "-c:v", "ffv1", "-pix_fmt", format, "b.mkv"]);
        assert!(encode.status().unwrap().success());
        let expected = folder.succeed("video a.y4m b.y4m --format csv");
        assert_eq!(folder.succeed("video a.y4m b.mkv --format csv"), expected, "{format}");
    }
}
