//! Real triple stores and clients call the running service; what they answer is what it answers alone.

use crate::process::{program, run};
use crate::support;
use crate::world::{World, repository, table};
use std::fs;
use tempfile::NamedTempFile;

const PREFIXES: &str = "PREFIX clip: <https://service.swissartresearch.net/clip/>
PREFIX dct: <http://purl.org/dc/terms/>
PREFIX work: <http://example.org/work/>
PREFIX person: <http://example.org/person/>
";
/// What all requests ask.
const SEARCH: &str = "?request a clip:Request ; clip:queryString \"a boat\" ; clip:minScore \"-1\" ; clip:score ?score ; clip:iiifUrl ?iiif .";

/// Queries with `SERVICE` before the block that this service answers: name, text.
const FEDERATED: [(&str, &str); 14] = [
    (
        "the service first",
        "SELECT ?iiif ?score ?title { SERVICE { {S} } ?work dct:hasFormat ?iiif ; dct:title ?title }",
    ),
    (
        "local patterns first",
        "SELECT ?iiif ?score ?title { ?work dct:hasFormat ?iiif ; dct:title ?title . SERVICE { {S} } }",
    ),
    (
        "one local row first",
        "SELECT ?iiif ?score { work:two-ships dct:hasFormat ?iiif . SERVICE { {S} } }",
    ),
    (
        "a few local rows first",
        "SELECT ?iiif ?score ?work { ?work dct:creator person:carlo-riva ; dct:hasFormat ?iiif . SERVICE { {S} } }",
    ),
    (
        "texts by VALUES",
        "SELECT ?q ?iiif ?score { SERVICE { VALUES ?q { \"a boat\" \"ein Berg\"@de } ?r a clip:Request ; clip:queryString ?q ; clip:minScore \"-1\" ; clip:iiifUrl ?iiif ; clip:score ?score } ?work dct:hasFormat ?iiif }",
    ),
    (
        "the best of the service",
        "SELECT ?iiif ?score { SERVICE { SELECT ?iiif ?score { {S} } ORDER BY DESC(?score) LIMIT 5 } ?work dct:hasFormat ?iiif }",
    ),
    (
        "a limit of the request",
        "SELECT ?iiif ?score { SERVICE { {S} ?request clip:limit 4 . } }",
    ),
    (
        "images by VALUES inside",
        "SELECT ?iiif ?score { SERVICE { VALUES ?iiif { <{IIIF}/coin.jpg> <{IIIF}/map.jpg> <http://example.org/none> } {S} } }",
    ),
    (
        "two requests in one block",
        "SELECT ?iiif ?score ?other { SERVICE { {S} ?second a clip:Request ; clip:queryString \"a mountain\" ; clip:minScore \"-1\" ; clip:iiifUrl ?iiif ; clip:score ?other } }",
    ),
    (
        "a blank node",
        "SELECT ?iiif ?score { SERVICE { [] a clip:Request ; clip:queryString \"a boat\" ; clip:minScore \"-1\" ; clip:iiifUrl ?iiif ; clip:score ?score } }",
    ),
    (
        "a filter inside",
        "SELECT ?iiif ?score { SERVICE { {S} FILTER(?score > {T}) } }",
    ),
    (
        "a filter outside",
        "SELECT ?iiif ?score { SERVICE { {S} } FILTER(?score > {T}) }",
    ),
    (
        "an optional call",
        "SELECT ?work ?score { ?work dct:hasFormat ?iiif OPTIONAL { SERVICE { {S} } } }",
    ),
    (
        "a count outside",
        "SELECT ?creator (COUNT(?iiif) AS ?n) (MAX(?score) AS ?best) { SERVICE { {S} } ?work dct:hasFormat ?iiif ; dct:creator ?creator } GROUP BY ?creator",
    ),
];

fn ask(python: &str, engine: &str, query: &str, source: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), query).unwrap();
    let mut command = program(python);
    command
        .arg(repository("tests/it/end_to_end/engines.py"))
        .arg(engine)
        .arg(file.path())
        .arg(source);
    table(&run(&mut command).ok())
}

