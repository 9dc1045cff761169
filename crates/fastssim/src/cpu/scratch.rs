//! A thread's buffers: as large as the largest tile so far, and never cleared.

use super::lanes::{BLOCK, Line};

/// Signals that are blurred for the score, u and v: a mean and a variance of each.
pub(super) const SIGNALS: usize = 2;
/// Maps that are blurred for the gradient: A, B, C of [`super::formula::Derivatives`].
pub(super) const DERIVATIVES: usize = 3;

/// Buffers of one block column, from left to right as the data flows.
#[derive(Debug, Default)]
pub(super) struct Scratch<T> {
    /// u and v of one block column: a line for each row.
    pub(super) u: Vec<Line<T>>,
    pub(super) v: Vec<Line<T>>,
    /// Mean and variance of one signal along the columns of one sub-block: a line for each row.
    pub(super) blurred: Vec<Line<T>>,
    /// The same transposed: for each sub-block, signal and moment, a line for each of the last
    /// 2r + 16 columns.
    pub(super) columns: Vec<Line<T>>,
    /// Mean and variance of u, then of v, in one sub-block: a line for each column.
    pub(super) moments: Vec<Line<T>>,
    /// The three derivatives, laid out like `columns`.
    pub(super) derivatives: Vec<Line<T>>,
    /// The three derivatives blurred along rows, as rows again: for each map, a line for each row.
    pub(super) adjoint: Vec<Line<T>>,
    /// The same blurred along columns; the first becomes the gradient.
    pub(super) blended: Vec<Line<T>>,
}

impl<T: Copy + Default> Scratch<T> {
    /// Makes room for a window of radius `radius` over `blocks` sub-blocks, and for the gradient.
    pub(super) fn reserve(&mut self, radius: usize, blocks: usize, gradient: bool) {
        let rows = blocks * BLOCK;
        let history = history(radius);
        grow(&mut self.u, rows + 2 * radius);
        grow(&mut self.v, rows + 2 * radius);
        grow(&mut self.blurred, 2 * BLOCK);
        grow(&mut self.columns, 2 * SIGNALS * blocks * history);
        grow(&mut self.moments, 2 * SIGNALS * BLOCK);
        if gradient {
            grow(&mut self.derivatives, blocks * DERIVATIVES * history);
            grow(&mut self.adjoint, DERIVATIVES * adjoint_stride(blocks));
            grow(&mut self.blended, DERIVATIVES * adjoint_stride(blocks));
        }
    }
}

/// Lines that are kept of a sub-block's columns: sixteen, and the window's before them.
pub(super) fn history(radius: usize) -> usize {
    2 * radius + BLOCK
}

/// Lines from one map of `adjoint` to the next: a blur steps over the end of its rows.
pub(super) fn adjoint_stride(blocks: usize) -> usize {
    blocks * BLOCK + BLOCK
}

fn grow<T: Copy + Default>(lines: &mut Vec<Line<T>>, len: usize) {
    if lines.len() < len {
        lines.resize(len, Line::default());
    }
}
