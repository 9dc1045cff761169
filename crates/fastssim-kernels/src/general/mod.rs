//! The general kernels from the outside: what they are told, and how they are launched.
//!
//! The fast kernels of this crate read one element type, pad with zeros, and have windows of up to 11 pixels. Everything
//! else is done by these: any pair of element types, every padding, windows of up to 33 pixels, exponents, weights of
//! pixels, and gradients of any upstream gradient.

pub mod geometry;
pub mod params;
pub mod single;
