//! Every mistake that a caller can make is reported with what was found and what is allowed; NaN and
//! infinity are no mistakes and stay in their image.

use fastssim::{Downsampling, DropAlpha, Error, Images, Layout, Padding, Ssim, composite};
use fastssim_tests::images::{Element, Scene};
use image::{DynamicImage, LumaA, Rgba, RgbaImage};
use ndarray::{Array2, Array3, Array4, ArrayView4, s};

/// Asserts the error of a call and that its message holds all of `words`.
macro_rules! assert_error {
    ($result:expr, $pattern:pat, [$($word:expr),*]) => {{
        let error = $result.map(|_| ()).expect_err("this must not be accepted");
        assert!(matches!(error, $pattern), "{error:?}");
        let message = error.to_string();
        $(assert!(message.contains($word), "{message:?} does not say {:?}", $word);)*
    }};
}

fn zeros(n: usize, c: usize, h: usize, w: usize) -> Array4<f32> {
    Array4::zeros((n, c, h, w))
}

#[test]
fn shapes_that_differ() {
    let x = zeros(2, 3, 20, 30);
    for (y, shape) in [
        (zeros(1, 3, 20, 30), "1x3x20x30"),
        (zeros(2, 1, 20, 30), "2x1x20x30"),
        (zeros(2, 3, 21, 30), "2x3x21x30"),
        (zeros(2, 3, 20, 29), "2x3x20x29"),
        (zeros(2, 3, 30, 20), "2x3x30x20"),
        (zeros(3, 2, 20, 30), "3x2x20x30"),
    ] {
        assert_error!(
            fastssim::ssim(&x, &y),
            Error::ShapeMismatch { .. },
            ["2x3x20x30", shape]
        );
        assert_error!(
            fastssim::dssim(&y, &x),
            Error::ShapeMismatch { .. },
            ["2x3x20x30", shape]
        );
        assert_error!(
            fastssim::ssim_with_gradient(&x, &y),
            Error::ShapeMismatch { .. },
            [shape]
        );
        assert_error!(fastssim::ssim_map(&x, &y), Error::ShapeMismatch { .. }, [shape]);
    }
    let pictures = [(30, 20), (20, 30)].map(|(w, h)| DynamicImage::new_rgb8(w, h));
    let [a, b] = &pictures;
    assert_error!(
        fastssim::ssim(a, b),
        Error::ShapeMismatch { .. },
        ["1x3x20x30", "1x3x30x20"]
    );
    let (gray, color) = (DynamicImage::new_luma8(9, 9), DynamicImage::new_rgb8(9, 9));
    assert_error!(
        fastssim::ssim(&gray, &color),
        Error::ShapeMismatch { .. },
        ["1x1x9x9", "1x3x9x9"]
    );
}

#[test]
fn types_that_differ() {
    let (single, double) = (Array2::<f32>::zeros((9, 9)), Array2::<f64>::zeros((9, 9)));
    let (bytes, words) = (Array2::<u8>::zeros((9, 9)), Array2::<u16>::zeros((9, 9)));
    // Of one range: white is 1 in both.
    assert_eq!(fastssim::ssim(&single, &double), Ok(1.0));
    assert_error!(
        fastssim::ssim(&bytes, &single),
        Error::TypeMismatch { .. },
        ["x is u8", "y is f32"]
    );
    assert_error!(
        fastssim::ssim(&bytes, &words),
        Error::TypeMismatch { .. },
        ["x is u8", "y is u16"]
    );
    assert_error!(
        fastssim::ssim_map(&words, &bytes),
        Error::TypeMismatch { .. },
        ["x is u16", "y is u8"]
    );
    let (eight, sixteen) = (DynamicImage::new_rgb8(9, 9), DynamicImage::new_rgb16(9, 9));
    assert_error!(
        fastssim::ssim(&eight, &sixteen),
        Error::TypeMismatch { .. },
        ["u8", "u16"]
    );
}

