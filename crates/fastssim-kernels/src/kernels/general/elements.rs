//! Planes whose element type is known at run time: read and written as they are.
//!
//! All threads of a grid take the same branch. Reading and interpreting are apart, so that what is read need not be
//! there before it is needed.

use core::array::from_fn;

use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::math::{self, fresh};

use super::super::pixels::float;
use super::real::Real;
use crate::general::params::{Kind, Typed};

/// The smallest normal number of binary16 is 2⁻¹⁴, that of `f32` 2⁻¹²⁶.
const F16_TO_F32: f32 = f32::from_bits((127 + 112) << 23);

/// One channel of an image.
#[derive(Clone, Copy)]
pub(crate) struct Plane {
    address: u64,
    kind: u32,
    row: u32,
    col: u32,
}

impl Plane {
    /// The channel of this number in the image of this number.
    #[inline(always)]
    pub(crate) fn new(typed: &Typed, image: u32, channel: u32) -> Self {
        let planes = &typed.planes;
        let distance = i64::from(image) * planes.image + i64::from(channel) * planes.channel;
        let bytes = distance.wrapping_mul(i64::from(size(typed.kind)));
        Self {
            address: planes.data.wrapping_add_signed(bytes),
            kind: typed.kind,
            row: planes.row,
            col: planes.col,
        }
    }

    /// The bits of the elements in some rows and columns. Elements of eight bytes are the business of double precision.
    ///
    /// # Safety
    /// The plane has elements there, which nobody writes while the kernel runs.
    #[inline(always)]
    pub(crate) unsafe fn bits<T: Real, const N: usize, const M: usize>(
        &self,
        rows: [u32; N],
        cols: [u32; M],
    ) -> [[T::Bits; M]; N] {
        let index = |row, col| row * self.row + col * self.col;
        // SAFETY: as the caller promises; distances within a plane fit 32 bits.
        unsafe {
            if self.kind == Kind::U8 as u32 {
                let plane = Global::<u8>::from_address(self.address);
                each(rows, cols, |row, col| T::bits(plane.load_nc(index(row, col)).into()))
            } else if self.kind < Kind::F32 as u32 {
                let plane = Global::<u16>::from_address(self.address);
                each(rows, cols, |row, col| T::bits(plane.load_nc(index(row, col)).into()))
            } else if !T::DOUBLE || self.kind == Kind::F32 as u32 {
                let plane = Global::<u32>::from_address(self.address);
                each(rows, cols, |row, col| T::bits(plane.load_nc(index(row, col))))
            } else {
                let plane = Global::<f64>::from_address(self.address);
                each(rows, cols, |row, col| T::wide_bits(plane.load_nc(index(row, col))))
            }
        }
    }

    /// The numbers that bits stand for.
    #[inline(always)]
    pub(crate) fn numbers<T: Real, const N: usize, const M: usize>(&self, bits: [[T::Bits; M]; N]) -> [[T; M]; N] {
        if self.kind < Kind::F16 as u32 {
            bits.map(|row| row.map(|bits| T::from_u32(T::low(bits))))
        } else if self.kind == Kind::F16 as u32 {
            bits.map(|row| row.map(|bits| T::from_f32(from_f16(T::low(bits)))))
        } else if self.kind == Kind::Bf16 as u32 {
            bits.map(|row| row.map(|bits| T::from_f32(f32::from_bits(T::low(bits) << 16))))
        } else if !T::DOUBLE || self.kind == Kind::F32 as u32 {
            bits.map(|row| row.map(|bits| T::from_f32(f32::from_bits(T::low(bits)))))
        } else {
            bits.map(|row| row.map(T::from_bits))
        }
    }

    /// The same from this column on, which is its first then.
    #[inline(always)]
    pub(crate) fn at_col(mut self, col: u32) -> Self {
        self.address = self
            .address
            .wrapping_add(u64::from(col * self.col) * u64::from(size(self.kind)));
        self
    }

