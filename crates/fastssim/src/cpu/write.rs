//! Where results leave: lines of numbers to the caller's arrays.

use half::{bf16, f16};
use ndarray::{ArrayViewMut4, s};

use super::compute::Compute;
use super::lanes::{BLOCK, Line};
use crate::input::RealsMut;
use crate::options::Padding;

/// Writes the first `cols` numbers of each line to rows of `out` from `at` on.
#[inline(always)]
pub(super) fn write<T: Compute>(out: &mut RealsMut<'_>, at: [usize; 2], cols: usize, lines: &[Line<T>]) {
    match out {
        RealsMut::F16(out) => write_as(out, at, cols, lines, |value| f16::from_f64(value.to_f64())),
        RealsMut::Bf16(out) => write_as(out, at, cols, lines, |value| bf16::from_f64(value.to_f64())),
        RealsMut::F32(out) => write_as(out, at, cols, lines, T::to_f32),
        RealsMut::F64(out) => write_as(out, at, cols, lines, T::to_f64),
    }
}

#[inline(always)]
fn write_as<T: Copy, R>(
    out: &mut ArrayViewMut4<'_, R>,
    [row, col]: [usize; 2],
    cols: usize,
    lines: &[Line<T>],
    convert: impl Fn(T) -> R,
) {
    let mut out = out.slice_mut(s![0, 0, row..row + lines.len(), col..col + cols]);
    for (mut out, line) in out.outer_iter_mut().zip(lines) {
        if let Some(Ok(out)) = out.as_slice_mut().map(<&mut [R; BLOCK]>::try_from) {
            *out = line.0.map(&convert);
        } else {
            for (out, &value) in out.iter_mut().zip(&line.0) {
                *out = convert(value);
            }
        }
    }
}

/// Adds the first `cols` numbers of each line, which stand `at` a row and column beyond the edges of a channel, to the
/// pixels that these come from.
pub(super) fn fold<T: Compute>(
    out: &mut RealsMut<'_>,
    padding: Padding,
    at: [isize; 2],
    cols: usize,
    lines: &[Line<T>],
) {
    match out {
        RealsMut::F32(out) => fold_as(out, padding, at, cols, lines, |sum, value| *sum += value as f32),
        RealsMut::F64(out) => fold_as(out, padding, at, cols, lines, |sum, value| *sum += value),
        RealsMut::F16(_) | RealsMut::Bf16(_) => debug_assert!(false, "sums are not kept in 16 bits"),
    }
}

fn fold_as<T: Compute, R>(
    out: &mut ArrayViewMut4<'_, R>,
    padding: Padding,
    [row, col]: [isize; 2],
    cols: usize,
    lines: &[Line<T>],
    add: impl Fn(&mut R, f64),
) {
    let (_, _, height, width) = out.dim();
    for (i, line) in lines.iter().enumerate() {
        for (j, value) in line.0[..cols].iter().enumerate() {
            let at = padding
                .source(row + i as isize, height)
                .zip(padding.source(col + j as isize, width));
            if let Some((row, col)) = at {
                add(&mut out[[0, 0, row, col]], value.to_f64());
            }
        }
    }
}
