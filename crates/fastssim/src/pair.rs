//! Everything that a metric can say about one pair of inputs: which scores, of which pixels, derived by what.

use std::marker::PhantomData;

use ndarray::{Array2, ArrayView, ArrayView2};

use crate::backend;
use crate::config::Ssim;
use crate::error::{Error, Result};
use crate::input::{Input, Pixels, Real, Shape};
use crate::metric::Gradient;
use crate::outputs::Outputs;
use crate::problem::{Derived, Means, Output, Problem, Score, Upstream, check_count, check_shape, margin};
use crate::reduced;
use crate::reference::Reference;
use crate::weights::{PixelWeights, WindowWeights};

/// Two inputs that a metric is about to compare, made by [`Ssim::ssim_of`] and [`Ssim::dssim_of`].
///
/// Methods that take and return a pair say what counts; all others compute, and end it. The functions of [`Ssim`] are
/// the most common of them.
///
/// ```
/// use fastssim::Ssim;
/// use ndarray::{Array2, Array4};
///
/// let x = Array4::from_shape_fn((2, 3, 32, 40), |(n, c, i, j)| ((n + c + i * j) % 256) as u8);
/// let y = x.mapv(|v| v / 2);
/// let mask = Array2::from_shape_fn((32, 40), |(i, _)| (i < 16) as u8);
/// let metric = Ssim::default();
///
/// let upper_half = metric.ssim_of(&x, &y).weights(&mask).images()?; // One an image.
/// let channels = metric.ssim_of(&x, &y).channels()?; // One a channel.
/// let loss = metric.dssim_of(&x, &y).mean()?; // One for the batch.
/// assert_eq!((upper_half.len(), channels.dim()), (2, (2, 3)));
///
/// // The gradient of that loss, with respect to both.
/// let (by_x, by_y) = metric.dssim_of(&x, &y).upstream(0.5).gradients()?;
/// assert_eq!((by_x.dim(), by_y.dim()), (x.dim(), x.dim()));
/// # Ok::<(), fastssim::Error>(())
/// ```
///
/// # Errors of all functions that compute
///
/// Those of the functions of [`Ssim`]; [`Error::Weights`] and [`Error::OutputShape`] for weights and upstream gradients
/// that are out of range or have another shape than the images.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Pair<'p, 'a, 'b, X, Y> {
    metric: &'p Ssim,
    x: X,
    y: Y,
    score: Score,
    weights: Option<PixelWeights<'p>>,
    upstream: Upstream<'p>,
    inputs: PhantomData<(&'a (), &'b ())>,
}

impl Ssim {
    /// A pair whose score is SSIM.
    pub fn ssim_of<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y) -> Pair<'_, 'a, 'b, X, Y> {
        self.pair(x, y, Score::Ssim)
    }

    /// A pair whose score is DSSIM.
    pub fn dssim_of<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y) -> Pair<'_, 'a, 'b, X, Y> {
        self.pair(x, y, self.dssim_score())
    }

    fn pair<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y, score: Score) -> Pair<'_, 'a, 'b, X, Y> {
        Pair {
            metric: self,
            x,
            y,
            score,
            weights: None,
            upstream: Upstream::All(1.0),
            inputs: PhantomData,
        }
    }

    pub(crate) fn dssim_score(&self) -> Score {
        Score::Dssim {
            factor: self.dssim_convention().factor(),
        }
    }
}

impl<'p, 'a: 'p, 'b: 'p, X: Input<'a>, Y: Input<'b>> Pair<'p, 'a, 'b, X, Y> {
    /// What each pixel counts in its image's score; see [`PixelWeights`]. The map is not weighted.
    pub fn weights(mut self, weights: impl Into<PixelWeights<'p>>) -> Self {
        self.weights = Some(weights.into());
        self
    }

    /// Gradients are those of the scores times this: 1 / n for the mean of a batch of n images.
    pub fn upstream(mut self, factor: f64) -> Self {
        self.upstream = Upstream::All(factor);
        self
    }

