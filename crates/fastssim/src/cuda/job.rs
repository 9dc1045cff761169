//! From a metric and two batches in a device's memory to the numbers that a fast kernel is given.

use fastssim_kernels::form::Form;
use fastssim_kernels::geometry::{MOST_CONTINUED, MOST_TAPS, TAPS, Work};
use fastssim_kernels::params::{Params, Planes};

use super::general;
use super::stream::Stream;
use crate::config::Ssim;
use crate::error::{Error, Result};
use crate::options::Padding;
use crate::problem::{Score, margin};

/// The most rows or columns of an image whose mirror images they find.
const MAX_CONTINUED: usize = MOST_CONTINUED as usize;

/// Whether the fast kernels for so many taps suit images of this shape. Where a larger window is for the most part beyond all edges, what they
/// count pixels from would cost digits.
pub(super) fn suits(taps: usize, [_, _, height, width]: [usize; 4]) -> bool {
    taps <= TAPS || height.min(width) >= taps
}

/// The taps of the fast kernels that can do what this metric asks for, of images of this shape, and with a gradient if one is wanted;
/// the general kernels do the rest, and windows of one pixel, which they know to have no variance.
pub(super) fn taps(metric: &Ssim, [_, _, height, width]: [usize; 4], gradient: bool) -> Option<usize> {
    let window = metric.window();
    let taps = window.max(TAPS);
    // They know one mirror at each edge, and not the adjoint of repeated pixels.
    let continues = [height, width]
        .iter()
        .all(|extent| (taps..=MAX_CONTINUED).contains(extent));
    let padding = match metric.padding {
        Padding::Zero | Padding::Valid => true,
        Padding::Symmetric | Padding::Reflect => continues,
        Padding::Replicate => continues && !gradient,
    };
    let takes = padding
        && (3..=MOST_TAPS).contains(&window)
        && metric.exponents == [1.0; 3]
        && metric.channel_weights.is_none();
    takes.then_some(taps)
}

/// The output of kernels that have none.
const NOWHERE: Planes = Planes {
    data: 0,
    image: 0,
    channel: 0,
    row: 0,
    col: 0,
};

/// Two batches to compare, on a stream's device. They have one shape and element type, which is not empty and has
/// room for a window.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) metric: &'a Ssim,
    pub(super) form: Form,
    /// Those that the kernel is compiled for, or told.
    pub(super) taps: usize,
    pub(super) shape: [usize; 4],
    /// The dynamic range L.
    pub(super) range: f64,
    pub(super) x: Planes,
    pub(super) y: Planes,
}

/// Where results go, by their device addresses.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Scores(u64),
    Map(Planes),
    /// The scores' address may be 0, where only gradients are wanted.
    Gradient {
        scores: u64,
        /// With respect to x.
        gradient: Planes,
        /// With respect to y, where it is wanted too.
        by_y: Option<Planes>,
        /// What the derivative of the sum over all windows is multiplied by.
        factor: f64,
    },
}

