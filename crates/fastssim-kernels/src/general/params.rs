//! What the general kernels are told: filled in by the host, read by the kernel.

use crate::params::Planes;

pub use crate::geometry::MOST_TAPS;
pub use crate::params::Padding;

/// An element type, by its number in [`Typed::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// `u8`.
    U8 = 0,
    /// `u16`.
    U16 = 1,
    /// IEEE's binary16.
    F16 = 2,
    /// The upper half of an `f32`.
    Bf16 = 3,
    /// `f32`.
    F32 = 4,
    /// `f64`.
    F64 = 5,
}

/// A batch of planes whose element type is known at run time; address 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Typed {
    /// Where they lie, distances in elements.
    pub planes: Planes,
    /// A [`Kind`].
    pub kind: u32,
    /// Of no meaning: there are no bytes without a value.
    pub reserved: u32,
}

/// Everything that a general kernel of windows is told; passed by value. Addresses that are 0 stand for what is not wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Params {
    /// The first images.
    pub x: Typed,
    /// The second images.
    pub y: Typed,
    /// What each window counts, in the map's rows and columns; all the same where there is none.
    pub counts: Typed,
    /// The score of each window.
    pub map: Typed,
    /// The gradients with respect to x and to y.
    pub gradients: [Typed; 2],
    /// Workspace for the derivatives of `chunk` channels, four numbers a window, in the type of the arithmetic, aligned to 16
    /// bytes; 0 where no gradient is wanted.
    pub derivatives: u64,
    /// `*mut f64`: workspace, one number for each tile of the batch; for the kernels that sum weights, for each tile of
    /// one channel of each image.
    pub partials: u64,
    /// `*mut f64`: one score for each channel of each image.
    pub channel_scores: u64,
    /// `*mut f64`: one score for each image.
    pub image_scores: u64,
    /// `*const f64`: what the sum over a channel's windows is multiplied by for its mean, for each image; 0 where
    /// that is `window_factor` for all. The kernel of the weights' totals divides it by them.
    pub window_factors: u64,
    /// `*const f64`: what each channel counts in its image's score; 0 where that is `channel_factor` for all.
    pub channel_factors: u64,
    /// `*const f64`: what the gradient of the sum over a channel's windows is multiplied by, for each channel of each
    /// image; 0 where that is `gradient_factor` for all. The kernel of the weights' totals divides it by them.
    pub gradient_factors: u64,
    /// See `window_factors`.
    pub window_factor: f64,
    /// See `channel_factors`.
    pub channel_factor: f64,
    /// See `gradient_factors`.
    pub gradient_factor: f64,
    /// A score is `score_offset + score_factor * (1 − SSIM)`.
    pub score_offset: f64,
    /// See `score_offset`.
    pub score_factor: f64,
    /// What pixels are multiplied by: a power of two that brings the dynamic range between 1 and 2.
    pub scale: f64,
    /// C1 of the scaled pixels.
    pub c1: f64,
    /// C2 of the scaled pixels.
    pub c2: f64,
    /// The exponents of luminance, contrast and structure. Kernels of `f32` take them to be 1.
    pub exponents: [f64; 3],
    /// The window's weights from its centre outwards, `radius + 1` of them.
    pub half: [f64; MOST_TAPS / 2 + 1],
    /// Those of all taps from the first on, but for the last of 33, which is the first; zeros where there are fewer.
    /// [`prepare`](Self::prepare) fills them in.
    pub weights: [f32; MOST_TAPS - 1],
    /// Images of the batch.
    pub images: u32,
    /// Channels of an image.
    pub channels: u32,
    /// Rows of an image.
    pub height: u32,
    /// Columns of an image.
    pub width: u32,
    /// Pixels at each edge that have no window in the map: the radius for valid padding, else 0.
    pub margin: u32,
    /// Pixels on each side of a window's centre.
    pub radius: u32,
    /// A [`Padding`].
    pub padding: u32,
    /// The first channel of a launch, counted through all images.
    pub first: u32,
    /// Channels of a launch.
    pub chunk: u32,
    /// Rows and columns of a tile of windows: [`prepare`](Self::prepare) fills them in, as the next two.
    pub tile_rows: u32,
    /// See `tile_rows`.
    pub tile_cols: u32,
    /// Rows and columns of a tile of gradients.
    pub back_rows: u32,
    /// See `back_rows`.
    pub back_cols: u32,
    /// Of no meaning: there are no bytes without a value.
    pub reserved: u32,
}

/// What the kernels are told that make images smaller, or spread the gradient of such images over the pixels that they are
/// made of; passed by value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Resize {
    /// The large images: read where images are made smaller, else written.
    pub large: Typed,
    /// The small ones, `factor` times smaller, rounded up: written, or read.
    pub small: Typed,
    /// Images of the batch.
    pub images: u32,
    /// Channels of an image.
    pub channels: u32,
    /// Rows of a large image.
    pub height: u32,
    /// Columns of a large image.
    pub width: u32,
    /// A pixel of the small images is the mean of `factor` × `factor` pixels. No extent is smaller.
    pub factor: u32,
    /// Of no meaning: there are no bytes without a value.
    pub reserved: u32,
}

/// What the kernel is told that adds scores to a running sum; passed by value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Accumulate {
    /// `*const f64`: the scores.
    pub scores: u64,
    /// `*mut [f64; 3]`: their number so far, their sum, and what additions have rounded off the sum.
    pub running: u64,
    /// Scores to add.
    pub count: u32,
    /// Of no meaning: there are no bytes without a value.
    pub reserved: u32,
}
