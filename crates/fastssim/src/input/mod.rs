//! Where pixels enter: everything that can be scored becomes a borrowed view of
//! (images, channels, height, width), whatever its element type and strides.

mod array;
mod images;
#[cfg(feature = "image")]
mod picture;

pub use array::Shape;
pub use images::{Images, Layout};
#[cfg(feature = "image")]
pub use picture::{DropAlpha, composite};

use half::{bf16, f16};
use ndarray::{Array4, ArrayView4, ArrayViewMut4, Zip};

use crate::error::Result;
use crate::reference::Reference;

/// Something that can be scored: one image, or a batch of images.
///
/// | input | shape | scores | gradient and map |
/// |---|---|---|---|
/// | `ndarray` view or `&Array`, 2 dimensions | (height, width) | `f64` | 2 dimensions |
/// | `ndarray` view or `&Array`, 3 dimensions | (channels, height, width) | `f64` | 3 dimensions |
/// | `ndarray` view or `&Array`, 4 dimensions | (images, channels, height, width) | `Vec<f64>` | 4 dimensions |
/// | [`Images`], made from a slice; `&Images` | (images, channels, height, width) | `Vec<f64>` | 4 dimensions |
/// | `&image::DynamicImage`, `&image::ImageBuffer` | one gray or RGB image | `f64` | (channels, height, width) |
/// | [`&Reference`](Reference), as either input | (images, channels, height, width) | `Vec<f64>` | 4 dimensions |
///
/// A reference is made for the second input, where one image stands for a whole batch. As the first it is a batch like any
/// other, with gradients and maps in `f64` whatever its pixels are.
///
/// Elements are `u8`, `u16`, `f16`, `bf16`, `f32` or `f64`, in any order of strides; the two inputs may differ in type. An
/// array whose number of dimensions is only known at run time is given its own first
/// (`view.into_dimensionality::<Ix3>()`), a crop of a picture is copied out of it (`image.crop_imm(…)`) or viewed with
/// [`Layout::Strided`].
///
/// This trait is sealed.
pub trait Input<'a>: sealed::Sealed {
    /// The element type of gradients and maps: `f64` for `f64` pixels and for a [`Reference`], `f32` for all others.
    type Real: Real;
    /// The shape of gradients and maps.
    type Dim: Shape;
    /// One `f64` for a single image, a `Vec<f64>` for a batch.
    type Scores;
    #[doc(hidden)]
    fn pixels(self) -> Result<Pixels<'a>>;
    /// What is kept for further calls.
    #[doc(hidden)]
    fn prepared(&self) -> Option<&'a Reference> {
        None
    }
    #[doc(hidden)]
    fn scores(scores: Vec<f64>) -> Self::Scores;
}

/// An element type of images: `u8`, `u16`, [`f16`](struct@f16), [`bf16`], `f32` or `f64`. This trait is sealed.
pub trait Pixel: sealed::Sealed + Copy + Send + Sync + 'static {
    /// The element type of gradients and maps: `f64` for `f64`, `f32` for all others.
    type Real: Real;
    #[doc(hidden)]
    fn erase(view: ArrayView4<'_, Self>) -> Pixels<'_>;
}

