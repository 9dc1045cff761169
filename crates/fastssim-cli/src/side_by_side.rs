//! One picture of three: the reference, the distorted image, and the map of where they differ.

use image::{RgbImage, imageops};
use ndarray::{Array3, ArrayView2};

use crate::draw::{BACKGROUND, Size, TEXT};
use crate::heatmap::Scale;
use crate::picture::{Picture, Samples};

/// Between two pictures, in pixels.
const GAP: u32 = 8;

/// Lays the pictures beside each other, each under its name and pixel for pixel as it is, and a legend under the map. A
/// map of valid padding, which is smaller, lies in the middle of its place.
pub fn side_by_side(
    reference: &RgbImage,
    distorted: &RgbImage,
    scale: Scale,
    deficits: ArrayView2<'_, f32>,
    ssim: f64,
) -> RgbImage {
    let (width, height) = reference.dimensions();
    let size = Size::for_width(width);
    let map = scale.paint(deficits);
    let legend = scale.legend(width, ssim, deficits.iter().any(|value| value.is_nan()));
    let column = width.max(size.width("reference") + GAP);
    let top = size.line() + GAP;
    let canvas_width = 2 * (column + GAP) + column.max(legend.width());
    let mut canvas = RgbImage::from_pixel(canvas_width, top + height + legend.height(), BACKGROUND);
    let margins = [(width - map.width()) / 2, (height - map.height()) / 2];
    let columns = [
        ("reference", reference, [0; 2]),
        ("distorted", distorted, [0; 2]),
        ("map", &map, margins),
    ];
    for (index, (name, picture, [right, down])) in columns.into_iter().enumerate() {
        let left = index as u32 * (column + GAP);
        size.text(&mut canvas, left + GAP / 2, GAP / 2, TEXT, name);
        imageops::replace(&mut canvas, picture, i64::from(left + right), i64::from(top + down));
    }
    imageops::replace(
        &mut canvas,
        &legend,
        i64::from(2 * (column + GAP)),
        i64::from(top + height),
    );
    canvas
}

/// A picture as a screen shows it: 8 bits a channel, values cut off at 0 and at `white`. Of channels that are neither
/// one nor three, the first is shown in gray.
pub fn displayable(picture: &Picture, white: f64) -> RgbImage {
    match &picture.samples {
        Samples::U8(samples) => display(samples, white),
        Samples::U16(samples) => display(samples, white),
        Samples::F32(samples) => display(samples, white),
        Samples::F64(samples) => display(samples, white),
    }
}

fn display<T: Copy + Into<f64>>(samples: &Array3<T>, white: f64) -> RgbImage {
    let (channels, height, width) = samples.dim();
    let of_color = if channels == 3 { [0, 1, 2] } else { [0; 3] };
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        // Not a number becomes 0, and what is too large the largest.
        let level = |value: T| (value.into() / white * 255.0).round() as u8;
        image::Rgb(of_color.map(|channel| level(samples[[channel, y as usize, x as usize]])))
    })
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use ndarray::Array2;

    use super::*;

    #[test]
    fn all_three_are_there_pixel_for_pixel() {
        for (width, height, margin) in [(300, 40, 0), (120, 90, 5), (20, 16, 5)] {
            let picture = |seed: u32| {
                RgbImage::from_fn(width, height, |x, y| {
                    Rgb([x as u8 ^ seed as u8, y as u8, (x * y) as u8])
                })
            };
            let (reference, distorted) = (picture(0), picture(85));
            let map_size = ((height - 2 * margin) as usize, (width - 2 * margin) as usize);
            let deficits = Array2::from_shape_fn(map_size, |(i, j)| (i * j % 97) as f32 / 97.0);
            let canvas = side_by_side(&reference, &distorted, Scale::default(), deficits.view(), 0.75);
            let map = Scale::default().paint(deficits.view());
            let found = |picture: &RgbImage, left: u32| {
                let view = |top| imageops::crop_imm(&canvas, left, top, picture.width(), picture.height()).to_image();
                (0..canvas.height() - picture.height()).any(|top| view(top) == *picture)
            };
            let column = width.max(Size::for_width(width).width("reference") + GAP);
            assert!(found(&reference, 0), "{width}x{height}");
            assert!(found(&distorted, column + GAP), "{width}x{height}");
            assert!(found(&map, 2 * (column + GAP) + margin), "{width}x{height}");
        }
    }

    #[test]
    fn floats_are_cut_off_and_words_are_scaled() {
        let show = |samples: Samples, white| displayable(&samples.into(), white).into_raw();
        let float = Array3::from_shape_vec((3, 1, 2), vec![-0.5, f32::NAN, 0.5, 1.0, 7.0, 2.0]).unwrap();
        assert_eq!(show(Samples::F32(float), 2.0), [0, 64, 255, 0, 128, 255]);
        let words = Array3::from_elem((1, 1, 1), 0x80ff_u16);
        assert_eq!(show(Samples::U16(words), 65535.0), [128, 128, 128]);
        let two = Array3::from_shape_vec((2, 1, 1), vec![7_u8, 9]).unwrap();
        assert_eq!(show(Samples::U8(two), 255.0), [7, 7, 7]);
    }
}
