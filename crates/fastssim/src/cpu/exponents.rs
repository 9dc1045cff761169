//! SSIM with exponents other than 1, one pixel at a time and in double precision.
//!
//! ```text
//! SSIM = lᵅ cᵝ sᵞ
//! l = 1 − 2 V² / (U² + V² + 2 C1)
//! c = (2 σx σy + C2) / (σx² + σy² + C2)      s = (σxy + C2/2) / (σx σy + C2/2)
//! c s = 1 − 2 Sv / (Su + Sv + 2 C2)
//! ```
//!
//! in the moments of [`super::formula`]. Where β = γ the product c s is all that is needed; otherwise the variance of x
//! is a third signal of the sweep, and σy² = (Su + Sv) / 2 − σx², σxy = (Su − Sv) / 4.

use fearless_simd::prelude::*;

use super::compute::Compute;
use super::formula::{Constants, Derivatives, Moments};
use super::lanes::{BLOCK, Line, Vector, load, store};

/// The exponents α, β and γ, not all of them 1.
#[derive(Clone, Copy)]
pub(super) struct Exponents {
    luminance: f64,
    contrast: f64,
    structure: f64,
}

/// 1 − SSIM of a window, and the derivatives of SSIM by the moments.
#[derive(Clone, Copy, Default)]
struct Slopes {
    deficit: f64,
    u: f64,
    v: f64,
    su: f64,
    sv: f64,
    /// By the variance of x, the others being fixed.
    sx: f64,
}

/// Where one of the terms falls short of 1, and the derivatives of what is missing by Su, Sv and Sx.
struct Shortfall {
    value: f64,
    by: [f64; 3],
}

impl Exponents {
    /// `None` where all are 1.
    pub(super) fn new(exponents: [f64; 3]) -> Option<Self> {
        let [luminance, contrast, structure] = exponents;
        (exponents != [1.0; 3]).then_some(Self {
            luminance,
            contrast,
            structure,
        })
    }

    /// Whether contrast and structure are needed apart, and so the variance of x.
    pub(super) fn are_apart(&self) -> bool {
        self.contrast != self.structure
    }

    /// 1 − SSIM.
    #[inline(always)]
    pub(super) fn deficit<S: Simd, T: Compute>(
        &self,
        simd: S,
        constants: &Constants<T>,
        moments: Moments<Vector<S, T>>,
        sx: Vector<S, T>,
    ) -> Vector<S, T> {
        self.derivatives(simd, constants, moments, sx).deficit
    }

    /// 1 − SSIM and the derivatives that are blurred for the gradient, as [`super::formula::derivatives`] has them.
    #[inline(always)]
    pub(super) fn derivatives<S: Simd, T: Compute>(
        &self,
        simd: S,
        constants: &Constants<T>,
        m: Moments<Vector<S, T>>,
        sx: Vector<S, T>,
    ) -> Derivatives<Vector<S, T>> {
        let lanes = |vector| {
            let mut line = Line::default();
            store::<S, T>(vector, &mut line, 0);
            line.0.map(T::to_f64)
        };
        let [u, v, su, sv, sx] = [m.u, m.v, m.su, m.sv, sx].map(lanes);
        let [mut deficit, mut by_u, mut by_v, mut b, mut c] = [Line::<T>::default(); 5];
        for i in 0..BLOCK.min(Vector::<S, T>::LEN) {
            let (cu, cv) = constants.origin();
            let slopes = self.slopes(constants.pair(), [u[i] + cu, v[i] + cv, su[i], sv[i], sx[i]]);
            deficit.0[i] = T::from_f64(slopes.deficit);
            by_u.0[i] = T::from_f64(slopes.u);
            by_v.0[i] = T::from_f64(slopes.v);
            // x' = (u' + v') / 2, so that what is due to the variance of x goes to both.
            b.0[i] = T::from_f64(2.0 * slopes.su + slopes.sx);
            c.0[i] = T::from_f64(2.0 * slopes.sv + slopes.sx);
        }
        let [deficit, by_u, by_v, b, c] = [deficit, by_u, by_v, b, c].map(|line| load::<S, T>(simd, &line, 0));
        Derivatives {
            deficit,
            a: (by_u + by_v) - m.u * b - m.v * c,
            a_of_y: (by_u - by_v) - m.u * b + m.v * c,
            b,
            c,
        }
    }

