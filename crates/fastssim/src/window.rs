//! The window: normalised, symmetric weights along one axis, applied to rows and to columns.

use crate::builder::{check, check_weights};
use crate::error::{Error, Result};

/// The largest window, in pixels.
const MAX_WINDOW: usize = 255;

/// A window that has not been checked.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Gaussian { size: usize, sigma: f64 },
    Uniform { size: usize },
    Weights(Vec<f64>),
}

impl Shape {
    /// The window's side in pixels.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Gaussian { size, .. } | Self::Uniform { size } => *size,
            Self::Weights(weights) => weights.len(),
        }
    }

    /// Whether it has a centre, and weights that can be divided by their sum.
    pub(crate) fn check(&self) -> Result<()> {
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

/// Half of a symmetric window: `half[k]` weighs the pixels at distance `k` from the centre.
///
/// The weights of the whole window, `half[0] + 2 (half[1] + … + half[r])`, sum to 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    half: Vec<f64>,
    /// The same in single precision, rounded so that their sum is as close to 1 as the centre allows.
    half_f32: Vec<f32>,
}

impl Window {
    /// The window of a shape that has been checked.
    pub(crate) fn new(shape: &Shape) -> Self {
        match shape {
            Shape::Gaussian { size, sigma } => Self::gaussian(*size, *sigma),
            Shape::Uniform { size } => Self::normalised(vec![1.0; size / 2 + 1]),
            Shape::Weights(weights) => Self::normalised(weights[weights.len() / 2..].to_vec()),
        }
    }

    /// A Gaussian of `size` taps (odd) and standard deviation `sigma` in pixels, cut off at the
    /// window's edge and normalised.
    fn gaussian(size: usize, sigma: f64) -> Self {
        let weight = |k| (-0.5 * (k as f64 / sigma).powi(2)).exp();
        Self::normalised((0..=size / 2).map(weight).collect())
    }

    /// A window of weights whose sum is positive and finite, given from the centre outwards.
    fn normalised(mut half: Vec<f64>) -> Self {
        // From the edge inwards: the small weights first, so that none is lost in the sum.
        let tail: f64 = half[1..].iter().rev().sum();
        let sum = half[0] + 2.0 * tail;
        for weight in &mut half {
            *weight /= sum;
        }
        Self {
            half_f32: round_to_unit_sum(&half),
            half,
        }
    }

    /// The weights from the centre outwards.
    pub(crate) fn half(&self) -> &[f64] {
        &self.half
    }

    /// The weights from the centre outwards, in single precision.
    pub(crate) fn half_f32(&self) -> &[f32] {
        &self.half_f32
    }

    /// Pixels on each side of the centre.
    pub(crate) fn radius(&self) -> usize {
        self.half.len() - 1
    }
}

/// Rounds the weights such that they still sum to 1, to half a unit in the last place of the
/// centre's: what rounding takes from one weight goes to the next one outwards, whose spacing of
/// representable numbers is finer. No weight takes more
/// than two units in its last place: next to one that is much larger it would be another weight.
fn round_to_unit_sum(half: &[f64]) -> Vec<f32> {
    let mut carry = 0.0; // What each of the two sides must still make up for.
    let mut rounded = Vec::with_capacity(half.len());
    for (k, &weight) in half.iter().enumerate() {
        let most = 2.0 * f64::from(f32::EPSILON) * weight;
        let weight = weight + f64::clamp(carry, -most, most);
        let value = weight as f32;
        let error = weight - f64::from(value);
        carry = if k == 0 { error / 2.0 } else { error };
        rounded.push(value);
    }
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(half: &[f64]) -> f64 {
        half[0] + 2.0 * half[1..].iter().rev().sum::<f64>()
    }

    #[test]
    fn the_default_window_has_the_published_weights() {
        let published = [
            0.26601172486179436,
            0.2130055377112537,
            0.10936068950970002,
            0.03600077212843083,
            0.007598758135239185,
            0.00102838008447911,
        ];
        for (weight, expected) in Window::gaussian(11, 1.5).half.iter().zip(published) {
            assert!((weight - expected).abs() < 1e-16, "{weight} {expected}");
        }
    }

    #[test]
    fn weights_sum_to_one_for_every_window_and_precision() {
        for size in (1..=255).step_by(2) {
            for sigma in [1e-300, 0.1, 0.5, 1.0, 1.5, 3.7, 20.0, 1e6, 1e300] {
                let window = Window::gaussian(size, sigma);
                assert!((sum(&window.half) - 1.0).abs() < 1e-14, "{size} {sigma}");
                let single: Vec<f64> = window.half_f32.iter().copied().map(f64::from).collect();
                // Half a unit in the last place of the weight at the centre.
                let tolerance = f64::from(f32::EPSILON) / 2.0;
                assert!(
                    (sum(&single) - 1.0).abs() <= tolerance,
                    "{size} {sigma} {}",
                    sum(&single) - 1.0
                );
            }
        }
    }
}
