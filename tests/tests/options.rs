//! Every option against the reference: first one by one and in pairs, then at random.

use fastssim::{Backend, Downsampling, Padding, Preset, Ssim};
use fastssim_tests::images::{Element, Random, Scene};
use fastssim_tests::options::{Limits, Mask, Options, Upstream, halves_are_rounded, weights};
use half::{bf16, f16};
use ndarray::{Array2, Array4};
use proptest::prelude::*;

const PADDINGS: [Padding; 5] = [
    Padding::Zero,
    Padding::Valid,
    Padding::Symmetric,
    Padding::Reflect,
    Padding::Replicate,
];

/// Gaussians, a box and weights of a caller's own, from the smallest to the largest.
fn windows() -> Vec<(usize, f64, Option<Vec<f64>>)> {
    vec![
        (1, 1.5, None),
        (3, 0.6, None),
        (11, 1.5, None),
        (11, 1.5, Some(vec![1.0; 11])),
        (7, 0.0, Some(vec![1.0; 7])),
        (5, 0.0, Some(vec![1.0, 0.0, 3.0, 0.0, 1.0])),
        (17, 3.0, None),
        (33, 5.5, None),
    ]
}

/// The CPU computes small images in double precision, whatever their type; outputs may be of single precision.
fn limits<T: Element>() -> Limits {
    if T::DOUBLE {
        Limits {
            score: 1e-12,
            gradient: 1e-11,
            map: 1e-12,
        }
    } else {
        Limits {
            score: 1e-12,
            // The edges' parts are added up in single precision.
            gradient: 2e-6,
            map: 1e-7,
        }
    }
}

fn check<T: Element, U: Element>(options: &Options, scene: Scene, shape: [usize; 4], limits: Limits) {
    let [x, y] = batch::<T, U>(scene, shape);
    options
        .compare(Backend::Cpu, x.0.view(), y.1.view(), limits)
        .unwrap_or_else(|wrong| panic!("{scene:?} {wrong}"));
}

/// Two batches, as numbers of each type.
fn batch<T: Element, U: Element>(scene: Scene, [n, c, h, w]: [usize; 4]) -> [(Array4<T>, Array4<U>); 2] {
    let mut batches = [(); 2].map(|()| Array4::<f64>::zeros((n, c, h, w)));
    for image in 0..n {
        for channel in 0..c {
            let planes = scene.planes(h, w, (image * c + channel) as u64);
            for (batch, plane) in batches.iter_mut().zip(planes) {
                batch.slice_mut(ndarray::s![image, channel, .., ..]).assign(&plane);
            }
        }
    }
    batches.map(|batch| (batch.mapv(T::from_unit), batch.mapv(U::from_unit)))
}

#[test]
fn paddings_and_windows() {
    for padding in PADDINGS {
        for (window, sigma, taps) in windows() {
            let mut options = Options::new(padding, 1.0);
            options.reference.window = window;
            options.reference.sigma = sigma;
            options.reference.taps = taps;
            for shape in [[1, 1, 40, 37], [2, 2, 35, 50]] {
                check::<f64, f64>(&options, Scene::Distorted, shape, limits::<f64>());
            }
            check::<f32, f32>(&options, Scene::Noise, [1, 1, 33, 64], limits::<f32>());
        }
    }
}

/// Images smaller than the window are mirrored more than once.
#[test]
fn images_smaller_than_their_window() {
    for padding in PADDINGS {
        if padding == Padding::Valid {
            continue;
        }
        for window in [3, 11, 17] {
            let mut options = Options::new(padding, 1.0);
            options.reference.window = window;
            for (h, w) in [(1, 1), (1, 7), (2, 3), (5, 1), (4, 40), (6, 6)] {
                check::<f64, f64>(&options, Scene::Noise, [1, 1, h, w], limits::<f64>());
            }
        }
    }
}

