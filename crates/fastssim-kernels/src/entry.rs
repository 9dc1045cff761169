//! The entry points in the PTX: the fast kernels with zeros or with pixels beyond the edges, for whatever element type the host chooses,
//! and the general ones for each arithmetic.

use crate::general;
use crate::kernels::{self, Any, Pixels, Zeros};
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
    score: kernels::score::<Any, Zeros>,
    map: kernels::map::<Any, Zeros>,
    gradient: kernels::gradient::<Any, Zeros>,
    gradients: kernels::gradients::<Any, Zeros>,
    patch_score: kernels::patch::score::<Any, Zeros>,
    patch_map: kernels::patch::map::<Any, Zeros>,
    patch_gradient: kernels::patch::gradient::<Any, Zeros>,
    patch_gradients: kernels::patch::gradients::<Any, Zeros>,
    continued_score: kernels::score::<Any, Pixels>,
    continued_map: kernels::map::<Any, Pixels>,
    continued_gradient: kernels::gradient::<Any, Pixels>,
    continued_gradients: kernels::gradients::<Any, Pixels>,
    continued_patch_score: kernels::patch::score::<Any, Pixels>,
    continued_patch_map: kernels::patch::map::<Any, Pixels>,
    continued_patch_gradient: kernels::patch::gradient::<Any, Pixels>,
    continued_patch_gradients: kernels::patch::gradients::<Any, Pixels>,
}

