//! As much of PTX's syntax as the chores need: the items of a module, their names, the names they use.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

/// A PTX file without its comments and blank lines.
pub struct Module {
    /// `.version`, `.target` and `.address_size`.
    pub header: Vec<String>,
    /// In the order of the file.
    pub items: Vec<Item>,
}

/// A function or a variable of a module.
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// The name it defines or declares.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `.entry`: a kernel.
    Entry,
    /// `.func`: a function that kernels may call.
    Function,
    /// Anything with storage.
    Variable,
}

/// Reads a PTX text.
pub fn parse(text: &str) -> Result<Module> {
    let lines = text
        .lines()
        .map(|line| line.split_once("//").map_or(line, |(code, _)| code).trim_end());
    let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    let mut module = Module {
        header: Vec::new(),
        items: Vec::new(),
    };
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let word = tokens(rest).next().unwrap_or_default();
        let length = match word {
            ".version" | ".target" | ".address_size" => rest.find('\n').unwrap_or(rest.len()),
            // Debug information would bring paths with it.
            ".file" | ".loc" | ".section" => bail!("`{word}` is debug information, which the profile must leave out"),
            _ => item_length(rest)?,
        };
        let (found, next) = rest.split_at(length);
        if matches!(word, ".version" | ".target" | ".address_size") {
            module.header.push(found.to_owned());
        } else {
            module.items.push(Item::parse(found)?);
        }
        rest = next.trim_start();
    }
    Ok(module)
}

/// How far the item at the beginning of a text goes: to the end of a function's body, or to a semicolon.
fn item_length(text: &str) -> Result<usize> {
    let first = text.lines().next().unwrap_or_default();
    let head = text.find([';', '{']).with_context(|| format!("`{first}` has no end"))?;
    let body = text[head..].starts_with('{') && kind(&text[..head]) != Kind::Variable;
    if !body {
        // A variable's initial values are in braces too, and have no semicolon inside.
        return Ok(head
            + text[head..]
                .find(';')
                .with_context(|| format!("`{first}` has no semicolon"))?
            + 1);
    }
    let mut depth = 0;
    for (index, character) in text.char_indices().skip_while(|&(index, _)| index < head) {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return Ok(index + 1),
            '}' => depth -= 1,
            _ => {}
        }
    }
    bail!("the body of `{first}` has no end")
}

/// What an item with this head is.
fn kind(head: &str) -> Kind {
    match tokens(head).find(|&token| token == ".entry" || token == ".func") {
        Some(".entry") => Kind::Entry,
        Some(_) => Kind::Function,
        None => Kind::Variable,
    }
}

impl Item {
    fn parse(text: &str) -> Result<Self> {
        let head = text.split(['{', ';']).next().unwrap_or_default();
        let kind = kind(head);
        let after = match kind {
            Kind::Entry => head.split_once(".entry").map(|(_, after)| after),
            // The value that a function returns stands before its name, in parentheses.
            Kind::Function => head.split_once(".func").map(|(_, after)| {
                let after = after.trim_start();
                let value = after.strip_prefix('(').and_then(|value| value.split_once(')'));
                value.map_or(after, |(_, after)| after)
            }),
            Kind::Variable => Some(head),
        };
        let name = after
            .and_then(|after| symbols(after).next())
            .with_context(|| format!("`{head}` has no name"))?;
        Ok(Self {
            kind,
            name: name.to_owned(),
            text: text.to_owned(),
        })
    }

    /// Its parameters, without their names, and with types by size alone: compilers differ in both.
    fn parameters(&self) -> Result<Vec<String>> {
        let head = self.text.split('{').next().unwrap_or_default();
        let Some((_, list)) = head.split_once('(') else {
            return Ok(Vec::new());
        };
        let (list, _) = list
            .split_once(')')
            .with_context(|| format!("`{}`: its parameters have no end", self.name))?;
        let parameters = list.split(',').map(str::trim).filter(|parameter| !parameter.is_empty());
        Ok(parameters.map(parameter).collect())
    }
}

