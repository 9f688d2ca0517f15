//! `build --mode MANIFEST`: documents that lead to others, and what is wrong with some.

use super::site::Site;
use crate::build::{failures, run};
use clip_search::build::Outcome;
use clip_search::build::failures::Stage;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_followed_and_each_document_is_read_once() {
    let site = Site::new(8).await;
    site.put_book("a", &[3, 1]);
    site.put_book("b", &[2]);
    site.put_book("c", &[0, 1]);
    site.put_book("paged", &[4]);
    let url = |name: &str| site.url(name);
    site.put(
        "top",
        json!({"id": url("top"), "type": "Collection", "label": {"en": ["Top"]}, "items": [
        {"id": url("a"), "type": "Manifest"}, {"id": url("sub"), "type": "Collection"},
        {"id": url("gone"), "type": "Manifest"}, {"id": url("page"), "type": "Manifest"},
        {"id": url("top"), "type": "Collection"}, {"id": url("plain"), "type": "Manifest"}]}),
    );
    // Of version 2, with pages, and in a circle.
    site.put("sub", json!({"@id": url("sub"), "@type": "sc:Collection", "first": url("sub/1"), "collections": [{"@id": url("top")}]}));
    site.put("sub/1", json!({"@id": url("sub/1"), "@type": "sc:Collection", "manifests": [{"@id": url("b")}, {"@id": url("a#x")}],
        "next": url("sub/2")}));
    site.put("sub/2", json!({"@id": url("sub/2"), "@type": "sc:Collection", "members": [{"@id": url("c"), "@type": "sc:Manifest"}, url("paged")],
        "next": url("sub/1")}));
    site.put("page", "<!DOCTYPE html>".into());
    site.put(
        "plain",
        json!({"@id": url("plain"), "@type": "sc:Manifest", "sequences": [{"canvases": [
        {"@id": url("plain/1"), "@type": "sc:Canvas", "images": [
            {"resource": {"@id": format!("{}/full/max/0/default.jpg", site.image(5)), "@type": "dctypes:Image"}},
            {"resource": {"@type": "dctypes:Image"}}]}]}]}),
    );
    let summary = run(site.options(&[url("top")])).await.unwrap();
    assert_eq!(summary.outcome, Outcome::TooManyFailures);
    assert_eq!((summary.images, summary.encoded), (6, 6), "{summary}");
    assert_eq!(summary.failed, BTreeMap::from([(Stage::Manifest, 3)]));
    for name in [
        "top", "sub", "sub/1", "sub/2", "a", "b", "c", "paged", "page", "plain",
    ] {
        assert_eq!(site.times(name), 1, "{name}");
    }
    let rows = site.images_csv();
    let plain = format!("{}/full/max/0/default.jpg", site.image(5));
    let found: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["iiif_url"].clone(),
                row["title"].as_str(),
                row["label"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (site.image(3), "Book a", "Page 3"),
            (site.image(1), "Book a", "Page 1"),
            (plain.clone(), "", ""),
            (site.image(2), "Book b", "Page 2"),
            (site.image(0), "Book c", "Page 0"),
            (site.image(4), "Book paged", "Page 4"),
        ]
    );
    assert_eq!(
        (&rows[0]["manifest"], &rows[0]["canvas"]),
        (&url("a"), &url("a/canvas/3"))
    );
    let failures = failures(&site.path("data"));
    let reasons: Vec<_> = failures
        .iter()
        .map(|[_, url, stage, reason]| (url.as_str(), stage.as_str(), reason.as_str()))
        .collect();
    for (at, (address, stage, reason)) in [
        (url("gone"), "manifest", "answered 404"),
        (url("page"), "manifest", "a web page or XML instead of JSON"),
        (
            String::new(),
            "manifest",
            "neither an image service nor a URL",
        ),
        (site.image(1), "input", "the same image as in row 2"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!((reasons[at].0, reasons[at].1), (address.as_str(), stage));
        assert!(reasons[at].2.contains(reason), "{}", reasons[at].2);
    }
    // The same documents give the same bytes.
    let triples = fs::read(site.path("data/manifests.nt")).unwrap();
    let of_plain = format!(
        "<{plain}> <http://purl.org/dc/terms/isPartOf> <{}> .",
        url("plain/1")
    );
    assert!(String::from_utf8_lossy(&triples).contains(&of_plain));
    run(site.options(&[url("top")])).await.unwrap();
    assert_eq!(fs::read(site.path("data/manifests.nt")).unwrap(), triples);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_folders_and_lists_are_read_and_not_fetched() {
    let site = Site::new(4).await;
    site.put_book("a", &[0]);
    site.put_book("b", &[1]);
    site.put_book("c", &[2]);
    fs::create_dir(site.path("folder")).unwrap();
    for name in ["a", "b"] {
        let book = site.documents.lock().unwrap()[name].to_string();
        fs::write(site.path(&format!("folder/{name}.json")), book).unwrap();
    }
    let list = json!({"id": site.url("list"), "type": "Collection", "items": [
        {"id": site.url("a"), "type": "Manifest"}, {"id": site.url("c"), "type": "Manifest"}]});
    fs::write(site.path("folder/list.json"), list.to_string()).unwrap();
    fs::write(site.path("folder/broken.json"), "{\"type\": \"Manifest\"").unwrap();
    fs::write(site.path("list.txt"), "# all\nfolder\nno-such.json\n").unwrap();
    let mut options = site.options(&[site.path("list.txt").display().to_string()]);
    options.store = Some(site.path("store"));
    let summary = run(options).await.unwrap();
    assert_eq!((summary.images, summary.encoded), (3, 3), "{summary}");
    assert_eq!(summary.failed, BTreeMap::from([(Stage::Manifest, 2)]));
    assert_eq!(
        [site.times("a"), site.times("b"), site.times("c")],
        [0, 0, 1]
    );
    let failures = failures(&site.path("data"));
    assert!(
        failures[0][1].ends_with("folder/broken.json") && failures[0][3].starts_with("not JSON"),
        "{failures:?}"
    );
    assert!(failures[1][1].ends_with("no-such.json"), "{failures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn places_that_are_not_public_are_refused_unless_allowed() {
    let site = Site::new(2).await;
    site.put_book("a", &[0, 1]);
    site.put(
        "inside",
        format!("to {}", site.url("a").replace("127.0.0.1", "localhost")).into(),
    );
    let roots = [site.url("a"), site.url("inside")];
    let mut options = site.options(&roots);
    // With its port, the address alone is allowed, and no name that leads to it.
    let host = site.base.strip_prefix("http://").unwrap();
    options.network.public_except = Some(host.parse().unwrap());
    let summary = run(options).await.unwrap();
    assert_eq!(
        summary.failed,
        BTreeMap::from([(Stage::Manifest, 1)]),
        "the redirect leads elsewhere"
    );
    let reason = &failures(&site.path("data"))[0][3];
    assert!(
        reason.contains("localhost is not on the public internet")
            && reason.contains("--allow-fetch"),
        "{reason}"
    );
    // Nothing is allowed, neither manifests nor what those in a file name.
    let file = site.path("a.json");
    fs::write(&file, site.documents.lock().unwrap()["a"].to_string()).unwrap();
    for root in [site.url("a"), file.display().to_string()] {
        let mut options = site.options(&[root]);
        options.data_dir = site.path("other");
        options.network.public_except = Some("example.org".parse().unwrap());
        let error = run(options).await.unwrap_err().to_string();
        assert!(error.contains("no image has a vector"), "{error}");
        let reason = &failures(&site.path("other"))[0][3];
        assert!(
            reason.contains("127.0.0.1 is not on the public internet"),
            "{reason}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_told() {
    let site = Site::new(3).await;
    for (name, n) in [("a", 0), ("b", 1), ("c", 2)] {
        site.put_book(name, &[n]);
    }
    let books: Vec<Value> = ["a", "b", "c"]
        .map(|name| json!({"id": site.url(name), "type": "Manifest"}))
        .to_vec();
    site.put(
        "top",
        json!({"id": site.url("top"), "type": "Collection", "items": books}),
    );
    let mut options = site.options(&[site.url("top")]);
    options.crawl.max_documents = 3.try_into().unwrap();
    let summary = run(options).await.unwrap();
    assert_eq!((summary.images, site.times("c")), (2, 0));
    let mut options = site.options(&[site.url("a"), site.url("top")]);
    options.crawl.max_document_bytes = 800;
    options.data_dir = site.path("other");
    let error = run(options).await.unwrap_err().to_string();
    assert!(error.contains("no image has a vector"), "{error}");
    let reason = &failures(&site.path("other"))[0][3];
    assert!(reason.contains("is longer than 800 bytes"), "{reason}");
}
