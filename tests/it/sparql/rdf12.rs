//! SPARQL 1.2: triple terms, annotations and base directions, alone and beside requests.

use super::{METADATA, World};
use clip_search::sparql::SparqlOptions;
use oxigraph::io::RdfFormat;
use oxigraph::store::Store;

const PREFIXES: &str = "PREFIX dct: <http://purl.org/dc/terms/> PREFIX ex: <http://example.org/>
    PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
    PREFIX clip: <https://service.swissartresearch.net/clip/>";

/// The metadata, with who says so and a title that is written from right to left.
fn world() -> World {
    let store = Store::new().unwrap();
    let more = r#"
        ex:w0 ex:attributedTo ex:hodler {| ex:source "catalogue" ; ex:certain true |} .
        ex:w1 ex:attributedTo ex:hodler {| ex:source "letter" |} .
        ex:w2 dct:title "مركب"@ar--rtl .
        ex:claim ex:says <<( ex:w3 ex:attributedTo ex:anker )>> .
    "#;
    store
        .load_from_slice(RdfFormat::TriG, format!("{METADATA}{more}").as_bytes())
        .unwrap();
    World::with(SparqlOptions::default(), store)
}

#[track_caller]
fn rows(query: &str) -> Vec<String> {
    let mut rows = world().rows(&format!("{PREFIXES} {query}"));
    rows.sort_unstable();
    rows
}

#[test]
fn annotations_are_joined_with_requests() {
    let request =
        "?r a clip:Request ; clip:queryString 'lake' ; clip:minScore -1 ; clip:iiifUrl ?i .";
    for source in [
        "?w ex:attributedTo ?p {| ex:source ?s |} .",
        "<< ?w ex:attributedTo ?p >> ex:source ?s .",
        "?x rdf:reifies <<( ?w ex:attributedTo ?p )>> ; ex:source ?s .",
        "{ SELECT ?s (SUBJECT(?t) AS ?w) { ?x rdf:reifies ?t ; ex:source ?s FILTER(isTRIPLE(?t)) } }",
        // A blank node in a triple term is a variable that cannot be asked for.
        "?x rdf:reifies <<( ?w ex:attributedTo _:p )>> ; ex:source ?s .",
        "{ SELECT ?w ?s { ?x rdf:reifies <<( ?w ex:attributedTo ?hidden )>> ; ex:source ?s } }",
    ] {
        assert_eq!(
            rows(&format!(
                "SELECT ?i ?s {{ {request} ?w dct:hasFormat ?i . {source} }}"
            )),
            [
                "<https://iiif.example.org/img0>\t\"catalogue\"",
                "<https://iiif.example.org/img1>\t\"letter\"",
            ],
            "{source}"
        );
    }
}

#[test]
fn triple_terms_are_written_in_every_format() {
    let query = "SELECT ?i ?t { ?r a clip:Request ; clip:queryString 'lake' ; clip:limit 1 ; clip:iiifUrl ?i . ?c ex:says ?t }";
    let found = rows(query);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with(
            "<<( <http://example.org/w3> <http://example.org/attributedTo> <http://example.org/anker> )>>"
        ),
        "{found:?}"
    );
    let made = rows("SELECT (TRIPLE(ex:a, ex:b, 1) AS ?t) {}");
    assert_eq!(made.len(), 1);
}

#[test]
fn base_directions_are_kept_and_asked_for() {
    assert_eq!(
        rows("SELECT (LANGDIR(?t) AS ?d) { ex:w2 dct:title ?t FILTER(hasLANGDIR(?t)) }"),
        ["\"rtl\""]
    );
    assert_eq!(
        rows("SELECT (STRLANGDIR('a', 'ar', 'rtl') AS ?x) {}"),
        ["\"a\"@ar--rtl"]
    );
    // As the text of a request it is the text.
    assert_eq!(
        rows(
            "SELECT ?q { ex:w2 dct:title ?q FILTER(LANG(?q) = 'ar') ?r a clip:Request ; clip:queryString ?q ; clip:limit 1 }"
        ),
        ["\"مركب\"@ar--rtl"]
    );
}

#[test]
fn a_version_may_be_announced() {
    assert_eq!(
        world()
            .rows("VERSION \"1.2\" SELECT ?x { BIND(1 AS ?x) }")
            .len(),
        1
    );
}

#[test]
fn a_triple_term_is_no_value_of_a_request() {
    let world = world();
    for (property, name) in [("queryString", "queryString"), ("iiifUrl", "iiifUrl")] {
        let error = world.error(&format!(
            "{PREFIXES} SELECT * {{ ?r a clip:Request ; clip:queryString 'x' ; clip:{property} <<( ex:a ex:b ex:c )>> }}"
        ));
        assert!(
            error.contains(&format!("clip:{name}")) && error.contains("triple term"),
            "{error}"
        );
    }
    // What is only talked about is no request.
    assert_eq!(
        world
            .rows(&format!(
                "{PREFIXES} SELECT * {{ ?x rdf:reifies <<( ?r a clip:Request )>> }}"
            ))
            .len(),
        0
    );
}
