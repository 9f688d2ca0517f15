//! Cutting, scaling and writing images for the IIIF server.

use super::request::{Format, ImageRequest, Quality, RequestError};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, RgbImage};
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
    /// The file is no image, or a damaged one.
    #[error("the image cannot be decoded")]
    Decode(#[source] ImageError),
    /// More pixels than allowed; refused before memory is allocated.
    #[error("the image has {width} x {height} pixels, more than the limit of {MAX_SOURCE_PX}")]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The result cannot be written.
    #[error("the result cannot be encoded")]
    Encode(#[source] ImageError),
}

/// Width and height of an image file in pixels, from its header alone.
///
/// # Errors
/// [`RenderError::Decode`] if it is no image.
pub fn dimensions(path: &Path) -> Result<(u32, u32), RenderError> {
    reader(path)?.into_dimensions().map_err(RenderError::Decode)
}

/// The answer to `request` on the image in `path`, as a file in the format asked for.
///
/// # Errors
/// [`RenderError`] if the request does not fit the image or the file cannot be decoded.
pub fn render(path: &Path, request: &ImageRequest) -> Result<Vec<u8>, RenderError> {
    let decoder = reader(path)?.into_decoder().map_err(RenderError::Decode)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_SOURCE_PX {
        return Err(RenderError::TooManyPixels { width, height });
    }
    let frame = request.frame(width, height, MAX_RESULT_PX)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(RenderError::Decode)?;
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

fn reader(path: &Path) -> Result<ImageReader<std::io::BufReader<std::fs::File>>, RenderError> {
    // The content decides, as for the encoder: names are often wrong.
    ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|error| RenderError::Decode(error.into()))
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
