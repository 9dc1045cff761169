//! The reference: SSIM and its gradient in double precision, straight from the definition.
//!
//! With the difference d = x − y, SSIM is a product of two terms that both fall short of 1 by a square,
//!
//! ```text
//! SSIM = (1 − L) (1 − S)    L = mean(d)² / (mean(x)² + mean(y)² + C1)
//!                           S = var(d) / (var(x) + var(y) + C2)
//! ```
//!
//! which is the usual formula, as 2ab = a² + b² − (a − b)²; the tests compare it with that. Variances are
//! weighted squares of differences from the window's mean, and the gradient goes back the same way, to
//! each pixel of each window. So nothing cancels, neither on bright flat images nor where y is close to
//! x. It costs window² operations a pixel and shares no order of computation with the library.

use fastssim::{Backend, Covariance, Padding, Ssim, SsimBuilder};
use ndarray::{Array2, Array4, ArrayView2, ArrayView4, Axis, s};

/// The configuration of a metric, all fields open.
#[derive(Clone, Debug)]
pub struct Reference {
    /// How the image continues beyond its edges.
    pub padding: Padding,
    /// The window's side in pixels.
    pub window: usize,
    /// The Gaussian's standard deviation in pixels.
    pub sigma: f64,
    /// The weights along one axis, as many as `window`, in place of the Gaussian.
    pub taps: Option<Vec<f64>>,
    /// Whether variances are those of a sample: times n / (n − 1), with n pixels in the window.
    pub sample: bool,
    /// The exponents of luminance, contrast and structure.
    pub exponents: [f64; 3],
    /// C1 = (k1 range)².
    pub k1: f64,
    /// C2 = (k2 range)².
    pub k2: f64,
    /// The difference between white and black.
    pub range: f64,
}

/// Everything that the library computes from two batches of images.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The SSIM of each image.
    pub ssim: Vec<f64>,
    /// 1 − SSIM of each image.
    pub dssim: Vec<f64>,
    /// The SSIM of each window.
    pub map: Array4<f64>,
    /// The derivative of each image's SSIM with respect to its pixels in x.
    pub gradient: Array4<f64>,
}

/// Weighted means and variances under one window, of x, of y and of d = x − y.
#[derive(Clone, Copy, Default)]
struct Moments {
    mean_x: f64,
    mean_y: f64,
    mean_d: f64,
    var_x: f64,
    var_y: f64,
    var_d: f64,
}

/// The derivatives of one window's SSIM.
struct Derivatives {
    by_mean_x: f64,
    by_mean_y: f64,
    by_var_x: f64,
    by_var_y: f64,
    by_var_d: f64,
}

/// What comes of one channel of two images.
#[derive(Clone, Debug)]
pub struct Plane {
    /// 1 − SSIM of each window.
    pub dssim: Array2<f64>,
    /// The derivative with respect to x of the sum of SSIM, each window times its weight.
    pub by_x: Array2<f64>,
    /// The same with respect to y.
    pub by_y: Array2<f64>,
}

/// A power whose base may be negative under a whole exponent, and counts as 0 there under any other.
fn power(base: f64, exponent: f64) -> f64 {
    let base = if exponent.fract() == 0.0 { base } else { base.max(0.0) };
    base.powf(exponent)
}

/// The derivative of [`power`], 0 where it has none.
fn slope(base: f64, exponent: f64) -> f64 {
    let slope = exponent * power(base, exponent - 1.0);
    if slope.is_finite() { slope } else { 0.0 }
}

