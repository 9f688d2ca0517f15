//! Cutting, scaling and writing images for the IIIF server.

use super::request::{Format, ImageRequest, Quality, RequestError};
use crate::encoder::ImageError;
use crate::encoder::decode;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
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

/// The answer to `request` on the image in `path`, upright, as a file in the format asked for.
///
/// # Errors
/// [`RenderError`] if the request does not fit the image or the file cannot be decoded.
pub fn render(path: &Path, request: &ImageRequest) -> Result<Vec<u8>, RenderError> {
    let (width, height) = dimensions(path)?;
    let frame = request.frame(width, height, MAX_RESULT_PX)?;
    let bytes = std::fs::read(path).map_err(RenderError::Read)?;
    let mut image = decode::picture(&bytes, MAX_SOURCE_PX)?;
    drop(bytes);
    // The file may have been replaced meanwhile.
    if (image.width(), image.height()) != (width, height) {
        let changed = std::io::Error::other("it is being replaced");
        return Err(RenderError::Read(changed));
    }
    if (frame.width, frame.height) != (width, height) {
        image = image.crop_imm(frame.x, frame.y, frame.width, frame.height);
    }
    if (frame.out_width, frame.out_height) != (frame.width, frame.height) {
        image = image.resize_exact(frame.out_width, frame.out_height, FilterType::CatmullRom);
    }
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
