//! Image bytes to 8-bit RGB, with the outcome of Pillow's `Image.open(…).convert("RGB")`.

use super::ImageError;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Decodes an image of at most `limit_px` pixels: its first frame, alpha dropped, EXIF rotation not
/// applied, as the Python reference has it. The format comes from the content.
///
/// # Errors
/// [`ImageError`]; the size is checked in the header, before memory is allocated.
pub fn decode(bytes: &[u8], limit_px: u64) -> Result<RgbImage, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    let format = format_of(bytes)?;
    // Decoders are fed by strangers: a bug in one must cost one image, not the server.
    catch_unwind(AssertUnwindSafe(|| decode_as(bytes, format, limit_px)))
        .unwrap_or_else(|_| Err(broken(format, "the decoder gave up".to_owned())))
}

fn decode_as(bytes: &[u8], format: ImageFormat, limit_px: u64) -> Result<RgbImage, ImageError> {
    let failed = |error: image::ImageError| broken(format, reason(&error));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits(limit_px));
    let decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(broken(format, format!("it has {width} x {height} pixels")));
    }
    if u64::from(width) * u64::from(height) > limit_px {
        return Err(ImageError::TooManyPixels {
            width,
            height,
            limit_px,
        });
    }
    if format == ImageFormat::Jpeg && !jpeg_is_complete(bytes) {
        return Err(broken(format, "the file is truncated".to_owned()));
    }
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    Ok(to_rgb(image))
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

/// The decoder's words without the format's name, which the message has already.
fn reason(error: &image::ImageError) -> String {
    use std::error::Error;
    match error.source() {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}

fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Ico => "ICO",
        ImageFormat::Pnm => "PNM",
        _ => "other",
    }
}

fn format_of(bytes: &[u8]) -> Result<ImageFormat, ImageError> {
    match image::guess_format(bytes) {
        Ok(format) if format.reading_enabled() => Ok(format),
        _ => Err(ImageError::UnknownFormat {
            found: describe(bytes),
        }),
    }
}

/// What unusable content begins with: servers answer with error pages, and archives hold formats
/// that only their own viewers know.
fn describe(bytes: &[u8]) -> String {
    const JPEG_2000: &[u8] = b"\0\0\0\x0cjP  \r\n\x87\n";
    let head = &bytes[..bytes.len().min(256)];
    let text = String::from_utf8_lossy(head)
        .trim_start()
        .to_ascii_lowercase();
    let family = if text.starts_with("<!doctype html") || text.starts_with("<html") {
        Some("HTML")
    } else if text.contains("<svg") {
        Some("SVG")
    } else if text.starts_with('<') {
        Some("XML or HTML")
    } else if text.starts_with('{') || text.starts_with('[') {
        Some("JSON")
    } else if head.starts_with(b"%PDF") {
        Some("PDF")
    } else if head.starts_with(JPEG_2000) || head.starts_with(b"\xff\x4f\xff\x51") {
        Some("JPEG 2000")
    } else if head.get(4..8) == Some(b"ftyp") {
        Some("AVIF, HEIC or a video")
    } else if is_text(head) {
        Some("text")
    } else {
        None
    };
    match family {
        Some(family) => format!("looks like {family}"),
        None => {
            let digits: Vec<String> = head.iter().take(8).map(|b| format!("{b:02x}")).collect();
            format!("begins with the bytes {}", digits.join(" "))
        }
    }
}

/// Whether `head`, which may end within a character, has no control characters but white space.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or("")
        }
        Err(_) => return false,
    };
    text.chars().all(|c| !c.is_control() || c.is_whitespace())
}

/// Whether the JPEG's end-of-image marker follows its scans.
///
/// The decoder fills what is missing with grey; Pillow refuses such a file, and a grey half would
/// spoil the vector. In entropy-coded data 0xff is followed by 0 or a restart marker only, so any
/// other marker is one.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    const START: u8 = 0xd8;
    const END: u8 = 0xd9;
    const SCAN: u8 = 0xda;
    let mut at = 0;
    let mut in_scan = false;
    while let Some(&[first, code]) = bytes.get(at..at + 2) {
        let is_marker = first == 0xff && !matches!(code, 0 | 0xff | 0x01 | 0xd0..=0xd7);
        match code {
            END if is_marker => return true,
            START if is_marker => at += 2,
            _ if is_marker => {
                let Some(&[high, low]) = bytes.get(at + 2..at + 4) else {
                    return false;
                };
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
                in_scan = code == SCAN;
            }
            // Garbage between segments is skipped, as decoders do.
            _ if in_scan || first != 0xff || code == 0xff => at += 1,
            _ => at += 2,
        }
    }
    false
}

/// Pillow's `convert("RGB")`: alpha is dropped, not blended; grey is repeated.
fn to_rgb(image: DynamicImage) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let rgb: Vec<u8> = match image {
        DynamicImage::ImageRgb8(image) => image.into_raw(),
        DynamicImage::ImageRgba8(image) => {
            image.pixels().flat_map(|p| [p[0], p[1], p[2]]).collect()
        }
        DynamicImage::ImageLuma8(image) => image.pixels().flat_map(|p| [p[0]; 3]).collect(),
        DynamicImage::ImageLumaA8(image) => image.pixels().flat_map(|p| [p[0]; 3]).collect(),
        // Pillow's mode "I;16" is clipped, so that all but the darkest 256 levels become white. Odd,
        // but published vectors are made so.
        DynamicImage::ImageLuma16(image) => image
            .pixels()
            .flat_map(|p| [u8::try_from(p[0]).unwrap_or(u8::MAX); 3])
            .collect(),
        // Other 16-bit modes are read as their high bytes.
        DynamicImage::ImageLumaA16(image) => image.pixels().flat_map(|p| [high(p[0]); 3]).collect(),
        DynamicImage::ImageRgb16(image) => image
            .pixels()
            .flat_map(|p| [high(p[0]), high(p[1]), high(p[2])])
            .collect(),
        DynamicImage::ImageRgba16(image) => image
            .pixels()
            .flat_map(|p| [high(p[0]), high(p[1]), high(p[2])])
            .collect(),
        other => other.into_rgb8().into_raw(),
    };
    RgbImage::from_raw(width, height, rgb).expect("three bytes were written per pixel")
}

fn high(sample: u16) -> u8 {
    sample.to_be_bytes()[0]
}
