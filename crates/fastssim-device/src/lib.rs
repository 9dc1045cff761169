//! What a GPU gives a kernel: thread indices, barriers, shuffles, shared and global memory,
//! asynchronous copies, matrix products.
//!
//! A kernel is a plain `unsafe fn` over these functions. Compiled for `nvptx64-nvidia-cuda` they
//! are single instructions; on every other target they run in the `emulator`, which executes a
//! whole grid with real barriers and checks every access to memory on the way. Names follow
//! `cuda_std` where it has the thing.
//!
//! | module | what it holds |
//! |---|---|
//! | [`thread`] | indices, the barrier of a block, the memory fence |
//! | [`warp`] | shuffles, votes and sums among 32 threads |
//! | [`shared`] | the shared memory of a block |
//! | [`global`] | the memory of the device |
//! | [`copy`] | asynchronous copies from global into shared memory |
//! | [`mma`] | 16-bit matrix products of a warp (from sm_80 on) |
//! | [`math`] | fused multiply-add and the fast reciprocal |
//!
//! # Compiling for the device
//! The crate needs `RUSTC_BOOTSTRAP=1` on `nvptx64` (assembly for PTX is unstable), and the kernel
//! crate must say [`declare_shared!`] once. What is available depends on the processor, which this
//! crate reads from `target_feature = "sm_80"`: give it as `RUSTFLAGS=-Ctarget-cpu=sm_80`. Given
//! after the `--` of `cargo rustc` it reaches the kernel crate alone, and this crate is compiled
//! for the lowest processor: without [`mma`], and with [`copy`] by loads and stores.
//!
//! # Panics
//! On a host the functions work only in a kernel that `emulator::Grid::run` runs, and panic
//! elsewhere; the arithmetic of [`math`] works everywhere.

#![no_std]
#![cfg_attr(
    target_arch = "nvptx64",
    feature(
        abi_unadjusted,
        asm_experimental_arch,
        core_intrinsics,
        link_llvm_intrinsics,
        stdarch_nvptx
    )
)]
#![cfg_attr(target_arch = "nvptx64", allow(internal_features))]

#[cfg(not(target_arch = "nvptx64"))]
extern crate std;

pub mod copy;
mod element;
pub mod global;
pub mod math;
#[cfg(any(not(target_arch = "nvptx64"), target_feature = "sm_80"))]
pub mod mma;
pub mod shared;
pub mod thread;
pub mod warp;

#[cfg(not(target_arch = "nvptx64"))]
pub mod emulator;
#[cfg(not(target_arch = "nvptx64"))]
use emulator::device as provider;

#[cfg(target_arch = "nvptx64")]
mod nvptx;
#[cfg(target_arch = "nvptx64")]
use nvptx as provider;
#[cfg(target_arch = "nvptx64")]
pub use nvptx::pixel;

pub use element::{Element, Element32};

/// Declares the dynamic shared memory of a kernel crate; say it once, at the top level.
///
/// The PTX is emitted from the kernel crate alone, so the declaration cannot come from this one.
/// It needs `#![cfg_attr(target_arch = "nvptx64", feature(asm_experimental_arch))]` there, and
/// is nothing on other targets.
#[macro_export]
macro_rules! declare_shared {
    () => {
        #[cfg(target_arch = "nvptx64")]
        ::core::arch::global_asm!(".extern .shared .align 16 .b8 fastssim_shared[];");
    };
}
