//! The driver: started once for each process, its result codes turned into errors.
//!
//! What `cust` wraps around the driver's functions does not fit here: its streams cannot be non-blocking, its
//! contexts stay current, and its errors cannot be printed without a driver.

use std::ffi::CStr;
use std::ptr;
use std::sync::OnceLock;

use super::sys::{self, Status};
use crate::CudaError;

/// Starts the driver at the first call; later calls repeat its answer.
pub(super) fn start() -> Result<(), CudaError> {
    static STARTED: OnceLock<Result<(), CudaError>> = OnceLock::new();
    STARTED.get_or_init(try_start).clone()
}

fn try_start() -> Result<(), CudaError> {
    cuda_loader::status().map_err(|missing| CudaError::NoDriver {
        reason: missing.to_string(),
    })?;
    // SAFETY: takes no pointer, and may be called by any thread at any time.
    let status = unsafe { sys::cuInit(0) };
    match check("cuInit", status) {
        Err(CudaError::Driver { code: NO_DEVICE, .. }) => Err(CudaError::NoDevice),
        other => other,
    }
}

/// The version of CUDA that the driver supports, as (major, minor).
pub(super) fn version() -> Result<(u32, u32), CudaError> {
    let mut version = 0;
    // SAFETY: writes one number.
    check("cuDriverGetVersion", unsafe { sys::cuDriverGetVersion(&mut version) })?;
    let version = u32::try_from(version).unwrap_or(0);
    Ok((version / 1000, version % 1000 / 10))
}

/// `CUDA_ERROR_OUT_OF_MEMORY`
pub(super) const OUT_OF_MEMORY: u32 = 2;
/// `CUDA_ERROR_NO_DEVICE`
const NO_DEVICE: u32 = 100;
/// `CUDA_ERROR_INVALID_PTX`
pub(super) const INVALID_PTX: u32 = 218;
/// `CUDA_ERROR_UNSUPPORTED_PTX_VERSION`
pub(super) const UNSUPPORTED_PTX_VERSION: u32 = 222;

/// Whether this code means that the device's context is lost: some kernel has failed, and all further calls will.
pub(super) fn is_fault(code: u32) -> bool {
    // Uncorrectable memory and link errors; illegal address; time-out; context destroyed; assertion; the
    // processor's faults from the stack's to "launch failed"; an external device's; unknown.
    matches!(code, 214 | 220 | 226 | 700 | 702 | 709 | 710 | 714..=719 | 911 | 999)
}

/// The result of the driver's function `call`. Only for a driver that is there, since that is asked for names.
pub(super) fn check(call: &'static str, code: Status) -> Result<(), CudaError> {
    if code == 0 {
        return Ok(());
    }
    let name = name(code);
    Err(CudaError::Driver { call, code, name })
}

fn name(code: Status) -> String {
    let mut text = ptr::null();
    // SAFETY: writes one pointer, to a text that lives for ever, or null.
    let known = unsafe { sys::cuGetErrorName(code, &mut text) } == 0;
    if !known || text.is_null() {
        return "an unknown error".into();
    }
    // SAFETY: not null, and ends in zero.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
