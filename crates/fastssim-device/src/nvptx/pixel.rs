//! Elements whose type is not known when a kernel is compiled.
//!
//! A kernel that reads pixels is the same for all types but for two instructions: the one that reads an element, and the one that makes
//! a number of it. They stand in the PTX as for `f32`, with a register `pixel` of their own, by which a host finds them and puts those for
//! another type in their place.

use core::arch::asm;

use crate::global::Global;

/// Reads the element at `at` as a word, through the read-only path.
///
/// # Safety
/// It lies within a buffer, is aligned, and nobody writes it while the kernel runs.
#[inline(always)]
pub unsafe fn load_nc(at: Global<u8>) -> u32 {
    let word;
    // SAFETY: the caller promises a valid address; nothing but `word` is written.
    unsafe {
        asm!("{{ .reg .b32 pixel; ld.global.nc.b32 pixel, [{address}]; mov.b32 {word}, pixel; }}",
            word = out(reg32) word, address = in(reg64) at.address(), options(pure, readonly, nostack))
    };
    word
}

/// Reads the element, or nothing: then it is zero. There is no branch.
///
/// # Safety
/// As [`load_nc`], if it is done.
#[inline(always)]
pub unsafe fn load_nc_if(is_done: bool, at: Global<u8>) -> u32 {
    let word;
    // SAFETY: the caller promises a valid address, if it is done; nothing but `word` is written.
    unsafe {
        asm!("{{ .reg .pred p; .reg .b32 pixel; setp.ne.u32 p, {is_done}, 0; mov.b32 pixel, 0; \
            @p ld.global.nc.b32 pixel, [{address}]; mov.b32 {word}, pixel; }}",
            is_done = in(reg32) u32::from(is_done), word = out(reg32) word, address = in(reg64) at.address(),
            options(pure, readonly, nostack))
    };
    word
}

/// The number that a word stands for, exactly.
#[inline(always)]
pub fn number(word: u32) -> f32 {
    let number: u32;
    // SAFETY: arithmetic has no conditions.
    unsafe {
        asm!("{{ .reg .b32 pixel; .reg .f32 number; mov.b32 pixel, {word}; mov.b32 number, pixel; mov.b32 {number}, number; }}",
            word = in(reg32) word, number = out(reg32) number, options(pure, nomem, nostack))
    };
    f32::from_bits(number)
}
