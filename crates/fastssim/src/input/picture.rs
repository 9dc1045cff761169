//! Pictures of the `image` crate: one image, gray or RGB, of 8 bits, 16 bits or floats.

use std::ops::Deref;

use image::{DynamicImage, ImageBuffer, Pixel as Color};
use ndarray::{ArrayView3, Axis, Ix3, Slice};

use super::{Input, Pixel, Pixels, Shape, sealed};
use crate::error::{Error, Result};

/// An image whose alpha channel is ignored: the colours count as they are stored, however
/// transparent they are.
///
/// ```
/// use fastssim::{DropAlpha, Error};
///
/// let image = image::RgbaImage::from_pixel(16, 16, image::Rgba([200, 100, 50, 128]));
/// assert!(matches!(fastssim::ssim(&image, &image), Err(Error::Alpha { .. })));
/// assert_eq!(fastssim::ssim(DropAlpha(&image), DropAlpha(&image))?, 1.0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DropAlpha<T>(pub T);

/// Blends an image with an alpha channel onto a background, as a viewer would show it.
///
/// `color` is red, green and blue from 0 to 1; a gray image takes their luma (Rec. 601). The
/// result has the image's depth and no alpha channel; an image without one is returned as it is.
///
/// # Errors
///
/// [`Error::Background`] where a component is not from 0 to 1, [`Error::ColorType`] for a colour
/// type that is not gray or RGB with or without alpha.
///
/// ```
/// let image = image::RgbaImage::from_pixel(16, 16, image::Rgba([200, 100, 50, 0]));
/// let on_white = fastssim::composite(&image.into(), [1.0, 1.0, 1.0])?;
/// assert_eq!(on_white.as_rgb8().unwrap()[(3, 4)], image::Rgb([255, 255, 255]));
/// # Ok::<(), fastssim::Error>(())
/// ```
pub fn composite(image: &DynamicImage, color: [f32; 3]) -> Result<DynamicImage> {
    if !color.iter().all(|component| (0.0..=1.0).contains(component)) {
        return Err(Error::Background { color });
    }
    let [r, g, b] = color;
    let gray = [0.299 * r + 0.587 * g + 0.114 * b];
    match image {
        DynamicImage::ImageLumaA8(buffer) => Ok(DynamicImage::ImageLuma8(blend(buffer, gray, 255.0))),
        DynamicImage::ImageRgba8(buffer) => Ok(DynamicImage::ImageRgb8(blend(buffer, color, 255.0))),
        DynamicImage::ImageLumaA16(buffer) => Ok(DynamicImage::ImageLuma16(blend(buffer, gray, 65535.0))),
        DynamicImage::ImageRgba16(buffer) => Ok(DynamicImage::ImageRgb16(blend(buffer, color, 65535.0))),
        DynamicImage::ImageRgba32F(buffer) => Ok(DynamicImage::ImageRgb32F(blend(buffer, color, 1.0))),
        opaque if !opaque.color().has_alpha() => Ok(opaque.clone()),
        other => Err(Error::ColorType {
            name: "the image",
            color: format!("{:?}", other.color()),
        }),
    }
}

/// A sample of an image that can be blended.
trait Sample: image::Primitive {
    fn value(self) -> f32;
    fn nearest(value: f32) -> Self;
}

impl Sample for u8 {
    fn value(self) -> f32 {
        f32::from(self)
    }
    fn nearest(value: f32) -> Self {
        value.round() as u8
    }
}

impl Sample for u16 {
    fn value(self) -> f32 {
        f32::from(self)
    }
    fn nearest(value: f32) -> Self {
        value.round() as u16
    }
}

impl Sample for f32 {
    fn value(self) -> f32 {
        self
    }
    fn nearest(value: f32) -> Self {
        value
    }
}

/// `image` over `color`, which is in units of `white`; alpha is the last of the image's channels.
fn blend<P, Q, const N: usize>(
    image: &ImageBuffer<P, Vec<P::Subpixel>>,
    color: [f32; N],
    white: f32,
) -> ImageBuffer<Q, Vec<P::Subpixel>>
where
    P: Color,
    P::Subpixel: Sample,
    Q: Color<Subpixel = P::Subpixel>,
{
    let mut out: ImageBuffer<Q, Vec<P::Subpixel>> = ImageBuffer::new(image.width(), image.height());
    for (pixel, result) in image.pixels().zip(out.pixels_mut()) {
        let channels = pixel.channels();
        let alpha = channels[N].value() / white;
        for ((out, &channel), background) in result.channels_mut().iter_mut().zip(channels).zip(color) {
            *out = P::Subpixel::nearest(channel.value() * alpha + background * white * (1.0 - alpha));
        }
    }
    out
}

