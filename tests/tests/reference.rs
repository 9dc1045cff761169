//! Checks of the reference itself: its gradient by finite differences, its values against the
//! second, separable form of the same mathematics.

use fastssim::Padding;
use fastssim_tests::images::Scene;
use fastssim_tests::reference::Reference;
use fastssim_tests::suite::PADDINGS;
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

/// What the suite of all options relies on: five paddings, images smaller than their window, weights of the caller's,
/// covariances of a sample and exponents, each window with a weight of its own, and both images' gradients. The corners' and
/// edges' pixels are asked for by themselves: they are where a padding's adjoint adds up, and few among many.
#[test]
fn gradients_of_all_options_agree_with_finite_differences() {
    let options = |padding: Padding, smooth: bool| {
        let usual = Reference::new(padding, 1.0);
        let apart = |exponents| Reference {
            exponents,
            ..usual.clone()
        };
        let mut all = vec![
            usual.clone(),
            Reference {
                window: 7,
                taps: Some(vec![1.0; 7]),
                sample: true,
                ..usual.clone()
            },
            Reference {
                window: 5,
                taps: Some(vec![1.0, 0.0, 3.0, 0.0, 1.0]),
                exponents: [2.0, 1.0, 1.0],
                ..usual.clone()
            },
            apart([1.0, 2.0, 1.0]),
            apart([0.0, 1.0, 3.0]),
        ];
        if smooth {
            // Powers of a negative structure are 0, which is not smooth.
            all.extend([apart([0.5; 3]), apart([0.3, 1.7, 0.6])]);
        }
        all
    };
    for padding in PADDINGS {
        for (scene, shape) in [
            (Scene::Noise, (12, 13)),
            (Scene::NearConvergence, (13, 12)),
            (Scene::Distorted, (4, 9)),
        ] {
            if padding == Padding::Valid && shape.0 < 11 {
                continue;
            }
            for reference in options(padding, scene == Scene::NearConvergence) {
                gradients_agree(&reference, scene, shape);
            }
        }
    }
}

fn gradients_agree(reference: &Reference, scene: Scene, (h, w): (usize, usize)) {
    let images = scene.planes(h, w, 2);
    let weight = |row: usize, col: usize| 0.5 + ((3 * row + 5 * col) % 7) as f64;
    let evaluate = |[x, y]: &[Array2<f64>; 2]| reference.weighted_plane(x.view(), y.view(), weight);
    let sum = |images: &[Array2<f64>; 2]| {
        let dssim = evaluate(images).dssim;
        let weighted = dssim
            .indexed_iter()
            .map(|((row, col), dssim)| -dssim * weight(row, col));
        weighted.sum::<f64>()
    };
    let plane = evaluate(&images);
    for (which, gradient) in [plane.by_x, plane.by_y].iter().enumerate() {
        let differences = Array2::from_shape_fn((h, w), |at| {
            central_difference(|step| {
                let mut images = images.clone();
                images[which][at] += step;
                sum(&images)
            })
        });
        let error = relative_l2(gradient, &differences);
        assert!(error < 1e-6, "{scene:?} {reference:?}, image {which}: {error:e}");
        let largest = differences
            .iter()
            .fold(0.0f64, |largest, slope| largest.max(slope.abs()));
        for ((i, j), slope) in gradient.indexed_iter() {
            if [0, h - 1].contains(&i) || [0, w - 1].contains(&j) {
                let error = (slope - differences[[i, j]]).abs() / largest;
                assert!(
                    error < 1e-6,
                    "{scene:?} {reference:?}, image {which} at {i}, {j}: {error:e}"
                );
            }
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
