//! The kernels of double precision, and of exponents other than 1.

mod adjoint;
mod exponents;
mod formula;
mod gradients;
mod moments;
mod power;
mod reader;
mod window;
mod windows;

pub use adjoint::adjoint;
pub use windows::windows;