impl Job<'_> {
    /// Puts the work into the stream.
    ///
    /// # Safety
    ///
    /// All addresses are of the stream's device, with room for the shape (of the map, for a map) in the strides that
    /// go with them; what is written is written by nobody else until the stream has come past.
    pub(super) unsafe fn launch(&self, stream: &Stream, score: Score, target: Target) -> Result<()> {
        let params = self.params(score, target)?;
        let work = match target {
            Target::Scores(_) => Work::Score,
            Target::Map(_) => Work::Map,
            Target::Gradient { by_y: None, .. } => Work::Gradient,
            Target::Gradient { by_y: Some(_), .. } => Work::Gradients,
        };
        // SAFETY: as the caller promises.
        unsafe { stream.launch(work, self.form, self.taps as u32, params) }
    }

    fn params(&self, score: Score, target: Target) -> Result<Params> {
        let shape = self.shape;
        let extent = |axis: usize| u32::try_from(shape[axis]).map_err(|_| Error::Overflow { shape });
        let (offset, factor) = match score {
            Score::Ssim => (1.0, -1.0),
            Score::Dssim { factor } => (0.0, factor),
        };
        let (out, by_y, scores, gradient_factor) = match target {
            Target::Scores(scores) => (NOWHERE, None, scores, 0.0),
            Target::Map(map) => (map, None, 0, 0.0),
            Target::Gradient {
                scores,
                gradient,
                by_y,
                factor,
            } => (gradient, by_y, scores, factor),
        };
        // A power of two that brings the range between 1 and 2, as the CPU backend has it.
        let scale = (-self.range.log2().floor()).exp2();
        let [c1, c2] = self.metric.constants(self.range * scale);
        Ok(Params {
            x: in_bytes(self.x, self.form),
            y: in_bytes(self.y, self.form),
            out,
            by_y: by_y.unwrap_or(NOWHERE),
            scores,
            // The stream's workspace, which it fills in.
            partials: 0,
            counters: 0,
            derivatives: 0,
            images: extent(0)?,
            channels: extent(1)?,
            height: extent(2)?,
            width: extent(3)?,
            margin: margin(self.metric.padding, &self.metric.window) as u32,
            // The launch fills them in.
            tile_rows: 0,
            tile_cols: 0,
            first: 0,
            back_rows: 0,
            taps: 0,
            unused: 0,
            weights: weights(self.metric, self.taps),
            scale: scale as f32,
            c1: c1 as f32,
            c2: c2 as f32,
            padding: general::padding(self.metric.padding) as u32,
            derivatives_margin: match self.metric.padding {
                Padding::Symmetric | Padding::Reflect => -(self.taps as i32 / 2),
                padding => margin(padding, &self.metric.window) as i32,
            },
            score_offset: offset,
            score_factor: factor,
            gradient_factor: gradient_factor as f32,
        })
    }
}

/// Whether distances in bytes fit what the fast kernels are told, for images of so many columns.
pub(super) fn fits(planes: &Planes, form: Form, width: usize) -> bool {
    let bytes = |elements: u32| u32::try_from(u64::from(elements) * u64::from(form.bytes())).ok();
    let row = bytes(planes.row);
    let last = bytes(planes.col).and_then(|col| col.checked_mul(u32::try_from(width).ok()?));
    row.is_some() && last.is_some()
}

/// Images whose distances are in elements, which [fit](fits), with distances in bytes.
fn in_bytes(planes: Planes, form: Form) -> Planes {
    let bytes = form.bytes();
    Planes {
        data: planes.data,
        image: planes.image * i64::from(bytes),
        channel: planes.channel * i64::from(bytes),
        row: planes.row * bytes,
        col: planes.col * bytes,
    }
}

