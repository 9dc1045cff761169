//! The score of a frame: that of each of its planes, and their weighted total.

use std::fmt;

use anyhow::{Context, Result, anyhow, ensure};
use fastssim::{Backend, Input, PixelWeights, Ssim};
use ndarray::{Array2, ArrayView2, Ix2};

use super::format::Format;
use super::y4m::Samples;
use crate::mask::Mask;
use crate::measure;

/// How much the planes Y, U and V count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weights {
    /// So much each; only their ratios matter.
    Given([f64; 3]),
    /// As much as they have samples, as in the line "All" of ffmpeg's filter `ssim`.
    Samples,
}

impl Weights {
    /// The customary 6:1:1 of the video coding groups (Ohm et al., *Comparison of the Coding Efficiency of Video Coding
    /// Standards*, IEEE Transactions on Circuits and Systems for Video Technology 22(12), 2012).
    pub const CUSTOMARY: Self = Self::Given([6.0, 1.0, 1.0]);

    /// Reads `Y:U:V` or `samples`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected three numbers Y:U:V that are not negative and not all 0, or samples";
        if text == "samples" {
            return Ok(Self::Samples);
        }
        let weights: Vec<f64> = text.split(':').filter_map(|weight| weight.parse().ok()).collect();
        let weights: [f64; 3] = weights.try_into().map_err(|_| EXPECTED)?;
        let valid = text.matches(':').count() == 2
            && weights.iter().all(|weight| (0.0..=1e9).contains(weight))
            && weights.iter().sum::<f64>() > 0.0;
        valid.then_some(Self::Given(weights)).ok_or(EXPECTED)
    }

    /// Those of the planes that a video has; their sum is 1.
    pub fn of(self, format: &Format) -> Result<Vec<f64>> {
        let planes = format.planes();
        let weights: Vec<f64> = match self {
            Self::Given(weights) => weights[..planes.len()].to_vec(),
            Self::Samples => planes.iter().map(|[width, height]| (width * height) as f64).collect(),
        };
        let sum: f64 = weights.iter().sum();
        ensure!(sum > 0.0, "--weights: a gray video has Y alone, whose weight is 0");
        Ok(weights.iter().map(|weight| weight / sum).collect())
    }
}

/// As [`Weights::parse`] reads them.
impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given([y, u, v]) => write!(f, "{y}:{u}:{v}"),
            Self::Samples => f.write_str("samples"),
        }
    }
}

/// The result of a frame, as 1 − SSIM, which keeps its digits where frames are nearly the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Deficits {
    /// Of Y, then of U and V.
    pub planes: Vec<f64>,
    /// Their weighted mean.
    pub total: f64,
}

/// Scores frames of one format.
pub struct Scorer {
    metric: Ssim,
    /// Whether the processor may take over.
    auto: bool,
    format: Format,
    weights: Vec<f64>,
    /// What the samples of each plane count; none where all count alike.
    masks: Vec<Array2<f32>>,
    /// What the user should know of, but for which the results are good.
    note: Option<String>,
}

impl Scorer {
    /// `metric` is that for the format's range.
    pub fn new(metric: &Ssim, format: Format, weights: Weights, mask: Option<&Mask>) -> Result<Self> {
        // Opens the device; one backend does all of the work, so that no failure is passed over in silence.
        let on_one = metric.with_backend(metric.backend())?;
        let mut masks = Vec::new();
        if let Some(mask) = mask {
            mask.check_size([format.width, format.height], "the frames")?;
            masks.extend(format.planes().iter().map(|size| mask.of_plane(*size)));
        }
        Ok(Self {
            metric: on_one,
            auto: metric.requested_backend() == Backend::Auto,
            format,
            weights: weights.of(&format)?,
            masks,
            note: None,
        })
    }

    /// What the user should know of, once.
    pub fn take_note(&mut self) -> Option<String> {
        self.note.take()
    }

    /// Where the work is done.
    pub fn backend(&self) -> Backend {
        self.metric.requested_backend()
    }

    /// How much each plane counts; the sum is 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Scores each plane.
    pub fn score(&mut self, reference: &Samples, distorted: &Samples) -> Result<Deficits> {
        let mut planes = Vec::with_capacity(self.weights.len());
        for plane in 0..self.weights.len() {
            let deficit = self
                .on_working(|scorer| scorer.deficit(plane, reference, distorted))
                .with_context(|| format!("plane {}", ["Y", "U", "V"][plane]))?;
            planes.push(deficit);
        }
        let total = planes
            .iter()
            .zip(&self.weights)
            .map(|(deficit, weight)| deficit * weight)
            .sum();
        Ok(Deficits { planes, total })
    }

    /// SSIM of each window of the luma.
    pub fn map(&mut self, reference: &Samples, distorted: &Samples) -> Result<Array2<f32>> {
        self.on_working(|Self { metric, format, .. }| {
            Ok(match (reference, distorted) {
                (Samples::U8(x), Samples::U8(y)) => metric.ssim_map(plane(y, format, 0)?, plane(x, format, 0)?)?,
                (Samples::U16(x), Samples::U16(y)) => metric.ssim_map(plane(y, format, 0)?, plane(x, format, 0)?)?,
                _ => return Err(anyhow!("the videos have samples of different types")),
            })
        })
    }

