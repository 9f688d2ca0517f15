//! Small pictures in a report, which asks no server for any.

use crate::encoder::decode::decode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use std::path::Path;

/// Longer side of a small picture, in pixels.
const SIDE_PX: u32 = 160;
/// JPEG quality.
const QUALITY: u8 = 70;
/// Downloads with more pixels are not shown.
const MAX_PX: u64 = 50_000_000;

/// The download of the image `id` in small, as a data URL; `None` if it is not there any more.
pub(super) fn of(dir: &Path, id: &str) -> Option<String> {
    let bytes = std::fs::read(dir.join("images").join(format!("{id}.jpg"))).ok()?;
    let picture = decode(&bytes, MAX_PX).ok()?;
    let longer = picture.width().max(picture.height());
    let scaled = |px: u32| {
        let scaled = u64::from(px) * u64::from(SIDE_PX.min(longer)) / u64::from(longer);
        u32::try_from(scaled).unwrap_or(SIDE_PX).max(1)
    };
    let (width, height) = (scaled(picture.width()), scaled(picture.height()));
    let small = image::imageops::thumbnail(&picture, width, height);
    let mut jpeg = Vec::new();
    small
        .write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY))
        .ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}
