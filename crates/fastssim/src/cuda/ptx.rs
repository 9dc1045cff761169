//! The PTX of the kernels, which the driver compiles: all of it, and parts.

use std::ffi::{CStr, CString, c_void};
use std::ptr;

use super::driver::{self, check};
use super::sys::{self, CUjit_option, CUmodule};
use crate::CudaError;

const SM_75: &str = include_str!("ptx/sm_75.ptx");
const SM_80: &str = include_str!("ptx/sm_80.ptx");

/// What an entry point begins with.
const ENTRY: &str = ".visible .entry ";

/// The PTX for devices of a compute capability.
pub(super) fn of(compute_capability: (u32, u32)) -> &'static str {
    if compute_capability >= (8, 0) { SM_80 } else { SM_75 }
}

/// The text without the entry points whose names `belongs` does not take.
pub(super) fn part(text: &str, belongs: impl Fn(&str) -> bool) -> String {
    let (header, entries) = text.split_once(ENTRY).unwrap_or((text, ""));
    let mut part = header.to_owned();
    for entry in entries.split(ENTRY) {
        let name = entry.split('(').next().unwrap_or_default();
        if belongs(name) {
            part.push_str(ENTRY);
            part.push_str(entry);
        }
    }
    part
}

/// The text as the driver takes it.
pub(super) fn text(ptx: &str) -> CString {
    // There are no zeros in PTX.
    CString::new(ptx).unwrap_or_default()
}

/// Has the driver compile PTX.
pub(super) fn compile(text: &CStr) -> Result<CUmodule, CudaError> {
    let mut log = [0u8; 4096];
    let mut options = [
        CUjit_option::CU_JIT_ERROR_LOG_BUFFER,
        CUjit_option::CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
    ];
    // The driver takes numbers in place of pointers.
    let mut values = [
        log.as_mut_ptr().cast::<c_void>(),
        ptr::without_provenance_mut(log.len()),
    ];
    let mut module = ptr::null_mut();
    // SAFETY: the text ends in zero, as all of these; two options with two values, one a buffer and one its size; a context is
    // current.
    let status = unsafe {
        sys::cuModuleLoadDataEx(
            &mut module,
            text.as_ptr().cast(),
            options.len() as u32,
            options.as_mut_ptr(),
            values.as_mut_ptr(),
        )
    };
    match check("cuModuleLoadDataEx", status) {
        Ok(()) => Ok(module),
        Err(error) => {
            if let CudaError::Driver { code, .. } = error
                && let Ok(found) = driver::version()
                && let ptx = ptx_version(&text.to_string_lossy())
                && too_old(code, found, ptx)
            {
                let ptx = ptx.to_owned();
                return Err(CudaError::DriverTooOld { found, ptx });
            }
            let log = CStr::from_bytes_until_nul(&log)
                .map(CStr::to_string_lossy)
                .unwrap_or_default();
            Err(with_detail(error, log.trim()))
        }
    }
}

/// The version that a PTX file names in its directive `.version`.
fn ptx_version(ptx: &str) -> &str {
    let version = ptx.lines().find_map(|line| line.trim().strip_prefix(".version"));
    version.map_or("of an unknown version", str::trim)
}

/// Whether this code says, of PTX of this version, that the driver is too old to read it. A driver need not know that
/// versions go on: it can also say that the PTX is not valid.
fn too_old(code: u32, found: (u32, u32), ptx: &str) -> bool {
    match code {
        driver::UNSUPPORTED_PTX_VERSION => true,
        driver::INVALID_PTX => first_cuda(ptx).is_some_and(|needed| found < needed),
        _ => false,
    }
}

/// The first version of CUDA that reads PTX of this version, from the table in the manual of PTX; `None` for what is
/// not in it.
fn first_cuda(ptx: &str) -> Option<(u32, u32)> {
    let (major, minor) = ptx.split_once('.')?;
    match (major.parse().ok()?, minor.parse().ok()?) {
        (6, minor @ 3..=5) => Some((10, minor - 3)),
        (7, minor @ 0..=8) => Some((11, minor)),
        (8, minor @ 0..=5) => Some((12, minor)),
        // CUDA 12.6 brought no new one.
        (8, minor @ 6..=8) => Some((12, minor + 1)),
        (9, minor) => Some((13, minor)),
        _ => None,
    }
}

/// The same error, saying more.
pub(super) fn with_detail(mut error: CudaError, detail: &str) -> CudaError {
    if let CudaError::Driver { name, .. } = &mut error
        && !detail.is_empty()
    {
        name.push_str(": ");
        name.push_str(detail);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ptx_names_its_version_and_target() {
        for (ptx, target) in [(SM_75, "sm_75"), (SM_80, "sm_80")] {
            let version = ptx_version(ptx);
            assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{version}");
            assert!(ptx.contains(&format!(".target {target}")), "{target}");
        }
    }

    #[test]
    fn a_driver_that_is_too_old_is_told_from_ptx_that_is_wrong() {
        let (unsupported, invalid) = (driver::UNSUPPORTED_PTX_VERSION, driver::INVALID_PTX);
        assert!(too_old(unsupported, (13, 0), "6.3"));
        for (found, ptx, expected) in [
            ((9, 2), "6.3", true),
            ((10, 0), "6.3", false),
            ((10, 2), "7.0", true),
            ((11, 0), "7.0", false),
            ((12, 6), "8.6", true),
            ((12, 7), "8.6", false),
            ((12, 9), "9.0", true),
            ((9, 0), "of an unknown version", false),
        ] {
            assert_eq!(too_old(invalid, found, ptx), expected, "{found:?} {ptx}");
            assert!(!too_old(driver::OUT_OF_MEMORY, found, ptx));
        }
        for ptx in [SM_75, SM_80] {
            assert!(first_cuda(ptx_version(ptx)).is_some(), "{}", ptx_version(ptx));
        }
    }

    #[test]
    fn parts_are_whole() {
        let text = ".version 7.0\n\n.visible .entry a(.param p)\n{ a }\n\n.visible .entry ab(.param p)\n{ ab }\n";
        let of = |wanted: &[&str]| part(text, |name| wanted.contains(&name));
        assert_eq!(of(&["a", "ab"]), text);
        assert_eq!(of(&["ab"]), ".version 7.0\n\n.visible .entry ab(.param p)\n{ ab }\n");
        assert_eq!(of(&[]), ".version 7.0\n\n");
    }
}
