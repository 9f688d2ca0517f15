//! A collection of plain colours, and an encoder for which the words red, green and blue mean them.

use clip_search::collection::Collection;
use clip_search::embedding::Embedding;
use clip_search::encoder::{Encoder, EncoderError, ImageError, Pixels};
use clip_search::features::Features;
use clip_search::image_id::image_id;
use ndarray::{Array2, Array3};
use std::io::Cursor;

/// A deterministic encoder: images by their mean colours, texts by their words.
///
/// The words red, green and blue lie on the axes of the colours, so that "red" finds red images; all
/// other words lie elsewhere, at places that depend on the word alone.
#[derive(Debug)]
pub(crate) struct ColourEncoder;

/// Width of the embeddings.
pub(crate) const WIDTH: usize = 16;

impl Encoder for ColourEncoder {
    fn width(&self) -> usize {
        WIDTH
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        Ok(texts.iter().map(|text| text_embedding(text)).collect())
    }

    fn preprocess(&self, bytes: &[u8]) -> Result<Pixels, ImageError> {
        if bytes.is_empty() {
            return Err(ImageError::Empty);
        }
        let image = image::ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .expect("reading from memory")
            .decode()
            .map_err(|error| ImageError::Decode {
                format: "test".to_owned(),
                reason: error.to_string(),
            })?
            .to_rgb8();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let channels = image.into_raw();
        Ok(Array3::from_shape_fn((3, height, width), |(c, y, x)| {
            f32::from(channels[(y * width + x) * 3 + c]) / 255.0
        }))
    }

    fn encode_images(&self, images: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        Ok(images.iter().map(image_embedding).collect())
    }
}

fn image_embedding(pixels: &Pixels) -> Embedding {
    let mut raw = vec![0.0; WIDTH];
    for (channel, plane) in pixels.outer_iter().enumerate() {
        raw[channel] = plane.mean().unwrap_or_default();
    }
    // Black has a direction too.
    raw[3] = 0.01;
    Embedding::new(raw).unwrap()
}

fn text_embedding(text: &str) -> Embedding {
    let mut raw = vec![0.0; WIDTH];
    raw[3] = 0.01;
    for word in text.to_lowercase().split_whitespace() {
        match word {
            "red" => raw[0] += 1.0,
            "green" => raw[1] += 1.0,
            "blue" => raw[2] += 1.0,
            other => {
                let hash = other.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
                let axis = usize::try_from(hash % 12).expect("below 12");
                raw[4 + axis] += 1.0;
            }
        }
    }
    Embedding::new(raw).unwrap()
}

/// IIIF URL of the test image called `name`.
pub(crate) fn iiif_url(name: &str) -> String {
    format!("https://iiif.example.org/{name}")
}

/// Images of plain colours, embedded by [`ColourEncoder`]: red, green, blue, yellow, black.
pub(crate) fn collection() -> Collection {
    collection_of(iiif_url)
}

/// The same images with other URLs.
pub(crate) fn collection_of(url: impl Fn(&str) -> String) -> Collection {
    let images = [
        ("red", [255, 0, 0]),
        ("green", [0, 255, 0]),
        ("blue", [0, 0, 255]),
        ("yellow", [255, 255, 0]),
        ("black", [0, 0, 0]),
    ];
    let encoder = ColourEncoder;
    let mut matrix = Array2::zeros((images.len(), WIDTH));
    for (mut row, (_, rgb)) in matrix.outer_iter_mut().zip(images) {
        let pixels = encoder.preprocess(&png(rgb)).unwrap();
        let embedding = encoder.encode_images(&[pixels]).unwrap().remove(0);
        row.assign(&ndarray::ArrayView1::from(embedding.as_slice()));
    }
    let urls: Vec<String> = images.iter().map(|(name, _)| url(name)).collect();
    let ids = urls.iter().map(|url| image_id(url)).collect();
    Collection::new(Features::from_unit_rows(matrix), ids, urls)
}

/// A PNG file of 4 x 3 pixels in one colour.
pub(crate) fn png(rgb: [u8; 3]) -> Vec<u8> {
    let image = image::RgbImage::from_pixel(4, 3, image::Rgb(rgb));
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}
