//! The general kernels: what the fast ones do not do.
//!
//! ```text
//! windows: pixels ─▶ u, v ─▶ moments one way ─▶ shared ─▶ moments the other way ─▶ 1 − SSIM ─▶ sum, map
//!          (source)                                                                    │
//!                                                                                      ▼
//! adjoint: gradients ◀─ with u, v ◀─ sums one way ◀─ shared ◀─ sums the other way ◀─ derivatives P, Q, B, C
//! means:   sums of tiles ─▶ channels ─▶ images
//! ```
//!
//! In [`single`] precision a block marches down a strip, in [`double`] a warp down a narrower one. Before them run, where they are
//! needed, `reduce` (smaller images), `weights` and `totals` (what the weights of an image's windows sum up to); after them `spread`
//! (gradients of smaller images) and `accumulate` (a running sum of scores). In all of these a warp is a block.
//!
//! | module | what it holds |
//! |---|---|
//! | [`single`], [`double`] | the kernels of windows and gradients |
//! | `real` | the arithmetic, `f32` or `f64` |
//! | `elements` | element types, read and written as they are |
//! | `source` | which pixel stands beyond an edge |
//! | `tile` | which part of which channel a block computes |
//! | `sum` | the sum over a warp's tile, and the kernel of the means |
//! | `weights` | what the weights of windows sum up to |
//! | `resize` | images made smaller, and the gradient's way back |
//! | `accumulate` | a running sum of scores |

mod accumulate;
pub mod double;
mod elements;
mod real;
mod resize;
pub mod single;
pub(crate) mod source;
mod sum;
mod tile;
mod weights;

pub use accumulate::accumulate;
pub use resize::{reduce, spread};
pub use sum::means;
pub use weights::{totals, weights};

use crate::general::geometry::DERIVATIVES;

/// Maps of derivatives.
const MAPS: usize = DERIVATIVES as usize;
