//! The memory of the device: buffers that the host gave to the kernel.
//!
//! Both handles are a 64-bit address and nothing else, so a structure of kernel parameters can
//! hold them or their plain `u64`. Indices are 32-bit and count elements; distances that need 64
//! bits go through `offset`.

use core::marker::PhantomData;

use crate::element::size;
use crate::provider::{self, Word};
use crate::{Element, Element32};

/// Elements of type `T` in global memory, to be read.
#[repr(transparent)]
pub struct Global<T> {
    address: u64,
    element: PhantomData<fn() -> T>,
}

/// Elements of type `T` in global memory, to be read and written.
#[repr(transparent)]
pub struct GlobalMut<T> {
    address: u64,
    element: PhantomData<fn() -> T>,
}

impl<T> Clone for Global<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Global<T> {}

impl<T> Clone for GlobalMut<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for GlobalMut<T> {}

/// The address of element `index * stride`: one instruction.
#[inline(always)]
fn strided<T>(address: u64, index: u32, stride: u32) -> u64 {
    address.wrapping_add(u64::from(index * size::<T>()) * u64::from(stride))
}

#[inline(always)]
fn element_address<T>(base: u64, index: u32) -> u64 {
    base.wrapping_add(u64::from(index) * u64::from(size::<T>()))
}

#[inline(always)]
fn moved<T>(base: u64, elements: i64) -> u64 {
    base.wrapping_add_signed(elements.wrapping_mul(i64::from(size::<T>())))
}

impl<T> Global<T> {
    /// The elements from `address` on.
    #[inline(always)]
    pub const fn from_address(address: u64) -> Self {
        Self {
            address,
            element: PhantomData,
        }
    }

    /// The address of the first element.
    #[inline(always)]
    pub const fn address(self) -> u64 {
        self.address
    }

    /// The elements from `elements` further on (or back).
    #[inline(always)]
    pub fn offset(self, elements: i64) -> Self {
        Self::from_address(moved::<T>(self.address, elements))
    }

    /// The elements from `index * stride` further on. A multiple with 64 bits takes the device one instruction.
    #[inline(always)]
    pub fn strided(self, index: u32, stride: u32) -> Self {
        Self::from_address(strided::<T>(self.address, index, stride))
    }

    /// The same place, seen as elements of type `U`.
    #[inline(always)]
    pub const fn cast<U>(self) -> Global<U> {
        Global::from_address(self.address)
    }
}

impl<T: Element> Global<T> {
    /// Reads element `index`.
    ///
    /// # Safety
    /// The element lies within a buffer, is aligned, and nobody writes it meanwhile.
    #[inline(always)]
    pub unsafe fn load(self, index: u32) -> T {
        // SAFETY: the caller's promise is the one this instruction needs.
        T::from_word(unsafe { T::Word::load_global(element_address::<T>(self.address, index)) })
    }

    /// Reads element `index` through the read-only path, which the compiler may move freely.
    ///
    /// # Safety
    /// As [`load`](Self::load), and nobody writes the element while the kernel runs.
    #[inline(always)]
    pub unsafe fn load_nc(self, index: u32) -> T {
        // SAFETY: the caller's promise is the one this instruction needs.
        T::from_word(unsafe { T::Word::load_global_nc(element_address::<T>(self.address, index)) })
    }
}

impl<T: Element> Global<T> {
    /// Reads element `index * stride` as [`load_nc`](Self::load_nc). A multiple with 64 bits takes the device one instruction.
    ///
    /// # Safety
    /// As [`load_nc`](Self::load_nc).
    #[inline(always)]
    pub unsafe fn load_nc_strided(self, index: u32, stride: u32) -> T {
        let address = strided::<T>(self.address, index, stride);
        // SAFETY: the caller's promise is the one this instruction needs.
        T::from_word(unsafe { T::Word::load_global_nc(address) })
    }

