//! The real program before an endpoint that cuts its answers, and the RDF that it asks for besides.

use crate::process::{clip_search, run};
use crate::support;
use crate::world::{World, get, model, text_of};
use axum::Router;
use axum::extract::Form;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const NT: &str = "application/n-triples";
const PICTURES: &str = "PREFIX dct: <http://purl.org/dc/terms/> SELECT ?iiif_url ?work { ?work dct:hasFormat ?iiif_url }";
const TITLES: &str = "PREFIX dct: <http://purl.org/dc/terms/> CONSTRUCT { ?work dct:title ?title ; dct:hasFormat ?iiif } \
                      WHERE { ?work dct:title ?title ; dct:hasFormat ?iiif }";

/// An endpoint before that of `service`, that gives `most` rows or triples and names its limit.
async fn cutting(service: &str, most: usize) -> String {
    let target = format!("{service}/sparql");
    let handler = move |headers: HeaderMap, Form(form): Form<HashMap<String, String>>| {
        let (target, query) = (target.clone(), form["query"].clone());
        async move {
            let accept = headers[header::ACCEPT].to_str().unwrap().to_owned();
            let asked = tokio::task::spawn_blocking(move || ask(&target, &query, &accept));
            let (media_type, body) = asked.await.unwrap();
            let body = match media_type.as_str() {
                NT => body
                    .lines()
                    .take(most)
                    .map(|line| format!("{line}\n"))
                    .collect(),
                _ => {
                    let mut json: serde_json::Value = serde_json::from_str(&body).unwrap();
                    let rows = json["results"]["bindings"].as_array_mut().unwrap();
                    rows.truncate(most);
                    json.to_string()
                }
            };
            let most = most.to_string();
            let names = [
                ("x-sparql-maxrows", most.as_str()),
                ("content-type", &media_type),
            ];
            let mut response = body.into_response();
            for (name, value) in names {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
    };
    support::serve(Router::new().route("/sparql", post(handler))).await
}

fn ask(target: &str, query: &str, accept: &str) -> (String, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let mut response = agent
        .post(target)
        .header("accept", accept)
        .send_form([("query", query)])
        .unwrap();
    let media_type = response.headers()["content-type"].to_str().unwrap();
    let media_type = media_type.split(';').next().unwrap().to_owned();
    (media_type, response.body_mut().read_to_string().unwrap())
}

/// An endpoint with one picture, which answers requests for RDF with what `rdf` holds at that time.
async fn with_rdf(iiif: &str, rdf: Arc<Mutex<(&'static str, String)>>) -> String {
    let rows = format!(
        r#"{{"head":{{"vars":["iiif_url"]}},"results":{{"bindings":[{{"iiif_url":{{"type":"uri","value":"{iiif}/portrait.jpg"}}}}]}}}}"#
    );
    let handler = move |headers: HeaderMap| {
        let accept = headers[header::ACCEPT].to_str().unwrap();
        let (media_type, body) = match accept.contains("sparql-results") {
            true => ("application/sparql-results+json", rows.clone()),
            false => rdf.lock().unwrap().clone(),
        };
        let response: Response = ([(header::CONTENT_TYPE, media_type)], body).into_response();
        async move { response }
    };
    support::serve(Router::new().route("/sparql", post(handler))).await
}

/// The arguments of a build from the endpoint.
struct Build {
    dir: TempDir,
    endpoint: String,
}

impl Build {
    fn new(endpoint: &str) -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            endpoint: format!("{endpoint}/sparql"),
        }
    }

    fn path(&self, name: &str) -> String {
        text_of(&self.dir.path().join(name))
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, query: &str, more: &[&str]) -> std::process::Command {
        self.command_into("data", query, more)
    }

    fn command_into(&self, data: &str, query: &str, more: &[&str]) -> std::process::Command {
        let (data, model) = (self.path(data), model());
        #[rustfmt::skip]
        let arguments = ["build", "--mode", "SPARQL", "--endpoint", &self.endpoint, "--image-query", query,
            "--data-dir", &data, "--model", &model, "--retries", "0"];
        let mut command = clip_search(&[&arguments[..], more].concat());
        command.env("CLIP_LOG", "info");
        command
    }

    fn store(&self) -> BTreeSet<String> {
        #[rustfmt::skip]
        let arguments = ["query", "CONSTRUCT WHERE { ?s ?p ?o }", "--format", "csv", "--data-dir", &self.path("data"),
            "--store", &self.path("store"), "--model", &model()];
        let text = run(&mut clip_search(&arguments)).ok();
        text.lines().map(str::to_owned).collect()
    }
}

fn triples(text: &str) -> BTreeSet<&str> {
    text.lines().collect()
}

#[test]
fn a_build_from_an_endpoint_that_cuts_is_that_from_one_that_does_not() {
    let world = World::shared();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let whole = Build::new(&world.service);
    let metadata = ["--metadata-query", TITLES];
    let ordered = format!("{PICTURES} ORDER BY ?iiif_url ?work");
    run(&mut whole.command(&ordered, &metadata)).ok();
    for (most, query, more) in [
        (5, PICTURES, &[][..]),
        (4, &format!("{PICTURES} ORDER BY ?iiif_url"), &[]),
        (1000, PICTURES, &["--page-size", "3"]),
        (5, PICTURES, &["--page-size", "100"]),
    ] {
        let cut = Build::new(&runtime.block_on(cutting(&world.service, most)));
        let store = cut.path("store");
        let more = [&metadata[..], &["--store", &store], more].concat();
        run(&mut cut.command(query, &more)).ok();
        let images = "data/images.csv";
        assert_eq!(cut.text(images), whole.text(images), "{most} {query}");
        assert!(cut.text(images).lines().count() > 6);
        let (name, features) = ("data/metadata.nt", "data/features/features.npy");
        let (ours, theirs) = (cut.text(name), whole.text(name));
        assert_eq!(triples(&ours), triples(&theirs), "{most} {query}");
        assert!(triples(&ours).len() > 12, "{ours}");
        assert_eq!(
            cut.store(),
            whole.text(name).lines().map(str::to_owned).collect()
        );
        let bytes = |build: &Build| fs::read(build.path(features)).unwrap();
        assert!(bytes(&cut) == bytes(&whole), "{most} {query}");
        for gone in [
            "data/rows.part",
            "data/answer.part",
            "data/metadata.nt.part",
        ] {
            assert!(!Path::new(&cut.path(gone)).exists(), "{gone}");
        }
    }
}

#[test]
fn the_store_has_the_metadata_of_the_last_build_and_what_others_loaded() {
    let world = World::shared();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let first = "<http://x/a> <http://x/p> \"old\" .\n<http://x/a> <http://x/p> \"stays\"@de .\n\
                 <http://x/a> <http://x/q> _:b .\n_:b <http://x/p> \"1\" .\n";
    let rdf = Arc::new(Mutex::new((NT, first.to_owned())));
    let build = Build::new(&runtime.block_on(with_rdf(&world.iiif, rdf.clone())));
    let (store, own) = (build.path("store"), build.path("own.nt"));
    fs::write(&own, "<http://x/b> <http://x/p> \"mine\" .\n").unwrap();
    run(&mut clip_search(&["load", "--store", &store, &own])).ok();
    let query = "SELECT ?iiif_url { ?s ?p ?iiif_url }";
    let construct = [
        "--metadata-query",
        "CONSTRUCT WHERE { ?s ?p ?o }",
        "--store",
        &store,
    ];
    run(&mut build.command(query, &construct)).ok();
    assert_eq!(build.store().len(), 5);
    // The same once more is the same, blank nodes included.
    let text = build.text("data/metadata.nt");
    let text = text.as_str();
    run(&mut build.command(query, &construct)).ok();
    assert_eq!(
        (build.store().len(), build.text("data/metadata.nt").as_str()),
        (5, text)
    );
    // Nor is it another when the endpoint names its nodes anew, and gives them in another order.
    let lines: Vec<&str> = first.lines().rev().collect();
    let again = lines.join("\n").replace("_:b", "_:another") + "\n";
    let before = build.store();
    *rdf.lock().unwrap() = (NT, again);
    run(&mut build.command(query, &construct)).ok();
    assert_eq!(build.store(), before);
    assert_eq!(triples(&build.text("data/metadata.nt")), triples(text));
    // Turtle, with another blank node; what is gone is gone.
    let turtle = "@prefix x: <http://x/> . x:a x:p \"stays\"@de ; x:q [ x:p \"2\" ] .";
    *rdf.lock().unwrap() = ("text/turtle; charset=utf-8", turtle.to_owned());
    run(&mut build.command(query, &construct)).ok();
    let now = build.store();
    assert_eq!(now.len(), 4, "{now:?}");
    let text: String = now.into_iter().collect();
    for (part, is_there) in [
        ("old", false),
        ("stays", true),
        ("mine", true),
        ("\"1\"", false),
        ("\"2\"", true),
    ] {
        assert_eq!(text.contains(part), is_there, "{part}: {text}");
    }
    // Without the query the file and the store stay as they are.
    run(&mut build.command(query, &["--store", &store])).ok();
    assert_eq!(build.store().len(), 4);
}

/// What a template makes of each row is named by the row, whether it comes at once or in pages.
#[test]
fn blank_nodes_of_a_template_are_the_same_each_time() {
    let world = World::shared();
    let whole = Build::new(&world.service);
    let construct = "PREFIX dct: <http://purl.org/dc/terms/> CONSTRUCT { ?work dct:description [ dct:title ?title ; dct:format [] ] } \
                     WHERE { ?work dct:title ?title ; dct:hasFormat ?iiif_url }";
    let owner = construct.replace("dct:description", "dct:provenance");
    let store = whole.path("store");
    for pages in [&[][..], &["--page-size", "3"]] {
        #[rustfmt::skip]
        let metadata = ["--metadata-query", construct, "--metadata-query", &owner, "--store", &store];
        let more = [&metadata[..], pages].concat();
        run(&mut whole.command(PICTURES, &more)).ok();
        let (text, first) = (whole.text("data/metadata.nt"), whole.store());
        assert!(
            first.len() > 20 && first.len().is_multiple_of(6),
            "{first:?}"
        );
        run(&mut whole.command(PICTURES, &more)).ok();
        assert_eq!(whole.store(), first, "{pages:?}");
        assert_eq!(triples(&whole.text("data/metadata.nt")), triples(&text));
        // Those of one query are not those of the other.
        let nodes = |property: &str| -> BTreeSet<String> {
            let lines = first.iter().filter(|line| line.contains(property));
            let node = |line: &String| line.split(' ').nth(2).unwrap().to_owned();
            lines.map(node).collect()
        };
        let (one, other) = (nodes("terms/description"), nodes("terms/provenance"));
        assert!(one.len() > 3 && one.len() == other.len());
        assert!(one.is_disjoint(&other));
    }
}

#[test]
fn shards_have_the_metadata_that_one_build_has() {
    let world = World::shared();
    let build = Build::new(&world.service);
    let (parts, out) = (["1/2", "2/2"], build.path("merged"));
    let ordered = format!("{PICTURES} ORDER BY ?iiif_url ?work");
    let metadata = ["--metadata-query", TITLES, "--max-failures", "100%"];
    run(&mut build.command(&ordered, &metadata)).ok();
    let names = parts.map(|shard| shard.replace('/', "-of-"));
    for (shard, name) in parts.iter().zip(&names) {
        let of_shard = [&metadata[..], &["--shard", shard]].concat();
        run(&mut build.command_into(name, &ordered, &of_shard)).ok();
    }
    let folders = names.map(|name| build.path(&name));
    let has_some = folders
        .each_ref()
        .map(|folder| Path::new(folder).join("metadata.nt").exists());
    assert_eq!(has_some, [true, false], "one asks for all");
    #[rustfmt::skip]
    run(&mut clip_search(&["merge", "--data-dir", &out, &folders[0], &folders[1]])).ok();
    assert_eq!(
        build.text("merged/metadata.nt"),
        build.text("data/metadata.nt")
    );
    // It goes on by itself, and asks for the same.
    let (model, store) = (model(), build.path("store"));
    let update = ["update", "--data-dir", &out, "--model", &model];
    let told = run(&mut clip_search(&update)).ok();
    assert!(told.contains(" 0 encoded"), "{told}");
    assert_eq!(
        build.text("merged/metadata.nt"),
        build.text("data/metadata.nt")
    );
    assert!(!Path::new(&store).exists());
}

#[test]
fn what_is_no_metadata_is_refused_in_one_sentence_and_replaces_nothing() {
    let world = World::shared();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let good = "<http://x/a> <http://x/p> <http://x/b> .\n";
    let rdf = Arc::new(Mutex::new((NT, good.to_owned())));
    let build = Build::new(&runtime.block_on(with_rdf(&world.iiif, rdf.clone())));
    let query = "SELECT ?iiif_url { ?s ?p ?iiif_url }";
    let construct = "CONSTRUCT WHERE { ?s ?p ?o }";
    run(&mut build.command(query, &["--metadata-query", construct])).ok();
    let html = "<!DOCTYPE html><title>Log in</title>";
    for (media_type, text, metadata, expected) in [
        (
            NT,
            good,
            query,
            "a SELECT query; --metadata-query takes CONSTRUCT or DESCRIBE, and --image-query",
        ),
        (NT, good, "ASK {}", "an ASK query; --metadata-query takes"),
        (
            NT,
            "<http://x/a> <http://x/p> <http://x/b> .\n<http://x/a> <no iri> 1 .\n",
            construct,
            "answered with N-Triples that cannot be read: Parser error at line 2",
        ),
        (
            "text/turtle",
            "<http://x/a> <http://x/p> \"a\" ;",
            "DESCRIBE <http://x/a>",
            "answered with Turtle that cannot be read",
        ),
        (
            "text/html",
            html,
            construct,
            "answered with text/html instead of RDF in N-Triples",
        ),
        (
            "application/sparql-results+json",
            "{}",
            "not SPARQL 1.1",
            "--metadata-query wants a CONSTRUCT or DESCRIBE",
        ),
    ] {
        *rdf.lock().unwrap() = (media_type, text.to_owned());
        let mut command = build.command(query, &["--metadata-query", metadata]);
        let sentence = run(command.env("CLIP_LOG", "error")).sentence(1);
        assert!(sentence.contains(expected), "{sentence}");
        assert_eq!(build.text("data/metadata.nt"), good);
    }
    let mut command = build.command(construct, &[]);
    let sentence = run(command.env("CLIP_LOG", "error")).sentence(1);
    assert!(
        sentence.contains("asked for with --metadata-query"),
        "{sentence}"
    );
    // Cut, and nothing to be done about it.
    let cut = Build::new(&runtime.block_on(cutting(&world.service, 3)));
    let describe = "DESCRIBE ?work { ?work <http://purl.org/dc/terms/hasFormat> ?iiif }";
    let blank = "CONSTRUCT { ?s ?p ?o } { { ?s ?p ?o } UNION { ?s ?p ?x BIND(BNODE() AS ?o) } }";
    for (metadata, expected) in [
        (
            describe,
            "a DESCRIBE query cannot be asked for in pages; write it as CONSTRUCT",
        ),
        (
            &format!("{TITLES} LIMIT 10"),
            "has a LIMIT or OFFSET of its own",
        ),
        (
            blank,
            "blank nodes in it, which cannot be joined from page to page",
        ),
    ] {
        let mut command = cut.command(PICTURES, &["--metadata-query", metadata]);
        let sentence = run(command.env("CLIP_LOG", "error")).sentence(1);
        assert!(
            sentence.contains(expected) && sentence.contains("--allow-partial"),
            "{sentence}"
        );
        let mut command = cut.command(
            &format!("{PICTURES} LIMIT 2"),
            &["--metadata-query", metadata, "--allow-partial"],
        );
        run(&mut command).ok();
        assert_eq!(cut.text("data/metadata.nt").lines().count(), 3);
        fs::remove_dir_all(cut.path("data")).unwrap();
    }
    let csv = [
        "build",
        "--mode",
        "CSV",
        "--csv-file",
        "x.csv",
        "--metadata-query",
        construct,
    ];
    let sentence = run(&mut clip_search(&csv)).sentence(1);
    assert!(
        sentence.contains("--metadata-query is for --mode SPARQL"),
        "{sentence}"
    );
    // The picture is there, so all this was no matter of the images.
    assert_eq!(get(&world.image("portrait")).0, 200);
}
