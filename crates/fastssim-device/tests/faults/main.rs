//! Kernels that do it wrong, each in one way, and the report that each must give.

mod barriers;
mod compiled;
mod copies;
mod memory;
mod races;

use fastssim_device::emulator::{Access, Fault, FaultKind, Grid, Memory};
use fastssim_device::shared::Shared;
use fastssim_device::thread;

/// Runs `kernel` in three blocks of 64 threads with 1024 bytes of shared memory, wrong in the
/// block 1 alone, and gives what was found there: the thread along x, and the fault.
fn fault_of(kernel: impl Fn() + Sync) -> (u32, FaultKind) {
    fault_in(64, &Memory::new(), kernel)
}

fn fault_in(threads: u32, memory: &Memory<'_>, kernel: impl Fn() + Sync) -> (u32, FaultKind) {
    let grid = Grid {
        kernel: "wrong",
        blocks: [3, 1, 1],
        threads: [threads, 1, 1],
        shared_bytes: 1024,
    };
    let result = grid.run(memory, || {
        if thread::block_idx_x() == 1 {
            kernel();
        }
    });
    let fault = result.expect_err("the emulator found nothing");
    assert_eq!((fault.kernel.as_str(), fault.block), ("wrong", [1, 0, 0]));
    assert_eq!(fault.thread[1..], [0, 0]);
    (fault.thread[0], fault.kind)
}

/// Thread `other` did `other_access`, and nothing orders `access` after it.
fn race(address: u32, access: Access, other: u32, other_access: Access) -> FaultKind {
    FaultKind::Race {
        address,
        access,
        other: [other, 0, 0],
        other_access,
    }
}

/// Element `index` of shared memory is written.
fn write(index: u32) {
    // SAFETY: the emulator checks every access, which is what these tests are about.
    unsafe { Shared::<f32>::at(0).store(index, 1.0) }
}

/// Element `index` of shared memory is read.
fn read(index: u32) {
    // SAFETY: as above.
    unsafe { Shared::<f32>::at(0).load(index) };
}

fn index() -> u32 {
    thread::thread_idx_x()
}

#[test]
fn a_panic() {
    let fault = fault_of(|| {
        thread::sync_threads();
        assert!(index() != 33, "thread {} is one too many", index());
        thread::sync_threads();
    });
    assert_eq!(
        fault,
        (
            33,
            FaultKind::Panic {
                message: "thread 33 is one too many".to_string()
            }
        )
    );
}

#[test]
fn launches_that_no_device_allows() {
    let grid = Grid {
        kernel: "none",
        blocks: [1, 1, 1],
        threads: [32, 1, 1],
        shared_bytes: 0,
    };
    for grid in [
        Grid {
            threads: [32, 0, 1],
            ..grid
        },
        Grid {
            threads: [32, 33, 1],
            ..grid
        },
        Grid {
            threads: [1 << 16, 1 << 16, 1],
            ..grid
        },
        Grid {
            blocks: [1, 0, 1],
            ..grid
        },
        Grid {
            blocks: [1, 1 << 16, 1],
            ..grid
        },
        Grid {
            shared_bytes: 1 << 20,
            ..grid
        },
    ] {
        let fault = grid.run(&Memory::new(), || ()).expect_err("the launch was accepted");
        assert!(matches!(fault.kind, FaultKind::Launch { .. }), "{fault}");
    }
}

/// What a kernel holds when its run stops is dropped, in every thread.
#[test]
fn a_fault_leaks_nothing() {
    let held = std::sync::Arc::new(());
    for _ in 0..3 {
        fault_of(|| {
            let _held = held.clone();
            thread::sync_threads();
            if index() == 17 {
                read(0);
            }
            thread::sync_threads();
        });
    }
    assert_eq!(std::sync::Arc::strong_count(&held), 1);
}

/// With many faulty blocks at once the report is that of the first one, each time.
#[test]
fn the_first_faulty_block_is_reported() {
    for _ in 0..20 {
        let grid = Grid {
            kernel: "many",
            blocks: [5, 5, 5],
            threads: [4, 2, 4],
            shared_bytes: 64,
        };
        let result = grid.run(&Memory::new(), || {
            let block = 25 * thread::block_idx_z() + 5 * thread::block_idx_y() + thread::block_idx_x();
            if block >= 31 && thread::thread_idx_y() == 1 && thread::thread_idx_z() == 2 {
                read(0);
            }
        });
        let fault = result.expect_err("the emulator found nothing");
        assert_eq!((fault.block, fault.thread), ([1, 1, 1], [0, 1, 2]));
    }
}

#[test]
fn a_report_reads_well() {
    let kind = race(12, Access::Read, 3, Access::Write);
    let fault = Fault {
        kernel: "score_f32".to_string(),
        block: [1, 0, 0],
        thread: [40, 0, 0],
        kind,
    };
    assert_eq!(
        fault.to_string(),
        "kernel score_f32, block (1, 0, 0), thread (40, 0, 0): reads shared memory at 12, \
         which thread (3, 0, 0) writes with no barrier between"
    );
}
