//! Builds of collections that change: what is asked for again, and what comes of it.

use crate::build::{failures, files, run};
use crate::polite::{csv, jpeg};
use crate::support::{self, SightedEncoder, TinyEncoder};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use clip_search::build::failures::Stage;
use clip_search::build::options::BuildOptions;
use clip_search::build::{self, BuildSummary, Outcome};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::future::pending;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// A host whose images have versions.
#[derive(Clone, Default)]
struct Museum {
    base: String,
    /// Version of each image that is not at its first; `None` if it is gone.
    versions: Arc<Mutex<HashMap<String, Option<u32>>>>,
    /// What was answered: path, status, and bytes.
    log: Arc<Mutex<Vec<(String, u16, usize)>>>,
    is_down: Arc<Mutex<bool>>,
}

/// Ways of a server to tell versions: `etag-3` is an image on one with ETags.
const KINDS: [&str; 4] = ["etag", "modified", "both", "plain"];

impl Museum {
    async fn open() -> Self {
        let mut museum = Self::default();
        let doors = museum.clone();
        let router = Router::new().fallback(async move |uri: Uri, headers: HeaderMap| {
            let path = uri.path().to_owned();
            let response = doors.answer(&path, &headers);
            let (parts, body) = response.into_parts();
            let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let entry = (path, parts.status.as_u16(), bytes.len());
            doors.log.lock().unwrap().push(entry);
            Response::from_parts(parts, Body::from(bytes))
        });
        museum.base = support::serve(router).await;
        museum
    }

    fn answer(&self, path: &str, headers: &HeaderMap) -> Response {
        if *self.is_down.lock().unwrap() {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let name = path.split('/').nth(1).unwrap();
        let (kind, n) = name.split_once('-').unwrap();
        let version = self.versions.lock().unwrap().get(name).copied();
        let Some(version) = version.unwrap_or(Some(1)) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let n: u32 = n.parse().unwrap();
        let is_info = path.ends_with("/info.json");
        let etag = format!("\"{name}-{version}-{is_info}\"");
        let since =
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + u64::from(version));
        let modified = httpdate::fmt_http_date(since);
        let mut validators = HeaderMap::new();
        if matches!(kind, "etag" | "both") {
            validators.insert(header::ETAG, etag.parse().unwrap());
        }
        if matches!(kind, "modified" | "both") {
            validators.insert(header::LAST_MODIFIED, modified.parse().unwrap());
        }
        let is_known = match headers.get(header::IF_NONE_MATCH) {
            Some(known) => known.to_str().unwrap() == etag,
            None => headers
                .get(header::IF_MODIFIED_SINCE)
                .is_some_and(|known| known.to_str().unwrap() == modified),
        };
        if is_known {
            return (StatusCode::NOT_MODIFIED, validators).into_response();
        }
        if is_info {
            let (width, height) = (4000 + version, 3000);
            let info = format!(
                r#"{{"@context": "http://iiif.io/api/image/3/context.json", "type": "ImageService3", "id": "{}/{name}",
                    "protocol": "http://iiif.io/api/image", "profile": "level2", "width": {width}, "height": {height}}}"#,
                self.base
            );
            return (
                validators,
                [(header::CONTENT_TYPE, "application/json")],
                info,
            )
                .into_response();
        }
        let bytes = jpeg(n + 100 * (version - 1));
        (validators, [(header::CONTENT_TYPE, "image/jpeg")], bytes).into_response()
    }

    fn urls(&self) -> impl Iterator<Item = String> {
        let names = (0..6).flat_map(|n| KINDS.map(|kind| format!("{kind}-{n}")));
        names.map(|name| format!("{}/{name}", self.base))
    }

    fn change(&self, name: &str, version: Option<u32>) {
        self.versions
            .lock()
            .unwrap()
            .insert(name.to_owned(), version);
    }

    /// How often each status was answered since the last call, and all bytes.
    fn take(&self) -> (BTreeMap<u16, usize>, usize) {
        let log = std::mem::take(&mut *self.log.lock().unwrap());
        let mut statuses = BTreeMap::new();
        for (_, status, _) in &log {
            *statuses.entry(*status).or_default() += 1;
        }
        (statuses, log.iter().map(|(_, _, n)| n).sum())
    }
}

fn refreshing(options: &BuildOptions) -> BuildOptions {
    BuildOptions {
        refreshes: true,
        ..options.clone()
    }
}

