//! What is computed: the validated configuration of a metric, and its builder.

use crate::backend;
use crate::error::{Error, Result};
use crate::window::Window;

/// The largest window, in pixels.
const MAX_WINDOW: usize = 255;

/// How the image continues beyond its edges, and so which pixels the map has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Padding {
    /// The image continues as zeros (black); the map has the image's size. This is what
    /// `fused-ssim` and `FastCUDASSIM.jl` do.
    #[default]
    Zero,
    /// Only windows that lie inside the image count; the map is smaller than the image by the
    /// window less one, in both directions. This is the definition of Wang et al. 2004, and what
    /// scikit-image, `pytorch-msssim` and TensorFlow do.
    Valid,
}

/// What DSSIM, the structural dissimilarity, means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DssimConvention {
    /// 1 − SSIM, from 0 to 2.
    #[default]
    OneMinusSsim,
    /// (1 − SSIM) / 2, from 0 to 1.
    HalfOneMinusSsim,
}

impl DssimConvention {
    /// What 1 − SSIM is multiplied by.
    pub(crate) fn factor(self) -> f64 {
        match self {
            Self::OneMinusSsim => 1.0,
            Self::HalfOneMinusSsim => 0.5,
        }
    }
}

/// Where the work is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// The first CUDA device that works (with the feature `cuda`), else the processor.
    ///
    /// The choice is made once for each process and does not depend on the images, except that the processor does
    ///
    /// * what the GPU does not do yet: `f64` pixels, windows larger than 11, and images so large that the GPU
    ///   cannot count their pixels (a channel that spans 2³¹ or more);
    /// * what the GPU has no memory for;
    /// * everything, once work on the GPU has crashed ([`CudaError::Fault`](crate::CudaError::Fault)).
    ///
    /// Any other error of the GPU is returned. To know for sure where the work is done, ask
    /// [`Ssim::backend`], and insist on its answer with [`Ssim::with_backend`].
    #[default]
    Auto,
    /// The processor: SIMD instructions found at run time, and the threads of the current
    /// `rayon` pool.
    Cpu,
    /// A GPU of NVIDIA's, of compute capability 7.5 or later. It needs the feature `cuda`. Pixels are `u8`, `u16`
    /// or `f32`, and windows have at most 11 pixels a side.
    Cuda {
        /// The device's index, counted from 0.
        device: usize,
    },
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda { device } => write!(f, "cuda:{device}"),
        }
    }
}

impl std::fmt::Display for Padding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Zero => "zero",
            Self::Valid => "valid",
        })
    }
}

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
/// The defaults are zero padding, an 11×11 window with σ = 1.5 pixels, k1 = 0.01, k2 = 0.03, the
/// element type's own range (255 for `u8`, 65535 for `u16`, 1 for floats) and DSSIM = 1 − SSIM.
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
    pub(crate) sigma: f64,
    pub(crate) k1: f64,
    pub(crate) k2: f64,
    pub(crate) data_range: Option<f64>,
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

    /// The Gaussian's standard deviation in pixels.
    pub fn sigma(&self) -> f64 {
        self.sigma
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
    window: usize,
    sigma: f64,
    k1: f64,
    k2: f64,
    data_range: Option<f64>,
    dssim: DssimConvention,
    backend: Backend,
}

impl Default for SsimBuilder {
    fn default() -> Self {
        Self {
            padding: Padding::default(),
            window: 11,
            sigma: 1.5,
            k1: 0.01,
            k2: 0.03,
            data_range: None,
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

    /// The window's side in pixels, odd and at most 255. Default: 11, which is also the fastest.
    pub fn window(mut self, size: usize) -> Self {
        self.window = size;
        self
    }

    /// The Gaussian's standard deviation in pixels, positive and finite. Default: 1.5.
    pub fn sigma(mut self, sigma: f64) -> Self {
        self.sigma = sigma;
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
    /// [`Error::WindowSize`] for a window that is even, zero or larger than 255, and
    /// [`Error::Parameter`] for a sigma, k1, k2 or data range that is not positive and finite or
    /// is out of the range that its method names; with [`Backend::Cuda`], [`Error::Cuda`] where the device is
    /// missing or unfit, or the window too large for it.
    ///
    /// ```
    /// let error = fastssim::Ssim::builder().sigma(0.0).build().unwrap_err();
    /// assert_eq!(error.to_string(), "sigma is 0: it must be positive and finite");
    /// ```
    pub fn build(self) -> Result<Ssim> {
        if self.window.is_multiple_of(2) || self.window > MAX_WINDOW {
            return Err(Error::WindowSize {
                size: self.window,
                max: MAX_WINDOW,
            });
        }
        check("sigma", self.sigma, f64::from_bits(1), f64::MAX, "positive and finite")?;
        check("k1", self.k1, 1e-6, 1e6, "positive, from 1e-6 to 1e6")?;
        check("k2", self.k2, 1e-6, 1e6, "positive, from 1e-6 to 1e6")?;
        if let Some(range) = self.data_range {
            check("data_range", range, 1e-30, 1e30, "positive, from 1e-30 to 1e30")?;
        }
        let metric = self.valid();
        backend::check(&metric)?;
        Ok(metric)
    }

    /// The metric, its values known to be valid.
    fn valid(self) -> Ssim {
        Ssim {
            padding: self.padding,
            window: Window::gaussian(self.window, self.sigma),
            sigma: self.sigma,
            k1: self.k1,
            k2: self.k2,
            data_range: self.data_range,
            dssim: self.dssim,
            backend: self.backend,
        }
    }
}

fn check(name: &'static str, value: f64, min: f64, max: f64, allowed: &'static str) -> Result<()> {
    // Written so that NaN fails.
    if value >= min && value <= max {
        Ok(())
    } else {
        Err(Error::Parameter { name, value, allowed })
    }
}
