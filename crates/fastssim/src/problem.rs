//! A validated problem: two inputs of one shape and type, and all numbers that a backend needs.

use crate::config::{Padding, Ssim};
use crate::error::{Error, Result};
use crate::input::{Pixels, RealsMut};
use crate::window::Window;

/// Two batches of images to compare. What is wrong with them has been found already: a backend
/// can rely on equal, non-empty shapes and, under valid padding, on room for a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem<'a> {
    pub(crate) x: Pixels<'a>,
    pub(crate) y: Pixels<'a>,
    /// (images, channels, height, width).
    pub(crate) shape: [usize; 4],
    pub(crate) padding: Padding,
    pub(crate) window: &'a Window,
    pub(crate) k1: f64,
    pub(crate) k2: f64,
    /// The dynamic range L.
    pub(crate) range: f64,
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

/// What is wanted besides the scores.
#[derive(Debug)]
pub(crate) enum Output<'a> {
    Nothing,
    /// The SSIM of each window.
    Map(RealsMut<'a>),
    /// `factor` times the derivative of each image's score with respect to x.
    Gradient {
        into: RealsMut<'a>,
        factor: f64,
    },
}

impl Output<'_> {
    /// The same output for a shorter time, so that a second backend can fill what a first one could not.
    #[cfg(feature = "cuda")]
    pub(crate) fn reborrow(&mut self) -> Output<'_> {
        match self {
            Self::Nothing => Output::Nothing,
            Self::Map(into) => Output::Map(into.reborrow()),
            Self::Gradient { into, factor } => Output::Gradient {
                into: into.reborrow(),
                factor: *factor,
            },
        }
    }
}

impl<'a> Problem<'a> {
    pub(crate) fn new(metric: &'a Ssim, x: Pixels<'a>, y: Pixels<'a>) -> Result<Self> {
        let shape = x.shape();
        check_equal(shape, y.shape())?;
        if x.type_name() != y.type_name() {
            return Err(Error::TypeMismatch {
                x: x.type_name(),
                y: y.type_name(),
            });
        }
        metric.check_window(shape)?;
        // A broadcast view can claim more elements than memory has; counts must not overflow.
        shape
            .iter()
            .try_fold(1usize, |product, &extent| product.checked_mul(extent))
            .filter(|&elements| elements <= isize::MAX as usize / size_of::<f64>())
            .ok_or(Error::Overflow { shape })?;
        Ok(Self {
            x,
            y,
            shape,
            padding: metric.padding,
            window: &metric.window,
            k1: metric.k1,
            k2: metric.k2,
            range: metric.data_range.unwrap_or_else(|| x.data_range()),
        })
    }

    /// Pixels at each edge of an image that have no value in the map.
    pub(crate) fn margin(&self) -> usize {
        margin(self.padding, self.window)
    }

    /// The shape of the map: (images, channels, height, width).
    pub(crate) fn map_shape(&self) -> [usize; 4] {
        let [n, c, h, w] = self.shape;
        [n, c, h - 2 * self.margin(), w - 2 * self.margin()]
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

/// Pixels at each edge of an image that have no value in the map.
pub(crate) fn margin(padding: Padding, window: &Window) -> usize {
    match padding {
        Padding::Zero => 0,
        Padding::Valid => window.radius(),
    }
}

impl Ssim {
    /// Whether images of this shape have room for a window, where they must.
    pub(crate) fn check_window(&self, [_, _, height, width]: [usize; 4]) -> Result<()> {
        let window = self.window();
        if self.padding == Padding::Valid && (height < window || width < window) {
            return Err(Error::SmallerThanWindow { width, height, window });
        }
        Ok(())
    }
}
