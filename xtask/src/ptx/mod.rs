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
use fastssim_kernels::form::Form;

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
    /// The one of them that the forms for other types than `f32` are assembled for.
    pub forms: u32,
}

/// What the names of these kernels have in them.
const WIDE: &str = "wide_";

/// All of them. The loader takes the last one that the device can run.
const FLAVOURS: [Flavour; 2] = [
    Flavour {
        name: "sm_75",
        architectures: &[75],
        wide: &[],
        forms: 75,
    },
    Flavour {
        name: "sm_80",
        architectures: &[80, 86, 89, 90, 100, 120],
        wide: &[80, 90, 100],
        forms: 90,
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

/// Kernels of a file to be assembled for a real architecture, the fast ones for pixels of a form.
struct Assembly {
    file: PathBuf,
    kernels: BTreeSet<String>,
    architecture: u32,
    form: Form,
}

/// How many are assembled side by side, as each takes its time.
const AT_ONCE: usize = 4;

/// Assembles the committed files for each real architecture and prints what their kernels take.
fn assemble(workspace: &Workspace, ptxas: &ptxas::Ptxas) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    println!("assembled by {ptxas}\n{}", ptxas::Usage::HEADER);
    for flavour in &FLAVOURS {
        let Ok(text) = fs::read_to_string(committed(workspace, flavour)) else {
            continue;
        };
        let folder = tempfile::tempdir()?;
        for some in assemblies(flavour, &syntax::parse(&text)?, folder.path())?.chunks(AT_ONCE) {
            let found: Vec<_> = thread::scope(|scope| {
                let run = |of: &Assembly| ptxas.assemble(&of.file, of.architecture, &of.kernels);
                let running: Vec<_> = some.iter().map(|of| scope.spawn(move || run(of))).collect();
                running.into_iter().map(thread::ScopedJoinHandle::join).collect()
            });
            for (of, found) in some.iter().zip(found) {
                let form = of.form.name();
                match found.unwrap_or_else(|_| bail!("a thread that assembles has panicked")) {
                    Ok(usages) => {
                        println!("for {form}:");
                        usages.iter().for_each(|usage| println!("{usage}"));
                        let faults = usages.iter().flat_map(ptxas::Usage::faults);
                        broken.extend(faults.map(|fault| format!("for {form}: {fault}")));
                    }
                    Err(error) => {
                        broken.push(format!(
                            "{} for sm_{}, {form}: {error:#}",
                            flavour.name, of.architecture
                        ));
                    }
                }
            }
        }
    }
    Ok(broken)
}

/// All kernels for all architectures with `f32`, and the fast ones for one of them with each other form of pixels.
fn assemblies(flavour: &Flavour, module: &syntax::Module, folder: &Path) -> Result<Vec<Assembly>> {
    let of = |architecture: u32, form: Form| {
        let has_wide = flavour.wide.contains(&architecture);
        let belongs =
            |name: &str| (has_wide || !name.contains(WIDE)) && (form == Form::F32 || !name.starts_with("general_"));
        let file = folder.join(format!("{architecture}-{}.ptx", form.name()));
        fs::write(&file, form.of(&module.part(belongs))).with_context(|| file.display().to_string())?;
        Ok(Assembly {
            file,
            kernels: module.entries()?.into_keys().filter(|name| belongs(name)).collect(),
            architecture,
            form,
        })
    };
    let single = flavour
        .architectures
        .iter()
        .map(|&architecture| of(architecture, Form::F32));
    let others = Form::ALL.into_iter().filter(|form| *form != Form::F32);
    single.chain(others.map(|form| of(flavour.forms, form))).collect()
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
