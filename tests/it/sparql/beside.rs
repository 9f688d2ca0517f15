//! What stands beside a request is evaluated before the search: every answer is that of joining all hits.

use super::World;
use clip_search::sparql::explain::Explanation;
use clip_search::sparql::{PlannerOptions, QueryRequest, SparqlOptions};
use oxigraph::io::RdfFormat;
use oxigraph::store::Store;

/// Unnamed works, one image twice, one text in two languages, and a long one.
fn store() -> Store {
    let long = "long ".repeat(500);
    let metadata = format!(
        "@prefix : <http://example.org/> . @prefix i: <https://iiif.example.org/> .
        [] :image i:img0, i:img1 ; :title 'unnamed' .
        [] :image i:img0 ; :title 'unnamed' .
        :w2 :image i:img2 ; :title 'ship' ; :year 1850 .
        :w3 :image i:img3 ; :title 'ship'@en ; :text '{long}' .
        :w4 :image <http://elsewhere.example.org/img4> ; :title 'lost' .
        :c1 :label 'lake'@en, 'lake'@de, 'shore' ; :broader :c2 . :c2 :label 'shore' ."
    );
    let store = Store::new().unwrap();
    store
        .load_from_slice(RdfFormat::Turtle, metadata.as_bytes())
        .unwrap();
    store
}

fn worlds() -> (World, World) {
    let store = store();
    let world = |planner| {
        let options = SparqlOptions {
            planner,
            ..SparqlOptions::default()
        };
        World::with(options, store.clone())
    };
    let naive = PlannerOptions {
        probe_rows: Some(0),
        first_block: usize::MAX,
        inline_rows: usize::MAX,
    };
    (world(PlannerOptions::default()), world(naive))
}

fn full(query: &str) -> String {
    let query = query
        .replace("{R}", "?r a clip:Request ; clip:queryString 'lake' ; {OUT}")
        .replace("{Q}", "?r a clip:Request ; clip:queryString ?q ; {OUT}")
        .replace(
            "{OUT}",
            "clip:minScore -1 ; clip:iiifUrl ?i ; clip:score ?s .",
        );
    format!(
        "PREFIX : <http://example.org/> PREFIX i: <https://iiif.example.org/>
        PREFIX clip: <https://service.swissartresearch.net/clip/> {query}"
    )
}

fn explain(world: &World, query: &str) -> Explanation {
    let request = QueryRequest {
        query,
        ..QueryRequest::default()
    };
    world.sparql.explain(&request).unwrap()
}

