//! One pair of vectors has one score, the same bits on every way to it.

use super::{N_IMAGES, World, url};
use clip_search::sparql::{PlannerOptions, SparqlOptions};
use std::collections::BTreeMap;

const PREFIXES: &str = "PREFIX dct: <http://purl.org/dc/terms/> PREFIX ex: <http://example.org/>
    PREFIX clip: <https://service.swissartresearch.net/clip/>";

/// Ways to ask for the scores of all pairs of an input `?q` and an image `?i`; `IMAGES` lists all images.
const WAYS_OF_IMAGES: [&str; 9] = [
    "VALUES ?q { IMAGES } ?r a clip:Request ; clip:similarTo ?q ; clip:minScore -1 ; clip:score ?s ; clip:iiifUrl ?i",
    "VALUES ?q { IMAGES } ?r a clip:Request ; clip:similarTo ?q ; clip:minScore -1 ; clip:limit 99 ; clip:score ?s ; clip:iiifUrl ?i",
    "VALUES ?q { IMAGES } VALUES ?i { IMAGES } ?r a clip:Request ; clip:similarTo ?q ; clip:minScore -1 ; clip:score ?s ; clip:iiifUrl ?i",
    // The other way round.
    "VALUES ?i { IMAGES } ?r a clip:Request ; clip:similarTo ?i ; clip:minScore -1 ; clip:score ?s ; clip:iiifUrl ?q",
    "VALUES ?q { IMAGES } VALUES ?i { IMAGES } BIND(clip:similarity(?q, ?i) AS ?s)",
    "VALUES ?q { IMAGES } VALUES ?i { IMAGES } BIND(clip:similarity(?i, ?q) AS ?s)",
    // The centroid of one image is that image.
    "{ SELECT ?q (clip:centroid(?q) AS ?c) { VALUES ?q { IMAGES } } GROUP BY ?q } ?r a clip:Request ; clip:similarTo ?c ; clip:minScore -1 ; clip:score ?s ; clip:iiifUrl ?i",
    "{ SELECT ?q (clip:centroid(?q) AS ?c) { VALUES ?q { IMAGES } } GROUP BY ?q } VALUES ?i { IMAGES } BIND(clip:similarity(?i, ?c) AS ?s)",
    "VALUES ?q { IMAGES } { SELECT ?q ?i ?s { VALUES ?q { IMAGES } ?r a clip:Request ; clip:similarTo ?q ; clip:minScore -1 ; clip:score ?s ; clip:iiifUrl ?i } ORDER BY DESC(?s) LIMIT 1000 }",
];

const WAYS_OF_TEXTS: [&str; 4] = [
    "VALUES ?q { TEXTS } ?r a clip:Request ; clip:queryString ?q ; clip:minScore -1 ; clip:score ?s ; clip:iiifUrl ?i",
    "VALUES ?q { TEXTS } VALUES ?i { IMAGES } ?r a clip:Request ; clip:queryString ?q ; clip:minScore -1 ; clip:score ?s ; clip:iiifUrl ?i",
    "VALUES ?q { TEXTS } VALUES ?i { IMAGES } BIND(clip:similarity(?i, ?q) AS ?s)",
    "VALUES ?q { TEXTS } ?r a clip:Request ; clip:queryString ?q, ?q ; clip:minScore -1 ; clip:score ?s ; clip:iiifUrl ?i",
];

fn filled(way: &str) -> String {
    let images: String = (0..N_IMAGES).map(|i| format!("<{}> ", url(i))).collect();
    way.replace("IMAGES", &images)
        .replace("TEXTS", "'lake' 'ship' 'dog' 'castle'")
}

/// Scores by input and image, as they are written.
fn scores(world: &World, way: &str) -> BTreeMap<(String, String), String> {
    let query = format!("{PREFIXES} SELECT ?q ?i ?s {{ {} }}", filled(way));
    let rows = world.rows(&query);
    rows.iter()
        .map(|row| {
            let cells: Vec<&str> = row.split('\t').collect();
            (
                (cells[0].to_owned(), cells[1].to_owned()),
                cells[2].to_owned(),
            )
        })
        .collect()
}

fn worlds() -> [World; 2] {
    let tight = SparqlOptions {
        planner: PlannerOptions {
            probe_rows: Some(2),
            first_block: 1,
            inline_rows: 0,
        },
        ..SparqlOptions::default()
    };
    [World::new(), World::with(tight, super::store())]
}

#[test]
fn every_way_gives_the_same_bits() {
    let worlds = worlds();
    for ways in [&WAYS_OF_IMAGES[..], &WAYS_OF_TEXTS[..]] {
        let expected = scores(&worlds[0], ways[0]);
        for world in &worlds {
            for way in ways {
                assert_eq!(scores(world, way), expected, "{way}");
            }
        }
    }
}

#[test]
fn an_image_has_the_score_one_with_itself_and_is_in_one_group() {
    let [world, _] = worlds();
    for ((a, b), score) in scores(&world, WAYS_OF_IMAGES[0]) {
        if a == b {
            assert!(
                score.starts_with("\"1\"") || score.starts_with("1"),
                "{a}: {score}"
            );
        }
    }
    let query = format!(
        "{PREFIXES} SELECT ?s (COUNT(*) AS ?n) {{ {} FILTER(?q = ?i) }} GROUP BY ?s",
        filled(WAYS_OF_IMAGES[0])
    );
    assert_eq!(world.rows(&query).len(), 1);
}

/// A score that an answer shows, put back as minimum score, lets its own hit through, however it is written.
#[test]
fn a_shown_score_is_no_less_than_itself() {
    for world in worlds() {
        for text in ["lake", "ship", "dog"] {
            let query = |min_score: &str, more: &str| {
                format!(
                    "{PREFIXES} SELECT ?i ?s {{ ?r a clip:Request ; clip:queryString '{text}' ; clip:minScore {min_score} ; clip:score ?s ; clip:iiifUrl ?i {more} }}"
                )
            };
            let all = world.rows(&query("-1", ""));
            for row in &all {
                let (image, score) = row.split_once('\t').unwrap();
                let number = score.split('"').nth(1).unwrap();
                for written in [
                    format!("\"{number}\"^^xsd:float"),
                    format!("\"{number}\""),
                    format!("\"{number}\"^^xsd:decimal"),
                ] {
                    let found = world.rows(&query(&written, ""));
                    assert!(found.contains(row), "{image} with {written}: {found:?}");
                    // As a filter does.
                    let filtered = world.rows(&query("-1", &format!("FILTER(?s >= {written})")));
                    if !written.ends_with('"') {
                        assert_eq!(found, filtered, "{written}");
                    }
                    // By a variable, too.
                    let by_variable =
                        world.rows(&query("?m", &format!("VALUES ?m {{ {written} }}")));
                    assert_eq!(by_variable, found, "{written}");
                }
            }
        }
    }
}
