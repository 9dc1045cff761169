//! `ndarray` views of two, three and four dimensions.

use ndarray::{
    Array, ArrayBase, ArrayRef, ArrayView, ArrayView4, ArrayViewMut, ArrayViewMut4, Axis, Data, Dimension, Ix2, Ix3,
    Ix4, IxDyn,
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
    /// Zeros for the (images, channels, height, width) given, of which this shape keeps its own, ordered in memory as
    /// these strides are.
    #[doc(hidden)]
    fn zeros<T: Copy + Default>(shape: [usize; 4], like: [isize; 4]) -> Array<T, Self> {
        let own = 4 - Self::NDIM.unwrap_or(4)..4;
        // From the outermost axis to the innermost, and back.
        let mut order: Vec<usize> = (0..own.len()).collect();
        order.sort_by_key(|&axis| std::cmp::Reverse(like[own.clone()][axis].unsigned_abs()));
        let mut places = vec![0; own.len()];
        for (place, &axis) in order.iter().enumerate() {
            places[axis] = place;
        }
        let extents: Vec<usize> = order.iter().map(|&axis| shape[own.clone()][axis]).collect();
        let ordered = Array::from_elem(IxDyn(&extents), T::default()).permuted_axes(IxDyn(&places));
        // Always of that dimension.
        ordered.into_dimensionality().unwrap_or_default()
    }
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
