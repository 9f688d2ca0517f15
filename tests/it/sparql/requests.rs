//! What a request gives, where it may stand, and in which order its rows come.

use super::{N_IMAGES, World, direction, store, url};
use clip_search::embedding::Embedding;
use clip_search::image_id::image_id;
use clip_search::sparql::{QueryRequest, SparqlOptions};
use std::num::NonZeroU32;
use std::sync::atomic::Ordering;

/// The images from best to worst for a text, with their scores.
fn ranking(text: &str) -> Vec<(String, f32)> {
    let query = direction(text.as_bytes());
    let mut images: Vec<_> = (0..N_IMAGES)
        .map(|i| (url(i), direction(url(i).as_bytes()).cosine(&query)))
        .collect();
    images.sort_by(|a, b| b.1.total_cmp(&a.1));
    images
}

fn iris(images: &[(String, f32)]) -> Vec<String> {
    images.iter().map(|(url, _)| format!("<{url}>")).collect()
}

#[test]
fn every_output_is_given() {
    let world = World::new();
    let rows = world.rows(
        "SELECT ?r ?i ?s ?id ?link ?rank { ?r a clip:Request ; clip:queryString 'lake' ; clip:limit 1 ;
           clip:iiifUrl ?i ; clip:score ?s ; clip:imageId ?id ; clip:link ?link ; clip:rank ?rank }",
    );
    let (best, score) = &ranking("lake")[0];
    let cells: Vec<&str> = rows[0].split('\t').collect();
    assert_eq!(rows.len(), 1);
    assert!(cells[0].starts_with("<https://service.swissartresearch.net/clip/hit/"));
    assert!(cells[0].ends_with(&format!("/{}>", image_id(best))));
    assert_eq!(cells[1], format!("<{best}>"));
    let number = cells[2]
        .strip_prefix('"')
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!((number.parse::<f32>().unwrap() - score).abs() < 1e-6);
    assert!(cells[2].ends_with("^^<http://www.w3.org/2001/XMLSchema#float>"));
    assert_eq!(cells[3], format!("\"{}\"", image_id(best)));
    assert_eq!(cells[4], format!("<{best}/full/1000,/0/default.jpg>"));
    assert_eq!(cells[5], "1");
}

#[test]
fn rows_come_best_first_without_order_by() {
    let world = World::new();
    let all = iris(&ranking("lake"));
    let with_work: Vec<String> = all
        .iter()
        .filter(|i| (0..6).any(|n| **i == format!("<{}>", url(n))))
        .cloned()
        .collect();
    let request = "?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i .";
    let work = "?w <http://purl.org/dc/terms/hasFormat> ?i .";
    for (query, expected) in [
        (format!("SELECT ?i {{ {request} }}"), &all[..]),
        (format!("SELECT ?i {{ {request} }} LIMIT 3"), &all[..3]),
        (
            format!("SELECT ?i {{ {request} }} LIMIT 3 OFFSET 2"),
            &all[2..5],
        ),
        (
            format!("SELECT DISTINCT ?i {{ {request} }} LIMIT 4"),
            &all[..4],
        ),
        (format!("SELECT ?i {{ {work} {request} }}"), &with_work[..]),
        (
            format!("SELECT ?i {{ {request} {work} }} LIMIT 2"),
            &with_work[..2],
        ),
        (
            format!("SELECT ?i {{ {request} OPTIONAL {{ {work} }} }} LIMIT 5"),
            &all[..5],
        ),
        (
            format!("SELECT ?i {{ {{ {{ SELECT ?i {{ {request} }} LIMIT 3 }} }} }}"),
            &all[..3],
        ),
        (
            format!("SELECT ?i {{ {{ SELECT ?i {{ {request} }} LIMIT 3 }} BIND(1 AS ?x) }}"),
            &all[..3],
        ),
        (
            format!(
                "SELECT ?i {{ {work} {{ SELECT DISTINCT ?i ?s {{ {request} ?r clip:score ?s }} }} }}"
            ),
            &with_work[..],
        ),
        (
            format!(
                "SELECT ?i {{ GRAPH ?g {{ {request} }} FILTER(?g = <http://example.org/g1>) }}"
            ),
            &all[..],
        ),
    ] {
        assert_eq!(world.rows(&query), expected, "{query}");
    }
    let mut by_name: Vec<String> = all.clone();
    by_name.sort_unstable();
    assert_eq!(
        world.rows(&format!("SELECT ?i {{ {request} }} ORDER BY ?i")),
        by_name,
        "with ORDER BY, SPARQL rules"
    );
}

