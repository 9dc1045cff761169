//! The matrix products of a warp, with the layouts of the device (see [`crate::mma`]).
//!
//! Each element of the result is summed in double precision and rounded once, so it is at least as
//! exact as on the device, which may cut off digits while it adds.

use super::block::with;
use super::device::unpack_f16x2;
use super::fault::Point;

pub fn m16n8k16_f16(a: [u32; 4], b: [u32; 2], c: [f32; 4]) -> [f32; 4] {
    product(Point::ProductK16, a, b, c)
}

pub fn m16n8k8_f16(a: [u32; 2], b: u32, c: [f32; 4]) -> [f32; 4] {
    product(Point::ProductK8, a, [b], c)
}

/// The product with K = 8 `B` and `A` = 2 `B`; a lane's elements go to the others as `f32`.
fn product<const A: usize, const B: usize>(point: Point, a: [u32; A], b: [u32; B], c: [f32; 4]) -> [f32; 4] {
    let mut words = [0; super::block::EXCHANGE_WORDS];
    for (pair, register) in words.chunks_mut(2).zip(a.into_iter().chain(b)) {
        pair.copy_from_slice(&unpack_f16x2(register).map(f32::to_bits));
    }
    with(|block| {
        let lane = block.lane() as usize;
        let (group, place) = (lane / 4, lane % 4);
        block.exchange(point, &words[..2 * (A + B)], |given| {
            let value = |lane, index| f64::from(f32::from_bits(given(lane, index)));
            core::array::from_fn(|i| {
                // Element i of the result: in this lane's row or 8 below, in column 2 place or next.
                let (low_rows, column) = (i / 2, 2 * place + i % 2);
                let mut sum = f64::from(c[i]);
                for k in 0..8 * B {
                    let (register, holder, half) = (k / 8, k % 8 / 2, k % 2);
                    let a = value(4 * group + holder, 2 * (2 * register + low_rows) + half);
                    let b = value(4 * column + holder, 2 * (A + register) + half);
                    sum += a * b;
                }
                sum as f32
            })
        })
    })
}
