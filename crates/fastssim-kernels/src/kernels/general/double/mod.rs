//! The kernels of double precision, and of exponents other than 1: a block is a warp, a column a lane.
//!
//! | module | what it holds |
//! |---|---|
//! | `numbers` | places that have several numbers |
//! | `reader` | pixels, in the image and beyond its edges |
//! | `window` | the weights, and those of the way back, with the padding folded in; sums of windows side by side |
//! | `moments` | means and variances under a window, along a row and then along columns |
//! | `formula`, `exponents`, `power` | SSIM and its derivatives from the moments |
//! | `windows` | the kernel of the windows |
//! | `gradients` | where gradients go, and the pixels that they need |
//! | `adjoint` | the kernel of the gradients |

mod adjoint;
mod exponents;
mod formula;
mod gradients;
mod moments;
mod numbers;
mod power;
mod reader;
mod window;
mod windows;

pub use adjoint::adjoint;
pub use windows::windows;
