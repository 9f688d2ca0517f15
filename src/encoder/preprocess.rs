//! RGB image to the numbers that the image tower takes: resize, centre crop, scale, normalise.

use super::Pixels;
use super::model::{Filter, ImageSpec, Resize, as_usize};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, IntoImageView, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

/// Brings `image` into the form that `spec` describes.
///
/// # Shapes
/// - returns: `[3, spec.height, spec.width]`, channels R, G, B.
///
/// # Source
/// `CLIPImageProcessor` of transformers 4.57 (the one that works on Pillow images).
#[must_use]
pub fn pixels(image: &RgbImage, spec: &ImageSpec) -> Pixels {
    let crop = resized_crop(image, spec);
    let levels = levels(spec);
    Pixels::from_shape_fn(
        (3, as_usize(spec.height), as_usize(spec.width)),
        |(channel, y, x)| {
            let byte = crop[(y * as_usize(spec.width) + x) * 3 + channel];
            levels[channel][usize::from(byte)]
        },
    )
}

/// One axis of "resize, then cut out the middle", done at once: only the pixels that stay are
/// computed. A strip of 1 x 1,000,000 pixels would otherwise grow to 224 x 224,000,000.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    /// Where the part that stays begins in the source, in source pixels.
    source_start: f64,
    /// Its extent in the source, in source pixels.
    source_len: f64,
    /// Its extent after resizing, in pixels.
    len: u32,
    /// Black pixels before it, if the resized image is smaller than the crop.
    padding: u32,
}

impl Axis {
    /// `side` pixels become `resized`; the middle `crop` of those stay.
    ///
    /// # Source
    /// `center_crop` of transformers' `image_transforms.py`: half a pixel goes to the start when
    /// cutting, to the end when padding.
    fn new(side: u32, resized: u64, crop: u32) -> Self {
        let len = u32::try_from(resized).map_or(crop, |resized| resized.min(crop));
        let start = (resized - u64::from(len)) / 2;
        let step = f64::from(side) / as_f64(resized);
        let source_start = as_f64(start) * step;
        let source_len = (f64::from(len) * step).min(f64::from(side) - source_start);
        Self {
            source_start,
            source_len,
            len,
            padding: (crop - len).div_ceil(2),
        }
    }

    /// The pixels of the source that a filter may read for the part that stays: (first, number).
    fn source_rows(&self, side: u32) -> (u32, u32) {
        let step = (self.source_len / f64::from(self.len)).max(1.0);
        let reach = step * WIDEST_FILTER + 1.0;
        let first = floor(self.source_start - reach).min(side - 1);
        let end = floor(self.source_start + self.source_len + reach)
            .saturating_add(1)
            .min(side);
        (first, end - first)
    }
}

/// Half the width of the widest filter, Lanczos, in steps.
const WIDEST_FILTER: f64 = 3.0;

/// The size after the resizing step, (width, height).
///
/// # Source
/// `get_resize_output_image_size` of transformers: the longer side is rounded down.
fn resized_size(width: u32, height: u32, resize: Option<Resize>) -> (u64, u64) {
    let (w, h) = (u64::from(width), u64::from(height));
    match resize {
        None => (w, h),
        Some(Resize::Exactly { height, width }) => (u64::from(width), u64::from(height)),
        Some(Resize::ShortestEdge(edge)) => {
            let edge = u64::from(edge);
            if w <= h {
                (edge, edge * h / w)
            } else {
                (edge * w / h, edge)
            }
        }
    }
}

