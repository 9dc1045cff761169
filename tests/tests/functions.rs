//! Every function of the library, as a method, as a free function and into a buffer: they must agree
//! with each other and, one by one, with the reference.

use fastssim::{Padding, Ssim};
use fastssim_tests::images::{Element, Scene, numbers};
use fastssim_tests::reference::{Evaluation, Reference};
use fastssim_tests::tolerance::{self, max_abs, relative_l2};
use ndarray::Array4;

/// What a call that writes into buffers has written.
#[derive(Debug, PartialEq)]
struct Written<R> {
    scores: Vec<f64>,
    array: Array4<R>,
}

/// Runs a call with buffers full of numbers that it must overwrite.
fn written<R: Copy>(
    images: usize,
    shape: (usize, usize, usize, usize),
    fill: R,
    call: impl FnOnce(&mut [f64], &mut Array4<R>) -> fastssim::Result<()>,
) -> Written<R> {
    let mut scores = vec![f64::NAN; images];
    let mut array = Array4::from_elem(shape, fill);
    call(&mut scores, &mut array).expect("valid input");
    Written { scores, array }
}

/// Compares all functions that compute SSIM, or all that compute DSSIM.
macro_rules! agree {
    ($T:ty, $metric:expr, $x:expr, $y:expr, $score:ident, $into:ident, $gradient:ident, $gradient_into:ident,
     $with_gradient:ident, $with_gradient_into:ident) => {{
        let (metric, x, y): (&Ssim, &Array4<$T>, &Array4<$T>) = ($metric, $x, $y);
        let fill = <$T as fastssim::Pixel>::Real::default();
        let images = x.dim().0;
        let alone = metric.$score(x, y).expect("valid input");
        let both = metric.$with_gradient(x, y).expect("valid input");
        assert_eq!(metric.$gradient(x, y).as_ref(), Ok(&both.1));

        let buffers = written(images, x.dim(), fill, |scores, _| metric.$into(x, y, scores));
        assert_eq!(buffers.scores, alone);
        let buffers = written(images, x.dim(), fill, |_, g| metric.$gradient_into(x, y, g.view_mut()));
        assert_eq!(buffers.array, both.1);
        let buffers = written(images, x.dim(), fill, |s, g| {
            metric.$with_gradient_into(x, y, s, g.view_mut())
        });
        assert_eq!((&buffers.scores, &buffers.array), (&both.0, &both.1));
        (alone, both)
    }};
}

/// The scores alone may be computed in another way than with a gradient, but not to another result.
fn assert_close(alone: &[f64], with_gradient: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!((alone.len(), with_gradient.len()), (expected.len(), expected.len()));
    for ((alone, with_gradient), expected) in alone.iter().zip(with_gradient).zip(expected) {
        assert!((alone - expected).abs() <= tolerance, "{alone} for {expected}");
        assert!(
            (with_gradient - expected).abs() <= tolerance,
            "{with_gradient} for {expected}"
        );
    }
}

fn methods<T: Element>(padding: Padding, shape: [usize; 4]) {
    let [x, y] = Scene::Distorted.batches::<T>(shape, 31);
    let reference = Reference::new(padding, T::RANGE);
    let metric = reference.metric();
    let expected = reference.evaluate(numbers(x.view()).view(), numbers(y.view()).view());
    let allowed = tolerance::default_score::<T>(shape[2] * shape[3]);

    let (alone, both) = agree!(
        T,
        &metric,
        &x,
        &y,
        ssim,
        ssim_into,
        ssim_gradient,
        ssim_gradient_into,
        ssim_with_gradient,
        ssim_with_gradient_into
    );
    assert_close(&alone, &both.0, &expected.ssim, allowed);
    assert!(relative_l2(&both.1, &expected.gradient) <= tolerance::gradient::<T>());

    let (alone, both) = agree!(
        T,
        &metric,
        &x,
        &y,
        dssim,
        dssim_into,
        dssim_gradient,
        dssim_gradient_into,
        dssim_with_gradient,
        dssim_with_gradient_into
    );
    assert_close(&alone, &both.0, &expected.dssim, allowed);
    assert!(relative_l2(&both.1, &(-&expected.gradient)) <= tolerance::gradient::<T>());

    maps::<T>(&metric, &x, &y, &expected);
}