/// An element type of gradients and maps: `f32` or `f64`, or [`f16`](struct@f16) or [`bf16`] in buffers
/// of the caller's. This trait is sealed.
pub trait Real: sealed::Sealed + Copy + Default + Send + Sync + 'static {
    #[doc(hidden)]
    fn erase(view: ArrayView4<'_, Self>) -> Reals<'_>;
    #[doc(hidden)]
    fn erase_mut(view: ArrayViewMut4<'_, Self>) -> RealsMut<'_>;
}

/// A view whose element type is known at run time.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Pixels<'a> {
    U8(ArrayView4<'a, u8>),
    U16(ArrayView4<'a, u16>),
    F16(ArrayView4<'a, f16>),
    Bf16(ArrayView4<'a, bf16>),
    F32(ArrayView4<'a, f32>),
    F64(ArrayView4<'a, f64>),
}

impl<'a> Pixels<'a> {
    /// The same view for a shorter time; `ndarray` views do not shorten by themselves.
    pub(crate) fn reborrow<'b>(self) -> Pixels<'b>
    where
        'a: 'b,
    {
        match self {
            Self::U8(view) => Pixels::U8(view.reborrow()),
            Self::U16(view) => Pixels::U16(view.reborrow()),
            Self::F16(view) => Pixels::F16(view.reborrow()),
            Self::Bf16(view) => Pixels::Bf16(view.reborrow()),
            Self::F32(view) => Pixels::F32(view.reborrow()),
            Self::F64(view) => Pixels::F64(view.reborrow()),
        }
    }

    pub(crate) fn shape(&self) -> [usize; 4] {
        let (n, c, h, w) = match self {
            Self::U8(view) => view.dim(),
            Self::U16(view) => view.dim(),
            Self::F16(view) => view.dim(),
            Self::Bf16(view) => view.dim(),
            Self::F32(view) => view.dim(),
            Self::F64(view) => view.dim(),
        };
        [n, c, h, w]
    }

    /// Distances in elements along each axis.
    pub(crate) fn strides(&self) -> [isize; 4] {
        let strides = match self {
            Self::U8(view) => view.strides(),
            Self::U16(view) => view.strides(),
            Self::F16(view) => view.strides(),
            Self::Bf16(view) => view.strides(),
            Self::F32(view) => view.strides(),
            Self::F64(view) => view.strides(),
        };
        std::array::from_fn(|axis| strides[axis])
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "u8",
            Self::U16(_) => "u16",
            Self::F16(_) => "f16",
            Self::Bf16(_) => "bf16",
            Self::F32(_) => "f32",
            Self::F64(_) => "f64",
        }
    }

    /// The element type's own dynamic range L: white less black.
    pub(crate) fn data_range(&self) -> f64 {
        match self {
            Self::U8(_) => f64::from(u8::MAX),
            Self::U16(_) => f64::from(u16::MAX),
            Self::F16(_) | Self::Bf16(_) | Self::F32(_) | Self::F64(_) => 1.0,
        }
    }
}

/// Numbers for each window, such as an upstream gradient, whose element type is known at run time.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Reals<'a> {
    F16(ArrayView4<'a, f16>),
    Bf16(ArrayView4<'a, bf16>),
    F32(ArrayView4<'a, f32>),
    F64(ArrayView4<'a, f64>),
}

impl<'a> Reals<'a> {
    /// The same view for a shorter time.
    pub(crate) fn reborrow<'b>(self) -> Reals<'b>
    where
        'a: 'b,
    {
        match self {
            Self::F16(view) => Reals::F16(view.reborrow()),
            Self::Bf16(view) => Reals::Bf16(view.reborrow()),
            Self::F32(view) => Reals::F32(view.reborrow()),
            Self::F64(view) => Reals::F64(view.reborrow()),
        }
    }

    pub(crate) fn shape(&self) -> [usize; 4] {
        let (n, c, h, w) = match self {
            Self::F16(view) => view.dim(),
            Self::Bf16(view) => view.dim(),
            Self::F32(view) => view.dim(),
            Self::F64(view) => view.dim(),
        };
        [n, c, h, w]
    }
}

/// A gradient or map to fill, whose element type is known at run time.
#[doc(hidden)]
#[derive(Debug)]
pub enum RealsMut<'a> {
    F16(ArrayViewMut4<'a, f16>),
    Bf16(ArrayViewMut4<'a, bf16>),
    F32(ArrayViewMut4<'a, f32>),
    F64(ArrayViewMut4<'a, f64>),
}

impl<'a> RealsMut<'a> {
    pub(crate) fn shape(&self) -> [usize; 4] {
        let (n, c, h, w) = match self {
            Self::F16(view) => view.dim(),
            Self::Bf16(view) => view.dim(),
            Self::F32(view) => view.dim(),
            Self::F64(view) => view.dim(),
        };
        [n, c, h, w]
    }

    pub(crate) fn is_half(&self) -> bool {
        matches!(self, Self::F16(_) | Self::Bf16(_))
    }

    /// The same view for a shorter time.
    pub(crate) fn reborrow(&mut self) -> RealsMut<'_> {
        match self {
            Self::F16(view) => RealsMut::F16(view.view_mut()),
            Self::Bf16(view) => RealsMut::Bf16(view.view_mut()),
            Self::F32(view) => RealsMut::F32(view.view_mut()),
            Self::F64(view) => RealsMut::F64(view.view_mut()),
        }
    }

    /// Writes these numbers.
    pub(crate) fn assign(&mut self, numbers: &Array4<f64>) {
        match self {
            Self::F16(view) => Zip::from(view)
                .and(numbers)
                .for_each(|out, &value| *out = f16::from_f64(value)),
            Self::Bf16(view) => Zip::from(view)
                .and(numbers)
                .for_each(|out, &value| *out = bf16::from_f64(value)),
            Self::F32(view) => Zip::from(view).and(numbers).for_each(|out, &value| *out = value as f32),
            Self::F64(view) => view.assign(numbers),
        }
    }

    /// Divides the view along `axis`: the part before `index` and the part from it on.
    pub(crate) fn split_at(self, axis: usize, index: usize) -> (Self, Self) {
        let axis = ndarray::Axis(axis);
        match self {
            Self::F16(view) => {
                let (a, b) = view.split_at(axis, index);
                (Self::F16(a), Self::F16(b))
            }
            Self::Bf16(view) => {
                let (a, b) = view.split_at(axis, index);
                (Self::Bf16(a), Self::Bf16(b))
            }
            Self::F32(view) => {
                let (a, b) = view.split_at(axis, index);
                (Self::F32(a), Self::F32(b))
            }
            Self::F64(view) => {
                let (a, b) = view.split_at(axis, index);
                (Self::F64(a), Self::F64(b))
            }
        }
    }
}

impl Pixel for u8 {
    type Real = f32;
    fn erase(view: ArrayView4<'_, Self>) -> Pixels<'_> {
        Pixels::U8(view)
    }
}

impl Pixel for u16 {
    type Real = f32;
    fn erase(view: ArrayView4<'_, Self>) -> Pixels<'_> {
        Pixels::U16(view)
    }
}

impl Pixel for f16 {
    type Real = f32;
    fn erase(view: ArrayView4<'_, Self>) -> Pixels<'_> {
        Pixels::F16(view)
    }
}

impl Pixel for bf16 {
    type Real = f32;
    fn erase(view: ArrayView4<'_, Self>) -> Pixels<'_> {
        Pixels::Bf16(view)
    }
}

impl Pixel for f32 {
    type Real = f32;
    fn erase(view: ArrayView4<'_, Self>) -> Pixels<'_> {
        Pixels::F32(view)
    }
}

impl Pixel for f64 {
    type Real = f64;
    fn erase(view: ArrayView4<'_, Self>) -> Pixels<'_> {
        Pixels::F64(view)
    }
}

impl Real for f16 {
    fn erase(view: ArrayView4<'_, Self>) -> Reals<'_> {
        Reals::F16(view)
    }
    fn erase_mut(view: ArrayViewMut4<'_, Self>) -> RealsMut<'_> {
        RealsMut::F16(view)
    }
}

impl Real for bf16 {
    fn erase(view: ArrayView4<'_, Self>) -> Reals<'_> {
        Reals::Bf16(view)
    }
    fn erase_mut(view: ArrayViewMut4<'_, Self>) -> RealsMut<'_> {
        RealsMut::Bf16(view)
    }
}

impl Real for f32 {
    fn erase(view: ArrayView4<'_, Self>) -> Reals<'_> {
        Reals::F32(view)
    }
    fn erase_mut(view: ArrayViewMut4<'_, Self>) -> RealsMut<'_> {
        RealsMut::F32(view)
    }
}

impl Real for f64 {
    fn erase(view: ArrayView4<'_, Self>) -> Reals<'_> {
        Reals::F64(view)
    }
    fn erase_mut(view: ArrayViewMut4<'_, Self>) -> RealsMut<'_> {
        RealsMut::F64(view)
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for half::f16 {}
    impl Sealed for half::bf16 {}
}
