//! The kernels: PTX, compiled by the driver when a device is opened, and launched by their place in a table.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use cust::sys::{self, CUfunction, CUfunction_attribute, CUjit_option, CUmodule, CUstream};
use fastssim_kernels::geometry::{Launch, Work};
use fastssim_kernels::params::Params;

use super::device::{Current, Device};
use super::driver::{self, check};
use super::images::Kind;
use crate::CudaError;

const SM_75: &str = concat!(include_str!("ptx/sm_75.ptx"), "\0");
const SM_80: &str = concat!(include_str!("ptx/sm_80.ptx"), "\0");

/// The entry points, by work and element type; see [`place`].
const NAMES: [&CStr; 9] = [
    c"score_u8",
    c"score_u16",
    c"score_f32",
    c"map_u8",
    c"map_u16",
    c"map_f32",
    c"gradient_u8",
    c"gradient_u16",
    c"gradient_f32",
];

/// Dynamic shared memory that a block has without asking for more.
const DEFAULT_SHARED: u32 = 48 * 1024;

/// The place of an entry point in tables.
fn place(work: Work, kind: Kind) -> usize {
    let work = match work {
        Work::Score => 0,
        Work::Map => 1,
        Work::Gradient => 2,
    };
    let kind = match kind {
        Kind::U8 => 0,
        Kind::U16 => 1,
        Kind::F32 => 2,
    };
    3 * work + kind
}

/// The kernels of one device.
pub(super) struct Module {
    kernels: [Kernel; NAMES.len()],
}

struct Kernel {
    function: CUfunction,
    /// Bytes of dynamic shared memory that have been allowed.
    shared: AtomicU32,
}

impl Module {
    /// Loads the kernels into the context that is current.
    pub(super) fn load(compute_capability: (u32, u32), _current: &Current) -> Result<Self, CudaError> {
        let ptx = if compute_capability >= (8, 0) { SM_80 } else { SM_75 };
        let module = compile(ptx)?;
        let mut functions = [ptr::null_mut(); NAMES.len()];
        for (function, name) in functions.iter_mut().zip(NAMES) {
            // SAFETY: the module is loaded, the name ends in zero, and one pointer is written.
            let status = unsafe { sys::cuModuleGetFunction(function, module, name.as_ptr()) };
            check("cuModuleGetFunction", status).map_err(|error| {
                // SAFETY: the module is loaded, and nobody has its functions.
                unsafe { sys::cuModuleUnload(module) };
                with_detail(error, &name.to_string_lossy())
            })?;
        }
        // The module stays loaded for as long as the device is open, which is for ever.
        let kernels = functions.map(|function| Kernel {
            function,
            shared: AtomicU32::new(DEFAULT_SHARED),
        });
        Ok(Self { kernels })
    }

    /// Puts a kernel into the stream.
    ///
    /// # Safety
    ///
    /// The device's context is current and the stream belongs to it. Every address in `params` is one of the
    /// device's memory, with room for all elements that the shape and the strides reach; what is written is
    /// written by nobody else until the stream has come past, and `counters` are zero when it comes here.
    pub(super) unsafe fn launch(
        &self,
        device: &Device,
        work: Work,
        kind: Kind,
        launch: &Launch,
        params: &Params,
        stream: CUstream,
    ) -> Result<(), CudaError> {
        let kernel = &self.kernels[place(work, kind)];
        kernel.allow(device, launch.shared)?;
        // The driver copies the parameters before it returns, and does not write to them.
        let mut arguments = [ptr::from_ref(params).cast_mut().cast::<c_void>()];
        // SAFETY: the kernel takes one argument, a `Params`; the rest is the caller's promise.
        let status = unsafe {
            sys::cuLaunchKernel(
                kernel.function,
                launch.grid,
                1,
                1,
                launch.block,
                1,
                1,
                launch.shared,
                stream,
                arguments.as_mut_ptr(),
                ptr::null_mut(),
            )
        };
        device.check("cuLaunchKernel", status)
    }
}

impl Kernel {
    /// Asks for dynamic shared memory beyond what every kernel has, once for each larger amount.
    fn allow(&self, device: &Device, bytes: u32) -> Result<(), CudaError> {
        if bytes <= self.shared.load(Ordering::Relaxed) {
            return Ok(());
        }
        let attribute = CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        let value = i32::try_from(bytes).unwrap_or(i32::MAX);
        // SAFETY: the function belongs to a module that is never unloaded.
        let status = unsafe { sys::cuFuncSetAttribute(self.function, attribute, value) };
        device.check("cuFuncSetAttribute", status)?;
        self.shared.fetch_max(bytes, Ordering::Relaxed);
        Ok(())
    }
}

// SAFETY: functions of a module that is never unloaded; the driver's calls on them may come from any thread.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

/// Has the driver compile PTX, which ends in zero.
fn compile(ptx: &str) -> Result<CUmodule, CudaError> {
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
    // SAFETY: the text ends in zero; two options with two values, one a buffer and one its size; a context is
    // current.
    let status = unsafe {
        sys::cuModuleLoadDataEx(
            &mut module,
            ptx.as_ptr().cast(),
            options.len() as u32,
            options.as_mut_ptr(),
            values.as_mut_ptr(),
        )
    };
    match check("cuModuleLoadDataEx", status) {
        Ok(()) => Ok(module),
        Err(CudaError::Driver { code, .. }) if code == driver::UNSUPPORTED_PTX_VERSION => {
            Err(CudaError::DriverTooOld {
                found: driver::version()?,
                ptx: ptx_version(ptx).to_owned(),
            })
        }
        Err(error) => {
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

/// The same error, saying more.
fn with_detail(mut error: CudaError, detail: &str) -> CudaError {
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
    fn every_kernel_has_its_own_place() {
        let works = [Work::Score, Work::Map, Work::Gradient];
        let kinds = [Kind::U8, Kind::U16, Kind::F32];
        let places = works.iter().flat_map(|&work| kinds.map(|kind| place(work, kind)));
        assert!(places.eq(0..NAMES.len()));
    }
}
