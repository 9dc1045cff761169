//! Loads, stores, atomics and asynchronous copies for `nvptx64`.

use core::arch::asm;

/// An unsigned word that single instructions move; addresses are in bytes.
pub trait Word: Copy {
    unsafe fn load_shared(address: u32) -> Self;
    unsafe fn store_shared(self, address: u32);
    unsafe fn load_global(address: u64) -> Self;
    unsafe fn load_global_nc(address: u64) -> Self;
    unsafe fn load_global_nc_if(is_done: bool, address: u64) -> Self;
    unsafe fn load_global_coherent(address: u64) -> Self;
    unsafe fn store_global(self, address: u64);
}

/// One load: `$class` is the register class of the word, `$address` the one of the address.
macro_rules! load {
    ($instruction:expr, $class:ident, $address_class:ident, $address:expr, $($option:ident),*) => {{
        let word;
        // SAFETY: the caller promises a valid address; nothing but `word` is written.
        unsafe {
            asm!(concat!($instruction, " {}, [{}];"), out($class) word, in($address_class) $address,
                options(nostack, $($option),*))
        };
        word
    }};
}

/// One store, as `load!`.
macro_rules! store {
    ($instruction:expr, $class:ident, $address_class:ident, $address:expr, $word:expr) => {
        // SAFETY: the caller promises a valid address.
        unsafe {
            asm!(concat!($instruction, " [{}], {};"), in($address_class) $address, in($class) $word, options(nostack))
        }
    };
}

macro_rules! word {
    ($type:ty, $suffix:literal, $bits:literal, $class:ident) => {
        impl Word for $type {
            #[inline(always)]
            unsafe fn load_shared(address: u32) -> Self {
                load!(concat!("ld.shared.", $suffix), $class, reg32, address, readonly)
            }
            #[inline(always)]
            unsafe fn store_shared(self, address: u32) {
                store!(concat!("st.shared.", $suffix), $class, reg32, address, self)
            }
            #[inline(always)]
            unsafe fn load_global(address: u64) -> Self {
                load!(concat!("ld.global.", $suffix), $class, reg64, address, readonly)
            }
            #[inline(always)]
            unsafe fn load_global_nc(address: u64) -> Self {
                load!(
                    concat!("ld.global.nc.", $suffix),
                    $class,
                    reg64,
                    address,
                    pure,
                    readonly
                )
            }
            #[inline(always)]
            unsafe fn load_global_nc_if(is_done: bool, address: u64) -> Self {
                let word;
                // SAFETY: the caller promises a valid address, if it is done; nothing but `word` is written.
                unsafe {
                    asm!(concat!("{{ .reg .pred p; setp.ne.u32 p, {is_done}, 0; mov.", $bits, " {word}, 0; @p ld.global.nc.",
                            $suffix, " {word}, [{address}]; }}"),
                        is_done = in(reg32) u32::from(is_done), word = out($class) word, address = in(reg64) address,
                        options(pure, readonly, nostack))
                };
                word
            }
            #[inline(always)]
            unsafe fn load_global_coherent(address: u64) -> Self {
                load!(
                    concat!("ld.relaxed.gpu.global.", $suffix),
                    $class,
                    reg64,
                    address,
                    readonly
                )
            }
            #[inline(always)]
            unsafe fn store_global(self, address: u64) {
                store!(concat!("st.global.", $suffix), $class, reg64, address, self)
            }
        }
    };
}

word!(u8, "u8", "b16", reg16);
word!(u16, "u16", "b16", reg16);
word!(u32, "u32", "b32", reg32);
word!(u64, "u64", "b64", reg64);

/// A load of two words in one access.
macro_rules! load2 {
    ($instruction:literal, $address_class:ident, $address:expr, $($option:ident),*) => {{
        let (first, second): (u32, u32);
        // SAFETY: the caller promises a valid address; nothing but the outputs is written.
        unsafe {
            asm!(concat!($instruction, " {{{}, {}}}, [{}];"), out(reg32) first, out(reg32) second,
                in($address_class) $address, options(nostack, $($option),*))
        };
        [first, second]
    }};
}

