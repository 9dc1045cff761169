//! One call: two batches in a device's memory, what is wanted of them, and which kernels do it.

use fastssim_kernels::geometry::{MOST_TAPS, TAPS};
use fastssim_kernels::params::Planes;

use super::general;
use super::images::Kind;
use super::job::{self, Job, Target};
use super::reduced;
use super::stream::Stream;
use crate::CudaError;
use crate::config::Ssim;
use crate::error::Result;
use crate::problem::Score;

/// Whether the kernels can do what this metric asks for.
pub(crate) fn supports(metric: &Ssim) -> Result<(), CudaError> {
    if metric.window() <= MOST_TAPS {
        return Ok(());
    }
    Err(CudaError::Unsupported {
        what: format!("a window of {} pixels", metric.window()),
        allowed: "windows of at most 33 pixels",
    })
}

/// A batch in a device's memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Array {
    pub(super) planes: Planes,
    pub(super) kind: Kind,
}

/// One number for all, or one for each.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Factor {
    All(f64),
    Each(Vec<f64>),
}

impl Factor {
    /// The number that all of these are, or each of them.
    pub(super) fn new(factors: Vec<f64>) -> Self {
        match factors.first() {
            Some(&first) if factors.iter().all(|&factor| factor == first) => Self::All(first),
            _ => Self::Each(factors),
        }
    }
}

/// Two batches to compare, on a stream's device. They have one shape, which is not empty and has room for a window.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    pub(super) metric: &'a Ssim,
    pub(super) shape: [usize; 4],
    /// The dynamic range L.
    pub(super) range: f64,
    pub(super) x: Array,
    pub(super) y: Array,
    pub(super) score: Score,
    /// Where one score for each image goes, and one for each channel; 0 where it is not wanted.
    pub(super) images: u64,
    pub(super) channels: u64,
    pub(super) map: Option<Array>,
    /// With respect to x and to y.
    pub(super) gradients: [Option<Array>; 2],
    /// What each window counts, in the map's rows and columns.
    pub(super) counts: Option<Array>,
    /// In the place of that, what each pixel counts: one channel that stands for all, in the image's rows and columns. The
    /// kernels divide the factors of windows and gradients by what the weights of an image's windows sum up to; there must
    /// be one factor for each image, and for each channel of each image (but for the gradient of windows).
    pub(super) weights: Option<Array>,
    /// What the sum over a channel's windows is multiplied by for its mean, for each image.
    pub(super) window_factor: Factor,
    /// What each channel counts in its image's score.
    pub(super) channel_factor: Factor,
    /// What the derivative of a channel's sum over its windows is multiplied by, for each channel of each image.
    pub(super) gradient_factor: Factor,
}

impl Array {
    /// The same without so many pixels at each edge.
    pub(super) fn inside(mut self, margin: usize) -> Self {
        let elements = margin * (self.planes.row as usize + self.planes.col as usize);
        self.planes.data += (elements * self.kind.bytes()) as u64;
        self
    }
}