#[test]
fn limit_counts_rows_after_the_joins_and_clip_limit_before() {
    let world = World::new();
    let join = "?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i .
                ?w <http://purl.org/dc/terms/hasFormat> ?i .";
    assert_eq!(
        world.rows(&format!("SELECT ?i {{ {join} }} LIMIT 6")).len(),
        6
    );
    let best: Vec<String> = iris(&ranking("lake")[..4]);
    let expected: Vec<String> = best
        .into_iter()
        .filter(|i| (0..6).any(|n| *i == format!("<{}>", url(n))))
        .collect();
    assert_eq!(
        world.rows(&format!("SELECT ?i {{ {join} ?r clip:limit 4 }}")),
        expected
    );
    // Candidates do not change what the best four are.
    let candidate = &ranking("lake")[4].0;
    assert!(
        world
            .rows(&format!(
                "SELECT ?i {{ {join} ?r clip:limit '4' VALUES ?i {{ <{candidate}> }} }}"
            ))
            .is_empty()
    );
    let rank = world.rows(&format!(
        "SELECT ?rank {{ ?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl <{candidate}> ; clip:rank ?rank }}"
    ));
    assert_eq!(rank, ["5"]);
}

#[test]
fn min_score_is_a_number_however_it_is_written() {
    let world = World::new();
    let ranking = ranking("lake");
    let bound = f64::midpoint(f64::from(ranking[2].1), f64::from(ranking[3].1));
    for written in [
        format!("{bound}"),
        format!("\"{bound}\""),
        format!("' {bound} '"),
        format!("\"{bound}\"^^xsd:decimal"),
        format!("\"{bound}\"^^xsd:float"),
        format!("{bound:e}"),
    ] {
        let rows = world.rows(&format!(
            "SELECT ?i {{ ?r a clip:Request ; clip:queryString 'lake' ; clip:minScore {written} ; clip:iiifUrl ?i }}"
        ));
        assert_eq!(rows, iris(&ranking[..3]), "{written}");
    }
}

#[test]
fn inputs_combine_and_exclude() {
    let world = World::new();
    let lake = direction(b"lake");
    let castle = direction(b"castle");
    let image = direction(url(3).as_bytes());
    let sum = clip_search::embedding::Embedding::combine([&lake, &image], [&castle]).unwrap();
    let best = (0..N_IMAGES)
        .max_by(|a, b| {
            let score = |i: usize| direction(url(i).as_bytes()).cosine(&sum);
            score(*a).total_cmp(&score(*b))
        })
        .unwrap();
    let rows = world.rows(&format!(
        "SELECT ?i {{ ?r a clip:Request ; clip:queryString 'lake' ; clip:similarTo <{}> ;
           clip:excludeString 'castle' ; clip:minScore -1 ; clip:iiifUrl ?i }} LIMIT 1",
        url(3)
    ));
    assert_eq!(rows, [format!("<{}>", url(best))]);
}

#[test]
fn similar_to_finds_the_image_itself_first_and_nothing_for_strangers() {
    let world = World::new();
    let query = |image: &str| {
        format!(
            "SELECT ?i ?s {{ ?r a clip:Request ; clip:similarTo {image} ; clip:iiifUrl ?i ; clip:score ?s }} LIMIT 1"
        )
    };
    let rows = world.rows(&query(&format!("<{}>", url(7))));
    assert!(rows[0].starts_with(&format!("<{}>", url(7))), "{rows:?}");
    assert!(
        world
            .rows(&query("<http://example.org/stranger>"))
            .is_empty()
    );
    assert_eq!(
        world.encoder.texts_encoded.load(Ordering::Relaxed),
        0,
        "no encoder is needed"
    );
}

