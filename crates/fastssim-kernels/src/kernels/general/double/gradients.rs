//! Where the gradients of a tile go, and the pixels that they need.

use fastssim_device::math::fma;

use super::super::MAPS;
use super::super::elements::Plane;
use super::super::sum::factor;
use super::super::tile::Tile;
use super::reader::{Read, Reader};
use crate::general::params::Params;

/// Where the gradients of a tile go.
pub(crate) struct Gradients {
    out: [Option<Plane>; 2],
    origin: [f64; 2],
    factor: f64,
}

impl Gradients {
    #[inline(always)]
    pub(crate) fn new(params: &Params, tile: &Tile, origin: [f64; 2]) -> Self {
        // SAFETY: the array is as `Params` says.
        let factor = unsafe {
            factor(
                params.gradient_factors,
                params.first + tile.plane,
                params.gradient_factor,
            )
        };
        let plane = |i: usize| {
            let typed = &params.gradients[i];
            (typed.planes.data != 0).then(|| Plane::new(typed, tile.image, tile.channel))
        };
        Self {
            out: [plane(0), plane(1)],
            origin,
            factor: factor * params.scale,
        }
    }

    /// Writes the gradients at pixels, from the sums of P, Q, B and C.
    ///
    /// # Safety
    /// No other thread writes there.
    #[inline(always)]
    pub(crate) unsafe fn write<const N: usize>(&self, reader: &Reader, pixels: &Pixels<N>, sums: &[[f64; MAPS]; N]) {
        let values = reader.values(&pixels.read);
        for i in 0..N {
            let ([[u, v]], [p, q, b, c]) = (values[i], sums[i]);
            let of_u = fma(u - self.origin[0], b, p);
            let of_v = fma(v - self.origin[1], c, q);
            let (Some(row), Some(col)) = (pixels.rows[i], pixels.col) else {
                continue;
            };
            // SAFETY: as the caller promises, and there is such a pixel.
            unsafe {
                if let Some(out) = &self.out[0] {
                    out.store(row as u32, col as u32, self.factor * (of_u + of_v));
                }
                if let Some(out) = &self.out[1] {
                    out.store(row as u32, col as u32, self.factor * (of_u - of_v));
                }
            }
        }
    }
}

/// Some pixels of a column, as far as they are inside.
pub(crate) struct Pixels<const N: usize> {
    rows: [Option<i32>; N],
    col: Option<i32>,
    read: Read<N, 1>,
}

impl<const N: usize> Pixels<N> {
    /// Reads those in the rows from the first on, each below its end.
    #[inline(always)]
    pub(crate) fn read(reader: &Reader, [row, bottom]: [i32; 2], [col, right]: [i32; 2]) -> Self {
        let inside = |at: i32, end: i32| (at < end).then_some(at);
        let rows = core::array::from_fn(|i| inside(row + i as i32, bottom));
        let col = inside(col, right);
        Self {
            rows,
            col,
            read: reader.read(rows, [col]),
        }
    }
}
