//! A running sum of scores, in the device's memory.

use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::warp::{self, lane};

use crate::general::geometry::LANES;
use crate::general::params::Accumulate;

/// Adds scores, and what the additions before have rounded off (Kahan 1965), to a running sum; one warp for all, in an
/// order that depends on their number alone.
///
/// # Safety
/// `params` describes buffers that hold what it says, and the grid is that of
/// [`launch_accumulate`](crate::general::geometry::launch_accumulate).
#[inline(always)]
pub unsafe fn accumulate(params: &Accumulate) {
    let scores = Global::<f64>::from_address(params.scores);
    let running = GlobalMut::<f64>::from_address(params.running);
    let mut sum = 0.0;
    let mut index = lane();
    while index < params.count {
        // SAFETY: there are so many scores, which nobody writes while the kernel runs.
        sum += unsafe { scores.load(index) };
        index += LANES;
    }
    let sum = warp::sum(sum);
    if lane() == 0 {
        // SAFETY: there are three numbers, which no other thread accesses.
        unsafe {
            let (count, total, rest) = (running.load(0), running.load(1), running.load(2));
            let value = sum + rest;
            let next = total + value;
            running.store(0, count + f64::from(params.count));
            running.store(1, next);
            running.store(2, value - (next - total));
        }
    }
}
