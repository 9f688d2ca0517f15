//! Images of every awkward kind: what is refused, and with which words.

use super::{fixtures, options};
use clip_search::encoder::decode::decode;
use clip_search::encoder::onnx::EncoderOptions;
use clip_search::encoder::{Encoder, ImageError};

const LIMIT_PX: u64 = 100_000_000;

fn image(file: &str) -> Vec<u8> {
    std::fs::read(fixtures().join("images").join(file)).unwrap()
}

#[test]
fn what_is_no_image_is_described() {
    let cases: &[(&[u8], &str)] = &[
        (b"<!DOCTYPE html><html>", "looks like HTML"),
        (b"\n <html lang=de>", "looks like HTML"),
        (b"<?xml version='1.0'?><svg/>", "looks like SVG"),
        (b"<?xml version='1.0'?><error/>", "looks like XML or HTML"),
        (b"{\"error\": 1}", "looks like JSON"),
        (b"%PDF-1.7", "looks like PDF"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0", "looks like JPEG 2000"),
        (
            b"\0\0\0\x1cftypavif\0\0",
            "looks like AVIF, HEIC or a video",
        ),
        (b"Not found", "looks like text"),
        (b"\x01\x02\x03", "begins with the bytes 01 02 03"),
    ];
    for (bytes, words) in cases {
        let error = decode(bytes, LIMIT_PX).unwrap_err();
        assert!(matches!(error, ImageError::UnknownFormat { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(decode(b"", LIMIT_PX), Err(ImageError::Empty));
}

/// Cut anywhere, a file gives an error, never half an image and never a panic.
#[test]
fn truncated_images_are_refused() {
    let files = std::fs::read_dir(fixtures().join("images")).unwrap();
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        let whole = image(&name);
        for percent in [1, 10, 30, 50, 70, 90] {
            // The first frame of an animation is whole by then, and the rest is not looked at.
            if name == "animated.gif" && percent >= 50 {
                continue;
            }
            let cut = &whole[..whole.len() * percent / 100];
            assert!(decode(cut, LIMIT_PX).is_err(), "{name} at {percent} %");
        }
    }
}

#[test]
fn damaged_images_never_panic() {
    let files = std::fs::read_dir(fixtures().join("images")).unwrap();
    for file in files {
        let whole = image(file.unwrap().file_name().to_str().unwrap());
        for step in 0..60 {
            let mut damaged = whole.clone();
            let at = step * whole.len() / 60;
            damaged[at] ^= 0x55;
            // An error or another image: both are answers.
            let _ = decode(&damaged, LIMIT_PX);
        }
    }
}

#[test]
fn too_many_pixels_are_refused_by_the_header() {
    let image = image("landscape.png");
    assert!(decode(&image, 70 * 50).is_ok());
    let expected = ImageError::TooManyPixels {
        width: 70,
        height: 50,
        limit_px: 3499,
    };
    assert_eq!(decode(&image, 3499), Err(expected.clone()));

    let limited = EncoderOptions {
        image_limit_px: 3499,
        ..options(None)
    };
    let folder = fixtures().join("tiny-clip");
    let encoder = clip_search::encoder::onnx::ClipEncoder::open(&folder, &limited)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(encoder.preprocess(&image).unwrap_err(), expected);
}

#[test]
fn width_and_height_are_those_that_viewers_show() {
    for (file, size) in [
        ("landscape.png", (70, 50)),
        ("portrait.jpg", (45, 80)),
        ("rotated-by-exif.jpg", (40, 64)),
        ("strip.png", (6, 300)),
        ("lossy.webp", (72, 54)),
        ("fax.tif", (90, 60)),
        ("animated.gif", (52, 40)),
    ] {
        assert_eq!(
            decode(&image(file), LIMIT_PX).unwrap().dimensions(),
            size,
            "{file}"
        );
    }
}

#[test]
fn trailing_bytes_after_a_jpeg_are_ignored() {
    let mut padded = image("portrait.jpg");
    padded.extend([0; 100]);
    assert_eq!(
        decode(&padded, LIMIT_PX),
        decode(&image("portrait.jpg"), LIMIT_PX)
    );
}

/// The one kind of our images that the decoders at hand cannot read.
#[test]
fn palette_tiffs_are_refused_with_the_reason() {
    let error = decode(&image("palette.tif"), LIMIT_PX)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("TIFF") && error.contains("RGBPalette"),
        "{error}"
    );
}
