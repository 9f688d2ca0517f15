//! Image bytes to pixels as viewers show them: upright, in 8 bits.

mod content;
mod jpeg;
mod orientation;
mod tiff;

use super::ImageError;
use content::{format_of, name};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use jpeg::Ending;
use std::io::{BufRead, Cursor, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Decodes an image of at most `limit_px` pixels: its first frame, upright as its Exif orientation has it,
/// alpha dropped, not blended, samples of 16 bits read as their high bytes. The format comes from the content.
///
/// Apart from the orientation and from 16-bit grey this is the outcome of Pillow's
/// `Image.open(…).convert("RGB")`.
///
/// # Errors
/// [`ImageError`]; the size is checked in the header, before memory is allocated.
pub fn decode(bytes: &[u8], limit_px: u64) -> Result<RgbImage, ImageError> {
    picture(bytes, limit_px).map(to_rgb)
}

/// As [`decode`], with grey and alpha as they are in the file.
///
/// # Errors
/// As of [`decode`].
pub fn picture(bytes: &[u8], limit_px: u64) -> Result<DynamicImage, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    let format = format_of(bytes)?;
    // Decoders are fed by strangers: a bug in one must cost one image, not the server.
    catch_unwind(AssertUnwindSafe(|| decode_as(bytes, format, limit_px)))
        .unwrap_or_else(|_| Err(broken(format, "the decoder gave up".to_owned())))
}

/// Width and height in pixels of the picture that [`picture`] makes of what is in `reader`, from its headers.
///
/// # Errors
/// [`ImageError`] if it is no image.
pub fn dimensions(mut reader: impl BufRead + Seek) -> Result<(u32, u32), ImageError> {
    let format = {
        let head = reader
            .fill_buf()
            .map_err(|error| ImageError::UnknownFormat {
                found: format!("cannot be read: {error}"),
            })?;
        if head.is_empty() {
            return Err(ImageError::Empty);
        }
        format_of(&head[..head.len().min(content::HEAD_BYTES)])?
    };
    catch_unwind(AssertUnwindSafe(|| {
        let (decoder, orientation) = open(reader, format, u64::MAX)?;
        let (width, height) = decoder.dimensions();
        Ok(match is_on_its_side(orientation) {
            true => (height, width),
            false => (width, height),
        })
    }))
    .unwrap_or_else(|_| Err(broken(format, "the decoder gave up".to_owned())))
}

fn decode_as(bytes: &[u8], format: ImageFormat, limit_px: u64) -> Result<DynamicImage, ImageError> {
    let (decoder, orientation) = open(Cursor::new(bytes), format, limit_px)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limit_px {
        return Err(ImageError::TooManyPixels {
            width,
            height,
            limit_px,
        });
    }
    let ending = match format {
        ImageFormat::Jpeg => jpeg::ending(bytes),
        _ => Ending::Marked,
    };
    let mut image = match ending {
        Ending::Marked => pixels_of(decoder, format)?,
        Ending::InLastScan => unmarked_jpeg(bytes, limit_px)?,
        Ending::Cut => return Err(truncated(format)),
    };
    image.apply_orientation(orientation);
    Ok(image)
}

/// A decoder, and what is to be done to its picture.
fn open<'r, R: BufRead + Seek + 'r>(
    mut reader: R,
    format: ImageFormat,
    limit_px: u64,
) -> Result<(impl ImageDecoder + 'r, Orientation), ImageError> {
    let failed = |error: image::ImageError| broken(format, reason(&error));
    let unread = |error: std::io::Error| broken(format, error.to_string());
    if format == ImageFormat::Tiff {
        let unshowable = tiff::unshowable(&mut reader);
        reader.rewind().map_err(unread)?;
        if let Some(reason) = unshowable {
            return Err(broken(format, reason));
        }
    }
    let of_png = match format {
        ImageFormat::Png => Some(orientation::of_png(&mut reader).map_err(unread)?),
        _ => None,
    };
    let mut reader = ImageReader::with_format(reader, format);
    reader.limits(limits(limit_px));
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(broken(format, format!("it has {width} x {height} pixels")));
    }
    let orientation = of_png.unwrap_or_else(|| orientation::orientation(&mut decoder, format));
    Ok((decoder, orientation))
}