/// `.param .align 8 .b8 kernel_param_0[24]` becomes `.align 8 .b8 [24]`.
fn parameter(text: &str) -> String {
    // The last symbol is the name; directives are no symbols.
    let name = symbols(text).last().unwrap_or_default();
    let words = text.split_whitespace().map(|word| {
        if symbols(word).eq([name]) {
            &word[name.len()..]
        } else {
            word
        }
    });
    let words = words.filter(|word| !matches!(*word, "" | ".param")).map(|word| {
        // `.u64`, `.s64` and `.f64` are all 64 bits; `.align` and the like are no types.
        match word
            .strip_prefix('.')
            .and_then(|kind| kind.strip_prefix(['u', 's', 'f']))
        {
            Some(size) if size.parse::<u32>().is_ok() => format!(".b{size}"),
            _ => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

impl Module {
    /// The text without the kernels whose names `belongs` does not take.
    pub fn part(&self, belongs: impl Fn(&str) -> bool) -> String {
        let items = self.items.iter();
        let items = items.filter(|item| item.kind != Kind::Entry || belongs(&item.name));
        let lines = self.header.iter().chain(items.map(|item| &item.text));
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// The kernels, each with its parameters.
    pub fn entries(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let entries: BTreeMap<_, _> = self
            .items
            .iter()
            .filter(|item| item.kind == Kind::Entry)
            .map(|item| Ok((item.name.clone(), item.parameters()?)))
            .collect::<Result<_>>()?;
        ensure!(!entries.is_empty(), "there is no kernel in it");
        Ok(entries)
    }
}

/// The words of a text: names, instructions, directives, registers and numbers.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character| !in_token(character))
        .filter(|token| !token.is_empty())
}

/// Whether a token may have this character.
pub fn in_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '$' | '.' | '%')
}

/// The names of functions, variables, parameters and labels among the words of a text.
pub fn symbols(text: &str) -> impl Iterator<Item = &str> {
    let starts = |character: char| character.is_ascii_alphabetic() || matches!(character, '_' | '$');
    tokens(text).filter(move |token| token.starts_with(starts) && !token.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::{Kind, parse, symbols};

    const TEXT: &str = "//\n// Generated by LLVM NVPTX Back-End\n//\n\n.version 7.0\n.target sm_80\n.address_size 64\n
        .extern .shared .align 16 .b8 tile[];\n.global .align 4 .b8 table[8] = {1, 2};
        .extern .func (.param .b32 value) helper\n(\n\t.param .b64 p\n)\n.noreturn;
        // .globl\tscore\n.visible .entry score(\n\t.param .align 8 .b8 score_param_0[24],\n\t.param .u64 .ptr q\n)
        .maxntid 128, 1, 1\n{\t// @score\n\t{ call.uni helper, (%rd1); }\n\tret;\n}\n.entry none() { ret; }\n";

    #[test]
    fn items_and_names() {
        let module = parse(TEXT).expect("valid text");
        assert_eq!(module.header, [".version 7.0", ".target sm_80", ".address_size 64"]);
        let items: Vec<_> = module.items.iter().map(|item| (item.kind, &*item.name)).collect();
        let expected = [
            (Kind::Variable, "tile"),
            (Kind::Variable, "table"),
            (Kind::Function, "helper"),
            (Kind::Entry, "score"),
            (Kind::Entry, "none"),
        ];
        assert_eq!(items, expected);
        assert!(module.items[1].text.ends_with("= {1, 2};"));
        assert!(module.items[3].text.ends_with("ret;\n}"));
        assert!(!module.items[3].text.contains("//"));
    }

    #[test]
    fn entries_and_parameters() {
        let entries = parse(TEXT).and_then(|module| module.entries()).expect("valid text");
        assert_eq!(entries["score"], [".align 8 .b8 [24]", ".b64 .ptr"]);
        assert!(entries["none"].is_empty());
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn text_that_is_not_ptx() {
        for text in [
            ".entry k() { ret;",
            "nonsense",
            ".global .b8 x[1] = {0}",
            ".section .debug_info { }",
            ";",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(".version 7.0\n").expect("no items").entries().is_err());
    }

    #[test]
    fn symbols_are_neither_instructions_nor_registers() {
        let found: Vec<_> = symbols("ld.param.b64 %rd1, [k_param_0+8]; bra.uni $L__BB0_1; ret;").collect();
        assert_eq!(found, ["k_param_0", "$L__BB0_1", "ret"]);
    }
}
