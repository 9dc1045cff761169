//! The worst pairs of many, with small pictures of them. However many are compared, only those that may be shown in the
//! end are kept.

use std::io::Cursor;

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::imageops;
use image::{ImageFormat, RgbImage};
use ndarray::ArrayView2;
use serde::Serialize;

use crate::heatmap::Scale;

/// Larger pictures are made smaller than this, in pixels of the longer side.
const WHOLE: u32 = 480;
/// The side of the part that is shown pixel for pixel.
const DETAIL: u32 = 160;
/// That of JPEG, for pictures that were made smaller.
const QUALITY: u8 = 90;

/// A pair to show.
#[derive(Clone, Debug, Serialize)]
pub struct Exhibit {
    pub name: String,
    pub score: f64,
    /// Its place among all pairs, for scores that are equal.
    #[serde(skip)]
    order: u64,
    pub reference: Pictures,
    pub distorted: Pictures,
    pub map: Pictures,
}

/// What is shown of a picture, as addresses that hold the data.
#[derive(Clone, Debug, Serialize)]
pub struct Pictures {
    pub whole: String,
    /// Nothing where the whole picture is shown pixel for pixel.
    pub detail: Option<String>,
}

/// What is known of a pair. The deficits are 1 - SSIM of each window; under valid padding there are fewer of them than
/// pixels.
pub struct Shown<'a> {
    pub reference: &'a RgbImage,
    pub distorted: &'a RgbImage,
    pub deficits: ArrayView2<'a, f32>,
}

/// The worst pairs so far.
pub struct Gallery {
    limit: usize,
    /// The worst first.
    exhibits: Vec<Exhibit>,
}

impl Gallery {
    /// A gallery with room for so many.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            exhibits: Vec::new(),
        }
    }

    /// Whether a pair is among the worst so far, so that its pictures are worth the work.
    pub fn wants(&self, score: f64, order: u64) -> bool {
        let is_worse = |last: &Exhibit| (score, order) < (last.score, last.order);
        !score.is_nan()
            && self.limit > 0
            && (self.exhibits.len() < self.limit || self.exhibits.last().is_some_and(is_worse))
    }

    /// Takes in a pair that was wanted, and lets go of one that is not among the worst any more.
    pub fn add(&mut self, exhibit: Exhibit) {
        let place = (exhibit.score, exhibit.order);
        let at = self
            .exhibits
            .partition_point(|other| (other.score, other.order) < place);
        self.exhibits.insert(at, exhibit);
        self.exhibits.truncate(self.limit);
    }

    /// The worst first.
    pub fn into_exhibits(self) -> Vec<Exhibit> {
        self.exhibits
    }
}

impl Exhibit {
    /// Makes the small pictures of a pair, of which `order` is the place among all pairs.
    pub fn new(name: String, score: f64, order: u64, shown: &Shown<'_>, scale: Scale) -> Result<Self> {
        let (width, height) = shown.reference.dimensions();
        let (map_height, map_width) = shown.deficits.dim();
        // The map lies in the middle of the image.
        let margins = [(width - map_width as u32) / 2, (height - map_height as u32) / 2];
        let map = scale.paint(shown.deficits);
        let worst = (width.max(height) > WHOLE).then(|| {
            let size = [map.width().min(DETAIL), map.height().min(DETAIL)];
            (worst_part(shown.deficits, size), size)
        });
        let pictures = |picture: &RgbImage, [right, down]: [u32; 2]| {
            let Some(([left, top], [width, height])) = worst else {
                return Ok(Pictures {
                    whole: png(picture)?,
                    detail: None,
                });
            };
            let detail = imageops::crop_imm(picture, left + right, top + down, width, height).to_image();
            anyhow::Ok(Pictures {
                whole: smaller(picture)?,
                detail: Some(png(&detail)?),
            })
        };
        Ok(Self {
            name,
            score,
            order,
            reference: pictures(shown.reference, margins)?,
            distorted: pictures(shown.distorted, margins)?,
            map: pictures(&map, [0; 2])?,
        })
    }
}

/// The left and top of the part of this width and height whose sum of deficits is largest, the first of them.
fn worst_part(deficits: ArrayView2<'_, f32>, [width, height]: [u32; 2]) -> [u32; 2] {
    let (columns, width, height) = (deficits.ncols(), width as usize, height as usize);
    // What is not a number differs as much as can be.
    let value = |value: &f32| if value.is_nan() { 2.0 } else { f64::from(*value) };
    // Of each column, the sum of the rows of the part whose last row this is.
    let mut sums = vec![0.0; columns];
    let (mut worst, mut place) = (f64::NEG_INFINITY, [0, 0]);
    for (bottom, row) in deficits.rows().into_iter().enumerate() {
        sums.iter_mut().zip(row).for_each(|(sum, new)| *sum += value(new));
        if bottom + 1 < height {
            continue;
        }
        let mut part: f64 = sums[..width].iter().sum();
        for left in 0..=columns - width {
            // More than what rounding makes of nothing.
            if part > worst + 1e-6 {
                (worst, place) = (part, [left as u32, (bottom + 1 - height) as u32]);
            }
            if left + width < columns {
                part += sums[left + width] - sums[left];
            }
        }
        let oldest = deficits.row(bottom + 1 - height);
        sums.iter_mut().zip(oldest).for_each(|(sum, old)| *sum -= value(old));
    }
    place
}

