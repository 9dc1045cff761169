//! `ndarray` views of two, three and four dimensions.

use ndarray::{
    Array, ArrayBase, ArrayRef, ArrayView, ArrayView4, ArrayViewMut, ArrayViewMut4, Axis, Data, Dimension, Ix2, Ix3,
    Ix4,
};

use super::{Input, Pixel, Pixels, sealed};
use crate::error::Result;

/// The shapes that images come in: (height, width), (channels, height, width) and
/// (images, channels, height, width). This trait is sealed.
pub trait Shape: Dimension + sealed::Sealed {
    /// One `f64` for a single image, a `Vec<f64>` for a batch.
    type Scores;
    #[doc(hidden)]
    fn scores(scores: Vec<f64>) -> Self::Scores;
    #[doc(hidden)]
    fn widen<T>(view: ArrayView<'_, T, Self>) -> ArrayView4<'_, T>;
    #[doc(hidden)]
    fn widen_mut<T>(view: ArrayViewMut<'_, T, Self>) -> ArrayViewMut4<'_, T>;
    /// An array of the (images, channels, height, width) given, of which this shape keeps its own.
    #[doc(hidden)]
    fn zeros<T: Copy + Default>(shape: [usize; 4]) -> Array<T, Self>;
}

fn only(scores: Vec<f64>) -> f64 {
    scores[0]
}

impl Shape for Ix2 {
    type Scores = f64;
    fn scores(scores: Vec<f64>) -> f64 {
        only(scores)
    }
    fn widen<T>(view: ArrayView<'_, T, Self>) -> ArrayView4<'_, T> {
        view.insert_axis(Axis(0)).insert_axis(Axis(0))
    }
    fn widen_mut<T>(view: ArrayViewMut<'_, T, Self>) -> ArrayViewMut4<'_, T> {
        view.insert_axis(Axis(0)).insert_axis(Axis(0))
    }
    fn zeros<T: Copy + Default>([_, _, h, w]: [usize; 4]) -> Array<T, Self> {
        Array::from_elem((h, w), T::default())
    }
}

impl Shape for Ix3 {
    type Scores = f64;
    fn scores(scores: Vec<f64>) -> f64 {
        only(scores)
    }
    fn widen<T>(view: ArrayView<'_, T, Self>) -> ArrayView4<'_, T> {
        view.insert_axis(Axis(0))
    }
    fn widen_mut<T>(view: ArrayViewMut<'_, T, Self>) -> ArrayViewMut4<'_, T> {
        view.insert_axis(Axis(0))
    }
    fn zeros<T: Copy + Default>([_, c, h, w]: [usize; 4]) -> Array<T, Self> {
        Array::from_elem((c, h, w), T::default())
    }
}

impl Shape for Ix4 {
    type Scores = Vec<f64>;
    fn scores(scores: Vec<f64>) -> Vec<f64> {
        scores
    }
    fn widen<T>(view: ArrayView<'_, T, Self>) -> ArrayView4<'_, T> {
        view
    }
    fn widen_mut<T>(view: ArrayViewMut<'_, T, Self>) -> ArrayViewMut4<'_, T> {
        view
    }
    fn zeros<T: Copy + Default>([n, c, h, w]: [usize; 4]) -> Array<T, Self> {
        Array::from_elem((n, c, h, w), T::default())
    }
}

impl sealed::Sealed for Ix2 {}
impl sealed::Sealed for Ix3 {}
impl sealed::Sealed for Ix4 {}

impl<T: Pixel, D: Shape> sealed::Sealed for ArrayView<'_, T, D> {}

impl<'a, T: Pixel, D: Shape> Input<'a> for ArrayView<'a, T, D> {
    type Real = T::Real;
    type Dim = D;
    type Scores = D::Scores;
    fn pixels(self) -> Result<Pixels<'a>> {
        Ok(T::erase(D::widen(self)))
    }
    fn scores(scores: Vec<f64>) -> D::Scores {
        D::scores(scores)
    }
}

impl<T: Pixel, D: Shape> sealed::Sealed for &ArrayRef<T, D> {}

impl<'a, T: Pixel, D: Shape> Input<'a> for &'a ArrayRef<T, D> {
    type Real = T::Real;
    type Dim = D;
    type Scores = D::Scores;
    fn pixels(self) -> Result<Pixels<'a>> {
        self.view().pixels()
    }
    fn scores(scores: Vec<f64>) -> D::Scores {
        D::scores(scores)
    }
}

impl<T: Pixel, S: Data<Elem = T>, D: Shape> sealed::Sealed for &ArrayBase<S, D> {}

impl<'a, T: Pixel, S: Data<Elem = T>, D: Shape> Input<'a> for &'a ArrayBase<S, D> {
    type Real = T::Real;
    type Dim = D;
    type Scores = D::Scores;
    fn pixels(self) -> Result<Pixels<'a>> {
        self.view().pixels()
    }
    fn scores(scores: Vec<f64>) -> D::Scores {
        D::scores(scores)
    }
}
