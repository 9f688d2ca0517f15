//! Which plan is taken, and what it costs: bounds on the work done, not on the time.

use super::{World, direction};
use clip_search::collection::Collection;
use clip_search::features::Features;
use clip_search::image_id::image_id;
use clip_search::sparql::explain::{Explanation, PlanKind, RequestExplanation};
use clip_search::sparql::{PlannerOptions, QueryRequest, SparqlOptions};
use ndarray::Array2;
use oxigraph::model::{GraphName, Literal, NamedNode, Quad};
use oxigraph::store::Store;
use std::sync::atomic::Ordering;

const N: usize = 4000;

fn url(i: usize) -> String {
    format!("https://iiif.example.org/{i}")
}

/// Every image has a work; the second half is in Bern; one in a hundred shows a lake.
fn world_with(planner: PlannerOptions) -> World {
    let urls: Vec<String> = (0..N).map(url).collect();
    let rows: Vec<f32> = (urls.iter())
        .flat_map(|url| direction(url.as_bytes()).as_slice().to_vec())
        .collect();
    let ids = urls.iter().map(|url| image_id(url)).collect();
    let features = Features::from_unit_rows(Array2::from_shape_vec((N, 4), rows).unwrap());
    let store = Store::new().unwrap();
    let node = |name: &str| NamedNode::new_unchecked(format!("http://example.org/{name}"));
    let quads = (0..N).flat_map(|i| {
        let work = node(&format!("w{i}"));
        let quad = |name: &str, object: NamedNode| {
            Quad::new(work.clone(), node(name), object, GraphName::DefaultGraph)
        };
        let mut quads = vec![
            quad("image", NamedNode::new_unchecked(url(i))),
            quad("place", node(if i < N / 2 { "lugano" } else { "bern" })),
            Quad::new(
                work.clone(),
                node("title"),
                Literal::new_simple_literal(format!("Work {i}")),
                GraphName::DefaultGraph,
            ),
        ];
        quads.extend((i % 100 == 0).then(|| quad("shows", node("lake"))));
        quads
    });
    store.extend(quads).unwrap();
    let options = SparqlOptions {
        planner,
        ..SparqlOptions::default()
    };
    World::over(Collection::new(features, ids, urls), options, store)
}

fn world() -> World {
    world_with(PlannerOptions::default())
}

/// The query with a request for everything in the place of `{R}`.
pub(super) fn full(query: &str) -> String {
    format!(
        "PREFIX : <http://example.org/> PREFIX clip: <https://service.swissartresearch.net/clip/> {}",
        query.replace(
            "{R}",
            "?r a clip:Request ; clip:queryString 'lake' ; clip:minScore -1 ; clip:iiifUrl ?i ; clip:score ?s ."
        )
    )
}

fn explain(world: &World, query: &str) -> Explanation {
    let query = full(query);
    let request = QueryRequest {
        query: &query,
        ..QueryRequest::default()
    };
    let explanation = world
        .sparql
        .explain(&request)
        .unwrap_or_else(|e| panic!("{query}\n{e}"));
    if query.contains("ASK") || query.contains("CONSTRUCT") {
        return explanation;
    }
    // Explaining answers the query: its rows are those of the answer.
    assert_eq!(explanation.rows, world.rows(&query).len(), "{query}");
    explanation
}

#[track_caller]
fn only(explanation: &Explanation) -> &RequestExplanation {
    let [request] = &explanation.requests[..] else {
        panic!("{explanation}")
    };
    assert!(request.exact);
    request
}