/// The window in the middle of so many weights, zeros around it: from the first weight to that of the centre.
fn weights(metric: &Ssim, taps: usize) -> [f32; MOST_TAPS / 2 + 1] {
    let half = metric.window.half_f32();
    let beyond = |i: usize| (taps / 2).checked_sub(i);
    std::array::from_fn(|i| beyond(i).and_then(|at| half.get(at)).copied().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuda::layout::Layout;
    use crate::options::DssimConvention;

    fn params(metric: &Ssim, shape: [usize; 4], range: f64, score: Score, target: Target) -> Params {
        let layout = Layout::planar("x", shape).expect("a valid shape");
        let job = Job {
            metric,
            form: Form::U8,
            taps: TAPS,
            shape,
            range,
            x: layout.planes(1 << 40),
            y: layout.planes(1 << 41),
        };
        job.params(score, target).expect("valid")
    }

    #[test]
    fn windows_are_centred_and_sum_to_one() {
        for size in [1, 3, 5, 7, 9, 11] {
            let metric = Ssim::builder().window(size).build().expect("valid");
            let weights = weights(&metric, TAPS);
            let sum: f64 = weights[..5].iter().copied().map(f64::from).sum();
            let sum = 2.0 * sum + f64::from(weights[5]);
            assert!((sum - 1.0).abs() < 1e-7, "{size} {sum}");
            let nonzero = weights.iter().filter(|&&weight| weight != 0.0).count();
            assert_eq!(nonzero, size / 2 + 1);
            assert!(weights[5 - size / 2] != 0.0 && weights[6..] == [0.0; 11]);
        }
        for (size, expected) in [
            (1, None),
            (3, Some(11)),
            (11, Some(11)),
            (13, Some(13)),
            (33, Some(33)),
            (35, None),
        ] {
            let metric = Ssim::builder().window(size).build().expect("valid");
            assert_eq!(taps(&metric, [1, 1, 20, 30], true), expected, "{size}");
        }
    }

    #[test]
    fn larger_windows_suit_images_that_hold_one() {
        for (taps, shape, expected) in [
            (11, [1, 1, 1, 1], true),
            (13, [9, 3, 12, 500], false),
            (13, [1, 1, 500, 12], false),
            (13, [1, 1, 13, 13], true),
            (33, [1, 1, 40, 33], true),
            (33, [1, 9, 32, 32], false),
        ] {
            assert_eq!(suits(taps, shape), expected, "{taps} {shape:?}");
        }
    }

    #[test]
    fn distances_are_in_bytes_and_fit_32_bits() {
        let planes = Planes {
            data: 1 << 40,
            image: 1 << 31,
            channel: 600,
            row: 30,
            col: 2,
        };
        let found = in_bytes(planes, Form::Bf16);
        assert_eq!((found.data, found.image, found.channel), (1 << 40, 1 << 32, 1200));
        assert_eq!((found.row, found.col), (60, 4));
        for (row, col, width, form, expected) in [
            (1 << 30, 1, 1 << 29, Form::F32, false),
            ((1 << 30) - 1, 1, 1 << 29, Form::F32, true),
            (1 << 30, 1, 1 << 29, Form::U8, true),
            (0, 4, 1 << 28, Form::F32, false),
            (0, 4, (1 << 28) - 1, Form::F32, true),
        ] {
            let planes = Planes { row, col, ..planes };
            assert_eq!(fits(&planes, form, width), expected, "{row} {col} {width} {form:?}");
        }
    }

    #[test]
    fn one_mirror_and_no_gradient_of_repeated_edges() {
        let takes = |padding, shape, gradient| {
            let metric = Ssim::builder().padding(padding).window(7).build().expect("valid");
            taps(&metric, shape, gradient).is_some()
        };
        for (padding, expected) in [
            (Padding::Zero, [true; 4]),
            (Padding::Valid, [true; 4]),
            (Padding::Symmetric, [true, true, false, false]),
            (Padding::Reflect, [true, true, false, false]),
            (Padding::Replicate, [true, false, false, false]),
        ] {
            let (large, small) = ([1, 1, 30, 11], [1, 1, 30, 10]);
            let found = [(large, false), (large, true), (small, false), (small, true)]
                .map(|(shape, gradient)| takes(padding, shape, gradient));
            assert_eq!(found, expected, "{padding}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_metric() {
        let metric = Ssim::builder()
            .padding(Padding::Valid)
            .dssim(DssimConvention::HalfOneMinusSsim);
        let metric = metric.build().expect("valid");
        let p = params(&metric, [2, 3, 20, 30], 255.0, metric.dssim_score(), Target::Scores(64));
        assert_eq!((p.images, p.channels, p.height, p.width, p.margin), (2, 3, 20, 30, 5));
        assert_eq!((p.x.image, p.x.channel, p.x.row, p.x.col), (1800, 600, 30, 1));
        assert_eq!((p.x.data, p.y.data, p.scores), (1 << 40, 1 << 41, 64));
        assert_eq!(p.scale, 1.0 / 128.0);
        let range = 255.0 / 128.0;
        assert_eq!(
            (p.c1, p.c2),
            ((0.01f64 * range).powi(2) as f32, (0.03f64 * range).powi(2) as f32)
        );
        assert_eq!((p.score_offset, p.score_factor), (0.0, 0.5));
        let target = Target::Gradient {
            scores: 0,
            gradient: NOWHERE,
            by_y: None,
            factor: 1.0 / 200.0,
        };
        let p = params(&metric, [1, 1, 20, 30], 1.0, Score::Ssim, target);
        assert_eq!((p.score_offset, p.score_factor, p.scale), (1.0, -1.0, 1.0));
        assert_eq!(p.gradient_factor, (1.0 / (10.0 * 20.0)) as f32);
    }
}
