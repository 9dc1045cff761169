//! Where the derivatives of a channel's windows lie, from one kernel to the next, and how they continue beyond the edges.
//!
//! With u and v counted from the channel's [origin](super::pixels::Pixels::origin), the derivative with respect to a pixel of x in a window
//! of weight g is g (P + Q + u B + v C), and that with respect to y is g (P − Q + u B − v C). Where both are wanted all four are
//! kept, else P ± Q, B and ± C. They are quarters, as the formula gives them.
//!
//! The window is its own transpose, but for the padding. A pixel takes part in a window once for each place where it stands, so that
//! its gradient sums up as many places of the continued derivatives:
//!
//! ```text
//! zero       nothing beyond
//! symmetric  c b a | a b c      as images continue
//! reflect    c b | 2a b c       the edge twice, and half of what comes out there: of its two mirror images it is both
//! replicate  nothing beyond; the pixel at the edge has, in place of the weights beyond it, their sums
//! ```

use fastssim_device::global::{Global, GlobalMut};
use fastssim_device::math::{fma, fresh};

use super::super::source::source;
use super::super::tile::Tile;
use crate::general::params::{Padding, Params};
use crate::general::single::{derivatives, map_elements};
use crate::geometry::STEP;
use crate::kernels::formula::BOTH;

/// The memory of a channel's derivatives.
#[derive(Clone, Copy)]
struct Places {
    /// B and C, side by side.
    variances: u64,
    /// P + Q or P − Q; or P and Q side by side.
    means: u64,
    width: u32,
}

impl Places {
    #[inline(always)]
    fn new(params: &Params, tile: &Tile) -> Self {
        let [_, width] = params.map_area();
        let variances = params.derivatives + u64::from(tile.plane) * derivatives(params) * 4;
        Self {
            variances,
            means: variances + 8 * map_elements(params),
            width,
        }
    }
}

/// Where the windows' kernel leaves the derivatives.
#[derive(Clone, Copy)]
pub(crate) struct Out {
    places: Places,
    both: bool,
    /// −1 where the gradient with respect to y is the only one.
    sign: f32,
}

impl Out {
    /// That of a tile's channel.
    #[inline(always)]
    pub(crate) fn new(params: &Params, tile: &Tile) -> Self {
        let [by_x, by_y] = [0, 1].map(|i| params.gradients[i].planes.data != 0);
        Self {
            places: Places::new(params, tile),
            both: by_x & by_y,
            sign: if by_x { 1.0 } else { -1.0 },
        }
    }

    /// Writes P, B, Q and C of `count` windows below one another, the first of which is in this row and column of the map.
    ///
    /// # Safety
    /// There are such windows, and no other thread has them.
    #[inline(always)]
    pub(crate) unsafe fn store(&self, [row, col]: [u32; 2], count: u32, windows: impl Fn(u32) -> [f32; 4]) {
        let (first, width) = (i64::from(row * self.places.width + col), fresh(self.places.width));
        let variances = GlobalMut::<f32>::from_address(self.places.variances).offset(2 * first);
        let means = GlobalMut::<f32>::from_address(self.places.means);
        // SAFETY: as the caller promises.
        unsafe {
            if self.both {
                let means = means.offset(2 * first);
                each(count, |i| {
                    let [p, b, q, c] = windows(i);
                    variances.store2_strided(2 * i, width, [b, c]);
                    means.store2_strided(2 * i, width, [p, q]);
                });
            } else {
                let means = means.offset(first);
                each(count, |i| {
                    let [p, b, q, c] = windows(i);
                    variances.store2_strided(2 * i, width, [b, self.sign * c]);
                    means.store_strided(i, width, fma(self.sign, q, p));
                });
            }
        }
    }
}

/// Does something for each of the first `count` rows of a step; of all of them, as a rule, without looking.
#[inline(always)]
pub(crate) fn each(count: u32, act: impl Fn(u32)) {
    if count >= STEP {
        for i in 0..STEP {
            act(i);
        }
    } else {
        for i in 0..STEP {
            if i < count {
                act(i);
            }
        }
    }
}

/// How derivatives continue along a line of the map: along columns or along rows.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    padding: u32,
    /// The image's pixels, and the first and last that have windows.
    extent: i32,
    pub(crate) first: i32,
    last: i32,
}

