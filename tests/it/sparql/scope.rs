//! What a group sees: LATERAL, GRAPH with a variable around sub-SELECTs, and graphs that are none.

use super::{METADATA, World, url};
use clip_search::sparql::SparqlOptions;
use oxigraph::io::RdfFormat;
use oxigraph::store::Store;

const PREFIXES: &str = "PREFIX dct: <http://purl.org/dc/terms/> PREFIX ex: <http://example.org/>
    PREFIX clip: <https://service.swissartresearch.net/clip/>";

/// A request for all images with their scores.
const REQUEST: &str = "?r a clip:Request ; clip:queryString 'lake' ; clip:minScore -1 ;
    clip:score ?s ; clip:iiifUrl ?i .";

#[track_caller]
fn rows(world: &World, query: &str) -> Vec<String> {
    let mut rows = world.rows(&format!("{PREFIXES} {}", query.replace("REQUEST", REQUEST)));
    rows.sort_unstable();
    rows
}

/// Both queries have the same rows, and some.
#[track_caller]
fn same(query: &str, other: &str) {
    let world = World::new();
    let found = rows(&world, query);
    assert_eq!(found, rows(&world, other), "{query}");
    assert!(!found.is_empty(), "{query}");
}

#[test]
fn a_lateral_sees_the_values_of_what_stands_before_it() {
    for (lateral, plain) in [
        ("LATERAL { FILTER(?s > 0.9) }", "FILTER(?s > 0.9)"),
        ("LATERAL { BIND(?s * 2 AS ?z) }", "BIND(?s * 2 AS ?z)"),
        (
            "LATERAL { ?w dct:hasFormat ?i OPTIONAL { ?w dct:title ?t FILTER(?s > 0.9) } }",
            "?w dct:hasFormat ?i OPTIONAL { ?w dct:title ?t FILTER(?s > 0.9) }",
        ),
        (
            "LATERAL { FILTER EXISTS { ?w dct:hasFormat ?i FILTER(?s > 0.8) } }",
            "FILTER EXISTS { ?w dct:hasFormat ?i FILTER(?s > 0.8) }",
        ),
        (
            "LATERAL { { FILTER(?s > 0.9) } UNION { BIND(?s AS ?z) } }",
            "{ SELECT * { REQUEST FILTER(?s > 0.9) } } UNION { SELECT * { REQUEST BIND(?s AS ?z) } }",
        ),
        // A sub-SELECT sees what it projects alone.
        (
            "LATERAL { SELECT ?s ?z { BIND(?s + 1 AS ?z) BIND(STR(?i) AS ?x) } }",
            "BIND(?s + 1 AS ?z)",
        ),
    ] {
        let select = "SELECT ?i ?s ?z ?t";
        let plain = if plain.starts_with("{ SELECT") {
            format!("{select} {{ {plain} }}")
        } else {
            format!("{select} {{ REQUEST {plain} }}")
        };
        same(&format!("{select} {{ REQUEST {lateral} }}"), &plain);
    }
}

#[test]
fn an_input_may_be_computed_from_what_stands_before_a_lateral() {
    let request = "?r2 a clip:Request ; clip:queryString ?q ; clip:limit 2 ; clip:iiifUrl ?i .";
    let compute = "BIND(CONCAT('a ', ?l) AS ?q)";
    same(
        &format!("SELECT ?q ?i {{ ?w dct:title ?l LATERAL {{ {compute} {request} }} }}"),
        &format!("SELECT ?q ?i {{ ?w dct:title ?l {compute} {request} }}"),
    );
    // By what another request found.
    let compute = "BIND(STRAFTER(STR(?i), 'img') AS ?q)";
    let images: String = (0..9).map(|i| format!("(<{}> '{i}') ", url(i))).collect();
    let plain = format!("SELECT ?i {{ VALUES (?i ?q) {{ {images} }} {request} }}");
    same(
        &format!("SELECT ?i {{ REQUEST LATERAL {{ {compute} {request} }} }}"),
        &plain,
    );
    // An EXISTS is evaluated with values as a LATERAL is.
    same(
        &format!("SELECT ?i {{ REQUEST FILTER EXISTS {{ {compute} {request} }} }}"),
        &plain,
    );
}

