//! Finds a compiler for the kernels: a `rustc` with the source of its core library beside it.
//!
//! The target of the kernels has no precompiled core library, so cargo builds it from source, and
//! that source must be of the compiler's own release.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};

/// Names the compiler to use, and no other is tried.
const VARIABLE: &str = "FASTSSIM_KERNEL_RUSTC";

/// Where Debian's packages `rustc` and `rustc-web` put it.
const DEBIAN: &str = "/usr/bin/rustc";

/// What the workspace asks for, `1.95` for instance.
const LEAST_RELEASE: &str = env!("CARGO_PKG_RUST_VERSION");

/// A compiler that can build the kernels.
pub struct Compiler {
    /// The program.
    pub rustc: PathBuf,
    /// Its release with that of its LLVM, as in the first line of each PTX file.
    pub release: String,
}

impl Compiler {
    /// The first that will do of: the one that [`VARIABLE`] names, Debian's, the pinned toolchain's.
    pub fn find() -> Result<Self> {
        if let Some(rustc) = env::var_os(VARIABLE) {
            return Self::accept(Path::new(&rustc)).with_context(|| format!("the compiler that {VARIABLE} names"));
        }
        let mut refused = String::new();
        for candidate in [Ok(PathBuf::from(DEBIAN)), pinned()] {
            match candidate.and_then(|rustc| Self::accept(&rustc)) {
                Ok(compiler) => return Ok(compiler),
                Err(error) => refused += &format!("\n  {error:#}"),
            }
        }
        bail!(
            "no compiler for the kernels found; one needs rustc {LEAST_RELEASE} or later and the source of its core \
             library:{refused}\nInstall both with `apt-get install rustc-web rust-web-src` (Debian), or add the source \
             to the pinned toolchain with `rustup component add rust-src`, or name a compiler in {VARIABLE}."
        )
    }

    /// The compiler, if it is recent enough and its core library's source is there.
    fn accept(rustc: &Path) -> Result<Self> {
        ensure!(rustc.exists(), "{}: not there", rustc.display());
        let (release, version) = parse_version(&ask(rustc, &["-vV"])?).with_context(|| rustc.display().to_string())?;
        let least = parse_release(LEAST_RELEASE).context("the release that the workspace asks for")?;
        ensure!(
            version >= least,
            "{}: release {release}, but {LEAST_RELEASE} or later is needed",
            rustc.display()
        );
        let sysroot = ask(rustc, &["--print", "sysroot"])?;
        let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core/src/lib.rs");
        ensure!(
            source.is_file(),
            "{}: the source of core, {}, is not there",
            rustc.display(),
            source.display()
        );
        Ok(Self {
            rustc: rustc.to_owned(),
            release,
        })
    }
}

/// The compiler of the toolchain that runs this program, which is the pinned one with rustup.
fn pinned() -> Result<PathBuf> {
    let sysroot = ask(Path::new("rustc"), &["--print", "sysroot"])?;
    Ok(Path::new(sysroot.trim())
        .join("bin")
        .join(format!("rustc{}", env::consts::EXE_SUFFIX)))
}

/// What a compiler answers.
fn ask(rustc: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(rustc).args(arguments).stderr(Stdio::piped()).output();
    let output = output.with_context(|| rustc.display().to_string())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} {}: {}",
        rustc.display(),
        arguments.join(" "),
        errors.trim()
    );
    String::from_utf8(output.stdout).with_context(|| rustc.display().to_string())
}

/// Reads the output of `rustc -vV`: the release for the first line of a file, and its first two numbers.
fn parse_version(text: &str) -> Result<(String, (u32, u32))> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let first = text.lines().next().unwrap_or_default();
    ensure!(first.starts_with("rustc "), "`{first}` is not the version of a rustc");
    // Distributions add remarks behind the commit, which say nothing about the compiler itself.
    let release = first.find(')').map_or(first, |end| &first[..=end]);
    let number = field("release:")
        .and_then(parse_release)
        .ok_or_else(|| anyhow!("`{first}` has no release"))?;
    let llvm = field("LLVM version:").ok_or_else(|| anyhow!("`{first}` does not name its LLVM"))?;
    Ok((format!("{release}, LLVM {llvm}"), number))
}

/// The first two numbers of a release.
fn parse_release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{parse_release, parse_version};

    #[test]
    fn version_of_debian() {
        let text = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\nbinary: rustc\n\
                    release: 1.96.0\nLLVM version: 22.1.8\n";
        let expected = ("rustc 1.96.0 (ac68faa20 2026-05-25), LLVM 22.1.8".to_owned(), (1, 96));
        assert_eq!(parse_version(text).expect("a version"), expected);
    }

    #[test]
    fn version_without_commit() {
        let text = "rustc 1.97.0-nightly\nrelease: 1.97.0-nightly\nLLVM version: 22.1\n";
        let expected = ("rustc 1.97.0-nightly, LLVM 22.1".to_owned(), (1, 97));
        assert_eq!(parse_version(text).expect("a version"), expected);
    }

    #[test]
    fn no_version() {
        for text in [
            "",
            "clang version 19.1.7",
            "rustc 1.96.0\nrelease: 1.96.0\n",
            "rustc x\nLLVM version: 1\n",
        ] {
            assert!(parse_version(text).is_err(), "{text}");
        }
    }

    #[test]
    fn releases_are_ordered_as_numbers() {
        assert!(parse_release("1.100.0") > parse_release("1.95"));
        assert_eq!(parse_release("two"), None);
    }
}
