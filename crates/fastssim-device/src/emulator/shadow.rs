//! Shared memory of a block, and for each of its words who wrote and read it last.
//!
//! Time is counted in *epochs*: `sync_threads` begins a new one for the block, `warp::sync` one
//! for the warp. Two accesses are ordered where they are of one thread, or in different epochs of
//! the block, or of one warp in different epochs of the warp. Block epochs go on from block to
//! block, so that records need no clearing: what is older than the block's first epoch is void.

use std::vec;
use std::vec::Vec;

use super::fault::{Access, FaultKind, Space};

/// A thread at a moment: who accesses memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Actor {
    /// Index of the thread in its block.
    pub(super) thread: u16,
    pub(super) block_epoch: u32,
    pub(super) warp_epoch: u32,
}

impl Actor {
    #[inline(always)]
    pub(super) fn warp(self) -> u16 {
        self.thread / 32
    }

    #[inline(always)]
    fn lane_bit(self) -> u32 {
        1 << (self.thread % 32)
    }
}

/// The shared memory of one block after the other.
pub(super) struct SharedMemory {
    words: Vec<u32>,
    records: Vec<Record>,
    bytes: u32,
    block_dim: [u32; 3],
    first_epoch: u32,
}

/// Where the content of a word comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Origin {
    #[default]
    Store,
    /// An asynchronous copy that its thread has waited for.
    Landed,
    /// An asynchronous copy that nobody has waited for.
    InFlight,
}

/// The last write of a word, and enough of its reads to find every conflict.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    write_block_epoch: u32,
    write_warp_epoch: u32,
    writer: u16,
    /// A bit for each byte that has been written.
    written: u8,
    origin: Origin,
    /// The lanes that read in the latest epochs of the warp that read last.
    read_lanes: u32,
    read_block_epoch: u32,
    read_warp_epoch: u32,
    read_warp: u16,
    /// A thread of another warp that read in the same epoch of the block, plus one; zero for none.
    other_reader: u16,
}

impl Record {
    /// The writer, where `actor` is not ordered after it.
    #[inline(always)]
    fn unordered_writer(&self, actor: Actor) -> Option<u16> {
        let unordered = self.write_block_epoch == actor.block_epoch
            && self.writer != actor.thread
            && (self.writer / 32 != actor.warp() || self.write_warp_epoch == actor.warp_epoch);
        unordered.then_some(self.writer)
    }

    /// A reader that `actor` is not ordered after.
    #[inline(always)]
    fn unordered_reader(&self, actor: Actor) -> Option<u16> {
        if self.read_block_epoch != actor.block_epoch {
            return None;
        }
        let reader = |lanes: u32| Some(self.read_warp * 32 + lanes.trailing_zeros() as u16);
        if self.read_warp != actor.warp() {
            return reader(self.read_lanes);
        }
        if self.other_reader != 0 {
            return Some(self.other_reader - 1);
        }
        let others = self.read_lanes & !actor.lane_bit();
        if self.read_warp_epoch == actor.warp_epoch && others != 0 {
            reader(others)
        } else {
            None
        }
    }

    #[inline(always)]
    fn note_read(&mut self, actor: Actor) {
        let warp = actor.warp();
        if self.read_block_epoch != actor.block_epoch {
            self.read_block_epoch = actor.block_epoch;
            self.other_reader = 0;
        } else if self.read_warp != warp {
            // From now on every writer races with one of the two, so the lanes may be forgotten.
            self.other_reader = self.read_warp * 32 + self.read_lanes.trailing_zeros() as u16 + 1;
        } else if self.read_warp_epoch == actor.warp_epoch {
            self.read_lanes |= actor.lane_bit();
            return;
        }
        self.read_warp = warp;
        self.read_warp_epoch = actor.warp_epoch;
        self.read_lanes = actor.lane_bit();
    }

    #[inline(always)]
    fn note_write(&mut self, actor: Actor, origin: Origin) {
        self.write_block_epoch = actor.block_epoch;
        self.write_warp_epoch = actor.warp_epoch;
        self.writer = actor.thread;
        self.origin = origin;
    }
}

impl SharedMemory {
    pub(super) fn new(bytes: u32, block_dim: [u32; 3]) -> Self {
        let words = bytes.div_ceil(4) as usize;
        Self {
            words: vec![0; words],
            records: vec![Record::default(); words],
            bytes,
            block_dim,
            first_epoch: 1,
        }
    }

    /// Forgets all: a block begins, with this epoch.
    pub(super) fn begin(&mut self, first_epoch: u32) {
        self.first_epoch = first_epoch;
    }

    /// The `size` bytes at `address`, the first in the lowest bits.
    #[inline(always)]
    pub(super) fn load(&mut self, actor: Actor, address: u32, size: u32) -> Result<u128, FaultKind> {
        let first = self.locate(address, size, Access::Read)?;
        let bytes = byte_mask(address, size);
        let mut value = 0;
        for i in 0..size.div_ceil(4) as usize {
            let record = &mut self.records[first + i];
            let written = record.write_block_epoch >= self.first_epoch && record.written & bytes == bytes;
            if !written || record.origin == Origin::InFlight || record.unordered_writer(actor).is_some() {
                return Err(self.refuse_load(actor, first + i, written));
            }
            record.note_read(actor);
            value |= u128::from(self.words[first + i]) << (32 * i);
        }
        if size < 4 {
            value = value >> (8 * (address % 4)) & ((1 << (8 * size)) - 1);
        }
        Ok(value)
    }

