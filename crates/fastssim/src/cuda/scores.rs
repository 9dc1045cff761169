//! Scores in a device's memory, where further work on the device can use them without a wait.

use std::ffi::c_void;

use ndarray::ArrayViewMut4;

use super::device::Device;
use super::images::{address, same_device};
use super::layout::Layout;
use super::memory::DeviceBuffer;
use super::stream::Stream;
use crate::error::{Error, Result};
use crate::problem::check_count;

/// One score for each image of a batch, `f64`, in a device's memory.
pub struct DeviceScores {
    device: Device,
    address: u64,
    images: usize,
    /// What the address points to, unless it is someone else's.
    _owned: Option<DeviceBuffer>,
}

impl DeviceScores {
    /// Room for the scores of so many images, of any content.
    ///
    /// # Errors
    ///
    /// [`CudaError::OutOfMemory`](crate::CudaError::OutOfMemory), and [`Error::Overflow`].
    pub fn new(device: &Device, images: usize) -> Result<Self> {
        let buffer = DeviceBuffer::new(device, bytes(images)?)?;
        Ok(Self {
            device: *device,
            address: buffer.address(),
            images,
            _owned: Some(buffer),
        })
    }

    /// Scores that belong to someone else: the device address of `images` numbers of type `f64`.
    ///
    /// # Errors
    ///
    /// [`CudaError::Address`](crate::CudaError::Address) where the pointer is null or not a multiple of eight, and
    /// [`Error::Overflow`].
    ///
    /// # Safety
    ///
    /// They belong to an allocation of this device and stay valid for as long as this value and all work that uses
    /// it. Nobody else uses them while they are written to.
    pub unsafe fn from_raw(device: &Device, pointer: *mut c_void, images: usize) -> Result<Self> {
        bytes(images)?;
        Ok(Self {
            device: *device,
            address: address::<f64>("the device scores", pointer)?,
            images,
            _owned: None,
        })
    }

    /// How many images there are scores for.
    pub fn images(&self) -> usize {
        self.images
    }

    /// The device address of the first score, for other libraries.
    pub fn as_raw(&self) -> *mut c_void {
        std::ptr::with_exposed_provenance_mut(self.address as usize)
    }

    /// The device whose memory this is.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A copy on the host. Waits for the stream's work.
    ///
    /// # Errors
    ///
    /// [`CudaError::WrongDevice`](crate::CudaError::WrongDevice), and
    /// [`CudaError::Fault`](crate::CudaError::Fault) where work before has failed.
    pub fn download(&self, stream: &Stream) -> Result<Vec<f64>> {
        let mut scores = vec![0.0; self.images];
        self.download_into(stream, &mut scores)?;
        Ok(scores)
    }

    /// A copy in a slice of the host, of one element for each image. Waits for the stream's work.
    ///
    /// # Errors
    ///
    /// Those of [`download`](Self::download), and [`Error::OutputShape`].
    pub fn download_into(&self, stream: &Stream, scores: &mut [f64]) -> Result<()> {
        check_count("scores", scores.len(), self.images)?;
        same_device(&self.device, stream, "scores")?;
        if self.images == 0 {
            return Ok(());
        }
        // SAFETY: `images` scores are there; whoever writes is exclusive by the rules of borrowing, or by the
        // promise of `from_raw`.
        unsafe { download(stream, self.address, scores) }
    }

    pub(super) fn address(&self) -> u64 {
        self.address
    }
}

/// Bytes of so many scores.
fn bytes(images: usize) -> Result<usize> {
    let shape = [images, 1, 1, 1];
    images.checked_mul(size_of::<f64>()).ok_or(Error::Overflow { shape })
}

/// Copies scores to the host, and waits for them.
///
/// # Safety
///
/// There are as many scores at the address, on the stream's device, and nobody writes to them until this returns.
pub(super) unsafe fn download(stream: &Stream, address: u64, scores: &mut [f64]) -> Result<()> {
    let shape = [1, 1, 1, scores.len()];
    let layout = Layout::planar("scores", shape)?;
    let view = ArrayViewMut4::from_shape(shape, scores).map_err(|_| Error::Overflow { shape })?;
    // SAFETY: as the caller promises.
    Ok(unsafe { stream.download(address, &layout, view) }?)
}

impl std::fmt::Debug for DeviceScores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceScores")
            .field("images", &self.images)
            .field("device", &self.device.index())
            .finish_non_exhaustive()
    }
}
