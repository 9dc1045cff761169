//! The same numbers in every order of memory: permuted axes, gaps, negative strides.

use ndarray::{Array4, ArrayView4, ArrayViewMut4, Axis, Slice};

/// How a batch of images lies in memory.
#[derive(Clone, Copy, Debug)]
pub struct Arrangement {
    /// Which axis of the batch each axis of memory is, the slowest first.
    pub order: [usize; 4],
    /// For each axis of the batch, the distance between neighbours; backwards if negative.
    pub steps: [isize; 4],
}

impl Arrangement {
    /// (images, channels, height, width) without gaps.
    pub const PLANAR: Self = Self {
        order: [0, 1, 2, 3],
        steps: [1; 4],
    };
}

/// A batch of images within a larger array, arranged in any way.
#[derive(Clone, Debug)]
pub struct Strided<T> {
    memory: Array4<T>,
    arrangement: Arrangement,
}

impl<T: Copy> Strided<T> {
    /// A copy of `images`, with `gap` in all elements between them.
    pub fn new(images: ArrayView4<'_, T>, arrangement: Arrangement, gap: T) -> Self {
        let extent = |axis: usize| images.len_of(Axis(axis)) * arrangement.steps[axis].unsigned_abs();
        let memory = Array4::from_elem(arrangement.order.map(extent), gap);
        let mut strided = Self { memory, arrangement };
        strided.view_mut().assign(&images);
        strided
    }

    /// The images.
    pub fn view(&self) -> ArrayView4<'_, T> {
        let mut view = self.memory.view().permuted_axes(self.inverse());
        for (axis, step) in self.arrangement.steps.into_iter().enumerate() {
            view.slice_axis_inplace(Axis(axis), Slice::new(0, None, step));
        }
        view
    }

    /// The images, to write to.
    pub fn view_mut(&mut self) -> ArrayViewMut4<'_, T> {
        let inverse = self.inverse();
        let mut view = self.memory.view_mut().permuted_axes(inverse);
        for (axis, step) in self.arrangement.steps.into_iter().enumerate() {
            view.slice_axis_inplace(Axis(axis), Slice::new(0, None, step));
        }
        view
    }

    /// All of the memory, gaps included.
    pub fn memory(&self) -> &Array4<T> {
        &self.memory
    }

    /// Which axis of memory each axis of the batch is.
    fn inverse(&self) -> [usize; 4] {
        let mut inverse = [0; 4];
        for (memory, axis) in self.arrangement.order.into_iter().enumerate() {
            inverse[axis] = memory;
        }
        inverse
    }
}
