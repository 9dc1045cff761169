//! `ptxas`, NVIDIA's assembler: finds it, and reads from its report what each kernel takes of a real GPU.

use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Names the program to use, and no other is tried.
const VARIABLE: &str = "PTXAS";

/// Prints where the PyPI package nvidia-cuda-nvcc has it; `nvidia` is a namespace of several packages.
const PYTHON: &str = "\
import pathlib
try:
    import nvidia
    for path in nvidia.__path__:
        for found in sorted(pathlib.Path(path).glob('*/bin/ptxas')):
            print(found)
except ImportError:
    pass
";

/// The program.
pub struct Ptxas {
    path: PathBuf,
    /// `V13.5.37` for instance.
    version: String,
}

/// Bytes that kernels may spill, by how their names, without what says that pixels stand beyond the edges, and their architectures begin.
/// With registers for them, 168 rather than 128, a multiprocessor has 12 of their warps in place of 16: on an H200 a gradient by the general
/// ones then took an eighth more time; patches, with three blocks rather than two, take an eighth less in a batch. Those of large windows keep
/// unfinished sums, more of them the larger the window is.
const SPILLED: [(&str, u32); 11] = [
    ("gradient sm_75", 16),
    ("patch_gradient", 64),
    ("wide_map_33", 48),
    // Sixteen warps nevertheless: a batch of eight images takes 5 % less time so.
    ("wide_gradient_15", 96),
    ("wide_gradient_", 48),
    ("wide_gradients_", 192),
    ("wide_derivatives_", 64),
    ("wide_adjoint_", 112),
    ("general_derivatives_f32", 32),
    ("general_adjoint_f32", 96),
    ("general_adjoints_f32", 96),
];

/// What a kernel takes on a real architecture.
#[derive(Debug, PartialEq)]
pub struct Usage {
    /// The name of its entry point.
    pub kernel: String,
    /// `sm_90` for instance.
    pub architecture: String,
    /// 32-bit registers a thread.
    pub registers: u32,
    /// Static shared memory of a block, in bytes; what a launch adds is not known here.
    pub shared: u32,
    /// Local memory of a thread, in bytes.
    pub stack: u32,
    /// Bytes that registers are stored to local memory with.
    pub spill_stores: u32,
    /// Bytes that registers are loaded from local memory with.
    pub spill_loads: u32,
}

/// The program, if it is here; an error if the variable names something else.
pub fn find() -> Result<Option<Ptxas>> {
    if let Some(path) = env::var_os(VARIABLE) {
        return Ptxas::new(path.into())
            .map(Some)
            .with_context(|| format!("the program that {VARIABLE} names"));
    }
    in_path().or_else(in_python).map(Ptxas::new).transpose()
}

fn in_path() -> Option<PathBuf> {
    let name = format!("ptxas{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(&name))
        .find(|path| path.is_file())
}

fn in_python() -> Option<PathBuf> {
    let output = Command::new("python3").args(["-c", PYTHON]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.lines().next().map(PathBuf::from)
}

impl Ptxas {
    fn new(path: PathBuf) -> Result<Self> {
        let output = Command::new(&path)
            .arg("--version")
            .output()
            .with_context(|| path.display().to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text
            .split_whitespace()
            .find(|word| word.starts_with('V') && word.contains('.'));
        let version = version.with_context(|| format!("{}: its --version names no version", path.display()))?;
        Ok(Self {
            version: version.to_owned(),
            path,
        })
    }

    /// Assembles a file for `sm_` of a number, and returns what its kernels take, which must be these.
    pub fn assemble(&self, file: &Path, architecture: u32, kernels: &BTreeSet<String>) -> Result<Vec<Usage>> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(&self.path);
        command.arg("-v").arg(format!("-arch=sm_{architecture}"));
        let output = command
            .arg(file)
            .arg("-o")
            .arg(folder.path().join("out.cubin"))
            .output()?;
        let report = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "ptxas refuses it: {}", report.trim());
        let usages = parse(&report)?;
        let found: BTreeSet<String> = usages.iter().map(|usage| usage.kernel.clone()).collect();
        ensure!(
            found == *kernels,
            "ptxas reports the kernels {found:?}, but the file has {kernels:?}"
        );
        Ok(usages)
    }
}

impl fmt::Display for Ptxas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ptxas {} ({})", self.version, self.path.display())
    }
}

