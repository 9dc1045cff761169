//! Streams: queues of work for a device, each with all that a launch needs.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastssim_kernels::form::Form;
use fastssim_kernels::general::geometry::{Resizing, launch_accumulate, launch_resize};
use fastssim_kernels::general::params::{Accumulate, Resize};
use fastssim_kernels::geometry::{self, Launch, Work, launch};
use fastssim_kernels::params::{Padding, Params};
use ndarray::{ArrayView4, ArrayViewMut4};

use super::device::{Current, Device};
use super::event::Event;
use super::general::Plan;
use super::images::same_device;
use super::layout::Layout;
use super::memory::{DeviceBuffer, PinnedBuffer, Plain};
use super::module::{Kernel, start};
use super::packing::{Gather, Scatter};
use super::split::Split;
use super::staging::Staging;
use super::sys::{self, CUstream, CUstream_flags};
use super::workspace::Workspace;
use crate::CudaError;
use crate::error::{Error, Result};

/// `CU_STREAM_PER_THREAD`
const PER_THREAD: usize = 2;

/// A queue of work for one device, done in order and apart from other streams.
///
/// What goes into a stream is done later; functions that wait for it say so. Work on several streams has no order
/// among itself: before one stream uses what another has written, [`wait_for`](Self::wait_for) puts them in order.
///
/// A stream keeps the little memory that kernels need besides images, and pinned buffers for copies. So make one
/// and keep it: from the second call of the same size on, nothing is allocated.
///
/// It can be used from several threads at the same time.
pub struct Stream {
    device: Device,
    raw: CUstream,
    /// Whether it is ours to destroy.
    owned: bool,
    workspace: Mutex<Workspace>,
    staging: Mutex<Staging>,
}

// SAFETY: the driver takes a stream from any thread.
unsafe impl Send for Stream {}
// SAFETY: the driver takes a stream from several threads at once; the rest is behind locks.
unsafe impl Sync for Stream {}

impl Stream {
    /// A new stream, which does not wait for the default stream.
    ///
    /// # Errors
    ///
    /// [`CudaError::Fault`] and [`CudaError::Driver`].
    pub fn new(device: &Device) -> Result<Self> {
        let _current = device.enter()?;
        let mut raw = ptr::null_mut();
        let flags = CUstream_flags::CU_STREAM_NON_BLOCKING as u32;
        // SAFETY: writes one pointer; the context is current.
        device.check("cuStreamCreate", unsafe { sys::cuStreamCreate(&mut raw, flags) })?;
        Ok(Self::from_parts(device, raw, true))
    }

    /// A stream that belongs to someone else: a `CUstream` or `cudaStream_t`, null being the default stream.
    ///
    /// Its work takes its place in the stream without a copy or a synchronisation. Dropping this leaves the stream
    /// itself alone, but waits for its work.
    ///
    /// # Errors
    ///
    /// [`CudaError::Unsupported`] for `CU_STREAM_PER_THREAD` (`cudaStreamPerThread`), which is another stream on each
    /// thread: work from several of them would have no order, and its memory would be shared.
    ///
    /// # Safety
    ///
    /// The stream belongs to the device's primary context and outlives this value. Where its work is captured in a
    /// graph, the graph runs on memory that belongs to this value and to the images and scores of the calls: it is not
    /// launched after one of them is dropped or this value has been given larger work, nor while other work of this
    /// value, or another launch of the graph, may be running. The same holds for a stream of [`new`](Self::new) that is
    /// captured by its [address](Self::as_raw).
    pub unsafe fn from_raw(device: &Device, stream: *mut c_void) -> Result<Self> {
        if stream.addr() == PER_THREAD {
            return Err(CudaError::Unsupported {
                what: "the stream CU_STREAM_PER_THREAD".into(),
                allowed: "streams that are the same on all threads",
            }
            .into());
        }
        Ok(Self::from_parts(device, stream.cast(), false))
    }

