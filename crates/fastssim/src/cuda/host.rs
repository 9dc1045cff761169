//! Host images on a GPU: copied there, compared, and the results copied back.

use std::sync::{Mutex, OnceLock, PoisonError};

use ndarray::{ArrayView4, ArrayViewMut4};

use super::device::{Device, devices};
use super::images::DevicePixel;
use super::job::{Job, Target, supports};
use super::layout::Layout;
use super::memory::DeviceBuffer;
use super::scores;
use super::stream::Stream;
use crate::CudaError;
use crate::config::Ssim;
use crate::error::{Error, Result};
use crate::input::{Pixels, RealsMut};
use crate::problem::{Means, Output, Problem, Score, Upstream};

/// The device that `Backend::Auto` takes for this metric, if there is one that works and has what it needs.
///
/// The device is chosen at the first call and for the whole process; after a fault there is none.
pub(crate) fn auto(metric: &Ssim) -> Option<Device> {
    static CHOICE: OnceLock<Option<Device>> = OnceLock::new();
    supports(metric).ok()?;
    let device = (*CHOICE.get_or_init(|| {
        let devices = devices().ok()?;
        devices.iter().find_map(|info| Device::new(info.index).ok())
    }))?;
    // It may have failed since.
    device.usable().ok()?;
    Some(device)
}

/// Whether the kernels can do what this call asks for.
pub(crate) fn takes(problem: &Problem<'_>, means: &Means<'_>, output: &Output<'_, '_>) -> Result<(), CudaError> {
    let (x, y) = (problem.x.type_name(), problem.y.type_name());
    if x != y {
        return Err(unsupported(
            format!("pixels of types {x} and {y}"),
            "two images of one type",
        ));
    }
    if !matches!(problem.x, Pixels::U8(_) | Pixels::U16(_) | Pixels::F32(_)) {
        return Err(unsupported(format!("pixels of type {x}"), "u8, u16 and f32"));
    }
    if problem.weights.is_some() {
        return Err(unsupported("weights of pixels".into(), "all pixels alike"));
    }
    if means.channels.is_some() {
        return Err(unsupported("a score for each channel".into(), "one for each image"));
    }
    let f32_alone = "maps and gradients of f32";
    match output {
        Output::Nothing => Ok(()),
        Output::Map {
            score: Score::Dssim { .. },
            ..
        } => Err(unsupported("a map of DSSIM".into(), "maps of SSIM")),
        Output::Map {
            into: RealsMut::F32(_), ..
        } => Ok(()),
        Output::Map { .. } => Err(unsupported("a map of another type".into(), f32_alone)),
        Output::Gradient { into: [_, Some(_)], .. } => Err(unsupported(
            "the gradient with respect to y".into(),
            "that with respect to x",
        )),
        Output::Gradient { of, .. } if !matches!(of.upstream, Upstream::All(_)) => Err(unsupported(
            "an upstream gradient for each image".into(),
            "one number for all",
        )),
        Output::Gradient {
            into: [None | Some(RealsMut::F32(_)), _],
            ..
        } => Ok(()),
        Output::Gradient { .. } => Err(unsupported("a gradient of another type".into(), f32_alone)),
    }
}

/// Computes the scores and the output of host images on a device.
pub(crate) fn run(
    device: &Device,
    metric: &Ssim,
    problem: &Problem<'_>,
    score: Score,
    means: Means<'_>,
    output: Output<'_, '_>,
) -> Result<()> {
    takes(problem, &means, &output)?;
    let scores = means.images;
    match (problem.x, problem.y) {
        (Pixels::U8(x), Pixels::U8(y)) => on_worker(device, metric, problem, [x, y], score, scores, output),
        (Pixels::U16(x), Pixels::U16(y)) => on_worker(device, metric, problem, [x, y], score, scores, output),
        (Pixels::F32(x), Pixels::F32(y)) => on_worker(device, metric, problem, [x, y], score, scores, output),
        // Refused above.
        (x, _) => Err(unsupported(format!("pixels of type {}", x.type_name()), "u8, u16 and f32").into()),
    }
}

fn on_worker<T: DevicePixel>(
    device: &Device,
    metric: &Ssim,
    problem: &Problem<'_>,
    images: [ArrayView4<'_, T>; 2],
    score: Score,
    mut scores: Option<&mut [f64]>,
    mut output: Output<'_, '_>,
) -> Result<()> {
    supports(metric)?;
    let pool = device.pool();
    let mut attempt = || {
        let mut worker = pool.take(device)?;
        let scores = scores.as_deref_mut();
        let result = worker.run(metric, problem, images, score, scores, output.reborrow());
        if !is_out_of_memory(&result) {
            // After another error as well: what is in its stream is done before what comes next. One that found
            // no memory is dropped, with the memory that it has.
            pool.give_back(worker);
        }
        result
    };
    let result = attempt();
    if is_out_of_memory(&result) {
        // What is kept for later calls is what this one may lack.
        pool.clear();
        return attempt();
    }
    result
}

fn is_out_of_memory(result: &Result<()>) -> bool {
    matches!(result, Err(Error::Cuda(CudaError::OutOfMemory { .. })))
}

fn unsupported(what: String, allowed: &'static str) -> CudaError {
    CudaError::Unsupported { what, allowed }
}

/// Streams with buffers for images, as many as threads have called at the same time. They are kept for the next
/// call, with as much memory as the largest call needed.
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<Worker>>,
}