impl Moments {
    /// Of all windows in row `row` of the map; `g` are the window's weights.
    fn of_row(g: &Array2<f64>, x: &Array2<f64>, y: &Array2<f64>, row: usize) -> Vec<Self> {
        let windows = x.ncols() - (g.ncols() - 1);
        let at = |i: usize, j: usize| pixels(x, row + i, j).zip(pixels(y, row + i, j));
        let centers = || at(g.nrows() / 2, g.ncols() / 2);
        let mut moments = vec![Self::default(); windows];
        // From the centre pixel on: a flat window has its own brightness as its mean, to the last bit.
        for (m, (x, y)) in moments.iter_mut().zip(centers()) {
            (m.mean_x, m.mean_y, m.mean_d) = (*x, *y, x - y);
        }
        for ((i, j), g) in g.indexed_iter() {
            for ((m, (x, y)), (center_x, center_y)) in moments.iter_mut().zip(at(i, j)).zip(centers()) {
                m.mean_x += g * (x - center_x);
                m.mean_y += g * (y - center_y);
                m.mean_d += g * ((x - y) - (center_x - center_y));
            }
        }
        for ((i, j), g) in g.indexed_iter() {
            for (m, (x, y)) in moments.iter_mut().zip(at(i, j)) {
                m.var_x += g * (x - m.mean_x).powi(2);
                m.var_y += g * (y - m.mean_y).powi(2);
                m.var_d += g * ((x - y) - m.mean_d).powi(2);
            }
        }
        moments
    }
}

/// The pixels of a row from column `from` on.
fn pixels(image: &Array2<f64>, row: usize, from: usize) -> std::slice::Iter<'_, f64> {
    let row = image.row(row).to_slice().expect("rows are contiguous");
    row[from..].iter()
}

impl Reference {
    /// The library's defaults, for pixels of the given range.
    pub fn new(padding: Padding, range: f64) -> Self {
        Self {
            padding,
            window: 11,
            sigma: 1.5,
            taps: None,
            sample: false,
            exponents: [1.0; 3],
            k1: 0.01,
            k2: 0.03,
            range,
        }
    }

    /// The library's metric of the same configuration, with its default backend.
    pub fn metric(&self) -> Ssim {
        self.with_backend(Backend::Auto)
    }

    /// The same on the CPU, for promises that are the CPU backend's.
    pub fn cpu_metric(&self) -> Ssim {
        self.with_backend(Backend::Cpu)
    }

    /// The same on one backend.
    pub fn with_backend(&self, backend: Backend) -> Ssim {
        self.builder().backend(backend).build().expect("a valid configuration")
    }

    /// The library's builder of this configuration.
    pub fn builder(&self) -> SsimBuilder {
        let builder = Ssim::builder().padding(self.padding);
        let builder = match &self.taps {
            Some(taps) => builder.window_weights(taps.clone()),
            None => builder.window(self.window).sigma(self.sigma),
        };
        let covariance = if self.sample {
            Covariance::Sample
        } else {
            Covariance::Population
        };
        let builder = builder.covariance(covariance).exponents(self.exponents);
        builder.k1(self.k1).k2(self.k2).data_range(self.range)
    }

    /// The window: the outer product of its normalised weights along one axis with themselves.
    pub fn weights(&self) -> Array2<f64> {
        let center = (self.window / 2) as f64;
        let gaussian = |i: usize| (-(i as f64 - center).powi(2) / (2.0 * self.sigma.powi(2))).exp();
        let g = self
            .taps
            .clone()
            .unwrap_or_else(|| (0..self.window).map(gaussian).collect());
        assert_eq!(g.len(), self.window);
        let sum: f64 = g.iter().sum();
        Array2::from_shape_fn((self.window, self.window), |(i, j)| g[i] / sum * (g[j] / sum))
    }

    /// Pixels that padding adds on each side; without them, all windows of the rest fit.
    fn margin(&self) -> usize {
        if self.padding == Padding::Valid {
            0
        } else {
            self.window / 2
        }
    }

    /// Where the pixel `at` of a padded line comes from, in a line of `extent` pixels.
    fn source(&self, at: usize, extent: usize) -> Option<usize> {
        let (mut at, last) = (at as isize - self.margin() as isize, extent as isize - 1);
        // One reflection after the other, until the pixel is inside.
        while !(0..=last).contains(&at) {
            at = match self.padding {
                Padding::Symmetric if at < 0 => -1 - at,
                Padding::Symmetric => 2 * last + 1 - at,
                Padding::Reflect if last > 0 && at < 0 => -at,
                Padding::Reflect if last > 0 => 2 * last - at,
                Padding::Replicate | Padding::Reflect => at.clamp(0, last),
                _ => return None,
            };
        }
        Some(at as usize)
    }

