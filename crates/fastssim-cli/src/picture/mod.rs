//! Pictures: the samples of a file, as the comparison takes them.

mod animation;
#[cfg(test)]
mod broken;
mod decode;
mod guard;
mod jpeg;
mod memory;
mod npy;
mod tiff;

use std::mem;

use anyhow::{Result, bail, ensure};
use image::{DynamicImage, ImageBuffer, Pixel};
use ndarray::{Array3, Axis, Slice, Zip};

pub use decode::{EXTENSIONS, read};

/// One picture, without an alpha channel.
pub struct Picture {
    pub samples: Samples,
    /// The type of the samples of the file, in whose units the samples are even where luma made them floats.
    pub depth: Depth,
}

/// The samples as (channels, height, width), in whatever order the file had them in memory.
pub enum Samples {
    U8(Array3<u8>),
    U16(Array3<u16>),
    F32(Array3<f32>),
    F64(Array3<f64>),
}

/// The type of the samples of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    U8,
    U16,
    F32,
    F64,
}

impl Depth {
    /// White less black, where nothing else is said.
    pub fn range(self) -> f64 {
        match self {
            Self::U8 => 255.0,
            Self::U16 => 65535.0,
            Self::F32 | Self::F64 => 1.0,
        }
    }

    /// The name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }
}

impl Samples {
    fn depth(&self) -> Depth {
        match self {
            Self::U8(_) => Depth::U8,
            Self::U16(_) => Depth::U16,
            Self::F32(_) => Depth::F32,
            Self::F64(_) => Depth::F64,
        }
    }

    /// Channels, height and width.
    pub fn dim(&self) -> (usize, usize, usize) {
        match self {
            Self::U8(samples) => samples.dim(),
            Self::U16(samples) => samples.dim(),
            Self::F32(samples) => samples.dim(),
            Self::F64(samples) => samples.dim(),
        }
    }
}

impl From<Samples> for Picture {
    fn from(samples: Samples) -> Self {
        let depth = samples.depth();
        Self { samples, depth }
    }
}

impl Drop for Picture {
    /// The next picture gets the memory.
    fn drop(&mut self) {
        match &mut self.samples {
            Samples::U8(samples) => memory::BYTES.give_back(mem::take(samples).into_raw_vec_and_offset().0),
            Samples::F32(samples) => memory::FLOATS.give_back(mem::take(samples).into_raw_vec_and_offset().0),
            Samples::U16(_) | Samples::F64(_) => (),
        }
    }
}

impl Picture {
    /// The picture in memory as the decoder left it, its alpha channel skipped if it has one.
    fn new(image: DynamicImage) -> Result<Self> {
        Ok(match image {
            DynamicImage::ImageLuma8(buffer) => Samples::U8(channels(buffer)?),
            DynamicImage::ImageLumaA8(buffer) => Samples::U8(channels(buffer)?),
            DynamicImage::ImageRgb8(buffer) => Samples::U8(channels(buffer)?),
            DynamicImage::ImageRgba8(buffer) => Samples::U8(channels(buffer)?),
            DynamicImage::ImageLuma16(buffer) => Samples::U16(channels(buffer)?),
            DynamicImage::ImageLumaA16(buffer) => Samples::U16(channels(buffer)?),
            DynamicImage::ImageRgb16(buffer) => Samples::U16(channels(buffer)?),
            DynamicImage::ImageRgba16(buffer) => Samples::U16(channels(buffer)?),
            DynamicImage::ImageRgb32F(buffer) => Samples::F32(channels(buffer)?),
            DynamicImage::ImageRgba32F(buffer) => Samples::F32(channels(buffer)?),
            other => bail!("the colour type {:?} is not supported", other.color()),
        }
        .into())
    }

    /// Width and height.
    pub fn size(&self) -> [usize; 2] {
        let (_, height, width) = self.samples.dim();
        [width, height]
    }

    pub fn channels(&self) -> usize {
        self.samples.dim().0
    }

