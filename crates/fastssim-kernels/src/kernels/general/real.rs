//! The arithmetic of a kernel: single or double precision.

use core::ops::{Add, Mul, Sub};

use fastssim_device::Element;
use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::math::{Float, fma, reciprocal};
use fastssim_device::shared::Shared;
use fastssim_device::warp::Exchange;

/// `f32` or `f64`.
pub trait Real:
    Element + Float + Exchange + PartialOrd + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    /// Whether it is `f64`.
    const DOUBLE: bool;
    /// The bits of an element of an image, in a register or two.
    type Bits: Copy;
    /// Those of an element of four bytes at most.
    fn bits(bits: u32) -> Self::Bits;
    /// Those of an element of eight bytes, which single precision does not know.
    fn wide_bits(element: f64) -> Self::Bits;
    /// The last four bytes.
    fn low(bits: Self::Bits) -> u32;
    /// The number that has these bits.
    fn from_bits(bits: Self::Bits) -> Self;
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
    /// `N` numbers side by side, of the place of this number among such places.
    ///
    /// # Safety
    /// As for [`Shared::load`].
    unsafe fn load_all<const N: usize>(table: Shared<Self>, place: u32) -> [Self; N];
    /// The four numbers of a place, of so many places in the device's memory.
    ///
    /// # Safety
    /// As for [`Global::load`].
    unsafe fn read4(from: Global<Self>, place: u32, places: u32) -> [Self; 4];
    /// Writes the four numbers of a place.
    ///
    /// # Safety
    /// As for [`GlobalMut::store`].
    unsafe fn write4(to: GlobalMut<Self>, place: u32, places: u32, values: [Self; 4]);
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
    type Bits = u32;
    #[inline(always)]
    fn bits(bits: u32) -> u32 {
        bits
    }
    #[inline(always)]
    fn wide_bits(element: f64) -> u32 {
        (element as f32).to_bits()
    }
    #[inline(always)]
    fn low(bits: u32) -> u32 {
        bits
    }
    #[inline(always)]
    fn from_bits(bits: u32) -> Self {
        f32::from_bits(bits)
    }
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
    // At once: single precision takes four of everything.
    #[inline(always)]
    unsafe fn load_all<const N: usize>(table: Shared<Self>, place: u32) -> [Self; N] {
        // SAFETY: as the caller promises.
        let numbers = unsafe { table.load4(N as u32 * place) };
        core::array::from_fn(|i| numbers[i])
    }
    #[inline(always)]
    unsafe fn read4(from: Global<Self>, place: u32, _: u32) -> [Self; 4] {
        // SAFETY: as the caller promises.
        unsafe { from.offset(4 * i64::from(place)).load4_nc(0) }
    }
    #[inline(always)]
    unsafe fn write4(to: GlobalMut<Self>, place: u32, _: u32, values: [Self; 4]) {
        // SAFETY: as the caller promises.
        unsafe { to.offset(4 * i64::from(place)).store4(0, values) }
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
    type Bits = u64;
    #[inline(always)]
    fn bits(bits: u32) -> u64 {
        bits.into()
    }
    #[inline(always)]
    fn wide_bits(element: f64) -> u64 {
        element.to_bits()
    }
    #[inline(always)]
    fn low(bits: u64) -> u32 {
        bits as u32
    }
    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }
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
    #[inline(always)]
    unsafe fn load_all<const N: usize>(table: Shared<Self>, place: u32) -> [Self; N] {
        // SAFETY: as the caller promises.
        core::array::from_fn(|i| unsafe { table.load(N as u32 * place + i as u32) })
    }
    // The first numbers of all places come first: lanes that access one number each meet in no bank.
    #[inline(always)]
    unsafe fn read4(from: Global<Self>, place: u32, places: u32) -> [Self; 4] {
        // SAFETY: as the caller promises.
        [0, 1, 2, 3].map(|i| unsafe { from.offset(i * i64::from(places)).load_nc(place) })
    }
    #[inline(always)]
    unsafe fn write4(to: GlobalMut<Self>, place: u32, places: u32, values: [Self; 4]) {
        for i in 0..4 {
            // SAFETY: as the caller promises.
            unsafe { to.offset(i as i64 * i64::from(places)).store(place, values[i]) }
        }
    }
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
