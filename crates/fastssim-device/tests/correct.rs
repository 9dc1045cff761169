//! Kernels that do it right: their results, and that nothing is reported.

use fastssim_device::emulator::{Fault, Grid, Memory};
use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::shared::Shared;
use fastssim_device::{copy, thread, warp};

/// The sum of a block's numbers by halves, one number a thread.
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

/// What the shuffles of each lane give, one row of 32 numbers a kind.
unsafe fn shuffles(out: GlobalMut<f64>) {
    let lane = warp::lane();
    let value = f64::from(lane) + 0.25;
    let word = |value: u32| f64::from(value);
    let rows = [
        warp::shuffle(value, 7),
        f64::from(warp::shuffle(value as f32, (lane + 5) % 32)),
        warp::shuffle_down(value, 3),
        word(warp::shuffle_down(lane, 31)),
        warp::shuffle_xor(value, 9),
        warp::sum(value),
        f64::from(warp::sum(value as f32)),
        word(warp::ballot(lane.is_multiple_of(3))),
    ];
    for (row, value) in rows.into_iter().enumerate() {
        // SAFETY: each lane has its own column.
        unsafe { out.store(32 * row as u32 + lane, value) };
    }
}

#[test]
fn shuffles_votes_and_sums() -> Result<(), Fault> {
    let mut out = vec![0.0; 8 * 32];
    let mut memory = Memory::new();
    let to = memory.write("out", &mut out);
    let grid = Grid {
        kernel: "shuffles",
        blocks: [1, 1, 1],
        threads: [32, 1, 1],
        shared_bytes: 0,
    };
    // SAFETY: `out` holds eight rows of 32.
    grid.run(&memory, || unsafe { shuffles(to) })?;
    for lane in 0..32 {
        let at = |lane: usize| lane as f64 + 0.25;
        let expected = [
            at(7),
            at((lane + 5) % 32),
            at(if lane + 3 < 32 { lane + 3 } else { lane }),
            if lane == 0 { 31.0 } else { lane as f64 },
            at(lane ^ 9),
            504.0,
            504.0,
            f64::from(
                (0..32)
                    .filter(|lane| lane % 3 == 0)
                    .map(|lane| 1u32 << lane)
                    .sum::<u32>(),
            ),
        ];
        let found: Vec<f64> = out.iter().skip(lane).step_by(32).copied().collect();
        assert_eq!(found, expected, "lane {lane}");
    }
    Ok(())
}

/// Transposes a matrix in tiles of 32 x 32, by blocks of 32 x 8 threads.
unsafe fn transpose(x: Global<u16>, out: GlobalMut<u16>, side: u32) {
    // A row of 34 halfwords is 17 words, which no two rows share.
    let tile = Shared::<u16>::at(0);
    let (col, row) = (thread::thread_idx_x(), thread::thread_idx_y());
    let (left, top) = (32 * thread::block_idx_x(), 32 * thread::block_idx_y());
    let pair = tile.cast::<u32>();
    for row in (row..32).step_by(8) {
        // SAFETY: within the matrix; a pair of columns is written as one word by one thread.
        unsafe {
            let other = warp::shuffle_down(u32::from(x.load((top + row) * side + left + col)), 1);
            let own = u32::from(x.load((top + row) * side + left + col));
            if col % 2 == 0 {
                pair.store(17 * row + col / 2, own | other << 16);
            }
        }
    }
    thread::sync_threads();
    for row in (row..32).step_by(8) {
        // SAFETY: within the matrix, and each thread has its own elements of it.
        unsafe { out.store((left + row) * side + top + col, tile.load(34 * col + row)) };
    }
}

#[test]
fn a_transposition_through_shared_memory() -> Result<(), Fault> {
    let side = 96;
    let x: Vec<u16> = (0..side * side).map(|i| (i * 7 % 65536) as u16).collect();
    let mut out = vec![0; x.len()];
    let mut memory = Memory::new();
    let (from, to) = (memory.read("x", &x), memory.write("out", &mut out));
    let grid = Grid {
        kernel: "transpose",
        blocks: [3, 3, 1],
        threads: [32, 8, 1],
        shared_bytes: 34 * 32 * 2,
    };
    // SAFETY: both matrices are of 96 x 96.
    grid.run(&memory, || unsafe { transpose(from, to, side as u32) })?;
    assert!((0..side * side).all(|i| out[i] == x[i % side * side + i / side]));
    Ok(())
}

