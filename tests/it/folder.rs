//! `clip-search build --mode FOLDER`: a folder of images as the source of a collection.

use crate::build::{failures, files, options};
use crate::process::{Ended, Running, clip_search, run};
use crate::support::{self, TINY_WIDTH, TinyEncoder};
use crate::world::{get, model, repository, text_of};
use crate::{encoder, world};
use clip_search::build::options::{BuildOptions, Source};
use clip_search::build::{self, BuildSummary, Outcome};
use clip_search::collection::Collection;
use clip_search::embedding::Embedding;
use clip_search::encoder::model::Precision;
use clip_search::encoder::{Encoder, EncoderError, ImageError, Pixels};
use clip_search::http::iiif::iiif_router;
use clip_search::iiif::picture;
use clip_search::image_id::image_id;
use std::fs::{self, File};
use std::future::pending;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tokio::sync::Notify;

const BASE: &str = "http://127.0.0.1:8182";

/// A folder of images, `pictures`, and data directories beside it.
struct Fixture {
    dir: TempDir,
    encoder: Arc<Counting>,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("pictures")).unwrap();
        let encoder = Arc::default();
        Self { dir, encoder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Saves picture number `n` under this name.
    fn picture(&self, name: &str, n: u32, width: u32, height: u32) {
        let path = self.path("pictures").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        support::picture(n, width, height).save(path).unwrap();
    }

    fn options(&self, data: &str) -> BuildOptions {
        let source = Source::Folder {
            dir: self.path("pictures"),
            base_url: BASE.parse().unwrap(),
        };
        options(source, &self.path(data))
    }

    async fn build(&self, data: &str) -> BuildSummary {
        let built = build::run(self.options(data), self.encoder.clone(), pending()).await;
        built.unwrap()
    }

    fn images_csv(&self, data: &str) -> Vec<Vec<String>> {
        let mut table = csv::Reader::from_path(self.path(data).join("images.csv")).unwrap();
        table.deserialize().map(Result::unwrap).collect()
    }

    fn vector(&self, data: &str, name: &str) -> Vec<f32> {
        let collection = Collection::open(&self.path(data)).unwrap();
        let row = collection.row_of_url(&format!("{BASE}/{name}")).unwrap();
        collection.features().row(row).to_vec()
    }
}

/// The small encoder, which knows what it was given.
#[derive(Default)]
struct Counting {
    decoded: Mutex<Vec<Vec<u8>>>,
    n_encoded: AtomicUsize,
    encoded: Notify,
    /// Images that it was made ready for.
    n_expected: AtomicUsize,
}

impl Counting {
    /// How many images were decoded since this was asked. The build's try of the model is none.
    fn n_decoded(&self) -> usize {
        std::mem::take(&mut *self.decoded.lock().unwrap()).len()
    }
}

impl Encoder for Counting {
    fn width(&self) -> usize {
        TINY_WIDTH
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        TinyEncoder.encode_texts(texts)
    }

    fn preprocess(&self, bytes: &[u8]) -> Result<Pixels, ImageError> {
        if bytes != include_bytes!("../../src/encoder/probe.jpg") {
            self.decoded.lock().unwrap().push(bytes.to_vec());
        }
        TinyEncoder.preprocess(bytes)
    }

    fn make_ready(&self, n_images: usize) {
        self.n_expected.fetch_add(n_images, Ordering::SeqCst);
    }

    fn encode_images(&self, images: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        self.n_encoded.fetch_add(images.len(), Ordering::SeqCst);
        self.encoded.notify_one();
        TinyEncoder.encode_images(images)
    }
}

