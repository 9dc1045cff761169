//! Device images made smaller before they are compared, and the gradient's way back.
//!
//! As on the host, the smaller images are computed and compared in double precision. They are in the stream's workspace.

use fastssim_kernels::general::geometry::Resizing;
use fastssim_kernels::general::params::Resize;

use super::call::{Array, Call};
use super::general::{self, typed};
use super::images::Kind;
use super::layout::Layout;
use super::stream::Stream;
use crate::error::{Error, Result};
use crate::reduced::reduced_shape;

/// Puts a call into the stream whose images are made smaller by `factor`, at least 2.
///
/// # Safety
///
/// As [`Call::launch`].
pub(super) unsafe fn launch(call: &Call<'_>, factor: usize, stream: &Stream) -> Result<()> {
    let [n, c, h, w] = call.shape;
    let images = Small::new([n, c, h, w], factor, Kind::F64)?;
    // One image's weights may stand for all.
    let of_weights = match &call.weights {
        Some(weights) if weights.planes.image == 0 => Some([1, 1, h, w]),
        Some(_) => Some([n, 1, h, w]),
        None => None,
    };
    let weights = of_weights
        .map(|shape| Small::new(shape, factor, Kind::F32))
        .transpose()?;
    let wanted = call.gradients.iter().flatten().count();
    let bytes = (2 + wanted) * images.bytes() + weights.as_ref().map_or(0, Small::bytes);
    let buffer = stream.take_smaller(bytes)?;
    let mut address = buffer.address();
    let mut place = |small: &Small| {
        let array = small.array(address);
        address += small.bytes() as u64;
        array
    };
    let (x, y) = (place(&images), place(&images));
    // Gradients first: these are of eight bytes as well.
    let gradients = call.gradients.map(|gradient| gradient.map(|_| place(&images)));
    let small_weights = weights.as_ref().map(&mut place);
    let mut reduce = vec![(&images, call.x, x), (&images, call.y, y)];
    if let (Some(of), Some(large), Some(small)) = (&weights, call.weights, small_weights) {
        reduce.push((of, large, small));
    }
    for (of, large, small) in reduce {
        // SAFETY: the large images are as the caller promises, the small ones have their place in the buffer.
        unsafe { stream.resize(Resizing::Reduce, &of.params(large, small)?) }?;
    }
    let inner = Call {
        shape: reduced_shape(call.shape, factor),
        x,
        y,
        gradients,
        weights: small_weights,
        ..call.clone()
    };
    // SAFETY: the small images and gradients have their place in the buffer, the rest is as the caller promises.
    unsafe { general::launch(&inner, stream) }?;
    for (large, small) in call.gradients.into_iter().zip(gradients) {
        if let Some((large, small)) = large.zip(small) {
            // SAFETY: as above.
            unsafe { stream.resize(Resizing::Spread, &images.params(large, small)?) }?;
        }
    }
    stream.keep_smaller(buffer);
    Ok(())
}

/// Images of some shape made smaller.
struct Small {
    /// The shape of the large ones.
    shape: [usize; 4],
    factor: usize,
    layout: Layout,
    kind: Kind,
}

impl Small {
    fn new(shape: [usize; 4], factor: usize, kind: Kind) -> Result<Self> {
        Ok(Self {
            shape,
            factor,
            layout: Layout::planar("the smaller images", reduced_shape(shape, factor))?,
            kind,
        })
    }

    fn bytes(&self) -> usize {
        self.layout.span() * self.kind.bytes()
    }

    fn array(&self, address: u64) -> Array {
        Array {
            planes: self.layout.planes(address),
            kind: self.kind,
        }
    }

    fn params(&self, large: Array, small: Array) -> Result<Resize> {
        let shape = self.shape;
        let fits = |extent: usize| u32::try_from(extent).map_err(|_| Error::Overflow { shape });
        Ok(Resize {
            large: typed(Some(large)),
            small: typed(Some(small)),
            images: fits(shape[0])?,
            channels: fits(shape[1])?,
            height: fits(shape[2])?,
            width: fits(shape[3])?,
            factor: fits(self.factor)?,
            reserved: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_images() {
        let small = Small::new([2, 3, 400, 601], 2, Kind::F64).expect("valid");
        let large = Layout::planar("x", [2, 3, 400, 601]).expect("valid");
        let large = Array {
            planes: large.planes(1 << 30),
            kind: Kind::U8,
        };
        let p = small.params(large, small.array(1 << 40)).expect("valid");
        assert_eq!(small.bytes(), 2 * 3 * 200 * 301 * 8);
        assert_eq!((p.images, p.channels, p.height, p.width, p.factor), (2, 3, 400, 601, 2));
        assert_eq!((p.large.planes.data, p.small.planes.data), (1 << 30, 1 << 40));
        assert_eq!((p.large.planes.row, p.small.planes.row), (601, 301));
        assert_eq!(p.small.planes.image, 3 * 200 * 301);
    }
}
