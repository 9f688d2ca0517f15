//! A service serves what is built and loaded while it runs.

use crate::process::{Running, run};
use crate::world::{World, get, model, send, table, text_of};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far longer than a service takes to look twice.
const PATIENCE: Duration = Duration::from_secs(100);

fn ready(base: &str) -> Value {
    let (status, body) = get(&format!("{base}/ready"));
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn titles(base: &str) -> Vec<Vec<String>> {
    let query = "SELECT ?title { ?image <http://example.org/title> ?title } ORDER BY ?title";
    let (status, body) = send(
        &format!("{base}/sparql"),
        "application/sparql-query",
        query.as_bytes(),
    );
    assert_eq!(status, 200, "{body}");
    table(&body).1
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn builds_and_loads_go_live_without_a_restart() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let at = |name: &str| text_of(&dir.path().join(name));
    let (data, store) = (at("data"), at("store"));
    let csv = fs::read_to_string(world.path("in.csv")).unwrap();
    let build = |n_images: usize| {
        let rows: Vec<&str> = csv.lines().take(n_images + 1).collect();
        fs::write(at("in.csv"), rows.join("\n")).unwrap();
        #[rustfmt::skip]
        let build = ["build", "--mode", "CSV", "--csv-file", &at("in.csv"), "--data-dir", &data, "--prune", "yes", "--max-prune", "100%"];
        run(&mut world.clip_search(&build)).ok();
    };
    let load = |title: &str| {
        fs::write(
            at("more.nt"),
            format!("<http://example.org/{title}> <http://example.org/title> \"{title}\" .\n"),
        )
        .unwrap();
        run(&mut world.clip_search(&["load", "--store", &store, &at("more.nt")])).ok();
    };
    build(3);
    load("first");
    #[rustfmt::skip]
    let serve = ["serve", "--data-dir", &data, "--store", &store, "--model", &model(), "--host", "127.0.0.1", "--port", "0"];
    let (mut service, base) = Running::server(world.clip_search(&serve).env("CLIP_LOG", "info"));
    let first = ready(&base);
    assert_eq!(first["images"], 3);
    assert_eq!(titles(&base), [["first"]]);

    build(5);
    wait_until("the build is served", || ready(&base)["images"] == 5);
    assert_ne!(
        ready(&base)["featuresBlake2b256"],
        first["featuresBlake2b256"]
    );
    load("second");
    wait_until("the load is served", || titles(&base).len() == 2);
    assert_eq!(titles(&base), [["first"], ["second"]]);

    // One that is broken is told of, and the one before goes on.
    let features = Path::new(&data).join("features/features.npy");
    let whole = fs::read(&features).unwrap();
    fs::write(&features, &whole[..whole.len() / 2]).unwrap();
    wait_until("the broken one is refused", || {
        service
            .text("stderr")
            .contains("the new data are not served")
    });
    assert_eq!(ready(&base)["images"], 5);
    fs::write(&features, &whole).unwrap();
    build(4);
    wait_until("the mended one is served", || ready(&base)["images"] == 4);
    assert!(service.is_running());
    let refused = service.text("stderr");
    assert_eq!(
        refused.matches("the new data are not served").count(),
        1,
        "{refused}"
    );
}
