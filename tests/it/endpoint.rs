//! Endpoints that give a part of the rows, or answer when asked again.

use crate::process::{clip_search, run};
use crate::support::{self, TinyEncoder};
use crate::world::{model, text_of};
use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use clip_search::build::options::{BuildOptions, Source};
use clip_search::build::{self, BuildSummary, Outcome};
use clip_search::http::iiif::iiif_router;
use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const JSON: &str = "application/sparql-results+json";

/// Two pictures behind a IIIF server, and a collection of the first.
struct Fixture {
    dir: TempDir,
    base: String,
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let images = dir.path().join("pictures");
        fs::create_dir(&images).unwrap();
        support::write_pictures(&images, 2);
        let base = support::serve(iiif_router(images, None)).await;
        Self { dir, base }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The answer with both pictures.
    fn answer(&self) -> String {
        let binding = |n| {
            let url = format!("{}/image-{n:03}.jpg", self.base);
            format!(r#"{{"iiif_url":{{"type":"uri","value":"{url}"}}}}"#)
        };
        format!(
            r#"{{"head":{{"vars":["iiif_url"]}},"results":{{"bindings":[{},{}]}}}}"#,
            binding(0),
            binding(1)
        )
    }

    fn options(&self, endpoint: &str, data: &str) -> BuildOptions {
        let source = Source::Sparql {
            endpoint: format!("{endpoint}/sparql").parse().unwrap(),
            query: "SELECT ?iiif_url {}".to_owned(),
        };
        let mut options = BuildOptions::new(source, self.path(data));
        options.network.retry_pause = Duration::from_millis(1);
        options
    }
}

async fn build(options: BuildOptions) -> anyhow::Result<BuildSummary> {
    build::run(options, Arc::new(TinyEncoder), pending()).await
}

/// A service that answers each request with what `answer` makes of its number, from 0.
async fn endpoint<R: IntoResponse + 'static>(
    answer: impl Fn(usize) -> R + Clone + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let n_requests = Arc::new(AtomicUsize::new(0));
    let count = n_requests.clone();
    let handler = move || {
        let response = answer(count.fetch_add(1, Ordering::SeqCst)).into_response();
        async move { response }
    };
    let router = Router::new().route("/sparql", post(handler));
    (support::serve(router).await, n_requests)
}