#[test]
fn the_first_rows_take_the_first_hits() {
    let world = world();
    for query in [
        "SELECT ?i { {R} } LIMIT 10",
        "SELECT ?i ?s { {R} } ORDER BY DESC(?s) LIMIT 10",
        "SELECT ?i ?t { {R} ?w :image ?i ; :title ?t } ORDER BY DESC(?s) ?t LIMIT 10",
        "SELECT ?i ?t { ?w :image ?i . {R} OPTIONAL { ?w :title ?t } } ORDER BY DESC(?s) LIMIT 5 OFFSET 5",
        "SELECT DISTINCT ?p { {R} ?w :image ?i ; :place ?p } LIMIT 2",
        "SELECT ?i { {R} ?w :image ?i ; :place :bern } ORDER BY DESC(?s) LIMIT 10",
        "SELECT ?i { { SELECT ?i ?s { {R} ?w :image ?i ; :place :bern } } } ORDER BY DESC(?s) LIMIT 10",
        "ASK { {R} ?w :image ?i ; :place :bern }",
        "SELECT * { { SELECT ?i ?s { {R} } ORDER BY DESC(?s) LIMIT 10 } }",
        "SELECT ?t { { SELECT ?i { {R} } LIMIT 10 OFFSET 3 } ?w :image ?i ; :title ?t }",
        "SELECT ?p (COUNT(*) AS ?n) { { SELECT ?w { {R} ?w :image ?i } LIMIT 20 } ?w :place ?p } GROUP BY ?p",
        "SELECT ?w ?s { ?w :shows :lake OPTIONAL { SELECT ?w ?s { {R} ?w :image ?i } LIMIT 20 } }",
        "CONSTRUCT { ?w :best ?s } WHERE { SELECT ?w ?s { {R} ?w :image ?i } LIMIT 20 }",
    ] {
        let explanation = explain(&world, query);
        let request = only(&explanation);
        assert_eq!(request.plan, PlanKind::SearchFirst, "{query}\n{request}");
        assert_eq!(request.images_scored, N, "{query}\n{request}");
        assert_eq!(request.hits, N, "{query}\n{request}");
        assert_eq!(request.blocks, 1, "{query}\n{request}");
        // No block ends between equal scores, hence not exactly 64.
        assert!(request.hits_joined < 100, "{query}\n{request}");
    }
}

/// Where the rows are not those of the blocks put together, all hits are joined.
#[test]
fn what_needs_all_hits_gets_them() {
    let world = world();
    for query in [
        "SELECT ?i { {R} } ORDER BY ?s LIMIT 10",
        "SELECT ?i { {R} }",
        "SELECT ?p (COUNT(*) AS ?n) { {R} ?w :image ?i ; :place ?p } GROUP BY ?p LIMIT 1",
        "SELECT ?i { { SELECT DISTINCT ?i ?s { {R} } } } ORDER BY DESC(?s) LIMIT 10",
        "SELECT ?i { { SELECT ?i ?s { {R} } OFFSET 3 } } ORDER BY DESC(?s) LIMIT 10",
        "SELECT ?w { ?w :place :bern OPTIONAL { ?w :image ?i . {R} } } LIMIT 10",
    ] {
        let explanation = explain(&world, query);
        assert_eq!(only(&explanation).hits_joined, N, "{query}\n{explanation}");
    }
}

#[test]
fn few_candidates_are_all_that_is_scored() {
    let world = world();
    let candidates = N / 100;
    for query in [
        "SELECT ?i { {R} ?w :image ?i ; :shows :lake }",
        "SELECT ?i { ?w :image ?i ; :shows :lake . {R} } ORDER BY DESC(?s) LIMIT 10",
        "SELECT (AVG(?s) AS ?mean) { ?w :image ?i ; :shows :lake . {R} }",
        "SELECT ?p (COUNT(?i) AS ?n) { {R} ?w :image ?i ; :shows :lake ; :place ?p } GROUP BY ?p",
        "SELECT ?w ?s { ?w :shows :lake OPTIONAL { ?w :image ?i . {R} } }",
        "SELECT ?w ?s { ?w :shows :lake ; :image ?i OPTIONAL { {R} } }",
        "SELECT ?w { ?w :shows :lake ; :image ?i FILTER EXISTS { {R} FILTER(?s > 0.9) } }",
        "SELECT ?w ?s { ?w :shows :lake { SELECT ?w ?s { ?w :image ?i . {R} } } }",
    ] {
        let explanation = explain(&world, query);
        let request = only(&explanation);
        assert_eq!(
            request.plan,
            PlanKind::CandidatesFirst,
            "{query}\n{request}"
        );
        assert_eq!(request.candidates, Some(candidates), "{query}\n{request}");
        assert_eq!(request.rows_probed, candidates, "{query}\n{request}");
        assert_eq!(request.images_scored, candidates, "{query}\n{request}");
    }
}

