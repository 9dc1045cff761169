//! The entry points in the PTX: the fast kernels for each element type, with zeros or with pixels beyond the
//! edges, the general ones for each arithmetic.

use crate::general;
use crate::kernels::{self, Bf16, F16, Pixels, Zeros};
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
    score_u8: kernels::score::<u8, Zeros>,
    score_u16: kernels::score::<u16, Zeros>,
    score_f16: kernels::score::<F16, Zeros>,
    score_bf16: kernels::score::<Bf16, Zeros>,
    score_f32: kernels::score::<f32, Zeros>,
    map_u8: kernels::map::<u8, Zeros>,
    map_u16: kernels::map::<u16, Zeros>,
    map_f16: kernels::map::<F16, Zeros>,
    map_bf16: kernels::map::<Bf16, Zeros>,
    map_f32: kernels::map::<f32, Zeros>,
    gradient_u8: kernels::gradient::<u8, Zeros>,
    gradient_u16: kernels::gradient::<u16, Zeros>,
    gradient_f16: kernels::gradient::<F16, Zeros>,
    gradient_bf16: kernels::gradient::<Bf16, Zeros>,
    gradient_f32: kernels::gradient::<f32, Zeros>,
    gradients_u8: kernels::gradients::<u8, Zeros>,
    gradients_u16: kernels::gradients::<u16, Zeros>,
    gradients_f16: kernels::gradients::<F16, Zeros>,
    gradients_bf16: kernels::gradients::<Bf16, Zeros>,
    gradients_f32: kernels::gradients::<f32, Zeros>,
    continued_score_u8: kernels::score::<u8, Pixels>,
    continued_score_u16: kernels::score::<u16, Pixels>,
    continued_score_f16: kernels::score::<F16, Pixels>,
    continued_score_bf16: kernels::score::<Bf16, Pixels>,
    continued_score_f32: kernels::score::<f32, Pixels>,
    continued_map_u8: kernels::map::<u8, Pixels>,
    continued_map_u16: kernels::map::<u16, Pixels>,
    continued_map_f16: kernels::map::<F16, Pixels>,
    continued_map_bf16: kernels::map::<Bf16, Pixels>,
    continued_map_f32: kernels::map::<f32, Pixels>,
    continued_gradient_u8: kernels::gradient::<u8, Pixels>,
    continued_gradient_u16: kernels::gradient::<u16, Pixels>,
    continued_gradient_f16: kernels::gradient::<F16, Pixels>,
    continued_gradient_bf16: kernels::gradient::<Bf16, Pixels>,
    continued_gradient_f32: kernels::gradient::<f32, Pixels>,
    continued_gradients_u8: kernels::gradients::<u8, Pixels>,
    continued_gradients_u16: kernels::gradients::<u16, Pixels>,
    continued_gradients_f16: kernels::gradients::<F16, Pixels>,
    continued_gradients_bf16: kernels::gradients::<Bf16, Pixels>,
    continued_gradients_f32: kernels::gradients::<f32, Pixels>,
    patch_score_u8: kernels::patch::score::<u8, Zeros>,
    patch_score_u16: kernels::patch::score::<u16, Zeros>,
    patch_score_f16: kernels::patch::score::<F16, Zeros>,
    patch_score_bf16: kernels::patch::score::<Bf16, Zeros>,
    patch_score_f32: kernels::patch::score::<f32, Zeros>,
    patch_map_u8: kernels::patch::map::<u8, Zeros>,
    patch_map_u16: kernels::patch::map::<u16, Zeros>,
    patch_map_f16: kernels::patch::map::<F16, Zeros>,
    patch_map_bf16: kernels::patch::map::<Bf16, Zeros>,
    patch_map_f32: kernels::patch::map::<f32, Zeros>,
    patch_gradient_u8: kernels::patch::gradient::<u8, Zeros>,
    patch_gradient_u16: kernels::patch::gradient::<u16, Zeros>,
    patch_gradient_f16: kernels::patch::gradient::<F16, Zeros>,
    patch_gradient_bf16: kernels::patch::gradient::<Bf16, Zeros>,
    patch_gradient_f32: kernels::patch::gradient::<f32, Zeros>,
    patch_gradients_u8: kernels::patch::gradients::<u8, Zeros>,
    patch_gradients_u16: kernels::patch::gradients::<u16, Zeros>,
    patch_gradients_f16: kernels::patch::gradients::<F16, Zeros>,
    patch_gradients_bf16: kernels::patch::gradients::<Bf16, Zeros>,
    patch_gradients_f32: kernels::patch::gradients::<f32, Zeros>,
    continued_patch_score_u8: kernels::patch::score::<u8, Pixels>,
    continued_patch_score_u16: kernels::patch::score::<u16, Pixels>,
    continued_patch_score_f16: kernels::patch::score::<F16, Pixels>,
    continued_patch_score_bf16: kernels::patch::score::<Bf16, Pixels>,
    continued_patch_score_f32: kernels::patch::score::<f32, Pixels>,
    continued_patch_map_u8: kernels::patch::map::<u8, Pixels>,
    continued_patch_map_u16: kernels::patch::map::<u16, Pixels>,
    continued_patch_map_f16: kernels::patch::map::<F16, Pixels>,
    continued_patch_map_bf16: kernels::patch::map::<Bf16, Pixels>,
    continued_patch_map_f32: kernels::patch::map::<f32, Pixels>,
    continued_patch_gradient_u8: kernels::patch::gradient::<u8, Pixels>,
    continued_patch_gradient_u16: kernels::patch::gradient::<u16, Pixels>,
    continued_patch_gradient_f16: kernels::patch::gradient::<F16, Pixels>,
    continued_patch_gradient_bf16: kernels::patch::gradient::<Bf16, Pixels>,
    continued_patch_gradient_f32: kernels::patch::gradient::<f32, Pixels>,
    continued_patch_gradients_u8: kernels::patch::gradients::<u8, Pixels>,
    continued_patch_gradients_u16: kernels::patch::gradients::<u16, Pixels>,
    continued_patch_gradients_f16: kernels::patch::gradients::<F16, Pixels>,
    continued_patch_gradients_bf16: kernels::patch::gradients::<Bf16, Pixels>,
    continued_patch_gradients_f32: kernels::patch::gradients::<f32, Pixels>,
}