/// Every block writes a partial sum; the last one to finish adds them up and resets the counter.
unsafe fn last_block(partials: GlobalMut<f64>, counter: GlobalMut<u32>, total: GlobalMut<f64>) {
    let blocks = thread::grid_dim_x();
    let part = warp::sum(f64::from(thread::block_idx_x() * thread::thread_idx_x()));
    let mut before = 0;
    // SAFETY: one partial sum a block, and the counter orders them before the total.
    unsafe {
        if warp::lane() == 0 {
            partials.store(thread::block_idx_x(), part);
            thread::fence();
            before = counter.atomic_add(0, 1);
        }
        if warp::shuffle(before, 0) != blocks - 1 {
            return;
        }
        thread::fence();
        let mut sum = 0.0;
        for index in (warp::lane()..blocks).step_by(32) {
            sum += partials.load_coherent(index);
        }
        let sum = warp::sum(sum);
        if warp::lane() == 0 {
            total.store(0, sum);
            counter.store(0, 0);
        }
    }
}

#[test]
fn the_last_of_many_blocks() -> Result<(), Fault> {
    let (mut partials, mut counter, mut total) = (vec![0.0; 1000], [0u32], [0.0]);
    for _ in 0..5 {
        total[0] = -1.0;
        let mut memory = Memory::new();
        let partials = memory.write("partials", &mut partials);
        let (count, sum) = (memory.write("counter", &mut counter), memory.write("total", &mut total));
        let grid = Grid {
            kernel: "last_block",
            blocks: [1000, 1, 1],
            threads: [32, 1, 1],
            shared_bytes: 0,
        };
        // SAFETY: one partial sum a block.
        grid.run(&memory, || unsafe { last_block(partials, count, sum) })?;
        assert_eq!((total[0], counter[0]), (499500.0 * 496.0, 0));
    }
    Ok(())
}

/// The sums of neighbouring pairs of rows of 128 numbers: one row is summed while the next comes, so many numbers a copy.
unsafe fn stream(x: Global<f32>, out: GlobalMut<f32>, rows: u32, valid: u32, numbers: u32) {
    let (index, ring) = (thread::thread_idx_x(), Shared::<f32>::at(256));
    // SAFETY: each thread copies four numbers of a row, and reads after a barrier that follows the
    // wait; the row that is overwritten was read before the barrier of the round before.
    unsafe {
        let start = |row: u32| {
            for col in (4 * index..4 * index + 4).step_by(numbers as usize) {
                if row >= rows {
                    break;
                }
                let (to, from) = (ring.offset(128 * (row % 3) + col), x.offset(i64::from(128 * row + col)));
                let bytes = 4 * valid.saturating_sub(col).min(numbers);
                match numbers {
                    1 => copy::async4(to, from, bytes),
                    2 => copy::async8(to, from, bytes),
                    _ => copy::async16(to, from, bytes),
                }
            }
            copy::commit();
        };
        start(0);
        start(1);
        for row in 0..rows {
            copy::wait::<1>();
            thread::sync_threads();
            start(row + 2);
            let [mine, next] = [index * 4, (index * 4 + 64) % 128].map(|i| ring.load4(128 * (row % 3) + i));
            out.store4(128 * row + 4 * index, [0, 1, 2, 3].map(|i| mine[i] + next[i]));
        }
    }
}

