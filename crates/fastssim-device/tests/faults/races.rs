//! Accesses of one word of shared memory by two threads with no barrier between them.

use fastssim_device::emulator::Access;
use fastssim_device::shared::Shared;
use fastssim_device::{thread, warp};

use super::{fault_of, index, race, read, write};

#[test]
fn a_read_after_a_write_of_another_warp() {
    let fault = fault_of(|| {
        write(index());
        // Orders the lanes of a warp only.
        warp::sync();
        read(index() ^ 1);
        if index() == 40 {
            read(3);
        }
    });
    assert_eq!(fault, (40, race(12, Access::Read, 3, Access::Write)));
}

#[test]
fn a_read_after_a_write_of_another_lane() {
    let fault = fault_of(|| {
        write(index());
        thread::sync_threads();
        read(index() ^ 33);
        thread::sync_threads();
        write(index());
        // A shuffle orders no memory.
        warp::shuffle(1.0f32, 0);
        if index() == 9 {
            read(8);
        }
    });
    assert_eq!(fault, (9, race(32, Access::Read, 8, Access::Write)));
}

#[test]
fn a_write_after_a_read_of_another_lane() {
    let fault = fault_of(|| {
        write(index());
        thread::sync_threads();
        if index() == 2 || index() == 4 {
            read(4);
        }
        warp::ballot(true);
        if index() == 4 {
            write(4);
        }
    });
    assert_eq!(fault, (4, race(16, Access::Write, 2, Access::Read)));
}

#[test]
fn a_write_after_a_read_of_another_warp() {
    let fault = fault_of(|| {
        write(index());
        thread::sync_threads();
        // The warp that completes a barrier goes on first, so thread 34's read is the older one.
        if index() == 1 || index() == 34 {
            read(34);
        }
        warp::sync();
        if index() == 1 {
            write(34);
        }
    });
    assert_eq!(fault, (1, race(136, Access::Write, 34, Access::Read)));
}

#[test]
fn two_writes() {
    let fault = fault_of(|| {
        if index() == 10 || index() == 50 {
            write(100);
        }
    });
    assert_eq!(fault, (50, race(400, Access::Write, 10, Access::Write)));
}

#[test]
fn a_vector_that_overlaps_a_write() {
    let fault = fault_of(|| {
        write(index());
        thread::sync_threads();
        if index() == 6 {
            write(6);
        }
        if index() == 8 {
            // SAFETY: the emulator checks it.
            unsafe { Shared::<f32>::at(0).load4(4) };
        }
    });
    assert_eq!(fault, (8, race(24, Access::Read, 6, Access::Write)));
}
