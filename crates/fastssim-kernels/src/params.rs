//! What a kernel is told: filled in by the host, read by the kernel.

use crate::geometry::MOST_TAPS;

/// Where the pixels of a batch lie: the first one, and the distances from one image, channel, row and column to the next, in bytes
/// for x and y of the fast kernels, else in elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Planes {
    /// The device address of the first pixel.
    pub data: u64,
    /// From one image to the next.
    pub image: i64,
    /// From one channel to the next.
    pub channel: i64,
    /// From one row to the next.
    pub row: u32,
    /// From one column to the next.
    pub col: u32,
}

/// How images continue beyond their edges, by its number in [`Params::padding`]; the names are those of `numpy.pad`
/// but for the last, its `edge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Padding {
    /// As zeros; also where no window reaches beyond an edge.
    Zero = 0,
    /// `c b a | a b c`.
    Symmetric = 1,
    /// `c b | a b c`.
    Reflect = 2,
    /// `a a | a b c`.
    Replicate = 3,
}

/// Everything that a kernel is told; passed by value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Params {
    /// The first images: distances in bytes, those from the first to the last column of a row below 2³².
    pub x: Planes,
    /// The second images, of the same element type, likewise.
    pub y: Planes,
    /// The map, or the gradient with respect to x, of `f32`. Not used by the score kernels.
    pub out: Planes,
    /// The gradient with respect to y, of `f32`. Used by the kernels of both gradients alone.
    pub by_y: Planes,
    /// `*mut f64`: one score an image. Not used by the map kernels.
    pub scores: u64,
    /// `*mut f64`: workspace, one number a tile. Not used by the map kernels.
    pub partials: u64,
    /// `*mut u32`: workspace, one number an image. Zero before the first launch, and zero again after
    /// each. Not used by the map kernels.
    pub counters: u64,
    /// `*mut f32`: workspace, the derivatives of some channels' windows, aligned to 16 bytes: for both gradients four numbers a window side by
    /// side, for one two of them, and the third behind all others of its channel, in an order that suits `kernels::split`. Used where a
    /// gradient takes two kernels.
    pub derivatives: u64,
    /// Images of the batch.
    pub images: u32,
    /// Channels of an image.
    pub channels: u32,
    /// Rows of an image.
    pub height: u32,
    /// Columns of an image.
    pub width: u32,
    /// Pixels at each edge that have no window in the map: 0 for zero padding, the window's radius for
    /// valid padding.
    pub margin: u32,
    /// Rows of a tile of the march: [`launch`](crate::geometry::launch) fills them in.
    pub tile_rows: u32,
    /// Columns of a tile of the march, likewise. Not an array of both: its place is not that of 64 bits, and the compiler would
    /// put it into local memory.
    pub tile_cols: u32,
    /// The first of the channels, counted over all images, of which a launch of one of two kernels does some.
    pub first: u32,
    /// Rows of a tile of the second of two kernels: [`launch_adjoint`](crate::geometry::launch_adjoint) fills them in.
    pub back_rows: u32,
    /// The window's weights, of as many taps as the kernel is compiled for or told: from the first to that of the centre, and zeros behind it.
    /// The others are the same in reverse; a smaller window has zeros at both ends.
    pub weights: [f32; MOST_TAPS / 2 + 1],
    /// What pixels are multiplied by: a power of two that brings the dynamic range between 1 and 2.
    pub scale: f32,
    /// C1 of the scaled pixels.
    pub c1: f32,
    /// C2 of the scaled pixels.
    pub c2: f32,
    /// What the gradient of 1 window's SSIM is multiplied by: the derivative of the score with respect to
    /// SSIM, over the windows of an image.
    pub gradient_factor: f32,
    /// A [`Padding`]; for gradients not [`Replicate`](Padding::Replicate). Where pixels stand beyond the edges, an image has at least
    /// as many rows and columns as the kernel has taps, so that there is one reflection, and at most
    /// [`MOST_CONTINUED`](crate::geometry::MOST_CONTINUED).
    pub padding: u32,
    /// Pixels at each edge whose windows have no derivatives. Where mirror images stand beyond the edges, windows do so too, with the
    /// derivatives of their own mirror images: it is then less than 0 by half of the kernel's taps.
    pub derivatives_margin: i32,
    /// The score is `score_offset + score_factor * (1 − SSIM)`.
    pub score_offset: f64,
    /// See `score_offset`.
    pub score_factor: f64,
    /// Taps of the window, which most kernels are compiled for: [`launch`](crate::geometry::launch) fills them in.
    pub taps: u32,
    /// Not used: what is told has no padding.
    pub unused: u32,
}
