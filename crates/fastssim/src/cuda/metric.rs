//! The functions of the metric on device images: results stay on the device, or come to the host.

use ndarray::{Array4, Ix4};

use super::call::{Call, Factor};
use super::images::{DeviceImages, DevicePixel, DeviceReal, Kind, same_device};
use super::scores::DeviceScores;
use super::stream::Stream;
#[cfg(doc)]
use crate::CudaError;
use crate::config::Ssim;
use crate::error::{Error, Result};
use crate::input::Shape;
use crate::problem::{Score, check_count, check_equal, check_shape, map_shape, margin};
use crate::reduced::reduced_shape;

impl Ssim {
    /// The functions of this metric on images in a device's memory, done in this stream. See
    /// [`cuda`](crate::cuda).
    pub fn on<'a>(&'a self, stream: &'a Stream) -> CudaSsim<'a> {
        CudaSsim { metric: self, stream }
    }
}

/// A metric and a stream, made by [`Ssim::on`].
///
/// Functions that end in `_into` put their work into the stream and return: they neither wait nor copy (but for weights
/// of channels that differ), and allocate nothing after the first call of a size; the first call for an element type on a
/// device, the first for a type with pixels beyond the edges, either with a window of each size beyond 11 pixels (and, from 19
/// pixels on, its first gradient, and its first call for both), and the first with options that the fast kernels do not have,
/// also loads kernels, a second or so. So they can be captured in a CUDA graph, after such a first call in the same stream. All
/// others wait for the result and bring it to the host.
///
/// The two images may differ in type. Gradients and maps on the device are of any type of floats, and lie as the caller's
/// buffers do; those that come to the host are of `f64` where `x` is, of `f32` otherwise, and lie as `x` does. What else a
/// metric can say, [`ssim_of`](Self::ssim_of) and [`dssim_of`](Self::dssim_of) have.
///
/// # Errors of all these functions
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch), [`Error::TypeMismatch`](crate::Error::TypeMismatch),
/// [`Error::ChannelWeights`](crate::Error::ChannelWeights), [`Error::SmallerThanWindow`](crate::Error::SmallerThanWindow)
/// and [`Error::OutputShape`](crate::Error::OutputShape) as on the host; [`Error::Overflow`](crate::Error::Overflow) for
/// a batch of more tiles than the kernels can count;
/// [`CudaError::WrongDevice`], [`CudaError::Unsupported`] for a window larger than 33 pixels, and for a call that would
/// have to allocate, to load kernels, or to copy from or to the host while its stream is captured in a graph,
/// [`CudaError::OutOfMemory`], [`CudaError::Fault`] where work on the device has failed before, and
/// [`CudaError::Driver`] where the driver refuses a call for another reason.
#[derive(Clone, Copy, Debug)]
pub struct CudaSsim<'a> {
    pub(super) metric: &'a Ssim,
    pub(super) stream: &'a Stream,
}

