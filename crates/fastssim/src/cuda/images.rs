//! Images in a device's memory: the library's own, or someone else's.

use std::ffi::c_void;
use std::marker::PhantomData;

use fastssim_kernels::form::Form;
use fastssim_kernels::general::params;
use half::{bf16, f16};
use ndarray::{Array4, ArrayView4, ArrayViewMut4, ShapeBuilder};

use super::call::Array;
use super::device::Device;
use super::layout::Layout;
use super::memory::{DeviceBuffer, Plain};
use super::pinned::PinnedImages;
use super::stream::{Stream, Way};
use crate::CudaError;
use crate::error::{Error, Result};
use crate::input::{Input, Pixel, Pixels};
use crate::problem::check_shape;

/// An element type that the kernels read.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    U8,
    U16,
    F16,
    Bf16,
    F32,
    F64,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// Bytes of an element.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The element type's own dynamic range L.
    pub(super) fn range(self) -> f64 {
        match self {
            Self::U8 => f64::from(u8::MAX),
            Self::U16 => f64::from(u16::MAX),
            Self::F16 | Self::Bf16 | Self::F32 | Self::F64 => 1.0,
        }
    }

    /// The same as the fast kernels read it.
    pub(super) fn form(self) -> Option<Form> {
        match self {
            Self::U8 => Some(Form::U8),
            Self::U16 => Some(Form::U16),
            Self::F16 => Some(Form::F16),
            Self::Bf16 => Some(Form::Bf16),
            Self::F32 => Some(Form::F32),
            Self::F64 => None,
        }
    }

    /// The same as the general kernels count it.
    pub(super) fn general(self) -> params::Kind {
        match self {
            Self::U8 => params::Kind::U8,
            Self::U16 => params::Kind::U16,
            Self::F16 => params::Kind::F16,
            Self::Bf16 => params::Kind::Bf16,
            Self::F32 => params::Kind::F32,
            Self::F64 => params::Kind::F64,
        }
    }
}