fn png(picture: &RgbImage) -> Result<String> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(format!(
        "data:image/png;base64,{}",
        BASE64_STANDARD.encode(bytes.into_inner())
    ))
}

/// The whole picture, made smaller.
fn smaller(picture: &RgbImage) -> Result<String> {
    let (width, height) = picture.dimensions();
    let factor = f64::from(WHOLE) / f64::from(width.max(height));
    let [width, height] = [width, height].map(|side| ((f64::from(side) * factor).round() as u32).max(1));
    let small = imageops::thumbnail(picture, width, height);
    let mut bytes = Vec::new();
    small.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?;
    Ok(format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use ndarray::Array2;

    use super::*;

    fn decode(address: &str) -> RgbImage {
        let (_, data) = address.split_once(";base64,").unwrap();
        image::load_from_memory(&BASE64_STANDARD.decode(data).unwrap())
            .unwrap()
            .into_rgb8()
    }

    #[test]
    fn the_worst_are_kept_in_their_order() {
        let picture = RgbImage::new(4, 4);
        let deficits = Array2::zeros((4, 4));
        let shown = Shown {
            reference: &picture,
            distorted: &picture,
            deficits: deficits.view(),
        };
        let mut gallery = Gallery::new(3);
        let mut made = 0;
        for (order, score) in [0.5, 0.9, f64::NAN, 0.5, 0.7, 0.95, -0.1, 0.5].into_iter().enumerate() {
            if gallery.wants(score, order as u64) {
                let name = order.to_string();
                gallery.add(Exhibit::new(name, score, order as u64, &shown, Scale::default()).unwrap());
                made += 1;
            }
        }
        let names: Vec<_> = gallery
            .into_exhibits()
            .into_iter()
            .map(|exhibit| exhibit.name)
            .collect();
        assert_eq!(names, ["6", "0", "3"]);
        assert_eq!(made, 5);
        assert!(!Gallery::new(0).wants(0.0, 0));
    }

    #[test]
    fn a_large_picture_is_made_smaller_and_its_worst_part_shown_as_it_is() {
        let picture = |seed: u32| RgbImage::from_fn(1000, 600, |x, y| Rgb([(x + seed) as u8, y as u8, (x ^ y) as u8]));
        let (reference, distorted) = (picture(0), picture(50));
        // Valid padding: a map that is smaller by 5 on each side.
        let deficits = Array2::from_shape_fn((590, 990), |(row, column)| {
            let bad = (300..340).contains(&row) && (700..760).contains(&column);
            if bad { 1.0 } else { 0.01 }
        });
        let shown = Shown {
            reference: &reference,
            distorted: &distorted,
            deficits: deficits.view(),
        };
        let exhibit = Exhibit::new("name".into(), 0.5, 0, &shown, Scale::default()).unwrap();
        for (found, picture) in [(&exhibit.reference, &reference), (&exhibit.distorted, &distorted)] {
            assert_eq!(decode(&found.whole).dimensions(), (480, 288));
            let detail = decode(found.detail.as_deref().unwrap());
            // The first part that holds all of the worst: its lower right corner is theirs.
            let expected = imageops::crop_imm(picture, 760 - 160 + 5, 340 - 160 + 5, 160, 160).to_image();
            assert!(detail == expected);
        }
        let detail = decode(exhibit.map.detail.as_deref().unwrap());
        let bright = detail.pixels().filter(|pixel| pixel.0 == [252, 255, 164]).count();
        assert_eq!((detail.dimensions(), bright), ((160, 160), 40 * 60));
    }

    #[test]
    fn a_small_picture_is_shown_as_it_is() {
        let picture = RgbImage::from_fn(40, 480, |x, y| Rgb([x as u8, y as u8, 7]));
        let deficits = Array2::from_elem((480, 40), f32::NAN);
        let shown = Shown {
            reference: &picture,
            distorted: &picture,
            deficits: deficits.view(),
        };
        let exhibit = Exhibit::new("name".into(), 0.5, 0, &shown, Scale::default()).unwrap();
        assert!(decode(&exhibit.reference.whole) == picture);
        assert!(exhibit.reference.detail.is_none());
        assert_eq!(decode(&exhibit.map.whole)[(3, 4)], Rgb([0, 255, 0]));
    }

    #[test]
    fn the_worst_part_is_that_with_the_largest_sum() {
        let mut deficits = Array2::zeros((9, 12));
        deficits[[7, 10]] = 0.5;
        deficits[[2, 3]] = 0.4;
        assert_eq!(worst_part(deficits.view(), [2, 2]), [9, 6]);
        deficits[[2, 3]] = f32::NAN;
        assert_eq!(worst_part(deficits.view(), [2, 2]), [2, 1]);
        assert_eq!(worst_part(deficits.view(), [12, 9]), [0, 0]);
    }
}