    fn from_parts(device: &Device, raw: CUstream, owned: bool) -> Self {
        Self {
            device: *device,
            raw,
            owned,
            workspace: Mutex::default(),
            staging: Mutex::new(Staging::new(device)),
        }
    }

    /// The device that does the work.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The `CUstream`, for other libraries.
    pub fn as_raw(&self) -> *mut c_void {
        self.raw.cast()
    }

    /// Waits until all work that has been put into the stream is done.
    ///
    /// # Errors
    ///
    /// [`CudaError::Fault`] where some of it has failed.
    pub fn synchronize(&self) -> Result<()> {
        let current = self.device.enter()?;
        // Taken before and dropped after: what is retired meanwhile may still be in use.
        let retired = lock(&self.workspace).take_retired();
        let done = self.wait(&current);
        drop(retired);
        Ok(done?)
    }

    fn wait(&self, _current: &Current) -> Result<(), CudaError> {
        // SAFETY: the stream exists for as long as this value, and its context is current.
        let status = unsafe { sys::cuStreamSynchronize(self.raw) };
        self.device.check("cuStreamSynchronize", status)
    }

    /// Lets work that is put into this stream from now on wait for what is in `other` now. The host does not wait.
    ///
    /// # Errors
    ///
    /// [`CudaError::Fault`] and [`CudaError::Driver`].
    pub fn wait_for(&self, other: &Self) -> Result<()> {
        let event = Event::without_time(&other.device)?;
        {
            let _current = other.device.enter()?;
            // SAFETY: the event and the stream are of the same device, whose context is current.
            unsafe { event.record(&other.device, other.raw) }?;
        }
        let _current = self.device.enter()?;
        // SAFETY: both exist; the event may be of another device, and be destroyed before it is reached.
        let status = unsafe { sys::cuStreamWaitEvent(self.raw, event.as_raw(), 0) };
        Ok(self.device.check("cuStreamWaitEvent", status)?)
    }

    /// Puts an event into the stream: the device comes to it when it has done all work before.
    ///
    /// # Errors
    ///
    /// [`CudaError::WrongDevice`], [`CudaError::Fault`] and [`CudaError::Driver`].
    pub fn record(&self, event: &Event) -> Result<()> {
        same_device(event.device(), self, "the event")?;
        let _current = self.device.enter()?;
        // SAFETY: the event and the stream are of the same device, whose context is current.
        Ok(unsafe { event.record(&self.device, self.raw) }?)
    }

    /// Copies bytes within the device.
    ///
    /// # Safety
    ///
    /// There are so many bytes at both addresses, which are of this stream's device, and nobody writes to either until
    /// the stream has come past.
    pub(super) unsafe fn copy(&self, from: u64, to: u64, bytes: usize) -> Result<(), CudaError> {
        let _current = self.device.enter()?;
        // SAFETY: as the caller promises; the context is current.
        let status = unsafe { sys::cuMemcpyDtoDAsync_v2(to, from, bytes, self.raw) };
        self.device.check("cuMemcpyDtoDAsync", status)
    }

