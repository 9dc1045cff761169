//! The arithmetic of instructions. Numbers are the bits of registers: those beyond a type's own are zeros.

use core::cmp::Ordering;

use half::f16;

use super::instruction::{Class, Comparison, Compute, Kind};

/// The result of an instruction of this type.
#[inline(always)]
pub(super) fn compute(compute: Compute, kind: Kind, operands: [u64; 3]) -> u64 {
    let [a, b, c] = operands;
    match compute {
        Compute::Copy => cut(a, kind.bits),
        Compute::And => cut(a & b, kind.bits),
        Compute::Or => cut(a | b, kind.bits),
        Compute::Xor => cut(a ^ b, kind.bits),
        Compute::Not => cut(!a, kind.bits),
        Compute::Select => cut(if c != 0 { a } else { b }, kind.bits),
        Compute::Compare(comparison) => comparison.holds(order(kind, a, b)).into(),
        Compute::Convert(to) => convert(kind, to, a),
        _ => match (kind.class, kind.bits) {
            (Class::Float, 32) => {
                let [a, b, c] = operands.map(|bits| f32::from_bits(bits as u32));
                single(compute, a, b, c).to_bits().into()
            }
            (Class::Float, _) => {
                let [a, b, c] = operands.map(f64::from_bits);
                double(compute, a, b, c).to_bits()
            }
            _ => integer(compute, kind, operands),
        },
    }
}

/// The lowest bits.
fn cut(value: u64, bits: u32) -> u64 {
    value & (!0 >> (64 - bits))
}

/// The number that the lowest bits stand for.
fn signed(value: u64, bits: u32) -> i64 {
    (value << (64 - bits)) as i64 >> (64 - bits)
}

fn order(kind: Kind, a: u64, b: u64) -> Option<Ordering> {
    match (kind.class, kind.bits) {
        (Class::Float, 32) => f32::from_bits(a as u32).partial_cmp(&f32::from_bits(b as u32)),
        (Class::Float, _) => f64::from_bits(a).partial_cmp(&f64::from_bits(b)),
        (Class::Signed, bits) => Some(signed(a, bits).cmp(&signed(b, bits))),
        (Class::Unsigned, bits) => Some(cut(a, bits).cmp(&cut(b, bits))),
    }
}

impl Comparison {
    fn holds(self, order: Option<Ordering>) -> bool {
        match order {
            Some(Ordering::Less) => self.less,
            Some(Ordering::Equal) => self.equal,
            Some(Ordering::Greater) => self.greater,
            None => self.or_nan,
        }
    }
}

/// A number of one type as the nearest one of another; of a float that becomes an integer, the one next to it towards zero.
fn convert(from: Kind, to: Kind, value: u64) -> u64 {
    let whole = match from.class {
        Class::Unsigned => i128::from(cut(value, from.bits)),
        _ => i128::from(signed(value, from.bits)),
    };
    let float = match from.bits {
        16 => f16::from_bits(value as u16).to_f64(),
        32 => f32::from_bits(value as u32).into(),
        _ => f64::from_bits(value),
    };
    match (from.class, to.class, to.bits) {
        (Class::Float, Class::Float, 32) => (float as f32).to_bits().into(),
        (Class::Float, Class::Float, _) => float.to_bits(),
        (Class::Float, Class::Signed, bits) => {
            let most = i64::MAX >> (64 - bits);
            cut((float as i64).clamp(-most - 1, most) as u64, bits)
        }
        (Class::Float, Class::Unsigned, bits) => (float as u64).min(!0 >> (64 - bits)),
        (_, Class::Float, 32) => (whole as f32).to_bits().into(),
        (_, Class::Float, _) => (whole as f64).to_bits(),
        (_, _, bits) => cut(whole as u64, bits),
    }
}

macro_rules! float {
    ($name:ident, $type:ty) => {
        fn $name(compute: Compute, a: $type, b: $type, c: $type) -> $type {
            match compute {
                Compute::Add => a + b,
                Compute::Subtract => a - b,
                Compute::Multiply => a * b,
                Compute::MultiplyAdd => a.mul_add(b, c),
                Compute::Divide => a / b,
                // Off by a unit on the device; exactly rounded here, as for the sources.
                Compute::Reciprocal => 1.0 / a,
                Compute::SquareRoot => a.sqrt(),
                Compute::Negate => -a,
                Compute::Absolute => a.abs(),
                Compute::Minimum => a.min(b),
                Compute::Maximum => a.max(b),
                _ => unreachable!("the reader takes {compute:?} of integers alone"),
            }
        }
    };
}

float!(single, f32);
float!(double, f64);

