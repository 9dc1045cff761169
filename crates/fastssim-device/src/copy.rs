//! Asynchronous copies from global into shared memory.
//!
//! A thread starts copies, closes what it has started into a group with [`commit`], and later
//! waits until all but its `N` youngest groups have landed with [`wait`]. Landed means visible to
//! *this* thread: others may read after a barrier that follows the wait. Until then nobody may
//! read or write the destination.
//!
//! sm_75 has no such instruction: there a copy is a load and a store, and lands at once.

use crate::global::Global;
use crate::provider;
use crate::shared::Shared;

/// Starts the copy of 4 bytes, of which `bytes_valid` (0 to 4) are read and the rest is zero.
///
/// # Safety
/// Both addresses are aligned to 4 bytes, even where no byte is valid; the valid bytes lie within
/// a buffer that nobody writes meanwhile; the destination lies within the block's shared memory,
/// and nobody accesses it before the copy has landed.
#[inline(always)]
pub unsafe fn async4<T, U>(to: Shared<T>, from: Global<U>, bytes_valid: u32) {
    // SAFETY: the caller's promise is the one this instruction needs.
    unsafe { provider::copy4(to.address(), from.address(), bytes_valid) }
}

/// Starts the copy of 8 bytes, of which `bytes_valid` (0 to 8) are read and the rest is zero.
///
/// # Safety
/// As [`async4`], with both addresses aligned to 8 bytes.
#[inline(always)]
pub unsafe fn async8<T, U>(to: Shared<T>, from: Global<U>, bytes_valid: u32) {
    // SAFETY: the caller's promise is the one this instruction needs.
    unsafe { provider::copy8(to.address(), from.address(), bytes_valid) }
}

/// Starts the copy of 16 bytes, of which `bytes_valid` (0 to 16) are read and the rest is zero.
///
/// # Safety
/// As [`async4`], with both addresses aligned to 16 bytes.
#[inline(always)]
pub unsafe fn async16<T, U>(to: Shared<T>, from: Global<U>, bytes_valid: u32) {
    // SAFETY: the caller's promise is the one this instruction needs.
    unsafe { provider::copy16(to.address(), from.address(), bytes_valid) }
}

/// Closes the copies that this thread has started since the last call into a group (maybe empty).
#[inline(always)]
pub fn commit() {
    provider::copy_commit()
}

/// Waits until at most the `N` youngest groups of this thread are still under way.
#[inline(always)]
pub fn wait<const N: usize>() {
    provider::copy_wait::<N>()
}
