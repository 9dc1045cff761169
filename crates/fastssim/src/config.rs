//! What is computed: the validated configuration of a metric, and its builder.

use crate::backend;
use crate::error::{Error, Result};
use crate::options::{Backend, Covariance, Downsampling, DssimConvention, Padding};
use crate::window::Window;

/// The largest window, in pixels.
const MAX_WINDOW: usize = 255;

/// A configured SSIM metric: made once, used for any number of images and from any thread.
///
/// The structural similarity index of Wang, Bovik, Sheikh and Simoncelli, *Image quality
/// assessment: from error visibility to structural similarity*, IEEE Transactions on Image
/// Processing 13(4), 2004:
///
/// ```text
///            (2 μx μy + C1) (2 σxy + C2)
/// SSIM = ───────────────────────────────────      C1 = (k1 L)²,  C2 = (k2 L)²
///        (μx² + μy² + C1) (σx² + σy² + C2)
/// ```
///
/// with means and (co)variances under a Gaussian window around each pixel. The score of an image
/// is the mean of that map over its pixels, then over its channels.
///
/// The defaults are zero padding, an 11×11 Gaussian window with σ = 1.5 pixels, population covariances, k1 = 0.01,
/// k2 = 0.03, the element type's own range (255 for `u8`, 65535 for `u16`, 1 for floats), all channels alike, and
/// DSSIM = 1 − SSIM.
///
/// ```
/// use fastssim::{Padding, Ssim};
/// use ndarray::Array4;
///
/// let metric = Ssim::builder().padding(Padding::Valid).build()?;
/// let x = Array4::from_shape_fn((2, 3, 32, 40), |(n, c, i, j)| ((n + c + i * j) % 256) as u8);
/// let y = x.mapv(|v| v / 2);
/// let scores = metric.ssim(x.view(), y.view())?; // One for each of the two images.
/// assert_eq!(scores.len(), 2);
/// assert!(scores[0] < 1.0);
/// # Ok::<(), fastssim::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ssim {
    pub(crate) padding: Padding,
    pub(crate) window: Window,
    pub(crate) sigma: Option<f64>,
    pub(crate) covariance: Covariance,
    pub(crate) k1: f64,
    pub(crate) k2: f64,
    pub(crate) data_range: Option<f64>,
    pub(crate) exponents: [f64; 3],
    pub(crate) channel_weights: Option<Vec<f64>>,
    pub(crate) downsampling: Downsampling,
    pub(crate) dssim: DssimConvention,
    pub(crate) backend: Backend,
}

impl Ssim {
    /// Starts a configuration from the defaults.
    pub fn builder() -> SsimBuilder {
        SsimBuilder::default()
    }

    /// How the image continues beyond its edges.
    pub fn padding(&self) -> Padding {
        self.padding
    }

    /// The window's side in pixels.
    pub fn window(&self) -> usize {
        2 * self.window.radius() + 1
    }

    /// The window's weights along one axis, which sum to 1.
    ///
    /// ```
    /// let metric = fastssim::Ssim::builder().uniform_window(5).build()?;
    /// assert_eq!(metric.window_weights(), [0.2; 5]);
    /// # Ok::<(), fastssim::Error>(())
    /// ```
    pub fn window_weights(&self) -> Vec<f64> {
        let half = self.window.half();
        half.iter().skip(1).rev().chain(half).copied().collect()
    }

    /// The standard deviation in pixels of a Gaussian window; `None` for any other.
    pub fn sigma(&self) -> Option<f64> {
        self.sigma
    }

    /// How variances and the covariance are normalised.
    pub fn covariance(&self) -> Covariance {
        self.covariance
    }

    /// The luminance constant of C1 = (k1 L)².
    pub fn k1(&self) -> f64 {
        self.k1
    }

    /// The contrast constant of C2 = (k2 L)².
    pub fn k2(&self) -> f64 {
        self.k2
    }

    /// The dynamic range L, or `None` for the element type's own.
    pub fn data_range(&self) -> Option<f64> {
        self.data_range
    }

