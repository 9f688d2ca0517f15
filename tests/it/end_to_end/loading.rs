//! `load`: every RDF format, gzipped or not.

use crate::process::{clip_search, run};
use crate::world::{World, text_of};
use flate2::Compression;
use flate2::write::GzEncoder;
use oxigraph::io::{RdfFormat, RdfParser, RdfSerializer};
use oxigraph::model::{GraphName, NamedNode, Quad};
use std::fs;
use std::io::Write;
use tempfile::TempDir;

/// Number of triples in examples/metadata.ttl.
const N_TRIPLES: usize = 77;

fn count(world: &World, store: &str, pattern: &str) -> String {
    let query = format!("SELECT (COUNT(*) AS ?n) {{ {pattern} }}");
    let query = ["query", &query, "--store", store, "--format", "csv"];
    let printed = run(&mut world.clip_search(&query)).ok();
    printed.lines().nth(1).unwrap().to_owned()
}

#[test]
fn every_format_is_loaded_also_gzipped() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let metadata = fs::read(world.path("metadata.ttl")).unwrap();
    let quads: Vec<Quad> = RdfParser::from_format(RdfFormat::Turtle)
        .for_slice(&metadata)
        .map(Result::unwrap)
        .collect();
    assert_eq!(quads.len(), N_TRIPLES);
    let graph = NamedNode::new("http://example.org/graph").unwrap();
    for ending in [
        "ttl", "nt", "nq", "trig", "rdf", "owl", "xml", "jsonld", "json",
    ] {
        let extension = match ending {
            "json" => "jsonld",
            "owl" => "rdf",
            other => other,
        };
        let format = RdfFormat::from_extension(extension).unwrap();
        let mut serializer = RdfSerializer::from_format(format).for_writer(Vec::new());
        for quad in &quads {
            let mut quad = quad.clone();
            if format.supports_datasets() {
                quad.graph_name = GraphName::from(graph.clone());
            }
            serializer.serialize_quad(&quad).unwrap();
        }
        let plain = serializer.finish().unwrap();
        let mut gzipped = GzEncoder::new(Vec::new(), Compression::default());
        gzipped.write_all(&plain).unwrap();
        let gzipped = gzipped.finish().unwrap();
        for (name, bytes) in [
            (format!("metadata.{ending}"), &plain),
            (format!("METADATA.{ending}.gz"), &gzipped),
        ] {
            let file = text_of(&dir.path().join(&name));
            let store = text_of(&dir.path().join(format!("store-{name}")));
            fs::write(&file, bytes).unwrap();
            let printed = run(&mut clip_search(&["load", "--store", &store, &file])).ok();
            assert_eq!(
                printed,
                format!("{file}: {N_TRIPLES} triples\n{store} holds {N_TRIPLES} triples\n")
            );
            let pattern = match format.supports_datasets() {
                true => {
                    "GRAPH <http://example.org/graph> { ?work dct:title \"Burg auf einem Hügel\"@de }"
                }
                false => "?work dct:title \"Burg auf einem Hügel\"@de",
            };
            let pattern = pattern.replace("dct:title", "<http://purl.org/dc/terms/title>");
            assert_eq!(count(&world, &store, &pattern), "1", "{name}");
        }
    }
}

#[test]
fn files_add_up_in_graphs_and_a_broken_one_changes_nothing() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let at = |name: &str| text_of(&dir.path().join(name));
    let store = at("store");
    fs::write(at("a.nt"), "<urn:a> <urn:p> \"a\" .\n").unwrap();
    fs::write(at("b.ttl"), "<urn:b> <urn:p> <relative>, _:b .\n").unwrap();
    fs::write(
        at("broken.ttl"),
        "<urn:c> <urn:p> 1 .\n<urn:d> <urn:p> ; .\n",
    )
    .unwrap();
    fs::write(at("cut.nt.gz"), &b"\x1f\x8b\x08\x00"[..]).unwrap();
    fs::write(at("notes.txt"), "").unwrap();
    let load = |arguments: &[&str]| {
        let command = [&["load", "--store", &store], arguments].concat();
        run(&mut clip_search(&command))
    };
    assert!(
        load(&[&at("a.nt"), &at("b.ttl")])
            .ok()
            .contains("holds 3 triples")
    );
    let in_graph = load(&["--graph", "urn:graph", &at("a.nt"), &at("a.nt")]).ok();
    assert!(in_graph.contains("holds 4 triples"), "{in_graph}");
    assert_eq!(count(&world, &store, "GRAPH <urn:graph> { ?s ?p ?o }"), "1");

    let (a, b, broken) = (at("a.nt"), at("b.ttl"), at("broken.ttl"));
    for (arguments, expected) in [
        (&[broken.as_str()][..], "broken.ttl is not valid Turtle: "),
        (&[&at("cut.nt.gz")], "cut.nt.gz cannot be read: "),
        (
            &[&at("notes.txt")],
            "notes.txt has no known RDF file ending; known are .ttl",
        ),
        (&[&at("none.ttl")], "none.ttl cannot be read: No such file"),
        (&["--graph", "no iri", &a], "no iri is not an absolute IRI"),
        (&["--base", "images/", &b], "images/ is not an absolute IRI"),
    ] {
        let sentence = load(arguments).sentence(1);
        assert!(sentence.contains(expected), "{sentence}");
    }
    let sentence = load(&[&broken]).sentence(1);
    assert!(sentence.contains("line 2"), "{sentence}");
    assert_eq!(count(&world, &store, "?s ?p ?o"), "3", "as before");

    load(&["--base", "http://img.example.org/", &b]).ok();
    let relative = "<urn:b> ?p <http://img.example.org/relative>";
    assert_eq!(count(&world, &store, relative), "1");
}

/// <https://www.unicode.org/faq/utf_bom.html>: a byte order mark is no part of the text.
#[test]
fn a_byte_order_mark_is_skipped_also_gzipped() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let text = "\u{feff}<http://example.org/a> <http://example.org/b> \"\u{feff}c\" .\n";
    let mut gzipped = GzEncoder::new(Vec::new(), Compression::default());
    gzipped.write_all(text.as_bytes()).unwrap();
    let gzipped = gzipped.finish().unwrap();
    for ending in ["ttl", "nt", "nq", "trig"] {
        for (name, bytes) in [
            (format!("a.{ending}"), text.as_bytes()),
            (format!("a.{ending}.gz"), gzipped.as_slice()),
        ] {
            let file = text_of(&dir.path().join(&name));
            let store = text_of(&dir.path().join(format!("store-{name}")));
            fs::write(&file, bytes).unwrap();
            run(&mut clip_search(&["load", "--store", &store, &file])).ok();
            // The mark inside the literal is text and stays.
            let found = count(&world, &store, "?s ?p ?o FILTER(STRLEN(?o) = 2)");
            assert_eq!(found, "1", "{name}");
        }
    }
}
