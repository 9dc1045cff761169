//! Lines of sixteen pixels, and the vectors that they are computed in.
//!
//! Whatever the width of the processor's registers, the backend works on *lines* of sixteen
//! numbers and on *blocks* of sixteen lines. A line is 16 / LEN vectors; the index of a vector in
//! its line is its *group*.

use fearless_simd::prelude::*;

/// Numbers in a line, and lines in a block.
pub(super) const BLOCK: usize = 16;

/// Sixteen neighbouring numbers, aligned so that no vector crosses a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Line<T>(pub(super) [T; BLOCK]);

impl<T: Copy + Default> Default for Line<T> {
    fn default() -> Self {
        Self([T::default(); BLOCK])
    }
}

/// The processor's native vector of `T`.
pub(super) type Vector<S, T> = <T as SimdFloatElement>::Native<S>;

/// Vectors in a line.
#[inline(always)]
pub(super) fn groups<S: Simd, T: SimdFloatElement>() -> usize {
    BLOCK / Vector::<S, T>::LEN
}

#[inline(always)]
pub(super) fn splat<S: Simd, T: SimdFloatElement>(simd: S, value: T) -> Vector<S, T> {
    Vector::<S, T>::splat(simd, value)
}

#[inline(always)]
pub(super) fn load<S: Simd, T: SimdFloatElement>(simd: S, line: &Line<T>, group: usize) -> Vector<S, T> {
    let len = Vector::<S, T>::LEN;
    Vector::<S, T>::from_slice(simd, &line.0[group * len..group * len + len])
}

#[inline(always)]
pub(super) fn store<S: Simd, T: SimdFloatElement>(vector: Vector<S, T>, line: &mut Line<T>, group: usize) {
    let len = Vector::<S, T>::LEN;
    vector.store_slice(&mut line.0[group * len..group * len + len]);
}

/// Transposes one block: `to[j][i] = from[i][j]`. Both slices are sixteen lines long.
#[inline(always)]
pub(super) fn transpose<S: Simd, T: SimdFloatElement>(simd: S, from: &[Line<T>], to: &mut [Line<T>]) {
    let len = Vector::<S, T>::LEN;
    let (from, to) = (&from[..BLOCK], &mut to[..BLOCK]);
    for row in 0..BLOCK / len {
        for col in 0..BLOCK / len {
            // A len × len tile: log2(len) rounds of interleaving vector i with vector i + len/2.
            let mut tile = [splat::<S, T>(simd, T::default()); BLOCK];
            for i in 0..len {
                tile[i] = load::<S, T>(simd, &from[row * len + i], col);
            }
            let mut round = len;
            while round > 1 {
                let mut next = tile;
                for i in 0..len / 2 {
                    let (low, high) = tile[i].interleave(tile[i + len / 2]);
                    next[2 * i] = low;
                    next[2 * i + 1] = high;
                }
                tile = next;
                round /= 2;
            }
            for i in 0..len {
                store::<S, T>(tile[i], &mut to[col * len + i], row);
            }
        }
    }
}