/// The middle of the resized image.
///
/// # Shapes
/// - returns: `[spec.height, spec.width, 3]`, row-major bytes.
fn resized_crop(image: &RgbImage, spec: &ImageSpec) -> Vec<u8> {
    let (resized_width, resized_height) = resized_size(image.width(), image.height(), spec.resize);
    let x = Axis::new(image.width(), resized_width, spec.width);
    let y = Axis::new(image.height(), resized_height, spec.height);
    let source = ImageRef::new(
        image.width(),
        image.height(),
        image.as_raw(),
        PixelType::U8x3,
    )
    .expect("an RgbImage holds three bytes per pixel");
    let algorithm = algorithm(spec.filter);

    // Pillow resizes the rows first and rounds to bytes in between; the library would begin with
    // the columns. Where the intermediate image would outgrow the source, that order is kept, since
    // such strips could not be held in memory.
    let (first_row, n_rows) = y.source_rows(image.height());
    let intermediate_px = u64::from(x.len) * u64::from(n_rows);
    let source_px = u64::from(image.width()) * u64::from(image.height());
    let part = if intermediate_px <= source_px.max(1 << 22) {
        let rows = (f64::from(first_row), f64::from(n_rows));
        let wide = resized(
            &source,
            (x.len, n_rows),
            (x.source_start, x.source_len),
            rows,
            algorithm,
        );
        let columns = (0.0, f64::from(x.len));
        let rows = (y.source_start - f64::from(first_row), y.source_len);
        resized(&wide, (x.len, y.len), columns, rows, algorithm)
    } else {
        let columns = (x.source_start, x.source_len);
        let rows = (y.source_start, y.source_len);
        resized(&source, (x.len, y.len), columns, rows, algorithm)
    };

    if (x.len, y.len) == (spec.width, spec.height) {
        return part.into_vec();
    }
    let row_bytes = as_usize(spec.width) * 3;
    let mut padded = vec![0; as_usize(spec.height) * row_bytes];
    let part_row_bytes = as_usize(x.len) * 3;
    for (row, pixels) in part.buffer().chunks_exact(part_row_bytes).enumerate() {
        let start = (row + as_usize(y.padding)) * row_bytes + as_usize(x.padding) * 3;
        padded[start..start + part_row_bytes].copy_from_slice(pixels);
    }
    padded
}

/// The part of `source` that (start, extent) in `columns` and `rows` cover, in (width, height) pixels.
fn resized(
    source: &impl IntoImageView,
    (width, height): (u32, u32),
    columns: (f64, f64),
    rows: (f64, f64),
    algorithm: ResizeAlg,
) -> Image<'static> {
    let mut part = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(algorithm)
        .crop(columns.0, rows.0, columns.1, rows.1);
    Resizer::new()
        .resize(source, &mut part, &options)
        .expect("both images are U8x3 and the crop lies inside the source");
    part
}

/// Convolution adapts its kernel when shrinking (antialias), as Pillow does.
fn algorithm(filter: Filter) -> ResizeAlg {
    ResizeAlg::Convolution(match filter {
        Filter::Nearest => return ResizeAlg::Nearest,
        Filter::Lanczos => FilterType::Lanczos3,
        Filter::Bilinear => FilterType::Bilinear,
        // Both take a = -0.5.
        Filter::Bicubic => FilterType::CatmullRom,
        Filter::Box => FilterType::Box,
        Filter::Hamming => FilterType::Hamming,
    })
}

/// The number for each byte, per channel, rounded to `f32` where the reference rounds.
fn levels(spec: &ImageSpec) -> [[f32; 256]; 3] {
    std::array::from_fn(|channel| {
        std::array::from_fn(|byte| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                reason = "a byte is exact in f64, and the reference rounds to f32 here too"
            )]
            let scaled = (byte as f64 * spec.scale) as f32;
            (scaled - spec.mean[channel]) / spec.std[channel]
        })
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float is cast to the nearest u32: negative becomes 0"
)]
fn floor(x: f64) -> u32 {
    x as u32
}