    /// Reads element `index * stride` as [`load_nc_strided`](Self::load_nc_strided), or nothing: then it is zero. There is no
    /// branch.
    ///
    /// # Safety
    /// As [`load_nc`](Self::load_nc), if it is done.
    #[inline(always)]
    pub unsafe fn load_nc_strided_if(self, is_done: bool, index: u32, stride: u32) -> T {
        let address = strided::<T>(self.address, index, stride);
        // SAFETY: the caller's promise is the one this instruction needs.
        T::from_word(unsafe { T::Word::load_global_nc_if(is_done, address) })
    }
}

impl<T: Element32> Global<T> {
    /// Reads two elements from `index * stride` on in one access as [`load_nc_strided`](Self::load_nc_strided), aligned to 8 bytes.
    ///
    /// # Safety
    /// As [`load_nc`](Self::load_nc), for both elements.
    #[inline(always)]
    pub unsafe fn load2_nc_strided(self, index: u32, stride: u32) -> [T; 2] {
        let address = strided::<T>(self.address, index, stride);
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::load2_global_nc(address) }.map(T::from_word)
    }

    /// Reads two elements from `index` on in one access, aligned to 8 bytes.
    ///
    /// # Safety
    /// As [`load`](Self::load), for both elements.
    #[inline(always)]
    pub unsafe fn load2(self, index: u32) -> [T; 2] {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::load2_global(element_address::<T>(self.address, index)) }.map(T::from_word)
    }

    /// Reads four elements from `index` on in one access, aligned to 16 bytes.
    ///
    /// # Safety
    /// As [`load`](Self::load), for all four elements.
    #[inline(always)]
    pub unsafe fn load4(self, index: u32) -> [T; 4] {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::load4_global(element_address::<T>(self.address, index)) }.map(T::from_word)
    }

    /// Reads two elements as [`load2`](Self::load2), through the read-only path.
    ///
    /// # Safety
    /// As [`load_nc`](Self::load_nc), for both elements.
    #[inline(always)]
    pub unsafe fn load2_nc(self, index: u32) -> [T; 2] {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::load2_global_nc(element_address::<T>(self.address, index)) }.map(T::from_word)
    }

    /// Reads four elements as [`load4`](Self::load4), through the read-only path.
    ///
    /// # Safety
    /// As [`load_nc`](Self::load_nc), for all four elements.
    #[inline(always)]
    pub unsafe fn load4_nc(self, index: u32) -> [T; 4] {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::load4_global_nc(element_address::<T>(self.address, index)) }.map(T::from_word)
    }
}

impl<T> GlobalMut<T> {
    /// The elements from `address` on.
    #[inline(always)]
    pub const fn from_address(address: u64) -> Self {
        Self {
            address,
            element: PhantomData,
        }
    }

    /// The address of the first element.
    #[inline(always)]
    pub const fn address(self) -> u64 {
        self.address
    }

    /// The elements from `elements` further on (or back).
    #[inline(always)]
    pub fn offset(self, elements: i64) -> Self {
        Self::from_address(moved::<T>(self.address, elements))
    }

    /// The elements from `index * stride` further on; see [`Global::strided`].
    #[inline(always)]
    pub fn strided(self, index: u32, stride: u32) -> Self {
        Self::from_address(strided::<T>(self.address, index, stride))
    }

    /// The same place, seen as elements of type `U`.
    #[inline(always)]
    pub const fn cast<U>(self) -> GlobalMut<U> {
        GlobalMut::from_address(self.address)
    }
}

impl<T: Element> GlobalMut<T> {
    /// Reads element `index`: this thread's own writes, or what nobody writes meanwhile.
    ///
    /// # Safety
    /// The element lies within a buffer, is aligned, and no other thread writes it meanwhile.
    #[inline(always)]
    pub unsafe fn load(self, index: u32) -> T {
        // SAFETY: the caller's promise is the one this instruction needs.
        T::from_word(unsafe { T::Word::load_global(element_address::<T>(self.address, index)) })
    }