impl CudaSsim<'_> {
    /// The SSIM of each image, on the device.
    pub fn ssim_into<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        scores: &mut DeviceScores,
    ) -> Result<()> {
        self.scores_into(x, y, Score::Ssim, scores)
    }

    /// The DSSIM of each image, on the device.
    pub fn dssim_into<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        scores: &mut DeviceScores,
    ) -> Result<()> {
        self.scores_into(x, y, self.metric.dssim_score(), scores)
    }

    /// The gradient of each image's SSIM with respect to `x`, on the device.
    pub fn ssim_gradient_into<T: DevicePixel, U: DevicePixel, R: DeviceReal>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        gradient: &mut DeviceImages<R>,
    ) -> Result<()> {
        self.gradient_into(x, y, Score::Ssim, None, gradient)
    }

    /// The gradient of each image's DSSIM with respect to `x`, on the device.
    pub fn dssim_gradient_into<T: DevicePixel, U: DevicePixel, R: DeviceReal>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        gradient: &mut DeviceImages<R>,
    ) -> Result<()> {
        self.gradient_into(x, y, self.metric.dssim_score(), None, gradient)
    }

    /// The SSIM of each image and its gradient with respect to `x`, on the device, in one go.
    pub fn ssim_with_gradient_into<T: DevicePixel, U: DevicePixel, R: DeviceReal>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        scores: &mut DeviceScores,
        gradient: &mut DeviceImages<R>,
    ) -> Result<()> {
        self.gradient_into(x, y, Score::Ssim, Some(scores), gradient)
    }

    /// The DSSIM of each image and its gradient with respect to `x`, on the device, in one go: a loss and what
    /// its training needs.
    pub fn dssim_with_gradient_into<T: DevicePixel, U: DevicePixel, R: DeviceReal>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        scores: &mut DeviceScores,
        gradient: &mut DeviceImages<R>,
    ) -> Result<()> {
        self.gradient_into(x, y, self.metric.dssim_score(), Some(scores), gradient)
    }

    /// The SSIM of each window, on the device, in images of the map's shape.
    pub fn ssim_map_into<T: DevicePixel, U: DevicePixel, R: DeviceReal>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        map: &mut DeviceImages<R>,
    ) -> Result<()> {
        let mut call = self.call(x, y, Score::Ssim)?;
        check_shape::<Ix4>("map", map.shape(), self.map_shape(x))?;
        map.on(self.stream, "map")?;
        call.map = Some(map.array());
        // SAFETY: all are on this device with the layouts they were made with, the map's shape is right, and its
        // borrow is exclusive.
        unsafe { call.launch(self.stream) }
    }

    /// The SSIM of each image. Waits.
    pub fn ssim<T: DevicePixel, U: DevicePixel>(&self, x: &DeviceImages<T>, y: &DeviceImages<U>) -> Result<Vec<f64>> {
        self.scores(x, y, Score::Ssim)
    }

    /// The DSSIM of each image. Waits.
    pub fn dssim<T: DevicePixel, U: DevicePixel>(&self, x: &DeviceImages<T>, y: &DeviceImages<U>) -> Result<Vec<f64>> {
        self.scores(x, y, self.metric.dssim_score())
    }

    /// The SSIM of each image and its gradient with respect to `x`. Waits.
    pub fn ssim_with_gradient<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
    ) -> Result<(Vec<f64>, Array4<T::Float>)> {
        self.with_gradient(x, y, Score::Ssim)
    }

    /// The DSSIM of each image and its gradient with respect to `x`. Waits.
    pub fn dssim_with_gradient<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
    ) -> Result<(Vec<f64>, Array4<T::Float>)> {
        self.with_gradient(x, y, self.metric.dssim_score())
    }

    /// The gradient of each image's SSIM with respect to `x`. Waits.
    pub fn ssim_gradient<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
    ) -> Result<Array4<T::Float>> {
        Ok(self.with_gradient(x, y, Score::Ssim)?.1)
    }

    /// The gradient of each image's DSSIM with respect to `x`. Waits.
    pub fn dssim_gradient<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
    ) -> Result<Array4<T::Float>> {
        Ok(self.with_gradient(x, y, self.metric.dssim_score())?.1)
    }

    /// The SSIM of each window. Waits.
    pub fn ssim_map<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
    ) -> Result<Array4<T::Float>> {
        self.call(x, y, Score::Ssim)?;
        let mut map = DeviceImages::<T::Float>::new(self.stream.device(), self.map_shape(x))?;
        self.ssim_map_into(x, y, &mut map)?;
        self.host_copy(&map, x)
    }

    /// The shape of the map of images that have been checked.
    pub(super) fn map_shape<T: DevicePixel>(&self, x: &DeviceImages<T>) -> [usize; 4] {
        let small = reduced_shape(x.shape(), self.metric.factor(x.shape()));
        map_shape(small, margin(self.metric.padding, &self.metric.window))
    }

    /// Checks the inputs; nothing is wanted of them yet.
    pub(super) fn call<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        score: Score,
    ) -> Result<Call<'_>> {
        let (metric, shape) = (self.metric, x.shape());
        check_equal(shape, y.shape())?;
        let ranges = [T::KIND, U::KIND].map(Kind::range);
        if metric.data_range.is_none() && ranges[0] != ranges[1] {
            let (x, y) = (T::KIND.name(), U::KIND.name());
            return Err(Error::TypeMismatch { x, y });
        }
        metric.check_window(shape)?;
        metric.check_channels(shape)?;
        x.on(self.stream, "x")?;
        y.on(self.stream, "y")?;
        let [images, channels, height, width] = self.map_shape(x);
        let windows = (height * width) as f64;
        let slope = score.derivative() / windows;
        let (channel_factor, gradient_factor) = match &metric.channel_weights {
            None => (Factor::All(1.0 / channels as f64), Factor::All(slope / channels as f64)),
            Some(weights) => {
                let all: f64 = weights.iter().sum();
                let of_image: Vec<f64> = weights.iter().map(|weight| weight / all).collect();
                let gradients = of_image.iter().map(|weight| slope * weight).collect::<Vec<_>>();
                (Factor::new(of_image), Factor::new(gradients.repeat(images)))
            }
        };
        Ok(Call {
            metric,
            shape,
            range: metric.data_range.unwrap_or(ranges[0]),
            x: x.array(),
            y: y.array(),
            score,
            images: 0,
            channels: 0,
            map: None,
            gradients: [None, None],
            counts: None,
            weights: None,
            window_factor: Factor::All(1.0 / windows),
            channel_factor,
            gradient_factor,
        })
    }

    fn scores_into<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        score: Score,
        scores: &mut DeviceScores,
    ) -> Result<()> {
        let mut call = self.call(x, y, score)?;
        call.images = self.scores_address(scores, x)?;
        // SAFETY: all are on this device with the layouts they were made with; there is a score for each image,
        // borrowed exclusively.
        unsafe { call.launch(self.stream) }
    }

    fn gradient_into<T: DevicePixel, U: DevicePixel, R: DeviceReal>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        score: Score,
        scores: Option<&mut DeviceScores>,
        gradient: &mut DeviceImages<R>,
    ) -> Result<()> {
        let mut call = self.call(x, y, score)?;
        if let Some(scores) = scores {
            call.images = self.scores_address(scores, x)?;
        }
        check_shape::<Ix4>("gradient", gradient.shape(), x.shape())?;
        gradient.on(self.stream, "gradient")?;
        call.gradients[0] = Some(gradient.array());
        // SAFETY: all are on this device with the layouts they were made with; the gradient has the images' shape
        // and there is a score for each image or none at all; both are borrowed exclusively.
        unsafe { call.launch(self.stream) }
    }

    fn scores<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        score: Score,
    ) -> Result<Vec<f64>> {
        let mut scores = DeviceScores::new(self.stream.device(), x.shape()[0])?;
        self.scores_into(x, y, score, &mut scores)?;
        scores.download(self.stream)
    }

    fn with_gradient<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<U>,
        score: Score,
    ) -> Result<(Vec<f64>, Array4<T::Float>)> {
        self.call(x, y, score)?;
        let device = self.stream.device();
        let mut scores = DeviceScores::new(device, x.shape()[0])?;
        let mut gradient = DeviceImages::<T::Float>::new(device, x.shape())?;
        self.gradient_into(x, y, score, Some(&mut scores), &mut gradient)?;
        Ok((scores.download(self.stream)?, self.host_copy(&gradient, x)?))
    }

    /// A copy on the host, ordered in memory as `x` is.
    fn host_copy<T: DevicePixel, R: DeviceReal>(
        &self,
        images: &DeviceImages<R>,
        x: &DeviceImages<T>,
    ) -> Result<Array4<R>> {
        let like = x.strides().map(|stride| isize::try_from(stride).unwrap_or(isize::MAX));
        let mut copy = Ix4::zeros(images.shape(), like);
        images.download_into(self.stream, copy.view_mut())?;
        Ok(copy)
    }

    /// The address of scores that fit the images.
    fn scores_address<T: DevicePixel>(&self, scores: &DeviceScores, x: &DeviceImages<T>) -> Result<u64> {
        check_count("scores", scores.images(), x.shape()[0])?;
        same_device(scores.device(), self.stream, "scores")?;
        Ok(scores.address())
    }
}
