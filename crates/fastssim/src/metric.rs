//! The functions of the metric that everybody needs, in terms of [`crate::Pair`].

use ndarray::{Array, ArrayViewMut};

use crate::config::Ssim;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::input::Input;
use crate::outputs::Outputs;

/// A gradient or a map, shaped like an input.
pub(crate) type Gradient<'a, X> = Array<<X as Input<'a>>::Real, <X as Input<'a>>::Dim>;
type GradientMut<'a, 'o, X> = ArrayViewMut<'o, <X as Input<'a>>::Real, <X as Input<'a>>::Dim>;

/// # Errors of all these functions
///
/// [`Error::ShapeMismatch`] where the inputs differ, [`Error::TypeMismatch`] where their types' ranges do and none was
/// given, [`Error::ChannelWeights`] where there is not one for each channel,
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
        self.ssim_of(x, y).images()
    }

    /// The SSIM of each image, into a buffer of one element for each image.
    pub fn ssim_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y, scores: &mut [f64]) -> Result<()> {
        self.ssim_of(x, y).compute(Outputs::new().images(scores))
    }

    /// The DSSIM of each image, with all its digits however close the images are.
    pub fn dssim<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y) -> Result<X::Scores> {
        self.dssim_of(x, y).images()
    }

    /// The DSSIM of each image, into a buffer of one element for each image.
    pub fn dssim_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y, scores: &mut [f64]) -> Result<()> {
        self.dssim_of(x, y).compute(Outputs::new().images(scores))
    }

    /// The gradient of each image's SSIM with respect to `x`, shaped like `x`.
    pub fn ssim_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y) -> Result<Gradient<'a, X>> {
        self.ssim_of(x, y).gradient()
    }

    /// The gradient of each image's SSIM, into a buffer shaped like `x`.
    pub fn ssim_gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        gradient: GradientMut<'a, '_, X>,
    ) -> Result<()> {
        self.ssim_of(x, y).compute(Outputs::new().gradient(gradient))
    }

    /// The gradient of each image's DSSIM with respect to `x`, shaped like `x`.
    pub fn dssim_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y) -> Result<Gradient<'a, X>> {
        self.dssim_of(x, y).gradient()
    }

    /// The gradient of each image's DSSIM, into a buffer shaped like `x`.
    pub fn dssim_gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        gradient: GradientMut<'a, '_, X>,
    ) -> Result<()> {
        self.dssim_of(x, y).compute(Outputs::new().gradient(gradient))
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
        self.ssim_of(x, y).images_with_gradient()
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
        let outputs = Outputs::new().images(scores).gradient(gradient);
        self.ssim_of(x, y).compute(outputs)
    }

    /// The DSSIM of each image and its gradient with respect to `x`, in one sweep: a loss and what
    /// its training needs.
    pub fn dssim_with_gradient<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
    ) -> Result<(X::Scores, Gradient<'a, X>)> {
        self.dssim_of(x, y).images_with_gradient()
    }

    /// The DSSIM of each image and its gradient, into the caller's buffers.
    pub fn dssim_with_gradient_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        scores: &mut [f64],
        gradient: GradientMut<'a, '_, X>,
    ) -> Result<()> {
        let outputs = Outputs::new().images(scores).gradient(gradient);
        self.dssim_of(x, y).compute(outputs)
    }

    /// The SSIM of each window: shaped like `x` (or like `x` made smaller, under
    /// [`Downsampling::Automatic`](crate::Downsampling::Automatic), which the preset `matlab` has), but smaller by the window
    /// less one in height and width under valid padding.
    pub fn ssim_map<'a, 'b, X: Input<'a>, Y: Input<'b>>(&self, x: X, y: Y) -> Result<Array<X::Real, X::Dim>> {
        self.ssim_of(x, y).map()
    }

    /// The SSIM of each window, into a buffer of the map's shape.
    pub fn ssim_map_into<'a, 'b, X: Input<'a>, Y: Input<'b>>(
        &self,
        x: X,
        y: Y,
        map: ArrayViewMut<'_, X::Real, X::Dim>,
    ) -> Result<()> {
        self.ssim_of(x, y).compute(Outputs::new().map(map))
    }
}
