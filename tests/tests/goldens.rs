//! Numbers that others have computed: the library and the reference must agree with all of them.

use fastssim::{Padding, Pixel, Ssim};
use fastssim_tests::images::{Element, bytes, numbers, picture};
use fastssim_tests::reference::Reference;
use fastssim_tests::tolerance;
use ndarray::{Array2, Array4, Axis, concatenate, s, stack};

const PADDINGS: [Padding; 2] = [Padding::Zero, Padding::Valid];

fn metric(padding: Padding) -> Ssim {
    Ssim::builder()
        .padding(padding)
        .build()
        .expect("the defaults are valid")
}

/// Asserts the score of one image pair, by the library and by the reference.
fn assert_score<T: Element>(x: &Array4<T>, y: &Array4<T>, padding: Padding, golden: f64) {
    let found = metric(padding).ssim(x, y).expect("valid input");
    let tolerance = tolerance::default_score::<T>(x.len_of(Axis(2)) * x.len_of(Axis(3)));
    let error = (found[0] - golden).abs();
    assert!(error <= tolerance, "{padding} {}: {} for {golden}", T::RANGE, found[0]);
    if T::DOUBLE {
        let reference = Reference::new(padding, 1.0).evaluate(numbers(x.view()).view(), numbers(y.view()).view());
        assert!(
            (reference.ssim[0] - golden).abs() < 1e-13,
            "{} for {golden}",
            reference.ssim[0]
        );
    }
}

/// Asserts the scores of images whose pixels are from 0 to 1, in `f64` and in `f32`.
fn assert_float_scores(pair: [&Array4<f64>; 2], golden: [f64; 2]) {
    for (padding, golden) in PADDINGS.into_iter().zip(golden) {
        let [x, y] = pair;
        assert_score(x, y, padding, golden);
        assert_score(&x.mapv(|v| v as f32), &y.mapv(|v| v as f32), padding, golden);
    }
}

/// Asserts the scores of bytes, as they are and as floats from 0 to 1.
fn assert_byte_scores(pair: [&Array4<u8>; 2], golden: [f64; 2]) {
    for (padding, golden) in PADDINGS.into_iter().zip(golden) {
        assert_score(pair[0], pair[1], padding, golden);
    }
    assert_float_scores([&unit(pair[0]), &unit(pair[1])], golden);
}

/// From 0 to 1.
fn unit(bytes: &Array4<u8>) -> Array4<f64> {
    bytes.mapv(|v| f64::from(v) / 255.0)
}

fn batch(name: &str) -> Array4<u8> {
    bytes(&picture(name)).insert_axis(Axis(0))
}

fn single<T: Pixel>(plane: Array2<T>) -> Array4<T> {
    plane.insert_axis(Axis(0)).insert_axis(Axis(0))
}

fn ramps() -> [Array4<f64>; 2] {
    [
        Array2::from_shape_fn((200, 300), |(i, _)| i as f64 / 199.0),
        Array2::from_shape_fn((200, 300), |(_, j)| j as f64 / 299.0),
    ]
    .map(single)
}

/// 40 × 56 RGBA bytes (i a + b) mod 251, without their alpha.
fn pattern(a: usize, b: usize) -> Array4<u8> {
    Array4::from_shape_fn((1, 3, 40, 56), |(_, c, i, j)| {
        ((((i * 56 + j) * 4 + c) * a + b) % 251) as u8
    })
}

#[test]
fn camera_and_noise() {
    let (camera, noisy) = (batch("camera.png"), batch("camera-noisy.png"));
    assert_byte_scores([&camera, &noisy], [0.3717030174440715, 0.3579642362365814]);
}

#[test]
fn ramps_across() {
    let [x, y] = ramps();
    assert_float_scores([&x, &y], [0.6303484394657916, 0.6577036250412406]);
}

#[test]
fn black_and_white() {
    let (black, white) = (Array4::zeros((1, 1, 200, 300)), Array4::ones((1, 1, 200, 300)));
    let c1 = 1e-4;
    assert_float_scores([&black, &white], [9.280007985029443e-05, c1 / (1.0 + c1)]);
}

#[test]
fn mirrored_rows() {
    let row = single(Array2::from_shape_fn((16, 16), |(_, j)| 16 * j as u8));
    let mirrored = row.slice(s![.., .., .., ..;-1]).to_owned();
    assert_byte_scores([&row, &mirrored], [-0.1602466777743, -0.8170395324781]);
}

#[test]
fn rgb_pattern() {
    let (x, y) = (pattern(7, 19), pattern(13, 7));
    assert_byte_scores([&x, &y], [0.0798227902600312, 0.0008750928723344]);
}

#[test]
fn slanted_planes() {
    let plane = |bias: f64| {
        Array4::from_shape_fn((1, 3, 32, 40), |(_, c, i, j)| {
            bias + 0.01 * c as f64 + 0.001 * (i + j) as f64
        })
    };
    assert_float_scores([&plane(0.3), &plane(0.6)], [0.773630815303695, 0.831517843645200]);
}

