//! Image servers as they are: sizes that they do not have, limits of their own, hosts that do not answer.

use crate::build::{failures, options, run};
use crate::support;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clip_search::build::BuildSummary;
use clip_search::build::options::{BuildOptions, Source};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Requests by their path.
type Log = Arc<Mutex<Vec<String>>>;

fn jpeg() -> Response {
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
    support::picture(1, 64, 48)
        .write_with_encoder(encoder)
        .unwrap();
    ([(header::CONTENT_TYPE, "image/jpeg")], Body::from(jpeg)).into_response()
}

fn page(status: u16, text: &'static str) -> Response {
    (
        StatusCode::from_u16(status).unwrap(),
        [(header::CONTENT_TYPE, "text/html")],
        text,
    )
        .into_response()
}

/// What the image server of this kind answers to `request`, all that follows the image's name.
fn answer(kind: &str, request: &str) -> Response {
    let gives = |all: &[&str]| all.contains(&request);
    let info =
        |json: &'static str| ([(header::CONTENT_TYPE, "application/json")], json).into_response();
    let refusal = match kind {
        "narrow-403" => page(403, "no enlargement here"),
        "narrow-404" => page(404, "<h1>404</h1>no such size"),
        "narrow-500" => page(500, "internal"),
        "gone" => page(410, "gone for good"),
        "login" => page(401, "who are you"),
        _ => page(400, "<html><body>400 <b>Bad</b> Request</body></html>"),
    };
    match (kind, request) {
        ("narrow-403" | "narrow-404" | "narrow-500", request)
            if gives(&["full/max/0/default.jpg"]) =>
        {
            let _ = request;
            jpeg()
        }
        ("full-only", "full/full/0/default.jpg") => jpeg(),
        ("level0-v2", "info.json") => info(
            r#"{"profile": ["http://iiif.io/api/image/2/level0.json"], "sizes": [{"width": 100, "height": 75}, {"width": 800, "height": 600}]}"#,
        ),
        ("level0-v2", "full/800,/0/default.jpg") => jpeg(),
        ("level0-v3", "info.json") => info(
            r#"{"type": "ImageService3", "profile": "level0", "sizes": [{"width": 100, "height": 75}, {"width": 400, "height": 300}]}"#,
        ),
        ("level0-v3", "full/400,300/0/default.jpg") => jpeg(),
        ("version-1", "info.json") => info(
            r#"{"@context": "http://library.stanford.edu/iiif/image-api/1.1/context.json", "profile": "http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level1"}"#,
        ),
        ("version-1", "full/640,/0/native.jpg") => jpeg(),
        _ => refusal,
    }
}

async fn kinds(log: Log) -> String {
    let router = Router::new()
        .route(
            "/{kind}/{id}/{*request}",
            get(
                async |State(log): State<Log>,
                       UrlPath((kind, id, request)): UrlPath<(String, String, String)>| {
                    log.lock().unwrap().push(format!("{kind}/{id}/{request}"));
                    answer(&kind, &request)
                },
            ),
        )
        .with_state(log);
    support::serve(router).await
}

fn csv(dir: &Path, urls: impl IntoIterator<Item = String>) -> BuildOptions {
    let csv = dir.join("in.csv");
    let rows: String = urls.into_iter().map(|url| format!("{url}\n")).collect();
    fs::write(&csv, format!("iiif_url\n{rows}")).unwrap();
    options(Source::Csv(csv), &dir.join("data"))
}

