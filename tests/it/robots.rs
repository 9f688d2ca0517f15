//! robots.txt: followed where others name what is fetched, and read once.

use crate::build::{failures, run};
use crate::harvest::site::Site;
use crate::polite::{csv, jpeg};
use crate::support;
use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use clip_search::build::robots::Robots;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Paths in the order in which they were asked for, and when.
type Log = Arc<Mutex<Vec<(String, Instant)>>>;

/// A host whose robots.txt has this status and text, and images under every other path.
async fn host(status: u16, robots: &str) -> (String, Log) {
    let log = Log::default();
    let (noted, robots, bytes) = (log.clone(), robots.to_owned(), jpeg(1));
    let answer = async move |uri: Uri| -> Response {
        let path = uri.to_string();
        noted.lock().unwrap().push((path.clone(), Instant::now()));
        if path == "/robots.txt" {
            return (StatusCode::from_u16(status).unwrap(), robots).into_response();
        }
        if let Some((_, target)) = path.split_once("?to=") {
            return Redirect::temporary(target).into_response();
        }
        ([(header::CONTENT_TYPE, "image/jpeg")], bytes).into_response()
    };
    (support::serve(Router::new().fallback(answer)).await, log)
}

fn n_asked(log: &Log, part: &str) -> usize {
    let log = log.lock().unwrap();
    log.iter().filter(|(path, _)| path.contains(part)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forbidden_is_not_asked_for_and_told() {
    let rules = "User-agent: *\nDisallow: /\n\nUser-agent: clip-search\nDisallow: /private/\nDisallow: /*/full/640,/\n";
    let (base, log) = host(200, rules).await;
    let dir = tempfile::tempdir().unwrap();
    let urls = ["open/a", "private/a", "private/b"].map(|path| format!("{base}/{path}"));
    let mut options = csv(dir.path(), urls.clone());
    options.network.robots = Some(Robots::default());
    assert_eq!(run(options.clone()).await.unwrap().encoded, 1);
    assert_eq!(n_asked(&log, "/robots.txt"), 1);
    assert_eq!((n_asked(&log, "private"), n_asked(&log, "640,")), (0, 0));
    assert_eq!(
        n_asked(&log, "/open/a/full/max/"),
        1,
        "another size may be had"
    );
    let failures = failures(&dir.path().join("data"));
    let expected = format!(
        "{}/full/640,/0/default.jpg is not fetched: {base}/robots.txt forbids it (Disallow: /*/full/640,/); ask those who run the server, or leave robots.txt unread with --robots no",
        urls[1]
    );
    assert_eq!(failures.len(), 2);
    assert_eq!(failures[0][3], expected);
    // It is the operator of the build who names these.
    options.network.robots = None;
    assert_eq!(run(options).await.unwrap().encoded, 2);
    assert_eq!(n_asked(&log, "/robots.txt"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_rules_forbids_nothing_and_one_that_fails_may() {
    for (status, n_encoded) in [(404, 3), (403, 3), (410, 3), (200, 3), (500, 0), (503, 0)] {
        let (base, log) = host(status, "").await;
        let (good, _) = host(404, "").await;
        let dir = tempfile::tempdir().unwrap();
        let urls = (0..3).map(|n| format!("{base}/{n}"));
        let mut options = csv(dir.path(), urls.chain([format!("{good}/a")]));
        options.network.robots = Some(Robots::default());
        options.network.retry_pause = Duration::from_millis(1);
        let summary = run(options).await.unwrap();
        assert_eq!(summary.encoded, n_encoded + 1, "{status}");
        if n_encoded == 0 {
            assert_eq!(n_asked(&log, "default.jpg"), 0);
            let failures = failures(&dir.path().join("data"));
            assert_eq!(failures.len(), 3);
            for row in failures {
                let reason = &row[3];
                let is_told = reason.contains("/robots.txt, which may forbid it, cannot be read")
                    || reason.contains("was given up");
                assert!(
                    is_told && reason.contains("/robots.txt answered"),
                    "{status}: {reason}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_that_a_server_wishes_for_are_made() {
    let (base, log) = host(200, "User-agent: *\nCrawl-delay: 0.2\n").await;
    let dir = tempfile::tempdir().unwrap();
    let mut options = csv(dir.path(), (0..5).map(|n| format!("{base}/{n}")));
    options.network.robots = Some(Robots::default());
    assert_eq!(run(options).await.unwrap().encoded, 5);
    let log = log.lock().unwrap();
    let at: Vec<Instant> = (log.iter().filter(|(path, _)| path != "/robots.txt"))
        .map(|(_, at)| *at)
        .collect();
    let all = *at.last().unwrap() - at[0];
    assert!(all >= Duration::from_millis(3 * 150), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_does_not_lead_past_the_rules() {
    let (closed, log) = host(200, "User-agent: *\nDisallow: /closed\n").await;
    let (base, _) = host(404, "").await;
    let dir = tempfile::tempdir().unwrap();
    let urls = ["closed", "open"].map(|path| format!("{base}/a.jpg?to={closed}/{path}"));
    let mut options = csv(dir.path(), urls);
    options.network.robots = Some(Robots::default());
    options.network.public_except = Some("127.0.0.1".parse().unwrap());
    assert_eq!(run(options).await.unwrap().encoded, 1);
    assert_eq!((n_asked(&log, "/closed"), n_asked(&log, "/open")), (0, 1));
    let failures = failures(&dir.path().join("data"));
    assert!(
        failures[0][3].contains("(Disallow: /closed)"),
        "{failures:?}"
    );
}

/// A robots.txt of megabytes is read as far as it must be.
#[tokio::test(flavor = "multi_thread")]
async fn a_robots_txt_is_read_to_its_limit() {
    let long = format!(
        "User-agent: *\nDisallow: /a\n{}Disallow: /b\n",
        "#\n".repeat(1 << 20)
    );
    let (base, _) = host(200, &long).await;
    let dir = tempfile::tempdir().unwrap();
    let mut options = csv(dir.path(), ["a", "b"].map(|path| format!("{base}/{path}")));
    options.network.robots = Some(Robots::default());
    assert_eq!(run(options).await.unwrap().encoded, 1);
}

/// Documents and their pictures, by the program itself.
#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_crawled_by_the_rules_and_robots_txt_is_read_once() {
    let site = Site::new(3).await;
    site.put_book("book", &[0, 1, 2]);
    site.put_book("secret", &[1]);
    site.put_robots("User-agent: *\nDisallow: /image-002\nDisallow: /iiif-documents/secret\n");
    let model = crate::world::model();
    let data = site.path("data");
    let build = |more: &'static [&'static str]| {
        let urls = [site.url("book"), site.url("secret")];
        let mut command = crate::process::clip_search(&[
            "build",
            "--mode",
            "MANIFEST",
            "--manifest",
            &urls[0],
            "--manifest",
            &urls[1],
            "--allow-fetch",
            "127.0.0.1",
            "--max-failures",
            "100%",
            "--model",
            &model,
            "--data-dir",
            data.to_str().unwrap(),
        ]);
        command.args(more);
        tokio::task::spawn_blocking(move || crate::process::run(&mut command).ok())
    };
    build(&[]).await.unwrap();
    assert_eq!(site.times("robots.txt"), 1);
    assert_eq!(site.times("secret"), 0);
    let failures = failures(&data);
    let reasons: BTreeMap<&str, &str> = (failures.iter())
        .map(|row| (row[1].as_str(), row[3].as_str()))
        .collect();
    assert!(reasons[site.url("secret").as_str()].contains("(Disallow: /iiif-documents/secret)"));
    assert!(
        reasons[site.image(2).as_str()].contains("(Disallow: /image-002)"),
        "{reasons:?}"
    );
    assert_eq!(reasons.len(), 2);
    build(&["--robots", "no"]).await.unwrap();
    assert_eq!((site.times("robots.txt"), site.times("secret")), (1, 1));
    // One image is in both.
    let stages: Vec<String> = (crate::build::failures(&data).into_iter())
        .map(|[_, _, stage, _]| stage)
        .collect();
    assert_eq!(stages, ["input"]);
}