    /// The first elements of rows below one another, from this row on, a word each. None has eight bytes.
    ///
    /// # Safety
    /// As [`bits`](Self::bits).
    #[inline(always)]
    pub(crate) unsafe fn below<const N: usize>(&self, row: u32) -> [u32; N] {
        // A multiple of the distance is found where it is needed, and kept in no register.
        // SAFETY: as the caller promises.
        unsafe {
            if self.kind == Kind::F32 as u32 {
                let (column, stride) = (self.row::<u32>(row), fresh(self.row));
                from_fn(|i| column.load_nc_strided(i as u32, stride))
            } else if self.kind == Kind::U8 as u32 {
                let (column, stride) = (self.row::<u8>(row), fresh(self.row));
                from_fn(|i| column.load_nc_strided(i as u32, stride).into())
            } else {
                let (column, stride) = (self.row::<u16>(row), fresh(self.row));
                from_fn(|i| column.load_nc_strided(i as u32, stride).into())
            }
        }
    }

    /// The elements from the first of a row on.
    #[inline(always)]
    fn row<E>(&self, row: u32) -> Global<E> {
        Global::from_address(self.address).offset(i64::from(row) * i64::from(self.row))
    }

    /// Writes numbers, as they are, into the first elements of rows below one another, from this row on, if it is a plane of `f32`;
    /// whether it is.
    ///
    /// # Safety
    /// As [`store`](Self::store), for all of them.
    #[inline(always)]
    pub(crate) unsafe fn store_below<const N: usize>(&self, row: u32, values: [f32; N]) -> bool {
        if self.kind != Kind::F32 as u32 {
            return false;
        }
        let column = GlobalMut::<f32>::from_address(self.row::<f32>(row).address());
        let stride = fresh(self.row);
        for i in 0..N {
            // SAFETY: as the caller promises.
            unsafe { column.store_strided(i as u32, stride, values[i]) };
        }
        true
    }

    /// The numbers that words stand for.
    #[inline(always)]
    pub(crate) fn singles<const N: usize>(&self, words: [u32; N]) -> [f32; N] {
        if self.kind == Kind::F32 as u32 {
            words.map(f32::from_bits)
        } else if self.kind < Kind::F16 as u32 {
            words.map(float)
        } else if self.kind == Kind::F16 as u32 {
            words.map(math::from_f16)
        } else {
            words.map(|word| f32::from_bits(word << 16))
        }
    }

    /// The number at a place, of whatever type.
    ///
    /// # Safety
    /// As [`bits`](Self::bits).
    #[inline(always)]
    pub(crate) unsafe fn at<T: Real>(&self, row: u32, col: u32) -> T {
        if !T::DOUBLE && self.kind == Kind::F64 as u32 {
            let index = row * self.row + col * self.col;
            // SAFETY: as the caller promises.
            return T::from_f64(unsafe { Global::<f64>::from_address(self.address).load_nc(index) });
        }
        // SAFETY: as the caller promises.
        let [[number]] = self.numbers(unsafe { self.bits::<T, 1, 1>([row], [col]) });
        number
    }

    /// Writes a number, rounded to the element type, which is one of floats.
    ///
    /// # Safety
    /// The plane has an element there, which may be written and which no other thread accesses.
    #[inline(always)]
    pub(crate) unsafe fn store<T: Real>(&self, row: u32, col: u32, value: T) {
        let index = row * self.row + col * self.col;
        // SAFETY: as the caller promises.
        unsafe {
            if self.kind == Kind::F64 as u32 {
                GlobalMut::<f64>::from_address(self.address).store(index, value.to_f64());
            } else if self.kind == Kind::F32 as u32 {
                GlobalMut::<f32>::from_address(self.address).store(index, value.to_f32());
            } else {
                let half = if self.kind == Kind::F16 as u32 {
                    to_f16(value.to_f32())
                } else {
                    to_bf16(value.to_f32())
                };
                GlobalMut::<u16>::from_address(self.address).store(index, half as u16);
            }
        }
    }
}

