//! What holds for all images, on random ones: shapes down to a single pixel, all types, strides and
//! batch sizes.
//!
//! The cases are the same in every run; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for others.

use fastssim::{Padding, Ssim};
use fastssim_tests::images::{Element, Random, Scene, numbers};
use fastssim_tests::reference::Reference;
use fastssim_tests::strided::{Arrangement, Strided};
use fastssim_tests::suite::PADDINGS;
use fastssim_tests::tolerance::{self, max_abs};
use half::{bf16, f16};
use ndarray::{Array4, Axis, Zip, s};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A problem without its element type.
#[derive(Clone, Debug)]
struct Case {
    shape: [usize; 4],
    scene: Scene,
    seed: u64,
    padding: Padding,
    window: usize,
    sigma: f64,
    x: Arrangement,
    y: Arrangement,
    gradient: Arrangement,
}

impl Case {
    fn reference<T: Element>(&self) -> Reference {
        Reference {
            window: self.window,
            sigma: self.sigma,
            ..Reference::new(self.padding, T::RANGE)
        }
    }

    fn metric<T: Element>(&self) -> Ssim {
        self.reference::<T>().cpu_metric()
    }

    fn pixels(&self) -> usize {
        self.shape[2] * self.shape[3]
    }

    fn batches<T: Element>(&self) -> [Array4<T>; 2] {
        self.scene.batches(self.shape, self.seed)
    }

    /// Both batches in their arrangements, with numbers between the pixels that must not be read.
    fn strided<T: Element>(&self) -> [Strided<T>; 2] {
        let [x, y] = self.batches();
        let gap = T::from_unit(0.77);
        [Strided::new(x.view(), self.x, gap), Strided::new(y.view(), self.y, gap)]
    }
}

fn arrangement() -> impl Strategy<Value = Arrangement> {
    let order = Just([0, 1, 2, 3]).prop_shuffle();
    let step = prop_oneof![4 => Just(1), 2 => Just(-1), 1 => 2isize..4, 1 => -3isize..-1];
    let strided = (order, prop::array::uniform4(step)).prop_map(|(order, steps)| Arrangement { order, steps });
    // As files and screens have it.
    let interleaved = Arrangement {
        order: [0, 2, 3, 1],
        ..Arrangement::PLANAR
    };
    prop_oneof![1 => Just(Arrangement::PLANAR), 1 => Just(interleaved), 3 => strided]
}

fn scene() -> impl Strategy<Value = Scene> {
    let constant = (0.0..=1.0, 0.0..=1.0).prop_map(|(x, y)| Scene::Constant(x, y));
    prop_oneof![
        4 => prop::sample::select(Scene::ALL.to_vec()),
        3 => Just(Scene::Noise),
        1 => constant,
        1 => (1usize..9).prop_map(Scene::Checkerboard),
    ]
}

/// Any image under any padding, with room for the window where it is valid.
fn case() -> impl Strategy<Value = Case> {
    let window = prop_oneof![3 => Just(11), 2 => (0usize..9).prop_map(|radius| 2 * radius + 1)];
    let sigma = prop_oneof![Just(1.5), 0.2..5.0];
    let extent = || prop_oneof![2 => 1usize..8, 3 => 8usize..50, 1 => 50usize..80];
    let size = (1usize..4, 1usize..4, extent(), extent());
    let padding = prop::sample::select(PADDINGS.to_vec());
    let layout = (arrangement(), arrangement(), arrangement());
    let case = (size, scene(), any::<u64>(), padding, window, sigma, layout);
    case.prop_map(
        |((n, c, h, w), scene, seed, padding, window, sigma, (x, y, gradient))| {
            let room = if padding == Padding::Valid { window - 1 } else { 0 };
            Case {
                shape: [n, c, h + room, w + room],
                scene,
                seed,
                padding,
                window,
                sigma,
                x,
                y,
                gradient,
            }
        },
    )
}

/// Runs a property for every element type.
macro_rules! for_all_types {
    ($property:ident, $case:expr) => {{
        let case = $case;
        $property::<u8>(&case)?;
        $property::<u16>(&case)?;
        $property::<f16>(&case)?;
        $property::<bf16>(&case)?;
        $property::<f32>(&case)?;
        $property::<f64>(&case)?;
    }};
}

