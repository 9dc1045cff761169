//! Powers in double precision: `core` has none, and what a library has would be a call, which no kernel makes.

/// ln 2, the first of its digits, so that a small multiple is exact, and the rest.
const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
/// Bits of the digits of a number.
const DIGITS: u32 = 52;
const BIAS: i64 = 1023;

/// `base` to the power of `exponent`, for a base that is not negative.
///
/// Relative to the result it is off by some 2⁻⁵³ of the result's logarithm, at least 1: no digit that counts, for
/// powers from 0 to 1. 0 to the power of 0 is 1; NaN stays NaN but for exponent 0.
#[inline(always)]
pub(crate) fn power(base: f64, exponent: f64) -> f64 {
    if exponent == 0.0 {
        return 1.0;
    }
    if base == 0.0 {
        return if exponent > 0.0 { 0.0 } else { f64::INFINITY };
    }
    if base.is_nan() || base == f64::INFINITY {
        return if exponent > 0.0 { base } else { 1.0 / base };
    }
    exp(exponent * ln(base))
}

/// The natural logarithm of a positive, finite number.
#[inline(always)]
fn ln(value: f64) -> f64 {
    // Subnormal numbers have their first digit anywhere.
    const UP: f64 = (1u64 << 54) as f64;
    let is_small = value < f64::MIN_POSITIVE;
    let bits = if is_small { value * UP } else { value }.to_bits();
    // The number is m 2ᵏ with m from √½ to √2.
    const ROOT: u64 = 0x3fe6_a09e_667f_3bcd;
    let above = bits.wrapping_sub(ROOT);
    let k = (above as i64) >> DIGITS;
    let m = f64::from_bits(bits.wrapping_sub((k as u64) << DIGITS));
    let k = (k - if is_small { 54 } else { 0 }) as f64;
    // ln m = 2 artanh s = 2 (s + s³/3 + s⁵/5 + …), |s| < 0.172: the next term is below 2⁻⁵⁸ of the first.
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut series = 0.0;
    for n in (1..=11).rev() {
        series = z * (series + 1.0 / (2 * n + 1) as f64);
    }
    k * LN_2[0] + (2.0 * s + (2.0 * s * series + k * LN_2[1]))
}

/// e to the power of a number; NaN stays.
#[inline(always)]
fn exp(value: f64) -> f64 {
    // Beyond, all is 0 or infinite.
    let value = if value > 710.0 { 710.0 } else { value };
    let value = if value < -746.0 { -746.0 } else { value };
    let scaled = value * core::f64::consts::LOG2_E;
    // To the nearest whole number; casts cut off.
    let k = (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32;
    let rest = (value - f64::from(k) * LN_2[0]) - f64::from(k) * LN_2[1];
    // Taylor's series, |rest| < 0.35: the next term is below 2⁻⁵⁷.
    let mut series = 1.0;
    for n in (1..=13).rev() {
        series = 1.0 + rest * series / n as f64;
    }
    // In two steps, as the power of two alone may have no exponent.
    let half = k / 2;
    series * two_to(half) * two_to(k - half)
}

/// 2ᵏ, for k from −1022 to 1023.
#[inline(always)]
fn two_to(k: i32) -> f64 {
    f64::from_bits(((i64::from(k) + BIAS) as u64) << DIGITS)
}

#[cfg(all(test, not(target_arch = "nvptx64")))]
mod tests {
    use super::*;

    extern crate std;

    #[test]
    fn powers_are_those_of_the_host() {
        let mut worst = 0.0f64;
        for i in 0..2000 {
            let base = f64::from(i) / 1999.0 * 1.2 + 1e-9;
            for exponent in [-0.7, 0.01, 0.3, 0.5, 0.6, 1.0, 1.7, 2.0, 3.0, 10.0, 99.5, 100.0] {
                let (found, expected) = (power(base, exponent), base.powf(exponent));
                let digits = expected * (exponent * base.ln()).abs().max(1.0);
                worst = worst.max((found - expected).abs() / digits);
            }
        }
        assert!(worst < 5e-16, "{worst:e}");
    }

    #[test]
    fn limits_are_those_of_the_host() {
        for (base, exponent) in [
            (0.0, 0.0),
            (0.0, 0.5),
            (0.0, -0.5),
            (f64::INFINITY, 2.0),
            (f64::INFINITY, -2.0),
            (1e300, 2.0),
            (1e-300, 2.0),
            (1.0, 100.0),
            (f64::NAN, 0.0),
        ] {
            assert_eq!(power(base, exponent), base.powf(exponent), "{base} {exponent}");
        }
        assert!(power(f64::NAN, 0.5).is_nan());
        let (small, expected) = (power(1e-310, 0.5), 1e-310f64.powf(0.5));
        assert!((small / expected - 1.0).abs() < 1e-12, "{small:e}");
    }
}
