//! What options do not allow, and what is said then.

use fastssim::{Covariance, Error, Preset, Ssim};
use ndarray::{Array1, Array2, Array3, Array4};

#[test]
fn windows_and_weights_that_cannot_be() {
    let message = |builder: fastssim::SsimBuilder| builder.build().expect_err("not allowed").to_string();
    for (builder, expected) in [
        (
            Ssim::builder().uniform_window(4),
            "a window of 4 pixels: it must be odd and from 1 to 255",
        ),
        (
            Ssim::builder().window_weights([]),
            "a window of 0 pixels: it must be odd and from 1 to 255",
        ),
        (
            Ssim::builder().window_weights([1.0, 1.0]),
            "a window of 2 pixels: it must be odd and from 1 to 255",
        ),
        (
            Ssim::builder().window_weights([1.0, 2.0, 3.0]),
            "window_weights is [1.0, 2.0, 3.0]: it must be the same from both ends",
        ),
        (
            Ssim::builder().window_weights([1.0, -1.0, 1.0]),
            "window_weights is [1.0, -1.0, 1.0]: it must be finite, not negative and not all zero",
        ),
        (
            Ssim::builder().channel_weights([0.0, 0.0]),
            "channel_weights is [0.0, 0.0]: it must be finite, not negative and not all zero",
        ),
        (
            Ssim::builder().channel_weights([f64::NAN]),
            "channel_weights is [NaN]: it must be finite, not negative and not all zero",
        ),
        (
            Ssim::builder().exponents([1.0, -1.0, 1.0]),
            "the exponent of contrast is -1: it must be from 0 to 100",
        ),
        (
            Ssim::builder().window(1).covariance(Covariance::Sample),
            "the window is a sample of one pixel, which has no variance: it must be at least 3 pixels wide for sample \
             covariances",
        ),
    ] {
        assert_eq!(message(builder), expected);
    }
    let error = "matplotlib".parse::<Preset>().expect_err("no preset");
    assert!(
        error
            .to_string()
            .starts_with("there is no preset \"matplotlib\": it must be one of wang2004, "),
        "{error}"
    );
}

#[test]
fn channel_weights_that_are_too_many() {
    let metric = Ssim::builder().channel_weights([6.0, 1.0, 1.0]).build().expect("valid");
    let x = Array3::<u8>::zeros((2, 20, 20));
    assert_eq!(
        metric.ssim(&x, &x),
        Err(Error::ChannelWeights {
            weights: 3,
            channels: 2
        })
    );
}

#[test]
fn weights_of_pixels_that_cannot_be() {
    let x = Array4::<u8>::zeros((2, 3, 20, 30));
    let metric = Ssim::default();
    let with = |weights: Array3<f32>| {
        metric
            .ssim_of(&x, &x)
            .weights(&weights)
            .images()
            .map_err(|e| e.to_string())
    };
    assert_eq!(with(Array3::ones((2, 20, 30))), Ok(vec![1.0; 2]));
    assert_eq!(with(Array3::ones((1, 20, 30))), Ok(vec![1.0; 2]));
    for shape in [(2, 30, 20), (3, 20, 30), (2, 20, 29)] {
        let said = with(Array3::ones(shape)).expect_err("not the images' shape");
        assert!(
            said.starts_with("weights has shape") && said.ends_with("it must be [2, 20, 30]"),
            "{said}"
        );
    }
    for wrong in [-1.0, f32::NAN, f32::INFINITY] {
        let mut weights = Array3::ones((2, 20, 30));
        weights[[1, 7, 9]] = wrong;
        let said = with(weights).expect_err("not a weight");
        assert!(said.contains("at row 7, column 9 of image 1"), "{said}");
    }
    let mut weights = Array3::ones((2, 20, 30));
    weights.index_axis_mut(ndarray::Axis(0), 1).fill(0.0);
    let said = with(weights).expect_err("nothing counts");
    assert!(said.contains("zero for all windows of image 1"), "{said}");
    // Of the pixels that count, none is a window's centre.
    let mut edge = Array2::<u8>::zeros((20, 30));
    edge.row_mut(0).fill(1);
    assert_eq!(metric.ssim_of(&x, &x).weights(&edge).images(), Ok(vec![1.0; 2]));
    let valid = Ssim::preset(Preset::Wang2004).build().expect("valid");
    assert!(matches!(
        valid.ssim_of(&x, &x).weights(&edge).images(),
        Err(Error::Weights { .. })
    ));
}

#[test]
fn upstream_gradients_and_outputs_of_other_shapes() {
    let x = Array4::<f32>::zeros((2, 3, 20, 30));
    let metric = Ssim::preset(Preset::Wang2004).build().expect("valid");
    let pair = || metric.ssim_of(&x, &x);
    let said = |result: fastssim::Result<Array4<f32>>| result.expect_err("another shape").to_string();
    assert_eq!(
        said(pair().upstream_of_images(&[1.0; 3]).gradient()),
        "the upstream gradient has shape [3]: it must be [2]"
    );
    let upstream = Array2::zeros((3, 2));
    assert_eq!(
        said(pair().upstream_of_channels(upstream.view()).gradient()),
        "the upstream gradient has shape [3, 2]: it must be [2, 3]"
    );
    assert_eq!(
        said(pair().upstream_of_map(x.view()).gradient()),
        "the upstream gradient has shape [2, 3, 20, 30]: it must be [2, 3, 10, 20]"
    );
    let mut channels = Array1::<f64>::zeros(2).to_vec();
    let outputs = fastssim::Outputs::new().channels(&mut channels);
    let error = pair().compute(outputs).expect_err("too few").to_string();
    assert_eq!(error, "channels has shape [2]: it must be [6]");
    let mut of_y = Array4::<f64>::zeros((2, 3, 20, 29));
    let outputs = fastssim::Outputs::new().gradient_of_y(of_y.view_mut());
    let error = pair().compute(outputs).expect_err("too narrow").to_string();
    assert_eq!(
        error,
        "gradient_of_y has shape [2, 3, 20, 29]: it must be [2, 3, 20, 30]"
    );
}
