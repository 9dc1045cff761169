//! Everything that a metric can say about one pair of device images: the counterpart of [`Pair`](crate::Pair).

use std::marker::PhantomData;

use ndarray::{ArrayView2, Ix4};

use super::call::{Array, Call, Factor};
use super::device::Device;
use super::images::{DeviceImages, DevicePixel, DeviceReal, same_device};
use super::metric::CudaSsim;
use super::scores::DeviceScores;
use crate::error::{Error, Result};
use crate::problem::{Score, check_count, check_shape};
use crate::weights::Weight;

/// Two batches of device images that a metric is about to compare, made by [`CudaSsim::ssim_of`] and
/// [`CudaSsim::dssim_of`].
///
/// ```no_run
/// use fastssim::Ssim;
/// use fastssim::cuda::{CudaOutputs, Device, DeviceImages, DeviceScores, Stream};
/// use half::bf16;
///
/// let device = Device::new(0)?;
/// let stream = Stream::new(&device)?;
/// let x = DeviceImages::<bf16>::zeros(&stream, [8, 3, 256, 256])?;
/// let y = DeviceImages::<f32>::zeros(&stream, [8, 3, 256, 256])?;
/// let mut losses = DeviceScores::new(&device, 8)?;
/// let mut by_x = DeviceImages::<f32>::new(&device, x.shape())?;
/// let mut by_y = DeviceImages::<f32>::new(&device, y.shape())?;
///
/// // The mean over the batch, derived by both.
/// let outputs = CudaOutputs::new().images(&mut losses).gradient(&mut by_x).gradient_of_y(&mut by_y);
/// Ssim::default().on(&stream).dssim_of(&x, &y).upstream(1.0 / 8.0).compute(outputs)?;
/// # Ok::<(), fastssim::Error>(())
/// ```
///
/// One number for the batch is what [`DeviceScoreSum`](super::DeviceScoreSum) makes of the scores, on the device as well.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct CudaPair<'a, T, U> {
    on: CudaSsim<'a>,
    x: &'a DeviceImages<T>,
    y: &'a DeviceImages<U>,
    score: Score,
    weights: Option<Images<'a>>,
    upstream: Upstream<'a>,
}

/// What the scores, or the map, are multiplied by before they are derived.
#[derive(Clone, Copy, Debug)]
enum Upstream<'a> {
    All(f64),
    Images(&'a [f64]),
    Channels(ArrayView2<'a, f64>),
    Map(Images<'a>),
}

/// Device images of any type.
#[derive(Clone, Copy, Debug)]
struct Images<'a> {
    array: Array,
    shape: [usize; 4],
    device: Device,
    borrowed: PhantomData<&'a ()>,
}

impl<'a> Images<'a> {
    fn new<R: DevicePixel>(images: &'a DeviceImages<R>) -> Self {
        Self {
            array: images.array(),
            shape: images.shape(),
            device: *images.device(),
            borrowed: PhantomData,
        }
    }
}

/// What [`CudaPair::compute`] fills: any of the scores, the map and the gradients.
#[derive(Debug, Default)]
#[must_use]
pub struct CudaOutputs<'o> {
    images: Option<&'o mut DeviceScores>,
    channels: Option<&'o mut DeviceScores>,
    map: Option<Images<'o>>,
    gradients: [Option<Images<'o>>; 2],
}

impl<'o> CudaOutputs<'o> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The score of each image.
    pub fn images(mut self, scores: &'o mut DeviceScores) -> Self {
        self.images = Some(scores);
        self
    }

    /// The score of each channel of each image, image by image: images × channels of them.
    pub fn channels(mut self, scores: &'o mut DeviceScores) -> Self {
        self.channels = Some(scores);
        self
    }

    /// The score of each window, in images of the map's shape.
    pub fn map<R: DeviceReal>(mut self, map: &'o mut DeviceImages<R>) -> Self {
        self.map = Some(Images::new(map));
        self
    }

    /// The gradient with respect to x.
    pub fn gradient<R: DeviceReal>(mut self, gradient: &'o mut DeviceImages<R>) -> Self {
        self.gradients[0] = Some(Images::new(gradient));
        self
    }

    /// The gradient with respect to y.
    pub fn gradient_of_y<R: DeviceReal>(mut self, gradient: &'o mut DeviceImages<R>) -> Self {
        self.gradients[1] = Some(Images::new(gradient));
        self
    }
}

