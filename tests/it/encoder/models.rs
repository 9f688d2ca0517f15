//! Model folders that are incomplete, wrong or not of one piece: each says what to do.

use super::{fixtures, options};
use clip_search::encoder::model::Precision;
use clip_search::encoder::model::describe::describe;
use clip_search::encoder::model::{Filter, ModelSpec, Resize};
use clip_search::encoder::onnx::ClipEncoder;
use clip_search::encoder::runtime::RuntimeError;
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;

const BOTH: [&str; 2] = ["text_model.onnx", "vision_model.onnx"];

/// The fixture model with only those ONNX files.
pub(super) fn copy_model(folder: &Path, onnx: &[&str]) {
    let tiny = fixtures().join("tiny-clip");
    for file in [
        "config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ] {
        std::fs::copy(tiny.join(file), folder.join(file)).unwrap();
    }
    std::fs::create_dir_all(folder.join("onnx")).unwrap();
    for file in onnx {
        std::fs::copy(tiny.join("onnx").join(file), folder.join("onnx").join(file)).unwrap();
    }
}

/// Replaces the value at `pointer` (`None` removes the key).
fn edit(folder: &Path, file: &str, pointer: &str, value: Option<Value>) {
    let path = folder.join(file);
    let mut root: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let object = root.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => object.insert(key.to_owned(), value),
        None => object.remove(key),
    };
    std::fs::write(path, root.to_string()).unwrap();
}

/// The whole chain of an error, as it is shown.
fn full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[test]
fn everything_is_read_from_the_files() {
    let folder = tempfile::tempdir().unwrap();
    copy_model(folder.path(), &BOTH);
    let spec = ModelSpec::read(folder.path(), None).unwrap();
    assert_eq!((spec.width, spec.context_length), (20, 20));
    assert_eq!((spec.image.height, spec.image.width), (48, 48));
    assert_eq!(spec.image.resize, Some(Resize::ShortestEdge(52)));
    assert_eq!(spec.image.filter, Filter::Bicubic);
    assert_eq!(spec.image.mean, [0.5, 0.45, 0.4]);
    assert_eq!(spec.image.std, [0.25, 0.26, 0.28]);
    assert_eq!(spec.precision, Precision::F32);

    let file = "preprocessor_config.json";
    edit(folder.path(), file, "/size", Some(json!(60)));
    edit(folder.path(), file, "/crop_size", Some(json!(48)));
    edit(folder.path(), file, "/resample", Some(json!(2)));
    edit(folder.path(), file, "/do_rescale", Some(json!(false)));
    edit(folder.path(), file, "/do_normalize", Some(json!(false)));
    edit(
        folder.path(),
        "config.json",
        "/text_config/max_position_embeddings",
        None,
    );
    edit(
        folder.path(),
        "tokenizer_config.json",
        "/model_max_length",
        Some(json!(18)),
    );
    let spec = ModelSpec::read(folder.path(), None).unwrap();
    assert_eq!(spec.image.resize, Some(Resize::ShortestEdge(60)));
    assert_eq!(spec.image.filter, Filter::Bilinear);
    assert_eq!(spec.context_length, 18);
    assert_eq!((spec.image.mean, spec.image.std), ([0.0; 3], [1.0; 3]));
    assert!((spec.image.scale - 1.0).abs() < 1e-12);

    edit(folder.path(), file, "/do_center_crop", Some(json!(false)));
    edit(
        folder.path(),
        file,
        "/size",
        Some(json!({"height": 48, "width": 48})),
    );
    edit(
        folder.path(),
        "tokenizer_config.json",
        "/model_max_length",
        Some(json!(1e30)),
    );
    let spec = ModelSpec::read(folder.path(), None).unwrap();
    assert_eq!(
        spec.image.resize,
        Some(Resize::Exactly {
            height: 48,
            width: 48
        })
    );
    assert_eq!(spec.context_length, 77);

    edit(folder.path(), file, "/do_resize", Some(json!(false)));
    edit(folder.path(), file, "/do_center_crop", None);
    assert_eq!(
        ModelSpec::read(folder.path(), None).unwrap().image.resize,
        None
    );
}

