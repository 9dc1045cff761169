//! Compares a committed PTX text with one that was just built.
//!
//! The same compiler must give the same bytes. Another one may choose other instructions, so then only
//! what the host relies on is compared: the kernels and their parameters.

use anyhow::{Context, Result};

use super::canonical::release;
use super::syntax::parse;

/// How two texts were compared and what differs.
pub struct Comparison {
    /// One line on how.
    pub way: String,
    /// One line each; empty if nothing does.
    pub differences: Vec<String>,
}

/// Compares, in the way that the releases in the first lines allow.
pub fn compare(committed: &str, built: &str) -> Result<Comparison> {
    let [theirs, ours] = [committed, built].map(|text| release(text).unwrap_or("an unknown compiler"));
    if theirs == ours {
        let way = format!("compared byte for byte; the committed file is of the same compiler, {theirs}");
        return Ok(Comparison {
            way,
            differences: bytes(committed, built).into_iter().collect(),
        });
    }
    let way = format!("compared by kernels and their parameters, as the committed file is of {theirs}, not of {ours}");
    Ok(Comparison {
        way,
        differences: entries(committed, built)?,
    })
}

/// The first line that differs, if one does.
fn bytes(committed: &str, built: &str) -> Option<String> {
    if committed == built {
        return None;
    }
    let [mut theirs, mut ours] = [committed, built].map(|text| text.split('\n'));
    for number in 1.. {
        let (theirs, ours) = (theirs.next(), ours.next());
        if theirs != ours || ours.is_none() {
            let [theirs, ours] = [theirs, ours].map(|line| line.unwrap_or("the end").trim());
            return Some(format!(
                "line {number}: committed `{theirs}`, built `{ours}`; `cargo xtask ptx` writes what is built"
            ));
        }
    }
    None
}

/// Kernels that only one of them has, and those with other parameters.
fn entries(committed: &str, built: &str) -> Result<Vec<String>> {
    let theirs = parse(committed)?.entries().context("the committed file")?;
    let ours = parse(built)?.entries().context("the built file")?;
    let mut differences = Vec::new();
    for (name, parameters) in &theirs {
        match ours.get(name) {
            None => differences.push(format!("kernel {name} is committed but not built")),
            Some(found) if found != parameters => differences.push(format!(
                "kernel {name}: parameters committed `{}`, built `{}`",
                parameters.join(", "),
                found.join(", ")
            )),
            Some(_) => {}
        }
    }
    let new = ours.keys().filter(|name| !theirs.contains_key(*name));
    differences.extend(new.map(|name| format!("kernel {name} is built but not committed")));
    Ok(differences)
}

#[cfg(test)]
mod tests {
    use super::compare;

    fn text(release: &str, size: u32, names: &[&str]) -> String {
        let kernel = |name: &&str| format!(".entry {name}(.param .align 8 .b8 p[{size}])\n{{ ret; }}\n");
        format!(
            "// rustc {release}\n.version 7.0\n{}",
            names.iter().map(kernel).collect::<String>()
        )
    }

    #[test]
    fn same_compiler() {
        let committed = text("1.96.0", 8, &["a"]);
        let comparison = compare(&committed, &committed).expect("valid");
        assert!(comparison.way.contains("byte for byte") && comparison.differences.is_empty());
        let longer = compare(&committed, &text("1.96.0", 8, &["a", "b"])).expect("valid");
        assert!(
            longer.differences[0].starts_with("line 5: committed ``, built `.entry b("),
            "{:?}",
            longer.differences
        );
    }

    #[test]
    fn another_compiler() {
        let built = text("1.96.0", 16, &["a", "c"]);
        let comparison = compare(&text("1.95.0", 8, &["a", "b"]), &built).expect("valid");
        assert!(comparison.way.contains("is of rustc 1.95.0, not of rustc 1.96.0"));
        let expected = [
            "kernel a: parameters committed `.align 8 .b8 [8]`, built `.align 8 .b8 [16]`",
            "kernel b is committed but not built",
            "kernel c is built but not committed",
        ];
        assert_eq!(comparison.differences, expected);
        let same = compare(&text("1.95.0", 16, &["a", "c"]), &built).expect("valid");
        assert!(same.differences.is_empty());
    }
}