#[test]
fn images_in_the_query_are_embedded() {
    let world = World::new();
    // The bytes of the test encoder's "image" are the URL of image 2: "https://iiif.example.org/img2".
    let encoded = "aHR0cHM6Ly9paWlmLmV4YW1wbGUub3JnL2ltZzI=";
    for written in [
        encoded.to_owned(),
        format!("data:image/png;base64,{encoded}"),
    ] {
        let rows = world.rows(&format!(
            "SELECT ?i {{ ?r a clip:Request ; clip:queryImage '{written}' ; clip:iiifUrl ?i }} LIMIT 1"
        ));
        assert_eq!(rows, [format!("<{}>", url(2))]);
    }
}

#[test]
fn variable_inputs_are_searched_once_each_and_echoed_as_they_were() {
    let world = World::new();
    let rows = world.rows(
        "SELECT ?q ?i { VALUES ?q { 'lake' 'castle'@en 'lake' } ?r a clip:Request ; clip:queryString ?q ;
           clip:limit 1 ; clip:iiifUrl ?i } ORDER BY ?q",
    );
    let lake = &ranking("lake")[0].0;
    let castle = &ranking("castle")[0].0;
    let mut expected = vec![
        format!("\"castle\"@en\t<{castle}>"),
        format!("\"lake\"\t<{lake}>"),
        format!("\"lake\"\t<{lake}>"),
    ];
    let mut found = rows.clone();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(world.encoder.texts_encoded.load(Ordering::Relaxed), 2);
    // A second query finds both texts in the cache.
    world.rows(
        "SELECT ?i { ?r a clip:Request ; clip:queryString 'lake', 'castle' ; clip:iiifUrl ?i }",
    );
    assert_eq!(world.encoder.texts_encoded.load(Ordering::Relaxed), 2);
}

#[test]
fn inputs_may_come_from_the_store_a_bind_a_filter_or_another_request() {
    let world = World::new();
    let best = |text: &str| format!("<{}>", ranking(text)[0].0);
    for (query, expected) in [
        (
            "SELECT ?i { <http://example.org/w2> <http://purl.org/dc/terms/title> ?q .
               ?r a clip:Request ; clip:queryString ?q ; clip:limit 1 ; clip:iiifUrl ?i }",
            best("ship"),
        ),
        (
            "SELECT ?i { BIND('a lake' AS ?q) ?r a clip:Request ; clip:queryString ?q ; clip:limit 1 ; clip:iiifUrl ?i }",
            best("a lake"),
        ),
        (
            "SELECT ?i { ?r a clip:Request ; clip:queryString ?q ; clip:limit 1 ; clip:iiifUrl ?i FILTER(?q = 'dog') }",
            best("dog"),
        ),
        (
            "SELECT ?i { ?a a clip:Request ; clip:queryString 'dog' ; clip:limit 1 ; clip:iiifUrl ?x .
               ?b a clip:Request ; clip:similarTo ?x ; clip:limit 1 ; clip:iiifUrl ?i }",
            best("dog"),
        ),
        (
            "SELECT ?i { ?x <http://www.w3.org/2000/01/rdf-schema#label> 'Anker', ?q .
               FILTER EXISTS { ?r a clip:Request ; clip:queryString ?q ; clip:limit 1 ; clip:iiifUrl ?i }
               VALUES ?i { UNDEF } BIND(1 AS ?z) }",
            String::new(),
        ),
        (
            "SELECT ?i { VALUES (?m ?k) { ('-1' 1) } ?r a clip:Request ; clip:queryString 'dog' ; clip:minScore ?m ;
               clip:limit ?k ; clip:iiifUrl ?i }",
            best("dog"),
        ),
    ] {
        assert_eq!(world.rows(query), [expected], "{query}");
    }
}

