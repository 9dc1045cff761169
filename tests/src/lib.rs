//! What checks `fastssim` against something independent of it.
//!
//! * [`mod@reference`]: SSIM, DSSIM and the gradient in `f64`, written for clarity. The tests in
//!   `tests/reference.rs` check it by finite differences and against a second formula.
//! * [`images`]: deterministic pictures, chosen for what goes wrong with them.
//! * [`strided`]: the same numbers in every order of memory.
//! * [`emulated`] and [`general`]: the GPU kernels, run by the device layer's emulator; [`compiled`]: either their sources
//!   or the PTX that ships.
//! * [`options`] and [`suite`]: everything that callers choose, one by one and at random, for all that computes.
//! * [`tolerance`] and [`comparison`]: how far the library may be from the reference, and how far it is.
//!
//! The tests themselves are in `tests/`, one file for each promise of the library.

use std::io::Write;

use fastssim::cuda::Device;
use fastssim::{CudaError, Error};

pub mod comparison;
pub mod compiled;
pub mod emulated;
pub mod general;
pub mod images;
pub mod options;
pub mod reference;
pub mod strided;
pub mod suite;
pub mod tolerance;

/// The first GPU, or `None` after saying that there is none. A GPU that does not work fails the test, and so does a
/// missing one where the variable `FASTSSIM_GPU` says `required`.
pub fn first_gpu() -> Option<Device> {
    let required = std::env::var_os("FASTSSIM_GPU").is_some_and(|value| value == "required");
    match Device::new(0) {
        Ok(device) => Some(device),
        Err(error @ Error::Cuda(CudaError::NoDriver { .. } | CudaError::NoDevice)) if !required => {
            skipped(&error.to_string());
            None
        }
        Err(error) => panic!("the GPU does not work: {error}"),
    }
}

/// Says on standard error why the calling test does nothing. Not by a macro of the standard library: the output of
/// those is shown for tests that fail, and this one passes.
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Where standard error is closed, nobody reads it.
    let _ = writeln!(std::io::stderr(), "{test} skipped: {why}");
}
