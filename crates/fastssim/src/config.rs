//! What is computed: the validated configuration of a metric.

use crate::backend;
use crate::builder::SsimBuilder;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::options::{Backend, Covariance, Downsampling, DssimConvention, Padding};
use crate::window::Window;

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
