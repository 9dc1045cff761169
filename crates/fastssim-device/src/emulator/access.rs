//! What the threads of a block do to memory: a fault where it is not allowed.

use std::collections::VecDeque;

use super::block::Block;
use super::fault::FaultKind;

/// The asynchronous copies of a thread that it has not waited for.
#[derive(Default)]
pub(super) struct Copies {
    /// Groups closed so far: the number of the open one.
    group: usize,
    under_way: VecDeque<AsyncCopy>,
}

struct AsyncCopy {
    group: usize,
    address: u32,
    size: u32,
}

impl Block<'_> {
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