    /// The exponents of luminance, contrast and structure.
    pub fn exponents(&self) -> [f64; 3] {
        self.exponents
    }

    /// What each channel counts in the mean over the channels, or `None` where all count the same.
    pub fn channel_weights(&self) -> Option<&[f64]> {
        self.channel_weights.as_deref()
    }

    /// Whether images are made smaller before they are compared.
    pub fn downsampling(&self) -> Downsampling {
        self.downsampling
    }

    /// What DSSIM means.
    pub fn dssim_convention(&self) -> DssimConvention {
        self.dssim
    }

    /// The backend that does the work on this machine; never [`Backend::Auto`], which this resolves: it says there
    /// what the processor does even so. The first call opens the device, which takes a while.
    pub fn backend(&self) -> Backend {
        backend::resolve(self)
    }

    /// The backend that was asked for, which may be [`Backend::Auto`].
    pub fn requested_backend(&self) -> Backend {
        self.backend
    }

    /// What variances are multiplied by.
    pub(crate) fn correction(&self) -> f64 {
        let pixels = (self.window() * self.window()) as f64;
        match self.covariance {
            Covariance::Population => 1.0,
            Covariance::Sample => pixels / (pixels - 1.0),
        }
    }

    /// The same metric on another backend.
    ///
    /// # Errors
    ///
    /// With [`Backend::Cuda`], [`Error::Cuda`] where the device is missing or unfit, or the window too large for it.
    ///
    /// ```
    /// use fastssim::{Backend, Ssim};
    ///
    /// // No error of a GPU is hidden from here on, since no other backend takes its place.
    /// let auto = Ssim::default();
    /// let metric = auto.with_backend(auto.backend())?;
    /// assert_eq!(metric.requested_backend(), auto.backend());
    /// # Ok::<(), fastssim::Error>(())
    /// ```
    pub fn with_backend(&self, backend: Backend) -> Result<Self> {
        let metric = Self {
            backend,
            ..self.clone()
        };
        backend::check(&metric)?;
        Ok(metric)
    }
}

impl Default for Ssim {
    /// The metric with all defaults.
    fn default() -> Self {
        SsimBuilder::default().valid()
    }
}

/// Builds an [`Ssim`]; every value is checked by [`build`](Self::build).
#[derive(Clone, Debug)]
pub struct SsimBuilder {
    padding: Padding,
    window: Shape,
    covariance: Covariance,
    k1: f64,
    k2: f64,
    data_range: Option<f64>,
    exponents: [f64; 3],
    channel_weights: Option<Vec<f64>>,
    downsampling: Downsampling,
    dssim: DssimConvention,
    backend: Backend,
}

/// A window that has not been checked.
#[derive(Clone, Debug)]
enum Shape {
    Gaussian { size: usize, sigma: f64 },
    Uniform { size: usize },
    Weights(Vec<f64>),
}

impl Default for SsimBuilder {
    fn default() -> Self {
        Self {
            padding: Padding::default(),
            window: Shape::Gaussian { size: 11, sigma: 1.5 },
            covariance: Covariance::default(),
            k1: 0.01,
            k2: 0.03,
            data_range: None,
            exponents: [1.0; 3],
            channel_weights: None,
            downsampling: Downsampling::default(),
            dssim: DssimConvention::default(),
            backend: Backend::default(),
        }
    }
}

impl SsimBuilder {
    /// How the image continues beyond its edges. Default: [`Padding::Zero`].
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// A Gaussian window of this side in pixels, odd and at most 255. Default: 11, which is also the fastest.
    pub fn window(mut self, size: usize) -> Self {
        let sigma = match self.window {
            Shape::Gaussian { sigma, .. } => sigma,
            _ => 1.5,
        };
        self.window = Shape::Gaussian { size, sigma };
        self
    }

    /// A Gaussian window of this standard deviation in pixels, positive and finite. Default: 1.5.
    pub fn sigma(mut self, sigma: f64) -> Self {
        let size = match self.window {
            Shape::Gaussian { size, .. } => size,
            _ => 11,
        };
        self.window = Shape::Gaussian { size, sigma };
        self
    }