impl Call<'_> {
    /// Puts the work into the stream.
    ///
    /// # Safety
    ///
    /// All addresses are of the stream's device, with room for the shape (of the map, for the map and the counts; with one
    /// channel, for the weights) in
    /// the strides and types that go with them; what is written is written by nobody else until the stream has come
    /// past.
    pub(super) unsafe fn launch(&self, stream: &Stream) -> Result<()> {
        supports(self.metric)?;
        let factor = self.metric.factor(self.shape);
        if factor > 1 {
            // SAFETY: as the caller promises.
            return unsafe { reduced::launch(self, factor, stream) };
        }
        match self.fast(stream.device().has_wide()) {
            // SAFETY: as the caller promises.
            Some((job, target)) => unsafe { job.launch(stream, self.score, target) },
            // SAFETY: as the caller promises.
            None => unsafe { general::launch(self, stream) },
        }
    }

    /// The same for a fast kernel, where there is one that can do it, on a device that has those for windows of more than eleven taps or
    /// has not.
    fn fast(&self, has_wide: bool) -> Option<(Job<'_>, Target)> {
        let form = self.x.kind.form()?;
        let taps = job::taps(self.metric, self.shape, self.gradients != [None, None])?;
        let is_one_of = taps == TAPS || has_wide && job::suits(taps, self.shape);
        let [.., width] = self.shape;
        let fits = |array: &Array| job::fits(&array.planes, form, width);
        if !is_one_of
            || !fits(&self.x)
            || !fits(&self.y)
            || self.x.kind != self.y.kind
            || self.channels != 0
            || self.counts.or(self.weights).is_some()
        {
            return None;
        }
        let job = Job {
            metric: self.metric,
            form,
            taps,
            shape: self.shape,
            range: self.range,
            x: self.x.planes,
            y: self.y.planes,
        };
        // SSIM is symmetric: what is asked for with respect to y is so of the images exchanged.
        let exchanged = Job {
            x: self.y.planes,
            y: self.x.planes,
            ..job
        };
        let single = |array: &Array| (array.kind == Kind::F32).then_some(array.planes);
        match (&self.map, &self.gradients, &self.gradient_factor) {
            (None, [None, None], _) => Some((job, Target::Scores(self.images))),
            (Some(map), [None, None], _) if self.images == 0 && matches!(self.score, Score::Ssim) => {
                Some((job, Target::Map(single(map)?)))
            }
            (None, [by_x, by_y], &Factor::All(factor)) => {
                let (job, gradient, by_y) = match (by_x, by_y) {
                    (Some(by_x), by_y) => (job, by_x, by_y.as_ref()),
                    (None, Some(by_y)) => (exchanged, by_y, None),
                    (None, None) => return None,
                };
                let target = Target::Gradient {
                    scores: self.images,
                    gradient: single(gradient)?,
                    by_y: match by_y {
                        Some(by_y) => Some(single(by_y)?),
                        None => None,
                    },
                    factor,
                };
                Some((job, target))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cuda::layout::Layout;
    use crate::options::Padding;

    /// A call for the scores of two planar batches.
    pub(in crate::cuda) fn call(metric: &Ssim, shape: [usize; 4], kind: Kind) -> Call<'_> {
        let layout = Layout::planar("x", shape).expect("a valid shape");
        let at = |address| Array {
            planes: layout.planes(address),
            kind,
        };
        Call {
            metric,
            shape,
            range: kind.range(),
            x: at(1 << 40),
            y: at(1 << 41),
            score: Score::Ssim,
            images: 64,
            channels: 0,
            map: None,
            gradients: [None, None],
            counts: None,
            weights: None,
            window_factor: Factor::All(1.0 / 600.0),
            channel_factor: Factor::All(1.0),
            gradient_factor: Factor::All(1.0 / 600.0),
        }
    }

    #[test]
    fn the_default_is_fast_and_what_it_cannot_do_is_general() {
        let metric = Ssim::default();
        let fast = || call(&metric, [1, 1, 20, 30], Kind::F32);
        let array = fast().x;
        for (call, expected) in [
            (fast(), true),
            (call(&metric, [1, 1, 20, 30], Kind::U8), true),
            (call(&metric, [1, 1, 20, 30], Kind::F64), false),
            (call(&metric, [1, 1, 20, 30], Kind::F16), true),
            (call(&metric, [1, 1, 20, 30], Kind::Bf16), true),
            (Call { channels: 8, ..fast() }, false),
            (
                Call {
                    counts: Some(array),
                    ..fast()
                },
                false,
            ),
            (
                Call {
                    weights: Some(array),
                    ..fast()
                },
                false,
            ),
            (
                Call {
                    images: 0,
                    map: Some(array),
                    ..fast()
                },
                true,
            ),
            (
                Call {
                    map: Some(array),
                    ..fast()
                },
                false,
            ),
            (
                Call {
                    gradients: [Some(array), None],
                    ..fast()
                },
                true,
            ),
            (
                Call {
                    gradients: [None, Some(array)],
                    ..fast()
                },
                true,
            ),
            (
                Call {
                    gradients: [Some(array), Some(array)],
                    ..fast()
                },
                true,
            ),
            (
                Call {
                    gradients: [Some(array), Some(array)],
                    map: Some(array),
                    ..fast()
                },
                false,
            ),
            (
                Call {
                    gradients: [Some(array), None],
                    gradient_factor: Factor::new(vec![1.0, 2.0]),
                    ..fast()
                },
                false,
            ),
            (
                Call {
                    gradients: [
                        Some(Array {
                            kind: Kind::F16,
                            ..array
                        }),
                        None,
                    ],
                    ..fast()
                },
                false,
            ),
        ] {
            assert_eq!(call.fast(true).is_some(), expected, "{call:?}");
        }
        let of = |gradients| Call { gradients, ..fast() };
        let target = |call: &Call<'_>| {
            let (job, target) = call.fast(true).expect("the fast kernels can do it");
            (job.x, matches!(target, Target::Gradient { by_y: Some(_), .. }))
        };
        let (x, y) = (fast().x.planes, fast().y.planes);
        assert_eq!(target(&of([Some(array), None])), (x, false));
        assert_eq!(target(&of([None, Some(array)])), (y, false), "the images exchanged");
        assert_eq!(target(&of([Some(array); 2])), (x, true), "one launch for both");
        let larger = Ssim::builder().window(13).build().expect("valid");
        for (shape, kind, has_wide, expected) in [
            ([1, 1, 500, 500], Kind::F32, true, true),
            ([1, 1, 500, 500], Kind::F32, false, false),
            ([1, 1, 500, 500], Kind::U8, true, true),
            ([8, 1, 20, 30], Kind::F32, true, true),
            ([8, 1, 12, 30], Kind::F32, true, false),
        ] {
            let found = call(&larger, shape, kind).fast(has_wide).is_some();
            assert_eq!(found, expected, "{shape:?} {kind:?} {has_wide}");
        }
        // Rows further apart than 32 bits have room for in bytes, in either image.
        let mut far = array;
        far.planes.row = 1 << 30;
        for (x, y, expected) in [(array, array, true), (far, array, false), (array, far, false)] {
            assert_eq!(Call { x, y, ..fast() }.fast(true).is_some(), expected);
        }
        for metric in [
            Ssim::builder().exponents([1.0, 0.0, 0.0]),
            Ssim::builder().channel_weights([1.0]),
        ] {
            let metric = metric.build().expect("valid");
            assert!(call(&metric, [1, 1, 20, 30], Kind::F32).fast(true).is_none());
        }
        for (padding, shape, gradients, expected) in [
            (Padding::Symmetric, [1, 1, 20, 30], [None, Some(array)], true),
            (Padding::Symmetric, [1, 1, 10, 30], [None, Some(array)], false),
            (Padding::Replicate, [1, 1, 20, 30], [None, None], true),
            (Padding::Replicate, [1, 1, 20, 30], [None, Some(array)], false),
            (Padding::Reflect, [1, 1, 9000, 33], [None, Some(array)], true),
            (Padding::Reflect, [1, 1, 9000, 32], [None, Some(array)], true),
            (Padding::Replicate, [1, 1, 9000, 33], [None, Some(array)], false),
        ] {
            let metric = Ssim::builder().padding(padding).build().expect("valid");
            let call = Call {
                gradients,
                ..call(&metric, shape, Kind::F32)
            };
            assert_eq!(call.fast(true).is_some(), expected, "{call:?}");
        }
    }

    #[test]
    fn windows_have_a_limit() {
        let of = |size| supports(&Ssim::builder().window(size).build().expect("valid"));
        assert_eq!(of(33), Ok(()));
        assert!(matches!(of(35), Err(CudaError::Unsupported { .. })));
    }
}
