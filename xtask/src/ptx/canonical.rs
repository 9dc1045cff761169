//! The form of PTX that is committed: the same on every machine with the same compiler.
//!
//! What the compiler writes may depend on the machine in one way: names that Rust mangles contain a hash
//! of the crate, which cargo makes of where its source lies, among other things. Functions that no kernel
//! calls, the panic handler first of all, go away; the names that remain lose their hashes; and labels,
//! whose numbers count the functions before them, are numbered anew. Some kernels are given the bounds of their launches.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::bounds;
use super::syntax::{self, Item, Kind, Module, in_token, symbols};

/// The text as it is committed. Its first line names the compiler's release.
pub fn canonical(text: &str, release: &str) -> Result<String> {
    let Module { header, mut items } = syntax::parse(text)?;
    items.iter_mut().for_each(bounds::bound);
    let used = used(&items);
    items.retain(|item| used.contains(&item.name));
    let globals = global_names(&items);
    let mut output = vec![
        format!("// {release}\n// Written by `cargo xtask ptx`."),
        header.join("\n"),
    ];
    output.extend(items.iter().map(|item| rename(&item.text, &globals)));
    Ok(output.join("\n\n") + "\n")
}

/// The release in the first line of a committed text.
pub fn release(text: &str) -> Option<&str> {
    text.lines()
        .next()?
        .strip_prefix("// ")
        .filter(|release| release.starts_with("rustc "))
}

/// The names of the kernels, and of what they need directly and indirectly.
fn used(items: &[Item]) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut waiting: Vec<&str> = items
        .iter()
        .filter(|item| item.kind == Kind::Entry)
        .map(|item| &*item.name)
        .collect();
    while let Some(name) = waiting.pop() {
        if used.insert(name.to_owned()) {
            let same = items.iter().filter(|item| item.name == name);
            let needed = same.flat_map(|item| symbols(&item.text));
            waiting.extend(needed.filter(|&symbol| items.iter().any(|item| item.name == symbol)));
        }
    }
    used
}

/// New names for the functions and variables whose names contain hashes.
fn global_names(items: &[Item]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for item in items {
        let hashed = ["anon", "alloc_", "__unnamed"]
            .iter()
            .any(|start| item.name.starts_with(start));
        if names.contains_key(&item.name) {
            continue;
        } else if hashed {
            names.insert(item.name.clone(), format!("$constant_{}", names.len()));
        } else if item.name.starts_with("_R") {
            names.insert(item.name.clone(), without_hashes(&item.name));
        }
    }
    names
}

/// A name that Rust mangles (version 0), without the hashes of its crates: `NvCs1a2b3_5crate4name` becomes
/// `NvC5crate4name`.
fn without_hashes(name: &str) -> String {
    let mut parts = name.split("Cs");
    let mut output = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let hash = part
            .split_once('_')
            .filter(|(hash, _)| hash.chars().all(|c| c.is_ascii_alphanumeric()));
        output += &hash.map_or_else(|| format!("Cs{part}"), |(_, rest)| format!("C{rest}"));
    }
    output
}

/// The text of an item with its names replaced: global ones as given, those of labels by their order.
fn rename(text: &str, globals: &BTreeMap<String, String>) -> String {
    let mut labels: BTreeMap<&str, String> = BTreeMap::new();
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find(in_token).unwrap_or(rest.len());
        let length = rest[start..]
            .find(|character| !in_token(character))
            .unwrap_or(rest.len() - start);
        let token = &rest[start..start + length];
        output.push_str(&rest[..start]);
        if let Some((global, new)) = globals.iter().find(|(global, _)| is_of(token, global)) {
            // Parameters are named after their function.
            output.push_str(new);
            output.push_str(&token[global.len()..]);
        } else if token.starts_with("$L") {
            let number = labels.len();
            output.push_str(labels.entry(token).or_insert_with(|| format!("$L{number}")));
        } else if token.starts_with("__local_depot") {
            // A kernel has one at most.
            output.push_str("__local_depot");
        } else {
            output.push_str(token);
        }
        rest = &rest[start + length..];
    }
    output
}

/// Whether a token is the name, or that of one of its parameters.
fn is_of(token: &str, name: &str) -> bool {
    token
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("_param_"))
}

#[cfg(test)]
mod tests {
    use super::{canonical, release};

    /// What a compiler writes where the hash of a crate is this, with a helper that is used or not.
    fn written(hash: &str, call: &str) -> String {
        format!(
            "//\n// Generated\n.version 7.0\n.target sm_80\n.address_size 64\n// .globl _RNvCs{hash}_7___rustc6unwind
.visible .func _RNvCs{hash}_7___rustc6unwind(\n\t.param .b64 _RNvCs{hash}_7___rustc6unwind_param_0\n)\n.noreturn\n{{\n$L__BB0_1:
\tbra.uni \t$L__BB0_1;\n}}\n.visible .entry k(\n\t.param .b64 k_param_0\n)\n{{\n$L__BB1_2:\n\t{call}
\tbra \t$L__BB1_2;\n$L__BB1_1:\n\tret;\n}}\n"
        )
    }

    #[test]
    fn hashes_and_unused_functions_vanish() {
        let text = canonical(&written("abc", ""), "rustc 1.96.0 (abc), LLVM 22").expect("valid text");
        assert_eq!(
            text,
            canonical(&written("xyz", ""), "rustc 1.96.0 (abc), LLVM 22").expect("valid text")
        );
        let expected = "// rustc 1.96.0 (abc), LLVM 22\n// Written by `cargo xtask ptx`.\n\n.version 7.0\n.target sm_80
.address_size 64\n\n.visible .entry k(\n\t.param .b64 k_param_0\n)\n{\n$L0:\n\tbra \t$L0;\n$L1:\n\tret;\n}\n";
        assert_eq!(text, expected);
        assert_eq!(release(&text), Some("rustc 1.96.0 (abc), LLVM 22"));
    }

    #[test]
    fn used_functions_keep_no_hash() {
        let text = |hash: &str| {
            let call = format!("call.uni _RNvCs{hash}_7___rustc6unwind, (%rd1);");
            canonical(&written(hash, &call), "rustc").expect("valid text")
        };
        assert_eq!(text("abc"), text("xyz"));
        assert!(text("abc").contains("call.uni _RNvC7___rustc6unwind, (%rd1);"));
        assert!(text("abc").contains(".param .b64 _RNvC7___rustc6unwind_param_0"));
    }

    #[test]
    fn canonical_text_is_its_own_canonical_form() {
        let text = canonical(&written("abc", ""), "rustc 1").expect("valid text");
        assert_eq!(canonical(&text, "rustc 1").expect("valid text"), text);
    }

    #[test]
    fn no_release() {
        for text in ["", "//\n// Generated by LLVM NVPTX Back-End\n", ".version 7.0\n"] {
            assert_eq!(release(text), None, "{text}");
        }
    }
}
