//! Calls that the fast kernels do not take: what the general ones are told, and in which order they run.
//!
//! ```text
//! weights              weights, totals ─▶ what follows
//! scores, map          windows of all channels                    ─▶ means
//! gradients            windows, adjoint of some channels, again … ─▶ means
//! ```
//!
//! The derivatives of windows go through memory, four maps of them, so that gradients take as many channels at a time
//! as the workspace has room for.

use fastssim_kernels::general::geometry::{Precision, Work, launch as geometry};
use fastssim_kernels::general::params::{self, MOST_TAPS, Params, Typed};
use fastssim_kernels::general::single;
use fastssim_kernels::geometry::Launch;

use super::call::{Array, Call, Factor};
use super::images::Kind;
use super::stream::Stream;
use crate::error::{Error, Result};
use crate::options::Padding;
use crate::problem::{Score, margin};

/// Bytes of derivatives at a time, if that is one channel at least: four maps of sixteen channels of 1080×1920 in single
/// precision are twice as much.
const WORKSPACE: u64 = 256 << 20;

/// Puts a call into the stream.
///
/// # Safety
///
/// As [`Call::launch`].
pub(super) unsafe fn launch(call: &Call<'_>, stream: &Stream) -> Result<()> {
    let [_, contrast, structure] = call.metric.exponents;
    let [by_x, by_y] = call.gradients;
    if contrast == structure || by_y.is_none() {
        // SAFETY: as the caller promises.
        return unsafe { launch_once(call, stream) };
    }
    // The derivatives by the variance of x are those with respect to x alone: for y the images change places.
    let mut exchanged = Call {
        x: call.y,
        y: call.x,
        gradients: [by_y, None],
        ..call.clone()
    };
    if by_x.is_some() {
        let first = Call {
            gradients: [by_x, None],
            ..call.clone()
        };
        // SAFETY: as the caller promises.
        unsafe { launch_once(&first, stream) }?;
        (exchanged.images, exchanged.channels, exchanged.map) = (0, 0, None);
    }
    // SAFETY: as the caller promises.
    unsafe { launch_once(&exchanged, stream) }
}

/// # Safety
///
/// As [`Call::launch`].
unsafe fn launch_once(call: &Call<'_>, stream: &Stream) -> Result<()> {
    let is_double = [call.x, call.y].iter().any(|array| array.kind == Kind::F64) || call.metric.exponents != [1.0; 3];
    let precision = if is_double {
        Precision::Double
    } else {
        Precision::Single
    };
    let factors = [&call.window_factor, &call.channel_factor, &call.gradient_factor].map(|factor| match factor {
        Factor::All(_) => &[][..],
        Factor::Each(factors) => factors,
    });
    let most_shared = single::most_shared(stream.device().info().compute_capability);
    let plan = Plan::new(params(call)?, precision, most_shared, call.weights.is_some())?;
    // SAFETY: as the caller promises.
    unsafe { stream.launch_general(plan, factors) }
}

/// The launches of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Without the addresses of the workspace.
    pub(super) params: Params,
    /// The arithmetic.
    pub(super) precision: Precision,
    /// Bytes that the workspace must have for the sums of tiles, and for derivatives.
    pub(super) partials: usize,
    pub(super) derivatives: usize,
    /// Bytes for the sums of what windows count, where the kernels divide by them, and where those are.
    pub(super) weights: usize,
    pub(super) sums_of_weights: u64,
}

impl Plan {
    fn new(mut params: Params, precision: Precision, most_shared: u32, weighs: bool) -> Result<Self> {
        let shape = [params.images, params.channels, params.height, params.width];
        let overflow = || Error::Overflow {
            shape: shape.map(|extent| extent as usize),
        };
        params.prepare(precision, most_shared);
        let planes = params.images.checked_mul(params.channels).ok_or_else(overflow)?;
        let partials = params.partials().ok_or_else(overflow)? as usize * size_of::<f64>();
        let mut derivatives = 0;
        params.chunk = planes;
        let (windows, adjoint) = params.works();
        if adjoint.is_some() {
            let of_channel = params.derivatives_of_channel(precision).ok_or_else(overflow)?;
            params.chunk = (WORKSPACE / of_channel.max(1)).clamp(1, planes.into()) as u32;
            derivatives = usize::try_from(of_channel * u64::from(params.chunk)).map_err(|_| overflow())?;
        }
        let sums = if weighs { params.sums_of_weights() } else { Some(0) };
        let weights = sums.ok_or_else(overflow)? as usize * size_of::<f64>();
        for work in [Some(windows), adjoint].into_iter().flatten() {
            geometry(work, &params, precision).ok_or_else(overflow)?;
        }
        Ok(Self {
            params,
            precision,
            partials,
            derivatives,
            weights,
            sums_of_weights: 0,
        })
    }