    /// Runs it on the backend, and on the processor from the first failure of an automatic choice on.
    fn on_working<T>(&mut self, run: impl Fn(&Self) -> Result<T>) -> Result<T> {
        let error = match run(self) {
            Err(error) if self.auto && self.backend() != Backend::Cpu => error,
            other => return other,
        };
        if !error.downcast_ref().is_some_and(measure::of_gpu) {
            return Err(error);
        }
        self.note = Some(format!("{error}; the processor takes over"));
        self.metric = self.metric.with_backend(Backend::Cpu)?;
        run(self)
    }

    /// 1 − SSIM of one plane.
    fn deficit(&self, index: usize, reference: &Samples, distorted: &Samples) -> Result<f64> {
        let dssim = match (reference, distorted) {
            (Samples::U8(x), Samples::U8(y)) => self.dssim(index, x, y)?,
            (Samples::U16(x), Samples::U16(y)) => self.dssim(index, x, y)?,
            _ => return Err(anyhow!("the videos have samples of different types")),
        };
        Ok(measure::deficit(&self.metric, dssim))
    }

    fn dssim<'a, T>(&'a self, index: usize, reference: &'a [T], distorted: &'a [T]) -> Result<f64>
    where
        ArrayView2<'a, T>: Input<'a, Dim = Ix2, Scores = f64>,
    {
        let plane = |samples| plane(samples, &self.format, index);
        let pair = self.metric.dssim_of(plane(distorted)?, plane(reference)?);
        let weights = self.masks.get(index).map(PixelWeights::from);
        Ok(measure::weighted(pair, weights).images()?)
    }
}

/// A plane of a frame, as (rows, columns).
pub fn plane<'a, T>(samples: &'a [T], format: &Format, index: usize) -> Result<ArrayView2<'a, T>> {
    let planes = format.planes();
    let start: usize = planes[..index].iter().map(|[width, height]| width * height).sum();
    let [width, height] = planes[index];
    let samples = samples
        .get(start..start + width * height)
        .ok_or_else(|| anyhow!("a frame has too few samples"))?;
    Ok(ArrayView2::from_shape((height, width), samples)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::format::Chroma;

    fn format(chroma: Chroma, bits: u32) -> Format {
        Format {
            width: 32,
            height: 18,
            chroma,
            bits,
            rate: None,
            full_range: false,
        }
    }

    #[test]
    fn weights_are_three_numbers_or_a_word() {
        assert_eq!(Weights::parse("6:1:1"), Ok(Weights::CUSTOMARY));
        assert_eq!(Weights::parse("0.8:0:0.2"), Ok(Weights::Given([0.8, 0.0, 0.2])));
        assert_eq!(Weights::parse("samples"), Ok(Weights::Samples));
        for wrong in [
            "", "6", "6:1", "6:1:1:1", "6:1:x", "6:1:x:1", "-6:1:1", "0:0:0", "nan:1:1", "inf:1:1", "6,1,1",
        ] {
            assert!(Weights::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn weights_sum_to_one_over_the_planes_that_there_are() {
        let of = |weights: Weights, chroma| weights.of(&format(chroma, 8)).unwrap();
        assert_eq!(of(Weights::CUSTOMARY, Chroma::Yuv420), [0.75, 0.125, 0.125]);
        assert_eq!(of(Weights::CUSTOMARY, Chroma::Gray), [1.0]);
        assert_eq!(of(Weights::Samples, Chroma::Yuv420), [4.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0]);
        assert_eq!(of(Weights::Samples, Chroma::Yuv422), [0.5, 0.25, 0.25]);
        assert_eq!(of(Weights::Samples, Chroma::Gray), [1.0]);
        assert!(Weights::Given([0.0, 1.0, 1.0]).of(&format(Chroma::Gray, 8)).is_err());
    }

    /// The scores are those of the library for planes that were cut out independently.
    #[test]
    fn each_plane_has_its_own_score() {
        let noise = |seed: usize, at: usize| (at * 7919 + seed * 104_729 + at * at * 31) % 1024;
        for (chroma, sizes) in [
            (Chroma::Yuv420, vec![(32, 18), (16, 9), (16, 9)]),
            (Chroma::Yuv422, vec![(32, 18), (16, 18), (16, 18)]),
            (Chroma::Yuv444, vec![(32, 18); 3]),
            (Chroma::Gray, vec![(32, 18)]),
        ] {
            let format = format(chroma, 10);
            let metric = Ssim::builder()
                .data_range(1023.0)
                .backend(Backend::Cpu)
                .build()
                .unwrap();
            let frame = |seed| -> Vec<Vec<u16>> {
                let plane =
                    |(c, &(w, h)): (usize, &(usize, usize))| (0..w * h).map(move |at| noise(seed + c, at) as u16);
                sizes.iter().enumerate().map(|size| plane(size).collect()).collect()
            };
            let (x, y) = (frame(1), frame(2));
            let mut scorer = Scorer::new(&metric, format, Weights::CUSTOMARY, None).unwrap();
            let found = scorer
                .score(&Samples::U16(x.concat()), &Samples::U16(y.concat()))
                .unwrap();
            assert_eq!(found.planes.len(), sizes.len());
            for (c, &(w, h)) in sizes.iter().enumerate() {
                let view = |plane: &[u16]| Array2::from_shape_vec((h, w), plane.to_vec()).unwrap();
                let expected = metric.dssim(&view(&y[c]), &view(&x[c])).unwrap();
                assert_eq!(found.planes[c], expected, "{chroma:?} {c}");
                assert!(expected > 0.01);
            }
            let total = match found.planes[..] {
                [y, u, v] => (6.0 * y + u + v) / 8.0,
                [y] => y,
                _ => unreachable!(),
            };
            assert!((found.total - total).abs() < 1e-15);
        }
    }
}
