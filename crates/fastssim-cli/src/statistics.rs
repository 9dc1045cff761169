//! Statistics of many scores.

use serde::Serialize;

/// Where scores lie, and how they spread.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    pub mean: f64,
    /// Of the population: the mean square is divided by the number of scores.
    pub standard_deviation: f64,
    /// The number of scores over the sum of their reciprocals: bad ones weigh more. None where a score is not
    /// positive.
    pub harmonic_mean: Option<f64>,
    pub min: f64,
    /// Percentiles, interpolated between the two nearest scores.
    pub p1: f64,
    pub p5: f64,
    pub p25: f64,
    pub median: f64,
    pub p75: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

impl Statistics {
    /// Those of these scores, which are numbers; none for no scores. Sorts them.
    pub fn of(scores: &mut [f64]) -> Option<Self> {
        let count = scores.len() as f64;
        // Before they are sorted, so that the sum does not depend on more than the order of the input.
        let mean = scores.iter().sum::<f64>() / count;
        let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / count;
        let harmonic = count / scores.iter().map(|score| score.recip()).sum::<f64>();
        scores.sort_unstable_by(f64::total_cmp);
        let (&min, &max) = (scores.first()?, scores.last()?);
        Some(Self {
            // Rounding must not take it out of the range of the scores.
            mean: mean.clamp(min, max),
            standard_deviation: variance.sqrt(),
            harmonic_mean: (min > 0.0).then_some(harmonic.clamp(min, max)),
            min,
            p1: percentile(scores, 0.01),
            p5: percentile(scores, 0.05),
            p25: percentile(scores, 0.25),
            median: percentile(scores, 0.5),
            p75: percentile(scores, 0.75),
            p95: percentile(scores, 0.95),
            p99: percentile(scores, 0.99),
            max,
        })
    }
}

/// The value below which this part of the sorted scores lies, as NumPy's `percentile` has it by default.
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let at = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_numpy() {
        // numpy.percentile([.5, .9, .7, .8], [1, 5, 25, 50, 75, 95, 99]), scipy.stats.hmean, numpy.std.
        let found = Statistics::of(&mut [0.5, 0.9, 0.7, 0.8]).unwrap();
        let expected = [
            (found.mean, 0.725),
            (found.standard_deviation, 0.147_901_994_577_490_4),
            (found.harmonic_mean.unwrap(), 0.690_884_167_237_834_2),
            (found.p1, 0.506),
            (found.p5, 0.53),
            (found.p25, 0.65),
            (found.median, 0.75),
            (found.p75, 0.825),
            (found.p95, 0.885),
            (found.p99, 0.897),
        ];
        for (found, expected) in expected {
            assert!((found - expected).abs() < 1e-14, "{found} instead of {expected}");
        }
        assert_eq!((found.min, found.max), (0.5, 0.9));
    }

    #[test]
    fn there_may_be_none_or_one_and_harmonic_means_need_positive_scores() {
        assert_eq!(Statistics::of(&mut []), None);
        let one = Statistics::of(&mut [0.3]).unwrap();
        assert_eq!([one.mean, one.min, one.p1, one.median, one.max], [0.3; 5]);
        assert_eq!(Statistics::of(&mut [-0.5, 0.5]).unwrap().harmonic_mean, None);
        assert_eq!(Statistics::of(&mut [1.0; 7]).unwrap().harmonic_mean, Some(1.0));
    }
}