/// Queries with their number of rows.
const QUERIES: [(&str, usize); 46] = [
    // Blank nodes, shown as they are or given to the evaluator.
    ("SELECT ?w ?i ?s { {R} ?w :image ?i }", 5),
    (
        "SELECT ?w ?i ?y { {R} ?w :image ?i OPTIONAL { ?w :year ?y } }",
        5,
    ),
    (
        "SELECT ?w (MAX(?s) AS ?m) { {R} ?w :image ?i } GROUP BY ?w",
        4,
    ),
    ("CONSTRUCT { ?w :score ?s } { {R} ?w :image ?i }", 5),
    (
        "SELECT * { { SELECT ?w ?s { {R} ?w :image ?i } LIMIT 3 } ?w :title ?t }",
        3,
    ),
    (
        "SELECT ?q ?w ?y { VALUES ?q { 'lake' 'ship' } ?w :image ?i . {Q} OPTIONAL { ?w :year ?y } }",
        10,
    ),
    (
        "SELECT ?q ?w ?y { VALUES ?q { 'lake' 'ship' } ?w :image ?i . {Q} OPTIONAL { ?w :year ?y } } ORDER BY DESC(?s) LIMIT 3",
        3,
    ),
    // What is not shown counts.
    ("SELECT ?s { {R} ?w :image ?i }", 5),
    ("SELECT (COUNT(*) AS ?n) { {R} ?w :image ?i }", 1),
    (
        "SELECT (COUNT(DISTINCT *) AS ?n) { {R} ?w :image ?i ; :title ?t }",
        1,
    ),
    (
        "SELECT (SUM(?n) AS ?all) { { SELECT (COUNT(*) AS ?n) { {R} ?w :image ?i } } }",
        1,
    ),
    ("SELECT DISTINCT ?t { {R} ?w :image ?i ; :title ?t }", 3),
    ("SELECT ?nothing { {R} ?w :image ?i }", 5),
    ("SELECT ?r { {R} ?w :image ?i }", 5),
    ("ASK { {R} ?w :image ?i ; :title 'lost' }", 0),
    ("ASK { {R} ?w :image ?i ; :title 'ship' }", 1),
    // An ASK has solution modifiers, too.
    ("ASK { {R} ?w :image ?i } OFFSET 4", 1),
    ("ASK { {R} ?w :image ?i } OFFSET 5", 0),
    ("ASK { VALUES ?q { 'lake' 'ship' } {Q} } LIMIT 0", 0),
    ("ASK { VALUES ?q { 'lake' 'ship' } {Q} } OFFSET 18", 0),
    // Several sets of images, and many solutions for one.
    (
        "SELECT ?i ?j { VALUES ?i { i:img0 i:img1 } VALUES ?j { i:img1 i:img2 } {R} ?r clip:iiifUrl ?j }",
        1,
    ),
    (
        "SELECT * { VALUES (?i ?x) { (i:img0 1) (i:img0 'a') } VALUES ?id { 'none' } {R} ?r clip:imageId ?id }",
        0,
    ),
    (
        "SELECT (COUNT(*) AS ?n) { ?c :label ?q . ?d :label ?q2 . ?e :label ?q3 . ?w :image ?i . {Q} ?r clip:queryString ?q2, ?q3 }",
        1,
    ),
    (
        "SELECT ?i { {R} ?w :image ?i FILTER(?i IN (i:img2, i:img4)) }",
        1,
    ),
    // Order and parts of it.
    (
        "SELECT ?i ?s { {R} ?w :image ?i } ORDER BY DESC(?s) LIMIT 2 OFFSET 1",
        2,
    ),
    ("SELECT ?i ?s { {R} ?w :image ?i } ORDER BY ?s LIMIT 2", 2),
    ("SELECT DISTINCT ?i ?s { {R} ?w :image ?i } OFFSET 1", 3),
    ("SELECT ?i ?s { {R} ?w :image ?i FILTER(?s > 0.5) }", 5),
    // Inputs, apart from the images, with them, or in several forms.
    (
        "SELECT ?q ?i ?s { VALUES ?q { 'lake' 'ship' 'ship' } {Q} }",
        27,
    ),
    (
        "SELECT ?c ?q ?w ?s { ?c :label ?q . ?w :image ?i . {Q} }",
        20,
    ),
    ("SELECT ?c ?w { ?c :label ?q . ?w :image ?i . {Q} }", 20),
    ("SELECT ?c ?q ?i { ?c :label ?q . {Q} FILTER(?s > 0.9) }", 8),
    ("SELECT ?c ?d ?i { ?c :label ?q ; :broader ?d . {Q} }", 27),
    ("SELECT ?w ?q ?s { ?w :title ?q ; :image ?i . {Q} }", 5),
    (
        "SELECT ?q ?i { VALUES ?q { 'lake' 'lake'@en 'lake'@de } {Q} }",
        27,
    ),
    (
        "SELECT ?q ?i { VALUES ?q { 'lake' 'ship' } {Q} ?r clip:limit 2 . ?w :image ?i }",
        5,
    ),
    (
        "SELECT (COUNT(*) AS ?n) { VALUES ?q { 'lake' 'ship' } {Q} }",
        1,
    ),
    ("ASK { VALUES ?q { 'lake' 'ship' } {Q} ?w :image ?i }", 1),
    (
        "SELECT ?i ?j { ?w :image ?j . ?r a clip:Request ; clip:similarTo ?j ; clip:limit 2 ; clip:iiifUrl ?i }",
        10,
    ),
    (
        "SELECT ?i ?s { ?w :image ?i . ?r a clip:Request ; clip:similarTo ?i ; clip:score ?s ; clip:iiifUrl ?i }",
        5,
    ),
    // Inline data, in terms that come back as they are or in another form, and what binds less.
    (
        "SELECT ?i ?n { VALUES (?i ?n) { (i:img0 01) (i:img1 'x'@EN) (i:none 2) } {R} }",
        2,
    ),
    (
        "SELECT ?i ?n { VALUES (?i ?n) { (i:img0 'a') (UNDEF 'b') } {R} }",
        10,
    ),
    (
        "SELECT ?i ?s { VALUES (?i ?s) { (i:img0 UNDEF) (i:img1 2) } {R} }",
        1,
    ),
    (
        "SELECT ?i ?x { ?w :image ?x BIND(IF(?x = i:img2, ?x, ?nothing) AS ?i) {R} }",
        46,
    ),
    // Long values.
    ("SELECT ?i ?t { ?w :image ?i ; :text ?t . {R} }", 1),
    (
        "SELECT ?i ?l ?id { {R} ?r clip:link ?l ; clip:imageId ?id . ?w :image ?i }",
        5,
    ),
];

