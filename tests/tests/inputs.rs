//! Every kind of input: the same pixels must have the same score, however they are handed over.

use fastssim::{DropAlpha, Images, Layout, Padding, Ssim, composite};
use fastssim_tests::images::{Element, Scene};
use fastssim_tests::strided::{Arrangement, Strided};
use half::{bf16, f16};
use image::{
    DynamicImage, GrayAlphaImage, GrayImage, ImageBuffer, Luma, LumaA, Primitive, Rgb, RgbImage, Rgba, RgbaImage,
};
use ndarray::{Array2, Array3, Array4, ArrayView2, ArrayView4, Axis, CowArray, arr0, aview1, s};

/// A pair of batches and what their planar copies score.
struct Expected<T: Element> {
    x: Array4<T>,
    y: Array4<T>,
    scores: Vec<f64>,
    gradient: Array4<T::Real>,
    map: Array4<T::Real>,
}

fn expected<T: Element>(shape: [usize; 4]) -> Expected<T> {
    let [x, y] = Scene::Distorted.batches::<T>(shape, 41);
    let scores = fastssim::ssim(&x, &y).expect("valid input");
    let gradient = fastssim::ssim_gradient(&x, &y).expect("valid input");
    let map = fastssim::ssim_map(&x, &y).expect("valid input");
    Expected {
        x,
        y,
        scores,
        gradient,
        map,
    }
}

/// Asserts that two views have the scores, gradients and maps expected.
fn assert_same<T: Element>(expected: &Expected<T>, x: ArrayView4<'_, T>, y: ArrayView4<'_, T>, what: &str) {
    assert_eq!(fastssim::ssim(x, y).as_ref(), Ok(&expected.scores), "{what}");
    assert_eq!(fastssim::ssim_gradient(x, y).as_ref(), Ok(&expected.gradient), "{what}");
    assert_eq!(fastssim::ssim_map(x, y).as_ref(), Ok(&expected.map), "{what}");
}

/// Runs a generic check for every element type.
macro_rules! for_all_types {
    ($check:ident) => {
        $check::<u8>();
        $check::<u16>();
        $check::<f16>();
        $check::<bf16>();
        $check::<f32>();
        $check::<f64>();
    };
}

#[test]
fn two_three_and_four_dimensions() {
    fn check<T: Element>() {
        let Expected {
            x,
            y,
            scores,
            gradient,
            map,
        } = expected::<T>([1, 1, 35, 47]);
        let plane = s![0, 0, .., ..];
        let image = s![0, .., .., ..];
        let (x2, y2) = (x.slice(plane), y.slice(plane));
        let (x3, y3) = (x.slice(image), y.slice(image));
        let score: f64 = fastssim::ssim(x2, y2).expect("valid input");
        assert_eq!(score, scores[0]);
        let (score, slopes) = fastssim::ssim_with_gradient(x3, y3).expect("valid input");
        assert_eq!(
            (score, slopes.view()),
            (
                fastssim::ssim_with_gradient(&x, &y).expect("valid").0[0],
                gradient.slice(image)
            )
        );
        assert_eq!(
            fastssim::ssim_gradient(x2, y2).expect("valid input"),
            gradient.slice(plane)
        );
        assert_eq!(fastssim::ssim_map(x2, y2).expect("valid input"), map.slice(plane));
        assert_eq!(fastssim::ssim_map(x3, y3).expect("valid input"), map.slice(image));
        // Dimensions may be mixed, where the shape is the same.
        assert_eq!(fastssim::ssim(x2, &y), Ok(scores[0]));
        assert_eq!(fastssim::ssim(&x, y3), Ok(scores));
    }
    for_all_types!(check);
}

