//! The fast GPU kernels, run by the emulator of the device layer: without a GPU, and with every access to
//! memory checked.

use fastssim::Padding;
use fastssim_device::emulator::{Fault, Grid, Memory};
use fastssim_kernels::form::Form;
use fastssim_kernels::geometry::{
    Launch, MOST_TAPS, TAPS, Way, Work, derivatives_of_channel, has_patches, launch, launch_adjoint, way as way_of,
};
use fastssim_kernels::kernels;
use fastssim_kernels::params::{self, Params, Planes};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use ndarray::{Array4, ArrayView4};

use crate::compiled::Code;
use crate::images::Element;
use crate::reference::Reference;
use crate::strided::Strided;

/// What a kernel leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Emulation {
    /// One score an image; NaN where the kernel computes none.
    pub scores: Vec<f64>,
    /// The map, or the gradient with respect to x; empty where there is none.
    pub out: Array4<f32>,
    /// The gradient with respect to y; empty where there is none.
    pub by_y: Array4<f32>,
}

/// An element type that the fast kernels read.
pub trait Fast: Element {
    /// What the kernels call it.
    type Kernel: kernels::Pixel;
    /// What the host makes the PTX for.
    const FORM: Form;
    /// What stands in the memory of the device.
    type Stored: fastssim_device::Element;
    /// Elements as it holds them.
    fn stored(elements: &[Self]) -> &[Self::Stored];
}

macro_rules! fast {
    ($($type:ty, $kernel:ty, $form:ident, $stored:ty: $elements:expr;)*) => {$(
        impl Fast for $type {
            type Kernel = $kernel;
            const FORM: Form = Form::$form;
            type Stored = $stored;
            fn stored(elements: &[Self]) -> &[$stored] {
                $elements(elements)
            }
        }
    )*};
}

fast! {
    u8, u8, U8, u8: |elements| elements;
    u16, u16, U16, u16: |elements| elements;
    f16, kernels::F16, F16, u16: HalfFloatSliceExt::reinterpret_cast;
    bf16, kernels::Bf16, Bf16, u16: HalfFloatSliceExt::reinterpret_cast;
    f32, f32, F32, f32: |elements| elements;
}

/// The paddings that the fast kernels have for images of so many rows and columns: zero, valid, and of those with pixels beyond the
/// edges the one whose turn it is.
pub fn paddings(extents: [usize; 2], turn: usize) -> impl Iterator<Item = Padding> {
    let is_large = extents.iter().all(|&extent| extent >= 11);
    let continued = [Padding::Symmetric, Padding::Reflect, Padding::Replicate][turn % 3];
    [Padding::Zero, Padding::Valid, continued]
        .into_iter()
        .filter(move |&padding| is_large || padding == Padding::Zero)
}

/// What the fast kernels compute by one way or the other, configured like `reference`.
pub fn works(way: Way, reference: &Reference) -> impl Iterator<Item = Work> {
    // The adjoint of repeated edges is the general kernels' business.
    let has_gradients = reference.padding != Padding::Replicate;
    let taps = reference.window.max(TAPS) as u32;
    let continued = !matches!(reference.padding, Padding::Zero | Padding::Valid);
    Work::ALL
        .into_iter()
        .filter(move |work| has_gradients || matches!(work, Work::Score | Work::Map))
        .filter(move |&work| way != Way::Patch || has_patches(work, taps, continued))
}