#[test]
fn almost_equal_images_do_not_exceed_one() {
    fn check<T: Element>(x: T, y: T) {
        assert_ne!(x, y);
        let shape = (1, 3, 11, 11);
        for padding in PADDINGS {
            let score = metric(padding).ssim(&Array4::from_elem(shape, x), &Array4::from_elem(shape, y));
            let score = score.expect("valid input")[0];
            assert!((1.0 - 1e-7..=1.0).contains(&score), "{score}");
        }
    }
    check(0.6f64, 0.6 + 1e-7);
    check(0.6f32, 0.6 + 1e-7);
}

#[test]
fn an_image_against_itself_is_one() {
    let camera = batch("camera.png");
    for padding in PADDINGS {
        let (scores, gradient) = metric(padding)
            .ssim_with_gradient(&camera, &camera)
            .expect("valid input");
        assert_eq!(scores, [1.0]);
        assert!(gradient.iter().all(|&slope| slope == 0.0));
    }
}

#[test]
fn one_pixel() {
    let golden = [
        ((0.0, 0.1), (0.385033281588531, 9.48213694400445)),
        // Printed elsewhere as 3.30473441410357, which is a slip: 40 digits of precision give this.
        ((0.2, 0.5), (0.499339933239211, 3.30473441430357)),
        (
            (std::f64::consts::FRAC_1_PI, (-1.0f64).exp()),
            (0.980704162372086, 0.822983809214681),
        ),
        ((1.0, 0.0), (2.64374316206615e-04, -1.04000508975158e-03)),
        ((1.0, 1.0), (1.0, 0.0)),
    ];
    for ((x, y), (ssim, slope)) in golden {
        let [x, y] = [x, y].map(|value| Array2::from_elem((1, 1), value));
        let (score, gradient) = fastssim::ssim_with_gradient(&x, &y).expect("valid input");
        // The golden numbers have 15 digits, of which (1, 0) needs more than one for its difference.
        assert!((score - ssim).abs() < 2e-15, "{score} for {ssim}");
        assert!(
            (gradient[[0, 0]] - slope).abs() <= 1e-13 * slope.abs(),
            "{gradient} for {slope}"
        );
        let (score, gradient) =
            fastssim::ssim_with_gradient(&x.mapv(|v| v as f32), &y.mapv(|v| v as f32)).expect("valid input");
        assert!((score - ssim).abs() < 2e-7, "{score} for {ssim}");
        let error = (f64::from(gradient[[0, 0]]) - slope).abs();
        assert!(error <= 1e-5 * slope.abs(), "{gradient} for {slope}");
    }
}

/// What is known of a gradient: figures over all pixels, and single ones with half a unit of their
/// last digit.
struct Golden {
    padding: Padding,
    sum: f64,
    l2: Option<f64>,
    max: f64,
    pixels: &'static [([usize; 3], f64, f64)],
}

impl Golden {
    /// Checks the library in both precisions, and the reference.
    fn check(&self, x: &Array4<f64>, y: &Array4<f64>) {
        let double = metric(self.padding).ssim_gradient(x, y).expect("valid input");
        let reference = Reference::new(self.padding, 1.0).evaluate(x.view(), y.view()).gradient;
        for gradient in [double, reference.clone()] {
            self.check_figures(&gradient);
        }
        let (x, y) = (x.mapv(|v| v as f32), y.mapv(|v| v as f32));
        let single = metric(self.padding).ssim_gradient(&x, &y).expect("valid input");
        // Rounding the pixels is no error of the library's.
        let (x, y) = (x.mapv(f64::from), y.mapv(f64::from));
        let reference = Reference::new(self.padding, 1.0).evaluate(x.view(), y.view()).gradient;
        let error = tolerance::relative_l2(&single, &reference);
        assert!(error <= tolerance::gradient::<f32>(), "{error:e}");
    }

    fn check_figures(&self, gradient: &Array4<f64>) {
        // The figures have 13 digits or more; a sum of many terms loses one or two.
        let close = |found: f64, golden: f64| {
            let error = (found - golden).abs() / golden.abs();
            assert!(error < 1e-11, "{found} for {golden}");
        };
        close(gradient.sum(), self.sum);
        close(gradient.iter().fold(0.0, |max, slope| slope.abs().max(max)), self.max);
        if let Some(l2) = self.l2 {
            close(gradient.mapv(|slope| slope * slope).sum().sqrt(), l2);
        }
        for &([c, i, j], golden, tolerance) in self.pixels {
            let found = gradient[[0, c, i, j]];
            assert!(
                (found - golden).abs() <= tolerance,
                "[{c}, {i}, {j}]: {found} for {golden}"
            );
        }
    }
}

