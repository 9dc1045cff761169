//! Drawing on pictures: rectangles, and text in Noto Sans Mono.

use image::{Rgb, RgbImage};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// What lies behind legends and captions.
pub const BACKGROUND: Rgb<u8> = Rgb([24, 24, 27]);
pub const TEXT: Rgb<u8> = Rgb([228, 228, 231]);

/// A size of text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size(RasterHeight);

impl Size {
    /// One that can be read on a picture of this width when it is shown whole.
    pub fn for_width(width: u32) -> Self {
        Self(if width < 1600 {
            RasterHeight::Size16
        } else {
            RasterHeight::Size32
        })
    }

    /// From one line to the next, in pixels.
    pub fn line(self) -> u32 {
        self.0.val() as u32 * 5 / 4
    }

    /// The width of a text, in pixels.
    pub fn width(self, text: &str) -> u32 {
        (text.chars().count() * get_raster_width(FontWeight::Regular, self.0)) as u32
    }

    /// Draws a text to the right of and below this point, as far as there is room. What the font lacks is a question
    /// mark.
    pub fn text(self, image: &mut RgbImage, left: u32, top: u32, color: Rgb<u8>, text: &str) {
        let advance = get_raster_width(FontWeight::Regular, self.0) as u32;
        for (index, character) in text.chars().enumerate() {
            let glyph = |character| get_raster(character, FontWeight::Regular, self.0);
            let Some(glyph) = glyph(character).or_else(|| glyph('?')) else {
                continue;
            };
            let left = left + index as u32 * advance;
            for (row, coverages) in glyph.rows().enumerate() {
                for (column, &coverage) in coverages.iter().enumerate() {
                    if let Some(pixel) = image.get_pixel_mut_checked(left + column as u32, top + row as u32) {
                        *pixel = blend(*pixel, color, coverage);
                    }
                }
            }
        }
    }
}

/// So much of `over` of 255, and else what is there.
fn blend(under: Rgb<u8>, over: Rgb<u8>, coverage: u8) -> Rgb<u8> {
    let coverage = u16::from(coverage);
    Rgb([0, 1, 2].map(|channel| {
        let (under, over) = (u16::from(under.0[channel]), u16::from(over.0[channel]));
        ((under * (255 - coverage) + over * coverage + 127) / 255) as u8
    }))
}

/// Fills a rectangle of left, top, width and height, as far as it lies inside.
pub fn fill(image: &mut RgbImage, [left, top, width, height]: [u32; 4], color: Rgb<u8>) {
    for row in top..top + height {
        for column in left..left + width {
            if let Some(pixel) = image.get_pixel_mut_checked(column, row) {
                *pixel = color;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_drawn_where_it_belongs_and_cut_at_the_edge() {
        let black = Rgb([0; 3]);
        let size = Size::for_width(100);
        let mut image = RgbImage::from_pixel(40, 30, black);
        size.text(&mut image, 10, 8, TEXT, "1.");
        let drawn: Vec<(u32, u32)> = image
            .enumerate_pixels()
            .filter(|(_, _, pixel)| **pixel != black)
            .map(|(x, y, _)| (x, y))
            .collect();
        assert!(drawn.len() > 10);
        assert!(
            drawn
                .iter()
                .all(|&(x, y)| (10..10 + size.width("1.")).contains(&x) && (8..8 + 16).contains(&y))
        );
        // Nothing to see and nothing to fail beyond the edges; unknown characters have a shape.
        size.text(&mut image, 38, 25, TEXT, "long text");
        let mut unknown = RgbImage::from_pixel(40, 30, black);
        size.text(&mut unknown, 0, 0, TEXT, "\u{6f22}");
        assert!(unknown.pixels().any(|pixel| *pixel != black));
    }
}
