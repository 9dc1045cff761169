//! The GPU kernels of `fastssim`: scores, maps and gradients of SSIM, in plain Rust over
//! the device layer `fastssim_device`.
//!
//! Compiled for `nvptx64-nvidia-cuda` they become the PTX that `fastssim` embeds; on every other
//! target the same functions run in the device layer's emulator. The host uses [`params`] to fill
//! in what a kernel is told and to size its launch.
//!
//! A block computes a *strip* of one channel, or some of its rows. It marches down, nine rows at a time, a thread a column
//! of pixels; then a thread takes nine windows side by side:
//!
//! ```text
//! pixels ─▶ u', v', u'², v'² ─▶ sums ─────────▶ shared ─▶ blur along rows ─▶ moments ─▶ 1 − SSIM ─▶ sum
//! (pixels)  (shift)             along columns             (blur)                     (formula) │       (sum)
//!                                                                                              ▼
//! gradient ◀─ with u', v' ◀─ running sums ◀─ shared ◀─ blur along rows ◀─ shared ◀── derivatives A, B, C
//! ```
//!
//! A small image would keep few multiprocessors busy, for as many steps as it has rows. There a block computes a *patch*,
//! all rows side by side (`kernels::patch`). Windows of more than eleven taps have marches of their own (`kernels::wide`), from which two
//! kernels are made where a gradient needs more room than a block has (`kernels::split`); other gradients have patches, too.
//!
//! | module | what it holds |
//! |---|---|
//! | [`params`] | what a kernel is told |
//! | `form` | the PTX of the kernels for each element type |
//! | [`geometry`] | sizes of tiles, and of a launch |
//! | `kernels` | the kernels: score, map, gradient; with the feature `emulator`, or compiled for a GPU |
//! | `kernels::tile` | which part of which image a block computes |
//! | `kernels::pixels` | element types, and reading them |
//! | `kernels::shift` | what is subtracted from pixels |
//! | `kernels::origins` | the shifts of a march |
//! | `kernels::blur` | the window along columns and along a row |
//! | `kernels::down` | from the pixels of a column to the sums of its windows |
//! | `kernels::march` | from rows of pixels to the moments of windows |
//! | `kernels::formula` | SSIM and its derivatives from the moments |
//! | `kernels::patch` | the same for small images, by blocks |
//! | `kernels::wide` | the same for larger windows |
//! | `kernels::split` | their gradients in two kernels |
//! | `kernels::sum` | from the deficits of a lane to the score of an image |
//! | [`general`], `kernels::general` | the same for every type, padding, window and weight that the above do not have |

#![no_std]
#![cfg_attr(target_arch = "nvptx64", feature(abi_ptx, asm_experimental_arch))]
// Arrays are registers: an index in a loop that is unrolled keeps them there, an iterator may not.
#![allow(clippy::needless_range_loop)]

#[cfg(not(target_arch = "nvptx64"))]
extern crate alloc;

#[cfg(target_arch = "nvptx64")]
mod entry;
#[cfg(not(target_arch = "nvptx64"))]
pub mod form;
pub mod general;
pub mod geometry;
#[cfg(any(target_arch = "nvptx64", feature = "emulator"))]
pub mod kernels;
pub mod params;

#[cfg(target_arch = "nvptx64")]
fastssim_device::declare_shared!();
