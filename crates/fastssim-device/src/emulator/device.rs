//! The device functions as the emulator provides them: the counterpart of `nvptx`.
//!
//! The accesses are not inlined on purpose: so they stay optimised where the kernel is not.

use half::f16;

use super::block::with;
use super::fault::Point;
pub use super::product::{m16n8k8_f16, m16n8k16_f16};

/// An unsigned word that memory moves; addresses are in bytes.
pub trait Word: Copy {
    unsafe fn load_shared(address: u32) -> Self;
    unsafe fn store_shared(self, address: u32);
    unsafe fn load_global(address: u64) -> Self;
    unsafe fn load_global_nc(address: u64) -> Self;
    unsafe fn load_global_nc_if(is_done: bool, address: u64) -> Self;
    unsafe fn load_global_coherent(address: u64) -> Self;
    unsafe fn store_global(self, address: u64);
}

macro_rules! word {
    ($($type:ty),*) => {$(
        impl Word for $type {
            unsafe fn load_shared(address: u32) -> Self {
                with(|block| block.load_shared(address, size_of::<Self>() as u32) as Self)
            }
            unsafe fn store_shared(self, address: u32) {
                with(|block| block.store_shared(address, size_of::<Self>() as u32, self.into()))
            }
            unsafe fn load_global(address: u64) -> Self {
                with(|block| block.load_global(address, size_of::<Self>() as u32) as Self)
            }
            unsafe fn load_global_nc(address: u64) -> Self {
                with(|block| block.load_global(address, size_of::<Self>() as u32) as Self)
            }
            unsafe fn load_global_nc_if(is_done: bool, address: u64) -> Self {
                if is_done {
                    with(|block| block.load_global(address, size_of::<Self>() as u32) as Self)
                } else {
                    0
                }
            }
            unsafe fn load_global_coherent(address: u64) -> Self {
                with(|block| block.load_global(address, size_of::<Self>() as u32) as Self)
            }
            unsafe fn store_global(self, address: u64) {
                with(|block| block.store_global(address, size_of::<Self>() as u32, self.into()))
            }
        }
    )*};
}

word!(u8, u16, u32, u64);

/// The words of a vector, the first in the lowest bits.
#[inline(always)]
fn split<const N: usize>(value: u128) -> [u32; N] {
    core::array::from_fn(|i| (value >> (32 * i)) as u32)
}

/// The inverse of `split`.
#[inline(always)]
fn join<const N: usize>(words: [u32; N]) -> u128 {
    words
        .iter()
        .rev()
        .fold(0, |value, word| value << 32 | u128::from(*word))
}

pub unsafe fn load2_shared(address: u32) -> [u32; 2] {
    split(with(|block| block.load_shared(address, 8)))
}

pub unsafe fn load4_shared(address: u32) -> [u32; 4] {
    split(with(|block| block.load_shared(address, 16)))
}

pub unsafe fn store2_shared(address: u32, words: [u32; 2]) {
    with(|block| block.store_shared(address, 8, join(words)))
}

pub unsafe fn store4_shared(address: u32, words: [u32; 4]) {
    with(|block| block.store_shared(address, 16, join(words)))
}

pub unsafe fn load2_global(address: u64) -> [u32; 2] {
    split(with(|block| block.load_global(address, 8)))
}

pub unsafe fn load4_global(address: u64) -> [u32; 4] {
    split(with(|block| block.load_global(address, 16)))
}

pub use load2_global as load2_global_nc;
pub use load4_global as load4_global_nc;

pub unsafe fn store2_global(address: u64, words: [u32; 2]) {
    with(|block| block.store_global(address, 8, join(words)))
}

pub unsafe fn store_global_if(is_done: bool, address: u64, word: u32) {
    if is_done {
        with(|block| block.store_global(address, 4, word.into()));
    }
}

pub unsafe fn store2_global_if(is_done: bool, address: u64, words: [u32; 2]) {
    if is_done {
        with(|block| block.store_global(address, 8, join(words)));
    }
}

