//! Images in pinned memory of the host, which a device copies from and to while the host goes on.

use std::marker::PhantomData;

use ndarray::{ArrayView4, ArrayViewMut4, ShapeBuilder};

use super::device::Device;
use super::event::Event;
use super::images::DevicePixel;
use super::layout::Layout;
use super::memory::PinnedBuffer;
use super::stream::{Stream, Way};
use crate::CudaError;
use crate::error::{Error, Result};

/// A batch of images, (images, channels, height, width), in memory of the host that stays where it is: pinned, or
/// page-locked.
///
/// A device copies from and to such memory by itself, at the full speed of the bus, while the host goes on. Arrays
/// elsewhere are first copied into pinned buffers by [`DeviceImages::upload`](super::DeviceImages::upload), which takes
/// the processor's time. To have a stream of images compared as fast as they can be copied, decode them right into
/// pinned images, and use two or more streams, each with images of its own: while one copies, the other computes.
///
/// A copy is started with [`DeviceImages::copy_from_pinned`](super::DeviceImages::copy_from_pinned),
/// [`upload_pinned`](super::DeviceImages::upload_pinned) or [`copy_to_pinned`](super::DeviceImages::copy_to_pinned),
/// which return at once. These images remember it: [`view`](Self::view), [`view_mut`](Self::view_mut) and dropping
/// them wait until it is over, and a copy in another stream takes its turn after it.
///
/// Pinned memory is dear, and the system has less of it than of other memory: make some and use it again.
///
/// ```no_run
/// use fastssim::Ssim;
/// use fastssim::cuda::{Device, DeviceImages, DeviceScores, PinnedImages, Stream};
///
/// /// What the host and the device need for one pair at a time.
/// struct Slot {
///     stream: Stream,
///     pinned: [PinnedImages<u8>; 2],
///     images: [DeviceImages<u8>; 2],
///     score: DeviceScores,
/// }
///
/// let device = Device::new(0)?;
/// let shape = [1, 3, 1080, 1920];
/// let mut slots = Vec::new();
/// for _ in 0..4 {
///     let pinned = || PinnedImages::<u8>::interleaved(&device, shape);
///     let stream = Stream::new(&device)?;
///     let mut pinned = [pinned()?, pinned()?];
///     let [x, y] = &mut pinned;
///     let images = [DeviceImages::upload_pinned(&stream, x)?, DeviceImages::upload_pinned(&stream, y)?];
///     slots.push(Slot { stream, pinned, images, score: DeviceScores::new(&device, 1)? });
/// }
/// let metric = Ssim::default();
/// for pair in 0..1000 {
///     let slot = &mut slots[pair % 4];
///     if pair >= 4 {
///         // Waits for this slot's last pair; the others go on.
///         println!("{:?}", slot.score.download(&slot.stream)?);
///     }
///     for (pinned, images) in slot.pinned.iter_mut().zip(&mut slot.images) {
///         pinned.view_mut()?.fill(127); // The next frame.
///         images.copy_from_pinned(&slot.stream, pinned)?;
///     }
///     metric.on(&slot.stream).ssim_into(&slot.images[0], &slot.images[1], &mut slot.score)?;
/// }
/// # Ok::<(), fastssim::Error>(())
/// ```
pub struct PinnedImages<T> {
    device: Device,
    buffer: PinnedBuffer,
    layout: Layout,
    /// After the last copy from or to this memory, and so after all of them.
    copied: Event,
    element: PhantomData<T>,
}

impl<T: DevicePixel> PinnedImages<T> {
    /// Black images, for copies from and to this device: image by image, channel by channel, row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::Overflow`], [`CudaError::OutOfMemory`] where the system has no more memory to pin, and
    /// [`CudaError::Fault`].
    pub fn new(device: &Device, shape: [usize; 4]) -> Result<Self> {
        Self::with_layout(device, Layout::planar("the pinned images", shape)?)
    }

    /// The same with the channels of a pixel side by side, as decoders write them. The shape is still (images,
    /// channels, height, width).
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn interleaved(device: &Device, shape: [usize; 4]) -> Result<Self> {
        Self::with_layout(device, Layout::in_order("the pinned images", shape, [0, 2, 3, 1])?)
    }

    fn with_layout(device: &Device, layout: Layout) -> Result<Self> {
        Ok(Self {
            device: *device,
            buffer: PinnedBuffer::new(device, layout.span() * size_of::<T>())?,
            layout,
            copied: Event::without_time(device)?,
            element: PhantomData,
        })
    }

    /// The images. Waits for copies that were started.
    ///
    /// # Errors
    ///
    /// [`CudaError::Fault`] where work on the device has failed.
    pub fn view(&self) -> Result<ArrayView4<'_, T>> {
        self.wait()?;
        // SAFETY: no copy is under way, and none is started as long as this is borrowed.
        let all = unsafe { self.buffer.as_slice(self.layout.span()) };
        let (shape, strides) = (self.layout.shape, self.layout.strides);
        ArrayView4::from_shape(shape.strides(strides), all).map_err(|_| Error::Overflow { shape })
    }

    /// The images, to write to. Waits for copies that were started.
    ///
    /// # Errors
    ///
    /// [`CudaError::Fault`] where work on the device has failed.
    pub fn view_mut(&mut self) -> Result<ArrayViewMut4<'_, T>> {
        self.wait()?;
        let (shape, strides) = (self.layout.shape, self.layout.strides);
        // SAFETY: as in `view`.
        let all = unsafe { self.buffer.as_mut_slice(self.layout.span()) };
        ArrayViewMut4::from_shape(shape.strides(strides), all).map_err(|_| Error::Overflow { shape })
    }

    /// Puts a copy from or to this memory into the stream, after all that were started before.
    ///
    /// # Safety
    ///
    /// As many elements as these images have are at the address, on this device, and nobody uses them until the stream
    /// has come past. The stream is of the same device.
    pub(super) unsafe fn copy(&mut self, stream: &Stream, way: Way, address: u64) -> Result<(), CudaError> {
        let bytes = self.layout.span() * size_of::<T>();
        // SAFETY: as the caller promises; the buffer has so many bytes, and whoever uses them waits for `copied`.
        unsafe { stream.copy_pinned(way, address, &mut self.buffer, bytes, &self.copied) }
    }
}

impl<T> PinnedImages<T> {
    /// (images, channels, height, width).
    pub fn shape(&self) -> [usize; 4] {
        self.layout.shape
    }

    /// Elements from one image, channel, row and column to the next.
    pub fn strides(&self) -> [usize; 4] {
        self.layout.strides
    }

    /// The device that these are copied to and from.
    pub fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    fn wait(&self) -> Result<(), CudaError> {
        let _current = self.device.enter()?;
        self.copied.wait(&self.device)
    }
}

impl<T> Drop for PinnedImages<T> {
    /// Waits, since the memory is freed next.
    fn drop(&mut self) {
        let Ok(_current) = self.device.enter_to_free() else {
            return;
        };
        // Nobody is left to be told of an error; after a fault nothing is copied any more.
        let _ = self.copied.wait(&self.device);
    }
}

impl<T> std::fmt::Debug for PinnedImages<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PinnedImages")
            .field("element", &std::any::type_name::<T>())
            .field("shape", &self.layout.shape)
            .field("strides", &self.layout.strides)
            .field("device", &self.device.index())
            .finish_non_exhaustive()
    }
}
