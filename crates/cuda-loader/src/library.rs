//! The driver's library: opened once, never closed, asked for functions by name.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;

/// The name that every driver's package installs.
const LIBRARY: &CStr = c"libcuda.so.1";
/// `RTLD_NOW`: a library that cannot work fails here and not later.
const NOW: c_int = 2;

// Part of the C library that the standard library links with.
unsafe extern "C" {
    fn dlopen(name: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlerror() -> *mut c_char;
}

/// Why there is no driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    reason: String,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no CUDA driver: {}", self.reason)
    }
}

impl std::error::Error for Missing {}

/// The library's handle; it stays open for as long as the process lives.
struct Library(*mut c_void);

// SAFETY: a handle of `dlopen` belongs to the process, and `dlsym` may be called from any thread.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

/// Whether there is a CUDA driver: a `libcuda.so.1` that can be loaded. It may still find no device.
///
/// The answer is that of the first call.
///
/// # Errors
///
/// [`Missing`], which says what the system's loader says.
///
/// ```
/// match cuda_loader::status() {
///     Ok(()) => println!("there is a driver"),
///     Err(missing) => println!("{missing}"),
/// }
/// ```
pub fn status() -> Result<(), Missing> {
    library().as_ref().map(|_| ()).map_err(Clone::clone)
}

/// The driver's function `name`: null if it has none.
pub(crate) fn function(name: &CStr) -> Result<*mut c_void, &'static Missing> {
    let library = library().as_ref()?;
    // SAFETY: the handle is open for ever, and the name ends in zero.
    Ok(unsafe { dlsym(library.0, name.as_ptr()) })
}

fn library() -> &'static Result<Library, Missing> {
    static LOADED: OnceLock<Result<Library, Missing>> = OnceLock::new();
    LOADED.get_or_init(|| {
        // SAFETY: the name ends in zero; loading the driver's library runs its constructors, which are made
        // for that.
        let handle = unsafe { dlopen(LIBRARY.as_ptr(), NOW) };
        if handle.is_null() {
            Err(Missing { reason: last_error() })
        } else {
            Ok(Library(handle))
        }
    })
}

/// What the system's loader says about its last failure on this thread.
fn last_error() -> String {
    // SAFETY: no arguments.
    let text = unsafe { dlerror() };
    if text.is_null() {
        return format!("{} cannot be loaded", LIBRARY.to_string_lossy());
    }
    // SAFETY: the text ends in zero and is this thread's until its next call of the loader.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
