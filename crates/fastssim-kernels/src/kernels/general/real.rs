//! What elements of images are read as: numbers of single or of double precision.

use fastssim_device::Element;

/// `f32` or `f64`.
pub trait Real: Element {
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
}
