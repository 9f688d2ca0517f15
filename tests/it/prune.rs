//! `--prune` and `--max-prune`: images of the collection that the input does not name any more.

use crate::build::{files, options, run};
use crate::support;
use clip_search::build::limit::Limit;
use clip_search::build::options::{BuildOptions, Source};
use clip_search::build::{BuildSummary, Outcome};
use clip_search::collection::Collection;
use clip_search::features::npy::Precision;
use clip_search::http::iiif::iiif_router;
use clip_search::image_id::image_id;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// Pictures behind a IIIF server that counts its requests.
struct Pictures {
    dir: TempDir,
    base: String,
    n_requests: Arc<AtomicUsize>,
}

impl Pictures {
    async fn new(n_images: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pictures = dir.path().join("pictures");
        fs::create_dir(&pictures).unwrap();
        support::write_pictures(&pictures, n_images);
        let n_requests = Arc::new(AtomicUsize::new(0));
        let count = n_requests.clone();
        let router = iiif_router(pictures, None).layer(axum::middleware::map_request(
            move |request: axum::extract::Request| {
                count.fetch_add(1, Ordering::SeqCst);
                std::future::ready(request)
            },
        ));
        let base = support::serve(router).await;
        Self {
            dir,
            base,
            n_requests,
        }
    }