    /// Gives `put` each launch in order.
    pub(super) fn each<E>(&self, mut put: impl FnMut(Work, &Launch, &Params) -> Result<(), E>) -> Result<(), E> {
        let mut put = |work, params: &Params| match geometry(work, params, self.precision) {
            Some(launch) => put(work, &launch, params),
            // `new` has seen to it that there are not too many blocks.
            None => Ok(()),
        };
        if self.weights > 0 {
            let of_weights = Params {
                partials: self.sums_of_weights,
                ..self.params
            };
            put(Work::Weights, &of_weights)?;
            put(Work::Totals, &of_weights)?;
        }
        let planes = self.params.images * self.params.channels;
        for first in (0..planes).step_by(self.params.chunk.max(1) as usize) {
            let part = Params {
                first,
                chunk: self.params.chunk.min(planes - first),
                ..self.params
            };
            let (windows, adjoint) = part.works();
            put(windows, &part)?;
            if let Some(adjoint) = adjoint {
                put(adjoint, &part)?;
            }
        }
        if self.params.partials != 0 {
            put(Work::Means, &self.params)?;
        }
        Ok(())
    }

    /// Whether scores are wanted.
    pub(super) fn has_scores(&self) -> bool {
        self.params.image_scores != 0 || self.params.channel_scores != 0
    }
}

/// What the kernels are told, without the workspace and arrays of factors.
fn params(call: &Call<'_>) -> Result<Params> {
    let (metric, shape) = (call.metric, call.shape);
    let extent = |axis: usize| u32::try_from(shape[axis]).map_err(|_| Error::Overflow { shape });
    let margin = margin(metric.padding, &metric.window);
    let counts = call
        .counts
        .or_else(|| call.weights.map(|weights| weights.inside(margin)));
    let (score_offset, score_factor) = match call.score {
        Score::Ssim => (1.0, -1.0),
        Score::Dssim { factor } => (0.0, factor),
    };
    let for_all = |factor: &Factor| match factor {
        &Factor::All(factor) => factor,
        Factor::Each(_) => f64::NAN,
    };
    // A power of two that brings the range between 1 and 2, as the CPU backend has it.
    let scale = (-call.range.log2().floor()).exp2();
    let [c1, c2] = metric.constants(call.range * scale);
    let mut half = [0.0; MOST_TAPS / 2 + 1];
    for (weight, &of_window) in half.iter_mut().zip(metric.window.half()) {
        *weight = of_window;
    }
    Ok(Params {
        x: typed(Some(call.x)),
        y: typed(Some(call.y)),
        counts: typed(counts),
        map: typed(call.map),
        gradients: call.gradients.map(typed),
        channel_scores: call.channels,
        image_scores: call.images,
        window_factor: for_all(&call.window_factor),
        channel_factor: for_all(&call.channel_factor),
        gradient_factor: for_all(&call.gradient_factor),
        score_offset,
        score_factor,
        scale,
        c1,
        c2,
        exponents: metric.exponents,
        half,
        images: extent(0)?,
        channels: extent(1)?,
        height: extent(2)?,
        width: extent(3)?,
        margin: margin as u32,
        radius: metric.window.radius() as u32,
        padding: padding(metric.padding) as u32,
        ..Params::default()
    })
}

/// Its number in what kernels are told.
pub(super) fn padding(padding: Padding) -> params::Padding {
    match padding {
        Padding::Zero | Padding::Valid => params::Padding::Zero,
        Padding::Symmetric => params::Padding::Symmetric,
        Padding::Reflect => params::Padding::Reflect,
        Padding::Replicate => params::Padding::Replicate,
    }
}

