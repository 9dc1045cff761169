//! Arithmetic that `core` lacks or that the device does faster.

use crate::provider;

/// `a * b + c`, rounded once.
#[inline(always)]
pub fn fma<T: Float>(a: T, b: T, c: T) -> T {
    T::fma(a, b, c)
}

/// The smaller of two numbers; the other one where one is NaN.
#[inline(always)]
pub fn min<T: Float>(a: T, b: T) -> T {
    T::min(a, b)
}

/// The larger of two numbers; the other one where one is NaN.
#[inline(always)]
pub fn max<T: Float>(a: T, b: T) -> T {
    T::max(a, b)
}

/// 1 / `value`: on the device within 1 unit in the last place and with subnormals as zeros, on the
/// host exactly rounded.
#[inline(always)]
pub fn reciprocal(value: f32) -> f32 {
    provider::reciprocal(value)
}

/// The square root, exactly rounded.
#[inline(always)]
pub fn sqrt(value: f64) -> f64 {
    provider::sqrt(value)
}

/// The number that the lower 16 bits stand for, as IEEE's binary16.
#[inline(always)]
pub fn from_f16(bits: u32) -> f32 {
    provider::from_f16(bits)
}

/// The same value, which the compiler takes for one that it has not seen: what is computed from it is computed where it is
/// needed, and kept in no register from one turn of a loop to the next.
#[inline(always)]
pub fn fresh(value: u32) -> u32 {
    provider::fresh(value)
}

/// `f32` or `f64`.
pub trait Float: Copy + sealed::Sealed {
    #[doc(hidden)]
    fn fma(a: Self, b: Self, c: Self) -> Self;
    #[doc(hidden)]
    fn min(a: Self, b: Self) -> Self;
    #[doc(hidden)]
    fn max(a: Self, b: Self) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Float for f32 {
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        provider::fma_f32(a, b, c)
    }
    #[inline(always)]
    fn min(a: f32, b: f32) -> f32 {
        a.min(b)
    }
    #[inline(always)]
    fn max(a: f32, b: f32) -> f32 {
        a.max(b)
    }
}

impl Float for f64 {
    #[inline(always)]
    fn fma(a: f64, b: f64, c: f64) -> f64 {
        provider::fma_f64(a, b, c)
    }
    #[inline(always)]
    fn min(a: f64, b: f64) -> f64 {
        a.min(b)
    }
    #[inline(always)]
    fn max(a: f64, b: f64) -> f64 {
        a.max(b)
    }
}
