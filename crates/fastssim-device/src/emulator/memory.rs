//! Global memory: the buffers of the host, behind addresses of their own.
//!
//! Buffer `k` begins at address `(k + 1) << 40`, so that a step outside of one never ends in
//! another, and null is nowhere. Blocks run in parallel, so elements are accessed as relaxed
//! atomics, which costs a plain move each.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::string::{String, ToString};
use std::vec::Vec;

use super::fault::{Access, FaultKind, Space};
use crate::Element;
use crate::global::{Global, GlobalMut};

/// Bits of an address below the number of its buffer.
const BUFFER_BITS: u32 = 40;

/// The buffers that a kernel may access, borrowed as long as this lives.
#[derive(Debug, Default)]
pub struct Memory<'a> {
    buffers: Vec<Buffer>,
    borrowed: PhantomData<&'a mut [u8]>,
}

// SAFETY: the borrows that the buffers stand for are of `Send + Sync` elements (`Element` says so),
// and are accessed only by atomics.
unsafe impl Send for Memory<'_> {}
// SAFETY: as above.
unsafe impl Sync for Memory<'_> {}

#[derive(Debug)]
struct Buffer {
    name: String,
    data: *mut u8,
    bytes: u64,
    /// Size of an element, 1 to 8: what the memory is accessed by.
    element: u32,
    writable: bool,
}

impl<'a> Memory<'a> {
    /// No buffer yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a buffer to be read, called `name` in reports.
    pub fn read<T: Element>(&mut self, name: &str, data: &'a [T]) -> Global<T> {
        Global::from_address(self.add(name, data.as_ptr().cast_mut(), data.len(), false))
    }

    /// Adds a buffer to be read and written, called `name` in reports.
    pub fn write<T: Element>(&mut self, name: &str, data: &'a mut [T]) -> GlobalMut<T> {
        GlobalMut::from_address(self.add(name, data.as_mut_ptr(), data.len(), true))
    }

    fn add<T: Element>(&mut self, name: &str, data: *mut T, len: usize, writable: bool) -> u64 {
        let bytes = (len * size_of::<T>()) as u64;
        let element = size_of::<T>() as u32;
        self.buffers.push(Buffer {
            name: name.to_string(),
            data: data.cast(),
            bytes,
            element,
            writable,
        });
        (self.buffers.len() as u64) << BUFFER_BITS
    }

    /// The `size` bytes at `address`, the first in the lowest bits.
    #[inline(always)]
    pub(super) fn load(&self, address: u64, size: u32) -> Result<u128, FaultKind> {
        let (buffer, offset) = self.locate(address, size, Access::Read)?;
        Ok(buffer.load(offset, size))
    }

    /// Writes `size` bytes to `address`, the first from the lowest bits.
    #[inline(always)]
    pub(super) fn store(&self, address: u64, size: u32, value: u128) -> Result<(), FaultKind> {
        let (buffer, offset) = self.locate(address, size, Access::Write)?;
        buffer.store(offset, size, value);
        Ok(())
    }

    /// Adds to the `u32` at `address`; the value before.
    pub(super) fn add_u32(&self, address: u64, value: u32) -> Result<u32, FaultKind> {
        let (buffer, offset) = self.locate(address, 4, Access::Write)?;
        if buffer.element < 4 {
            return Err(FaultKind::AtomicElement {
                buffer: buffer.name.clone(),
                element: buffer.element,
            });
        }
        Ok(buffer.update(offset, 4, |before| before.wrapping_add(value)))
    }

    /// The first `valid` of `size` bytes at `address`, and zeros after them.
    pub(super) fn load_partly(&self, address: u64, size: u32, valid: u32) -> Result<u128, FaultKind> {
        if valid == size {
            return self.load(address, size);
        }
        if !address.is_multiple_of(u64::from(size)) {
            return Err(misaligned(address, size, Access::Read));
        }
        let mut value = 0;
        for byte in 0..valid {
            value |= self.load(address + u64::from(byte), 1)? << (8 * byte);
        }
        Ok(value)
    }

    /// The buffer of an access, and where in it.
    #[inline(always)]
    fn locate(&self, address: u64, size: u32, access: Access) -> Result<(&Buffer, u64), FaultKind> {
        let number = (address >> BUFFER_BITS) as usize;
        let offset = address & ((1 << BUFFER_BITS) - 1);
        match self.buffers.get(number.wrapping_sub(1)) {
            Some(buffer)
                if offset + u64::from(size) <= buffer.bytes
                    && offset.is_multiple_of(u64::from(size))
                    && (buffer.writable || access == Access::Read) =>
            {
                Ok((buffer, offset))
            }
            _ => Err(self.refuse(address, size, access)),
        }
    }