#[test]
fn tiles_of_large_images_meet() {
    for padding in PADDINGS {
        let options = Options::new(padding, 1.0);
        check::<f64, f64>(&options, Scene::Distorted, [1, 1, 230, 530], limits::<f64>());
        let single = Limits {
            score: 1e-8,
            gradient: 1e-5,
            map: 2e-5,
        };
        check::<f32, f32>(&options, Scene::Distorted, [1, 1, 260, 257], single);
        check::<u8, f16>(
            &Options::new(padding, 255.0),
            Scene::Distorted,
            [1, 1, 257, 260],
            // The two are not close: one is from 0 to 255, the other from 0 to 1.
            single,
        );
    }
}

fn all_types_with<T: Element>(padding: Padding) {
    fn with<T: Element, U: Element>(padding: Padding) {
        let options = Options::new(padding, T::RANGE.max(U::RANGE));
        check::<T, U>(&options, Scene::Distorted, [2, 1, 24, 31], limits::<T>());
    }
    with::<T, u8>(padding);
    with::<T, u16>(padding);
    with::<T, f16>(padding);
    with::<T, bf16>(padding);
    with::<T, f32>(padding);
    with::<T, f64>(padding);
}

#[test]
fn types_in_all_pairs() {
    for padding in [Padding::Zero, Padding::Reflect] {
        all_types_with::<u8>(padding);
        all_types_with::<u16>(padding);
        all_types_with::<f16>(padding);
        all_types_with::<bf16>(padding);
        all_types_with::<f32>(padding);
        all_types_with::<f64>(padding);
    }
}

#[test]
fn every_f16_and_bf16_is_read_as_it_is() {
    // All finite numbers that are not so large that their squares overflow, subnormal ones among them.
    let bits = |most: u16| (0..=most).flat_map(|bits| [bits, bits | 0x8000]);
    let half: Vec<f16> = bits(0x7bff).map(f16::from_bits).collect();
    let brain: Vec<bf16> = bits(0x4700).map(bf16::from_bits).collect();
    fn same<T: Element>(values: &[T]) {
        let x = Array2::from_shape_vec((values.len() / 2, 2), values.to_vec()).expect("an even number");
        let y = x.mapv(T::number);
        let metric = Ssim::builder()
            .data_range(1.0)
            .backend(Backend::Cpu)
            .build()
            .expect("valid");
        assert_eq!(metric.ssim(&x, &y), Ok(1.0));
        // The same through the path of two inputs of one type.
        let halved = y.mapv(|value| 0.5 * value + 1.0);
        let expected = metric.ssim_map(&y, &halved).expect("valid input");
        let found = metric.ssim_map(&x, &halved.mapv(T::from_unit)).expect("valid input");
        let rounded = metric
            .ssim_map(&y, &halved.mapv(|value| T::from_unit(value).number()))
            .expect("valid input");
        assert_ne!(expected, rounded);
        for (a, b) in found.iter().zip(&rounded) {
            let a: f64 = (*a).into();
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }
    same(&half);
    same(&brain[..brain.len() / 2 * 2]);
    for value in [f16::NAN, f16::INFINITY, f16::NEG_INFINITY] {
        let x = Array2::from_elem((12, 12), value);
        assert!(
            fastssim::ssim(&x, &Array2::from_elem((12, 12), f16::ONE))
                .expect("valid input")
                .is_nan()
        );
    }
}

#[test]
fn covariances_of_a_sample() {
    for (window, taps) in [(7, Some(vec![1.0; 7])), (11, None), (3, None)] {
        for exponents in [[1.0; 3], [1.0, 2.0, 1.0]] {
            let mut options = Options::new(Padding::Valid, 1.0);
            options.reference.window = window;
            options.reference.taps = taps.clone();
            options.reference.sample = true;
            options.reference.exponents = exponents;
            check::<f64, f64>(&options, Scene::Distorted, [1, 2, 30, 31], limits::<f64>());
        }
    }
}

#[test]
fn exponents() {
    for exponents in [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0],
        [0.0, 1.0, 1.0],
        [2.0, 1.0, 1.0],
        [0.5, 0.5, 0.5],
        [0.3, 1.7, 0.6],
        [1.0, 2.0, 3.0],
        [0.0, 0.0, 0.0],
    ] {
        for padding in [Padding::Zero, Padding::Valid, Padding::Symmetric] {
            let mut options = Options::new(padding, 1.0);
            options.reference.exponents = exponents;
            // Noise has windows of negative structure.
            for scene in [Scene::Distorted, Scene::Noise, Scene::NearConvergence] {
                let double = Limits {
                    // Of a third of the digits where structure is close to 0 and its power is not smooth.
                    gradient: 1e-7,
                    ..limits::<f64>()
                };
                check::<f64, f64>(&options, scene, [1, 2, 24, 29], double);
            }
        }
    }
}

