//! Pictures are seen the way up that viewers show them: Exif's orientation, in every format that has it.

use super::fixtures;
use clip_search::encoder::Encoder;
use clip_search::encoder::decode::{decode, dimensions};
use clip_search::encoder::model::Precision;
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};
use std::io::Cursor;
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;

const LIMIT_PX: u64 = 1_000_000;

/// A picture of 24 x 16 whose four corners differ.
fn upright() -> RgbImage {
    RgbImage::from_fn(24, 16, |x, y| match (x < 12, y < 8) {
        (true, true) => Rgb([250, 20, 20]),
        (false, true) => Rgb([20, 230, 20]),
        (true, false) => Rgb([20, 20, 240]),
        (false, false) => Rgb([240, 240, 240]),
    })
}

/// `shown` as a camera stores it that writes this orientation: the definition in Exif 2.32, section 4.6.4, of
/// where the 0th row and the 0th column of the file lie in the picture.
fn stored(shown: &RgbImage, orientation: u16) -> RgbImage {
    let (width, height) = shown.dimensions();
    let (right, bottom) = (width - 1, height - 1);
    let place = move |row: u32, column: u32| match orientation {
        1 => (column, row),                  // row: top, column: left
        2 => (right - column, row),          // top, right
        3 => (right - column, bottom - row), // bottom, right
        4 => (column, bottom - row),         // bottom, left
        5 => (row, column),                  // left, top
        6 => (right - row, column),          // right, top
        7 => (right - row, bottom - column), // right, bottom
        8 => (row, bottom - column),         // left, bottom
        other => panic!("{other}"),
    };
    let (stored_width, stored_height) = match orientation {
        1..=4 => (width, height),
        _ => (height, width),
    };
    RgbImage::from_fn(stored_width, stored_height, |column, row| {
        let (x, y) = place(row, column);
        *shown.get_pixel(x, y)
    })
}

/// Exif with an orientation and something before it.
pub(crate) fn exif(orientation: u16, is_little: bool) -> Vec<u8> {
    let short = |x: u16| {
        if is_little {
            x.to_le_bytes()
        } else {
            x.to_be_bytes()
        }
    };
    let long = |x: u32| {
        if is_little {
            x.to_le_bytes()
        } else {
            x.to_be_bytes()
        }
    };
    let mut bytes = if is_little { b"II*\0" } else { b"MM\0*" }.to_vec();
    bytes.extend(long(8));
    bytes.extend(short(2));
    for (tag, value) in [(0x0106, 2), (0x0112, orientation)] {
        bytes.extend(short(tag));
        bytes.extend(short(3));
        bytes.extend(long(1));
        bytes.extend(short(value));
        bytes.extend([0, 0]);
    }
    bytes.extend(long(0));
    bytes
}

fn encoded(mut encoder: impl ImageEncoder, image: &RgbImage, exif: &[u8]) {
    if !exif.is_empty() {
        encoder.set_exif_metadata(exif.to_vec()).unwrap();
    }
    let (width, height) = image.dimensions();
    encoder
        .write_image(image, width, height, ExtendedColorType::Rgb8)
        .unwrap();
}

pub(crate) fn jpeg(image: &RgbImage, exif: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    encoded(
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 100),
        image,
        exif,
    );
    file
}

fn png(image: &RgbImage, exif: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    encoded(image::codecs::png::PngEncoder::new(&mut file), image, exif);
    file
}

/// With the chunk behind the pixels, which the specification allows too.
fn png_with_exif_last(image: &RgbImage, exif: &[u8]) -> Vec<u8> {
    const END_CHUNK_BYTES: usize = 12;
    let mut file = png(image, &[]);
    let end = file.split_off(file.len() - END_CHUNK_BYTES);
    let kind_and_data = [b"eXIf", exif].concat();
    let mut checksum = flate2::Crc::new();
    checksum.update(&kind_and_data);
    file.extend(u32::try_from(exif.len()).unwrap().to_be_bytes());
    file.extend(kind_and_data);
    file.extend(checksum.sum().to_be_bytes());
    file.extend(end);
    file
}

