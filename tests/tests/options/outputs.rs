//! What calls return: element types, layouts, what does not count.

use fastssim::{Backend, Outputs, Padding, Real, Ssim};
use fastssim_tests::images::Scene;
use fastssim_tests::suite::{PADDINGS, batch};
use half::{bf16, f16};
use ndarray::{Array2, Array3, Array4, s};

/// What is returned in 16 bits is rounded to them once, from what would have been returned in 64; also where copies of a pixel add
/// to its gradient, and in images that are computed in single precision.
#[test]
fn half_precision_on_request() {
    fn outputs<R: Real + Into<f64>>(metric: &Ssim, [x, y]: [&Array4<u8>; 2]) -> [Array4<f64>; 3] {
        // Gradients as large as f16 has all its digits for.
        let pair = || metric.ssim_of(x, y).upstream(1e6);
        let map = pair().map().expect("valid input").dim();
        let [mut by_x, mut by_y, mut map] = [x.dim(), x.dim(), map].map(|shape| Array4::from_elem(shape, R::default()));
        let outputs = Outputs::new()
            .gradient(by_x.view_mut())
            .gradient_of_y(by_y.view_mut())
            .map(map.view_mut());
        pair().compute(outputs).expect("valid input");
        [by_x, by_y, map].map(|array| array.mapv(Into::into))
    }
    for padding in PADDINGS {
        for [h, w] in [[40, 33], [256, 257]] {
            let metric = Ssim::builder().padding(padding).backend(Backend::Cpu);
            let metric = metric.build().expect("valid");
            let [x, y] = batch::<u8, u8>(Scene::Distorted, [1, 3, h, w]);
            let pair = [&x.0, &y.0];
            let exact = outputs::<f64>(&metric, pair);
            let largest = exact[0].iter().fold(0.0f64, |most, slope| most.max(slope.abs()));
            assert!((1.0..6e4).contains(&largest), "{largest}");
            let half = exact.each_ref().map(|a| a.mapv(|value| f16::from_f64(value).to_f64()));
            assert!(outputs::<f16>(&metric, pair) == half, "f16, {padding}, {h} × {w}");
            let brain = exact.map(|a| a.mapv(|value| bf16::from_f64(value).to_f64()));
            assert!(outputs::<bf16>(&metric, pair) == brain, "bf16, {padding}, {h} × {w}");
        }
    }
}

/// Numbers of 16 bits have the same value in every type; arrays may have any strides.
#[test]
fn upstream_gradients_and_weights_of_any_type_and_strides() {
    let [x, y] = Scene::Distorted.batches::<f32>([2, 3, 30, 41], 3);
    let upstream = Array4::from_shape_fn(x.dim(), |(n, c, i, j)| bf16::from_f32((n + c + i * j % 7) as f32 - 4.0));
    let weights = Array3::from_shape_fn((2, 30, 41), |(n, i, j)| ((n + i * j) % 5) as u8);
    let columns_first = |a: &Array3<f32>| {
        let turned = a.view().permuted_axes([2, 1, 0]).as_standard_layout().into_owned();
        turned.permuted_axes([2, 1, 0])
    };
    for padding in PADDINGS.into_iter().filter(|&padding| padding != Padding::Valid) {
        let metric = Ssim::builder()
            .padding(padding)
            .backend(Backend::Cpu)
            .build()
            .expect("valid");
        let pair = || metric.ssim_of(&x, &y);
        let expected = pair()
            .upstream_of_map(upstream.view())
            .gradients()
            .expect("valid input");
        let double = upstream.mapv(bf16::to_f64);
        let single = upstream.mapv(bf16::to_f32);
        let half = upstream.mapv(|value| f16::from_f64(value.to_f64()));
        let backward = single.slice(s![.., .., ..;-1, ..]).to_owned();
        for found in [
            pair().upstream_of_map(double.view()).gradients(),
            pair().upstream_of_map(single.view()).gradients(),
            pair().upstream_of_map(half.view()).gradients(),
            pair()
                .upstream_of_map(backward.slice(s![.., .., ..;-1, ..]))
                .gradients(),
        ] {
            assert!(found.expect("valid input") == expected, "{padding}");
        }
        let expected = pair().weights(&weights).images_with_gradients().expect("valid input");
        let floats = weights.mapv(f32::from);
        let turned = columns_first(&floats);
        assert_ne!(turned.strides(), floats.strides());
        for found in [
            pair().weights(&floats).images_with_gradients(),
            pair().weights(&turned).images_with_gradients(),
        ] {
            assert!(found.expect("valid input") == expected, "{padding}");
        }
    }
}

/// What does not count does not matter, were it NaN.
#[test]
fn masked_pixels_may_be_nan() {
    let mut x = Array2::<f32>::from_shape_fn((64, 64), |(i, j)| ((i * j) % 17) as f32 / 17.0);
    let y = x.mapv(|v| 0.8 * v);
    let mask = Array2::from_shape_fn((64, 64), |(i, _)| (i >= 20) as u8);
    let metric = Ssim::builder().backend(Backend::Cpu).build().expect("valid");
    let without = metric.ssim_of(&x, &y).weights(&mask).images().expect("valid input");
    x.row_mut(3).fill(f32::NAN);
    assert_eq!(metric.ssim_of(&x, &y).weights(&mask).images(), Ok(without));
    assert!(metric.ssim(&x, &y).expect("valid input").is_nan());
    let gradient = metric.ssim_of(&x, &y).weights(&mask).gradient().expect("valid input");
    assert!(
        gradient
            .slice(ndarray::s![30.., ..])
            .iter()
            .all(|slope| slope.is_finite())
    );
}

/// Gradients lie in memory as the first image does.
#[test]
fn gradients_and_maps_have_the_layout_of_the_first_image() {
    let x = Array4::<f32>::from_shape_fn((2, 20, 30, 3), |(n, i, j, c)| (n + c + i * j) as f32 / 700.0);
    let y = x.mapv(|v| 0.9 * v);
    let interleaved = |a: &Array4<f32>| a.view().permuted_axes([0, 3, 1, 2]).to_owned().dim();
    let (x, y) = (
        x.view().permuted_axes([0, 3, 1, 2]),
        y.view().permuted_axes([0, 3, 1, 2]),
    );
    let metric = Ssim::default();
    let gradient = metric.ssim_gradient(x, y).expect("valid input");
    let map = metric.ssim_map(x, y).expect("valid input");
    assert_eq!((gradient.dim(), gradient.strides()), (x.dim(), x.strides()));
    assert_eq!(map.strides(), x.strides());
    let planar = metric.ssim_gradient(&x.as_standard_layout(), y).expect("valid input");
    assert_eq!(planar.strides(), [1800, 600, 30, 1]);
    assert_eq!(planar, gradient);
    assert_eq!(interleaved(&planar), (2, 30, 3, 20));
}
