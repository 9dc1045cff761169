//! Checks of the reference itself: its gradient by finite differences, its values against the
//! second, separable form of the same mathematics.

use fastssim::Padding;
use fastssim_tests::images::Scene;
use fastssim_tests::reference::Reference;
use fastssim_tests::tolerance::{max_abs, relative_l2};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

/// Configurations that differ from the defaults in one thing at a time.
fn configurations() -> Vec<Reference> {
    let zero = Reference::new(Padding::Zero, 1.0);
    let valid = Reference::new(Padding::Valid, 1.0);
    vec![
        zero.clone(),
        valid.clone(),
        Reference {
            window: 1,
            ..zero.clone()
        },
        Reference {
            window: 5,
            sigma: 0.7,
            ..zero.clone()
        },
        Reference {
            window: 13,
            sigma: 4.0,
            ..valid.clone()
        },
        Reference {
            k1: 0.1,
            k2: 0.2,
            ..zero.clone()
        },
        Reference { range: 0.5, ..valid },
    ]
}

/// The derivative of f at 0, from four values. The error of Richardson's extrapolation is of order
/// step⁴, that of rounding 1e-16 / step.
fn central_difference(f: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 3e-4;
    let slope = |step: f64| (f(step) - f(-step)) / (2.0 * step);
    (4.0 * slope(STEP / 2.0) - slope(STEP)) / 3.0
}

#[test]
fn the_gradient_agrees_with_finite_differences() {
    let (h, w) = (14, 17);
    for reference in configurations() {
        for scene in [Scene::Noise, Scene::Distorted, Scene::Ramps, Scene::Halves] {
            let [x, y] = scene.planes(h, w, 1);
            let (_, gradient) = reference.plane(x.view(), y.view());
            let differences = Array2::from_shape_fn((h, w), |at| {
                central_difference(|step| {
                    let mut x = x.clone();
                    x[at] += step;
                    -reference.plane(x.view(), y.view()).0.sum()
                })
            });
            // Observed: 8e-9 at most, of rounding. A wrong term shows at 1e-3 or more.
            let error = relative_l2(&gradient, &differences);
            assert!(error < 2e-8, "{scene:?} {reference:?}: {error:e}");
        }
    }
}

/// A line blurred by definition, 0 beyond its ends.
fn blur_line(g: &[f64], line: ArrayView1<'_, f64>) -> Array1<f64> {
    let radius = g.len() / 2;
    Array1::from_shape_fn(line.len(), |i| {
        let tap = |k: usize| Some(g[k] * line.get((i + k).checked_sub(radius)?)?);
        (0..g.len()).filter_map(tap).sum()
    })
}

/// The blur along columns, then along rows, under zero padding.
fn blur(g: &[f64], image: &Array2<f64>) -> Array2<f64> {
    let mut blurred = image.clone();
    for axis in [Axis(0), Axis(1)] {
        for mut line in blurred.lanes_mut(axis) {
            let result = blur_line(g, line.view());
            line.assign(&result);
        }
    }
    blurred
}

/// The map and the gradient of its sum from four blurred maps: a = K∗x, b = K∗y, s = K∗(x² + y²),
/// p = K∗(x y), and ∂/∂x = Kᵀ(A) + 2 x Kᵀ(S) + y Kᵀ(P).
fn separable(r: &Reference, x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
    let g = r.weights().sum_axis(Axis(0)).to_vec();
    let (c1, c2) = ((r.k1 * r.range).powi(2), (r.k2 * r.range).powi(2));
    let (x, y) = (x.to_owned(), y.to_owned());
    let (a, b) = (blur(&g, &x), blur(&g, &y));
    let (s, p) = (blur(&g, &(&x * &x + &y * &y)), blur(&g, &(&x * &y)));
    let mut map = Array2::zeros(x.dim());
    let [mut by_a, mut by_s, mut by_p] = [0, 1, 2].map(|_| Array2::zeros(x.dim()));
    // The windows of valid padding are those of zero padding less a margin.
    let ((h, w), margin) = (x.dim(), if r.padding == Padding::Valid { g.len() / 2 } else { 0 });
    for i in margin..h - margin {
        for j in margin..w - margin {
            let at = [i, j];
            let (m, q) = (a[at] * b[at], a[at].powi(2) + b[at].powi(2));
            let (n1, n2) = (2.0 * m + c1, 2.0 * (p[at] - m) + c2);
            let (d1, d2) = (q + c1, s[at] - q + c2);
            let ssim = n1 * n2 / (d1 * d2);
            let by_m = 2.0 * (n2 - n1) / (d1 * d2);
            let by_q = ssim * (1.0 / d2 - 1.0 / d1);
            map[at] = ssim;
            by_a[at] = by_m * b[at] + by_q * 2.0 * a[at];
            by_s[at] = -ssim / d2;
            by_p[at] = 2.0 * n1 / (d1 * d2);
        }
    }
    let gradient = blur(&g, &by_a) + 2.0 * &x * blur(&g, &by_s) + &y * blur(&g, &by_p);
    (map.slice_move(s![margin..h - margin, margin..w - margin]), gradient)
}

#[test]
fn the_separable_form_agrees() {
    for reference in configurations() {
        for scene in [
            Scene::Noise,
            Scene::Distorted,
            Scene::Ramps,
            Scene::Halves,
            Scene::Points,
        ] {
            let [x, y] = scene.planes(40, 27, 2);
            let (dssim, gradient) = reference.plane(x.view(), y.view());
            let map = 1.0 - dssim;
            let (other_map, other_gradient) = separable(&reference, x.view(), y.view());
            // Its variances are differences of squares: some 1e-16 / C2. Observed: 4e-13 and 2e-12.
            let (value, slope) = (max_abs(&map, &other_map), relative_l2(&gradient, &other_gradient));
            assert!(value < 2e-12, "{scene:?} {reference:?}: {value:e}");
            assert!(slope < 5e-12, "{scene:?} {reference:?}: {slope:e}");
        }
    }
}

#[test]
fn the_weights_are_the_published_ones() {
    let published = [
        0.00102838008447911,
        0.007598758135239185,
        0.03600077212843083,
        0.10936068950970002,
        0.2130055377112537,
        0.26601172486179436,
    ];
    let weights = Reference::new(Padding::Zero, 1.0).weights();
    for (k, expected) in published.into_iter().enumerate() {
        let weight: f64 = weights.row(k).sum();
        assert!((weight - expected).abs() < 1e-15, "{weight} {expected}");
    }
    assert!((weights.sum() - 1.0).abs() < 1e-15);
}
