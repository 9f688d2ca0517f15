//! Builds that ask for the smallest picture that serves the model: what they ask, of whom, and what they keep to.

use crate::build::{failures, files, options};
use crate::support::{self, SightedEncoder};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path as UrlPath, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clip_search::build::limit::Limit;
use clip_search::build::options::{BuildOptions, Delivery, Source};
use clip_search::build::{self, BuildSummary};
use clip_search::http::iiif::iiif_router;
use clip_search::image_id::image_id;
use std::collections::BTreeMap;
use std::fs;
use std::future::pending;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Paths that were asked for, and the bytes that went out for each.
type Log = Arc<Mutex<Vec<(String, usize)>>>;

/// What the model sees; half as many again are asked for.
const SHORT_PX: u32 = 64;

async fn run(options: BuildOptions) -> anyhow::Result<BuildSummary> {
    run_with(SHORT_PX, options).await
}

async fn run_with(short_edge_px: u32, options: BuildOptions) -> anyhow::Result<BuildSummary> {
    let encoder = SightedEncoder { short_edge_px };
    build::run(options, Arc::new(encoder), pending()).await
}

fn table(dir: &Path, data: &str, urls: impl IntoIterator<Item = String>) -> BuildOptions {
    let csv = dir.join("in.csv");
    let rows: String = urls.into_iter().map(|url| format!("\"{url}\"\n")).collect();
    fs::write(&csv, format!("iiif_url\n{rows}")).unwrap();
    options(Source::Csv(csv), &dir.join(data))
}

/// Our IIIF service over the pictures of these names and sizes, with a log.
async fn service(dir: &Path, pictures: &[(&str, u32, u32)]) -> (String, Log) {
    let folder = dir.join("pictures");
    fs::create_dir(&folder).unwrap();
    for (n, (name, width, height)) in (0..).zip(pictures) {
        support::picture(n, *width, *height)
            .save(folder.join(name))
            .unwrap();
    }
    let log = Log::default();
    let noted = log.clone();
    let note = move |request: axum::extract::Request, next: axum::middleware::Next| {
        let (noted, path) = (noted.clone(), request.uri().path().to_owned());
        async move {
            let (parts, body) = next.run(request).await.into_parts();
            let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            noted.lock().unwrap().push((path, bytes.len()));
            Response::from_parts(parts, Body::from(bytes))
        }
    };
    let router = iiif_router(folder, None).layer(axum::middleware::from_fn(note));
    (support::serve(router).await, log)
}

fn take(log: &Log) -> Vec<(String, usize)> {
    std::mem::take(&mut *log.lock().unwrap())
}