    /// Puts a fast kernel into the stream. Scores go to `params.scores`, nowhere if it is 0.
    ///
    /// # Safety
    ///
    /// The addresses in `params` of x, y, out and scores are of this stream's device, with room for all elements
    /// that the shape and the strides reach; what is written is written by nobody else until the stream has come
    /// past.
    pub(super) unsafe fn launch(&self, work: Work, form: Form, taps: u32, mut params: Params) -> Result<()> {
        let way = self.device.plan().way(work, form, taps, &params);
        let Some(launch) = launch(way, work, taps, &mut params) else {
            let shape = [params.images, params.channels, params.height, params.width];
            return Err(Error::Overflow {
                shape: shape.map(|extent| extent as usize),
            });
        };
        let _current = self.device.enter()?;
        // Locked until the kernel is in the stream, so that no other thread retires what it was told to use.
        let mut workspace = lock(&self.workspace);
        let split = match way {
            geometry::Way::Split => Some(Split::new(work, taps, &mut params)?),
            geometry::Way::March | geometry::Way::Patch => None,
        };
        let derivatives = split.as_ref().map_or(0, |split| split.bytes);
        // SAFETY: this workspace is used with this stream alone, and the context is current.
        unsafe { workspace.prepare(&self.device, self.raw, work, (&launch, derivatives), &mut params) }?;
        let module = self.device.module();
        let kernel = Kernel {
            way,
            work,
            form,
            taps,
            continued: params.padding != Padding::Zero as u32,
        };
        let Some(split) = split else {
            // SAFETY: images and scores as the caller promises, the workspace as `prepare` has made it; the kernels
            // before this one in the stream leave the counters zero.
            unsafe { module.launch(&self.device, &kernel, &launch, &params, self.raw) }?;
            return Ok(());
        };
        let adjoint = module.adjoint(&self.device, &kernel, self.raw)?;
        for (first, count) in split.chunks() {
            params.first = first;
            let of_chunk = |launch: &Launch| Launch {
                grid: launch.grid / split.planes * count,
                ..*launch
            };
            // SAFETY: as above; the second kernel follows the first, and the next channels come when it is done.
            unsafe {
                module.launch(&self.device, &kernel, &of_chunk(&launch), &params, self.raw)?;
                start(&self.device, adjoint, &of_chunk(&split.adjoint), &params, self.raw)?;
            }
        }
        Ok(())
    }

    /// Puts general kernels into the stream. `factors` are those of windows, channels and gradients; empty where one
    /// number stands for all.
    ///
    /// # Safety
    ///
    /// As of [`launch`](Self::launch), for the addresses of x, y, counts, map, gradients and scores; there is a factor
    /// for each image, each channel, and each channel of each image.
    pub(super) unsafe fn launch_general(&self, mut plan: Plan, factors: [&[f64]; 3]) -> Result<()> {
        let _current = self.device.enter()?;
        // Locked until the last kernel is in the stream: the workspace is one call's at a time.
        let mut workspace = lock(&self.workspace);
        let count = factors.iter().map(|factors| factors.len()).sum();
        if count > 0 {
            self.refuse_captured_copy()?;
        }
        let mut address = workspace.prepare_general(&self.device, self.raw, &mut plan, count)?;
        let params = &mut plan.params;
        let places = [
            &mut params.window_factors,
            &mut params.channel_factors,
            &mut params.gradient_factors,
        ];
        for (place, factors) in places.into_iter().zip(factors) {
            if factors.is_empty() {
                continue;
            }
            let mut rest = factors;
            let fill = |piece: &mut [f64]| {
                let (next, later) = rest.split_at(piece.len());
                piece.copy_from_slice(next);
                rest = later;
            };
            // SAFETY: the workspace has made room; kernels before in the stream have read what was there.
            unsafe { lock(&self.staging).upload(self.raw, address, factors.len(), fill) }?;
            *place = address;
            address += size_of_val(factors) as u64;
        }
        let module = self.device.module();
        plan.each(|work, launch, params| {
            // SAFETY: images, outputs and factors as the caller promises, the workspace as it has been made, and the
            // kernels in the order in which they need each other.
            unsafe { module.launch_general(&self.device, work, plan.precision, launch, params, self.raw) }
        })?;
        Ok(())
    }

    /// Puts a kernel into the stream that makes images smaller, or its adjoint.
    ///
    /// # Safety
    ///
    /// As of [`launch`](Self::launch), for the addresses in `params`.
    pub(super) unsafe fn resize(&self, resizing: Resizing, params: &Resize) -> Result<()> {
        let Some(launch) = launch_resize(resizing, params) else {
            let shape = [params.images, params.channels, params.height, params.width];
            return Err(Error::Overflow {
                shape: shape.map(|extent| extent as usize),
            });
        };
        let _current = self.device.enter()?;
        let module = self.device.module();
        // SAFETY: as the caller promises; the context is current.
        Ok(unsafe { module.launch_resize(&self.device, resizing, &launch, params, self.raw) }?)
    }

