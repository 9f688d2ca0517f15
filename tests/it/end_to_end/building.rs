//! `build` from a CSV and from the endpoint of another triple store, and its exit codes.

use crate::build::files;
use crate::process::{Ended, Running, clip_search, program, run};
use crate::support;
use crate::world::{World, get, model, repository, text_of};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// `clip-search build` with the fixture model.
fn build(arguments: &[&str]) -> Ended {
    let model = model();
    let command = [&["build", "--model", &model], arguments].concat();
    run(&mut clip_search(&command))
}

#[test]
fn the_old_flags_and_the_new_ones_mean_the_same() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let (old, new) = (
        text_of(&dir.path().join("old")),
        text_of(&dir.path().join("new")),
    );
    let csv = dir.path().join("in.csv");
    let table = fs::read_to_string(world.path("in.csv")).unwrap();
    // The column has another name than the default.
    fs::write(&csv, table.replacen("iiif_url", "picture", 1)).unwrap();
    let csv = text_of(&csv);
    #[rustfmt::skip]
    let summary = build(&[
        "--mode", "CSV", "--csvFile", &csv, "--dataDir", &old, "--iiifColumn", "picture",
        "--threads", "3", "--batchSize", "5",
    ]).ok();
    assert_eq!(
        summary,
        "12 rows, 0 skipped, 12 images: 12 encoded, 0 from earlier runs, 0 failed\n"
    );
    #[rustfmt::skip]
    build(&[
        "--mode", "csv", "--csv-file", &csv, "--data-dir", &new, "--iiif-column", "picture",
        "--threads", "16", "--batch-size", "64",
    ]).ok();
    assert_eq!(files(Path::new(&old)), files(Path::new(&new)));
    // The vectors are those of the world, which has the default column.
    let features = "features/features.npy";
    assert_eq!(
        fs::read(Path::new(&old).join(features)).unwrap(),
        fs::read(Path::new(&world.path("data")).join(features)).unwrap()
    );
}

/// The collection in Linked Art, the shape that `queries/linked-art.rq` reads.
fn linked_art(world: &World) -> String {
    let collection = world.collection();
    let mut turtle = "
        @prefix crm: <http://www.cidoc-crm.org/cidoc-crm/> .
        @prefix dcterms: <http://purl.org/dc/terms/> .
        @prefix la: <https://linked.art/ns/terms/> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        .to_owned();
    for row in 0..collection.len() {
        let url = collection.url(row);
        turtle.push_str(&format!(
            "<http://example.org/{row:02}> rdfs:label \"No. {row}\" ;
                crm:P138i_has_representation [ la:digitally_shown_by [ la:digitally_available_via [
                    dcterms:conformsTo <http://iiif.io/api/image> ;
                    la:access_point <{url}/info.json> ] ] ] .\n"
        ));
    }
    turtle
}