impl<'a> CudaSsim<'a> {
    /// A pair whose score is SSIM.
    pub fn ssim_of<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &'a DeviceImages<T>,
        y: &'a DeviceImages<U>,
    ) -> CudaPair<'a, T, U> {
        self.pair(x, y, Score::Ssim)
    }

    /// A pair whose score is DSSIM.
    pub fn dssim_of<T: DevicePixel, U: DevicePixel>(
        &self,
        x: &'a DeviceImages<T>,
        y: &'a DeviceImages<U>,
    ) -> CudaPair<'a, T, U> {
        self.pair(x, y, self.metric.dssim_score())
    }

    fn pair<T, U>(&self, x: &'a DeviceImages<T>, y: &'a DeviceImages<U>, score: Score) -> CudaPair<'a, T, U> {
        CudaPair {
            on: *self,
            x,
            y,
            score,
            weights: None,
            upstream: Upstream::All(1.0),
        }
    }
}

impl<'a, T: DevicePixel, U: DevicePixel> CudaPair<'a, T, U> {
    /// What each pixel counts in its image's score, as [`PixelWeights`](crate::PixelWeights) has it: of shape (images, 1,
    /// height, width), or (1, 1, height, width) for all images, of `u8` or `f32`. The map is not weighted.
    ///
    /// Nobody waits to see them: where weights are negative or not finite, or zero for all windows of an image, its
    /// scores and gradients are NaN.
    pub fn weights<W: Weight + DevicePixel>(mut self, weights: &'a DeviceImages<W>) -> Self {
        self.weights = Some(Images::new(weights));
        self
    }

    /// Gradients are those of the scores times this: 1 / n for the mean of a batch of n images.
    pub fn upstream(mut self, factor: f64) -> Self {
        self.upstream = Upstream::All(factor);
        self
    }

    /// Gradients are those of the sum of the images' scores, each times its number here. The numbers are the host's, and
    /// copied when the work is put into the stream.
    pub fn upstream_of_images(mut self, factors: &'a [f64]) -> Self {
        self.upstream = Upstream::Images(factors);
        self
    }

    /// Gradients are those of the sum of the channels' scores, each times its number here, of shape (images, channels).
    /// Weights of channels have no part in it.
    pub fn upstream_of_channels(mut self, factors: ArrayView2<'a, f64>) -> Self {
        self.upstream = Upstream::Channels(factors);
        self
    }

    /// Gradients are those of the sum of the map, each window times its number here. Weights of pixels and channels have no
    /// part in it.
    pub fn upstream_of_map<R: DeviceReal>(mut self, factors: &'a DeviceImages<R>) -> Self {
        self.upstream = Upstream::Map(Images::new(factors));
        self
    }

    /// Computes whatever is asked for into device memory, without waiting.
    ///
    /// # Errors
    ///
    /// Those of the functions of [`CudaSsim`], and [`Error::OutputShape`] for weights and upstream gradients of another
    /// shape.
    pub fn compute(self, outputs: CudaOutputs<'_>) -> Result<()> {
        let call = self.call()?;
        let [n, c, ..] = self.x.shape();
        let scores = |scores: &Option<&mut DeviceScores>, name, count| match scores {
            None => Ok(0),
            Some(scores) => {
                check_count(name, scores.images(), count)?;
                same_device(scores.device(), self.on.stream, name)?;
                Ok::<u64, Error>(scores.address())
            }
        };
        let images = scores(&outputs.images, "scores", n)?;
        let channels = scores(&outputs.channels, "channels", n * c)?;
        let map = self.checked(outputs.map, "map", self.on.map_shape(self.x))?;
        let [x, y] = outputs.gradients;
        let gradients = [
            self.checked(x, "gradient", self.x.shape())?,
            self.checked(y, "gradient_of_y", self.x.shape())?,
        ];
        let has_gradients = gradients.iter().any(Option::is_some);
        // Windows do not count the same in the map's derivative as in the scores.
        let together = has_gradients && call.counts.is_none();
        let of_scores = Call {
            images,
            channels,
            counts: None,
            ..call.clone()
        };
        if has_gradients {
            let of_gradients = if together {
                Call {
                    gradients,
                    ..of_scores.clone()
                }
            } else {
                Call {
                    gradients,
                    weights: None,
                    ..call.clone()
                }
            };
            // SAFETY: all are on this device with the layouts they were made with, have been checked for their shapes,
            // and outputs are borrowed exclusively.
            unsafe { of_gradients.launch(self.on.stream) }?;
        }
        if map.is_some() {
            // SAFETY: as above.
            unsafe {
                Call {
                    map,
                    counts: None,
                    weights: None,
                    ..call
                }
                .launch(self.on.stream)
            }?;
        }
        if !together && (images != 0 || channels != 0) {
            // SAFETY: as above.
            unsafe { of_scores.launch(self.on.stream) }?;
        }
        Ok(())
    }