#[test]
fn gradient_of_camera_and_noise() {
    Golden {
        padding: Padding::Zero,
        sum: 0.23495308632082,
        l2: Some(0.03572658616225),
        max: 0.00039299977004989,
        pixels: &[
            ([0, 0, 0], 4.976442537e-07, 1e-16),
            ([0, 100, 200], 4.50722783660e-05, 1e-16),
            ([0, 255, 17], -1.029209693617e-04, 1e-16),
            ([0, 511, 511], 6.273268550e-07, 1e-16),
        ],
    }
    .check(&unit(&batch("camera.png")), &unit(&batch("camera-noisy.png")));
}

#[test]
fn gradient_of_ramps() {
    let [x, y] = ramps();
    Golden {
        padding: Padding::Zero,
        sum: 0.562746893509339,
        l2: None,
        max: 7.912239169676e-04,
        pixels: &[
            ([0, 0, 0], -7.657849095834e-05, 1e-17),
            ([0, 100, 150], -4.99121944e-08, 1e-16),
            ([0, 199, 299], -5.95302175e-08, 1e-16),
        ],
    }
    .check(&x, &y);
    Golden {
        padding: Padding::Valid,
        sum: 0.515915400946832,
        l2: None,
        max: 2.772566662865e-04,
        pixels: &[
            ([0, 0, 0], -1.89199059e-12, 1e-20),
            ([0, 100, 150], -5.43508469e-08, 1e-16),
        ],
    }
    .check(&x, &y);
}

#[test]
fn gradient_of_the_rgb_pattern() {
    Golden {
        padding: Padding::Zero,
        sum: 0.100043210547390,
        l2: Some(0.0389167183324471),
        max: 8.508740680536e-04,
        pixels: &[
            ([0, 0, 0], -8.88417712e-05, 5e-14),
            ([1, 0, 0], -6.30277203e-05, 5e-14),
            ([2, 0, 0], -4.09164078e-05, 5e-14),
            ([0, 20, 28], 7.0209e-04, 5e-9),
            ([1, 20, 28], 6.7821e-04, 5e-9),
            ([2, 20, 28], 6.6829e-04, 5e-9),
        ],
    }
    .check(&unit(&pattern(7, 19)), &unit(&pattern(13, 7)));
}

/// The scores that `goldens/scikit_image.py` wrote.
fn scikit_image() -> Vec<(String, String, f64)> {
    let text = include_str!("../goldens/scikit_image.json");
    let json: serde_json::Value = serde_json::from_str(text).expect("valid JSON");
    let pairs = json["valid"].as_array().expect("a list").iter();
    let name = |value: &serde_json::Value| value.as_str().expect("a name").to_owned();
    pairs
        .map(|pair| {
            (
                name(&pair["x"]),
                name(&pair["y"]),
                pair["ssim"].as_f64().expect("a number"),
            )
        })
        .collect()
}

#[test]
fn photographs_agree_with_scikit_image() {
    let pairs = scikit_image();
    assert_eq!(pairs.len(), 3);
    for (x, y, golden) in pairs {
        let (x_picture, y_picture) = (picture(&x), picture(&y));
        let score = metric(Padding::Valid)
            .ssim(&x_picture, &y_picture)
            .expect("valid input");
        assert!((score - golden).abs() < 1e-8, "{x} {y}: {score} for {golden}");
        let [x, y] = [x_picture, y_picture].map(|picture| bytes(&picture).mapv(f64::from).insert_axis(Axis(0)));
        let reference = Reference::new(Padding::Valid, 255.0);
        assert!((reference.evaluate(x.view(), y.view()).ssim[0] - golden).abs() < 1e-12);
        let score = reference.metric().ssim(&x, &y).expect("valid input")[0];
        assert!((score - golden).abs() < 1e-12, "{score} for {golden}");
    }
}

#[test]
fn photographs_score_the_same_in_one_batch() {
    let [x, y] = [["coffee.png", "chelsea.png"], ["coffee-q10.png", "chelsea-blurred.png"]].map(|names| {
        let [a, b] = names.map(|name| bytes(&picture(name)));
        stack![Axis(0), a, b]
    });
    let together = metric(Padding::Valid).ssim(&x, &y).expect("valid input");
    for (score, (.., golden)) in together.iter().zip(&scikit_image()[1..]) {
        assert!((score - golden).abs() < 1e-8, "{score} for {golden}");
    }
    // One image of six channels has the mean of both.
    let join =
        |images: &Array4<u8>| concatenate![Axis(0), images.index_axis(Axis(0), 0), images.index_axis(Axis(0), 1)];
    let joined = metric(Padding::Valid).ssim(&join(&x), &join(&y)).expect("valid input");
    assert!((joined - (together[0] + together[1]) / 2.0).abs() < 1e-12);
}

#[test]
fn a_jpeg_scores_like_its_decoded_copy() {
    let coffee = picture("coffee.png");
    let score = |name| fastssim::ssim(&coffee, &picture(name)).expect("valid input");
    let (jpeg, decoded) = (score("coffee-q10.jpg"), score("coffee-q10.png"));
    // Decoders round differently, by a level here and there. Another quality differs by 0.05 or more.
    assert!((jpeg - decoded).abs() < 2e-3, "{jpeg} {decoded}");
}