#[test]
fn what_stands_beside_a_request_changes_no_answer() {
    let (planned, naive) = worlds();
    for (query, n_rows) in QUERIES {
        let query = full(query);
        let rows = |world: &World| {
            let answer = world.ask(&query).unwrap_or_else(|e| panic!("{query}\n{e}"));
            let mut rows: Vec<String> = answer.lines().map(str::to_owned).collect();
            // Rows of equal scores come in any order.
            rows.sort_unstable();
            rows
        };
        assert_eq!(rows(&planned), rows(&naive), "{query}");
        let explanation = explain(&planned, &query);
        assert_eq!(explanation.rows, n_rows, "{query}\n{explanation}");
    }
}

/// Without an evaluator above it, a query evaluates no more than what stands beside its request.
#[test]
fn nothing_is_evaluated_twice() {
    let (world, _) = worlds();
    for (query, n) in [
        ("SELECT ?i ?s { {R} }", 0),
        ("SELECT ?i ?s { {R} } ORDER BY DESC(?s) LIMIT 3", 0),
        ("SELECT ?i ?s { VALUES ?i { i:img0 i:img1 } {R} }", 0),
        ("SELECT ?i ?w { {R} ?w :image ?i ; :title ?t }", 1),
        (
            "SELECT ?i ?w { {R} ?w :image ?i } ORDER BY DESC(?s) LIMIT 3",
            1,
        ),
        ("ASK { {R} ?w :image ?i }", 1),
        // The texts are found first, then both parts are.
        ("SELECT ?c ?w { ?c :label ?q . ?w :image ?i . {Q} }", 3),
        ("SELECT ?i { {R} ?w :image ?i FILTER(?s > 0.5) }", 2),
    ] {
        let explanation = explain(&world, &full(query));
        assert_eq!(explanation.evaluations, n, "{query}\n{explanation}");
    }
}

/// What the oracle has found: places where a pattern seems to restrict the images and does not.
#[test]
fn what_may_be_left_out_restricts_nothing() {
    let planner = PlannerOptions {
        probe_rows: Some(0),
        ..PlannerOptions::default()
    };
    let options = SparqlOptions {
        planner,
        ..SparqlOptions::default()
    };
    let (planned, naive) = (World::new(), World::with(options, super::store()));
    for (query, n_rows) in [
        // Without the hits of ?r2 the VALUES stand alone, and would always be met.
        (
            "SELECT * { { VALUES (?q ?m) { ('lake' 0.8) ('dog' 0.8) } ?r a clip:Request ; clip:queryString ?q ; clip:minScore ?m ; clip:iiifUrl ?i }
            { ?w dct:hasFormat ?i { ?r2 a clip:Request ; clip:similarTo i:img0 ; clip:iiifUrl ?i OPTIONAL { VALUES (?i ?z) { (i:img0 1) (i:img5 2) } } } } }",
            6,
        ),
        // An EXISTS tests each row with its values.
        (
            "SELECT * { ?w dct:hasFormat ?i FILTER EXISTS { { ?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i } { VALUES ?x { 1 } OPTIONAL { VALUES ?i { i:img0 } } } } }",
            6,
        ),
        (
            "SELECT * { VALUES ?q { 'dog' 'lake' } ?w dct:hasFormat ?i FILTER EXISTS { ?v ex:by ?a OPTIONAL { ?v dct:title ?q } FILTER(BOUND(?q)) ?r a clip:Request ; clip:queryString ?q ; clip:iiifUrl ?i } }",
            12,
        ),
        // What is left of a MINUS is read from the graph around it.
        (
            "SELECT * { GRAPH ex:g2 { ?v dct:hasFormat ?j . ?r a clip:Request ; clip:similarTo ?j ; clip:iiifUrl ?i MINUS { ?r2 a clip:Request ; clip:queryString 'lake' ; clip:minScore 0.9 ; clip:iiifUrl ?i } } }",
            7,
        ),
        // A graph of its own does not name the one around it.
        (
            "SELECT * { GRAPH ?g { { GRAPH ex:g1 { ?r a clip:Request ; clip:queryString 'lake' ; clip:limit 2 ; clip:iiifUrl ?i } } OPTIONAL { ?r2 a clip:Request ; clip:queryString 'dog' ; clip:iiifUrl ?i } } }",
            4,
        ),
    ] {
        let query = format!(
            "PREFIX dct: <http://purl.org/dc/terms/> PREFIX ex: <http://example.org/> {}",
            full(query)
        );
        let rows = |world: &World| {
            let mut rows = world.rows(&query);
            rows.sort_unstable();
            rows
        };
        assert_eq!(rows(&planned), rows(&naive), "{query}");
        assert_eq!(rows(&planned).len(), n_rows, "{query}");
    }
}

