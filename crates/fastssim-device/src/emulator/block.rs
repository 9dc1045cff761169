//! A block while it runs: where its threads are, and what they wait for.
//!
//! All threads of a block share one thread of the host, so this is cells and no locks. The device
//! functions find their block through a thread-local pointer.

use core::cell::{Cell, RefCell};
use std::boxed::Box;
use std::panic;
use std::thread_local;
use std::vec::Vec;

use corosensei::Yielder;

use super::access::Copies;
use super::fault::{FaultKind, Point};
use super::memory::Memory;
use super::shadow::{Actor, SharedMemory, thread_index};

/// Words that a lane can exchange at once: what a matrix product takes.
pub(super) const EXCHANGE_WORDS: usize = 12;

/// What a fiber is unwound with once its fault is noted.
pub(super) struct Stopped;

/// A block while it runs.
pub(super) struct Block<'m> {
    pub(super) memory: &'m Memory<'m>,
    pub(super) grid_dim: [u32; 3],
    pub(super) block_dim: [u32; 3],
    pub(super) block_idx: Cell<[u32; 3]>,
    pub(super) shared: RefCell<SharedMemory>,
    pub(super) actor: Cell<Actor>,
    pub(super) arrived: Cell<u32>,
    pub(super) warps: Vec<Warp>,
    pub(super) threads: Vec<Thread>,
    fault: Cell<Option<FaultKind>>,
}

pub(super) struct Warp {
    /// The lanes that can go on.
    pub(super) ready: Cell<u32>,
    /// The lanes that wait at `point`.
    pub(super) arrived: Cell<u32>,
    pub(super) point: Cell<Point>,
    pub(super) epoch: Cell<u32>,
    /// Counts the exchanges, which use the two sets of slots in turn: a lane can be one exchange
    /// ahead of another that still reads, but not two.
    pub(super) phase: Cell<usize>,
    pub(super) slots: [Box<[Slot; 32]>; 2],
}

type Slot = [Cell<u32>; EXCHANGE_WORDS];

pub(super) struct Thread {
    pub(super) index: [u32; 3],
    pub(super) state: Cell<State>,
    pub(super) yielder: Cell<*const Yielder<bool, ()>>,
    pub(super) copies: RefCell<Copies>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum State {
    Running,
    Waiting(Point),
    Returned,
}

thread_local! {
    /// The block that this thread of the host runs, or null.
    static CURRENT: Cell<*const Block<'static>> = const { Cell::new(core::ptr::null()) };
}

/// Calls `body` with the block that runs here.
///
/// Panics where there is none: a device function was called outside of a grid.
#[inline(always)]
pub(super) fn with<R>(body: impl FnOnce(&Block<'static>) -> R) -> R {
    let block = CURRENT.get();
    assert!(
        !block.is_null(),
        "a device function was called outside of emulator::Grid::run"
    );
    // SAFETY: `enter` sets the pointer, and resets it before the block goes.
    body(unsafe { &*block })
}

/// Makes `block` the current one while `body` runs.
pub(super) fn enter<R>(block: &Block<'_>, body: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            CURRENT.set(core::ptr::null());
        }
    }
    let _leave = Leave;
    CURRENT.set(core::ptr::from_ref(block).cast());
    body()
}

impl<'m> Block<'m> {
    pub(super) fn new(memory: &'m Memory<'m>, grid_dim: [u32; 3], block_dim: [u32; 3], shared_bytes: u32) -> Self {
        let threads = block_dim.iter().product::<u32>();
        Self {
            memory,
            grid_dim,
            block_dim,
            block_idx: Cell::default(),
            shared: RefCell::new(SharedMemory::new(shared_bytes, block_dim)),
            actor: Cell::default(),
            arrived: Cell::new(0),
            warps: (0..threads.div_ceil(32)).map(|_| Warp::new()).collect(),
            threads: (0..threads as u16)
                .map(|thread| Thread::new(thread_index(thread, block_dim)))
                .collect(),
            fault: Cell::new(None),
        }
    }

