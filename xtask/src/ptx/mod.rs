//! `cargo xtask ptx`: compiles the kernels and writes their PTX into the library's sources, or checks
//! that what lies there is what the sources give.

mod bounds;
mod build;
mod canonical;
mod compare;
mod rules;
mod syntax;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, bail};

use crate::compiler::Compiler;
use crate::ptxas;
use crate::workspace::Workspace;

/// A generation of GPUs that has PTX of its own, and the real architectures that this is assembled for.
pub struct Flavour {
    /// The name of the virtual architecture and of the file.
    pub name: &'static str,
    /// What the check assembles it for.
    pub architectures: &'static [u32],
    /// Those of them whose blocks have room for the kernels of large windows.
    pub wide: &'static [u32],
}

/// What the names of these kernels begin with.
const WIDE: &str = "wide_";

/// All of them. The loader takes the last one that the device can run.
const FLAVOURS: [Flavour; 2] = [
    Flavour {
        name: "sm_75",
        architectures: &[75],
        wide: &[],
    },
    Flavour {
        name: "sm_80",
        architectures: &[80, 86, 89, 90, 100, 120],
        wide: &[80, 90, 100],
    },
];

/// Compiles the kernels and writes the files; then says which rules they break, if any.
pub fn write(workspace: &Workspace) -> Result<()> {
    let compiler = Compiler::find()?;
    let mut broken = Vec::new();
    for (flavour, text) in FLAVOURS.iter().zip(build_all(workspace, &compiler)) {
        let text = text?;
        let path = committed(workspace, flavour);
        let folder = path.parent().unwrap_or(&workspace.root);
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        fs::write(&path, &text).with_context(|| path.display().to_string())?;
        println!("{}: written, by {}", workspace.relative(&path), compiler.release);
        broken.extend(labelled(flavour, rules::broken(&text)?));
    }
    conclude(&broken)
}

/// Compiles the kernels for all flavours, side by side.
fn build_all(workspace: &Workspace, compiler: &Compiler) -> Vec<Result<String>> {
    thread::scope(|scope| {
        let build = |flavour| scope.spawn(move || build::build(workspace, compiler, flavour));
        let running: Vec<_> = FLAVOURS.iter().map(build).collect();
        let joined = running.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .map(|built| built.unwrap_or_else(|_| bail!("a thread that compiles has panicked")))
            .collect()
    })
}

/// Compiles the kernels and compares with the files, then assembles the files.
pub fn check(workspace: &Workspace) -> Result<()> {
    let compiler = Compiler::find()?;
    let ptxas = ptxas::find()?;
    println!("built by {} ({})", compiler.release, compiler.rustc.display());
    let mut broken = Vec::new();
    for (flavour, built) in FLAVOURS.iter().zip(build_all(workspace, &compiler)) {
        let built = built?;
        broken.extend(labelled(flavour, rules::broken(&built)?));
        let path = committed(workspace, flavour);
        let Ok(text) = fs::read_to_string(&path) else {
            broken.push(format!(
                "{}: cannot be read; `cargo xtask ptx` writes it",
                workspace.relative(&path)
            ));
            continue;
        };
        let comparison = compare::compare(&text, &built)?;
        println!("{}: {}", flavour.name, comparison.way);
        broken.extend(labelled(flavour, comparison.differences));
        if text != built {
            broken.extend(labelled(flavour, rules::broken(&text)?).map(|fault| format!("committed {fault}")));
        }
    }
    match ptxas {
        Some(ptxas) => broken.extend(assemble(workspace, &ptxas)?),
        None => println!("ptxas is neither in PTXAS nor in PATH nor in nvidia-cuda-nvcc of python3: nothing assembled"),
    }
    conclude(&broken)
}

/// Assembles the committed files for each real architecture and prints what their kernels take.
fn assemble(workspace: &Workspace, ptxas: &ptxas::Ptxas) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    println!("assembled by {ptxas}\n{}", ptxas::Usage::HEADER);
    for flavour in &FLAVOURS {
        let Ok(text) = fs::read_to_string(committed(workspace, flavour)) else {
            continue;
        };
        let module = syntax::parse(&text)?;
        let folder = tempfile::tempdir()?;
        let all = part(&module, &folder.path().join("all.ptx"), |_| true)?;
        let most = part(&module, &folder.path().join("most.ptx"), |name| !name.starts_with(WIDE))?;
        // Side by side, as each takes its time.
        let found: Vec<_> = thread::scope(|scope| {
            let assemble = |&architecture: &u32| {
                let (path, kernels) = if flavour.wide.contains(&architecture) {
                    &all
                } else {
                    &most
                };
                scope.spawn(move || ptxas.assemble(path, architecture, kernels))
            };
            let running: Vec<_> = flavour.architectures.iter().map(assemble).collect();
            running.into_iter().map(thread::ScopedJoinHandle::join).collect()
        });
        for (&architecture, found) in flavour.architectures.iter().zip(found) {
            match found.unwrap_or_else(|_| bail!("a thread that assembles has panicked")) {
                Ok(usages) => {
                    usages.iter().for_each(|usage| println!("{usage}"));
                    broken.extend(usages.iter().flat_map(ptxas::Usage::faults));
                }
                Err(error) => broken.push(format!("{} for sm_{architecture}: {error:#}", flavour.name)),
            }
        }
    }
    Ok(broken)
}

/// Writes the kernels that `belongs` takes to a file; returns that and their names.
fn part(module: &syntax::Module, path: &Path, belongs: impl Fn(&str) -> bool) -> Result<(PathBuf, BTreeSet<String>)> {
    let kernels = module.entries()?.into_keys().filter(|name| belongs(name)).collect();
    fs::write(path, module.part(belongs)).with_context(|| path.display().to_string())?;
    Ok((path.to_owned(), kernels))
}

/// The file of a flavour among the library's sources.
fn committed(workspace: &Workspace, flavour: &Flavour) -> PathBuf {
    workspace
        .root
        .join("crates/fastssim/src/cuda/ptx")
        .join(format!("{}.ptx", flavour.name))
}

fn labelled(flavour: &Flavour, faults: Vec<String>) -> impl Iterator<Item = String> {
    faults.into_iter().map(|fault| format!("{}: {fault}", flavour.name))
}

/// Success if nothing was found, else an error of one line each.
fn conclude(broken: &[String]) -> Result<()> {
    if broken.is_empty() {
        Ok(())
    } else {
        bail!("the PTX is not as it must be:\n  {}", broken.join("\n  "))
    }
}
