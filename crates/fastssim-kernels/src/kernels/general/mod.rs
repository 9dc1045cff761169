//! The general kernels: what the fast ones do not do. A warp is a block, and computes a tile.
//!
//! ```text
//! windows: pixels ─▶ u, v ─▶ row ─▶ moments along rows ─▶ ring ─▶ moments ─▶ 1 − SSIM ─▶ sum, map
//!          (source)        (shared)       (moments)     (shared)            (formula)      │
//!                                                                                          ▼
//! adjoint: gradients ◀─ with u, v ◀─ ring ◀─ blur along rows ◀─ row ◀───────────── derivatives P, Q, B, C
//! means:   sums of tiles ─▶ channels ─▶ images
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `real` | the arithmetic, `f32` or `f64` |
//! | `elements` | element types, read and written as they are |
//! | `source` | which pixel stands beyond an edge |
//! | `tile` | which part of which channel a warp computes, and its origin |
//! | `window` | the weights, and those of the way back, with the padding folded in |
//! | `moments` | means and variances under a window, along a row and then along columns |
//! | `formula`, `exponents`, `power` | SSIM and its derivatives from the moments |
//! | `sum` | the sum over a tile, and the kernel of the means |

mod adjoint;
mod elements;
mod exponents;
mod formula;
mod moments;
mod power;
mod real;
mod source;
mod sum;
mod tile;
mod window;
mod windows;

pub use adjoint::adjoint;
pub use real::Real;
pub use sum::means;
pub use windows::windows;
