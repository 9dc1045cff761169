//! Devices: which there are, and handles on those that have been opened.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::ptr;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};

use fastssim_kernels::geometry::has_wide;

use super::driver::{self, check};
use super::host::Pool;
use super::module::Module;
use super::plan::Plan;
use super::sys::{self, CUcontext, CUdevice, CUdevice_attribute, Status};
use crate::CudaError;
use crate::error::Result;

/// The oldest compute capability that the kernels run on.
const NEEDED: (u32, u32) = (7, 5);

/// The devices that have been opened.
static OPEN: RwLock<BTreeMap<usize, Device>> = RwLock::new(BTreeMap::new());

/// What is known of a device before it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// Counted from 0, among the devices that the driver shows to this process.
    pub index: usize,
    /// The name that the driver gives it.
    pub name: String,
    /// Bytes of memory, in use or not.
    pub memory: usize,
    /// Major and minor number; the kernels need at least 7.5.
    pub compute_capability: (u32, u32),
    /// How many multiprocessors it has.
    pub multiprocessors: u32,
}

/// The devices that the driver shows to this process, whether or not they can be used.
///
/// # Errors
///
/// [`CudaError::NoDriver`] and [`CudaError::NoDevice`].
pub fn devices() -> Result<Vec<DeviceInfo>> {
    let count = count()?;
    (0..count).map(|index| Ok(describe(index, raw(index)?)?)).collect()
}

/// A handle on a device, cheap to clone and to send to other threads, which may all use it at the same time.
///
/// A device is opened once for each process, with its kernels compiled by the driver, and stays open until the
/// process ends. It uses the device's primary context, as PyTorch and other frameworks do, so that memory and
/// streams can be shared with them. Each call makes that context current for its own duration only.
#[derive(Clone, Copy)]
pub struct Device {
    open: &'static Open,
}

/// An open device. It is never closed: other code of the process may be using the context, and at the end of the
/// process the driver may be gone before us.
struct Open {
    info: DeviceInfo,
    context: CUcontext,
    module: Module,
    plan: Plan,
    pool: Pool,
    /// Why this device cannot be used any more.
    fault: OnceLock<CudaError>,
}

// SAFETY: a context may be made current on any thread, and on several at once; the other fields are `Sync`.
unsafe impl Sync for Open {}
// SAFETY: as above.
unsafe impl Send for Open {}

impl Device {
    /// The device of this index, counted from 0.
    ///
    /// # Errors
    ///
    /// [`CudaError::NoDriver`], [`CudaError::DriverTooOld`], [`CudaError::NoDevice`], [`CudaError::DeviceIndex`],
    /// [`CudaError::ComputeCapability`], [`CudaError::OutOfMemory`], [`CudaError::Driver`], and [`CudaError::Fault`] for
    /// a device on which work has failed.
    pub fn new(index: usize) -> Result<Self> {
        let device = match Self::opened(index) {
            Some(device) => device,
            None => Self::open_once(index)?,
        };
        device.usable()?;
        Ok(device)
    }

    /// The device, if it is open. Threads do not get in line for that.
    fn opened(index: usize) -> Option<Self> {
        OPEN.read().unwrap_or_else(PoisonError::into_inner).get(&index).copied()
    }

    fn open_once(index: usize) -> Result<Self, CudaError> {
        // Held while a device is opened, so that no two threads open the same.
        static OPENING: Mutex<()> = Mutex::new(());
        let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = Self::opened(index) {
            return Ok(device);
        }
        let device = Self::open(index)?;
        OPEN.write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(index, device);
        Ok(device)
    }

    fn open(index: usize) -> Result<Self, CudaError> {
        let count = count()?;
        if index >= count {
            return Err(CudaError::DeviceIndex { index, count });
        }
        let raw = raw(index)?;
        let info = describe(index, raw)?;
        fit(&info)?;
        let mut context = ptr::null_mut();
        // SAFETY: `raw` is a device, and one pointer is written.
        let status = unsafe { sys::cuDevicePrimaryCtxRetain(&mut context, raw) };
        check("cuDevicePrimaryCtxRetain", status).map_err(|error| explain(index, error))?;
        let module = Current::new(context).and_then(|current| Module::load(info.compute_capability, &current));
        let module = module.map_err(|error| {
            // SAFETY: gives back what was retained above; nothing refers to it.
            unsafe { sys::cuDevicePrimaryCtxRelease_v2(raw) };
            explain(index, error)
        })?;
        let open = Box::leak(Box::new(Open {
            plan: Plan::new(&info),
            info,
            context,
            module,
            pool: Pool::default(),
            fault: OnceLock::new(),
        }));
        Ok(Self { open })
    }

    /// The device's index, counted from 0.
    pub fn index(&self) -> usize {
        self.open.info.index
    }

