//! What manifests say, in a store: a hit joins to its page and its book.

use super::site::Site;
use crate::answered;
use crate::build::run;
use crate::process::{self, clip_search};
use crate::world::{World, model, text_of};
use clip_search::build::limit::Limit;
use clip_search::describe::PageQuery;
use clip_search::sparql::{Cancellation, Sparql};
use clip_search::store;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Two books in a collection, built and loaded; loading them again changes nothing.
async fn built() -> Site {
    let site = Site::new(4).await;
    site.put_book("a", &[0, 1]);
    site.put_book("b", &[2]);
    site.put(
        "top",
        json!({"id": site.url("top"), "type": "Collection", "label": {"en": ["All books"]}, "items": [
            {"id": site.url("a"), "type": "Manifest"}, {"id": site.url("b"), "type": "Manifest"}]}),
    );
    let mut build = site.options(&[site.url("top")]);
    build.store = Some(site.path("store"));
    run(build.clone()).await.unwrap();
    let n_triples =
        || store::n_triples(&store::open_for_reading(Some(&site.path("store"))).unwrap()).unwrap();
    let before = n_triples();
    run(build).await.unwrap();
    assert_eq!(n_triples(), before);
    site
}

fn open(site: &Site) -> Sparql {
    answered::open(&site.path("data"), Some(&site.path("store")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_joins_to_its_page_and_its_book() {
    let site = built().await;
    let sparql = open(&site);
    let (image, book) = (site.image(1), site.url("a"));
    let query = format!(
        r#"PREFIX clip: <https://service.swissartresearch.net/clip/>
        PREFIX dcterms: <http://purl.org/dc/terms/>
        PREFIX sc: <http://iiif.io/api/presentation/3#>
        SELECT ?iiif ?page ?book ?title ?all WHERE {{
          ?request a clip:Request ; clip:similarTo <{image}> ; clip:minScore -1 ; clip:limit 1 ; clip:iiifUrl ?iiif .
          ?iiif dcterms:isPartOf ?canvas . ?canvas a sc:Canvas ; dcterms:title ?page ; dcterms:isPartOf ?book .
          ?book a sc:Manifest ; dcterms:title ?title ; dcterms:isPartOf/dcterms:title ?all ; dcterms:hasFormat ?iiif .
          FILTER(LANG(?title) = "de")
        }}"#
    );
    let expected = [
        &format!("<{image}>"),
        "\"Page 1\"",
        &format!("<{book}>"),
        "\"Buch a\"@de",
        "\"All books\"@en",
    ];
    assert_eq!(answered::rows(sparql, query).await, [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_queries_find_what_manifests_say() {
    let site = built().await;
    let (image, book) = (site.image(1), site.url("a"));
    for text in [
        include_str!("../../../queries/page-iiif.rq"),
        include_str!("../../../queries/page.rq"),
    ] {
        let (sparql, image) = (open(&site), image.clone());
        let fields = tokio::task::spawn_blocking(move || {
            let query = PageQuery::parse(text).unwrap();
            let found = query.describe(&sparql, &[&image], &Cancellation::default());
            found.unwrap().remove(&image).unwrap()
        });
        let fields = fields.await.unwrap();
        let values = |name: &str| -> Vec<&str> {
            let values = fields.get(name).iter();
            values.map(|value| value.value.as_str()).collect()
        };
        let mut titles = values("title");
        assert_eq!(titles.pop(), Some("Page 1"), "the book comes first");
        titles.sort_unstable();
        assert_eq!(titles, ["Book a", "Buch a"]);
        assert_eq!(values("manifest"), [&book]);
        assert_eq!(values("maker"), ["Carlo Riva"]);
        assert_eq!(values("institution"), ["Museum"]);
        let rights = "http://creativecommons.org/publicdomain/zero/1.0/";
        assert_eq!(values("rights"), [rights]);
        assert_eq!(values("object"), [format!("{book}.html")]);
    }
}

/// The lines of `manifests.nt`, those that others have loaded, and what is in the store besides.
fn in_store(site: &Site, own: &BTreeSet<String>) -> BTreeSet<String> {
    let store = store::open_for_reading(Some(&site.path("store"))).unwrap();
    let quads = store.quads_for_pattern(None, None, None, None);
    let lines = quads.map(|quad| format!("{} .", quad.unwrap()));
    lines.filter(|line| !own.contains(line)).collect()
}

fn lines(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_has_what_manifests_say_now_and_what_others_loaded() {
    let site = built().await;
    let own = site.path("own.nt");
    fs::write(&own, "<http://x/a> <http://x/p> \"mine\" .\n").unwrap();
    let opened = store::open_for_writing(&site.path("store")).unwrap();
    store::load_file(&opened, &own, store::LoadTarget::default()).unwrap();
    drop(opened);
    let own = lines(&own);
    let mut options = site.options(&[site.url("top")]);
    options.store = Some(site.path("store"));
    options.max_failures = Limit::Percent(100.0);
    let says = |text: &str| in_store(&site, &own).iter().any(|line| line.contains(text));
    let is_exact = || {
        let triples = lines(&site.path("data/manifests.nt"));
        assert_eq!(in_store(&site, &own), triples);
        assert!(triples.len() > 20, "{triples:?}");
    };
    is_exact();
    // Another label, by a directory of a version that kept no list.
    fs::remove_file(site.path("data/manifests.loaded.nt")).unwrap();
    let relabel = |from: &str, to: &str| {
        let mut documents = site.documents.lock().unwrap();
        let text = documents["a"].to_string().replace(from, to);
        documents.insert("a".to_owned(), serde_json::from_str(&text).unwrap());
    };
    relabel("Book a", "Volume a");
    run(options.clone()).await.unwrap();
    assert!(says("Volume a") && !says("Book a"));
    is_exact();
    // One that cannot be read keeps what it said, and so do those that have changed meanwhile.
    let book = site.documents.lock().unwrap().remove("b").unwrap();
    relabel("Volume a", "Tome a");
    for _ in 0..2 {
        run(options.clone()).await.unwrap();
        assert!(says("Tome a") && says("Volume a") && says("Book b"));
    }
    let n_listed = lines(&site.path("data/manifests.loaded.nt")).len();
    site.put("b", book);
    run(options.clone()).await.unwrap();
    assert!(says("Tome a") && !says("Volume a") && says("Book b"));
    is_exact();
    assert!(lines(&site.path("data/manifests.loaded.nt")).len() < n_listed);
    // One that the collection does not name any more, kept and let go.
    let top = json!({"id": site.url("top"), "type": "Collection", "label": {"en": ["All books"]}, "items": [
        {"id": site.url("a"), "type": "Manifest"}]});
    site.put("top", top);
    options.prune = false;
    run(options.clone()).await.unwrap();
    assert!(says("Book b"));
    options.prune = true;
    run(options).await.unwrap();
    assert!(!says("Book b"));
    is_exact();
}

#[test]
fn the_program_builds_from_a_manifest() {
    let world = World::shared();
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| text_of(&dir.path().join(name));
    let image = world.collection().url(0).to_owned();
    let manifest = json!({"@id": "https://example.org/m", "@type": "sc:Manifest", "label": "Book", "sequences": [{"canvases": [
        {"@id": "https://example.org/m/1", "@type": "sc:Canvas", "label": "1r", "images": [{"resource": {
            "@id": format!("{image}/full/full/0/default.jpg"), "@type": "dctypes:Image", "service": {
                "@context": "http://iiif.io/api/image/2/context.json", "@id": image}}}]}]}]});
    fs::write(at("m.json"), manifest.to_string()).unwrap();
    let (model, manifest, data, store) = (model(), at("m.json"), at("data"), at("store"));
    #[rustfmt::skip]
    let build = ["build", "--mode", "MANIFEST", "--manifest", &manifest, "--data-dir", &data, "--store", &store, "--model", &model];
    let refused = process::run(&mut clip_search(&build));
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    let allowed = [&build[..], &["--allow-fetch", "127.0.0.1"]].concat();
    let summary = process::run(&mut clip_search(&allowed)).ok();
    assert_eq!(
        summary,
        "1 rows, 0 skipped, 1 images: 1 encoded, 0 from earlier runs, 0 failed\n"
    );
    let query = "SELECT ?page { ?image <http://purl.org/dc/terms/isPartOf>/<http://purl.org/dc/terms/title> ?page . \
                 FILTER(CONTAINS(STR(?image), \"127.0.0.1\")) }";
    #[rustfmt::skip]
    let ask = ["query", "--data-dir", &data, "--store", &store, "--model", &model, "--format", "csv", query];
    let answer = process::run(&mut clip_search(&ask)).ok();
    assert_eq!(answer.lines().collect::<Vec<_>>(), ["page", "1r"]);
    let wrong = process::run(&mut clip_search(&["build", "--mode", "MANIFEST"]));
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("--manifest"), "{}", wrong.stderr);
}