    /// Checks the inputs, the weights and the upstream gradient.
    fn call(&self) -> Result<Call<'_>> {
        let mut call = self.on.call(self.x, self.y, self.score)?;
        let [n, c, height, width] = self.x.shape();
        if let Some(weights) = self.weights {
            let images = if weights.shape[0] == 1 { 1 } else { n };
            call.weights = self.checked(Some(weights), "weights", [images, 1, height, width])?;
        }
        self.derive(&mut call)?;
        if call.weights.is_some() {
            // By the sums of the weights, not by the number of windows: those are the device's to divide by.
            call.window_factor = Factor::Each(vec![1.0; n]);
            if call.counts.is_none() {
                let [_, _, height, width] = self.on.map_shape(self.x);
                let times_windows = |factor: f64| factor * (height * width) as f64;
                call.gradient_factor = Factor::Each(match &call.gradient_factor {
                    Factor::All(factor) => vec![times_windows(*factor); n * c],
                    Factor::Each(factors) => factors.iter().copied().map(times_windows).collect(),
                });
            }
        }
        Ok(call)
    }

    /// Sets what is derived.
    fn derive(&self, call: &mut Call<'_>) -> Result<()> {
        let [n, c, ..] = self.x.shape();
        let wrong = |expected: &[usize], found: &[usize]| Error::OutputShape {
            name: "the upstream gradient",
            expected: expected.into(),
            found: found.into(),
        };
        // Of the mean over windows, times what channels count; see `CudaSsim::call`.
        let of = |plane: usize| match &call.gradient_factor {
            Factor::All(factor) => *factor,
            Factor::Each(factors) => factors[plane],
        };
        let factor = match self.upstream {
            Upstream::All(1.0) => return Ok(()),
            Upstream::All(factor) => match &call.gradient_factor {
                Factor::All(all) => Factor::All(factor * all),
                Factor::Each(_) => Factor::Each((0..n * c).map(|plane| factor * of(plane)).collect()),
            },
            Upstream::Images(factors) if factors.len() == n => {
                Factor::Each((0..n * c).map(|plane| factors[plane / c] * of(plane)).collect())
            }
            Upstream::Images(factors) => return Err(wrong(&[n], &[factors.len()])),
            Upstream::Channels(factors) if factors.dim() == (n, c) => {
                let [_, _, height, width] = self.on.map_shape(self.x);
                let slope = self.score.derivative() / (height * width) as f64;
                Factor::Each(factors.iter().map(|factor| factor * slope).collect())
            }
            Upstream::Channels(factors) => return Err(wrong(&[n, c], factors.shape())),
            Upstream::Map(map) => {
                call.counts = self.checked(Some(map), "the upstream gradient", self.on.map_shape(self.x))?;
                Factor::All(self.score.derivative())
            }
        };
        call.gradient_factor = factor;
        Ok(())
    }

    /// The array, if it is on the stream's device and of this shape.
    fn checked(&self, images: Option<Images<'_>>, name: &'static str, shape: [usize; 4]) -> Result<Option<Array>> {
        let Some(images) = images else { return Ok(None) };
        check_shape::<Ix4>(name, images.shape, shape)?;
        same_device(&images.device, self.on.stream, name)?;
        Ok(Some(images.array))
    }
}