fn config() -> ProptestConfig {
    let mut config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(0x5515);
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn everything_agrees_with_the_reference(case in case()) {
        for_all_types!(agrees_with_the_reference, case);
    }

    #[test]
    fn x_and_y_are_interchangeable(case in case()) {
        for_all_types!(is_symmetric, case);
    }

    #[test]
    fn an_image_is_identical_to_itself(case in case()) {
        for_all_types!(identity, case);
    }

    #[test]
    fn no_score_exceeds_one(case in case()) {
        for_all_types!(stays_in_range, case);
    }

    #[test]
    fn almost_identical_images_do_not_exceed_one(case in case()) {
        for_all_types!(almost_identical, case);
    }

    #[test]
    fn images_of_a_batch_do_not_influence_each_other(case in case()) {
        for_all_types!(is_independent, case);
    }

    #[test]
    fn the_arrangement_in_memory_does_not_matter(case in case()) {
        for_all_types!(ignores_strides, case);
    }

    #[test]
    fn channels_and_images_are_averaged(case in case()) {
        for_all_types!(averages_channels, case);
    }
}

type Verdict = Result<(), TestCaseError>;

/// How far a gradient may be off in the L2 norm. Where windows nearly cancel, at the top of a score or
/// in a lone pixel, the gradient is small compared with what it is the sum of, and only that bounds the
/// error: a pixel's share of the score over C2's square root.
fn gradient_tolerance<T: Element>(norm: f64, pixels: usize) -> f64 {
    let share = 1.0 / (0.03 * T::RANGE * (pixels as f64).sqrt());
    tolerance::gradient::<T>() * (norm + 0.01 * share)
}

fn agrees_with_the_reference<T: Element>(case: &Case) -> Verdict {
    let [x, y] = case.strided::<T>();
    let (x, y, metric) = (x.view(), y.view(), case.metric::<T>());
    let expected = case.reference::<T>().evaluate(numbers(x).view(), numbers(y).view());
    let (scores, gradient) = metric.ssim_with_gradient(x, y).expect("valid input");
    let (alone, dssim) = (
        metric.ssim(x, y).expect("valid input"),
        metric.dssim(x, y).expect("valid input"),
    );
    let allowed = tolerance::score::<T>(case.pixels());
    for image in 0..case.shape[0] {
        let (ssim, image_dssim) = (expected.ssim[image], expected.dssim[image]);
        prop_assert!((scores[image] - ssim).abs() <= allowed, "{} for {ssim}", scores[image]);
        prop_assert!((alone[image] - ssim).abs() <= allowed, "{} for {ssim}", alone[image]);
        prop_assert!(
            (dssim[image] - image_dssim).abs() <= allowed,
            "{} for {image_dssim}",
            dssim[image]
        );
        let (found, slopes) = (
            gradient.index_axis(Axis(0), image),
            expected.gradient.index_axis(Axis(0), image),
        );
        let norm = |slopes: ndarray::ArrayView3<'_, f64>| slopes.iter().map(|slope| slope * slope).sum::<f64>().sqrt();
        let error = norm((found.mapv(Into::into) - slopes).view());
        let allowed = gradient_tolerance::<T>(norm(slopes), case.shape[1] * case.pixels());
        prop_assert!(error <= allowed, "gradient off by {error:e} of {:e}", norm(slopes));
    }
    let map = metric.ssim_map(x, y).expect("valid input");
    let error = max_abs(&map, &expected.map);
    // Narrow windows have less to average over.
    prop_assert!(error <= 2.0 * tolerance::map::<T>(), "map off by {error:e}");
    Ok(())
}