#[test]
fn another_triple_store_is_asked_for_the_images() {
    let Some(python) = support::python("pyoxigraph") else {
        return;
    };
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let turtle = dir.path().join("linked-art.ttl");
    fs::write(&turtle, linked_art(&world)).unwrap();
    let script = repository("tests/it/end_to_end/sparql_endpoint.py");
    let (_store, base) = Running::server(program(&python).arg(script).arg(turtle));
    let endpoint = format!("{base}/sparql");

    let data = text_of(&dir.path().join("data"));
    let query = format!("@{}", text_of(&repository("queries/linked-art.rq")));
    #[rustfmt::skip]
    let summary = build(&[
        "--mode", "SPARQL", "--endpoint", &endpoint, "--imageQuery", &query, "--dataDir", &data,
    ]).ok();
    assert!(summary.contains("12 images: 12 encoded"), "{summary}");
    // Every variable is a column, and the vectors are those of the build from the CSV.
    let images = fs::read_to_string(format!("{data}/images.csv")).unwrap();
    let lines: Vec<&str> = images.lines().collect();
    assert_eq!(lines[0], "iiif_url,object,label,localIdentifier");
    let collection = world.collection();
    let first = format!(
        "{},http://example.org/00,No. 0,{}",
        collection.url(0),
        collection.id(0)
    );
    assert_eq!(lines[1], first);
    let features = |data: &str| fs::read(format!("{data}/features/features.npy")).unwrap();
    assert_eq!(features(&data), features(&world.path("data")));

    // The query as text, another column, and what the endpoint says of a mistake.
    let data = text_of(&dir.path().join("other"));
    let query = "SELECT ?url { ?x <https://linked.art/ns/terms/access_point> ?info
        BIND(REPLACE(STR(?info), \"/info.json\", \"\") AS ?url) }";
    #[rustfmt::skip]
    let summary = build(&[
        "--mode", "sparql", "--endpoint", &endpoint, "--image-query", query, "--data-dir", &data,
        "--iiif-column", "url",
    ]).ok();
    assert!(summary.contains("12 images: 12 encoded"), "{summary}");
    #[rustfmt::skip]
    let sentence = build(&[
        "--mode", "SPARQL", "--endpoint", &endpoint, "--image-query", "SELECT nonsense",
        "--data-dir", &data,
    ]).sentence(1);
    assert!(
        sentence.contains(&format!("{endpoint} answered 400 Bad Request: ")),
        "{sentence}"
    );
}

#[test]
fn the_log_names_the_hosts_that_fail_most() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    // All are bound before the first is closed, so that no two are the same.
    let closed: Vec<String> = (0..4)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .collect::<Vec<_>>()
        .into_iter()
        .map(|listener| format!("http://{}", listener.local_addr().unwrap()))
        .collect();
    let mut table = get(&format!("{}/images.csv", world.iiif)).1;
    let failing = [(&world.iiif, 4), (&closed[0], 3), (&closed[1], 2)];
    let few = [(&closed[2], 1), (&closed[3], 1)];
    for (host, n_images) in failing.into_iter().chain(few) {
        for n in 0..n_images {
            table.push_str(&format!("{host}/missing-{n}.jpg,missing\n"));
        }
    }
    let (csv, data) = (dir.path().join("in.csv"), text_of(&dir.path().join("data")));
    fs::write(&csv, table).unwrap();
    let (csv, model) = (text_of(&csv), model());
    #[rustfmt::skip]
    let ended = run(clip_search(&[
        "build", "--model", &model, "--mode", "CSV", "--csv-file", &csv, "--data-dir", &data, "--retries", "0",
    ]).env("CLIP_LOG", "info"));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let [most, second, third] = failing.map(|(host, n)| format!("{n} of {host}"));
    let told = format!("11 failed (11 at download; {most}, {second}, ");
    let line = ended.stderr.lines().find(|line| line.contains(&told));
    let line = line.unwrap_or_else(|| panic!("{told}: {}", ended.stderr));
    assert!(
        line.contains("built") && line.ends_with(&format!("{third} and 2 more hosts)")),
        "{line}"
    );
}

#[test]
fn the_exit_code_tells_how_a_build_went() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let at = |name: &str| text_of(&dir.path().join(name));
    let mut table = get(&format!("{}/images.csv", world.iiif)).1;
    for n in 1..=3 {
        table.push_str(&format!("{}/missing-{n}.jpg,missing\n", world.iiif));
    }
    fs::write(at("in.csv"), table).unwrap();
    let build = |data: &str, more: &[&str]| {
        let (csv, data) = (at("in.csv"), at(data));
        let arguments = ["--mode", "CSV", "--csv-file", &csv, "--data-dir", &data];
        build(&[&arguments, more].concat())
    };

    let ended = build("data", &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_eq!(
        ended.stdout,
        "15 rows, 0 skipped, 15 images: 12 encoded, 0 from earlier runs, 3 failed, 3 at download; more failures than allowed, see failures.csv\n"
    );
    let failures = fs::read_to_string(at("data/failures.csv")).unwrap();
    assert_eq!(failures.lines().count(), 4, "{failures}");
    assert!(failures.contains("/missing-2.jpg,download,"), "{failures}");
    // The collection is there all the same.
    let inspect = ["inspect", "--data-dir", &at("data")];
    assert!(
        run(&mut clip_search(&inspect))
            .ok()
            .contains("vectors     12 of width 20")
    );

    for allowed in ["3", "20%"] {
        let summary = build("data", &["--max-failures", allowed]).ok();
        assert!(
            summary.contains("0 encoded, 12 from earlier runs"),
            "{summary}"
        );
    }
    assert_eq!(build("data", &["--max-failures", "2"]).code, Some(3));
    // A wrong command line is told apart.
    assert_eq!(build("data", &["--max-failures", "many"]).code, Some(2));
    let sentence = build("new", &["--iiif-column", "url"]).sentence(1);
    assert!(
        sentence.contains("no column url; its columns are iiif_url, title"),
        "{sentence}"
    );
    assert!(!Path::new(&at("new/images.csv")).exists());
}