/// An element type of device images: `u8`, `u16`, [`f16`](half::f16), [`bf16`](half::bf16), `f32` or `f64`. This trait
/// is sealed.
pub trait DevicePixel: Pixel + Plain {
    /// The element type of gradients and maps that come to the host: `f64` for `f64`, `f32` for all others.
    type Float: DeviceReal;
    #[doc(hidden)]
    const KIND: Kind;
    /// The pixels, if they are of this type.
    #[doc(hidden)]
    fn view(pixels: Pixels<'_>) -> Option<ArrayView4<'_, Self>>;
}

/// An element type of gradients and maps on a device: [`f16`](half::f16), [`bf16`](half::bf16), `f32` or `f64`. This
/// trait is sealed.
pub trait DeviceReal: DevicePixel {}

macro_rules! pixel {
    ($($type:ty: $kind:ident, $float:ty;)*) => {$(
        impl DevicePixel for $type {
            type Float = $float;
            const KIND: Kind = Kind::$kind;
            fn view(pixels: Pixels<'_>) -> Option<ArrayView4<'_, Self>> {
                match pixels {
                    Pixels::$kind(view) => Some(view),
                    _ => None,
                }
            }
        }
    )*};
}

pixel! {
    u8: U8, f32;
    u16: U16, f32;
    f16: F16, f32;
    bf16: Bf16, f32;
    f32: F32, f32;
    f64: F64, f64;
}

impl DeviceReal for f16 {}
impl DeviceReal for bf16 {}
impl DeviceReal for f32 {}
impl DeviceReal for f64 {}

/// A batch of images, (images, channels, height, width), in a device's memory.
///
/// Memory of its own is freed with it, which waits until the device has done the work that may use it. Memory of
/// others is used where it lies, see [`from_raw`](Self::from_raw).
pub struct DeviceImages<T> {
    device: Device,
    address: u64,
    layout: Layout,
    /// What the address points to, unless it is someone else's.
    owned: Option<DeviceBuffer>,
    element: PhantomData<T>,
}

impl<T: DevicePixel> DeviceImages<T> {
    /// Images of any content, to be written to, without gaps: (images, channels, height, width).
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::Overflow`], and [`CudaError::OutOfMemory`].
    pub fn new(device: &Device, shape: [usize; 4]) -> Result<Self> {
        Self::with_layout(device, Layout::planar("the device images", shape)?)
    }

    /// Black images; the zeros are written in the stream.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn zeros(stream: &Stream, shape: [usize; 4]) -> Result<Self> {
        let images = Self::new(stream.device(), shape)?;
        // SAFETY: the whole of the buffer, which nobody else knows yet. If it is dropped at once, that waits.
        unsafe { stream.clear(images.address, images.span_bytes()) }?;
        Ok(images)
    }

    /// A copy of host images of the same element type.
    ///
    /// Returns when the host images have been read; the device has them when the stream has come so far. Images
    /// whose memory has no gaps keep their order, such as the interleaved channels of a file; others become planar.
    ///
    /// # Errors
    ///
    /// [`CudaError::PixelType`] where the input has other elements than `T`, the errors of
    /// [`new`](Self::new), and those of the input.
    pub fn upload<'a>(stream: &Stream, images: impl Input<'a>) -> Result<Self> {
        let view = typed(images.pixels().map_err(|error| error.in_input("the input"))?)?;
        let mut copy = Self::with_layout(stream.device(), Layout::like("the input", &view)?)?;
        copy.fill(stream, view)?;
        Ok(copy)
    }

    /// Images that belong to someone else: the device address of the first pixel, the shape (images, channels,
    /// height, width), and for each of those the distance in elements from one to the next, which does not matter
    /// where there is but one. From image to image it may be 0, so that one image stands for a batch; it cannot be
    /// negative, as the kernels only go forth: arrays of the host with such strides are put in order when they are copied.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::Overflow`], [`CudaError::Address`] where the pointer is null or not aligned for `T`,
    /// and [`CudaError::Unsupported`] where one channel spans 2³¹ elements or more, or has as many rows or columns.
    ///
    /// # Safety
    ///
    /// The memory from the first to the last pixel belongs to one allocation of this device and stays valid for as long as
    /// this value and all work that uses it. Where images are written to, no two of their pixels are in the same place, and
    /// nobody else uses them at that time.
    pub unsafe fn from_raw(
        device: &Device,
        pointer: *mut c_void,
        shape: [usize; 4],
        strides: [usize; 4],
    ) -> Result<Self> {
        Ok(Self {
            device: *device,
            address: address::<T>("the device images", pointer)?,
            layout: Layout::new("the device images", shape, strides)?,
            owned: None,
            element: PhantomData,
        })
    }

    fn with_layout(device: &Device, layout: Layout) -> Result<Self> {
        let buffer = DeviceBuffer::new(device, layout.span() * size_of::<T>())?;
        Ok(Self {
            device: *device,
            address: buffer.address(),
            layout,
            owned: Some(buffer),
            element: PhantomData,
        })
    }

    /// Copies host images of the same shape and element type here. Returns when the host images have been read.
    ///
    /// # Errors
    ///
    /// [`Error::OutputShape`], [`CudaError::PixelType`], [`CudaError::WrongDevice`], [`CudaError::Unsupported`] for
    /// images with gaps between their elements, and those of the input.
    pub fn copy_from<'a>(&mut self, stream: &Stream, images: impl Input<'a>) -> Result<()> {
        let view = typed(images.pixels().map_err(|error| error.in_input("the input"))?)?;
        let (n, c, h, w) = view.dim();
        check_shape::<ndarray::Ix4>("the input", [n, c, h, w], self.layout.shape)?;
        self.fill(stream, view)
    }

    /// Copies images of the device, of the same shape and order, here. The copy is done in the stream.
    ///
    /// # Errors
    ///
    /// [`Error::OutputShape`], [`CudaError::WrongDevice`], and [`CudaError::Unsupported`] for images with gaps between
    /// their elements or of another order.
    pub fn copy_from_device(&mut self, stream: &Stream, images: &Self) -> Result<()> {
        check_shape::<ndarray::Ix4>("the images", images.shape(), self.layout.shape)?;
        self.on(stream, "the device images")?;
        images.on(stream, "the images")?;
        if self.layout.order.is_none() || self.layout.steps() != images.layout.steps() {
            return Err(CudaError::Unsupported {
                what: "copying between images of different order, or with gaps".into(),
                allowed: "images without gaps whose strides are the same",
            }
            .into());
        }
        // SAFETY: both hold so many bytes, whoever they belong to; the borrow of the one written to is exclusive.
        Ok(unsafe { stream.copy(images.address, self.address, self.span_bytes()) }?)
    }

