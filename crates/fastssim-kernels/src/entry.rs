//! The entry points in the PTX: the fast kernels for each element type, the general ones for each arithmetic.

use crate::general;
use crate::kernels::{self, Bf16, F16};
use crate::params::Params;

/// One entry point: `$name` runs `$kernel`, which is told `$params`.
macro_rules! entry {
    ($params:ty: $($name:ident: $kernel:expr,)*) => {$(
        /// # Safety
        /// As the kernel of this name.
        #[unsafe(no_mangle)]
        pub unsafe extern "ptx-kernel" fn $name(params: $params) {
            // SAFETY: as the caller promises.
            unsafe { $kernel(&params) }
        }
    )*};
}

entry! {
    Params:
    score_u8: kernels::score::<u8>,
    score_u16: kernels::score::<u16>,
    score_f16: kernels::score::<F16>,
    score_bf16: kernels::score::<Bf16>,
    score_f32: kernels::score::<f32>,
    map_u8: kernels::map::<u8>,
    map_u16: kernels::map::<u16>,
    map_f16: kernels::map::<F16>,
    map_bf16: kernels::map::<Bf16>,
    map_f32: kernels::map::<f32>,
    gradient_u8: kernels::gradient::<u8>,
    gradient_u16: kernels::gradient::<u16>,
    gradient_f16: kernels::gradient::<F16>,
    gradient_bf16: kernels::gradient::<Bf16>,
    gradient_f32: kernels::gradient::<f32>,
    gradients_u8: kernels::gradients::<u8>,
    gradients_u16: kernels::gradients::<u16>,
    gradients_f16: kernels::gradients::<F16>,
    gradients_bf16: kernels::gradients::<Bf16>,
    gradients_f32: kernels::gradients::<f32>,
    patch_score_u8: kernels::patch::score::<u8>,
    patch_score_u16: kernels::patch::score::<u16>,
    patch_score_f16: kernels::patch::score::<F16>,
    patch_score_bf16: kernels::patch::score::<Bf16>,
    patch_score_f32: kernels::patch::score::<f32>,
    patch_map_u8: kernels::patch::map::<u8>,
    patch_map_u16: kernels::patch::map::<u16>,
    patch_map_f16: kernels::patch::map::<F16>,
    patch_map_bf16: kernels::patch::map::<Bf16>,
    patch_map_f32: kernels::patch::map::<f32>,
    patch_gradient_u8: kernels::patch::gradient::<u8>,
    patch_gradient_u16: kernels::patch::gradient::<u16>,
    patch_gradient_f16: kernels::patch::gradient::<F16>,
    patch_gradient_bf16: kernels::patch::gradient::<Bf16>,
    patch_gradient_f32: kernels::patch::gradient::<f32>,
    patch_gradients_u8: kernels::patch::gradients::<u8>,
    patch_gradients_u16: kernels::patch::gradients::<u16>,
    patch_gradients_f16: kernels::patch::gradients::<F16>,
    patch_gradients_bf16: kernels::patch::gradients::<Bf16>,
    patch_gradients_f32: kernels::patch::gradients::<f32>,
}

entry! {
    general::params::Params:
    general_windows_f32: kernels::general::single::windows,
    general_derivatives_f32: kernels::general::single::derivatives,
    general_adjoint_f32: kernels::general::single::adjoint,
    general_adjoints_f32: kernels::general::single::adjoints,
    general_windows_f64: kernels::general::double::windows,
    general_adjoint_f64: kernels::general::double::adjoint,
    general_means: kernels::general::means,
    general_weights: kernels::general::weights,
    general_totals: kernels::general::totals,
}

entry! {
    general::params::Resize:
    general_reduce: kernels::general::reduce,
    general_spread: kernels::general::spread,
}

entry! {
    general::params::Accumulate:
    general_accumulate: kernels::general::accumulate,
}

/// What `no_std` asks for. No kernel can panic, so no PTX calls it.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
