//! Which pixel stands beyond an edge.

use crate::general::params::Padding;

/// The place within a line of `extent` pixels, at least 1, of the pixel that stands at `at`; `None` for zero.
///
/// One reflection after the other, until the place is inside: with images smaller than the window there can be many.
#[inline(always)]
pub(crate) fn source(padding: u32, at: i32, extent: i32) -> Option<i32> {
    let last = extent - 1;
    if at >= 0 && at <= last {
        return Some(at);
    }
    if padding == Padding::Zero as u32 {
        return None;
    }
    if padding == Padding::Replicate as u32 || last == 0 {
        return Some(at.min(last).max(0));
    }
    // Symmetric padding repeats the edge, so that the mirror stands half a pixel further out.
    let repeated = i32::from(padding == Padding::Symmetric as u32);
    let mut at = at;
    while at < 0 || at > last {
        at = if at < 0 {
            -repeated - at
        } else {
            last + repeated - (at - last)
        };
    }
    Some(at)
}

#[cfg(all(test, not(target_arch = "nvptx64")))]
mod tests {
    use super::*;

    extern crate std;
    use std::vec::Vec;

    #[test]
    fn lines_continue_as_numpy_pads_them() {
        let line = |padding, extent| -> Vec<_> {
            let line = -7..extent + 7;
            line.map(|at| source(padding as u32, at, extent).unwrap_or(-1))
                .collect()
        };
        assert_eq!(line(Padding::Symmetric, 1), [0; 15]);
        assert_eq!(line(Padding::Reflect, 1), [0; 15]);
        assert_eq!(
            line(Padding::Symmetric, 3),
            [0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2]
        );
        assert_eq!(
            line(Padding::Reflect, 3),
            [1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1]
        );
        assert_eq!(
            line(Padding::Symmetric, 5),
            [3, 4, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 4, 3, 2, 1, 0, 0, 1]
        );
        assert_eq!(
            line(Padding::Reflect, 5),
            [1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3]
        );
        assert_eq!(
            line(Padding::Replicate, 2),
            [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
        );
        assert_eq!(source(Padding::Zero as u32, -1, 4), None);
        assert_eq!(source(Padding::Zero as u32, 3, 4), Some(3));
    }
}
