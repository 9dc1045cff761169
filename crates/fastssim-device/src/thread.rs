//! Where a thread stands in its grid, the barrier of its block, and the memory fence.

use crate::provider;

/// This thread's index in its block, along x.
#[inline(always)]
pub fn thread_idx_x() -> u32 {
    provider::thread_idx()[0]
}

/// This thread's index in its block, along y.
#[inline(always)]
pub fn thread_idx_y() -> u32 {
    provider::thread_idx()[1]
}

/// This thread's index in its block, along z.
#[inline(always)]
pub fn thread_idx_z() -> u32 {
    provider::thread_idx()[2]
}

/// The block's index in the grid, along x.
#[inline(always)]
pub fn block_idx_x() -> u32 {
    provider::block_idx()[0]
}

/// The block's index in the grid, along y.
#[inline(always)]
pub fn block_idx_y() -> u32 {
    provider::block_idx()[1]
}

/// The block's index in the grid, along z.
#[inline(always)]
pub fn block_idx_z() -> u32 {
    provider::block_idx()[2]
}

/// Threads of a block, along x.
#[inline(always)]
pub fn block_dim_x() -> u32 {
    provider::block_dim()[0]
}

/// Threads of a block, along y.
#[inline(always)]
pub fn block_dim_y() -> u32 {
    provider::block_dim()[1]
}

/// Threads of a block, along z.
#[inline(always)]
pub fn block_dim_z() -> u32 {
    provider::block_dim()[2]
}

/// Blocks of the grid, along x.
#[inline(always)]
pub fn grid_dim_x() -> u32 {
    provider::grid_dim()[0]
}

/// Blocks of the grid, along y.
#[inline(always)]
pub fn grid_dim_y() -> u32 {
    provider::grid_dim()[1]
}

/// Blocks of the grid, along z.
#[inline(always)]
pub fn grid_dim_z() -> u32 {
    provider::grid_dim()[2]
}

/// Waits until every thread of the block is here; what they wrote before is then visible to all.
///
/// Every thread must come, also those that have nothing to do: none may have returned.
#[inline(always)]
pub fn sync_threads() {
    provider::sync_threads()
}

/// Makes this thread's writes visible to the whole device before any of its later writes.
///
/// The pattern of the last block: write a partial result, `fence`, then
/// [`atomic_add`](crate::global::GlobalMut::atomic_add) a counter; who finds the counter full
/// calls `fence` again and reads the others' results by
/// [`load_coherent`](crate::global::GlobalMut::load_coherent).
#[inline(always)]
pub fn fence() {
    provider::fence()
}
