//! A block while it runs: where its threads are, and what they wait for.
//!
//! All threads of a block share one thread of the host, so this is cells and no locks. The device
//! functions find their block through a thread-local pointer.

use core::cell::{Cell, RefCell};
use std::boxed::Box;
use std::collections::VecDeque;
use std::panic;
use std::thread_local;
use std::vec::Vec;

use corosensei::Yielder;

use super::fault::{FaultKind, Point, Whereabouts};
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
    shared: RefCell<SharedMemory>,
    actor: Cell<Actor>,
    arrived: Cell<u32>,
    warps: Vec<Warp>,
    threads: Vec<Thread>,
    fault: Cell<Option<FaultKind>>,
}

struct Warp {
    /// The lanes that can go on.
    ready: Cell<u32>,
    /// The lanes that wait at `point`.
    arrived: Cell<u32>,
    point: Cell<Point>,
    epoch: Cell<u32>,
    /// Counts the exchanges, which use the two sets of slots in turn: a lane can be one exchange
    /// ahead of another that still reads, but not two.
    phase: Cell<usize>,
    slots: [Box<[Slot; 32]>; 2],
}

type Slot = [Cell<u32>; EXCHANGE_WORDS];

struct Thread {
    index: [u32; 3],
    state: Cell<State>,
    yielder: Cell<*const Yielder<(), ()>>,
    copies: RefCell<Copies>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Running,
    Waiting(Point),
    Returned,
}

/// The asynchronous copies of a thread that it has not waited for.
#[derive(Default)]
struct Copies {
    /// Groups closed so far: the number of the open one.
    group: usize,
    under_way: VecDeque<AsyncCopy>,
}

struct AsyncCopy {
    group: usize,
    address: u32,
    size: u32,
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
    fn lanes(&self, warp: usize) -> u32 {
        let count = self.threads.len() - 32 * warp;
        if count < 32 { (1 << count) - 1 } else { !0 }
    }

    fn next_block_epoch(&self) {
        let mut actor = self.actor.get();
        actor.block_epoch += 1;
        self.actor.set(actor);
    }

    pub(super) fn warps(&self) -> usize {
        self.warps.len()
    }

