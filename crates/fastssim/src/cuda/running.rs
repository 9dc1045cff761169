//! A running sum of scores in a device's memory.

use std::ffi::c_void;

use fastssim_kernels::general::params::Accumulate;

use super::device::Device;
use super::images::same_device;
use super::memory::DeviceBuffer;
use super::scores::{self, DeviceScores};
use super::stream::Stream;
use crate::error::{Error, Result};
use crate::running::ScoreSum;

/// Their number, their sum, and what has been rounded off it.
const NUMBERS: usize = 3;

/// A running sum of scores in a device's memory: the counterpart of [`ScoreSum`], which nobody waits for until it is asked.
///
/// It takes scores of images and of channels, batches of any size, and calls that are captured in a CUDA graph. Several
/// streams can add to one sum if each [waits](Stream::wait_for) for the one before it; several sums come together on the
/// host, by [`ScoreSum::merge`].
///
/// ```no_run
/// use fastssim::Ssim;
/// use fastssim::cuda::{Device, DeviceImages, DeviceScoreSum, DeviceScores, Stream};
///
/// let device = Device::new(0)?;
/// let stream = Stream::new(&device)?;
/// let x = DeviceImages::<f32>::zeros(&stream, [8, 3, 256, 256])?;
/// let y = DeviceImages::<f32>::zeros(&stream, [8, 3, 256, 256])?;
/// let mut scores = DeviceScores::new(&device, 8)?;
/// let mut all = DeviceScoreSum::new(&stream)?;
/// for _step in 0..1000 {
///     Ssim::default().on(&stream).ssim_into(&x, &y, &mut scores)?;
///     all.add(&stream, &scores)?;
/// }
/// println!("{:?}", all.download(&stream)?.mean());
/// # Ok::<(), fastssim::Error>(())
/// ```
pub struct DeviceScoreSum {
    device: Device,
    numbers: DeviceBuffer,
}

impl DeviceScoreSum {
    /// No score so far; that is written in the stream.
    ///
    /// # Errors
    ///
    /// [`CudaError::OutOfMemory`](crate::CudaError::OutOfMemory), and
    /// [`CudaError::Fault`](crate::CudaError::Fault) where work before has failed.
    pub fn new(stream: &Stream) -> Result<Self> {
        let mut sum = Self {
            device: *stream.device(),
            numbers: DeviceBuffer::new(stream.device(), NUMBERS * size_of::<f64>())?,
        };
        sum.clear(stream)?;
        Ok(sum)
    }

    /// Forgets all scores; that is done in the stream.
    ///
    /// # Errors
    ///
    /// Those of [`add`](Self::add).
    pub fn clear(&mut self, stream: &Stream) -> Result<()> {
        same_device(&self.device, stream, "the running sum")?;
        // SAFETY: the whole of the buffer, whose borrow is exclusive.
        Ok(unsafe { stream.clear(self.numbers.address(), NUMBERS * size_of::<f64>()) }?)
    }

    /// Adds all of these scores, in the stream. In another stream than that of the call before it has to
    /// [wait](Stream::wait_for) for that one.
    ///
    /// # Errors
    ///
    /// [`CudaError::WrongDevice`](crate::CudaError::WrongDevice), [`Error::Overflow`] for more scores than the kernel can
    /// count, and [`CudaError::Fault`](crate::CudaError::Fault) where work before has failed.
    pub fn add(&mut self, stream: &Stream, scores: &DeviceScores) -> Result<()> {
        same_device(&self.device, stream, "the running sum")?;
        same_device(scores.device(), stream, "scores")?;
        let shape = [scores.images(), 1, 1, 1];
        let count = i32::try_from(scores.images()).map_err(|_| Error::Overflow { shape })?;
        let params = Accumulate {
            scores: scores.address(),
            running: self.numbers.address(),
            count: count.unsigned_abs(),
            reserved: 0,
        };
        // SAFETY: there are so many scores and three numbers on this device; the borrow of those is exclusive.
        unsafe { stream.accumulate(&params) }
    }

    /// A copy on the host. Waits for the stream's work.
    ///
    /// # Errors
    ///
    /// Those of [`add`](Self::add).
    pub fn download(&self, stream: &Stream) -> Result<ScoreSum> {
        same_device(&self.device, stream, "the running sum")?;
        let mut numbers = [0.0; NUMBERS];
        // SAFETY: as many numbers are there, and whoever writes is exclusive by the rules of borrowing.
        unsafe { scores::download(stream, self.numbers.address(), &mut numbers) }?;
        let [count, sum, rest] = numbers;
        Ok(ScoreSum::from_parts(count as u64, sum, rest))
    }

    /// The device address of three numbers of type `f64`, for other libraries: how many scores there are, their sum, and
    /// what has been rounded off that.
    pub fn as_raw(&self) -> *mut c_void {
        std::ptr::with_exposed_provenance_mut(self.numbers.address() as usize)
    }

    /// The device whose memory this is.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

impl std::fmt::Debug for DeviceScoreSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceScoreSum")
            .field("device", &self.device.index())
            .finish_non_exhaustive()
    }
}
