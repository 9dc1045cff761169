//! Matrix products of a warp against the plain sum over k.

use fastssim_device::emulator::{Fault, Grid, Memory};
use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::{math, mma, warp};

/// Small numbers that 16-bit floats hold exactly, so that the product is exact too.
fn matrix(len: usize, seed: usize) -> Vec<f32> {
    (0..len)
        .map(|i| ((i * 31 + seed) * 17 % 41) as f32 / 8.0 - 2.5)
        .collect()
}

/// `d = a b + c` for `a` of 16 x k, `b` of k x 8, all row by row; k is 8 or 16.
unsafe fn product(a: Global<f32>, b: Global<f32>, c: Global<f32>, d: GlobalMut<f32>, k: u32) {
    let (group, place) = (warp::lane() / 4, warp::lane() % 4);
    // SAFETY: within the matrices, and each lane has its own elements of the result.
    unsafe {
        let pair_a = |row: u32, col: u32| mma::pack_f16x2(a.load(k * row + col), a.load(k * row + col + 1));
        let pair_b = |row: u32| mma::pack_f16x2(b.load(8 * row + group), b.load(8 * (row + 1) + group));
        let at = [0, 1, 8 * 8, 8 * 8 + 1].map(|i| 8 * group + 2 * place + i);
        let sums = at.map(|i| c.load(i));
        let (col, row) = (2 * place, 2 * place);
        let low = [pair_a(group, col), pair_a(group + 8, col)];
        let sums = if k == 8 {
            mma::m16n8k8_f16(low, pair_b(row), sums)
        } else {
            let high = [pair_a(group, col + 8), pair_a(group + 8, col + 8)];
            mma::m16n8k16_f16([low[0], low[1], high[0], high[1]], [pair_b(row), pair_b(row + 8)], sums)
        };
        for (i, sum) in at.into_iter().zip(sums) {
            d.store(i, sum);
        }
    }
}

#[test]
fn products_of_both_sizes() -> Result<(), Fault> {
    for k in [8, 16] {
        let (a, b, c) = (matrix(16 * k, 1), matrix(k * 8, 2), matrix(16 * 8, 3));
        let mut d = vec![0.0; 16 * 8];
        let mut memory = Memory::new();
        let (from_a, from_b, from_c) = (memory.read("a", &a), memory.read("b", &b), memory.read("c", &c));
        let to = memory.write("d", &mut d);
        let grid = Grid {
            kernel: "product",
            blocks: [1, 1, 1],
            threads: [32, 1, 1],
            shared_bytes: 0,
        };
        // SAFETY: the matrices have the sizes that the kernel needs.
        grid.run(&memory, || unsafe { product(from_a, from_b, from_c, to, k as u32) })?;
        for (i, found) in d.into_iter().enumerate() {
            let (row, col) = (i / 8, i % 8);
            let sum: f64 = (0..k)
                .map(|j| f64::from(a[k * row + j]) * f64::from(b[8 * j + col]))
                .sum();
            assert_eq!(
                f64::from(found),
                sum + f64::from(c[i]),
                "k = {k}, row {row}, column {col}"
            );
        }
    }
    Ok(())
}

#[test]
fn pairs_of_small_floats() {
    assert_eq!(mma::pack_f16x2(1.0, -2.0), 0xc000_3c00);
    assert_eq!(mma::unpack_f16x2(0xc000_3c00), [1.0, -2.0]);
    // Halfway between two neighbours goes to the even one; what is too large becomes infinite.
    assert_eq!(
        mma::unpack_f16x2(mma::pack_f16x2(1.0 + 1.0 / 2048.0, 1e6)),
        [1.0, f32::INFINITY]
    );
}

#[test]
fn arithmetic() {
    // Without a single rounding the small term is lost.
    let small = f32::EPSILON;
    assert_eq!(math::fma(1.0 + small, 1.0 - small, -1.0), -small * small);
    assert_eq!(math::fma(3.0f64, 4.0, 5.0), 17.0);
    assert_eq!(math::reciprocal(4.0), 0.25);
    assert_eq!((math::min(1.0f32, f32::NAN), math::max(1.0f64, 2.0)), (1.0, 2.0));
}