// Their blocks have more shared memory than there is on devices before these.
#[cfg(target_feature = "sm_80")]
entry! {
    Params:
    wide_score_13_f32: kernels::wide::score::<f32, Zeros, 12>,
    wide_score_15_f32: kernels::wide::score::<f32, Zeros, 14>,
    wide_score_17_f32: kernels::wide::score::<f32, Zeros, 16>,
    wide_score_19_f32: kernels::wide::score::<f32, Zeros, 18>,
    wide_score_21_f32: kernels::wide::score::<f32, Zeros, 20>,
    wide_score_23_f32: kernels::wide::score::<f32, Zeros, 22>,
    wide_score_25_f32: kernels::wide::score::<f32, Zeros, 24>,
    wide_score_27_f32: kernels::wide::score::<f32, Zeros, 26>,
    wide_score_29_f32: kernels::wide::score::<f32, Zeros, 28>,
    wide_score_31_f32: kernels::wide::score::<f32, Zeros, 30>,
    wide_score_33_f32: kernels::wide::score::<f32, Zeros, 32>,
    wide_map_13_f32: kernels::wide::map::<f32, Zeros, 12>,
    wide_map_15_f32: kernels::wide::map::<f32, Zeros, 14>,
    wide_map_17_f32: kernels::wide::map::<f32, Zeros, 16>,
    wide_map_19_f32: kernels::wide::map::<f32, Zeros, 18>,
    wide_map_21_f32: kernels::wide::map::<f32, Zeros, 20>,
    wide_map_23_f32: kernels::wide::map::<f32, Zeros, 22>,
    wide_map_25_f32: kernels::wide::map::<f32, Zeros, 24>,
    wide_map_27_f32: kernels::wide::map::<f32, Zeros, 26>,
    wide_map_29_f32: kernels::wide::map::<f32, Zeros, 28>,
    wide_map_31_f32: kernels::wide::map::<f32, Zeros, 30>,
    wide_map_33_f32: kernels::wide::map::<f32, Zeros, 32>,
    wide_gradient_13_f32: kernels::wide::gradient::<f32, Zeros, 12>,
    wide_gradient_15_f32: kernels::wide::gradient::<f32, Zeros, 14>,
    wide_gradient_17_f32: kernels::wide::gradient::<f32, Zeros, 16>,
    wide_gradient_19_f32: kernels::wide::gradient::<f32, Zeros, 18>,
    wide_gradients_13_f32: kernels::wide::gradients::<f32, Zeros, 12>,
    wide_gradients_15_f32: kernels::wide::gradients::<f32, Zeros, 14>,
    wide_gradients_17_f32: kernels::wide::gradients::<f32, Zeros, 16>,
    wide_gradients_19_f32: kernels::wide::gradients::<f32, Zeros, 18>,
    wide_gradients_21_f32: kernels::wide::gradients::<f32, Zeros, 20>,
    wide_gradients_23_f32: kernels::wide::gradients::<f32, Zeros, 22>,
    wide_derivatives_21_f32: kernels::wide::derivatives::<f32, Zeros, 20>,
    wide_derivatives_23_f32: kernels::wide::derivatives::<f32, Zeros, 22>,
    wide_derivatives_25_f32: kernels::wide::derivatives::<f32, Zeros, 24>,
    wide_derivatives_27_f32: kernels::wide::derivatives::<f32, Zeros, 26>,
    wide_derivatives_29_f32: kernels::wide::derivatives::<f32, Zeros, 28>,
    wide_derivatives_31_f32: kernels::wide::derivatives::<f32, Zeros, 30>,
    wide_derivatives_33_f32: kernels::wide::derivatives::<f32, Zeros, 32>,
    wide_derivatives_of_both_25_f32: kernels::wide::derivatives_of_both::<f32, Zeros, 24>,
    wide_derivatives_of_both_27_f32: kernels::wide::derivatives_of_both::<f32, Zeros, 26>,
    wide_derivatives_of_both_29_f32: kernels::wide::derivatives_of_both::<f32, Zeros, 28>,
    wide_derivatives_of_both_31_f32: kernels::wide::derivatives_of_both::<f32, Zeros, 30>,
    wide_derivatives_of_both_33_f32: kernels::wide::derivatives_of_both::<f32, Zeros, 32>,
    wide_adjoint_21_f32: kernels::wide::adjoint::<f32, Zeros, 20>,
    wide_adjoint_23_f32: kernels::wide::adjoint::<f32, Zeros, 22>,
    wide_adjoint_25_f32: kernels::wide::adjoint::<f32, Zeros, 24>,
    wide_adjoint_27_f32: kernels::wide::adjoint::<f32, Zeros, 26>,
    wide_adjoint_29_f32: kernels::wide::adjoint::<f32, Zeros, 28>,
    wide_adjoint_31_f32: kernels::wide::adjoint::<f32, Zeros, 30>,
    wide_adjoint_33_f32: kernels::wide::adjoint::<f32, Zeros, 32>,
    wide_adjoints_25_f32: kernels::wide::adjoints::<f32, Zeros, 24>,
    wide_adjoints_27_f32: kernels::wide::adjoints::<f32, Zeros, 26>,
    wide_adjoints_29_f32: kernels::wide::adjoints::<f32, Zeros, 28>,
    wide_adjoints_31_f32: kernels::wide::adjoints::<f32, Zeros, 30>,
    wide_adjoints_33_f32: kernels::wide::adjoints::<f32, Zeros, 32>,
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
