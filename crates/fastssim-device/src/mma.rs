//! Matrix products of a warp on 16-bit floats, summed in 32 bits: `D = A B + C`.
//!
//! A is 16 rows of K, B is K rows of 8, C and D are 16 rows of 8. Each lane holds a part of each
//! matrix. With `group = lane / 4` and `place = lane % 4`, and two neighbouring elements in a
//! `u32` (the lower half is the lower index):
//!
//! | matrix | register | row | columns |
//! |---|---|---|---|
//! | A | `a[0]` | `group` | `2 place`, `2 place + 1` |
//! | A | `a[1]` | `group + 8` | the same |
//! | A (K = 16) | `a[2]`, `a[3]` | `group`, `group + 8` | 8 further |
//! | C, D | `[0]`, `[1]` | `group` | `2 place`, `2 place + 1` |
//! | C, D | `[2]`, `[3]` | `group + 8` | the same |
//!
//! B goes by columns: `b[0]` holds rows `2 place` and `2 place + 1` of column `group`, and `b[1]`
//! (K = 16) the rows 8 further.
//!
//! All 32 lanes must come together, in flow that does not depend on the lane: unlike shuffles and
//! barriers, the compiler does not know of that.

use crate::provider;

/// The product with K = 16.
#[inline(always)]
pub fn m16n8k16_f16(a: [u32; 4], b: [u32; 2], c: [f32; 4]) -> [f32; 4] {
    provider::m16n8k16_f16(a, b, c)
}

/// The product with K = 8.
#[inline(always)]
pub fn m16n8k8_f16(a: [u32; 2], b: u32, c: [f32; 4]) -> [f32; 4] {
    provider::m16n8k8_f16(a, b, c)
}

/// Two numbers rounded to 16-bit floats, `low` in the lower half.
#[inline(always)]
pub fn pack_f16x2(low: f32, high: f32) -> u32 {
    provider::pack_f16x2(low, high)
}

/// The two numbers of a packed pair, the lower half first.
#[inline(always)]
pub fn unpack_f16x2(pair: u32) -> [f32; 2] {
    provider::unpack_f16x2(pair)
}