#[test]
fn the_most_exact_files_are_taken_unless_others_are_asked_for() {
    let tiny = fixtures().join("tiny-clip");
    let precision = |folder: &Path, wanted| ModelSpec::read(folder, wanted).map(|s| s.precision);
    assert_eq!(precision(&tiny, None).unwrap(), Precision::F32);
    assert_eq!(
        precision(&tiny, Some(Precision::Quantized)).unwrap(),
        Precision::Quantized
    );

    let folder = tempfile::tempdir().unwrap();
    // One tower of f32 is no model.
    copy_model(
        folder.path(),
        &[
            "text_model.onnx",
            "text_model_fp16.onnx",
            "vision_model_fp16.onnx",
        ],
    );
    assert_eq!(precision(folder.path(), None).unwrap(), Precision::F16);
    let error = precision(folder.path(), Some(Precision::F32)).unwrap_err();
    assert!(
        error.to_string().ends_with("has no f32 model, only f16"),
        "{error}"
    );

    // Beside config.json, and under the other spelling of quantized.
    let folder = tempfile::tempdir().unwrap();
    copy_model(folder.path(), &[]);
    for (from, to) in [
        ("text_model_quantized.onnx", "text_model_int8.onnx"),
        ("vision_model_quantized.onnx", "vision_model_int8.onnx"),
    ] {
        std::fs::copy(tiny.join("onnx").join(from), folder.path().join(to)).unwrap();
    }
    assert_eq!(
        precision(folder.path(), None).unwrap(),
        Precision::Quantized
    );
}

