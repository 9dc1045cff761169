//! What a call costs the thread that makes it: little more than the driver's launch of a kernel.

use std::time::{Duration, Instant};

use fastssim::Ssim;
use fastssim::cuda::{DeviceImages, DeviceScores, Stream};
use fastssim_kernels::params::Params;

use crate::gpu;
use crate::raw::Nothing;

/// Calls between two waits: fewer than the driver's queue has room for.
const CALLS: u32 = 100;
/// What a call may cost beyond a launch. An allocation, an event or a wait would take more.
const ALLOWED: Duration = Duration::from_micros(1);

/// The least time of a call in many rounds: what else the machine does only adds to it.
fn cost(stream: &Stream, mut call: impl FnMut()) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..300 {
        let start = Instant::now();
        (0..CALLS).for_each(|_| call());
        least = least.min(start.elapsed() / CALLS);
        stream.synchronize().expect("it works");
    }
    least
}

#[test]
fn gpu_a_call_costs_little_more_than_a_launch() {
    let Some((device, stream)) = gpu() else { return };
    let [x, y] = [(); 2].map(|()| DeviceImages::<f32>::zeros(&stream, [1, 1, 64, 64]).expect("there is memory"));
    let mut scores = DeviceScores::new(&device, 1).expect("there is memory");
    let mut gradient = DeviceImages::<f32>::new(&device, x.shape()).expect("there is memory");
    let metric = Ssim::default();
    let on = metric.on(&stream);
    let mut forward = || on.ssim_into(&x, &y, &mut scores).expect("valid input");
    // This test's thread is new: no context is current on it.
    let switched = cost(&stream, &mut forward);
    device.make_current().expect("it works");
    let called = cost(&stream, &mut forward);
    let with_gradient = cost(&stream, || {
        on.ssim_with_gradient_into(&x, &y, &mut scores, &mut gradient)
            .expect("valid input");
    });
    let nothing = Nothing::<{ size_of::<Params>() }>::new(&device);
    let launched = cost(&stream, || nothing.launch(&stream));
    println!(
        "a launch of {} bytes: {launched:?}; a call: {called:?}, with the gradient {with_gradient:?}, where the context \
         is not current {switched:?}",
        size_of::<Params>()
    );
    for call in [called, with_gradient] {
        assert!(
            call <= launched + ALLOWED,
            "a call takes {call:?}, a launch {launched:?}"
        );
    }
}
