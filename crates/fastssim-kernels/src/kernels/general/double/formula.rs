//! SSIM and its derivatives at one window, from its moments.
//!
//! With u = x + y, v = x − y, their blurred means U, V and variances Su, Sv, the two factors of SSIM (Wang et al.
//! 2004) are
//!
//! ```text
//! luminance           1 − l,   l = 2 V² / (U² + V² + 2 C1)
//! contrast·structure  1 − c,   c = 2 Sv / (Su + Sv + 2 C2)
//! 1 − SSIM = l + c − l c
//! ```
//!
//! since x y = (u² − v²) / 4 and x² + y² = (u² + v²) / 2. No digit is lost where the images are close: v is small and
//! so are l and c; identical images have v = 0 and a deficit of exactly 0.

use fastssim_device::math::{fma, max};

use super::exponents;
use super::moments::Moments;
use crate::general::params::Params;

/// The constants, of scaled pixels.
#[derive(Clone, Copy)]
pub(crate) struct Constants {
    two_c1: f64,
    two_c2: f64,
    pub(crate) double: exponents::Constants,
    has_exponents: bool,
}

/// 1 − SSIM, and what SSIM changes by: the means, and twice the variances of u and of v.
///
/// A pixel enters a window of weight g through the means and the variances, so that
///
/// ```text
/// ∂SSIM/∂x = g (by_u + by_v + (u − U) B + (v − V) C)
/// ∂SSIM/∂y = g (by_u − by_v + (u − U) B − (v − V) C)
/// ```
///
/// where the variance of x has a part of its own, these are derivatives with respect to x alone.
#[derive(Clone, Copy)]
pub(crate) struct Derivatives {
    pub(crate) deficit: f64,
    pub(crate) by_u: f64,
    pub(crate) by_v: f64,
    pub(crate) b: f64,
    pub(crate) c: f64,
}

impl Constants {
    #[inline(always)]
    pub(crate) fn new(params: &Params) -> Self {
        let double = exponents::Constants::new(params);
        Self {
            two_c1: 2.0 * params.c1,
            two_c2: 2.0 * params.c2,
            has_exponents: double.has_exponents(),
            double,
        }
    }

    /// Of one window; what nobody uses of it is not computed.
    #[inline(always)]
    pub(crate) fn derivatives(&self, m: &Moments) -> Derivatives {
        if self.has_exponents {
            let moments = [m.u, m.v, m.su, m.sv, m.sx];
            let slopes = self.double.slopes(moments);
            return Derivatives {
                deficit: slopes.deficit,
                by_u: slopes.u,
                by_v: slopes.v,
                // x is half of u and v, so that what is due to the variance of x goes to both.
                b: 2.0 * slopes.su + slopes.sx,
                c: 2.0 * slopes.sv + slopes.sx,
            };
        }
        self.usual(m)
    }

    #[inline(always)]
    fn usual(&self, m: &Moments) -> Derivatives {
        let (zero, two) = (0.0, 2.0);
        let (u, v) = (m.u, m.v);
        let d1 = fma(u, u, fma(v, v, self.two_c1));
        // Rounding can make a variance slightly negative.
        let (su, sv) = (max(m.su, zero), max(m.sv, zero));
        let d2 = su + (sv + self.two_c2);
        // Where a square has overflowed the score must become NaN, which `max` would drop.
        let d2 = fma(m.su + m.sv, zero, d2);
        let (r1, r2) = (1.0 / d1, 1.0 / d2);
        let l = (v * v) * (r1 + r1);
        let c = sv * (r2 + r2);
        // Not by subtraction from 1 and 2: l may be close to 1, c to 2, and no digit would be left.
        let one_minus_l = fma(u - v, u + v, self.two_c1) * r1;
        let one_minus_c = ((su - sv) + self.two_c2) * r2;
        let two_minus_c = (su + self.two_c2) * (r2 + r2);
        // ∂c/∂Su = −c r2 and ∂c/∂Sv = (2 − c) r2; SSIM has the factor 1 − l and the opposite sign.
        let weight = one_minus_l * (r2 + r2);
        // ∂l/∂U = −2 U l r1 and ∂l/∂V = 2 V (2 − l) r1.
        let luminance = one_minus_c * (r1 + r1);
        Derivatives {
            // l + c − l c
            deficit: fma(zero - l, c, l + c),
            by_u: luminance * (u * l),
            by_v: luminance * (v * (l - two)),
            b: weight * c,
            c: weight * (zero - two_minus_c),
        }
    }
}