    /// Reads element `index` past the multiprocessor's own cache, so that it sees what other
    /// blocks wrote before a [`fence`](crate::thread::fence).
    ///
    /// # Safety
    /// The element lies within a buffer and is aligned.
    #[inline(always)]
    pub unsafe fn load_coherent(self, index: u32) -> T {
        // SAFETY: the caller's promise is the one this instruction needs.
        T::from_word(unsafe { T::Word::load_global_coherent(element_address::<T>(self.address, index)) })
    }

    /// Writes element `index`.
    ///
    /// # Safety
    /// The element lies within a buffer that may be written, is aligned, and no other thread
    /// accesses it meanwhile.
    #[inline(always)]
    pub unsafe fn store(self, index: u32, value: T) {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe {
            value
                .into_word()
                .store_global(element_address::<T>(self.address, index))
        }
    }
}

impl<T: Element32> GlobalMut<T> {
    /// Writes two elements from `index` on in one access, aligned to 8 bytes.
    ///
    /// # Safety
    /// As [`store`](Self::store), for both elements.
    #[inline(always)]
    pub unsafe fn store2(self, index: u32, values: [T; 2]) {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::store2_global(element_address::<T>(self.address, index), values.map(T::into_word)) }
    }

    /// Writes four elements from `index` on in one access, aligned to 16 bytes.
    ///
    /// # Safety
    /// As [`store`](Self::store), for all four elements.
    #[inline(always)]
    pub unsafe fn store4(self, index: u32, values: [T; 4]) {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::store4_global(element_address::<T>(self.address, index), values.map(T::into_word)) }
    }
}

impl<T: Element32> GlobalMut<T> {
    /// Writes element `index * stride`; see [`load_nc_strided`](Global::load_nc_strided).
    ///
    /// # Safety
    /// As [`store`](Self::store).
    #[inline(always)]
    pub unsafe fn store_strided(self, index: u32, stride: u32, value: T) {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe {
            value
                .into_word()
                .store_global(strided::<T>(self.address, index, stride))
        }
    }

    /// Writes two elements from `index * stride` on in one access, aligned to 8 bytes.
    ///
    /// # Safety
    /// As [`store`](Self::store), for both elements.
    #[inline(always)]
    pub unsafe fn store2_strided(self, index: u32, stride: u32, values: [T; 2]) {
        let address = strided::<T>(self.address, index, stride);
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::store2_global(address, values.map(T::into_word)) }
    }

    /// Writes two elements in one access, aligned to 8 bytes, or nothing. There is no branch.
    ///
    /// # Safety
    /// As [`store`](Self::store), for both elements, if it is done.
    #[inline(always)]
    pub unsafe fn store2_if(self, is_done: bool, values: [T; 2]) {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::store2_global_if(is_done, self.address, values.map(T::into_word)) }
    }

    /// Writes four elements in one access, aligned to 16 bytes, or nothing. There is no branch.
    ///
    /// # Safety
    /// As [`store`](Self::store), for all four elements, if it is done.
    #[inline(always)]
    pub unsafe fn store4_if(self, is_done: bool, values: [T; 4]) {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::store4_global_if(is_done, self.address, values.map(T::into_word)) }
    }

    /// Writes element `index * stride`, or nothing; see [`load_nc_strided`](Global::load_nc_strided). There is no branch.
    ///
    /// # Safety
    /// As [`store`](Self::store), if it is done.
    #[inline(always)]
    pub unsafe fn store_strided_if(self, is_done: bool, index: u32, stride: u32, value: T) {
        let address = strided::<T>(self.address, index, stride);
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::store_global_if(is_done, address, value.into_word()) }
    }
}

impl GlobalMut<u32> {
    /// Adds `value` to element `index` as one step for the whole device; the sum before it.
    ///
    /// It orders no other access: see [`fence`](crate::thread::fence).
    ///
    /// # Safety
    /// The element lies within a buffer that may be written, is aligned, and is accessed by other
    /// threads only atomically.
    #[inline(always)]
    pub unsafe fn atomic_add(self, index: u32, value: u32) -> u32 {
        // SAFETY: the caller's promise is the one this instruction needs.
        unsafe { provider::atomic_add(element_address::<u32>(self.address, index), value) }
    }
}