/// Images 0 to 5 were seen in graph `ex:g1`, images 3 to 8 in `ex:g2`.
fn seen() -> World {
    let store = Store::new().unwrap();
    let mut graphs = METADATA.to_owned();
    for (name, range) in [("g1", 0..6), ("g2", 3..9)] {
        for i in range {
            graphs.push_str(&format!("ex:{name} {{ <{}> ex:in \"{name}\" }}\n", url(i)));
        }
    }
    store
        .load_from_slice(RdfFormat::TriG, graphs.as_bytes())
        .unwrap();
    World::with(SparqlOptions::default(), store)
}

/// What `GRAPH ?g { inside }` means in the dataset of [`seen`].
fn written_out(inside: &str) -> String {
    let [first, second] = ["ex:g1", "ex:g2"]
        .map(|graph| format!("{{ GRAPH {graph} {{ {inside} }} VALUES ?g {{ {graph} }} }}"));
    format!("{first} UNION {second}")
}

/// `GRAPH ?g { inside }`, joined with what stands `before` it, has the rows that it means, and so many.
#[track_caller]
fn same_by_graph(world: &World, select: &str, before: &str, inside: &str, n_rows: usize) {
    let found = rows(
        world,
        &format!("{select} {{ {before} GRAPH ?g {{ {inside} }} }}"),
    );
    let expected = rows(
        world,
        &format!("{select} {{ {before} {{ {} }} }}", written_out(inside)),
    );
    assert_eq!(found, expected, "{inside}");
    assert_eq!(found.len(), n_rows, "{inside}");
}

#[test]
fn a_sub_select_below_graph_is_evaluated_graph_by_graph() {
    let world = seen();
    for (inside, n_rows) in [
        ("{ SELECT ?i ?x { REQUEST ?i ex:in ?x } }", 12),
        ("{ SELECT DISTINCT ?x { REQUEST ?i ex:in ?x } }", 2),
        ("{ SELECT (COUNT(*) AS ?n) { REQUEST ?i ex:in ?x } }", 2),
        ("{ SELECT (COUNT(*) AS ?n) { REQUEST ?i ex:none ?x } }", 2),
        (
            "{ SELECT ?x (COUNT(*) AS ?n) { REQUEST ?i ex:in ?x } GROUP BY ?x }",
            2,
        ),
        (
            "{ SELECT ?i ?x { REQUEST ?i ex:in ?x } ORDER BY DESC(?s) LIMIT 2 }",
            4,
        ),
        (
            "{ SELECT ?i { REQUEST { SELECT ?i ?x { ?i ex:in ?x } } } }",
            12,
        ),
        (
            "?i ex:in ?x { SELECT ?i { REQUEST } ORDER BY ?i LIMIT 4 }",
            5,
        ),
        ("{ SELECT ?i { REQUEST } }", 18),
        ("REQUEST FILTER EXISTS { SELECT ?i { ?i ex:in ?x } }", 12),
        ("REQUEST FILTER NOT EXISTS { SELECT ?i { ?i ex:in ?x } }", 6),
        ("REQUEST OPTIONAL { SELECT ?i ?x { ?i ex:in ?x } }", 18),
        ("{ SELECT ?i { GRAPH ex:g1 { REQUEST } } }", 18),
    ] {
        same_by_graph(&world, "SELECT ?g ?i ?x ?n", "", inside, n_rows);
    }
}

