//! A frame as a screen shows it, for pictures of it. Scores do not depend on any of this.

use image::{Rgb, RgbImage};

use super::format::Format;
use super::y4m::Samples;

/// Kr and Kb of ITU-R BT.601, for videos of standard definition.
const STANDARD: [f32; 2] = [0.299, 0.114];
/// Kr and Kb of ITU-R BT.709, for videos of 720 rows and more.
const HIGH: [f32; 2] = [0.2126, 0.0722];

/// RGB of 8 bits. y4m does not say which matrix made Y, U and V: the size decides, as it does in players.
pub fn rgb(samples: &Samples, format: &Format) -> RgbImage {
    match samples {
        Samples::U8(samples) => convert(samples, format),
        Samples::U16(samples) => convert(samples, format),
    }
}

fn convert<T: Copy + Into<f32>>(samples: &[T], format: &Format) -> RgbImage {
    let planes = format.planes();
    let luma = planes[0][0] * planes[0][1];
    let [kr, kb] = if format.height < 720 { STANDARD } else { HIGH };
    let kg = 1.0 - kr - kb;
    let [y_black, y_range, c_range] = levels(format);
    let middle = f32::from(format.largest() / 2 + 1);
    let [across, down] = format.chroma.steps().unwrap_or([1, 1]);
    RgbImage::from_fn(format.width as u32, format.height as u32, |column, row| {
        let (column, row) = (column as usize, row as usize);
        let y = (samples[row * format.width + column].into() - y_black) / y_range;
        let [u, v] = match planes.get(1) {
            // The nearest sample of colour will do.
            Some([width, height]) => [0, 1].map(|plane| {
                let at = luma + plane * width * height + row / down * width + column / across;
                (samples[at].into() - middle) / c_range
            }),
            None => [0.0; 2],
        };
        let (red, blue) = (y + 2.0 * (1.0 - kr) * v, y + 2.0 * (1.0 - kb) * u);
        let green = (y - kr * red - kb * blue) / kg;
        // The conversion cuts off at 0 and 255; it is much faster than `round`, for which there may be no instruction.
        Rgb([red, green, blue].map(|value| (value * 255.0 + 0.5) as u8))
    })
}

/// Black, and white less black, of Y; and the range of U and V.
fn levels(format: &Format) -> [f32; 3] {
    if format.full_range {
        let largest = f32::from(format.largest());
        return [0.0, largest, largest];
    }
    let step = (1u32 << (format.bits - 8)) as f32;
    [16.0, 219.0, 224.0].map(|level| level * step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::format::Chroma;

    fn format(bits: u32, full_range: bool, chroma: Chroma) -> Format {
        Format {
            width: 2,
            height: 2,
            chroma,
            bits,
            rate: None,
            full_range,
        }
    }

    /// Colour bars of ITU-R BT.601, as Y, U and V of 8 bits.
    #[test]
    fn known_colours_come_out() {
        for (yuv, rgb_expected) in [
            ([235, 128, 128], [255, 255, 255]),
            ([16, 128, 128], [0, 0, 0]),
            ([81, 90, 240], [255, 0, 0]),
            ([145, 54, 34], [0, 255, 0]),
            ([41, 240, 110], [0, 0, 255]),
        ] {
            let close = |found: &RgbImage| {
                let off = |channel: usize| (found[(1, 1)].0[channel].abs_diff(rgb_expected[channel])) <= 2;
                assert!((0..3).all(off), "{yuv:?}: {:?}", found[(1, 1)]);
            };
            let [y, u, v] = yuv;
            close(&rgb(
                &Samples::U8(vec![y, y, y, y, u, v]),
                &format(8, false, Chroma::Yuv420),
            ));
            let wide = [y, y, y, y, u, u, v, v].map(|value| u16::from(value) * 4).to_vec();
            close(&rgb(&Samples::U16(wide), &format(10, false, Chroma::Yuv422)));
        }
        let gray = rgb(&Samples::U8(vec![0, 100, 200, 255]), &format(8, true, Chroma::Gray));
        let values: Vec<u8> = gray.pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(values, [0, 100, 200, 255]);
    }
}
