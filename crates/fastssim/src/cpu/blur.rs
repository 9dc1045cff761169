//! The blur along one axis: a symmetric window slides over lines.
//!
//! Both directions use it. Along columns the lines are rows of the image; along rows they are its
//! columns, the block having been transposed. Every number is loaded once:
//!
//! ```text
//! z = the first 2r lines
//! for each further line:
//!     append it to z
//!     out = w[0] z[r] + w[1] (z[r-1] + z[r+1]) + … + w[r] (z[0] + z[2r])
//!     drop z[0]
//! ```
//!
//! With eleven taps (r = 5) `z` stays in registers and four outputs are computed at once: fourteen
//! lines, six weights and four sums fit the 32 registers of AVX-512 and NEON. The pairs are added
//! first, so a blurred number costs five additions and six multiplications, which processors
//! with separate adders do side by side.

use fearless_simd::prelude::*;

use super::lanes::{Line, Vector, load, splat, store};

/// Outputs computed at once by the eleven-tap blur; a multiple of it is always asked for.
pub(super) const STEP: usize = 4;

/// `to[i] = Σ_k window[k] · from[i + k]` for one group of each line.
///
/// `half` is the window from its centre outwards; `from` is `2 * (half.len() - 1)` lines longer
/// than `to`, whose length is a multiple of [`STEP`].
#[inline(always)]
pub(super) fn blur<S: Simd, T: SimdFloatElement>(
    simd: S,
    half: &[T],
    group: usize,
    from: &[Line<T>],
    to: &mut [Line<T>],
) {
    let to = to.chunks_exact_mut(STEP);
    slide(
        simd,
        half,
        group,
        from,
        from,
        |z, _| z,
        to,
        |sum, to, i| store::<S, T>(sum, &mut to[i], group),
    );
}

/// Means and variances of `from` under the window, of numbers that have a variance of their own
/// already: `spread`, if it is not empty.
///
/// The numbers are taken as differences from `center`, which is near them: the variance is then no
/// small difference of large numbers.
///
/// ```text
/// mean     = center + Σ w (from − center)
/// variance = Σ w (spread + (from − center)²) − (mean − center)²
/// ```
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "two inputs and two outputs")]
pub(super) fn mean_and_variance<S: Simd, T: SimdFloatElement>(
    simd: S,
    half: &[T],
    group: usize,
    from: &[Line<T>],
    spread: &[Line<T>],
    center: Vector<S, T>,
    mean: &mut [Line<T>],
    variance: &mut [Line<T>],
) {
    let means = mean.chunks_exact_mut(STEP);
    slide(
        simd,
        half,
        group,
        from,
        from,
        |z, _| z - center,
        means,
        |sum, mean, i| store::<S, T>(sum, &mut mean[i], group),
    );
    let both = mean.chunks_exact_mut(STEP).zip(variance.chunks_exact_mut(STEP));
    let emit = |sum: Vector<S, T>, (mean, variance): &mut (&mut [Line<T>], &mut [Line<T>]), i: usize| {
        let m = load::<S, T>(simd, &mean[i], group);
        store::<S, T>(m + center, &mut mean[i], group);
        // Not fused: of a flat region both terms are rounded alike, and cancel.
        store::<S, T>(sum - m * m, &mut variance[i], group);
    };
    if spread.is_empty() {
        let square = |z: Vector<S, T>, _| (z - center) * (z - center);
        slide(simd, half, group, from, from, square, both, emit);
    } else {
        let square = |z: Vector<S, T>, spread| (z - center).mul_add(z - center, spread);
        slide(simd, half, group, from, spread, square, both, emit);
    }
}

/// Slides the window over `map(from, with)` and hands each sum to `emit`, with the chunk of
/// [`STEP`] outputs that it belongs to and its place there.
#[inline(always)]
#[expect(
    clippy::too_many_arguments,
    reason = "two inputs and an output, each with what is done to it"
)]
fn slide<S: Simd, T: SimdFloatElement, C>(
    simd: S,
    half: &[T],
    group: usize,
    from: &[Line<T>],
    with: &[Line<T>],
    map: impl Fn(Vector<S, T>, Vector<S, T>) -> Vector<S, T>,
    to: impl Iterator<Item = C>,
    emit: impl Fn(Vector<S, T>, &mut C, usize),
) {
    let at = |from, with| map(load::<S, T>(simd, from, group), load::<S, T>(simd, with, group));
    if let &[w0, w1, w2, w3, w4, w5] = half {
        let s = |weight| splat::<S, T>(simd, weight);
        let w = [s(w0), s(w1), s(w2), s(w3), s(w4), s(w5)];
        let (head, rest) = from.split_at(10);
        let (head_with, rest_with) = with.split_at(10);
        let mut z = [w[0]; 10 + STEP];
        for i in 0..10 {
            z[i] = at(&head[i], &head_with[i]);
        }
        for ((new, new_with), mut to) in rest.chunks_exact(STEP).zip(rest_with.chunks_exact(STEP)).zip(to) {
            for i in 0..STEP {
                z[10 + i] = at(&new[i], &new_with[i]);
            }
            for i in 0..STEP {
                let mut sum = z[i + 5] * w[0];
                sum = (z[i + 4] + z[i + 6]).mul_add(w[1], sum);
                sum = (z[i + 3] + z[i + 7]).mul_add(w[2], sum);
                sum = (z[i + 2] + z[i + 8]).mul_add(w[3], sum);
                sum = (z[i + 1] + z[i + 9]).mul_add(w[4], sum);
                sum = (z[i] + z[i + 10]).mul_add(w[5], sum);
                emit(sum, &mut to, i);
            }
            for i in 0..10 {
                z[i] = z[i + STEP];
            }
        }
    } else {
        let radius = half.len() - 1;
        for (chunk, mut to) in to.enumerate() {
            for i in 0..STEP {
                let center = chunk * STEP + i + radius;
                let z = |k: usize| at(&from[k], &with[k]);
                let mut sum = z(center) * half[0];
                for (k, &weight) in half.iter().enumerate().skip(1) {
                    let pair = z(center - k) + z(center + k);
                    sum = pair.mul_add(splat::<S, T>(simd, weight), sum);
                }
                emit(sum, &mut to, i);
            }
        }
    }
}
