//! The general GPU kernels, run by the emulator of the device layer: all options that the library has, without a GPU
//! and with every access to memory checked.

use fastssim::Padding;
use fastssim_device::emulator::{Fault, Grid, Memory};
use fastssim_kernels::form::Form;
use fastssim_kernels::general::geometry::{Precision, Work, launch};
use fastssim_kernels::general::params::{self, Kind, MOST_TAPS, Params, Typed};
use fastssim_kernels::general::single::most_shared;
use fastssim_kernels::kernels::general::{double, means, single, totals, weights as sum_weights};
use fastssim_kernels::params::Planes;
use half::{bf16, f16};
use ndarray::Array4;

use crate::compiled::Code;
use crate::images::Element;
use crate::options::{Mask, Options, Results, Upstream};
use crate::strided::Strided;

/// An element type that the general kernels read.
pub trait Stored: Element {
    /// Batches of it, as the memory of the device holds them.
    fn stored(images: &Strided<Self>) -> Images;
}

/// A batch of an element type that is known at run time, as the memory of the device holds it.
#[derive(Debug)]
pub struct Images {
    memory: Words,
    kind: Kind,
    dim: (usize, usize, usize, usize),
    /// Bytes before the first pixel, and distances in elements.
    first: usize,
    strides: [usize; 4],
}

#[derive(Debug)]
enum Words {
    U8(Vec<u8>),
    U16(Vec<u16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Images {
    fn new<T: Copy>(images: &Strided<T>, kind: Kind, memory: Words) -> Self {
        let view = images.view();
        let stride = |axis: usize| usize::try_from(view.strides()[axis]).expect("no step back");
        Self {
            memory,
            kind,
            dim: view.dim(),
            first: view.as_ptr().addr() - images.memory().as_ptr().addr(),
            strides: std::array::from_fn(stride),
        }
    }

    /// Gives the kernels access.
    fn place<'a>(&'a self, memory: &mut Memory<'a>, name: &str) -> Typed {
        let address = match &self.memory {
            Words::U8(words) => memory.read(name, words).address(),
            Words::U16(words) => memory.read(name, words).address(),
            Words::F32(words) => memory.read(name, words).address(),
            Words::F64(words) => memory.read(name, words).address(),
        };
        typed(planar(address + self.first as u64, self.strides), self.kind)
    }
}

macro_rules! stored {
    ($($type:ty: $kind:ident in $words:ident by $word:expr;)*) => {$(
        impl Stored for $type {
            fn stored(images: &Strided<Self>) -> Images {
                let words = images.memory().iter().map(|&value| $word(value)).collect();
                Images::new(images, Kind::$kind, Words::$words(words))
            }
        }
    )*};
}

stored! {
    u8: U8 in U8 by u8::from;
    u16: U16 in U16 by u16::from;
    f16: F16 in U16 by f16::to_bits;
    bf16: Bf16 in U16 by bf16::to_bits;
    f32: F32 in F32 by f32::from;
    f64: F64 in F64 by f64::from;
}

fn typed(planes: Planes, kind: Kind) -> Typed {
    Typed {
        planes,
        kind: kind as u32,
        reserved: 0,
    }
}

/// An output of an element type that is known at run time, as the memory of the device holds it.
#[derive(Debug)]
enum Out {
    Half(Kind, Vec<u16>),
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Out {
    fn new(kind: Kind, elements: usize) -> Self {
        match kind {
            Kind::F32 => Self::Single(vec![f32::NAN; elements]),
            Kind::F64 => Self::Double(vec![f64::NAN; elements]),
            _ => Self::Half(kind, vec![u16::MAX; elements]),
        }
    }

    fn place<'a>(&'a mut self, memory: &mut Memory<'a>, name: &str) -> u64 {
        match self {
            Self::Half(_, data) => memory.write(name, data).address(),
            Self::Single(data) => memory.write(name, data).address(),
            Self::Double(data) => memory.write(name, data).address(),
        }
    }