/// Runs the kernel for `work`, in one form, by one way or the other, on two batches of the same shape, configured like `reference`.
///
/// # Errors
/// What the emulator finds wrong with the kernel.
pub fn emulate<T>(
    code: Code,
    way: Way,
    work: Work,
    reference: &Reference,
    x: &Strided<T>,
    y: &Strided<T>,
) -> Result<Emulation, Fault>
where
    T: Fast,
{
    let (images, channels, height, width) = x.view().dim();
    let mut params = params(reference, [images, channels, height, width]);
    let margin = 2 * params.margin as usize;
    let out_shape = match work {
        Work::Score => [0; 4],
        Work::Map => [images, channels, height - margin, width - margin],
        Work::Gradient | Work::Gradients => [images, channels, height, width],
    };
    let mut out = Array4::from_elem(out_shape, f32::NAN);
    let by_y_shape = match work {
        Work::Gradients => out_shape,
        _ => [0; 4],
    };
    let mut by_y = Array4::from_elem(by_y_shape, f32::NAN);
    let taps = reference.window.max(TAPS);
    let continued = params.padding != params::Padding::Zero as u32;
    let way = if taps > TAPS && way == Way::March {
        way_of(work, taps as u32, continued)
    } else {
        way
    };
    let (geometry, adjoint) = launches(way, work, taps as u32, &mut params);
    let channels = params.images * params.channels;
    // Some channels at a time, the last time fewer.
    let chunk = if adjoint.is_some() {
        channels.div_ceil(2)
    } else {
        channels
    };
    let of_channel = derivatives_of_channel(work, &params).expect("not too large");
    let mut derivatives = vec![f32::NAN; (u64::from(chunk) * of_channel) as usize * usize::from(adjoint.is_some())];
    let mut scores = vec![f64::NAN; images];
    let mut partials = vec![f64::NAN; geometry.tiles as usize];
    let mut counters = vec![0u32; images];

    let mut memory = Memory::new();
    params.x = planes(memory.read("x", T::stored(all(x))).address(), x);
    params.y = planes(memory.read("y", T::stored(all(y))).address(), y);
    let strides = out.strides().to_vec();
    let data = memory.write("out", out.as_slice_mut().expect("in standard layout"));
    params.out = strided(data.address(), &strides);
    let strides = by_y.strides().to_vec();
    let data = memory.write("by_y", by_y.as_slice_mut().expect("in standard layout"));
    params.by_y = strided(data.address(), &strides);
    params.scores = memory.write("scores", &mut scores).address();
    params.partials = memory.write("partials", &mut partials).address();
    params.counters = memory.write("counters", &mut counters).address();
    params.derivatives = memory.write("derivatives", &mut derivatives).address();
    let kernels = match (taps, continued) {
        (TAPS, true) => [kernel::<T::Kernel, kernels::Pixels>(way, work); 2],
        (TAPS, false) => [kernel::<T::Kernel, kernels::Zeros>(way, work); 2],
        (_, true) if way == Way::Patch => [wide_patch::<T::Kernel, kernels::Pixels>(work); 2],
        (_, false) if way == Way::Patch => [wide_patch::<T::Kernel, kernels::Zeros>(work); 2],
        _ => match (T::FORM, continued) {
            (Form::F32, false) => wide(taps, work),
            (Form::F32, true) => continued_wide(taps, work),
            _ => [not_compiled as unsafe fn(&Params); 2],
        },
    };
    let patch = if way == Way::Patch { "patch_" } else { "" };
    let names = match (way, work) {
        (Way::Split, Work::Gradient) => ["derivatives", "adjoint"],
        (Way::Split, Work::Gradients) => ["derivatives_of_both", "adjoints"],
        (_, Work::Score) => ["score", ""],
        (_, Work::Map) => ["map", ""],
        (_, Work::Gradient) => ["gradient", ""],
        (_, Work::Gradients) => ["gradients", ""],
    };
    let edges = if continued { "continued_" } else { "" };
    let names = names.map(|work| match taps {
        TAPS => format!("{edges}{patch}{work}"),
        _ if way == Way::Patch => format!("{edges}wide_{patch}{work}"),
        _ => format!("{edges}wide_{work}_{taps}"),
    });
    for first in (0..channels).step_by(chunk as usize) {
        params.first = first;
        let grid = |name, launch: &Launch| Grid {
            kernel: name,
            blocks: [launch.grid / channels * chunk.min(channels - first), 1, 1],
            threads: [launch.block, 1, 1],
            shared_bytes: launch.shared,
        };
        code.run(T::FORM, &grid(&names[0], &geometry), &memory, kernels[0], &params)?;
        if let Some(adjoint) = &adjoint {
            code.run(T::FORM, &grid(&names[1], adjoint), &memory, kernels[1], &params)?;
        }
    }
    drop(memory);
    assert!(counters.iter().all(|&counter| counter == 0), "a counter was not reset");
    Ok(Emulation { scores, out, by_y })
}

