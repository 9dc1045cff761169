//! What kernels need besides images: partial sums, counters, and scores that nobody asked for.
//!
//! It belongs to one stream, on which kernels run one after another, so that they can share it. It grows when a
//! larger problem comes and is used again and again: the steady state allocates nothing.

use fastssim_kernels::geometry::{Launch, Work};
use fastssim_kernels::params::Params;

use super::device::Device;
use super::general::Plan;
use super::memory::DeviceBuffer;
use super::stream::refuse_capture;
use super::sys::{self, CUstream};
use crate::CudaError;

/// The least size of a buffer in bytes.
const LEAST: usize = 4096;

#[derive(Default)]
pub(super) struct Workspace {
    partials: Option<DeviceBuffer>,
    counters: Option<DeviceBuffer>,
    scores: Option<DeviceBuffer>,
    /// Of windows, between two kernels.
    derivatives: Option<DeviceBuffer>,
    /// Numbers of the host's that a general kernel reads.
    factors: Option<DeviceBuffer>,
    /// Sums over tiles of what windows count.
    weights: Option<DeviceBuffer>,
    /// Images made smaller: as many as threads have put such work into the stream at the same time.
    smaller: Vec<DeviceBuffer>,
    /// Buffers that were too small, which kernels in the stream may still be using. Each is at most half as large as
    /// the one that took its place, so that they never amount to much.
    retired: Vec<DeviceBuffer>,
}

impl Workspace {
    /// Makes room for a launch, with so many bytes of derivatives, and tells its parameters where; the scores' place only where they
    /// have none yet. Maps need none of it.
    ///
    /// # Safety
    ///
    /// The device's context is current, the stream belongs to it, and it is the only one that this workspace is
    /// used with.
    pub(super) unsafe fn prepare(
        &mut self,
        device: &Device,
        stream: CUstream,
        work: Work,
        (launch, derivatives): (&Launch, usize),
        params: &mut Params,
    ) -> Result<(), CudaError> {
        if work == Work::Map {
            return Ok(());
        }
        if derivatives > 0 {
            reserve(&mut self.derivatives, &mut self.retired, device, stream, derivatives)?;
            params.derivatives = address(&self.derivatives);
        }
        let (tiles, images) = (launch.tiles as usize, params.images as usize);
        reserve(
            &mut self.partials,
            &mut self.retired,
            device,
            stream,
            tiles * size_of::<f64>(),
        )?;
        params.partials = address(&self.partials);
        if params.scores == 0 {
            reserve(
                &mut self.scores,
                &mut self.retired,
                device,
                stream,
                images * size_of::<f64>(),
            )?;
            params.scores = address(&self.scores);
        }
        if reserve(
            &mut self.counters,
            &mut self.retired,
            device,
            stream,
            images * size_of::<u32>(),
        )? && let Some(counters) = &self.counters
        {
            // Kernels leave zeros behind, but begin with them as well. In the stream, so that no one waits.
            // SAFETY: the whole of a buffer that no kernel has seen yet.
            let status = unsafe { sys::cuMemsetD8Async(counters.address(), 0, counters.bytes(), stream) };
            device
                .check("cuMemsetD8Async", status)
                .inspect_err(|_| self.counters = None)?;
        }
        params.counters = address(&self.counters);
        Ok(())
    }

    /// Makes room for the launches of a plan and tells its parameters where, and where `factors` numbers of the host's
    /// go. The device's context is current.
    pub(super) fn prepare_general(
        &mut self,
        device: &Device,
        stream: CUstream,
        plan: &mut Plan,
        factors: usize,
    ) -> Result<u64, CudaError> {
        if plan.has_scores() {
            reserve(&mut self.partials, &mut self.retired, device, stream, plan.partials)?;
            plan.params.partials = address(&self.partials);
        }
        if plan.derivatives > 0 {
            reserve(
                &mut self.derivatives,
                &mut self.retired,
                device,
                stream,
                plan.derivatives,
            )?;
            plan.params.derivatives = address(&self.derivatives);
        }
        if plan.weights > 0 {
            reserve(&mut self.weights, &mut self.retired, device, stream, plan.weights)?;
            plan.sums_of_weights = address(&self.weights);
        }
        if factors > 0 {
            reserve(
                &mut self.factors,
                &mut self.retired,
                device,
                stream,
                factors * size_of::<f64>(),
            )?;
        }
        Ok(address(&self.factors))
    }

    /// Memory for smaller images, of at least so many bytes, for as long as it takes to put a call into the stream. The
    /// device's context is current.
    pub(super) fn take_smaller(
        &mut self,
        device: &Device,
        stream: CUstream,
        bytes: usize,
    ) -> Result<DeviceBuffer, CudaError> {
        let mut slot = self.smaller.pop();
        let reserved = reserve(&mut slot, &mut self.retired, device, stream, bytes);
        match (reserved, slot) {
            (Ok(_), Some(buffer)) => Ok(buffer),
            (Ok(_), None) => DeviceBuffer::new(device, bytes),
            (Err(error), slot) => {
                // Kernels in the stream may still be using it.
                self.smaller.extend(slot);
                Err(error)
            }
        }
    }

    /// Takes it back, for the next call in the stream.
    pub(super) fn keep_smaller(&mut self, buffer: DeviceBuffer) {
        self.smaller.push(buffer);
    }

    /// The buffers that were too small, to be dropped when the stream has done what was in it before this call.
    pub(super) fn take_retired(&mut self) -> Vec<DeviceBuffer> {
        std::mem::take(&mut self.retired)
    }
}

fn address(slot: &Option<DeviceBuffer>) -> u64 {
    slot.as_ref().map_or(0, DeviceBuffer::address)
}

/// Puts a new buffer of at least `bytes` in the place of one that is too small; says whether it has. Not while the
/// stream is captured: the driver would end the capture, and zeros that a graph is to write are not there before it
/// runs.
fn reserve(
    slot: &mut Option<DeviceBuffer>,
    retired: &mut Vec<DeviceBuffer>,
    device: &Device,
    stream: CUstream,
    bytes: usize,
) -> Result<bool, CudaError> {
    if slot.as_ref().is_some_and(|buffer| buffer.bytes() >= bytes) {
        return Ok(false);
    }
    refuse_capture(
        device,
        stream,
        "the first call of a size in a stream, which allocates,",
        "calls of no more images and tiles than the stream has done before",
    )?;
    let size = bytes.checked_next_power_of_two().unwrap_or(bytes).max(LEAST);
    let larger = DeviceBuffer::new(device, size)?;
    retired.extend(slot.replace(larger));
    Ok(true)
}
