//! The kernels: one function each. A block computes a tile; those without one return at once.
//!
//! The emulator runs these functions as they are; in PTX each has two entry points (and each size of larger
//! windows), one for zeros beyond the edges and one for pixels there, which are for any element type.

mod blur;
mod down;
mod edges;
mod formula;
pub mod general;
mod gradient;
mod map;
mod march;
mod origins;
pub mod patch;
mod pixels;
mod score;
mod shift;
mod split;
mod sum;
mod tile;
pub mod wide;

pub use edges::{Edges, Pixels, Zeros};
pub use gradient::{gradient, gradients};
pub use map::map;
#[cfg(target_arch = "nvptx64")]
pub use pixels::Any;
pub use pixels::{Bf16, F16, Pixel};
pub use score::score;
