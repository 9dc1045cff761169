//! What the emulator runs: the sources of kernels, or the PTX that ships.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use fastssim_device::emulator::{Entry, Fault, Grid, Memory, Ptx};
use fastssim_kernels::form::Form;

/// A form of the kernels.
#[derive(Clone, Copy, Debug)]
pub enum Code {
    /// Their sources, compiled for the host.
    Sources,
    /// The library's PTX for a generation of GPUs and its successors.
    Compiled(&'static Compiled),
}

/// PTX, of which what is run is read.
#[derive(Debug)]
pub struct Compiled {
    text: &'static str,
    /// What has been read, for ever: by its name and the element type that it is for.
    entries: LazyLock<Mutex<HashMap<(String, &'static str), &'static Ptx>>>,
}

static SM_75: Compiled = Compiled::new(include_str!("../../crates/fastssim/src/cuda/ptx/sm_75.ptx"));
static SM_80: Compiled = Compiled::new(include_str!("../../crates/fastssim/src/cuda/ptx/sm_80.ptx"));

/// What an entry point begins with.
const ENTRY: &str = ".visible .entry ";

impl Compiled {
    const fn new(text: &'static str) -> Self {
        Self {
            text,
            entries: LazyLock::new(Mutex::default),
        }
    }

    /// An entry point, for pixels of this form.
    fn entry(&self, name: &str, form: Form) -> &'static Entry {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), form.name());
        let ptx = *entries.entry(key).or_insert_with(|| {
            let begin = format!("{ENTRY}{name}(");
            let (header, _) = self.text.split_once(ENTRY).expect("PTX has entry points");
            let (_, entry) = self
                .text
                .split_once(&begin)
                .unwrap_or_else(|| panic!("there is no kernel {name}"));
            let entry = entry.split(ENTRY).next().expect("what comes before the next");
            let text = form.of(&format!("{header}{begin}{entry}"));
            let ptx = Ptx::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            Box::leak(Box::new(ptx))
        });
        ptx.entry(name).expect("it has been read")
    }
}

impl Code {
    /// The library's PTX for the newer GPUs, which has all kernels.
    pub const NEWER: Self = Self::Compiled(&SM_80);

    /// All forms, with names for reports.
    pub fn all() -> [(&'static str, Self); 3] {
        [
            ("sources", Self::Sources),
            ("sm_75", Self::Compiled(&SM_75)),
            ("sm_80", Self::NEWER),
        ]
    }

    /// Runs a grid of the kernel that has the grid's name in PTX, for pixels of this form if it is one of the fast ones, or whose source
    /// is `kernel`. Its parameter has no padding.
    ///
    /// # Errors
    /// What the emulator finds wrong with it.
    ///
    /// # Panics
    /// Where there is no such kernel.
    pub fn run<P: Copy + Sync>(
        self,
        form: Form,
        grid: &Grid<'_>,
        memory: &Memory<'_>,
        kernel: unsafe fn(&P),
        params: &P,
    ) -> Result<(), Fault> {
        match self {
            // SAFETY: the emulator checks every access.
            Self::Sources => grid.run(memory, || unsafe { kernel(params) }),
            Self::Compiled(compiled) => {
                let entry = compiled.entry(grid.kernel, form);
                // SAFETY: the parameters of all kernels are structures without padding.
                grid.run(memory, || unsafe { entry.run(params) })
            }
        }
    }
}
