//! The pace at which hosts are asked: theirs, and each its own.

use crate::build::{failures, options, run};
use crate::support;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use clip_search::build::options::{BuildOptions, Source};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a host has seen of its callers.
#[derive(Debug, Default)]
struct Seen {
    n_inside: usize,
    /// Most requests at the same time.
    most: usize,
    n_refused: usize,
    at: Vec<Instant>,
}

type Shared = Arc<Mutex<Seen>>;

/// Counts a request as long as it lives.
struct Inside(Shared);

impl Inside {
    fn enter(seen: &Shared) -> Self {
        let mut state = seen.lock().unwrap();
        state.n_inside += 1;
        state.most = state.most.max(state.n_inside);
        state.at.push(Instant::now());
        Self(seen.clone())
    }

    fn n(&self) -> usize {
        self.0.lock().unwrap().n_inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.lock().unwrap().n_inside -= 1;
    }
}

pub(crate) fn jpeg(n: u32) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
    support::picture(n, 64, 48)
        .write_with_encoder(encoder)
        .unwrap();
    jpeg
}

fn picture(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "image/jpeg")], Body::from(bytes)).into_response()
}

/// A build of these URLs with pauses that are short; sizes are not asked for.
pub(crate) fn csv(dir: &Path, urls: impl IntoIterator<Item = String>) -> BuildOptions {
    let csv = dir.join("in.csv");
    let rows: String = urls.into_iter().map(|url| format!("\"{url}\"\n")).collect();
    fs::write(&csv, format!("iiif_url\n{rows}")).unwrap();
    let mut options = options(Source::Csv(csv), &dir.join("data"));
    options.asks_info = false;
    options.network.retry_pause = Duration::from_millis(20);
    options
}

async fn host(seen: &Shared, took: Duration) -> String {
    let seen = seen.clone();
    let bytes = jpeg(1);
    support::serve(Router::new().fallback(async move || {
        let _inside = Inside::enter(&seen);
        tokio::time::sleep(took).await;
        picture(bytes)
    }))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_host_gets_as_many_requests_as_there_are_threads() {
    let seen = Shared::default();
    let base = host(&seen, Duration::from_millis(30)).await;
    let dir = tempfile::tempdir().unwrap();
    let summary = run(csv(dir.path(), (0..120).map(|n| format!("{base}/{n}")))).await;
    assert_eq!(summary.unwrap().encoded, 120);
    let seen = seen.lock().unwrap();
    assert!((12..=16).contains(&seen.most), "{}", seen.most);
}

/// It serves one image after the other: more requests at the same time would only wait there.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_host_is_not_asked_for_more_than_it_can_do() {
    let seen = Shared::default();
    let (noted, bytes) = (seen.clone(), jpeg(1));
    let machine = Arc::new(tokio::sync::Mutex::new(()));
    let base = support::serve(Router::new().fallback(async move || {
        let _inside = Inside::enter(&noted);
        let _work = machine.lock().await;
        tokio::time::sleep(Duration::from_millis(120)).await;
        picture(bytes)
    }))
    .await;
    let dir = tempfile::tempdir().unwrap();
    let summary = run(csv(dir.path(), (0..40).map(|n| format!("{base}/{n}")))).await;
    assert_eq!(summary.unwrap().encoded, 40);
    let seen = seen.lock().unwrap();
    assert!(seen.most <= 6, "{}", seen.most);
}

/// It refuses whoever comes when three are inside, without saying for how long.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_has_too_many_soon_has_fewer() {
    let seen = Shared::default();
    let (noted, bytes) = (seen.clone(), jpeg(1));
    let base = support::serve(Router::new().fallback(async move || {
        let inside = Inside::enter(&noted);
        if inside.n() > 3 {
            noted.lock().unwrap().n_refused += 1;
            return StatusCode::TOO_MANY_REQUESTS.into_response();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        picture(bytes)
    }))
    .await;
    let dir = tempfile::tempdir().unwrap();
    let summary = run(csv(dir.path(), (0..200).map(|n| format!("{base}/{n}")))).await;
    let failures = failures(&dir.path().join("data"));
    assert_eq!(summary.unwrap().encoded, 200, "{failures:?}");
    let seen = seen.lock().unwrap();
    assert!(seen.n_refused <= 40, "{}", seen.n_refused);
}

