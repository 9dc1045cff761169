//! A `libcuda.so.1` with one GPU, on which no work can be done: a test compiles it and has the command find it.
//!
//! `TEST_GPU_CODE` is what the driver says to the first work, `TEST_GPU_MAJOR` the first number of the compute
//! capability. Functions that are not here are those of a driver that is too old to have them.
#![allow(non_snake_case)]

use std::ffi::{c_char, c_int, c_uint, c_void};

fn variable(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[unsafe(no_mangle)]
extern "C" fn cuInit(_: c_uint) -> u32 {
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetCount(count: *mut c_int) -> u32 {
    unsafe { *count = 1 };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGet(device: *mut c_int, ordinal: c_int) -> u32 {
    unsafe { *device = ordinal };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetName(name: *mut c_char, _: c_int, _: c_int) -> u32 {
    let text = c"Test GPU".to_bytes_with_nul();
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr().cast(), name, text.len()) };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceTotalMem_v2(bytes: *mut usize, _: c_int) -> u32 {
    unsafe { *bytes = 8 << 30 };
    0
}

/// The attributes 75 and 76 are the compute capability.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetAttribute(value: *mut c_int, attribute: c_int, _: c_int) -> u32 {
    let major = variable("TEST_GPU_MAJOR", 9) as c_int;
    unsafe { *value = if attribute == 75 { major } else { 0 } };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuDevicePrimaryCtxRetain(context: *mut *mut c_void, _: c_int) -> u32 {
    unsafe { *context = 8 as *mut c_void };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuCtxGetCurrent(context: *mut *mut c_void) -> u32 {
    unsafe { *context = std::ptr::null_mut() };
    0
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetCurrent(_: *mut c_void) -> u32 {
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuModuleLoadDataEx(
    module: *mut *mut c_void,
    _: *const c_void,
    _: c_uint,
    _: *mut c_void,
    _: *mut c_void,
) -> u32 {
    unsafe { *module = 8 as *mut c_void };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuModuleGetFunction(function: *mut *mut c_void, _: *mut c_void, _: *const c_char) -> u32 {
    unsafe { *function = 8 as *mut c_void };
    0
}

#[unsafe(no_mangle)]
extern "C" fn cuFuncSetAttribute(_: *mut c_void, _: c_int, _: c_int) -> u32 {
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuGetErrorName(_: u32, name: *mut *const c_char) -> u32 {
    unsafe { *name = c"SOME_NAME".as_ptr() };
    0
}

/// The first work of all.
#[unsafe(no_mangle)]
extern "C" fn cuStreamCreate(_: *mut *mut c_void, _: c_uint) -> u32 {
    variable("TEST_GPU_CODE", 700)
}