#[test]
fn masks_and_weights() {
    let mut random = Random::new(7);
    for padding in PADDINGS {
        let mut options = Options::new(padding, 1.0);
        options.mask = Mask::Shared(Array2::from_shape_fn((30, 41), |(i, j)| ((i / 3 + j) % 2) as u8 * 255));
        check::<f64, f64>(&options, Scene::Distorted, [2, 3, 30, 41], limits::<f64>());
        options.mask = Mask::Each(weights(&mut random, (2, 30, 41)));
        options.channel_weights = Some(vec![6.0, 1.0, 0.0]);
        check::<f64, f64>(&options, Scene::Distorted, [2, 3, 30, 41], limits::<f64>());
        check::<u8, u8>(
            &Options {
                reference: fastssim_tests::reference::Reference::new(padding, 255.0),
                ..options.clone()
            },
            Scene::Distorted,
            [2, 3, 30, 41],
            limits::<u8>(),
        );
    }
}

#[test]
fn upstream_gradients() {
    let mut random = Random::new(9);
    let shape = [2, 3, 26, 35];
    for padding in PADDINGS {
        let mut options = Options::new(padding, 1.0);
        let map = options.map_shape((2, 3, 26, 35));
        for half_dssim in [false, true] {
            options.half_dssim = half_dssim;
            for upstream in [
                Upstream::All(-2.5),
                Upstream::Images(vec![0.5, -3.0]),
                Upstream::Channels(Array2::from_shape_simple_fn((2, 3), || random.normal())),
                Upstream::Map(Array4::from_shape_simple_fn(map, || random.normal() as f32)),
            ] {
                options.upstream = upstream;
                check::<f64, f64>(&options, Scene::Distorted, shape, limits::<f64>());
            }
        }
    }
}

