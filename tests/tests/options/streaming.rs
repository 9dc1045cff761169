//! References that are compared with many, against the plain calls; and running sums of scores.

use fastssim::{Backend, Downsampling, DropAlpha, Error, Outputs, Padding, Preset, Reference, ScoreSum, Ssim};
use fastssim_tests::images::{Element, Random, Scene, picture};
use half::{bf16, f16};
use image::DynamicImage;
use ndarray::{Array2, Array3, Array4, Axis, s};

fn metrics() -> Vec<Ssim> {
    [
        Ssim::builder(),
        Ssim::builder()
            .padding(Padding::Reflect)
            .window(7)
            .exponents([1.0, 2.0, 1.0]),
        Ssim::builder()
            .padding(Padding::Valid)
            .downsampling(Downsampling::Automatic),
        Ssim::preset(Preset::ScikitImage),
    ]
    .map(|builder| {
        let builder = builder.backend(Backend::Cpu).data_range(1.0);
        builder.build().expect("valid")
    })
    .into()
}

/// Everything that is computed of a pair.
type All<R> = (Vec<f64>, Array4<R>, [Array4<R>; 2]);

/// By a reference, which is used twice, and by plain calls.
fn compare<T: Element, U: Element>(metric: &Ssim, x: &Array4<T>, y: &Array4<U>)
where
    T::Real: PartialEq + std::fmt::Debug,
{
    let reference = Reference::new(y).expect("it has pixels");
    let shape = metric.ssim_map(x, y).expect("valid input").dim();
    let all = |by_reference: bool| -> All<T::Real> {
        let mut scores = vec![0.0; x.dim().0];
        let zeros = |dim| Array4::from_elem(dim, T::Real::default());
        let (mut map, mut by_x, mut by_y) = (zeros(shape), zeros(x.dim()), zeros(x.dim()));
        let outputs = Outputs::new()
            .images(&mut scores)
            .map(map.view_mut())
            .gradient(by_x.view_mut())
            .gradient_of_y(by_y.view_mut());
        if by_reference {
            metric.dssim_of(x, &reference).compute(outputs).expect("valid input");
        } else {
            metric.dssim_of(x, y).compute(outputs).expect("valid input");
        }
        (scores, map, [by_x, by_y])
    };
    let expected = all(false);
    assert!(expected.0[0] > 0.0);
    for _ in 0..2 {
        assert_eq!(all(true), expected);
    }
    assert_eq!(metric.ssim(x, &reference), metric.ssim(x, y));
    assert_eq!(
        metric.ssim_with_gradient(x, &reference),
        metric.ssim_with_gradient(x, y)
    );
    // As the first input it is a batch like any other.
    assert_eq!(metric.ssim(&reference, x), metric.ssim(y, x));
}

#[test]
fn references_say_what_their_images_say() {
    for metric in metrics() {
        for shape in [[2, 3, 30, 41], [1, 2, 390, 401]] {
            let [x, y] = Scene::Distorted.batches::<f32>(shape, 1);
            compare(&metric, &x, &y);
            compare(&metric, &x.mapv(|v| v as f64), &y.mapv(f16::from_f32));
            compare(&metric, &x.mapv(bf16::from_f32), &y.mapv(|v| (v * 255.0) as u8));
            // Channels side by side, and a crop.
            let interleaved = y.view().permuted_axes([0, 2, 3, 1]).as_standard_layout().into_owned();
            let interleaved = interleaved.view().permuted_axes([0, 3, 1, 2]);
            let reference = Reference::new(interleaved).expect("it has pixels");
            assert_eq!(reference.shape(), shape);
            assert_eq!(metric.ssim(&x, &reference), metric.ssim(&x, &y));
            let crop = s![.., .., 3..29, 2..40];
            let reference = Reference::new(y.slice(crop)).expect("it has pixels");
            assert_eq!(
                metric.ssim(x.slice(crop), &reference),
                metric.ssim(x.slice(crop), y.slice(crop))
            );
        }
    }
}

#[test]
fn one_reference_stands_beside_every_image_of_a_batch() {
    for metric in metrics() {
        for (h, w) in [(30, 41), (400, 390)] {
            let [x, y] = Scene::Distorted.batches::<f32>([3, 2, h, w], 2);
            let one = y.index_axis(Axis(0), 1);
            let reference = Reference::new(one).expect("it has pixels");
            let repeated = ndarray::stack(Axis(0), &[one; 3]).expect("one shape");
            let found = metric.ssim_of(&x, &reference).images_with_gradients();
            assert_eq!(found, metric.ssim_of(&x, &repeated).images_with_gradients());
            // One image as well, of as many dimensions as it has.
            let image = x.index_axis(Axis(0), 2);
            let found: Result<f64, Error> = metric.ssim(image, &reference);
            assert_eq!(found, metric.ssim(image, one));
        }
    }
}