/// A build of the same that has never seen anything.
async fn fresh(museum: &Museum) -> BTreeMap<&'static str, Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    run(csv(dir.path(), museum.urls())).await.unwrap();
    museum.take();
    files(&dir.path().join("data"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_changed_is_encoded_anew_and_nothing_else_travels() {
    let museum = Museum::open().await;
    let dir = tempfile::tempdir().unwrap();
    let options = csv(dir.path(), museum.urls());
    let data = dir.path().join("data");
    assert_eq!(run(options.clone()).await.unwrap().encoded, 24);
    let (_, all_bytes) = museum.take();
    // Without --refresh nobody is asked.
    assert_eq!(run(options.clone()).await.unwrap().reused, 24);
    assert_eq!(museum.take().0, BTreeMap::new());
    let before = files(&data);
    let summary = run(refreshing(&options)).await.unwrap();
    assert_eq!((summary.reused, summary.changed), (24, 0), "{summary}");
    let (statuses, bytes) = museum.take();
    assert_eq!(statuses, BTreeMap::from([(200, 6), (304, 18)]));
    assert!(bytes < all_bytes / 3, "{bytes} of {all_bytes}");
    assert_eq!(files(&data), before);

    for name in ["etag-1", "modified-2", "both-3", "plain-4"] {
        museum.change(name, Some(2));
    }
    let summary = run(refreshing(&options)).await.unwrap();
    assert_eq!(
        (summary.encoded, summary.changed, summary.reused),
        (4, 4, 20),
        "{summary}"
    );
    assert!(
        summary
            .to_string()
            .contains("4 had changed and were encoded anew")
    );
    museum.take();
    assert_eq!(files(&data), fresh(&museum).await);
    assert_eq!(run(refreshing(&options)).await.unwrap().changed, 0);
    assert_eq!(museum.take().0, BTreeMap::from([(200, 6), (304, 18)]));
    // Downloads are what the vectors were made of.
    let id = clip_search::image_id::image_id(&format!("{}/plain-4", museum.base));
    let stored = fs::read(data.join(format!("images/{id}.jpg"))).unwrap();
    assert_eq!(stored, jpeg(4 + 100));
}

/// Ten nights of a collection that changes; each ends with what a fresh build has.
#[tokio::test(flavor = "multi_thread")]
async fn ten_refreshed_builds_equal_fresh_ones() {
    let museum = Museum::open().await;
    let dir = tempfile::tempdir().unwrap();
    let options = csv(dir.path(), museum.urls());
    run(options.clone()).await.unwrap();
    for night in 0..10u32 {
        for kind in KINDS {
            museum.change(&format!("{kind}-{}", night % 6), Some(2 + night));
        }
        let summary = run(refreshing(&options)).await.unwrap();
        assert_eq!(summary.changed, 4, "{night}");
        assert_eq!(
            files(&dir.path().join("data")),
            fresh(&museum).await,
            "{night}"
        );
    }
}

/// What is known may be lost, cut or damaged: it costs requests.
#[tokio::test(flavor = "multi_thread")]
async fn without_what_servers_said_the_pictures_tell() {
    let museum = Museum::open().await;
    let dir = tempfile::tempdir().unwrap();
    let options = csv(dir.path(), museum.urls());
    run(options.clone()).await.unwrap();
    let answers = dir.path().join("data/features/answers.jsonl");
    let whole = fs::read(&answers).unwrap();
    let damages = [
        None,
        Some(Vec::new()),
        Some(whole[..whole.len() / 2].to_vec()),
        Some(whole[..7].to_vec()),
        Some(
            whole
                .iter()
                .map(|b| if *b == b'"' { b'~' } else { *b })
                .collect(),
        ),
        Some(vec![0; 5000]),
    ];
    for (n, damaged) in (2..).zip(damages) {
        match &damaged {
            Some(bytes) => fs::write(&answers, bytes).unwrap(),
            None => fs::remove_file(&answers).unwrap(),
        }
        museum.change("etag-0", Some(n));
        museum.change("plain-0", Some(n));
        let summary = run(refreshing(&options)).await.unwrap();
        assert_eq!(summary.changed, 2, "{n}");
        museum.take();
        assert_eq!(files(&dir.path().join("data")), fresh(&museum).await, "{n}");
        let summary = run(refreshing(&options)).await.unwrap();
        assert_eq!(summary.changed, 0, "{n}");
        assert_eq!(
            museum.take().0,
            BTreeMap::from([(200, 6), (304, 18)]),
            "{n}"
        );
    }
    // Neither is known, nor is there a download: all are encoded anew, to the same bytes.
    let before = files(&dir.path().join("data"));
    fs::remove_file(&answers).unwrap();
    for entry in fs::read_dir(dir.path().join("data/images")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "jpg") {
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(run(refreshing(&options)).await.unwrap().changed, 24);
    assert_eq!(files(&dir.path().join("data")), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_looked_at_keeps_its_vector_and_is_told() {
    let museum = Museum::open().await;
    let dir = tempfile::tempdir().unwrap();
    let mut options = csv(dir.path(), museum.urls());
    options.network.retry_pause = Duration::from_millis(1);
    let data = dir.path().join("data");
    run(options.clone()).await.unwrap();
    let before = files(&data);
    museum.change("both-5", None);
    let reports = ["report.json", "report.html"].map(|name| dir.path().join(name));
    options.reports = reports.to_vec();
    let summary = run(refreshing(&options)).await.unwrap();
    let [json, html] = reports.map(|path| fs::read_to_string(path).unwrap());
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        report["failures"],
        serde_json::json!([]),
        "all have a vector"
    );
    assert_eq!(report["not_refreshed"][0]["count"], 1, "{json}");
    assert_eq!(report["not_refreshed"][0]["stage"], "refresh");
    assert!(
        html.contains("<h2>What has no vector</h2>\n<p>Nothing"),
        "{html}"
    );
    let (_, told) = html
        .split_once("<h2>What could not be looked at again</h2>")
        .unwrap();
    assert!(
        told.contains("both-5") && told.contains("keep the vectors"),
        "{told}"
    );
    options.reports.clear();
    assert_eq!(summary.outcome, Outcome::Finished);
    assert_eq!(summary.failed, BTreeMap::from([(Stage::Refresh, 1)]));
    let told = failures(&data);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0][2], "refresh");
    assert!(told[0][3].contains("answered 404 Not Found"), "{told:?}");
    assert!(
        told[0][3].ends_with("the vector of an earlier build is kept"),
        "{told:?}"
    );
    *museum.is_down.lock().unwrap() = true;
    let summary = run(refreshing(&options)).await.unwrap();
    assert_eq!(summary.outcome, Outcome::TooManyFailures);
    assert_eq!(summary.failed, BTreeMap::from([(Stage::Refresh, 24)]));
    *museum.is_down.lock().unwrap() = false;
    museum.change("both-5", Some(1));
    assert_eq!(run(refreshing(&options)).await.unwrap().changed, 0);
    assert_eq!(files(&data), before);
}

/// Where info.json says which picture is the right one, it is asked for, too, with its own condition.
#[tokio::test(flavor = "multi_thread")]
async fn another_info_json_leads_to_another_picture() {
    let museum = Museum::open().await;
    let run = async |options: BuildOptions| -> BuildSummary {
        let encoder = SightedEncoder { short_edge_px: 32 };
        let built = build::run(options, Arc::new(encoder), pending()).await;
        built.unwrap()
    };
    let options = |dir: &Path| {
        let mut options = csv(dir, museum.urls());
        options.asks_info = true;
        options
    };
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_eq!(run(options(dir.path())).await.encoded, 24);
    museum.take();
    let summary = run(refreshing(&options(dir.path()))).await;
    assert_eq!((summary.reused, summary.changed), (24, 0));
    assert_eq!(museum.take().0, BTreeMap::from([(200, 12), (304, 36)]));
    for (n, kind) in (0..).zip(KINDS) {
        museum.change(&format!("{kind}-{n}"), Some(2));
    }
    museum.take();
    assert_eq!(run(refreshing(&options(dir.path()))).await.changed, 4);
    // Two requests for each image: an info.json that has come is not asked for again.
    assert_eq!(museum.take().0, BTreeMap::from([(200, 18), (304, 30)]));
    run(options(other.path())).await;
    let data = |dir: &Path| files(&dir.join("data"));
    assert_eq!(data(dir.path()), data(other.path()));
    let sizes = String::from_utf8(data(dir.path())["sizes.csv"].clone()).unwrap();
    assert_eq!(sizes.matches(",4002,3000,").count(), 4, "{sizes}");
}

/// Stopped anywhere, a refreshing build loses nothing, and the next one ends where it would have.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_refresh_goes_on() {
    let museum = Museum::open().await;
    let dir = tempfile::tempdir().unwrap();
    let mut options = csv(dir.path(), museum.urls());
    options.threads = 2.try_into().unwrap();
    let data = dir.path().join("data");
    run(options.clone()).await.unwrap();
    for round in 2..10u32 {
        for kind in KINDS {
            for n in [0, 2, 4] {
                museum.change(&format!("{kind}-{n}"), Some(round));
            }
        }
        museum.take();
        let log = museum.log.clone();
        let stop = async move {
            while log.lock().unwrap().len() < 3 * (round as usize - 1) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        build::run(refreshing(&options), Arc::new(TinyEncoder), stop)
            .await
            .unwrap();
        run(refreshing(&options)).await.unwrap();
        museum.take();
        assert_eq!(files(&data), fresh(&museum).await, "{round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_are_gone_are_asked_for_now_and_then() {
    let museum = Museum::open().await;
    let dir = tempfile::tempdir().unwrap();
    let mut options = csv(dir.path(), museum.urls());
    options.retry_gone = 3;
    let data = dir.path().join("data");
    museum.change("etag-0", None);
    museum.change("plain-1", None);
    let asked = |summary: &BuildSummary| (summary.passed_over, museum.take().0.contains_key(&404));
    let mut seen = Vec::new();
    for _ in 0..5 {
        let summary = run(options.clone()).await.unwrap();
        assert_eq!(summary.failed, BTreeMap::from([(Stage::Download, 2)]));
        seen.push(asked(&summary));
    }
    assert_eq!(
        seen,
        [(0, true), (2, false), (2, false), (0, true), (2, false)]
    );
    let told = failures(&data);
    assert!(told[0][3].contains("answered 404 Not Found"), "{told:?}");
    museum.change("etag-0", Some(1));
    let mut now = options.clone();
    now.retry_gone = 0;
    let summary = run(now).await.unwrap();
    assert_eq!((summary.encoded, summary.passed_over), (1, 0));
    let summary = run(options).await.unwrap();
    assert_eq!((summary.reused, summary.passed_over), (23, 1), "{summary}");
    assert!(
        summary
            .to_string()
            .contains("1 whose servers did not have them were passed over")
    );
}