#[test]
fn one_request_may_be_split_over_groups() {
    let world = World::new();
    let whole = world.rows(
        "SELECT ?i ?s { ?r a clip:Request ; clip:queryString 'lake' ; clip:score ?s ; clip:iiifUrl ?i FILTER(?s > 0.8) }",
    );
    assert!(!whole.is_empty() && whole.len() < N_IMAGES);
    for split in [
        "{ ?r clip:score ?s FILTER(?s > 0.8) } ?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i",
        "{ ?r a clip:Request } { ?r clip:queryString 'lake' } { ?r clip:score ?s FILTER(?s > 0.8) } { ?r clip:iiifUrl ?i }",
        "?r a clip:Request OPTIONAL { ?r clip:queryString 'lake' ; clip:score ?s } ?r clip:iiifUrl ?i FILTER(?s > 0.8)",
        "{ SELECT ?r ?s { ?r clip:score ?s } } ?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i FILTER(?s > 0.8)",
        "?r a clip:Request ; clip:queryString 'lake', ?q ; clip:iiifUrl ?i ; clip:score ?s FILTER(?s > 0.8 && ?q = 'lake')",
    ] {
        let mut found = world.rows(&format!("SELECT ?i ?s {{ {split} }}"));
        found.dedup();
        assert_eq!(found, whole, "{split}");
    }
}

#[test]
fn subjects_may_be_blank_nodes_or_iris() {
    let world = World::new();
    let expected = iris(&ranking("lake"));
    for subject in ["[]", "_:b", "<http://example.org/r>"] {
        assert_eq!(
            world.rows(&format!("SELECT ?i {{ {subject} a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i }}")),
            expected
        );
    }
    let rows =
        world.rows("SELECT ?i { [ a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i ] }");
    assert_eq!(rows, expected);
    // A hit's own IRI, as an engine that substitutes bindings sends it, names that hit.
    let hit = &world.rows("SELECT ?r { ?r a clip:Request ; clip:queryString 'lake' } LIMIT 1")[0];
    let rows = world.rows(&format!(
        "SELECT ?i {{ {hit} a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i }}"
    ));
    assert_eq!(rows, expected[..1]);
    let rows = world.rows(&format!(
        "SELECT ?i {{ VALUES ?r {{ {hit} }} ?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i }}"
    ));
    assert_eq!(rows, expected[..1]);
}

#[test]
fn paths_beside_a_request_are_joined() {
    let world = World::new();
    let rows = world.rows(
        "SELECT ?w { ?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl/^<http://purl.org/dc/terms/hasFormat> ?w }",
    );
    assert_eq!(rows.len(), 6);
}

#[test]
fn the_relation_belongs_to_every_graph() {
    let world = World::new();
    let request = "?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i .";
    for query in [
        format!("SELECT ?i {{ GRAPH <http://example.org/nowhere> {{ {request} }} }}"),
        format!("SELECT ?i FROM <http://example.org/nowhere> {{ {request} }}"),
        format!("SELECT ?i FROM NAMED <http://example.org/nowhere> {{ GRAPH ?g {{ {request} }} }}"),
    ] {
        assert_eq!(world.rows(&query), iris(&ranking("lake")), "{query}");
    }
    let rows = world.rows(&format!(
        "SELECT ?g ?w {{ GRAPH ?g {{ {request} ?w <http://purl.org/dc/terms/hasFormat> ?i }} }}"
    ));
    assert_eq!(rows, ["<http://example.org/g2>\t<http://example.org/w9>"]);
    let request = QueryRequest {
        query: "SELECT ?i { ?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i . ?w <http://purl.org/dc/terms/hasFormat> ?i }",
        default_graphs: vec!["http://example.org/g2".to_owned()],
        named_graphs: Vec::new(),
        ..QueryRequest::default()
    };
    let mut out = Vec::new();
    world
        .sparql
        .answer(&request)
        .unwrap()
        .write(
            clip_search::sparql::results::TableFormat::Tsv,
            clip_search::sparql::results::GraphFormat::Turtle,
            &mut out,
        )
        .unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!("?i\n<{}>\n", url(8))
    );
}

#[test]
fn similarity_is_a_function() {
    let world = World::new();
    let score = direction(url(0).as_bytes()).cosine(&direction(b"lake"));
    let rows = world.rows(
        "SELECT (clip:similarity(?i, 'lake') AS ?s) { <http://example.org/w0> <http://purl.org/dc/terms/hasFormat> ?i }",
    );
    let number = rows[0]
        .trim_matches('"')
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    assert!(
        (number.parse::<f32>().unwrap() - score).abs() < 1e-6,
        "{rows:?}"
    );
    let rows = world.rows(&format!(
        "SELECT ?i {{ ?w <http://purl.org/dc/terms/hasFormat> ?i }} ORDER BY DESC(clip:similarity(?i, <{}>)) LIMIT 1",
        url(4)
    ));
    assert_eq!(rows, [format!("<{}>", url(4))]);
    let average = world.rows(
        "SELECT (AVG(clip:similarity(?i, 'lake')) AS ?s) { ?w <http://purl.org/dc/terms/hasFormat> ?i }",
    );
    assert!(average[0].contains("#float"), "{average:?}");
    for unbound in [
        "<http://e/stranger>, 'x'",
        "1, 'x'",
        "?none, 'x'",
        "<https://iiif.example.org/img1>, <http://e/stranger>",
    ] {
        let rows = world.rows(&format!("SELECT (clip:similarity({unbound}) AS ?s) {{}}"));
        assert_eq!(rows, [""], "{unbound}");
    }
}