    /// Gradients are those of the sum of the images' scores, each times its number here: the vector-Jacobian product
    /// of [`images`](Self::images).
    pub fn upstream_of_images(mut self, factors: &'p [f64]) -> Self {
        self.upstream = Upstream::Images(factors);
        self
    }

    /// Gradients are those of the sum of the channels' scores, each times its number here, of shape (images,
    /// channels): the vector-Jacobian product of [`channels`](Self::channels). Weights of channels have no part in it.
    pub fn upstream_of_channels(mut self, factors: ArrayView2<'p, f64>) -> Self {
        self.upstream = Upstream::Channels(factors);
        self
    }

    /// Gradients are those of the sum of the map, each window times its number here: the vector-Jacobian product of
    /// [`map`](Self::map), for any loss that is built on it. Weights of pixels and channels have no part in it.
    ///
    /// ```
    /// use ndarray::Array2;
    ///
    /// // The loss: the sum over all windows of (1 − SSIM)², whose derivative by SSIM is −2 (1 − SSIM).
    /// let x = Array2::from_shape_fn((32, 40), |(i, j)| (i * j % 7) as f32 / 7.0);
    /// let y = x.mapv(|value| 0.9 * value);
    /// let metric = fastssim::Ssim::default();
    /// let upstream = metric.ssim_map(&x, &y)?.mapv(|ssim| -2.0 * (1.0 - ssim));
    /// let gradient = metric.ssim_of(&x, &y).upstream_of_map(upstream.view()).gradient()?;
    /// # assert_eq!(gradient.dim(), x.dim());
    /// # Ok::<(), fastssim::Error>(())
    /// ```
    pub fn upstream_of_map<R: Real>(mut self, factors: ArrayView<'p, R, X::Dim>) -> Self {
        self.upstream = Upstream::Map(R::erase(X::Dim::widen(factors)));
        self
    }

    /// The score of each image: the mean over its windows, then over its channels.
    pub fn images(self) -> Result<X::Scores> {
        let (problem, score, _) = self.problem()?;
        let images = compute_images(&problem, score)?;
        Ok(X::scores(images))
    }

    /// The score of each channel, of shape (images, channels).
    pub fn channels(self) -> Result<Array2<f64>> {
        let (problem, score, _) = self.problem()?;
        let [n, c, ..] = problem.problem.shape;
        let mut channels = Array2::zeros((n, c));
        let means = Means {
            images: None,
            channels: channels.as_slice_mut(),
        };
        problem.run(score, means, Output::Nothing)?;
        Ok(channels)
    }

    /// The mean of the images' scores.
    pub fn mean(self) -> Result<f64> {
        let (problem, score, _) = self.problem()?;
        let images = compute_images(&problem, score)?;
        Ok(images.iter().sum::<f64>() / images.len() as f64)
    }

    /// The sum of the images' scores.
    pub fn sum(self) -> Result<f64> {
        let (problem, score, _) = self.problem()?;
        Ok(compute_images(&problem, score)?.iter().sum())
    }