/// The launches of the first kernel, and of the second if there are two; fills in their tiles.
///
/// Where windows are larger, small images that march have tiles of a single step: of every other size of windows and of images the tiles are
/// those of one with many channels, which have several.
fn launches(way: Way, work: Work, taps: u32, params: &mut Params) -> (Launch, Option<Launch>) {
    let channels = params.channels;
    if way != Way::Patch && taps > TAPS as u32 && (taps / 2 + params.width).is_multiple_of(2) {
        params.channels = 100;
    }
    let pretended = params.channels;
    let of_channels = |launch: Option<Launch>| {
        let launch = launch.expect("not too many tiles");
        let [grid, tiles] = [launch.grid, launch.tiles].map(|all| all / pretended * channels);
        Launch { grid, tiles, ..launch }
    };
    let first = of_channels(launch(way, work, taps, params));
    let second = (way == Way::Split).then(|| of_channels(launch_adjoint(work, taps, params)));
    params.channels = channels;
    (first, second)
}

fn kernel<P: kernels::Pixel, E: kernels::Edges>(way: Way, work: Work) -> unsafe fn(&Params) {
    match (way, work) {
        (Way::March, Work::Score) => kernels::score::<P, E>,
        (Way::March, Work::Map) => kernels::map::<P, E>,
        (Way::March, Work::Gradient) => kernels::gradient::<P, E>,
        (Way::March, Work::Gradients) => kernels::gradients::<P, E>,
        (Way::Patch, Work::Score) => kernels::patch::score::<P, E>,
        (Way::Patch, Work::Map) => kernels::patch::map::<P, E>,
        (Way::Patch, Work::Gradient) => kernels::patch::gradient::<P, E>,
        (Way::Patch, Work::Gradients) => kernels::patch::gradients::<P, E>,
        (Way::Split, _) => panic!("windows of eleven taps are not split"),
    }
}

fn wide_patch<P: kernels::Pixel, E: kernels::Edges>(work: Work) -> unsafe fn(&Params) {
    match work {
        Work::Gradient => kernels::patch::wide_gradient::<P, E>,
        Work::Gradients => kernels::patch::wide_gradients::<P, E>,
        Work::Score | Work::Map => panic!("patches of larger windows are for gradients alone"),
    }
}

/// Larger windows whose sources are compiled for the emulator, for `f32` with zeros beyond the edges: those with one kernel for a gradient
/// and with two, for which most cases of what a thread keeps of its column occur. To compile all would take minutes. The PTX has all, for
/// each type.
pub const WIDE: [usize; 5] = [13, 17, 21, 25, MOST_TAPS];

/// The same with pixels beyond the edges.
pub const CONTINUED_WIDE: [usize; 2] = [17, 25];

/// The kernels for windows of so many taps, of `f32`: the first, and the second if there are two.
fn wide(taps: usize, work: Work) -> [unsafe fn(&Params); 2] {
    match taps {
        13 => of_wide::<kernels::Zeros, 12>(work),
        17 => of_wide::<kernels::Zeros, 16>(work),
        21 => of_wide::<kernels::Zeros, 20>(work),
        25 => of_wide::<kernels::Zeros, 24>(work),
        MOST_TAPS => of_wide::<kernels::Zeros, 32>(work),
        _ => [not_compiled as unsafe fn(&Params); 2],
    }
}

/// The same with pixels beyond the edges.
fn continued_wide(taps: usize, work: Work) -> [unsafe fn(&Params); 2] {
    match taps {
        17 => of_wide::<kernels::Pixels, 16>(work),
        25 => of_wide::<kernels::Pixels, 24>(work),
        _ => [not_compiled as unsafe fn(&Params); 2],
    }
}

/// In the place of sources that are not compiled.
unsafe fn not_compiled(_: &Params) {
    panic!("the sources of this kernel are not compiled for the emulator");
}