/// The channels of an image, without the last one if that is alpha and `drop_alpha` is set.
fn channels<P, C>(image: &ImageBuffer<P, C>, drop_alpha: bool) -> Result<Pixels<'_>>
where
    P: Color,
    P::Subpixel: Pixel,
    C: Deref<Target = [P::Subpixel]>,
{
    let color = || format!("{} of {}", P::COLOR_MODEL, std::any::type_name::<P::Subpixel>());
    let alpha = match P::COLOR_MODEL {
        "Y" | "RGB" => false,
        "YA" | "RGBA" if drop_alpha => true,
        "YA" | "RGBA" => {
            return Err(Error::Alpha {
                name: "the image",
                color: color(),
            });
        }
        _ => {
            return Err(Error::ColorType {
                name: "the image",
                color: color(),
            });
        }
    };
    let count = usize::from(P::CHANNEL_COUNT);
    let (h, w) = (image.height() as usize, image.width() as usize);
    let shape = [1, count, h, w];
    // A container may be longer than the image needs, but never shorter.
    let samples = image.as_raw().get(..h * w * count).ok_or(Error::Overflow { shape })?;
    let view = ArrayView3::from_shape((h, w, count), samples).map_err(|_| Error::Overflow { shape })?;
    let colors = count - usize::from(alpha);
    let view = view
        .permuted_axes([2, 0, 1])
        .slice_axis_move(Axis(0), Slice::from(..colors));
    Ok(<P::Subpixel as Pixel>::erase(view.insert_axis(Axis(0))))
}

/// The channels of an image whose colour type is known at run time.
fn dynamic(image: &DynamicImage, drop_alpha: bool) -> Result<Pixels<'_>> {
    match image {
        DynamicImage::ImageLuma8(buffer) => channels(buffer, drop_alpha),
        DynamicImage::ImageLumaA8(buffer) => channels(buffer, drop_alpha),
        DynamicImage::ImageRgb8(buffer) => channels(buffer, drop_alpha),
        DynamicImage::ImageRgba8(buffer) => channels(buffer, drop_alpha),
        DynamicImage::ImageLuma16(buffer) => channels(buffer, drop_alpha),
        DynamicImage::ImageLumaA16(buffer) => channels(buffer, drop_alpha),
        DynamicImage::ImageRgb16(buffer) => channels(buffer, drop_alpha),
        DynamicImage::ImageRgba16(buffer) => channels(buffer, drop_alpha),
        DynamicImage::ImageRgb32F(buffer) => channels(buffer, drop_alpha),
        DynamicImage::ImageRgba32F(buffer) => channels(buffer, drop_alpha),
        other => Err(Error::ColorType {
            name: "the image",
            color: format!("{:?}", other.color()),
        }),
    }
}

impl sealed::Sealed for &DynamicImage {}

impl<'a> Input<'a> for &'a DynamicImage {
    type Real = f32;
    type Dim = Ix3;
    type Scores = f64;
    fn pixels(self) -> Result<Pixels<'a>> {
        dynamic(self, false)
    }
    fn scores(scores: Vec<f64>) -> f64 {
        Ix3::scores(scores)
    }
}

impl sealed::Sealed for DropAlpha<&DynamicImage> {}

impl<'a> Input<'a> for DropAlpha<&'a DynamicImage> {
    type Real = f32;
    type Dim = Ix3;
    type Scores = f64;
    fn pixels(self) -> Result<Pixels<'a>> {
        dynamic(self.0, true)
    }
    fn scores(scores: Vec<f64>) -> f64 {
        Ix3::scores(scores)
    }
}

impl<P, C> sealed::Sealed for &ImageBuffer<P, C>
where
    P: Color,
    P::Subpixel: Pixel,
    C: Deref<Target = [P::Subpixel]>,
{
}

impl<'a, P, C> Input<'a> for &'a ImageBuffer<P, C>
where
    P: Color,
    P::Subpixel: Pixel,
    C: Deref<Target = [P::Subpixel]>,
{
    type Real = <P::Subpixel as Pixel>::Real;
    type Dim = Ix3;
    type Scores = f64;
    fn pixels(self) -> Result<Pixels<'a>> {
        channels(self, false)
    }
    fn scores(scores: Vec<f64>) -> f64 {
        Ix3::scores(scores)
    }
}

impl<P, C> sealed::Sealed for DropAlpha<&ImageBuffer<P, C>>
where
    P: Color,
    P::Subpixel: Pixel,
    C: Deref<Target = [P::Subpixel]>,
{
}

impl<'a, P, C> Input<'a> for DropAlpha<&'a ImageBuffer<P, C>>
where
    P: Color,
    P::Subpixel: Pixel,
    C: Deref<Target = [P::Subpixel]>,
{
    type Real = <P::Subpixel as Pixel>::Real;
    type Dim = Ix3;
    type Scores = f64;
    fn pixels(self) -> Result<Pixels<'a>> {
        channels(self.0, true)
    }
    fn scores(scores: Vec<f64>) -> f64 {
        Ix3::scores(scores)
    }
}