#[test]
fn images_that_the_query_names_are_all_that_is_scored() {
    let world = world();
    let iris: Vec<String> = (0..1000).map(|i| format!("<{}>", url(2 * i))).collect();
    let values = format!("SELECT ?i {{ VALUES ?i {{ {} }} {{R}} }}", iris.join(" "));
    for (query, expected) in [
        (values, 1000),
        (
            format!(
                "SELECT ?s {{ {{R}} FILTER(?i IN ({}, {})) }}",
                iris[0], iris[1]
            ),
            2,
        ),
        (full("SELECT ?s { {R} }").replace("?i", &iris[7]), 1),
    ] {
        let explanation = explain(&world, &query);
        let request = only(&explanation);
        assert_eq!(request.images_scored, expected, "{request}");
        assert_eq!(request.rows_probed, 0, "{request}");
    }
}

#[test]
fn limits_and_ranks_are_counted_over_all_images() {
    let world = world();
    for query in [
        "SELECT ?i { {R} ?r clip:limit 7 . ?w :image ?i ; :shows :lake }",
        "SELECT ?i ?k { {R} ?r clip:rank ?k . ?w :image ?i ; :shows :lake }",
    ] {
        let explanation = explain(&world, query);
        let request = only(&explanation);
        assert_eq!(request.images_scored, N, "{query}\n{request}");
        assert!(
            request.reason.contains("counted over all images"),
            "{request}"
        );
    }
}

/// Engines split the triples of a request over groups; what restricts one part restricts all.
#[test]
fn a_request_that_is_spread_over_groups_scores_its_candidates_only() {
    let world = world();
    let start = "?r a clip:Request ; clip:queryString 'lake' ; clip:minScore -1 .";
    for rest in [
        "{ ?r clip:score ?s } ?r clip:iiifUrl ?i . ?w :image ?i ; :shows :lake",
        "{ ?r clip:score ?s FILTER(?s > -1) } { ?r clip:iiifUrl ?i } ?w :image ?i ; :shows :lake",
        "{ SELECT DISTINCT ?r ?s { ?r clip:score ?s } } ?w :image ?i ; :shows :lake . { ?r clip:iiifUrl ?i }",
    ] {
        let explanation = explain(&world, &format!("SELECT ?i ?s {{ {start} {rest} }}"));
        let request = only(&explanation);
        assert_eq!(request.images_scored, N / 100, "{rest}\n{request}");
        assert_eq!(explanation.rows, N / 100, "{rest}");
    }
    // Which ten are the best depends on all; a row without the optional part is one more.
    for rest in [
        "{ SELECT ?r ?s { ?r clip:score ?s } ORDER BY DESC(?s) LIMIT 10 } ?r clip:iiifUrl ?i . ?w :image ?i ; :shows :lake",
        "?w :image ?i ; :shows :lake OPTIONAL { ?r clip:iiifUrl ?i }",
    ] {
        let explanation = explain(&world, &format!("SELECT ?i ?s {{ {start} {rest} }}"));
        assert_eq!(only(&explanation).images_scored, N, "{rest}");
    }
}

#[test]
fn image_ids_choose_candidates_too() {
    let world = world();
    let ids: Vec<String> = (0..3).map(|i| format!("'{}'", image_id(&url(i)))).collect();
    let start = "?r a clip:Request ; clip:queryString 'lake' ; clip:minScore -1 ; clip:score ?s";
    for query in [
        format!(
            "SELECT ?s {{ {start} ; clip:imageId ?id FILTER(?id IN ({})) }}",
            ids.join(", ")
        ),
        format!(
            "SELECT ?s {{ VALUES ?id {{ {} 'none' 1 }} {start} ; clip:imageId ?id }}",
            ids.join(" ")
        ),
    ] {
        let explanation = explain(&world, &query);
        assert_eq!(only(&explanation).images_scored, 3, "{query}");
        assert_eq!(explanation.rows, 3, "{query}");
    }
}