    /// Puts the kernel into the stream that adds scores to a running sum.
    ///
    /// # Safety
    ///
    /// As of [`launch`](Self::launch), for the addresses in `params`.
    pub(super) unsafe fn accumulate(&self, params: &Accumulate) -> Result<()> {
        let _current = self.device.enter()?;
        let (module, launch) = (self.device.module(), launch_accumulate());
        // SAFETY: as the caller promises; the context is current.
        Ok(unsafe { module.launch_accumulate(&self.device, &launch, params, self.raw) }?)
    }

    /// Memory for smaller images, which no other call has until it is [kept](Self::keep_smaller) again.
    pub(super) fn take_smaller(&self, bytes: usize) -> Result<DeviceBuffer> {
        let _current = self.device.enter()?;
        Ok(lock(&self.workspace).take_smaller(&self.device, self.raw, bytes)?)
    }

    /// Keeps memory for later calls: all work that uses it is in the stream.
    pub(super) fn keep_smaller(&self, buffer: DeviceBuffer) {
        lock(&self.workspace).keep_smaller(buffer);
    }

    /// Copies an array to the device in the order of `layout`, which must have no gaps. Returns when the array has
    /// been read.
    ///
    /// # Safety
    ///
    /// There is room at the address, which is of this stream's device, and nobody else uses it until the stream has
    /// come past.
    pub(super) unsafe fn upload<T: Plain>(
        &self,
        address: u64,
        layout: &Layout,
        view: ArrayView4<'_, T>,
    ) -> Result<(), CudaError> {
        let order = layout.order.ok_or_else(|| gaps("copying to images"))?;
        let mut gather = Gather::new(view.permuted_axes(order));
        let len = layout.span();
        let _current = self.device.enter()?;
        self.refuse_captured_copy()?;
        let mut staging = lock(&self.staging);
        // SAFETY: as the caller promises.
        unsafe { staging.upload(self.raw, address, len, |piece| gather.fill(piece)) }
    }

    /// Copies an array from the device, where it lies as `layout` says without gaps. Waits for it.
    ///
    /// # Safety
    ///
    /// The elements are at the address, which is of this stream's device, and nobody writes to them until this
    /// returns.
    pub(super) unsafe fn download<T: Plain>(
        &self,
        address: u64,
        layout: &Layout,
        view: ArrayViewMut4<'_, T>,
    ) -> Result<(), CudaError> {
        let order = layout.order.ok_or_else(|| gaps("copying from images"))?;
        let mut scatter = Scatter::new(view.permuted_axes(order));
        // SAFETY: as the caller promises.
        unsafe { self.download_span(address, layout.span(), |piece| scatter.write(piece)) }
    }

    /// Copies `len` elements from the device; `take` is given them piece by piece. Waits for them.
    ///
    /// # Safety
    ///
    /// As of [`download`](Self::download).
    pub(super) unsafe fn download_span<T: Plain>(
        &self,
        address: u64,
        len: usize,
        take: impl FnMut(&[T]),
    ) -> Result<(), CudaError> {
        let _current = self.device.enter()?;
        self.refuse_captured_copy()?;
        let mut staging = lock(&self.staging);
        // SAFETY: as the caller promises.
        unsafe { staging.download(self.raw, address, len, take) }
    }

