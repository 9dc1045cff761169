//! Compiled kernels in the emulator: PTX text, instruction by instruction, in place of the sources that it was made of.
//!
//! What a compiler makes of a kernel is what a GPU runs: its instructions in assembly, the branches that it has made of
//! conditions, the places to which it has moved barriers. So a test can run the very text that ships, with all that the
//! emulator checks; besides, all threads of a warp must come to a barrier or an exchange at one and the same instruction, as a
//! GPU demands. Known are the instructions that the kernels of this project consist of.
//!
//! ```
//! use fastssim_device::emulator::{Fault, Grid, Memory, Ptx};
//!
//! let text = "
//! .visible .entry double(.param .b64 to)
//! {
//!     .reg .b32 %r<3>;
//!     .reg .b64 %rd<3>;
//!     ld.param.b64 %rd0, [to];
//!     mov.u32 %r0, %tid.x;
//!     shl.b32 %r1, %r0, 1;
//!     mul.wide.u32 %rd1, %r0, 4;
//!     add.s64 %rd2, %rd0, %rd1;
//!     st.global.u32 [%rd2], %r1;
//!     ret;
//! }";
//! let module = Ptx::parse(text).expect("known instructions");
//! let double = module.entry("double").expect("it is there");
//! let mut out = vec![0u32; 32];
//! let mut memory = Memory::new();
//! let to: u64 = memory.write("out", &mut out).address();
//! let grid = Grid { kernel: "double", blocks: [1, 1, 1], threads: [32, 1, 1], shared_bytes: 0 };
//! // SAFETY: a number has no padding.
//! grid.run(&memory, || unsafe { double.run(&to) })?;
//! assert_eq!(out[5], 10);
//! # Ok::<(), Fault>(())
//! ```

mod arithmetic;
mod instruction;
mod parse;
mod text;
mod thread;

use core::slice;
use std::string::String;
use std::vec::Vec;

use instruction::Instruction;

/// The entry points of a PTX text.
#[derive(Debug)]
pub struct Ptx {
    entries: Vec<Entry>,
}

/// An entry point: a kernel.
#[derive(Debug)]
pub struct Entry {
    name: String,
    /// Registers of a thread.
    registers: usize,
    code: Vec<Instruction>,
}

/// What cannot be run of a PTX text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PtxError {
    /// The line, from 1 on.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl Ptx {
    /// Reads a text.
    ///
    /// # Errors
    /// The first line that is not understood.
    pub fn parse(text: &str) -> Result<Self, PtxError> {
        Ok(Self {
            entries: parse::entries(text)?,
        })
    }

    /// The entry point of a name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// All entry points, in the order of the text.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}

impl Entry {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs it as the kernel of a [`Grid`](super::Grid), in this thread of it, with its only parameter.
    ///
    /// # Safety
    /// The parameter has no bytes without a value, as padding would be.
    ///
    /// # Panics
    /// Outside of a grid, or where the code reads bytes beyond the parameter.
    pub unsafe fn run<P: Copy>(&self, parameter: &P) {
        // SAFETY: they are the bytes of a value that lives as long, and the caller promises that each has a value.
        let bytes = unsafe { slice::from_raw_parts((&raw const *parameter).cast(), size_of::<P>()) };
        thread::Thread::new(self.registers, bytes).run(&self.code);
    }
}
