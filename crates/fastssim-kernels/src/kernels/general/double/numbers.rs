//! Numbers that a place has several of, in the device's memory and in a block's.
//!
//! The first numbers of all places come first: lanes that access one number each meet in no bank.

use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::shared::Shared;

/// The four numbers of a place, of so many places in the device's memory.
///
/// # Safety
/// As for [`Global::load_nc`].
#[inline(always)]
pub(crate) unsafe fn read4(from: Global<f64>, place: u32, places: u32) -> [f64; 4] {
    // SAFETY: as the caller promises.
    [0, 1, 2, 3].map(|i| unsafe { from.offset(i * i64::from(places)).load_nc(place) })
}

/// Writes the four numbers of a place.
///
/// # Safety
/// As for [`GlobalMut::store`].
#[inline(always)]
pub(crate) unsafe fn write4(to: GlobalMut<f64>, place: u32, places: u32, values: [f64; 4]) {
    for i in 0..4 {
        // SAFETY: as the caller promises.
        unsafe { to.offset(i as i64 * i64::from(places)).store(place, values[i]) }
    }
}

/// `N` numbers side by side, of the place of this number among such places of a table.
///
/// # Safety
/// As for [`Shared::load`].
#[inline(always)]
pub(crate) unsafe fn load_all<const N: usize>(table: Shared<f64>, place: u32) -> [f64; N] {
    // SAFETY: as the caller promises.
    core::array::from_fn(|i| unsafe { table.load(N as u32 * place + i as u32) })
}

/// The first `N` numbers of a place, of a line of so many places in shared memory.
///
/// # Safety
/// As for [`Shared::load`].
#[inline(always)]
pub(crate) unsafe fn load<const N: usize>(line: Shared<f64>, place: u32, places: u32) -> [f64; N] {
    // SAFETY: as the caller promises.
    core::array::from_fn(|i| unsafe { line.load(i as u32 * places + place) })
}

/// Writes the numbers of a place.
///
/// # Safety
/// As for [`Shared::store`].
#[inline(always)]
pub(crate) unsafe fn store<const N: usize>(line: Shared<f64>, place: u32, places: u32, values: [f64; N]) {
    for i in 0..N {
        // SAFETY: as the caller promises.
        unsafe { line.store(i as u32 * places + place, values[i]) }
    }
}