    /// A window of this side in pixels, odd and at most 255, whose pixels all weigh the same.
    pub fn uniform_window(mut self, size: usize) -> Self {
        self.window = Shape::Uniform { size };
        self
    }

    /// A window of any weights along one axis: an odd number of them, at most 255, the same from both ends, not
    /// negative and not all zero. They are divided by their sum. A pixel of the window weighs the product of its
    /// row's weight and its column's.
    ///
    /// ```
    /// let metric = fastssim::Ssim::builder().window_weights([1.0, 2.0, 1.0]).build()?;
    /// assert_eq!(metric.window_weights(), [0.25, 0.5, 0.25]);
    /// # Ok::<(), fastssim::Error>(())
    /// ```
    pub fn window_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.window = Shape::Weights(weights.into());
        self
    }

    /// How variances and the covariance are normalised. Default: [`Covariance::Population`].
    pub fn covariance(mut self, covariance: Covariance) -> Self {
        self.covariance = covariance;
        self
    }

    /// The luminance constant of C1 = (k1 L)², from 1e-6 to 1e6. Default: 0.01.
    pub fn k1(mut self, k1: f64) -> Self {
        self.k1 = k1;
        self
    }

    /// The contrast constant of C2 = (k2 L)², from 1e-6 to 1e6. Default: 0.03.
    pub fn k2(mut self, k2: f64) -> Self {
        self.k2 = k2;
        self
    }

    /// The dynamic range L of the pixels: the difference between white and black, from 1e-30 to
    /// 1e30. Default: the element type's own, 255 for `u8`, 65535 for `u16` and 1 for floats.
    pub fn data_range(mut self, range: f64) -> Self {
        self.data_range = Some(range);
        self
    }

    /// The exponents of luminance, contrast and structure, from 0 to 100: SSIM = lᵅ cᵝ sᵞ, with
    ///
    /// ```text
    /// l = (2 μx μy + C1) / (μx² + μy² + C1)
    /// c = (2 σx σy + C2) / (σx² + σy² + C2)      s = (σxy + C2/2) / (σx σy + C2/2)
    /// ```
    ///
    /// Default: all 1, where c s is the second factor of the usual formula. `[1, 0, 0]` is luminance alone,
    /// `[0, 1, 1]` contrast and structure. A negative base under an exponent that is no whole number counts as 0.
    /// Where contrast and structure have the same exponent no square root is taken; it has no derivative at 0, and
    /// what has none adds nothing to a gradient.
    pub fn exponents(mut self, exponents: [f64; 3]) -> Self {
        self.exponents = exponents;
        self
    }

    /// What each channel counts in the mean over the channels: one weight a channel, not negative and not all zero.
    /// They are divided by their sum. Default: all the same.
    ///
    /// ```
    /// use ndarray::Array3;
    ///
    /// // The luma of Y, Cb and Cr alone counts.
    /// let metric = fastssim::Ssim::builder().channel_weights([1.0, 0.0, 0.0]).build()?;
    /// let x = Array3::from_shape_fn((3, 32, 32), |(c, i, j)| (c * i * j % 256) as u8);
    /// let mut y = x.clone();
    /// y.slice_mut(ndarray::s![1.., .., ..]).fill(0);
    /// assert_eq!(metric.ssim(&x, &y)?, 1.0);
    /// # Ok::<(), fastssim::Error>(())
    /// ```
    pub fn channel_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.channel_weights = Some(weights.into());
        self
    }

    /// Whether images are made smaller before they are compared. Default: [`Downsampling::None`].
    pub fn downsampling(mut self, downsampling: Downsampling) -> Self {
        self.downsampling = downsampling;
        self
    }

    /// What DSSIM means. Default: 1 − SSIM.
    pub fn dssim(mut self, convention: DssimConvention) -> Self {
        self.dssim = convention;
        self
    }

    /// Where the work is done. Default: [`Backend::Auto`].
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// [`Error::WindowSize`] for a window that is even, zero or larger than 255, [`Error::Weights`] for weights of a
    /// window or of channels that are negative, all zero, or (the window's) not symmetric, and
    /// [`Error::Parameter`] for a sigma, k1, k2, data range or exponent that is not finite or
    /// is out of the range that its method names; with [`Backend::Cuda`], [`Error::Cuda`] where the device is
    /// missing or unfit, or lacks an option.
    ///
    /// ```
    /// let error = fastssim::Ssim::builder().sigma(0.0).build().unwrap_err();
    /// assert_eq!(error.to_string(), "sigma is 0: it must be positive and finite");
    /// ```
    pub fn build(self) -> Result<Ssim> {
        self.window.check()?;
        if let (Covariance::Sample, 1) = (self.covariance, self.window.size()) {
            let found = "a sample of one pixel, which has no variance".into();
            return Err(Error::Weights {
                name: "the window",
                found,
                allowed: "at least 3 pixels wide for sample covariances",
            });
        }
        check("k1", self.k1, 1e-6, 1e6, "positive, from 1e-6 to 1e6")?;
        check("k2", self.k2, 1e-6, 1e6, "positive, from 1e-6 to 1e6")?;
        if let Some(range) = self.data_range {
            check("data_range", range, 1e-30, 1e30, "positive, from 1e-30 to 1e30")?;
        }
        for (name, value) in ["the exponent of luminance", "that of contrast", "that of structure"]
            .into_iter()
            .zip(self.exponents)
        {
            check(name, value, 0.0, 100.0, "from 0 to 100")?;
        }
        if let Some(weights) = &self.channel_weights {
            check_weights("channel_weights", weights)?;
        }
        let metric = self.valid();
        backend::check(&metric)?;
        Ok(metric)
    }

    /// The metric, its values known to be valid.
    fn valid(self) -> Ssim {
        let (window, sigma) = match self.window {
            Shape::Gaussian { size, sigma } => (Window::gaussian(size, sigma), Some(sigma)),
            Shape::Uniform { size } => (Window::uniform(size), None),
            Shape::Weights(weights) => (Window::normalised(weights[weights.len() / 2..].to_vec()), None),
        };
        Ssim {
            padding: self.padding,
            window,
            sigma,
            covariance: self.covariance,
            k1: self.k1,
            k2: self.k2,
            data_range: self.data_range,
            exponents: self.exponents,
            channel_weights: self.channel_weights,
            downsampling: self.downsampling,
            dssim: self.dssim,
            backend: self.backend,
        }
    }
}

