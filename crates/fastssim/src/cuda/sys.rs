//! The driver's functions that this backend calls.
//!
//! They are those of `cust::sys`, but for what they return: a number, since newer drivers have codes that the
//! enumeration there does not list, and such a value of an enumeration would be undefined behaviour. Where they come
//! from is the same: `cuda_loader` defines them.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

pub(super) use cust::sys::{
    CUcontext, CUdevice, CUdevice_attribute, CUdeviceptr, CUevent, CUevent_flags, CUfunction, CUjit_option, CUmodule,
    CUstream, CUstream_flags,
};

/// A code of the driver's; zero is success.
pub(super) type Status = c_uint;

unsafe extern "C" {
    pub(super) fn cuInit(flags: c_uint) -> Status;
    pub(super) fn cuDriverGetVersion(version: *mut c_int) -> Status;
    pub(super) fn cuGetErrorName(status: Status, name: *mut *const c_char) -> Status;

    pub(super) fn cuDeviceGetCount(count: *mut c_int) -> Status;
    pub(super) fn cuDeviceGet(device: *mut CUdevice, ordinal: c_int) -> Status;
    pub(super) fn cuDeviceGetName(name: *mut c_char, len: c_int, device: CUdevice) -> Status;
    pub(super) fn cuDeviceTotalMem_v2(bytes: *mut usize, device: CUdevice) -> Status;
    pub(super) fn cuDeviceGetAttribute(value: *mut c_int, attribute: CUdevice_attribute, device: CUdevice) -> Status;

    pub(super) fn cuDevicePrimaryCtxRetain(context: *mut CUcontext, device: CUdevice) -> Status;
    pub(super) fn cuDevicePrimaryCtxRelease_v2(device: CUdevice) -> Status;
    pub(super) fn cuCtxGetCurrent(context: *mut CUcontext) -> Status;
    pub(super) fn cuCtxSetCurrent(context: CUcontext) -> Status;

    pub(super) fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> Status;
    pub(super) fn cuMemAlloc_v2(address: *mut CUdeviceptr, bytes: usize) -> Status;
    pub(super) fn cuMemFree_v2(address: CUdeviceptr) -> Status;
    pub(super) fn cuMemHostAlloc(data: *mut *mut c_void, bytes: usize, flags: c_uint) -> Status;
    pub(super) fn cuMemFreeHost(data: *mut c_void) -> Status;

    pub(super) fn cuMemcpyHtoDAsync_v2(to: CUdeviceptr, from: *const c_void, bytes: usize, stream: CUstream) -> Status;
    pub(super) fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: CUdeviceptr, bytes: usize, stream: CUstream) -> Status;
    pub(super) fn cuMemcpyDtoDAsync_v2(to: CUdeviceptr, from: CUdeviceptr, bytes: usize, stream: CUstream) -> Status;
    pub(super) fn cuMemsetD8Async(address: CUdeviceptr, value: c_uchar, count: usize, stream: CUstream) -> Status;

    pub(super) fn cuStreamCreate(stream: *mut CUstream, flags: c_uint) -> Status;
    pub(super) fn cuStreamSynchronize(stream: CUstream) -> Status;
    pub(super) fn cuStreamWaitEvent(stream: CUstream, event: CUevent, flags: c_uint) -> Status;
    /// The status is an enumeration; zero is "not captured".
    pub(super) fn cuStreamIsCapturing(stream: CUstream, status: *mut c_uint) -> Status;
    pub(super) fn cuStreamDestroy_v2(stream: CUstream) -> Status;

    pub(super) fn cuEventCreate(event: *mut CUevent, flags: c_uint) -> Status;
    pub(super) fn cuEventElapsedTime(milliseconds: *mut f32, start: CUevent, end: CUevent) -> Status;
    pub(super) fn cuEventRecord(event: CUevent, stream: CUstream) -> Status;
    pub(super) fn cuEventSynchronize(event: CUevent) -> Status;
    pub(super) fn cuEventDestroy_v2(event: CUevent) -> Status;

    pub(super) fn cuModuleLoadDataEx(
        module: *mut CUmodule,
        image: *const c_void,
        count: c_uint,
        options: *mut CUjit_option,
        values: *mut *mut c_void,
    ) -> Status;
    pub(super) fn cuModuleUnload(module: CUmodule) -> Status;
    pub(super) fn cuModuleGetFunction(function: *mut CUfunction, module: CUmodule, name: *const c_char) -> Status;
    pub(super) fn cuFuncSetAttribute(function: CUfunction, attribute: c_int, value: c_int) -> Status;
    pub(super) fn cuLaunchKernel(
        function: CUfunction,
        grid_x: c_uint,
        grid_y: c_uint,
        grid_z: c_uint,
        block_x: c_uint,
        block_y: c_uint,
        block_z: c_uint,
        shared: c_uint,
        stream: CUstream,
        parameters: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) -> Status;
}