#[test]
fn empty_images() {
    for shape in [(0, 3, 20, 30), (2, 0, 20, 30), (2, 3, 0, 30), (2, 3, 20, 0)] {
        let x = Array4::<u8>::zeros(shape);
        let (n, c, h, w) = shape;
        let printed = format!("{n}x{c}x{h}x{w}");
        assert_error!(fastssim::ssim(&x, &x), Error::Empty { .. }, [&printed]);
        assert_error!(fastssim::ssim_with_gradient(&x, &x), Error::Empty { .. }, [&printed]);
        assert_error!(fastssim::ssim_map(&x, &x), Error::Empty { .. }, [&printed]);
        let from_slice = Images::<u8>::from_slice(&[], [n, c, h, w], Layout::Planar);
        assert_error!(from_slice, Error::Empty { .. }, [&printed]);
    }
    let picture = DynamicImage::new_luma8(0, 5);
    assert_error!(fastssim::ssim(&picture, &picture), Error::Empty { .. }, ["1x1x5x0"]);
    let (some, none) = (Array4::<u8>::zeros((1, 1, 5, 5)), Array4::<u8>::zeros((1, 1, 5, 0)));
    assert_error!(
        fastssim::ssim(&some, &none),
        Error::Empty { name: "y", .. },
        ["y is empty"]
    );
}

#[test]
fn smaller_than_the_window() {
    for window in [3, 11, 33] {
        let metric = Ssim::builder()
            .padding(Padding::Valid)
            .window(window)
            .build()
            .expect("valid");
        let (fits, below) = (window, window - 1);
        for (h, w) in [(below, fits), (fits, below), (below, below), (1, 1000)] {
            let x = Array2::<f64>::zeros((h, w));
            let (image, size) = (format!("{w}x{h}"), format!("{window}x{window}"));
            assert_error!(metric.ssim(&x, &x), Error::SmallerThanWindow { .. }, [&image, &size]);
            assert_error!(
                metric.ssim_map(&x, &x),
                Error::SmallerThanWindow { .. },
                [&image, &size]
            );
            assert_error!(
                metric.ssim_gradient(&x, &x),
                Error::SmallerThanWindow { .. },
                [&image, &size]
            );
            // Zero padding takes any size.
            let zero = Ssim::builder().window(window).build().expect("valid");
            assert_eq!(zero.ssim(&x, &x), Ok(1.0));
        }
        let x = Array2::<f64>::zeros((fits, fits));
        assert_eq!(metric.ssim_map(&x, &x).map(|map| map.dim()), Ok((1, 1)));
    }
    let metric = Ssim::builder().padding(Padding::Valid).window(201);
    let metric = metric.downsampling(Downsampling::Automatic).build().expect("valid");
    let x = Array2::<u8>::zeros((500, 400));
    assert_error!(
        metric.ssim(&x, &x),
        Error::SmallerThanWindow { factor: 2, .. },
        ["400x500 pixels (200x250 once downsampled)", "201x201"]
    );
}

#[test]
fn windows_without_a_centre() {
    for window in [0, 2, 10, 12, 256, 257, 1001, usize::MAX] {
        let size = window.to_string();
        assert_error!(
            Ssim::builder().window(window).build(),
            Error::WindowSize { .. },
            [&size, "odd", "255"]
        );
    }
    for window in [1, 255] {
        assert_eq!(
            Ssim::builder().window(window).build().map(|metric| metric.window()),
            Ok(window)
        );
    }
}

#[test]
fn parameters_that_are_not_positive_and_finite() {
    for value in [
        0.0,
        -0.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -f64::MIN_POSITIVE,
    ] {
        let printed = format!("is {value}");
        let build = Ssim::builder;
        assert_error!(
            build().sigma(value).build(),
            Error::Parameter { name: "sigma", .. },
            ["sigma", &printed, "positive"]
        );
        assert_error!(
            build().k1(value).build(),
            Error::Parameter { name: "k1", .. },
            ["k1", &printed, "positive"]
        );
        assert_error!(
            build().k2(value).build(),
            Error::Parameter { name: "k2", .. },
            ["k2", &printed, "positive"]
        );
        let range = build().data_range(value).build();
        assert_error!(
            range,
            Error::Parameter { name: "data_range", .. },
            ["data_range", &printed, "positive"]
        );
    }
}

