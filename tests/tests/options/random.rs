//! Any option with any other.

use fastssim::{Backend, Padding};
use fastssim_tests::images::{Element, Random, Scene};
use fastssim_tests::options::{Limits, Mask, Options, Upstream, weights};
use half::{bf16, f16};
use ndarray::{Array2, Array4};
use proptest::prelude::*;

use crate::{PADDINGS, batch, limits, windows};

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
    /// Of the images, which have room for a window where they must.
    fn shape(&self) -> [usize; 4] {
        let [n, c, h, w] = self.shape;
        let least = match PADDINGS[self.padding] {
            Padding::Valid => windows()[self.window].0,
            _ => 1,
        };
        [n, c, h.max(least), w.max(least)]
    }

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
        let [n, c, h, w] = self.shape();
        options.mask = match self.mask {
            0 => Mask::None,
            1 => Mask::Shared(Array2::from_shape_simple_fn((h, w), || {
                (random.unit() * 256.0) as u8 | 1
            })),
            _ => Mask::Each(weights(&mut random, (n, h, w)) + 1e-3),
        };
        options.channel_weights = self.channels.then(|| (0..c).map(|_| random.unit() + 0.1).collect());
        options.half_dssim = self.half_dssim;
        let map = options.map_shape((n, c, h, w));
        options.upstream = match self.upstream {
            0 => Upstream::All(random.normal()),
            1 => Upstream::Images((0..n).map(|_| random.normal()).collect()),
            2 => Upstream::Channels(Array2::from_shape_simple_fn((n, c), || random.normal())),
            _ => Upstream::Map(Array4::from_shape_simple_fn(map, || random.normal() as f32)),
        };
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
        let [x, y] = batch::<T, U>(Scene::Distorted, self.shape());
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
