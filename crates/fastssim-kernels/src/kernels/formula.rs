//! SSIM and its derivatives at one pixel, from the four moments.
//!
//! With u = x + y, v = x − y, their blurred means U, V and variances Su = K∗u² − U²,
//! Sv = K∗v² − V², the two factors of SSIM (Wang et al. 2004) are
//!
//! ```text
//! luminance           1 − l,   l / 2 = V² / (U² + V² + 2 C1)
//! contrast·structure  1 − c,   c / 2 = Sv / (Su + Sv + 2 C2)
//! (1 − SSIM) / 2 = l / 2 + (1 − l) c / 2
//! ```
//!
//! since x y = (u² − v²) / 4 and x² + y² = (u² + v²) / 2. No digit is lost where the images are
//! close: v is small and so are l and c; identical images have v = 0 and a deficit of exactly 0. Halves take the fewest
//! instructions, and doubling a sum of them is exact.

use fastssim_device::math::{fma, reciprocal};

use super::shift::Shift;
use crate::geometry::Work;
use crate::params::Params;

/// Means of u' and v' in a window, and their variances.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moments {
    pub(crate) u: f32,
    pub(crate) v: f32,
    pub(crate) su: f32,
    pub(crate) sv: f32,
}

impl Moments {
    /// Those of a window, from its sums of u', v' and their squares.
    #[inline(always)]
    pub(crate) fn new([u, v, uu, vv]: [f32; 4]) -> Self {
        Self {
            u,
            v,
            // Not fused: of a flat region both terms are rounded alike, and cancel.
            su: uu - u * u,
            sv: vv - v * v,
        }
    }
}

/// What the formula is told besides.
#[derive(Clone, Copy)]
pub(crate) struct Constants {
    cu: f32,
    cv: f32,
    two_c1: f32,
    two_c2: f32,
}

/// What score and derivatives have in common.
struct Terms {
    u: f32,
    v: f32,
    sv: f32,
    /// Su + 2 C2.
    t: f32,
    /// 1 / (U² + V² + 2 C1) and 1 / (Su + Sv + 2 C2).
    r1: f32,
    r2: f32,
    half_l: f32,
    half_c: f32,
}

/// The derivatives of SSIM that are blurred for the gradient.
///
/// A pixel's u and v enter through the means and through the mean squares, so that
///
/// ```text
/// ∂SSIM/∂x = Kᵀ(A) + u' Kᵀ(B) + v' Kᵀ(C)
/// A = ∂/∂U + ∂/∂V,   B = 2 ∂/∂(K∗u'²),   C = 2 ∂/∂(K∗v'²)
/// ```
///
/// With A in its two parts, one map more gives the gradient with respect to y too, as v = x − y:
///
/// ```text
/// ∂SSIM/∂x, ∂SSIM/∂y = (Kᵀ(∂/∂U) + u' Kᵀ(B)) ± (Kᵀ(∂/∂V) + v' Kᵀ(C))
/// ```
#[derive(Clone, Copy)]
pub(crate) struct Derivatives<const MAPS: usize> {
    /// (1 − SSIM) / 2.
    pub(crate) half_deficit: f32,
    /// Quarters of A, B and C; where there are four those of ∂/∂U and B, then of ∂/∂V and C.
    pub(crate) quarters: [f32; MAPS],
}

/// Maps of derivatives for the gradient with respect to x.
pub(crate) const ONE: usize = 3;
/// Maps of derivatives for both gradients.
pub(crate) const BOTH: usize = 4;

/// Which work so many maps are for.
pub(crate) const fn work_of(maps: usize) -> Work {
    if maps == BOTH { Work::Gradients } else { Work::Gradient }
}

/// The derivatives with respect to a pixel of x, and of y if there are maps for both, from the blurred maps and the pixel's u'
/// and v'.
#[inline(always)]
pub(crate) fn slopes<const MAPS: usize>(maps: [f32; MAPS], [u, v]: [f32; 2]) -> [f32; 2] {
    if MAPS == BOTH {
        let (by_u, by_v) = (fma(u, maps[1], maps[0]), fma(v, maps[3], maps[2]));
        [by_u + by_v, by_u - by_v]
    } else {
        [fma(v, maps[2], fma(u, maps[1], maps[0])), 0.0]
    }
}

impl Constants {
    #[inline(always)]
    pub(crate) fn new(params: &Params, shift: &Shift) -> Self {
        Self::with([params.c1, params.c2], shift)
    }

    /// For these C1 and C2 of scaled pixels.
    #[inline(always)]
    pub(crate) fn with([c1, c2]: [f32; 2], shift: &Shift) -> Self {
        Self {
            cu: shift.cu,
            cv: shift.cv,
            two_c1: 2.0 * c1,
            two_c2: 2.0 * c2,
        }
    }

    #[inline(always)]
    fn terms(&self, m: &Moments) -> Terms {
        let (u, v) = (m.u + self.cu, m.v + self.cv);
        let d1 = fma(u, u, fma(v, v, self.two_c1));
        // Rounding can make a variance slightly negative, which must not make the sum zero. Above it stays: errors of one sign
        // would add up.
        let t = m.su.abs() + self.two_c2;
        let (r1, r2) = (inverse(d1), inverse(t + m.sv.abs()));
        Terms {
            u,
            v,
            sv: m.sv,
            t,
            r1,
            r2,
            half_l: (v * v) * r1,
            half_c: m.sv * r2,
        }
    }

    /// (1 − SSIM) / 2.
    #[inline(always)]
    pub(crate) fn half_deficit(&self, m: &Moments) -> f32 {
        let Terms { half_l, half_c, .. } = self.terms(m);
        fma(half_c, fma(-2.0, half_l, 1.0), half_l)
    }

    #[inline(always)]
    pub(crate) fn derivatives<const MAPS: usize>(&self, m: &Moments) -> Derivatives<MAPS> {
        let Terms {
            u,
            v,
            sv,
            t,
            r1,
            r2,
            half_l,
            half_c,
        } = self.terms(m);
        // Not by subtraction from 1 and 2: l may be close to 1, c to 2, and no digit would be left.
        let one_minus_l = fma(u - v, u + v, self.two_c1) * r1;
        let one_minus_c = (t - sv) * r2;
        let half_two_minus_c = t * r2;
        // ∂c/∂Su = −c r2 and ∂c/∂Sv = (2 − c) r2; SSIM has the factor 1 − l and the opposite sign.
        let weight = -(one_minus_l * r2);
        let b = -weight * half_c;
        let c = weight * half_two_minus_c;
        // ∂l/∂U = −2 U l r1 and ∂l/∂V = 2 V (2 − l) r1; the means also enter through the variances.
        let luminance = one_minus_c * r1;
        let maps = if MAPS == BOTH {
            let by_u = fma(-m.u, b, luminance * (u * half_l));
            [by_u, b, fma(-m.v, c, luminance * fma(v, half_l, -v)), c]
        } else {
            let a = fma(-m.v, c, fma(-m.u, b, luminance * fma(u + v, half_l, -v)));
            [a, b, c, 0.0]
        };
        Derivatives {
            half_deficit: fma(half_c, one_minus_l, half_l),
            quarters: core::array::from_fn(|map| maps[map]),
        }
    }
}

/// 1 / `d`, with one step of Newton's after the device's own, which is off by a unit in the last place: constant
/// images would show it.
#[inline(always)]
fn inverse(d: f32) -> f32 {
    let r = reciprocal(d);
    fma(r, fma(-d, r, 1.0), r)
}
