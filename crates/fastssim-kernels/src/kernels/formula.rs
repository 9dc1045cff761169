//! SSIM and its derivatives at one pixel, from the four moments.
//!
//! With u = x + y, v = x − y, their blurred means U, V and variances Su = K∗u² − U²,
//! Sv = K∗v² − V², the two factors of SSIM (Wang et al. 2004) are
//!
//! ```text
//! luminance           1 − l,   l = 2 V² / (U² + V² + 2 C1)
//! contrast·structure  1 − c,   c = 2 Sv / (Su + Sv + 2 C2)
//! 1 − SSIM = l + c − l c
//! ```
//!
//! since x y = (u² − v²) / 4 and x² + y² = (u² + v²) / 2. No digit is lost where the images are
//! close: v is small and so are l and c; identical images have v = 0 and a deficit of exactly 0.

use fastssim_device::math::{fma, max, reciprocal};

use super::shift::Shift;
use crate::params::Params;

/// Means of u' and v' in a window, and their variances.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moments {
    pub(crate) u: f32,
    pub(crate) v: f32,
    pub(crate) su: f32,
    pub(crate) sv: f32,
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
    su: f32,
    sv: f32,
    /// 1 / (U² + V² + 2 C1) and 1 / (Su + Sv + 2 C2).
    r1: f32,
    r2: f32,
    l: f32,
    c: f32,
}

/// The derivatives of SSIM that are blurred for the gradient.
///
/// A pixel's u and v enter through the means and through the mean squares, so that
///
/// ```text
/// ∂SSIM/∂x = Kᵀ(A) + u' Kᵀ(B) + v' Kᵀ(C)
/// A = ∂/∂U + ∂/∂V,   B = 2 ∂/∂(K∗u'²),   C = 2 ∂/∂(K∗v'²)
/// ```
pub(crate) struct Derivatives {
    pub(crate) deficit: f32,
    /// A, B and C.
    pub(crate) maps: [f32; 3],
}

impl Constants {
    #[inline(always)]
    pub(crate) fn new(params: &Params, shift: &Shift) -> Self {
        Self {
            cu: shift.cu,
            cv: shift.cv,
            two_c1: 2.0 * params.c1,
            two_c2: 2.0 * params.c2,
        }
    }

    #[inline(always)]
    fn terms(&self, m: &Moments) -> Terms {
        let (u, v) = (m.u + self.cu, m.v + self.cv);
        let d1 = fma(u, u, fma(v, v, self.two_c1));
        // Rounding can make a variance slightly negative.
        let (su, sv) = (max(m.su, 0.0), max(m.sv, 0.0));
        let d2 = su + (sv + self.two_c2);
        // Where a square has overflowed the score must become NaN, which `max` would drop.
        let d2 = fma(m.su + m.sv, 0.0, d2);
        let (r1, r2) = (inverse(d1), inverse(d2));
        Terms {
            u,
            v,
            su,
            sv,
            r1,
            r2,
            l: (v * v) * (r1 + r1),
            c: sv * (r2 + r2),
        }
    }

    /// 1 − SSIM.
    #[inline(always)]
    pub(crate) fn deficit(&self, m: &Moments) -> f32 {
        let Terms { l, c, .. } = self.terms(m);
        total(l, c)
    }

    #[inline(always)]
    pub(crate) fn derivatives(&self, m: &Moments) -> Derivatives {
        let Terms {
            u,
            v,
            su,
            sv,
            r1,
            r2,
            l,
            c,
        } = self.terms(m);
        // Not by subtraction from 1 and 2: l may be close to 1, c to 2, and no digit would be left.
        let one_minus_l = fma(u - v, u + v, self.two_c1) * r1;
        let one_minus_c = ((su - sv) + self.two_c2) * r2;
        let two_minus_c = (su + self.two_c2) * (r2 + r2);
        // ∂c/∂Su = −c r2 and ∂c/∂Sv = (2 − c) r2; SSIM has the factor 1 − l and the opposite sign.
        let weight = one_minus_l * (r2 + r2);
        let b = weight * c;
        let minus_c = weight * two_minus_c;
        // ∂l/∂U = −2 U l r1 and ∂l/∂V = 2 V (2 − l) r1; the means also enter through the variances.
        let luminance = one_minus_c * (r1 + r1) * (u * l - v * (2.0 - l));
        let a = fma(m.v, minus_c, fma(-m.u, b, luminance));
        Derivatives {
            deficit: total(l, c),
            maps: [a, b, -minus_c],
        }
    }
}

/// l + c − l c.
#[inline(always)]
fn total(l: f32, c: f32) -> f32 {
    fma(-l, c, l + c)
}

/// 1 / `d`, with one step of Newton's after the device's own, which is off by a unit in the last place: constant
/// images would show it.
#[inline(always)]
fn inverse(d: f32) -> f32 {
    let r = reciprocal(d);
    fma(r, fma(-d, r, 1.0), r)
}
