//! Heat maps: where two images differ, as colours, and the legend that says what the colours mean.

use image::{Rgb, RgbImage, imageops};
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

use crate::draw::{self, BACKGROUND, TEXT};

/// The colour of what is not a number.
const NOT_A_NUMBER: Rgb<u8> = Rgb([0, 255, 0]);

/// How values of 1 - SSIM become colours: from 0, black, over purple, red and orange to `max`, pale yellow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What the brightest colour stands for, and all above; positive.
    pub max: f32,
}

impl Default for Scale {
    fn default() -> Self {
        Self { max: 1.0 }
    }
}

/// 1 - SSIM of each window, averaged over the channels of a map of SSIM, (channels, height, width).
pub fn deficits(map: ArrayView3<'_, f32>) -> Array2<f32> {
    let channels = map.len_of(Axis(0)) as f32;
    map.sum_axis(Axis(0)).mapv_into(|sum| 1.0 - sum / channels)
}

impl Scale {
    /// Reads the upper end of the scale.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text.parse() {
            Ok(max) if (1e-6..=2.0).contains(&max) => Ok(Self { max }),
            _ => Err("expected a number from 0.000001 to 2"),
        }
    }

    /// A picture of 1 - SSIM, one pixel for each window.
    pub fn paint(self, deficits: ArrayView2<'_, f32>) -> RgbImage {
        let (height, width) = deficits.dim();
        let colors: Vec<Rgb<u8>> = (0..=255).map(color).collect();
        RgbImage::from_fn(width as u32, height as u32, |column, row| {
            let part = deficits[[row as usize, column as usize]] / self.max;
            if part.is_nan() {
                NOT_A_NUMBER
            } else {
                // Faster than `round`, for which there may be no instruction.
                colors[(part.clamp(0.0, 1.0) * 255.0 + 0.5) as usize]
            }
        })
    }

    /// A picture of the map, and below it a legend with the score if one is given, which leaves each pixel of the map
    /// at its place. A map that is narrower than its legend is extended to the right.
    pub fn picture(self, deficits: ArrayView2<'_, f32>, legend_of: Option<f64>) -> RgbImage {
        let map = self.paint(deficits);
        let Some(ssim) = legend_of else { return map };
        let legend = self.legend(map.width(), ssim, deficits.iter().any(|value| value.is_nan()));
        let (width, height) = (map.width().max(legend.width()), map.height() + legend.height());
        let mut canvas = RgbImage::from_pixel(width, height, BACKGROUND);
        imageops::replace(&mut canvas, &map, 0, 0);
        imageops::replace(&mut canvas, &legend, 0, i64::from(map.height()));
        canvas
    }

    /// The values at the beginning, the quarters and the end of the bar of colours.
    pub fn labels(self) -> [String; 5] {
        // All above the end has its colour too.
        [(0.0, ""), (0.25, ""), (0.5, ""), (0.75, ""), (1.0, "+")].map(|(part, more)| {
            let value = (part * f64::from(self.max) * 1e7).round() / 1e7;
            format!("{value}{more}")
        })
    }

    /// Some of the colours, evenly spaced, as a page of HTML names them.
    pub fn stops(self) -> Vec<String> {
        let hexadecimal = |Rgb([r, g, b]): Rgb<u8>| format!("#{r:02x}{g:02x}{b:02x}");
        (0..=255).step_by(17).map(|step| hexadecimal(color(step))).collect()
    }

    /// What the colours mean, for a map of this width: a bar of all colours, the values at it, and the score.
    pub fn legend(self, width: u32, ssim: f64, has_nan: bool) -> RgbImage {
        let size = draw::Size::for_width(width);
        let (line, margin) = (size.line(), size.line() / 2);
        // A clear step between the numbers under the bar.
        let bar = (width.saturating_sub(2 * margin)).clamp(15 * line, 30 * line);
        let rows = if has_nan { 4 } else { 3 };
        let mut legend = RgbImage::from_pixel(width.max(bar + 2 * margin), rows * line + 2 * margin, BACKGROUND);
        size.text(&mut legend, margin, margin, TEXT, "1 - SSIM");
        let score = format!("SSIM {}", crate::format::score(Some(ssim)));
        let right = (margin + bar).saturating_sub(size.width(&score));
        size.text(&mut legend, right, margin, TEXT, &score);
        let top = margin + line;
        for column in 0..bar {
            let step = (f64::from(column) / f64::from(bar - 1) * 255.0).round() as usize;
            for row in 0..line * 3 / 4 {
                legend.put_pixel(margin + column, top + row, color(step));
            }
        }
        for (at, label) in self.labels().into_iter().enumerate() {
            let middle = margin + (bar - 1) * at as u32 / 4;
            let left = middle.saturating_sub(size.width(&label) / 2);
            let left = left.clamp(margin, margin + bar - size.width(&label));
            size.text(&mut legend, left, top + line, TEXT, &label);
        }
        if has_nan {
            draw::fill(
                &mut legend,
                [margin, top + 2 * line, line * 3 / 4, line * 3 / 4],
                NOT_A_NUMBER,
            );
            size.text(&mut legend, margin + line, top + 2 * line, TEXT, "not a number");
        }
        legend
    }
}

