//! SSIM with exponents other than 1, in double precision.
//!
//! ```text
//! SSIM = lᵅ cᵝ sᵞ
//! l = 1 − 2 V² / (U² + V² + 2 C1)
//! c = (2 σx σy + C2) / (σx² + σy² + C2)      s = (σxy + C2/2) / (σx σy + C2/2)
//! c s = 1 − 2 Sv / (Su + Sv + 2 C2)
//! ```
//!
//! in the moments of [`super::formula`]. Where β = γ the product c s is all that is needed; otherwise the variance of x
//! is a fifth moment, and σy² = (Su + Sv) / 2 − σx², σxy = (Su − Sv) / 4.

use fastssim_device::math::sqrt;

use super::power::power;
use crate::general::params::Params;

/// The exponents α, β and γ, and the doubled constants of scaled pixels.
#[derive(Clone, Copy)]
pub(crate) struct Constants {
    exponents: [f64; 3],
    two_c1: f64,
    two_c2: f64,
}

/// 1 − SSIM of a window, and the derivatives of SSIM by the moments; by the variance of x, the others being fixed.
pub(crate) struct Slopes {
    pub(crate) deficit: f64,
    pub(crate) u: f64,
    pub(crate) v: f64,
    pub(crate) su: f64,
    pub(crate) sv: f64,
    pub(crate) sx: f64,
}

/// Where one of the terms falls short of 1, and the derivatives of what is missing by Su, Sv and Sx.
struct Shortfall {
    value: f64,
    by: [f64; 3],
}

impl Constants {
    #[inline(always)]
    pub(crate) fn new(params: &Params) -> Self {
        Self {
            exponents: params.exponents,
            two_c1: 2.0 * params.c1,
            two_c2: 2.0 * params.c2,
        }
    }

    /// Whether not all exponents are 1.
    #[inline(always)]
    pub(crate) fn has_exponents(&self) -> bool {
        self.exponents[0] != 1.0 || self.exponents[1] != 1.0 || self.exponents[2] != 1.0
    }

    /// Of the moments U, V, Su, Sv, Sx.
    #[inline(always)]
    pub(crate) fn slopes(&self, [u, v, su, sv, sx]: [f64; 5]) -> Slopes {
        // Rounding can make a variance slightly negative; NaN stays.
        let [su, sv, sx] = [su, sv, sx].map(|variance| if variance < 0.0 { 0.0 } else { variance });
        let [alpha, beta, gamma] = self.exponents;
        let r1 = 1.0 / (u * u + v * v + self.two_c1);
        let l = 2.0 * v * v * r1;
        let by_l = [-2.0 * u * l * r1, 2.0 * v * (2.0 - l) * r1];
        let [contrast, structure] = if beta == gamma {
            [
                product(self.two_c2, su, sv),
                Shortfall {
                    value: 0.0,
                    by: [0.0; 3],
                },
            ]
        } else {
            contrast_and_structure(self.two_c2, su, sv, sx)
        };
        let (c, by_c) = raised(contrast.value, beta);
        let (s, by_s) = raised(structure.value, gamma);
        let by_rest = [0, 1, 2].map(|i| -(by_c * s * contrast.by[i] + by_s * c * structure.by[i]));
        let rest = c * s;
        let (luminance, by_luminance) = raised(l, alpha);
        Slopes {
            deficit: 1.0 - luminance * rest,
            u: -by_luminance * by_l[0] * rest,
            v: -by_luminance * by_l[1] * rest,
            su: luminance * by_rest[0],
            sv: luminance * by_rest[1],
            sx: luminance * by_rest[2],
        }
    }
}

/// The product of contrast and structure.
#[inline(always)]
fn product(two_c2: f64, su: f64, sv: f64) -> Shortfall {
    let r2 = 1.0 / (su + sv + two_c2);
    let missing = 2.0 * sv * r2;
    Shortfall {
        value: missing,
        by: [-missing * r2, (2.0 - missing) * r2, 0.0],
    }
}

/// Contrast and structure; both are sure to be exactly 1 for identical images.
#[inline(always)]
fn contrast_and_structure(two_c2: f64, su: f64, sv: f64, sx: f64) -> [Shortfall; 2] {
    let (c2, c3) = (two_c2 / 2.0, two_c2 / 4.0);
    let sum = (su + sv) / 2.0;
    let sy = if sum < sx { 0.0 } else { sum - sx };
    let covariance = (su - sv) / 4.0;
    let deviations = sqrt(sx * sy);
    let (by_sx, by_sy) = if deviations > 0.0 {
        (sy / (2.0 * deviations), sx / (2.0 * deviations))
    } else {
        (0.0, 0.0)
    };
    // From the derivatives by σx², σy² and σxy to those by Su, Sv and Sx.
    let by_moments = |x: f64, y: f64, covariance: f64| [y / 2.0 + covariance / 4.0, y / 2.0 - covariance / 4.0, x - y];
    let d2 = sum + c2;
    // σx − σy from the difference of the variances, which has more digits.
    let roots = sqrt(sx) + sqrt(sy);
    let difference = if roots > 0.0 { (sx - sy) / roots } else { 0.0 };
    let contrast = difference * difference / d2;
    let d3 = deviations + c3;
    let structure = (deviations - covariance) / d3;
    [
        Shortfall {
            value: contrast,
            by: by_moments(
                (1.0 - contrast - 2.0 * by_sx) / d2,
                (1.0 - contrast - 2.0 * by_sy) / d2,
                0.0,
            ),
        },
        Shortfall {
            value: structure,
            by: by_moments(
                (1.0 - structure) * by_sx / d3,
                (1.0 - structure) * by_sy / d3,
                -1.0 / d3,
            ),
        },
    ]
}

/// (1 − missing) to the power of `exponent`, and the derivative by the base. A negative base under an exponent that is
/// no whole number counts as 0; where there is no derivative it is 0.
#[inline(always)]
fn raised(missing: f64, exponent: f64) -> (f64, f64) {
    let base = 1.0 - missing;
    if exponent == 1.0 {
        return (base, 1.0);
    }
    // Exponents are from 0 to 100.
    let whole = exponent as u32;
    let is_whole = f64::from(whole) == exponent;
    if base < 0.0 && !is_whole {
        return (0.0, 0.0);
    }
    // A negative base under an odd exponent stays negative.
    let sign = if base < 0.0 && whole % 2 == 1 { -1.0 } else { 1.0 };
    let value = sign * power(base.abs(), exponent);
    // At 0 there is no derivative, or it is 0.
    let slope = if base == 0.0 { 0.0 } else { exponent * value / base };
    // What NaN to the power of 0 would hide: an image with NaN has no score.
    (value + missing * 0.0, slope)
}
