//! The launch of a grid: its blocks, one after the other, over the threads of the host.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::borrow::ToOwned;
use std::sync::Mutex;
use std::{format, thread};

use super::block::{Block, enter};
use super::fault::{Fault, FaultKind};
use super::fibers::{Fibers, MAX_FIBERS, STACK_BYTES};
use super::memory::Memory;

/// What the largest devices allow.
const MAX_THREADS: u32 = 1024;
const MAX_SHARED_BYTES: u32 = 227 << 10;

/// A launch: which kernel (for reports), how many blocks of how many threads, how much dynamic
/// shared memory.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    /// The kernel's name, for reports.
    pub kernel: &'a str,
    /// Blocks of the grid: x, y, z.
    pub blocks: [u32; 3],
    /// Threads of a block: x, y, z.
    pub threads: [u32; 3],
    /// Dynamic shared memory of a block in bytes.
    pub shared_bytes: u32,
}

impl Grid<'_> {
    /// Runs `kernel` in every thread of the grid.
    ///
    /// A fault ends the run. Where several blocks have one, it is the one of the first block, so a
    /// faulty kernel gives the same report each time.
    ///
    /// # Errors
    /// The fault, if the kernel does something that is not allowed or no device could launch it.
    pub fn run(&self, memory: &Memory<'_>, kernel: impl Fn() + Sync) -> Result<(), Fault> {
        self.check()?;
        let blocks = self.blocks.iter().map(|&n| u64::from(n)).product::<u64>();
        let threads = self.threads.iter().product::<u32>() as usize;
        let parallel = thread::available_parallelism()
            .map_or(1, usize::from)
            .min(MAX_FIBERS / threads);
        let workers = blocks.min(parallel.max(1) as u64);
        let queue = Queue {
            next: AtomicU64::new(0),
            blocks,
            first: Mutex::new(None),
        };
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| self.work(memory, &kernel, &queue));
            }
        });
        let first = queue
            .first
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        first.map_or(Ok(()), |(_, fault)| Err(fault))
    }

    fn check(&self) -> Result<(), Fault> {
        let threads = self
            .threads
            .iter()
            .try_fold(1u32, |all, &n| all.checked_mul(n))
            .unwrap_or(u32::MAX);
        let [_, y, z] = self.blocks;
        let reason = if threads == 0 || threads > MAX_THREADS {
            format!(
                "blocks of {:?} threads: from 1 to {MAX_THREADS} in all are allowed",
                self.threads
            )
        } else if self.blocks.contains(&0) || self.blocks[0] > i32::MAX as u32 || y.max(z) > 65535 {
            format!(
                "a grid of {:?} blocks: from 1 to 2147483647, 65535 and 65535 are allowed",
                self.blocks
            )
        } else if self.shared_bytes > MAX_SHARED_BYTES {
            format!(
                "{} bytes of shared memory: at most {MAX_SHARED_BYTES} are allowed",
                self.shared_bytes
            )
        } else {
            return Ok(());
        };
        Err(self.fault([0; 3], [0; 3], FaultKind::Launch { reason }))
    }

    fn fault(&self, block: [u32; 3], thread: [u32; 3], kind: FaultKind) -> Fault {
        Fault {
            kernel: self.kernel.to_owned(),
            block,
            thread,
            kind,
        }
    }

    /// Runs blocks from the queue until there is none, or a fault.
    fn work(&self, memory: &Memory<'_>, kernel: &(impl Fn() + Sync), queue: &Queue) {
        let block = Block::new(memory, self.blocks, self.threads, self.shared_bytes);
        enter(&block, || {
            let mut fibers = match Fibers::new(&block, kernel) {
                Ok(fibers) => fibers,
                Err(error) => {
                    let reason = format!("no memory for a stack of {STACK_BYTES} bytes a thread: {error}");
                    return queue.report(0, self.fault([0; 3], [0; 3], FaultKind::Launch { reason }));
                }
            };
            while let Some(number) = queue.take() {
                let [x, y] = [self.blocks[0], self.blocks[1]].map(u64::from);
                let index = [number % x, number / x % y, number / x / y].map(|i| i as u32);
                block.begin(index);
                if let Err((thread, kind)) = fibers.run() {
                    return queue.report(number, self.fault(index, thread, kind));
                }
            }
        });
    }
}

/// The blocks that are still to run, and the first fault.
struct Queue {
    next: AtomicU64,
    blocks: u64,
    first: Mutex<Option<(u64, Fault)>>,
}

impl Queue {
    /// The next block. Blocks go out in order, so after a fault only later ones are left out.
    fn take(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Relaxed);
        (number < self.blocks).then_some(number)
    }

    fn report(&self, number: u64, fault: Fault) {
        self.next.store(self.blocks, Relaxed);
        let mut first = self.first.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if first.as_ref().is_none_or(|(earlier, _)| number < *earlier) {
            *first = Some((number, fault));
        }
    }
}