    /// Of the moments U, V, Su, Sv, Sx; C1 and C2 come doubled.
    fn slopes(&self, [two_c1, two_c2]: [f64; 2], [u, v, su, sv, sx]: [f64; 5]) -> Slopes {
        // Rounding can make a variance slightly negative; NaN stays.
        let [su, sv, sx] = [su, sv, sx].map(|variance| if variance < 0.0 { 0.0 } else { variance });
        let r1 = 1.0 / (u * u + v * v + two_c1);
        let l = 2.0 * v * v * r1;
        let by_l = [-2.0 * u * l * r1, 2.0 * v * (2.0 - l) * r1];
        let (rest, by_rest) = if self.are_apart() {
            let [contrast, structure] = contrast_and_structure(two_c2, su, sv, sx);
            let (c, by_c) = raised(contrast.value, self.contrast);
            let (s, by_s) = raised(structure.value, self.structure);
            let by = [0, 1, 2].map(|i| -(by_c * s * contrast.by[i] + by_s * c * structure.by[i]));
            (c * s, by)
        } else {
            let r2 = 1.0 / (su + sv + two_c2);
            let missing = 2.0 * sv * r2;
            let (value, slope) = raised(missing, self.contrast);
            (value, [slope * missing * r2, -slope * (2.0 - missing) * r2, 0.0])
        };
        let (luminance, by_luminance) = raised(l, self.luminance);
        let ssim = luminance * rest;
        Slopes {
            deficit: 1.0 - ssim,
            u: -by_luminance * by_l[0] * rest,
            v: -by_luminance * by_l[1] * rest,
            su: luminance * by_rest[0],
            sv: luminance * by_rest[1],
            sx: luminance * by_rest[2],
        }
    }
}

/// Contrast and structure; both are sure to be exactly 1 for identical images.
fn contrast_and_structure(two_c2: f64, su: f64, sv: f64, sx: f64) -> [Shortfall; 2] {
    let (c2, c3) = (two_c2 / 2.0, two_c2 / 4.0);
    let sum = (su + sv) / 2.0;
    let sy = if sum < sx { 0.0 } else { sum - sx };
    let covariance = (su - sv) / 4.0;
    let deviations = (sx * sy).sqrt();
    let (by_sx, by_sy) = if deviations > 0.0 {
        (sy / (2.0 * deviations), sx / (2.0 * deviations))
    } else {
        (0.0, 0.0)
    };
    // From the derivatives by σx², σy² and σxy to those by Su, Sv and Sx.
    let by_moments = |x: f64, y: f64, covariance: f64| [y / 2.0 + covariance / 4.0, y / 2.0 - covariance / 4.0, x - y];
    let d2 = sum + c2;
    // σx − σy from the difference of the variances, which has more digits.
    let roots = sx.sqrt() + sy.sqrt();
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
fn raised(missing: f64, exponent: f64) -> (f64, f64) {
    let base = 1.0 - missing;
    if exponent == 1.0 {
        return (base, 1.0);
    }
    if base < 0.0 && exponent.fract() != 0.0 {
        return (0.0, 0.0);
    }
    let slope = exponent * base.powf(exponent - 1.0);
    let slope = if slope.is_infinite() || exponent == 0.0 {
        0.0
    } else {
        slope
    };
    // What NaN to the power of 0 would hide: an image with NaN has no score.
    (base.powf(exponent) + missing * 0.0, slope)
}