/// RDF cannot name such an image, whether the query shows its name or not.
#[test]
fn an_image_whose_url_is_no_iri_is_not_found() {
    let urls = [url(0), "pictures/a b".to_owned()];
    let rows: Vec<f32> = (urls.iter())
        .flat_map(|url| direction(url.as_bytes()).as_slice().to_vec())
        .collect();
    let features = Features::from_unit_rows(Array2::from_shape_vec((2, 4), rows).unwrap());
    let ids = urls.iter().map(|url| image_id(url)).collect();
    let collection = Collection::new(features, ids, urls.to_vec());
    let world = World::over(collection, SparqlOptions::default(), Store::new().unwrap());
    for query in [
        "SELECT ?i ?s { {R} }",
        "SELECT ?s { {R} }",
        "SELECT ?s { {R} ?r clip:link ?l }",
    ] {
        assert_eq!(world.rows(&full(query)).len(), 1, "{query}");
    }
}

#[test]
fn images_that_nothing_knows_are_not_scored() {
    let world = world();
    for query in [
        "SELECT ?i { {R} ?w :image ?i ; :shows :nothing }",
        "SELECT ?i { {R} ?r clip:imageId ?id . ?w :image ?i ; :shows :nothing }",
    ] {
        let explanation = explain(&world, query);
        let request = only(&explanation);
        assert_eq!(
            (request.candidates, request.images_scored),
            (Some(0), 0),
            "{request}"
        );
    }
}

/// Two requests that only the store connects are joined through it, however many hits they have.
#[test]
fn many_hits_are_not_multiplied_before_the_store_connects_them() {
    let world = world_with(PlannerOptions {
        probe_rows: Some(8),
        ..PlannerOptions::default()
    });
    let query = "SELECT ?i ?j { {R} ?q a clip:Request ; clip:queryString 'sea' ; clip:minScore -1 ; clip:iiifUrl ?j ; clip:score ?t .
        ?w :image ?i ; :title ?title . ?v :image ?j ; :title ?title }";
    assert_eq!(explain(&world, query).rows, N);
}

/// What has few hits is searched for first, wherever it stands; its hits are the candidates of the other.
#[test]
fn requests_that_find_little_come_first() {
    let world = world();
    let few = "?few a clip:Request ; clip:queryString 'sea' ; clip:minScore -1 ; clip:limit 5 ; clip:iiifUrl ?i .";
    for query in [
        format!("SELECT ?i {{ {{R}} {few} }}"),
        format!("SELECT ?i {{ {few} {{R}} }}"),
    ] {
        let explanation = explain(&world, &query);
        let [first, second] = &explanation.requests[..] else {
            panic!("{explanation}")
        };
        assert_eq!((&first.subject[..], first.images_scored), ("?few", N));
        assert_eq!((&second.subject[..], second.images_scored), ("?r", 5));
        assert_eq!(explanation.rows, 5);
    }
}

/// Columns that nothing reads are not made; what is counted or constructed reads them.
#[test]
fn what_nothing_reads_changes_no_answer() {
    let world = world();
    for (query, rows) in [
        ("SELECT ?i { {R} }", N),
        ("SELECT (1 AS ?one) { {R} }", N),
        ("SELECT DISTINCT ?r { {R} }", N),
        ("SELECT (COUNT(DISTINCT *) AS ?n) { {R} }", 1),
        ("ASK { {R} }", 1),
        ("CONSTRUCT { ?r clip:score ?s } { {R} }", N),
    ] {
        let explanation = explain(&world, query);
        assert_eq!(explanation.rows, rows, "{query}");
    }
    // An input that has two values has two rows for each hit, shown or not.
    let twice = "{ ?r a clip:Request ; clip:queryString 'a', 'b', ?q ; clip:minScore -1 ; clip:iiifUrl ?i }";
    assert_eq!(explain(&world, &format!("SELECT ?i {twice}")).rows, 2 * N);
    assert_eq!(
        explain(&world, &format!("SELECT ?i ?q {twice}")).rows,
        2 * N
    );
    let places = "{ { SELECT ?p { {R} ?w :image ?i ; :place ?p } } }";
    let counted = world.rows(&full(&format!("SELECT (COUNT(DISTINCT *) AS ?n) {places}")));
    assert_eq!(counted, ["2"]);
    let counted = world.rows(&full("SELECT (COUNT(DISTINCT *) AS ?n) { ?r a clip:Request ; clip:queryString 'lake' ; clip:minScore -1 ; clip:score ?s }"));
    assert_eq!(counted, [N.to_string()]);
}

