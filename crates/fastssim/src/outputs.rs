//! Buffers of the caller's for whatever is computed.

use std::marker::PhantomData;

use ndarray::ArrayViewMut;

#[cfg(doc)]
use crate::config::Ssim;
use crate::input::{Real, RealsMut, Shape};
#[cfg(doc)]
use crate::pair::Pair;
use crate::problem::Means;

/// What [`Pair::compute`] fills: any of the scores, the map and the gradients, in buffers of the caller's.
///
/// The arrays are shaped like the inputs (the map as [`Ssim::ssim_map`] has it), of `f16`, `bf16`, `f32` or `f64`.
#[derive(Debug)]
#[must_use]
pub struct Outputs<'o, D> {
    pub(crate) means: Means<'o>,
    pub(crate) map: Option<RealsMut<'o>>,
    pub(crate) gradients: [Option<RealsMut<'o>>; 2],
    shape: PhantomData<D>,
}

impl<D> Default for Outputs<'_, D> {
    fn default() -> Self {
        Self {
            means: Means::default(),
            map: None,
            gradients: [None, None],
            shape: PhantomData,
        }
    }
}

impl<'o, D: Shape> Outputs<'o, D> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The score of each image.
    pub fn images(mut self, scores: &'o mut [f64]) -> Self {
        self.means.images = Some(scores);
        self
    }

    /// The score of each channel of each image, image by image.
    pub fn channels(mut self, scores: &'o mut [f64]) -> Self {
        self.means.channels = Some(scores);
        self
    }

    /// The score of each window.
    pub fn map<R: Real>(mut self, map: ArrayViewMut<'o, R, D>) -> Self {
        self.map = Some(R::erase_mut(D::widen_mut(map)));
        self
    }

    /// The gradient with respect to x.
    pub fn gradient<R: Real>(mut self, gradient: ArrayViewMut<'o, R, D>) -> Self {
        self.gradients[0] = Some(R::erase_mut(D::widen_mut(gradient)));
        self
    }

    /// The gradient with respect to y.
    pub fn gradient_of_y<R: Real>(mut self, gradient: ArrayViewMut<'o, R, D>) -> Self {
        self.gradients[1] = Some(R::erase_mut(D::widen_mut(gradient)));
        self
    }
}