#[test]
fn a_centroid_is_what_images_have_in_common() {
    let world = World::new();
    let of_hodler = "{ SELECT (clip:centroid(?x) AS ?c) { ?w <http://example.org/by> <http://example.org/hodler> ; <http://purl.org/dc/terms/hasFormat> ?x } }";
    let middle = Embedding::combine(
        &[0, 1].map(|i| direction(url(i).as_bytes())),
        std::iter::empty(),
    )
    .unwrap();
    let mut expected: Vec<(f32, String)> = (0..N_IMAGES)
        .map(|i| {
            (
                middle.cosine(&direction(url(i).as_bytes())),
                format!("<{}>", url(i)),
            )
        })
        .collect();
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    let expected: Vec<String> = expected.into_iter().map(|(_, url)| url).collect();
    let request = "?r a clip:Request ; clip:similarTo ?c ; clip:minScore -1 ; clip:iiifUrl ?i .";
    assert_eq!(
        world.rows(&format!("SELECT ?i {{ {of_hodler} {request} }}")),
        expected
    );
    let by_function = format!(
        "SELECT ?i {{ {of_hodler} ?v <http://purl.org/dc/terms/hasFormat> ?i }} ORDER BY DESC(clip:similarity(?i, ?c)) LIMIT 2"
    );
    // Both are equally far from their middle, but for rounding.
    let set = |rows: &[String]| {
        rows.iter()
            .cloned()
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(set(&world.rows(&by_function)), set(&expected[..2]));

    // Of the hits of another request: the two images that look most like a lake.
    let (first, second) = (&ranking("lake")[0].0, &ranking("lake")[1].0);
    let rows = world.rows(&format!(
        "SELECT ?i {{ {{ SELECT (clip:centroid(?x) AS ?c) {{ ?q a clip:Request ; clip:queryString 'lake' ; clip:limit 2 ; clip:iiifUrl ?x }} }} {request} ?r clip:score ?s }} ORDER BY DESC(?s) LIMIT 2"
    ));
    let best: std::collections::BTreeSet<String> = rows.into_iter().collect();
    let middle = Embedding::combine(
        &[first, second].map(|url| direction(url.as_bytes())),
        std::iter::empty(),
    )
    .unwrap();
    let mut nearest: Vec<(f32, String)> = (0..N_IMAGES)
        .map(|i| {
            (
                middle.cosine(&direction(url(i).as_bytes())),
                format!("<{}>", url(i)),
            )
        })
        .collect();
    nearest.sort_by(|a, b| b.0.total_cmp(&a.0));
    assert_eq!(
        best,
        nearest[..2].iter().map(|(_, url)| url.clone()).collect()
    );

    // Nothing of the collection has no middle; strangers do not count.
    let none = "SELECT (clip:centroid(?x) AS ?c) { VALUES ?x { <http://e/none> 1 'x' } }";
    assert_eq!(world.rows(none), [""]);
    let mixed = format!(
        "SELECT ?i {{ {{ SELECT (clip:centroid(?x) AS ?c) {{ VALUES ?x {{ <http://e/none> <{}> }} }} }} {request} }} LIMIT 1",
        url(3)
    );
    assert_eq!(world.rows(&mixed), [format!("<{}>", url(3))]);
    let error = world.error(
        "SELECT * { ?r a clip:Request ; clip:similarTo 'AAAA'^^clip:Embedding ; clip:iiifUrl ?i }",
    );
    assert!(error.contains("is not one of 4 components"), "{error}");
}

#[test]
fn clip_triples_without_a_request_are_plain_patterns() {
    let world = World::new();
    assert!(world.rows("SELECT * { ?r clip:minScore '0.2' }").is_empty());
    assert!(world.rows("SELECT * { ?r clip:nonsense ?x }").is_empty());
    assert_eq!(world.ask("ASK { ?r clip:score ?s }").unwrap(), "false");
}

#[test]
fn other_query_forms_use_requests() {
    let world = World::new();
    let request = "?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i .";
    assert_eq!(world.ask(&format!("ASK {{ {request} }}")).unwrap(), "true");
    let graph = world
        .ask(&format!(
            "CONSTRUCT {{ ?i <http://e/by> [] }} WHERE {{ {request} }} LIMIT 2"
        ))
        .unwrap();
    assert_eq!(graph.lines().count(), 2);
    let count = world.rows(&format!("SELECT (COUNT(*) AS ?n) {{ {request} }}"));
    assert_eq!(count, ["9"]);
    let described = world
        .ask(&format!(
            "DESCRIBE ?w {{ {request} ?w <http://purl.org/dc/terms/hasFormat> ?i }}"
        ))
        .unwrap();
    assert!(described.contains("http://purl.org/dc/terms/title"));
}

#[test]
fn head_has_exactly_the_projection() {
    let world = World::new();
    let head = |query: &str| {
        let answer = world.ask(query).unwrap();
        let mut names: Vec<&str> = answer.lines().next().unwrap().split('\t').collect();
        names.sort_unstable();
        names.join(" ")
    };
    let request = "?request a clip:Request ; clip:queryString 'lake' ; clip:score ?score ; clip:iiifUrl ?iiif .";
    assert_eq!(
        head(&format!("SELECT * {{ {request} }}")),
        "?iiif ?request ?score"
    );
    assert_eq!(
        head(&format!("SELECT ?iiif ?never {{ {request} }}")),
        "?iiif ?never"
    );
    assert_eq!(
        head(&format!(
            "SELECT * {{ {{ SELECT ?iiif {{ {request} }} LIMIT 2 }} }}"
        )),
        "?iiif"
    );
    assert_eq!(
        head("SELECT * { [] a clip:Request ; clip:queryString 'lake' ; clip:score ?s }"),
        "?s"
    );
}

/// Inline data of many rows is joined in another way than that of few.
#[test]
fn long_inline_data_is_joined() {
    let world = World::new();
    let strangers: String = (0..100).map(|i| format!("<http://e/{i}> ")).collect();
    let request = "?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i .";
    let expected: Vec<String> = iris(&ranking("lake"))
        .into_iter()
        .filter(|i| [2, 5].iter().any(|n| *i == format!("<{}>", url(*n))))
        .collect();
    for values in [
        format!("VALUES ?i {{ {strangers} <{}> <{}> }}", url(2), url(5)),
        format!(
            "VALUES (?i ?z) {{ {} (<{}> 1) (<{}> UNDEF) }}",
            strangers.replace('<', "(<").replace('>', "> UNDEF)"),
            url(2),
            url(5)
        ),
    ] {
        let query = format!("SELECT ?i {{ {request} {values} }}");
        assert_eq!(world.rows(&query), expected, "{values}");
    }
    let texts: String = (0..100).map(|i| format!("'text {i}' ")).collect();
    let rows = world.rows(&format!(
        "SELECT ?q ?i {{ VALUES ?q {{ {texts} }} ?r a clip:Request ; clip:queryString ?q ; clip:limit 2 ; clip:iiifUrl ?i }}"
    ));
    assert_eq!(rows.len(), 200);
}

/// What MINUS takes away does not depend on what stands around the group.
#[test]
fn inputs_inside_minus_are_not_restricted_from_outside() {
    let world = World::new();
    let rows = world.rows(
        "PREFIX ex: <http://example.org/> PREFIX dct: <http://purl.org/dc/terms/>
         SELECT ?z ?w {
           { VALUES ?z { 2 }
             MINUS { { ?w ex:by ?a OPTIONAL { ?w dct:title ?q } FILTER(BOUND(?q)) }
                     ?r a clip:Request ; clip:queryString ?q ; clip:rank ?z } }
           { GRAPH ex:g2 { ?w dct:hasFormat ?i } } }",
    );
    assert!(rows.is_empty(), "{rows:?}");
}

#[test]
fn the_same_input_twice_is_one() {
    let world = World::new();
    let scores = |inputs: &str| {
        world.rows(&format!(
            "SELECT ?s {{ ?r a clip:Request ; clip:queryString {inputs} ; clip:score ?s }}"
        ))
    };
    assert_eq!(scores("'lake', 'lake', 'dog'"), scores("'lake', 'dog'"));
}

#[test]
fn a_variable_may_have_any_name() {
    let world = World::new();
    let rows = world.rows(
        "SELECT ?clip_position ?clip_0 { ?clip_1 a clip:Request ; clip:queryString 'lake' ;
           clip:rank ?clip_position ; clip:iiifUrl ?clip_0 } LIMIT 1",
    );
    assert_eq!(rows, [format!("1\t<{}>", ranking("lake")[0].0)]);
}

