//! Events: marks in a stream, to wait for and to tell the time by.

use std::ptr;
use std::time::Duration;

use super::device::Device;
use super::sys::{self, CUevent, CUevent_flags, CUstream};
use crate::CudaError;
use crate::error::Result;

/// A mark in a stream, which notes the time when the device comes to it.
///
/// ```no_run
/// use fastssim::cuda::{Device, Event, Stream};
///
/// let device = Device::new(0)?;
/// let stream = Stream::new(&device)?;
/// let (start, end) = (Event::new(&device)?, Event::new(&device)?);
/// stream.record(&start)?;
/// // … work …
/// stream.record(&end)?;
/// println!("{:?}", end.elapsed_since(&start)?);
/// # Ok::<(), fastssim::Error>(())
/// ```
pub struct Event {
    device: Device,
    raw: CUevent,
}

// SAFETY: events may be used from any thread.
unsafe impl Send for Event {}
// SAFETY: as above, and from several at once.
unsafe impl Sync for Event {}

impl Event {
    /// An event that is nowhere yet; [`Stream::record`](super::Stream::record) puts it into a stream.
    ///
    /// # Errors
    ///
    /// [`CudaError::Fault`] and [`CudaError::Driver`].
    pub fn new(device: &Device) -> Result<Self> {
        Ok(Self::with_flags(device, CUevent_flags::CU_EVENT_DEFAULT)?)
    }

    /// One that notes no time, which costs less.
    pub(super) fn without_time(device: &Device) -> Result<Self, CudaError> {
        Self::with_flags(device, CUevent_flags::CU_EVENT_DISABLE_TIMING)
    }

    fn with_flags(device: &Device, flags: CUevent_flags) -> Result<Self, CudaError> {
        let _current = device.enter()?;
        let mut raw = ptr::null_mut();
        // SAFETY: writes one pointer; the context is current.
        device.check("cuEventCreate", unsafe { sys::cuEventCreate(&mut raw, flags as u32) })?;
        Ok(Self { device: *device, raw })
    }

    /// The time that the device took from `earlier` to this event, by its own clock. Waits until it has come to this
    /// one.
    ///
    /// # Errors
    ///
    /// [`CudaError::Driver`] where one of them was never recorded, and [`CudaError::Fault`].
    pub fn elapsed_since(&self, earlier: &Self) -> Result<Duration> {
        let _current = self.device.enter()?;
        self.wait(&self.device)?;
        let mut milliseconds = 0.0;
        // SAFETY: writes one number; both events exist.
        let status = unsafe { sys::cuEventElapsedTime(&mut milliseconds, earlier.raw, self.raw) };
        self.device.check("cuEventElapsedTime", status)?;
        Ok(Duration::from_secs_f32(milliseconds.max(0.0) / 1e3))
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn as_raw(&self) -> CUevent {
        self.raw
    }

    /// Marks what has been put into the stream so far.
    ///
    /// # Safety
    ///
    /// The stream exists and belongs to the event's device, whose context is current.
    pub(super) unsafe fn record(&self, device: &Device, stream: CUstream) -> Result<(), CudaError> {
        // SAFETY: an event that has been created, and a stream of the same context.
        device.check("cuEventRecord", unsafe { sys::cuEventRecord(self.raw, stream) })
    }

    /// Blocks until the device has come to the mark; at once if it was never recorded.
    pub(super) fn wait(&self, device: &Device) -> Result<(), CudaError> {
        // SAFETY: an event that has been created.
        device.check("cuEventSynchronize", unsafe { sys::cuEventSynchronize(self.raw) })
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let Ok(_current) = self.device.enter_to_free() else {
            return;
        };
        // SAFETY: created in this context, and destroyed once; the driver keeps it for those who wait.
        unsafe { sys::cuEventDestroy_v2(self.raw) };
    }
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event")
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}