fn pixels_of(decoder: impl ImageDecoder, format: ImageFormat) -> Result<DynamicImage, ImageError> {
    let image = DynamicImage::from_decoder(decoder);
    image
        .map(to_8_bits)
        .map_err(|error| broken(format, reason(&error)))
}

/// A JPEG that ends in its last scan: whole if no bit of the picture depends on what follows.
fn unmarked_jpeg(bytes: &[u8], limit_px: u64) -> Result<DynamicImage, ImageError> {
    let mut whole: Option<DynamicImage> = None;
    for version in jpeg::fillers(bytes) {
        let (decoder, _) = open(Cursor::new(version), ImageFormat::Jpeg, limit_px)?;
        let image = pixels_of(decoder, ImageFormat::Jpeg)?;
        if whole.as_ref().is_some_and(|whole| *whole != image) {
            return Err(truncated(ImageFormat::Jpeg));
        }
        whole = Some(image);
    }
    whole.ok_or_else(|| truncated(ImageFormat::Jpeg))
}

/// Whether width and height change places.
fn is_on_its_side(orientation: Orientation) -> bool {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => true,
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => false,
    }
}

/// Decoders get 8 bytes per allowed pixel (16-bit RGBA) and what small images need besides.
fn limits(limit_px: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(limit_px.saturating_mul(8).saturating_add(1 << 24));
    limits
}

fn broken(format: ImageFormat, reason: String) -> ImageError {
    ImageError::Decode {
        format: name(format).to_owned(),
        reason,
    }
}

fn truncated(format: ImageFormat) -> ImageError {
    broken(format, "the file is truncated".to_owned())
}

/// The decoder's words without the format's name, which the message has already.
fn reason(error: &image::ImageError) -> String {
    use std::error::Error;
    match error.source() {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}

/// Samples of 16 bits as their high bytes, in all modes alike: what libpng's and Pillow's 16-bit colour modes
/// do. Pillow clips grey ones, so that all but the darkest 256 levels become white; no viewer shows that.
fn to_8_bits(image: DynamicImage) -> DynamicImage {
    fn high<P, Q>(image: &image::ImageBuffer<P, Vec<u16>>) -> image::ImageBuffer<Q, Vec<u8>>
    where
        P: image::Pixel<Subpixel = u16>,
        Q: image::Pixel<Subpixel = u8>,
    {
        let samples = image.as_raw().iter().map(|x| x.to_be_bytes()[0]).collect();
        image::ImageBuffer::from_raw(image.width(), image.height(), samples)
            .expect("one sample was written for each")
    }
    match image {
        DynamicImage::ImageLuma16(image) => DynamicImage::ImageLuma8(high(&image)),
        DynamicImage::ImageLumaA16(image) => DynamicImage::ImageLumaA8(high(&image)),
        DynamicImage::ImageRgb16(image) => DynamicImage::ImageRgb8(high(&image)),
        DynamicImage::ImageRgba16(image) => DynamicImage::ImageRgba8(high(&image)),
        other => other,
    }
}

/// Alpha is dropped, not blended; grey is repeated.
fn to_rgb(image: DynamicImage) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let rgb: Vec<u8> = match image {
        DynamicImage::ImageRgb8(image) => image.into_raw(),
        DynamicImage::ImageRgba8(image) => {
            image.pixels().flat_map(|p| [p[0], p[1], p[2]]).collect()
        }
        DynamicImage::ImageLuma8(image) => image.pixels().flat_map(|p| [p[0]; 3]).collect(),
        DynamicImage::ImageLumaA8(image) => image.pixels().flat_map(|p| [p[0]; 3]).collect(),
        other => other.into_rgb8().into_raw(),
    };
    RgbImage::from_raw(width, height, rgb).expect("three bytes were written per pixel")
}