/// Found first, the hits below GRAPH restrict the other request: with the names of their graphs.
#[test]
fn what_is_found_below_graph_restricts_others_with_the_name() {
    let few = "?r a clip:Request ; clip:queryString 'lake' ; clip:minScore -1 ; clip:limit 3 ; clip:iiifUrl ?i .";
    let other = "VALUES ?l { 'lake' } [] a clip:Request ; clip:queryString ?l ; clip:minScore -1 ; clip:iiifUrl ?i .";
    for world in [seen(), World::new()] {
        for group in [
            "GRAPH ?g { FEW } FILTER(BOUND(?g))",
            "GRAPH ?g { FEW } BIND(STR(?g) AS ?n) FILTER(STRLEN(?n) > 0)",
            "GRAPH ?g { FEW } FILTER NOT EXISTS { VALUES ?h { 1 } FILTER(!BOUND(?g)) }",
            "GRAPH ?g { FEW } FILTER(STR(?g) != 'x')",
            "GRAPH ?g { FEW } MINUS { VALUES ?g { ex:g1 } ?i ?is ?x }",
            "GRAPH ?g { FEW } FILTER NOT EXISTS { GRAPH ?g { ?i ex:in 'g2' } }",
            "{ SELECT ?i (COUNT(*) AS ?n) { GRAPH ?g { FEW } } GROUP BY ?i HAVING(COUNT(*) > 0) }",
            "{ GRAPH ?g { FEW } FILTER(BOUND(?g)) } UNION { ?i ex:none ?x }",
            "{ SELECT ?i ?g (COUNT(*) AS ?n) { GRAPH ?g { FEW } } GROUP BY ?i ?g HAVING(BOUND(?g)) }",
            "GRAPH ?g { { FEW } UNION { ?i ex:none ?x } } FILTER(BOUND(?g))",
        ] {
            let group = group.replace("FEW", few);
            let alone = rows(&world, &format!("SELECT ?g ?i {{ {{ {group} }} }}"));
            let joined = rows(&world, &format!("SELECT ?g ?i {{ {{ {group} }} {other} }}"));
            assert_eq!(joined, alone, "{group}");
            assert!(!alone.is_empty(), "{group}");
        }
    }
}

#[test]
fn a_group_below_graph_is_evaluated_for_itself_and_then_meets_the_name() {
    let world = seen();
    for (inside, n_rows) in [
        // Nothing in it is read from a graph.
        (format!("VALUES ?i {{ <{}> <{}> }}", url(1), url(4)), 4),
        ("BIND(1 AS ?n)".to_owned(), 18),
        ("{ SELECT (1 AS ?n) {} }".to_owned(), 18),
        (format!("VALUES ?i {{ <{}> }} REQUEST", url(1)), 2),
        (
            format!("VALUES ?i {{ <{}> }} OPTIONAL {{ ?i ex:in ?x }}", url(1)),
            2,
        ),
        (
            format!(
                "{{ SELECT DISTINCT ?i {{ {{ VALUES ?i {{ <{}> }} }} UNION {{ ?i ex:in ?x }} }} }}",
                url(1)
            ),
            13,
        ),
        (
            format!(
                "VALUES ?i {{ <{}> <{}> }} FILTER EXISTS {{ ?i ex:in ?x }}",
                url(1),
                url(4)
            ),
            3,
        ),
        (
            format!(
                "{{ VALUES ?i {{ <{}> }} OPTIONAL {{ ?i ex:in ?x }} }} REQUEST",
                url(1)
            ),
            2,
        ),
        ("OPTIONAL { ?i ex:none ?x }".to_owned(), 18),
        // Another graph's name hides it.
        ("GRAPH ex:g1 { ?i ex:in ?x }".to_owned(), 12),
        ("GRAPH ?h { ?i ex:in ?x }".to_owned(), 24),
        ("GRAPH ex:g1 { REQUEST }".to_owned(), 18),
        // What MINUS takes away shares a variable with it.
        ("?i ex:in ?x MINUS { ?a ex:in ?b }".to_owned(), 12),
        ("REQUEST MINUS { ?a ex:in ?b }".to_owned(), 18),
        ("REQUEST MINUS { ?i ex:in ?b }".to_owned(), 6),
        ("MINUS { ?a ex:in ?b }".to_owned(), 18),
        ("MINUS { GRAPH ?g { ?a ex:in ?b } }".to_owned(), 18),
        (
            "{ SELECT ?i { ?i ex:in ?x MINUS { ?a ex:in ?b } } }".to_owned(),
            12,
        ),
        (
            "{ REQUEST } UNION { ?a ex:in ?x } MINUS { ?i ex:in ?y }".to_owned(),
            114,
        ),
        (
            "REQUEST MINUS { OPTIONAL { ?i ex:in 'g1' } ?a ex:in ?y }".to_owned(),
            12,
        ),
        // The name is not seen inside.
        ("GRAPH ?g { ?i ex:in ?x }".to_owned(), 12),
        ("OPTIONAL { GRAPH ?g { ?i ex:in 'g1' } }".to_owned(), 6),
        (
            "REQUEST OPTIONAL { GRAPH ?g { ?i ex:in 'g1' } }".to_owned(),
            12,
        ),
        (
            "REQUEST OPTIONAL { GRAPH ?g { ?i ex:in ?x } FILTER(BOUND(?g)) }".to_owned(),
            12,
        ),
        (
            "?i ex:in ?x FILTER EXISTS { GRAPH ?g { ?i ex:in 'g1' } }".to_owned(),
            9,
        ),
        ("?i ex:in ?x FILTER(BOUND(?g))".to_owned(), 0),
        (
            "{ SELECT DISTINCT ?g ?x { OPTIONAL { GRAPH ?g { ?i ex:in ?x } } } }".to_owned(),
            18,
        ),
    ] {
        let select = "SELECT ?g ?h ?i ?s ?x ?n";
        same_by_graph(&world, select, "REQUEST", &inside, n_rows);
    }
}

