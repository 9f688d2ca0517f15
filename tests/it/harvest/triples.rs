//! The triples of documents that give names twice, or none.

use clip_search::harvest::{parse, triples};
use oxigraph::io::RdfFormat;
use oxigraph::sparql::{QueryResults, SparqlEvaluator};
use oxigraph::store::Store;
use serde_json::{Value, json};

const PLACE: &str = "https://example.org/books/m.json";

fn store(document: &Value) -> Store {
    let document = parse(document.to_string().as_bytes()).unwrap();
    let text = triples::of(&document, PLACE, Some("https://example.org/all"));
    assert_eq!(
        text,
        triples::of(&document, PLACE, Some("https://example.org/all"))
    );
    let store = Store::new().unwrap();
    store
        .load_from_slice(RdfFormat::NTriples, text.as_bytes())
        .unwrap();
    store
}

/// The rows of `query`, sorted, each as a line.
fn rows(store: &Store, query: &str) -> Vec<String> {
    let prefixes = "PREFIX as: <http://www.w3.org/ns/activitystreams#>
        PREFIX dcterms: <http://purl.org/dc/terms/>
        PREFIX oa: <http://www.w3.org/ns/oa#>
        PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
        PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
        PREFIX sc: <http://iiif.io/api/presentation/3#>
        PREFIX schema: <https://schema.org/>";
    let parsed = SparqlEvaluator::new()
        .parse_query(&format!("{prefixes} {query}"))
        .unwrap();
    let QueryResults::Solutions(solutions) = parsed.on_store(store).execute().unwrap() else {
        panic!("a SELECT");
    };
    let mut rows: Vec<String> = solutions
        .map(|solution| {
            let solution = solution.unwrap();
            let terms: Vec<String> = solution.iter().map(|(_, term)| term.to_string()).collect();
            terms.join(" ")
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn names_that_are_given_twice_do_not_mix_images() {
    let image = |n: u32| {
        json!({"type": "Annotation", "id": "https://example.org/a", "motivation": "painting", "body":
        {"id": "https://example.org/i.jpg", "type": "Image", "service": {"id": format!("https://example.org/iiif/{n}"), "type": "ImageService3"}}})
    };
    let canvas = |n: u32| json!({"type": "Canvas", "label": {"none": [n.to_string()]}, "items": [{"items": [image(n)]}]});
    let store = store(&json!({"type": "Manifest", "items": [canvas(1), canvas(2), canvas(3)]}));
    assert_eq!(
        rows(
            &store,
            "SELECT ?image ?label { ?annotation oa:hasBody/schema:potentialAction ?image ; oa:hasTarget/rdfs:label ?label }"
        ),
        [1, 2, 3].map(|n| format!("<https://example.org/iiif/{n}> \"{n}\""))
    );
    // The manifest has the name of its place, the canvases are in their order.
    assert_eq!(
        rows(
            &store,
            "SELECT ?m ?label { ?m a sc:Manifest ; as:items/rdf:rest/rdf:first/rdfs:label ?label }"
        ),
        [format!("<{PLACE}> \"2\"")]
    );
}

#[test]
fn names_are_made_whole_and_words_stay_words() {
    let store = store(&json!({
        "@id": "m.json#x y", "@type": "sc:Manifest", "label": {"@value": "A \"book\"\n\\", "@language": "no language"},
        "license": ["free for all", "https://example.org/license"], "within": "../all",
        "sequences": [{"canvases": [{"@id": "p 1", "images": [{"resource": {
            "@type": "dctypes:Image", "service": {"@id": "https://example.org/iiif/a b|c"}}}]}]}]
    }));
    for (query, expected) in [
        (
            "SELECT ?s { ?s a sc:Manifest }",
            vec!["<https://example.org/books/m.json#x%20y>"],
        ),
        (
            "SELECT ?s { ?s a sc:Canvas }",
            vec!["<https://example.org/books/p%201>"],
        ),
        (
            "SELECT ?o { ?s a sc:Manifest ; rdfs:label ?o }",
            vec![r#""A \"book\"\n\\""#],
        ),
        (
            "SELECT ?o { ?s dcterms:rights ?o }",
            vec!["\"free for all\"", "<https://example.org/license>"],
        ),
        (
            "SELECT ?o { ?s a sc:Manifest ; dcterms:isPartOf ?o }",
            vec!["<https://example.org/all>"],
        ),
        (
            "SELECT ?o { ?s schema:potentialAction ?o }",
            vec!["<https://example.org/iiif/a%20b%7Cc>"],
        ),
    ] {
        assert_eq!(rows(&store, query), expected, "{query}");
    }
}

#[test]
fn members_of_a_collection_are_parts_of_it() {
    let sample: Value = serde_json::from_str(include_str!("samples/collection.json")).unwrap();
    let found = rows(
        &store(&sample),
        "SELECT ?part { ?part dcterms:isPartOf <https://example.org/c> }",
    );
    assert_eq!(
        found,
        [
            "<https://example.org/books/f>",
            "<https://example.org/books/m>",
            "<https://example.org/d>",
            "<https://example.org/e>",
        ]
    );
}