fn of_wide<E: kernels::Edges, const A: usize>(work: Work) -> [unsafe fn(&Params); 2] {
    use kernels::wide;
    match (work, way_of(work, A as u32 + 1, !E::ARE_ZEROS)) {
        (Work::Score, _) => [wide::score::<f32, E, A>; 2],
        (Work::Map, _) => [wide::map::<f32, E, A>; 2],
        (Work::Gradient, Way::Split) => [wide::derivatives::<f32, E, A>, wide::adjoint::<f32, E, A>],
        (Work::Gradients, Way::Split) => [wide::derivatives_of_both::<f32, E, A>, wide::adjoints::<f32, E, A>],
        (Work::Gradient, _) => [wide::gradient::<f32, E, A>; 2],
        (Work::Gradients, _) => [wide::gradients::<f32, E, A>; 2],
    }
}

/// What a kernel is told besides addresses, from the definition of each field.
fn params(reference: &Reference, shape: [usize; 4]) -> Params {
    let [images, channels, height, width] = shape;
    let margin = match reference.padding {
        Padding::Valid => reference.window / 2,
        _ => 0,
    };
    let windows = channels * (height - 2 * margin) * (width - 2 * margin);
    let scale = reference.range.log2().floor().exp2().recip();
    let weights = weights(reference);
    // Variances of a sample are larger, which is the same as a smaller C2.
    let pixels = (reference.window * reference.window) as f64;
    let correction = if reference.sample { pixels / (pixels - 1.0) } else { 1.0 };
    Params {
        images: images as u32,
        channels: channels as u32,
        height: height as u32,
        width: width as u32,
        margin: margin as u32,
        weights,
        scale: scale as f32,
        c1: (reference.k1 * reference.range * scale).powi(2) as f32,
        c2: ((reference.k2 * reference.range * scale).powi(2) / correction) as f32,
        gradient_factor: (1.0 / windows as f64) as f32,
        padding: match reference.padding {
            Padding::Symmetric => params::Padding::Symmetric,
            Padding::Reflect => params::Padding::Reflect,
            Padding::Replicate => params::Padding::Replicate,
            _ => params::Padding::Zero,
        } as u32,
        derivatives_margin: match reference.padding {
            Padding::Symmetric | Padding::Reflect => -(reference.window.max(TAPS) as i32 / 2),
            _ => margin as i32,
        },
        score_offset: 1.0,
        score_factor: -1.0,
        ..Params::default()
    }
}

/// The window in the middle of as many weights as the kernel has, from the first to that of the centre, rounded such that they sum to 1:
/// what one weight loses the next one outwards gets, but for no more than two units in its last place.
fn weights(reference: &Reference) -> [f32; MOST_TAPS / 2 + 1] {
    let radius = reference.window / 2;
    let weight = |distance: usize| match &reference.taps {
        Some(taps) => taps[radius + distance],
        None => (-0.5 * (distance as f64 / reference.sigma).powi(2)).exp(),
    };
    let sum: f64 = weight(0) + 2.0 * (1..=radius).map(weight).sum::<f64>();
    let mut weights = [0.0; MOST_TAPS / 2 + 1];
    let centre = reference.window.max(TAPS) / 2;
    let mut carry: f64 = 0.0;
    for distance in 0..=radius {
        let exact = weight(distance) / sum;
        let most = 2.0 * f64::from(f32::EPSILON) * exact;
        let exact = exact + carry.clamp(-most, most);
        let rounded = exact as f32;
        weights[centre - distance] = rounded;
        let error = exact - f64::from(rounded);
        carry = if distance == 0 { error / 2.0 } else { error };
    }
    weights
}

/// All of the memory that images lie in.
fn all<T>(images: &Strided<T>) -> &[T]
where
    T: Copy,
{
    images.memory().as_slice().expect("in standard layout")
}

/// Where images lie, given the address of their memory; distances are in bytes.
fn planes<T: Copy>(address: u64, images: &Strided<T>) -> Planes {
    let view: ArrayView4<'_, T> = images.view();
    let first = view.as_ptr().addr() - all(images).as_ptr().addr();
    let bytes = size_of::<T>() as isize;
    let strides: Vec<_> = view.strides().iter().map(|stride| stride * bytes).collect();
    strided(address + first as u64, &strides)
}

fn strided(data: u64, strides: &[isize]) -> Planes {
    let inner = |axis: usize| u32::try_from(strides[axis]).expect("no step back within a plane");
    Planes {
        data,
        image: strides[0] as i64,
        channel: strides[1] as i64,
        row: inner(2),
        col: inner(3),
    }
}