impl Pool {
    fn take(&self, device: &Device) -> Result<Worker> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| Worker::new(device), Ok)
    }

    /// Drops all that are idle.
    fn clear(&self) {
        // They wait for their streams: not while the lock is held.
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop(idle);
    }

    fn give_back(&self, worker: Worker) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
    }
}

/// A stream, and memory for one call at a time.
struct Worker {
    stream: Stream,
    x: Option<DeviceBuffer>,
    y: Option<DeviceBuffer>,
    out: Option<DeviceBuffer>,
    scores: Option<DeviceBuffer>,
}

impl Worker {
    fn new(device: &Device) -> Result<Self> {
        Ok(Self {
            stream: Stream::new(device)?,
            x: None,
            y: None,
            out: None,
            scores: None,
        })
    }

    fn run<T: DevicePixel>(
        &mut self,
        metric: &Ssim,
        problem: &Problem<'_>,
        [x, y]: [ArrayView4<'_, T>; 2],
        score: Score,
        scores: Option<&mut [f64]>,
        output: Output<'_, '_>,
    ) -> Result<()> {
        let device = *self.stream.device();
        let (x_layout, y_layout) = (Layout::like("x", &x)?, Layout::like("y", &y)?);
        let bytes = x_layout.span() * size_of::<T>();
        let x_address = reserve(&mut self.x, &device, bytes)?;
        let y_address = reserve(&mut self.y, &device, bytes)?;
        let scores_address = reserve(&mut self.scores, &device, problem.shape[0] * size_of::<f64>())?;
        let out = Out::new(&device, &mut self.out, problem, &output)?;
        // SAFETY: the buffers have room for these layouts, and are this worker's; kernels before in the stream have
        // done with them when the copies come.
        unsafe {
            self.stream.upload(x_address, &x_layout, x)?;
            self.stream.upload(y_address, &y_layout, y)?;
        }
        let (x, y) = ((x_address, &x_layout), (y_address, &y_layout));
        let job = Job::new(metric, T::KIND, problem.range, x, y);
        // SAFETY: the buffers have room for the images, the output and the scores, and are this worker's.
        unsafe { job.launch(&self.stream, score, out.target(scores_address, &output)) }?;
        if let Some(scores) = scores {
            // SAFETY: the kernel has been told to write as many scores there.
            unsafe { scores::download(&self.stream, scores_address, scores) }?;
        }
        if let Some((view, layout)) = real(output).zip(out.layout) {
            // SAFETY: the kernel has been told to write the output there, in this layout.
            unsafe { self.stream.download(out.address, &layout, view) }?;
        }
        Ok(())
    }
}

/// Where on the device the output goes.
struct Out {
    address: u64,
    /// `None` where nothing but scores is wanted.
    layout: Option<Layout>,
}

impl Out {
    fn new(
        device: &Device,
        buffer: &mut Option<DeviceBuffer>,
        problem: &Problem<'_>,
        output: &Output<'_, '_>,
    ) -> Result<Self> {
        let layout = match output {
            Output::Nothing => {
                return Ok(Self {
                    address: 0,
                    layout: None,
                });
            }
            Output::Map { .. } => Layout::planar("map", problem.map_shape())?,
            Output::Gradient { .. } => Layout::planar("gradient", problem.shape)?,
        };
        Ok(Self {
            address: reserve(buffer, device, layout.span() * size_of::<f32>())?,
            layout: Some(layout),
        })
    }

    fn target(&self, scores: u64, output: &Output<'_, '_>) -> Target {
        match (&self.layout, output) {
            (Some(layout), Output::Map { .. }) => Target::Map(layout.planes(self.address)),
            (Some(layout), Output::Gradient { of, .. }) => Target::Gradient {
                scores,
                gradient: layout.planes(self.address),
                upstream: match of.upstream {
                    Upstream::All(upstream) => upstream,
                    // Refused before.
                    _ => f64::NAN,
                },
            },
            _ => Target::Scores(scores),
        }
    }
}

/// The array that an output fills; others than `f32` have been refused.
fn real<'a>(output: Output<'a, '_>) -> Option<ArrayViewMut4<'a, f32>> {
    match output {
        Output::Map {
            into: RealsMut::F32(view),
            ..
        }
        | Output::Gradient {
            into: [Some(RealsMut::F32(view)), _],
            ..
        } => Some(view),
        _ => None,
    }
}

/// The address of a buffer of at least so many bytes; one that is too small is freed first, to have its memory.
fn reserve(slot: &mut Option<DeviceBuffer>, device: &Device, bytes: usize) -> Result<u64, CudaError> {
    match slot {
        Some(buffer) if buffer.bytes() >= bytes => Ok(buffer.address()),
        _ => {
            *slot = None;
            Ok(slot.insert(DeviceBuffer::new(device, bytes)?).address())
        }
    }
}
