//! Which model made a collection, and whether its files are the ones that were written.

use crate::colours::ColourEncoder;
use crate::encoder::tiny;
use crate::process::{clip_search, run};
use crate::support::{self, TinyEncoder};
use crate::world::{World, model, repository, text_of};
use clip_search::build::options::{BuildOptions, Source};
use clip_search::build::{self, Outcome};
use clip_search::collection::Collection;
use clip_search::collection::identity::{Identity, Sums};
use clip_search::collection::kinship::{Kinship, kinship};
use clip_search::collection::report;
use clip_search::collection::requested::Requested;
use clip_search::data_dir::{FEATURES, IDENTITY, IMAGE_IDS, IMAGES};
use clip_search::embedding::Embedding;
use clip_search::encoder::Encoder;
use clip_search::encoder::model::Precision;
use clip_search::encoder::probe::Probe;
use clip_search::features::npy;
use clip_search::features::sum::Sum;
use clip_search::http::iiif::iiif_router;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A collection of `n_images` pictures, numbered from `first`, made by `encoder`.
async fn build(dir: &Path, first: u32, n_images: u32, encoder: Arc<dyn Encoder>) -> PathBuf {
    let pictures = dir.join(format!("pictures-{first}"));
    fs::create_dir_all(&pictures).unwrap();
    let base = support::serve(iiif_router(pictures.clone(), None)).await;
    let mut csv = "iiif_url\n".to_owned();
    for n in first..first + n_images {
        support::picture(n, 90, 60)
            .save(pictures.join(format!("{n}.jpg")))
            .unwrap();
        csv.push_str(&format!("{base}/{n}.jpg\n"));
    }
    let (table, data) = (
        dir.join(format!("{first}.csv")),
        dir.join(format!("data-{first}")),
    );
    fs::write(&table, csv).unwrap();
    let options = BuildOptions::new(Source::Csv(table), data.clone());
    let summary = build::run(options, encoder, std::future::pending())
        .await
        .unwrap();
    assert_eq!(summary.outcome, Outcome::Finished, "{summary}");
    data
}

