//! What is done with the moments of a tile: the score and the map. The gradient is in [`super::gradient`].

use fearless_simd::prelude::*;

use super::compute::Compute;
use super::counts::Counts;
use super::exponents::Exponents;
use super::formula::{Constants, deficit};
use super::lanes::{BLOCK, Line, Vector, groups, load, splat, store, transpose};
use super::pixels::Planes;
use super::scratch::{Scratch, Signals};
use super::shift::Shift;
use super::sum::DeficitSum;
use super::sweep::{Sweep, lead, moments_at, third_at};
use super::write::write;
use crate::input::RealsMut;
use crate::problem::Score;

/// One tile of one channel of one image.
pub(super) struct Tile<'a> {
    pub(super) planes: Planes<'a>,
    /// Rows and columns of the tile, as pixels of the image: [from, to). They are outside of the image for the
    /// gradient of its padding.
    pub(super) rows: [isize; 2],
    pub(super) cols: [isize; 2],
    /// Rows and columns of the image whose windows count, likewise.
    pub(super) map_rows: [isize; 2],
    pub(super) map_cols: [isize; 2],
    /// What the windows count, where it is not the same for all.
    pub(super) counts: Option<Counts<'a>>,
    /// The exponents of luminance, contrast and structure, where they are not all 1.
    pub(super) exponents: Option<Exponents>,
    /// What pixels are multiplied by: a power of two.
    pub(super) scale: f64,
    /// C1 and C2 of the scaled pixels.
    pub(super) c1: f64,
    pub(super) c2: f64,
}

/// The part of `range` within the sixteen from `start` on, counted from `start`.
#[inline(always)]
pub(super) fn within(range: [isize; 2], start: isize) -> [usize; 2] {
    range.map(|at| (at - start).clamp(0, BLOCK as isize) as usize)
}

#[inline(always)]
pub(super) fn intersection(a: [isize; 2], b: [isize; 2]) -> [isize; 2] {
    let from = a[0].max(b[0]);
    [from, a[1].min(b[1]).max(from)]
}

impl<'a> Tile<'a> {
    pub(super) fn shift<T: Compute>(&self) -> Shift<T> {
        Shift::of_tile(&self.planes, self.rows, self.cols, self.scale)
    }