/// One of 256 colours.
fn color(step: usize) -> Rgb<u8> {
    Rgb(colorous::INFERNO.eval_rational(step, 256).into_array())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};

    use super::*;

    fn colors(scale: Scale, values: Array2<f32>) -> Vec<[u8; 3]> {
        scale.paint(values.view()).pixels().map(|pixel| pixel.0).collect()
    }

    #[test]
    fn the_scale_runs_from_black_to_pale_yellow_and_marks_nan() {
        let colors = colors(Scale::default(), array![[0.0, 1.0, 2.0, 0.5, f32::NAN]]);
        let (black, yellow, red) = ([0, 0, 4], [252, 255, 164], [187, 55, 84]);
        assert_eq!(colors, [black, yellow, yellow, red, [0, 255, 0]]);
    }

    #[test]
    fn the_scale_ends_where_it_is_told_to() {
        let values = array![[0.0, 0.05, 0.1, 0.2]];
        let narrow = colors(Scale { max: 0.1 }, values.clone());
        assert_eq!(narrow, colors(Scale::default(), array![[0.0, 0.5, 1.0, 1.0]]));
        assert_eq!(Scale::parse("0.1"), Ok(Scale { max: 0.1 }));
        for wrong in ["", "0", "-1", "3", "nan", "inf", "x"] {
            assert!(Scale::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn channels_are_averaged() {
        let map = Array3::from_shape_vec((3, 1, 2), vec![1.0, 0.5, 0.5, 0.5, 0.0, 0.5]).unwrap();
        assert_eq!(deficits(map.view()), array![[0.5, 0.5]]);
    }

    #[test]
    fn the_legend_leaves_the_map_as_it_is() {
        for (width, height) in [(1, 1), (30, 20), (700, 5), (2000, 3)] {
            let values = Array2::from_shape_fn((height, width), |(i, j)| ((i + j) % 100) as f32 / 100.0);
            let scale = Scale::default();
            let (plain, whole) = (scale.paint(values.view()), scale.picture(values.view(), Some(0.5)));
            assert!(whole.width() >= plain.width() && whole.height() > plain.height() + 40);
            for (x, y, pixel) in plain.enumerate_pixels() {
                assert_eq!(whole[(x, y)], *pixel);
            }
            // Every colour is there, and text.
            let bar: Vec<_> = (0..=255).map(color).collect();
            let legend = whole.rows().skip(height).flatten();
            let found: std::collections::HashSet<_> = legend.copied().collect();
            let missing = bar.iter().filter(|color| !found.contains(color)).count();
            assert!(
                missing == 0 || (missing < 30 && width < 300),
                "{missing} of {width}x{height}"
            );
            assert!(found.contains(&TEXT));
        }
    }

    #[test]
    fn what_is_not_a_number_has_a_line_in_the_legend_only_where_there_is_any() {
        let with = Scale::default().legend(300, f64::NAN, true);
        let without = Scale::default().legend(300, 0.5, false);
        assert!(with.height() > without.height());
        assert!(with.pixels().any(|&pixel| pixel == NOT_A_NUMBER));
        assert!(without.pixels().all(|&pixel| pixel != NOT_A_NUMBER));
    }
}
