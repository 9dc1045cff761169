//! A validated problem: two inputs of one shape, and all numbers that a backend needs.

use ndarray::ArrayView2;

use crate::config::Ssim;
use crate::error::{Error, Result};
use crate::input::{Pixels, Reals, RealsMut, Shape};
use crate::options::Padding;
use crate::reduced::reduced_shape;
use crate::reference::Reference;
use crate::weights::WindowWeights;
use crate::window::Window;

/// Two batches of images to compare. What is wrong with them has been found already: a backend
/// can rely on equal, non-empty shapes and, under valid padding, on room for a window.
#[derive(Clone, Debug)]
pub(crate) struct Problem<'a> {
    pub(crate) x: Pixels<'a>,
    pub(crate) y: Pixels<'a>,
    /// Where x and y come from, if that keeps something for further calls.
    pub(crate) prepared: [Option<&'a Reference>; 2],
    /// (images, channels, height, width).
    pub(crate) shape: [usize; 4],
    pub(crate) padding: Padding,
    pub(crate) window: &'a Window,
    metric: &'a Ssim,
    /// The dynamic range L.
    pub(crate) range: f64,
    /// The exponents of luminance, contrast and structure.
    pub(crate) exponents: [f64; 3],
    channel_weights: Option<&'a [f64]>,
    /// What each window counts, where they do not all count the same.
    pub(crate) weights: Option<WindowWeights<'a>>,
}

/// What a score is of SSIM: `ssim` itself, or `dssim`, a multiple of 1 − SSIM.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Score {
    Ssim,
    Dssim { factor: f64 },
}

impl Score {
    /// The score, given 1 − SSIM, which has digits where SSIM is close to 1 and has none left.
    pub(crate) fn of(self, deficit: f64) -> f64 {
        match self {
            Self::Ssim => 1.0 - deficit,
            Self::Dssim { factor } => factor * deficit,
        }
    }

    /// The derivative of the score with respect to SSIM.
    pub(crate) fn derivative(self) -> f64 {
        match self {
            Self::Ssim => 1.0,
            Self::Dssim { factor } => -factor,
        }
    }
}

/// Where the means of 1 − SSIM go.
#[derive(Debug, Default)]
pub(crate) struct Means<'a> {
    /// One for each image: over its windows, then over its channels.
    pub(crate) images: Option<&'a mut [f64]>,
    /// One for each channel of each image, image by image.
    pub(crate) channels: Option<&'a mut [f64]>,
}

impl Means<'_> {
    /// The same slices for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Means<'_> {
        Means {
            images: self.images.as_deref_mut(),
            channels: self.channels.as_deref_mut(),
        }
    }
}

/// What is wanted besides the means.
#[derive(Debug)]
pub(crate) enum Output<'a, 'u> {
    Nothing,
    /// The score of each window.
    Map {
        into: RealsMut<'a>,
        score: Score,
    },
    /// The derivatives with respect to x and to y, as far as they are wanted.
    Gradient {
        into: [Option<RealsMut<'a>>; 2],
        of: Derived<'u>,
    },
}

/// What is derived: the sum of all scores times what `upstream` says, where `factor` is the derivative of a score with
/// respect to SSIM.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Derived<'a> {
    pub(crate) upstream: Upstream<'a>,
    pub(crate) factor: f64,
}

impl Derived<'_> {
    /// Whether each window has an upstream gradient of its own.
    pub(crate) fn is_of_map(&self) -> bool {
        matches!(self.upstream, Upstream::Map(_))
    }
}

