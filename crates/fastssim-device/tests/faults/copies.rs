//! Asynchronous copies whose destination is touched too early.

use fastssim_device::emulator::{Access, FaultKind, Memory};
use fastssim_device::global::Global;
use fastssim_device::shared::Shared;
use fastssim_device::{copy, thread, warp};

use super::{fault_in, fault_of, index, race, read, write};

/// A copy of 16 bytes to the start of shared memory by thread 3, then `then`.
fn copy_and(then: impl Fn() + Sync) -> (u32, FaultKind) {
    let data = [1.0f32; 4];
    let mut memory = Memory::new();
    let x = memory.read("x", &data);
    fault_in(64, &memory, || {
        if index() == 3 {
            // SAFETY: the emulator checks it.
            unsafe { copy::async16(Shared::<f32>::at(0), x, 16) };
        }
        then();
    })
}

fn not_waited(address: u32, access: Access) -> FaultKind {
    FaultKind::CopyNotWaited {
        address,
        access,
        copier: [3, 0, 0],
    }
}

#[test]
fn a_copy_that_nobody_waits_for() {
    let fault = copy_and(|| {
        copy::commit();
        if index() == 3 {
            read(2);
        }
    });
    assert_eq!(fault, (3, not_waited(8, Access::Read)));
}

#[test]
fn a_copy_that_was_not_committed() {
    let fault = copy_and(|| {
        copy::wait::<0>();
        thread::sync_threads();
        if index() == 7 {
            read(0);
        }
    });
    assert_eq!(fault, (7, not_waited(0, Access::Read)));
}

#[test]
fn a_copy_of_the_youngest_group() {
    let fault = copy_and(|| {
        copy::commit();
        copy::wait::<1>();
        if index() == 3 {
            read(3);
        }
    });
    assert_eq!(fault, (3, not_waited(12, Access::Read)));
}

#[test]
fn a_copy_that_only_another_thread_waits_for() {
    let fault = copy_and(|| {
        copy::commit();
        if index() != 3 {
            copy::wait::<0>();
        }
        thread::sync_threads();
        if index() == 20 {
            read(1);
        }
    });
    assert_eq!(fault, (20, not_waited(4, Access::Read)));
}

#[test]
fn a_copy_waited_for_with_no_barrier_after() {
    let fault = copy_and(|| {
        copy::commit();
        thread::sync_threads();
        copy::wait::<0>();
        warp::shuffle(0u32, 0);
        if index() == 4 {
            read(1);
        }
    });
    assert_eq!(fault, (4, race(4, Access::Read, 3, Access::Copy)));
}

#[test]
fn a_write_over_a_copy_under_way() {
    let fault = copy_and(|| {
        copy::commit();
        thread::sync_threads();
        if index() == 30 {
            write(3);
        }
    });
    assert_eq!(fault, (30, not_waited(12, Access::Write)));
}

#[test]
fn a_copy_over_what_is_being_read() {
    let data = [1.0f32; 4];
    let mut memory = Memory::new();
    let x = memory.read("x", &data);
    let fault = fault_in(64, &memory, || {
        write(index());
        thread::sync_threads();
        if index() == 63 {
            read(0);
        }
        if index() == 5 {
            // SAFETY: the emulator checks it.
            unsafe { copy::async4(Shared::<f32>::at(0), x, 4) };
        }
    });
    assert_eq!(fault, (5, race(0, Access::Copy, 63, Access::Read)));
}

#[test]
fn a_copy_of_too_many_valid_bytes() {
    let x = Global::<f32>::from_address(0);
    // SAFETY: the emulator checks it.
    let fault = fault_of(|| unsafe { copy::async4(Shared::<f32>::at(0), x, 5) });
    assert_eq!(fault, (0, FaultKind::CopySize { valid: 5, size: 4 }));
}