    fn numbers(&self) -> Vec<f64> {
        match self {
            Self::Half(Kind::Bf16, data) => data.iter().map(|&bits| bf16::from_bits(bits).to_f64()).collect(),
            Self::Half(_, data) => data.iter().map(|&bits| f16::from_bits(bits).to_f64()).collect(),
            Self::Single(data) => data.iter().map(|&value| value.into()).collect(),
            Self::Double(data) => data.clone(),
        }
    }
}

/// What is not an option of the library, but the host's choice.
#[derive(Clone, Copy, Debug)]
pub struct Launches {
    /// The form of the kernels.
    pub code: Code,
    /// The type of maps and gradients.
    pub out: Kind,
    /// The most channels of a launch.
    pub chunk: usize,
    /// Whether the gradient with respect to each of the images is asked for.
    pub gradients: [bool; 2],
    /// Whether the kernels sum up the weights of pixels, which the host does not know then.
    pub weighs: bool,
}

impl Launches {
    /// The sources, and both gradients of all channels at once, in the type that the library has them in.
    pub fn new(double: bool) -> Self {
        Self {
            code: Code::Sources,
            out: if double { Kind::F64 } else { Kind::F32 },
            chunk: usize::MAX,
            gradients: [true; 2],
            weighs: false,
        }
    }
}

/// Runs the kernels on two batches of the same shape.
///
/// What is not asked for is NaN.
///
/// # Errors
///
/// What the emulator finds wrong with a kernel.
pub fn emulate<T: Stored, U: Stored>(
    options: &Options,
    launches: &Launches,
    x: &Strided<T>,
    y: &Strided<U>,
) -> Result<Results, Fault> {
    emulate_stored(options, launches, &T::stored(x), &U::stored(y))
}

fn emulate_stored(options: &Options, launches: &Launches, x: &Images, y: &Images) -> Result<Results, Fault> {
    let is_apart = options.reference.exponents[1] != options.reference.exponents[2];
    if launches.gradients == [true; 2] && is_apart {
        // The variance of x is not that of y: once more with the images exchanged.
        let only = |gradients| Launches { gradients, ..*launches };
        let mut results = emulate_stored(options, &only([true, false]), x, y)?;
        results.gradients[1] = emulate_stored(options, &only([false, true]), x, y)?.gradients[1].clone();
        return Ok(results);
    }
    if is_apart && launches.gradients == [false, true] {
        let exchanged = Launches {
            gradients: [true, false],
            ..*launches
        };
        let mut results = emulate_stored(options, &exchanged, y, x)?;
        results.gradients.swap(0, 1);
        return Ok(results);
    }
    if x.kind == Kind::F64 || y.kind == Kind::F64 || options.reference.exponents != [1.0; 3] {
        run(options, launches, Precision::Double, x, y)
    } else {
        run(options, launches, Precision::Single, x, y)
    }
}

fn run(options: &Options, launches: &Launches, precision: Precision, x: &Images, y: &Images) -> Result<Results, Fault> {
    let dim = x.dim;
    let (n, c, ..) = dim;
    let map_dim = options.map_shape(dim);
    let [elements, map_elements] = [dim, map_dim].map(|(n, c, h, w)| n * c * h * w);
    let mut p = params(options, dim);
    // The smallest devices and those of today take turns.
    p.prepare(precision, most_shared([(7, 5), (9, 0)][dim.3 % 2]));
    let chunk = launches.chunk.min(n * c);

    let weights = counts(options, dim);
    let weighs = launches.weighs && !matches!(weights, Counts::None);
    let upstream: Vec<f64> = match &options.upstream {
        Upstream::Map(map) => map.iter().map(|&value| value.into()).collect(),
        _ => vec![],
    };
    let [mut window_factors, channel_factors, mut gradient_factors] = factors(options, dim, weighs);
    let mut sums = vec![f64::NAN; p.sums_of_weights().expect("not too many") as usize];
    let mut partials = vec![f64::NAN; p.partials().expect("not too many") as usize];
    let (mut channels, mut images) = (vec![f64::NAN; n * c], vec![f64::NAN; n]);
    let mut map = Out::new(launches.out, map_elements);
    let [mut by_x, mut by_y] = launches
        .gradients
        .map(|wanted| Out::new(launches.out, if wanted { elements } else { 0 }));

    // Gradients that are wanted need room for derivatives; where they go is no matter yet.
    for (gradient, wanted) in p.gradients.iter_mut().zip(launches.gradients) {
        gradient.planes.data = wanted.into();
    }
    let derivatives = p.derivatives_of_channel(precision).expect("not too large") as usize * chunk;
    let mut derivatives = vec![f64::NAN; derivatives.div_ceil(size_of::<f64>())];

    let mut memory = Memory::new();
    p.x = x.place(&mut memory, "x");
    p.y = y.place(&mut memory, "y");
    let weights = match &weights {
        Counts::None => Typed::default(),
        Counts::Bytes(weights, image) => {
            let address = memory.read("weights", weights).address();
            typed(of_map(address, *image, map_dim), Kind::U8)
        }
        Counts::Floats(weights, image) => {
            let address = memory.read("weights", weights).address();
            typed(of_map(address, *image, map_dim), Kind::F32)
        }
    };
    p.window_factors = memory.write("window factors", &mut window_factors).address();
    p.channel_factors = memory.read("channel factors", &channel_factors).address();
    p.gradient_factors = memory.write("gradient factors", &mut gradient_factors).address();
    p.derivatives = memory.write("derivatives", &mut derivatives).address();
    p.partials = memory.write("partials", &mut partials).address();
    p.channel_scores = memory.write("channels", &mut channels).address();
    p.image_scores = memory.write("images", &mut images).address();
    let out = |address, (_, c, h, w): (usize, usize, usize, usize)| {
        typed(planar(address, [c * h * w, h * w, w, 1]), launches.out)
    };
    p.map = out(map.place(&mut memory, "map"), map_dim);
    for (i, of) in [&mut by_x, &mut by_y].into_iter().enumerate() {
        if launches.gradients[i] {
            p.gradients[i] = out(of.place(&mut memory, "gradient"), dim);
        }
    }
    let upstream_at = memory.read("upstream", &upstream).address();
    let sums_at = memory.write("sums of weights", &mut sums).address();

    let kernel = |work| -> (&str, unsafe fn(&Params)) {
        match (work, precision) {
            (Work::Windows, Precision::Single) => ("general_windows_f32", single::windows),
            (Work::Derivatives, Precision::Single) => ("general_derivatives_f32", single::derivatives),
            (Work::Adjoint, Precision::Single) => ("general_adjoint_f32", single::adjoint),
            (Work::Adjoints, Precision::Single) => ("general_adjoints_f32", single::adjoints),
            (Work::Windows | Work::Derivatives, Precision::Double) => ("general_windows_f64", double::windows),
            (Work::Adjoint | Work::Adjoints, Precision::Double) => ("general_adjoint_f64", double::adjoint),
            (Work::Means, _) => ("general_means", means),
            (Work::Weights, _) => ("general_weights", sum_weights),
            (Work::Totals, _) => ("general_totals", totals),
        }
    };
    let grid = |work, params: &Params| {
        let (name, kernel) = kernel(work);
        let launch = launch(work, params, precision).expect("not too many tiles");
        let grid = Grid {
            kernel: name,
            blocks: [launch.grid, 1, 1],
            threads: [launch.block, 1, 1],
            shared_bytes: launch.shared,
        };
        launches.code.run(Form::F32, &grid, &memory, kernel, params)
    };
    if weighs {
        let of_map = matches!(options.upstream, Upstream::Map(_));
        let all = Params {
            counts: weights,
            partials: sums_at,
            gradient_factors: if of_map { 0 } else { p.gradient_factors },
            ..p
        };
        grid(Work::Weights, &all)?;
        grid(Work::Totals, &all)?;
    }
    // Scores and maps first, then the derivatives: an upstream gradient of the map does not count in scores.
    let all = Params {
        counts: weights,
        derivatives: 0,
        chunk: (n * c) as u32,
        ..p
    };
    grid(Work::Windows, &all)?;
    grid(Work::Means, &all)?;
    let mut of_map_counts = weights;
    if let Upstream::Map(_) = options.upstream {
        let (_, c, h, w) = map_dim;
        of_map_counts = typed(planar(upstream_at, [c * h * w, h * w, w, 1]), Kind::F64);
    }
    for first in (0..n * c).step_by(chunk) {
        let part = Params {
            counts: of_map_counts,
            map: Typed::default(),
            partials: 0,
            first: first as u32,
            chunk: chunk.min(n * c - first) as u32,
            ..p
        };
        let (windows, adjoint) = part.works();
        grid(windows, &part)?;
        if let Some(adjoint) = adjoint {
            grid(adjoint, &part)?;
        }
    }
    drop(memory);
    let array = |dim, out: &Out| {
        let numbers = out.numbers();
        let missing = numbers.is_empty();
        let numbers = if missing { vec![f64::NAN; elements] } else { numbers };
        Array4::from_shape_vec(dim, numbers).expect("as many as there are")
    };
    Ok(Results {
        images,
        channels,
        map: array(map_dim, &map),
        gradients: [array(dim, &by_x), array(dim, &by_y)],
    })
}

/// What a kernel is told besides addresses, from the definition of each field.
fn params(options: &Options, (n, c, h, w): (usize, usize, usize, usize)) -> Params {
    let reference = &options.reference;
    let scale = reference.range.log2().floor().exp2().recip();
    let radius = reference.window / 2;
    let pixels = (reference.window * reference.window) as f64;
    let correction = if reference.sample { pixels / (pixels - 1.0) } else { 1.0 };
    let (padding, margin) = match reference.padding {
        Padding::Valid => (params::Padding::Zero, radius),
        Padding::Symmetric => (params::Padding::Symmetric, 0),
        Padding::Reflect => (params::Padding::Reflect, 0),
        Padding::Replicate => (params::Padding::Replicate, 0),
        _ => (params::Padding::Zero, 0),
    };
    let row: Vec<f64> = match &reference.taps {
        Some(taps) => taps[radius..].to_vec(),
        None => (0..=radius)
            .map(|distance| (-0.5 * (distance as f64 / reference.sigma).powi(2)).exp())
            .collect(),
    };
    let sum = row[0] + 2.0 * row[1..].iter().sum::<f64>();
    let mut half = [0.0; MOST_TAPS / 2 + 1];
    for (half, weight) in half.iter_mut().zip(&row) {
        *half = weight / sum;
    }
    let (score_offset, score_factor) = if options.half_dssim { (0.0, 0.5) } else { (1.0, -1.0) };
    Params {
        score_offset,
        score_factor,
        scale,
        c1: (reference.k1 * reference.range * scale).powi(2),
        c2: (reference.k2 * reference.range * scale).powi(2) / correction,
        exponents: reference.exponents,
        half,
        images: n as u32,
        channels: c as u32,
        height: h as u32,
        width: w as u32,
        margin: margin as u32,
        radius: radius as u32,
        padding: padding as u32,
        chunk: (n * c) as u32,
        ..Params::default()
    }
}

/// What windows count, cut to the map.
enum Counts {
    None,
    /// With the distance from one image to the next.
    Bytes(Vec<u8>, usize),
    Floats(Vec<f32>, usize),
}

fn counts(options: &Options, dim: (usize, usize, usize, usize)) -> Counts {
    let (n, _, h, w) = options.map_shape(dim);
    let margin = (dim.2 - h) / 2;
    let at = |image: usize, i: usize| [image, i / w + margin, i % w + margin];
    match &options.mask {
        Mask::None => Counts::None,
        Mask::Shared(mask) => Counts::Bytes((0..h * w).map(|i| mask[[at(0, i)[1], at(0, i)[2]]]).collect(), 0),
        Mask::Each(mask) => Counts::Floats(
            (0..n * h * w).map(|i| mask[at(i / (h * w), i % (h * w))]).collect(),
            h * w,
        ),
    }
}

fn of_map(address: u64, image: usize, (_, _, _, w): (usize, usize, usize, usize)) -> Planes {
    planar(address, [image, 0, w, 1])
}

/// One number for each image, channel, and channel of each image: see the fields of `Params`. They are not divided by the
/// sums of weights where the kernels are to do that.
fn factors(options: &Options, dim: (usize, usize, usize, usize), weighs: bool) -> [Vec<f64>; 3] {
    let (n, c, ..) = dim;
    let (_, _, h, w) = options.map_shape(dim);
    let windows: Vec<f64> = match counts(options, dim) {
        _ if weighs => vec![1.0; n],
        Counts::None => vec![1.0 / (h * w) as f64; n],
        Counts::Bytes(weights, _) => vec![1.0 / weights.iter().map(|&weight| f64::from(weight)).sum::<f64>(); n],
        Counts::Floats(weights, image) => weights
            .chunks(image)
            .map(|weights| 1.0 / weights.iter().map(|&weight| f64::from(weight)).sum::<f64>())
            .collect(),
    };
    let weights = options.channel_weights.clone().unwrap_or_else(|| vec![1.0; c]);
    let all: f64 = weights.iter().sum();
    let channels: Vec<f64> = weights.iter().map(|weight| weight / all).collect();
    let slope = if options.half_dssim { -0.5 } else { 1.0 };
    let mut gradients = vec![];
    for image in 0..n {
        for channel in 0..c {
            gradients.push(match &options.upstream {
                Upstream::All(upstream) => slope * upstream * channels[channel] * windows[image],
                Upstream::Images(upstream) => slope * upstream[image] * channels[channel] * windows[image],
                Upstream::Channels(upstream) => slope * upstream[[image, channel]] * windows[image],
                Upstream::Map(_) => slope,
            });
        }
    }
    [windows, channels, gradients]
}

fn planar(data: u64, [image, channel, row, col]: [usize; 4]) -> Planes {
    Planes {
        data,
        image: image as i64,
        channel: channel as i64,
        row: row as u32,
        col: col as u32,
    }
}