pub(super) fn typed(array: Option<Array>) -> Typed {
    array.map_or_else(Typed::default, |array| Typed {
        planes: array.planes,
        kind: array.kind.general() as u32,
        reserved: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Ssim;
    use crate::cuda::call::tests::call;
    use crate::options::{Covariance, DssimConvention};

    const MOST_SHARED: u32 = single::most_shared((9, 0));

    #[test]
    fn numbers_are_those_of_the_metric() {
        let metric = Ssim::builder()
            .padding(Padding::Valid)
            .uniform_window(7)
            .covariance(Covariance::Sample)
            .dssim(DssimConvention::HalfOneMinusSsim)
            .exponents([1.0, 2.0, 3.0])
            .build()
            .expect("valid");
        let call = Call {
            score: metric.dssim_score(),
            window_factor: Factor::new(vec![0.5, 0.25]),
            ..call(&metric, [2, 3, 20, 30], Kind::U16)
        };
        let p = params(&call).expect("valid");
        assert_eq!((p.images, p.channels, p.height, p.width), (2, 3, 20, 30));
        assert_eq!((p.margin, p.radius, p.padding), (3, 3, params::Padding::Zero as u32));
        assert_eq!((p.x.planes.data, p.y.planes.data), (1 << 40, 1 << 41));
        assert_eq!((p.x.kind, p.x.planes.image), (params::Kind::U16 as u32, 1800));
        assert_eq!(
            (p.map, p.counts, p.gradients),
            (Typed::default(), Typed::default(), [Typed::default(); 2])
        );
        assert_eq!((p.score_offset, p.score_factor), (0.0, 0.5));
        assert_eq!(p.scale, 1.0 / 32768.0);
        let range = 65535.0 / 32768.0;
        assert_eq!(p.c1, (0.01f64 * range).powi(2));
        assert!((p.c2 - (0.03f64 * range).powi(2) * 48.0 / 49.0).abs() < 1e-18);
        assert_eq!(p.exponents, [1.0, 2.0, 3.0]);
        assert_eq!(p.half[..5], [1.0 / 7.0, 1.0 / 7.0, 1.0 / 7.0, 1.0 / 7.0, 0.0]);
        assert!(p.window_factor.is_nan());
        assert_eq!(p.gradient_factor, 1.0 / 600.0);
    }

    #[test]
    fn gradients_take_as_many_channels_as_there_is_room_for() {
        let metric = Ssim::builder().padding(Padding::Symmetric).build().expect("valid");
        for (shape, expected) in [
            ([2, 3, 20, 30], 6),
            ([16, 3, 1080, 1920], 10),
            ([3, 1, 16384, 16384], 1),
        ] {
            let scores = call(&metric, shape, Kind::F32);
            let plan = Plan::new(params(&scores).expect("valid"), Precision::Single, MOST_SHARED, false)
                .expect("not too large");
            assert_eq!((plan.params.chunk as usize, plan.derivatives), (shape[0] * shape[1], 0));
            let call = Call {
                gradients: [Some(scores.x), None],
                ..scores
            };
            let mut plan =
                Plan::new(params(&call).expect("valid"), Precision::Single, MOST_SHARED, false).expect("not too large");
            assert_eq!(plan.params.chunk, expected);
            assert_eq!(plan.derivatives, expected as usize * 12 * shape[2] * shape[3]);
            plan.params.partials = 8;
            let mut seen = vec![];
            let all = plan.each(|work, _, params| {
                seen.push((work, params.first, params.chunk));
                Ok::<(), Error>(())
            });
            assert_eq!(all, Ok(()));
            assert_eq!(seen.pop().map(|step| step.0), Some(Work::Means));
            let channels: u32 = seen
                .iter()
                .filter(|step| step.0 == Work::Adjoint)
                .map(|step| step.2)
                .sum();
            assert_eq!(channels as usize, shape[0] * shape[1]);
            assert!(
                seen.chunks(2)
                    .all(|pair| pair[0].1 == pair[1].1 && pair[0].2 == pair[1].2)
            );
        }
    }

    #[test]
    fn weights_are_summed_before_they_are_used() {
        let metric = Ssim::builder()
            .padding(Padding::Valid)
            .window(7)
            .build()
            .expect("valid");
        let pixels = call(&metric, [2, 3, 40, 70], Kind::F32).x;
        let weighed = Call {
            weights: Some(pixels),
            images: 64,
            ..call(&metric, [2, 3, 40, 70], Kind::F32)
        };
        let p = params(&weighed).expect("valid");
        // Three rows of 70 pixels and three pixels of four bytes further on.
        assert_eq!(p.counts.planes.data, pixels.planes.data + (3 * 70 + 3) * 4);
        let mut plan = Plan::new(p, Precision::Single, MOST_SHARED, true).expect("not too large");
        // Two images of tiles of 8 rows by 32 columns: 34 by 64.
        assert_eq!(plan.weights, 2 * 5 * 2 * size_of::<f64>());
        (plan.sums_of_weights, plan.params.partials) = (1 << 20, 1 << 30);
        let mut seen = vec![];
        let all = plan.each(|work, launch, params| {
            seen.push((work, launch.grid, params.partials));
            Ok::<(), Error>(())
        });
        assert_eq!(all, Ok(()));
        let windows = geometry(Work::Windows, &plan.params, Precision::Single).expect("few blocks");
        let expected = [
            (Work::Weights, 20, 1 << 20),
            (Work::Totals, 2, 1 << 20),
            (Work::Windows, windows.grid, 1 << 30),
            (Work::Means, 2, 1 << 30),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_cannot_be_counted_is_an_error() {
        let metric = Ssim::default();
        let mut call = call(&metric, [1, 1, 20, 30], Kind::F64);
        call.shape = [1 << 20, 1 << 20, 20, 30];
        let plan = Plan::new(
            params(&call).expect("each extent fits"),
            Precision::Double,
            MOST_SHARED,
            false,
        );
        assert!(matches!(plan, Err(Error::Overflow { .. })));
    }

    /// Else they would have to ask for it, with `cuFuncSetAttribute`.
    #[test]
    fn every_kernel_has_the_shared_memory_it_needs() {
        let metric = Ssim::builder()
            .window(33)
            .exponents([1.0, 2.0, 1.0])
            .build()
            .expect("valid");
        let plan = Plan::new(
            params(&call(&metric, [1, 1, 64, 64], Kind::F64)).expect("valid"),
            Precision::Double,
            MOST_SHARED,
            true,
        )
        .expect("small");
        for work in [Work::Windows, Work::Adjoint, Work::Means, Work::Weights, Work::Totals] {
            let launch = geometry(work, &plan.params, Precision::Double).expect("few blocks");
            assert!(launch.shared <= 48 * 1024, "{work:?}: {}", launch.shared);
        }
    }
}
