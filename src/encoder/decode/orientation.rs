//! Which way up a picture is shown: tag 0x0112 of Exif, where each format has it.

use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat};
use std::io::{Read, Seek, SeekFrom};

/// What some writers put before the TIFF header of Exif in formats where it does not belong.
const JPEG_PREFIX: &[u8] = b"Exif\0\0";
/// Exif is small; a JPEG's cannot be larger.
const MAX_EXIF_BYTES: u32 = 1 << 16;

/// What a viewer does to the picture before it shows it. Metadata that cannot be read, and numbers that
/// mean nothing, change nothing: a picture is worth more than its labels.
pub(super) fn orientation(decoder: &mut impl ImageDecoder, format: ImageFormat) -> Orientation {
    let found = match format {
        // In the picture's own directory; reading it needs no Exif.
        ImageFormat::Tiff => decoder.orientation().ok(),
        _ => decoder
            .exif_metadata()
            .ok()
            .flatten()
            .and_then(|exif| of_exif(&exif)),
    };
    found.unwrap_or(Orientation::NoTransforms)
}

fn of_exif(exif: &[u8]) -> Option<Orientation> {
    Orientation::from_exif_chunk(exif.strip_prefix(JPEG_PREFIX).unwrap_or(exif))
}

/// The orientation in the `eXIf` chunk of the PNG in `reader`, which is left at its start: the decoder
/// knows only a chunk that stands before the pixels, and the specification allows both places.
pub(super) fn of_png(reader: &mut (impl Read + Seek)) -> std::io::Result<Orientation> {
    let found = exif_of_png(reader);
    reader.seek(SeekFrom::Start(0))?;
    // A PNG that ends early is the decoder's to refuse.
    let exif = found.unwrap_or_default();
    Ok(of_exif(&exif).unwrap_or(Orientation::NoTransforms))
}

fn exif_of_png(reader: &mut (impl Read + Seek)) -> std::io::Result<Vec<u8>> {
    const SIGNATURE_BYTES: u64 = 8;
    const CHECKSUM_BYTES: i64 = 4;
    reader.seek(SeekFrom::Start(SIGNATURE_BYTES))?;
    loop {
        let mut head = [0u8; 8];
        reader.read_exact(&mut head)?;
        let [a, b, c, d, kind @ ..] = head;
        let length = u32::from_be_bytes([a, b, c, d]);
        if &kind == b"eXIf" && length <= MAX_EXIF_BYTES {
            let mut exif = Vec::new();
            reader.take(u64::from(length)).read_to_end(&mut exif)?;
            return Ok(exif);
        }
        reader.seek(SeekFrom::Current(i64::from(length) + CHECKSUM_BYTES))?;
    }
}
