//! Where threads wait for each other: barriers and exchanges, and what stands in their way.

use super::block::{Block, State};
use super::fault::{FaultKind, Point, Whereabouts};
use super::shadow::{Actor, thread_index};

impl Block<'_> {
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
}
