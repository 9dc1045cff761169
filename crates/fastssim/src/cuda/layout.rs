//! How a batch lies in memory: its shape, its strides, and the order of its axes where there are no gaps.

use std::cmp::Reverse;

use fastssim_kernels::params::Planes;
use ndarray::ArrayView4;

use crate::CudaError;
use crate::error::{Error, Result};

/// Elements that a channel may span, from its first to its last: kernels count them in 32 bits.
const MAX_SPAN: usize = i32::MAX as usize;
/// The most rows and columns, which kernels count in 32 bits with a sign; with strides of zero they can be many.
const MAX_EXTENT: usize = i32::MAX as usize;

/// Shape and strides, in elements, of (images, channels, height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) shape: [usize; 4],
    pub(super) strides: [usize; 4],
    /// The axes from the slowest to the fastest, where the elements fill a piece of memory without gaps.
    pub(super) order: Option<[usize; 4]>,
}

impl Layout {
    /// Any strides.
    pub(super) fn new(name: &'static str, shape: [usize; 4], strides: [usize; 4]) -> Result<Self> {
        if shape.contains(&0) {
            return Err(Error::Empty { name, shape });
        }
        let overflow = Error::Overflow { shape };
        let steps = steps(shape, strides);
        if span(&shape, &steps).is_none() || shape.iter().any(|&extent| u32::try_from(extent).is_err()) {
            return Err(overflow);
        }
        let order = dense_order(shape, strides.map(|stride| Some(stride).filter(|&s| s > 0)));
        // Counts of elements must not overflow either, where strides are zero.
        let elements = shape
            .iter()
            .try_fold(1usize, |product, &extent| product.checked_mul(extent));
        if elements.is_none_or(|elements| elements > isize::MAX as usize / size_of::<f64>()) {
            return Err(overflow);
        }
        let [_, _, height, width] = shape;
        if height > MAX_EXTENT || width > MAX_EXTENT {
            return Err(CudaError::Unsupported {
                what: format!("{name} of {height} rows and {width} columns"),
                allowed: "less than 2^31 rows and columns",
            }
            .into());
        }
        let [_, _, row, col] = steps;
        let channel = (height - 1) * row + (width - 1) * col;
        if channel >= MAX_SPAN || row > MAX_SPAN || col > MAX_SPAN {
            return Err(CudaError::Unsupported {
                what: format!("{name} has channels that span {} elements", channel.saturating_add(1)),
                allowed: "channels that span less than 2^31 elements",
            }
            .into());
        }
        Ok(Self { shape, strides, order })
    }

    /// Image by image, channel by channel, row by row.
    pub(super) fn planar(name: &'static str, shape: [usize; 4]) -> Result<Self> {
        Self::in_order(name, shape, [0, 1, 2, 3])
    }

    /// In the order of `view` where it has no gaps, else planar: what has no gaps is copied fastest as it is.
    pub(super) fn like<T>(name: &'static str, view: &ArrayView4<'_, T>) -> Result<Self> {
        let (n, c, h, w) = view.dim();
        let shape = [n, c, h, w];
        let mut strides = [None; 4];
        for (stride, &of_view) in strides.iter_mut().zip(view.strides()) {
            *stride = usize::try_from(of_view).ok().filter(|&stride| stride > 0);
        }
        match dense_order(shape, strides) {
            Some(order) => Self::in_order(name, shape, order),
            None => Self::planar(name, shape),
        }
    }

    /// With the axes in this order, from the slowest to the fastest.
    pub(super) fn in_order(name: &'static str, shape: [usize; 4], order: [usize; 4]) -> Result<Self> {
        let mut strides = [0; 4];
        let mut stride = 1usize;
        for axis in order.into_iter().rev() {
            strides[axis] = stride;
            stride = stride.checked_mul(shape[axis]).ok_or(Error::Overflow { shape })?;
        }
        Self::new(name, shape, strides)
    }

    /// Elements from the first to the last, both counted.
    pub(super) fn span(&self) -> usize {
        span(&self.shape, &self.steps()).unwrap_or(usize::MAX)
    }

    /// The strides that matter: those of extents of one are zero, whatever they were said to be.
    pub(super) fn steps(&self) -> [usize; 4] {
        steps(self.shape, self.strides)
    }

    /// The same for a kernel, for images at this address.
    pub(super) fn planes(&self, address: u64) -> Planes {
        let [image, channel, row, col] = self.steps();
        Planes {
            data: address,
            // `new` has seen to it that all fit.
            image: image as i64,
            channel: channel as i64,
            row: row as u32,
            col: col as u32,
        }
    }
}

/// The strides, zero for extents of one, which nobody steps along.
fn steps(shape: [usize; 4], strides: [usize; 4]) -> [usize; 4] {
    std::array::from_fn(|axis| if shape[axis] > 1 { strides[axis] } else { 0 })
}

