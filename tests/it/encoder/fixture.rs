//! Parity with the Python reference on the fixture model (`tools/fixture-model`), which is always there.

use super::{cosine, fixtures, options, tiny};
use clip_search::embedding::Embedding;
use clip_search::encoder::Encoder;
use clip_search::encoder::device::Device;
use clip_search::encoder::model::Precision;
use clip_search::encoder::onnx::threads::Aim;
use clip_search::encoder::onnx::{ClipEncoder, EncoderOptions};
use serde::Deserialize;
use std::num::NonZeroUsize;

#[derive(Deserialize)]
struct Expected {
    texts: Vec<Text>,
    images: Vec<Image>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<u32>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Image {
    file: String,
    pixel_mean: [f32; 3],
    embedding: Vec<f32>,
}

/// Images that are refused, in [`super::images`], and those that the Python reference sees otherwise than
/// viewers show them: on its side, in [`super::upright`], and with its grey clipped, in [`super::samples`].
const DIFFERENT: [&str; 3] = ["palette.tif", "rotated-by-exif.jpg", "grey16.png"];

fn expected() -> Expected {
    let file = std::fs::read(fixtures().join("expected.json")).unwrap();
    let mut expected: Expected = serde_json::from_slice(&file).unwrap();
    expected
        .images
        .retain(|image| !DIFFERENT.contains(&image.file.as_str()));
    expected
}

fn image(file: &str) -> Vec<u8> {
    std::fs::read(fixtures().join("images").join(file)).unwrap()
}

/// Every text and image within these distances of cosine 1.
fn check_embeddings(encoder: &ClipEncoder, text_tolerance: f32, image_tolerance: f32) {
    let expected = expected();
    let texts: Vec<&str> = expected.texts.iter().map(|t| t.text.as_str()).collect();
    let found = encoder.encode_texts(&texts).unwrap();
    for (case, found) in expected.texts.iter().zip(&found) {
        let cosine = cosine(found, &case.embedding);
        assert!(cosine >= 1.0 - text_tolerance, "{:?}: {cosine}", case.text);
    }
    for case in &expected.images {
        let pixels = encoder.preprocess(&image(&case.file)).unwrap();
        let found = encoder.encode_images(&[pixels]).unwrap();
        let cosine = cosine(&found[0], &case.embedding);
        assert!(cosine >= 1.0 - image_tolerance, "{}: {cosine}", case.file);
    }
}

#[test]
fn token_ids_are_those_of_the_reference() {
    let encoder = tiny(Precision::F32);
    for case in expected().texts {
        assert_eq!(
            encoder.token_ids(&case.text).unwrap(),
            case.ids,
            "{:?}",
            case.text
        );
    }
}

#[test]
fn f32_embeddings_are_those_of_the_reference() {
    check_embeddings(&tiny(Precision::F32), 1e-5, 1e-4);
}

/// 16-bit numbers have three digits; this model has 16-bit inputs and outputs and takes a mask.
#[test]
fn f16_embeddings_are_close_to_the_reference() {
    check_embeddings(&tiny(Precision::F16), 1e-4, 1e-4);
}

/// 8-bit weights and activations. Random weights suffer more than trained ones.
#[test]
fn quantized_embeddings_are_near_the_reference() {
    check_embeddings(&tiny(Precision::Quantized), 0.02, 0.02);
}

#[test]
fn a_combined_model_gives_what_its_towers_give() {
    let folder = tempfile::tempdir().unwrap();
    super::models::copy_model(folder.path(), &["model_quantized.onnx"]);
    let combined = super::open(folder.path(), Precision::Quantized);
    let separate = tiny(Precision::Quantized);
    let texts = ["a mountain lake", "the old town"];
    let pairs = combined
        .encode_texts(&texts)
        .unwrap()
        .into_iter()
        .zip(separate.encode_texts(&texts).unwrap());
    for (a, b) in pairs {
        assert!(a.cosine(&b) > 0.9999, "{}", a.cosine(&b));
    }
    let pixels = combined.preprocess(&image("landscape.png")).unwrap();
    let a = combined
        .encode_images(std::slice::from_ref(&pixels))
        .unwrap();
    let b = separate.encode_images(&[pixels]).unwrap();
    assert!(a[0].cosine(&b[0]) > 0.9999, "{}", a[0].cosine(&b[0]));
}

#[test]
fn pixels_are_those_of_the_reference() {
    let encoder = tiny(Precision::F32);
    for case in expected().images {
        let pixels = encoder.preprocess(&image(&case.file)).unwrap();
        assert_eq!(pixels.dim(), (3, 48, 48));
        for (channel, expected) in pixels.outer_iter().zip(case.pixel_mean) {
            let mean = channel.mean().unwrap();
            // In levels of a byte. Lossless images differ by roundings that cancel out; JPEG decoders
            // may differ in how they interpolate colour, which shifts the mean a little.
            let is_lossy = case.file.ends_with(".jpg") || case.file.ends_with(".webp");
            let levels = if is_lossy { 0.5 } else { 0.02 };
            let tolerance = levels / 255.0 / 0.25;
            assert!(
                (mean - expected).abs() < tolerance,
                "{}: {mean} {expected}",
                case.file
            );
        }
    }
}

/// To the bit, whatever the lengths of the texts beside it: where that cannot be had they run one by one.
#[test]
fn a_text_does_not_depend_on_the_texts_beside_it() {
    let cases = expected();
    let texts: Vec<&str> = cases.texts.iter().map(|t| t.text.as_str()).collect();
    for encoder in [
        tiny(Precision::F32),
        tiny(Precision::F16),
        tiny(Precision::Quantized),
        fixed_shapes(),
    ] {
        let alone: Vec<Embedding> = (texts.iter())
            .map(|text| encoder.encode_texts(&[text]).unwrap().remove(0))
            .collect();
        for n in [2, 3, texts.len()] {
            for start in 0..texts.len() {
                let places: Vec<usize> = (start..start + n).map(|at| at % texts.len()).collect();
                let some: Vec<&str> = places.iter().map(|at| texts[*at]).collect();
                let together = encoder.encode_texts(&some).unwrap();
                for (at, together) in places.iter().zip(&together) {
                    assert_eq!(*together, alone[*at], "{:?} of {n}", texts[*at]);
                }
            }
        }
    }
    assert_eq!(tiny(Precision::Quantized).texts_together(), 1);
}

/// Images may be multiplied in another order than single ones: 1e-6 in cosine. Quantized models
/// run one by one, since their scale would depend on the neighbours: no difference at all. In runs of a fixed shape
/// neither.
#[test]
fn a_batch_of_images_gives_what_single_runs_give() {
    for (encoder, tolerance) in [
        (tiny(Precision::F32), 1e-6),
        (tiny(Precision::Quantized), 0.0),
        (fixed_shapes(), 0.0),
    ] {
        let cases = expected();
        let images: Vec<_> = cases
            .images
            .iter()
            .map(|case| encoder.preprocess(&image(&case.file)).unwrap())
            .collect();
        let batch = encoder.encode_images(&images).unwrap();
        assert_eq!(batch.len(), images.len());
        for (image, together) in images.iter().zip(&batch) {
            let alone = &encoder.encode_images(std::slice::from_ref(image)).unwrap()[0];
            let largest = largest_difference(alone.as_slice(), together.as_slice());
            assert!(largest <= tolerance, "{largest}");
        }
    }
}

/// The fixture model as it runs on graphics processors.
fn fixed_shapes() -> ClipEncoder {
    let options = EncoderOptions {
        fixed_shapes: true,
        ..options(Some(Precision::F32))
    };
    ClipEncoder::open(&fixtures().join("tiny-clip"), &options).unwrap()
}

#[test]
fn embeddings_of_fixed_shapes_are_those_of_the_reference() {
    check_embeddings(&fixed_shapes(), 1e-5, 1e-4);
}

/// With the library of the tests, which has no accelerator.
#[test]
fn a_device_that_is_not_there_is_refused_and_auto_does_without() {
    let open = |device| {
        let options = EncoderOptions {
            device,
            ..options(Some(Precision::F32))
        };
        ClipEncoder::open(&fixtures().join("tiny-clip"), &options)
    };
    let refused = |device| {
        let refused = open(device).err().map(|error| error.to_string());
        refused.unwrap_or_else(|| panic!("{device} is there"))
    };
    for device in [Device::Cuda, Device::CoreMl, Device::OpenVino] {
        assert_eq!(
            refused(device),
            format!(
                "ONNX Runtime as loaded here cannot run a model on {device}, only on cpu; choose one of these with \
                 --device (CLIP_DEVICE), or set ORT_DYLIB_PATH to a build for {device}"
            )
        );
    }
    let auto = open(Device::Auto).unwrap();
    let texts = ["a mountain lake"];
    assert_eq!(
        auto.encode_texts(&texts).unwrap(),
        tiny(Precision::F32).encode_texts(&texts).unwrap()
    );
}

/// What follows the end of text cannot change the answer: the reason why texts are not padded.
#[test]
fn a_text_at_its_true_length_equals_the_text_padded_to_the_context() {
    let encoder = tiny(Precision::F32);
    let context_length = encoder.spec().context_length;
    for case in expected().texts {
        let end = *case.ids.last().unwrap();
        for filler in [end, 0, 7] {
            let mut padded = case.ids.clone();
            padded.resize(context_length, filler);
            let short = encoder.encode_ids(&case.ids).unwrap();
            let padded = encoder.encode_ids(&padded).unwrap();
            let largest = largest_difference(short.as_slice(), padded.as_slice());
            assert!(
                largest <= 1e-6,
                "{:?} filled with {filler}: {largest}",
                case.text
            );
        }
    }
}

#[test]
fn many_texts_of_mixed_lengths_come_back_in_order() {
    let encoder = tiny(Precision::F32);
    let words = [
        "lake",
        "a lake",
        "a mountain lake",
        "lake in the alps",
        "snow",
    ];
    let texts: Vec<&str> = words.iter().copied().cycle().take(203).collect();
    let found = encoder.encode_texts(&texts).unwrap();
    let single = encoder.encode_texts(&words).unwrap();
    assert_eq!(found.len(), texts.len());
    for (position, embedding) in found.iter().enumerate() {
        let cosine = embedding.cosine(&single[position % words.len()]);
        assert!(cosine > 0.999_999, "{position}: {cosine}");
    }
    assert!(encoder.encode_texts(&[]).unwrap().is_empty());
    assert!(encoder.encode_images(&[]).unwrap().is_empty());
}

#[test]
fn threads_share_an_encoder() {
    let encoder = tiny(Precision::F32);
    let expected = expected();
    std::thread::scope(|scope| {
        for case in &expected.texts {
            let encoder = &encoder;
            scope.spawn(move || {
                let found = encoder.encode_texts(&[&case.text]).unwrap();
                assert!(cosine(&found[0], &case.embedding) > 0.99999);
            });
        }
    });
}

/// What a build relies on: its vectors are those of the service, which has one copy.
#[test]
fn copies_that_run_at_the_same_time_give_the_bits_of_one() {
    for precision in [Precision::F32, Precision::Quantized] {
        let one = tiny(precision);
        let apart = EncoderOptions {
            threads: NonZeroUsize::new(3),
            aim: Aim::Many,
            ..options(Some(precision))
        };
        let copies = ClipEncoder::open(&fixtures().join("tiny-clip"), &apart).unwrap();
        // None is loaded before it is needed, and none that is not.
        for (n_images, expected) in [(0, 1), (1, 1), (2, 2), (1, 2), (9, 3), (9, 3)] {
            one.make_ready(n_images);
            copies.make_ready(n_images);
            assert_eq!(
                (one.image_runs().n_at_once, copies.image_runs().n_at_once),
                (1, expected)
            );
        }
        let expected = expected();
        std::thread::scope(|scope| {
            for case in &expected.images {
                let (one, copies) = (&one, &copies);
                scope.spawn(move || {
                    let pixels = [one.preprocess(&image(&case.file)).unwrap()];
                    let expected = one.encode_images(&pixels).unwrap();
                    assert_eq!(copies.encode_images(&pixels).unwrap(), expected);
                });
            }
        });
        assert!(!copies.image_run_time().is_zero());
    }
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}
