//! Images made smaller before they are compared: the way down, and the gradient's way back.
//!
//! Each of the smaller images' pixels is the mean of factor × factor pixels, and these tile the image. What they need
//! beyond its edges is the image mirrored, its edges repeated.

use std::ops::Range;

use ndarray::{Array3, Array4, ArrayView4, Axis, s};
use rayon::prelude::*;

use crate::backend;
use crate::config::Ssim;
use crate::error::Result;
use crate::input::{Pixels, Real, RealsMut};
use crate::options::{Downsampling, Padding};
use crate::problem::{Means, Output, Problem, Score};
use crate::reference::Reference;
use crate::weights::WindowWeights;

/// One axis of an image: how pixels are gathered along it.
#[derive(Clone, Copy)]
struct Line {
    extent: usize,
    factor: usize,
}

impl Line {
    /// Pixels of the smaller image.
    fn reduced(self) -> usize {
        self.extent.div_ceil(self.factor)
    }

    /// The pixels whose mean is pixel `at` of the smaller image.
    fn sources(self, at: usize) -> impl Iterator<Item = usize> {
        let first = (at * self.factor) as isize - (self.factor as isize - 1) / 2;
        let taps: Range<isize> = first..first + self.factor as isize;
        taps.filter_map(move |at| Padding::Symmetric.source(at, self.extent))
    }
}

/// The shape of images made smaller by `factor`.
pub(crate) fn reduced_shape([n, c, h, w]: [usize; 4], factor: usize) -> [usize; 4] {
    [n, c, h.div_ceil(factor), w.div_ceil(factor)]
}

/// Computes what is asked for of the images made smaller; see [`backend::run`].
pub(crate) fn run(
    metric: &Ssim,
    problem: &Problem<'_>,
    score: Score,
    means: Means<'_>,
    output: Output<'_, '_>,
) -> Result<()> {
    let factor = problem.factor();
    let metric = Ssim {
        downsampling: Downsampling::None,
        data_range: Some(problem.range),
        ..metric.clone()
    };
    let [n, ..] = problem.shape;
    let [x, y] = [(problem.x, problem.prepared[0]), (problem.y, problem.prepared[1])]
        .map(|(pixels, prepared)| Smaller::new(pixels, prepared, factor));
    let mut reduced = Problem::new(&metric, x.pixels(n), y.pixels(n))?;
    reduced.prepared = [x.prepared(), y.prepared()];
    let weights = problem
        .weights
        .as_ref()
        .map(|weights| reduce_weights(weights, problem.shape, factor));
    if let Some(weights) = &weights {
        reduced.weights = Some(WindowWeights::new(weights.into(), reduced.shape, reduced.margin())?);
    }
    let Output::Gradient { into, of } = output else {
        return backend::run(&metric, &reduced, score, means, output);
    };
    let mut gradients = into
        .each_ref()
        .map(|into| into.as_ref().map(|_| Array4::<f64>::zeros(reduced.shape)));
    let small = gradients
        .each_mut()
        .map(|gradient| gradient.as_mut().map(|gradient| f64::erase_mut(gradient.view_mut())));
    backend::run(&metric, &reduced, score, means, Output::Gradient { into: small, of })?;
    for (into, gradient) in into.into_iter().zip(gradients) {
        if let Some((mut into, gradient)) = into.zip(gradient) {
            spread(&gradient, factor, &mut into);
        }
    }
    Ok(())
}

/// Images made smaller, for this call or by one before.
enum Smaller<'a> {
    New(Array4<f64>),
    Kept(&'a Reference),
}

impl<'a> Smaller<'a> {
    fn new(pixels: Pixels<'_>, prepared: Option<&'a Reference>, factor: usize) -> Self {
        match prepared {
            Some(reference) => Self::Kept(reference.smaller(factor)),
            None => Self::New(reduce(pixels, factor)),
        }
    }

    /// The pixels beside a batch of so many images.
    fn pixels(&self, images: usize) -> Pixels<'_> {
        match self {
            Self::New(pixels) => Pixels::F64(pixels.view()),
            Self::Kept(reference) => reference.beside(images),
        }
    }

    fn prepared(&self) -> Option<&'a Reference> {
        match self {
            Self::New(_) => None,
            Self::Kept(reference) => Some(reference),
        }
    }
}

pub(crate) fn reduce(pixels: Pixels<'_>, factor: usize) -> Array4<f64> {
    match pixels {
        Pixels::U8(view) => means(view, factor, |value| value.into()),
        Pixels::U16(view) => means(view, factor, |value| value.into()),
        Pixels::F16(view) => means(view, factor, |value| value.to_f64()),
        Pixels::Bf16(view) => means(view, factor, |value| value.to_f64()),
        Pixels::F32(view) => means(view, factor, |value| value.into()),
        Pixels::F64(view) => means(view, factor, |value| value),
    }
}

fn means<T: Copy + Sync>(view: ArrayView4<'_, T>, factor: usize, number: impl Fn(T) -> f64 + Sync) -> Array4<f64> {
    let (n, c, h, w) = view.dim();
    let [rows, cols] = [h, w].map(|extent| Line { extent, factor });
    let mut reduced = Array4::zeros((n, c, rows.reduced(), cols.reduced()));
    let lines: Vec<_> = reduced.lanes_mut(Axis(3)).into_iter().enumerate().collect();
    lines.into_par_iter().for_each(|(line, mut means)| {
        let (plane, row) = (line / rows.reduced(), line % rows.reduced());
        let mut sums = vec![0.0; w];
        for source in rows.sources(row) {
            for (sum, &value) in sums.iter_mut().zip(view.slice(s![plane / c, plane % c, source, ..])) {
                *sum += number(value);
            }
        }
        for (col, mean) in means.iter_mut().enumerate() {
            *mean = cols.sources(col).map(|source| sums[source]).sum::<f64>() / (factor * factor) as f64;
        }
    });
    reduced
}

/// Weights become smaller as images do.
fn reduce_weights(weights: &WindowWeights<'_>, [n, _, h, w]: [usize; 4], factor: usize) -> Array3<f32> {
    let full = Array4::from_shape_fn((n, 1, h, w), |(image, _, row, col)| {
        weights.of_image(image).at(row, col)
    });
    let reduced = means(full.view(), factor, |weight| weight);
    reduced.index_axis_move(Axis(1), 0).mapv(|weight| weight as f32)
}

/// The adjoint of [`means`]: each pixel of the smaller gradient goes to all that its mean is of.
fn spread(gradient: &Array4<f64>, factor: usize, into: &mut RealsMut<'_>) {
    let [n, c, h, w] = into.shape();
    let [rows, cols] = [h, w].map(|extent| Line { extent, factor });
    let mut full = Array4::<f64>::zeros((n, c, h, w));
    for ((image, channel, row, col), slope) in gradient.indexed_iter() {
        for i in rows.sources(row) {
            for j in cols.sources(col) {
                full[[image, channel, i, j]] += slope / (factor * factor) as f64;
            }
        }
    }
    into.assign(&full);
}