/// Breaks a good model in one way and expects the words that lead to the cure.
fn check_refused(break_it: impl Fn(&Path), expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    copy_model(folder.path(), &BOTH);
    break_it(folder.path());
    let error = ClipEncoder::open(folder.path(), &options(None))
        .err()
        .expect("the broken model was opened");
    let text = full(&error);
    for words in expected {
        assert!(text.contains(words), "{words:?} is not in {text:?}");
    }
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn broken_models_are_refused_with_file_key_and_remedy() {
    let config = "config.json";
    let image = "preprocessor_config.json";
    let remove =
        |file: &'static str| move |folder: &Path| std::fs::remove_file(folder.join(file)).unwrap();
    check_refused(remove(config), &["has no config.json", "hub repository"]);
    check_refused(remove(image), &["has no preprocessor_config.json"]);
    check_refused(remove("tokenizer.json"), &["has no tokenizer.json"]);
    check_refused(
        remove("onnx/vision_model.onnx"),
        &["no ONNX model", "onnx/vision_model.onnx"],
    );
    check_refused(
        |folder| std::fs::write(folder.join(config), "version https://git-lfs").unwrap(),
        &["config.json is not valid JSON", "fetch it again"],
    );
    check_refused(
        |folder| std::fs::write(folder.join(config), "[]").unwrap(),
        &["config.json", "a JSON object"],
    );
    check_refused(
        |folder| std::fs::write(folder.join("tokenizer.json"), "{}").unwrap(),
        &["tokenizer.json is no usable tokenizer"],
    );
    let cases: &[(&str, &str, Option<Value>, &[&str])] = &[
        (
            config,
            "/model_type",
            Some(json!("siglip")),
            &["model_type must be \"clip\"", "siglip"],
        ),
        (
            config,
            "/model_type",
            None,
            &["config.json has no model_type"],
        ),
        (
            config,
            "/projection_dim",
            Some(json!(24)),
            &["text_model.onnx", "projection_dim", "24"],
        ),
        (
            config,
            "/projection_dim",
            Some(json!("20")),
            &["projection_dim must be a whole number"],
        ),
        (
            config,
            "/projection_dim",
            Some(json!(0)),
            &["projection_dim must be a whole number"],
        ),
        (
            config,
            "/vision_config/image_size",
            Some(json!(64)),
            &["48 x 48", "image_size 64", "not of one model"],
        ),
        (
            config,
            "/text_config/eos_token_id",
            Some(json!(5)),
            &["eos_token_id 5", "texts end with token"],
        ),
        (
            config,
            "/text_config/eos_token_id",
            Some(json!("end")),
            &["eos_token_id must be a token id"],
        ),
        (image, "/crop_size", None, &["has no crop_size"]),
        (
            image,
            "/crop_size",
            Some(json!({"height": 48})),
            &["crop_size must be"],
        ),
        (image, "/size", None, &["has no size"]),
        (
            image,
            "/size",
            Some(json!({"longest_edge": 9})),
            &["size must be"],
        ),
        (
            image,
            "/size",
            Some(json!(-3)),
            &["size must be a whole number", "-3"],
        ),
        (image, "/image_mean", None, &["has no image_mean"]),
        (
            image,
            "/image_mean",
            Some(json!([0.5, 0.5])),
            &["image_mean must be three finite numbers"],
        ),
        (
            image,
            "/image_std",
            Some(json!([1, 0, 1])),
            &["image_std must be three numbers other than 0"],
        ),
        (
            image,
            "/resample",
            Some(json!(9)),
            &["resample must be a Pillow filter number"],
        ),
        (
            image,
            "/rescale_factor",
            Some(json!(0)),
            &["rescale_factor"],
        ),
        (
            image,
            "/do_resize",
            Some(json!("yes")),
            &["do_resize must be true or false"],
        ),
        (
            image,
            "/do_center_crop",
            Some(json!(false)),
            &["do_center_crop must be true"],
        ),
    ];
    for (file, pointer, value, words) in cases {
        check_refused(|folder| edit(folder, file, pointer, value.clone()), words);
    }
}

#[test]
fn onnx_files_that_are_no_clip_towers_are_refused() {
    let swap = |folder: &Path| {
        let (text, vision) = (
            folder.join("onnx/text_model.onnx"),
            folder.join("onnx/vision_model.onnx"),
        );
        std::fs::copy(&vision, &text).unwrap();
    };
    check_refused(swap, &["text_model.onnx", "no output text_embeds"]);
    check_refused(
        |folder| std::fs::write(folder.join("onnx/text_model.onnx"), "not ONNX").unwrap(),
        &["ONNX Runtime cannot load", "text_model.onnx"],
    );
    // The tower knows images of 48 pixels only.
    check_refused(
        |folder| {
            edit(
                folder,
                "preprocessor_config.json",
                "/crop_size",
                Some(json!(40)),
            );
            edit(folder, "config.json", "/vision_config/image_size", None);
        },
        &[
            "vision_model.onnx",
            "pixel_values has the fixed size 48",
            "gives 40",
        ],
    );
}

#[test]
fn a_tokenizer_without_end_of_text_is_refused() {
    check_refused(
        |folder| {
            edit(
                folder,
                "tokenizer.json",
                "/post_processor",
                Some(Value::Null),
            )
        },
        &["adds no start-of-text and end-of-text tokens"],
    );
}

#[test]
fn padding_and_truncation_that_a_tokenizer_stores_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    copy_model(folder.path(), &BOTH);
    let truncation =
        json!({"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0});
    let padding = json!({"strategy": {"Fixed": 20}, "direction": "Right", "pad_to_multiple_of": null,
                         "pad_id": 0, "pad_type_id": 0, "pad_token": "!"});
    edit(
        folder.path(),
        "tokenizer.json",
        "/truncation",
        Some(truncation),
    );
    edit(folder.path(), "tokenizer.json", "/padding", Some(padding));
    let stored = super::open(folder.path(), Precision::F32);
    let plain = super::tiny(Precision::F32);
    let text = "a mountain lake in the alps";
    assert_eq!(
        stored.token_ids(text).unwrap(),
        plain.token_ids(text).unwrap()
    );
}

#[test]
fn a_missing_folder_and_a_wrong_library_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let error = ClipEncoder::open(&nowhere, &options(None)).err().unwrap();
    assert!(
        error.to_string().contains("there is no model folder"),
        "{error}"
    );

    let missing = clip_search::encoder::runtime::candidates(Some(&nowhere)).unwrap_err();
    assert_eq!(missing, RuntimeError::NotThere(nowhere));
    assert!(missing.to_string().contains("tools/setup"), "{missing}");
}

#[test]
fn inspect_tells_what_there_is_and_what_is_wrong() {
    let good = describe(&fixtures().join("tiny-clip"), None);
    assert!(good.problems.is_empty(), "{:?}", good.problems);
    assert_eq!(good.available, Precision::ALL);
    let json = serde_json::to_value(&good).unwrap();
    assert_eq!(json["width"], 20);
    assert_eq!(json["context_length"], 20);
    assert_eq!(json["precision"], "f32");
    assert_eq!(json["image"]["resize"]["shortest_edge"], 52);
    let text = good
        .files
        .iter()
        .find(|f| f.name == "onnx/text_model.onnx")
        .unwrap();
    let on_disk = std::fs::metadata(fixtures().join("tiny-clip").join(&text.name)).unwrap();
    assert_eq!(text.size_bytes, on_disk.len());

    let folder = tempfile::tempdir().unwrap();
    copy_model(folder.path(), &BOTH);
    edit(
        folder.path(),
        "config.json",
        "/projection_dim",
        Some(json!("wide")),
    );
    let bad = describe(folder.path(), None);
    assert!(bad.facts.is_none());
    assert!(
        bad.problems[0].contains("projection_dim"),
        "{:?}",
        bad.problems
    );
    assert_eq!(bad.available, [Precision::F32]);
}

#[test]
fn precisions_are_read_from_their_names() {
    let parsed: Vec<Precision> = ["f32", "FP16", "int8"]
        .iter()
        .map(|n| n.parse().unwrap())
        .collect();
    assert_eq!(parsed, Precision::ALL);
    let error = "f64".parse::<Precision>().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("known are f32, f16 and quantized"),
        "{error}"
    );
}
