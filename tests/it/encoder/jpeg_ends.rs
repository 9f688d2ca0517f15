//! JPEGs that end early: whole ones that lack their end marker are shown, cut ones are not.

use super::fixtures;
use clip_search::encoder::decode::decode;
use image::{ExtendedColorType, Luma, RgbImage};

const LIMIT_PX: u64 = 1_000_000;

fn fixture(file: &str) -> Vec<u8> {
    std::fs::read(fixtures().join("images").join(file)).unwrap()
}

/// Pictures of many kinds, each with its end marker as its last two bytes.
fn whole_files() -> Vec<(String, Vec<u8>)> {
    let fixtures = [
        "portrait.jpg",
        "progressive.jpg",
        "cmyk.jpg",
        "rotated-by-exif.jpg",
    ];
    let mut files: Vec<(String, Vec<u8>)> = fixtures
        .iter()
        .map(|name| ((*name).to_owned(), fixture(name)))
        .collect();
    for (width, height) in [(8, 8), (1, 1), (33, 70), (200, 9)] {
        let picture = crate::support::picture(width + height, width, height);
        let grey = image::DynamicImage::from(picture.clone()).into_luma8();
        files.push((format!("colour {width} x {height}"), encoded(&picture)));
        let mut file = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 60)
            .encode(&grey, width, height, ExtendedColorType::L8)
            .unwrap();
        files.push((format!("grey {width} x {height}"), file));
    }
    files.push((
        "with restarts".to_owned(),
        with_restarts(&[3, 40, 63, 20, 33, 60, 1, 50]),
    ));
    files
}

fn encoded(picture: &RgbImage) -> Vec<u8> {
    super::upright::jpeg(picture, &[])
}

/// A grey JPEG of one row of blocks, each a plain grey, with a restart marker between any two. Its Huffman
/// tables have two codes for the first coefficient, nothing or six bits, and one for all others: no more.
fn with_restarts(greys: &[u8]) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    let mut segment = |code: u8, content: &[u8]| {
        file.extend([0xff, code]);
        file.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
        file.extend(content);
    };
    segment(0xdb, &[&[0][..], &[16; 64]].concat());
    let width = u16::try_from(8 * greys.len()).unwrap().to_be_bytes();
    segment(0xc0, &[8, 0, 8, width[0], width[1], 1, 1, 0x11, 0]);
    let codes = |table: u8, counts: [u8; 2], symbols: &[u8]| {
        [&[table, counts[0], counts[1]][..], &[0; 14], symbols].concat()
    };
    segment(0xc4, &codes(0x00, [1, 1], &[0, 6]));
    segment(0xc4, &codes(0x10, [1, 0], &[0]));
    segment(0xdd, &[0, 1]);
    segment(0xda, &[1, 1, 0x00, 0, 63, 0]);
    for (n, grey) in greys.iter().enumerate() {
        if n > 0 {
            file.extend([0xff, 0xd0 + u8::try_from((n - 1) % 8).unwrap()]);
        }
        // 10, six bits, 0, and ones to the end of the byte.
        let bits = u16::from_be_bytes([0x80 | *grey, 0x7f]);
        file.extend(bits.to_be_bytes());
    }
    file.extend([0xff, 0xd9]);
    file
}

#[test]
fn a_file_that_lacks_its_end_marker_alone_is_shown() {
    for (name, whole) in whole_files() {
        assert_eq!(whole[whole.len() - 2..], [0xff, 0xd9], "{name}");
        let expected = decode(&whole, LIMIT_PX).unwrap_or_else(|error| panic!("{name}: {error}"));
        for missing in [1, 2] {
            let found = decode(&whole[..whole.len() - missing], LIMIT_PX);
            assert_eq!(
                found.as_ref(),
                Ok(&expected),
                "{name} without {missing} bytes"
            );
        }
    }
}

#[test]
fn a_file_that_lacks_more_is_refused() {
    for (name, whole) in whole_files() {
        let expected = decode(&whole, LIMIT_PX).unwrap();
        for length in 2..whole.len() - 2 {
            // Every cut near the end, and some before.
            if whole.len() - length > 300 && length % 97 != 0 {
                continue;
            }
            match decode(&whole[..length], LIMIT_PX) {
                Err(_) => {}
                // Nothing that is shown was lost: a last byte can hold nothing but padding.
                Ok(found) => {
                    assert_eq!(found, expected, "{name}: {length} of {} bytes", whole.len());
                    assert!(
                        whole.len() - length < 5,
                        "{name}: {length} of {}",
                        whole.len()
                    );
                }
            }
        }
    }
}

#[test]
fn the_picture_with_restarts_is_what_it_is_meant_to_be() {
    let found = decode(&with_restarts(&[3, 40, 63]), LIMIT_PX).unwrap();
    assert_eq!(found.dimensions(), (24, 8));
    // Six bits below 32 stand for x - 63; a step is 16 / 8 levels.
    for (block, expected) in [(0, 8), (1, 208), (2, 254)] {
        let Luma([grey]) = image::DynamicImage::from(found.clone()).into_luma8()[(8 * block, 4)];
        assert!(grey.abs_diff(expected) < 3, "{block}: {grey}");
    }
}

/// What this program does not understand of a file that has its end marker is the decoder's to judge.
#[test]
fn odd_headers_are_not_called_truncated() {
    let whole = fixture("portrait.jpg");
    let frame = whole.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    let mut arithmetic = whole.clone();
    arithmetic[frame + 1] = 0xc9;
    let error = decode(&arithmetic, LIMIT_PX).unwrap_err().to_string();
    assert!(
        error.starts_with("the JPEG image cannot be decoded"),
        "{error}"
    );
    assert!(!error.contains("truncated"), "{error}");
    // A scan that names a component which the frame lacks.
    let scan = whole.windows(2).position(|w| w == [0xff, 0xda]).unwrap();
    let mut unnamed = whole.clone();
    unnamed[scan + 5] = 77;
    if let Err(error) = decode(&unnamed, LIMIT_PX) {
        assert!(!error.to_string().contains("truncated"), "{error}");
    }
    assert!(decode(&unnamed[..whole.len() - 2], LIMIT_PX).is_err());
}