/// Reads what `ptxas -v` reports.
fn parse(report: &str) -> Result<Vec<Usage>> {
    let mut usages: Vec<Usage> = Vec::new();
    let mut complete = true;
    for line in report.lines() {
        if let Some((_, names)) = line.split_once("Compiling entry function ") {
            ensure!(complete, "`{line}`: nothing was reported on the kernel before");
            let mut names = names.split('\'').skip(1).step_by(2).map(str::to_owned);
            let (kernel, architecture) = names.next().zip(names.next()).with_context(|| format!("`{line}`"))?;
            let (registers, shared, stack, spill_stores, spill_loads) = (0, 0, 0, 0, 0);
            usages.push(Usage {
                kernel,
                architecture,
                registers,
                shared,
                stack,
                spill_stores,
                spill_loads,
            });
            complete = false;
        } else if let Some(usage) = usages.last_mut() {
            // A function that the kernel calls has such a line of its own: the largest counts.
            if line.contains("bytes stack frame") {
                usage.stack = usage.stack.max(number(line, "bytes stack frame")?);
                usage.spill_stores = usage.spill_stores.max(number(line, "bytes spill stores")?);
                usage.spill_loads = usage.spill_loads.max(number(line, "bytes spill loads")?);
            } else if line.contains("Used ") && line.contains(" registers") {
                usage.registers = number(line, "registers")?;
                // Says nothing of shared memory where there is none.
                usage.shared = if line.contains("bytes smem") {
                    number(line, "bytes smem")?
                } else {
                    0
                };
                complete = true;
            }
        }
    }
    ensure!(complete, "the report ends before the last kernel's registers");
    Ok(usages)
}

/// The number before a unit in a line such as `Used 9 registers, 1024 bytes smem`.
fn number(line: &str, unit: &str) -> Result<u32> {
    let before = line.split(unit).next().unwrap_or_default();
    let word = before.split_whitespace().next_back().unwrap_or_default();
    word.parse()
        .with_context(|| format!("`{}`: `{word}` before `{unit}` is not a number", line.trim()))
}

impl Usage {
    /// Names of what a usage is displayed as.
    pub const HEADER: &str =
        "kernel                   GPU     registers  shared   stack  spill stores  spill loads  (bytes)";

    /// What is forbidden in it: local memory, but for what may be spilled.
    pub fn faults(&self) -> Vec<String> {
        let zeros = self.kernel.strip_prefix("continued_").unwrap_or(&self.kernel);
        let name = format!("{zeros} {}", self.architecture);
        let spilled = SPILLED.iter().find(|(begin, _)| name.starts_with(begin));
        let allowed = spilled.map_or(0, |(_, bytes)| *bytes);
        let forbidden = [
            (self.stack, "bytes of local memory"),
            (self.spill_stores, "bytes of spill stores"),
            (self.spill_loads, "bytes of spill loads"),
        ];
        let found = forbidden.iter().filter(|(bytes, _)| *bytes > allowed);
        found
            .map(|(bytes, what)| format!("{} on {}: {bytes} {what}", self.kernel, self.architecture))
            .collect()
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kernel,
            architecture,
            registers,
            shared,
            stack,
            spill_stores,
            spill_loads,
        } = self;
        write!(
            f,
            "{kernel:<24} {architecture:<7} {registers:>9} {shared:>7} {stack:>7} {spill_stores:>13}"
        )?;
        write!(f, " {spill_loads:>12}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Usage, parse};

    const REPORT: &str = "\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'map_u8' for 'sm_80'
ptxas info    : Function properties for map_u8
    64 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 9 registers, used 1 barriers, 64 bytes cumulative stack size, 1024 bytes smem, 360 bytes cmem[0]
ptxas info    : Compile time = 8.671 ms
ptxas info    : Compiling entry function 'score_u8' for 'sm_80'
ptxas info    : Function properties for score_u8
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 168 registers, used 0 barriers
";

    #[test]
    fn report() {
        let usages = parse(REPORT).expect("a report");
        let usage = |kernel: &str, registers, shared, [stack, spill_stores, spill_loads]: [u32; 3]| {
            let (kernel, architecture) = (kernel.to_owned(), "sm_80".to_owned());
            Usage {
                kernel,
                architecture,
                registers,
                shared,
                stack,
                spill_stores,
                spill_loads,
            }
        };
        assert_eq!(
            usages,
            [usage("map_u8", 9, 1024, [64, 8, 12]), usage("score_u8", 168, 0, [0; 3])]
        );
        assert_eq!(usages[0].faults().len(), 3);
        assert!(usages[1].faults().is_empty());
        // The columns of the table are those of its header.
        assert_eq!(
            usages[0].to_string().len(),
            Usage::HEADER.trim_end_matches("  (bytes)").len()
        );
    }

    #[test]
    fn report_that_is_cut_off() {
        let cut = REPORT.rsplit_once("ptxas info").expect("lines").0;
        assert!(parse(cut).is_err());
        assert!(parse("    x bytes stack frame\n").expect("nothing").is_empty());
        assert!(parse(&REPORT.replace("64 bytes stack", "many bytes stack")).is_err());
    }
}