/// Twelve hosts take connections and say nothing; four images are worked on at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_hang_never_have_all_places() {
    let mut hanging = Vec::new();
    for _ in 0..12 {
        let silent = Router::new().fallback(std::future::pending::<Response>);
        hanging.push(support::serve(silent).await);
    }
    let seen = Shared::default();
    let good = host(&seen, Duration::from_millis(1)).await;
    let dir = tempfile::tempdir().unwrap();
    let urls = (0..5)
        .flat_map(|n| hanging.iter().map(move |base| format!("{base}/{n}")))
        .chain((0..40).map(|n| format!("{good}/{n}")));
    let mut options = csv(dir.path(), urls);
    options.threads = 4.try_into().unwrap();
    options.network.image_timeout = Duration::from_secs(8);
    options.network.retries = 0;
    let begun = Instant::now();
    assert_eq!(run(options).await.unwrap().encoded, 40);
    let last = *seen.lock().unwrap().at.last().unwrap();
    assert!(last - begun < Duration::from_secs(8), "{:?}", last - begun);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept_at_each_host() {
    let (seen, other) = (Shared::default(), Shared::default());
    let bases = [
        host(&seen, Duration::ZERO).await,
        host(&other, Duration::ZERO).await,
    ];
    let dir = tempfile::tempdir().unwrap();
    let urls = (0..8).flat_map(|n| bases.iter().map(move |base| format!("{base}/{n}")));
    let mut options = csv(dir.path(), urls);
    options.network.min_interval = Duration::from_millis(100);
    let begun = Instant::now();
    assert_eq!(run(options).await.unwrap().encoded, 16);
    for seen in [seen, other] {
        let at = &seen.lock().unwrap().at;
        let pauses: Vec<Duration> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let all: Duration = pauses.iter().sum();
        assert!(all >= Duration::from_millis(7 * 75), "{pauses:?}");
    }
    assert!(begun.elapsed() < Duration::from_millis(2 * 8 * 125) + Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_used_again_and_answers_may_be_packed() {
    let peers: Arc<Mutex<BTreeSet<SocketAddr>>> = Arc::default();
    let packed = Arc::new(Mutex::new(0));
    let (noted, count, bytes) = (peers.clone(), packed.clone(), jpeg(1));
    let router = Router::new().fallback(
        async move |ConnectInfo(peer): ConnectInfo<SocketAddr>, headers: HeaderMap| {
            noted.lock().unwrap().insert(peer);
            let accepted = headers[header::ACCEPT_ENCODING].to_str().unwrap();
            *count.lock().unwrap() += usize::from(accepted.contains("gzip"));
            picture(bytes)
        },
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    let dir = tempfile::tempdir().unwrap();
    let summary = run(csv(dir.path(), (0..200).map(|n| format!("{base}/{n}")))).await;
    assert_eq!(summary.unwrap().encoded, 200);
    let n_connections = peers.lock().unwrap().len();
    assert!(n_connections <= 18, "{n_connections}");
    assert_eq!(*packed.lock().unwrap(), 200);
}

/// `clip-search build` told of a rate that is none.
#[test]
fn a_wrong_rate_is_told() {
    let arguments = [
        "build",
        "--mode",
        "CSV",
        "--csv-file",
        "x",
        "--max-rate",
        "0",
    ];
    let ended = crate::process::run(&mut crate::process::clip_search(&arguments));
    let text = format!("{ended:?}");
    assert!(
        text.contains("0 is no number of requests in a second"),
        "{text}"
    );
}

/// The host that does everything wrong, where it is present: what can be had is had, and the build ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_host_costs_what_is_lost_anyway() {
    let (Some(script), Some(python)) = (
        support::shared("cases/hostile_host.py"),
        support::python("json"),
    ) else {
        return;
    };
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port().to_string()
    };
    let mut server = std::process::Command::new(python)
        .arg(script)
        .args([&port, "/dev/null"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let good = "ok any ua r429 r429date r509 r503 r202 htmltype octet notype gz chunkcut1 redir redir308 redirpr up400";
    let bad = "html json200 empty gzbad chunkcut lencut loop login degraded basic slow r429long";
    let dir = tempfile::tempdir().unwrap();
    let url = |kind: &str| format!("http://127.0.0.1:{port}/{kind}/a");
    // The one that asks for an hour comes last: the host is given up for that.
    let mut options = csv(dir.path(), good.split(' ').chain(bad.split(' ')).map(url));
    options.threads = 4.try_into().unwrap();
    options.network.image_timeout = Duration::from_secs(2);
    let summary = run(options).await;
    server.kill().unwrap();
    server.wait().unwrap();
    let summary = summary.unwrap();
    let failures = failures(&dir.path().join("data"));
    let lost: HashMap<&str, &str> = failures
        .iter()
        .map(|row| (row[1].as_str(), row[3].as_str()))
        .collect();
    for kind in good.split(' ') {
        assert!(!lost.contains_key(url(kind).as_str()), "{kind}: {lost:?}");
    }
    assert_eq!(summary.encoded, good.split(' ').count(), "{lost:?}");
}