/// What an encoder makes of a file.
fn embedding(encoder: &dyn Encoder, path: &Path) -> Embedding {
    let pixels = encoder.preprocess(&fs::read(path).unwrap()).unwrap();
    encoder.encode_images(&[pixels]).unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_becomes_a_collection() {
    let fixture = Fixture::new();
    // In the order of their bytes: a blank comes before a slash, capitals before small letters.
    let names = ["Z.PNG", "a b/ü #?%.png", "a/b/c.jpg", "a/d.webp", "b.gif"];
    for (n, name) in (0..).zip(names) {
        fixture.picture(name, n, 60 + n, 40);
    }
    let file = File::options()
        .write(true)
        .open(fixture.path("pictures/Z.PNG"));
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
    file.unwrap().set_modified(time).unwrap();
    let summary = fixture.build("data").await;
    assert_eq!(summary.outcome, Outcome::Finished);
    assert_eq!((summary.rows, summary.encoded), (5, 5));

    let table = fs::read_to_string(fixture.path("data/images.csv")).unwrap();
    let n_bytes = fixture.path("pictures/Z.PNG").metadata().unwrap().len();
    let url = format!("{BASE}/Z.PNG");
    let id = image_id(&url);
    let expected = format!(
        "iiif_url,title,path,size_bytes,modified,localIdentifier\n{url},Z,Z.PNG,{n_bytes},2023-11-14T22:13:20Z,{id}\n"
    );
    assert!(table.starts_with(&expected), "{table}");
    let rows = fixture.images_csv("data");
    let paths: Vec<&str> = rows.iter().map(|row| row[2].as_str()).collect();
    assert_eq!(paths, names);
    assert_eq!(
        rows[1][..2],
        [
            format!("{BASE}/a%20b%2F%C3%BC%20%23%3F%25.png"),
            "ü #?%".to_owned()
        ]
    );

    // Byte for byte what the encoder gives for the files: this one is deterministic.
    let collection = Collection::open(&fixture.path("data")).unwrap();
    for (row, name) in names.iter().enumerate() {
        let expected = embedding(&TinyEncoder, &fixture.path("pictures").join(name));
        assert_eq!(collection.features().row(row), expected.as_slice());
    }
    let sizes = fs::read_to_string(fixture.path("data/sizes.csv")).unwrap();
    let second = sizes.lines().nth(2).unwrap();
    assert!(second.ends_with(",61,40,3,level1,info,,,"), "{sizes}");
    let n_downloads = fs::read_dir(fixture.path("data/images")).unwrap();
    let is_picture = |name: &std::ffi::OsStr| !name.as_encoded_bytes().starts_with(b".");
    assert!(
        !n_downloads
            .into_iter()
            .any(|entry| is_picture(&entry.unwrap().file_name()))
    );
}

/// The same pictures by HTTP: the URLs, sizes and links of a folder are those that `iiif-serve` answers.
#[test]
fn a_folder_is_named_as_iiif_serve_serves_it() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| text_of(&dir.path().join(name));
    let pictures = dir.path().join("pictures");
    fs::create_dir_all(pictures.join("ü/x y")).unwrap();
    let fixtures = repository("tests/fixtures/images");
    for name in [
        "cmyk.jpg",
        "rotated-by-exif.jpg",
        "lossy.webp",
        "grey16.png",
        "cmyk.tif",
    ] {
        fs::copy(fixtures.join(name), pictures.join("ü").join(name)).unwrap();
    }
    fs::copy(
        fixtures.join("portrait.jpg"),
        pictures.join("ü/x y/50%.JPG"),
    )
    .unwrap();
    // Wider than links are.
    support::picture(5, 1500, 40)
        .save(pictures.join("wide.png"))
        .unwrap();
    let (_server, iiif) = Running::server(&mut clip_search(&[
        "iiif-serve",
        &at("pictures"),
        "--port",
        "0",
    ]));
    let build = |arguments: &[&str]| -> Ended {
        let model = model();
        run(clip_search(&["build", "--model", &model]).args(arguments))
    };
    let slash = format!("{iiif}/");
    #[rustfmt::skip]
    let summary = build(&["--mode", "FOLDER", "--folder", &at("pictures"), "--base-url", &slash, "--data-dir", &at("folder")]).ok();
    assert_eq!(
        summary,
        "7 rows, 0 skipped, 7 images: 7 encoded, 0 from earlier runs, 0 failed\n"
    );
    fs::write(at("in.csv"), get(&format!("{iiif}/images.csv")).1).unwrap();
    build(&[
        "--mode",
        "CSV",
        "--csv-file",
        &at("in.csv"),
        "--data-dir",
        &at("csv"),
    ])
    .ok();
    for file in ["sizes.csv", "features/imageIds.csv"] {
        let read = |data: &str| fs::read_to_string(dir.path().join(data).join(file)).unwrap();
        assert_eq!(read("folder"), read("csv"), "{file}");
    }

    // The encoder of this process runs the same library on the same numbers, one image at a time as builds do, so that
    // the bits are the same.
    let encoder = encoder::tiny(Precision::F32);
    let collection = Collection::open(&dir.path().join("folder")).unwrap();
    let mut table = csv::Reader::from_path(at("folder/images.csv")).unwrap();
    for (row, record) in table.records().map(Result::unwrap).enumerate() {
        let url = &record[0];
        let expected = embedding(&encoder, &pictures.join(&record[2]));
        assert_eq!(collection.features().row(row), expected.as_slice(), "{url}");
        let size = collection.size(row).unwrap();
        let (status, info) = get(&format!("{url}/info.json"));
        assert_eq!(status, 200, "{url}");
        let info: serde_json::Value = serde_json::from_str(&info).unwrap();
        assert_eq!(
            (&info["width"], &info["height"]),
            (&size.width.get().into(), &size.height.get().into())
        );
        assert_eq!(info["id"], url);
        let link = picture::link(url, Some(size), NonZeroU32::new(1000).unwrap());
        let bytes = ureq::get(&link)
            .call()
            .unwrap()
            .body_mut()
            .read_to_vec()
            .unwrap();
        let shown = image::load_from_memory(&bytes).unwrap();
        assert_eq!(shown.width(), size.width.get().min(1000), "{link}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_is_asked() {
    let fixture = Fixture::new();
    fixture.picture("a.png", 1, 60, 40);
    fixture.picture("b.png", 2, 60, 40);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut options = fixture.options("data");
    options.source = Source::Folder {
        dir: fixture.path("pictures"),
        base_url: format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap(),
    };
    for lost in [
        "features/sizes.journal",
        "features/files.journal",
        "features/build.journal",
        "no/such",
    ] {
        let built = build::run(options.clone(), Arc::new(TinyEncoder), pending()).await;
        assert_eq!(built.unwrap().outcome, Outcome::Finished);
        let _ = fs::remove_file(fixture.path("data").join(lost));
    }
    let sizes = fs::read_to_string(fixture.path("data/sizes.csv")).unwrap();
    assert_eq!(
        sizes.matches(",60,40,3,level1,info,,,\n").count(),
        2,
        "{sizes}"
    );
    let asked = listener.accept().map(drop).unwrap_err();
    assert_eq!(asked.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_has_changed_is_encoded_again() {
    let fixture = Fixture::new();
    for n in 0..6 {
        fixture.picture(&format!("{n}.png"), n, 60, 40);
    }
    fixture.build("data").await;
    assert_eq!(fixture.encoder.n_decoded(), 6);
    let n_expected = || fixture.encoder.n_expected.swap(0, Ordering::SeqCst);
    assert_eq!(n_expected(), 6);
    let before = files(&fixture.path("data"));
    let summary = fixture.build("data").await;
    assert_eq!((summary.encoded, summary.reused), (0, 6));
    assert_eq!(fixture.encoder.n_decoded(), 0);
    assert_eq!(n_expected(), 0, "no copy of the model is loaded for that");
    assert_eq!(files(&fixture.path("data")), before);

    // Another picture of another size; the same bytes with another time; the same length and another time; one more;
    // one less.
    fixture.picture("0.png", 7, 50, 80);
    let touch = |name: &str, seconds| {
        let file = File::options()
            .write(true)
            .open(fixture.path("pictures").join(name))
            .unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .unwrap();
    };
    touch("1.png", 1_000);
    let bytes = fs::read(fixture.path("pictures/2.png")).unwrap();
    fixture.picture("2.bmp", 8, 60, 40);
    fs::rename(
        fixture.path("pictures/2.bmp"),
        fixture.path("pictures/2.png"),
    )
    .unwrap();
    assert_ne!(fs::read(fixture.path("pictures/2.png")).unwrap(), bytes);
    fixture.picture("3a.png", 9, 60, 40);
    fs::remove_file(fixture.path("pictures/5.png")).unwrap();
    let summary = fixture.build("data").await;
    assert_eq!((summary.images, summary.encoded, summary.reused), (6, 4, 2));
    assert_eq!(summary.changed, 3);
    assert_eq!(
        summary.to_string(),
        "6 rows, 0 skipped, 6 images: 4 encoded, 2 from earlier runs, 0 failed; 1 that are not in the input any more removed; 3 had changed and were encoded anew"
    );
    assert_eq!(fixture.encoder.n_decoded(), 4);
    fixture.build("fresh").await;
    assert_eq!(files(&fixture.path("data")), files(&fixture.path("fresh")));
    assert_ne!(files(&fixture.path("data")), before);

    // A file that is no picture any more has no vector, rather than that of the picture that it was.
    fs::write(fixture.path("pictures/0.png"), "no picture").unwrap();
    let summary = fixture.build("data").await;
    assert_eq!((summary.images, summary.reused), (6, 5));
    assert_eq!((summary.encoded, summary.changed), (0, 0));
    let failures = failures(&fixture.path("data"));
    assert_eq!(failures.len(), 1);
    assert_eq!(
        failures[0][..3],
        ["1".to_owned(), format!("{BASE}/0.png"), "decode".to_owned()]
    );
    assert_eq!(Collection::open(&fixture.path("data")).unwrap().len(), 5);
}

/// Vectors of files and of what servers deliver are not the same, and never taken for each other.
#[tokio::test(flavor = "multi_thread")]
async fn files_and_downloads_do_not_mix() {
    let fixture = Fixture::new();
    // The server gives it smaller.
    fixture.picture("a.png", 3, 2000, 1500);
    fixture.picture("b.png", 4, 1800, 1500);
    let base = support::serve(iiif_router(fixture.path("pictures"), None)).await;
    let csv = fixture.path("in.csv");
    fs::write(&csv, format!("iiif_url\n{base}/a.png\n{base}/b.png\n")).unwrap();
    let by_folder = |data: &str| {
        let mut options = fixture.options(data);
        options.source = Source::Folder {
            dir: fixture.path("pictures"),
            base_url: base.parse().unwrap(),
        };
        options
    };
    let by_csv = |data: &str| options(Source::Csv(csv.clone()), &fixture.path(data));
    let run = async |options| {
        let built = build::run(options, Arc::new(TinyEncoder), pending()).await;
        built.unwrap().encoded
    };
    run(by_folder("folder")).await;
    run(by_csv("csv")).await;
    let (of_files, of_server) = (files(&fixture.path("folder")), files(&fixture.path("csv")));
    let features = "features/features.npy";
    assert_ne!(of_files[features], of_server[features]);
    for _ in 0..2 {
        assert_eq!(run(by_csv("folder")).await, 2);
        assert_eq!(files(&fixture.path("folder")), of_server);
        assert_eq!(run(by_csv("folder")).await, 0);
        assert_eq!(run(by_folder("folder")).await, 2);
        assert_eq!(files(&fixture.path("folder")), of_files);
        assert_eq!(run(by_folder("folder")).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_build_keeps_its_work() {
    let fixture = Fixture::new();
    for n in 0..30 {
        fixture.picture(&format!("{n}.png"), n, 60, 40);
    }
    fixture.build("whole").await;
    let expected = files(&fixture.path("whole"));
    let counting = fixture.encoder.clone();
    counting.n_encoded.store(0, Ordering::SeqCst);
    let stop = async {
        while counting.n_encoded.load(Ordering::SeqCst) < 10 {
            counting.encoded.notified().await;
        }
    };
    let summary = build::run(fixture.options("data"), counting.clone(), stop)
        .await
        .unwrap();
    assert_eq!(summary.outcome, Outcome::Interrupted);
    let n_done = summary.encoded;
    assert!((5..30).contains(&n_done), "{n_done}");
    let summary = fixture.build("data").await;
    assert_eq!((summary.encoded, summary.reused), (30 - n_done, n_done));
    assert_eq!(files(&fixture.path("data")), expected);
}

/// SIGKILL while the journals grow: the next run ends with the bytes of an undisturbed one.
#[test]
fn a_killed_build_ends_with_the_same_bytes() {
    let dir = TempDir::new().unwrap();
    let pictures = dir.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    support::write_pictures(&pictures, 200);
    let model = model();
    let build = |data: &Path| {
        let mut command = clip_search(&["build", "--mode", "FOLDER", "--model", &model]);
        command
            .arg("--folder")
            .arg(&pictures)
            .arg("--data-dir")
            .arg(data);
        command
    };
    let (whole, data) = (dir.path().join("whole"), dir.path().join("data"));
    run(&mut build(&whole)).ok();
    let journal = |data: &Path| data.join("features/files.journal");
    let length = |data: &Path| fs::metadata(journal(data)).map_or(0, |file| file.len());
    let mut n_killed = 0;
    for share in [1, 2, 3, 4] {
        let mut child = Running::start(&mut build(&data));
        while child.is_running() && length(&data) < length(&whole) * share / 5 {
            std::thread::sleep(Duration::from_micros(200));
        }
        n_killed += usize::from(child.is_running());
        drop(child);
        // A record that was cut.
        let cut = File::options().write(true).open(journal(&data)).unwrap();
        cut.set_len(length(&data).saturating_sub(share * 7))
            .unwrap();
    }
    assert!(n_killed >= 2, "killed {n_killed} times");
    run(&mut build(&data)).ok();
    assert_eq!(files(&data), files(&whole));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_odd_in_a_folder_is_told() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    let fixture = Fixture::new();
    let pictures = fixture.path("pictures");
    for name in [
        "a.png",
        ".hidden.png",
        ".git/b.png",
        "sub/c.png",
        "sub/deep/d.png",
    ] {
        fixture.picture(name, 1, 60, 40);
    }
    support::picture(2, 60, 40)
        .save(fixture.path("outside.png"))
        .unwrap();
    symlink(pictures.join("sub/c.png"), pictures.join("link.png")).unwrap();
    symlink("a.png", pictures.join("sub/relative.png")).unwrap();
    symlink("../a.png", pictures.join("sub/up.png")).unwrap();
    symlink(fixture.path("outside.png"), pictures.join("out.png")).unwrap();
    symlink("itself.png", pictures.join("itself.png")).unwrap();
    symlink(&pictures, pictures.join("sub/circle")).unwrap();
    symlink(&pictures, pictures.join("circle.png")).unwrap();
    fs::copy(
        pictures.join("a.png"),
        pictures.join(OsStr::from_bytes(b"caf\xe9.png")),
    )
    .unwrap();
    fs::create_dir(pictures.join(OsStr::from_bytes(b"no\xff"))).unwrap();
    fs::copy(
        pictures.join("a.png"),
        pictures.join(OsStr::from_bytes(b"no\xff/e.png")),
    )
    .unwrap();
    for name in ["notes.txt", "sub/more.TXT", "scan.pdf", "README"] {
        fs::write(pictures.join(name), "text").unwrap();
    }
    fs::write(pictures.join("empty.jpg"), "").unwrap();
    fs::write(pictures.join("page.jpg"), "<html>").unwrap();
    let fifo = std::process::Command::new("mkfifo")
        .arg(pictures.join("pipe.jpg"))
        .status();
    assert!(fifo.unwrap().success());
    let summary = fixture.build("data").await;
    assert_eq!(summary.outcome, Outcome::TooManyFailures);
    let rows = fixture.images_csv("data");
    let paths: Vec<&str> = rows.iter().map(|row| row[2].as_str()).collect();
    assert_eq!(
        paths,
        [
            "a.png",
            "empty.jpg",
            "link.png",
            "page.jpg",
            "sub/c.png",
            "sub/deep/d.png",
            "sub/up.png"
        ]
    );
    assert_eq!(
        fixture.vector("data", "link.png"),
        fixture.vector("data", "sub%2Fc.png")
    );
    let found = failures(&fixture.path("data"));
    let expected = [
        (
            "caf\u{fffd}.png",
            "read",
            r"its path is not UTF-8 (caf\xe9.png), so that no URL can name it; rename it",
        ),
        ("empty.jpg", "decode", "the image is empty (0 bytes)"),
        ("itself.png", "read", "a link that leads nowhere"),
        ("no\u{fffd}/e.png", "read", r"no\xff/e.png"),
        ("out.png", "read", "a link to a file outside of the folder"),
        ("page.jpg", "decode", "looks like HTML"),
        ("pipe.jpg", "read", "no file, though it has the name of one"),
        ("sub/relative.png", "read", "a link that leads nowhere"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ([_, url, stage, reason], (name, expected_stage, words)) in found.iter().zip(expected) {
        assert!(url.ends_with(name), "{url}: {name}");
        assert_eq!(stage, expected_stage, "{url}");
        assert!(reason.contains(words), "{url}: {reason}");
    }
    // What is left out stands in one line.
    let build = ["build", "--mode", "FOLDER", "--model", &model()];
    let mut command = clip_search(&build);
    command
        .env("CLIP_LOG", "warn")
        .arg("--folder")
        .arg(&pictures);
    command.arg("--data-dir").arg(fixture.path("said"));
    let said = run(&mut command).stderr;
    let line = "left out of the folder: 4 files that are no images (2 .txt, 1 without an ending, 1 .pdf), 2 files and folders whose names begin with a dot, 2 links to folders";
    assert!(said.contains(line), "{said}");
    // The list of iiif-serve has the same images.
    let base = support::serve(iiif_router(pictures, None)).await;
    let (_, listed) = tokio::task::spawn_blocking(move || get(&format!("{base}/images.csv")))
        .await
        .unwrap();
    assert_eq!(listed.lines().count(), 1 + paths.len(), "{listed}");
}

/// A folder that holds its own data directory, as `--folder .` does.
#[tokio::test(flavor = "multi_thread")]
async fn the_data_directory_is_no_part_of_the_folder() {
    let fixture = Fixture::new();
    fixture.picture("a.png", 1, 60, 40);
    fixture.picture("data/images/b.jpg", 2, 60, 40);
    let mut options = fixture.options("data");
    options.data_dir = fixture.path("pictures/data");
    let built = build::run(options, Arc::new(TinyEncoder), pending())
        .await
        .unwrap();
    assert_eq!((built.rows, built.images), (1, 1));
}

#[test]
fn what_is_wrong_with_a_folder_is_one_sentence() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| text_of(&dir.path().join(name));
    fs::create_dir(at("empty")).unwrap();
    fs::create_dir(at("texts")).unwrap();
    fs::write(at("texts/a.txt"), "").unwrap();
    let build = |arguments: &[&str]| {
        let model = model();
        let data = at("data");
        let build = [
            "build",
            "--mode",
            "FOLDER",
            "--model",
            &model,
            "--data-dir",
            &data,
        ];
        run(clip_search(&build).args(arguments))
    };
    for (name, words) in [
        (
            "none",
            "cannot be read: No such file or directory (os error 2); check the path given with --folder",
        ),
        ("texts/a.txt", "check the path given with --folder"),
        (
            "empty",
            "empty (--folder) has no images, so nothing is replaced: no file in it or in a folder in it ends with .jpg, .jpeg, .png",
        ),
        (
            "texts",
            "; left out of the folder: 1 file that is no image (1 .txt)",
        ),
    ] {
        let said = build(&["--folder", &at(name)]).sentence(1);
        assert!(said.contains(words), "{said}");
    }
    for url in [
        "ftp://example.org/",
        "localhost:8182",
        "http://h/a?b",
        "http://h/a#b",
    ] {
        let said = build(&["--folder", &at("texts"), "--base-url", url]).sentence(1);
        assert!(
            said.contains("--base-url") && said.contains("must begin with http"),
            "{said}"
        );
    }
    assert_eq!(build(&[]).code, Some(2), "--folder is missing");
}

/// Of a folder that nobody may read, the others are built.
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_read_is_a_failure() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for folder in ["pictures/closed", "pictures/open", "data"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    for name in ["closed/a.png", "open/b.png", "open/secret.png"] {
        support::picture(1, 60, 40)
            .save(at("pictures").join(name))
            .unwrap();
    }
    mode(dir.path(), 0o755);
    mode(&at("data"), 0o777);
    // Nothing keeps root from reading: it has to become somebody else, who may run this copy of the program.
    let is_root = fs::metadata(dir.path()).unwrap().uid() == 0;
    let program = at("clip-search");
    fs::copy(env!("CARGO_BIN_EXE_clip-search"), &program).unwrap();
    mode(&program, 0o755);
    let copy = at("model");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(world::model())
        .arg(&copy)
        .status();
    assert!(copied.unwrap().success());
    mode(&at("pictures/closed"), 0o000);
    mode(&at("pictures/open/secret.png"), 0o000);
    let mut command = std::process::Command::new(&program);
    for (name, value) in clip_search(&[]).get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args([
        "build",
        "--mode",
        "FOLDER",
        "--max-failures",
        "100%",
        "--folder",
    ]);
    command
        .arg(at("pictures"))
        .arg("--data-dir")
        .arg(at("data"))
        .arg("--model")
        .arg(&copy);
    command.current_dir(dir.path());
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    let ended = run(&mut command);
    mode(&at("pictures/closed"), 0o755);
    assert_eq!(
        ended.ok(),
        "3 rows, 0 skipped, 2 images: 1 encoded, 0 from earlier runs, 2 failed, 2 at read\n"
    );
    let found = failures(&at("data"));
    assert!(found[0][1].ends_with("pictures/closed"), "{found:?}");
    assert!(
        found[0][3].contains(
            "the folder cannot be read: Permission denied (os error 13); allow this user to read it"
        ),
        "{found:?}"
    );
    assert!(
        found[1][3].contains("secret.png: cannot be read: Permission denied"),
        "{found:?}"
    );
}