    /// A copy of pinned images, in the same order. Returns at once: the device has them when the stream has come so
    /// far.
    ///
    /// # Errors
    ///
    /// [`CudaError::WrongDevice`], [`CudaError::OutOfMemory`], [`CudaError::Unsupported`] while the stream is captured
    /// in a graph, and [`CudaError::Fault`].
    pub fn upload_pinned(stream: &Stream, images: &mut PinnedImages<T>) -> Result<Self> {
        let mut copy = Self::with_layout(stream.device(), *images.layout())?;
        copy.copy_from_pinned(stream, images)?;
        Ok(copy)
    }

    /// Copies pinned images of the same shape and order here. Returns at once: the copy is done in the stream, after
    /// those of `images` that were started before.
    ///
    /// # Errors
    ///
    /// [`Error::OutputShape`], [`CudaError::WrongDevice`], [`CudaError::Fault`], and [`CudaError::Unsupported`] for
    /// images with gaps between their elements or of another order, and while the stream is captured in a graph.
    pub fn copy_from_pinned(&mut self, stream: &Stream, images: &mut PinnedImages<T>) -> Result<()> {
        self.copy_pinned(stream, images, Way::ToDevice)
    }

    /// Copies these to pinned images of the same shape and order. Returns at once: [`PinnedImages::view`] waits until
    /// they are there.
    ///
    /// # Errors
    ///
    /// Those of [`copy_from_pinned`](Self::copy_from_pinned).
    pub fn copy_to_pinned(&self, stream: &Stream, images: &mut PinnedImages<T>) -> Result<()> {
        self.copy_pinned(stream, images, Way::ToHost)
    }

    /// Either way. The borrow of what is written to is exclusive in both callers.
    fn copy_pinned(&self, stream: &Stream, images: &mut PinnedImages<T>, way: Way) -> Result<()> {
        check_shape::<ndarray::Ix4>("the pinned images", images.shape(), self.layout.shape)?;
        self.on(stream, "the device images")?;
        same_device(images.device(), stream, "the pinned images")?;
        if self.layout.order.is_none() || self.layout.steps() != images.layout().steps() {
            return Err(CudaError::Unsupported {
                what: "copying between pinned and device images of different order, or with gaps".into(),
                allowed: "images without gaps whose strides are the same",
            }
            .into());
        }
        // SAFETY: both have the same span, on this device; what is written to is borrowed exclusively, or someone
        // else's by the promise of `from_raw`.
        Ok(unsafe { images.copy(stream, way, self.address) }?)
    }

    fn fill(&mut self, stream: &Stream, view: ArrayView4<'_, T>) -> Result<()> {
        self.on(stream, "the device images")?;
        // SAFETY: the address and the layout belong together, and the borrow is exclusive.
        Ok(unsafe { stream.upload(self.address, &self.layout, view) }?)
    }

    /// A copy on the host. Waits for the stream's work.
    ///
    /// # Errors
    ///
    /// [`CudaError::WrongDevice`], and [`CudaError::Fault`] where work before has failed.
    pub fn download(&self, stream: &Stream) -> Result<Array4<T>> {
        let mut images = Array4::from_elem(self.layout.shape, T::default());
        self.download_into(stream, images.view_mut())?;
        Ok(images)
    }