    /// The sum of 1 − SSIM over the tile, and into `map`, if there is one, the score of each of its windows.
    #[inline(always)]
    pub(super) fn score<S: Simd, T: Compute>(
        &self,
        simd: S,
        half: &[T],
        scratch: &mut Scratch<T>,
        map: Option<(RealsMut<'_>, Score)>,
    ) -> f64 {
        if T::IS_GENERAL {
            self.score_and_map::<S, T, false>(simd, half, scratch, map)
        } else if map.is_none() {
            self.score_and_map::<S, T, true>(simd, half, scratch, None)
        } else {
            self.score_and_map::<S, T, true>(simd, half, scratch, map)
        }
    }

    /// Where all windows are `ALIKE` (see [`alike`](Self::alike)) the loops have no part of the other cases.
    #[inline(always)]
    fn score_and_map<S: Simd, T: Compute, const ALIKE: bool>(
        &self,
        simd: S,
        half: &[T],
        scratch: &mut Scratch<T>,
        mut map: Option<(RealsMut<'_>, Score)>,
    ) -> f64 {
        let radius = half.len() - 1;
        let lead = lead(radius);
        let shift = self.shift();
        let constants = Constants::new(&shift, self.c1, self.c2);
        let [top, bottom] = self.rows;
        let [left, right] = self.cols;
        let sweep = Sweep {
            planes: &self.planes,
            shift,
            half,
            row: top,
            blocks: ((bottom - top) as usize).div_ceil(BLOCK),
            col: left + radius as isize - (lead * BLOCK) as isize,
            signals: self.signals::<ALIKE>(0),
        };
        scratch.reserve(radius, sweep.blocks, sweep.signals);
        let score = map.as_ref().map(|(_, score)| *score);
        let mut sum = DeficitSum::new(simd, &shift, &constants, self.c1, ALIKE || self.alike());
        for index in 0..lead + ((right - left) as usize).div_ceil(BLOCK) {
            sweep.read(simd, index, scratch);
            if index < lead {
                continue;
            }
            let from = (index - lead) * BLOCK;
            let col = left + from as isize;
            let cols = within(self.cols, col)[1];
            for block in 0..sweep.blocks {
                let row = top + (block * BLOCK) as isize;
                let rows = within(self.rows, row)[1];
                sweep.moments(simd, index, block, scratch);
                if let Some(counts) = self.counts::<ALIKE>() {
                    counts.fill([row, col], [0, rows], [0, cols], &mut scratch.counts[..BLOCK]);
                }
                let sums = self.deficits::<S, T, ALIKE>(simd, &sweep, &constants, &sum.flat, cols, score, scratch);
                sum.add(&sums, [0, rows], cols);
                if let Some((map, _)) = &mut map {
                    let values = &mut scratch.blurred[..BLOCK];
                    transpose(simd, &scratch.moments[..BLOCK], values);
                    write(map, [block * BLOCK, from], cols, &values[..rows]);
                }
            }
        }
        sum.total()
    }

    /// The sums over the first `cols` columns of a sub-block of 1 − SSIM, less what is flat; where a score is
    /// asked for, the first of the moments become that of each window.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "the state of one step of the sweep")]
    fn deficits<S: Simd, T: Compute, const ALIKE: bool>(
        &self,
        simd: S,
        sweep: &Sweep<'_, '_, T>,
        constants: &Constants<T>,
        flat: &Line<T>,
        cols: usize,
        score: Option<Score>,
        scratch: &mut Scratch<T>,
    ) -> Line<T> {
        let zero = splat::<S, T>(simd, T::default());
        let one = splat::<S, T>(simd, T::from(1u8));
        let mut sums = Line::default();
        for group in 0..groups::<S, T>() {
            let flat = load::<S, T>(simd, flat, group);
            let mut partial = zero;
            for column in 0..cols {
                let moments = moments_at(simd, &scratch.moments, column, group);
                let deficit = match self.exponents::<ALIKE>() {
                    None => deficit(simd, constants, moments),
                    Some(exponents) => {
                        let sx = third_at(simd, sweep.signals, &scratch.moments, column, group);
                        exponents.deficit(simd, constants, moments, sx)
                    }
                };
                match self.counts::<ALIKE>() {
                    None => partial += deficit - flat,
                    Some(_) => {
                        let count = load::<S, T>(simd, &scratch.counts[column], group);
                        partial += counted::<S, T>(count, deficit, zero);
                    }
                }
                if let Some(score) = score {
                    let value = match score {
                        Score::Ssim => {
                            // A comparison that NaN passes on every processor.
                            let ssim = one - deficit;
                            ssim.simd_gt(one).select(one, ssim)
                        }
                        Score::Dssim { factor } => deficit * T::from_f64(factor),
                    };
                    store::<S, T>(value, &mut scratch.moments[column], group);
                }
            }
            store::<S, T>(partial, &mut sums, group);
        }
        sums
    }

    /// The signals of the sweep, and so many maps of derivatives.
    #[inline(always)]
    pub(super) fn signals<const ALIKE: bool>(&self, derivatives: usize) -> Signals {
        Signals {
            x: self.exponents::<ALIKE>().is_some_and(Exponents::are_apart),
            derivatives,
        }
    }

    /// What the windows count, which the compiler knows where they are all alike.
    #[inline(always)]
    pub(super) fn counts<const ALIKE: bool>(&self) -> Option<&Counts<'a>> {
        if ALIKE { None } else { self.counts.as_ref() }
    }

    /// The exponents, likewise.
    #[inline(always)]
    pub(super) fn exponents<const ALIKE: bool>(&self) -> Option<&Exponents> {
        if ALIKE { None } else { self.exponents.as_ref() }
    }

    /// Whether all windows count the same and are scored by the usual formula.
    pub(super) fn alike(&self) -> bool {
        self.counts.is_none() && self.exponents.is_none()
    }
}

/// `value` times `count`; what does not count is 0, were it NaN.
#[inline(always)]
pub(super) fn counted<S: Simd, T: Compute>(
    count: Vector<S, T>,
    value: Vector<S, T>,
    zero: Vector<S, T>,
) -> Vector<S, T> {
    count.simd_eq(zero).select(zero, count * value)
}