fn n_bytes(asked: &[(String, usize)]) -> usize {
    asked.iter().map(|(_, n)| n).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shorter_side_is_as_long_as_the_model_needs() {
    let dir = tempfile::tempdir().unwrap();
    let pictures = [
        ("wide.jpg", 1600, 1200, (128, 96)),
        // A size that the service has ready.
        ("tall.jpg", 900, 1500, (112, 187)),
        ("scroll.jpg", 2400, 160, (1440, 96)),
        ("column.jpg", 160, 2400, (96, 1440)),
        ("tiny.jpg", 40, 30, (40, 30)),
    ];
    let files: Vec<_> = (pictures.iter())
        .map(|(name, width, height, _)| (*name, *width, *height))
        .collect();
    let (base, log) = service(dir.path(), &files).await;
    let urls = pictures.map(|(name, ..)| format!("{base}/{name}"));
    let summary = run(table(dir.path(), "data", urls.clone())).await.unwrap();
    assert_eq!(
        summary.encoded,
        5,
        "{:?}",
        failures(&dir.path().join("data"))
    );
    let smallest = take(&log);
    for ((name, _, _, expected), url) in pictures.iter().zip(&urls) {
        let asked = smallest.iter().filter(|(path, _)| path.contains(name));
        assert_eq!(asked.count(), 2, "{name}: {smallest:?}");
        let stored = dir
            .path()
            .join(format!("data/images/{}.jpg", image_id(url)));
        let picture = image::open(stored).unwrap();
        assert_eq!((picture.width(), picture.height()), *expected, "{name}");
    }
    let sizes = fs::read_to_string(dir.path().join("data/sizes.csv")).unwrap();
    assert!(sizes.contains(",1600,1200,3,level1,info"), "{sizes}");
    let identity = fs::read_to_string(dir.path().join("data/features/features.json")).unwrap();
    assert!(
        identity.contains(r#""image_short_edge_px": 96"#),
        "{identity}"
    );

    // The request of the original service brings a multiple of that.
    let mut wide = table(dir.path(), "wide", urls);
    wide.delivery = Some(Delivery::Width(640.try_into().unwrap()));
    run(wide).await.unwrap();
    let of_640 = take(&log);
    assert!(
        n_bytes(&of_640) > 2 * n_bytes(&smallest),
        "{of_640:?} {smallest:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_keeps_what_it_was_begun_with() {
    let dir = tempfile::tempdir().unwrap();
    let (base, log) = service(dir.path(), &[("a.jpg", 900, 700), ("b.jpg", 800, 900)]).await;
    let [a, b] = ["a", "b"].map(|name| format!("{base}/{name}.jpg"));
    let mut first = table(dir.path(), "data", [a.clone()]);
    first.delivery = Some(Delivery::Width(640.try_into().unwrap()));
    run(first).await.unwrap();
    take(&log);
    let both = || table(dir.path(), "data", [a.clone(), b.clone()]);
    run(both()).await.unwrap();
    let asked = take(&log);
    assert!(
        asked
            .iter()
            .any(|(path, _)| path.ends_with("b.jpg/full/640,/0/default.jpg")),
        "{asked:?}"
    );
    assert!(
        !asked.iter().any(|(path, _)| path.contains("a.jpg")),
        "{asked:?}"
    );
    let mut smallest = both();
    smallest.delivery = Some(Delivery::Smallest);
    let error = run(smallest.clone()).await.unwrap_err().to_string();
    assert!(
        error.contains(
            "640 pixels wide, not the smallest whose shorter side has 96 pixels; delete that folder"
        ),
        "{error}"
    );

    // What was asked for is known without the downloads, too.
    fs::remove_dir_all(dir.path().join("data/images")).unwrap();
    let summary = run(both()).await.unwrap();
    assert_eq!((summary.encoded, summary.reused), (0, 2));
    fs::remove_dir_all(dir.path().join("data/images")).unwrap();
    let summary = run(smallest).await.unwrap();
    assert_eq!(
        (summary.encoded, summary.reused),
        (2, 0),
        "two ways never mix"
    );
    assert_eq!(
        run(both()).await.unwrap().reused,
        2,
        "and that is kept, too"
    );

    // A model that sees more, and a build that may not ask what there is.
    let error = run_with(96, both()).await.unwrap_err().to_string();
    assert!(
        error.contains("has 96 pixels, not the smallest whose shorter side has 144"),
        "{error}"
    );
    let mut blind = both();
    blind.asks_info = false;
    let error = run(blind.clone()).await.unwrap_err().to_string();
    assert!(error.contains("--image-info no forbids"), "{error}");
    blind.data_dir = dir.path().join("blind");
    take(&log);
    run(blind).await.unwrap();
    assert!(
        take(&log)
            .iter()
            .all(|(path, _)| path.ends_with("/full/640,/0/default.jpg"))
    );
}

fn jpeg() -> Response {
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
    support::picture(1, 80, 64)
        .write_with_encoder(encoder)
        .unwrap();
    ([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response()
}

const INFO: &str = r#"{"@context": "http://iiif.io/api/image/2/context.json", "protocol": "http://iiif.io/api/image",
    "width": 800, "height": 640, "profile": ["http://iiif.io/api/image/2/level2.json"]"#;

/// Of files, in two sizes.
const STATIC_INFO: &str = r#"{"@context": "http://iiif.io/api/image/2/context.json", "protocol": "http://iiif.io/api/image",
    "width": 800, "height": 640, "profile": ["http://iiif.io/api/image/2/level0.json"],
    "sizes": [{"width": 200, "height": 160}, {"width": 800, "height": 640}]}"#;

/// What a server of this kind answers.
fn answer(kind: &str, request: &str, is_up: bool) -> Response {
    let json = |json: String| ([(header::CONTENT_TYPE, "application/json")], json).into_response();
    let login =
        r#", "service": {"@id": "http://h/login", "profile": "http://iiif.io/api/auth/1/login"}}"#;
    match (kind, request) {
        ("busy", "info.json") if !is_up => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        ("broken", "info.json") if !is_up => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        ("behind", "info.json") if !is_up => StatusCode::BAD_GATEWAY.into_response(),
        ("undescribed", "info.json") => StatusCode::NOT_FOUND.into_response(),
        ("gone", "info.json") => StatusCode::GONE.into_response(),
        ("unable", "info.json") => StatusCode::NOT_IMPLEMENTED.into_response(),
        ("prose", "info.json") => "<html>no description here".into_response(),
        ("static", "info.json") => json(STATIC_INFO.to_owned()),
        ("failing", "full/120,/0/default.jpg" | "full/120,96/0/default.jpg")
        | ("static", "full/200,/0/default.jpg" | "full/200,160/0/default.jpg")
            if !is_up =>
        {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        ("closed" | "page", "info.json") => json(format!("{INFO}{login}")),
        (_, "info.json") => json(format!("{INFO}}}")),
        ("closed", _) => StatusCode::UNAUTHORIZED.into_response(),
        ("page", _) => "<html>please log in".into_response(),
        // What the original service asks for comes whatever else is wrong.
        ("open", "full/640,/0/default.jpg") => StatusCode::BAD_REQUEST.into_response(),
        (kind, "full/640,/0/default.jpg") if kind != "whole" => jpeg(),
        ("static", "full/200,/0/default.jpg" | "full/800,/0/default.jpg") => jpeg(),
        ("whole", "full/full/0/default.jpg") => jpeg(),
        ("busy" | "broken" | "behind" | "slow" | "failing" | "open", "full/120,/0/default.jpg") => {
            jpeg()
        }
        ("part", "10,20,400,320/120,/0/default.jpg") => jpeg(),
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Paths that were asked for.
type Asked = Arc<Mutex<Vec<String>>>;

/// Servers of all kinds, each a folder, and what they are asked. They are up once that is said.
async fn kinds() -> (String, Arc<AtomicBool>, Asked) {
    let (is_up, log) = (Arc::new(AtomicBool::new(false)), Asked::default());
    let router = Router::new()
        .route(
            "/{kind}/{id}/{*request}",
            get(
                async |State((is_up, log)): State<(Arc<AtomicBool>, Asked)>,
                       method: Method,
                       UrlPath((kind, _id, request)): UrlPath<(String, String, String)>| {
                    // Whether a file is there may be asked; no picture is taken so.
                    if method == Method::GET {
                        log.lock().unwrap().push(format!("{kind}/{request}"));
                    }
                    if (kind.as_str(), request.as_str()) == ("slow", "info.json")
                        && !is_up.load(Ordering::SeqCst)
                    {
                        pending::<()>().await;
                    }
                    answer(&kind, &request, is_up.load(Ordering::SeqCst))
                },
            ),
        )
        .with_state((is_up.clone(), log.clone()));
    (support::serve(router).await, is_up, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_does_not_depend_on_whether_a_server_was_busy() {
    let dir = tempfile::tempdir().unwrap();
    let (base, is_up, log) = kinds().await;
    let urls = |kinds: &[&str]| -> Vec<String> {
        kinds
            .iter()
            .map(|kind| format!("{base}/{kind}/a"))
            .collect()
    };
    // What is so for good leads to another way, what is so for now does not.
    let for_good = ["open", "undescribed", "gone", "unable", "prose", "whole"];
    let for_now = ["busy", "broken", "behind", "slow", "failing", "static"];
    let all = urls(&[for_good, for_now].concat());
    let mut options = table(dir.path(), "data", all.clone());
    options.network.retries = 1;
    options.network.image_timeout = Duration::from_secs(2);
    options.max_failures = Limit::Percent(100.0);
    let summary = run(options.clone()).await.unwrap();
    let lost = failures(&dir.path().join("data"));
    assert_eq!(summary.encoded, for_good.len(), "{lost:?}");
    let asked = log.lock().unwrap().clone();
    for kind in for_now {
        let row = lost
            .iter()
            .find(|row| row[1].ends_with(&format!("/{kind}/a")));
        let reason = &row.unwrap_or_else(|| panic!("{kind}: {lost:?}"))[3];
        let (expected, remedy) = match kind {
            "busy" => (
                "busy/a/info.json answered 503",
                "ask with --image-width 640",
            ),
            "broken" => (
                "broken/a/info.json answered 500",
                "ask with --image-width 640",
            ),
            "behind" => (
                "behind/a/info.json answered 502",
                "ask with --image-width 640",
            ),
            "slow" => (
                "slow/a/info.json did not arrive within 2 s",
                "ask with --image-width 640",
            ),
            "failing" => (
                "full/120,/0/default.jpg answered 500",
                "run the same command again later",
            ),
            _ => (
                "full/200,/0/default.jpg answered 500",
                "run the same command again later",
            ),
        };
        assert!(reason.contains(expected), "{reason}");
        assert!(reason.contains(remedy), "{reason}");
        // Neither the width of the original service nor a larger one is asked for.
        let others = ["full/640,", "full/max", "full/full", "full/800,"];
        let is_other = |path: &String| {
            path.starts_with(&format!("{kind}/")) && others.iter().any(|other| path.contains(other))
        };
        assert!(!asked.iter().any(is_other), "{kind}: {asked:?}");
    }
    let n_asked = |path: &str| asked.iter().filter(|asked| *asked == path).count();
    assert_eq!(
        n_asked("broken/info.json"),
        2,
        "as often as it is told: {asked:?}"
    );
    log.lock().unwrap().clear();

    is_up.store(true, Ordering::SeqCst);
    let summary = run(options.clone()).await.unwrap();
    assert_eq!(
        (summary.encoded, summary.reused),
        (for_now.len(), for_good.len())
    );
    let asked = log.lock().unwrap().clone();
    let mut pictures: Vec<&String> = asked.iter().filter(|path| path.contains("full/")).collect();
    pictures.sort();
    let mut expected = ["busy", "broken", "behind", "slow", "failing"]
        .map(|kind| format!("{kind}/full/120,/0/default.jpg"))
        .to_vec();
    expected.push("static/full/200,/0/default.jpg".to_owned());
    expected.sort();
    assert_eq!(pictures, expected.iter().collect::<Vec<_>>(), "{asked:?}");
    let mut undisturbed = table(dir.path(), "undisturbed", all);
    undisturbed.network.retries = 1;
    undisturbed.max_failures = Limit::Percent(100.0);
    run(undisturbed).await.unwrap();
    assert_eq!(
        files(&dir.path().join("data")),
        files(&dir.path().join("undisturbed"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_an_image_is_sized_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (base, _, log) = kinds().await;
    let url = format!("{base}/part/a/10,20,400,320/max/0/default.jpg");
    let result = run(table(dir.path(), "data", [url])).await;
    assert!(result.is_ok(), "{:?}", failures(&dir.path().join("data")));
    let asked = log.lock().unwrap().clone();
    assert_eq!(
        asked,
        ["part/info.json", "part/10,20,400,320/120,/0/default.jpg"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let (base, ..) = kinds().await;
    let urls = ["open", "closed", "page"].map(|kind| format!("{base}/{kind}/a"));
    let summary = run(table(dir.path(), "data", urls)).await.unwrap();
    let lost: BTreeMap<String, [String; 4]> = (failures(&dir.path().join("data")).into_iter())
        .map(|row| (row[1].clone(), row))
        .collect();
    assert_eq!(lost.len(), 2, "{lost:?}");
    assert_eq!(summary.failed.len(), 1, "all at the download: {summary}");
    for row in lost.values() {
        let reason = &row[3];
        assert!(
            reason.contains("the image is behind a login (http://h/login), and a build can show a --header alone"),
            "{reason}"
        );
    }
}
