//! The kernels: PTX, compiled by the driver when a device is opened, and launched by their place in a table.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use fastssim_kernels::general;
use fastssim_kernels::general::geometry::Resizing;
use fastssim_kernels::general::params::{Accumulate, Resize};
use fastssim_kernels::geometry::{self, Launch, Way, Work};
use fastssim_kernels::params::Params;

use super::device::{Current, Device};
use super::driver::{self, check};
use super::sys::{self, CUfunction, CUjit_option, CUmodule, CUstream};
use crate::CudaError;

const SM_75: &str = concat!(include_str!("ptx/sm_75.ptx"), "\0");
const SM_80: &str = concat!(include_str!("ptx/sm_80.ptx"), "\0");

/// The entry points: the fast ones by work and element type, see [`place`], then the general ones by work and
/// arithmetic, see [`general_place`], and those that make images smaller, see [`resize_place`].
const NAMES: [&CStr; 28] = [
    c"score_u8",
    c"score_u16",
    c"score_f32",
    c"map_u8",
    c"map_u16",
    c"map_f32",
    c"gradient_u8",
    c"gradient_u16",
    c"gradient_f32",
    c"patch_score_u8",
    c"patch_score_u16",
    c"patch_score_f32",
    c"patch_map_u8",
    c"patch_map_u16",
    c"patch_map_f32",
    c"patch_gradient_u8",
    c"patch_gradient_u16",
    c"patch_gradient_f32",
    c"general_windows_f32",
    c"general_windows_f64",
    c"general_adjoint_f32",
    c"general_adjoint_f64",
    c"general_means",
    c"general_weights",
    c"general_totals",
    c"general_reduce",
    c"general_spread",
    c"general_accumulate",
];

/// `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`: of a block.
const MOST_SHARED: c_int = 8;

/// The place in tables of the entry point that adds scores to a running sum.
const ACCUMULATE: usize = 27;

/// An element type of the fast kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FastKind {
    U8,
    U16,
    F32,
}

/// One of the fast kernels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel {
    pub(super) way: Way,
    pub(super) work: Work,
    pub(super) kind: FastKind,
}

/// The place of a fast entry point in tables.
fn place(Kernel { way, work, kind }: Kernel) -> usize {
    let way = match way {
        Way::March => 0,
        Way::Patch => 1,
    };
    let work = match work {
        Work::Score => 0,
        Work::Map => 1,
        Work::Gradient => 2,
    };
    let kind = match kind {
        FastKind::U8 => 0,
        FastKind::U16 => 1,
        FastKind::F32 => 2,
    };
    9 * way + 3 * work + kind
}

/// The place of a general entry point in tables.
fn general_place(work: general::geometry::Work, is_double: bool) -> usize {
    use general::geometry::Work;
    match work {
        Work::Windows => 18 + usize::from(is_double),
        Work::Adjoint => 20 + usize::from(is_double),
        Work::Means => 22,
        Work::Weights => 23,
        Work::Totals => 24,
    }
}

/// The place in tables of an entry point that makes images smaller.
fn resize_place(resizing: Resizing) -> usize {
    match resizing {
        Resizing::Reduce => 25,
        Resizing::Spread => 26,
    }
}