fn respond(status: u16, headers: &[(&'static str, &str)], body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let mut response = (status, [(header::CONTENT_TYPE, JSON)], body).into_response();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = HeaderValue::from_str(value).unwrap();
        response.headers_mut().insert(name, value);
    }
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_rows_is_refused_unless_it_is_allowed() {
    let fixture = Fixture::new().await;
    let whole = fixture.answer();
    let (plain, _) = endpoint({
        let whole = whole.clone();
        move |_| respond(200, &[], whole.clone())
    })
    .await;
    build(fixture.options(&plain, "data")).await.unwrap();
    let images = fs::read_to_string(fixture.path("data/images.csv")).unwrap();
    let cut = &whole[..whole.find("},{").unwrap() + 2];
    const ANYTIME: [(&str, &str); 2] =
        [("x-sql-state", "S1TAT"), ("x-sql-message", "time ran out")];
    for (name, status, headers, body, n_images, expected) in [
        ("206", 206, &[][..], whole.clone(), 2, "206 Partial Content"),
        (
            "anytime",
            200,
            &ANYTIME,
            whole.clone(),
            2,
            "S1TAT, time ran out",
        ),
        (
            "max-rows",
            200,
            &[("x-sparql-maxrows", "2")],
            whole.clone(),
            2,
            "x-sparql-maxrows allows no more than 2",
        ),
        (
            "cut",
            200,
            &[],
            cut.to_owned(),
            1,
            "cut or damaged after 1 rows",
        ),
        (
            "trailing",
            200,
            &[],
            format!("{whole}\nTimeoutException"),
            2,
            "TimeoutException",
        ),
        (
            "within",
            200,
            &[],
            format!("{cut} limit exceeded"),
            1,
            "limit exceeded",
        ),
    ] {
        let (url, n_requests) = endpoint(move |_| respond(status, headers, body.clone())).await;
        let error = format!(
            "{:#}",
            build(fixture.options(&url, "data")).await.unwrap_err()
        );
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.contains("--allow-partial"), "{name}: {error}");
        assert!(!error.contains("images.csv.part"), "{name}: {error}");
        // In pages it comes no better.
        assert!(
            (2..=3).contains(&n_requests.load(Ordering::SeqCst)),
            "{name}: no use in asking on"
        );
        let now = fs::read_to_string(fixture.path("data/images.csv")).unwrap();
        assert_eq!(now, images, "{name}: the old collection stays");

        let mut options = fixture.options(&url, name);
        options.allow_partial = true;
        let summary = build(options).await.unwrap();
        assert_eq!(
            (summary.outcome, summary.encoded),
            (Outcome::Finished, n_images),
            "{name}"
        );
    }
    // More are allowed than there are: whole.
    let (url, _) =
        endpoint(move |_| respond(200, &[("x-sparql-maxrows", "3")], whole.clone())).await;
    build(fixture.options(&url, "whole")).await.unwrap();
}

#[test]
fn the_flag_takes_a_part() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (fixture, url) = runtime.block_on(async {
        let fixture = Fixture::new().await;
        let whole = fixture.answer();
        let (url, _) = endpoint(move |_| respond(206, &[], whole.clone())).await;
        (fixture, url)
    });
    let (data, model) = (text_of(&fixture.path("data")), model());
    let sparql = format!("{url}/sparql");
    #[rustfmt::skip]
    let arguments = ["build", "--mode", "SPARQL", "--endpoint", &sparql, "--image-query", "SELECT * {}",
        "--data-dir", &data, "--model", &model];
    let sentence = run(&mut clip_search(&arguments)).sentence(1);
    assert!(
        sentence.contains("a part of the rows only (206 Partial Content)"),
        "{sentence}"
    );
    assert!(!Path::new(&data).join("images.csv").exists());
    let mut command = clip_search(&[&arguments[..], &["--allow-partial"]].concat());
    let ended = run(command.env("CLIP_LOG", "warn"));
    assert!(
        ended.stderr.contains("206 Partial Content"),
        "{}",
        ended.stderr
    );
    assert!(ended.ok().contains("2 encoded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_busy_is_asked_again() {
    let fixture = Fixture::new().await;
    let whole = fixture.answer();
    let in_two_seconds = || httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    for (status, retry_after, least) in [
        (429, "0", Duration::ZERO),
        (502, "", Duration::ZERO),
        (503, "1", Duration::from_secs(1)),
        (503, "a date", Duration::from_millis(900)),
        (504, "soon", Duration::ZERO),
    ] {
        let (whole, wish) = (whole.clone(), retry_after.to_owned());
        let (url, n_requests) = endpoint(move |n| match n {
            0 if wish == "a date" => {
                respond(status, &[("retry-after", &in_two_seconds())], String::new())
            }
            0 => respond(status, &[("retry-after", wish.as_str())], String::new()),
            1 => respond(status, &[], String::new()),
            _ => respond(200, &[], whole.clone()),
        })
        .await;
        let started = Instant::now();
        let data = format!("{status}-{}", retry_after.len());
        let summary = build(fixture.options(&url, &data)).await.unwrap();
        assert_eq!(summary.encoded, 2);
        assert_eq!(n_requests.load(Ordering::SeqCst), 3);
        assert!(started.elapsed() >= least, "{status} {retry_after}");
    }
    for (status, retry_after, n_expected, expected) in [
        (503, "", 3, "503 Service Unavailable"),
        (503, "4000", 1, "asks to be left alone for 4000 s"),
        (400, "0", 1, "400 Bad Request"),
        (500, "0", 1, "500 Internal Server Error"),
    ] {
        let wish = retry_after.to_owned();
        let (url, n_requests) =
            endpoint(move |_| respond(status, &[("retry-after", wish.as_str())], String::new()))
                .await;
        let mut options = fixture.options(&url, "none");
        options.network.retries = 2;
        let error = format!("{:#}", build(options).await.unwrap_err());
        assert!(error.contains(expected), "{error}");
        assert_eq!(n_requests.load(Ordering::SeqCst), n_expected, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_made_again() {
    let fixture = Fixture::new().await;
    let whole = fixture.answer();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {JSON}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        whole.len()
    );
    tokio::spawn(async move {
        // Closed at once; closed in the middle of the answer; answered.
        for n_bytes in [None, Some(whole.len() / 2), Some(whole.len())] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            if let Some(n_bytes) = n_bytes {
                stream.write_all(head.as_bytes()).await.unwrap();
                stream
                    .write_all(&whole.as_bytes()[..n_bytes])
                    .await
                    .unwrap();
                stream.flush().await.unwrap();
            }
        }
    });
    let summary = build(fixture.options(&url, "data")).await.unwrap();
    assert_eq!((summary.outcome, summary.encoded), (Outcome::Finished, 2));
}
