//! Functions under the driver's names that jump to the driver's functions.
//!
//! A trampoline does not know its arguments: it leaves all registers and the stack as they are, and jumps to
//! the address that the table holds for it. That is `first_call` to begin with:
//!
//! ```text
//! cuInit:      index = 157; jump to TABLE[index]
//! first_call:  save the registers that can hold arguments
//!              address = resolve(index)          which writes it to TABLE[index] as well
//!              restore the registers; jump to address
//! ```
//!
//! The names are hidden: they are defined for all crates that are linked into one program or shared library, and
//! not exported from it, lest another library of the process find ours in place of the driver's.
//!
//! The scratch registers are those that the calling conventions give to such code: rax and r11 on x86-64
//! (rax has a meaning for variadic functions alone, which the driver has none of), x16 and x17 on aarch64.

use std::arch::naked_asm;
use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::library;
use crate::symbols::NAMES;

/// `CUDA_ERROR_NO_DEVICE`
const NO_DEVICE: u32 = 100;
/// `CUDA_ERROR_NOT_FOUND`
const NOT_FOUND: u32 = 500;

/// Where each trampoline jumps to.
pub(crate) static TABLE: [AtomicPtr<c_void>; NAMES.len()] =
    [const { AtomicPtr::new(first_call as *const c_void as *mut c_void) }; NAMES.len()];

/// Defines the trampolines for a list of names, and `NAMES`, the list.
macro_rules! trampolines {
    ($($index:literal $name:ident)*) => {
        /// The names of the driver's functions, in the order of the table.
        pub(crate) const NAMES: [&std::ffi::CStr; [$($index),*].len()] = [$(
            match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!("a name with a zero in it"),
            }
        ),*];
        $(
            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            #[allow(non_snake_case)]
            unsafe extern "C" fn $name() {
                #[cfg(target_arch = "x86_64")]
                std::arch::naked_asm!(
                    concat!(".hidden ", stringify!($name)),
                    "mov r11, qword ptr [rip + {table} + 8 * {index}]",
                    "mov eax, {index}",
                    "jmp r11",
                    index = const $index,
                    table = sym crate::trampoline::TABLE,
                );
                #[cfg(target_arch = "aarch64")]
                std::arch::naked_asm!(
                    concat!(".hidden ", stringify!($name)),
                    "adrp x16, {table}",
                    "add x16, x16, :lo12:{table}",
                    "mov w17, #{index}",
                    "ldr x16, [x16, x17, lsl #3]",
                    "br x16",
                    index = const $index,
                    table = sym crate::trampoline::TABLE,
                );
            }
        )*
    };
}
pub(crate) use trampolines;

/// Where trampoline number `index` jumps to from now on.
extern "C" fn resolve(index: usize) -> *mut c_void {
    let stub = match library::function(NAMES[index]) {
        Ok(function) if !function.is_null() => function,
        Ok(_) => not_found as *const c_void as *mut c_void,
        Err(_) => no_device as *const c_void as *mut c_void,
    };
    // The address alone is passed on, and the library is loaded before it is known.
    TABLE[index].store(stub, Ordering::Relaxed);
    stub
}

/// Stands in for a function that this driver does not have, whatever its arguments: in both calling
/// conventions they are the caller's to remove.
extern "C" fn not_found() -> u32 {
    NOT_FOUND
}

/// Stands in for every function where there is no driver.
extern "C" fn no_device() -> u32 {
    NO_DEVICE
}

/// What all trampolines jump to at first; the index is in eax.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn first_call() {
    // Six integer and eight vector registers hold arguments. The stack is 8 bytes off a multiple of 16 on
    // entry; 56 + 128 bytes more make it a multiple.
    naked_asm!(
        "sub rsp, 184",
        "mov [rsp], rdi",
        "mov [rsp + 8], rsi",
        "mov [rsp + 16], rdx",
        "mov [rsp + 24], rcx",
        "mov [rsp + 32], r8",
        "mov [rsp + 40], r9",
        "movups [rsp + 48], xmm0",
        "movups [rsp + 64], xmm1",
        "movups [rsp + 80], xmm2",
        "movups [rsp + 96], xmm3",
        "movups [rsp + 112], xmm4",
        "movups [rsp + 128], xmm5",
        "movups [rsp + 144], xmm6",
        "movups [rsp + 160], xmm7",
        "mov edi, eax",
        "call {resolve}",
        "mov r11, rax",
        "mov rdi, [rsp]",
        "mov rsi, [rsp + 8]",
        "mov rdx, [rsp + 16]",
        "mov rcx, [rsp + 24]",
        "mov r8, [rsp + 32]",
        "mov r9, [rsp + 40]",
        "movups xmm0, [rsp + 48]",
        "movups xmm1, [rsp + 64]",
        "movups xmm2, [rsp + 80]",
        "movups xmm3, [rsp + 96]",
        "movups xmm4, [rsp + 112]",
        "movups xmm5, [rsp + 128]",
        "movups xmm6, [rsp + 144]",
        "movups xmm7, [rsp + 160]",
        "add rsp, 184",
        "jmp r11",
        resolve = sym resolve,
    );
}

/// What all trampolines jump to at first; the index is in x17.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn first_call() {
    // x0 to x7 and v0 to v7 hold arguments, x8 the address of a large result, x30 the way back.
    naked_asm!(
        "sub sp, sp, #224",
        "stp x0, x1, [sp]",
        "stp x2, x3, [sp, #16]",
        "stp x4, x5, [sp, #32]",
        "stp x6, x7, [sp, #48]",
        "stp x8, x30, [sp, #64]",
        "stp q0, q1, [sp, #80]",
        "stp q2, q3, [sp, #112]",
        "stp q4, q5, [sp, #144]",
        "stp q6, q7, [sp, #176]",
        "mov x0, x17",
        "bl {resolve}",
        "mov x16, x0",
        "ldp x0, x1, [sp]",
        "ldp x2, x3, [sp, #16]",
        "ldp x4, x5, [sp, #32]",
        "ldp x6, x7, [sp, #48]",
        "ldp x8, x30, [sp, #64]",
        "ldp q0, q1, [sp, #80]",
        "ldp q2, q3, [sp, #112]",
        "ldp q4, q5, [sp, #144]",
        "ldp q6, q7, [sp, #176]",
        "add sp, sp, #224",
        "br x16",
        resolve = sym resolve,
    );
}