    /// The luma of a gray picture or one of three channels, in units of its samples but not rounded to them.
    pub fn luma(&self) -> Result<Self> {
        // Whole weights over a whole divisor, and nothing rounded before: where R = G = B the luma is exactly that.
        let whole = |[r, g, b]: [u32; 3]| 299 * r + 587 * g + 114 * b;
        let real = |[r, g, b]: [f64; 3]| match r {
            // The weighted sum of doubles would be rounded.
            _ if r == g && g == b => r,
            _ => (299.0 * r + 587.0 * g + 114.0 * b) / 1000.0,
        };
        let memory = |count| memory::FLOATS.take(count);
        let samples = match &self.samples {
            // At most 255 000, which is exact in single precision.
            Samples::U8(samples) => {
                Samples::F32(luma(samples, memory, |rgb| whole(rgb.map(u32::from)) as f32 / 1000.0)?)
            }
            Samples::U16(samples) => Samples::F32(luma(samples, memory, |rgb| {
                (f64::from(whole(rgb.map(u32::from))) / 1000.0) as f32
            })?),
            Samples::F32(samples) => Samples::F32(luma(samples, memory, |rgb| real(rgb.map(f64::from)) as f32)?),
            Samples::F64(samples) => Samples::F64(luma(samples, |count| vec![0.0; count], real)?),
        };
        let depth = self.depth;
        Ok(Self { samples, depth })
    }

    /// The reason why this cannot be compared with another picture, if there is one.
    pub fn check_comparable(&self, other: &Self, gray: bool) -> Result<()> {
        let text = |[width, height]: [usize; 2]| format!("{width}x{height}");
        ensure!(
            self.size() == other.size(),
            "the sizes differ: {} and {} pixels",
            text(self.size()),
            text(other.size())
        );
        ensure!(
            self.depth == other.depth,
            "the sample types differ: {} and {}; convert one of them",
            self.depth.name(),
            other.depth.name()
        );
        ensure!(
            gray || self.channels() == other.channels(),
            "the numbers of channels differ: {} and {}; --gray compares both in gray",
            self.channels(),
            other.channels()
        );
        Ok(())
    }
}

/// A view of the buffer as (channels, height, width) that owns it, without its alpha channel.
fn channels<P: Pixel>(buffer: ImageBuffer<P, Vec<P::Subpixel>>) -> Result<Array3<P::Subpixel>> {
    let (height, width) = (buffer.height() as usize, buffer.width() as usize);
    let count = usize::from(P::CHANNEL_COUNT);
    let mut samples = buffer.into_raw();
    samples.truncate(height * width * count);
    let mut array = Array3::from_shape_vec((height, width, count), samples)?.permuted_axes([2, 0, 1]);
    if P::HAS_ALPHA {
        array.slice_axis_inplace(Axis(0), Slice::from(..count - 1));
    }
    Ok(array)
}

/// The luma of each pixel, as (1, height, width), in `memory` for so many.
fn luma<T: Copy, R: Copy>(
    samples: &Array3<T>,
    memory: impl FnOnce(usize) -> Vec<R>,
    weigh: impl Fn([T; 3]) -> R,
) -> Result<Array3<R>> {
    let (channels, height, width) = samples.dim();
    let channel = |at| samples.index_axis(Axis(0), at);
    let mut luma = Array3::from_shape_vec((1, height, width), memory(height * width))?;
    let mut plane = luma.index_axis_mut(Axis(0), 0);
    match channels {
        1 => plane.zip_mut_with(&channel(0), |luma, &value| *luma = weigh([value; 3])),
        3 => {
            let pixels = samples.view().permuted_axes([1, 2, 0]);
            if let (Some(pixels), Some(plane)) = (pixels.as_slice(), plane.as_slice_mut()) {
                // As most files have them, which is faster.
                let (pixels, _) = pixels.as_chunks();
                plane.iter_mut().zip(pixels).for_each(|(luma, &rgb)| *luma = weigh(rgb));
            } else {
                let planes = Zip::from(&mut plane).and(channel(0)).and(channel(1)).and(channel(2));
                planes.for_each(|luma, &r, &g, &b| *luma = weigh([r, g, b]));
            }
        }
        other => bail!("--gray: {other} channels: luma is that of 1 or 3"),
    }
    Ok(luma)
}
