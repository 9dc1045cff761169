//! One configuration of everything that the library lets its callers choose, and its comparison with the reference.

use fastssim::{Backend, DssimConvention, Input, Padding, PixelWeights, Ssim};
use ndarray::{Array2, Array3, Array4, ArrayView4, s};

use crate::images::{Element, Random, numbers};
use crate::reference::Reference;

/// What is multiplied with the scores, or with the map, before it is derived.
#[derive(Clone, Debug)]
pub enum Upstream {
    /// All scores with one number.
    All(f64),
    /// The score of each image.
    Images(Vec<f64>),
    /// The score of each channel.
    Channels(Array2<f64>),
    /// The score of each window.
    Map(Array4<f32>),
}

/// Which pixels count.
#[derive(Clone, Debug)]
pub enum Mask {
    /// All alike.
    None,
    /// A mask for all images.
    Shared(Array2<u8>),
    /// Weights for each image.
    Each(Array3<f32>),
}

/// A configuration of a metric, and of a call.
#[derive(Clone, Debug)]
pub struct Options {
    /// Padding, window and constants.
    pub reference: Reference,
    /// What each channel counts.
    pub channel_weights: Option<Vec<f64>>,
    /// Which pixels count.
    pub mask: Mask,
    /// What gradients are of.
    pub upstream: Upstream,
    /// Whether the score is DSSIM, (1 − SSIM) / 2, rather than SSIM.
    pub half_dssim: bool,
}

/// All that a pair of batches has, in double precision.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// The score of each image.
    pub images: Vec<f64>,
    /// The score of each channel, image by image.
    pub channels: Vec<f64>,
    /// The score of each window.
    pub map: Array4<f64>,
    /// The gradients with respect to x and to y.
    pub gradients: [Array4<f64>; 2],
}

/// The largest errors of scores, gradients (relative, L2) and map.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of a score.
    pub score: f64,
    /// Of a gradient, relative to its L2 norm.
    pub gradient: f64,
    /// Of a window.
    pub map: f64,
}

impl Options {
    /// The defaults with this padding, for pixels of this range.
    pub fn new(padding: Padding, range: f64) -> Self {
        Self {
            reference: Reference::new(padding, range),
            channel_weights: None,
            mask: Mask::None,
            upstream: Upstream::All(1.0),
            half_dssim: false,
        }
    }

    /// The library's metric of this configuration.
    pub fn metric(&self, backend: Backend) -> Ssim {
        let mut builder = self.reference.builder().backend(backend);
        if let Some(weights) = &self.channel_weights {
            builder = builder.channel_weights(weights.clone());
        }
        let builder = builder.dssim(DssimConvention::HalfOneMinusSsim);
        builder.build().expect("a valid configuration")
    }

    /// The shape of the map.
    pub fn map_shape(&self, (n, c, h, w): (usize, usize, usize, usize)) -> (usize, usize, usize, usize) {
        let shrink = match self.reference.padding {
            Padding::Valid => self.reference.window - 1,
            _ => 0,
        };
        (n, c, h - shrink, w - shrink)
    }

    /// What the pixel at the centre of a window counts.
    fn weight(&self, image: usize, row: usize, col: usize) -> f64 {
        let margin = match self.reference.padding {
            Padding::Valid => self.reference.window / 2,
            _ => 0,
        };
        match &self.mask {
            Mask::None => 1.0,
            Mask::Shared(mask) => mask[[row + margin, col + margin]].into(),
            Mask::Each(mask) => mask[[image, row + margin, col + margin]].into(),
        }
    }

    /// What the reference says.
    pub fn expected(&self, x: ArrayView4<'_, f64>, y: ArrayView4<'_, f64>) -> Results {
        let (n, c, ..) = x.dim();
        let (_, _, map_h, map_w) = self.map_shape(x.dim());
        let score = |dssim: f64| if self.half_dssim { dssim / 2.0 } else { 1.0 - dssim };
        let slope = if self.half_dssim { -0.5 } else { 1.0 };
        let channel_weights = self.channel_weights.clone().unwrap_or_else(|| vec![1.0; c]);
        let all: f64 = channel_weights.iter().sum();
        let mut results = Results {
            images: vec![],
            channels: vec![],
            map: Array4::zeros((n, c, map_h, map_w)),
            gradients: [Array4::zeros(x.dim()), Array4::zeros(x.dim())],
        };
        for image in 0..n {
            let total: f64 = (0..map_h)
                .flat_map(|row| (0..map_w).map(move |col| (row, col)))
                .map(|(row, col)| self.weight(image, row, col))
                .sum();
            let mut mean = 0.0;
            for channel in 0..c {
                let part = channel_weights[channel] / all;
                let weight = |row: usize, col: usize| {
                    let window = self.weight(image, row, col) / total;
                    match &self.upstream {
                        Upstream::All(upstream) => upstream * part * window,
                        Upstream::Images(upstream) => upstream[image] * part * window,
                        Upstream::Channels(upstream) => upstream[[image, channel]] * window,
                        Upstream::Map(upstream) => f64::from(upstream[[image, channel, row, col]]),
                    }
                };
                let at = s![image, channel, .., ..];
                let plane = self.reference.weighted_plane(x.slice(at), y.slice(at), weight);
                let weighted = plane.dssim.indexed_iter();
                let sum: f64 = weighted
                    .map(|((row, col), dssim)| dssim * self.weight(image, row, col))
                    .sum();
                results.channels.push(score(sum / total));
                mean += part * sum / total;
                results.map.slice_mut(at).assign(&plane.dssim.mapv(score));
                results.gradients[0].slice_mut(at).assign(&(plane.by_x * slope));
                results.gradients[1].slice_mut(at).assign(&(plane.by_y * slope));
            }
            results.images.push(score(mean));
        }
        results
    }

