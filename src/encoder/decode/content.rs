//! What bytes are, by what they begin with.

use crate::encoder::ImageError;
use image::ImageFormat;

/// Bytes that tell all known formats apart.
pub(super) const HEAD_BYTES: usize = 256;

/// The format's name in messages.
pub(super) fn name(format: ImageFormat) -> &'static str {
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

/// The format of a file that begins with `head`.
///
/// # Errors
/// [`ImageError::UnknownFormat`] if no decoder of ours reads it.
pub(super) fn format_of(head: &[u8]) -> Result<ImageFormat, ImageError> {
    // BigTIFF, both byte orders: the decoder reads it, and the guess does not know it.
    if head.starts_with(b"II\x2b\0\x08\0\0\0") || head.starts_with(b"MM\0\x2b\0\x08\0\0") {
        return Ok(ImageFormat::Tiff);
    }
    match image::guess_format(head) {
        Ok(format) if format.reading_enabled() => Ok(format),
        _ => Err(ImageError::UnknownFormat {
            found: describe(head),
        }),
    }
}

/// What unusable content begins with: servers answer with error pages, and archives hold formats
/// that only their own viewers know.
fn describe(bytes: &[u8]) -> String {
    const JPEG_2000: &[u8] = b"\0\0\0\x0cjP  \r\n\x87\n";
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
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