#[test]
fn rows_of_several_branches_and_inputs_come_best_first() {
    let world = World::new();
    let branch =
        |text: &str| format!("{{ ?r a clip:Request ; clip:queryString '{text}' ; clip:score ?s }}");
    for (pattern, n_without_hit) in [
        (format!("{} UNION {{ ?w ex:year ?y }}", branch("lake")), 4),
        (format!("{{ ?w ex:year ?y }} UNION {}", branch("lake")), 4),
        (format!("{} UNION {}", branch("lake"), branch("dog")), 0),
        (
            format!(
                "{} UNION {{ ?w ex:year ?y }} MINUS {{ ?r clip:rank ?k FILTER(?k > 5) }}",
                branch("lake")
            ),
            4,
        ),
        (
            "VALUES ?q { 'lake' 'dog' } ?r a clip:Request ; clip:queryString ?q ; clip:score ?s"
                .to_owned(),
            0,
        ),
    ] {
        let scores: Vec<f32> = world
            .rows(&format!(
                "PREFIX ex: <http://example.org/> SELECT ?s {{ {pattern} }}"
            ))
            .iter()
            .map(|row| match row.split('"').nth(1) {
                Some(number) => number.parse().unwrap(),
                None => f32::NEG_INFINITY,
            })
            .collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{pattern}: {scores:?}");
        let without = scores.iter().filter(|s| s.is_infinite()).count();
        assert_eq!(without, n_without_hit, "{pattern}");
    }
}

