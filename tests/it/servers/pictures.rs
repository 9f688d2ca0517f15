//! Pictures of every shape, made of those of the examples and the demo, which its model knows.

use crate::encoder::upright::exif;
use crate::world::repository;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ImageEncoder, RgbImage};
use std::fs;
use std::path::{Path, PathBuf};

/// A picture in the folder that a server has.
pub(super) struct Picture {
    /// Its file without `.jpg`.
    pub(super) name: String,
    pub(super) shape: Shape,
    /// Sides of the file in pixels, as it is stored.
    pub(super) width: u32,
    pub(super) height: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Landscape,
    Portrait,
    /// 6000 x 400.
    Scroll,
    /// 400 x 6000.
    Column,
    /// Smaller than every model's input.
    Tiny,
    /// A portrait that is stored on its side, and says so.
    Turned,
}

impl Shape {
    /// Whether it is one of those that most pictures have.
    pub(super) fn is_ordinary(self) -> bool {
        matches!(self, Self::Landscape | Self::Portrait)
    }
}

/// Sides of an ordinary picture.
const LONG_PX: u32 = 1600;
const SHORT_PX: u32 = 1200;
/// Exif's word for a picture whose right side is up in the file.
const TURNED: u16 = 6;

/// Writes pictures of all shapes into `folder`.
pub(super) fn write(folder: &Path) -> Vec<Picture> {
    let mut all = Vec::new();
    let mut add = |name: &str, shape, picture: &RgbImage, exif: &[u8]| {
        let path = folder.join(name).with_extension("jpg");
        fs::write(path, jpeg(picture, exif)).unwrap();
        let (name, (width, height)) = (name.to_owned(), picture.dimensions());
        all.push(Picture {
            name,
            shape,
            width,
            height,
        });
    };
    for name in ["mountain-lake", "ship-at-sea", "castle-on-a-hill", "map"] {
        add(name, Shape::Landscape, &large(name), &[]);
    }
    for name in ["portrait", "coin", "forest", "still-life-with-apples"] {
        let landscape = large(name);
        // As much of it as is upright.
        let (width, height) = (SHORT_PX * SHORT_PX / LONG_PX, SHORT_PX);
        let x = (LONG_PX - width) / 2;
        let part = imageops::crop_imm(&landscape, x, 0, width, height).to_image();
        add(name, Shape::Portrait, &part, &[]);
    }
    let frieze = joined(true);
    add("scroll", Shape::Scroll, &frieze, &[]);
    add("column", Shape::Column, &joined(false), &[]);
    let tiny = imageops::resize(&large("two-ships"), 100, 80, FilterType::Triangle);
    add("tiny", Shape::Tiny, &tiny, &[]);
    let turned = large("town-at-night");
    add("turned", Shape::Turned, &turned, &exif(TURNED, true));
    all
}

fn jpeg(picture: &RgbImage, exif: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 90);
    if !exif.is_empty() {
        encoder.set_exif_metadata(exif.to_vec()).unwrap();
    }
    picture.write_with_encoder(encoder).unwrap();
    file
}

/// A picture of the examples, enlarged, with the grain that a scan would have.
fn large(name: &str) -> RgbImage {
    let path = repository("examples/pictures").join(format!("{name}.jpg"));
    let small = image::open(path).unwrap().to_rgb8();
    let mut large = imageops::resize(&small, LONG_PX, SHORT_PX, FilterType::CatmullRom);
    let mut noise = 1u32;
    for byte in large.iter_mut() {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = (noise >> 27) as u8;
        *byte = byte.saturating_add(grain).saturating_sub(16);
    }
    large
}

/// Fifteen pictures of the demo, beside each other or one below the other.
fn joined(is_row: bool) -> RgbImage {
    const N: u32 = 15;
    const SIDE_PX: u32 = 400;
    let mut paths: Vec<PathBuf> = fs::read_dir(repository("examples/demo/pictures"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let (width, height) = match is_row {
        true => (N * SIDE_PX, SIDE_PX),
        false => (SIDE_PX, N * SIDE_PX),
    };
    let mut whole = RgbImage::new(width, height);
    for (n, path) in (0..N).zip(paths.iter().step_by(20)) {
        let part = image::open(path).unwrap().to_rgb8();
        let at = i64::from(n * SIDE_PX);
        let (x, y) = if is_row { (at, 0) } else { (0, at) };
        imageops::replace(&mut whole, &part, x, y);
    }
    whole
}
