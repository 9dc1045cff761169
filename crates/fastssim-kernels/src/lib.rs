//! The GPU kernels of `fastssim`: scores, maps and gradients of SSIM, in plain Rust over
//! the device layer `fastssim_device`.
//!
//! Compiled for `nvptx64-nvidia-cuda` they become the PTX that `fastssim` embeds; on every other
//! target the same functions run in the device layer's emulator. The host uses [`params`] to fill
//! in what a kernel is told and to size its launch.
//!
//! A warp computes a *tile* of one channel, on its own: no barrier of a block is needed. It marches
//! down the rows of its tile, two columns a lane:
//!
//! ```text
//! pixels ─▶ u', v' ─▶ ring of rows ─▶ blur along rows ─▶ running sums ─▶ moments ─▶ 1 − SSIM ─▶ sum
//! (rows)   (shift)    (ring, shared)  (blur)            along columns    (formula)     │       (sum)
//!                                                                                      ▼
//! gradient ◀─ with u', v' ◀─ running sums ◀─ blur along rows ◀─ shared ◀── derivatives A, B, C
//! ```
//!
//! A small image would keep few warps busy, for as many steps as a tile has rows. There a block computes a *patch*, all
//! rows side by side (`kernels::patch`).
//!
//! | module | what it holds |
//! |---|---|
//! | [`params`] | what a kernel is told |
//! | [`geometry`] | sizes of tiles, and of a launch |
//! | `kernels` | the kernels: score, map, gradient; with the feature `emulator`, or compiled for a GPU |
//! | `kernels::tile` | which part of which image a warp computes |
//! | `kernels::pixels` | element types, and reading a row |
//! | `kernels::shift` | what is subtracted from the pixels of a tile |
//! | `kernels::ring` | the last rows of u' and v' in shared memory |
//! | `kernels::blur` | the window along a row and along columns |
//! | `kernels::march` | from a row of pixels to the moments five rows above |
//! | `kernels::formula` | SSIM and its derivatives from the moments |
//! | `kernels::patch` | the same for small images, by blocks |
//! | `kernels::sum` | from the deficits of a lane to the score of an image |
//! | [`general`], `kernels::general` | the same for every type, padding, window and weight that the above do not have |

#![no_std]
#![cfg_attr(target_arch = "nvptx64", feature(abi_ptx, asm_experimental_arch))]
// Arrays are registers: an index in a loop that is unrolled keeps them there, an iterator may not.
#![allow(clippy::needless_range_loop)]

#[cfg(target_arch = "nvptx64")]
mod entry;
pub mod general;
pub mod geometry;
#[cfg(any(target_arch = "nvptx64", feature = "emulator"))]
pub mod kernels;
pub mod params;

#[cfg(target_arch = "nvptx64")]
fastssim_device::declare_shared!();
