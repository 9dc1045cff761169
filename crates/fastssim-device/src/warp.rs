//! The 32 threads of a warp: exchange of values without memory.
//!
//! Every function here but [`lane`] must be reached by all 32 lanes of the warp together. None but
//! [`sync`] orders memory.

use crate::provider;

/// Threads of a warp.
pub const LANES: u32 = 32;

/// This thread's index in its warp, 0 to 31.
#[inline(always)]
pub fn lane() -> u32 {
    provider::lane()
}

/// Waits for all lanes of the warp; what they wrote to memory before is then visible to them all.
#[inline(always)]
pub fn sync() {
    provider::sync_warp()
}

/// The value that lane `lane` (0 to 31) gave.
#[inline(always)]
pub fn shuffle<T: Exchange>(value: T, lane: u32) -> T {
    value.exchange(|word| provider::shuffle(word, lane))
}

/// The value that the lane `delta` (0 to 31) further up gave; this lane's own where there is none.
#[inline(always)]
pub fn shuffle_down<T: Exchange>(value: T, delta: u32) -> T {
    value.exchange(|word| provider::shuffle_down(word, delta))
}

/// The value that the lane whose index is this lane's xor `mask` (0 to 31) gave.
#[inline(always)]
pub fn shuffle_xor<T: Exchange>(value: T, mask: u32) -> T {
    value.exchange(|word| provider::shuffle_xor(word, mask))
}

/// A bit for each lane: set where it gave `true`.
#[inline(always)]
pub fn ballot(predicate: bool) -> u32 {
    provider::ballot(predicate)
}

/// The sum over all lanes, the same in each: a butterfly, so always in the same order.
#[inline(always)]
pub fn sum<T: Exchange + core::ops::Add<Output = T>>(value: T) -> T {
    let value = value + shuffle_xor(value, 16);
    let value = value + shuffle_xor(value, 8);
    let value = value + shuffle_xor(value, 4);
    let value = value + shuffle_xor(value, 2);
    value + shuffle_xor(value, 1)
}

/// A value that lanes can exchange: `u32`, `f32` or `f64` (as two words).
pub trait Exchange: Copy + sealed::Sealed {
    #[doc(hidden)]
    fn exchange(self, words: impl Fn(u32) -> u32) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u32 {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Exchange for u32 {
    #[inline(always)]
    fn exchange(self, words: impl Fn(u32) -> u32) -> u32 {
        words(self)
    }
}

impl Exchange for f32 {
    #[inline(always)]
    fn exchange(self, words: impl Fn(u32) -> u32) -> f32 {
        f32::from_bits(words(self.to_bits()))
    }
}

impl Exchange for f64 {
    #[inline(always)]
    fn exchange(self, words: impl Fn(u32) -> u32) -> f64 {
        let bits = self.to_bits();
        let (low, high) = (words(bits as u32), words((bits >> 32) as u32));
        f64::from_bits(u64::from(high) << 32 | u64::from(low))
    }
}
