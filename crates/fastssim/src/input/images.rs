//! A batch of images in a plain slice, in any layout.

use ndarray::{ArrayView2, ArrayView3, ArrayView4, Axis, Ix4, ShapeBuilder};

use super::{Input, Pixel, Pixels, Shape, sealed};
use crate::error::{Error, Result};

/// How the pixels of a slice are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// Image by image, channel by channel, row by row: (images, channels, height, width), as
    /// PyTorch has it.
    Planar,
    /// Image by image, row by row, the channels of a pixel side by side:
    /// (images, height, width, channels), as files and screens have it.
    Interleaved,
    /// Distances, in elements, from one image, channel, row and pixel to the next: rows with
    /// padding, crops of a larger image, a single channel of an interleaved one.
    Strided([usize; 4]),
}

/// A borrowed view of a batch of images: (images, channels, height, width) with any strides.
///
/// ```
/// use fastssim::{Images, Layout};
///
/// let rgb = [10u8, 20, 30].repeat(16 * 24);
/// let shape = [1, 3, 16, 24]; // One image of three channels, 16 rows and 24 columns.
/// let x = Images::from_slice(&rgb, shape, Layout::Interleaved)?;
/// // Its red channel alone: every third element.
/// let red = Images::from_slice(&rgb, [1, 1, 16, 24], Layout::Strided([0, 0, 24 * 3, 3]))?;
/// assert_eq!(fastssim::ssim(x, x)?, [1.0]);
/// assert_eq!(fastssim::ssim(red, red)?, [1.0]);
/// # Ok::<(), fastssim::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Images<'a, T> {
    view: ArrayView4<'a, T>,
}

impl<'a, T: Pixel> Images<'a, T> {
    /// Views `data` as `shape` = (images, channels, height, width) pixels ordered as `layout`.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] where an extent is zero, [`Error::Overflow`] where the number of elements
    /// overflows, and [`Error::SliceLength`] where the slice does not hold exactly the elements of
    /// a planar or interleaved shape, or fewer than a strided one reaches.
    pub fn from_slice(data: &'a [T], shape: [usize; 4], layout: Layout) -> Result<Self> {
        if shape.contains(&0) {
            return Err(Error::Empty {
                name: "the slice",
                shape,
            });
        }
        let overflow = Error::Overflow { shape };
        let [n, c, h, w] = shape;
        let elements = shape
            .iter()
            .try_fold(1usize, |product, &extent| product.checked_mul(extent));
        let Some(elements) = elements.filter(|&elements| elements <= isize::MAX as usize / size_of::<T>()) else {
            return Err(overflow);
        };
        let strides = match layout {
            Layout::Planar => [c * h * w, h * w, w, 1],
            Layout::Interleaved => [h * w * c, 1, w * c, c],
            Layout::Strided(strides) => strides,
        };
        let exact = !matches!(layout, Layout::Strided(_));
        // One more than the offset of the last element.
        let reach = shape.iter().zip(strides).try_fold(1usize, |sum, (&extent, stride)| {
            sum.checked_add((extent - 1).checked_mul(stride)?)
        });
        let Some(reach) = reach else {
            return Err(overflow);
        };
        let needed = if exact { elements } else { reach };
        let wrong_length = || Error::SliceLength {
            shape,
            needed,
            exact,
            found: data.len(),
        };
        if data.len() < needed || (exact && data.len() != needed) {
            return Err(wrong_length());
        }
        let view = ArrayView4::from_shape((n, c, h, w).strides(strides.into()), data).map_err(|_| wrong_length())?;
        Ok(Self { view })
    }

    /// (images, channels, height, width).
    pub fn shape(&self) -> [usize; 4] {
        let (n, c, h, w) = self.view.dim();
        [n, c, h, w]
    }
}

impl<'a, T: Pixel> From<ArrayView4<'a, T>> for Images<'a, T> {
    fn from(view: ArrayView4<'a, T>) -> Self {
        Self { view }
    }
}

impl<'a, T: Pixel> From<ArrayView3<'a, T>> for Images<'a, T> {
    fn from(view: ArrayView3<'a, T>) -> Self {
        Self {
            view: view.insert_axis(Axis(0)),
        }
    }
}

impl<'a, T: Pixel> From<ArrayView2<'a, T>> for Images<'a, T> {
    fn from(view: ArrayView2<'a, T>) -> Self {
        Self {
            view: view.insert_axis(Axis(0)).insert_axis(Axis(0)),
        }
    }
}

impl<T: Pixel> sealed::Sealed for Images<'_, T> {}

impl<'a, T: Pixel> Input<'a> for Images<'a, T> {
    type Real = T::Real;
    type Dim = Ix4;
    type Scores = Vec<f64>;
    fn pixels(self) -> Result<Pixels<'a>> {
        Ok(T::erase(self.view))
    }
    fn scores(scores: Vec<f64>) -> Vec<f64> {
        Ix4::scores(scores)
    }
}

impl<T: Pixel> sealed::Sealed for &Images<'_, T> {}

impl<'a, T: Pixel> Input<'a> for &Images<'a, T> {
    type Real = T::Real;
    type Dim = Ix4;
    type Scores = Vec<f64>;
    fn pixels(self) -> Result<Pixels<'a>> {
        (*self).pixels()
    }
    fn scores(scores: Vec<f64>) -> Vec<f64> {
        Ix4::scores(scores)
    }
}
