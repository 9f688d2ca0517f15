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

/// Loads one file into a store of its own, and gives what was printed.
fn load_one(
    dir: &TempDir,
    name: &str,
    content: &str,
    more: &[&str],
) -> (crate::process::Ended, String) {
    let file = text_of(&dir.path().join(name));
    fs::write(&file, content).unwrap();
    let store = text_of(&dir.path().join(format!("store-{name}")));
    let mut arguments = vec!["load", "--store", &store, &file];
    arguments.extend(more);
    (run(&mut clip_search(&arguments)), store)
}

#[test]
fn contexts_of_museums_are_carried_and_others_named() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let crm = "PREFIX crm: <http://www.cidoc-crm.org/cidoc-crm/> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>";
    for (name, context, rest, pattern, n) in [
        (
            "object.json",
            "\"https://linked.art/ns/v1/linked-art.json\"",
            r#""id": "https://example.org/o", "type": "HumanMadeObject", "_label": "Painting",
               "identified_by": [{"type": "Name", "content": "Thunersee"}],
               "produced_by": {"type": "Production", "carried_out_by": [{"id": "https://example.org/hodler", "type": "Person"}],
                 "timespan": {"type": "TimeSpan", "begin_of_the_begin": "1905-01-01T00:00:00Z"}},
               "representation": [{"type": "VisualItem", "digitally_shown_by": [{"type": "DigitalObject", "access_point": [{"id": "https://example.org/iiif/o"}]}]}],
               "unheard_of": "kept""#,
            "?o a crm:E22_Human-Made_Object ; rdfs:label 'Painting' ; crm:P1_is_identified_by/crm:P190_has_symbolic_content 'Thunersee' ; crm:P108i_was_produced_by ?p . ?p crm:P14_carried_out_by <https://example.org/hodler> ; crm:P4_has_time-span/crm:P82a_begin_of_the_begin ?begin . ?o crm:P138i_has_representation/<https://linked.art/ns/terms/digitally_shown_by>/<https://linked.art/ns/terms/access_point> <https://example.org/iiif/o> ; <https://linked.art/ns/terms/unheard_of> 'kept'",
            "1",
        ),
        (
            "manifest.json",
            "\"http://iiif.io/api/presentation/3/context.json\"",
            r#""id": "https://example.org/m", "type": "Manifest", "label": {"de": ["Ein Buch"], "none": ["1"]},
               "items": [{"id": "https://example.org/c", "type": "Canvas", "height": 3, "width": 2, "items": [{"id": "https://example.org/p", "type": "AnnotationPage",
                 "items": [{"id": "https://example.org/a", "type": "Annotation", "motivation": "painting", "target": "https://example.org/c",
                   "body": {"id": "https://example.org/i/full/max/0/default.jpg", "type": "Image", "service": [{"id": "https://example.org/i", "type": "ImageService3", "profile": "level1"}, {"@context": "http://iiif.io/api/auth/1/context.json", "@id": "https://example.org/login", "confirmLabel": "Log in"}]}}]}]}]"#,
            "?m a <http://iiif.io/api/presentation/3#Manifest> ; rdfs:label 'Ein Buch'@de, '1' . ?a <http://www.w3.org/ns/oa#hasTarget> <https://example.org/c> ; <http://www.w3.org/ns/oa#motivatedBy> <http://iiif.io/api/presentation/3#painting> ; <http://www.w3.org/ns/oa#hasBody>/<https://schema.org/potentialAction> <https://example.org/i> . <https://example.org/login> <http://iiif.io/api/auth/1#confirmLabel> 'Log in'",
            "1",
        ),
        (
            "manifest2.jsonld",
            "\"http://iiif.io/api/presentation/2/context.json\"",
            r#""@id": "https://example.org/m", "@type": "sc:Manifest", "label": "A book", "sequences": [{"@type": "sc:Sequence", "canvases": [{"@id": "https://example.org/c", "@type": "sc:Canvas",
                 "images": [{"@type": "oa:Annotation", "motivation": "sc:painting", "on": "https://example.org/c", "resource": {"@id": "https://example.org/i.jpg",
                   "service": {"@context": "http://iiif.io/api/image/2/context.json", "@id": "https://example.org/i", "profile": "http://iiif.io/api/image/2/level1.json"}}}]}]}]"#,
            "?m rdfs:label 'A book' . ?a <http://www.w3.org/ns/oa#hasTarget> <https://example.org/c> ; <http://www.w3.org/ns/oa#hasBody>/<http://rdfs.org/sioc/services#has_service> <https://example.org/i>",
            "1",
        ),
        (
            "annotation.jsonld",
            "[\"https://www.w3.org/ns/anno.jsonld\", {\"ex\": \"http://example.org/\"}]",
            r#""id": "https://example.org/a", "type": "Annotation", "motivation": "tagging", "ex:by": "us", "body": {"type": "TextualBody", "value": "lake"}, "target": "https://example.org/i""#,
            "?a a <http://www.w3.org/ns/oa#Annotation> ; <http://example.org/by> 'us' ; <http://www.w3.org/ns/oa#motivatedBy> <http://www.w3.org/ns/oa#tagging> ; <http://www.w3.org/ns/oa#hasBody>/<http://www.w3.org/1999/02/22-rdf-syntax-ns#value> 'lake'",
            "1",
        ),
    ] {
        let json = format!("{{\"@context\": {context}, {rest}}}");
        let (ended, store) = load_one(&dir, name, &json, &[]);
        ended.ok();
        let query = format!("{crm} SELECT (COUNT(*) AS ?n) {{ {pattern} }}");
        let query = ["query", &query, "--store", &store, "--format", "csv"];
        let printed = run(&mut world.clip_search(&query)).ok();
        assert_eq!(printed.lines().nth(1), Some(n), "{name}: {printed}");
    }
    let json =
        r#"{"@context": "https://example.org/context.jsonld", "@id": "http://e/a", "b": "c"}"#;
    let (ended, _) = load_one(&dir, "other.json", json, &[]);
    let sentence = ended.sentence(1);
    assert!(
        sentence.contains("context https://example.org/context.jsonld")
            && sentence.contains("is not fetched"),
        "{sentence}"
    );
}

