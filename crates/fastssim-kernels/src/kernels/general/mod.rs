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
//! Before them run, where they are needed, `reduce` (smaller images), `weights` and `totals` (what the weights of an
//! image's windows sum up to); after them `spread` (gradients of smaller images) and `accumulate` (a running sum of scores).
//!
//! | module | what it holds |
//! |---|---|
//! | `real` | the arithmetic, `f32` or `f64` |
//! | `elements` | element types, read and written as they are |
//! | `source` | which pixel stands beyond an edge |
//! | `tile` | which part of which channel a warp computes, and its origin |
//! | `window` | the weights, and those of the way back, with the padding folded in; sums of windows side by side |
//! | `moments` | means and variances under a window, along a row and then along columns |
//! | `formula`, `exponents`, `power` | SSIM and its derivatives from the moments |
//! | `gradients` | where gradients go, and the pixels that they need |
//! | `sum` | the sum over a tile, and the kernel of the means |
//! | `weights` | what the weights of windows sum up to |
//! | `resize` | images made smaller, and the gradient's way back |
//! | `accumulate` | a running sum of scores |

mod accumulate;
pub mod double;
mod elements;
mod real;
mod resize;
pub mod single;
mod source;
mod sum;
mod tile;
mod weights;

pub use accumulate::accumulate;
pub use real::Real;
pub use resize::{reduce, spread};
pub use sum::means;
pub use weights::{totals, weights};

use crate::general::geometry::DERIVATIVES;

/// Maps of derivatives.
const MAPS: usize = DERIVATIVES as usize;