/// Exactly, since both are treated alike.
fn is_symmetric<T: Element>(case: &Case) -> Verdict {
    let ([x, y], metric) = (case.batches::<T>(), case.metric::<T>());
    prop_assert_eq!(metric.ssim(&x, &y), metric.ssim(&y, &x));
    prop_assert_eq!(metric.dssim(&x, &y), metric.dssim(&y, &x));
    prop_assert_eq!(metric.ssim_map(&x, &y), metric.ssim_map(&y, &x));
    let (with_gradient, _) = metric.ssim_with_gradient(&x, &y).expect("valid input");
    let (exchanged, _) = metric.ssim_with_gradient(&y, &x).expect("valid input");
    prop_assert_eq!(with_gradient, exchanged);
    Ok(())
}

fn identity<T: Element>(case: &Case) -> Verdict {
    let metric = case.metric::<T>();
    // The same image twice, whatever its place in memory.
    for images in case.batches::<T>() {
        let x = Strided::new(images.view(), case.x, T::from_unit(0.0));
        let y = Strided::new(images.view(), case.y, T::from_unit(1.0));
        let (x, y) = (x.view(), y.view());
        let (scores, gradient) = metric.ssim_with_gradient(x, y).expect("valid input");
        prop_assert!(scores.iter().all(|&score| score == 1.0), "{scores:?}");
        prop_assert!(gradient.iter().all(|&slope| slope.into() == 0.0), "{gradient:?}");
        prop_assert!(
            metric
                .ssim(x, y)
                .expect("valid input")
                .iter()
                .all(|&score| score == 1.0)
        );
        prop_assert!(
            metric
                .dssim(x, y)
                .expect("valid input")
                .iter()
                .all(|&score| score == 0.0)
        );
        prop_assert!(
            metric
                .ssim_map(x, y)
                .expect("valid input")
                .iter()
                .all(|&ssim| ssim.into() == 1.0)
        );
    }
    Ok(())
}

/// Asserts that all scores and the map are from −1 to 1.
fn assert_in_range<T: Element>(metric: &Ssim, x: &Array4<T>, y: &Array4<T>) -> Verdict {
    let (with_gradient, _) = metric.ssim_with_gradient(x, y).expect("valid input");
    for score in metric.ssim(x, y).expect("valid input").into_iter().chain(with_gradient) {
        // Rounding can leave the range below, where images are each other's negative.
        prop_assert!((-1.000001..=1.0).contains(&score), "{score}");
    }
    for dssim in metric.dssim(x, y).expect("valid input") {
        prop_assert!((0.0..=2.000001).contains(&dssim), "{dssim}");
    }
    for ssim in metric.ssim_map(x, y).expect("valid input") {
        prop_assert!((-1.00001..=1.0).contains(&ssim.into()), "{ssim:?}");
    }
    Ok(())
}

fn stays_in_range<T: Element>(case: &Case) -> Verdict {
    let [x, y] = case.batches::<T>();
    assert_in_range(&case.metric::<T>(), &x, &y)
}

/// One pixel in ten differs, by as little as the type allows.
fn almost_identical<T: Element>(case: &Case) -> Verdict {
    let [x, _] = case.batches::<T>();
    let mut random = Random::new(case.seed);
    let step = if T::DOUBLE {
        f64::EPSILON
    } else {
        f64::from(f32::EPSILON).max(1.0 / T::RANGE)
    };
    let y = x.mapv(|pixel| {
        let unit = pixel.number() / T::RANGE;
        let change = if random.unit() < 0.1 { step } else { 0.0 };
        if unit > 0.5 {
            T::from_unit(unit - change)
        } else {
            T::from_unit(unit + change)
        }
    });
    assert_in_range(&case.metric::<T>(), &x, &y)
}