/// Elements from the first to the last, both counted; `None` where that or its bytes overflow.
fn span(shape: &[usize; 4], strides: &[usize; 4]) -> Option<usize> {
    let last = shape.iter().zip(strides).try_fold(0usize, |sum, (&extent, &stride)| {
        sum.checked_add(extent.checked_sub(1)?.checked_mul(stride)?)
    })?;
    let most = isize::MAX as usize / size_of::<f64>();
    (last < most && strides.iter().all(|&stride| stride <= most)).then_some(last + 1)
}

/// The axes from the slowest to the fastest, if the elements lie side by side in that order. The stride of an
/// axis of one element does not matter; `None` stands for strides that no such order has.
fn dense_order(shape: [usize; 4], strides: [Option<usize>; 4]) -> Option<[usize; 4]> {
    let mut order = [0, 1, 2, 3];
    // Axes of one element go to the front; the sort is stable.
    order.sort_by_key(|&axis| {
        if shape[axis] == 1 {
            None
        } else {
            Some(Reverse(strides[axis]))
        }
    });
    let mut expected = 1usize;
    for axis in order.into_iter().rev().filter(|&axis| shape[axis] > 1) {
        if strides[axis] != Some(expected) {
            return None;
        }
        expected = expected.checked_mul(shape[axis])?;
    }
    Some(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array4, s};

    fn of(view: ArrayView4<'_, u8>) -> Layout {
        Layout::like("x", &view).expect("a valid shape")
    }

    #[test]
    fn planar_arrays_stay_planar() {
        let images = Array4::<u8>::zeros((2, 3, 4, 5));
        let layout = of(images.view());
        assert_eq!((layout.strides, layout.order), ([60, 20, 5, 1], Some([0, 1, 2, 3])));
        assert_eq!(layout.span(), 120);
        assert_eq!(layout, Layout::planar("x", layout.shape).expect("valid"));
    }

    #[test]
    fn interleaved_arrays_keep_their_order() {
        let images = Array4::<u8>::zeros((2, 4, 5, 3));
        let layout = of(images.view().permuted_axes([0, 3, 1, 2]));
        assert_eq!((layout.shape, layout.strides), ([2, 3, 4, 5], [60, 1, 15, 3]));
        assert_eq!(layout.order, Some([0, 2, 3, 1]));
    }

    #[test]
    fn gaps_and_backward_strides_are_packed() {
        let images = Array4::<u8>::zeros((2, 3, 8, 8));
        for view in [
            images.slice(s![.., .., ..6, ..]),
            images.slice(s![.., .., .., ..;2]),
            images.slice(s![.., .., ..;-1, ..]),
            images
                .slice(s![.., ..1, ..1, ..1])
                .broadcast((2, 3, 8, 8))
                .expect("broadcasts"),
        ] {
            assert_eq!(of(view).order, Some([0, 1, 2, 3]), "{:?}", view.strides());
        }
    }

    #[test]
    fn extents_of_one_have_no_stride() {
        let images = Array4::<u8>::zeros((5, 1, 7, 1));
        let layout = of(images.slice(s![2..3, .., .., ..]));
        assert_eq!((layout.shape, layout.span()), ([1, 1, 7, 1], 7));
        let one = Layout::new("x", [1, 1, 1, 1], [9, 0, 3, 0]).expect("valid");
        assert!(one.order.is_some());
        assert_eq!(one.span(), 1);
        // Not even one that no memory has.
        let huge = usize::MAX;
        let row = Layout::new("x", [1, 1, 1, 5], [huge, huge, huge, 1]).expect("valid");
        assert_eq!((row.span(), row.steps()), (5, [0, 0, 0, 1]));
        assert_eq!(row.order, Some([0, 1, 2, 3]));
        let planes = row.planes(64);
        assert_eq!((planes.image, planes.channel, planes.row, planes.col), (0, 0, 0, 1));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let huge = usize::MAX / 2;
        for (shape, strides) in [
            ([2, 1, 1, 1], [huge, 1, 1, 1]),
            ([1, 1, huge, 2], [1, 1, 1, 1]),
            ([1 << 31, 1 << 31, 1 << 31, 1], [0; 4]),
        ] {
            assert_eq!(Layout::new("x", shape, strides), Err(Error::Overflow { shape }));
        }
        let error = Layout::planar("x", [1, 1, 1 << 16, 1 << 15]).expect_err("too large a channel");
        assert!(matches!(error, Error::Cuda(CudaError::Unsupported { .. })), "{error}");
        assert!(Layout::planar("x", [1, 1, 1 << 16, (1 << 15) - 1]).is_ok());
        let most = i32::MAX as usize;
        for shape in [[1, 1, most + 1, 1], [1, 1, 1, most + 1]] {
            let error = Layout::new("x", shape, [0; 4]).expect_err("too many rows or columns");
            assert!(matches!(error, Error::Cuda(CudaError::Unsupported { .. })), "{error}");
        }
        assert!(Layout::new("x", [1, 1, most, 1], [0; 4]).is_ok());
        let shape = [1, 0, 2, 3];
        assert_eq!(Layout::planar("x", shape), Err(Error::Empty { name: "x", shape }));
    }
}
