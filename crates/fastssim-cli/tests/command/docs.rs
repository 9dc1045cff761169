//! What the documentation tells people to type: no option of it is one that the command does not have.

use std::fs;
use std::path::Path;

use crate::{Folder, skipped};

/// The lines of code of a page that call the command, with the lines that go on after a backslash.
fn calls(page: &str) -> Vec<String> {
    let blocks = page.split("```").skip(1).step_by(2);
    let lines = blocks.map(|block| block.replace("\\\n", " "));
    let lines: Vec<String> = lines
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let call = |line: &String| line.find("fastssim ").map(|at| line[at..].to_owned());
    let commands = lines.iter().filter_map(call);
    commands.filter(|line| !line.starts_with("fastssim = ")).collect()
}

/// The options of a line, up to the end of the command.
fn options(call: &str) -> Vec<&str> {
    let command = call.split(['|', '>', '#']).next().unwrap_or_default();
    let words = command.split_whitespace().map(|word| word.trim_end_matches(')'));
    words
        .filter(|word| word.starts_with("--"))
        .map(|word| word.split('=').next().unwrap_or(word))
        .collect()
}

#[test]
fn every_option_of_the_documentation_exists() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    if !root.join("docs").exists() {
        return skipped("the documentation is not part of this package");
    }
    let folder = Folder::new();
    let help = |command: &str| folder.succeed(&format!("{command} --help"));
    let (compare, video) = (help(""), help("video"));
    let mut seen = 0;
    for name in [
        "README.md",
        "docs/command.md",
        "docs/video.md",
        "docs/report.md",
        "docs/presets.md",
        "docs/output.md",
        "docs/guide.md",
    ] {
        for call in calls(&fs::read_to_string(root.join(name)).unwrap()) {
            let help = if call.starts_with("fastssim video") {
                &video
            } else {
                &compare
            };
            for option in options(&call) {
                let found = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
                assert!(
                    found.into_iter().any(|word| word == option),
                    "{name}: {option} in {call}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "{seen} options were found");
}