impl Shape {
    /// The window's side in pixels.
    fn size(&self) -> usize {
        match self {
            Self::Gaussian { size, .. } | Self::Uniform { size } => *size,
            Self::Weights(weights) => weights.len(),
        }
    }

    fn check(&self) -> Result<()> {
        let size = self.size();
        if size.is_multiple_of(2) || size > MAX_WINDOW {
            return Err(Error::WindowSize { size, max: MAX_WINDOW });
        }
        match self {
            Self::Gaussian { sigma, .. } => check("sigma", *sigma, f64::from_bits(1), f64::MAX, "positive and finite"),
            Self::Uniform { .. } => Ok(()),
            Self::Weights(weights) => {
                check_weights("window_weights", weights)?;
                if weights.iter().eq(weights.iter().rev()) {
                    return Ok(());
                }
                Err(Error::Weights {
                    name: "window_weights",
                    found: format!("{weights:?}"),
                    allowed: "the same from both ends",
                })
            }
        }
    }
}

/// Whether weights can be divided by their sum.
fn check_weights(name: &'static str, weights: &[f64]) -> Result<()> {
    let sum: f64 = weights.iter().sum();
    // Written so that NaN fails.
    if weights.iter().all(|&weight| weight >= 0.0) && sum > 0.0 && sum.is_finite() {
        return Ok(());
    }
    Err(Error::Weights {
        name,
        found: format!("{weights:?}"),
        allowed: "finite, not negative and not all zero",
    })
}

fn check(name: &'static str, value: f64, min: f64, max: f64, allowed: &'static str) -> Result<()> {
    // Written so that NaN fails.
    if value >= min && value <= max {
        Ok(())
    } else {
        Err(Error::Parameter { name, value, allowed })
    }
}
