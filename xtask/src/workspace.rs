//! The workspace as cargo sees it: where it lies, where it builds, which test targets it has.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// What `cargo metadata` prints, as far as it is needed.
#[derive(Deserialize)]
pub struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    #[serde(rename = "workspace_root")]
    pub root: PathBuf,
    /// Where cargo builds.
    #[serde(rename = "target_directory")]
    pub target: PathBuf,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

/// A target of a package: a library, a binary, a test.
#[derive(Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// What it is: `bin`, `test`, ...
    pub kind: Vec<String>,
}

impl Workspace {
    /// The workspace that `cargo run` runs this program for, or else the one that it was built in.
    pub fn find() -> Result<Self> {
        let folder = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let manifest = Path::new(&folder).join("Cargo.toml");
        let mut command = Command::new(cargo());
        command
            .args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"])
            .arg(manifest);
        serde_json::from_str(&output(&mut command)?).context("the output of cargo metadata")
    }

    /// The names of a package's test targets; none if there is no such package.
    pub fn tests(&self, package: &str) -> Vec<&str> {
        let packages = self.packages.iter().filter(|found| found.name == package);
        let targets = packages.flat_map(|found| &found.targets);
        targets
            .filter(|target| target.is("test"))
            .map(|target| &*target.name)
            .collect()
    }

    /// The path from the workspace's root, if it is inside, for messages.
    pub fn relative<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }

    /// A cargo command that runs in the workspace's root.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(cargo());
        command.current_dir(&self.root);
        command
    }
}

impl Target {
    /// Whether this is a target of the kind.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|found| found == kind)
    }
}

/// The cargo that runs this program.
fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// What a command prints. What it says on standard error is shown, unless it is captured by the caller.
pub fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| name.clone())?;
    ensure!(output.status.success(), "{name} failed: {}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("the output of {name}"))
}
