//! What each window counts, where they do not all count the same: a pixel's weight, or an upstream gradient.

use super::compute::Compute;
use super::lanes::Line;
use crate::input::Reals;
use crate::weights::ImageWeights;

/// The counts of one channel's windows.
#[derive(Clone, Copy)]
pub(super) enum Counts<'a> {
    Weights {
        weights: ImageWeights<'a>,
    },
    /// A map of numbers, the first of them for the window at this row and column.
    Upstream {
        map: Reals<'a>,
        image: usize,
        channel: usize,
        margin: usize,
    },
}

impl Counts<'_> {
    /// The counts of a sub-block, transposed as its moments are: a line for each column from `col` on. They are 0
    /// outside of `rows` and `cols`, which count from the first row and column of the sub-block.
    pub(super) fn fill<T: Compute>(
        &self,
        [row, col]: [isize; 2],
        rows: [usize; 2],
        cols: [usize; 2],
        lines: &mut [Line<T>],
    ) {
        for (j, line) in lines.iter_mut().enumerate() {
            *line = Line::default();
            if j < cols[0] || j >= cols[1] {
                continue;
            }
            for (i, value) in line.0[..rows[1]].iter_mut().enumerate().skip(rows[0]) {
                // Inside of the image, as the map is.
                let (row, col) = ((row + i as isize) as usize, (col + j as isize) as usize);
                *value = T::from_f64(self.at(row, col));
            }
        }
    }

    fn at(&self, row: usize, col: usize) -> f64 {
        match *self {
            Self::Weights { ref weights } => weights.at(row, col),
            Self::Upstream {
                ref map,
                image,
                channel,
                margin,
            } => {
                let at = [image, channel, row - margin, col - margin];
                match map {
                    Reals::F16(map) => map[at].to_f64(),
                    Reals::Bf16(map) => map[at].to_f64(),
                    Reals::F32(map) => map[at].into(),
                    Reals::F64(map) => map[at],
                }
            }
        }
    }
}
