//! `clip-search update`: servers are asked as the build was told to ask them.

use crate::polite::jpeg;
use crate::process::{clip_search, run};
use crate::support;
use crate::world::{model, text_of};
use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What was asked for: path, user agent, and when.
type Log = Arc<Mutex<Vec<(String, String, Instant)>>>;

/// A host with images and a robots.txt, and what it is asked.
async fn host() -> (String, Log) {
    let log = Log::default();
    let (noted, bytes) = (log.clone(), jpeg(1));
    let answer = async move |uri: Uri, headers: HeaderMap| -> Response {
        let agent = headers[header::USER_AGENT].to_str().unwrap().to_owned();
        let path = uri.path().to_owned();
        noted
            .lock()
            .unwrap()
            .push((path.clone(), agent, Instant::now()));
        match path.as_str() {
            "/robots.txt" => "User-agent: *\nDisallow: /private/\n".into_response(),
            path if path.ends_with("info.json") => StatusCode::NOT_FOUND.into_response(),
            _ => ([(header::CONTENT_TYPE, "image/jpeg")], bytes).into_response(),
        }
    };
    (support::serve(Router::new().fallback(answer)).await, log)
}

fn source(data: &Path) -> Value {
    let text = fs::read_to_string(data.join("source.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn servers_are_asked_as_the_build_was_told() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (base, log) = runtime.block_on(host());
    let dir = tempfile::tempdir().unwrap();
    let (csv, data) = (dir.path().join("in.csv"), dir.path().join("data"));
    let write = |images: &[&str]| {
        let rows: String = images
            .iter()
            .map(|name| format!("{base}/{name}\n"))
            .collect();
        fs::write(&csv, format!("iiif_url\n{rows}")).unwrap();
    };
    write(&["a"]);
    let (file, folder, model) = (text_of(&csv), text_of(&data), model());
    #[rustfmt::skip]
    let build = ["build", "--mode", "CSV", "--csv-file", &file, "--data-dir", &folder, "--model", &model,
        "--image-width", "64", "--image-info", "no", "--max-failures", "100%",
        "--max-rate", "5", "--contact", "data@museum.example.org", "--user-agent", "museum/1", "--robots", "yes",
        "--threads", "3", "--retries", "1", "--retry-gone", "0", "--connect-timeout", "7", "--image-timeout", "8",
        "--endpoint-timeout", "9", "--header", "X-Secret: s3cret"];
    run(&mut clip_search(&build)).ok();
    let expected = serde_json::json!({
        "threads": 3, "retries": 1, "retry_gone": 0, "max_rate": 5.0, "robots": true, "user_agent": "museum/1",
        "contact": "data@museum.example.org", "headers": ["x-secret"], "connect_timeout_s": 7, "image_timeout_s": 8,
        "endpoint_timeout_s": 9});
    assert_eq!(source(&data)["options"]["asked"], expected);
    let text = fs::read_to_string(data.join("source.json")).unwrap();
    assert!(!text.contains("s3cret"), "{text}");

    // All that follows is asked for in the same way.
    log.lock().unwrap().clear();
    write(&["a", "b", "c", "d", "private/e"]);
    let mut update = clip_search(&["update", "--data-dir", &folder, "--model", &model]);
    let ended = run(update.env("CLIP_LOG", "warn"));
    assert!(
        ended
            .stderr
            .contains("sent image servers the header x-secret"),
        "{}",
        ended.stderr
    );
    ended.ok();
    let asked = log.lock().unwrap().clone();
    let paths: Vec<&str> = asked.iter().map(|(path, ..)| path.as_str()).collect();
    assert!(paths.contains(&"/robots.txt"), "{paths:?}");
    assert!(
        !paths.iter().any(|path| path.contains("private")),
        "{paths:?}"
    );
    let agent = "museum/1 (+data@museum.example.org)";
    assert!(
        asked.iter().all(|(_, found, _)| found == agent),
        "{asked:?}"
    );
    let images = asked.iter().filter(|(path, ..)| path.contains("/full/"));
    let times: Vec<Instant> = images.map(|(.., at)| *at).collect();
    assert_eq!(times.len(), 3);
    let took = times[2].duration_since(times[0]);
    assert!(
        took >= Duration::from_millis(390),
        "five in a second: {took:?}"
    );
    assert_eq!(source(&data)["options"]["asked"], expected);

    // What is said anew holds, and is written down.
    log.lock().unwrap().clear();
    write(&["a", "b", "c", "d", "private/e", "f"]);
    #[rustfmt::skip]
    let told = ["update", "--data-dir", &folder, "--model", &model, "--robots", "no", "--contact", "new@example.org",
        "--header", "X-Secret: other"];
    run(&mut clip_search(&told)).ok();
    let asked = log.lock().unwrap().clone();
    assert!(
        asked.iter().any(|(path, ..)| path.contains("private")),
        "{asked:?}"
    );
    assert!(asked.iter().all(|(path, agent, _)| path != "/robots.txt" && agent == "museum/1 (+new@example.org)"));
    let asked = &source(&data)["options"]["asked"];
    assert_eq!(
        (&asked["robots"], &asked["threads"]),
        (&Value::from(false), &Value::from(3))
    );

    // A file of an earlier version says nothing of it.
    let mut old = source(&data);
    old["options"].as_object_mut().unwrap().remove("asked");
    fs::write(data.join("source.json"), old.to_string()).unwrap();
    run(&mut clip_search(&[
        "update",
        "--data-dir",
        &folder,
        "--model",
        &model,
    ]))
    .ok();
    let asked = &source(&data)["options"]["asked"];
    assert_eq!(
        (&asked["threads"], &asked["retries"]),
        (&Value::from(16), &Value::from(4))
    );
    assert_eq!(asked.get("contact"), None);
}
