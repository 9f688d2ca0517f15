//! Cutting, scaling and writing images for the IIIF server.

use super::request::{Format, Frame, ImageRequest, Quality, RequestError};
use crate::encoder::ImageError;
use crate::encoder::decode;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, RgbImage};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Largest image that is decoded: 100 megapixels take up to 800 MB.
pub const MAX_SOURCE_PX: u64 = 100_000_000;
/// Largest image that is given out.
pub const MAX_RESULT_PX: u64 = 25_000_000;

const JPEG_QUALITY: u8 = 90;

/// Why an image cannot be given out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The request cannot be met.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The file is no image, a damaged one, or too large a one.
    #[error(transparent)]
    Decode(#[from] ImageError),
    /// The file cannot be read.
    #[error("the image cannot be read")]
    Read(#[source] std::io::Error),
    /// The result cannot be written.
    #[error("the result cannot be encoded")]
    Encode(#[source] image::ImageError),
}

/// Width and height of an image file in pixels, upright, from its headers alone.
///
/// # Errors
/// [`RenderError::Decode`] if it is no image, [`RenderError::Read`] if it cannot be read.
pub fn dimensions(path: &Path) -> Result<(u32, u32), RenderError> {
    let file = File::open(path).map_err(RenderError::Read)?;
    Ok(decode::dimensions(BufReader::new(file))?)
}

/// The image in the file at `path`, decoded and upright.
///
/// # Errors
/// As of [`dimensions`], and if it has more than [`MAX_SOURCE_PX`].
pub fn picture(path: &Path) -> Result<DynamicImage, RenderError> {
    let bytes = std::fs::read(path).map_err(RenderError::Read)?;
    Ok(decode::picture(&bytes, MAX_SOURCE_PX)?)
}

/// Whether `request` can be met of an image of `width` x `height` pixels.
///
/// # Errors
/// [`RenderError::Request`] if it cannot.
pub fn check(request: &ImageRequest, (width, height): (u32, u32)) -> Result<(), RenderError> {
    request.frame(width, height, MAX_RESULT_PX)?;
    Ok(())
}

/// The answer to `request` on `picture`, as a file in the format asked for.
///
/// # Errors
/// [`RenderError`] if the request does not fit the picture or the result cannot be written.
pub fn render(picture: &DynamicImage, request: &ImageRequest) -> Result<Vec<u8>, RenderError> {
    let frame = request.frame(picture.width(), picture.height(), MAX_RESULT_PX)?;
    let mut image = cut(picture, &frame);
    if request.mirror {
        image = image.fliph();
    }
    image = match request.quarter_turns {
        1 => image.rotate90(),
        2 => image.rotate180(),
        3 => image.rotate270(),
        _ => image,
    };
    if request.quality == Quality::Gray {
        image = if image.color().has_alpha() {
            image.to_luma_alpha8().into()
        } else {
            image.to_luma8().into()
        };
    }
    write(&image, request.format)
}

/// The region of `picture`, scaled.
fn cut(picture: &DynamicImage, frame: &Frame) -> DynamicImage {
    let Frame {
        x,
        y,
        width,
        height,
        out_width,
        out_height,
    } = *frame;
    if (out_width, out_height) == (width, height) {
        return picture.crop_imm(x, y, width, height);
    }
    let region = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .crop(x.into(), y.into(), width.into(), height.into());
    let mut scaled = DynamicImage::new(out_width, out_height, picture.color());
    Resizer::new()
        .resize(picture, &mut scaled, &region)
        .expect("pictures have 8 bits a sample, and the region lies in the picture");
    scaled
}

fn write(image: &DynamicImage, format: Format) -> Result<Vec<u8>, RenderError> {
    let mut bytes = Vec::new();
    let written = match format {
        Format::Jpg => {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
            if image.color().has_alpha() {
                on_white(image).write_with_encoder(encoder)
            } else if image.color().has_color() {
                image.to_rgb8().write_with_encoder(encoder)
            } else {
                image.to_luma8().write_with_encoder(encoder)
            }
        }
        Format::Png => image.write_with_encoder(PngEncoder::new(&mut bytes)),
    };
    written.map_err(RenderError::Encode)?;
    Ok(bytes)
}

/// JPEG has no transparency: what shines through is paper.
fn on_white(image: &DynamicImage) -> RgbImage {
    let image = image.to_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, alpha] = image.get_pixel(x, y).0.map(u32::from);
        let over =
            |c: u32| u8::try_from((c * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(255);
        image::Rgb([over(r), over(g), over(b)])
    })
}
