//! Each mistake gets one sentence that names what, where and the remedy.

use super::{World, store};
use clip_search::sparql::SparqlOptions;

/// A sort keeps all its rows; what it takes is seen before it has them.
#[test]
fn a_query_that_needs_too_much_memory_is_stopped() {
    let options = SparqlOptions {
        max_memory_bytes: Some(64 << 20),
        ..SparqlOptions::default()
    };
    let world = World::with(options, store());
    let numbers: Vec<String> = (0..6000).map(|n| n.to_string()).collect();
    let numbers = numbers.join(" ");
    let pairs = format!("?x ?y 1890 . VALUES ?a {{ {numbers} }} VALUES ?b {{ {numbers} }}");
    for query in [
        format!("SELECT ?a ?b {{ {pairs} }} ORDER BY ?b"),
        format!("SELECT ?a ?b (COUNT(*) AS ?n) {{ {pairs} }} GROUP BY ?a ?b"),
    ] {
        let message = world.error(&query);
        assert!(message.contains("more than 64 MiB"), "{message}");
        assert!(message.contains("ask for less"), "{message}");
    }
    assert_eq!(
        world.rows("SELECT ?a { VALUES ?a { 1 2 } } ORDER BY ?a"),
        ["1", "2"]
    );
}

#[test]
fn mistakes_are_named() {
    let world = World::new();
    for (query, expected) in [
        (
            "SELECT * { ?r a clip:Request ; clip:score ?s }",
            "the clip:Request ?r has nothing to look for; give it clip:queryString",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:querystring 'x' }",
            "clip:querystring on the clip:Request ?r is unknown; did you mean clip:queryString?",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryString 'x' ; clip:minScore 'high' }",
            "clip:minScore of the clip:Request ?r must be a number, found \"high\"",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryString 'x' ; clip:minScore 'NaN' }",
            "must be a number",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryString 'x' ; clip:limit 0 }",
            "clip:limit of the clip:Request ?r must be a positive integer, found \"0\"",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryString 'x' ; clip:limit 2.5 }",
            "must be a positive integer",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryString <http://e/> }",
            "clip:queryString of the clip:Request ?r must be a literal, found <http://e/>",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryURL 'not an iri' }",
            "clip:queryURL of the clip:Request ?r must be an IRI",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryString 'x' ; clip:minScore 0.1, 0.3 }",
            "two values for clip:minScore",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryString ?q ; clip:score ?s }",
            "clip:queryString of the clip:Request ?r is the variable ?q, which nothing else in the query binds",
        ),
        (
            "SELECT ?x { { SELECT ?x { ?r a clip:Request ; clip:queryString ?q ; clip:iiifUrl ?x } } }",
            "is the variable ?q, which nothing",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryString 'x' ; ?p ?o }",
            "the clip:Request ?r has the variable ?p as predicate",
        ),
        (
            "SELECT ?x { { SELECT ?x { ?r a clip:Request ; clip:queryString 'x' ; ?p ?x } } }",
            "the clip:Request ?r has the variable ?p as predicate",
        ),
        (
            "SELECT * { [] a clip:Request ; clip:score ?s }",
            "the clip:Request [] has nothing to look for",
        ),
        (
            "SELECT * { _:lake a clip:Request ; clip:score ?s }",
            "the clip:Request _:lake has nothing to look for",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryString 'x' ; clip:score|clip:rank ?o }",
            "the clip:Request ?r has the property path",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryString 'x' ; clip:excludeString 'x' }",
            "cancel each other",
        ),
        (
            "SELECT * { <http://e/r> a clip:Request ; clip:queryImage '!' }",
            "clip:queryImage of the clip:Request <http://e/r> gives no image: the value is not base64",
        ),
        (
            "SELECT * { ?r a clip:Request ; clip:queryURL <ftp://e/x> }",
            "clip:queryURL of the clip:Request ?r gives no image: ftp://e/x is not an http or https URL",
        ),
        (
            "SELECT (clip:similarty(?i, 'x') AS ?s) { ?w <http://purl.org/dc/terms/hasFormat> ?i }",
            "the function clip:similarty is unknown",
        ),
        (
            "SELECT (clip:similarity(?i) AS ?s) { ?w <http://purl.org/dc/terms/hasFormat> ?i }",
            "clip:similarity takes two arguments",
        ),
        (
            "SELECT * { SERVICE <http://127.0.0.1:1/sparql> { ?s ?p ?o } }",
            "SERVICE <http://127.0.0.1:1/sparql> is not allowed here",
        ),
        (
            "SELECT * { ?r a clip:request ; clip:queryString 'x' ; clip:iiifUrl ?i }",
            "clip:request is unknown; a request is a clip:Request",
        ),
        (
            "SELECT * { ?r a clip:Requests ; clip:queryString 'x' ; clip:iiifUrl ?i }",
            "clip:Requests is unknown",
        ),
        (
            "SELECT * { VALUES ?q { <http://e/1> <http://e/2> } ?r a clip:Request ; clip:queryString ?q }",
            "must be a literal, found <http://e/1>",
        ),
        (
            "SELECT * {",
            "the query is not SPARQL at line 1, column 10: the { that opens here is never closed",
        ),
        (
            "SELECT * { SERVICE ?e { ?s ?p ?o } }",
            "SERVICE has a variable that no endpoint is bound to",
        ),
    ] {
        let found = world.error(query);
        assert!(found.contains(expected), "{query}\n{found}");
        assert!(
            !found.contains('\n') || expected == "expected",
            "one line: {found}"
        );
    }
}