    fn pad(&self, image: ArrayView2<'_, f64>) -> Array2<f64> {
        let ((h, w), m) = (image.dim(), self.margin());
        Array2::from_shape_fn((h + 2 * m, w + 2 * m), |(i, j)| {
            let at = self.source(i, h).zip(self.source(j, w));
            at.map_or(0.0, |at| image[at])
        })
    }

    /// The way back: each pixel of the padded image adds to the one that it comes from.
    fn fold(&self, padded: &Array2<f64>, (h, w): (usize, usize)) -> Array2<f64> {
        let mut image = Array2::zeros((h, w));
        for ((i, j), value) in padded.indexed_iter() {
            if let Some(at) = self.source(i, h).zip(self.source(j, w)) {
                image[at] += value;
            }
        }
        image
    }

    /// 1 − SSIM of one window, and the derivatives of its SSIM.
    fn dssim(&self, m: &Moments) -> (f64, Derivatives) {
        let pixels = (self.window * self.window) as f64;
        let correction = if self.sample { pixels / (pixels - 1.0) } else { 1.0 };
        let (c1, c2) = ((self.k1 * self.range).powi(2), (self.k2 * self.range).powi(2));
        let [var_x, var_y, var_d] = [m.var_x, m.var_y, m.var_d].map(|var| correction * var);
        let (d1, d2) = (m.mean_x.powi(2) + m.mean_y.powi(2) + c1, var_x + var_y + c2);
        let l = m.mean_d.powi(2) / d1;
        let by_l = [
            2.0 * (m.mean_d - l * m.mean_x) / d1,
            -2.0 * (m.mean_d + l * m.mean_y) / d1,
        ];
        // The product of contrast and structure falls short of 1 by s.
        let s = var_d / d2;
        let [alpha, beta, gamma] = self.exponents;
        if self.exponents == [1.0; 3] {
            let derivatives = Derivatives {
                by_mean_x: -(1.0 - s) * by_l[0],
                by_mean_y: -(1.0 - s) * by_l[1],
                by_var_x: correction * (1.0 - l) * s / d2,
                by_var_y: correction * (1.0 - l) * s / d2,
                by_var_d: correction * -(1.0 - l) / d2,
            };
            return (l + s - l * s, derivatives);
        }
        let luminance = power(1.0 - l, alpha);
        // The value of contrast^beta × structure^gamma and its derivatives by var_x, var_y and var_d.
        let (rest, by) = if beta == gamma {
            let slope = slope(1.0 - s, beta);
            (power(1.0 - s, beta), [slope * s / d2, slope * s / d2, -slope / d2])
        } else {
            let (c3, deviations) = (c2 / 2.0, (var_x * var_y).sqrt());
            let covariance = (var_x + var_y - var_d) / 2.0;
            let (contrast, structure) = ((2.0 * deviations + c2) / d2, (covariance + c3) / (deviations + c3));
            let (c, s) = (power(contrast, beta), power(structure, gamma));
            let (by_c, by_s) = (slope(contrast, beta) * s, slope(structure, gamma) * c);
            let by_var = |other: f64| {
                let by_deviations = if deviations > 0.0 {
                    other / (2.0 * deviations)
                } else {
                    0.0
                };
                by_c * (2.0 * by_deviations - contrast) / d2
                    + by_s * (0.5 - structure * by_deviations) / (deviations + c3)
            };
            (c * s, [by_var(var_y), by_var(var_x), -0.5 * by_s / (deviations + c3)])
        };
        let by_l = by_l.map(|by_l| -slope(1.0 - l, alpha) * rest * by_l);
        let derivatives = Derivatives {
            by_mean_x: by_l[0],
            by_mean_y: by_l[1],
            by_var_x: correction * luminance * by[0],
            by_var_y: correction * luminance * by[1],
            by_var_d: correction * luminance * by[2],
        };
        (1.0 - luminance * rest, derivatives)
    }

