//! Reads PTX: entry points, and their instructions one by one.

use std::borrow::ToOwned;
use std::collections::HashMap;
use std::format;
use std::vec::Vec;

use super::instruction::{
    Address, Class, Comparison, Compute, Exchange, Instruction, Kind, Operand, Operation, Register, Space, Special,
    Values,
};
use super::text::{Statement, body_len, line_of, split_operands, statements, vector};
use super::{Entry, PtxError};

/// All entry points.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, PtxError> {
    let mut entries = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(".entry ") {
        let header = &rest[at..];
        let line = line_of(text, header);
        let error = |what: &str| PtxError {
            line,
            what: what.to_owned(),
        };
        let open = header.find('{').ok_or_else(|| error("an entry point without a body"))?;
        let name = header[".entry ".len()..].split(['(', ' ', '\n']).next();
        let parameter = header[..open]
            .split_once(".param ")
            .and_then(|(_, parameter)| parameter.split_once(')'))
            .and_then(|(parameter, _)| parameter.split_whitespace().next_back())
            .and_then(|parameter| parameter.split('[').next());
        let body = &header[open..];
        let len = body_len(body).ok_or_else(|| error("the text ends within an entry point"))?;
        let reader = Reader {
            parameter: parameter.unwrap_or_default(),
            registers: HashMap::new(),
            labels: HashMap::new(),
        };
        entries.push(reader.entry(
            name.unwrap_or_default(),
            &statements(&body[1..len - 1], line_of(text, body)),
        )?);
        rest = &body[len..];
    }
    Ok(entries)
}

/// Reads the statements of one entry point.
struct Reader<'a> {
    /// The parameter's name.
    parameter: &'a str,
    /// The numbers of registers by their names.
    registers: HashMap<&'a str, Register>,
    /// The instructions that follow labels.
    labels: HashMap<&'a str, usize>,
}

