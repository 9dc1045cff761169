//! SSIM, DSSIM and their gradients, exact and fast.

mod config;
mod cpu;
mod error;
mod functions;
mod input;
mod metric;
mod problem;
mod window;

pub use config::{Backend, DssimConvention, Padding, Ssim, SsimBuilder};
pub use error::{Error, Result};
pub use functions::*;
#[cfg(feature = "image")]
pub use input::{DropAlpha, composite};
pub use input::{Images, Input, Layout, Pixel, Real, Shape};
