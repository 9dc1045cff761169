//! A running sum of scores.

/// How many scores have come so far, their sum and their mean: of a validation set that comes batch by batch, of the frames
/// of a video.
///
/// The sum keeps what each addition rounds off (Kahan 1965), so that the millionth score counts as much as the first. A
/// score that is NaN makes sum and mean NaN. Scores of channels are added like those of images; threads and processes have a
/// sum each, which [`merge`](Self::merge) brings together. The counterpart in a GPU's memory is `cuda::DeviceScoreSum`.
///
/// ```
/// use fastssim::{ScoreSum, Ssim};
/// use ndarray::Array4;
///
/// let metric = Ssim::default();
/// let mut scores = ScoreSum::new();
/// for batch in 0..3 {
///     let x = Array4::from_shape_fn((2, 1, 32, 32), |(n, _, i, j)| ((n + batch + i * j) % 256) as u8);
///     let y = x.mapv(|value| value / 2);
///     scores.extend(metric.ssim(&x, &y)?);
/// }
/// assert_eq!(scores.count(), 6);
/// assert!(scores.mean().is_some_and(|mean| mean < 1.0));
/// # Ok::<(), fastssim::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreSum {
    count: u64,
    sum: f64,
    /// What has been rounded off `sum`.
    rest: f64,
}

impl ScoreSum {
    /// No score so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a device has added up in the same way.
    #[cfg(feature = "cuda")]
    pub(crate) fn from_parts(count: u64, sum: f64, rest: f64) -> Self {
        Self { count, sum, rest }
    }

    /// Adds a score, or a mean that is to count as one.
    pub fn add(&mut self, score: f64) {
        self.count += 1;
        self.add_to_sum(score);
    }

    /// Adds all that has been added to another, such as that of another thread.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.add_to_sum(other.rest);
        self.add_to_sum(other.sum);
    }

    fn add_to_sum(&mut self, value: f64) {
        let value = value + self.rest;
        let sum = self.sum + value;
        self.rest = value - (sum - self.sum);
        self.sum = sum;
    }

    /// How many scores have been added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all scores, 0 where there are none.
    pub fn sum(&self) -> f64 {
        self.sum + self.rest
    }

    /// The mean of all scores; `None` where there are none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum() / self.count as f64)
    }
}

impl Extend<f64> for ScoreSum {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, scores: I) {
        scores.into_iter().for_each(|score| self.add(score));
    }
}

impl<'a> Extend<&'a f64> for ScoreSum {
    fn extend<I: IntoIterator<Item = &'a f64>>(&mut self, scores: I) {
        self.extend(scores.into_iter().copied());
    }
}

impl FromIterator<f64> for ScoreSum {
    fn from_iter<I: IntoIterator<Item = f64>>(scores: I) -> Self {
        let mut sum = Self::new();
        sum.extend(scores);
        sum
    }
}