/// What is known of the images from several sides holds together.
#[test]
fn images_are_those_that_all_sides_leave() {
    let (world, _) = worlds();
    let id = clip_search::image_id::image_id("https://iiif.example.org/img1");
    for query in [
        "SELECT ?w { {R} ?w :image ?i FILTER(?i = i:img1) }".to_owned(),
        format!("SELECT ?w {{ VALUES ?id {{ '{id}' }} ?w :image ?i . {{R}} ?r clip:imageId ?id }}"),
        format!("SELECT ?w {{ ?w :image ?i . VALUES ?id {{ '{id}' }} {{R}} ?r clip:imageId ?id }}"),
    ] {
        let explanation = explain(&world, &full(&query));
        assert_eq!(
            explanation.requests[0].images_scored, 1,
            "{query}\n{explanation}"
        );
        assert_eq!(explanation.rows, 1, "{query}");
    }
}

/// Sets that multiply for one hit are left to the evaluator, which can be stopped.
#[test]
fn products_can_be_stopped() {
    let options = SparqlOptions {
        timeout: Some(std::time::Duration::from_millis(300)),
        ..SparqlOptions::default()
    };
    let world = World::with(options, super::store());
    let values = |variable: &str| {
        format!(
            "VALUES (?{variable} ?x{variable}) {{ {} }} ",
            "(i:img0 'x') ".repeat(1000)
        )
    };
    let many = ["a", "b", "c", "d"].map(values).concat();
    let value = |variable: &str| format!("VALUES ?{variable} {{ {} }} ", "i:img0 ".repeat(1000));
    let again = ["a", "b", "c", "d"].map(value).concat();
    let request = "?r a clip:Request ; clip:queryString 'x' ; clip:minScore -1 ; clip:iiifUrl ?a, ?b, ?c, ?d .";
    let labels =
        "VALUES (?q ?x) { ('lake' 'x') } ".replace("('lake' 'x')", &"('lake' 'x') ".repeat(9000));
    for query in [
        format!("SELECT (COUNT(*) AS ?n) {{ {many} {request} }}"),
        format!("SELECT DISTINCT ?nothing {{ {many} {request} }}"),
        format!("SELECT (COUNT(*) AS ?n) {{ {again} {request} }}"),
        format!(
            "SELECT ?a {{ {labels} VALUES (?p ?y) {{ {} }} ?r a clip:Request ; clip:queryString ?q, ?p ; clip:minScore -1 ; clip:iiifUrl ?a }} OFFSET 1000000000",
            "('ship' 'y') ".repeat(9000)
        ),
    ] {
        assert!(
            world.error(&full(&query)).contains("was stopped after"),
            "{query:.99}"
        );
    }
}

/// Queries of some dozen OPTIONALs beside a request are looked at in time that grows with their number.
#[test]
fn many_optionals_are_weakened_once() {
    let world = World::new();
    let optionals: String = (0..60)
        .map(|n| format!("OPTIONAL {{ ?j <http://e/{n}> ?a{n} }} "))
        .collect();
    let query = format!(
        "SELECT * {{ ?r1 a clip:Request ; clip:queryString 'a' ; clip:iiifUrl ?i .
        {{ ?r2 a clip:Request ; clip:queryString 'b' ; clip:iiifUrl ?j ; clip:limit 2 {optionals} }} }}"
    );
    assert_eq!(world.rows(&full(&query)).len(), 18);
}