    /// Writes `size` bytes to `address`, the first from the lowest bits.
    #[inline(always)]
    pub(super) fn store(&mut self, actor: Actor, address: u32, size: u32, value: u128) -> Result<(), FaultKind> {
        self.write(actor, address, size, value, Origin::Store)
    }

    /// Starts an asynchronous copy of `value` to `address`.
    pub(super) fn start_copy(&mut self, actor: Actor, address: u32, size: u32, value: u128) -> Result<(), FaultKind> {
        self.write(actor, address, size, value, Origin::InFlight)
    }

    /// The copy that `actor` started to `address` has landed: for others it is written now.
    pub(super) fn land_copy(&mut self, actor: Actor, address: u32, size: u32) {
        for record in &mut self.records[(address / 4) as usize..][..(size / 4) as usize] {
            record.note_write(actor, Origin::Landed);
        }
    }

    #[inline(always)]
    fn write(&mut self, actor: Actor, address: u32, size: u32, value: u128, origin: Origin) -> Result<(), FaultKind> {
        let access = if origin == Origin::InFlight {
            Access::Copy
        } else {
            Access::Write
        };
        let first = self.locate(address, size, access)?;
        for i in 0..size.div_ceil(4) as usize {
            let record = &mut self.records[first + i];
            if record.write_block_epoch < self.first_epoch {
                record.written = 0;
                record.origin = Origin::Store;
            }
            if record.origin == Origin::InFlight
                || record.unordered_writer(actor).is_some()
                || record.unordered_reader(actor).is_some()
            {
                return Err(self.refuse_write(actor, first + i, access));
            }
            record.note_write(actor, origin);
            record.written |= byte_mask(address, size);
            let word = &mut self.words[first + i];
            if size < 4 {
                let (shift, mask) = (8 * (address % 4), (1u32 << (8 * size)) - 1);
                *word = *word & !(mask << shift) | (value as u32 & mask) << shift;
            } else {
                *word = (value >> (32 * i)) as u32;
            }
        }
        Ok(())
    }

    /// Index of the first word of an access.
    #[inline(always)]
    fn locate(&self, address: u32, size: u32, access: Access) -> Result<usize, FaultKind> {
        if u64::from(address) + u64::from(size) > u64::from(self.bytes) {
            return Err(FaultKind::OutsideShared {
                address,
                size,
                access,
                shared_bytes: self.bytes,
            });
        }
        if !address.is_multiple_of(size) {
            return Err(FaultKind::Misaligned {
                space: Space::Shared,
                address: address.into(),
                size,
                access,
            });
        }
        Ok((address / 4) as usize)
    }

    #[cold]
    fn refuse_load(&self, actor: Actor, word: usize, written: bool) -> FaultKind {
        let record = &self.records[word];
        let address = 4 * word as u32;
        if !written {
            return FaultKind::Uninitialized { address };
        }
        let writer = thread_index(record.writer, self.block_dim);
        if record.origin == Origin::InFlight {
            return FaultKind::CopyNotWaited {
                address,
                access: Access::Read,
                copier: writer,
            };
        }
        debug_assert_eq!(record.unordered_writer(actor), Some(record.writer));
        FaultKind::Race {
            address,
            access: Access::Read,
            other: writer,
            other_access: record.write_access(),
        }
    }

    #[cold]
    fn refuse_write(&self, actor: Actor, word: usize, access: Access) -> FaultKind {
        let record = &self.records[word];
        let address = 4 * word as u32;
        if record.origin == Origin::InFlight {
            let copier = thread_index(record.writer, self.block_dim);
            return FaultKind::CopyNotWaited {
                address,
                access,
                copier,
            };
        }
        let (other, other_access) = match (record.unordered_writer(actor), record.unordered_reader(actor)) {
            (Some(writer), _) => (writer, record.write_access()),
            (None, reader) => (reader.unwrap_or_default(), Access::Read),
        };
        FaultKind::Race {
            address,
            access,
            other: thread_index(other, self.block_dim),
            other_access,
        }
    }
}

impl Record {
    fn write_access(&self) -> Access {
        if self.origin == Origin::Store {
            Access::Write
        } else {
            Access::Copy
        }
    }
}

/// The bytes of a word that an access touches, a bit each.
#[inline(always)]
fn byte_mask(address: u32, size: u32) -> u8 {
    if size < 4 {
        ((1 << size) - 1) << (address % 4)
    } else {
        0xf
    }
}

/// A thread's index in its block: x, y, z.
pub(super) fn thread_index(thread: u16, block_dim: [u32; 3]) -> [u32; 3] {
    let [x, y, _] = block_dim;
    let thread = u32::from(thread);
    [thread % x, thread / x % y, thread / x / y]
}