fn integer(compute: Compute, kind: Kind, [a, b, c]: [u64; 3]) -> u64 {
    let Kind { class, bits } = kind;
    let is_signed = class == Class::Signed;
    let wide = |value: u64| {
        if is_signed {
            i128::from(signed(value, bits))
        } else {
            i128::from(cut(value, bits))
        }
    };
    let (x, y) = (wide(a), wide(b));
    let result = match compute {
        Compute::Add => x.wrapping_add(y),
        Compute::Subtract => x.wrapping_sub(y),
        Compute::Multiply | Compute::MultiplyWide => x.wrapping_mul(y),
        Compute::MultiplyHigh => x.wrapping_mul(y) >> bits,
        Compute::MultiplyAdd => x.wrapping_mul(y).wrapping_add(wide(c)),
        // Where it is not defined, the hardware gives ones.
        Compute::Divide => x.checked_div(y).unwrap_or(-1),
        Compute::Negate => -x,
        Compute::Absolute => x.abs(),
        Compute::Minimum => x.min(y),
        Compute::Maximum => x.max(y),
        // Distances beyond the width count as the width.
        Compute::ShiftLeft => x << cut(b, 32).min(64),
        Compute::ShiftRight => x >> cut(b, 32).min(64),
        Compute::CountOnes => i128::from(cut(a, bits).count_ones()),
        Compute::BitField => bit_field(kind, a, b as u32 & 255, c as u32 & 255),
        _ => unreachable!("the reader takes {compute:?} of floats alone"),
    };
    let bits = if compute == Compute::MultiplyWide {
        2 * bits
    } else {
        bits
    };
    cut(result as u64, bits)
}

/// `len` bits from bit `first` on; of a signed type, the last of them is the sign.
fn bit_field(kind: Kind, value: u64, first: u32, len: u32) -> i128 {
    let is_signed = kind.class == Class::Signed;
    let value = if is_signed {
        i128::from(signed(value, kind.bits))
    } else {
        i128::from(cut(value, kind.bits))
    };
    if len == 0 {
        return 0;
    }
    let rest = 128 - len.min(64);
    let field = (value >> first.min(64)) << rest;
    if is_signed {
        field >> rest
    } else {
        ((field as u128) >> rest) as i128
    }
}

#[cfg(test)]
mod tests {
    use super::super::instruction::{Class, Compute, Kind};
    use super::compute;

    const fn kind(class: Class, bits: u32) -> Kind {
        Kind { class, bits }
    }
    const U16: Kind = kind(Class::Unsigned, 16);
    const U32: Kind = kind(Class::Unsigned, 32);
    const S32: Kind = kind(Class::Signed, 32);
    const S64: Kind = kind(Class::Signed, 64);
    const F32: Kind = kind(Class::Float, 32);
    const F64: Kind = kind(Class::Float, 64);

    fn of(value: i32) -> u64 {
        (value as u32).into()
    }

    /// Examples of PTX's reference, and what follows from it at the ends of ranges.
    #[test]
    fn integers() {
        let cases = [
            (Compute::Add, S32, [of(i32::MAX), 1, 0], of(i32::MIN)),
            (Compute::Subtract, S32, [0, 1, 0], of(-1)),
            (Compute::Multiply, S64, [!0, 7, 0], (-7i64) as u64),
            (
                Compute::MultiplyWide,
                U32,
                [0xffff_ffff, 0xffff_ffff, 0],
                0xffff_fffe_0000_0001,
            ),
            (Compute::MultiplyHigh, U16, [0xffff, 7282, 0], 7281),
            (Compute::MultiplyAdd, S32, [of(-3), 5, of(-1)], of(-16)),
            (Compute::Divide, U32, [of(-1), 10, 0], 429_496_729),
            (Compute::Minimum, S32, [of(-1), 1, 0], of(-1)),
            (Compute::Minimum, U32, [of(-1), 1, 0], 1),
            (Compute::ShiftLeft, U32, [1, 32, 0], 0),
            (Compute::ShiftRight, S32, [of(-8), 40, 0], of(-1)),
            (Compute::ShiftRight, U32, [of(-8), 1, 0], 0x7fff_fffc),
            (Compute::BitField, S32, [0b0110, 1, 2], of(-1)),
            (Compute::BitField, U32, [0b0110, 1, 2], 3),
            (Compute::CountOnes, U32, [0xf0f0, 0, 0], 8),
            (Compute::Absolute, S32, [of(-5), 0, 0], 5),
            (Compute::Convert(S64), S32, [of(-2), 0, 0], (-2i64) as u64),
            (Compute::Convert(U32), S64, [(-2i64) as u64, 0, 0], of(-2)),
        ];
        for (what, kind, operands, expected) in cases {
            assert_eq!(
                compute(what, kind, operands),
                expected,
                "{what:?} {kind:?} {operands:x?}"
            );
        }
    }

    #[test]
    fn floats() {
        let single = |value: f32| u64::from(value.to_bits());
        let third = [single(1.0), single(3.0), 0];
        assert_eq!(compute(Compute::Divide, F32, third), single(1.0 / 3.0));
        // Rounded in between it would be zero.
        let (a, c) = (1.0 + f32::EPSILON, -1.0 - 2.0 * f32::EPSILON);
        let fused = compute(Compute::MultiplyAdd, F32, [single(a), single(a), single(c)]);
        assert_eq!(fused, single(f32::EPSILON * f32::EPSILON));
        assert_eq!(
            compute(Compute::Minimum, F32, [single(f32::NAN), single(2.0), 0]),
            single(2.0)
        );
        assert_eq!(compute(Compute::Convert(S32), F64, [(-2.9f64).to_bits(), 0, 0]), of(-2));
        assert_eq!(compute(Compute::Convert(U32), F64, [(-2.9f64).to_bits(), 0, 0]), 0);
        assert_eq!(
            compute(Compute::Convert(F32), F64, [0.1f64.to_bits(), 0, 0]),
            single(0.1)
        );
        assert_eq!(
            compute(Compute::Convert(F32), U32, [of(-1), 0, 0]),
            single(4294967296.0)
        );
    }
}
