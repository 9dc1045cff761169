//! Arrays of any strides as a run of elements in the order of their indices, piece by piece.

use ndarray::{ArrayView1, ArrayView4, ArrayViewMut1, ArrayViewMut4, s};

/// Where in an array the next element is.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    /// Of all rows, counted through all channels and images.
    row: usize,
    col: usize,
}

impl Cursor {
    /// The rest of the current row, at most `most` elements: its indices, and its first and last column. The
    /// cursor moves past it.
    fn advance(&mut self, (_, c, h, w): (usize, usize, usize, usize), most: usize) -> ([usize; 3], [usize; 2]) {
        let at = [self.row / h / c, self.row / h % c, self.row % h];
        let from = self.col;
        let to = w.min(from + most);
        *self = if to == w {
            Self {
                row: self.row + 1,
                col: 0,
            }
        } else {
            Self { row: self.row, col: to }
        };
        (at, [from, to])
    }
}

/// Reads an array from its first element to its last.
pub(super) struct Gather<'a, T> {
    view: ArrayView4<'a, T>,
    cursor: Cursor,
}

impl<'a, T: Copy> Gather<'a, T> {
    pub(super) fn new(view: ArrayView4<'a, T>) -> Self {
        // One long row where there are no gaps, whatever the extents.
        let flat = view
            .to_slice()
            .and_then(|all| ArrayView4::from_shape((1, 1, 1, all.len()), all).ok());
        Self {
            view: flat.unwrap_or(view),
            cursor: Cursor::default(),
        }
    }

    /// Fills `piece` with the next elements; there must be so many.
    pub(super) fn fill(&mut self, mut piece: &mut [T]) {
        while !piece.is_empty() {
            let ([image, channel, row], [from, to]) = self.cursor.advance(self.view.dim(), piece.len());
            let source = self.view.slice(s![image, channel, row, from..to]);
            let (next, rest) = piece.split_at_mut(to - from);
            copy(&source, next);
            piece = rest;
        }
    }
}

fn copy<T: Copy>(source: &ArrayView1<'_, T>, into: &mut [T]) {
    match source.as_slice() {
        Some(source) => into.copy_from_slice(source),
        None => into.iter_mut().zip(source).for_each(|(into, &value)| *into = value),
    }
}

/// Writes an array from its first element to its last.
pub(super) struct Scatter<'a, T> {
    view: ArrayViewMut4<'a, T>,
    cursor: Cursor,
}

impl<'a, T: Copy> Scatter<'a, T> {
    pub(super) fn new(view: ArrayViewMut4<'a, T>) -> Self {
        Self {
            view,
            cursor: Cursor::default(),
        }
    }

    /// Writes the next elements; there must be room for so many.
    pub(super) fn write(&mut self, mut piece: &[T]) {
        while !piece.is_empty() {
            let ([image, channel, row], [from, to]) = self.cursor.advance(self.view.dim(), piece.len());
            let (next, rest) = piece.split_at(to - from);
            paste(next, self.view.slice_mut(s![image, channel, row, from..to]));
            piece = rest;
        }
    }
}

fn paste<T: Copy>(source: &[T], mut into: ArrayViewMut1<'_, T>) {
    match into.as_slice_mut() {
        Some(into) => into.copy_from_slice(source),
        None => into.iter_mut().zip(source).for_each(|(into, &value)| *into = value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array4;

    #[test]
    fn pieces_of_any_length_there_and_back() {
        let images = Array4::from_shape_fn((2, 3, 5, 8), |(n, c, i, j)| 1000 * n + 100 * c + 10 * i + j);
        let views = [
            images.view(),
            images.view().permuted_axes([3, 1, 0, 2]),
            images.slice(s![.., ..2, ..;-1, ..;3]),
            images.slice(s![1.., .., .., 2..3]),
        ];
        for view in views {
            let expected: Vec<usize> = view.iter().copied().collect();
            for length in [1, 2, 7, 8, 9, 1000] {
                let mut gather = Gather::new(view);
                let mut found = vec![0; expected.len()];
                found.chunks_mut(length).for_each(|piece| gather.fill(piece));
                assert_eq!(found, expected, "{length}");

                let mut back = Array4::zeros(images.dim()).permuted_axes([3, 1, 0, 2]);
                let (n, c, h, w) = view.dim();
                if view.dim() == back.dim() {
                    let mut scatter = Scatter::new(back.view_mut());
                    found.chunks(length).for_each(|piece| scatter.write(piece));
                    assert_eq!(back, view);
                }
                let mut back = Array4::zeros((n, c, h, w));
                let mut scatter = Scatter::new(back.view_mut());
                found.chunks(length).for_each(|piece| scatter.write(piece));
                assert_eq!(back, view);
            }
        }
    }
}
