//! The two precisions that the sweep is compiled for.

use std::cell::Cell;
use std::thread::LocalKey;

use fearless_simd::prelude::*;

use super::scratch::Scratch;
use crate::window::Window;

/// A floating-point type that the sweep computes in.
pub(super) trait Compute: SimdFloatElement + Send + Sync + 'static {
    /// Whether the sweep is compiled for windows that do not all count the same, and for exponents.
    const IS_GENERAL: bool;
    fn from_u16(value: u16) -> Self;
    fn from_f32(value: f32) -> Self;
    fn from_f64(value: f64) -> Self;
    fn to_f32(self) -> f32;
    fn to_f64(self) -> f64;
    /// The window's weights from the centre outwards.
    fn half(window: &Window) -> &[Self];
    /// Lends this thread's buffers, which are kept from one tile to the next.
    fn with_scratch<R>(work: impl FnOnce(&mut Scratch<Self>) -> R) -> R;
}

impl Compute for f32 {
    const IS_GENERAL: bool = false;
    #[inline(always)]
    fn from_u16(value: u16) -> Self {
        f32::from(value)
    }
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    fn half(window: &Window) -> &[Self] {
        window.half_f32()
    }
    fn with_scratch<R>(work: impl FnOnce(&mut Scratch<Self>) -> R) -> R {
        thread_local!(static SCRATCH: Cell<Scratch<f32>> = Cell::default());
        lend(&SCRATCH, work)
    }
}

impl Compute for f64 {
    const IS_GENERAL: bool = true;
    #[inline(always)]
    fn from_u16(value: u16) -> Self {
        f64::from(value)
    }
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        f64::from(value)
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    fn half(window: &Window) -> &[Self] {
        window.half()
    }
    fn with_scratch<R>(work: impl FnOnce(&mut Scratch<Self>) -> R) -> R {
        thread_local!(static SCRATCH: Cell<Scratch<f64>> = Cell::default());
        lend(&SCRATCH, work)
    }
}

/// Takes the buffers for as long as `work` runs. A thread that is about to end has lost its own
/// and gets new ones.
fn lend<T: Compute, R>(key: &'static LocalKey<Cell<Scratch<T>>>, work: impl FnOnce(&mut Scratch<T>) -> R) -> R {
    let mut scratch = key.try_with(Cell::take).unwrap_or_default();
    let result = work(&mut scratch);
    // Where they cannot be kept they are freed.
    let _ = key.try_with(|kept| kept.set(scratch));
    result
}
