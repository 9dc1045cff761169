//! The provider for the host: runs a grid for real, and checks it on the way.
//!
//! Every thread of a block is a fiber with a stack of its own; the fibers of a block take turns on
//! one thread of the host, and blocks are spread over all of these. A fiber runs until it reaches a
//! barrier or an exchange that others have not reached yet. Accesses go through the records in
//! `shadow` (shared memory) and `memory` (global memory), which know what must not happen:
//!
//! - a read of shared memory that nobody wrote in this block;
//! - two accesses of one word of shared memory, one of them a write, by two threads with no barrier
//!   between them (`sync_threads`; within a warp also `warp::sync`; shuffles order nothing);
//! - an access outside of a buffer or of the shared memory, misaligned for its size, or a write to
//!   a buffer that is only to be read;
//! - a barrier or an exchange that some thread of the block or warp never reaches;
//! - an access to the destination of an asynchronous copy before it was waited for;
//! - a panic.
//!
//! The first such [`Fault`] ends the run and says where it happened. Races are found by what is
//! ordered, not by what happened to go wrong, so one run is enough for one input.
//!
//! A kernel is a function, or an entry point of compiled [`Ptx`].
//!
//! Not checked: races in global memory, and the order of its accesses between blocks. A kernel
//! that spins until another block has done something may wait forever. A fault unwinds the
//! kernel's stack, so it must be compiled with `panic = "unwind"`. A thread's stack has 256 KiB.
//!
//! ```
//! use fastssim_device::emulator::{Fault, Grid, Memory};
//! use fastssim_device::global::{Global, GlobalMut};
//! use fastssim_device::thread;
//!
//! unsafe fn double(x: Global<f32>, out: GlobalMut<f32>, len: u32) {
//!     let index = thread::block_idx_x() * thread::block_dim_x() + thread::thread_idx_x();
//!     if index < len {
//!         // SAFETY: `index` lies within both buffers, and each thread has its own.
//!         unsafe { out.store(index, 2.0 * x.load(index)) }
//!     }
//! }
//!
//! let (x, mut out) = (vec![1.5; 100], vec![0.0; 100]);
//! let mut memory = Memory::new();
//! let (from, to) = (memory.read("x", &x), memory.write("out", &mut out));
//! let grid = Grid { kernel: "double", blocks: [4, 1, 1], threads: [32, 1, 1], shared_bytes: 0 };
//! // SAFETY: both buffers hold 100 elements.
//! grid.run(&memory, || unsafe { double(from, to, 100) })?;
//! assert_eq!(out, [3.0; 100]);
//! # Ok::<(), Fault>(())
//! ```

mod access;
mod block;
pub(crate) mod device;
mod fault;
mod fibers;
mod grid;
mod meeting;
mod memory;
mod product;
mod ptx;
mod shadow;

pub use fault::{Access, Fault, FaultKind, Point, Space, Whereabouts};
pub use grid::Grid;
pub use memory::Memory;
pub use ptx::{Entry, Ptx, PtxError};
