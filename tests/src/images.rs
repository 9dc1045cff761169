//! Deterministic pictures, chosen for what goes wrong with them, and the element types they come in.

use std::path::PathBuf;

use fastssim::Pixel;
use half::{bf16, f16};
use image::DynamicImage;
use ndarray::{Array2, Array3, Array4, ArrayView4};

/// An element type that the library takes, with conversions from and to the reference's `f64`.
pub trait Element: Pixel<Real: Into<f64> + PartialEq + std::fmt::Debug> + PartialEq + std::fmt::Debug {
    /// White less black.
    const RANGE: f64;
    /// Whether the library computes in double precision.
    const DOUBLE: bool;
    /// The nearest element to a value from 0 (black) to 1 (white).
    fn from_unit(value: f64) -> Self;
    /// The number itself, from 0 to [`RANGE`](Self::RANGE).
    fn number(self) -> f64;
}

impl Element for u8 {
    const RANGE: f64 = 255.0;
    const DOUBLE: bool = false;
    fn from_unit(value: f64) -> Self {
        (255.0 * value).round() as u8
    }
    fn number(self) -> f64 {
        self.into()
    }
}

impl Element for u16 {
    const RANGE: f64 = 65535.0;
    const DOUBLE: bool = false;
    fn from_unit(value: f64) -> Self {
        (65535.0 * value).round() as u16
    }
    fn number(self) -> f64 {
        self.into()
    }
}

impl Element for f16 {
    const RANGE: f64 = 1.0;
    const DOUBLE: bool = false;
    fn from_unit(value: f64) -> Self {
        f16::from_f64(value)
    }
    fn number(self) -> f64 {
        self.to_f64()
    }
}

impl Element for bf16 {
    const RANGE: f64 = 1.0;
    const DOUBLE: bool = false;
    fn from_unit(value: f64) -> Self {
        bf16::from_f64(value)
    }
    fn number(self) -> f64 {
        self.to_f64()
    }
}

impl Element for f32 {
    const RANGE: f64 = 1.0;
    const DOUBLE: bool = false;
    fn from_unit(value: f64) -> Self {
        value as f32
    }
    fn number(self) -> f64 {
        self.into()
    }
}

impl Element for f64 {
    const RANGE: f64 = 1.0;
    const DOUBLE: bool = true;
    fn from_unit(value: f64) -> Self {
        value
    }
    fn number(self) -> f64 {
        self
    }
}

/// The numbers of a batch, for the reference.
pub fn numbers<T: Element>(images: ArrayView4<'_, T>) -> Array4<f64> {
    images.mapv(T::number)
}

/// A small generator of random numbers (SplitMix64), the same on every machine and for ever.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator whose numbers depend on `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform from 0 up to 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number from 0 up to, without, `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    /// About normal, of mean 0 and variance 1: the sum of twelve uniform numbers.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// A kind of image pair. Pixels are from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scene {
    /// Two uniform noises.
    Noise,
    /// Waves with grain, against the same darkened and with more grain.
    Distorted,
    /// y = x + noise of σ = 1e-3, where a gradient is smallest and digits are lost.
    NearConvergence,
    /// From 0.94 to 0.96, where variances are small differences of large numbers.
    FlatBright,
    /// One brightness each.
    Constant(f64, f64),
    /// Large smooth waves and a little noise, as multiples of 1/levels: errors of one sign over
    /// whole regions.
    Quantised(f64),
    /// Squares of the given side against their negative.
    Checkerboard(usize),
    /// Squares of the given side against the same moved by one pixel.
    MovedCheckerboard(usize),
    /// Rows from black to white against columns from black to white.
    Ramps,
    /// Below 0.02, where C1 decides.
    Dark,
    /// White above black against black above white.
    Halves,
    /// Black but for one white pixel, against one elsewhere.
    Points,
}

impl Scene {
    /// One of each kind, some with several parameters.
    pub const ALL: [Self; 16] = [
        Self::Noise,
        Self::Distorted,
        Self::NearConvergence,
        Self::FlatBright,
        Self::Constant(0.9, 0.95),
        Self::Constant(1.0, 0.999),
        Self::Constant(0.2, 0.7),
        Self::Quantised(255.0),
        Self::Quantised(256.0),
        Self::Checkerboard(1),
        Self::Checkerboard(8),
        Self::MovedCheckerboard(3),
        Self::Ramps,
        Self::Dark,
        Self::Halves,
        Self::Points,
    ];