#[test]
fn owned_borrowed_shared_and_copied_on_write() {
    let Expected { mut x, y, scores, .. } = expected::<f32>([2, 3, 20, 30]);
    assert_eq!(fastssim::ssim(&x, &y).as_ref(), Ok(&scores));
    assert_eq!(fastssim::ssim(x.view(), &y).as_ref(), Ok(&scores));
    let (x_view, y_view) = (x.view(), y.view());
    let borrowed = (&x_view, &y_view);
    assert_eq!(fastssim::ssim(borrowed.0, borrowed.1).as_ref(), Ok(&scores));
    assert_eq!(
        fastssim::ssim(&x.to_shared(), &CowArray::from(y.view())).as_ref(),
        Ok(&scores)
    );
    assert_eq!(fastssim::ssim(&x.view_mut(), &y).as_ref(), Ok(&scores));
}

#[test]
fn arrangements_in_memory() {
    fn check<T: Element>() {
        let expected = expected::<T>([2, 3, 37, 70]);
        let orders = [
            [0, 1, 2, 3],
            [0, 2, 3, 1],
            [0, 1, 3, 2],
            [3, 2, 1, 0],
            [1, 0, 2, 3],
            [2, 3, 0, 1],
            [2, 0, 3, 1],
        ];
        let steps = [
            [1, 1, 1, 1],
            [1, 1, -1, 1],
            [1, 1, 1, -1],
            [-1, -1, -1, -1],
            [1, 1, 2, 3],
            [3, 2, 1, 1],
            [1, 2, -2, -3],
        ];
        for order in orders {
            for steps in steps {
                let arrangement = Arrangement { order, steps };
                let x = Strided::new(expected.x.view(), arrangement, T::from_unit(0.4));
                let y = Strided::new(expected.y.view(), arrangement, T::from_unit(0.6));
                let what = format!("{arrangement:?}");
                assert_same(&expected, x.view(), y.view(), &what);
                assert_same(&expected, x.view(), expected.y.view(), &what);
                assert_same(&expected, expected.x.view(), y.view(), &what);
            }
        }
    }
    for_all_types!(check);
}

/// Three channels side by side, as in a file, of rows that are longer than the image.
#[test]
fn crops_of_interleaved_images() {
    fn check<T: Element>() {
        let [x, y] = Scene::Distorted.batches::<T>([1, 3, 60, 90], 42);
        for (top, left, h, w) in [
            (0, 0, 60, 90),
            (3, 5, 40, 64),
            (7, 0, 20, 33),
            (20, 70, 40, 20),
            (59, 89, 1, 1),
        ] {
            let crop = s![.., .., top..top + h, left..left + w];
            let interleaved = [&x, &y].map(|images| {
                images
                    .view()
                    .permuted_axes([0, 2, 3, 1])
                    .as_standard_layout()
                    .into_owned()
            });
            let [a, b] = interleaved
                .each_ref()
                .map(|images| images.view().permuted_axes([0, 3, 1, 2]));
            let (planar_x, planar_y) = (x.slice(crop).to_owned(), y.slice(crop).to_owned());
            let (found_x, found_y) = (a.slice(crop), b.slice(crop));
            let what = format!("{top} {left} {h} {w}");
            assert_eq!(
                fastssim::ssim(found_x, found_y),
                fastssim::ssim(&planar_x, &planar_y),
                "{what}"
            );
            assert_eq!(
                fastssim::ssim_gradient(found_x, found_y),
                fastssim::ssim_gradient(&planar_x, &planar_y),
                "{what}"
            );
            // Upside down, and the channels in the opposite order.
            for turn in [s![.., .., ..;-1, ..], s![.., .., .., ..;-1], s![.., ..;-1, .., ..]] {
                let turned = fastssim::ssim(found_x.slice(turn), found_y.slice(turn));
                let planar = [&planar_x, &planar_y].map(|images| images.slice(turn).as_standard_layout().into_owned());
                assert_eq!(turned, fastssim::ssim(&planar[0], &planar[1]), "{what} {turn:?}");
            }
        }
    }
    for_all_types!(check);
}

