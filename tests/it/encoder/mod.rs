//! The encoders against the Python reference, and the hub client against a hub on loopback.

mod fixture;
mod hub;
mod images;
mod jpeg_ends;
mod models;
mod reference;
mod samples;
pub(crate) mod upright;

use clip_search::collection::Collection;
use clip_search::embedding::Embedding;
use clip_search::encoder::Encoder;
use clip_search::encoder::model::Precision;
use clip_search::encoder::onnx::{ClipEncoder, EncoderOptions};
use clip_search::features::Features;
use clip_search::image_id::image_id;
use ndarray::Array2;
use std::path::{Path, PathBuf};

/// Folder of our own small data.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Options with the ONNX Runtime that the program would find.
#[expect(
    clippy::disallowed_methods,
    reason = "tests read the one setting that says where ONNX Runtime lies"
)]
fn options(precision: Option<Precision>) -> EncoderOptions {
    EncoderOptions {
        precision,
        runtime_library: std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from),
        ..EncoderOptions::default()
    }
}

/// Without ONNX Runtime this fails with the sentence that says how to get it.
fn open(folder: &Path, precision: Precision) -> ClipEncoder {
    ClipEncoder::open(folder, &options(Some(precision))).unwrap_or_else(|error| panic!("{error}"))
}

/// The fixture model.
pub(crate) fn tiny(precision: Precision) -> ClipEncoder {
    open(&fixtures().join("tiny-clip"), precision)
}

/// The fixture model, and a collection of what it makes of some words.
pub(crate) fn tiny_collection() -> (Collection, ClipEncoder) {
    let encoder = tiny(Precision::F32);
    let words: Vec<String> = (0..30).map(|n| format!("picture {n} of a lake")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let vectors: Vec<f32> = (encoder.encode_texts(&words).unwrap().iter())
        .flat_map(|embedding| embedding.as_slice().to_vec())
        .collect();
    let urls: Vec<String> = (0..30)
        .map(|n| format!("https://iiif.example.org/{n}"))
        .collect();
    let vectors = Array2::from_shape_vec((30, encoder.width()), vectors).unwrap();
    let features = Features::from_unit_rows(vectors);
    let ids = urls.iter().map(|url| image_id(url)).collect();
    (Collection::new(features, ids, urls), encoder)
}

/// The model of the demo, which is trained.
pub(crate) fn demo() -> ClipEncoder {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo/model");
    open(&folder, Precision::F16)
}

fn cosine(found: &Embedding, expected: &[f32]) -> f32 {
    found.cosine(&Embedding::new(expected.to_vec()).unwrap())
}