#[test]
fn outputs_of_the_wrong_shape() {
    let (x, metric) = (zeros(2, 3, 20, 30), Ssim::default());
    for length in [0, 1, 3, 6] {
        let mut scores = vec![f64::NAN; length];
        let found = format!("[{length}]");
        let result = metric.ssim_into(&x, &x, &mut scores);
        assert_error!(
            result,
            Error::OutputShape { name: "scores", .. },
            ["scores", "[2]", &found]
        );
        assert_error!(
            metric.dssim_into(&x, &x, &mut scores),
            Error::OutputShape { .. },
            ["[2]", &found]
        );
        let result = metric.ssim_with_gradient_into(&x, &x, &mut scores, zeros(2, 3, 20, 30).view_mut());
        assert_error!(result, Error::OutputShape { name: "scores", .. }, ["[2]", &found]);
        // Nothing is written where there is a mistake.
        assert!(scores.iter().all(|score| score.is_nan()));
    }
    for shape in [
        (1, 3, 20, 30),
        (2, 1, 20, 30),
        (2, 3, 19, 30),
        (2, 3, 20, 31),
        (2, 3, 30, 20),
        (2, 3, 10, 20),
    ] {
        let mut output = Array4::from_elem(shape, f32::NAN);
        let (n, c, h, w) = shape;
        let (found, expected) = (format!("[{n}, {c}, {h}, {w}]"), "[2, 3, 20, 30]");
        let result = metric.ssim_gradient_into(&x, &x, output.view_mut());
        assert_error!(
            result,
            Error::OutputShape { name: "gradient", .. },
            ["gradient", expected, &found]
        );
        let result = metric.dssim_with_gradient_into(&x, &x, &mut [0.0; 2], output.view_mut());
        assert_error!(result, Error::OutputShape { name: "gradient", .. }, [expected, &found]);
        let result = metric.ssim_map_into(&x, &x, output.view_mut());
        assert_error!(
            result,
            Error::OutputShape { name: "map", .. },
            ["map", expected, &found]
        );
        assert!(output.iter().all(|value| value.is_nan()));
    }
    // Under valid padding the map is smaller, the gradient is not.
    let valid = Ssim::builder().padding(Padding::Valid).build().expect("valid");
    let result = valid.ssim_map_into(&x, &x, zeros(2, 3, 20, 30).view_mut());
    assert_error!(
        result,
        Error::OutputShape { name: "map", .. },
        ["[2, 3, 10, 20]", "[2, 3, 20, 30]"]
    );
    assert_eq!(valid.ssim_map_into(&x, &x, zeros(2, 3, 10, 20).view_mut()), Ok(()));
    // A shape is printed with the extents that the caller gave it.
    let plane = Array2::<u8>::zeros((20, 30));
    assert_error!(
        valid.ssim_gradient_into(&plane, &plane, Array2::zeros((30, 20)).view_mut()),
        Error::OutputShape { name: "gradient", .. },
        ["has shape [30, 20]: it must be [20, 30]"]
    );
    assert_eq!(valid.ssim_gradient_into(&x, &x, zeros(2, 3, 20, 30).view_mut()), Ok(()));
}