#[test]
fn long_values_are_cut_in_messages() {
    let image = "A".repeat(100_000);
    let error = World::new().error(&format!(
        "SELECT * {{ ?r a clip:Request ; clip:queryString 'x' ; clip:minScore '{image}' }}"
    ));
    assert!(error.len() < 300, "{}", error.len());
}

#[test]
fn shapes_that_would_exhaust_the_stack_are_refused() {
    let world = World::new();
    let deep = |open: &str, close: &str| {
        format!(
            "SELECT * {{ {} ?s ?p ?o {} }}",
            open.repeat(5000),
            close.repeat(5000)
        )
    };
    let chain = |operator: &str| {
        let terms = vec!["?x"; 50_000].join(operator);
        format!("SELECT * {{ ?x ?p ?o FILTER({terms}) }}")
    };
    for query in [
        deep("{", "}"),
        deep("{ OPTIONAL {", "}}"),
        format!(
            "SELECT * {{ ?x ?p ?o FILTER({}1{}) }}",
            "(".repeat(9000),
            ")".repeat(9000)
        ),
        format!("SELECT * {{ ?x ?p ?o FILTER({}true) }}", "!".repeat(90_000)),
        format!(
            "SELECT * {{ ?x ?p ?o FILTER(1 = {}1) }}",
            "- ".repeat(90_000)
        ),
        format!(
            "SELECT * {{ ?x ?p ?o FILTER(1 = {}1) }}",
            "+".repeat(90_000)
        ),
        chain(" || "),
        chain(" && "),
        chain(" + "),
        chain(" - "),
        chain("*"),
        chain("/"),
        format!("SELECT * {{ {} }}", "{?a ?b ?c}".repeat(50_000)),
        format!(
            "SELECT * {{ ?s {} ?o }}",
            vec!["<http://p>"; 50_000].join("/")
        ),
        format!(
            "SELECT * {{ ?s {} ?o }}",
            vec!["<http://p>"; 50_000].join("|")
        ),
        format!("SELECT * {{ ?s {}<http://p> ?o }}", "^".repeat(50_000)),
        format!("SELECT * {{ ?x ?p ?o FILTER(?o{}) }}", "-1".repeat(400_000)),
        format!(
            "SELECT * {{ ?x ?p ?o FILTER(?o{}) }}",
            " -1".repeat(400_000)
        ),
        format!("SELECT * {{ ?x ?p ?o {} }}", "FILTER(1)".repeat(50_000)),
        format!("SELECT * {{ ?x ?p ?o {} }}", "BIND(1 AS ?y)".repeat(50_000)),
        format!("SELECT {} {{ ?x ?p ?o }}", "(1 AS ?y)".repeat(50_000)),
        format!(
            "SELECT (COUNT(*) AS ?n) {{ ?x ?p ?o }} HAVING{}",
            "(1)".repeat(50_000)
        ),
        // What looks like a comment, a string or an IRI, and ends earlier or is none.
        format!("SELECT * #\r{{ {0}{0} }}", "{".repeat(9000)),
        format!("SELECT * {{ ?s rdf:a\\' ?o . {}", "{".repeat(90_000)),
        format!("SELECT * {{ ?s rdf:a\\#b ?o . {}", "{".repeat(90_000)),
        format!(
            "SELECT * {{ ?x ?p ?o FILTER(?o<{}1{}&&2>1) }}",
            "(".repeat(900),
            ")".repeat(900)
        ),
        format!(
            "SELECT * {{ ?x ?p ?o FILTER(?o<1{}>1) }}",
            "+1".repeat(90_000)
        ),
        format!(
            "SELECT * {{ ?x ?p ?o FILTER({}?o) }}",
            format!("?o<1{}&&2>1&&", "&&1".repeat(500)).repeat(500)
        ),
        format!(
            "SELECT * {{ ?s ?p {}1{} }}",
            "( ".repeat(5_000),
            " )".repeat(5_000)
        ),
        // One triple or list item after the other: the join that they make is as deep as it is long.
        format!("ASK {{ ?s ?p ({}) }}", "1 ".repeat(75_700)),
        format!("ASK {{ ?s ?p ({}) }}", "true ".repeat(75_700)),
        format!("ASK {{ ?s ?p ({}) }}", "<a:b>".repeat(75_700)),
        format!("ASK {{ ?s ?p ({}) }}", "'x'@en ".repeat(75_700)),
        format!("ASK {{ ?s ?p ({}) }}", "'1'^^xsd:int ".repeat(75_700)),
        format!("ASK {{ ?s ?p ({}) }}", "[] ".repeat(75_700)),
        format!("ASK {{ ?s ?p ({}) }}", "() ".repeat(75_700)),
        format!("ASK {{ ?s ?p ({}) }}", "_:b ".repeat(75_700)),
        format!("ASK {{ ?s ?p 1{} }}", ",1".repeat(152_000)),
        format!("ASK {{ ?s ?p 1{} }}", " ; a 1".repeat(152_000)),
        format!("ASK {{ ?s {} }}", " a ?o;".repeat(152_000)),
        format!("ASK {{ {} }}", "?s ?p ?o . ".repeat(152_000)),
        format!("ASK {{ {} }}", "?s?p?o.".repeat(152_000)),
        format!("ASK {{ {} }}", "[?p ?o].".repeat(152_000)),
        format!(
            "CONSTRUCT {{ {} }} WHERE {{ ?s ?p ?o }}",
            "?s ?p ?o . ".repeat(152_000)
        ),
        format!("SELECT {} {{ ?s ?p ?o }}", "?s ".repeat(152_000)),
        format!("SELECT * {{ ?s ?p ?o }} ORDER BY {}", "?s ".repeat(152_000)),
        format!("DESCRIBE {}", "<a:b> ".repeat(152_000)),
        format!(
            "ASK {{ ?s ?p {} ?o ?p ?o {} }}",
            "<< ?s ?p ".repeat(5_000),
            ">>".repeat(5_000)
        ),
    ] {
        assert!(world.ask(&query).is_err(), "{}", &query[..80]);
    }
}

