//! The functions of the metric on device images: results stay on the device, or come to the host.

use ndarray::{Array4, Ix4};

use super::images::{DeviceImages, DevicePixel, same_device};
use super::job::{Job, Target};
use super::scores::DeviceScores;
use super::stream::Stream;
use crate::CudaError;
use crate::config::Ssim;
use crate::error::Result;
use crate::problem::{Score, check_count, check_equal, check_shape};

impl Ssim {
    /// The functions of this metric on images in a device's memory, done in this stream. See
    /// [`cuda`](crate::cuda).
    pub fn on<'a>(&'a self, stream: &'a Stream) -> CudaSsim<'a> {
        CudaSsim { metric: self, stream }
    }
}

/// A metric and a stream, made by [`Ssim::on`].
///
/// Functions that end in `_into` put their work into the stream and return: they neither wait nor copy, and
/// allocate nothing after the first call of a size. All others wait for the result and bring it to the host.
///
/// # Errors of all these functions
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch), [`Error::SmallerThanWindow`](crate::Error::SmallerThanWindow)
/// and [`Error::OutputShape`](crate::Error::OutputShape) as on the host; [`Error::Overflow`](crate::Error::Overflow) for
/// a batch of more tiles than the kernels can count;
/// [`CudaError::WrongDevice`], [`CudaError::Unsupported`] for an option that the kernels do not have,
/// [`CudaError::OutOfMemory`], [`CudaError::Fault`] where work on the device has failed before, and
/// [`CudaError::Driver`] where the driver refuses a call for another reason.
#[derive(Clone, Copy, Debug)]
pub struct CudaSsim<'a> {
    metric: &'a Ssim,
    stream: &'a Stream,
}

