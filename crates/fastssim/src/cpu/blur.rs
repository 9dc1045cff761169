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
//! With up to seventeen taps `z` stays in registers and four outputs are computed at once: with
//! eleven (r = 5) fourteen lines, six weights and four sums fit the 32 registers of AVX-512 and
//! NEON. The pairs are added first, so a blurred number costs five additions and six
//! multiplications, which processors with separate adders do side by side.
//!
//! Larger windows, and that of one tap, are walked for four outputs at once, from the centre
//! outwards: at each step a line is loaded on either side, and serves all four. The operations on a
//! number and their order are the same.

use fearless_simd::prelude::*;

use super::lanes::{Line, Vector, load, splat, store};

/// Outputs computed at once; a multiple of it is always asked for.
pub(super) const STEP: usize = 4;
/// The radius of the usual window, of eleven taps.
const USUAL: usize = 5;
/// The largest radius of a window whose lines are kept in registers.
const KEPT: usize = 8;

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
    let slide = Slide {
        simd,
        half,
        group,
        from,
        with: from,
        map: |z, _| z,
    };
    slide.run(to.chunks_exact_mut(STEP), move |sum, to, i| {
        store::<S, T>(sum, &mut to[i], group)
    });
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
    let slide = Slide {
        simd,
        half,
        group,
        from,
        with: from,
        map: move |z, _| z - center,
    };
    slide.run(mean.chunks_exact_mut(STEP), move |sum, mean, i| {
        store::<S, T>(sum, &mut mean[i], group)
    });
    let both = mean.chunks_exact_mut(STEP).zip(variance.chunks_exact_mut(STEP));
    let emit = move |sum: Vector<S, T>, (mean, variance): &mut (&mut [Line<T>], &mut [Line<T>]), i: usize| {
        let m = load::<S, T>(simd, &mean[i], group);
        store::<S, T>(m + center, &mut mean[i], group);
        // Not fused: of a flat region both terms are rounded alike, and cancel.
        store::<S, T>(sum - m * m, &mut variance[i], group);
    };
    if spread.is_empty() {
        let slide = Slide {
            simd,
            half,
            group,
            from,
            with: from,
            map: move |z, _| (z - center) * (z - center),
        };
        slide.run(both, emit);
    } else {
        let slide = Slide {
            simd,
            half,
            group,
            from,
            with: spread,
            map: move |z: Vector<S, T>, spread| (z - center).mul_add(z - center, spread),
        };
        slide.run(both, emit);
    }
}

/// A window that slides over `map(from, with)`.
struct Slide<'a, S, T, M> {
    simd: S,
    /// The window from its centre outwards.
    half: &'a [T],
    group: usize,
    from: &'a [Line<T>],
    with: &'a [Line<T>],
    map: M,
}

impl<S, T, M> Slide<'_, S, T, M>
where
    S: Simd,
    T: SimdFloatElement,
    M: Fn(Vector<S, T>, Vector<S, T>) -> Vector<S, T>,
{
    /// Hands each sum to `emit`, with the chunk of [`STEP`] outputs that it belongs to and its place there.
    ///
    /// The usual window's code is part of the caller's. That of the others is apart, once for all callers: a branch
    /// that is never taken is all that the usual one knows of it.
    ///
    /// Closures own what they capture: by reference it would be in memory for the sake of the code apart, and be read
    /// from there at every use by the usual window's too.
    #[inline(always)]
    fn run<C>(self, to: impl Iterator<Item = C>, emit: impl Fn(Vector<S, T>, &mut C, usize)) {
        if self.half.len() - 1 == USUAL {
            self.keep::<USUAL, _>(to, emit);
            return;
        }
        self.simd.vectorize(
            #[inline(always)]
            || match self.half.len() - 1 {
                1 => self.keep::<1, _>(to, emit),
                2 => self.keep::<2, _>(to, emit),
                3 => self.keep::<3, _>(to, emit),
                4 => self.keep::<4, _>(to, emit),
                6 => self.keep::<6, _>(to, emit),
                7 => self.keep::<7, _>(to, emit),
                KEPT => self.keep::<KEPT, _>(to, emit),
                _ => self.walk(to, emit),
            },
        );
    }

    /// Keeps the window's lines from one chunk to the next.
    #[inline(always)]
    fn keep<const RADIUS: usize, C>(self, to: impl Iterator<Item = C>, emit: impl Fn(Vector<S, T>, &mut C, usize)) {
        let mut w = [splat::<S, T>(self.simd, self.half[0]); KEPT + 1];
        for (w, &weight) in w.iter_mut().zip(&self.half[..RADIUS + 1]) {
            *w = splat::<S, T>(self.simd, weight);
        }
        let (head, rest) = self.from.split_at(2 * RADIUS);
        let (head_with, rest_with) = self.with.split_at(2 * RADIUS);
        let mut z = [w[0]; 2 * KEPT + STEP];
        for i in 0..2 * RADIUS {
            z[i] = self.at(&head[i], &head_with[i]);
        }
        for ((new, new_with), mut to) in rest.chunks_exact(STEP).zip(rest_with.chunks_exact(STEP)).zip(to) {
            for i in 0..STEP {
                z[2 * RADIUS + i] = self.at(&new[i], &new_with[i]);
            }
            for i in 0..STEP {
                let mut sum = z[i + RADIUS] * w[0];
                for k in 1..=RADIUS {
                    sum = (z[i + RADIUS - k] + z[i + RADIUS + k]).mul_add(w[k], sum);
                }
                emit(sum, &mut to, i);
            }
            for i in 0..2 * RADIUS {
                z[i] = z[i + STEP];
            }
        }
    }

    /// Walks from the centre of each chunk outwards.
    #[inline(always)]
    fn walk<C>(self, to: impl Iterator<Item = C>, emit: impl Fn(Vector<S, T>, &mut C, usize)) {
        let radius = self.half.len() - 1;
        for (chunk, mut to) in to.enumerate() {
            let center = chunk * STEP + radius;
            // The lines k above the centres of the four outputs, and k below.
            let mut above = [
                self.line(center),
                self.line(center + 1),
                self.line(center + 2),
                self.line(center + 3),
            ];
            let mut below = above;
            let mut sums = above;
            for sum in &mut sums {
                *sum *= self.half[0];
            }
            for (k, &weight) in self.half.iter().enumerate().skip(1) {
                above = [self.line(center - k), above[0], above[1], above[2]];
                below = [below[1], below[2], below[3], self.line(center + 3 + k)];
                let w = splat::<S, T>(self.simd, weight);
                for i in 0..STEP {
                    sums[i] = (above[i] + below[i]).mul_add(w, sums[i]);
                }
            }
            for (i, sum) in sums.into_iter().enumerate() {
                emit(sum, &mut to, i);
            }
        }
    }

    /// Not a closure: nothing would have it inlined, and each of its operations would be a call.
    #[inline(always)]
    fn line(&self, index: usize) -> Vector<S, T> {
        self.at(&self.from[index], &self.with[index])
    }

    #[inline(always)]
    fn at(&self, from: &Line<T>, with: &Line<T>) -> Vector<S, T> {
        let from = load::<S, T>(self.simd, from, self.group);
        let with = load::<S, T>(self.simd, with, self.group);
        (self.map)(from, with)
    }
}