#[test]
fn operators_can_set_defaults_and_bounds() {
    let options = |change: fn(&mut SparqlOptions)| {
        let mut options = SparqlOptions::default();
        change(&mut options);
        World::with(options, store())
    };
    let query = "SELECT ?i ?l { ?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i ; clip:link ?l }";
    assert_eq!(options(|o| o.default_limit = Some(2)).rows(query).len(), 2);
    assert!(
        options(|o| o.default_min_score = 1.5)
            .rows(query)
            .is_empty()
    );
    assert!(
        options(|o| o.link_width_px = NonZeroU32::new(77).unwrap()).rows(query)[0]
            .contains("/full/77,/0/")
    );
    assert!(
        options(|o| o.max_hits = 3)
            .error(query)
            .contains("has more than 3 hits")
    );
    let n_hits = options(|_| {}).rows(query).len();
    let allowing = |max_hits| {
        let options = SparqlOptions {
            max_hits,
            ..SparqlOptions::default()
        };
        World::with(options, store())
    };
    assert_eq!(
        allowing(n_hits).rows(query).len(),
        n_hits,
        "exactly as many as are allowed"
    );
    assert!(allowing(n_hits - 1).error(query).contains("hits"));
    assert!(
        options(|o| o.max_hits = 20)
            .error(
                "SELECT * { ?r a clip:Request ; clip:queryString 'lake' OPTIONAL { ?r clip:score ?s } OPTIONAL { ?r clip:rank ?k } }"
            )
            .contains("has more than 20 hits"),
        "each table of the hits takes memory"
    );
    let wide: Vec<String> = (0..24).map(|n| format!("?s{n}")).collect();
    assert!(
        options(|o| o.max_hits = 20)
            .error(&format!(
                "SELECT * {{ ?r a clip:Request ; clip:queryString 'lake' ; clip:score {} FILTER(?s0 > ?s1 - 1) }}",
                wide.join(", ")
            ))
            .contains("has more than 20 hits"),
        "and so does each of its columns"
    );
    assert!(
        options(|o| o.max_inputs = 2)
            .error("SELECT ?i { { SELECT ?i { VALUES ?q { 'a' 'b' 'c' } ?r a clip:Request ; clip:queryString ?q ; clip:iiifUrl ?i } } }")
            .contains("restrict the variable ?q further"),
        "named as in the query"
    );
    assert!(
        options(|o| o.max_query_images = 1)
            .error("SELECT * { ?a a clip:Request ; clip:queryImage 'aGk=' . ?b a clip:Request ; clip:queryImage 'aGl=' }")
            .contains("names more than 1 images"),
        "counted for the whole query"
    );
    assert!(
        options(|o| o.max_inputs = 2)
            .error("SELECT * { VALUES ?q { 'a' 'b' 'c' } ?r a clip:Request ; clip:queryString ?q }")
            .contains("clip:queryString of the clip:Request ?r has more than 2 different values")
    );
    assert!(
        options(|o| o.max_query_images = 0)
            .error("SELECT * { ?r a clip:Request ; clip:queryImage 'aGk=' }")
            .contains("names more than 0 images")
    );
    assert!(
        options(|o| o.timeout = Some(std::time::Duration::from_millis(50)))
            .error("SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o . ?p ?q ?r . ?s ?t ?u . ?v ?w ?x }")
            .contains("was stopped after")
    );
}