/// A load of four words in one access.
macro_rules! load4 {
    ($instruction:literal, $address_class:ident, $address:expr, $($option:ident),*) => {{
        let (first, second, third, fourth): (u32, u32, u32, u32);
        // SAFETY: the caller promises a valid address; nothing but the outputs is written.
        unsafe {
            asm!(concat!($instruction, " {{{}, {}, {}, {}}}, [{}];"), out(reg32) first, out(reg32) second,
                out(reg32) third, out(reg32) fourth, in($address_class) $address, options(nostack, $($option),*))
        };
        [first, second, third, fourth]
    }};
}

/// A store of two words in one access.
macro_rules! store2 {
    ($instruction:literal, $address_class:ident, $address:expr, $words:expr) => {{
        let [first, second]: [u32; 2] = $words;
        // SAFETY: the caller promises a valid address.
        unsafe {
            asm!(concat!($instruction, " [{}], {{{}, {}}};"), in($address_class) $address, in(reg32) first,
                in(reg32) second, options(nostack))
        }
    }};
}

/// A store of four words in one access.
macro_rules! store4 {
    ($instruction:literal, $address_class:ident, $address:expr, $words:expr) => {{
        let [first, second, third, fourth]: [u32; 4] = $words;
        // SAFETY: the caller promises a valid address.
        unsafe {
            asm!(concat!($instruction, " [{}], {{{}, {}, {}, {}}};"), in($address_class) $address, in(reg32) first,
                in(reg32) second, in(reg32) third, in(reg32) fourth, options(nostack))
        }
    }};
}

#[inline(always)]
pub unsafe fn load2_shared(address: u32) -> [u32; 2] {
    load2!("ld.shared.v2.u32", reg32, address, readonly)
}

#[inline(always)]
pub unsafe fn load4_shared(address: u32) -> [u32; 4] {
    load4!("ld.shared.v4.u32", reg32, address, readonly)
}

#[inline(always)]
pub unsafe fn store2_shared(address: u32, words: [u32; 2]) {
    store2!("st.shared.v2.u32", reg32, address, words)
}

#[inline(always)]
pub unsafe fn store4_shared(address: u32, words: [u32; 4]) {
    store4!("st.shared.v4.u32", reg32, address, words)
}

#[inline(always)]
pub unsafe fn load2_global(address: u64) -> [u32; 2] {
    load2!("ld.global.v2.u32", reg64, address, readonly)
}

#[inline(always)]
pub unsafe fn load4_global(address: u64) -> [u32; 4] {
    load4!("ld.global.v4.u32", reg64, address, readonly)
}

#[inline(always)]
pub unsafe fn load2_global_nc(address: u64) -> [u32; 2] {
    load2!("ld.global.nc.v2.u32", reg64, address, pure, readonly)
}

#[inline(always)]
pub unsafe fn load4_global_nc(address: u64) -> [u32; 4] {
    load4!("ld.global.nc.v4.u32", reg64, address, pure, readonly)
}

#[inline(always)]
pub unsafe fn store2_global(address: u64, words: [u32; 2]) {
    store2!("st.global.v2.u32", reg64, address, words)
}

#[inline(always)]
pub unsafe fn store4_global(address: u64, words: [u32; 4]) {
    store4!("st.global.v4.u32", reg64, address, words)
}

/// A store that a predicate guards, where a branch would take as long as ten instructions.
#[inline(always)]
pub unsafe fn store_global_if(is_done: bool, address: u64, word: u32) {
    // SAFETY: the caller promises a valid address, if it is done.
    unsafe {
        asm!("{{ .reg .pred p; setp.ne.u32 p, {}, 0; @p st.global.u32 [{}], {}; }}", in(reg32) u32::from(is_done),
            in(reg64) address, in(reg32) word, options(nostack))
    }
}

#[inline(always)]
pub unsafe fn store2_global_if(is_done: bool, address: u64, [first, second]: [u32; 2]) {
    // SAFETY: the caller promises a valid address, if it is done.
    unsafe {
        asm!("{{ .reg .pred p; setp.ne.u32 p, {}, 0; @p st.global.v2.u32 [{}], {{{}, {}}}; }}",
            in(reg32) u32::from(is_done), in(reg64) address, in(reg32) first, in(reg32) second, options(nostack))
    }
}

