//! Host images on a GPU: copied there, compared, and the results copied back.

use std::sync::{Mutex, OnceLock, PoisonError};

use ndarray::{ArrayView3, ArrayView4, Axis, s};

use super::call::{Array, Call, Factor, supports};
use super::device::{Device, devices};
use super::images::{DevicePixel, Kind};
use super::layout::Layout;
use super::memory::DeviceBuffer;
use super::scores;
use super::stream::Stream;
use crate::CudaError;
use crate::config::Ssim;
use crate::error::{Error, Result};
use crate::input::{Pixels, Reals, RealsMut};
use crate::problem::{Derived, Means, Output, Problem, Score, Upstream};
use crate::reference::Reference;
use crate::weights::{View, WindowWeights};

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

/// Computes the scores and the output of host images on a device.
pub(crate) fn run(
    device: &Device,
    metric: &Ssim,
    problem: &Problem<'_>,
    score: Score,
    mut means: Means<'_>,
    mut output: Output<'_, '_>,
) -> Result<()> {
    supports(metric)?;
    let pool = device.pool();
    let mut attempt = || {
        let mut worker = pool.take(device)?;
        let result = worker.run(metric, problem, score, means.reborrow(), output.reborrow());
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
    memory: Memory,
}

/// A buffer for each array of a call.
#[derive(Default)]
struct Memory {
    x: Option<DeviceBuffer>,
    y: Option<DeviceBuffer>,
    /// Weights of pixels, or the upstream gradient of a map.
    counts: Option<DeviceBuffer>,
    /// A map or a gradient, and the other gradient.
    out: [Option<DeviceBuffer>; 2],
    /// Of images, then of channels.
    scores: Option<DeviceBuffer>,
}

impl Worker {
    fn new(device: &Device) -> Result<Self> {
        Ok(Self {
            stream: Stream::new(device)?,
            memory: Memory::default(),
        })
    }

    fn run(
        &mut self,
        metric: &Ssim,
        problem: &Problem<'_>,
        score: Score,
        means: Means<'_>,
        output: Output<'_, '_>,
    ) -> Result<()> {
        let (stream, memory) = (&self.stream, &mut self.memory);
        let [images, channels, ..] = problem.shape;
        let bytes = (images + images * channels) * size_of::<f64>();
        let scores = reserve(&mut memory.scores, stream.device(), bytes)?;
        let counts = match (&output, &problem.weights) {
            (
                Output::Gradient {
                    of:
                        Derived {
                            upstream: Upstream::Map(map),
                            ..
                        },
                    ..
                },
                _,
            ) => Some(put_reals(stream, &mut memory.counts, *map)?),
            (_, Some(weights)) => Some(put_weights(stream, &mut memory.counts, weights, problem)?),
            _ => None,
        };
        let mut call = Call {
            metric,
            shape: problem.shape,
            range: problem.range,
            x: input(stream, &mut memory.x, "x", problem.x, problem.prepared[0])?,
            y: input(stream, &mut memory.y, "y", problem.y, problem.prepared[1])?,
            score,
            images: if means.images.is_some() { scores } else { 0 },
            channels: 0,
            map: None,
            gradients: [None, None],
            counts,
            weights: None,
            window_factor: Factor::new((0..images).map(|image| problem.window_factor(image)).collect()),
            channel_factor: Factor::new((0..channels).map(|channel| problem.channel_factor(channel)).collect()),
            gradient_factor: Factor::All(0.0),
        };
        if means.channels.is_some() {
            call.channels = scores + (images * size_of::<f64>()) as u64;
        }
        let [first, second] = &mut memory.out;
        let mut outs = [None, None];
        match output {
            Output::Nothing => {}
            Output::Map { into, .. } => {
                let out = Out::new(stream.device(), first, "map", into)?;
                call.map = Some(out.array);
                outs[0] = Some(out);
            }
            Output::Gradient { into: [x, y], of } => {
                let factor = |plane| problem.gradient_factor(of, plane / channels, plane % channels);
                call.gradient_factor = Factor::new((0..images * channels).map(factor).collect());
                for (i, (slot, into)) in [(first, x), (second, y)].into_iter().enumerate() {
                    let out = into.map(|into| Out::new(stream.device(), slot, "gradient", into));
                    outs[i] = out.transpose()?;
                    call.gradients[i] = outs[i].as_ref().map(|out| out.array);
                }
            }
        }
        // SAFETY: the buffers have room for the images, the outputs and the scores, and are this worker's.
        unsafe { call.launch(stream) }?;
        for (address, into) in [(call.images, means.images), (call.channels, means.channels)] {
            if let Some(into) = into {
                // SAFETY: the kernels have been told to write as many scores there.
                unsafe { scores::download(stream, address, into) }?;
            }
        }
        for out in outs.into_iter().flatten() {
            out.download(stream)?;
        }
        Ok(())
    }
}

/// Copies an array to the device, into a buffer that has room or makes it.
fn put<T: DevicePixel>(
    stream: &Stream,
    slot: &mut Option<DeviceBuffer>,
    name: &'static str,
    view: ArrayView4<'_, T>,
) -> Result<Array> {
    let layout = Layout::like(name, &view)?;
    let address = reserve(slot, stream.device(), layout.span() * size_of::<T>())?;
    // SAFETY: the buffer has room for this layout, and is the caller's; kernels before in the stream have done with it
    // when the copy comes.
    unsafe { stream.upload(address, &layout, view) }?;
    Ok(Array {
        planes: layout.planes(address),
        kind: T::KIND,
    })
}

/// An input on the device: a reference is there already, or will be for the next call.
fn input(
    stream: &Stream,
    slot: &mut Option<DeviceBuffer>,
    name: &'static str,
    pixels: Pixels<'_>,
    prepared: Option<&Reference>,
) -> Result<Array> {
    match prepared {
        Some(reference) => reference.residents().array(stream, reference.pixels()),
        None => put_pixels(stream, slot, name, pixels),
    }
}

pub(super) fn put_pixels(
    stream: &Stream,
    slot: &mut Option<DeviceBuffer>,
    name: &'static str,
    pixels: Pixels<'_>,
) -> Result<Array> {
    match pixels {
        Pixels::U8(view) => put(stream, slot, name, view),
        Pixels::U16(view) => put(stream, slot, name, view),
        Pixels::F16(view) => put(stream, slot, name, view),
        Pixels::Bf16(view) => put(stream, slot, name, view),
        Pixels::F32(view) => put(stream, slot, name, view),
        Pixels::F64(view) => put(stream, slot, name, view),
    }
}

fn put_reals(stream: &Stream, slot: &mut Option<DeviceBuffer>, reals: Reals<'_>) -> Result<Array> {
    let name = "the upstream gradient";
    match reals {
        Reals::F16(view) => put(stream, slot, name, view),
        Reals::Bf16(view) => put(stream, slot, name, view),
        Reals::F32(view) => put(stream, slot, name, view),
        Reals::F64(view) => put(stream, slot, name, view),
    }
}

/// The weights of the windows, one channel that stands for all.
fn put_weights(
    stream: &Stream,
    slot: &mut Option<DeviceBuffer>,
    weights: &WindowWeights<'_>,
    problem: &Problem<'_>,
) -> Result<Array> {
    fn of_map<T>(view: ArrayView3<'_, T>, margin: usize) -> ArrayView4<'_, T> {
        let (_, height, width) = view.dim();
        let map = s![.., margin..height - margin, margin..width - margin];
        view.slice_move(map).insert_axis(Axis(1))
    }
    let margin = problem.margin();
    match weights.view() {
        View::U8(view) => put(stream, slot, "weights", of_map(view, margin)),
        View::F32(view) => put(stream, slot, "weights", of_map(view, margin)),
    }
}

/// An array of the host's to fill, and where on the device its numbers come to be.
struct Out<'a> {
    array: Array,
    layout: Layout,
    into: RealsMut<'a>,
}

impl<'a> Out<'a> {
    fn new(device: &Device, slot: &mut Option<DeviceBuffer>, name: &'static str, into: RealsMut<'a>) -> Result<Self> {
        let layout = Layout::planar(name, into.shape())?;
        let kind = match into {
            RealsMut::F16(_) => Kind::F16,
            RealsMut::Bf16(_) => Kind::Bf16,
            RealsMut::F32(_) => Kind::F32,
            RealsMut::F64(_) => Kind::F64,
        };
        let address = reserve(slot, device, layout.span() * kind.bytes())?;
        let planes = layout.planes(address);
        Ok(Self {
            array: Array { planes, kind },
            layout,
            into,
        })
    }

    /// Copies the numbers to the host, and waits for them.
    fn download(self, stream: &Stream) -> Result<()> {
        let (address, layout) = (self.array.planes.data, &self.layout);
        // SAFETY: the kernels have been told to write the numbers there, in this layout and type.
        Ok(unsafe {
            match self.into {
                RealsMut::F16(view) => stream.download(address, layout, view),
                RealsMut::Bf16(view) => stream.download(address, layout, view),
                RealsMut::F32(view) => stream.download(address, layout, view),
                RealsMut::F64(view) => stream.download(address, layout, view),
            }
        }?)
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