/// Bit by bit: every image scores alone as in its batch, and whatever its neighbours are.
fn is_independent<T: Element>(case: &Case) -> Verdict {
    let ([x, y], metric) = (case.batches::<T>(), case.metric::<T>());
    let (scores, gradient) = metric.ssim_with_gradient(&x, &y).expect("valid input");
    let (plain, map) = (
        metric.ssim(&x, &y).expect("valid"),
        metric.ssim_map(&x, &y).expect("valid"),
    );
    for image in 0..case.shape[0] {
        let only = s![image..image + 1, .., .., ..];
        let (x_alone, y_alone) = (x.slice(only), y.slice(only));
        let (score, slopes) = metric.ssim_with_gradient(x_alone, y_alone).expect("valid input");
        prop_assert_eq!(score[0].to_bits(), scores[image].to_bits());
        prop_assert_eq!(slopes, gradient.slice(only));
        let score = metric.ssim(x_alone, y_alone).expect("valid input");
        prop_assert_eq!(score[0].to_bits(), plain[image].to_bits());
        prop_assert_eq!(metric.ssim_map(x_alone, y_alone).expect("valid input"), map.slice(only));
        // Another image in its place changes no other score.
        let mut changed = x.clone();
        changed.slice_mut(only).fill(T::from_unit(0.123));
        let others = metric.ssim(&changed, &y).expect("valid input");
        for other in (0..case.shape[0]).filter(|&other| other != image) {
            prop_assert_eq!(others[other].to_bits(), plain[other].to_bits());
        }
    }
    Ok(())
}

/// Bit by bit, whatever the strides of inputs and outputs; and nothing is written between the pixels
/// of an output.
fn ignores_strides<T: Element>(case: &Case) -> Verdict {
    let ([x, y], metric) = (case.batches::<T>(), case.metric::<T>());
    let [x_strided, y_strided] = case.strided::<T>();
    let (scores, gradient) = metric.ssim_with_gradient(&x, &y).expect("valid input");
    let gap = T::Real::default();
    let mut output = Strided::new(gradient.view(), case.gradient, gap);
    output.view_mut().fill(gap);
    let mut found = vec![f64::NAN; scores.len()];
    metric
        .ssim_with_gradient_into(x_strided.view(), y_strided.view(), &mut found, output.view_mut())
        .expect("valid input");
    prop_assert_eq!(&found, &scores);
    let expected = Strided::new(gradient.view(), case.gradient, gap);
    prop_assert_eq!(output.memory(), expected.memory());

    let map = metric.ssim_map(&x, &y).expect("valid input");
    let mut output = Strided::new(map.view(), case.gradient, gap);
    output.view_mut().fill(gap);
    metric
        .ssim_map_into(x_strided.view(), y_strided.view(), output.view_mut())
        .expect("valid input");
    let expected = Strided::new(map.view(), case.gradient, gap);
    prop_assert_eq!(output.memory(), expected.memory());
    let scores = metric.ssim(&x, &y).expect("valid input");
    prop_assert_eq!(
        metric.ssim(x_strided.view(), y_strided.view()).expect("valid input"),
        scores
    );
    Ok(())
}

/// The score of an image is the mean of its map, over pixels and channels, and its gradient that of
/// each channel over their number.
fn averages_channels<T: Element>(case: &Case) -> Verdict {
    let ([x, y], metric) = (case.batches::<T>(), case.metric::<T>());
    let (scores, gradient) = metric.ssim_with_gradient(&x, &y).expect("valid input");
    let channels = case.shape[1];
    for (image, score) in scores.iter().enumerate() {
        let mut sum = 0.0;
        for channel in 0..channels {
            let at = s![image, channel, .., ..];
            let (score, slopes) = metric
                .ssim_with_gradient(x.slice(at), y.slice(at))
                .expect("valid input");
            sum += score;
            let mut worst: f64 = 0.0;
            // What copies of a pixel add to its gradient may cancel.
            let folds = !matches!(case.padding, Padding::Zero | Padding::Valid);
            let least = if folds {
                slopes
                    .iter()
                    .fold(0.0, |most: f64, &slope| most.max(slope.into().abs()))
            } else {
                0.0
            };
            Zip::from(&slopes).and(gradient.slice(at)).for_each(|&alone, &shared| {
                let (alone, shared): (f64, f64) = (alone.into(), shared.into());
                let digits = 4e-7 * alone.abs().max(least);
                worst = worst.max((alone / channels as f64 - shared).abs() - digits);
            });
            prop_assert!(worst <= f64::from(f32::MIN_POSITIVE), "{worst:e}");
        }
        prop_assert!((sum / channels as f64 - score).abs() < 1e-14, "{sum} {score}");
    }
    Ok(())
}
