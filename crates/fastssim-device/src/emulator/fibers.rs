//! The fibers of a block: one for each thread, used again for the next block.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::{String, ToString};
use std::sync::Mutex;
use std::vec::Vec;

use corosensei::Coroutine;
use corosensei::stack::DefaultStack;

use super::block::Block;
use super::fault::FaultKind;
use super::shadow::thread_index;

/// Bytes of a fiber's stack: address space, of which a kernel touches a few pages.
pub(super) const STACK_BYTES: usize = 256 << 10;
/// Fibers at a time, over all threads of the host: each takes two mappings of the process.
pub(super) const MAX_FIBERS: usize = 8192;

/// Stacks that no fiber uses: mapping them anew would take longer than a small grid.
static SPARE_STACKS: Mutex<Vec<DefaultStack>> = Mutex::new(Vec::new());

/// Resumed with `true` it runs the kernel (on), with `false` it ends.
type Fiber = Coroutine<bool, (), ()>;

/// The fibers of a block.
pub(super) struct Fibers<'b> {
    block: &'b Block<'b>,
    fibers: Vec<Fiber>,
}

impl<'b> Fibers<'b> {
    /// A fiber for each thread of `block`, to run `kernel`.
    pub(super) fn new(block: &'b Block<'b>, kernel: &'b (impl Fn() + Sync)) -> io::Result<Self> {
        let mut spare = lock();
        let count = spare.len().saturating_sub(block.thread_count());
        let mut stacks = spare.split_off(count);
        drop(spare);
        while stacks.len() < block.thread_count() {
            stacks.push(DefaultStack::new(STACK_BYTES)?);
        }
        let fibers = stacks
            .into_iter()
            .enumerate()
            .map(|(thread, stack)| fiber(stack, block, thread, kernel))
            .collect();
        Ok(Self { block, fibers })
    }

    /// Runs the block's threads in turns until all have returned; the thread and its fault if not.
    ///
    /// After a fault the fibers are of no use.
    pub(super) fn run(&mut self) -> Result<(), ([u32; 3], FaultKind)> {
        let mut progress = true;
        while progress {
            progress = false;
            for warp in 0..self.block.warp_count() {
                while let Some(thread) = self.block.take_ready(warp) {
                    progress = true;
                    self.resume(thread)
                        .map_err(|kind| (thread_index(thread as u16, self.block.block_dim), kind))?;
                }
            }
        }
        self.block.stuck().map_or(Ok(()), Err)
    }

    /// Runs a thread until it waits or returns.
    #[inline(always)]
    fn resume(&mut self, thread: usize) -> Result<(), FaultKind> {
        let fiber = &mut self.fibers[thread];
        match catch_unwind(AssertUnwindSafe(|| fiber.resume(true))) {
            Ok(_) => Ok(()),
            Err(payload) => Err(self.block.take_fault().unwrap_or_else(|| FaultKind::Panic {
                message: message(&*payload),
            })),
        }
    }
}

impl Drop for Fibers<'_> {
    /// Ends the fibers, which drops what the kernels hold, and keeps their stacks.
    fn drop(&mut self) {
        let mut stacks = Vec::with_capacity(self.fibers.len());
        for (thread, mut fiber) in self.fibers.drain(..).enumerate() {
            if self.block.has_returned(thread) {
                fiber.resume(false);
            } else {
                fiber.force_unwind();
            }
            stacks.push(fiber.into_stack());
        }
        let mut spare = lock();
        let room = MAX_FIBERS.saturating_sub(spare.len());
        spare.extend(stacks.into_iter().take(room));
    }
}

/// The spare stacks; a panic elsewhere cannot have left them half changed.
fn lock() -> std::sync::MutexGuard<'static, Vec<DefaultStack>> {
    SPARE_STACKS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A fiber that runs the kernel as thread `thread`, again each time that the block begins.
fn fiber(stack: DefaultStack, block: &Block<'_>, thread: usize, kernel: &(impl Fn() + Sync)) -> Fiber {
    // SAFETY: `Fibers` borrows the block and the kernel for as long as the fibers live.
    unsafe {
        Coroutine::with_stack_unchecked(stack, move |yielder, mut go_on| {
            block.set_yielder(thread, yielder);
            while go_on {
                kernel();
                block.return_thread();
                go_on = yielder.suspend(());
            }
        })
    }
}

/// The text of a panic.
fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text.to_string()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a payload that is no text".to_string()
    }
}