    /// The device's name, memory and compute capability.
    pub fn info(&self) -> &DeviceInfo {
        &self.open.info
    }

    /// Makes the device's context current on this thread and leaves it so, as `cudaSetDevice` does.
    ///
    /// Nothing needs it. Elsewhere each call makes the context current and brings back what was there before; where it
    /// is current already, as on the threads of frameworks that use the device, it need not. So for a thread with many
    /// small calls this saves part of what a call costs it.
    ///
    /// # Errors
    ///
    /// [`CudaError::Fault`] where work on the device has failed.
    pub fn make_current(&self) -> Result<()> {
        self.usable()?;
        // SAFETY: a context that is retained until the process ends.
        let status = unsafe { sys::cuCtxSetCurrent(self.open.context) };
        Ok(self.check("cuCtxSetCurrent", status)?)
    }

    /// Bytes of memory that are free, and all that there are.
    ///
    /// # Errors
    ///
    /// [`CudaError::Fault`] where work on the device has failed.
    pub fn memory(&self) -> Result<(usize, usize)> {
        let _current = self.enter()?;
        let (mut free, mut total) = (0, 0);
        // SAFETY: writes two numbers; the context is current.
        self.check("cuMemGetInfo", unsafe { sys::cuMemGetInfo_v2(&mut free, &mut total) })?;
        Ok((free, total))
    }

    /// The kernels.
    pub(super) fn module(&self) -> &'static Module {
        &self.open.module
    }

    /// Whether it has the fast kernels for windows of more than eleven taps.
    pub(super) fn has_wide(&self) -> bool {
        has_wide(self.open.info.compute_capability)
    }

    /// Which kernels suit which images.
    pub(super) fn plan(&self) -> &'static Plan {
        &self.open.plan
    }

    /// Has all threads' images of up to so many pixels done by the kernels for small images on this device, rather than
    /// what its launch plan says; `None` goes back to that. For measuring which suits: results differ by rounding alone.
    #[doc(hidden)]
    pub fn force_plan(&self, most_pixels: Option<u32>) {
        self.open.plan.force(most_pixels);
    }

    /// The buffers of host images' calls.
    pub(super) fn pool(&self) -> &'static Pool {
        &self.open.pool
    }

    /// Fails where work on the device has failed before.
    pub(super) fn usable(&self) -> Result<(), CudaError> {
        self.open.fault.get().map_or(Ok(()), |fault| Err(fault.clone()))
    }

    /// Makes the device's context current on this thread until the guard is dropped.
    pub(super) fn enter(&self) -> Result<Current, CudaError> {
        self.usable()?;
        self.enter_to_free()
    }

    /// The same to give back memory and streams: on a device that cannot be used as well.
    pub(super) fn enter_to_free(&self) -> Result<Current, CudaError> {
        Current::new(self.open.context).map_err(|error| self.noted(error))
    }

    /// The result of the driver's function `call`. After a fault of the device, no handle on it will work.
    pub(super) fn check(&self, call: &'static str, status: Status) -> Result<(), CudaError> {
        self.check_allocation(call, status, 0)
    }

    /// The same for a function that was asked for so many bytes.
    pub(super) fn check_allocation(&self, call: &'static str, status: Status, bytes: usize) -> Result<(), CudaError> {
        check(call, status).map_err(|error| match self.noted(error) {
            CudaError::OutOfMemory { device, .. } => CudaError::OutOfMemory {
                device,
                requested: bytes,
                free: self.free(),
            },
            other => other,
        })
    }

    /// The driver's error as it is for this device. A fault is remembered: the first one is what all later calls
    /// report.
    fn noted(&self, error: CudaError) -> CudaError {
        match explain(self.index(), error) {
            fault @ CudaError::Fault { .. } => self.open.fault.get_or_init(|| fault).clone(),
            other => other,
        }
    }

    /// Bytes of memory that are free, if the driver says so.
    fn free(&self) -> Option<usize> {
        let _current = self.enter().ok()?;
        let (mut free, mut total) = (0, 0);
        // SAFETY: writes two numbers; the context is current.
        let status = unsafe { sys::cuMemGetInfo_v2(&mut free, &mut total) };
        (status == 0).then_some(free)
    }
}

impl PartialEq for Device {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.open, other.open)
    }
}

impl Eq for Device {}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Device").field(self.info()).finish()
    }
}

/// Keeps a context current on this thread; what was current before comes back in the end. Frameworks rely on
/// that: the runtime's "current device" is the current context.
pub(super) struct Current {
    /// The context to bring back, where it was another.
    previous: Option<CUcontext>,
    /// A thread's own.
    not_send: PhantomData<*mut ()>,
}

