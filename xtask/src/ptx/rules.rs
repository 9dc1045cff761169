//! What no kernel may do, as far as its PTX shows it: call anything, or need a function from elsewhere.
//!
//! A panic is such a call, so this is also how a bounds check that was not optimised away shows.

use anyhow::Result;

use super::syntax::{Kind, parse, tokens};

/// The rules that a text breaks, one line each.
pub fn broken(text: &str) -> Result<Vec<String>> {
    let module = parse(text)?;
    module.entries()?;
    let mut broken = Vec::new();
    for item in &module.items {
        if item.kind == Kind::Function && item.text.starts_with(".extern") {
            broken.push(format!("needs {}, a function that is not in it", item.name));
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
