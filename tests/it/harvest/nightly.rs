//! `build --mode DISCOVERY`: a stream that goes on from night to night.

use super::site::Site;
use super::stream::{Level, Stream};
use crate::build::{failures, files, run};
use crate::process::{self, clip_search};
use crate::support::TinyEncoder;
use crate::world::model;
use clip_search::build;
use clip_search::build::failures::Stage;
use clip_search::build::options::{BuildOptions, Source};
use clip_search::build::{BuildSummary, Outcome};
use clip_search::store;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A build of the stream at `url` into the folder `data`.
fn options(site: &Site, url: &str, data: &str) -> BuildOptions {
    let mut options = site.options(&[]);
    options.source = Source::Discovery(url.to_owned());
    options.data_dir = site.path(data);
    options
}

/// The next build, after which the metadata store has what the documents say, and nothing else.
async fn night(site: &Site, stream: &Stream) -> BuildSummary {
    let url = stream.publish(site);
    let mut options = options(site, &url, "data");
    options.store = Some(site.path("store"));
    let summary = run(options).await.unwrap();
    let text = fs::read_to_string(site.path("data/manifests.nt")).unwrap();
    let triples: BTreeSet<&str> = text.lines().collect();
    let store = store::open_for_reading(Some(&site.path("store"))).unwrap();
    assert_eq!(store::n_triples(&store).unwrap(), triples.len());
    summary
}

/// All that readers of the collection see.
fn whole(data: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let mut files = files(data);
    files.insert("manifests.nt", fs::read(data.join("manifests.nt")).unwrap());
    files
}

