//! The functions of the metric: arguments in, a backend run, results out.

use ndarray::{Array, ArrayViewMut};

use crate::backend::run;
use crate::config::Ssim;
use crate::error::{Error, Result};
use crate::input::{Input, Real, Shape};
use crate::problem::{Output, Problem, Score};

type Gradient<'a, X> = Array<<X as Input<'a>>::Real, <X as Input<'a>>::Dim>;
type GradientMut<'a, 'o, X> = ArrayViewMut<'o, <X as Input<'a>>::Real, <X as Input<'a>>::Dim>;

/// # Errors of all these functions
///
/// [`Error::ShapeMismatch`] and [`Error::TypeMismatch`] where the inputs differ,
/// [`Error::Empty`] where they have no pixel, [`Error::SmallerThanWindow`] under valid padding,
/// [`Error::Alpha`] and [`Error::ColorType`] for pictures, and [`Error::OutputShape`] where a
/// buffer of the caller's does not fit; [`Error::Overflow`] where the number of pixels does. With
/// [`Backend::Cuda`](crate::Backend::Cuda) also [`Error::Cuda`], and [`Error::Overflow`] for what the kernels cannot
/// count; with [`Backend::Auto`](crate::Backend::Auto), of the errors of a GPU,
/// [`CudaError::Driver`](crate::CudaError::Driver) alone.
///
/// NaN or infinity in a pixel is no error: it makes the score of its own image NaN, and no
/// other's. So do, outside of `f64`, images whose values are beyond about 1e9 times the data range:
/// their fourth powers overflow.
impl Ssim {
    /// The SSIM of each image: at most 1, and exactly 1 for identical images.
    ///
    /// ```
    /// let x = ndarray::Array2::from_shape_fn((64, 64), |(i, j)| (i * j % 256) as u8);
    /// let y = x.mapv(|v| v / 2);
    /// let metric = fastssim::Ssim::default();
    /// assert_eq!(metric.ssim(&x, &x)?, 1.0);
    /// assert!(metric.ssim(&x, &y)? < 1.0);
    /// # Ok::<(), fastssim::Error>(())
    /// ```
    pub fn ssim<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y) -> Result<X::Scores> {
        self.scores(x, y, Score::Ssim)
    }

    /// The SSIM of each image, into a buffer of one element for each image.
    pub fn ssim_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y, scores: &mut [f64]) -> Result<()> {
        self.scores_into(x, y, Score::Ssim, scores)
    }

    /// The DSSIM of each image, with all its digits however close the images are.
    pub fn dssim<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y) -> Result<X::Scores> {
        self.scores(x, y, self.dssim_score())
    }

    /// The DSSIM of each image, into a buffer of one element for each image.
    pub fn dssim_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y, scores: &mut [f64]) -> Result<()> {
        self.scores_into(x, y, self.dssim_score(), scores)
    }

    /// The gradient of each image's SSIM with respect to `x`, shaped like `x`.
    pub fn ssim_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y) -> Result<Gradient<'a, X>> {
        Ok(self.scores_and_gradient(x, y, Score::Ssim)?.1)
    }

    /// The gradient of each image's SSIM, into a buffer shaped like `x`.
    pub fn ssim_gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        gradient: GradientMut<'a, '_, X>,
    ) -> Result<()> {
        self.gradient_into(x, y, Score::Ssim, None, gradient)
    }

    /// The gradient of each image's DSSIM with respect to `x`, shaped like `x`.
    pub fn dssim_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y) -> Result<Gradient<'a, X>> {
        Ok(self.scores_and_gradient(x, y, self.dssim_score())?.1)
    }

    /// The gradient of each image's DSSIM, into a buffer shaped like `x`.
    pub fn dssim_gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        gradient: GradientMut<'a, '_, X>,
    ) -> Result<()> {
        self.gradient_into(x, y, self.dssim_score(), None, gradient)
    }

    /// The SSIM of each image and its gradient with respect to `x`, in one sweep.
    ///
    /// ```
    /// use ndarray::Array4;
    ///
    /// let x = Array4::from_elem((1, 1, 1, 1), 0.2f64);
    /// let y = Array4::from_elem((1, 1, 1, 1), 0.5f64);
    /// let (scores, gradient) = fastssim::Ssim::default().ssim_with_gradient(&x, &y)?;
    /// assert!((scores[0] - 0.499339933239211).abs() < 1e-12);
    /// assert!((gradient[[0, 0, 0, 0]] - 3.3047344143035724).abs() < 1e-11);
    /// # Ok::<(), fastssim::Error>(())
    /// ```
    pub fn ssim_with_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
    ) -> Result<(X::Scores, Gradient<'a, X>)> {
        self.scores_and_gradient(x, y, Score::Ssim)
    }

    /// The SSIM of each image and its gradient, into the caller's buffers.
    ///
    /// ```
    /// use ndarray::Array4;
    ///
    /// let x = Array4::from_elem((2, 3, 32, 32), 0.25f32);
    /// let y = Array4::from_elem((2, 3, 32, 32), 0.5f32);
    /// let (mut scores, mut gradient) = ([0.0; 2], Array4::zeros(x.dim()));
    /// fastssim::Ssim::default().ssim_with_gradient_into(&x, &y, &mut scores, gradient.view_mut())?;
    /// # Ok::<(), fastssim::Error>(())
    /// ```
    pub fn ssim_with_gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        scores: &mut [f64],
        gradient: GradientMut<'a, '_, X>,
    ) -> Result<()> {
        self.gradient_into(x, y, Score::Ssim, Some(scores), gradient)
    }

    /// The DSSIM of each image and its gradient with respect to `x`, in one sweep: a loss and what
    /// its training needs.
    pub fn dssim_with_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
    ) -> Result<(X::Scores, Gradient<'a, X>)> {
        self.scores_and_gradient(x, y, self.dssim_score())
    }

    /// The DSSIM of each image and its gradient, into the caller's buffers.
    pub fn dssim_with_gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        scores: &mut [f64],
        gradient: GradientMut<'a, '_, X>,
    ) -> Result<()> {
        self.gradient_into(x, y, self.dssim_score(), Some(scores), gradient)
    }

    /// The SSIM of each window: shaped like `x` under zero padding, smaller by the window less one
    /// in height and width under valid padding.
    pub fn ssim_map<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y) -> Result<Array<X::Real, X::Dim>> {
        let problem = self.problem(x, y)?;
        let mut map = X::Dim::zeros::<X::Real>(problem.map_shape());
        let into = X::Real::erase_mut(X::Dim::widen_mut(map.view_mut()));
        run(self, &problem, Score::Ssim, None, Output::Map(into))?;
        Ok(map)
    }

    /// The SSIM of each window, into a buffer of the map's shape.
    pub fn ssim_map_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        map: ArrayViewMut<'_, X::Real, X::Dim>,
    ) -> Result<()> {
        let problem = self.problem(x, y)?;
        let into = X::Real::erase_mut(X::Dim::widen_mut(map));
        check_shape::<X::Dim>("map", into.shape(), problem.map_shape())?;
        run(self, &problem, Score::Ssim, None, Output::Map(into))?;
        Ok(())
    }

    /// Checks the inputs, both borrowed for as long as this metric is.
    fn problem<'p, 'a: 'p, 'b: 'p>(&'p self, x: impl Input<'a>, y: impl Input<'b>) -> Result<Problem<'p>> {
        let x = x.pixels().map_err(|error| error.in_input("x"))?;
        let y = y.pixels().map_err(|error| error.in_input("y"))?;
        Problem::new(self, x.reborrow(), y.reborrow())
    }

    pub(crate) fn dssim_score(&self) -> Score {
        Score::Dssim {
            factor: self.dssim.factor(),
        }
    }

    fn scores<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y, score: Score) -> Result<X::Scores> {
        let problem = self.problem(x, y)?;
        let mut scores = vec![0.0; problem.shape[0]];
        run(self, &problem, score, Some(&mut scores), Output::Nothing)?;
        Ok(X::scores(scores))
    }

    fn scores_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        score: Score,
        scores: &mut [f64],
    ) -> Result<()> {
        let problem = self.problem(x, y)?;
        check_scores(scores, &problem)?;
        run(self, &problem, score, Some(scores), Output::Nothing)?;
        Ok(())
    }

    fn scores_and_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        score: Score,
    ) -> Result<(X::Scores, Gradient<'a, X>)> {
        let problem = self.problem(x, y)?;
        let mut scores = vec![0.0; problem.shape[0]];
        let mut gradient = X::Dim::zeros::<X::Real>(problem.shape);
        let into = X::Real::erase_mut(X::Dim::widen_mut(gradient.view_mut()));
        run(
            self,
            &problem,
            score,
            Some(&mut scores),
            Output::Gradient {
                into,
                factor: score.derivative(),
            },
        )?;
        Ok((X::scores(scores), gradient))
    }

    fn gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        score: Score,
        scores: Option<&mut [f64]>,
        gradient: GradientMut<'a, '_, X>,
    ) -> Result<()> {
        let problem = self.problem(x, y)?;
        if let Some(scores) = &scores {
            check_scores(scores, &problem)?;
        }
        let into = X::Real::erase_mut(X::Dim::widen_mut(gradient));
        check_shape::<X::Dim>("gradient", into.shape(), problem.shape)?;
        run(
            self,
            &problem,
            score,
            scores,
            Output::Gradient {
                into,
                factor: score.derivative(),
            },
        )?;
        Ok(())
    }
}

fn check_scores(scores: &[f64], problem: &Problem<'_>) -> Result<()> {
    check_count(scores.len(), problem.shape[0])
}

/// Whether a buffer has room for one score an image, and no more.
pub(crate) fn check_count(found: usize, images: usize) -> Result<()> {
    if found == images {
        return Ok(());
    }
    Err(Error::OutputShape {
        name: "scores",
        expected: vec![images],
        found: vec![found],
    })
}

/// Both shapes are (images, channels, height, width); the error has the extents that the caller has.
pub(crate) fn check_shape<D: Shape>(name: &'static str, found: [usize; 4], expected: [usize; 4]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let extents = D::NDIM.map_or(0, |n| 4 - n)..;
    Err(Error::OutputShape {
        name,
        expected: expected[extents.clone()].into(),
        found: found[extents].into(),
    })
}
