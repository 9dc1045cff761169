//! What checks `fastssim` against something independent of it.
//!
//! * [`mod@reference`]: SSIM, DSSIM and the gradient in `f64`, written for clarity. The tests in
//!   `tests/reference.rs` check it by finite differences and against a second formula.
//! * [`images`]: deterministic pictures, chosen for what goes wrong with them.
//! * [`strided`]: the same numbers in every order of memory.
//! * [`emulated`]: the GPU kernels, run by the device layer's emulator.
//! * [`tolerance`] and [`comparison`]: how far the library may be from the reference, and how far it is.
//!
//! The tests themselves are in `tests/`, one file for each promise of the library.

use std::io::Write;

pub mod comparison;
pub mod emulated;
pub mod images;
pub mod reference;
pub mod strided;
pub mod tolerance;

/// Says on standard error why the calling test does nothing. Not by a macro of the standard library: the output of
/// those is shown for tests that fail, and this one passes.
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Where standard error is closed, nobody reads it.
    let _ = writeln!(std::io::stderr(), "{test} skipped: {why}");
}