#[inline(always)]
pub unsafe fn store4_global_if(is_done: bool, address: u64, [first, second, third, fourth]: [u32; 4]) {
    // SAFETY: the caller promises a valid address, if it is done.
    unsafe {
        asm!("{{ .reg .pred p; setp.ne.u32 p, {}, 0; @p st.global.v4.u32 [{}], {{{}, {}, {}, {}}}; }}",
            in(reg32) u32::from(is_done), in(reg64) address, in(reg32) first, in(reg32) second, in(reg32) third,
            in(reg32) fourth, options(nostack))
    }
}

#[inline(always)]
pub unsafe fn atomic_add(address: u64, value: u32) -> u32 {
    let before: u32;
    // SAFETY: the caller promises a valid address.
    unsafe {
        asm!("atom.global.add.u32 {}, [{}], {};", out(reg32) before, in(reg64) address, in(reg32) value,
            options(nostack))
    };
    before
}

#[cfg(target_feature = "sm_80")]
mod copies {
    use core::arch::asm;

    #[inline(always)]
    pub unsafe fn copy4(to: u32, from: u64, bytes_valid: u32) {
        // SAFETY: the caller promises valid addresses until the copy has landed.
        unsafe {
            asm!("cp.async.ca.shared.global [{}], [{}], 4, {};", in(reg32) to, in(reg64) from, in(reg32) bytes_valid,
                options(nostack))
        }
    }

    #[inline(always)]
    pub unsafe fn copy8(to: u32, from: u64, bytes_valid: u32) {
        // SAFETY: the caller promises valid addresses until the copy has landed.
        unsafe {
            asm!("cp.async.ca.shared.global [{}], [{}], 8, {};", in(reg32) to, in(reg64) from, in(reg32) bytes_valid,
                options(nostack))
        }
    }

    #[inline(always)]
    pub unsafe fn copy16(to: u32, from: u64, bytes_valid: u32) {
        // SAFETY: the caller promises valid addresses until the copy has landed.
        unsafe {
            asm!("cp.async.ca.shared.global [{}], [{}], 16, {};", in(reg32) to, in(reg64) from, in(reg32) bytes_valid,
                options(nostack))
        }
    }

    #[inline(always)]
    pub fn copy_commit() {
        // SAFETY: it only closes a group of copies.
        unsafe { asm!("cp.async.commit_group;", options(nostack)) }
    }

    #[inline(always)]
    pub fn copy_wait<const N: usize>() {
        // SAFETY: it only waits. It clobbers memory, so no load moves above it.
        unsafe { asm!("cp.async.wait_group {};", const N, options(nostack)) }
    }
}

#[cfg(not(target_feature = "sm_80"))]
mod copies {
    use super::{Word, load4_global, store2_shared, store4_shared};

    /// Word `index` of a copy of which `bytes_valid` bytes are to be read.
    ///
    /// A word is read whole where any of its bytes is valid: an aligned word does not leave the
    /// page, so the access is allowed, and the other bytes are dropped.
    #[inline(always)]
    unsafe fn partial_word(from: u64, index: u32, bytes_valid: u32) -> u32 {
        let valid = bytes_valid.saturating_sub(4 * index);
        if valid == 0 {
            return 0;
        }
        // SAFETY: the caller promises that the valid bytes lie within a buffer; see above for the others.
        let word = unsafe { u32::load_global(from + u64::from(4 * index)) };
        if valid >= 4 {
            word
        } else {
            word & ((1 << (8 * valid)) - 1)
        }
    }

    #[inline(always)]
    pub unsafe fn copy4(to: u32, from: u64, bytes_valid: u32) {
        // SAFETY: the caller promises valid addresses.
        unsafe { partial_word(from, 0, bytes_valid).store_shared(to) }
    }

    #[inline(always)]
    pub unsafe fn copy8(to: u32, from: u64, bytes_valid: u32) {
        // SAFETY: the caller promises valid addresses.
        unsafe { store2_shared(to, [0, 1].map(|index| partial_word(from, index, bytes_valid))) }
    }

    #[inline(always)]
    pub unsafe fn copy16(to: u32, from: u64, bytes_valid: u32) {
        // SAFETY: the caller promises valid addresses.
        unsafe {
            let words = if bytes_valid == 16 {
                load4_global(from)
            } else {
                [0, 1, 2, 3].map(|index| partial_word(from, index, bytes_valid))
            };
            store4_shared(to, words)
        }
    }

    #[inline(always)]
    pub fn copy_commit() {}

    #[inline(always)]
    pub fn copy_wait<const N: usize>() {}
}

pub use copies::*;
