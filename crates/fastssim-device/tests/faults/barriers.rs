//! Barriers and exchanges that a thread does not reach.

use fastssim_device::emulator::{FaultKind, Memory, Point, Whereabouts};
use fastssim_device::{mma, thread, warp};

use super::{fault_in, fault_of, index};

fn waits(at: Point, missing: u32, missing_is: Whereabouts) -> FaultKind {
    FaultKind::Divergence {
        at,
        missing: [missing, 0, 0],
        missing_is,
    }
}

#[test]
fn a_barrier_that_a_thread_does_not_reach() {
    let fault = fault_of(|| {
        if index() != 45 {
            thread::sync_threads();
        }
    });
    assert_eq!(fault, (0, waits(Point::SyncThreads, 45, Whereabouts::Returned)));
}

#[test]
fn a_shuffle_that_a_lane_does_not_reach() {
    let fault = fault_of(|| {
        if index() != 45 {
            warp::shuffle_xor(index(), 1);
        }
        thread::sync_threads();
    });
    // Thread 45 waits for the others, and they for it.
    assert_eq!(
        fault,
        (0, waits(Point::SyncThreads, 32, Whereabouts::At(Point::ShuffleXor)))
    );
}

#[test]
fn a_warp_barrier_that_a_lane_does_not_reach() {
    let fault = fault_of(|| {
        if index() != 45 {
            warp::sync();
        }
    });
    assert_eq!(fault, (32, waits(Point::SyncWarp, 45, Whereabouts::Returned)));
}

#[test]
fn different_exchanges_in_one_warp() {
    let fault = fault_of(|| {
        if index() % 32 < 20 {
            warp::shuffle(1.0f32, 0);
        } else {
            warp::shuffle_down(1.0f32, 1);
        }
    });
    assert_eq!(
        fault,
        (20, waits(Point::ShuffleDown, 0, Whereabouts::At(Point::Shuffle)))
    );
}

#[test]
fn a_warp_of_fewer_than_32_lanes() {
    let fault = fault_in(40, &Memory::new(), || _ = warp::sum(1.0f64));
    assert_eq!(
        fault,
        (
            32,
            FaultKind::Divergence {
                at: Point::ShuffleXor,
                missing: [0, 0, 1],
                missing_is: Whereabouts::Absent
            }
        )
    );
}

#[test]
fn a_product_that_a_lane_does_not_reach() {
    let fault = fault_of(|| {
        if index() != 1 {
            mma::m16n8k16_f16([0; 4], [0; 2], [0.0; 4]);
        }
    });
    assert_eq!(fault, (0, waits(Point::ProductK16, 1, Whereabouts::Returned)));
}