#[test]
fn a_graph_that_is_named_twice_is_one() {
    let world = World::new();
    let query = "SELECT ?w ?b FROM ex:g1 FROM ex:g1 { ?w ex:seen ?b }";
    assert_eq!(rows(&world, query).len(), 2);
    let request = clip_search::sparql::QueryRequest {
        query: "SELECT (COUNT(*) AS ?n) { ?w <http://example.org/seen> ?b }",
        default_graphs: vec!["http://example.org/g1".to_owned(); 3],
        ..Default::default()
    };
    let mut out = Vec::new();
    let answer = world.sparql.answer(&request).unwrap();
    use clip_search::sparql::results::{GraphFormat, TableFormat};
    answer
        .write(TableFormat::Csv, GraphFormat::Turtle, &mut out)
        .unwrap();
    assert_eq!(out, b"n\r\n2\r\n");
}

#[test]
fn a_variable_graph_is_one_of_the_dataset() {
    let world = World::new();
    let names = |from: &str, inside: &str| {
        rows(
            &world,
            &format!("SELECT DISTINCT ?g {from} {{ GRAPH ?g {{ {inside} }} }}"),
        )
    };
    for from in [
        "",
        "FROM NAMED ex:g1",
        "FROM ex:g1 FROM NAMED ex:g2",
        "FROM NAMED ex:nowhere",
    ] {
        let expected = names(from, "");
        assert_eq!(names(from, "REQUEST"), expected, "{from}");
        assert_eq!(names(from, "{ SELECT ?i { REQUEST } }"), expected, "{from}");
        assert_eq!(
            names(from, "{ SELECT ?i { REQUEST } LIMIT 1 }"),
            expected,
            "{from}"
        );
    }
    // Without any, the relation is in a graph of its own.
    let own = ["<https://service.swissartresearch.net/clip/>"];
    assert_eq!(names("FROM ex:g1", "REQUEST"), own);
    let world = World::with(SparqlOptions::default(), Store::new().unwrap());
    for inside in ["REQUEST", "{ SELECT ?i { REQUEST } LIMIT 1 }"] {
        let found = rows(
            &world,
            &format!("SELECT DISTINCT ?g {{ GRAPH ?g {{ {inside} }} }}"),
        );
        assert_eq!(found, own, "{inside}");
    }
}