/// What the score of each image, of each channel or of each window is multiplied by before it is derived.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Upstream<'a> {
    /// All images' scores by this.
    All(f64),
    Images(&'a [f64]),
    Channels(ArrayView2<'a, f64>),
    Map(Reals<'a>),
}

impl<'u> Output<'_, 'u> {
    /// The same output for a shorter time, so that a second backend can fill what a first one could not.
    #[cfg(feature = "cuda")]
    pub(crate) fn reborrow(&mut self) -> Output<'_, 'u> {
        match self {
            Self::Nothing => Output::Nothing,
            Self::Map { into, score } => Output::Map {
                into: into.reborrow(),
                score: *score,
            },
            Self::Gradient { into, of } => Output::Gradient {
                into: into.each_mut().map(|into| into.as_mut().map(RealsMut::reborrow)),
                of: *of,
            },
        }
    }
}

impl<'a> Problem<'a> {
    /// A problem whose windows all count the same.
    pub(crate) fn new(metric: &'a Ssim, x: Pixels<'a>, y: Pixels<'a>) -> Result<Self> {
        let shape = x.shape();
        check_equal(shape, y.shape())?;
        if metric.data_range.is_none() && x.data_range() != y.data_range() {
            return Err(Error::TypeMismatch {
                x: x.type_name(),
                y: y.type_name(),
            });
        }
        metric.check_window(shape)?;
        metric.check_channels(shape)?;
        // A broadcast view can claim more elements than memory has; counts must not overflow.
        shape
            .iter()
            .try_fold(1usize, |product, &extent| product.checked_mul(extent))
            .filter(|&elements| elements <= isize::MAX as usize / size_of::<f64>())
            .ok_or(Error::Overflow { shape })?;
        Ok(Self {
            x,
            y,
            prepared: [None; 2],
            shape,
            padding: metric.padding,
            window: &metric.window,
            metric,
            range: metric.data_range.unwrap_or_else(|| x.data_range()),
            exponents: metric.exponents,
            channel_weights: metric.channel_weights.as_deref(),
            weights: None,
        })
    }

    /// The same problem with x and y exchanged.
    pub(crate) fn exchanged(&self) -> Self {
        Self {
            x: self.y,
            y: self.x,
            prepared: [self.prepared[1], self.prepared[0]],
            ..self.clone()
        }
    }

    /// Pixels at each edge of an image that have no value in the map.
    pub(crate) fn margin(&self) -> usize {
        margin(self.padding, self.window)
    }

    /// The shape of the map: (images, channels, height, width).
    pub(crate) fn map_shape(&self) -> [usize; 4] {
        map_shape(reduced_shape(self.shape, self.factor()), self.margin())
    }

    /// By how much the images become smaller before they are compared.
    pub(crate) fn factor(&self) -> usize {
        self.metric.factor(self.shape)
    }

    /// Whether the window is a Gaussian.
    pub(crate) fn is_gaussian(&self) -> bool {
        self.metric.sigma.is_some()
    }

    /// Whether an input is of double precision.
    pub(crate) fn is_double(&self) -> bool {
        matches!(self.x, Pixels::F64(_)) || matches!(self.y, Pixels::F64(_))
    }

    /// C1 and C2 for pixels that are multiplied by `scale`.
    pub(crate) fn constants(&self, scale: f64) -> [f64; 2] {
        self.metric.constants(self.range * scale)
    }

    /// What the sum over a channel's windows of 1 − SSIM, times their weights, is multiplied by for its mean.
    pub(crate) fn window_factor(&self, image: usize) -> f64 {
        let [_, _, height, width] = self.map_shape();
        match &self.weights {
            Some(weights) => 1.0 / weights.total(image),
            None => 1.0 / (height * width) as f64,
        }
    }

    /// What a channel counts in its image's score; over all channels they sum to 1.
    pub(crate) fn channel_factor(&self, channel: usize) -> f64 {
        match self.channel_weights {
            Some(weights) => weights[channel] / weights.iter().sum::<f64>(),
            None => 1.0 / self.shape[1] as f64,
        }
    }

    /// What the derivative of a channel's sum over its windows is multiplied by.
    pub(crate) fn gradient_factor(&self, of: Derived<'_>, image: usize, channel: usize) -> f64 {
        let upstream = match of.upstream {
            Upstream::All(upstream) => upstream * self.channel_factor(channel),
            Upstream::Images(upstream) => upstream[image] * self.channel_factor(channel),
            Upstream::Channels(upstream) => upstream[[image, channel]],
            Upstream::Map(_) => return of.factor,
        };
        of.factor * upstream * self.window_factor(image)
    }
}

/// What both inputs' shapes must be: not empty, and the same.
pub(crate) fn check_equal(x: [usize; 4], y: [usize; 4]) -> Result<()> {
    for (name, shape) in [("x", x), ("y", y)] {
        if shape.contains(&0) {
            return Err(Error::Empty { name, shape });
        }
    }
    if x == y {
        Ok(())
    } else {
        Err(Error::ShapeMismatch { x, y })
    }
}

/// Whether a buffer has room for so many scores, and no more.
pub(crate) fn check_count(name: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::OutputShape {
        name,
        expected: vec![expected],
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

/// Pixels at each edge of an image that have no value in the map.
pub(crate) fn margin(padding: Padding, window: &Window) -> usize {
    match padding {
        Padding::Valid => window.radius(),
        _ => 0,
    }
}

/// The shape of the map: (images, channels, height, width).
pub(crate) fn map_shape([n, c, h, w]: [usize; 4], margin: usize) -> [usize; 4] {
    [n, c, h - 2 * margin, w - 2 * margin]
}

impl Ssim {
    /// C1 and C2 for pixels of this dynamic range.
    ///
    /// A correction of the variances is one of C2: (2 f σxy + C2) / (f (σx² + σy²) + C2) is the same with f = 1 and
    /// C2 / f.
    pub(crate) fn constants(&self, range: f64) -> [f64; 2] {
        [(self.k1 * range).powi(2), (self.k2 * range).powi(2) / self.correction()]
    }

    /// By how much images of this shape become smaller before they are compared.
    pub(crate) fn factor(&self, [_, _, height, width]: [usize; 4]) -> usize {
        self.downsampling.factor(height, width)
    }

    /// Whether images of this shape have room for a window, where they must.
    pub(crate) fn check_window(&self, shape: [usize; 4]) -> Result<()> {
        let factor = self.factor(shape);
        let [_, _, rows, cols] = reduced_shape(shape, factor);
        let window = self.window();
        if self.padding == Padding::Valid && (rows < window || cols < window) {
            let [_, _, height, width] = shape;
            return Err(Error::SmallerThanWindow {
                width,
                height,
                window,
                factor,
            });
        }
        Ok(())
    }

    /// Whether there is a weight for each channel.
    pub(crate) fn check_channels(&self, [_, channels, ..]: [usize; 4]) -> Result<()> {
        match &self.channel_weights {
            Some(weights) if weights.len() != channels => Err(Error::ChannelWeights {
                weights: weights.len(),
                channels,
            }),
            _ => Ok(()),
        }
    }
}