pub unsafe fn store4_global_if(is_done: bool, address: u64, words: [u32; 4]) {
    if is_done {
        with(|block| block.store_global(address, 16, join(words)));
    }
}

pub unsafe fn store4_global(address: u64, words: [u32; 4]) {
    with(|block| block.store_global(address, 16, join(words)))
}

pub unsafe fn atomic_add(address: u64, value: u32) -> u32 {
    with(|block| block.atomic_add(address, value))
}

pub unsafe fn copy4(to: u32, from: u64, bytes_valid: u32) {
    with(|block| block.start_copy(to, from, 4, bytes_valid))
}

pub unsafe fn copy8(to: u32, from: u64, bytes_valid: u32) {
    with(|block| block.start_copy(to, from, 8, bytes_valid))
}

pub unsafe fn copy16(to: u32, from: u64, bytes_valid: u32) {
    with(|block| block.start_copy(to, from, 16, bytes_valid))
}

pub fn copy_commit() {
    with(|block| block.commit_copies())
}

pub fn copy_wait<const N: usize>() {
    with(|block| block.wait_copies(N))
}

pub fn thread_idx() -> [u32; 3] {
    with(|block| block.thread_idx())
}

pub fn block_idx() -> [u32; 3] {
    with(|block| block.block_idx.get())
}

pub fn block_dim() -> [u32; 3] {
    with(|block| block.block_dim)
}

pub fn grid_dim() -> [u32; 3] {
    with(|block| block.grid_dim)
}

pub fn lane() -> u32 {
    with(|block| block.lane())
}

pub fn sync_threads() {
    with(|block| block.sync_threads())
}

pub fn sync_warp() {
    with(|block| block.sync_warp())
}

pub fn fence() {
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst)
}

pub fn shuffle(word: u32, lane: u32) -> u32 {
    with(|block| block.exchange(Point::Shuffle, &[word], |given| given(lane as usize % 32, 0)))
}

pub fn shuffle_down(word: u32, delta: u32) -> u32 {
    with(|block| {
        let lane = block.lane() as usize;
        // The instruction looks at five bits of the distance.
        let from = lane + (delta % 32) as usize;
        block.exchange(Point::ShuffleDown, &[word], |given| {
            given(if from < 32 { from } else { lane }, 0)
        })
    })
}

pub fn shuffle_xor(word: u32, mask: u32) -> u32 {
    with(|block| {
        let from = (block.lane() ^ mask) as usize;
        block.exchange(Point::ShuffleXor, &[word], |given| given(from % 32, 0))
    })
}

pub fn ballot(predicate: bool) -> u32 {
    with(|block| {
        block.exchange(Point::Ballot, &[predicate.into()], |given| {
            (0..32).map(|lane| given(lane, 0) << lane).sum()
        })
    })
}

pub fn fma_f32(a: f32, b: f32, c: f32) -> f32 {
    a.mul_add(b, c)
}

pub fn fma_f64(a: f64, b: f64, c: f64) -> f64 {
    a.mul_add(b, c)
}

pub fn sqrt(value: f64) -> f64 {
    value.sqrt()
}

pub fn reciprocal(value: f32) -> f32 {
    1.0 / value
}

pub fn from_f16(bits: u32) -> f32 {
    f16::from_bits(bits as u16).to_f32()
}

pub fn fresh(value: u32) -> u32 {
    value
}

#[inline(always)]
pub fn shared_base() -> u32 {
    0
}

pub fn pack_f16x2(low: f32, high: f32) -> u32 {
    u32::from(f16::from_f32(low).to_bits()) | u32::from(f16::from_f32(high).to_bits()) << 16
}

pub fn unpack_f16x2(pair: u32) -> [f32; 2] {
    [
        f16::from_bits(pair as u16).to_f32(),
        f16::from_bits((pair >> 16) as u16).to_f32(),
    ]
}