#[test]
fn what_the_guard_lets_through_is_evaluated() {
    let run = || {
        let world = World::new();
        let terms = |operator: &str, n: usize| vec!["?x = 1"; n].join(operator);
        for query in [
            format!("SELECT * {{ ?x ?p ?o FILTER({}) }}", terms(" || ", 1500)),
            format!("SELECT * {{ ?x ?p ?o FILTER({}) }}", terms(" && ", 1500)),
            format!(
                "SELECT * {{ ?x ?p ?o FILTER(1 = {}) }}",
                vec!["1"; 4000].join(" + ")
            ),
            format!("ASK {{ {} }}", "{?a <http://e/none> ?c}".repeat(2000)),
            format!(
                "ASK {{ {} }}",
                "OPTIONAL {?a <http://e/none> ?c}".repeat(2000)
            ),
            format!(
                "ASK {{ {} {{}} }}",
                "{?a <http://e/none> ?c} UNION ".repeat(2000)
            ),
            format!("ASK {{ {} }}", "?a <http://e/none> ?c . ".repeat(2000)),
            format!("ASK {{ ?s ?p ({}) }}", "1 ".repeat(4_900)),
            format!("ASK {{ ?s <http://e/none> 1{} }}", ",1".repeat(4_900)),
            format!("ASK {{ ?s {} }}", "a <http://e/none>;".repeat(2_400)),
            format!(
                "ASK {{ ?s ?p ?o FILTER(?o IN ({}1)) }}",
                "1, ".repeat(20_000)
            ),
            format!("ASK {{ ?s {} ?o }}", vec!["<http://p>"; 4000].join("|")),
            format!("ASK {{ {}?a ?b ?c{} }}", "{".repeat(190), "}".repeat(190)),
            format!(
                "ASK {{ ?r a clip:Request; clip:queryString 'x'; clip:iiifUrl ?i {} }}",
                "OPTIONAL {?a <http://e/none> ?i}".repeat(500)
            ),
            format!(
                "ASK {{ ?r a clip:Request; clip:queryString 'x'; clip:iiifUrl ?i FILTER({}) }}",
                terms(" || ", 1500)
            ),
            // Each level must not double the work of looking at the query.
            format!(
                "ASK {{ ?r a clip:Request; clip:queryString 'x'; clip:iiifUrl ?i {}{} }}",
                "FILTER EXISTS { ?a <http://e/none> ?i ".repeat(90),
                "}".repeat(90)
            ),
            format!(
                "ASK {{ {} {{}} }}",
                (0..300)
                    .map(|n| format!("{{ ?r{n} a clip:Request; clip:queryString 'x' }} UNION "))
                    .collect::<String>()
            ),
            format!(
                "ASK {{ {} {{}} }}",
                "{ ?r a clip:Request; clip:queryString 'x' } UNION ".repeat(300)
            ),
        ] {
            if let Err(error) = world.ask(&query) {
                panic!("{}: {error}", &query[..60]);
            }
        }
    };
    std::thread::Builder::new()
        .stack_size(clip_search::sparql::text::guard::STACK_SIZE)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn brackets_in_strings_iris_and_comments_do_not_count() {
    let world = World::new();
    let text = "({[".repeat(2000);
    for query in [
        format!("SELECT * {{ ?x ?p \"{text}\" }}"),
        format!("SELECT * {{ ?x ?p '''{text} ' \n'' ''' }}"),
        format!("SELECT * {{ ?x ?p ?o }} # {text}"),
        format!(
            "SELECT * {{ ?x ?p {} }}",
            format!("<http://e/{}> , ", "/-+*".repeat(400)).repeat(20) + "1"
        ),
        format!("SELECT * {{ ?x ?p \"\\\"{text}\" }}"),
        format!(
            "SELECT * {{ ?x ?p ?o VALUES (?o ?n) {{ {} }} }}",
            "(<http://e/a(b)> -1) ".repeat(10_000)
        ),
        format!(
            "SELECT * {{ ?x ?p ?o values ?o{{{}}} }}",
            " -1".repeat(20_000)
        ),
        "SELECT * { ?x ?p ?o FILTER(1 < 2 && 3 > 2) }".to_owned(),
    ] {
        assert!(world.ask(&query).is_ok(), "{}", &query[..60]);
    }
}

#[test]
fn a_byte_order_mark_before_a_query_is_no_part_of_it() {
    let rows = World::new().rows("\u{feff}SELECT (1 AS ?x) {}");
    assert_eq!(rows, ["1"]);
}
