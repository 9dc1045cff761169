//! What stands beyond the edges of images, and what follows for gradients.
//!
//! Where mirror images stand there, so do windows, with the derivatives of their own mirror images. The gradient at a pixel sums up
//! the windows that hold it or one of its images, which are those that hold it in the continued derivatives: nothing else changes if
//! the edge is repeated. If it is not, a pixel at an edge is its own mirror image: the derivatives of a window there belong to the sums
//! twice, and of the gradient there half is too much.

use crate::geometry::MOST_CONTINUED;
use crate::params::{Padding, Params};

/// What a kernel knows of it when it is compiled. It costs registers to find out what stands there, which the kernels for zeros do not
/// have.
pub trait Edges {
    /// Whether zeros stand there.
    const ARE_ZEROS: bool;
}

/// Zeros stand there, or no window reaches beyond.
pub enum Zeros {}

/// Pixels stand there: mirror images, or the nearest ones.
pub enum Pixels {}

impl Edges for Zeros {
    const ARE_ZEROS: bool = true;
}

impl Edges for Pixels {
    const ARE_ZEROS: bool = false;
}

/// In place of a mirror it moves nothing: its distance from any place that a kernel asks for is larger than the place.
const FAR: i32 = 2 * MOST_CONTINUED as i32 + (1 << 28);

/// The place within `extent`, at least 1, that is nearest to `at`.
#[inline(always)]
pub(crate) fn nearest(at: i32, extent: u32) -> i32 {
    at.min(extent as i32 - 1).max(0)
}

/// The place within `extent` of the pixel that stands at `at`, after one reflection at most; the nearest one where zeros stand.
#[inline(always)]
pub(crate) fn source<E: Edges>(padding: u32, at: i32, extent: u32) -> i32 {
    if E::ARE_ZEROS {
        return nearest(at, extent);
    }
    // Symmetric padding repeats the edge, so that the mirror stands half a pixel further out.
    let repeated = i32::from(padding == Padding::Symmetric as u32);
    let mirrors = if padding == Padding::Replicate as u32 {
        [-FAR, FAR]
    } else {
        [-repeated, 2 * (extent as i32 - 1) + repeated]
    };
    nearest(at.max(mirrors[0] - at).min(mirrors[1] - at), extent)
}

/// Whether edges stand between pixels and their mirror images, and are not repeated.
#[inline(always)]
pub(crate) fn reflect<E: Edges>(params: &Params) -> bool {
    !E::ARE_ZEROS & (params.padding == Padding::Reflect as u32)
}

/// The rows or columns whose windows have derivatives: [from, to).
#[inline(always)]
pub(crate) fn with_derivatives(params: &Params, extent: u32) -> [i32; 2] {
    [params.derivatives_margin, extent as i32 - params.derivatives_margin]
}

/// `factor` at the edges of an image, its square in the corners, else 1.
#[inline(always)]
pub(crate) fn at_edges(params: &Params, [row, col]: [i32; 2], factor: f32) -> f32 {
    let of = |at, extent| if is_edge(at, extent) { factor } else { 1.0 };
    of(row, params.height) * of(col, params.width)
}

#[inline(always)]
pub(crate) fn is_edge(at: i32, extent: u32) -> bool {
    (at == 0) | (at == extent as i32 - 1)
}

#[cfg(all(test, not(target_arch = "nvptx64")))]
mod tests {
    use super::*;
    use crate::kernels::general::source::source as general;

    #[test]
    fn one_reflection_is_what_the_general_kernels_have() {
        for padding in [Padding::Zero, Padding::Symmetric, Padding::Reflect, Padding::Replicate] {
            // The smallest images that there are with windows of 11 and 33 taps, and larger ones. With a gradient, windows stand as far
            // beyond an edge as they reach, and reach as far once more.
            for (extent, beyond) in [(11, 10), (12, 10), (40, 10), (33, 32), (34, 32), (70, 32)] {
                for at in -beyond..extent + beyond {
                    let expected = general(padding as u32, at, extent);
                    let found = if padding == Padding::Zero {
                        source::<Zeros>(padding as u32, at, extent as u32)
                    } else {
                        source::<Pixels>(padding as u32, at, extent as u32)
                    };
                    assert_eq!(
                        found,
                        expected.unwrap_or(nearest(at, extent as u32)),
                        "{padding:?} {extent} {at}"
                    );
                }
            }
        }
    }
}