    /// Why an access is not allowed.
    #[cold]
    fn refuse(&self, address: u64, size: u32, access: Access) -> FaultKind {
        // A step back from a buffer's start belongs to that buffer, so round to the nearest.
        let number = (address.saturating_add(1 << (BUFFER_BITS - 1)) >> BUFFER_BITS) as usize;
        let Some(buffer) = self.buffers.get(number.wrapping_sub(1)) else {
            return FaultKind::NoBuffer { address, size, access };
        };
        let offset = address.wrapping_sub((number as u64) << BUFFER_BITS) as i64;
        if offset < 0 || offset as u64 + u64::from(size) > buffer.bytes {
            let (name, bytes) = (buffer.name.clone(), buffer.bytes);
            return FaultKind::OutsideBuffer {
                buffer: name,
                offset,
                size,
                access,
                bytes,
            };
        }
        if !address.is_multiple_of(u64::from(size)) {
            return misaligned(address, size, access);
        }
        FaultKind::ReadOnly {
            buffer: buffer.name.clone(),
            offset: offset as u64,
        }
    }
}

fn misaligned(address: u64, size: u32, access: Access) -> FaultKind {
    FaultKind::Misaligned {
        space: Space::Global,
        address,
        size,
        access,
    }
}

impl Buffer {
    /// The pointer to the element at byte `offset`, a multiple of the element's size within bounds.
    #[inline(always)]
    fn element<A>(&self, offset: u64) -> &A {
        debug_assert!(offset + size_of::<A>() as u64 <= self.bytes);
        // SAFETY: `locate` checked the bounds; the buffer is borrowed for as long as the memory
        // lives, aligned for its elements, and accessed only by atomics of their size `A`.
        unsafe { &*self.data.add(offset as usize).cast::<A>() }
    }

    #[inline(always)]
    fn load_element(&self, offset: u64) -> u64 {
        match self.element {
            1 => self.element::<AtomicU8>(offset).load(Relaxed).into(),
            2 => self.element::<AtomicU16>(offset).load(Relaxed).into(),
            4 => self.element::<AtomicU32>(offset).load(Relaxed).into(),
            _ => self.element::<AtomicU64>(offset).load(Relaxed),
        }
    }

    #[inline(always)]
    fn store_element(&self, offset: u64, value: u64) {
        match self.element {
            1 => self.element::<AtomicU8>(offset).store(value as u8, Relaxed),
            2 => self.element::<AtomicU16>(offset).store(value as u16, Relaxed),
            4 => self.element::<AtomicU32>(offset).store(value as u32, Relaxed),
            _ => self.element::<AtomicU64>(offset).store(value, Relaxed),
        }
    }

    /// An access may be wider than an element (vectors), or narrower (a cast): then it is made of
    /// several elements, or is a part of one.
    #[inline(always)]
    fn load(&self, offset: u64, size: u32) -> u128 {
        if size == self.element {
            return self.load_element(offset).into();
        }
        if size < self.element {
            let inside = offset % u64::from(self.element);
            let part = u128::from(self.load_element(offset - inside) >> (8 * inside));
            return part & ((1 << (8 * size)) - 1);
        }
        (0..size / self.element)
            .map(|i| u128::from(self.load_element(offset + u64::from(i * self.element))) << (8 * i * self.element))
            .fold(0, |all, part| all | part)
    }

    #[inline(always)]
    fn store(&self, offset: u64, size: u32, value: u128) {
        if size < self.element {
            self.update(offset, size, |_| value as u32);
            return;
        }
        for i in 0..size / self.element {
            self.store_element(
                offset + u64::from(i * self.element),
                (value >> (8 * i * self.element)) as u64,
            );
        }
    }

    /// Replaces `size` bytes (at most 4, within one element) as one step; the value before.
    fn update(&self, offset: u64, size: u32, new: impl Fn(u32) -> u32) -> u32 {
        let inside = offset % u64::from(self.element);
        let mask = if size == 4 { u32::MAX } else { (1 << (8 * size)) - 1 };
        let replace = |old: u64| {
            let part = new((old >> (8 * inside)) as u32 & mask) & mask;
            old & !(u64::from(mask) << (8 * inside)) | u64::from(part) << (8 * inside)
        };
        let at = offset - inside;
        // The closures always give a new value, so none of these fails.
        let old: u64 = match self.element {
            1 => {
                let element = self.element::<AtomicU8>(at);
                element
                    .fetch_update(Relaxed, Relaxed, |old| Some(replace(old.into()) as u8))
                    .unwrap_or_default()
                    .into()
            }
            2 => {
                let element = self.element::<AtomicU16>(at);
                element
                    .fetch_update(Relaxed, Relaxed, |old| Some(replace(old.into()) as u16))
                    .unwrap_or_default()
                    .into()
            }
            4 => {
                let element = self.element::<AtomicU32>(at);
                element
                    .fetch_update(Relaxed, Relaxed, |old| Some(replace(old.into()) as u32))
                    .unwrap_or_default()
                    .into()
            }
            _ => {
                let element = self.element::<AtomicU64>(at);
                element
                    .fetch_update(Relaxed, Relaxed, |old| Some(replace(old)))
                    .unwrap_or_default()
            }
        };
        (old >> (8 * inside)) as u32 & mask
    }
}