    /// A copy in an array of the host, of the same shape. Waits for the stream's work.
    ///
    /// # Errors
    ///
    /// Those of [`download`](Self::download), and [`Error::OutputShape`].
    pub fn download_into(&self, stream: &Stream, mut images: ArrayViewMut4<'_, T>) -> Result<()> {
        let (n, c, h, w) = images.dim();
        check_shape::<ndarray::Ix4>("images", [n, c, h, w], self.layout.shape)?;
        self.on(stream, "the device images")?;
        if self.layout.order.is_some() {
            // SAFETY: the address and the layout belong together; whoever writes is exclusive by the rules of
            // borrowing, or by the promise of `from_raw`.
            return Ok(unsafe { stream.download(self.address, &self.layout, images) }?);
        }
        // With its gaps, which belong to the same allocation.
        let span = self.layout.span();
        let mut memory = Vec::with_capacity(span);
        // SAFETY: as above; the whole span is one allocation's.
        unsafe { stream.download_span(self.address, span, |piece| memory.extend_from_slice(piece)) }?;
        let (shape, strides) = (self.layout.shape, self.layout.steps());
        let view = ArrayView4::from_shape(shape.strides(strides), &memory).map_err(|_| Error::Overflow { shape })?;
        images.assign(&view);
        Ok(())
    }

    /// (images, channels, height, width).
    pub fn shape(&self) -> [usize; 4] {
        self.layout.shape
    }

    /// Elements from one image, channel, row and column to the next.
    pub fn strides(&self) -> [usize; 4] {
        self.layout.strides
    }

    /// The device address of the first pixel, for other libraries.
    pub fn as_raw(&self) -> *mut c_void {
        std::ptr::with_exposed_provenance_mut(self.address as usize)
    }

    /// The device whose memory this is.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Bytes from the first pixel to the last, both counted: of images of others too.
    fn span_bytes(&self) -> usize {
        self.layout.span() * size_of::<T>()
    }

    /// The same for a call.
    pub(super) fn array(&self) -> Array {
        Array {
            planes: self.layout.planes(self.address),
            kind: T::KIND,
        }
    }

    /// Whether these are on the stream's device.
    pub(super) fn on(&self, stream: &Stream, name: &'static str) -> Result<(), CudaError> {
        same_device(&self.device, stream, name)
    }
}

impl<T> std::fmt::Debug for DeviceImages<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceImages")
            .field("element", &std::any::type_name::<T>())
            .field("shape", &self.layout.shape)
            .field("strides", &self.layout.strides)
            .field("device", &self.device.index())
            .field("owned", &self.owned.is_some())
            .finish_non_exhaustive()
    }
}

/// Whether what is on `device` can be used on the stream.
pub(super) fn same_device(device: &Device, stream: &Stream, name: &'static str) -> Result<(), CudaError> {
    if device == stream.device() {
        return Ok(());
    }
    Err(CudaError::WrongDevice {
        name,
        expected: stream.device().index(),
        found: device.index(),
    })
}

/// The device address of someone else's `T`, which cannot be just any.
pub(super) fn address<T>(name: &'static str, pointer: *mut c_void) -> Result<u64, CudaError> {
    if !pointer.is_null() && pointer.cast::<T>().is_aligned() {
        return Ok(pointer.addr() as u64);
    }
    Err(CudaError::Address {
        name,
        address: pointer.addr(),
        alignment: align_of::<T>(),
    })
}

/// The pixels, which must be of type `T`.
fn typed<T: DevicePixel>(pixels: Pixels<'_>) -> Result<ArrayView4<'_, T>, CudaError> {
    let found = pixels.type_name();
    T::view(pixels).ok_or(CudaError::PixelType {
        found,
        expected: T::KIND.name(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_aligned_and_not_null() {
        let at = std::ptr::without_provenance_mut;
        assert_eq!(address::<u8>("x", at(4097)), Ok(4097));
        assert_eq!(address::<f64>("scores", at(4104)), Ok(4104));
        for (wrong, alignment) in [
            (address::<u8>("x", at(0)), 1),
            (address::<u16>("x", at(4097)), 2),
            (address::<f32>("x", at(4098)), 4),
            (address::<f64>("x", at(4100)), 8),
        ] {
            let error = wrong.expect_err("no such address");
            assert!(matches!(error, CudaError::Address { alignment: found, .. } if found == alignment));
        }
        let error = address::<f32>("x", at(4098)).expect_err("no such address");
        assert_eq!(
            error.to_string(),
            "x: the address 0x1002 is null, or not a multiple of 4"
        );
    }
}
