//! The driver's functions that a program beside the library calls: streams of its own, graphs. Where they come
//! from is `cuda-loader`, as for the library.

use std::ffi::{c_uint, c_void};
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