#[test]
fn asynchronous_copies_into_a_ring() -> Result<(), Fault> {
    let (rows, valid) = (50, 101);
    let x: Vec<f32> = (0..128 * rows).map(|i| i as f32).collect();
    let number = |row: usize, col: usize| if col < valid as usize { x[128 * row + col] } else { 0.0 };
    let grid = Grid {
        kernel: "stream",
        blocks: [1, 1, 1],
        threads: [32, 1, 1],
        shared_bytes: 256 + 3 * 512,
    };
    for numbers in [1, 2, 4] {
        let mut out = vec![0.0; x.len()];
        let mut memory = Memory::new();
        let (from, to) = (memory.read("x", &x), memory.write("out", &mut out));
        // SAFETY: both hold 50 rows of 128 numbers.
        grid.run(&memory, || unsafe { stream(from, to, rows as u32, valid, numbers) })?;
        for (i, found) in out.into_iter().enumerate() {
            let (row, col) = (i / 128, i % 128);
            let expected = number(row, col) + number(row, (col + 64) % 128);
            assert_eq!(found, expected, "row {row}, column {col}, {numbers} a copy");
        }
    }
    Ok(())
}

/// Warps beyond the work leave at once, and the others go on with what is theirs.
unsafe fn whole_warps_leave(out: GlobalMut<u32>, working: u32) {
    let number = thread::thread_idx_x() / 32;
    if number >= working {
        return;
    }
    let (place, index) = (Shared::<u32>::at(128 * number), warp::lane());
    // SAFETY: each warp has a place of its own, ordered by its own barrier.
    unsafe {
        place.store(index, index);
        warp::sync();
        let sum = warp::sum(place.load(31 - index));
        if index == 0 {
            out.store(number, sum);
        }
    }
}

#[test]
fn warps_that_leave_early() -> Result<(), Fault> {
    let mut out = vec![0; 3];
    let mut memory = Memory::new();
    let to = memory.write("out", &mut out);
    let grid = Grid {
        kernel: "whole_warps_leave",
        blocks: [1, 1, 1],
        threads: [150, 1, 1],
        shared_bytes: 640,
    };
    // SAFETY: one number a working warp.
    grid.run(&memory, || unsafe { whole_warps_leave(to, 3) })?;
    assert_eq!(out, [496; 3]);
    Ok(())
}

/// Elements may be read and written through handles of another size.
#[test]
fn global_memory_by_other_sizes() -> Result<(), Fault> {
    let bytes: Vec<u8> = (0..64).collect();
    let (mut words, mut small) = (vec![0u32; 16], vec![0u8; 64]);
    let mut memory = Memory::new();
    let (from, to, to_small) = (
        memory.read("bytes", &bytes),
        memory.write("words", &mut words),
        memory.write("small", &mut small),
    );
    let grid = Grid {
        kernel: "sizes",
        blocks: [1, 1, 1],
        threads: [64, 1, 1],
        shared_bytes: 0,
    };
    grid.run(&memory, || {
        let index = thread::thread_idx_x();
        // SAFETY: within the buffers, and each thread writes its own byte or vector.
        unsafe {
            to.cast::<u8>().store(index, from.load(index) + 1);
            if index < 4 {
                to_small
                    .cast::<u32>()
                    .store4(4 * index, from.cast::<u32>().load4(4 * index));
            }
        }
    })?;
    assert_eq!(small, bytes);
    let expected: Vec<u32> = bytes
        .chunks(4)
        .map(|b| u32::from_le_bytes([b[0] + 1, b[1] + 1, b[2] + 1, b[3] + 1]))
        .collect();
    assert_eq!(words, expected);
    Ok(())
}

/// A copy that a block leaves behind concerns the next block as little as what it wrote.
#[test]
fn a_copy_that_a_block_leaves_behind() -> Result<(), Fault> {
    let x = [1.0f32; 4];
    let mut memory = Memory::new();
    let from = memory.read("x", &x);
    let grid = Grid {
        kernel: "leave",
        blocks: [64, 1, 1],
        threads: [32, 1, 1],
        shared_bytes: 16,
    };
    grid.run(&memory, || {
        let (index, place) = (thread::thread_idx_x(), Shared::<f32>::at(0));
        // SAFETY: the copy overwrites what the lanes wrote and read before the barrier.
        unsafe {
            if index < 4 {
                place.store(index, 2.0);
                assert_eq!(place.load(index), 2.0);
            }
            warp::sync();
            if index == 7 {
                copy::async16(place, from, 16);
                copy::commit();
            }
        }
    })
}
