//! What the emulator runs: the sources of kernels, or the PTX that ships.

use std::sync::LazyLock;

use fastssim_device::emulator::{Fault, Grid, Memory, Ptx};

/// A form of the kernels.
#[derive(Clone, Copy, Debug)]
pub enum Code {
    /// Their sources, compiled for the host.
    Sources,
    /// The library's PTX for a generation of GPUs and its successors.
    Compiled(&'static Ptx),
}

static SM_75: LazyLock<Ptx> = LazyLock::new(|| parse(include_str!("../../crates/fastssim/src/cuda/ptx/sm_75.ptx")));
static SM_80: LazyLock<Ptx> = LazyLock::new(|| parse(include_str!("../../crates/fastssim/src/cuda/ptx/sm_80.ptx")));

fn parse(text: &str) -> Ptx {
    Ptx::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

impl Code {
    /// All forms, with names for reports.
    pub fn all() -> [(&'static str, Self); 3] {
        [
            ("sources", Self::Sources),
            ("sm_75", Self::Compiled(&SM_75)),
            ("sm_80", Self::Compiled(&SM_80)),
        ]
    }

    /// Runs a grid of the kernel that has the grid's name in PTX, or whose source is `kernel`. Its parameter has no padding.
    ///
    /// # Errors
    /// What the emulator finds wrong with it.
    ///
    /// # Panics
    /// Where there is no such kernel.
    pub fn run<P: Copy + Sync>(
        self,
        grid: &Grid<'_>,
        memory: &Memory<'_>,
        kernel: unsafe fn(&P),
        params: &P,
    ) -> Result<(), Fault> {
        match self {
            // SAFETY: the emulator checks every access.
            Self::Sources => grid.run(memory, || unsafe { kernel(params) }),
            Self::Compiled(ptx) => {
                let entry = ptx
                    .entry(grid.kernel)
                    .unwrap_or_else(|| panic!("there is no kernel {}", grid.kernel));
                // SAFETY: the parameters of all kernels are structures without padding.
                grid.run(memory, || unsafe { entry.run(params) })
            }
        }
    }
}
