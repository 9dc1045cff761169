//! The grammar of PTX text: bodies, statements and operands, as text.

use std::vec::Vec;

/// A statement: what stands before a semicolon, or a label with its colon; and the line that it begins in.
#[derive(Clone, Copy)]
pub(super) struct Statement<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
}

/// The line in `text` that `part` of it begins in.
pub(super) fn line_of(text: &str, part: &str) -> usize {
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    1 + text[..start].matches('\n').count()
}

/// Bytes from a brace to the one that closes it.
pub(super) fn body_len(body: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, character) in body.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// The statements of a body, each on one line: the rest of a line counts as one, which nobody will understand. Braces that stand for
/// a scope, and declarations, say nothing that is needed.
pub(super) fn statements(body: &str, first_line: usize) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    for (number, line) in body.split('\n').enumerate() {
        let mut rest = line.split("//").next().unwrap_or_default();
        loop {
            rest = rest.trim_start_matches([' ', '\t', '{', '}']);
            if rest.trim_end().is_empty() {
                break;
            }
            let end = rest.find([';', ':']).unwrap_or(rest.len());
            // A colon ends a label, and no other statement has one.
            let text = match rest[end..].starts_with(':') {
                true => &rest[..=end],
                false => rest[..end].trim(),
            };
            if !text.starts_with('.') {
                statements.push(Statement {
                    line: first_line + number,
                    text,
                });
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
    }
    statements
}

/// The operands of an instruction: commas between braces part what is within an operand.
pub(super) fn split_operands(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = text.split(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

pub(super) fn vector(text: &str) -> Option<[&str; 2]> {
    let (low, high) = text.strip_prefix('{')?.strip_suffix('}')?.split_once(',')?;
    Some([low.trim(), high.trim()])
}