/// Variables and rows, neither of which is in any order.
fn unordered((variables, rows): (Vec<String>, Vec<Vec<String>>)) -> Vec<Vec<(String, String)>> {
    let mut rows: Vec<Vec<(String, String)>> = (rows.into_iter())
        .map(|row| {
            let mut row: Vec<_> = variables.iter().cloned().zip(row).collect();
            row.sort();
            row
        })
        .collect();
    rows.sort();
    rows
}

fn text(query: &str, world: &World) -> String {
    let all = world.select(&format!(
        "{PREFIXES} SELECT ?score {{ {SEARCH} }} ORDER BY DESC(?score)"
    ));
    let query = query
        .replace("{S}", SEARCH)
        .replace("{IIIF}", &world.iiif)
        // A score in the middle, whatever the model's random weights give.
        .replace("{T}", &all.1[6][0]);
    format!("{PREFIXES}{query}")
}

#[test]
fn triple_stores_join_what_this_service_answers() {
    for engine in ["pyoxigraph", "rdflib"] {
        let Some(python) = support::python(engine) else {
            return;
        };
        let world = World::shared();
        for (name, query) in FEDERATED {
            let query = text(query, &world);
            let service = format!("SERVICE <{}/sparql>", world.service);
            let federated = query.replace("SERVICE", &service);
            let found = unordered(ask(
                &python,
                engine,
                &federated,
                &world.path("metadata.ttl"),
            ));
            let local = unordered(world.select(&query.replace("SERVICE", "")));
            assert!(!local.is_empty(), "{name}");
            assert_eq!(found, local, "{engine}: {name}");
        }
    }
}

/// rdflib sends the texts that its own patterns bind; pyoxigraph sends nothing, and its user reads why
/// that cannot be answered.
#[test]
fn texts_of_the_other_store_are_searched_for_if_they_are_sent() {
    let Some(python) = support::python("rdflib") else {
        return;
    };
    let world = World::shared();
    let query = text(
        "SELECT ?title ?iiif ?score { ?w dct:title ?title ; dct:creator person:carlo-riva . SERVICE { ?r a clip:Request ; clip:queryString ?title ; clip:minScore \"-1\" ; clip:limit 3 ; clip:iiifUrl ?iiif ; clip:score ?score } }",
        &world,
    );
    let service = format!("SERVICE <{}/sparql>", world.service);
    let federated = query.replace("SERVICE", &service);
    let metadata = world.path("metadata.ttl");
    let found = unordered(ask(&python, "rdflib", &federated, &metadata));
    assert_eq!(
        found,
        unordered(world.select(&query.replace("SERVICE", "")))
    );

    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), &federated).unwrap();
    let mut command = program(&python);
    command.arg(repository("tests/it/end_to_end/engines.py"));
    command.arg("pyoxigraph").arg(file.path()).arg(&metadata);
    let ended = run(&mut command);
    assert_ne!(ended.code, Some(0));
    assert!(
        ended
            .stderr
            .contains("put the value or the VALUES inside the SERVICE block"),
        "{}",
        ended.stderr
    );
}

#[test]
fn sparqlwrapper_reads_every_form() {
    let Some(python) = support::python("SPARQLWrapper") else {
        return;
    };
    let world = World::shared();
    let query = text(
        "SELECT ?iiif ?score ?title { {S} ?work dct:hasFormat ?iiif ; dct:title ?title FILTER(LANG(?title) = 'de') }",
        &world,
    );
    let expected = world.select(&query);
    assert_eq!(expected.1.len(), 12);
    for way in ["get-json", "post-json", "body-json", "get-xml", "post-xml"] {
        let endpoint = format!("{}/sparql", world.service);
        assert_eq!(ask(&python, way, &query, &endpoint), expected, "{way}");
    }
}

/// The example, as its reader would run it.
#[test]
fn the_example_of_federation_runs_in_pyoxigraph() {
    let Some(python) = support::python("pyoxigraph") else {
        return;
    };
    let world = World::shared();
    let federated = fs::read_to_string(world.path("examples/federated.rq")).unwrap();
    let found = ask(
        &python,
        "pyoxigraph",
        &federated,
        &world.path("metadata.ttl"),
    );
    let local = federated.replace(&format!("SERVICE <{}/sparql>", world.service), "");
    assert_ne!(local, federated);
    assert_eq!(found, world.select(&local));
    assert_eq!(found.1.len(), 10);
}