    /// The score of each window: shaped like x (or like x made smaller, under
    /// [`Downsampling::Automatic`](crate::Downsampling::Automatic), which the preset `matlab` has), but smaller by the window
    /// less one in height and width under [`Padding::Valid`](crate::Padding::Valid).
    pub fn map(self) -> Result<Gradient<'a, X>> {
        let (problem, score, _) = self.problem()?;
        let mut map = X::Dim::zeros::<X::Real>(problem.problem.map_shape(), problem.problem.x.strides());
        let into = X::Real::erase_mut(X::Dim::widen_mut(map.view_mut()));
        problem.run(score, Means::default(), Output::Map { into, score })?;
        Ok(map)
    }

    /// The gradient with respect to x, shaped like x and ordered in memory like it.
    pub fn gradient(self) -> Result<Gradient<'a, X>> {
        Ok(self.allocated([true, false], false)?.1)
    }

    /// The gradient with respect to y.
    pub fn gradient_of_y(self) -> Result<Gradient<'a, X>> {
        Ok(self.allocated([false, true], false)?.2)
    }

    /// The gradients with respect to x and to y, for less than twice the time of one; for twice the time where the exponents
    /// of contrast and structure differ, and by the fast kernels of a GPU, which do one after the other.
    pub fn gradients(self) -> Result<(Gradient<'a, X>, Gradient<'a, X>)> {
        let (_, x, y) = self.allocated([true, true], false)?;
        Ok((x, y))
    }

    /// The score of each image, and the gradient with respect to x, in one sweep.
    pub fn images_with_gradient(self) -> Result<(X::Scores, Gradient<'a, X>)> {
        let (scores, gradient, _) = self.allocated([true, false], true)?;
        Ok((X::scores(scores), gradient))
    }

    /// The score of each image, and the gradients with respect to x and to y, which take as long as with
    /// [`gradients`](Self::gradients).
    pub fn images_with_gradients(self) -> Result<(X::Scores, Gradient<'a, X>, Gradient<'a, X>)> {
        let (scores, x, y) = self.allocated([true, true], true)?;
        Ok((X::scores(scores), x, y))
    }

    /// Computes whatever is asked for into the caller's buffers.
    ///
    /// ```
    /// use fastssim::{Outputs, Ssim};
    /// use half::f16;
    /// use ndarray::Array4;
    ///
    /// let x = Array4::from_elem((2, 3, 32, 32), f16::from_f32(0.25));
    /// let y = Array4::from_elem((2, 3, 32, 32), f16::from_f32(0.5));
    /// let (mut scores, mut channels) = ([0.0; 2], [0.0; 6]);
    /// let mut gradient = Array4::from_elem(x.dim(), f16::ZERO);
    /// let outputs = Outputs::new().images(&mut scores).channels(&mut channels).gradient(gradient.view_mut());
    /// Ssim::default().dssim_of(&x, &y).compute(outputs)?;
    /// # Ok::<(), fastssim::Error>(())
    /// ```
    pub fn compute(self, outputs: Outputs<'_, X::Dim>) -> Result<()> {
        let (problem, score, upstream) = self.problem()?;
        let Outputs {
            mut means,
            map,
            gradients,
            ..
        } = outputs;
        let [n, c, ..] = problem.problem.shape;
        for (buffer, name, expected) in [(&means.images, "scores", n), (&means.channels, "channels", n * c)] {
            if let Some(buffer) = buffer {
                check_count(name, buffer.len(), expected)?;
            }
        }
        let map_shape = problem.problem.map_shape();
        for (into, name, expected) in [
            (&map, "map", map_shape),
            (&gradients[0], "gradient", problem.problem.shape),
            (&gradients[1], "gradient_of_y", problem.problem.shape),
        ] {
            if let Some(into) = into {
                check_shape::<X::Dim>(name, into.shape(), expected)?;
            }
        }
        if gradients.iter().any(Option::is_some) {
            // Windows do not count the same in the map's derivative as in the scores.
            if matches!(upstream, Upstream::Map(_)) && (means.images.is_some() || means.channels.is_some()) {
                problem.run(score, means.reborrow(), Output::Nothing)?;
                means = Means::default();
            }
            let of = Derived {
                upstream,
                factor: score.derivative(),
            };
            problem.run(score, means.reborrow(), Output::Gradient { into: gradients, of })?;
            means = Means::default();
        }
        if let Some(into) = map {
            // Alone, so that a score has the same bits whatever else is asked for.
            problem.run(score, Means::default(), Output::Map { into, score })?;
        }
        if means.images.is_some() || means.channels.is_some() {
            problem.run(score, means, Output::Nothing)?;
        }
        Ok(())
    }

    /// The scores and the gradients with respect to x and to y, empty where they are not wanted.
    fn allocated(self, wanted: [bool; 2], scores: bool) -> Result<(Vec<f64>, Gradient<'a, X>, Gradient<'a, X>)> {
        let (problem, score, upstream) = self.problem()?;
        let shape = problem.problem.shape;
        let strides = problem.problem.x.strides();
        let mut images = vec![0.0; if scores { shape[0] } else { 0 }];
        let new = |wanted: bool| X::Dim::zeros::<X::Real>(if wanted { shape } else { [0; 4] }, strides);
        let mut gradients = wanted.map(new);
        let [x, y] = &mut gradients;
        let erase = |gradient| X::Real::erase_mut(X::Dim::widen_mut(gradient));
        let into = [
            wanted[0].then(|| erase(x.view_mut())),
            wanted[1].then(|| erase(y.view_mut())),
        ];
        let of = Derived {
            upstream,
            factor: score.derivative(),
        };
        let mut means = Means {
            images: scores.then_some(&mut images),
            channels: None,
        };
        if scores && matches!(upstream, Upstream::Map(_)) {
            problem.run(score, means.reborrow(), Output::Nothing)?;
            means = Means::default();
        }
        problem.run(score, means, Output::Gradient { into, of })?;
        let [x, y] = gradients;
        Ok((images, x, y))
    }

    /// Checks the inputs, the weights and the upstream gradient.
    fn problem(self) -> Result<(Checked<'p>, Score, Upstream<'p>)> {
        let prepared: [Option<&'p Reference>; 2] = [self.x.prepared(), self.y.prepared()];
        let x: Pixels<'p> = self.x.pixels().map_err(|error| error.in_input("x"))?.reborrow();
        let shape = x.shape();
        let y: Pixels<'p> = match prepared[1] {
            Some(reference) => reference.beside(shape[0]),
            None => self.y.pixels().map_err(|error| error.in_input("y"))?.reborrow(),
        };
        let mut problem = Problem::new(self.metric, x, y)?;
        problem.prepared = prepared;
        let margin = margin(self.metric.padding, &self.metric.window);
        if let Some(weights) = self.weights {
            problem.weights = Some(WindowWeights::new(weights, shape, margin)?);
        }
        let [n, c, ..] = shape;
        let wrong = |expected: &[usize], found: &[usize]| Error::OutputShape {
            name: "the upstream gradient",
            expected: expected.into(),
            found: found.into(),
        };
        match self.upstream {
            Upstream::All(_) => {}
            Upstream::Images(factors) if factors.len() == n => {}
            Upstream::Images(factors) => return Err(wrong(&[n], &[factors.len()])),
            Upstream::Channels(factors) if factors.dim() == (n, c) => {}
            Upstream::Channels(factors) => return Err(wrong(&[n, c], factors.shape())),
            Upstream::Map(map) => {
                check_shape::<X::Dim>("the upstream gradient", map.shape(), problem.map_shape())?;
            }
        }
        let metric = self.metric;
        Ok((Checked { metric, problem }, self.score, self.upstream))
    }
}

/// A metric and a problem of its own that has been checked.
struct Checked<'p> {
    metric: &'p Ssim,
    problem: Problem<'p>,
}

impl Checked<'_> {
    fn run(&self, score: Score, means: Means<'_>, output: Output<'_, '_>) -> Result<()> {
        if self.problem.factor() > 1 {
            reduced::run(self.metric, &self.problem, score, means, output)
        } else {
            backend::run(self.metric, &self.problem, score, means, output)
        }
    }
}

fn compute_images(problem: &Checked<'_>, score: Score) -> Result<Vec<f64>> {
    let mut images = vec![0.0; problem.problem.shape[0]];
    let means = Means {
        images: Some(&mut images),
        channels: None,
    };
    problem.run(score, means, Output::Nothing)?;
    Ok(images)
}