#[test]
fn csv_quotes_iris_with_commas() {
    let world = World::new();
    let request = QueryRequest {
        query: "SELECT ?link ?t ?none { ?r a clip:Request ; clip:queryString 'lake' ; clip:limit 1 ; clip:link ?link BIND('a \"b\", c' AS ?t) }",
        ..QueryRequest::default()
    };
    let mut out = Vec::new();
    let csv = clip_search::sparql::results::TableFormat::Csv;
    let turtle = clip_search::sparql::results::GraphFormat::Turtle;
    world
        .sparql
        .answer(&request)
        .unwrap()
        .write(csv, turtle, &mut out)
        .unwrap();
    let best = &ranking("lake")[0].0;
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!("link,t,none\r\n\"{best}/full/1000,/0/default.jpg\",\"a \"\"b\"\", c\",\r\n")
    );
}

#[test]
fn candidates_from_outside_an_optional_do_not_empty_it() {
    let world = World::new();
    let optional = "<http://example.org/w0> <http://example.org/year> ?y
        OPTIONAL { ?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i }";
    let values =
        |image: &str| format!("SELECT ?i {{ {{ {optional} }} VALUES ?i {{ <{image}> }} }}");
    assert_eq!(world.rows(&values(&url(3))), [format!("<{}>", url(3))]);
    assert!(world.rows(&values("http://e/none")).is_empty());
}

/// Values that cannot be inputs find nothing; the others do.
#[test]
fn unusable_values_among_others_cost_only_their_rows() {
    let world = World::new();
    for (values, property, n_rows) in [
        ("'lake' <http://e/none> 'ship'", "clip:queryString ?v", 2),
        (
            "0.5 'high' <http://e/none>",
            "clip:queryString 'lake' ; clip:minScore ?v",
            1,
        ),
        ("1 0 'all'", "clip:queryString 'lake' ; clip:limit ?v", 1),
        (
            "<https://iiif.example.org/img1> 'no IRI'",
            "clip:similarTo ?v",
            1,
        ),
    ] {
        let query = format!(
            "SELECT DISTINCT ?v {{ VALUES ?v {{ {values} }} ?r a clip:Request ; {property} ; clip:iiifUrl ?i }}"
        );
        assert_eq!(world.rows(&query).len(), n_rows, "{query}");
    }
    // Stored values, too.
    let query = "SELECT ?q { ?w ?p ?q . FILTER(?p IN (<http://purl.org/dc/terms/title>, <http://example.org/by>)) ?r a clip:Request ; clip:queryString ?q ; clip:limit 1 }";
    assert_eq!(world.rows(query).len(), 4);
}