    /// Whether so many windows are alike that single precision rounds them all the same way, and
    /// errors do not average out.
    pub fn is_regular(self) -> bool {
        matches!(
            self,
            Self::Checkerboard(_) | Self::MovedCheckerboard(_) | Self::Ramps | Self::Halves | Self::Constant(..)
        )
    }

    /// A pair of channels of `h` rows and `w` columns.
    pub fn planes(self, h: usize, w: usize, seed: u64) -> [Array2<f64>; 2] {
        let mut random = Random::new(seed);
        let pairs = Array2::from_shape_fn((h, w), |(i, j)| {
            self.pixel(i, j, h, w, &mut random).map(|value| value.clamp(0.0, 1.0))
        });
        [0, 1].map(|image| pairs.mapv(|pair| pair[image]))
    }

    /// A pixel of both images.
    fn pixel(self, i: usize, j: usize, h: usize, w: usize, random: &mut Random) -> [f64; 2] {
        let (row, col) = (i as f64, j as f64);
        let wave = 0.24 * (col / 37.0).sin() + 0.16 * (row / 23.0).cos();
        let square = |side: usize, j: usize| ((i / side + j / side) % 2) as f64;
        let part = |at: usize, extent: usize| at as f64 / extent.saturating_sub(1).max(1) as f64;
        match self {
            Self::Noise => [random.unit(), random.unit()],
            Self::Distorted => {
                let x = 0.5 + wave + 0.03 * random.normal();
                [x, 0.8 * x + 0.1 + 0.05 * random.normal()]
            }
            Self::NearConvergence => {
                let x = 0.5 + wave + 0.05 * random.normal();
                [x, x + 1e-3 * random.normal()]
            }
            Self::FlatBright => [
                0.95 + 1e-3 * random.normal(),
                0.95 + wave / 100.0 + 1e-3 * random.normal(),
            ],
            Self::Constant(x, y) => [x, y],
            Self::Quantised(levels) => {
                let x = (levels * (0.5 + wave + 0.04 * random.unit())).floor();
                let y = (x + levels * 0.08 * (random.unit() - 0.5)).floor();
                [x / levels, y / levels]
            }
            Self::Checkerboard(side) => [square(side, j), 1.0 - square(side, j)],
            Self::MovedCheckerboard(side) => [square(side, j), square(side, j + 1)],
            Self::Ramps => [part(i, h), part(j, w)],
            Self::Dark => [0.02 * random.unit(), 0.01 * random.unit()],
            Self::Halves => [f64::from(2 * i < h), f64::from(2 * i >= h)],
            Self::Points => [f64::from((i, j) == (h / 3, w / 3)), f64::from((i, j) == (h / 2, w / 2))],
        }
    }

    /// A pair of batches (images, channels, height, width), all channels different.
    pub fn batches<T: Element>(self, shape: [usize; 4], seed: u64) -> [Array4<T>; 2] {
        let [n, c, h, w] = shape;
        let mut pair = [0, 1].map(|_| Array4::from_elem(shape, T::from_unit(0.0)));
        for plane in 0..n * c {
            let values = self.planes(h, w, seed.wrapping_mul(1000).wrapping_add(plane as u64));
            for (images, values) in pair.iter_mut().zip(values) {
                let mut channel = images.slice_mut(ndarray::s![plane / c, plane % c, .., ..]);
                channel.assign(&values.mapv(T::from_unit));
            }
        }
        pair
    }
}

/// A picture of the folder `data`: in this package, or in the folder that the variable `FASTSSIM_TESTS`
/// names where the tests were built elsewhere.
pub fn picture(name: &str) -> DynamicImage {
    let package = std::env::var_os("FASTSSIM_TESTS").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let path = PathBuf::from(package).join("data").join(name);
    image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An 8-bit picture, gray or RGB, as (channels, height, width).
pub fn bytes(picture: &DynamicImage) -> Array3<u8> {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let samples = picture.as_bytes().to_vec();
    let pixels = Array3::from_shape_vec((h, w, samples.len() / (h * w)), samples).expect("8 bits a sample");
    pixels.permuted_axes([2, 0, 1])
}