#[test]
fn broadcast_views() {
    let pixel = arr0(0.25f32);
    let gray = pixel.broadcast((2, 3, 24, 31)).expect("a scalar fits any shape");
    let row = (0..31).map(|j| j as f32 / 31.0).collect::<Vec<_>>();
    let rows = aview1(&row);
    let rows = rows.broadcast((2, 3, 24, 31)).expect("a row fits its columns");
    let found = fastssim::ssim_with_gradient(gray, rows);
    assert_eq!(found, fastssim::ssim_with_gradient(&gray.to_owned(), &rows.to_owned()));
    // One image against many.
    let Expected { x, y, .. } = expected::<u8>([3, 1, 20, 25]);
    let first = x.slice(s![0..1, .., .., ..]);
    let repeated = first.broadcast((3, 1, 20, 25)).expect("one image fits three");
    let scores = fastssim::ssim(repeated, y.view()).expect("valid input");
    for (score, y) in scores.iter().zip(y.outer_iter()) {
        assert_eq!(fastssim::ssim(x.index_axis(Axis(0), 0), y), Ok(*score));
    }
}

#[test]
fn slices() {
    fn check<T: Element>() {
        let Expected {
            x, y, scores, gradient, ..
        } = expected::<T>([2, 3, 20, 28]);
        let shape = [2, 3, 20, 28];
        let planar = [&x, &y].map(|images| images.iter().copied().collect::<Vec<_>>());
        let interleaved = [&x, &y].map(|images| {
            images
                .view()
                .permuted_axes([0, 2, 3, 1])
                .iter()
                .copied()
                .collect::<Vec<_>>()
        });
        for (data, layout) in [(&planar, Layout::Planar), (&interleaved, Layout::Interleaved)] {
            let [x, y] = data
                .each_ref()
                .map(|data| Images::from_slice(data, shape, layout).expect("the right length"));
            assert_eq!(x.shape(), shape);
            assert_eq!(fastssim::ssim(x, y).as_ref(), Ok(&scores), "{layout:?}");
            assert_eq!(fastssim::ssim_gradient(x, y).as_ref(), Ok(&gradient), "{layout:?}");
        }
        // The same interleaved data by its strides, and against the planar.
        let strided = Layout::Strided([20 * 28 * 3, 1, 28 * 3, 3]);
        let a = Images::from_slice(&interleaved[0], shape, strided).expect("the right length");
        let b = Images::from_slice(&planar[1], shape, Layout::Planar).expect("the right length");
        assert_eq!(fastssim::ssim(a, b), Ok(scores));
    }
    for_all_types!(check);
}

#[test]
fn slices_with_gaps() {
    let Expected { x, y, .. } = expected::<u8>([1, 3, 20, 28]);
    // The green channel of a crop, and the rows of an image with padding at their ends.
    let crop = s![.., 1..2, 4..16, 3..20];
    let interleaved = x.view().permuted_axes([0, 2, 3, 1]).iter().copied().collect::<Vec<_>>();
    let offset = (4 * 28 + 3) * 3 + 1;
    let green = Images::from_slice(
        &interleaved[offset..],
        [1, 1, 12, 17],
        Layout::Strided([0, 0, 28 * 3, 3]),
    );
    let mut padded = vec![77u8; 12 * 32];
    for (row, pixels) in padded.chunks_mut(32).zip(y.slice(crop).rows()) {
        row[..17].copy_from_slice(&pixels.to_vec());
    }
    let rows = Images::from_slice(&padded, [1, 1, 12, 17], Layout::Strided([12 * 32, 12 * 32, 32, 1]));
    let found = fastssim::ssim(green.expect("long enough"), rows.expect("long enough"));
    assert_eq!(found, fastssim::ssim(x.slice(crop), y.slice(crop)));
}

