//! Memory of a device, and memory of the host that a device can copy from and to.

use std::ffi::c_void;
use std::ptr;

use super::device::Device;
use super::sys;
use crate::CudaError;

/// Memory of a device: some bytes, of any content at first.
pub(super) struct DeviceBuffer {
    device: Device,
    address: u64,
    bytes: usize,
}

impl DeviceBuffer {
    /// Allocates; at least one byte, since the driver refuses zero bytes.
    pub(super) fn new(device: &Device, bytes: usize) -> Result<Self, CudaError> {
        let _current = device.enter()?;
        let mut address = 0;
        // SAFETY: writes one number; the context is current.
        let status = unsafe { sys::cuMemAlloc_v2(&mut address, bytes.max(1)) };
        device.check_allocation("cuMemAlloc", status, bytes)?;
        Ok(Self {
            device: *device,
            address,
            bytes,
        })
    }

    pub(super) fn address(&self) -> u64 {
        self.address
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for DeviceBuffer {
    fn drop(&mut self) {
        let Ok(_current) = self.device.enter_to_free() else {
            return;
        };
        // The driver waits until the device has done all work that may use the memory.
        // SAFETY: allocated in this context, and freed once.
        unsafe { sys::cuMemFree_v2(self.address) };
    }
}

/// Memory of the host that stays where it is, so that a device can copy while the host goes on.
pub(super) struct PinnedBuffer {
    device: Device,
    data: *mut u8,
    bytes: usize,
}

// SAFETY: memory that belongs to this value alone.
unsafe impl Send for PinnedBuffer {}
// SAFETY: a shared borrow only reads.
unsafe impl Sync for PinnedBuffer {}

impl PinnedBuffer {
    /// Allocates zeros.
    pub(super) fn new(device: &Device, bytes: usize) -> Result<Self, CudaError> {
        let _current = device.enter()?;
        let mut data: *mut c_void = ptr::null_mut();
        // SAFETY: writes one pointer; the context is current.
        let status = unsafe { sys::cuMemHostAlloc(&mut data, bytes, 0) };
        device.check_allocation("cuMemHostAlloc", status, bytes)?;
        let data = data.cast::<u8>();
        // SAFETY: just allocated, and nobody else's.
        unsafe { data.write_bytes(0, bytes) };
        Ok(Self {
            device: *device,
            data,
            bytes,
        })
    }

    pub(super) fn as_ptr(&self) -> *const c_void {
        self.data.cast()
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut c_void {
        self.data.cast()
    }

    /// The first `len` elements; fewer where there is no room for so many.
    ///
    /// # Safety
    ///
    /// The device is not copying to this memory.
    pub(super) unsafe fn as_slice<T: Plain>(&self, len: usize) -> &[T] {
        let len = len.min(self.bytes / size_of::<T>());
        // SAFETY: within the allocation, which is aligned to a page; all bits of it have been written, and any
        // bits are a `T`; borrowed from `self`, and not written to by the device, as the caller promises.
        unsafe { std::slice::from_raw_parts(self.data.cast::<T>(), len) }
    }

    /// The same to write to.
    ///
    /// # Safety
    ///
    /// The device is not copying to or from this memory.
    pub(super) unsafe fn as_mut_slice<T: Plain>(&mut self, len: usize) -> &mut [T] {
        let len = len.min(self.bytes / size_of::<T>());
        // SAFETY: within the allocation, which is aligned to a page; all bits of it have been written, and any
        // bits are a `T`; borrowed from `self`, and not in use by the device, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.data.cast::<T>(), len) }
    }
}

impl Drop for PinnedBuffer {
    fn drop(&mut self) {
        let Ok(_current) = self.device.enter_to_free() else {
            return;
        };
        // SAFETY: allocated by `cuMemHostAlloc`, and freed once; its owner has waited for all copies.
        unsafe { sys::cuMemFreeHost(self.data.cast()) };
    }
}

/// Numbers of which any bits are a value.
///
/// # Safety
///
/// The type has no padding, no invalid bits, and is aligned to at most 16 bytes.
#[doc(hidden)]
pub unsafe trait Plain: Copy + Default + Send + Sync + 'static {}

// SAFETY: an integer.
unsafe impl Plain for u8 {}
// SAFETY: an integer.
unsafe impl Plain for u16 {}
// SAFETY: a 16-bit integer inside.
unsafe impl Plain for half::f16 {}
// SAFETY: as above.
unsafe impl Plain for half::bf16 {}
// SAFETY: a float; all bits are one, if only a NaN.
unsafe impl Plain for f32 {}
// SAFETY: as above.
unsafe impl Plain for f64 {}
