//! Has cargo compile the kernels and core to PTX.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::{Flavour, canonical};
use crate::compiler::Compiler;
use crate::workspace::Workspace;

/// The package of the kernels.
const PACKAGE: &str = "fastssim-kernels";

/// Rust's own target for CUDA.
const TARGET: &str = "nvptx64-nvidia-cuda";

/// The profile in the workspace's `Cargo.toml`: no unwinding, one codegen unit.
const PROFILE: &str = "ptx";

/// The PTX of the kernels for a flavour, in its canonical form.
pub fn build(workspace: &Workspace, compiler: &Compiler, flavour: &Flavour) -> Result<String> {
    let assembly = compile(workspace, compiler, flavour)?;
    let text = fs::read_to_string(&assembly).with_context(|| {
        format!(
            "{}: cargo did not write it; remove its folder if it was deleted",
            assembly.display()
        )
    })?;
    canonical::canonical(&text, &compiler.release).with_context(|| assembly.display().to_string())
}

/// Runs cargo and returns where the assembly lies.
fn compile(workspace: &Workspace, compiler: &Compiler, flavour: &Flavour) -> Result<PathBuf> {
    // A folder for each flavour: other flags would make cargo build core again each time.
    let target = workspace.target.join("ptx").join(flavour.name);
    let assembly = target.join(format!("{}.s", flavour.name));
    fs::create_dir_all(&target).with_context(|| target.display().to_string())?;
    let mut command = workspace.cargo();
    command.args([
        "rustc",
        "--package",
        PACKAGE,
        "--lib",
        "--profile",
        PROFILE,
        "--target",
        TARGET,
    ]);
    // The library is a plain rlib, for which no linker is needed; its assembly comes beside it.
    command.arg("-Zbuild-std=core").arg("--target-dir").arg(&target);
    command.arg("--").arg(format!("--emit=asm={}", assembly.display()));
    // A stable compiler takes -Z, and the features of the target's intrinsics, only with this.
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTC", &compiler.rustc);
    // For core and the device layer too; it goes before whatever flags the environment has.
    command.env("CARGO_ENCODED_RUSTFLAGS", flags(flavour).join("\x1f"));
    let status = command.status().context("cargo")?;
    ensure!(
        status.success(),
        "the kernels for {} do not compile: {status}",
        flavour.name
    );
    Ok(assembly)
}

fn flags(flavour: &Flavour) -> [String; 4] {
    [
        // Sources see it as `cfg(target_feature = "sm_80")`, which holds for all later ones as well.
        format!("-Ctarget-cpu={}", flavour.name),
        // Loops over arrays of registers must vanish, whatever they hold: an index that is known only
        // at run time would put the array into local memory.
        "-Cllvm-args=-unroll-threshold=100000".to_owned(),
        // No path of this machine may get into the output.
        "-Zlocation-detail=none".to_owned(),
        // The mangled names that the canonical form knows.
        "-Csymbol-mangling-version=v0".to_owned(),
    ]
}
