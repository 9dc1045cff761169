//! Gradients that take two kernels: how many channels at a time, such that the derivatives between them take no more memory than a few large
//! images do.

use fastssim_kernels::geometry::{Launch, Work, derivatives_of_channel, launch_adjoint};
use fastssim_kernels::params::Params;

use crate::error::{Error, Result};

/// Bytes of derivatives at most, if a channel has no more: so many that a GPU is seldom idle between two launches.
const MOST: u64 = 1 << 30;

/// The launches of the second kernel, and what goes from one to the other.
pub(super) struct Split {
    /// Of all channels.
    pub(super) adjoint: Launch,
    /// Channels of the batch.
    pub(super) planes: u32,
    /// Bytes of the derivatives of the channels that are done at a time.
    pub(super) bytes: usize,
    /// How many that are.
    chunk: u32,
}

impl Split {
    /// With a window of so many taps; fills in what the second kernel is told of its tiles.
    pub(super) fn new(work: Work, taps: u32, params: &mut Params) -> Result<Self> {
        let shape = [params.images, params.channels, params.height, params.width];
        let overflow = || Error::Overflow {
            shape: shape.map(|extent| extent as usize),
        };
        let planes = params.images.checked_mul(params.channels).ok_or_else(overflow)?;
        let adjoint = launch_adjoint(work, taps, params).ok_or_else(overflow)?;
        let elements = derivatives_of_channel(work, params).ok_or_else(overflow)?;
        let of_channel = elements * size_of::<f32>() as u64;
        let most = (MOST / of_channel.max(1)).clamp(1, planes.into()) as u32;
        // As many each time, so that none leaves the GPU idle.
        let chunk = planes.div_ceil(planes.div_ceil(most));
        Ok(Self {
            adjoint,
            planes,
            bytes: usize::try_from(of_channel * u64::from(chunk)).map_err(|_| overflow())?,
            chunk,
        })
    }

    /// The first channel of each launch, and how many it does.
    pub(super) fn chunks(&self) -> impl Iterator<Item = (u32, u32)> {
        let (planes, chunk) = (self.planes, self.chunk);
        (0..planes)
            .step_by(chunk as usize)
            .map(move |first| (first, chunk.min(planes - first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_done_in_turns_that_fit() {
        let split = |[images, channels, height, width]: [u32; 4], work| {
            let mut params = Params {
                images,
                channels,
                height,
                width,
                ..Params::default()
            };
            Split::new(work, 21, &mut params)
        };
        let one = split([2, 3, 100, 200], Work::Gradient).expect("small");
        // Whole groups of 9 × 9 windows.
        assert_eq!(one.bytes, 6 * 3 * 108 * 207 * 4);
        assert_eq!(one.chunks().collect::<Vec<_>>(), [(0, 6)]);
        let both = split([20, 3, 1080, 1920], Work::Gradients).expect("not too large");
        assert_eq!(both.chunks().collect::<Vec<_>>(), [(0, 30), (30, 30)]);
        assert_eq!(both.bytes, 30 * 4 * 1080 * 1926 * 4);
        // Windows stand beyond the edges where mirror images do.
        let mut params = Params {
            images: 1,
            channels: 1,
            height: 100,
            width: 200,
            derivatives_margin: -10,
            ..Params::default()
        };
        let mirrored = Split::new(Work::Gradient, 21, &mut params).expect("small");
        assert_eq!(mirrored.bytes, 3 * 126 * 225 * 4);
        let large = split([1, 2, 20_000, 20_000], Work::Gradient).expect("not too large");
        assert_eq!(large.chunks().collect::<Vec<_>>(), [(0, 1), (1, 1)]);
        // What a test on a GPU counts on.
        for work in [Work::Gradient, Work::Gradients] {
            let unequal = split([3, 1, 5600, 5600], work).expect("not too large");
            assert_eq!(unequal.chunks().collect::<Vec<_>>(), [(0, 2), (2, 1)]);
        }
        assert!(split([1, 1, 64, 1 << 27], Work::Gradient).is_err());
    }
}
