//! The window: along a row from a lane's registers, and along columns by running sums.

use fastssim_device::math::fma;

use crate::geometry::TAPS;

/// Columns that two neighbouring windows reach.
pub(crate) const REACH: usize = TAPS + 1;

/// The weighted sums of two neighbouring windows over the columns that they reach.
#[inline(always)]
pub(crate) fn along_row(weights: &[f32; TAPS], columns: &[f32; REACH]) -> [f32; 2] {
    let mut sums = [weights[0] * columns[0], weights[0] * columns[1]];
    for k in 1..TAPS {
        sums[0] = fma(weights[k], columns[k], sums[0]);
        sums[1] = fma(weights[k], columns[k + 1], sums[1]);
    }
    sums
}

/// The unfinished sums of one column: of the eleven windows that hold the row now read.
///
/// Each row moves every sum one place on, which costs nothing: a fused multiply-add may write to another
/// register than it reads.
#[derive(Clone, Copy, Default)]
pub(crate) struct Running {
    sums: [f32; TAPS - 1],
}

impl Running {
    /// Adds a row; the sum of the window whose last row it is.
    #[inline(always)]
    pub(crate) fn push(&mut self, weights: &[f32; TAPS], value: f32) -> f32 {
        let done = fma(weights[0], value, self.sums[0]);
        for k in 1..TAPS - 1 {
            self.sums[k - 1] = fma(weights[k], value, self.sums[k]);
        }
        self.sums[TAPS - 2] = weights[TAPS - 1] * value;
        done
    }
}

/// Moves the origin of a signal by `by`: what its unfinished sums, and those of its square, would be had `by`
/// been subtracted from each of its values.
#[inline(always)]
pub(crate) fn move_origin(weights: &[f32; TAPS], by: f32, signal: &mut Running, square: &mut Running) {
    // The weights that a sum has had so far: of the last one only the last.
    let mut had = 0.0;
    for k in (0..TAPS - 1).rev() {
        had += weights[k + 1];
        square.sums[k] = fma(-2.0 * by, signal.sums[k], fma(by * by, had, square.sums[k]));
        signal.sums[k] = fma(-by, had, signal.sums[k]);
    }
}