fn webp(image: &RgbImage, exif: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    encoded(
        image::codecs::webp::WebPEncoder::new_lossless(&mut file),
        image,
        exif,
    );
    file
}

fn tiff(image: &RgbImage, orientation: u16) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    let (width, height) = image.dimensions();
    let mut page = encoder.new_image::<colortype::RGB8>(width, height).unwrap();
    page.encoder()
        .write_tag(Tag::Orientation, orientation)
        .unwrap();
    page.write_data(image).unwrap();
    file.into_inner()
}

#[track_caller]
fn check(file: &[u8], expected: &RgbImage, what: &str) {
    let found = decode(file, LIMIT_PX).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(found.dimensions(), expected.dimensions(), "{what}");
    assert_eq!(
        dimensions(Cursor::new(file)).unwrap(),
        expected.dimensions(),
        "{what}"
    );
    let largest = found
        .iter()
        .zip(expected.iter())
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    // JPEG's colours are near; the corners are hundreds of levels apart.
    assert!(largest.unwrap() < 12, "{what}: {largest:?}");
}

#[test]
fn all_eight_orientations_are_applied_in_every_format() {
    let shown = upright();
    for orientation in 1..=8 {
        let stored = stored(&shown, orientation);
        let what = |format| format!("{format}, orientation {orientation}");
        for is_little in [true, false] {
            let exif = exif(orientation, is_little);
            let with_prefix = [b"Exif\0\0", &*exif].concat();
            check(&jpeg(&stored, &exif), &shown, &what("JPEG"));
            check(&png(&stored, &exif), &shown, &what("PNG"));
            check(
                &png(&stored, &with_prefix),
                &shown,
                &what("PNG with a prefix"),
            );
            check(
                &png_with_exif_last(&stored, &exif),
                &shown,
                &what("PNG, at its end"),
            );
            check(&webp(&stored, &exif), &shown, &what("WebP"));
            check(
                &webp(&stored, &with_prefix),
                &shown,
                &what("WebP with a prefix"),
            );
        }
        check(&tiff(&stored, orientation), &shown, &what("TIFF"));
    }
}

#[test]
fn an_orientation_that_means_nothing_changes_nothing() {
    let shown = upright();
    let whole = exif(6, true);
    let mut endless = whole.clone();
    endless[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut many = whole.clone();
    many[8..10].copy_from_slice(&u16::MAX.to_le_bytes());
    let cuts = (1..whole.len()).map(|length| whole[..length].to_vec());
    let odd = [0, 9, 255, 300, u16::MAX].map(|n| exif(n, true));
    let nonsense = [b"nonsense".to_vec(), b"II*\0".to_vec(), endless];
    for exif in cuts.chain(odd).chain(nonsense) {
        // A cut behind the entry leaves it whole.
        if exif.len() < 32 || exif[30] != 6 {
            check(&jpeg(&shown, &exif), &shown, &format!("JPEG {exif:?}"));
            check(&png(&shown, &exif), &shown, &format!("PNG {exif:?}"));
            check(&webp(&shown, &exif), &shown, &format!("WebP {exif:?}"));
        }
    }
    // The entry comes before the end that is missing.
    check(&jpeg(&stored(&shown, 6), &many), &shown, "an entry of many");
    for orientation in [0, 9, 300] {
        check(
            &tiff(&shown, orientation),
            &shown,
            &format!("TIFF {orientation}"),
        );
    }
}

/// A phone's photograph finds itself: what the model sees does not depend on how the camera was held.
#[test]
fn the_model_sees_a_turned_photograph_as_the_upright_one() {
    let encoder = super::tiny(Precision::F32);
    let upright = image::open(fixtures().join("images/landscape.png"))
        .unwrap()
        .to_rgb8();
    let expected = encoder.preprocess(&png(&upright, &[])).unwrap();
    for orientation in 2..=8 {
        let turned = png(&stored(&upright, orientation), &exif(orientation, true));
        assert_eq!(
            encoder.preprocess(&turned).unwrap(),
            expected,
            "{orientation}"
        );
    }
}