fn titles(site: &Site) -> Vec<String> {
    let rows = site.images_csv();
    let names: BTreeSet<String> = rows
        .iter()
        .map(|row| row["title"].replace("Book ", ""))
        .collect();
    names.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_activity_has_its_effect_and_nothing_else_is_asked_for() {
    let site = Site::new(12).await;
    let mut stream = Stream::new(Level::Events);
    for (name, images) in [("a", &[0, 1][..]), ("b", &[2]), ("c", &[3]), ("d", &[4])] {
        site.put_book(name, images);
        stream.tell(&site, &format!("Create {name}"));
    }
    let summary = night(&site, &stream).await;
    assert_eq!((summary.images, summary.encoded), (5, 5), "{summary}");
    // Nothing new.
    let summary = night(&site, &stream).await;
    assert_eq!((summary.images, summary.reused), (5, 5));
    assert_eq!(["a", "b", "c", "d"].map(|name| site.times(name)), [1; 4]);

    site.put_book("a", &[1, 5]);
    site.put_book("e", &[6]);
    site.put_book("f", &[7]);
    for line in [
        "Update a",
        "Delete b",
        "Move c e",
        "Add f",
        "Remove d elsewhere",
        "Add b elsewhere",
    ] {
        stream.tell(&site, line);
    }
    let summary = night(&site, &stream).await;
    assert_eq!(titles(&site), ["a", "d", "e", "f"]);
    assert_eq!(
        (summary.images, summary.encoded, summary.removed),
        (5, 3, 3),
        "{summary}"
    );
    let asked = |names: &[&str]| {
        names
            .iter()
            .map(|name| site.times(name))
            .collect::<Vec<_>>()
    };
    assert_eq!(asked(&["a", "b", "c", "d", "e", "f"]), [2, 1, 1, 1, 1, 1]);
    let triples = fs::read_to_string(site.path("data/manifests.nt")).unwrap();
    assert!(triples.contains(&site.url("a")) && !triples.contains(&format!("<{}>", site.url("b"))));
    assert!(triples.contains(&site.image(5)) && !triples.contains(&site.image(0)));
    // Documents that are gone are not kept.
    let n_kept = || fs::read_dir(site.path("data/harvest")).unwrap().count();
    assert_eq!(n_kept(), 4 + 1);

    // Moved to where it is deleted; all the rest is named again.
    for line in [
        "Remove f", "Move e g", "Delete g", "Refresh", "Update a", "Update d",
    ] {
        stream.tell(&site, line);
    }
    night(&site, &stream).await;
    assert_eq!(titles(&site), ["a", "d"]);
    assert_eq!(asked(&["a", "d", "e", "f", "g"]), [3, 2, 1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_nights_come_to_what_a_fresh_build_does() {
    for level in [Level::Events, Level::TimedList, Level::List] {
        let site = Site::new(30).await;
        let mut stream = Stream::new(level);
        let mut live: BTreeSet<usize> = BTreeSet::new();
        // A generator of the simplest kind: the same numbers each time.
        let mut state = 7u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            usize::try_from(state >> 33).unwrap() % below
        };
        let mut n_told = 0;
        for round in 0..10 {
            for _ in 0..if round == 0 { 12 } else { 4 } {
                let (book, images) = (random(20), [random(30), random(30)]);
                let name = format!("book-{book}");
                let line = match (live.contains(&book), random(4)) {
                    (false, kind) => {
                        live.insert(book);
                        site.put_book(&name, &images);
                        ["Create", "Add", "Create", "Create"][kind].to_owned() + " " + &name
                    }
                    (true, 0) => {
                        live.remove(&book);
                        site.documents.lock().unwrap().remove(&name);
                        format!("Delete {name}")
                    }
                    (true, 1) => {
                        live.remove(&book);
                        let other = (0..20).find(|n| !live.contains(n) && *n != book).unwrap();
                        live.insert(other);
                        site.documents.lock().unwrap().remove(&name);
                        site.put_book(&format!("book-{other}"), &images);
                        format!("Move {name} book-{other}")
                    }
                    (true, _) => {
                        site.put_book(&name, &images);
                        format!("Update {name}")
                    }
                };
                stream.tell(&site, &line);
                n_told += 1;
            }
            if round == 6 && level == Level::Events {
                stream.tell(&site, "Refresh");
                for book in &live {
                    stream.tell(&site, &format!("Update book-{book}"));
                }
            }
            let before: usize = (0..20).map(|n| site.times(&format!("book-{n}"))).sum();
            let mut nightly = options(&site, &stream.publish(&site), "data");
            nightly.max_prune = "100%".parse().unwrap();
            let summary = run(nightly).await.unwrap();
            assert_eq!(
                summary.outcome,
                Outcome::Finished,
                "{level:?} {round}: {summary}"
            );
            let asked = (0..20)
                .map(|n| site.times(&format!("book-{n}")))
                .sum::<usize>()
                - before;
            if level != Level::List && round != 6 {
                assert!(
                    asked <= if round == 0 { 12 } else { 4 },
                    "{level:?} {round}: {asked}"
                );
            }
            let fresh = format!("fresh-{round}");
            run(options(&site, &stream.publish(&site), &fresh))
                .await
                .unwrap();
            assert_eq!(
                whole(&site.path("data")),
                whole(&site.path(&fresh)),
                "{level:?}, night {round}"
            );
            let names: BTreeSet<String> = titles(&site).into_iter().collect();
            let expected: BTreeSet<String> = live.iter().map(|n| format!("book-{n}")).collect();
            assert!(names.is_subset(&expected), "{names:?}");
        }
        assert_eq!(n_told, 12 + 9 * 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_is_what_it_was() {
    let site = Site::new(8).await;
    let mut stream = Stream::new(Level::Events);
    for (name, image) in [("a", 0), ("b", 1), ("c", 2)] {
        site.put_book(name, &[image]);
        stream.tell(&site, &format!("Create {name}"));
    }
    site.documents.lock().unwrap().remove("c");
    let summary = night(&site, &stream).await;
    assert_eq!(
        (summary.images, &summary.failed),
        (2, &BTreeMap::from([(Stage::Manifest, 1)]))
    );
    // Changed, and not there or a page of excuses.
    site.documents.lock().unwrap().remove("a");
    site.put("b", "<!DOCTYPE html>".into());
    site.put_book("c", &[2]);
    stream.tell(&site, "Update a");
    stream.tell(&site, "Update b");
    let summary = night(&site, &stream).await;
    assert_eq!((summary.images, summary.removed), (3, 0), "{summary}");
    assert_eq!(titles(&site), ["a", "b", "c"]);
    let reasons = failures(&site.path("data"));
    for (at, (name, reason)) in [("a", "answered 404"), ("b", "a web page or XML")]
        .into_iter()
        .enumerate()
    {
        let [_, url, stage, found] = &reasons[at];
        assert_eq!((url, stage.as_str()), (&site.url(name), "manifest"));
        assert!(
            found.contains(reason) && found.ends_with("; what it said before is kept"),
            "{found}"
        );
    }
    // Asked again, without being told again, until it answers.
    site.put_book("a", &[4]);
    site.put_book("b", &[5]);
    let summary = night(&site, &stream).await;
    assert_eq!(
        (summary.images, summary.encoded, summary.removed),
        (3, 2, 2),
        "{summary}"
    );
    assert_eq!(summary.failed, BTreeMap::new());
    assert_eq!(["a", "b", "c"].map(|name| site.times(name)), [3, 3, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_of_the_stream_are_followed() {
    let site = Site::new(8).await;
    for (name, image) in [("a", 0), ("b", 1), ("c", 2)] {
        site.put_book(name, &[image]);
    }
    let set = |names: &[&str]| {
        let items: Vec<_> = (names.iter())
            .map(|name| json!({"id": site.url(name), "type": "Manifest"}))
            .collect();
        site.put(
            "set",
            json!({"id": site.url("set"), "type": "Collection", "items": items}),
        );
    };
    set(&["a", "b", "c"]);
    let mut stream = Stream::new(Level::Events);
    stream.tell(&site, "Create set");
    stream.tell(&site, "Create a");
    night(&site, &stream).await;
    assert_eq!(titles(&site), ["a", "b", "c"]);
    // Members have no activities of their own: they are read again with their collection, and those of the stream
    // are not.
    site.put_book("b", &[5]);
    stream.tell(&site, "Delete c");
    night(&site, &stream).await;
    assert_eq!(titles(&site), ["a", "b"]);
    assert_eq!(["set", "a", "b", "c"].map(|name| site.times(name)), [1; 4]);
    stream.tell(&site, "Update set");
    let summary = night(&site, &stream).await;
    assert_eq!((summary.encoded, summary.removed), (1, 1));
    assert_eq!(
        ["set", "a", "b", "c"].map(|name| site.times(name)),
        [2, 1, 2, 1]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_names_more_than_can_be_kept_changes_nothing() {
    let site = Site::new(4).await;
    let mut stream = Stream::of_books(&site, 4);
    night(&site, &stream).await;
    let before = whole(&site.path("data"));
    // At once, and night after night.
    let name = "x".repeat(100);
    for n in 0..30 {
        stream.tell(&site, &format!("Delete {name}-{n}"));
    }
    let url = stream.publish(&site);
    let error_with = async |max_names_bytes: usize| {
        let mut options = options(&site, &url, "data");
        options.crawl.max_names_bytes = max_names_bytes;
        run(options).await.unwrap_err().to_string()
    };
    for max_names_bytes in [3000, 4300] {
        let error = error_with(max_names_bytes).await;
        let expected = format!(
            "names more documents than can be kept: their addresses are longer than {max_names_bytes} bytes together; nothing is changed"
        );
        assert!(error.contains(&expected), "{error}");
        assert_eq!(whole(&site.path("data")), before);
    }
    night(&site, &stream).await;
    assert_eq!(whole(&site.path("data")), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_broken_costs_one_sentence() {
    let site = Site::new(8).await;
    let mut stream = Stream::of_books(&site, 7);
    let url = stream.publish(&site);
    for (name, page, reason) in [
        (
            "html",
            json!("<!DOCTYPE html>"),
            "a web page or XML instead of JSON",
        ),
        (
            "circle",
            json!({"type": "OrderedCollectionPage", "orderedItems": [], "prev": site.url("stream/2")}),
            "the pages lead in a circle",
        ),
        (
            "other",
            json!({"type": "Manifest", "items": []}),
            "no page of activities (an OrderedCollectionPage) but of the type \"Manifest\"",
        ),
    ] {
        site.put("stream/1", page);
        let mut build = options(&site, &url, name);
        build.max_failures = "50%".parse().unwrap();
        let summary = run(build).await.unwrap();
        assert_eq!((summary.images, summary.failed.len()), (1, 1), "{summary}");
        let reasons = failures(&site.path(name));
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        assert!(reasons[0][3].contains(reason), "{reasons:?}");
        // When it is there, what is older is read, and what was read is not asked for again.
        stream.publish(&site);
        let summary = run(options(&site, &url, name)).await.unwrap();
        assert_eq!((summary.images, summary.failed.len()), (7, 0), "{summary}");
    }
    assert_eq!(site.times("book-6"), 3);
    // A broken page at a later night takes nothing away.
    for line in ["Update book-0", "Update book-1", "Create more"] {
        stream.tell(&site, line);
    }
    site.put_book("more", &[7]);
    stream.publish(&site);
    site.put("stream/2", "<html>".into());
    let summary = run(options(&site, &url, "html")).await.unwrap();
    assert_eq!((summary.images, summary.removed), (8, 0), "{summary}");

    // Nor does one that is too long, alone or with others.
    stream.publish(&site);
    let mut long = options(&site, &url, "html");
    long.crawl.max_document_bytes = 300;
    let error = format!("{:#}", run(long).await.unwrap_err());
    assert!(
        error.contains("stream/3 of the stream") || error.contains("is longer than 300 bytes"),
        "{error}"
    );
    let mut long = options(&site, &url, "long");
    long.network.max_answer_bytes = 1000;
    let summary = run(long).await.unwrap();
    assert!(summary.images < 8 && summary.failed.len() == 1, "{summary}");
    let reasons = failures(&site.path("long"));
    assert!(reasons[0][3].contains("too long together"), "{reasons:?}");

    // Nothing at all can be read.
    for (name, document, reason) in [
        ("none", json!("<html>"), "a web page or XML"),
        (
            "set",
            json!({"type": "Collection", "items": []}),
            "--mode MANIFEST is for manifests and collections",
        ),
        (
            "bare",
            json!({"type": "OrderedCollection", "totalItems": 3}),
            "does not name its last page",
        ),
        (
            "lost",
            json!({"type": "OrderedCollection", "last": site.url("nowhere")}),
            "answered 404",
        ),
        (
            "bad",
            json!({"type": "OrderedCollection", "last": "https://["}),
            "not a URL",
        ),
        (
            "empty",
            json!({"type": "OrderedCollection", "totalItems": 0}),
            "what --discovery names has no rows",
        ),
    ] {
        site.put(name, document);
        let error = run(options(&site, &site.url(name), "never"))
            .await
            .unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(reason), "{name}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_be_a_file_with_its_pages_beside_it() {
    let site = Site::new(3).await;
    site.put_book("a", &[0]);
    site.put_book("b", &[1]);
    let folder = site.path("folder");
    fs::create_dir(&folder).unwrap();
    let activity = |name: &str| json!({"type": "Update", "object": {"id": site.url(name), "type": "Manifest"}});
    let write = |name: &str, document: serde_json::Value| {
        fs::write(folder.join(name), document.to_string()).unwrap();
    };
    write(
        "all.json",
        json!({"type": "OrderedCollection", "last": "1.json"}),
    );
    write(
        "1.json",
        json!({"type": "OrderedCollectionPage", "prev": {"id": "0.json"}, "orderedItems": [activity("a")]}),
    );
    write(
        "0.json",
        json!({"type": "OrderedCollectionPage", "prev": {"id": "../secret.json"}, "orderedItems": [activity("b")]}),
    );
    fs::write(site.path("secret.json"), "{\"orderedItems\": []}").unwrap();
    let file = folder.join("all.json").display().to_string();
    let mut build = options(&site, &file, "data");
    build.max_failures = "50%".parse().unwrap();
    let summary = run(build).await.unwrap();
    assert_eq!(summary.images, 2);
    let reasons = failures(&site.path("data"));
    assert!(
        reasons[0][3].contains("no file beside that of the stream"),
        "{reasons:?}"
    );
    // All in one.
    write(
        "one.json",
        json!({"type": "OrderedCollection", "orderedItems": [activity("a"), activity("b")]}),
    );
    let file = folder.join("one.json").display().to_string();
    let summary = run(options(&site, &file, "one")).await.unwrap();
    assert_eq!((summary.images, summary.failed.len()), (2, 0));
    let missing = folder.join("none.json").display().to_string();
    let error = run(options(&site, &missing, "one"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("none.json cannot be read") && error.contains("--discovery"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_is_cut_off_at_its_end_is_made_up_for() {
    let site = Site::new(8).await;
    let mut stream = Stream::new(Level::Events);
    for (name, image) in [("a", 0), ("b", 1), ("c", 2)] {
        site.put_book(name, &[image]);
        stream.tell(&site, &format!("Create {name}"));
    }
    night(&site, &stream).await;
    let state = site.path("data/harvest/stream.json");
    let before = fs::read(&state).unwrap();
    site.put_book("a", &[3]);
    stream.tell(&site, "Update a");
    stream.tell(&site, "Delete b");
    night(&site, &stream).await;
    let expected = whole(&site.path("data"));
    // The collection was written, and how far the stream was read was not.
    fs::write(&state, before).unwrap();
    night(&site, &stream).await;
    assert_eq!(whole(&site.path("data")), expected);
    assert_eq!(["a", "b", "c"].map(|name| site.times(name)), [2, 1, 1]);
    // Documents that are lost or damaged are fetched again.
    for entry in fs::read_dir(site.path("data/harvest")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
    night(&site, &stream).await;
    assert_eq!(whole(&site.path("data")), expected);
    assert_eq!(["a", "b", "c"].map(|name| site.times(name)), [3, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_follows_a_stream() {
    let site = Site::new(4).await;
    site.put_book("a", &[0, 1]);
    site.put_book("b", &[2]);
    let mut stream = Stream::new(Level::Events);
    stream.tell(&site, "Create a");
    stream.tell(&site, "Create b");
    let url = stream.publish(&site);
    let (data, model) = (site.path("data").display().to_string(), model());
    let again = [
        "--data-dir",
        &data,
        "--model",
        &model,
        "--allow-fetch",
        "127.0.0.1",
    ];
    let from = ["build", "--mode", "DISCOVERY", "--discovery", &url];
    let summary = process::run(&mut clip_search(&[&from[..], &again].concat())).ok();
    assert!(summary.contains("3 images: 3 encoded"), "{summary}");
    site.put_book("b", &[2, 3]);
    stream.tell(&site, "Update b");
    stream.tell(&site, "Delete a");
    stream.publish(&site);
    let summary = process::run(&mut clip_search(&[&["update"][..], &again].concat())).ok();
    assert_eq!(
        summary,
        "2 rows, 0 skipped, 2 images: 1 encoded, 1 from earlier runs, 0 failed; 2 that are not in the input any more removed\n"
    );
    let text = process::run(&mut clip_search(&["inspect", "--data-dir", &data])).ok();
    assert!(
        text.contains(&format!("source        DISCOVERY {url}")),
        "{text}"
    );
    // The stream's server is not on the public internet.
    let unallowed = &again[..4];
    let sentence =
        process::run(&mut clip_search(&[&["update"][..], unallowed].concat())).sentence(1);
    assert!(
        sentence.contains("(--discovery) cannot be read") && sentence.contains("--allow-fetch"),
        "{sentence}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_is_cut_off_goes_on() {
    let site = Site::new(24).await;
    let names: Vec<String> = (0..24).map(|n| format!("book-{n:02}")).collect();
    for level in [Level::Events, Level::List] {
        let mut stream = Stream::new(level);
        for (n, name) in names.iter().enumerate() {
            site.put_book(name, &[n]);
            stream.tell(&site, &format!("Create {name}"));
        }
        let url = stream.publish(&site);
        let data = format!("cut-{level:?}");
        let asked = || names.iter().map(|name| site.times(name)).sum::<usize>();
        let start = asked();
        let mut n_cut = 0;
        for n in [1, 5, 9, 14, 18] {
            let cut = async {
                while asked() < start + n {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let build = build::run(
                options(&site, &url, &data),
                Arc::new(TinyEncoder),
                pending(),
            );
            // As a process that is killed: nothing is told, nothing is tidied up.
            tokio::select! {
                result = build => { result.unwrap(); }
                () = cut => n_cut += 1,
            }
            // What threads were at is brought to its end.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(n_cut > 0);
        let summary = run(options(&site, &url, &data)).await.unwrap();
        assert_eq!(summary.outcome, Outcome::Finished);
        // Those that were under way were asked for twice.
        assert!(
            asked() - start <= names.len() + 8 * n_cut,
            "{}",
            asked() - start
        );
        let fresh = format!("fresh-{level:?}");
        run(options(&site, &url, &fresh)).await.unwrap();
        assert_eq!(whole(&site.path(&data)), whole(&site.path(&fresh)));
    }
}