    /// 1 − SSIM of each window of one channel, and the gradient of the sum of SSIM with respect to x.
    pub fn plane(&self, x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
        let plane = self.weighted_plane(x, y, |_, _| 1.0);
        (plane.dssim, plane.by_x)
    }

    /// One channel, the windows weighted by their row and column in the map.
    pub fn weighted_plane(
        &self,
        x: ArrayView2<'_, f64>,
        y: ArrayView2<'_, f64>,
        weight: impl Fn(usize, usize) -> f64,
    ) -> Plane {
        let (g, extents) = (self.weights(), x.dim());
        let (x, y) = (self.pad(x), self.pad(y));
        let (h, w) = x.dim();
        let mut dssim = Array2::zeros((h - (self.window - 1), w - (self.window - 1)));
        let (mut by_x, mut by_y) = (Array2::zeros((h, w)), Array2::zeros((h, w)));
        for (row, mut dssim) in dssim.rows_mut().into_iter().enumerate() {
            let moments = Moments::of_row(&g, &x, &y, row);
            let windows: Vec<_> = moments.iter().map(|m| (m, self.dssim(m))).collect();
            for (dssim, (_, (value, _))) in dssim.iter_mut().zip(&windows) {
                *dssim = *value;
            }
            let weights: Vec<f64> = (0..windows.len()).map(|col| weight(row, col)).collect();
            // A pixel of weight g changes the means of x and d by g, and a variance by 2 g times its
            // difference from the mean.
            for ((i, j), g) in g.indexed_iter() {
                let pixels = pixels(&x, row + i, j).zip(pixels(&y, row + i, j));
                let (mut by_x, mut by_y) = (by_x.row_mut(row + i), by_y.row_mut(row + i));
                let by_x = &mut by_x.as_slice_mut().expect("rows are contiguous")[j..];
                let by_y = &mut by_y.as_slice_mut().expect("rows are contiguous")[j..];
                let slopes = by_x.iter_mut().zip(by_y);
                for ((((m, (_, by)), (x, y)), weight), (by_x, by_y)) in
                    windows.iter().zip(pixels).zip(&weights).zip(slopes)
                {
                    let (from_x, from_y, from_d) = (x - m.mean_x, y - m.mean_y, (x - y) - m.mean_d);
                    *by_x += weight * g * (by.by_mean_x + 2.0 * (from_x * by.by_var_x + from_d * by.by_var_d));
                    *by_y += weight * g * (by.by_mean_y + 2.0 * (from_y * by.by_var_y - from_d * by.by_var_d));
                }
            }
        }
        Plane {
            dssim,
            by_x: self.fold(&by_x, extents),
            by_y: self.fold(&by_y, extents),
        }
    }

    /// Scores, maps and gradients of two batches (images, channels, height, width).
    pub fn evaluate(&self, x: ArrayView4<'_, f64>, y: ArrayView4<'_, f64>) -> Evaluation {
        let (n, c, h, w) = x.dim();
        let shrink = self.window - 1 - 2 * self.margin();
        let mut dssim = Array4::zeros((n, c, h - shrink, w - shrink));
        let mut gradient = Array4::zeros((n, c, h, w));
        for image in 0..n {
            for channel in 0..c {
                let at = s![image, channel, .., ..];
                let (map, slopes) = self.plane(x.slice(at), y.slice(at));
                gradient.slice_mut(at).assign(&(slopes / (c * map.len()) as f64));
                dssim.slice_mut(at).assign(&map);
            }
        }
        // Row by row, so that no sum is long.
        let means = dssim
            .axis_iter(Axis(0))
            .map(|image| image.sum_axis(Axis(2)).sum() / image.len() as f64);
        let means: Vec<f64> = means.collect();
        Evaluation {
            ssim: means.iter().map(|mean| 1.0 - mean).collect(),
            dssim: means,
            map: 1.0 - dssim,
            gradient,
        }
    }
}