/// The error of opening `data`, which `inspect` tells too.
#[track_caller]
fn refusal(data: &Path) -> String {
    let error = Collection::open(data).unwrap_err().to_string();
    let report = report::inspect(data, None);
    assert_eq!(report.counts, None);
    assert!(report.problems[0].starts_with(&error), "{report:?}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_says_what_it_made_and_with_what() {
    let dir = TempDir::new().unwrap();
    let data = build(dir.path(), 0, 5, Arc::new(tiny(Precision::F32))).await;
    let text = fs::read_to_string(data.join(IDENTITY)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["model"]["name"], "tiny-clip");
    assert_eq!(json["model"]["precision"], "f32");
    assert_eq!(json["model"]["fingerprint"].as_str().unwrap().len(), 40);
    assert_eq!((&json["images"], &json["width"]), (&5.into(), &20.into()));
    for name in ["features.npy", "imageIds.csv"] {
        let bytes = fs::read(data.join("features").join(name)).unwrap();
        assert_eq!(json["blake2b_256"][name], Sum::of(&bytes).to_string());
    }
    assert!(!text.contains(dir.path().to_str().unwrap()), "{text}");
    let collection = Collection::open(&data).unwrap();
    assert_eq!(collection.identity().unwrap().to_json(), text);
    let report = report::inspect(&data, None);
    assert_eq!(
        (report.identity.as_ref(), report.problems.len()),
        (collection.identity(), 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flipped_byte_is_found() {
    let dir = TempDir::new().unwrap();
    let data = build(dir.path(), 0, 5, Arc::new(TinyEncoder)).await;
    for name in [FEATURES, IMAGE_IDS] {
        let whole = fs::read(data.join(name)).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(data.join(name), damaged).unwrap();
            let error = refusal(&data);
            assert!(error.contains(name), "byte {at}: {error}");
        }
        fs::write(data.join(name), whole).unwrap();
    }
    // The payload: the lowest bit of one number, which nothing else would notice.
    let mut damaged = fs::read(data.join(FEATURES)).unwrap();
    let place = damaged.len() - 4;
    damaged[place] ^= 1;
    fs::write(data.join(FEATURES), damaged).unwrap();
    let error = refusal(&data);
    for words in [
        "features.npy is not the file",
        "BLAKE2b",
        "damaged or was replaced",
        "delete",
    ] {
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_identity_is_named() {
    let dir = TempDir::new().unwrap();
    let data = build(dir.path(), 0, 3, Arc::new(TinyEncoder)).await;
    let whole = fs::read_to_string(data.join(IDENTITY)).unwrap();
    let fingerprint = whole.find("fingerprint").unwrap() + 16;
    let probe = whole.find("probe_image").unwrap() + 20;
    let with = |at: usize| {
        let mut text = whole.clone().into_bytes();
        text[at] = if text[at] == b'0' { b'1' } else { b'0' };
        String::from_utf8(text).unwrap()
    };
    for (text, expected) in [
        (String::new(), "is damaged (EOF"),
        (whole[..whole.len() / 2].to_owned(), "is damaged (EOF"),
        ("[]".to_owned(), "is damaged"),
        (
            with(fingerprint),
            "the fingerprint is not that of the model's vectors",
        ),
        (
            with(probe),
            "the fingerprint is not that of the model's vectors",
        ),
        (
            whole.replace("\"format\": 1", "\"format\": 3"),
            "has the form 3",
        ),
    ] {
        fs::write(data.join(IDENTITY), text).unwrap();
        let error = refusal(&data);
        assert!(
            error.contains(IDENTITY) && error.contains(expected),
            "{error}"
        );
    }
    // Deleted, as the messages advise, it is a directory of the original service.
    fs::remove_file(data.join(IDENTITY)).unwrap();
    assert_eq!(Collection::open(&data).unwrap().identity(), None);
}

/// Whenever a build is killed while it publishes, and whichever files are copied from one build beside those of
/// another, nobody reads a mixture.
#[tokio::test(flavor = "multi_thread")]
async fn a_mixture_of_two_builds_is_never_read() {
    let dir = TempDir::new().unwrap();
    let old = build(dir.path(), 0, 4, Arc::new(TinyEncoder)).await;
    let new = build(dir.path(), 10, 4, Arc::new(TinyEncoder)).await;
    let read = |data: &Path, name: &str| fs::read(data.join(name)).unwrap();
    let names = [IMAGES, FEATURES, IDENTITY, IMAGE_IDS];

    // In the order of publishing.
    let data = dir.path().join("data");
    fs::create_dir_all(data.join("features")).unwrap();
    for name in names {
        fs::write(data.join(name), read(&old, name)).unwrap();
    }
    Collection::open(&data).unwrap();
    fs::remove_file(data.join(IMAGE_IDS)).unwrap();
    for name in names {
        let error = Collection::open(&data).unwrap_err().to_string();
        assert!(error.contains("imageIds.csv is missing"), "{error}");
        fs::write(data.join(name), read(&new, name)).unwrap();
    }
    Collection::open(&data).unwrap();

    // Every mixture of the three files of the features.
    for n in 1..7 {
        for (bit, name) in [FEATURES, IDENTITY, IMAGE_IDS].into_iter().enumerate() {
            let from = if n >> bit & 1 == 1 { &old } else { &new };
            fs::write(data.join(name), read(from, name)).unwrap();
        }
        let error = refusal(&data);
        assert!(error.contains("is not the file that"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_of_the_same_width_is_told_from_the_one_that_built() {
    let dir = TempDir::new().unwrap();
    let data = build(dir.path(), 0, 6, Arc::new(TinyEncoder)).await;
    let check = |expected: fn(&Kinship) -> bool, encoder: &dyn Encoder| {
        let collection = Collection::open(&data).unwrap();
        let found = kinship(&data, &collection, encoder).unwrap();
        assert!(expected(&found), "{found:?}");
    };
    check(|k| *k == Kinship::Same, &TinyEncoder);
    check(|k| matches!(k, Kinship::Other(_)), &ColourEncoder);
    // By a text alone, where the other tower is shared.
    check(|k| matches!(k, Kinship::Other(_)), &OtherTexts);
    // By the pictures that are left.
    fs::remove_file(data.join(IDENTITY)).unwrap();
    check(|k| *k == Kinship::Same, &TinyEncoder);
    check(|k| matches!(k, Kinship::Other(_)), &ColourEncoder);
    // One of them is no longer what it was.
    let first = Collection::open(&data).unwrap().id(0).to_owned();
    let picture = data.join("images").join(format!("{first}.jpg"));
    support::picture(77, 40, 90).save(&picture).unwrap();
    check(|k| *k == Kinship::Same, &TinyEncoder);
    fs::write(&picture, "no picture").unwrap();
    check(|k| *k == Kinship::Same, &TinyEncoder);
    // By nothing.
    fs::remove_dir_all(data.join("images")).unwrap();
    check(|k| *k == Kinship::Unknown, &TinyEncoder);
    check(|k| *k == Kinship::Unknown, &ColourEncoder);
}

/// [`TinyEncoder`] with the texts of another model.
struct OtherTexts;

impl Encoder for OtherTexts {
    fn width(&self) -> usize {
        TinyEncoder.width()
    }

    fn encode_texts(
        &self,
        texts: &[&str],
    ) -> Result<Vec<Embedding>, clip_search::encoder::EncoderError> {
        ColourEncoder.encode_texts(texts)
    }

    fn preprocess(
        &self,
        bytes: &[u8],
    ) -> Result<clip_search::encoder::Pixels, clip_search::encoder::ImageError> {
        TinyEncoder.preprocess(bytes)
    }

    fn encode_images(
        &self,
        images: &[clip_search::encoder::Pixels],
    ) -> Result<Vec<Embedding>, clip_search::encoder::EncoderError> {
        TinyEncoder.encode_images(images)
    }
}

/// An operator may build with one number format and serve with another.
#[tokio::test(flavor = "multi_thread")]
async fn a_model_in_another_precision_is_near() {
    let dir = TempDir::new().unwrap();
    let data = build(dir.path(), 0, 4, Arc::new(tiny(Precision::F32))).await;
    let collection = Collection::open(&data).unwrap();
    let found = |precision| kinship(&data, &collection, &tiny(precision)).unwrap();
    assert_eq!(found(Precision::F32), Kinship::Same);
    assert_eq!(found(Precision::F16), Kinship::Same);
    match found(Precision::Quantized) {
        Kinship::Near(likeness) => {
            assert_eq!(
                likeness.made_by.as_deref(),
                Some("tiny-clip (f32)"),
                "{likeness}"
            );
        }
        Kinship::Same => {}
        other => panic!("{other:?}"),
    }
}

/// The data of `world` in a folder of its own.
fn copy_of(world: &World, data: &Path) {
    for folder in ["features", "images"] {
        fs::create_dir_all(data.join(folder)).unwrap();
        for entry in fs::read_dir(Path::new(&world.path("data")).join(folder)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), data.join(folder).join(entry.file_name())).unwrap();
        }
    }
    fs::copy(
        Path::new(&world.path("data")).join(IMAGES),
        data.join(IMAGES),
    )
    .unwrap();
}

#[test]
fn the_program_refuses_a_model_that_did_not_build_the_collection() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("data");
    let data = text_of(&path);
    copy_of(&world, &path);
    let own = run(&mut world.clip_search(&["inspect", "--data-dir", &data])).ok();
    assert!(
        own.contains("made by     tiny-clip (f32), checksums are right"),
        "{own}"
    );
    assert!(own.contains("no problems found"), "{own}");

    // As another model of this width would have written it.
    let ours = Collection::open(&path).unwrap();
    let axis = |n: usize| Embedding::new((0..20).map(|i| f32::from(u8::from(i == n))).collect());
    let other = Identity::new(
        None,
        &Probe {
            image: axis(3).unwrap(),
            text: axis(7).unwrap(),
        },
        Requested::Width(640),
        ours.len(),
        Sums {
            features: Sum::of(&fs::read(path.join(FEATURES)).unwrap()),
            image_ids: Sum::of(&fs::read(path.join(IMAGE_IDS)).unwrap()),
            sizes: None,
        },
    );
    fs::write(path.join(IDENTITY), other.to_json()).unwrap();
    for arguments in [
        &["serve", "--host", "127.0.0.1", "--port", "0"][..],
        &["query", "--text", "a lake"],
    ] {
        let command = [arguments, &["--data-dir", &data]].concat();
        let sentence = run(&mut world.clip_search(&command)).sentence(1);
        for words in [
            &*data,
            "was made by another model than",
            &model(),
            "--model",
            "build it again",
        ] {
            assert!(sentence.contains(words), "{sentence}");
        }
    }
    let ended = run(&mut world.clip_search(&["inspect", "--data-dir", &data]));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stdout
            .contains("problem: the vectors were made by another model"),
        "{}",
        ended.stdout
    );

    // A collection of the original service, whose pictures are there and were seen by another model.
    fs::remove_file(path.join(IDENTITY)).unwrap();
    run(&mut world.clip_search(&["query", "--text", "a lake", "--data-dir", &data])).ok();
    let mut features = npy::header(ours.len(), 20, npy::Precision::F16);
    for row in 0..ours.len() {
        npy::Precision::F16.write_row(axis(row).unwrap().as_slice(), &mut features);
    }
    fs::write(path.join(FEATURES), features).unwrap();
    let query = ["query", "--text", "a lake", "--data-dir", &data];
    let sentence = run(&mut world.clip_search(&query)).sentence(1);
    assert!(
        sentence.contains("was made by another model than"),
        "{sentence}"
    );

    // Without pictures nothing can be told; the service starts and says so.
    fs::remove_dir_all(path.join("images")).unwrap();
    let ended = run(world.clip_search(&query).env("CLIP_LOG", "warn"));
    assert!(
        ended.stderr.contains("does not say which model made it"),
        "{}",
        ended.stderr
    );
    ended.ok();
    let inspect = run(&mut world.clip_search(&["inspect", "--data-dir", &data])).ok();
    assert!(
        inspect.contains("does not say which model made it"),
        "{inspect}"
    );
}

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 351000000\n";

#[test]
fn git_lfs_pointers_are_named() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("model");
    fs::create_dir_all(folder.join("onnx")).unwrap();
    let copy = || {
        for name in [
            "config.json",
            "preprocessor_config.json",
            "tokenizer.json",
            "onnx/text_model.onnx",
            "onnx/vision_model.onnx",
        ] {
            let from = repository("tests/fixtures/tiny-clip").join(name);
            fs::copy(from, folder.join(name)).unwrap();
        }
    };
    for name in [
        "config.json",
        "tokenizer.json",
        "onnx/text_model.onnx",
        "onnx/vision_model.onnx",
        "onnx/vision_model.onnx_data",
    ] {
        copy();
        fs::write(folder.join(name), POINTER).unwrap();
        let file = text_of(&folder.join(name));
        let model = text_of(&folder);
        let expected =
            format!("{file} is a Git LFS pointer, not the file itself; run `git lfs pull`");
        let query = ["query", "--text", "a lake", "--model", &model];
        let sentence = run(&mut world.clip_search(&query)).sentence(1);
        assert!(sentence.contains(&expected), "{sentence}");
        let inspect = run(&mut world.clip_search(&["inspect", "--model", &model]));
        assert_eq!(inspect.code, Some(1));
        assert!(inspect.stdout.contains(&expected), "{}", inspect.stdout);
    }

    let data = dir.path().join("data");
    for name in [FEATURES, IMAGE_IDS, IMAGES] {
        copy_of(&world, &data);
        fs::write(data.join(name), POINTER).unwrap();
        let error = refusal(&data);
        assert!(
            error.contains(name) && error.contains("Git LFS pointer"),
            "{error}"
        );
        assert!(error.contains("git lfs pull"), "{error}");
    }
}

/// What another user keeps for himself is not missing.
#[cfg(unix)]
#[test]
fn a_folder_of_another_user_is_not_called_missing() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(dir.path(), 0o755);
    copy_of(&world, &at("data"));
    fs::create_dir(at("model")).unwrap();
    // Nothing keeps root from reading: it has to become somebody else, who may run this copy of the program.
    let is_root = fs::metadata(dir.path()).unwrap().uid() == 0;
    let program = at("clip-search");
    fs::copy(env!("CARGO_BIN_EXE_clip-search"), &program).unwrap();
    mode(&program, 0o755);
    let (data, model) = (text_of(&at("data")), text_of(&at("model")));
    for (closed, arguments) in [
        ("data", ["inspect", "--data-dir", &data]),
        ("data/features", ["inspect", "--data-dir", &data]),
        ("model", ["inspect", "--model", &model]),
    ] {
        mode(&at(closed), 0o000);
        let mut command = std::process::Command::new(&program);
        let settings = clip_search(&[]);
        for (name, value) in settings.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.args(arguments).current_dir(dir.path());
        if closed == "model" {
            command.env("CLIP_DATA_DIRECTORY", &data);
        }
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let ended = run(&mut command);
        mode(&at(closed), 0o755);
        assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
        let said = ended.stdout + &ended.stderr;
        assert!(said.contains("cannot be read"), "{closed}: {said}");
        assert!(said.contains("ermission denied"), "{closed}: {said}");
        assert!(
            !said.contains("is missing") && !said.contains("there is no"),
            "{closed}: {said}"
        );
    }
}
