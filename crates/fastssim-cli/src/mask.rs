//! Masks: how much each pixel counts in the score.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use fastssim::PixelWeights;
use ndarray::{Array2, Array3, ArrayView2, Axis};

use crate::args::{Alpha, InputArgs, Size};
use crate::picture::{self, Picture, Samples};

/// A weight for each pixel, of all channels.
pub struct Mask {
    pub path: PathBuf,
    weights: Array2<f32>,
}

impl Mask {
    /// Reads a gray picture or array, which takes no more memory than `limit`. Its samples are the
    /// weights, of which only the ratios matter.
    pub fn read(path: &Path, limit: Size) -> Result<Self> {
        // What is transparent has a weight all the same.
        let args = InputArgs {
            gray: false,
            alpha: Some(Alpha::Drop),
            max_image_size: limit,
        };
        let picture = picture::read(path, &args)?;
        let weights = weights(&picture).with_context(|| path.display().to_string())?;
        Ok(Self {
            path: path.to_owned(),
            weights,
        })
    }

    /// Refuses a mask of another size than that of what it is for, (width, height).
    pub fn check_size(&self, [width, height]: [usize; 2], whose: &str) -> Result<()> {
        let (rows, columns) = self.weights.dim();
        ensure!(
            (columns, rows) == (width, height),
            "{}: the mask has {columns}x{rows} pixels, and {whose} {width}x{height}",
            self.path.display()
        );
        Ok(())
    }

    pub fn weights(&self) -> PixelWeights<'_> {
        PixelWeights::from(&self.weights)
    }

    /// The weights of a plane that has fewer samples: each counts as the pixels on average do that it stands for.
    pub fn of_plane(&self, [width, height]: [usize; 2]) -> Array2<f32> {
        let (rows, columns) = self.weights.dim();
        let [down, right] = [rows.div_ceil(height), columns.div_ceil(width)];
        Array2::from_shape_fn((height, width), |(row, column)| {
            let [top, left] = [row * down, column * right];
            let (bottom, end) = ((top + down).min(rows), (left + right).min(columns));
            let pixels = (top..bottom).flat_map(|row| (left..end).map(move |column| [row, column]));
            let sum: f32 = pixels.map(|pixel| self.weights[pixel]).sum();
            sum / ((bottom - top) * (end - left)) as f32
        })
    }
}

/// The samples of a picture, if they are weights.
fn weights(picture: &Picture) -> Result<Array2<f32>> {
    let weights = match &picture.samples {
        Samples::U8(samples) => gray(samples)?.mapv(f32::from),
        Samples::U16(samples) => gray(samples)?.mapv(f32::from),
        Samples::F32(samples) => gray(samples)?.to_owned(),
        Samples::F64(samples) => gray(samples)?.mapv(|weight| weight as f32),
    };
    for ((row, column), weight) in weights.indexed_iter() {
        if !(*weight >= 0.0 && weight.is_finite()) {
            bail!("a weight of {weight} at row {row}, column {column}: it must be finite and not negative");
        }
    }
    ensure!(weights.iter().any(|weight| *weight > 0.0), "all weights are 0");
    Ok(weights)
}

/// The only channel; or the first of several that are the same, as some formats have gray.
fn gray<T: PartialEq>(samples: &Array3<T>) -> Result<ArrayView2<'_, T>> {
    let first = samples.index_axis(Axis(0), 0);
    ensure!(
        samples.outer_iter().skip(1).all(|channel| channel == first),
        "a mask is gray, and this has {} channels that differ",
        samples.dim().0
    );
    Ok(first)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn samples_of_chroma_count_as_the_pixels_that_they_stand_for() {
        let mask = Mask {
            path: "mask.png".into(),
            weights: array![[0.0, 4.0, 1.0], [8.0, 0.0, 3.0], [2.0, 4.0, 7.0]],
        };
        assert_eq!(mask.of_plane([3, 3]), mask.weights);
        assert_eq!(mask.of_plane([2, 2]), array![[3.0, 2.0], [3.0, 7.0]]);
        assert_eq!(mask.of_plane([2, 3]), array![[2.0, 1.0], [4.0, 3.0], [3.0, 7.0]]);
    }
}
