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

use fastssim::{Backend, Padding, Ssim};
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
    by_mean: f64,
    by_var_x: f64,
    by_var_d: f64,
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

    fn with_backend(&self, backend: Backend) -> Ssim {
        let builder = Ssim::builder().padding(self.padding).window(self.window);
        let builder = builder.sigma(self.sigma).k1(self.k1).k2(self.k2).backend(backend);
        builder.data_range(self.range).build().expect("a valid configuration")
    }

    /// The window: the outer product of a normalised Gaussian with itself.
    pub fn weights(&self) -> Array2<f64> {
        let center = (self.window / 2) as f64;
        let g: Vec<f64> = (0..self.window)
            .map(|i| (-(i as f64 - center).powi(2) / (2.0 * self.sigma.powi(2))).exp())
            .collect();
        let sum: f64 = g.iter().sum();
        Array2::from_shape_fn((self.window, self.window), |(i, j)| g[i] / sum * (g[j] / sum))
    }

    /// Zeros that zero padding adds on each side; without them, all windows of the rest fit.
    fn margin(&self) -> usize {
        if self.padding == Padding::Valid {
            0
        } else {
            self.window / 2
        }
    }

    fn pad(&self, image: ArrayView2<'_, f64>) -> Array2<f64> {
        let ((h, w), m) = (image.dim(), self.margin());
        let mut padded = Array2::zeros((h + 2 * m, w + 2 * m));
        padded.slice_mut(s![m..m + h, m..m + w]).assign(&image);
        padded
    }

    /// 1 − SSIM of one window, and the derivatives of its SSIM.
    fn dssim(&self, m: &Moments) -> (f64, Derivatives) {
        let (c1, c2) = ((self.k1 * self.range).powi(2), (self.k2 * self.range).powi(2));
        let (d1, d2) = (m.mean_x.powi(2) + m.mean_y.powi(2) + c1, m.var_x + m.var_y + c2);
        let (l, s) = (m.mean_d.powi(2) / d1, m.var_d / d2);
        let derivatives = Derivatives {
            by_mean: (1.0 - s) * 2.0 * (l * m.mean_x - m.mean_d) / d1,
            by_var_x: (1.0 - l) * s / d2,
            by_var_d: -(1.0 - l) / d2,
        };
        (l + s - l * s, derivatives)
    }

    /// 1 − SSIM of each window of one channel, and the gradient of the sum of SSIM with respect to x.
    pub fn plane(&self, x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
        let (g, margin) = (self.weights(), self.margin());
        let (x, y) = (self.pad(x), self.pad(y));
        let (h, w) = x.dim();
        let mut map = Array2::zeros((h - (self.window - 1), w - (self.window - 1)));
        let mut gradient = Array2::zeros((h, w));
        for (row, mut map) in map.rows_mut().into_iter().enumerate() {
            let moments = Moments::of_row(&g, &x, &y, row);
            let windows: Vec<_> = moments.iter().map(|m| (m, self.dssim(m))).collect();
            for (map, (_, (dssim, _))) in map.iter_mut().zip(&windows) {
                *map = *dssim;
            }
            // A pixel of weight g changes the means of x and d by g, and a variance by 2 g times its
            // difference from the mean.
            for ((i, j), g) in g.indexed_iter() {
                let pixels = pixels(&x, row + i, j).zip(pixels(&y, row + i, j));
                let mut gradient = gradient.row_mut(row + i);
                let gradient = &mut gradient.as_slice_mut().expect("rows are contiguous")[j..];
                for (((m, (_, by)), (x, y)), gradient) in windows.iter().zip(pixels).zip(gradient) {
                    let (from_x, from_d) = (x - m.mean_x, (x - y) - m.mean_d);
                    *gradient += g * (by.by_mean + 2.0 * (from_x * by.by_var_x + from_d * by.by_var_d));
                }
            }
        }
        let gradient = gradient.slice_move(s![margin..h - margin, margin..w - margin]);
        (map, gradient)
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
