//! The driver's functions that a program beside the library calls: streams of its own, graphs, kernels. Where they come
//! from is `cuda-loader`, as for the library.

use std::ffi::{CStr, c_char, c_uint, c_void};
use std::ptr;

use fastssim::cuda::{Device, Stream};

unsafe extern "C" {
    fn cuStreamCreate(stream: *mut *mut c_void, flags: c_uint) -> c_uint;
    fn cuStreamDestroy_v2(stream: *mut c_void) -> c_uint;
    fn cuStreamBeginCapture_v2(stream: *mut c_void, mode: c_uint) -> c_uint;
    fn cuStreamEndCapture(stream: *mut c_void, graph: *mut *mut c_void) -> c_uint;
    fn cuGraphInstantiateWithFlags(graph: *mut *mut c_void, of: *mut c_void, flags: u64) -> c_uint;
    fn cuGraphLaunch(graph: *mut c_void, stream: *mut c_void) -> c_uint;
    fn cuGraphExecDestroy(graph: *mut c_void) -> c_uint;
    fn cuGraphDestroy(graph: *mut c_void) -> c_uint;
    fn cuModuleLoadData(module: *mut *mut c_void, image: *const c_void) -> c_uint;
    fn cuModuleUnload(module: *mut c_void) -> c_uint;
    fn cuModuleGetFunction(function: *mut *mut c_void, module: *mut c_void, name: *const c_char) -> c_uint;
    fn cuLaunchKernel(
        function: *mut c_void,
        grid_x: c_uint,
        grid_y: c_uint,
        grid_z: c_uint,
        block_x: c_uint,
        block_y: c_uint,
        block_z: c_uint,
        shared: c_uint,
        stream: *mut c_void,
        parameters: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) -> c_uint;
}

/// `CU_STREAM_NON_BLOCKING`
const NON_BLOCKING: c_uint = 1;

/// Which calls the driver refuses while a stream is captured. Not `CU_STREAM_CAPTURE_MODE_GLOBAL`, which would forbid
/// them to other tests.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    ThreadLocal = 1,
    Relaxed = 2,
}

fn check(call: &str, code: c_uint) {
    assert_eq!(code, 0, "{call}");
}

/// A stream that is not the library's. The device's context must be current on this thread.
pub struct RawStream(*mut c_void);

impl RawStream {
    pub fn new(device: &Device) -> Self {
        device.make_current().expect("it works");
        let mut stream = ptr::null_mut();
        // SAFETY: writes one pointer.
        check("cuStreamCreate", unsafe { cuStreamCreate(&mut stream, NON_BLOCKING) });
        Self(stream)
    }

    pub fn as_raw(&self) -> *mut c_void {
        self.0
    }
}

impl Drop for RawStream {
    fn drop(&mut self) {
        // SAFETY: created by `new`, and destroyed once.
        check("cuStreamDestroy", unsafe { cuStreamDestroy_v2(self.0) });
    }
}

/// What was put into a stream while it was captured.
pub struct Graph(*mut c_void);

impl Graph {
    /// Runs `work`, whose calls in the stream are captured rather than done.
    pub fn capture(stream: &Stream, mode: Mode, work: impl FnOnce()) -> Self {
        stream.device().make_current().expect("it works");
        // SAFETY: the stream exists.
        check("cuStreamBeginCapture", unsafe {
            cuStreamBeginCapture_v2(stream.as_raw(), mode as c_uint)
        });
        work();
        let (mut graph, mut executable) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: as above; writes one pointer.
        check("cuStreamEndCapture", unsafe {
            cuStreamEndCapture(stream.as_raw(), &mut graph)
        });
        // SAFETY: writes one pointer; the graph exists.
        check("cuGraphInstantiate", unsafe {
            cuGraphInstantiateWithFlags(&mut executable, graph, 0)
        });
        // SAFETY: made above, and destroyed once; the executable graph does not need it.
        check("cuGraphDestroy", unsafe { cuGraphDestroy(graph) });
        Self(executable)
    }

    /// Does the work, in this stream.
    ///
    /// # Safety
    ///
    /// All memory that the captured work uses is still there, and used by nothing else until this is done.
    pub unsafe fn launch(&self, stream: &Stream) {
        // SAFETY: both exist; the memory as the caller promises.
        check("cuGraphLaunch", unsafe { cuGraphLaunch(self.0, stream.as_raw()) });
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: made by `capture`, and destroyed once; launches under way are finished all the same.
        check("cuGraphExecDestroy", unsafe { cuGraphExecDestroy(self.0) });
    }
}

/// A kernel that does nothing, with `BYTES` bytes of parameters.
pub struct Nothing<const BYTES: usize> {
    module: *mut c_void,
    function: *mut c_void,
}

impl<const BYTES: usize> Nothing<BYTES> {
    pub fn new(device: &Device) -> Self {
        device.make_current().expect("it works");
        let entry = format!(".visible .entry nothing(.param .align 8 .b8 p[{BYTES}]) {{ ret; }}");
        let ptx = format!(".version 6.3\n.target sm_75\n.address_size 64\n{entry}\n\0");
        let name: &CStr = c"nothing";
        let (mut module, mut function) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the text ends in zero; writes one pointer.
        check("cuModuleLoadData", unsafe {
            cuModuleLoadData(&mut module, ptx.as_ptr().cast())
        });
        // SAFETY: the module is loaded, and the name ends in zero; writes one pointer.
        check("cuModuleGetFunction", unsafe {
            cuModuleGetFunction(&mut function, module, name.as_ptr())
        });
        Self { module, function }
    }

    pub fn launch(&self, stream: &Stream) {
        let mut argument = [0u8; BYTES];
        let mut arguments = [argument.as_mut_ptr().cast::<c_void>()];
        let nothing = ptr::null_mut();
        // SAFETY: the kernel takes one argument of so many bytes, and looks at no memory.
        check("cuLaunchKernel", unsafe {
            cuLaunchKernel(
                self.function,
                1,
                1,
                1,
                32,
                1,
                1,
                0,
                stream.as_raw(),
                arguments.as_mut_ptr(),
                nothing,
            )
        });
    }
}

impl<const BYTES: usize> Drop for Nothing<BYTES> {
    fn drop(&mut self) {
        // SAFETY: loaded by `new`, and unloaded once, after the callers have waited for its kernels.
        check("cuModuleUnload", unsafe { cuModuleUnload(self.module) });
    }
}