    /// Makes every thread ready to run the kernel for block `block_idx`.
    pub(super) fn begin(&self, block_idx: [u32; 3]) {
        self.block_idx.set(block_idx);
        self.arrived.set(0);
        self.next_block_epoch();
        self.shared.borrow_mut().begin(self.actor.get().block_epoch);
        for (number, warp) in self.warps.iter().enumerate() {
            warp.ready.set(self.lanes(number));
            warp.arrived.set(0);
        }
        for thread in &self.threads {
            thread.state.set(State::Running);
            *thread.copies.borrow_mut() = Copies::default();
        }
    }

    /// The lanes of a warp that exist: all, but in the last warp of an odd block.
    pub(super) fn lanes(&self, warp: usize) -> u32 {
        let count = self.threads.len() - 32 * warp;
        if count < 32 { (1 << count) - 1 } else { !0 }
    }

    pub(super) fn next_block_epoch(&self) {
        let mut actor = self.actor.get();
        actor.block_epoch += 1;
        self.actor.set(actor);
    }

    pub(super) fn warp_count(&self) -> usize {
        self.warps.len()
    }

    pub(super) fn thread_count(&self) -> usize {
        self.threads.len()
    }

    /// A thread of the warp that can go on, which the caller shall resume.
    #[inline(always)]
    pub(super) fn take_ready(&self, warp: usize) -> Option<usize> {
        let ready = self.warps[warp].ready.get();
        if ready == 0 {
            return None;
        }
        self.warps[warp].ready.set(ready & (ready - 1));
        let thread = 32 * warp + ready.trailing_zeros() as usize;
        let block_epoch = self.actor.get().block_epoch;
        self.actor.set(Actor {
            thread: thread as u16,
            block_epoch,
            warp_epoch: self.warps[warp].epoch.get(),
        });
        Some(thread)
    }

    /// Tells the block where the fiber of `thread` can be suspended.
    pub(super) fn set_yielder(&self, thread: usize, yielder: &Yielder<bool, ()>) {
        self.threads[thread].yielder.set(yielder);
    }

    /// The kernel has returned in this thread.
    pub(super) fn return_thread(&self) {
        self.this_thread().state.set(State::Returned);
    }

    /// Whether the kernel has returned in a thread.
    pub(super) fn has_returned(&self, thread: usize) -> bool {
        self.threads[thread].state.get() == State::Returned
    }

    pub(super) fn take_fault(&self) -> Option<FaultKind> {
        self.fault.take()
    }

    #[inline(always)]
    pub(super) fn this_thread(&self) -> &Thread {
        &self.threads[usize::from(self.actor.get().thread)]
    }

    #[inline(always)]
    pub(super) fn this_warp(&self) -> &Warp {
        &self.warps[usize::from(self.actor.get().warp())]
    }

    pub(super) fn thread_idx(&self) -> [u32; 3] {
        self.this_thread().index
    }

    pub(super) fn lane(&self) -> u32 {
        u32::from(self.actor.get().thread % 32)
    }

    /// Ends this thread, and with it the run.
    #[cold]
    pub(super) fn raise(&self, kind: FaultKind) -> ! {
        self.fault.set(Some(kind));
        panic::resume_unwind(Box::new(Stopped))
    }

    #[inline(always)]
    pub(super) fn or_raise<T>(&self, result: Result<T, FaultKind>) -> T {
        match result {
            Ok(value) => value,
            Err(kind) => self.raise(kind),
        }
    }

    /// Suspends this thread until somebody makes it ready.
    pub(super) fn suspend(&self) {
        let yielder = self.this_thread().yielder.get();
        // SAFETY: the fiber's root set this pointer to its yielder, which lives as long as the fiber,
        // and this code runs on that fiber: `actor` names the fiber that was resumed last.
        unsafe { (*yielder).suspend(()) };
    }
}

impl Warp {
    fn new() -> Self {
        Self {
            ready: Cell::new(0),
            arrived: Cell::new(0),
            point: Cell::new(Point::SyncWarp),
            epoch: Cell::new(0),
            phase: Cell::new(0),
            slots: core::array::from_fn(|_| Box::default()),
        }
    }
}

impl Thread {
    fn new(index: [u32; 3]) -> Self {
        let yielder = Cell::new(core::ptr::null());
        Self {
            index,
            state: Cell::new(State::Running),
            yielder,
            copies: RefCell::default(),
        }
    }
}