    /// What the library says, in one call of each kind; that they agree within `apart` is checked.
    pub fn found<'b, T: Element, Y: Input<'b> + Copy>(
        &self,
        backend: Backend,
        x: ArrayView4<'_, T>,
        y: Y,
        apart: Limits,
    ) -> Results {
        let metric = self.metric(backend);
        let pair = || {
            let pair = if self.half_dssim {
                metric.dssim_of(x, y)
            } else {
                metric.ssim_of(x, y)
            };
            let pair = match &self.mask {
                Mask::None => pair,
                Mask::Shared(mask) => pair.weights(PixelWeights::from(mask)),
                Mask::Each(mask) => pair.weights(mask),
            };
            match &self.upstream {
                Upstream::All(upstream) => pair.upstream(*upstream),
                Upstream::Images(upstream) => pair.upstream_of_images(upstream),
                Upstream::Channels(upstream) => pair.upstream_of_channels(upstream.view()),
                Upstream::Map(upstream) => pair.upstream_of_map(upstream.view()),
            }
        };
        let map = pair().map().expect("valid input");
        let (by_x, by_y) = pair().gradients().expect("valid input");
        let close = |a: &Array4<T::Real>, b: Array4<T::Real>| {
            let error = self.gradient_error(&b.mapv(Into::into), &a.mapv(Into::into));
            assert!(
                error <= apart.gradient,
                "{self:?}: gradients apart and together differ by {error:e}"
            );
        };
        close(&by_x, pair().gradient().expect("valid input"));
        close(&by_y, pair().gradient_of_y().expect("valid input"));
        let channels = pair().channels().expect("valid input");
        let images = pair().images().expect("valid input");
        let (together, again) = pair().images_with_gradient().expect("valid input");
        close(&by_x, again);
        let mean = pair().mean().expect("valid input");
        let sum = pair().sum().expect("valid input");
        let total: f64 = images.iter().sum();
        assert!((sum - total).abs() < 1e-12 && (mean - total / images.len() as f64).abs() < 1e-12);
        for (alone, together) in images.iter().zip(together) {
            assert!((alone - together).abs() <= apart.score, "{self:?}: {alone} {together}");
        }
        Results {
            images,
            channels: channels.iter().copied().collect(),
            map: map.mapv(Into::into),
            gradients: [by_x.mapv(Into::into), by_y.mapv(Into::into)],
        }
    }

    /// Compares the library with the reference, and says in what they differ by more than they may.
    pub fn compare<T: Element, U: Element>(
        &self,
        backend: Backend,
        x: ArrayView4<'_, T>,
        y: ArrayView4<'_, U>,
        limits: Limits,
    ) -> Result<(), String> {
        let expected = self.expected(numbers(x).view(), numbers(y).view());
        // One way of computing for all calls, which are rounded differently.
        let apart = Limits {
            score: 1e-6,
            gradient: 1e-6,
            map: 0.0,
        };
        let errors = self.errors(&self.found(backend, x, y, apart), &expected);
        let types = [std::any::type_name::<T>(), std::any::type_name::<U>()];
        errors
            .within(limits)
            .map_err(|wrong| format!("{:?} {types:?} on {backend}: {wrong}\n{self:?}", x.dim()))
    }

    /// The largest errors.
    pub fn errors(&self, found: &Results, expected: &Results) -> Limits {
        let worst = |found: &[f64], expected: &[f64]| {
            assert_eq!(found.len(), expected.len());
            let errors = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
            errors.fold(0.0, larger)
        };
        let gradient = |i: usize| self.gradient_error(&found.gradients[i], &expected.gradients[i]);
        Limits {
            score: larger(
                worst(&found.images, &expected.images),
                worst(&found.channels, &expected.channels),
            ),
            gradient: larger(gradient(0), gradient(1)),
            map: crate::tolerance::max_abs(&found.map, &expected.map),
        }
    }

    /// The error of a gradient, relative to its L2 norm.
    fn gradient_error(&self, found: &Array4<f64>, expected: &Array4<f64>) -> f64 {
        let norm = |a: &Array4<f64>| a.iter().map(|slope| slope * slope).sum::<f64>().sqrt();
        // Where there is next to no gradient, what counts is the size that it usually has.
        let usual = 1e-3 / self.reference.range;
        norm(&(found - expected)) / norm(expected).max(usual)
    }
}

/// The larger of two errors; NaN is larger than all.
fn larger(a: f64, b: f64) -> f64 {
    if b <= a { a } else { b }
}

impl Limits {
    /// What two results may differ by of which each is within these limits.
    pub fn twice(self) -> Self {
        Self {
            score: 2.0 * self.score,
            gradient: 2.0 * self.gradient,
            map: 2.0 * self.map,
        }
    }

    /// The larger of each.
    pub fn or(self, other: Self) -> Self {
        Self {
            score: larger(self.score, other.score),
            gradient: larger(self.gradient, other.gradient),
            map: larger(self.map, other.map),
        }
    }

    /// Whether these errors are within limits, or which are not.
    pub fn within(self, limits: Self) -> Result<(), String> {
        let mut wrong = String::new();
        for (what, error, limit) in [
            ("scores", self.score, limits.score),
            ("gradients", self.gradient, limits.gradient),
            ("map", self.map, limits.map),
        ] {
            // NaN is wrong as well.
            if error.is_nan() || error > limit {
                wrong += &format!("{what} off by {error:e} (limit {limit:e}); ");
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// Random weights, some of them zero.
pub fn weights(random: &mut Random, shape: (usize, usize, usize)) -> Array3<f32> {
    Array3::from_shape_simple_fn(shape, || (random.unit() * 1.5 - 0.5).max(0.0) as f32)
}