/// Pictures are converted once; an alpha channel is an error of the reference.
#[test]
fn references_are_made_of_whatever_can_be_compared() {
    let [x, y] = ["coffee.png", "coffee-q10.png"].map(picture);
    let metric = &metrics()[0];
    let reference = Reference::new(&y).expect("it has pixels");
    assert_eq!(reference.shape(), [1, 3, 240, 320]);
    assert_eq!(metric.ssim(&x, &reference), metric.ssim(&x, &y));
    let translucent = DynamicImage::from(y.to_rgba8());
    let error = Reference::new(&translucent).expect_err("it has alpha");
    assert!(
        matches!(
            error,
            Error::Alpha {
                name: "the reference",
                ..
            }
        ),
        "{error}"
    );
    let opaque = Reference::new(DropAlpha(&translucent)).expect("no alpha");
    assert_eq!(metric.ssim(&x, &opaque), metric.ssim(&x, &y));
    // Rows from below, every second column.
    let pair = Scene::Distorted.batches::<u16>([2, 2, 40, 60], 5);
    let [x, y] = pair.each_ref().map(|images| images.slice(s![.., .., ..;-1, ..;2]));
    let reference = Reference::new(y).expect("it has pixels");
    let found = metric.ssim_of(x, &reference).images_with_gradients();
    assert_eq!(found, metric.ssim_of(x, y).images_with_gradients());
}

/// Its element type is known at run time alone: what is computed beside it comes in double precision.
#[test]
fn references_as_the_first_input_have_results_in_f64() {
    let [x, y] = Scene::Distorted.batches::<f32>([2, 2, 260, 257], 6);
    let metric = Ssim::builder().backend(Backend::Cpu).build().expect("valid");
    let reference = Reference::new(&x).expect("it has pixels");
    let (scores, gradient) = metric.ssim_with_gradient(&reference, &y).expect("valid input");
    let rounded = (scores, gradient.mapv(|slope| slope as f32));
    assert_eq!(Ok(rounded), metric.ssim_with_gradient(&x, &y));
    let both = Reference::new(&y).expect("it has pixels");
    assert_eq!(metric.ssim(&reference, &both), metric.ssim(&x, &y));
}

#[test]
fn references_that_cannot_be() {
    let metric = Ssim::builder().backend(Backend::Cpu).build().expect("valid");
    let said = Reference::new(&Array2::<u8>::zeros((0, 4)))
        .expect_err("no pixel")
        .to_string();
    assert!(said.starts_with("the reference is empty"), "{said}");
    let reference = Reference::new(&Array4::<u8>::zeros((2, 3, 20, 30))).expect("it has pixels");
    let x = Array4::<u8>::zeros((4, 3, 20, 30));
    let error = metric.ssim(&x, &reference).expect_err("two for four");
    assert_eq!(
        error,
        Error::ShapeMismatch {
            x: [4, 3, 20, 30],
            y: [2, 3, 20, 30]
        }
    );
    let one = Reference::new(&Array3::<u8>::zeros((3, 20, 31))).expect("it has pixels");
    assert!(matches!(metric.ssim(&x, &one), Err(Error::ShapeMismatch { .. })));
    // One image for many, but not the other way round.
    let one = Reference::new(&Array3::<u8>::zeros((3, 20, 30))).expect("it has pixels");
    assert_eq!(metric.ssim(&x, &one), Ok(vec![1.0; 4]));
    assert!(matches!(metric.ssim(&one, &x), Err(Error::ShapeMismatch { .. })));
    let floats = Array4::<f32>::zeros((1, 3, 20, 30));
    assert!(matches!(metric.ssim(&floats, &one), Err(Error::TypeMismatch { .. })));
}

#[test]
fn references_are_used_by_many_threads() {
    let [x, y] = Scene::Distorted.batches::<f32>([1, 3, 400, 420], 3);
    let metric = &metrics()[2];
    let reference = Reference::new(&y).expect("it has pixels");
    let expected = metric.ssim(&x, &y);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(metric.ssim(&x, &reference), expected));
        }
    });
}

#[test]
fn scores_add_up() {
    let mut random = Random::new(1);
    let scores: Vec<f64> = (0..1000).map(|_| random.unit()).collect();
    let all: ScoreSum = scores.iter().copied().collect();
    assert_eq!(all.count(), 1000);
    assert!((all.sum() - scores.iter().sum::<f64>()).abs() < 1e-11);
    assert_eq!(all.mean(), Some(all.sum() / 1000.0));
    // In parts.
    let (mut parts, mut rest) = (ScoreSum::new(), ScoreSum::new());
    parts.extend(&scores[..300]);
    rest.extend(&scores[300..]);
    parts.merge(&rest);
    parts.merge(&ScoreSum::new());
    assert_eq!(parts.count(), 1000);
    assert!((parts.sum() - all.sum()).abs() < 1e-12);
    assert_eq!((ScoreSum::new().sum(), ScoreSum::new().mean()), (0.0, None));
    // Of batches of several sizes, and of their channels.
    let (mut images, mut channels) = (ScoreSum::new(), ScoreSum::new());
    for batch in 1..4 {
        let [x, y] = Scene::Distorted.batches::<u8>([batch, 3, 30, 40], 7);
        images.extend(fastssim::ssim(&x, &y).expect("valid input"));
        channels.extend(Ssim::default().ssim_of(&x, &y).channels().expect("valid input"));
    }
    assert_eq!((images.count(), channels.count()), (6, 18));
    assert!((images.sum() - channels.sum() / 3.0).abs() < 1e-12);
}

#[test]
fn the_millionth_score_counts_as_the_first() {
    // A tenth has no end in binary: plain additions are off by 1.3e-6 in ten million of them.
    let mut sum = ScoreSum::new();
    (0..1_000_000).for_each(|_| sum.add(0.1));
    assert!((sum.sum() - 1e5).abs() < 2e-11, "{:e}", sum.sum() - 1e5);
    let plain: f64 = (0..1_000_000).map(|_| 0.1).sum();
    assert!((plain - 1e5).abs() > 1e-7);
    sum.add(f64::NAN);
    assert!(sum.sum().is_nan() && sum.mean().is_some_and(f64::is_nan));
}
