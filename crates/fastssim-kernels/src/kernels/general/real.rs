//! The arithmetic of a kernel: single or double precision.

use core::ops::{Add, Mul, Sub};

use fastssim_device::Element;
use fastssim_device::math::{Float, fma, reciprocal};
use fastssim_device::shared::Shared;
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
    /// Two of the numbers of a place, of a line of so many places in shared memory.
    ///
    /// # Safety
    /// As for [`Shared::load`].
    unsafe fn load2(line: Shared<Self>, place: u32, places: u32) -> [Self; 2];
    /// Writes the two numbers of a place.
    ///
    /// # Safety
    /// As for [`Shared::store`].
    unsafe fn store2(line: Shared<Self>, place: u32, places: u32, values: [Self; 2]);
    /// The four numbers of a place, of a line of so many places that have four.
    ///
    /// # Safety
    /// As for [`Shared::load`].
    unsafe fn load4(line: Shared<Self>, place: u32, places: u32) -> [Self; 4];
    /// Writes the four numbers of a place.
    ///
    /// # Safety
    /// As for [`Shared::store`].
    unsafe fn store4(line: Shared<Self>, place: u32, places: u32, values: [Self; 4]);
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
    // The numbers of a place stand side by side, and a lane accesses all at once.
    #[inline(always)]
    unsafe fn load2(line: Shared<Self>, place: u32, _: u32) -> [Self; 2] {
        // SAFETY: as the caller promises.
        unsafe { line.load2(2 * place) }
    }
    #[inline(always)]
    unsafe fn store2(line: Shared<Self>, place: u32, _: u32, values: [Self; 2]) {
        // SAFETY: as the caller promises.
        unsafe { line.store2(2 * place, values) }
    }
    #[inline(always)]
    unsafe fn load4(line: Shared<Self>, place: u32, _: u32) -> [Self; 4] {
        // SAFETY: as the caller promises.
        unsafe { line.load4(4 * place) }
    }
    #[inline(always)]
    unsafe fn store4(line: Shared<Self>, place: u32, _: u32, values: [Self; 4]) {
        // SAFETY: as the caller promises.
        unsafe { line.store4(4 * place, values) }
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
    // The first numbers of all places come first: lanes that access one number each meet in no bank.
    #[inline(always)]
    unsafe fn load2(line: Shared<Self>, place: u32, places: u32) -> [Self; 2] {
        // SAFETY: as the caller promises.
        [0, 1].map(|i| unsafe { line.load(i * places + place) })
    }
    #[inline(always)]
    unsafe fn store2(line: Shared<Self>, place: u32, places: u32, values: [Self; 2]) {
        for i in 0..2 {
            // SAFETY: as the caller promises.
            unsafe { line.store(i as u32 * places + place, values[i]) }
        }
    }
    #[inline(always)]
    unsafe fn load4(line: Shared<Self>, place: u32, places: u32) -> [Self; 4] {
        // SAFETY: as the caller promises.
        [0, 1, 2, 3].map(|i| unsafe { line.load(i * places + place) })
    }
    #[inline(always)]
    unsafe fn store4(line: Shared<Self>, place: u32, places: u32, values: [Self; 4]) {
        for i in 0..4 {
            // SAFETY: as the caller promises.
            unsafe { line.store(i as u32 * places + place, values[i]) }
        }
    }
}
