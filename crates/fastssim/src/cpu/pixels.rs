//! One channel of each of two images, of any element type and strides.

use half::{bf16, f16};
use ndarray::{ArrayView2, ArrayView3, ArrayView4, Axis};

use super::compute::Compute;
use crate::input::Pixels;
use crate::options::Padding;
use crate::problem::Problem;

/// One channel of each of two images.
#[derive(Clone, Copy)]
pub(super) struct Planes<'a> {
    pub(super) x: AnyPlane<'a>,
    pub(super) y: AnyPlane<'a>,
    pub(super) padding: Padding,
}

/// One channel of one image, whose element type is known at run time.
#[derive(Clone, Copy)]
pub(super) enum AnyPlane<'a> {
    U8(Plane<'a, u8>),
    U16(Plane<'a, u16>),
    F16(Plane<'a, f16>),
    Bf16(Plane<'a, bf16>),
    F32(Plane<'a, f32>),
    F64(Plane<'a, f64>),
}

impl<'a> AnyPlane<'a> {
    fn new(pixels: Pixels<'a>, image: usize, channel: usize) -> Self {
        match pixels {
            Pixels::U8(pixels) => Self::U8(Plane::new(pixels, image, channel)),
            Pixels::U16(pixels) => Self::U16(Plane::new(pixels, image, channel)),
            Pixels::F16(pixels) => Self::F16(Plane::new(pixels, image, channel)),
            Pixels::Bf16(pixels) => Self::Bf16(Plane::new(pixels, image, channel)),
            Pixels::F32(pixels) => Self::F32(Plane::new(pixels, image, channel)),
            Pixels::F64(pixels) => Self::F64(Plane::new(pixels, image, channel)),
        }
    }

    /// (height, width).
    fn dim(&self) -> (usize, usize) {
        match self {
            Self::U8(plane) => plane.view.dim(),
            Self::U16(plane) => plane.view.dim(),
            Self::F16(plane) => plane.view.dim(),
            Self::Bf16(plane) => plane.view.dim(),
            Self::F32(plane) => plane.view.dim(),
            Self::F64(plane) => plane.view.dim(),
        }
    }
}

impl<'a> Planes<'a> {
    /// A channel of both inputs of a problem.
    pub(super) fn new<'p: 'a>(problem: &Problem<'p>, image: usize, channel: usize) -> Self {
        Self {
            x: AnyPlane::new(problem.x.reborrow(), image, channel),
            y: AnyPlane::new(problem.y.reborrow(), image, channel),
            padding: problem.padding,
        }
    }

    /// How the image continues beyond its edges.
    pub(super) fn padding(&self) -> Padding {
        self.padding
    }

    pub(super) fn height(&self) -> usize {
        self.x.dim().0
    }

    pub(super) fn width(&self) -> usize {
        self.x.dim().1
    }
}

/// One channel of one image.
#[derive(Clone, Copy)]
pub(super) struct Plane<'a, P> {
    /// (height, width).
    pub(super) view: ArrayView2<'a, P>,
    /// Where the three channels of a pixel lie side by side, all of them, as (height, width,
    /// channel), and which one this is: whole pixels are read faster than every third number.
    pub(super) packed: Option<(ArrayView3<'a, P>, usize)>,
}

impl<'a, P> Plane<'a, P> {
    fn new(images: ArrayView4<'a, P>, image: usize, channel: usize) -> Self {
        let image = images.index_axis_move(Axis(0), image);
        let view = image.reborrow().index_axis_move(Axis(0), channel);
        let is_packed = image.dim().0 == 3 && image.strides()[0] == 1 && image.strides()[2] == 3;
        let packed = is_packed.then(|| (image.permuted_axes([1, 2, 0]), channel));
        Self { view, packed }
    }
}

/// An element type of planes.
pub(super) trait Sample: Copy {
    fn to<T: Compute>(self) -> T;
}

impl Sample for u8 {
    #[inline(always)]
    fn to<T: Compute>(self) -> T {
        T::from(self)
    }
}

impl Sample for u16 {
    #[inline(always)]
    fn to<T: Compute>(self) -> T {
        T::from_u16(self)
    }
}

impl Sample for f16 {
    /// The bits of an f16 in the places of an f32's are the number times 2⁻¹¹², subnormal ones included.
    #[inline(always)]
    fn to<T: Compute>(self) -> T {
        const SCALE: f32 = f32::from_bits((127 + 112) << 23);
        let bits = u32::from(self.to_bits());
        let magnitude = f32::from_bits((bits & 0x7fff) << 13) * SCALE;
        let special = if bits & 0x7c00 == 0x7c00 { 0xff << 23 } else { 0 };
        T::from_f32(f32::from_bits(magnitude.to_bits() | special | (bits & 0x8000) << 16))
    }
}

impl Sample for bf16 {
    #[inline(always)]
    fn to<T: Compute>(self) -> T {
        T::from_f32(f32::from_bits(u32::from(self.to_bits()) << 16))
    }
}

impl Sample for f32 {
    #[inline(always)]
    fn to<T: Compute>(self) -> T {
        T::from_f32(self)
    }
}

impl Sample for f64 {
    #[inline(always)]
    fn to<T: Compute>(self) -> T {
        T::from_f64(self)
    }
}