    fn url(&self, n: usize) -> String {
        format!("{}/image-{n:03}.jpg", self.base)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn csv(&self, text: &str) -> BuildOptions {
        let csv = self.dir.path().join("in.csv");
        fs::write(&csv, text).unwrap();
        options(Source::Csv(csv), &self.data())
    }

    /// A build of these images, with titles.
    fn of(&self, images: impl IntoIterator<Item = usize>) -> BuildOptions {
        let mut text = "iiif_url,title\n".to_owned();
        for n in images {
            text.push_str(&format!("{},Image {n}\n", self.url(n)));
        }
        self.csv(&text)
    }

    fn asked(&self) -> usize {
        self.n_requests.swap(0, Ordering::SeqCst)
    }

    fn urls(&self) -> Vec<String> {
        let collection = Collection::open(&self.data()).unwrap();
        let urls = (0..collection.len()).map(|row| collection.url(row));
        urls.map(|url| url.replace(&self.base, "")).collect()
    }
}

fn with(mut options: BuildOptions, max_prune: &str) -> BuildOptions {
    options.max_prune = max_prune.parse().unwrap();
    options
}

fn keeping(mut options: BuildOptions) -> BuildOptions {
    options.prune = false;
    options
}

fn gone_and_kept(summary: &BuildSummary) -> (Outcome, usize, usize) {
    (summary.outcome, summary.removed, summary.kept)
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_limit_is_refused_and_nothing_is_changed() {
    let pictures = Pictures::new(32).await;
    run(pictures.of(0..30)).await.unwrap();
    pictures.asked();
    let before = files(&pictures.data());
    for (images, max_prune, allows) in [
        // New images make no room.
        ([(0..20), (30..32)], "10%", "10%"),
        ([(0..20), (0..0)], "9", "9"),
        ([(0..29), (0..0)], "0", "0"),
        ([(0..29), (0..0)], "0%", "0%"),
    ] {
        let images: Vec<usize> = images.into_iter().flatten().collect();
        let n_vanished = 30 - images.iter().filter(|n| **n < 30).count();
        let error = run(with(pictures.of(images), max_prune)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{n_vanished} of the 30 images of the collection in {} are not in the input any more, and --max-prune allows {allows}; nothing is changed; let them go with `--max-prune {n_vanished}`, or keep them with `--prune no`",
                pictures.data().display()
            )
        );
        assert_eq!(files(&pictures.data()), before);
    }
    assert_eq!(pictures.asked(), 0, "no server is asked before");
    let summary = run(with(pictures.of(0..20), "10")).await.unwrap();
    assert_eq!(gone_and_kept(&summary), (Outcome::Finished, 10, 0));
    assert_eq!(
        summary.to_string(),
        "20 rows, 0 skipped, 20 images: 0 encoded, 20 from earlier runs, 0 failed; 10 that are not in the input any more removed"
    );
    // A share lets a handful go, so that who tries the program is not held up.
    let summary = run(pictures.of(0..15)).await.unwrap();
    assert_eq!(gone_and_kept(&summary), (Outcome::Finished, 5, 0));
    // Rows that could not be read are told, since they may be why.
    let text = format!("iiif_url\n{}\nno url\nftp://x\n", pictures.url(1));
    let error = run(pictures.csv(&text)).await.unwrap_err().to_string();
    assert!(
        error.contains("14 of the 15 images")
            && error
                .contains("(2 rows of the input could not be read, the first because: not a URL"),
        "{error}"
    );
}

/// Names of the files in `images/`.
fn downloads(pictures: &Pictures) -> BTreeSet<String> {
    let entries = fs::read_dir(pictures.data().join("images")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.')).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_go_with_their_images_and_nothing_else_does() {
    let pictures = Pictures::new(8).await;
    run(pictures.of(0..8)).await.unwrap();
    let names = |images: std::ops::Range<usize>| -> BTreeSet<String> {
        let name = |n| format!("{}.jpg", image_id(&pictures.url(n)));
        images.map(name).collect()
    };
    assert_eq!(downloads(&pictures), names(0..8));
    // Files that no build has written: of an image that it never had, of another ending, in other letters, a folder.
    let folder = pictures.data().join("images");
    let gone = image_id(&pictures.url(7));
    let others = [
        format!("{}.jpg", image_id("https://example.org/never")),
        format!("{gone}.png"),
        format!("{}.jpg", gone.to_uppercase()),
        "notes.txt".to_owned(),
    ];
    for name in &others {
        fs::write(folder.join(name), "mine").unwrap();
    }
    let others: BTreeSet<String> = others.into_iter().collect();
    let and_others =
        |images| -> BTreeSet<String> { names(images).union(&others).cloned().collect() };
    // What is kept, or refused to go, stays.
    run(keeping(pictures.of(0..6))).await.unwrap();
    assert_eq!(downloads(&pictures), and_others(0..8));
    run(with(pictures.of(0..4), "1")).await.unwrap_err();
    assert_eq!(downloads(&pictures), and_others(0..8));
    run(with(pictures.of(0..6), "2")).await.unwrap();
    assert_eq!(downloads(&pictures), and_others(0..6));
    // What a build that was killed has left goes with the next.
    let left = names(6..7).pop_first().unwrap();
    fs::write(folder.join(&left), "left").unwrap();
    pictures.asked();
    run(pictures.of(0..6)).await.unwrap();
    assert_eq!(downloads(&pictures), and_others(0..6));
    assert_eq!(pictures.asked(), 0);
    // The image may come back.
    run(pictures.of(0..7)).await.unwrap();
    assert_eq!(pictures.urls().len(), 7);
    for name in &others {
        assert_eq!(fs::read(folder.join(name)).unwrap(), b"mine", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_input_never_empties_a_collection() {
    let pictures = Pictures::new(4).await;
    run(pictures.of(0..4)).await.unwrap();
    let before = files(&pictures.data());
    for text in ["iiif_url\n", "iiif_url\nno url\n"] {
        for prune in [true, false] {
            let mut options = with(pictures.csv(text), "100%");
            options.prune = prune;
            let error = run(options).await.unwrap_err().to_string();
            assert!(error.contains("nothing is replaced"), "{error}");
            let mut after = files(&pictures.data());
            after.insert("failures.csv", before["failures.csv"].clone());
            assert_eq!(after, before);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_stays_with_its_rows_and_vectors() {
    let pictures = Pictures::new(12).await;
    for precision in [Precision::F32, Precision::F16] {
        let _ = fs::remove_dir_all(pictures.data());
        let as_is = |options: BuildOptions| BuildOptions {
            precision,
            ..options
        };
        run(as_is(pictures.of(0..10))).await.unwrap();
        let vectors = |data: &Path| {
            let collection = Collection::open(data).unwrap();
            let rows = (0..collection.len()).map(|row| {
                let vector = collection.features().row(row).to_vec();
                (
                    collection.id(row).to_owned(),
                    (vector, collection.size(row)),
                )
            });
            rows.collect::<std::collections::BTreeMap<_, _>>()
        };
        let before = vectors(&pictures.data());
        pictures.asked();
        // Other columns in another order, two images less and one more.
        let text = format!(
            "year,title,iiif_url\n1850,New,{}\n1851,Image 3,{}\n",
            pictures.url(10),
            pictures.url(3)
        );
        let expected: Vec<String> = [10, 3, 0, 1, 2, 4, 5, 6, 7, 8, 9]
            .map(|n| format!("/image-{n:03}.jpg"))
            .to_vec();
        let summary = run(as_is(keeping(pictures.csv(&text)))).await.unwrap();
        assert_eq!(gone_and_kept(&summary), (Outcome::Finished, 0, 9));
        assert_eq!((summary.images, summary.encoded, summary.reused), (2, 1, 1));
        assert_eq!(pictures.urls(), expected);
        let images = fs::read_to_string(pictures.data().join("images.csv")).unwrap();
        let lines: Vec<&str> = images.lines().collect();
        assert_eq!(lines[0], "year,title,iiif_url,localIdentifier");
        assert!(
            lines[3].starts_with(&format!(",Image 0,{},", pictures.url(0))),
            "{images}"
        );
        // Once more comes to the same.
        let first = files(&pictures.data());
        run(as_is(keeping(pictures.csv(&text)))).await.unwrap();
        assert_eq!(files(&pictures.data()), first);
        pictures.asked();
        // Without the journals the collection itself is what is known, and no server is asked for what is kept.
        for name in ["build.journal", "sizes.journal"] {
            fs::remove_file(pictures.data().join("features").join(name)).unwrap();
        }
        fs::remove_dir_all(pictures.data().join("images")).unwrap();
        let summary = run(as_is(keeping(pictures.csv(&text)))).await.unwrap();
        assert_eq!(gone_and_kept(&summary), (Outcome::Finished, 0, 9));
        assert_eq!(files(&pictures.data()), first);
        assert!(pictures.asked() <= 6, "two images, three ways at most");
        let after = vectors(&pictures.data());
        for (id, expected) in &before {
            assert_eq!(after.get(id), Some(expected));
        }
        // At last they may go.
        let mut options = as_is(pictures.csv(&text));
        options.max_prune = Limit::Images(9);
        let summary = run(options).await.unwrap();
        assert_eq!(gone_and_kept(&summary), (Outcome::Finished, 9, 0));
        assert_eq!(pictures.urls(), expected[..2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_made_anew_where_nothing_tells_its_vector() {
    let pictures = Pictures::new(6).await;
    run(pictures.of(0..6)).await.unwrap();
    // Whose vectors these are is not known.
    fs::remove_file(pictures.data().join("features/build.journal")).unwrap();
    fs::remove_file(pictures.data().join("features/features.json")).unwrap();
    fs::remove_file(pictures.dir.path().join("pictures/image-005.jpg")).unwrap();
    let download = fs::read_dir(pictures.data().join("images")).unwrap();
    assert_eq!(download.count(), 6 + 1);
    let summary = run(keeping(pictures.of(0..2))).await.unwrap();
    assert_eq!(gone_and_kept(&summary), (Outcome::Finished, 0, 4));
    assert_eq!(summary.failed.len(), 0, "downloads are there");
    assert_eq!(pictures.urls().len(), 6);
}
