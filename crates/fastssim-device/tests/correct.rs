//! Kernels that do it right: their results, and that nothing is reported.

use fastssim_device::emulator::{Fault, Grid, Memory};
use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::shared::Shared;
use fastssim_device::thread;

/// The sum of a block's 128 numbers by halves, one a thread.
unsafe fn tree_sum(x: Global<f32>, out: GlobalMut<f32>) {
    let (index, part) = (thread::thread_idx_x(), Shared::<f32>::at(0));
    let first = thread::block_idx_x() * thread::block_dim_x();
    // SAFETY: one element a thread, and barriers between the halves.
    unsafe {
        part.store(index, x.load(first + index));
        let mut half = thread::block_dim_x() / 2;
        while half > 0 {
            thread::sync_threads();
            if index < half {
                part.store(index, part.load(index) + part.load(index + half));
            }
            half /= 2;
        }
        if index == 0 {
            out.store(thread::block_idx_x(), part.load(0));
        }
    }
}

#[test]
fn a_reduction_with_barriers() -> Result<(), Fault> {
    let x: Vec<f32> = (0..128 * 9).map(|i| (i % 37) as f32).collect();
    let mut sums = vec![0.0; 9];
    let mut memory = Memory::new();
    let (from, to) = (memory.read("x", &x), memory.write("sums", &mut sums));
    let grid = Grid {
        kernel: "tree_sum",
        blocks: [9, 1, 1],
        threads: [128, 1, 1],
        shared_bytes: 512,
    };
    // SAFETY: `x` holds 128 numbers a block, `sums` one.
    grid.run(&memory, || unsafe { tree_sum(from, to) })?;
    let expected: Vec<f32> = x.chunks(128).map(|block| block.iter().sum()).collect();
    assert_eq!(sums, expected);
    Ok(())
}
