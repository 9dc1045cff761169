//! The provider for `nvptx64`: every function is one instruction, or a few.
//!
//! What the lanes of a warp must execute together (barriers, shuffles, votes) goes through
//! compiler intrinsics, which are *convergent*: the optimiser neither duplicates them nor moves
//! them into branches, as it may with inline assembly.
//!
//! Memory is accessed by inline assembly, which names the state space. None of it is `pure` but the
//! read-only loads: others must stay between the barriers where they were written.

mod memory;
#[cfg(target_feature = "sm_80")]
mod mma;
pub mod pixel;

use core::arch::{asm, nvptx};

pub use memory::*;
#[cfg(target_feature = "sm_80")]
pub use mma::*;

/// The mask of all lanes.
const ALL: u32 = !0;
/// The `c` operand of a shuffle over the whole warp: the last lane, and no segments.
const WHOLE_WARP: u32 = 31;

#[allow(improper_ctypes)]
unsafe extern "unadjusted" {
    #[link_name = "llvm.nvvm.bar.warp.sync"]
    fn bar_warp_sync(mask: u32);
    #[link_name = "llvm.nvvm.membar.gl"]
    fn membar_gl();
    #[link_name = "llvm.nvvm.shfl.sync.idx.i32"]
    fn shfl_sync_idx(mask: u32, value: u32, lane: u32, clamp: u32) -> u32;
    #[link_name = "llvm.nvvm.shfl.sync.down.i32"]
    fn shfl_sync_down(mask: u32, value: u32, delta: u32, clamp: u32) -> u32;
    #[link_name = "llvm.nvvm.shfl.sync.bfly.i32"]
    fn shfl_sync_bfly(mask: u32, value: u32, lanes: u32, clamp: u32) -> u32;
    #[link_name = "llvm.nvvm.vote.ballot.sync"]
    fn vote_ballot_sync(mask: u32, predicate: bool) -> u32;
    #[link_name = "llvm.nvvm.rcp.approx.ftz.f"]
    fn rcp_approx_ftz(value: f32) -> f32;
    #[link_name = "llvm.nvvm.read.ptx.sreg.laneid"]
    fn laneid() -> u32;
}

#[inline(always)]
pub fn thread_idx() -> [u32; 3] {
    // SAFETY: reading a special register has no conditions.
    unsafe { [nvptx::_thread_idx_x(), nvptx::_thread_idx_y(), nvptx::_thread_idx_z()] }
}

#[inline(always)]
pub fn block_idx() -> [u32; 3] {
    // SAFETY: reading a special register has no conditions.
    unsafe { [nvptx::_block_idx_x(), nvptx::_block_idx_y(), nvptx::_block_idx_z()] }
}

#[inline(always)]
pub fn block_dim() -> [u32; 3] {
    // SAFETY: reading a special register has no conditions.
    unsafe { [nvptx::_block_dim_x(), nvptx::_block_dim_y(), nvptx::_block_dim_z()] }
}

#[inline(always)]
pub fn grid_dim() -> [u32; 3] {
    // SAFETY: reading a special register has no conditions.
    unsafe { [nvptx::_grid_dim_x(), nvptx::_grid_dim_y(), nvptx::_grid_dim_z()] }
}

#[inline(always)]
pub fn lane() -> u32 {
    // SAFETY: reading a special register has no conditions.
    unsafe { laneid() }
}

#[inline(always)]
pub fn sync_threads() {
    // SAFETY: a barrier touches no memory of its own; a missing thread hangs the block, no more.
    unsafe { nvptx::_syncthreads() }
}

#[inline(always)]
pub fn sync_warp() {
    // SAFETY: as for `sync_threads`.
    unsafe { bar_warp_sync(ALL) }
}

#[inline(always)]
pub fn fence() {
    // SAFETY: a fence has no conditions.
    unsafe { membar_gl() }
}

#[inline(always)]
pub fn shuffle(word: u32, lane: u32) -> u32 {
    // SAFETY: a shuffle exchanges registers; a missing lane hangs the warp, no more.
    unsafe { shfl_sync_idx(ALL, word, lane, WHOLE_WARP) }
}

#[inline(always)]
pub fn shuffle_down(word: u32, delta: u32) -> u32 {
    // SAFETY: as for `shuffle`.
    unsafe { shfl_sync_down(ALL, word, delta, WHOLE_WARP) }
}

#[inline(always)]
pub fn shuffle_xor(word: u32, mask: u32) -> u32 {
    // SAFETY: as for `shuffle`.
    unsafe { shfl_sync_bfly(ALL, word, mask, WHOLE_WARP) }
}

#[inline(always)]
pub fn ballot(predicate: bool) -> u32 {
    // SAFETY: as for `shuffle`.
    unsafe { vote_ballot_sync(ALL, predicate) }
}

#[inline(always)]
pub fn fma_f32(a: f32, b: f32, c: f32) -> f32 {
    core::intrinsics::fmaf32(a, b, c)
}

#[inline(always)]
pub fn fma_f64(a: f64, b: f64, c: f64) -> f64 {
    core::intrinsics::fmaf64(a, b, c)
}

#[inline(always)]
pub fn sqrt(value: f64) -> f64 {
    core::intrinsics::sqrtf64(value)
}

#[inline(always)]
pub fn reciprocal(value: f32) -> f32 {
    // SAFETY: arithmetic has no conditions.
    unsafe { rcp_approx_ftz(value) }
}

#[inline(always)]
pub fn from_f16(bits: u32) -> f32 {
    let number: u32;
    // SAFETY: arithmetic has no conditions.
    unsafe {
        asm!("{{ .reg .b16 half; cvt.u16.u32 half, {bits}; cvt.f32.f16 {number}, half; }}",
            bits = in(reg32) bits, number = out(reg32) number, options(pure, nomem, nostack))
    };
    f32::from_bits(number)
}

#[inline(always)]
pub fn fresh(value: u32) -> u32 {
    let same: u32;
    // SAFETY: it copies a register. Not `pure`, or it would be moved out of loops.
    unsafe { asm!("mov.b32 {}, {};", out(reg32) same, in(reg32) value, options(nomem, nostack)) };
    same
}

/// The address of the dynamic shared memory: not always zero, since sm_90 keeps the first bytes.
#[inline(always)]
pub fn shared_base() -> u32 {
    let base: u32;
    // SAFETY: it reads the value of a symbol that `declare_shared!` declares.
    unsafe { asm!("mov.u32 {}, fastssim_shared;", out(reg32) base, options(pure, nomem, nostack)) };
    base
}
