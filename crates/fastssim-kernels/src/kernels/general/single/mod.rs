//! The kernels of single precision: a block marches down a strip, `STEP` rows at a time.
//!
//! ```text
//! windows: pixels ─▶ u', v' ─▶ kept ─▶ moments along columns ─▶ shared ─▶ moments along rows ─▶ 1 − SSIM ─▶ sum, map
//!          (pixels)          (shared)      (window)                          (window)        (formula) │
//!                                                                                                      ▼
//! adjoint: gradients ◀─ with u', v' ◀─ shared ◀─ sums along rows ◀─ shared ◀─ sums along columns ◀─ derivatives
//! ```
//!
//! A thread has a column of what the windows of the strip reach, and then `STEP` windows, or pixels, side by side in one of the
//! rows of the step: its run. What a run has found goes through shared memory, so that neighbours write to neighbouring places.
//!
//! | module | what it holds |
//! |---|---|
//! | `pixels` | columns of pixels, in the image and beyond its edges; what is subtracted from them |
//! | `window` | sums of windows side by side, of any number of taps |
//! | `moments` | means and variances under a window, along columns and then along rows |
//! | `windows` | the kernel of the windows |
//! | `places` | where the derivatives of windows lie, and how they continue beyond the edges |
//! | `adjoint` | the kernel of the gradients |

mod adjoint;
mod moments;
mod pixels;
mod places;
mod window;
mod windows;

pub use adjoint::{adjoint, adjoints};
pub use windows::{derivatives, windows};
