//! How a metric is configured: every value with its default, checked at the end.

use crate::backend;
use crate::config::Ssim;
use crate::error::{Error, Result};
use crate::options::{Backend, Covariance, Downsampling, DssimConvention, Padding};
use crate::window::{Shape, Window};

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
        let exponents = [
            "the exponent of luminance",
            "the exponent of contrast",
            "the exponent of structure",
        ];
        for (name, value) in exponents.into_iter().zip(self.exponents) {
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
    pub(crate) fn valid(self) -> Ssim {
        let sigma = match self.window {
            Shape::Gaussian { sigma, .. } => Some(sigma),
            _ => None,
        };
        Ssim {
            padding: self.padding,
            window: Window::new(&self.window),
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

/// Whether weights can be divided by their sum.
pub(crate) fn check_weights(name: &'static str, weights: &[f64]) -> Result<()> {
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

pub(crate) fn check(name: &'static str, value: f64, min: f64, max: f64, allowed: &'static str) -> Result<()> {
    // Written so that NaN fails.
    if value >= min && value <= max {
        Ok(())
    } else {
        Err(Error::Parameter { name, value, allowed })
    }
}