impl<'a> Reader<'a> {
    fn entry(mut self, name: &str, statements: &[Statement<'a>]) -> Result<Entry, PtxError> {
        let mut count = 0;
        for statement in statements {
            match statement.text.strip_suffix(':') {
                Some(label) => {
                    self.labels.insert(label, count);
                }
                None => count += 1,
            }
        }
        let mut code = Vec::with_capacity(count);
        for statement in statements {
            if statement.text.ends_with(':') {
                continue;
            }
            let instruction = self.instruction(*statement).ok_or_else(|| PtxError {
                line: statement.line,
                what: format!("`{}` is no instruction that the emulator knows", statement.text),
            })?;
            code.push(instruction);
        }
        Ok(Entry {
            name: name.to_owned(),
            registers: self.registers.len(),
            code,
        })
    }

    fn instruction(&mut self, statement: Statement<'a>) -> Option<Instruction> {
        let mut text = statement.text;
        let mut guard = None;
        if let Some(rest) = text.strip_prefix('@') {
            let (predicate, rest) = rest.split_once(char::is_whitespace)?;
            let name = predicate.trim_start_matches('!');
            guard = Some((self.register(name)?, name.len() == predicate.len()));
            text = rest.trim_start();
        }
        let (opcode, operands) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let operands = split_operands(operands);
        Some(Instruction {
            line: statement.line as u32,
            guard,
            operation: self.operation(opcode, &operands)?,
        })
    }

    fn operation(&mut self, opcode: &str, operands: &[&'a str]) -> Option<Operation> {
        let (name, modifiers) = opcode.split_once('.').unwrap_or((opcode, ""));
        match (name, modifiers, operands) {
            ("bra", "" | "uni", [label]) => Some(Operation::Branch(*self.labels.get(label)?)),
            ("ret", "", []) => Some(Operation::Return),
            ("bar", "sync", ["0"]) => Some(Operation::Barrier),
            ("bar", "warp.sync", ["-1"]) => Some(Operation::WarpBarrier),
            ("membar", "gl", []) => Some(Operation::Fence),
            ("ld", _, [values, address]) => self.access(false, modifiers, values, address),
            ("st", _, [address, values]) => self.access(true, modifiers, values, address),
            ("cp", "async.ca.shared.global", [to, from, size, valid]) => Some(Operation::Copy {
                to: self.address(to)?,
                from: self.address(from)?,
                size: size.parse().ok()?,
                valid: self.operand(valid, 32)?,
            }),
            ("cp", "async.commit_group", []) => Some(Operation::CommitCopies),
            ("cp", "async.wait_group", [youngest]) => Some(Operation::WaitCopies(youngest.parse().ok()?)),
            ("atom", "global.add.u32", [to, address, value]) => Some(Operation::AtomicAdd {
                to: self.register(to)?,
                address: self.address(address)?,
                value: self.operand(value, 32)?,
            }),
            ("shfl", "sync.idx.b32" | "sync.bfly.b32", [to, value, lane, "31", "-1"]) => Some(Operation::Shuffle {
                exchange: if modifiers.contains("idx") {
                    Exchange::Index
                } else {
                    Exchange::Butterfly
                },
                to: self.register(to)?,
                value: self.operand(value, 32)?,
                lane: self.operand(lane, 32)?,
            }),
            ("vote", "sync.ballot.b32", [to, value, "-1"]) => Some(Operation::Ballot {
                to: self.register(to)?,
                value: self.operand(value, 1)?,
            }),
            ("mov", "b64", [to, from]) if to.starts_with('{') => {
                let [low, high] = vector(to)?;
                Some(Operation::Split {
                    to: [self.register(low)?, self.register(high)?],
                    from: self.operand(from, 64)?,
                })
            }
            ("mov", "b64", [to, from]) if from.starts_with('{') => {
                let [low, high] = vector(from)?;
                Some(Operation::Join {
                    to: self.register(to)?,
                    from: [self.operand(low, 32)?, self.operand(high, 32)?],
                })
            }
            (_, _, [to, rest @ ..]) => self.compute(name, modifiers, to, rest),
            _ => None,
        }
    }

    fn access(&mut self, is_store: bool, modifiers: &str, values: &'a str, address: &'a str) -> Option<Operation> {
        let (space, kind) = modifiers.rsplit_once('.')?;
        let (space, count) = match space.strip_suffix(".v2") {
            Some(space) => (space, 2),
            None => space.strip_suffix(".v4").map_or((space, 1), |space| (space, 4)),
        };
        let space = match space {
            "param" => Space::Parameter,
            "shared" => Space::Shared,
            "global" | "global.nc" | "relaxed.gpu.global" => Space::Global,
            _ => return None,
        };
        let kind = kind_of(kind)?;
        let mut operands = [Operand::Constant(0); 4];
        let list = values.trim_start_matches('{').trim_end_matches('}').split(',');
        for (operand, value) in operands.iter_mut().zip(list.clone()) {
            *operand = self.operand(value.trim(), kind.bits)?;
        }
        (list.count() == count).then_some(Operation::Move {
            space,
            is_store,
            address: self.address(address)?,
            bytes: kind.bits as usize / 8,
            values: Values { operands, count },
        })
    }

    /// An instruction of arithmetic.
    fn compute(&mut self, name: &str, modifiers: &str, to: &'a str, operands: &[&'a str]) -> Option<Operation> {
        let (rest, kind) = modifiers.rsplit_once('.').unwrap_or(("", modifiers));
        let mut kind = kind_of(kind)?;
        let is_float = kind.class == Class::Float;
        let compute = match (name, rest) {
            ("mov", "") => Compute::Copy,
            ("add", "" | "rn") => Compute::Add,
            ("sub", "" | "rn") => Compute::Subtract,
            ("mul", "lo") => Compute::Multiply,
            ("mul", "rn") if is_float => Compute::Multiply,
            ("mul", "hi") if !is_float => Compute::MultiplyHigh,
            ("mul", "wide") if !is_float => Compute::MultiplyWide,
            ("mad", "lo") | ("fma", "rn") => Compute::MultiplyAdd,
            ("div", "") if !is_float => Compute::Divide,
            ("div", "rn") => Compute::Divide,
            ("rcp", "rn" | "approx.ftz") if is_float => Compute::Reciprocal,
            ("sqrt", "rn") if is_float => Compute::SquareRoot,
            ("neg", "") => Compute::Negate,
            ("abs", "") => Compute::Absolute,
            ("min", "") => Compute::Minimum,
            ("max", "") => Compute::Maximum,
            ("and", "") => Compute::And,
            ("or", "") => Compute::Or,
            ("xor", "") => Compute::Xor,
            ("not", "") => Compute::Not,
            ("shl", "") => Compute::ShiftLeft,
            ("shr", "") => Compute::ShiftRight,
            ("bfe", "") => Compute::BitField,
            ("popc", "") => Compute::CountOnes,
            ("selp", "") => Compute::Select,
            ("setp", comparison) => Compute::Compare(comparison_of(comparison, is_float)?),
            ("cvt", to) => {
                let to = to.strip_prefix("rn.").or(to.strip_prefix("rzi.")).unwrap_or(to);
                Compute::Convert(kind_of(to)?)
            }
            _ => return None,
        };
        let wanted = match compute {
            Compute::MultiplyAdd | Compute::BitField | Compute::Select => 3,
            Compute::Copy | Compute::Reciprocal | Compute::SquareRoot | Compute::Negate | Compute::Absolute => 1,
            Compute::Not | Compute::CountOnes | Compute::Convert(_) => 1,
            _ => 2,
        };
        if operands.len() != wanted {
            return None;
        }
        let mut values = [Operand::Constant(0); 3];
        for (value, operand) in values.iter_mut().zip(operands) {
            *value = self.operand(operand, kind.bits)?;
        }
        if compute == Compute::Copy {
            kind.class = Class::Unsigned;
        }
        Some(Operation::Compute {
            to: self.register(to)?,
            compute,
            kind,
            operands: values,
        })
    }

    fn register(&mut self, name: &'a str) -> Option<Register> {
        let is_name = name.starts_with(|first: char| first == '%' || first.is_ascii_alphabetic() || first == '_');
        let next = self.registers.len();
        is_name.then(|| *self.registers.entry(name).or_insert(next))
    }

    fn operand(&mut self, text: &'a str, bits: u32) -> Option<Operand> {
        let axis = |name: &str| match name {
            "x" => Some(0),
            "y" => Some(1),
            "z" => Some(2),
            _ => None,
        };
        if let Some((name, at)) = text.strip_prefix('%').and_then(|name| name.split_once('.')) {
            let special = match name {
                "tid" => Special::Thread(axis(at)?),
                "ctaid" => Special::Block(axis(at)?),
                "ntid" => Special::Threads(axis(at)?),
                _ => return None,
            };
            return Some(Operand::Special(special));
        }
        if text == "%laneid" {
            return Some(Operand::Special(Special::Lane));
        }
        // The shared memory of the emulator begins at 0.
        if text == "fastssim_shared" {
            return Some(Operand::Constant(0));
        }
        match text.as_bytes().first()? {
            b'0'..=b'9' | b'-' => constant(text, bits).map(Operand::Constant),
            _ => self.register(text).map(Operand::Register),
        }
    }

    fn address(&mut self, text: &'a str) -> Option<Address> {
        let text = text.strip_prefix('[')?.strip_suffix(']')?;
        let (base, offset) = text.split_once('+').unwrap_or((text, "0"));
        let base = if base == self.parameter {
            Operand::Constant(0)
        } else {
            self.operand(base, 64)?
        };
        let offset = offset.parse::<i64>().ok()? as u64;
        Some(Address { base, offset })
    }
}

fn constant(text: &str, bits: u32) -> Option<u64> {
    let value = if let Some(float) = text.strip_prefix("0f").or(text.strip_prefix("0d")) {
        u64::from_str_radix(float, 16).ok()?
    } else if let Some(hex) = text.strip_prefix("0x") {
        u64::from_str_radix(hex, 16).ok()?
    } else {
        text.parse::<i128>().ok()? as u64
    };
    Some(value & (!0 >> (64 - bits)))
}

fn kind_of(text: &str) -> Option<Kind> {
    if text == "pred" {
        let (class, bits) = (Class::Unsigned, 1);
        return Some(Kind { class, bits });
    }
    let (class, bits) = text.split_at_checked(1)?;
    let class = match class {
        "b" | "u" => Class::Unsigned,
        "s" => Class::Signed,
        "f" => Class::Float,
        _ => return None,
    };
    let bits = match bits {
        "8" => 8,
        "16" => 16,
        "32" => 32,
        "64" => 64,
        _ => return None,
    };
    Some(Kind { class, bits })
}

fn comparison_of(text: &str, is_float: bool) -> Option<Comparison> {
    let (name, or_nan) = match text.strip_suffix('u').filter(|name| is_float && name.len() == 2) {
        Some(name) => (name, true),
        None => (text, false),
    };
    let [less, equal, greater] = match name {
        "eq" => [false, true, false],
        "ne" => [true, false, true],
        "lt" => [true, false, false],
        "le" => [true, true, false],
        "gt" => [false, false, true],
        "ge" => [false, true, true],
        "num" if is_float => [true; 3],
        "nan" if is_float => [false; 3],
        _ => return None,
    };
    Some(Comparison {
        less,
        equal,
        greater,
        or_nan: or_nan || name == "nan",
    })
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::entries;

    fn error(body: &str) -> String {
        let text = std::format!(".version 7.0\n.visible .entry k(\n.param .b64 p)\n{{\n{body}\nret;\n}}\n");
        entries(&text).expect_err(body).to_string()
    }

    #[test]
    fn entry_points_and_scopes() {
        let text = "
.extern .shared .align 16 .b8 fastssim_shared[];
.visible .entry first(
    .param .align 8 .b8 first_param_0[8]
)
.maxntid 256, 1, 1
{
    .reg .b32 %r<3>;
    ld.param.b64 %rd1, [first_param_0];
    { .reg .b32 tmp; mov.b64 {tmp, %r1}, %rd1; }
    { .reg .pred p; setp.ne.u32 p, %r1, 0; @!p bra $L0; } // a comment; with a semicolon
$L0:
    ret;
}
.visible .entry second()
{
    ret;
}
";
        let entries = entries(text).expect("known instructions");
        let found: Vec<_> = entries
            .iter()
            .map(|entry| (&*entry.name, entry.code.len(), entry.registers))
            .collect();
        // Registers: %rd1, tmp, %r1, p.
        assert_eq!(found, [("first", 5, 4), ("second", 1, 0)]);
        assert_eq!(entries[0].code[3].line, 11);
    }

    #[test]
    fn what_is_not_known() {
        assert_eq!(
            error("sin.approx.f32 %r1, %r2;"),
            "line 5: `sin.approx.f32 %r1, %r2` is no instruction that the emulator knows"
        );
        // A label that is nowhere, an operand too few, a barrier of some threads, a shuffle of some lanes, and so on.
        for body in [
            "bra $L7;",
            "add.s32 %r1, %r2;",
            "bar.sync 1, 64;",
            "shfl.sync.idx.b32 %r1, %r2, 0, 15, -1;",
            "ld.local.b32 %r1, [%r2];",
            "setp.ltu.s32 %p1, %r1, %r2;",
            "add.s32 %r1,\n%r2, %r3;",
        ] {
            assert!(error(body).contains("is no instruction"), "{body}");
        }
        let cut = entries(".visible .entry k()\n{\nret;").expect_err("it ends early");
        assert_eq!(cut.to_string(), "line 1: the text ends within an entry point");
    }
}
