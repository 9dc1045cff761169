//! Asking for pixels before they are needed.

/// How many block columns ahead.
const AHEAD: usize = 4;

/// Asks for the pixels four block columns to the right of `row`, which is one wide.
///
/// The sweep reads sixteen pixels of some fifty rows, then the next sixteen: too many streams for
/// the processor to foresee by itself.
#[inline(always)]
pub(super) fn prefetch<P>(row: &[P]) {
    let ahead = row.as_ptr().wrapping_add(AHEAD * row.len());
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint: it reads nothing and faults at no address.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(ahead.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = ahead;
}
