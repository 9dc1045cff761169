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

impl<'a> Problem<'a> {
    pub(crate) fn new(metric: &'a Ssim, x: Pixels<'a>, y: Pixels<'a>) -> Result<Self> {
        let shape = x.shape();
        for (name, shape) in [("x", shape), ("y", y.shape())] {
            if shape.contains(&0) {
                return Err(Error::Empty { name, shape });
            }
        }
        if shape != y.shape() {
            return Err(Error::ShapeMismatch { x: shape, y: y.shape() });
        }
        if x.type_name() != y.type_name() {
            return Err(Error::TypeMismatch {
                x: x.type_name(),
                y: y.type_name(),
            });
        }
        let [_, _, height, width] = shape;
        let window = metric.window();
        if metric.padding == Padding::Valid && (height < window || width < window) {
            return Err(Error::SmallerThanWindow { width, height, window });
        }
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
        match self.padding {
            Padding::Zero => 0,
            Padding::Valid => self.window.radius(),
        }
    }

    /// The shape of the map: (images, channels, height, width).
    pub(crate) fn map_shape(&self) -> [usize; 4] {
        let [n, c, h, w] = self.shape;
        [n, c, h - 2 * self.margin(), w - 2 * self.margin()]
    }
}