#[test]
fn slices_of_the_wrong_length() {
    let data = vec![0u8; 1000];
    let shape = [2, 3, 10, 10];
    for layout in [Layout::Planar, Layout::Interleaved] {
        for found in [0, 1, 599, 601, 1000] {
            let printed = found.to_string();
            let result = Images::from_slice(&data[..found], shape, layout);
            assert_error!(
                result,
                Error::SliceLength { .. },
                ["2x3x10x10", "exactly 600", &printed]
            );
        }
        assert!(Images::from_slice(&data[..600], shape, layout).is_ok());
    }
    // Rows of 12 pixels of which 10 count: the last row may end early.
    let strides = Layout::Strided([360, 120, 12, 1]);
    let needed = 360 + 2 * 120 + 9 * 12 + 9 + 1;
    for found in [0, 600, needed - 1] {
        let printed = found.to_string();
        let result = Images::from_slice(&data[..found], shape, strides);
        assert_error!(result, Error::SliceLength { .. }, ["at least 718", &printed]);
    }
    for found in [needed, 1000] {
        assert!(Images::from_slice(&data[..found], shape, strides).is_ok());
    }
}

#[test]
fn sizes_whose_product_overflows() {
    let huge = usize::MAX / 2 + 1;
    for shape in [
        [huge, 2, 1, 1],
        [1, 1, huge, 2],
        [1 << 20, 1 << 20, 1 << 20, 1 << 20],
        [1, 1, usize::MAX, usize::MAX],
    ] {
        for layout in [
            Layout::Planar,
            Layout::Interleaved,
            Layout::Strided([0; 4]),
            Layout::Strided([1; 4]),
        ] {
            assert_error!(
                Images::from_slice(&[0f32; 16], shape, layout),
                Error::Overflow { .. },
                ["too large"]
            );
        }
    }
    // The strides overflow where the shape does not.
    for strides in [[usize::MAX, 0, 0, 0], [huge, huge, 0, 1], [0, 0, huge, 2]] {
        let result = Images::from_slice(&[0u8; 16], [3, 2, 3, 2], Layout::Strided(strides));
        assert_error!(result, Error::Overflow { .. }, ["3x2x3x2"]);
    }
    // As many elements as memory could hold as bytes, but not as a gradient.
    let pixel = ArrayView4::from_shape((1, 1, 1, 1), &[0u8]).expect("one element");
    let x = pixel
        .broadcast((1 << 20, 1 << 20, 1 << 20, 4))
        .expect("no more than isize::MAX elements");
    assert_error!(
        fastssim::ssim(x, x),
        Error::Overflow { .. },
        ["1048576x1048576x1048576x4"]
    );
    assert_error!(fastssim::ssim_gradient(x, x), Error::Overflow { .. }, ["too large"]);
}

#[test]
fn alpha_channels() {
    let hints = ["DropAlpha", "composite", "alpha"];
    let pictures = [
        DynamicImage::new_luma_a8(9, 9),
        DynamicImage::new_rgba8(9, 9),
        DynamicImage::new_luma_a16(9, 9),
        DynamicImage::new_rgba16(9, 9),
        DynamicImage::new_rgba32f(9, 9),
    ];
    for picture in &pictures {
        assert_error!(
            fastssim::ssim(picture, picture),
            Error::Alpha { .. },
            [hints[0], hints[1], hints[2]]
        );
        assert_error!(
            fastssim::ssim_map(picture, picture),
            Error::Alpha { .. },
            [hints[0], hints[1]]
        );
        assert_eq!(fastssim::ssim(DropAlpha(picture), DropAlpha(picture)), Ok(1.0));
    }
    // An error even where the other image has none.
    let (with, without) = (
        RgbaImage::from_pixel(9, 9, Rgba([1, 2, 3, 255])),
        DynamicImage::new_rgb8(9, 9),
    );
    assert_error!(
        fastssim::ssim(&with, &without),
        Error::Alpha { name: "x", .. },
        ["x has", hints[0], hints[1]]
    );
    assert_error!(
        fastssim::ssim(&without, &with),
        Error::Alpha { name: "y", .. },
        ["y has", hints[0], hints[1]]
    );
    let gray = image::ImageBuffer::from_pixel(9, 9, LumaA([1u16, 2]));
    assert_error!(fastssim::ssim(&gray, &gray), Error::Alpha { .. }, [hints[0], hints[1]]);
}