#[test]
fn views_as_images() {
    let Expected { x, y, scores, .. } = expected::<u16>([1, 1, 20, 28]);
    let plane: ArrayView2<'_, u16> = x.slice(s![0, 0, .., ..]);
    let image = y.slice(s![0, .., .., ..]);
    assert_eq!(
        fastssim::ssim(Images::from(plane), Images::from(image)).as_ref(),
        Ok(&scores)
    );
    let (a, b) = (Images::from(x.view()), Images::from(y.view()));
    let [by_reference_a, by_reference_b] = [&a, &b];
    assert_eq!(fastssim::ssim(by_reference_a, by_reference_b), Ok(scores.clone()));
    assert_eq!(fastssim::ssim(a, b), Ok(scores.clone()));
    let by_array_ref: (&ndarray::ArrayRef4<u16>, &ndarray::ArrayRef4<u16>) = (&x, &y);
    assert_eq!(fastssim::ssim(by_array_ref.0, by_array_ref.1), Ok(scores));
}

/// A picture of `channels` channels whose samples are those of `pixels`, an alpha channel last.
fn samples<T: Element>(pixels: &Array3<T>) -> (u32, u32, Vec<T>) {
    let (_, h, w) = pixels.dim();
    let samples = pixels.view().permuted_axes([1, 2, 0]).iter().copied().collect();
    (w as u32, h as u32, samples)
}

/// Pairs of pictures with 1 to 4 channels, and the colours of each as arrays.
fn pictures<T: Element>(channels: usize) -> [(Array3<T>, (u32, u32, Vec<T>)); 2] {
    let [x, y] = Scene::Distorted.batches::<T>([1, channels, 31, 43], 43);
    [x, y].map(|images| {
        let pixels = images.index_axis_move(Axis(0), 0);
        let samples = samples(&pixels);
        let colors = channels - (channels + 1) % 2;
        (pixels.slice_move(s![..colors, .., ..]), samples)
    })
}

/// Compares pictures, as buffers and as dynamic images, with the arrays of their colours.
macro_rules! assert_pictures {
    ($T:ty, $channels:expr, $Pixel:ty, $dynamic:path, alpha: $alpha:expr) => {{
        let [(x, (w, h, x_samples)), (y, (_, _, y_samples))] = pictures::<$T>($channels);
        let buffer = |samples| ImageBuffer::<$Pixel, Vec<$T>>::from_raw(w, h, samples).expect("the right length");
        let (a, b) = (buffer(x_samples), buffer(y_samples));
        let (c, d) = ($dynamic(a.clone()), $dynamic(b.clone()));
        let expected = fastssim::ssim_with_gradient(&x, &y).expect("valid input");
        let map = fastssim::ssim_map(&x, &y).expect("valid input");
        let (drop_a, drop_b) = ((DropAlpha(&a), DropAlpha(&b)), (DropAlpha(&c), DropAlpha(&d)));
        assert_eq!(fastssim::ssim_with_gradient(drop_a.0, drop_a.1).as_ref(), Ok(&expected));
        assert_eq!(fastssim::ssim_with_gradient(drop_b.0, drop_b.1).as_ref(), Ok(&expected));
        assert_eq!(fastssim::ssim_map(drop_b.0, drop_b.1).as_ref(), Ok(&map));
        // Pictures and arrays can be compared with each other.
        assert_eq!(fastssim::ssim(DropAlpha(&a), &y), fastssim::ssim(&x, &y));
        if $alpha {
            assert!(fastssim::ssim(&a, &b).is_err() && fastssim::ssim(&c, &d).is_err());
        } else {
            assert_eq!(fastssim::ssim_with_gradient(&a, &b).as_ref(), Ok(&expected));
            assert_eq!(fastssim::ssim_with_gradient(&c, &d).as_ref(), Ok(&expected));
            assert_eq!(fastssim::ssim(&a, &d), fastssim::ssim(&x, &y));
        }
    }};
}

#[test]
fn pictures_of_8_bits() {
    assert_pictures!(u8, 1, Luma<u8>, DynamicImage::ImageLuma8, alpha: false);
    assert_pictures!(u8, 2, LumaA<u8>, DynamicImage::ImageLumaA8, alpha: true);
    assert_pictures!(u8, 3, Rgb<u8>, DynamicImage::ImageRgb8, alpha: false);
    assert_pictures!(u8, 4, Rgba<u8>, DynamicImage::ImageRgba8, alpha: true);
}