impl CudaSsim<'_> {
    /// The SSIM of each image, on the device.
    pub fn ssim_into<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
        scores: &mut DeviceScores,
    ) -> Result<()> {
        self.scores_into(x, y, Score::Ssim, scores)
    }

    /// The DSSIM of each image, on the device.
    pub fn dssim_into<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
        scores: &mut DeviceScores,
    ) -> Result<()> {
        self.scores_into(x, y, self.metric.dssim_score(), scores)
    }

    /// The gradient of each image's SSIM with respect to `x`, on the device.
    pub fn ssim_gradient_into<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
        gradient: &mut DeviceImages<f32>,
    ) -> Result<()> {
        self.gradient_into(x, y, Score::Ssim, None, gradient)
    }

    /// The gradient of each image's DSSIM with respect to `x`, on the device.
    pub fn dssim_gradient_into<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
        gradient: &mut DeviceImages<f32>,
    ) -> Result<()> {
        self.gradient_into(x, y, self.metric.dssim_score(), None, gradient)
    }

    /// The SSIM of each image and its gradient with respect to `x`, on the device, in one kernel.
    pub fn ssim_with_gradient_into<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
        scores: &mut DeviceScores,
        gradient: &mut DeviceImages<f32>,
    ) -> Result<()> {
        self.gradient_into(x, y, Score::Ssim, Some(scores), gradient)
    }

    /// The DSSIM of each image and its gradient with respect to `x`, on the device, in one kernel: a loss and what
    /// its training needs.
    pub fn dssim_with_gradient_into<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
        scores: &mut DeviceScores,
        gradient: &mut DeviceImages<f32>,
    ) -> Result<()> {
        self.gradient_into(x, y, self.metric.dssim_score(), Some(scores), gradient)
    }

    /// The SSIM of each window, on the device, in images of the map's shape.
    pub fn ssim_map_into<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
        map: &mut DeviceImages<f32>,
    ) -> Result<()> {
        let job = self.job(x, y)?;
        check_shape::<Ix4>("map", map.shape(), job.map_shape())?;
        map.on(self.stream, "map")?;
        let target = Target::Map(map.layout().planes(map.address()));
        // SAFETY: all are on this device with the layouts they were made with, the map's shape is right, and its
        // borrow is exclusive.
        unsafe { job.launch(self.stream, Score::Ssim, target) }
    }

    /// The SSIM of each image. Waits.
    pub fn ssim<T: DevicePixel>(&self, x: &DeviceImages<T>, y: &DeviceImages<T>) -> Result<Vec<f64>> {
        self.scores(x, y, Score::Ssim)
    }

    /// The DSSIM of each image. Waits.
    pub fn dssim<T: DevicePixel>(&self, x: &DeviceImages<T>, y: &DeviceImages<T>) -> Result<Vec<f64>> {
        self.scores(x, y, self.metric.dssim_score())
    }

    /// The SSIM of each image and its gradient with respect to `x`. Waits.
    pub fn ssim_with_gradient<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
    ) -> Result<(Vec<f64>, Array4<f32>)> {
        self.with_gradient(x, y, Score::Ssim)
    }

    /// The DSSIM of each image and its gradient with respect to `x`. Waits.
    pub fn dssim_with_gradient<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
    ) -> Result<(Vec<f64>, Array4<f32>)> {
        self.with_gradient(x, y, self.metric.dssim_score())
    }

    /// The gradient of each image's SSIM with respect to `x`. Waits.
    pub fn ssim_gradient<T: DevicePixel>(&self, x: &DeviceImages<T>, y: &DeviceImages<T>) -> Result<Array4<f32>> {
        Ok(self.with_gradient(x, y, Score::Ssim)?.1)
    }

    /// The gradient of each image's DSSIM with respect to `x`. Waits.
    pub fn dssim_gradient<T: DevicePixel>(&self, x: &DeviceImages<T>, y: &DeviceImages<T>) -> Result<Array4<f32>> {
        Ok(self.with_gradient(x, y, self.metric.dssim_score())?.1)
    }

    /// The SSIM of each window. Waits.
    pub fn ssim_map<T: DevicePixel>(&self, x: &DeviceImages<T>, y: &DeviceImages<T>) -> Result<Array4<f32>> {
        let shape = self.job(x, y)?.map_shape();
        let mut map = DeviceImages::new(self.stream.device(), shape)?;
        self.ssim_map_into(x, y, &mut map)?;
        map.download(self.stream)
    }

    /// Checks the inputs.
    fn job<T: DevicePixel>(&self, x: &DeviceImages<T>, y: &DeviceImages<T>) -> Result<Job<'_>> {
        check_equal(x.shape(), y.shape())?;
        self.metric.check_window(x.shape())?;
        if self.metric.factor(x.shape()) > 1 {
            return Err(CudaError::Unsupported {
                what: "downsampling of images in the device's memory".into(),
                allowed: "images in the host's memory, or no downsampling",
            }
            .into());
        }
        x.on(self.stream, "x")?;
        y.on(self.stream, "y")?;
        let range = self.metric.data_range.unwrap_or(T::KIND.range());
        let (x, y) = ((x.address(), x.layout()), (y.address(), y.layout()));
        Ok(Job::new(self.metric, T::KIND, range, x, y))
    }

    fn scores_into<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
        score: Score,
        scores: &mut DeviceScores,
    ) -> Result<()> {
        let job = self.job(x, y)?;
        let target = Target::Scores(self.scores_address(scores, x)?);
        // SAFETY: all are on this device with the layouts they were made with; there is a score for each image,
        // borrowed exclusively.
        unsafe { job.launch(self.stream, score, target) }
    }

    fn gradient_into<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
        score: Score,
        scores: Option<&mut DeviceScores>,
        gradient: &mut DeviceImages<f32>,
    ) -> Result<()> {
        let job = self.job(x, y)?;
        let scores = match scores {
            Some(scores) => self.scores_address(scores, x)?,
            None => 0,
        };
        check_shape::<Ix4>("gradient", gradient.shape(), x.shape())?;
        gradient.on(self.stream, "gradient")?;
        let gradient = gradient.layout().planes(gradient.address());
        let target = Target::Gradient {
            scores,
            gradient,
            upstream: 1.0,
        };
        // SAFETY: all are on this device with the layouts they were made with; the gradient has the images' shape
        // and there is a score for each image or none at all; both are borrowed exclusively.
        unsafe { job.launch(self.stream, score, target) }
    }

    fn scores<T: DevicePixel>(&self, x: &DeviceImages<T>, y: &DeviceImages<T>, score: Score) -> Result<Vec<f64>> {
        let mut scores = DeviceScores::new(self.stream.device(), x.shape()[0])?;
        self.scores_into(x, y, score, &mut scores)?;
        scores.download(self.stream)
    }

    fn with_gradient<T: DevicePixel>(
        &self,
        x: &DeviceImages<T>,
        y: &DeviceImages<T>,
        score: Score,
    ) -> Result<(Vec<f64>, Array4<f32>)> {
        self.job(x, y)?;
        let device = self.stream.device();
        let mut scores = DeviceScores::new(device, x.shape()[0])?;
        let mut gradient = DeviceImages::new(device, x.shape())?;
        self.gradient_into(x, y, score, Some(&mut scores), &mut gradient)?;
        Ok((scores.download(self.stream)?, gradient.download(self.stream)?))
    }

    /// The address of scores that fit the images.
    fn scores_address<T: DevicePixel>(&self, scores: &DeviceScores, x: &DeviceImages<T>) -> Result<u64> {
        check_count("scores", scores.images(), x.shape()[0])?;
        same_device(scores.device(), self.stream, "scores")?;
        Ok(scores.address())
    }
}
