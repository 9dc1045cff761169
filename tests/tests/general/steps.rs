//! The GPU kernels before and after those of windows, in the emulator, their sources
//! and the PTX that ships: images made smaller, the gradient's way back, and
//! running sums of scores.

use fastssim_device::emulator::{Grid, Memory};
use fastssim_kernels::form::Form;
use fastssim_kernels::general::geometry::{Resizing, launch_accumulate, launch_resize};
use fastssim_kernels::general::params::{Accumulate, Kind, Resize, Typed};
use fastssim_kernels::geometry::Launch;
use fastssim_kernels::kernels::general::{accumulate, reduce, spread};
use fastssim_kernels::params::Planes;
use fastssim_tests::compiled::Code;
use fastssim_tests::images::Random;
use ndarray::Array4;

const CASES: [([usize; 4], usize); 8] = [
    ([1, 1, 2, 2], 2),
    ([2, 3, 7, 70], 2),
    ([1, 2, 9, 65], 3),
    ([2, 1, 41, 100], 4),
    ([1, 1, 20, 131], 5),
    ([1, 1, 6, 6], 6),
    ([1, 1, 37, 9], 8),
    ([1, 1, 8, 33], 8),
];

fn run<P: Copy + Sync>(code: Code, name: &str, launch: Launch, memory: &Memory<'_>, params: &P, kernel: unsafe fn(&P)) {
    let grid = Grid {
        kernel: name,
        blocks: [launch.grid, 1, 1],
        threads: [launch.block, 1, 1],
        shared_bytes: launch.shared,
    };
    code.run(Form::F32, &grid, memory, kernel, params)
        .unwrap_or_else(|fault| panic!("{fault}"));
}

/// Each case with each form of the kernels.
fn every_code<T: Copy, const N: usize>(cases: [T; N]) -> impl Iterator<Item = (Code, T)> {
    Code::all()
        .into_iter()
        .flat_map(move |(_, code)| cases.map(|case| (code, case)))
}

fn random(shape: [usize; 4], seed: u64) -> Array4<f64> {
    let mut random = Random::new(seed);
    Array4::from_shape_simple_fn(shape, || random.normal())
}

fn small_shape([n, c, h, w]: [usize; 4], factor: usize) -> [usize; 4] {
    [n, c, h.div_ceil(factor), w.div_ceil(factor)]
}

fn planar(address: u64, [_, c, h, w]: [usize; 4], kind: Kind) -> Typed {
    Typed {
        planes: Planes {
            data: address,
            image: (c * h * w) as i64,
            channel: (h * w) as i64,
            row: w as u32,
            col: 1,
        },
        kind: kind as u32,
        reserved: 0,
    }
}

fn resize(shape: [usize; 4], factor: usize, large: u64, small: u64) -> Resize {
    let [n, c, h, w] = shape.map(|extent| extent as u32);
    Resize {
        large: planar(large, shape, Kind::F64),
        small: planar(small, small_shape(shape, factor), Kind::F64),
        images: n,
        channels: c,
        height: h,
        width: w,
        factor: factor as u32,
        reserved: 0,
    }
}

fn reduced(code: Code, large: &Array4<f64>, shape: [usize; 4], factor: usize) -> Array4<f64> {
    let mut small = Array4::from_elem(small_shape(shape, factor), f64::NAN);
    let mut memory = Memory::new();
    let from = memory.read("large", large.as_slice().expect("standard")).address();
    let to = memory.write("small", small.as_slice_mut().expect("standard")).address();
    let params = resize(shape, factor, from, to);
    let launch = launch_resize(Resizing::Reduce, &params).expect("few tiles");
    run(code, "general_reduce", launch, &memory, &params, reduce);
    drop(memory);
    small
}