#[test]
fn pictures_of_16_bits() {
    assert_pictures!(u16, 1, Luma<u16>, DynamicImage::ImageLuma16, alpha: false);
    assert_pictures!(u16, 2, LumaA<u16>, DynamicImage::ImageLumaA16, alpha: true);
    assert_pictures!(u16, 3, Rgb<u16>, DynamicImage::ImageRgb16, alpha: false);
    assert_pictures!(u16, 4, Rgba<u16>, DynamicImage::ImageRgba16, alpha: true);
}

#[test]
fn pictures_of_floats() {
    assert_pictures!(f32, 3, Rgb<f32>, DynamicImage::ImageRgb32F, alpha: false);
    assert_pictures!(f32, 4, Rgba<f32>, DynamicImage::ImageRgba32F, alpha: true);
}

/// Buffers that no dynamic image has: gray floats, doubles, and containers that are borrowed.
#[test]
fn other_buffers() {
    fn gray<T: Element + Primitive>() {
        let [(x, (w, h, a)), (y, (_, _, b))] = pictures::<T>(1);
        // A container may be longer than its image.
        let a = ImageBuffer::<Luma<T>, _>::from_raw(w, h, &a[..]).expect("the right length");
        let b = [b, vec![T::from_unit(1.0); 9]].concat();
        let b = ImageBuffer::<Luma<T>, _>::from_raw(w, h, &b[..]).expect("long enough");
        assert_eq!(
            fastssim::ssim_with_gradient(&a, &b),
            fastssim::ssim_with_gradient(&x, &y)
        );
    }
    gray::<u8>();
    gray::<u16>();
    gray::<f32>();
    gray::<f64>();
}

/// A gradient is shaped like the first input: (channels, height, width) for a picture.
#[test]
fn shapes_of_results() {
    let (gray, color) = (GrayImage::new(20, 15), RgbImage::new(20, 15));
    assert_eq!(fastssim::ssim_gradient(&gray, &gray).map(|g| g.dim()), Ok((1, 15, 20)));
    assert_eq!(
        fastssim::ssim_gradient(&color, &color).map(|g| g.dim()),
        Ok((3, 15, 20))
    );
    let valid = Ssim::builder().padding(Padding::Valid).build().expect("valid");
    assert_eq!(valid.ssim_map(&color, &color).map(|map| map.dim()), Ok((3, 5, 10)));
    let alpha = RgbaImage::new(20, 15);
    let gradient = fastssim::ssim_gradient(DropAlpha(&alpha), DropAlpha(&alpha));
    assert_eq!(gradient.map(|g| g.dim()), Ok((3, 15, 20)));
    let plane = Array2::<f64>::zeros((15, 20));
    assert_eq!(valid.ssim_map(&plane, &plane).map(|map| map.dim()), Ok((5, 10)));
    assert_eq!(valid.ssim_gradient(&plane, &plane).map(|g| g.dim()), Ok((15, 20)));
}

/// By hand: colour · α + background · (1 − α), rounded to the nearest level.
#[test]
fn composite_of_8_bits() {
    let image = RgbaImage::from_fn(4, 1, |x, _| {
        [
            Rgba([200, 100, 50, 128]),
            Rgba([9, 8, 7, 255]),
            Rgba([9, 8, 7, 0]),
            Rgba([255, 0, 255, 51]),
        ][x as usize]
    });
    let found = composite(&image.into(), [1.0, 0.25, 0.0]).expect("a valid background");
    let expected = [
        // α = 128/255: 200 · 0.50196 + 255 · 0.49804 = 227.39, 50.196 + 63.75 · 0.49804 = 81.95, 25.098.
        Rgb([227, 82, 25]),
        Rgb([9, 8, 7]),
        // 63.75.
        Rgb([255, 64, 0]),
        // α = 0.2: 51 + 204, 63.75 · 0.8 = 51, 51.
        Rgb([255, 51, 51]),
    ];
    let found = found.as_rgb8().expect("of the image's depth");
    assert_eq!(found.pixels().copied().collect::<Vec<_>>(), expected);
}