#[inline(always)]
fn each<B, const N: usize, const M: usize>(
    rows: [u32; N],
    cols: [u32; M],
    element: impl Fn(u32, u32) -> B,
) -> [[B; M]; N] {
    rows.map(|row| cols.map(|col| element(row, col)))
}

/// Bytes of an element.
#[inline(always)]
fn size(kind: u32) -> u32 {
    if kind == Kind::U8 as u32 {
        1
    } else if kind < Kind::F32 as u32 {
        2
    } else if kind == Kind::F32 as u32 {
        4
    } else {
        8
    }
}

/// The number that a binary16 stands for, exactly; `f32` has all of its numbers.
#[inline(always)]
fn from_f16(bits: u32) -> f32 {
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * F16_TO_F32;
    // Infinities and NaN have the largest exponent here as there.
    let is_finite = bits & 0x7c00 != 0x7c00;
    let finite = magnitude.to_bits();
    let magnitude = if is_finite {
        finite
    } else {
        0x7f80_0000 | (bits & 0x3ff) << 13
    };
    f32::from_bits((bits & 0x8000) << 16 | magnitude)
}

/// The nearest binary16, of two as near the even one.
#[inline(always)]
fn to_f16(value: f32) -> u32 {
    let bits = value.to_bits();
    let (sign, magnitude) = (bits >> 16 & 0x8000, bits & 0x7fff_ffff);
    let rounded = if magnitude >= 0x4780_0000 {
        // 65536 and more, and NaN, which stays one.
        if magnitude > 0x7f80_0000 { 0x7e00 } else { 0x7c00 }
    } else if magnitude < 0x3880_0000 {
        // Below 2⁻¹⁴ numbers are multiples of 2⁻²⁴, which the last bits of 0.5 count.
        (f32::from_bits(magnitude) + 0.5).to_bits() - 0x3f00_0000
    } else {
        // Half a unit, less a bit where the last digit kept is even; carries go where they belong.
        (magnitude - 0x3800_0000 + 0xfff + (magnitude >> 13 & 1)) >> 13
    };
    sign | rounded
}

/// The nearest bfloat16, of two as near the even one.
#[inline(always)]
fn to_bf16(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits & 0x7fff_ffff > 0x7f80_0000 {
        // Were its digits in the half that is dropped, NaN would become infinite.
        return bits >> 16 | 0x40;
    }
    (bits + 0x7fff + (bits >> 16 & 1)) >> 16
}

#[cfg(all(test, not(target_arch = "nvptx64")))]
mod tests {
    use super::*;

    // The library `half` is what the host's side reads and writes these types with.
    use half::{bf16, f16};

    #[test]
    fn every_half_is_read_exactly() {
        for bits in 0..=u16::MAX {
            let (found, expected) = (from_f16(bits.into()), f16::from_bits(bits).to_f32());
            assert!(found == expected || (found.is_nan() && expected.is_nan()), "{bits:#x}");
            assert_eq!(found.is_sign_negative(), expected.is_sign_negative(), "{bits:#x}");
        }
    }

    #[test]
    fn halves_are_rounded_to_the_nearest() {
        // All exponents and signs, digits around the halves between two.
        for high in 0..=u16::MAX {
            for low in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x0fff, 0x1000, 0x1001, 0x3000] {
                let value = f32::from_bits(u32::from(high) << 16 | low);
                let (half, brain) = (f16::from_f32(value), bf16::from_f32(value));
                let (found, brain_found) = (to_f16(value) as u16, to_bf16(value) as u16);
                if value.is_nan() {
                    assert!(f16::from_bits(found).is_nan() && bf16::from_bits(brain_found).is_nan());
                } else {
                    assert_eq!(found, half.to_bits(), "{value:e}");
                    assert_eq!(brain_found, brain.to_bits(), "{value:e}");
                }
            }
        }
    }
}
