//! A reference: images that are compared with many others, prepared once.

use std::sync::OnceLock;

use half::{bf16, f16};
use ndarray::{Array4, Ix4};

#[cfg(feature = "cuda")]
use crate::cuda::Residents;
use crate::error::{Error, Result};
use crate::input::{Input, Pixels, Shape, sealed};
use crate::reduced;

/// Images that many others are compared with: given to a metric in the place of the second input, they are the same
/// numbers in less time.
///
/// They are copied when the reference is made, so that the originals may go or change. What is kept besides, from the
/// first call that needs it on:
///
/// * on a GPU, the images in the device's memory, for as long as the reference lives, so that each call copies but the
///   others there;
/// * with [`Downsampling::Automatic`](crate::Downsampling::Automatic), the images made smaller, which is half of the time
///   of such a call (7.5 to 3.9 ms for a channel of 1080p in `u8` on one core). No other call of a processor is faster by a
///   reference.
///
/// Nothing is converted: pixels keep their type. A picture whose alpha is dropped is copied without it, so that it is read
/// number by number but once. What is wrong with a picture is said at once.
///
/// The means and variances of the reference alone are computed anew, as keeping them is not faster: SSIM is computed from
/// those of the sum and the difference with the other image. With the reference's own, one of four blurs could be left
/// out, which is at best a tenth of the time on a processor (5.44 to 4.87 ms), less what it takes to read the kept numbers, three
/// to a pixel; and the last digits would be others than those of a plain call.
///
/// A reference of one image is compared with each image of a batch. It can be used with any metric and for all that a
/// [`Pair`](crate::Pair) is asked for, from any thread, and by several at the same time.
///
/// ```
/// use fastssim::{Reference, ScoreSum, Ssim};
/// use ndarray::{Array3, Array4};
///
/// let original = Array3::from_shape_fn((3, 32, 40), |(c, i, j)| (c + i * j) as f32 / 1300.0);
/// let reference = Reference::new(&original)?;
/// let metric = Ssim::default();
///
/// let mut scores = ScoreSum::new();
/// for step in 1..5 {
///     let candidate = original.mapv(|value| value * (1.0 - 0.1 / step as f32));
///     let (loss, gradient) = metric.dssim_with_gradient(&candidate, &reference)?;
///     scores.add(loss);
/// }
/// assert_eq!(scores.count(), 4);
///
/// // One image for a whole batch.
/// let batch = Array4::from_shape_fn((5, 3, 32, 40), |(n, c, i, j)| original[[c, i, j]] * (1.0 - 0.05 * n as f32));
/// let scores = metric.ssim(&batch, &reference)?;
/// assert_eq!((scores.len(), scores[0]), (5, 1.0));
/// # Ok::<(), fastssim::Error>(())
/// ```
#[derive(Debug)]
pub struct Reference {
    pixels: Owned,
    /// Made smaller: always by the same factor, which their size decides.
    smaller: OnceLock<Box<Self>>,
    #[cfg(feature = "cuda")]
    residents: Residents,
}

/// Images of an element type that is known at run time.
#[derive(Debug)]
enum Owned {
    U8(Array4<u8>),
    U16(Array4<u16>),
    F16(Array4<f16>),
    Bf16(Array4<bf16>),
    F32(Array4<f32>),
    F64(Array4<f64>),
}

impl Reference {
    /// A copy of these images, in the order in which they lie in memory; channel by channel and row by row where they have
    /// gaps, as crops and pictures without their alpha.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] where there is no pixel, and [`Error::Alpha`] and [`Error::ColorType`] for pictures.
    pub fn new<'a>(images: impl Input<'a>) -> Result<Self> {
        let name = "the reference";
        let pixels = images.pixels().map_err(|error| error.in_input(name))?;
        let shape = pixels.shape();
        if shape.contains(&0) {
            return Err(Error::Empty { name, shape });
        }
        Ok(Self::from_owned(match pixels {
            Pixels::U8(view) => Owned::U8(view.to_owned()),
            Pixels::U16(view) => Owned::U16(view.to_owned()),
            Pixels::F16(view) => Owned::F16(view.to_owned()),
            Pixels::Bf16(view) => Owned::Bf16(view.to_owned()),
            Pixels::F32(view) => Owned::F32(view.to_owned()),
            Pixels::F64(view) => Owned::F64(view.to_owned()),
        }))
    }

    fn from_owned(pixels: Owned) -> Self {
        Self {
            pixels,
            smaller: OnceLock::new(),
            #[cfg(feature = "cuda")]
            residents: Residents::default(),
        }
    }

    /// (images, channels, height, width).
    pub fn shape(&self) -> [usize; 4] {
        self.pixels().shape()
    }

    pub(crate) fn pixels(&self) -> Pixels<'_> {
        match &self.pixels {
            Owned::U8(images) => Pixels::U8(images.view()),
            Owned::U16(images) => Pixels::U16(images.view()),
            Owned::F16(images) => Pixels::F16(images.view()),
            Owned::Bf16(images) => Pixels::Bf16(images.view()),
            Owned::F32(images) => Pixels::F32(images.view()),
            Owned::F64(images) => Pixels::F64(images.view()),
        }
    }

    /// The pixels beside a batch of so many images: one image stands for all of them.
    pub(crate) fn beside(&self, images: usize) -> Pixels<'_> {
        let [n, c, h, w] = self.shape();
        if n != 1 {
            return self.pixels();
        }
        let shape = (images, c, h, w);
        let pixels = match &self.pixels {
            Owned::U8(one) => one.broadcast(shape).map(Pixels::U8),
            Owned::U16(one) => one.broadcast(shape).map(Pixels::U16),
            Owned::F16(one) => one.broadcast(shape).map(Pixels::F16),
            Owned::Bf16(one) => one.broadcast(shape).map(Pixels::Bf16),
            Owned::F32(one) => one.broadcast(shape).map(Pixels::F32),
            Owned::F64(one) => one.broadcast(shape).map(Pixels::F64),
        };
        // More than memory can count are another shape, which is an error.
        pixels.unwrap_or_else(|| self.pixels())
    }

    /// The same made smaller by `factor`, which is the one for their size.
    pub(crate) fn smaller(&self, factor: usize) -> &Self {
        self.smaller.get_or_init(|| {
            let images = reduced::reduce(self.pixels(), factor);
            Box::new(Self::from_owned(Owned::F64(images)))
        })
    }

    #[cfg(feature = "cuda")]
    pub(crate) fn residents(&self) -> &Residents {
        &self.residents
    }
}

impl sealed::Sealed for &Reference {}

/// As the first input it is a batch like any other, with results in `f64`.
impl<'a> Input<'a> for &'a Reference {
    type Real = f64;
    type Dim = Ix4;
    type Scores = Vec<f64>;
    fn pixels(self) -> Result<Pixels<'a>> {
        Ok(self.pixels())
    }
    fn prepared(&self) -> Option<&'a Reference> {
        Some(self)
    }
    fn scores(scores: Vec<f64>) -> Vec<f64> {
        Ix4::scores(scores)
    }
}