#[test]
fn backgrounds_out_of_range() {
    let picture = DynamicImage::new_rgba8(2, 2);
    for bad in [-0.01, 1.01, 255.0, f32::NAN, f32::INFINITY] {
        for color in [[bad, 0.5, 0.5], [0.5, bad, 0.5], [0.5, 0.5, bad]] {
            assert_error!(composite(&picture, color), Error::Background { .. }, ["from 0 to 1"]);
        }
    }
}

/// A NaN makes its own image's score NaN, not an error, and leaves all bits of the others.
#[test]
fn what_is_not_finite_stays_in_its_image() {
    fn check<T: Element>(values: &[T]) {
        let shape = [3, 2, 40, 600];
        let [x, y] = Scene::Distorted.batches::<T>(shape, 8);
        for padding in [Padding::Zero, Padding::Valid] {
            let metric = Ssim::builder().padding(padding).build().expect("valid");
            let clean = metric.ssim(&x, &y).expect("valid input");
            let (clean_scores, clean_gradient) = metric.ssim_with_gradient(&x, &y).expect("valid input");
            for &value in values {
                for at in [[0, 0], [39, 599], [0, 599], [20, 300], [3, 511], [39, 0], [15, 512]] {
                    for (in_x, in_y) in [(true, false), (false, true), (true, true)] {
                        let (mut x, mut y) = (x.clone(), y.clone());
                        for (images, change) in [(&mut x, in_x), (&mut y, in_y)] {
                            if change {
                                images[[1, 1, at[0], at[1]]] = value;
                            }
                        }
                        let what = format!("{value:?} at {at:?}, {padding}");
                        let (scores, gradient) = metric.ssim_with_gradient(&x, &y).expect("no error");
                        let alone = metric.ssim(&x, &y).expect("no error");
                        let dssim = metric.dssim(&x, &y).expect("no error");
                        assert!(scores[1].is_nan() && alone[1].is_nan() && dssim[1].is_nan(), "{what}");
                        for image in [0, 2] {
                            assert_eq!(alone[image].to_bits(), clean[image].to_bits(), "{what}");
                            assert_eq!(scores[image].to_bits(), clean_scores[image].to_bits(), "{what}");
                            let slopes = s![image, .., .., ..];
                            assert_eq!(gradient.slice(slopes), clean_gradient.slice(slopes), "{what}");
                        }
                    }
                }
            }
        }
    }
    check(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
    check(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
}

/// Not 1, as identical images have: whatever holds a NaN is not even identical to itself.
#[test]
fn an_image_with_nan_is_not_identical_to_itself() {
    for value in [f32::NAN, f32::INFINITY] {
        let mut x = Array3::from_elem((3, 20, 20), 0.5f32);
        x[[2, 7, 7]] = value;
        let (score, _) = fastssim::ssim_with_gradient(&x, &x).expect("no error");
        assert!(score.is_nan());
        assert!(fastssim::ssim(&x, &x).expect("no error").is_nan());
        assert!(fastssim::dssim(&x, &x).expect("no error").is_nan());
    }
}

/// The map is NaN in the windows that hold the pixel, and nowhere else.
#[test]
fn the_map_of_a_nan_is_nan_around_it() {
    let [mut x, y] = Scene::Distorted.planes(60, 50, 2);
    let clean = fastssim::ssim_map(&x, &y).expect("valid input");
    x[[30, 20]] = f64::NAN;
    let map = fastssim::ssim_map(&x, &y).expect("no error");
    for ((i, j), ssim) in map.indexed_iter() {
        if i.abs_diff(30) <= 5 && j.abs_diff(20) <= 5 {
            assert!(ssim.is_nan(), "[{i}, {j}]: {ssim}");
        } else {
            assert!((ssim - clean[[i, j]]).abs() < 1e-12, "[{i}, {j}]: {ssim}");
        }
    }
}
