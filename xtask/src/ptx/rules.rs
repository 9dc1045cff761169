//! What no kernel may do, as far as its PTX shows it: call anything, need a function from elsewhere, or have a barrier twice.
//!
//! A panic is such a call, so this is also how a bounds check that was not optimised away shows. Where a condition comes
//! twice, the compiler may copy all that lies between into both branches. A barrier that is copied is met by some threads here
//! and by others there: the kernel hangs.

use anyhow::Result;

use super::syntax::{Kind, parse, tokens};

/// Barriers of a block in the kernels whose names begin so, as their sources have them.
const BARRIERS: [(&str, usize); 17] = [
    ("score", 5),
    ("map", 6),
    ("gradient", 7),
    ("patch_score", 4),
    ("patch_map", 3),
    ("patch_gradient", 6),
    ("wide_patch_gradient", 6),
    ("wide_score", 5),
    ("wide_map", 6),
    ("wide_gradient", 7),
    ("wide_derivatives", 5),
    ("wide_adjoints", 4),
    ("wide_adjoint", 5),
    ("general_windows_f32", 8),
    ("general_derivatives_f32", 9),
    ("general_adjoint_f32", 5),
    ("general_adjoints_f32", 5),
];

/// The rules that a text breaks, one line each.
pub fn broken(text: &str) -> Result<Vec<String>> {
    let module = parse(text)?;
    module.entries()?;
    let mut broken = Vec::new();
    for item in &module.items {
        if item.kind == Kind::Function && item.text.starts_with(".extern") {
            broken.push(format!("needs {}, a function that is not in it", item.name));
        }
        let source = item.name.strip_prefix("continued_").unwrap_or(&item.name);
        let barriers = BARRIERS.iter().find(|(name, _)| source.starts_with(name));
        if item.kind == Kind::Entry
            && let Some((_, expected)) = barriers
        {
            let found = tokens(&item.text).filter(|&token| token == "bar.sync").count();
            if found != *expected {
                broken.push(format!("{} has {found} barriers, its source has {expected}", item.name));
            }
        }
        if item.kind != Kind::Variable {
            let calls = item.text.split(';').filter_map(call);
            broken.extend(calls.map(|callee| format!("{} calls {callee}", item.name)));
        }
    }
    broken.dedup();
    Ok(broken)
}

/// What a statement calls, if it is a call.
fn call(statement: &str) -> Option<&str> {
    let at = tokens(statement).find(|&token| token == "call" || token.starts_with("call."))?;
    let after = statement.split_once(at)?.1;
    // The value that it returns stands before the function, in parentheses.
    let after = after.trim_start();
    let callee = after
        .strip_prefix('(')
        .and_then(|value| value.split_once(')'))
        .map_or(after, |(_, after)| after);
    let callee = tokens(callee).next().unwrap_or_default();
    Some(if callee.starts_with('%') {
        "a function through a pointer"
    } else {
        callee
    })
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn barriers_that_were_copied() {
        let kernel = |barriers: usize| {
            let barriers = "bar.sync 0;\n".repeat(barriers);
            format!(".version 7.0\n.visible .entry score()\n{{\n{barriers}ret;\n}}\n")
        };
        assert!(broken(&kernel(5)).expect("valid text").is_empty());
        let expected = ["score has 6 barriers, its source has 5"];
        assert_eq!(broken(&kernel(6)).expect("valid text"), expected);
    }

    #[test]
    fn calls_and_missing_functions() {
        let text = ".version 7.0\n.extern .func (.param .b32 v) outside\n(\n\t.param .b64 p\n)\n;\n.func inside()\n{ ret; }
.visible .entry k()\n{\n\t{\n\tcall.uni (v), \n\toutside, \n\t(p);\n\t}\n\tcall inside;\n\tcall.uni %rd1, (p), prototype_0;\n}\n";
        let expected = [
            "needs outside, a function that is not in it",
            "k calls outside",
            "k calls inside",
            "k calls a function through a pointer",
        ];
        assert_eq!(broken(text).expect("valid text"), expected);
    }

    #[test]
    fn nothing_broken() {
        let text = ".version 7.0\n.extern .shared .b8 tile[];\n.entry k(.param .b64 callee)\n{ ret; }\n";
        assert!(broken(text).expect("valid text").is_empty());
    }
}
