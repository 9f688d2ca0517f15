//! Samples of other depths than 8 bits, and which of them cannot be shown.

use clip_search::encoder::decode::decode;
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb};
use std::io::Cursor;
use tiff::encoder::colortype::{self, ColorType};
use tiff::encoder::{TiffEncoder, TiffValue};

const LIMIT_PX: u64 = 1_000_000;
const SIDE: u32 = 16;

/// The grey levels 0 to 255, row by row.
fn levels() -> impl Iterator<Item = u8> {
    0..=u8::MAX
}

/// A level in 16 bits, with low bits that do not matter.
fn wide(level: u8) -> u16 {
    u16::from(level) << 8 | u16::from(level.wrapping_mul(37))
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.into().write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

fn tiff<C: ColorType>(samples: &[C::Inner], is_big: bool) -> Vec<u8>
where
    [C::Inner]: TiffValue,
{
    let mut file = Cursor::new(Vec::new());
    if is_big {
        let mut encoder = TiffEncoder::new_big(&mut file).unwrap();
        encoder.write_image::<C>(SIDE, SIDE, samples).unwrap();
    } else {
        let mut encoder = TiffEncoder::new(&mut file).unwrap();
        encoder.write_image::<C>(SIDE, SIDE, samples).unwrap();
    }
    file.into_inner()
}

/// A PNM file with this header, and samples of two bytes.
fn pnm(header: &str, samples: impl Iterator<Item = u16>) -> Vec<u8> {
    let mut file = header.as_bytes().to_vec();
    file.extend(samples.flat_map(u16::to_be_bytes));
    file
}

/// Asserts that `file` shows the 256 levels, give or take what a scale of fewer levels leaves.
#[track_caller]
fn check(file: &[u8], tolerance: u8, what: &str) {
    let found = decode(file, LIMIT_PX).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(found.dimensions(), (SIDE, SIDE), "{what}");
    for (pixel, level) in found.pixels().zip(levels()) {
        let distance = pixel.0.map(|sample| sample.abs_diff(level));
        assert!(
            distance.iter().all(|d| *d <= tolerance),
            "{what}: {pixel:?} instead of {level}"
        );
    }
}

#[test]
fn grey_of_16_bits_is_scaled_to_8() {
    let grey: Vec<u16> = levels().map(wide).collect();
    let grey_alpha = grey.iter().flat_map(|x| [*x, 12_345]).collect();
    let colour = grey.iter().flat_map(|x| [*x; 3]).collect();
    let grey_png = ImageBuffer::<Luma<u16>, _>::from_raw(SIDE, SIDE, grey.clone());
    check(&png(grey_png.unwrap()), 0, "PNG");
    let alpha_png = ImageBuffer::<LumaA<u16>, _>::from_raw(SIDE, SIDE, grey_alpha);
    check(&png(alpha_png.unwrap()), 0, "PNG with alpha");
    let colour_png = ImageBuffer::<Rgb<u16>, _>::from_raw(SIDE, SIDE, colour);
    check(&png(colour_png.unwrap()), 0, "PNG in colours");
    check(&tiff::<colortype::Gray16>(&grey, false), 0, "TIFF");
    check(&pnm("P5 16 16 65535\n", levels().map(wide)), 0, "PGM");
    let colours = levels().flat_map(|level| [wide(level); 3]);
    check(&pnm("P6 16 16 65535\n", colours), 0, "PPM");
    let pam = "P7\nWIDTH 16\nHEIGHT 16\nDEPTH 1\nMAXVAL 65535\nTUPLTYPE GRAYSCALE\nENDHDR\n";
    check(&pnm(pam, levels().map(wide)), 0, "PAM");
}

#[test]
fn the_largest_value_of_a_pnm_is_white() {
    // 1023 and 4095: what scanners of 10 and 12 bits write.
    for most in [1023u16, 4095, 300] {
        let scaled = |level: u8| u16::try_from(u32::from(level) * u32::from(most) / 255).unwrap();
        let file = pnm(&format!("P5 16 16 {most}\n"), levels().map(scaled));
        check(&file, 1, &format!("PGM up to {most}"));
        let text: Vec<String> = levels().map(|level| scaled(level).to_string()).collect();
        let file = format!("P2 16 16 {most}\n{}\n", text.join(" "));
        check(file.as_bytes(), 1, &format!("PGM as text up to {most}"));
    }
    let mut file = b"P5 16 16 100\n".to_vec();
    file.extend(levels().map(|level| u8::try_from(u32::from(level) * 100 / 255).unwrap()));
    check(&file, 3, "PGM up to 100");
}

#[test]
fn one_bit_is_black_or_white() {
    let black_left: Vec<u8> = (0..SIDE).flat_map(|_| [0xff, 0x00]).collect();
    let file = [&b"P4 16 16\n"[..], &black_left].concat();
    let found = decode(&file, LIMIT_PX).unwrap();
    assert_eq!(
        (found.get_pixel(0, 0).0, found.get_pixel(15, 15).0),
        ([0; 3], [255; 3])
    );
}

#[test]
fn big_tiff_is_tiff() {
    let grey: Vec<u8> = levels().collect();
    check(&tiff::<colortype::Gray8>(&grey, true), 0, "BigTIFF");
    let wide: Vec<u16> = levels().map(wide).collect();
    check(
        &tiff::<colortype::Gray16>(&wide, true),
        0,
        "BigTIFF of 16 bits",
    );
    let mut big_endian = b"MM\0\x2b\0\x08\0\0".to_vec();
    big_endian.extend([0; 8]);
    let error = decode(&big_endian, LIMIT_PX).unwrap_err().to_string();
    assert!(
        error.starts_with("the TIFF image cannot be decoded"),
        "{error}"
    );
}

#[test]
fn measurements_are_refused_with_the_reason() {
    let n = SIDE * SIDE;
    let floats: Vec<f32> = (0..n).map(|_| 0.5).collect();
    let colours: Vec<f32> = (0..3 * n).map(|_| 0.5).collect();
    let signed: Vec<i16> = (0..n).map(|_| -3).collect();
    let small: Vec<i8> = (0..n).map(|_| -3).collect();
    let large: Vec<u32> = (0..n).collect();
    for is_big in [false, true] {
        for (file, words) in [
            (
                tiff::<colortype::Gray32Float>(&floats, is_big),
                "floating-point numbers of 32 bits",
            ),
            (
                tiff::<colortype::RGB32Float>(&colours, is_big),
                "floating-point numbers of 32 bits",
            ),
            (
                tiff::<colortype::GrayI16>(&signed, is_big),
                "signed integers of 16 bits",
            ),
            (
                tiff::<colortype::GrayI8>(&small, is_big),
                "signed integers of 8 bits",
            ),
            (
                tiff::<colortype::Gray32>(&large, is_big),
                "samples are integers of 32 bits",
            ),
        ] {
            let error = decode(&file, LIMIT_PX).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert!(
                error.contains("convert it to 8 or 16 bits per sample"),
                "{error}"
            );
        }
    }
}

/// Printers' JPEGs: four inks, stored inverted by Adobe's programs, as they are or (YCCK) turned as colours are.
#[test]
fn four_inks_are_mixed() {
    // Tables as small as can be: a first coefficient is nothing or has six bits, and there are no others.
    let file = |transform: u8| {
        let mut file = vec![0xff, 0xd8];
        let mut segment = |code: u8, content: &[u8]| {
            file.extend([0xff, code]);
            file.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
            file.extend(content);
        };
        segment(0xee, &[&b"Adobe\0\x64\0\0\0\0"[..], &[transform]].concat());
        segment(0xdb, &[&[0][..], &[16; 64]].concat());
        let components: Vec<u8> = (1..=4).flat_map(|id| [id, 0x11, 0]).collect();
        segment(0xc0, &[&[8, 0, 8, 0, 8, 4][..], &components].concat());
        segment(0xc4, &[&[0x00, 1, 1][..], &[0; 14], &[0, 6]].concat());
        segment(0xc4, &[&[0x10, 1, 0][..], &[0; 14], &[0]].concat());
        let selectors: Vec<u8> = (1..=4).flat_map(|id| [id, 0x00]).collect();
        segment(0xda, &[&[4][..], &selectors, &[0, 63, 0]].concat());
        // 48, 128, 128 and 208: -40 and 40 are 10 and six bits, 0 is 0, and each block ends with 0.
        file.extend([0b1001_0111, 0b0000_0101, 0b0100_0011, 0xff, 0xd9]);
        file
    };
    // Inks of 207, 127, 127 and 47 parts of 255; then of 48 each, and 47 of black.
    for (transform, expected) in [(0, [39, 104, 104]), (2, [169, 169, 169])] {
        let found = decode(&file(transform), LIMIT_PX).unwrap();
        let pixel = found.get_pixel(4, 4).0;
        let is_near = pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 2);
        assert!(
            is_near,
            "transform {transform}: {pixel:?} instead of {expected:?}"
        );
    }
}