/// A pattern that is too large for the probe and leaves too few of the best: the blocks grow, and no
/// hit is joined twice.
#[test]
fn blocks_grow_until_there_are_rows_enough() {
    let world = world_with(PlannerOptions {
        probe_rows: Some(8),
        first_block: 64,
        ..PlannerOptions::default()
    });
    let query = "SELECT ?i { {R} ?w :image ?i ; :shows :lake } ORDER BY DESC(?s) LIMIT 30";
    let explanation = explain(&world, query);
    let request = only(&explanation);
    assert_eq!(request.rows_probed, 9, "{request}");
    assert!((2..=4).contains(&request.blocks), "{request}");
    assert!(request.hits_joined <= N, "{request}");
    assert_eq!(explanation.rows, 30);
    let none = "SELECT ?i { {R} ?w :image ?i ; :shows :lake } ORDER BY DESC(?s) LIMIT 100";
    let explanation = explain(&world, none);
    assert_eq!(only(&explanation).hits_joined, N, "{explanation}");
    assert_eq!(explanation.rows, N / 100);
}

#[test]
fn filters_on_the_score_are_its_minimum() {
    let world = world();
    let all = explain(&world, "SELECT ?i { {R} }");
    for filter in [
        "?s > 0.9",
        "0.9 < ?s",
        "?s >= 0.9 && ?i != <http://e/>",
        "?s > '0.9'^^xsd:float",
    ] {
        let explanation = explain(&world, &format!("SELECT ?i {{ {{R}} FILTER({filter}) }}"));
        let request = only(&explanation);
        assert!(request.hits < only(&all).hits, "{request}");
        assert!(explanation.rows <= request.hits, "{request}");
        assert!(request.score_floor.is_some(), "{request}");
    }
    for filter in [
        "?s > 0.9 || ?s < 0.5",
        "?s < 0.9",
        "?s > 'high'",
        "!(?s > 0.9)",
    ] {
        let explanation = explain(&world, &format!("SELECT ?i {{ {{R}} FILTER({filter}) }}"));
        assert_eq!(only(&explanation).hits, N, "{filter}");
    }
}

#[test]
fn a_text_is_encoded_once() {
    let world = world();
    let values = "SELECT * { VALUES ?q { 'a' 'b' 'c' 'a' } ?r a clip:Request ; clip:queryString ?q ; clip:limit 2 ; clip:iiifUrl ?i }";
    let first = explain(&world, values);
    let request = only(&first);
    assert_eq!(request.plan, PlanKind::Correlated);
    assert_eq!(
        (
            request.inputs,
            request.texts_encoded,
            request.texts_remembered
        ),
        (3, 3, 0)
    );
    for _ in 0..3 {
        explain(&world, "SELECT * { {R} } LIMIT 1");
        explain(&world, values);
    }
    assert_eq!(world.encoder.texts_encoded.load(Ordering::Relaxed), 4);
}

/// Labels of a vocabulary over a small part of the collection: each label is scored against the part.
#[test]
fn correlated_inputs_meet_candidates_only() {
    let world = world();
    let query = "SELECT ?i ?q ?s { VALUES ?q { 'portrait' 'landscape' 'ship' } ?w :image ?i ; :shows :lake .
        ?r a clip:Request ; clip:queryString ?q ; clip:minScore -1 ; clip:iiifUrl ?i ; clip:score ?s }";
    let explanation = explain(&world, query);
    let request = only(&explanation);
    assert_eq!(request.plan, PlanKind::Correlated);
    assert_eq!(request.images_scored, 3 * N / 100, "{request}");
    assert_eq!(explanation.rows, 3 * N / 100);
}

#[test]
fn a_query_without_a_request_has_no_plan() {
    let explanation = explain(&world(), "SELECT * { ?w :shows :lake }");
    assert!(explanation.requests.is_empty());
    assert_eq!((explanation.rows, explanation.evaluations), (N / 100, 1));
    assert!(explanation.to_string().starts_with("no clip:Request"));
}