fn maps<T: Element>(metric: &Ssim, x: &Array4<T>, y: &Array4<T>, expected: &Evaluation) {
    let map = metric.ssim_map(x, y).expect("valid input");
    assert!(max_abs(&map, &expected.map) <= tolerance::map::<T>());
    let fill = T::Real::default();
    let buffers = written(x.dim().0, map.dim(), fill, |_, array| {
        metric.ssim_map_into(x, y, array.view_mut())
    });
    assert_eq!(buffers.array, map);
}

#[test]
fn methods_agree() {
    for padding in [Padding::Zero, Padding::Valid] {
        for shape in [[1, 1, 60, 70], [3, 2, 33, 18]] {
            methods::<u8>(padding, shape);
            methods::<u16>(padding, shape);
            methods::<f32>(padding, shape);
            methods::<f64>(padding, shape);
        }
    }
}

#[test]
fn free_functions_are_the_default_metric() {
    let [x, y] = Scene::Distorted.batches::<u8>([2, 3, 40, 50], 32);
    let (x, y, metric) = (&x, &y, Ssim::default());
    assert_eq!(metric.padding(), Padding::Zero);
    assert_eq!(metric.window(), 11);
    assert_eq!(fastssim::ssim(x, y), metric.ssim(x, y));
    assert_eq!(fastssim::dssim(x, y), metric.dssim(x, y));
    assert_eq!(fastssim::ssim_gradient(x, y), metric.ssim_gradient(x, y));
    assert_eq!(fastssim::dssim_gradient(x, y), metric.dssim_gradient(x, y));
    assert_eq!(fastssim::ssim_with_gradient(x, y), metric.ssim_with_gradient(x, y));
    assert_eq!(fastssim::dssim_with_gradient(x, y), metric.dssim_with_gradient(x, y));
    assert_eq!(fastssim::ssim_map(x, y), metric.ssim_map(x, y));
}

#[test]
fn free_functions_write_into_buffers() {
    let [x, y] = Scene::Distorted.batches::<f32>([2, 3, 40, 50], 33);
    let (x, y, shape) = (&x, &y, x.dim());
    let run = |call: &dyn Fn(&mut [f64], &mut Array4<f32>) -> fastssim::Result<()>| written(2, shape, 9.0, call);
    let ssim = fastssim::ssim_with_gradient(x, y).expect("valid input");
    let dssim = fastssim::dssim_with_gradient(x, y).expect("valid input");

    let found = run(&|scores, _| fastssim::ssim_into(x, y, scores));
    assert_eq!(Ok(found.scores), fastssim::ssim(x, y));
    let found = run(&|scores, _| fastssim::dssim_into(x, y, scores));
    assert_eq!(Ok(found.scores), fastssim::dssim(x, y));
    let found = run(&|_, gradient| fastssim::ssim_gradient_into(x, y, gradient.view_mut()));
    assert_eq!(found.array, ssim.1);
    let found = run(&|_, gradient| fastssim::dssim_gradient_into(x, y, gradient.view_mut()));
    assert_eq!(found.array, dssim.1);
    let found = run(&|scores, gradient| fastssim::ssim_with_gradient_into(x, y, scores, gradient.view_mut()));
    assert_eq!((found.scores, found.array), ssim);
    let found = run(&|scores, gradient| fastssim::dssim_with_gradient_into(x, y, scores, gradient.view_mut()));
    assert_eq!((found.scores, found.array), dssim);
    let found = run(&|_, map| fastssim::ssim_map_into(x, y, map.view_mut()));
    assert_eq!(Ok(found.array), fastssim::ssim_map(x, y));
}

/// The gradient tells which way is up: a small step along it raises the score by its length.
#[test]
fn a_step_along_the_gradient_raises_the_score() {
    let [x, y] = Scene::Distorted.planes(50, 60, 34);
    for padding in [Padding::Zero, Padding::Valid] {
        let metric = Ssim::builder().padding(padding).build().expect("valid");
        let (score, gradient) = metric.ssim_with_gradient(&x, &y).expect("valid input");
        let squares = gradient.mapv(|slope| slope * slope).sum();
        // The step moves no pixel by more than 1e-4, where the score is still about linear.
        let step = 1e-4 / gradient.fold(0.0, |max: f64, slope| max.max(slope.abs()));
        let moved: f64 = metric.ssim(&(&x + step * &gradient), &y).expect("valid input");
        let ratio = (moved - score) / (step * squares);
        assert!((ratio - 1.0).abs() < 0.01, "{padding}: {ratio}");
    }
}