#[expect(
    clippy::cast_precision_loss,
    reason = "image sides stay far below 2^53, up to which f64 is exact"
)]
fn as_f64(side: u64) -> f64 {
    side as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(resize: Option<Resize>, height: u32, width: u32) -> ImageSpec {
        ImageSpec {
            resize,
            filter: Filter::Bicubic,
            height,
            width,
            scale: 1.0,
            mean: [0.0; 3],
            std: [1.0; 3],
        }
    }

    #[test]
    fn the_longer_side_is_rounded_down() {
        let edge = Some(Resize::ShortestEdge(224));
        assert_eq!(resized_size(640, 480, edge), (298, 224));
        assert_eq!(resized_size(480, 640, edge), (224, 298));
        assert_eq!(resized_size(641, 479, edge), (299, 224));
        assert_eq!(resized_size(10, 2000, edge), (224, 44_800));
    }

    #[test]
    fn width_and_height_keep_their_places() {
        // Red grows along x, green along y: 8 wide, 4 high.
        let image = RgbImage::from_fn(8, 4, |x, y| {
            image::Rgb([
                u8::try_from(x * 10).unwrap(),
                u8::try_from(y * 10).unwrap(),
                0,
            ])
        });
        let pixels = pixels(&image, &spec(None, 2, 6));
        assert_eq!(pixels.dim(), (3, 2, 6));
        // Rows 1 and 2, columns 1 to 6 are the middle.
        assert_eq!((pixels[[0, 0, 0]], pixels[[1, 0, 0]]), (10.0, 10.0));
        assert_eq!((pixels[[0, 0, 5]], pixels[[1, 0, 5]]), (60.0, 10.0));
        assert_eq!((pixels[[0, 1, 0]], pixels[[1, 1, 0]]), (10.0, 20.0));
    }

    #[test]
    fn an_image_smaller_than_the_crop_gets_black_borders() {
        let image = RgbImage::from_pixel(3, 2, image::Rgb([200, 100, 50]));
        let pixels = pixels(&image, &spec(None, 5, 6));
        // transformers puts ceil(3 / 2) = 2 rows above and ceil(3 / 2) = 2 columns before.
        for y in 0..5 {
            for x in 0..6 {
                let inside = (2..4).contains(&y) && (2..5).contains(&x);
                assert_eq!(
                    pixels[[0, y, x]],
                    if inside { 200.0 } else { 0.0 },
                    "{y} {x}"
                );
            }
        }
    }

    #[test]
    fn an_odd_rest_is_cut_at_the_end() {
        let axis = Axis::new(5, 5, 2);
        assert_eq!(
            (axis.source_start, axis.source_len, axis.len),
            (1.0, 2.0, 2)
        );
    }

    #[test]
    fn scale_mean_and_standard_deviation_are_applied_per_channel() {
        let image = RgbImage::from_pixel(1, 1, image::Rgb([255, 255, 255]));
        let mut spec = spec(Some(Resize::ShortestEdge(1)), 1, 1);
        spec.scale = 1.0 / 255.0;
        spec.mean = [0.5, 0.25, 0.0];
        spec.std = [0.5, 0.25, 2.0];
        let pixels = pixels(&image, &spec);
        assert_eq!(pixels.as_slice().unwrap(), [1.0, 3.0, 0.5]);
    }

    /// Resized as a whole, these would have billions of pixels on the way.
    #[test]
    fn long_strips_cost_no_memory() {
        let exactly = Resize::Exactly {
            height: 64,
            width: 64,
        };
        for (width, height) in [(1, 1_000_000), (1_000_000, 1)] {
            let strip = RgbImage::from_pixel(width, height, image::Rgb([7, 8, 9]));
            for resize in [Resize::ShortestEdge(64), exactly] {
                let pixels = pixels(&strip, &spec(Some(resize), 64, 64));
                assert_eq!((pixels[[0, 0, 0]], pixels[[2, 63, 63]]), (7.0, 9.0));
            }
        }
    }

    /// What is cut off is not computed; what stays must not notice.
    #[test]
    fn cutting_while_resizing_equals_cutting_afterwards() {
        let image = RgbImage::from_fn(150, 97, |x, y| {
            let noise = (x * 7919 + y * 104_729) % 251;
            image::Rgb([
                u8::try_from(noise).unwrap(),
                u8::try_from(x).unwrap(),
                u8::try_from(y).unwrap(),
            ])
        });
        let resize = Some(Resize::ShortestEdge(40));
        let whole = pixels(&image, &spec(resize, 40, 61));
        let middle = pixels(&image, &spec(resize, 20, 31));
        for ((channel, y, x), number) in middle.indexed_iter() {
            let difference = (number - whole[[channel, y + 10, x + 15]]).abs();
            // Coefficients are rounded per row, so a level may flip.
            assert!(difference <= 1.0, "{channel} {y} {x}: {difference}");
        }
    }
}