    /// Copies bytes between pinned memory and the device, after all that `copied` marks, and moves that mark behind
    /// the copy. Returns at once.
    ///
    /// # Safety
    ///
    /// There are so many bytes in the buffer and at the address, which is of this stream's device as the buffer is.
    /// Nobody uses those at the address until the stream has come past, or those in the buffer until `copied` is
    /// reached.
    pub(super) unsafe fn copy_pinned(
        &self,
        way: Way,
        address: u64,
        buffer: &mut PinnedBuffer,
        bytes: usize,
        copied: &Event,
    ) -> Result<(), CudaError> {
        let device = &self.device;
        let current = device.enter()?;
        self.refuse_captured_copy()?;
        // SAFETY: both exist and are of this device.
        let status = unsafe { sys::cuStreamWaitEvent(self.raw, copied.as_raw(), 0) };
        device.check("cuStreamWaitEvent", status)?;
        match way {
            Way::ToDevice => {
                // SAFETY: as the caller promises; the context is current.
                let status = unsafe { sys::cuMemcpyHtoDAsync_v2(address, buffer.as_ptr(), bytes, self.raw) };
                device.check("cuMemcpyHtoDAsync", status)?;
            }
            Way::ToHost => {
                // SAFETY: as above.
                let status = unsafe { sys::cuMemcpyDtoHAsync_v2(buffer.as_mut_ptr(), address, bytes, self.raw) };
                device.check("cuMemcpyDtoHAsync", status)?;
            }
        }
        // SAFETY: of one device, whose context is current.
        unsafe { copied.record(device, self.raw) }.inspect_err(|_| {
            // No mark tells of the copy: it must be over before anyone uses the buffer.
            let _ = self.wait(&current);
        })
    }

    /// Copies between the host and the device are no part of graphs: they would be done again with whatever is in the
    /// host's memory by then.
    fn refuse_captured_copy(&self) -> Result<(), CudaError> {
        refuse_capture(
            &self.device,
            self.raw,
            "a copy between the host and the device",
            "calls with results on the device",
        )
    }

    /// Fills memory with zeros.
    ///
    /// # Safety
    ///
    /// There are so many bytes at the address, which is of this stream's device, and nobody else uses them until the
    /// stream has come past.
    pub(super) unsafe fn clear(&self, address: u64, bytes: usize) -> Result<(), CudaError> {
        let _current = self.device.enter()?;
        // SAFETY: as the caller promises; the context is current.
        let status = unsafe { sys::cuMemsetD8Async(address, 0, bytes, self.raw) };
        self.device.check("cuMemsetD8Async", status)
    }
}

impl Drop for Stream {
    /// Waits, since the workspace and the pinned buffers are freed next.
    fn drop(&mut self) {
        let Ok(current) = self.device.enter_to_free() else {
            return;
        };
        // Nobody is left to be told of an error.
        let _ = self.wait(&current);
        if self.owned {
            // SAFETY: created by `new`, and destroyed once.
            unsafe { sys::cuStreamDestroy_v2(self.raw) };
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("device", &self.device)
            .field("raw", &self.raw)
            .finish_non_exhaustive()
    }
}

/// The ways between pinned memory and a device's.
#[derive(Clone, Copy)]
pub(super) enum Way {
    ToDevice,
    ToHost,
}

/// Fails where the stream's work is being captured in a graph, in which `what` has no place. The device's context is
/// current.
pub(super) fn refuse_capture(
    device: &Device,
    stream: CUstream,
    what: &str,
    allowed: &'static str,
) -> Result<(), CudaError> {
    let mut status = 0;
    // SAFETY: writes one number; the stream exists.
    device.check("cuStreamIsCapturing", unsafe {
        sys::cuStreamIsCapturing(stream, &mut status)
    })?;
    if status == 0 {
        return Ok(());
    }
    Err(CudaError::Unsupported {
        what: format!("{what} while the stream is captured in a graph"),
        allowed,
    })
}

fn gaps(what: &str) -> CudaError {
    CudaError::Unsupported {
        what: format!("{what} whose elements have gaps between them or overlap"),
        allowed: "copies of images that fill a piece of memory",
    }
}

/// What a thread that panicked leaves behind is still in order: every buffer knows when it is free.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
