//! Accesses to what nobody wrote, to what is not there, and to what is only read.

use fastssim_device::emulator::{Access, FaultKind, Grid, Memory, Space};
use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::shared::Shared;
use fastssim_device::{copy, thread};

use super::{fault_in, fault_of, index, read, write};

#[test]
fn a_read_of_what_nobody_wrote() {
    let fault = fault_of(|| {
        if index() == 5 {
            read(7);
        }
    });
    assert_eq!(fault, (5, FaultKind::Uninitialized { address: 28 }));
}

#[test]
fn what_an_earlier_block_wrote_is_not_written() {
    let grid = Grid {
        kernel: "stale",
        blocks: [64, 1, 1],
        threads: [1, 1, 1],
        shared_bytes: 4,
    };
    let result = grid.run(&Memory::new(), || {
        if thread::block_idx_x() < 63 {
            write(0);
        }
        read(0);
    });
    let fault = result.expect_err("the emulator found nothing");
    assert_eq!(
        (fault.block, fault.kind),
        ([63, 0, 0], FaultKind::Uninitialized { address: 0 })
    );
}

#[test]
fn a_part_of_a_word_that_nobody_wrote() {
    let fault = fault_of(|| {
        if index() == 0 {
            // SAFETY: the emulator checks it.
            unsafe {
                Shared::<u8>::at(0).store(2, 1);
                Shared::<u8>::at(0).load(2);
                Shared::<u8>::at(0).load(3);
            }
        }
    });
    assert_eq!(fault, (0, FaultKind::Uninitialized { address: 0 }));
}

#[test]
fn outside_of_shared_memory() {
    let outside = |address, size, access| FaultKind::OutsideShared {
        address,
        size,
        access,
        shared_bytes: 1024,
    };
    let fault = fault_of(|| write(index() + 200));
    assert_eq!(fault, (56, outside(1024, 4, Access::Write)));
    // SAFETY: the emulator checks it.
    let fault = fault_of(|| unsafe { Shared::<u32>::at(1016).store4(0, [0; 4]) });
    assert_eq!(fault, (0, outside(1016, 16, Access::Write)));
    // SAFETY: the emulator checks it.
    let fault = fault_of(|| unsafe { _ = Shared::<f64>::at(u32::MAX - 7).load(0) });
    assert_eq!(fault, (0, outside(u32::MAX - 7, 8, Access::Read)));
}

#[test]
fn misaligned() {
    let misaligned = |space, address, size, access| FaultKind::Misaligned {
        space,
        address,
        size,
        access,
    };
    // SAFETY: the emulator checks it.
    let fault = fault_of(|| unsafe { Shared::<f32>::at(8).store4(0, [0.0; 4]) });
    assert_eq!(fault, (0, misaligned(Space::Shared, 8, 16, Access::Write)));

    let data = [0.0f32; 16];
    let mut memory = Memory::new();
    let x = memory.read("x", &data);
    // SAFETY: the emulator checks it.
    let fault = fault_in(64, &memory, || unsafe { _ = x.load4(2) });
    assert_eq!(fault, (0, misaligned(Space::Global, x.address() + 8, 16, Access::Read)));
    // SAFETY: the emulator checks it.
    let fault = fault_in(64, &memory, || unsafe {
        copy::async16(Shared::<f32>::at(0), x.offset(1), 0)
    });
    assert_eq!(fault, (0, misaligned(Space::Global, x.address() + 4, 16, Access::Read)));
}

#[test]
fn outside_of_a_buffer() {
    let (first, second) = ([1u8; 10], [2.0f32; 10]);
    let mut memory = Memory::new();
    let (first, second) = (memory.read("first", &first), memory.read("second", &second));
    let outside = |buffer: &str, offset, size, bytes| FaultKind::OutsideBuffer {
        buffer: buffer.to_string(),
        offset,
        size,
        access: Access::Read,
        bytes,
    };
    // SAFETY: the emulator checks it.
    let fault = fault_in(64, &memory, || unsafe { _ = first.load(index()) });
    assert_eq!(fault, (10, outside("first", 10, 1, 10)));
    // SAFETY: the emulator checks it.
    let fault = fault_in(64, &memory, || unsafe { _ = second.offset(-1).load_nc(0) });
    assert_eq!(fault, (0, outside("second", -4, 4, 40)));
    // SAFETY: the emulator checks it.
    let fault = fault_in(64, &memory, || unsafe { _ = second.load4(8) });
    assert_eq!(fault, (0, outside("second", 32, 16, 40)));
    // The valid bytes alone must lie within.
    let fault = fault_in(64, &memory, || {
        // SAFETY: the emulator checks it.
        unsafe { copy::async16(Shared::<f32>::at(16 * index()), second.offset(8), 8 + index()) }
    });
    assert_eq!(fault, (1, outside("second", 40, 1, 40)));
}

#[test]
fn no_buffer_at_all() {
    // SAFETY: the emulator checks it.
    let fault = fault_of(|| unsafe { _ = Global::<f32>::from_address(64).load(0) });
    assert_eq!(
        fault,
        (
            0,
            FaultKind::NoBuffer {
                address: 64,
                size: 4,
                access: Access::Read
            }
        )
    );
}

#[test]
fn a_write_to_what_is_only_read() {
    let data = [0.0f32; 64];
    let mut memory = Memory::new();
    let x = memory.read("x", &data);
    let fault = fault_in(64, &memory, || {
        if index() == 3 {
            // SAFETY: the emulator checks it.
            unsafe { GlobalMut::<f32>::from_address(x.address()).store(2, 1.0) }
        }
    });
    assert_eq!(
        fault,
        (
            3,
            FaultKind::ReadOnly {
                buffer: "x".to_string(),
                offset: 8
            }
        )
    );
}

#[test]
fn an_atomic_operation_on_bytes() {
    let mut data = [0u8; 16];
    let mut memory = Memory::new();
    let bytes = memory.write("bytes", &mut data);
    // SAFETY: the emulator checks it.
    let fault = fault_in(64, &memory, || unsafe { _ = bytes.cast::<u32>().atomic_add(0, 1) });
    assert_eq!(
        fault,
        (
            0,
            FaultKind::AtomicElement {
                buffer: "bytes".to_string(),
                element: 1
            }
        )
    );
}