fn spread_out(code: Code, small: &Array4<f64>, shape: [usize; 4], factor: usize) -> Array4<f64> {
    let mut large = Array4::from_elem(shape, f64::NAN);
    let mut memory = Memory::new();
    let from = memory.read("small", small.as_slice().expect("standard")).address();
    let to = memory.write("large", large.as_slice_mut().expect("standard")).address();
    let params = resize(shape, factor, to, from);
    let launch = launch_resize(Resizing::Spread, &params).expect("few tiles");
    run(code, "general_spread", launch, &memory, &params, spread);
    drop(memory);
    large
}

/// What `ssim.m` does: a box filter whose anchor is the upper of two middles, edges mirrored, then every f-th pixel.
#[test]
fn small_images_are_means_about_every_fth_pixel() {
    for (code, (shape, factor)) in every_code(CASES) {
        let large = random(shape, 1);
        let mirrored = |at: isize, extent: usize| {
            let extent = extent as isize;
            let at = if at < 0 { -1 - at } else { at };
            (if at < extent { at } else { 2 * extent - 1 - at }) as usize
        };
        let found = reduced(code, &large, shape, factor);
        for ((image, channel, row, col), found) in found.indexed_iter() {
            let first = |at: usize| (at * factor) as isize - (factor as isize - 1) / 2;
            let mut sum = 0.0;
            for i in 0..factor as isize {
                for j in 0..factor as isize {
                    let i = mirrored(first(row) + i, shape[2]);
                    sum += large[[image, channel, i, mirrored(first(col) + j, shape[3])]];
                }
            }
            let expected = sum / (factor * factor) as f64;
            assert!((found - expected).abs() < 1e-14, "{shape:?} {factor} {row} {col}");
        }
    }
}

/// ⟨small, reduce(large)⟩ = ⟨spread(small), large⟩, for every pixel of its own.
#[test]
fn gradients_go_back_by_the_adjoint() {
    for (code, (shape, factor)) in every_code(CASES) {
        let large = random(shape, 2);
        let small = random(small_shape(shape, factor), 3);
        let forth = (&small * &reduced(code, &large, shape, factor)).sum();
        let spread = spread_out(code, &small, shape, factor);
        let back = (&spread * &large).sum();
        assert!((forth - back).abs() < 1e-12, "{shape:?} {factor}: {forth} {back}");
        // All of one pixel's weight is somewhere.
        let one = Array4::from_elem(small.dim(), 1.0);
        let total = spread_out(code, &one, shape, factor).sum();
        assert!((total - one.len() as f64).abs() < 1e-9, "{shape:?} {factor}: {total}");
    }
}

#[test]
fn scores_add_up_and_keep_their_digits() {
    for (_, code) in Code::all() {
        scores_add_up(code);
    }
}

fn scores_add_up(code: Code) {
    let mut running = [0.0; 3];
    let mut random = Random::new(4);
    let mut expected = Vec::new();
    for count in [1, 2, 31, 32, 33, 100, 0, 1000] {
        let scores: Vec<f64> = (0..count).map(|_| random.unit()).collect();
        let mut memory = Memory::new();
        let params = Accumulate {
            scores: memory.read("scores", &scores).address(),
            running: memory.write("running", &mut running).address(),
            count,
            reserved: 0,
        };
        run(
            code,
            "general_accumulate",
            launch_accumulate(),
            &memory,
            &params,
            accumulate,
        );
        drop(memory);
        expected.extend(scores);
        assert_eq!(running[0], expected.len() as f64);
        let sum: f64 = expected.iter().sum();
        assert!((running[1] - sum).abs() < 1e-12, "{count}: {} {sum}", running[1]);
    }
    // A million and very little, often: without the rest it would all be lost.
    let (mut running, little) = ([1.0, 1e6, 0.0f64], [1e-11; 1]);
    for _ in 0..1000 {
        let mut memory = Memory::new();
        let params = Accumulate {
            scores: memory.read("scores", &little).address(),
            running: memory.write("running", &mut running).address(),
            count: 1,
            reserved: 0,
        };
        run(
            code,
            "general_accumulate",
            launch_accumulate(),
            &memory,
            &params,
            accumulate,
        );
    }
    assert!((running[1] + running[2] - 1e6 - 1e-8).abs() < 2e-10, "{running:?}");
}