// Their blocks have more shared memory than there is on devices before these.
#[cfg(target_feature = "sm_80")]
entry! {
    Params:
    wide_patch_gradient: kernels::patch::wide_gradient::<Any, Zeros>,
    wide_patch_gradients: kernels::patch::wide_gradients::<Any, Zeros>,
    wide_score_13: kernels::wide::score::<Any, Zeros, 12>,
    wide_score_15: kernels::wide::score::<Any, Zeros, 14>,
    wide_score_17: kernels::wide::score::<Any, Zeros, 16>,
    wide_score_19: kernels::wide::score::<Any, Zeros, 18>,
    wide_score_21: kernels::wide::score::<Any, Zeros, 20>,
    wide_score_23: kernels::wide::score::<Any, Zeros, 22>,
    wide_score_25: kernels::wide::score::<Any, Zeros, 24>,
    wide_score_27: kernels::wide::score::<Any, Zeros, 26>,
    wide_score_29: kernels::wide::score::<Any, Zeros, 28>,
    wide_score_31: kernels::wide::score::<Any, Zeros, 30>,
    wide_score_33: kernels::wide::score::<Any, Zeros, 32>,
    wide_map_13: kernels::wide::map::<Any, Zeros, 12>,
    wide_map_15: kernels::wide::map::<Any, Zeros, 14>,
    wide_map_17: kernels::wide::map::<Any, Zeros, 16>,
    wide_map_19: kernels::wide::map::<Any, Zeros, 18>,
    wide_map_21: kernels::wide::map::<Any, Zeros, 20>,
    wide_map_23: kernels::wide::map::<Any, Zeros, 22>,
    wide_map_25: kernels::wide::map::<Any, Zeros, 24>,
    wide_map_27: kernels::wide::map::<Any, Zeros, 26>,
    wide_map_29: kernels::wide::map::<Any, Zeros, 28>,
    wide_map_31: kernels::wide::map::<Any, Zeros, 30>,
    wide_map_33: kernels::wide::map::<Any, Zeros, 32>,
    wide_gradient_13: kernels::wide::gradient::<Any, Zeros, 12>,
    wide_gradient_15: kernels::wide::gradient::<Any, Zeros, 14>,
    wide_gradient_17: kernels::wide::gradient::<Any, Zeros, 16>,
    wide_gradient_19: kernels::wide::gradient::<Any, Zeros, 18>,
    wide_gradients_13: kernels::wide::gradients::<Any, Zeros, 12>,
    wide_gradients_15: kernels::wide::gradients::<Any, Zeros, 14>,
    wide_gradients_17: kernels::wide::gradients::<Any, Zeros, 16>,
    wide_derivatives_21: kernels::wide::derivatives::<Any, Zeros, 20>,
    wide_derivatives_23: kernels::wide::derivatives::<Any, Zeros, 22>,
    wide_derivatives_25: kernels::wide::derivatives::<Any, Zeros, 24>,
    wide_derivatives_27: kernels::wide::derivatives::<Any, Zeros, 26>,
    wide_derivatives_29: kernels::wide::derivatives::<Any, Zeros, 28>,
    wide_derivatives_31: kernels::wide::derivatives::<Any, Zeros, 30>,
    wide_derivatives_33: kernels::wide::derivatives::<Any, Zeros, 32>,
    wide_derivatives_of_both_19: kernels::wide::derivatives_of_both::<Any, Zeros, 18>,
    wide_derivatives_of_both_21: kernels::wide::derivatives_of_both::<Any, Zeros, 20>,
    wide_derivatives_of_both_23: kernels::wide::derivatives_of_both::<Any, Zeros, 22>,
    wide_derivatives_of_both_25: kernels::wide::derivatives_of_both::<Any, Zeros, 24>,
    wide_derivatives_of_both_27: kernels::wide::derivatives_of_both::<Any, Zeros, 26>,
    wide_derivatives_of_both_29: kernels::wide::derivatives_of_both::<Any, Zeros, 28>,
    wide_derivatives_of_both_31: kernels::wide::derivatives_of_both::<Any, Zeros, 30>,
    wide_derivatives_of_both_33: kernels::wide::derivatives_of_both::<Any, Zeros, 32>,
    wide_adjoint_21: kernels::wide::adjoint::<Any, Zeros, 20>,
    wide_adjoint_23: kernels::wide::adjoint::<Any, Zeros, 22>,
    wide_adjoint_25: kernels::wide::adjoint::<Any, Zeros, 24>,
    wide_adjoint_27: kernels::wide::adjoint::<Any, Zeros, 26>,
    wide_adjoint_29: kernels::wide::adjoint::<Any, Zeros, 28>,
    wide_adjoint_31: kernels::wide::adjoint::<Any, Zeros, 30>,
    wide_adjoint_33: kernels::wide::adjoint::<Any, Zeros, 32>,
    wide_adjoints_19: kernels::wide::adjoints::<Any, Zeros, 18>,
    wide_adjoints_21: kernels::wide::adjoints::<Any, Zeros, 20>,
    wide_adjoints_23: kernels::wide::adjoints::<Any, Zeros, 22>,
    wide_adjoints_25: kernels::wide::adjoints::<Any, Zeros, 24>,
    wide_adjoints_27: kernels::wide::adjoints::<Any, Zeros, 26>,
    wide_adjoints_29: kernels::wide::adjoints::<Any, Zeros, 28>,
    wide_adjoints_31: kernels::wide::adjoints::<Any, Zeros, 30>,
    wide_adjoints_33: kernels::wide::adjoints::<Any, Zeros, 32>,
    continued_wide_patch_gradient: kernels::patch::wide_gradient::<Any, Pixels>,
    continued_wide_patch_gradients: kernels::patch::wide_gradients::<Any, Pixels>,
    continued_wide_score_13: kernels::wide::score::<Any, Pixels, 12>,
    continued_wide_score_15: kernels::wide::score::<Any, Pixels, 14>,
    continued_wide_score_17: kernels::wide::score::<Any, Pixels, 16>,
    continued_wide_score_19: kernels::wide::score::<Any, Pixels, 18>,
    continued_wide_score_21: kernels::wide::score::<Any, Pixels, 20>,
    continued_wide_score_23: kernels::wide::score::<Any, Pixels, 22>,
    continued_wide_score_25: kernels::wide::score::<Any, Pixels, 24>,
    continued_wide_score_27: kernels::wide::score::<Any, Pixels, 26>,
    continued_wide_score_29: kernels::wide::score::<Any, Pixels, 28>,
    continued_wide_score_31: kernels::wide::score::<Any, Pixels, 30>,
    continued_wide_score_33: kernels::wide::score::<Any, Pixels, 32>,
    continued_wide_map_13: kernels::wide::map::<Any, Pixels, 12>,
    continued_wide_map_15: kernels::wide::map::<Any, Pixels, 14>,
    continued_wide_map_17: kernels::wide::map::<Any, Pixels, 16>,
    continued_wide_map_19: kernels::wide::map::<Any, Pixels, 18>,
    continued_wide_map_21: kernels::wide::map::<Any, Pixels, 20>,
    continued_wide_map_23: kernels::wide::map::<Any, Pixels, 22>,
    continued_wide_map_25: kernels::wide::map::<Any, Pixels, 24>,
    continued_wide_map_27: kernels::wide::map::<Any, Pixels, 26>,
    continued_wide_map_29: kernels::wide::map::<Any, Pixels, 28>,
    continued_wide_map_31: kernels::wide::map::<Any, Pixels, 30>,
    continued_wide_map_33: kernels::wide::map::<Any, Pixels, 32>,
    continued_wide_gradient_13: kernels::wide::gradient::<Any, Pixels, 12>,
    continued_wide_gradient_15: kernels::wide::gradient::<Any, Pixels, 14>,
    continued_wide_gradient_17: kernels::wide::gradient::<Any, Pixels, 16>,
    continued_wide_gradients_13: kernels::wide::gradients::<Any, Pixels, 12>,
    continued_wide_gradients_15: kernels::wide::gradients::<Any, Pixels, 14>,
    continued_wide_gradients_17: kernels::wide::gradients::<Any, Pixels, 16>,
    continued_wide_derivatives_19: kernels::wide::derivatives::<Any, Pixels, 18>,
    continued_wide_derivatives_21: kernels::wide::derivatives::<Any, Pixels, 20>,
    continued_wide_derivatives_23: kernels::wide::derivatives::<Any, Pixels, 22>,
    continued_wide_derivatives_25: kernels::wide::derivatives::<Any, Pixels, 24>,
    continued_wide_derivatives_27: kernels::wide::derivatives::<Any, Pixels, 26>,
    continued_wide_derivatives_29: kernels::wide::derivatives::<Any, Pixels, 28>,
    continued_wide_derivatives_31: kernels::wide::derivatives::<Any, Pixels, 30>,
    continued_wide_derivatives_33: kernels::wide::derivatives::<Any, Pixels, 32>,
    continued_wide_derivatives_of_both_19: kernels::wide::derivatives_of_both::<Any, Pixels, 18>,
    continued_wide_derivatives_of_both_21: kernels::wide::derivatives_of_both::<Any, Pixels, 20>,
    continued_wide_derivatives_of_both_23: kernels::wide::derivatives_of_both::<Any, Pixels, 22>,
    continued_wide_derivatives_of_both_25: kernels::wide::derivatives_of_both::<Any, Pixels, 24>,
    continued_wide_derivatives_of_both_27: kernels::wide::derivatives_of_both::<Any, Pixels, 26>,
    continued_wide_derivatives_of_both_29: kernels::wide::derivatives_of_both::<Any, Pixels, 28>,
    continued_wide_derivatives_of_both_31: kernels::wide::derivatives_of_both::<Any, Pixels, 30>,
    continued_wide_derivatives_of_both_33: kernels::wide::derivatives_of_both::<Any, Pixels, 32>,
    continued_wide_adjoint_19: kernels::wide::adjoint::<Any, Pixels, 18>,
    continued_wide_adjoint_21: kernels::wide::adjoint::<Any, Pixels, 20>,
    continued_wide_adjoint_23: kernels::wide::adjoint::<Any, Pixels, 22>,
    continued_wide_adjoint_25: kernels::wide::adjoint::<Any, Pixels, 24>,
    continued_wide_adjoint_27: kernels::wide::adjoint::<Any, Pixels, 26>,
    continued_wide_adjoint_29: kernels::wide::adjoint::<Any, Pixels, 28>,
    continued_wide_adjoint_31: kernels::wide::adjoint::<Any, Pixels, 30>,
    continued_wide_adjoint_33: kernels::wide::adjoint::<Any, Pixels, 32>,
    continued_wide_adjoints_19: kernels::wide::adjoints::<Any, Pixels, 18>,
    continued_wide_adjoints_21: kernels::wide::adjoints::<Any, Pixels, 20>,
    continued_wide_adjoints_23: kernels::wide::adjoints::<Any, Pixels, 22>,
    continued_wide_adjoints_25: kernels::wide::adjoints::<Any, Pixels, 24>,
    continued_wide_adjoints_27: kernels::wide::adjoints::<Any, Pixels, 26>,
    continued_wide_adjoints_29: kernels::wide::adjoints::<Any, Pixels, 28>,
    continued_wide_adjoints_31: kernels::wide::adjoints::<Any, Pixels, 30>,
    continued_wide_adjoints_33: kernels::wide::adjoints::<Any, Pixels, 32>,
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