#[test]
fn statements_that_cannot_be_read_may_be_left_out() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let good = |n: usize| format!("<http://x/ok{n}> <http://x/t> \"fine\" .\n");
    let bad = [
        "<http://x/a b> <http://x/t> \"a space\" .\n",
        "<http://x/a> <http://x/t> \"zh\"@zh-classical .\n",
        "<http://x/a> <http://x/t> .\n",
        "<http://x/a> <http://x/t> \"\\q\" .\n",
    ];
    let text: String = (0..40)
        .flat_map(|n| {
            [
                good(n),
                if n % 3 == 0 {
                    bad[n / 3 % 4].to_owned()
                } else {
                    String::new()
                },
            ]
        })
        .collect();
    for name in ["dump.nt", "dump.nq", "dump.ttl"] {
        let (strict, _) = load_one(&dir, &format!("strict-{name}"), &text, &[]);
        strict.sentence(1);
        let (ended, store) = load_one(&dir, name, &text, &["--skip-errors"]);
        let told = format!("{ended:?}");
        ended.ok();
        assert!(told.contains("statements were left out"), "{told}");
        assert!(told.contains("line 2"), "{told}");
        let n: usize = count(&world, &store, "?s <http://x/t> \"fine\"")
            .parse()
            .unwrap();
        assert_eq!(n, 40, "{name}");
    }
    // In which graph a statement stands is not known after an error: nothing of the file is stored.
    let trig = "<http://x/g> { <http://x/a b> <http://x/t> 1 . <http://x/c> <http://x/t> 2 . }";
    let (ended, store) = load_one(&dir, "dump.trig", trig, &["--skip-errors"]);
    let sentence = ended.sentence(1);
    assert!(
        sentence.contains("--skip-errors is for Turtle"),
        "{sentence}"
    );
    assert_eq!(
        count(
            &world,
            &store,
            "{ ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } }"
        ),
        "0"
    );
}

#[test]
fn who_loads_is_told_when_a_running_service_sees_it() {
    let dir = TempDir::new().unwrap();
    let load = || {
        let content = "<http://x/a> <http://x/b> <http://x/c> .\n";
        let (ended, _) = load_one(&dir, "a.nt", content, &[]);
        format!("{ended:?}")
    };
    // Nobody serves what is only being made.
    assert!(!load().contains("sees this in a few seconds"));
    assert!(load().contains("sees this in a few seconds"));
}

#[test]
fn a_folder_is_called_one() {
    let dir = TempDir::new().unwrap();
    let store = text_of(&dir.path().join("store"));
    for name in ["folder", "folder.ttl"] {
        let folder = dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        let ended = run(&mut clip_search(&[
            "load",
            "--store",
            &store,
            &text_of(&folder),
        ]));
        let sentence = ended.sentence(1);
        assert!(
            sentence.contains("is a folder; name the RDF files in it"),
            "{sentence}"
        );
    }
}
