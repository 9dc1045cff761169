//! A thread's buffers: as large as the largest tile so far, and never cleared.

use super::lanes::{BLOCK, Line};

/// What is blurred besides pixels' u and v.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signals {
    /// Whether x is the third signal, for its variance.
    pub(super) x: bool,
    /// Maps that are blurred for the gradient: A, B, C of [`super::formula::Derivatives`], and A of y.
    pub(super) derivatives: usize,
}

impl Signals {
    /// Signals that have a mean and a variance.
    pub(super) fn count(self) -> usize {
        if self.x { 3 } else { 2 }
    }
}

/// Buffers of one block column, from left to right as the data flows.
#[derive(Debug, Default)]
pub(super) struct Scratch<T> {
    /// u and v of one block column: a line for each row.
    pub(super) u: Vec<Line<T>>,
    pub(super) v: Vec<Line<T>>,
    /// x, where it is a signal.
    pub(super) x: Vec<Line<T>>,
    /// Mean and variance of one signal along the columns of one sub-block: a line for each row.
    pub(super) blurred: Vec<Line<T>>,
    /// The same transposed: for each sub-block, signal and moment, a line for each of the last
    /// 2r + 16 columns.
    pub(super) columns: Vec<Line<T>>,
    /// Mean and variance of u, of v, and of x, in one sub-block: a line for each column.
    pub(super) moments: Vec<Line<T>>,
    /// What each window of a sub-block counts: a line for each column.
    pub(super) counts: Vec<Line<T>>,
    /// The derivatives, laid out like `columns`.
    pub(super) derivatives: Vec<Line<T>>,
    /// The derivatives blurred along rows, as rows again: for each map, a line for each row.
    pub(super) adjoint: Vec<Line<T>>,
    /// The same blurred along columns; the first becomes the gradient.
    pub(super) blended: Vec<Line<T>>,
}

impl<T: Copy + Default> Scratch<T> {
    /// Makes room for a window of radius `radius` over `blocks` sub-blocks.
    pub(super) fn reserve(&mut self, radius: usize, blocks: usize, signals: Signals) {
        let rows = blocks * BLOCK;
        let history = history(radius);
        grow(&mut self.u, rows + 2 * radius);
        grow(&mut self.v, rows + 2 * radius);
        if signals.x {
            grow(&mut self.x, rows + 2 * radius);
        }
        grow(&mut self.blurred, 2 * BLOCK);
        grow(&mut self.columns, 2 * signals.count() * blocks * history);
        grow(&mut self.moments, 2 * signals.count() * BLOCK);
        grow(&mut self.counts, BLOCK);
        grow(&mut self.derivatives, blocks * signals.derivatives * history);
        grow(&mut self.adjoint, signals.derivatives * adjoint_stride(blocks));
        grow(&mut self.blended, signals.derivatives * adjoint_stride(blocks));
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