#[test]
fn half_precision_on_request() {
    for padding in [Padding::Zero, Padding::Symmetric] {
        let metric = Ssim::builder()
            .padding(padding)
            .backend(Backend::Cpu)
            .build()
            .expect("valid");
        let [x, y] = batch::<u8, u8>(Scene::Distorted, [1, 3, 40, 33]);
        assert!(halves_are_rounded(&metric, &x.0, &y.0));
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

/// The derivative along a direction, by finite differences, of scores that need more than one definition.
#[test]
fn gradients_of_images_made_smaller() {
    for (h, w) in [(400, 431), (650, 641)] {
        let [x, y] = Scene::Distorted.planes(h, w, 3);
        let metric = Ssim::preset(Preset::Matlab)
            .data_range(1.0)
            .backend(Backend::Cpu)
            .build()
            .expect("valid");
        let mask = Array2::from_shape_fn((h, w), |(i, j)| 1.0 + ((i + 2 * j) % 5) as f32);
        for masked in [false, true] {
            let pair = |x: &Array2<f64>, y: &Array2<f64>| {
                let pair = metric.ssim_of(x, y);
                if masked {
                    pair.weights(&mask).mean()
                } else {
                    pair.mean()
                }
            };
            let pair = |x: &Array2<f64>, y: &Array2<f64>| pair(x, y).expect("valid input");
            let call = metric.ssim_of(&x, &y);
            let call = if masked { call.weights(&mask) } else { call };
            let (by_x, by_y) = call.gradients().expect("valid input");
            let mut random = Random::new(5);
            // Everywhere, and at a corner, where the padding of the means has its part.
            for corner in [h.max(w), 9] {
                let direction = Array2::from_shape_fn((h, w), |(i, j)| {
                    let far = h - i > corner || w - j > corner;
                    if far { 0.0 } else { random.normal() }
                });
                let step = 1e-4;
                let moved = |image: &Array2<f64>, step: f64| image + &(&direction * step);
                let along_x = (pair(&moved(&x, step), &y) - pair(&moved(&x, -step), &y)) / (2.0 * step);
                let along_y = (pair(&x, &moved(&y, step)) - pair(&x, &moved(&y, -step))) / (2.0 * step);
                for (found, expected) in [
                    ((&by_x * &direction).sum(), along_x),
                    ((&by_y * &direction).sum(), along_y),
                ] {
                    // Observed: 1e-9 of the slope's own size and more where it is next to nothing.
                    assert!(
                        (found - expected).abs() < 1e-5 * expected.abs() + 1e-10,
                        "{found:e} {expected:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn images_are_made_smaller_by_means_of_squares() {
    let (h, w) = (400, 513);
    let [x, y] = Scene::Noise.planes(h, w, 1);
    let halved = |image: &Array2<f64>| {
        Array2::from_shape_fn((h.div_ceil(2), w.div_ceil(2)), |(i, j)| {
            let at = |row: usize, col: usize| image[[row.min(h - 1), col.min(w - 1)]];
            (at(2 * i, 2 * j) + at(2 * i + 1, 2 * j) + at(2 * i, 2 * j + 1) + at(2 * i + 1, 2 * j + 1)) / 4.0
        })
    };
    for padding in PADDINGS {
        let builder = Ssim::builder().padding(padding).backend(Backend::Cpu);
        let smaller = builder
            .clone()
            .downsampling(Downsampling::Automatic)
            .build()
            .expect("valid");
        let expected = builder
            .build()
            .expect("valid")
            .ssim_map(&halved(&x), &halved(&y))
            .expect("valid input");
        let found = smaller.ssim_map(&x, &y).expect("valid input");
        assert!(fastssim_tests::tolerance::max_abs(&found, &expected) < 1e-12);
    }
}

/// The names of `goldens/peers.json` are those of presets, and their settings give the peers' scores of colour pictures.
#[test]
fn presets_differ_as_their_table_says() {
    let scores = |preset: Preset| {
        let metric = Ssim::preset(preset).backend(Backend::Cpu).build().expect("valid");
        ["camera", "coffee"].map(|name| {
            let distorted = match name {
                "camera" => "camera-noisy.png",
                _ => "coffee-q10.png",
            };
            let [x, y] = [&format!("{name}.png"), distorted].map(fastssim_tests::images::picture);
            metric.ssim(&x, &y).expect("valid input")
        })
    };
    // What the peers return themselves, in double precision.
    for (preset, camera, coffee) in [
        (Preset::Wang2004, 0.3579642362, 0.6888688352),
        (Preset::PytorchMsssim, 0.3579642362, 0.6888688352),
        (Preset::Tensorflow, 0.3579642362, 0.6888688352),
        (Preset::SsimlossJl, 0.3579642362, 0.6888688352),
        (Preset::ScikitImageWang, 0.3579642362, 0.6888688352),
        (Preset::Matlab, 0.6244639496, 0.6888688352),
        (Preset::ScikitImage, 0.3674518328, 0.6915244723),
        (Preset::FusedSsim, 0.3717030174, 0.6982866891),
        (Preset::FastCudaSsim, 0.3717030174, 0.6982866891),
        (Preset::Kornia, 0.3561145828, 0.6834909302),
    ] {
        let [found_camera, found_coffee] = scores(preset);
        assert!((found_camera - camera).abs() < 1e-8, "{preset} {found_camera}");
        assert!((found_coffee - coffee).abs() < 1e-8, "{preset} {found_coffee}");
    }
    assert_eq!(Preset::ALL.map(|preset| preset.name().parse()), Preset::ALL.map(Ok));
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

/// Anything with anything.
#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    shape: [usize; 4],
    padding: usize,
    window: usize,
    exponents: usize,
    sample: bool,
    mask: usize,
    channels: bool,
    upstream: usize,
    half_dssim: bool,
    types: [usize; 2],
}

fn cases() -> impl Strategy<Value = Case> {
    let shape = [1..3usize, 1..4, 1..40, 1..40];
    let call = (0..3usize, any::<bool>(), 0..4usize, any::<bool>(), [0..6usize, 0..6]);
    (
        any::<u64>(),
        shape,
        0..5usize,
        0..8usize,
        0..4usize,
        any::<bool>(),
        call,
    )
        .prop_map(
            |(seed, shape, padding, window, exponents, sample, (mask, channels, upstream, half_dssim, types))| Case {
                seed,
                shape,
                padding,
                window,
                exponents,
                sample,
                mask,
                channels,
                upstream,
                half_dssim,
                types,
            },
        )
}

impl Case {
    fn options(&self) -> Options {
        let mut random = Random::new(self.seed);
        let ranges = [255.0, 65535.0, 1.0, 1.0, 1.0, 1.0];
        let range = f64::max(ranges[self.types[0]], ranges[self.types[1]]);
        let mut options = Options::new(PADDINGS[self.padding], range);
        let (window, sigma, taps) = windows().swap_remove(self.window);
        options.reference.window = window;
        options.reference.sigma = sigma;
        options.reference.taps = taps;
        options.reference.sample = self.sample && window > 1;
        options.reference.exponents = [[1.0; 3], [2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [0.0, 1.0, 1.0]][self.exponents];
        let [n, c, h, w] = self.shape;
        options.mask = match self.mask {
            0 => Mask::None,
            1 => Mask::Shared(Array2::from_shape_simple_fn((h, w), || {
                (random.unit() * 256.0) as u8 | 1
            })),
            _ => Mask::Each(weights(&mut random, (n, h, w)) + 1e-3),
        };
        options.channel_weights = self.channels.then(|| (0..c).map(|_| random.unit() + 0.1).collect());
        options.half_dssim = self.half_dssim;
        if PADDINGS[self.padding] != Padding::Valid || (h >= window && w >= window) {
            let map = options.map_shape((n, c, h, w));
            options.upstream = match self.upstream {
                0 => Upstream::All(random.normal()),
                1 => Upstream::Images((0..n).map(|_| random.normal()).collect()),
                2 => Upstream::Channels(Array2::from_shape_simple_fn((n, c), || random.normal())),
                _ => Upstream::Map(Array4::from_shape_simple_fn(map, || random.normal() as f32)),
            };
        }
        options
    }

    fn with_first<T: Element>(&self) -> Result<(), String> {
        match self.types[1] {
            0 => self.with::<T, u8>(),
            1 => self.with::<T, u16>(),
            2 => self.with::<T, f16>(),
            3 => self.with::<T, bf16>(),
            4 => self.with::<T, f32>(),
            _ => self.with::<T, f64>(),
        }
    }

    fn with<T: Element, U: Element>(&self) -> Result<(), String> {
        let options = self.options();
        let [_, _, h, w] = self.shape;
        if options.reference.padding == Padding::Valid && (h < options.reference.window || w < options.reference.window)
        {
            return Ok(());
        }
        let [x, y] = batch::<T, U>(Scene::Distorted, self.shape);
        // Any gradient may be next to nothing, or one image next to black.
        let limits = Limits {
            score: 1e-10,
            gradient: if T::DOUBLE { 1e-7 } else { 1e-5 },
            ..limits::<T>()
        };
        options.compare(Backend::Cpu, x.0.view(), y.1.view(), limits)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_combination(case in cases()) {
        let result = match case.types[0] {
            0 => case.with_first::<u8>(),
            1 => case.with_first::<u16>(),
            2 => case.with_first::<f16>(),
            3 => case.with_first::<bf16>(),
            4 => case.with_first::<f32>(),
            _ => case.with_first::<f64>(),
        };
        prop_assert!(result.is_ok(), "{}", result.unwrap_err());
    }
}