#[test]
fn composite_of_other_types() {
    // A gray image takes the luma of the background: 0.299 · 1 + 0.587 · 0.5 + 0.114 · 0 = 0.5925.
    let gray = GrayAlphaImage::from_fn(2, 1, |x, _| LumaA([100, [0, 102][x as usize]]));
    let found = composite(&gray.into(), [1.0, 0.5, 0.0]).expect("a valid background");
    // 151.09, and at α = 0.4: 40 + 90.65.
    assert_eq!(found.as_luma8().expect("of the image's depth").as_raw(), &[151, 131]);

    let deep = ImageBuffer::from_pixel(1, 1, LumaA([60000u16, 13107]));
    let found = composite(&DynamicImage::ImageLumaA16(deep), [1.0, 0.5, 0.0]).expect("a valid background");
    // α = 0.2: 12000 + 38829.49 · 0.8 = 43063.59.
    assert_eq!(found.as_luma16().expect("of the image's depth").as_raw(), &[43064]);

    let deep = ImageBuffer::from_pixel(1, 1, Rgba([60000u16, 0, 65535, 13107]));
    let found = composite(&DynamicImage::ImageRgba16(deep), [0.0, 1.0, 0.5]).expect("a valid background");
    // 12000, 52428, and 13107 + 32767.5 · 0.8 = 39321.
    assert_eq!(
        found.as_rgb16().expect("of the image's depth").as_raw(),
        &[12000, 52428, 39321]
    );

    let float = ImageBuffer::from_pixel(1, 1, Rgba([0.5f32, 2.0, 0.0, 0.25]));
    let found = composite(&DynamicImage::ImageRgba32F(float), [1.0, 0.0, 0.5]).expect("a valid background");
    assert_eq!(
        found.as_rgb32f().expect("of the image's depth").as_raw(),
        &[0.875, 0.5, 0.375]
    );
}

#[test]
fn composite_without_alpha_changes_nothing() {
    let opaque = [
        DynamicImage::ImageLuma8(GrayImage::from_pixel(3, 2, Luma([7]))),
        DynamicImage::ImageRgb8(RgbImage::from_pixel(3, 2, Rgb([1, 2, 3]))),
        DynamicImage::ImageRgb32F(ImageBuffer::from_pixel(3, 2, Rgb([0.1, 1.7, -2.0]))),
    ];
    for picture in opaque {
        assert_eq!(composite(&picture, [0.3, 0.6, 0.9]).as_ref(), Ok(&picture));
    }
    // A fully opaque picture loses its alpha channel alone.
    let [(x, (w, h, samples)), _] = pictures::<u8>(3);
    let opaque = samples
        .chunks(3)
        .flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255])
        .collect();
    let opaque = DynamicImage::ImageRgba8(RgbaImage::from_raw(w, h, opaque).expect("the right length"));
    let found = composite(&opaque, [0.3, 0.6, 0.9]).expect("a valid background");
    assert_eq!(found.as_rgb8().expect("of the image's depth").as_raw(), &samples);
    assert_eq!(fastssim::ssim(&found, &x), Ok(1.0));
}

/// Where both pictures are transparent, only what is behind them counts.
#[test]
fn scores_of_composites() {
    let [a, b] = [Rgba([255, 0, 0, 0]), Rgba([0, 255, 0, 0])]
        .map(|color| DynamicImage::ImageRgba8(RgbaImage::from_pixel(20, 20, color)));
    assert!(fastssim::ssim(DropAlpha(&a), DropAlpha(&b)).expect("valid input") < 0.4);
    let [a, b] = [a, b].map(|picture| composite(&picture, [0.5; 3]).expect("a valid background"));
    assert_eq!(fastssim::ssim(&a, &b), Ok(1.0));
}
