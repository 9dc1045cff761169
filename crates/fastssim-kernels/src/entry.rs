//! The entry points in the PTX: a kernel for each element type.

use crate::kernels;
use crate::params::Params;

/// One entry point: `$name` runs `$kernel` on elements of type `$pixel`.
macro_rules! entry {
    ($($name:ident: $kernel:ident of $pixel:ty,)*) => {$(
        /// # Safety
        /// As the kernel of this name.
        #[unsafe(no_mangle)]
        pub unsafe extern "ptx-kernel" fn $name(params: Params) {
            // SAFETY: as the caller promises.
            unsafe { kernels::$kernel::<$pixel>(&params) }
        }
    )*};
}

entry! {
    score_u8: score of u8,
    score_u16: score of u16,
    score_f32: score of f32,
    map_u8: map of u8,
    map_u16: map of u16,
    map_f32: map of f32,
    gradient_u8: gradient of u8,
    gradient_u16: gradient of u16,
    gradient_f32: gradient of f32,
}

/// What `no_std` asks for. No kernel can panic, so no PTX calls it.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
