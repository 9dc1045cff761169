//! SSIM and its derivatives at one pixel, from the four moments.
//!
//! With u = x + y, v = x − y, their blurred means U, V and variances
//! Su = K∗u² − U², Sv = K∗v² − V², the two factors of SSIM (Wang et al. 2004) are
//!
//! ```text
//! luminance           1 − l,   l = 2 V² / (U² + V² + 2 C1)
//! contrast·structure  1 − c,   c = 2 Sv / (Su + Sv + 2 C2)
//! 1 − SSIM = l + c − l c
//! ```
//!
//! since x y = (u² − v²) / 4 and x² + y² = (u² + v²) / 2. No digit is lost where the images are
//! close: v is small and so are l and c; identical images have v = 0 and a deficit of exactly 0.
//!
//! The moments come of shifted pixels (see [`super::fill`]): U = U' + cu and V = V' + cv, while
//! the variances are those of u' and v'.

use fearless_simd::prelude::*;

use super::compute::Compute;
use super::lanes::{Vector, splat};
use super::shift::Shift;

/// The constants of the formula within one tile, in scaled units.
#[derive(Clone, Copy)]
pub(super) struct Constants<T> {
    cu: T,
    cv: T,
    two_c1: T,
    two_c2: T,
    /// What is lost in the rounding of 2 C2: the same for all pixels, and so the image's.
    two_c2_rest: T,
}

impl<T: Compute> Constants<T> {
    pub(super) fn new(shift: &Shift<T>, c1: f64, c2: f64) -> Self {
        Self {
            cu: shift.cx + shift.cy,
            cv: shift.cx - shift.cy,
            two_c1: T::from_f64(2.0 * c1),
            two_c2: T::from_f64(2.0 * c2),
            two_c2_rest: T::from_f64(2.0 * c2 - T::from_f64(2.0 * c2).to_f64()),
        }
    }

    /// The shift of u and of v, in double precision.
    pub(super) fn origin(&self) -> (f64, f64) {
        (self.cu.to_f64(), self.cv.to_f64())
    }

    /// 2 C1 and 2 C2 in double precision.
    pub(super) fn pair(&self) -> [f64; 2] {
        [self.two_c1.to_f64(), self.two_c2.to_f64() + self.two_c2_rest.to_f64()]
    }

    /// 1 − SSIM of a flat region at the shift itself, where U' = V' = 0, in double precision.
    pub(super) fn flat_deficit(shift: &Shift<T>, c1: f64) -> f64 {
        let (cx, cy) = (shift.cx.to_f64(), shift.cy.to_f64());
        (cx - cy).powi(2) / (cx * cx + cy * cy + c1)
    }
}

/// The moments of one vector of pixels: means of u' and v', and their variances.
#[derive(Clone, Copy)]
pub(super) struct Moments<V> {
    pub(super) u: V,
    pub(super) v: V,
    pub(super) su: V,
    pub(super) sv: V,
}

/// What score and derivatives have in common.
struct Terms<V> {
    u: V,
    v: V,
    su: V,
    sv: V,
    /// 1 / (U² + V² + 2 C1) and 1 / (Su + Sv + 2 C2).
    r1: V,
    r2: V,
    l: V,
    c: V,
}

#[inline(always)]
fn terms<S: Simd, T: Compute>(simd: S, k: &Constants<T>, m: Moments<Vector<S, T>>) -> Terms<Vector<S, T>> {
    let zero = splat::<S, T>(simd, T::default());
    let (u, v) = (m.u + k.cu, m.v + k.cv);
    let v2 = v * v;
    // Rounding can make a variance slightly negative.
    let (su, sv) = (zero.max(m.su), zero.max(m.sv));
    let variances = su + sv;
    let times_two_c2 = |v: Vector<S, T>| v.mul_add(splat(simd, k.two_c2), v * k.two_c2_rest);
    // Adding a constant to numbers of like size rounds all of them the same way, which shows in
    // the mean of an image. So C1 and C2 only enter next to a product that is not yet rounded.
    let d1 = u.mul_add(u, v.mul_add(v, splat::<S, T>(simd, k.two_c1)));
    let product = d1.mul_add(variances, times_two_c2(d1));
    // Where the product overflows the score must become NaN, not 1.
    let r = splat::<S, T>(simd, T::from(1u8)) / product + product * T::default();
    let (r1, r2) = (variances.mul_add(r, times_two_c2(r)), d1 * r);
    Terms {
        u,
        v,
        su,
        sv,
        r1,
        r2,
        l: (v2 + v2) * r1,
        c: (sv + sv) * r2,
    }
}

/// 1 − SSIM.
#[inline(always)]
pub(super) fn deficit<S: Simd, T: Compute>(simd: S, k: &Constants<T>, m: Moments<Vector<S, T>>) -> Vector<S, T> {
    let Terms { l, c, .. } = terms(simd, k, m);
    total::<S, T>(l, c)
}

#[inline(always)]
fn total<S: Simd, T: Compute>(l: Vector<S, T>, c: Vector<S, T>) -> Vector<S, T> {
    (-l).mul_add(c, l + c)
}

/// The derivatives of SSIM that are blurred for the gradient.
///
/// A pixel's u and v enter through the means and through the mean squares, so that
///
/// ```text
/// ∂SSIM/∂x = Kᵀ(A) + u' Kᵀ(B) + v' Kᵀ(C)
/// ∂SSIM/∂y = Kᵀ(A of y) + u' Kᵀ(B) − v' Kᵀ(C)
/// A = ∂/∂U + ∂/∂V,   A of y = ∂/∂U − ∂/∂V,   B = 2 ∂/∂(K∗u'²),   C = 2 ∂/∂(K∗v'²)
/// ```
pub(super) struct Derivatives<V> {
    pub(super) deficit: V,
    pub(super) a: V,
    pub(super) a_of_y: V,
    pub(super) b: V,
    pub(super) c: V,
}

#[inline(always)]
pub(super) fn derivatives<S: Simd, T: Compute>(
    simd: S,
    k: &Constants<T>,
    m: Moments<Vector<S, T>>,
) -> Derivatives<Vector<S, T>> {
    let Terms {
        u,
        v,
        su,
        sv,
        r1,
        r2,
        l,
        c,
    } = terms(simd, k, m);
    let two = splat::<S, T>(simd, T::from(2u8));
    // Not by subtraction from 1 and 2: l may be close to 1, c to 2, and no digit would be left.
    let one_minus_l = (u - v).mul_add(u + v, splat::<S, T>(simd, k.two_c1)) * r1;
    let one_minus_c = ((su - sv) + k.two_c2) * r2;
    let two_minus_c = (su + k.two_c2) * (r2 + r2);
    // ∂c/∂Su = −c r2 and ∂c/∂Sv = (2 − c) r2; SSIM has the factor 1 − l and the opposite sign.
    let weight = one_minus_l * (r2 + r2);
    let b = weight * c;
    let minus_c = weight * two_minus_c;
    // ∂l/∂U = −2 U l r1 and ∂l/∂V = 2 V (2 − l) r1; the means also enter through the variances.
    let luminance = one_minus_c * (r1 + r1);
    let (by_u, by_v) = (u * l, v * (two - l));
    let a = luminance * (by_u - by_v) - m.u * b + m.v * minus_c;
    Derivatives {
        deficit: total::<S, T>(l, c),
        a,
        // Computed only where it is used, this being inlined.
        a_of_y: luminance * (by_u + by_v) - m.u * b - m.v * minus_c,
        b,
        c: -minus_c,
    }
}