/// The values that an input has are those that solutions around the request bind it to; solutions that do not bind it
/// are joined with whatever these find, as SPARQL joins. Without a value nothing is found.
#[test]
fn an_input_that_some_solutions_do_not_bind_has_the_values_of_the_others() {
    let request = REQUEST.replace("'lake'", "?l");
    let others = "?w dct:hasFormat ?i";
    let never = "?r1 a clip:Request ; clip:queryString ?l ; clip:iiifUrl ?i1 ; clip:score ?s1 FILTER(?s1 > 2)";
    for bound in [
        format!("{{ VALUES ?l {{ 'lake' }} }} UNION {{ {others} }}"),
        format!("{others} OPTIONAL {{ ?w dct:title ?l FILTER(?l = 'lake') }}"),
    ] {
        same(
            &format!("SELECT ?l ?w ?i ?s {{ {bound} {request} }}"),
            &format!("SELECT ?l ?w ?i ?s {{ {bound} REQUEST VALUES ?l {{ 'lake' }} }}"),
        );
    }
    let world = World::new();
    for unbound in [
        format!("{{ VALUES ?l {{ 'lake' }} ?w ex:none ?x }} UNION {{ {others} }}"),
        format!("{others} OPTIONAL {{ VALUES ?l {{ 'lake' }} ?w ex:none ?x }}"),
        format!("{{ VALUES ?l {{ 'lake' }} {never} }} UNION {{ {others} }}"),
        format!("{others} OPTIONAL {{ VALUES ?l {{ 'lake' }} {never} }}"),
    ] {
        for end in ["", "LIMIT 5", "ORDER BY DESC(?s) LIMIT 5", "ORDER BY ?i"] {
            let query = format!("SELECT * {{ {unbound} {request} }} {end}");
            assert_eq!(rows(&world, &query), Vec::<String>::new(), "{query}");
        }
        let query = format!("ASK {{ {unbound} {request} }}");
        let answer = world.ask(&format!("{PREFIXES} {query}")).unwrap();
        assert!(answer.contains("false"), "{query}: {answer}");
    }
}

/// A MINUS takes away nothing where its sides share no variable, though values of what stands outside come in.
#[test]
fn a_minus_inside_a_group_compares_what_its_sides_have() {
    let none = "VALUES ?k { 1 } MINUS { VALUES ?z { 1 } }";
    for group in [
        format!("FILTER EXISTS {{ {none} }}"),
        format!(
            "FILTER NOT EXISTS {{ ?n ex:none ?n MINUS {{ ?a ex:year ?b }} }} FILTER EXISTS {{ GRAPH ex:g1 {{ {none} }} }}"
        ),
        format!("FILTER(?s < -2 || EXISTS {{ {none} }})"),
        format!("LATERAL {{ {none} }}"),
        format!("LATERAL {{ GRAPH ex:g1 {{ {none} }} }}"),
        // What cannot be computed is not shared.
        "FILTER EXISTS { VALUES ?k { 1 } BIND(1/0 AS ?z) MINUS { VALUES ?z { 1 } } }".to_owned(),
        // A MINUS in a MINUS has variables of its own: it takes away all of the right side.
        "FILTER EXISTS { VALUES (?k ?z) { (1 UNDEF) (2 1) } MINUS { VALUES (?y ?z) { (1 1) (1 UNDEF) } MINUS { VALUES (?y ?k) { (1 3) } } } }".to_owned(),
        // Only some solutions on the left have what is compared.
        "FILTER EXISTS { VALUES (?k ?z) { (1 UNDEF) (2 1) } MINUS { VALUES ?z { 1 } } }".to_owned(),
    ] {
        same(
            &format!("SELECT ?i ?s {{ REQUEST {group} }}"),
            "SELECT ?i ?s { REQUEST }",
        );
    }
    let titled = "?w dct:hasFormat ?i ; dct:title ?l";
    same(
        &format!(
            "SELECT ?i ?s {{ REQUEST FILTER EXISTS {{ {titled} MINUS {{ ?w ex:by ex:anker }} }} }}"
        ),
        &format!(
            "SELECT ?i ?s {{ REQUEST {titled} FILTER(?l != 'ship' && STRLEN(?l) > 3 && ?w != ex:w3) }}"
        ),
    );
}

