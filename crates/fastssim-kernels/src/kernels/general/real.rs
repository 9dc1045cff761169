//! The arithmetic of a kernel: single or double precision.

use core::ops::{Add, Mul, Sub};

use fastssim_device::Element;
use fastssim_device::math::{Float, fma, reciprocal};
use fastssim_device::warp::Exchange;

/// `f32` or `f64`.
pub trait Real:
    Element + Float + Exchange + PartialOrd + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    /// Whether it is `f64`.
    const DOUBLE: bool;
    /// The nearest to a number.
    fn from_f64(value: f64) -> Self;
    /// The number, exactly.
    fn from_f32(value: f32) -> Self;
    /// The number, exactly where it is below 2²⁴.
    fn from_u32(value: u32) -> Self;
    /// The number, exactly.
    fn to_f64(self) -> f64;
    /// The nearest `f32`.
    fn to_f32(self) -> f32;
    /// 1 / `self`.
    fn inverse(self) -> Self;
}

impl Real for f32 {
    const DOUBLE: bool = false;
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }
    #[inline(always)]
    fn from_u32(value: u32) -> Self {
        value as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self.into()
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    /// With one step of Newton's after the device's own, which is off by a unit in the last place.
    #[inline(always)]
    fn inverse(self) -> Self {
        let r = reciprocal(self);
        fma(r, fma(-self, r, 1.0), r)
    }
}

impl Real for f64 {
    const DOUBLE: bool = true;
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value.into()
    }
    #[inline(always)]
    fn from_u32(value: u32) -> Self {
        value.into()
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self as f32
    }
    #[inline(always)]
    fn inverse(self) -> Self {
        1.0 / self
    }
}