impl Current {
    fn new(context: CUcontext) -> Result<Self, CudaError> {
        let mut previous = ptr::null_mut();
        // SAFETY: writes one pointer.
        check("cuCtxGetCurrent", unsafe { sys::cuCtxGetCurrent(&mut previous) })?;
        let changed = previous != context;
        if changed {
            // SAFETY: a context that has been retained.
            check("cuCtxSetCurrent", unsafe { sys::cuCtxSetCurrent(context) })?;
        }
        Ok(Self {
            previous: changed.then_some(previous),
            not_send: PhantomData,
        })
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        if let Some(previous) = self.previous {
            // SAFETY: it was current on this thread when the guard was made; null means none.
            unsafe { sys::cuCtxSetCurrent(previous) };
        }
    }
}

/// What an error of the driver's means where it comes from a call in the context of the device of this index.
fn explain(index: usize, error: CudaError) -> CudaError {
    match error {
        CudaError::Driver { call, code, name } if driver::is_fault(code) => CudaError::Fault {
            device: index,
            call,
            code,
            name,
        },
        CudaError::Driver {
            code: driver::OUT_OF_MEMORY,
            ..
        } => CudaError::OutOfMemory {
            device: index,
            requested: 0,
            free: None,
        },
        other => other,
    }
}

/// Whether the kernels run on this device.
fn fit(info: &DeviceInfo) -> Result<(), CudaError> {
    if info.compute_capability >= NEEDED {
        return Ok(());
    }
    Err(CudaError::ComputeCapability {
        index: info.index,
        name: info.name.clone(),
        found: info.compute_capability,
        needed: NEEDED,
    })
}

fn count() -> Result<usize, CudaError> {
    driver::start()?;
    let mut count = 0;
    // SAFETY: writes one number.
    check("cuDeviceGetCount", unsafe { sys::cuDeviceGetCount(&mut count) })?;
    match usize::try_from(count) {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(CudaError::NoDevice),
    }
}

fn raw(index: usize) -> Result<CUdevice, CudaError> {
    let mut device = 0;
    let ordinal = i32::try_from(index).unwrap_or(i32::MAX);
    // SAFETY: writes one number; indices out of range are errors.
    check("cuDeviceGet", unsafe { sys::cuDeviceGet(&mut device, ordinal) })?;
    Ok(device)
}

fn describe(index: usize, device: CUdevice) -> Result<DeviceInfo, CudaError> {
    use CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
        CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
    };
    let mut name = [0u8; 256];
    // SAFETY: writes at most as many bytes as it is told, the last of them zero.
    check("cuDeviceGetName", unsafe {
        sys::cuDeviceGetName(name.as_mut_ptr().cast::<c_char>(), name.len() as i32, device)
    })?;
    let mut memory = 0;
    // SAFETY: writes one number.
    check("cuDeviceTotalMem", unsafe {
        sys::cuDeviceTotalMem_v2(&mut memory, device)
    })?;
    let attribute = |which| {
        let mut value = 0;
        // SAFETY: writes one number.
        check("cuDeviceGetAttribute", unsafe {
            sys::cuDeviceGetAttribute(&mut value, which, device)
        })?;
        Ok::<u32, CudaError>(u32::try_from(value).unwrap_or(0))
    };
    let name = CStr::from_bytes_until_nul(&name).map(CStr::to_string_lossy);
    Ok(DeviceInfo {
        index,
        name: name.unwrap_or_default().into_owned(),
        memory,
        compute_capability: (
            attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        ),
        multiprocessors: attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_before_turing_are_refused_by_name() {
        let info = |compute_capability| DeviceInfo {
            index: 1,
            name: "Some GPU".into(),
            memory: 1 << 34,
            compute_capability,
            multiprocessors: 132,
        };
        for fits in [(7, 5), (8, 0), (8, 9), (9, 0), (12, 0)] {
            assert_eq!(fit(&info(fits)), Ok(()));
        }
        for old in [(3, 7), (6, 9), (7, 0), (7, 2)] {
            let error = fit(&info(old)).expect_err("too old");
            let expected = format!(
                "CUDA device 1 (Some GPU) has compute capability {}.{}: it must be at least 7.5",
                old.0, old.1
            );
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn errors_in_a_context_say_what_they_mean() {
        let explained = |code| {
            let name = "SOME_NAME".into();
            explain(
                2,
                CudaError::Driver {
                    call: "cuCall",
                    code,
                    name,
                },
            )
        };
        for code in [700, 714, 718, 719, 999] {
            assert!(matches!(explained(code), CudaError::Fault { device: 2, .. }), "{code}");
        }
        assert!(matches!(explained(2), CudaError::OutOfMemory { device: 2, .. }));
        for code in [1, 201, 218, 400, 701] {
            assert!(matches!(explained(code), CudaError::Driver { .. }), "{code}");
        }
    }
}