async fn build(dir: &Path, urls: impl IntoIterator<Item = String>) -> BuildSummary {
    run(csv(dir, urls)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_comes_in_a_size_that_its_server_has() {
    let log = Log::default();
    let base = kinds(log.clone()).await;
    let found = [
        "narrow-403",
        "narrow-404",
        "narrow-500",
        "full-only",
        "level0-v2",
        "level0-v3",
        "version-1",
    ];
    let dir = tempfile::tempdir().unwrap();
    let urls = found.iter().map(|kind| format!("{base}/{kind}/a"));
    let lost = ["gone", "login", "nothing"].map(|kind| format!("{base}/{kind}/a"));
    let summary = build(dir.path(), urls.chain(lost.clone())).await;
    assert_eq!(summary.encoded, found.len());
    let failures = failures(&dir.path().join("data"));
    let reasons: BTreeMap<&str, &str> = failures
        .iter()
        .map(|row| (row[1].as_str(), row[3].as_str()))
        .collect();
    for (url, expected) in lost.iter().zip([
        "full/640,/0/default.jpg answered 410 Gone (gone for good)",
        "full/640,/0/default.jpg answered 401 Unauthorized (who are you)",
        "full/640,/0/default.jpg answered 400 Bad Request (400 Bad Request); at last",
    ]) {
        assert!(reasons[url.as_str()].contains(expected), "{reasons:?}");
    }
    // Who is gone or asks for a login is asked once.
    let n_requests = |name: &str| {
        let log = log.lock().unwrap();
        log.iter().filter(|path| path.starts_with(name)).count()
    };
    assert_eq!((n_requests("gone"), n_requests("login")), (1, 1));
    assert_eq!(n_requests("nothing"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_the_wished_size_is_asked_for_its_own_from_then_on() {
    let log = Log::default();
    let base = kinds(log.clone()).await;
    let dir = tempfile::tempdir().unwrap();
    let mut options = csv(dir.path(), (0..40).map(|n| format!("{base}/level0-v2/{n}")));
    options.threads = 1.try_into().unwrap();
    assert_eq!(run(options).await.unwrap().encoded, 40);
    // Five for each of the first images, then info.json and the image. It is not asked again for the size.
    let n_requests = log.lock().unwrap().len();
    assert_eq!(n_requests, 5 * 5 + 35 * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_image_says_nothing_of_the_next() {
    let log = Log::default();
    let base = kinds(log.clone()).await;
    let dir = tempfile::tempdir().unwrap();
    build(
        dir.path(),
        (0..30).map(|n| format!("{base}/narrow-403/{n}")),
    )
    .await;
    let n_wished = |log: &Log| {
        let log = log.lock().unwrap();
        log.iter()
            .filter(|path| path.contains("/full/640,/"))
            .count()
    };
    assert_eq!(n_wished(&log), 30);
}

/// Four requests in each second; more are told to wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_a_limit_loses_nothing_and_is_left_alone_when_it_asks() {
    let served: Arc<Mutex<(Option<Instant>, usize, usize)>> = Arc::default();
    let count = served.clone();
    let limited = Router::new().fallback(async move || {
        let mut count = count.lock().unwrap();
        let now = Instant::now();
        if count
            .0
            .is_none_or(|since| now - since >= Duration::from_secs(1))
        {
            (count.0, count.1) = (Some(now), 0);
        }
        count.1 += 1;
        if count.1 > 4 {
            count.2 += 1;
            let wait = [(header::RETRY_AFTER, "1")];
            return (StatusCode::TOO_MANY_REQUESTS, wait).into_response();
        }
        jpeg()
    });
    let base = support::serve(limited).await;
    let dir = tempfile::tempdir().unwrap();
    let summary = build(dir.path(), (0..20).map(|n| format!("{base}/{n}"))).await;
    assert_eq!(
        summary.encoded,
        20,
        "{:?}",
        failures(&dir.path().join("data"))
    );
    // All that were under way when the first was refused, and few in each second after that.
    let n_refused = served.lock().unwrap().2;
    assert!(n_refused <= 16 + 5 * 8, "{n_refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_in_retry_after_is_waited_for() {
    let first: Arc<Mutex<Option<Instant>>> = Arc::default();
    let begun = first.clone();
    let busy = Router::new().fallback(async move || {
        let since = *begun.lock().unwrap().get_or_insert_with(Instant::now);
        if since.elapsed() < Duration::from_millis(800) {
            let date = std::time::SystemTime::now() + Duration::from_secs(2);
            let date = [(header::RETRY_AFTER, httpdate::fmt_http_date(date))];
            return (StatusCode::SERVICE_UNAVAILABLE, date).into_response();
        }
        jpeg()
    });
    let base = support::serve(busy).await;
    let dir = tempfile::tempdir().unwrap();
    let summary = build(dir.path(), (0..8).map(|n| format!("{base}/{n}"))).await;
    assert_eq!(summary.encoded, 8);
}

/// A port on which nobody listens, and a host that takes connections and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_do_not_answer_are_given_up_and_hold_up_nobody() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let n_hanging = Arc::new(Mutex::new(0));
    let count = n_hanging.clone();
    let hanging = support::serve(Router::new().fallback(async move || {
        *count.lock().unwrap() += 1;
        std::future::pending::<Response>().await
    }))
    .await;
    let good = support::serve(Router::new().fallback(async || jpeg())).await;
    let dir = tempfile::tempdir().unwrap();
    // The dead ones first, so that they would be in the way.
    let urls = (0..150)
        .flat_map(|n| [format!("{closed}/{n}"), format!("{hanging}/{n}")])
        .chain((0..150).map(|n| format!("{good}/{n}")));
    let mut options = csv(dir.path(), urls);
    options.network.image_timeout = Duration::from_secs(1);
    options.network.retry_pause = Duration::from_millis(20);
    let summary = run(options).await.unwrap();
    assert_eq!(summary.encoded, 150);
    let failures = failures(&dir.path().join("data"));
    assert_eq!(failures.len(), 300);
    for host in [&closed, &hanging] {
        let given_up = format!("{host} was given up");
        let n_given_up = failures
            .iter()
            .filter(|row| row[3].contains(&given_up))
            .count();
        assert!(n_given_up >= 140, "{host}: {n_given_up}");
    }
    let n_hanging = *n_hanging.lock().unwrap();
    assert!(n_hanging <= 10, "{n_hanging}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_asks_for_an_hour_is_left_for_the_next_build() {
    let busy = Router::new().fallback(async || {
        let wait = [(header::RETRY_AFTER, "3600")];
        (StatusCode::TOO_MANY_REQUESTS, wait, "too many of you").into_response()
    });
    let busy = support::serve(busy).await;
    let good = support::serve(Router::new().fallback(async || jpeg())).await;
    let dir = tempfile::tempdir().unwrap();
    let urls = [format!("{good}/a")];
    let summary = build(
        dir.path(),
        urls.into_iter()
            .chain((0..20).map(|n| format!("{busy}/{n}"))),
    )
    .await;
    assert_eq!(summary.encoded, 1);
    let failures = failures(&dir.path().join("data"));
    assert!(
        failures[1][3].contains("asks to be left alone for 3600 s"),
        "{:?}",
        failures[1]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_told_who_asks() {
    let seen: Arc<Mutex<Option<HeaderMap>>> = Arc::default();
    let last = seen.clone();
    let base = support::serve(Router::new().fallback(async move |headers: HeaderMap| {
        *last.lock().unwrap() = Some(headers);
        jpeg()
    }))
    .await;
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("in.csv");
    fs::write(&csv, format!("iiif_url\n{base}/a\n")).unwrap();
    let data = dir.path().join("data");
    let build = |more: &[&str]| {
        let model = crate::world::model();
        let mut arguments = vec![
            "build",
            "--mode",
            "CSV",
            "--csv-file",
            csv.to_str().unwrap(),
        ];
        arguments.extend(["--data-dir", data.to_str().unwrap(), "--model", &model]);
        arguments.extend(more);
        let mut command = crate::process::clip_search(&arguments);
        tokio::task::spawn_blocking(move || crate::process::run(&mut command))
    };
    build(&[
        "--contact",
        "mailto:images@example.org",
        "--header",
        "X-Api-Key: secret: yes",
    ])
    .await
    .unwrap()
    .ok();
    let headers = seen.lock().unwrap().take().unwrap();
    assert_eq!(
        headers[header::USER_AGENT],
        format!(
            "iiif-clip-search/{} (+mailto:images@example.org)",
            env!("CARGO_PKG_VERSION")
        )
    );
    assert_eq!(headers["x-api-key"], "secret: yes");
    // A value is never told: it may be a secret.
    let wrong = build(&["--header", "X-Api-Key: sec\u{1}ret"])
        .await
        .unwrap();
    let text = format!("{wrong:?}");
    assert!(text.contains("--header X-Api-Key cannot be sent"), "{text}");
    assert!(!text.contains("ret\""), "{text}");
}

/// What a column may name besides services: info.json, requests with a region, files with and without a query.
#[tokio::test(flavor = "multi_thread")]
async fn urls_of_all_kinds_are_asked_for_as_they_are_meant() {
    let log = Log::default();
    let noted = log.clone();
    let answer = async move |uri: axum::http::Uri| -> Response {
        let path = uri.to_string();
        noted.lock().unwrap().push(path.clone());
        let is_request = path.ends_with("/640,/0/default.jpg");
        match path.as_str() {
            "/iiif/a/info.json" | "/iiif/b/info.json" => (
                [(header::CONTENT_TYPE, "application/json")],
                r#"{"@context": "http://iiif.io/api/image/3/context.json", "width": 4000, "height": 3000, "profile": "level2"}"#,
            )
                .into_response(),
            "/files/c.jpg" | "/picture?id=4" => jpeg(),
            path if is_request && path.starts_with("/iiif/") => jpeg(),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    };
    let base = support::serve(Router::new().fallback(answer)).await;
    let dir = tempfile::tempdir().unwrap();
    let urls = [
        "iiif/a/info.json",
        "iiif/b/10,20,300,200/max/0/default.jpg",
        "files/c.jpg",
        "picture?id=4",
    ]
    .map(|path| format!("{base}/{path}"));
    let cells = urls.clone().map(|url| format!("\"{url}\""));
    build(dir.path(), cells).await;
    let data = dir.path().join("data");
    assert_eq!(failures(&data), [] as [[String; 4]; 0]);
    let log = log.lock().unwrap();
    for path in [
        "/iiif/a/full/640,/0/default.jpg",
        "/iiif/b/10,20,300,200/640,/0/default.jpg",
        "/iiif/b/info.json",
        "/files/c.jpg",
        "/picture?id=4",
    ] {
        assert!(log.contains(&path.to_owned()), "{path}: {log:?}");
    }
    // A URL with a query is no service.
    assert!(!log.iter().any(|path| path.contains("id=4/")), "{log:?}");
    let images = fs::read_to_string(data.join("images.csv")).unwrap();
    let sizes = fs::read_to_string(data.join("sizes.csv")).unwrap();
    let sizes: Vec<&str> = (sizes.lines().skip(1))
        .map(|line| line.split_once(',').unwrap().1)
        .collect();
    for url in &urls {
        assert!(images.contains(url), "{images}");
    }
    assert_eq!(
        sizes,
        [
            "4000,3000,3,level2,info,,,",
            "300,200,,,info,,,",
            "64,48,,,delivered,,,",
            "64,48,,,delivered,,,"
        ]
    );
}