impl Line {
    #[inline(always)]
    pub(crate) fn new(params: &Params, extent: u32) -> Self {
        let margin = params.margin as i32;
        Self {
            padding: params.padding,
            extent: extent as i32,
            first: margin,
            last: extent as i32 - 1 - margin,
        }
    }

    /// The place in the map of the window that stands at `at`, and what it counts there; that of the nearest one where there is none,
    /// which counts nothing.
    #[inline(always)]
    pub(crate) fn window(&self, at: i32) -> (u32, f32) {
        let mirrors = self.padding == Padding::Symmetric as u32 || self.padding == Padding::Reflect as u32;
        let (at, counts) = if mirrors {
            (source(self.padding, at, self.extent).unwrap_or(0), true)
        } else {
            (at, at >= self.first && at <= self.last)
        };
        let place = at.min(self.last).max(self.first) - self.first;
        let factor = if self.is_doubled(at) { 2.0 } else { 1.0 };
        (place as u32, if counts { factor } else { 0.0 })
    }

    /// Whether these places are windows that count as they are.
    #[inline(always)]
    pub(crate) fn is_plain(&self, from: i32, to: i32) -> bool {
        let edge = i32::from(self.padding != Padding::Zero as u32);
        from >= self.first + edge && to <= self.last + 1 - edge
    }

    /// Whether the gradient at some pixels is less than what comes out.
    #[inline(always)]
    pub(crate) fn mirrors_edges(&self) -> bool {
        self.padding == Padding::Reflect as u32
    }

    /// What is left of the gradient at a pixel.
    #[inline(always)]
    pub(crate) fn remains(&self, at: i32) -> f32 {
        if self.is_doubled(at) { 0.5 } else { 1.0 }
    }

    /// Whether the derivatives of this window are doubled. Of a single pixel all mirror images are itself.
    #[inline(always)]
    fn is_doubled(&self, at: i32) -> bool {
        let is_edge = at == 0 || at == self.extent - 1;
        self.mirrors_edges() && is_edge && self.extent > 1
    }

    /// Whether the pixels at the edges are repeated.
    #[inline(always)]
    pub(crate) fn repeats(&self) -> bool {
        self.padding == Padding::Replicate as u32
    }

    /// The pixels at the two edges, and the ways from them into the image.
    #[inline(always)]
    pub(crate) fn edges(&self) -> [(i32, i32); 2] {
        [(0, 1), (self.extent - 1, -1)]
    }

    /// Of so many places from an edge those that there are.
    #[inline(always)]
    pub(crate) fn within(&self, places: i32) -> i32 {
        places.min(self.extent)
    }
}

/// A column of derivatives that the gradients' kernel reads.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    variances: Global<f32>,
    means: Global<f32>,
    width: u32,
}

impl Column {
    /// That of the map's column `col`.
    #[inline(always)]
    pub(crate) fn new<const MAPS: usize>(params: &Params, tile: &Tile, col: u32) -> Self {
        let places = Places::new(params, tile);
        let col = i64::from(col);
        Self {
            variances: Global::from_address(places.variances).offset(2 * col),
            means: Global::from_address(places.means).offset(if MAPS == BOTH { 2 * col } else { col }),
            width: places.width,
        }
    }

    /// The same from this row of the map on, which is its first then.
    #[inline(always)]
    pub(crate) fn at_row<const MAPS: usize>(mut self, row: u32) -> Self {
        let row = i64::from(row) * i64::from(self.width);
        self.variances = self.variances.offset(2 * row);
        self.means = self.means.offset(if MAPS == BOTH { 2 * row } else { row });
        self.width = fresh(self.width);
        self
    }

    /// The derivatives in a row: [P ± Q, B, C], or [P, B, Q, C].
    ///
    /// # Safety
    /// There is such a row; the kernel before has written it.
    #[inline(always)]
    pub(crate) unsafe fn at<const MAPS: usize>(&self, row: u32) -> [f32; MAPS] {
        // SAFETY: as the caller promises.
        unsafe {
            let [b, c] = self.variances.load2_nc_strided(2 * row, self.width);
            let all = if MAPS == BOTH {
                let [p, q] = self.means.load2_nc_strided(2 * row, self.width);
                [p, b, q, c]
            } else {
                [self.means.load_nc_strided(row, self.width), b, c, 0.0]
            };
            core::array::from_fn(|i| all[i])
        }
    }
}
