//! `cargo xtask bundle`: gathers what a machine with a GPU and without Rust needs to run the tests that
//! want a GPU, the command and the benchmarks.
//!
//! The folder is laid out like a checkout, so that paths relative to its root hold in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::workspace::{self, Target, Workspace};

/// The package of the tests, and how the names of those that need a GPU begin.
const TESTS: (&str, &str) = ("fastssim-tests", "gpu");

/// Tests of the library's promises by its default backend: on a machine with a GPU, of that one.
const DEFAULT_BACKEND_TESTS: [&str; 5] = ["accuracy", "errors", "functions", "goldens", "inputs"];

/// Packages and binaries of theirs.
const BINARIES: [(&str, &str); 3] = [
    ("fastssim-cli", "fastssim"),
    ("fastssim-benches", "measure"),
    ("fastssim-benches", "measure-gpu"),
];

/// Where the binaries lie, which is where the benchmarks look for ours.
const RELEASE: &str = "target/release";

/// What is copied as it is: folders, with the extension of the files to take from there, or all files.
const FILES: [(&str, Option<&str>); 3] = [("benches/peers", None), ("tests/data", None), ("tests/goldens", None)];

/// The script, but for the list of the tests.
const SCRIPT: &str = include_str!("run.sh");

/// A message of cargo's, as far as it is needed.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

/// Builds everything and writes the folder.
pub fn write(workspace: &Workspace, out: Option<PathBuf>) -> Result<()> {
    let out = out.unwrap_or_else(|| workspace.target.join("bundle"));
    let release = out.join(RELEASE);
    fs::create_dir_all(&release).with_context(|| release.display().to_string())?;
    let (package, prefix) = TESTS;
    let mut tests = workspace.tests(package);
    tests.retain(|name| name.starts_with(prefix) || DEFAULT_BACKEND_TESTS.contains(name));
    if tests.is_empty() {
        println!("missing: package {package} has no test target {prefix}*");
    }
    // Each package by itself: built together, each would get the features that the others ask for.
    let mut built = build(workspace, package, "--test", &tests)?;
    for (package, binary) in BINARIES {
        built.extend(build(workspace, package, "--bin", &[binary])?);
    }
    for (name, executable) in &built {
        copy(executable, &release.join(name))?;
    }
    for (folder, extension) in FILES {
        copy_folder(&workspace.root.join(folder), &out.join(folder), extension)?;
    }
    let script = out.join("run.sh");
    fs::write(&script, SCRIPT.replace("@TESTS@", &tests.join(" "))).with_context(|| script.display().to_string())?;
    make_executable(&script)?;
    println!(
        "{}: {}",
        out.display(),
        built.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

/// Builds targets of a package as cargo would for a release; returns where the executables lie.
fn build(workspace: &Workspace, package: &str, kind: &str, names: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut command = workspace.cargo();
    command.args([
        "build",
        "--release",
        "--message-format=json-render-diagnostics",
        "--package",
        package,
    ]);
    command.args(names.iter().flat_map(|name| [kind, name]));
    let built = executables(&workspace::output(command.stdin(Stdio::null()))?)?;
    for name in names {
        ensure!(
            built.contains_key(*name),
            "cargo has built no executable {name} of {package}"
        );
    }
    // A test's package may have binaries of its own, which cargo builds for it.
    Ok(built.into_iter().filter(|(name, _)| names.contains(&&**name)).collect())
}

/// The executables that cargo reports, by the names of their targets.
fn executables(messages: &str) -> Result<BTreeMap<String, PathBuf>> {
    let mut executables = BTreeMap::new();
    for line in messages.lines() {
        let message: Message = serde_json::from_str(line).with_context(|| format!("cargo's message `{line}`"))?;
        if let (Some(target), Some(executable)) = (message.target, message.executable) {
            executables.insert(target.name, executable);
        }
    }
    Ok(executables)
}

/// Copies the files of a folder, all or those with an extension, without its subfolders.
fn copy_folder(from: &Path, to: &Path, extension: Option<&str>) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let wanted = extension.is_none_or(|extension| path.extension().is_some_and(|found| found == extension));
        if let Some(name) = path.file_name().filter(|_| wanted && path.is_file()) {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    Ok(())
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).with_context(|| path.display().to_string())
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::executables;

    #[test]
    fn executables_of_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"fastssim"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["test"],"name":"gpu_scores"},"executable":"/t/gpu_scores-1a"}
{"reason":"build-finished","success":true}"#;
        let found = executables(messages).expect("messages");
        assert_eq!(found.len(), 1);
        assert_eq!(found["gpu_scores"].to_str(), Some("/t/gpu_scores-1a"));
        assert!(executables("not JSON").is_err());
    }
}
