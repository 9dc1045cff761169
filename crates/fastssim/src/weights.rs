//! Which pixels count: a mask, or a weight for each pixel.

use ndarray::{ArrayBase, ArrayView2, ArrayView3, Axis, Data, Ix2, Ix3, RawData};

use crate::error::{Error, Result};
use crate::problem::map_shape;

/// What each pixel of an image counts in its score, the same for all channels: the score is the mean of the SSIM map
/// weighted by this.
///
/// Made from an `ndarray` view or `&Array` of `u8` or `f32`: (height, width), for all images, or (images, height,
/// width). A mask of 0 and 1, or of 0 and 255, chooses pixels. A window counts what the pixel at its centre counts.
///
/// ```
/// use fastssim::Ssim;
/// use ndarray::{Array2, s};
///
/// let x = Array2::from_shape_fn((64, 64), |(i, j)| (i * j % 256) as u8);
/// let mut y = x.clone();
/// y.slice_mut(s![..10, ..]).fill(0);
/// // What lies far enough from the rows that differ.
/// let mut mask = Array2::<u8>::zeros((64, 64));
/// mask.slice_mut(s![20.., ..]).fill(1);
/// let metric = Ssim::default();
/// assert!(metric.ssim(&x, &y)? < 0.95);
/// assert_eq!(metric.ssim_of(&x, &y).weights(&mask).images()?, 1.0);
/// # Ok::<(), fastssim::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PixelWeights<'a>(View<'a>);

/// (images, height, width); one image stands for all.
#[derive(Clone, Copy, Debug)]
pub(crate) enum View<'a> {
    U8(ArrayView3<'a, u8>),
    F32(ArrayView3<'a, f32>),
}

/// An element type of weights: `u8` or `f32`. This trait is sealed.
pub trait Weight: sealed::Sealed + Copy + 'static {
    #[doc(hidden)]
    fn weights(view: ArrayView3<'_, Self>) -> PixelWeights<'_>;
}

impl Weight for u8 {
    fn weights(view: ArrayView3<'_, Self>) -> PixelWeights<'_> {
        PixelWeights(View::U8(view))
    }
}

impl Weight for f32 {
    fn weights(view: ArrayView3<'_, Self>) -> PixelWeights<'_> {
        PixelWeights(View::F32(view))
    }
}

impl<'a, T: Weight, S: Data + RawData<Elem = T>> From<&'a ArrayBase<S, Ix2>> for PixelWeights<'a> {
    fn from(weights: &'a ArrayBase<S, Ix2>) -> Self {
        T::weights(weights.view().insert_axis(Axis(0)))
    }
}

impl<'a, T: Weight, S: Data + RawData<Elem = T>> From<&'a ArrayBase<S, Ix3>> for PixelWeights<'a> {
    fn from(weights: &'a ArrayBase<S, Ix3>) -> Self {
        T::weights(weights.view())
    }
}

impl<'a, T: Weight> From<ArrayView2<'a, T>> for PixelWeights<'a> {
    fn from(weights: ArrayView2<'a, T>) -> Self {
        T::weights(weights.insert_axis(Axis(0)))
    }
}

impl<'a, T: Weight> From<ArrayView3<'a, T>> for PixelWeights<'a> {
    fn from(weights: ArrayView3<'a, T>) -> Self {
        T::weights(weights)
    }
}

/// What each window of a map counts, checked.
#[derive(Clone, Debug)]
pub(crate) struct WindowWeights<'a> {
    /// Shaped like the images; under valid padding pixels near the edges are no window's centre.
    weights: PixelWeights<'a>,
    /// The sum over each image's windows.
    totals: Vec<f64>,
}

impl<'a> WindowWeights<'a> {
    /// The weights of the windows of images of this shape, `margin` pixels of which have none at each edge.
    pub(crate) fn new(weights: PixelWeights<'a>, shape: [usize; 4], margin: usize) -> Result<Self> {
        let [n, _, height, width] = shape;
        let found = weights.dim();
        if (found.1, found.2) != (height, width) || (found.0 != 1 && found.0 != n) {
            return Err(Error::OutputShape {
                name: "weights",
                expected: vec![n, height, width],
                found: vec![found.0, found.1, found.2],
            });
        }
        let [_, _, map_height, map_width] = map_shape(shape, margin);
        let mut totals = Vec::with_capacity(n);
        for image in 0..n.min(found.0) {
            let of_image = weights.of_image(image);
            let rows = margin..margin + map_height;
            let rows = rows.map(|row| (margin..margin + map_width).map(move |col| (row, col)));
            let mut total = 0.0;
            for row in rows {
                // Row by row, so that no sum is long.
                let mut sum = 0.0;
                for (row, col) in row {
                    let weight = of_image.at(row, col);
                    // Written so that NaN fails.
                    if !(weight >= 0.0 && weight.is_finite()) {
                        return Err(wrong(format!("{weight} at row {row}, column {col} of image {image}")));
                    }
                    sum += weight;
                }
                total += sum;
            }
            if total == 0.0 {
                return Err(wrong(format!("zero for all windows of image {image}")));
            }
            totals.push(total);
        }
        Ok(Self { weights, totals })
    }

    /// The sum of the weights of an image's windows.
    pub(crate) fn total(&self, image: usize) -> f64 {
        self.totals[image.min(self.totals.len() - 1)]
    }

    /// The weights of one image.
    pub(crate) fn of_image(&self, image: usize) -> ImageWeights<'_> {
        self.weights.of_image(image)
    }

    /// All weights.
    #[cfg(feature = "cuda")]
    pub(crate) fn view(&self) -> View<'a> {
        self.weights.0
    }
}

/// What each window of one image counts, by the pixel at its centre.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ImageWeights<'a> {
    U8(ArrayView2<'a, u8>),
    F32(ArrayView2<'a, f32>),
}

impl ImageWeights<'_> {
    pub(crate) fn at(&self, row: usize, col: usize) -> f64 {
        match self {
            Self::U8(view) => view[[row, col]].into(),
            Self::F32(view) => view[[row, col]].into(),
        }
    }
}

fn wrong(found: String) -> Error {
    Error::Weights {
        name: "weights",
        found,
        allowed: "finite, not negative, and not all zero where there are windows",
    }
}

impl PixelWeights<'_> {
    fn dim(&self) -> (usize, usize, usize) {
        match self.0 {
            View::U8(view) => view.dim(),
            View::F32(view) => view.dim(),
        }
    }

    fn of_image(&self, image: usize) -> ImageWeights<'_> {
        let image = image.min(self.dim().0 - 1);
        match self.0 {
            View::U8(view) => ImageWeights::U8(view.index_axis_move(Axis(0), image).reborrow()),
            View::F32(view) => ImageWeights::F32(view.index_axis_move(Axis(0), image).reborrow()),
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
}