/// The kernels of one device.
pub(super) struct Module {
    functions: [CUfunction; NAMES.len()],
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
        for work in [Work::Score, Work::Map, Work::Gradient] {
            for kind in [FastKind::U8, FastKind::U16, FastKind::F32] {
                let way = Way::March;
                let function = functions[place(Kernel { way, work, kind })];
                // SAFETY: the function is one of the module.
                let status =
                    unsafe { sys::cuFuncSetAttribute(function, MOST_SHARED, geometry::most_shared(work) as c_int) };
                check("cuFuncSetAttribute", status)?;
            }
        }
        // The module stays loaded for as long as the device is open, which is for ever.
        Ok(Self { functions })
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
        kernel: Kernel,
        launch: &Launch,
        params: &Params,
        stream: CUstream,
    ) -> Result<(), CudaError> {
        // SAFETY: the kernel takes one argument, a `Params`; the rest is the caller's promise.
        unsafe { self.start(device, place(kernel), launch, params, stream) }
    }

    /// Puts a general kernel into the stream.
    ///
    /// # Safety
    ///
    /// As [`launch`](Self::launch); what a kernel needs of those before it has been put into the stream.
    pub(super) unsafe fn launch_general(
        &self,
        device: &Device,
        work: general::geometry::Work,
        is_double: bool,
        launch: &Launch,
        params: &general::params::Params,
        stream: CUstream,
    ) -> Result<(), CudaError> {
        // SAFETY: the kernel takes one argument, a `Params` of the general kernels; the rest is the caller's promise.
        unsafe { self.start(device, general_place(work, is_double), launch, params, stream) }
    }

    /// Puts a kernel into the stream that makes images smaller, or its adjoint.
    ///
    /// # Safety
    ///
    /// As [`launch`](Self::launch).
    pub(super) unsafe fn launch_resize(
        &self,
        device: &Device,
        resizing: Resizing,
        launch: &Launch,
        params: &Resize,
        stream: CUstream,
    ) -> Result<(), CudaError> {
        // SAFETY: the kernel takes one argument, a `Resize`; the rest is the caller's promise.
        unsafe { self.start(device, resize_place(resizing), launch, params, stream) }
    }

    /// Puts the kernel into the stream that adds scores to a running sum.
    ///
    /// # Safety
    ///
    /// As [`launch`](Self::launch).
    pub(super) unsafe fn launch_accumulate(
        &self,
        device: &Device,
        launch: &Launch,
        params: &Accumulate,
        stream: CUstream,
    ) -> Result<(), CudaError> {
        // SAFETY: the kernel takes one argument, an `Accumulate`; the rest is the caller's promise.
        unsafe { self.start(device, ACCUMULATE, launch, params, stream) }
    }

    /// Puts the kernel of this place into the stream.
    ///
    /// # Safety
    ///
    /// The kernel takes one argument, a `P`, and what this tells it is as it must be.
    unsafe fn start<P>(
        &self,
        device: &Device,
        place: usize,
        launch: &Launch,
        params: &P,
        stream: CUstream,
    ) -> Result<(), CudaError> {
        let function = self.functions[place];
        // The driver copies the parameters before it returns, and does not write to them.
        let mut arguments = [ptr::from_ref(params).cast_mut().cast::<c_void>()];
        // SAFETY: as the caller promises.
        let status = unsafe {
            sys::cuLaunchKernel(
                function,
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
        Err(error) => {
            if let CudaError::Driver { code, .. } = error
                && let Ok(found) = driver::version()
                && too_old(code, found, ptx_version(ptx))
            {
                let ptx = ptx_version(ptx).to_owned();
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

    /// Dynamic shared memory that a block has without asking the driver for more.
    const DEFAULT_SHARED: u32 = 48 * 1024;
    /// What it can ask for on the smallest device, of compute capability 7.5.
    const LEAST_OF_ALL: u32 = 64 * 1024;

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
    fn every_kernel_has_the_shared_memory_it_needs() {
        for work in [Work::Score, Work::Map, Work::Gradient] {
            for extent in [11, 64, 256, 1000, 30_000] {
                for (way, most) in [(Way::March, geometry::most_shared(work)), (Way::Patch, DEFAULT_SHARED)] {
                    let mut params = Params {
                        images: 1,
                        channels: 1,
                        height: extent,
                        width: extent,
                        ..Params::default()
                    };
                    let launch = geometry::launch(way, work, &mut params).expect("not too many tiles");
                    assert!(launch.shared <= most, "{way:?} {work:?} {extent}: {}", launch.shared);
                    assert!(most <= LEAST_OF_ALL, "{work:?}: {most}");
                }
            }
        }
    }

    #[test]
    fn every_kernel_has_its_own_place() {
        let works = [Work::Score, Work::Map, Work::Gradient];
        let kinds = [FastKind::U8, FastKind::U16, FastKind::F32];
        let places = [Way::March, Way::Patch].into_iter().flat_map(|way| {
            let works = works.iter();
            works.flat_map(move |&work| kinds.map(|kind| place(Kernel { way, work, kind })))
        });
        assert!(places.eq(0..18));
        use general::geometry::Work as General;
        for (work, name) in [(General::Windows, "windows"), (General::Adjoint, "adjoint")] {
            for (is_double, of) in [(false, "f32"), (true, "f64")] {
                let name = format!("general_{name}_{of}");
                assert_eq!(NAMES[general_place(work, is_double)].to_str(), Ok(&*name));
            }
        }
        for (place, name) in [
            (general_place(General::Means, true), c"general_means"),
            (general_place(General::Weights, true), c"general_weights"),
            (general_place(General::Totals, true), c"general_totals"),
            (resize_place(Resizing::Reduce), c"general_reduce"),
            (resize_place(Resizing::Spread), c"general_spread"),
            (ACCUMULATE, c"general_accumulate"),
        ] {
            assert_eq!(NAMES[place], name);
        }
    }
}