    pub(super) fn threads(&self) -> usize {
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
    pub(super) fn set_yielder(&self, thread: usize, yielder: &Yielder<(), ()>) {
        self.threads[thread].yielder.set(yielder);
    }

    /// The kernel has returned in this thread.
    pub(super) fn return_thread(&self) {
        self.this_thread().state.set(State::Returned);
    }

    pub(super) fn take_fault(&self) -> Option<FaultKind> {
        self.fault.take()
    }

    #[inline(always)]
    fn this_thread(&self) -> &Thread {
        &self.threads[usize::from(self.actor.get().thread)]
    }

    #[inline(always)]
    fn this_warp(&self) -> &Warp {
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
    fn suspend(&self) {
        // SAFETY: the fiber's root set this pointer to its yielder, which lives as long as the fiber,
        // and this code runs on that fiber: `actor` names the fiber that was resumed last.
        unsafe { (*self.this_thread().yielder.get()).suspend(()) }
    }

    pub(super) fn sync_threads(&self) {
        self.this_thread().state.set(State::Waiting(Point::SyncThreads));
        self.arrived.set(self.arrived.get() + 1);
        if (self.arrived.get() as usize) < self.threads.len() {
            return self.suspend();
        }
        self.arrived.set(0);
        self.next_block_epoch();
        for thread in &self.threads {
            thread.state.set(State::Running);
        }
        for (number, warp) in self.warps.iter().enumerate() {
            warp.ready.set(self.lanes(number));
        }
        let warp = self.this_warp();
        warp.ready.set(warp.ready.get() & !(1 << self.lane()));
    }

    pub(super) fn sync_warp(&self) {
        self.meet(Point::SyncWarp);
    }

    /// Gives `words` to the other lanes of the warp, and calls `take` with a function that says
    /// which word a lane gave at an index.
    #[inline(always)]
    pub(super) fn exchange<R>(
        &self,
        point: Point,
        words: &[u32],
        take: impl FnOnce(&dyn Fn(usize, usize) -> u32) -> R,
    ) -> R {
        let warp = self.this_warp();
        let slots = &warp.slots[warp.phase.get() % 2];
        for (slot, word) in slots[self.lane() as usize].iter().zip(words) {
            slot.set(*word);
        }
        self.meet(point);
        take(&|lane, index| slots[lane][index].get())
    }

    /// Waits until all 32 lanes of the warp are at `point`.
    fn meet(&self, point: Point) {
        let (warp, bit) = (self.this_warp(), 1 << self.lane());
        if warp.arrived.get() == 0 {
            warp.point.set(point);
        } else if warp.point.get() != point {
            let missing = 32 * usize::from(self.actor.get().warp()) + warp.arrived.get().trailing_zeros() as usize;
            let (missing, missing_is) = (self.threads[missing].index, Whereabouts::At(warp.point.get()));
            self.raise(FaultKind::Divergence {
                at: point,
                missing,
                missing_is,
            });
        }
        self.this_thread().state.set(State::Waiting(point));
        warp.arrived.set(warp.arrived.get() | bit);
        if warp.arrived.get() != !0 {
            return self.suspend();
        }
        warp.arrived.set(0);
        warp.phase.set(warp.phase.get() + 1);
        warp.ready.set(!bit);
        let first = 32 * usize::from(self.actor.get().warp());
        for thread in &self.threads[first..first + 32] {
            thread.state.set(State::Running);
        }
        if point == Point::SyncWarp {
            warp.epoch.set(warp.epoch.get() + 1);
            let actor = self.actor.get();
            self.actor.set(Actor {
                warp_epoch: warp.epoch.get(),
                ..actor
            });
        }
    }

    /// Nobody can go on: `None` where all have returned, else a thread that waits in vain.
    ///
    /// Where several do, it is one that waits for a thread that has returned: the others may only
    /// wait for this one.
    pub(super) fn stuck(&self) -> Option<([u32; 3], FaultKind)> {
        let mut found = None;
        for (number, thread) in self.threads.iter().enumerate() {
            let State::Waiting(at) = thread.state.get() else {
                continue;
            };
            let (missing, missing_is) = self.missing(number, at);
            let fault = (
                thread.index,
                FaultKind::Divergence {
                    at,
                    missing,
                    missing_is,
                },
            );
            if !matches!(missing_is, Whereabouts::At(_)) {
                return Some(fault);
            }
            found = found.or(Some(fault));
        }
        found
    }

    /// Whom a thread waits for at `point`.
    fn missing(&self, waiting: usize, point: Point) -> ([u32; 3], Whereabouts) {
        let group = match point {
            Point::SyncThreads => 0..self.threads.len(),
            _ => waiting / 32 * 32..(waiting / 32 + 1) * 32,
        };
        for number in group {
            let Some(thread) = self.threads.get(number) else {
                return (thread_index(number as u16, self.block_dim), Whereabouts::Absent);
            };
            match thread.state.get() {
                State::Returned => return (thread.index, Whereabouts::Returned),
                State::Waiting(other) if other != point => return (thread.index, Whereabouts::At(other)),
                _ => {}
            }
        }
        (self.threads[waiting].index, Whereabouts::At(point))
    }

    #[inline(always)]
    pub(super) fn load_shared(&self, address: u32, size: u32) -> u128 {
        let result = self.shared.borrow_mut().load(self.actor.get(), address, size);
        self.or_raise(result)
    }

    #[inline(always)]
    pub(super) fn store_shared(&self, address: u32, size: u32, value: u128) {
        let result = self.shared.borrow_mut().store(self.actor.get(), address, size, value);
        self.or_raise(result)
    }

    pub(super) fn start_copy(&self, to: u32, from: u64, size: u32, valid: u32) {
        if valid > size {
            self.raise(FaultKind::CopySize { valid, size });
        }
        let value = self.or_raise(self.memory.load_partly(from, size, valid));
        let result = self.shared.borrow_mut().start_copy(self.actor.get(), to, size, value);
        self.or_raise(result);
        let mut copies = self.this_thread().copies.borrow_mut();
        let group = copies.group;
        copies.under_way.push_back(AsyncCopy {
            group,
            address: to,
            size,
        });
    }

    pub(super) fn commit_copies(&self) {
        self.this_thread().copies.borrow_mut().group += 1;
    }

    /// Lands the copies of all closed groups but the `youngest`.
    pub(super) fn wait_copies(&self, youngest: usize) {
        let mut copies = self.this_thread().copies.borrow_mut();
        let landing = copies.group.saturating_sub(youngest);
        while let Some(copy) = copies.under_way.pop_front_if(|copy| copy.group < landing) {
            self.shared
                .borrow_mut()
                .land_copy(self.actor.get(), copy.address, copy.size);
        }
    }

    #[inline(always)]
    pub(super) fn load_global(&self, address: u64, size: u32) -> u128 {
        self.or_raise(self.memory.load(address, size))
    }

    #[inline(always)]
    pub(super) fn store_global(&self, address: u64, size: u32, value: u128) {
        self.or_raise(self.memory.store(address, size, value))
    }

    pub(super) fn atomic_add(&self, address: u64, value: u32) -> u32 {
        self.or_raise(self.memory.add_u32(address, value))
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
