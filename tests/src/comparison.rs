//! Compares the library with the reference and collects what is off, so that a failing test tells of
//! every case at once.

use fastssim::Backend;
use ndarray::{Array4, ArrayView3, Axis};

use crate::images::{Element, numbers};
use crate::reference::Reference;
use crate::tolerance::{self, max_abs, relative_l2};

/// The largest errors seen, and those that were too large.
#[derive(Debug, Default)]
pub struct Comparison {
    score: f64,
    map: f64,
    gradient: f64,
    failures: Vec<String>,
    /// Whether the images are regular patterns, see [`tolerance::REGULAR`].
    regular: bool,
}

impl Comparison {
    /// Says whether the images to come are regular patterns.
    pub fn set_regular(&mut self, regular: bool) {
        self.regular = regular;
    }

    /// Whether the images at hand are regular patterns.
    pub fn is_regular(&self) -> bool {
        self.regular
    }

    /// Compares the score of an image pair, alone and with a gradient, its map and its gradient with the
    /// reference.
    pub fn compare<T: Element>(&mut self, reference: &Reference, x: &Array4<T>, y: &Array4<T>, what: &str) {
        let Reference {
            padding,
            window,
            sigma,
            k1,
            k2,
            range,
            ..
        } = reference;
        let (n, c, h, w) = x.dim();
        let of = std::any::type_name::<T>();
        let what = format!("{what} {n}x{c}x{h}x{w} {of}, {padding}, window {window} {sigma}, {k1} {k2} {range}");
        let metric = reference.metric();
        let expected = reference.evaluate(numbers(x.view()).view(), numbers(y.view()).view());
        let mut limits = [
            tolerance::score::<T>(h * w),
            tolerance::gradient::<T>(),
            tolerance::map::<T>(),
        ];
        if metric.backend() != Backend::Cpu && !T::DOUBLE {
            limits = tolerance::gpu(h * w, expected.map.len() / n, self.regular, reference.padding);
        } else if self.regular && !T::DOUBLE && h * w >= tolerance::LARGE {
            limits[..2].copy_from_slice(&tolerance::REGULAR);
        }
        let [score_limit, gradient_limit, map_limit] = limits;
        let (with_gradient, gradient) = metric.ssim_with_gradient(x, y).expect("valid input");
        let alone = metric.ssim(x, y).expect("valid input");
        for ((alone, with_gradient), expected) in alone.iter().zip(with_gradient).zip(expected.ssim) {
            self.score(&what, (alone - expected).abs(), score_limit);
            let what = format!("{what}, with gradient");
            self.score(&what, (with_gradient - expected).abs(), score_limit);
        }
        for (slopes, expected) in gradient.axis_iter(Axis(0)).zip(expected.gradient.axis_iter(Axis(0))) {
            self.gradient(&what, &slopes, &expected, gradient_limit);
        }
        let map = metric.ssim_map(x, y).expect("valid input");
        self.map(&what, &map, &expected.map, map_limit);
    }

    /// Compares the gradient of one image.
    pub fn gradient<R: Copy + Into<f64>>(
        &mut self,
        what: &str,
        found: &ArrayView3<'_, R>,
        expected: &ArrayView3<'_, f64>,
        tolerance: f64,
    ) {
        let error = relative_l2(found, expected);
        self.gradient = self.gradient.max(error);
        self.check(error, tolerance, || format!("{what}: gradient"));
    }

    /// Compares the maps of a batch.
    pub fn map<R: Copy + Into<f64>>(&mut self, what: &str, found: &Array4<R>, expected: &Array4<f64>, tolerance: f64) {
        let error = max_abs(found, expected);
        self.map = self.map.max(error);
        self.check(error, tolerance, || format!("{what}: map"));
    }

    /// Notes the error of a score.
    pub fn score(&mut self, what: &str, error: f64, tolerance: f64) {
        self.score = self.score.max(error);
        self.check(error, tolerance, || format!("{what}: score"));
    }

    fn check(&mut self, error: f64, tolerance: f64, what: impl Fn() -> String) {
        // Written so that NaN fails.
        let passes = error <= tolerance;
        if !passes {
            self.failures
                .push(format!("{} off by {error:.1e}, allowed are {tolerance:.0e}", what()));
        }
    }

    /// Fails the test if anything was too large.
    pub fn finish(self) {
        let Self {
            score,
            map,
            gradient,
            failures,
            ..
        } = self;
        println!("largest errors: score {score:.1e}, map {map:.1e}, gradient {gradient:.1e}");
        assert!(
            failures.is_empty(),
            "{} errors too large:\n{}",
            failures.len(),
            failures.join("\n")
        );
    }
}
