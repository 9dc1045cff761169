//! The shared memory of a block: a window of bytes, addressed by 32 bits.
//!
//! Nothing is in it when a block starts. Between a write and another thread's access to the same
//! word there must be a barrier: [`sync_threads`](crate::thread::sync_threads), or
//! [`warp::sync`](crate::warp::sync) within a warp. The emulator checks this by words of 4 bytes,
//! so it also reports two threads that write different bytes of one word.

use core::marker::PhantomData;

use crate::element::size;
use crate::provider::{self, Word};
use crate::{Element, Element32};

/// A place in the block's shared memory that holds elements of type `T`.
#[repr(transparent)]
pub struct Shared<T> {
    address: u32,
    element: PhantomData<fn() -> T>,
}

impl<T> Clone for Shared<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

impl<T> Shared<T> {
    /// The place `byte_offset` bytes from the start of the dynamic shared memory.
    #[inline(always)]
    pub fn at(byte_offset: u32) -> Self {
        Self::from_address(provider::shared_base() + byte_offset)
    }

    #[inline(always)]
    fn from_address(address: u32) -> Self {
        Self {
            address,
            element: PhantomData,
        }
    }

    /// The address in the block's window, as the instructions take it.
    #[inline(always)]
    pub fn address(self) -> u32 {
        self.address
    }

    /// The place `elements` further on.
    #[inline(always)]
    pub fn offset(self, elements: u32) -> Self {
        Self::from_address(self.element_address(elements))
    }

    /// The same place, seen as elements of type `U`.
    #[inline(always)]
    pub fn cast<U>(self) -> Shared<U> {
        Shared::from_address(self.address)
    }

    #[inline(always)]
    fn element_address(self, index: u32) -> u32 {
        self.address.wrapping_add(index.wrapping_mul(size::<T>()))
    }
}

impl<T: Element> Shared<T> {
    /// Reads element `index`.
    ///
    /// # Safety
    /// The element lies within the block's shared memory, is aligned, has been written, and no
    /// other thread writes it without a barrier between.
    #[inline(always)]
    pub unsafe fn load(self, index: u32) -> T {
        // SAFETY: the caller's promise is the one this instruction needs.
        T::from_word(unsafe { T::Word::load_shared(self.element_address(index)) })
    }

    /// Writes element `index`.
    ///
    /// # Safety
    /// The element lies within the block's shared memory, is aligned, and no other thread accesses
    /// it without a barrier between.
    #[inline(always)]
    pub unsafe fn store(self, index: u32, value: T) {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { value.into_word().store_shared(self.element_address(index)) }
    }
}

impl<T: Element32> Shared<T> {
    /// Reads two elements from `index` on in one access, aligned to 8 bytes.
    ///
    /// # Safety
    /// As [`load`](Self::load), for both elements.
    #[inline(always)]
    pub unsafe fn load2(self, index: u32) -> [T; 2] {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::load2_shared(self.element_address(index)) }.map(T::from_word)
    }

    /// Reads four elements from `index` on in one access, aligned to 16 bytes.
    ///
    /// # Safety
    /// As [`load`](Self::load), for all four elements.
    #[inline(always)]
    pub unsafe fn load4(self, index: u32) -> [T; 4] {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::load4_shared(self.element_address(index)) }.map(T::from_word)
    }

    /// Writes two elements from `index` on in one access, aligned to 8 bytes.
    ///
    /// # Safety
    /// As [`store`](Self::store), for both elements.
    #[inline(always)]
    pub unsafe fn store2(self, index: u32, values: [T; 2]) {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::store2_shared(self.element_address(index), values.map(T::into_word)) }
    }

    /// Writes four elements from `index` on in one access, aligned to 16 bytes.
    ///
    /// # Safety
    /// As [`store`](Self::store), for all four elements.
    #[inline(always)]
    pub unsafe fn store4(self, index: u32, values: [T; 4]) {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::store4_shared(self.element_address(index), values.map(T::into_word)) }
    }
}
