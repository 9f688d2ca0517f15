//! `clip-search build --keep-images no`: downloads that leave nothing behind.

use crate::build::{Fixture, files, options};
use crate::support::{self, ImagesBy, TinyEncoder};
use axum::Router;
use axum::extract::Path as UrlPath;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clip_search::build::options::{BuildOptions, Source};
use clip_search::build::{self, Outcome};
use clip_search::encoder::{Encoder, Pixels};
use std::fs;
use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The names of downloads.
fn downloads(data: &Path) -> Vec<String> {
    fs::read_dir(data.join("images"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect()
}

/// The small encoder, and how many images it has encoded.
fn counting() -> (Arc<dyn Encoder>, Arc<AtomicUsize>) {
    let n_encoded = Arc::new(AtomicUsize::new(0));
    let count = n_encoded.clone();
    let encoder = ImagesBy(move |images: &[Pixels]| {
        count.fetch_add(images.len(), Ordering::SeqCst);
        TinyEncoder.encode_images(images)
    });
    (Arc::new(encoder), n_encoded)
}

fn without_images(fixture: &Fixture, csv: &Path, data: &str) -> BuildOptions {
    let mut options = options(Source::Csv(csv.to_owned()), &fixture.path(data));
    options.keep_images = false;
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn the_collection_is_the_same_without_downloads() {
    let mut fixture = Fixture::new(8).await;
    let csv = fixture.csv(8);
    let run = async |options| {
        build::run(options, Arc::new(TinyEncoder), pending())
            .await
            .unwrap()
    };
    let with = options(Source::Csv(csv.clone()), &fixture.path("with"));
    run(with.clone()).await;
    assert_eq!(downloads(&fixture.path("with")).len(), 8);
    let expected = files(&fixture.path("with"));
    run(without_images(&fixture, &csv, "data")).await;
    assert_eq!(downloads(&fixture.path("data")), [""; 0]);
    assert_eq!(files(&fixture.path("data")), expected);
    // Another build needs none of them, whether it keeps images or not.
    while fixture.requests.try_recv().is_ok() {}
    for keep_images in [false, true] {
        let mut options = without_images(&fixture, &csv, "data");
        options.keep_images = keep_images;
        let summary = run(options).await;
        assert_eq!((summary.encoded, summary.reused), (0, 8));
        assert_eq!(files(&fixture.path("data")), expected);
    }
    // What an earlier build has left goes when its vectors are there.
    let other = fixture.path("with/images/other.jpg");
    fs::write(&other, "not of this build").unwrap();
    run(without_images(&fixture, &csv, "with")).await;
    assert_eq!(downloads(&fixture.path("with")), ["other.jpg"]);
    assert_eq!(files(&fixture.path("with")), expected);
    assert!(fixture.requests.try_recv().is_err(), "a server was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_build_encodes_nothing_twice() {
    let mut fixture = Fixture::new(30).await;
    let csv = fixture.csv(30);
    let whole = options(Source::Csv(csv.clone()), &fixture.path("whole"));
    build::run(whole, Arc::new(TinyEncoder), pending())
        .await
        .unwrap();
    while fixture.requests.try_recv().is_ok() {}
    let mut options = without_images(&fixture, &csv, "data");
    options.threads = 2.try_into().unwrap();
    let (encoder, n_encoded) = counting();
    let requests = &mut fixture.requests;
    let stop = async {
        for _ in 0..40 {
            requests.recv().await;
        }
    };
    let summary = build::run(options.clone(), encoder.clone(), stop)
        .await
        .unwrap();
    assert_eq!(summary.outcome, Outcome::Interrupted);
    assert!(summary.encoded < 30);
    let summary = build::run(options, encoder.clone(), pending())
        .await
        .unwrap();
    assert_eq!(summary.outcome, Outcome::Finished);
    assert_eq!(downloads(&fixture.path("data")), [""; 0]);
    assert_eq!(files(&fixture.path("data")), files(&fixture.path("whole")));
    // And the model was tried on its own image in each of the runs.
    assert_eq!(n_encoded.load(Ordering::SeqCst), 30 + 2);
}

/// Stopped when all vectors are there and the sizes are still asked for: the pictures told them, and are gone.
#[tokio::test(flavor = "multi_thread")]
async fn sizes_are_known_before_the_vectors() {
    let dir = tempfile::tempdir().unwrap();
    let is_silent = Arc::new(AtomicBool::new(false));
    let silent = is_silent.clone();
    let answer =
        async |UrlPath((_, request)): UrlPath<(String, String)>, is_silent: bool| -> Response {
            if request != "info.json" {
                let mut jpeg = Vec::new();
                let encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
                support::picture(1, 64, 48)
                    .write_with_encoder(encoder)
                    .unwrap();
                return jpeg.into_response();
            }
            if is_silent {
                pending::<()>().await;
            }
            StatusCode::NOT_FOUND.into_response()
        };
    let base = support::serve(Router::new().route(
        "/{id}/{*request}",
        get(move |path| answer(path, silent.load(Ordering::SeqCst))),
    ))
    .await;
    let csv = dir.path().join("in.csv");
    fs::write(&csv, format!("iiif_url\n{base}/a\n{base}/b\n{base}/c\n")).unwrap();
    let options = |data: &str| {
        let mut options = options(Source::Csv(csv.clone()), &dir.path().join(data));
        options.keep_images = false;
        options
    };
    build::run(options("whole"), Arc::new(TinyEncoder), pending())
        .await
        .unwrap();
    let sizes = fs::read_to_string(dir.path().join("whole/sizes.csv")).unwrap();
    assert_eq!(
        sizes.matches(",64,48,,,delivered,,,\n").count(),
        3,
        "{sizes}"
    );

    is_silent.store(true, Ordering::SeqCst);
    let (encoder, n_encoded) = counting();
    let stop = async {
        // The model's try, and three images.
        while n_encoded.load(Ordering::SeqCst) < 4 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let summary = build::run(options("data"), encoder.clone(), stop)
        .await
        .unwrap();
    assert_eq!(
        (summary.outcome, summary.encoded),
        (Outcome::Interrupted, 3)
    );
    is_silent.store(false, Ordering::SeqCst);
    let summary = build::run(options("data"), encoder.clone(), pending())
        .await
        .unwrap();
    assert_eq!((summary.encoded, summary.reused), (0, 3));
    assert_eq!(
        files(&dir.path().join("data")),
        files(&dir.path().join("whole"))
    );
}