/// What stands in a projection of ours still sees the graph that it is in, and what an EXISTS brings in.
#[test]
fn an_optional_in_a_group_sees_its_graph_and_what_comes_in() {
    let world = seen();
    let optional = "OPTIONAL { ?i ex:in ?y MINUS { ?a ex:none ?b } }";
    for inside in [
        format!("REQUEST ?i ex:in ?x {{ ?i ex:in ?z {optional} }}"),
        format!("{{ ?i ex:in ?z {optional} }} ?i ex:in ?x"),
        format!("{{ SELECT ?i ?y ?z {{ {{ ?i ex:in ?z {optional} }} ?i ex:in ?x }} }}"),
    ] {
        let select = "SELECT ?g ?i ?x ?y ?z";
        same_by_graph(&world, select, "REQUEST", &inside, 12);
    }
    for condition in ["?s > 0.9", "?s > 2"] {
        let optional = format!(
            "OPTIONAL {{ VALUES ?t {{ 1 }} MINUS {{ ?a ex:none ?b }} FILTER({condition}) }}"
        );
        let group =
            format!("?w dct:hasFormat ?i {{ ?w dct:title ?l {optional} }} FILTER(BOUND(?t))");
        let found = rows(
            &World::new(),
            &format!("SELECT ?i {{ REQUEST FILTER EXISTS {{ {group} }} }}"),
        );
        let expected = rows(
            &World::new(),
            &format!(
                "SELECT ?i {{ REQUEST FILTER EXISTS {{ ?w dct:hasFormat ?i ; dct:title ?l }} FILTER({condition}) }}"
            ),
        );
        assert_eq!(found, expected, "{condition}");
    }
}

/// An OPTIONAL that is joined with others is evaluated for itself, whatever stands on its right.
#[test]
fn an_optional_in_a_group_is_evaluated_before_the_group_is_joined() {
    for (group, plain) in [
        (
            "OPTIONAL { ?p ex:by ex:hodler MINUS { ?z ex:year ?y } }",
            "?p ex:by ex:hodler",
        ),
        // The score is bound on the outside; inside it has another value or none.
        (
            "OPTIONAL { ?p ex:by ex:hodler OPTIONAL { ?p ex:none ?s } }",
            "?p ex:by ex:hodler",
        ),
        (
            "OPTIONAL { SELECT ?p { ?p ex:by ?a } ORDER BY ?p LIMIT 1 }",
            "VALUES ?p { ex:w0 }",
        ),
        (
            "OPTIONAL { SELECT (COUNT(*) AS ?p) { ?w ex:by ?a } }",
            "VALUES ?p { 4 }",
        ),
        (
            "OPTIONAL { { ?p ex:by ex:hodler } UNION { ?p ex:none ?s } FILTER(!BOUND(?s)) }",
            "?p ex:by ex:hodler",
        ),
        (
            "OPTIONAL { ?p ex:by ex:hodler FILTER NOT EXISTS { VALUES ?k { 1 } FILTER(BOUND(?s)) } }",
            "?p ex:by ex:hodler",
        ),
    ] {
        let few = "?r a clip:Request ; clip:queryString 'lake' ; clip:limit 3 ; clip:score ?s ; clip:iiifUrl ?j .";
        for request in [
            "REQUEST",
            "?w dct:hasFormat ?i . REQUEST",
            few,
            &few.replace("?j", "?i"),
        ] {
            let select = "SELECT ?i ?j ?s ?w ?p";
            same(
                &format!("{select} {{ {request} {{ ?w dct:hasFormat ?i {group} }} }}"),
                &format!("{select} {{ {request} {{ ?w dct:hasFormat ?i {{ {plain} }} }} }}"),
            );
        }
    }
}
