//! Queries over a collection that is searched by lists: what they find, and when all is looked at after all.

use super::planner::full;
use super::{World, direction};
use clip_search::build::index::{self, Wanted};
use clip_search::collection::Collection;
use clip_search::features::npy::{Precision, header};
use clip_search::image_id::image_id;
use clip_search::search::Method;
use clip_search::sparql::explain::RequestExplanation;
use clip_search::sparql::{QueryRequest, SparqlOptions};
use oxigraph::model::{GraphName, NamedNode, Quad};
use oxigraph::store::Store;
use std::collections::HashSet;
use std::fs;
use std::path::Path;

const N: usize = 4000;

fn url(i: usize) -> String {
    format!("https://iiif.example.org/{i}")
}

/// A data directory with lists.
fn write_collection(dir: &Path) {
    fs::create_dir_all(dir.join("features")).unwrap();
    let mut features = header(N, 4, Precision::F32);
    let mut images = "localIdentifier,iiif_url\n".to_owned();
    let mut ids = "image_id\n".to_owned();
    for url in (0..N).map(url) {
        Precision::F32.write_row(direction(url.as_bytes()).as_slice(), &mut features);
        let id = image_id(&url);
        images += &format!("{id},{url}\n");
        ids += &format!("{id}\n");
    }
    fs::write(dir.join("features/features.npy"), features).unwrap();
    fs::write(dir.join("features/imageIds.csv"), ids).unwrap();
    fs::write(dir.join("images.csv"), images).unwrap();
    let made = index::run(dir, Wanted::Lists { n_lists: None }).unwrap();
    assert_eq!(made.lists.unwrap().n_lists, 252);
}

/// Every image has a work; half of them are in Bern, one in a hundred shows a lake.
fn store() -> Store {
    let store = Store::new().unwrap();
    let node = |name: &str| NamedNode::new_unchecked(format!("http://example.org/{name}"));
    for i in 0..N {
        let work = node(&format!("w{i}"));
        let insert = |name: &str, object: NamedNode| {
            let quad = Quad::new(work.clone(), node(name), object, GraphName::DefaultGraph);
            store.insert(&quad).unwrap();
        };
        insert("image", NamedNode::new_unchecked(url(i)));
        insert("place", node(if i % 2 == 0 { "lugano" } else { "bern" }));
        if i % 100 == 0 {
            insert("shows", node("lake"));
        }
    }
    store
}

struct Worlds {
    exact: World,
    approximate: World,
}

impl Worlds {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_collection(dir.path());
        let world = |method| {
            let collection = Collection::open(dir.path()).unwrap();
            World::searching(collection, SparqlOptions::default(), store(), method)
        };
        Self {
            exact: world(Method::Exact),
            approximate: world(Method::Approximate { recall: 0.95 }),
        }
    }

    fn explain(&self, query: &str) -> RequestExplanation {
        let query = full(query);
        let request = QueryRequest {
            query: &query,
            ..QueryRequest::default()
        };
        let explanation = self.approximate.sparql.explain(&request).unwrap();
        let [request] = &explanation.requests[..] else {
            panic!("{explanation}")
        };
        request.clone()
    }

    fn rows(&self, query: &str) -> [Vec<String>; 2] {
        [&self.exact, &self.approximate].map(|world| world.rows(&full(query)))
    }
}

#[test]
fn the_best_rows_come_from_the_nearest_lists() {
    let worlds = Worlds::new();
    for (query, all) in [
        (
            "SELECT ?i ?s { {R} } ORDER BY DESC(?s) LIMIT 10",
            "SELECT ?i ?s { {R} }",
        ),
        (
            "SELECT ?i ?s { {R} ?w :image ?i ; :place :bern } ORDER BY DESC(?s) LIMIT 20",
            "SELECT ?i ?s { {R} ?w :image ?i ; :place :bern }",
        ),
        (
            "SELECT ?i ?s { {R} ?r clip:limit 30 } ORDER BY DESC(?s)",
            "SELECT ?i ?s { {R} }",
        ),
        (
            "SELECT ?i ?s { { SELECT ?i ?s { {R} ?w :image ?i } ORDER BY DESC(?s) LIMIT 15 } ?w :image ?i } ORDER BY DESC(?s)",
            "SELECT ?i ?s { {R} }",
        ),
        (
            "SELECT DISTINCT ?i ?s { {R} ?w :image ?i } ORDER BY DESC(?s) LIMIT 10 OFFSET 20",
            "SELECT ?i ?s { {R} }",
        ),
        // Of eight hits not enough are in Bern; of the next ones they are.
        (
            "SELECT ?i ?s { {R} FILTER EXISTS { ?w :image ?i ; :place :bern } } ORDER BY DESC(?s) LIMIT 8",
            "SELECT ?i ?s { {R} ?w :image ?i ; :place :bern }",
        ),
    ] {
        let told = worlds.explain(query);
        assert!(!told.exact, "{query}\n{told}");
        assert!((0.95..=1.0).contains(&told.expected_recall), "{told}");
        assert!(told.images_scored < N / 2, "{told}");
        assert!(
            told.engine
                .starts_with("approximate, 252 lists; exact, int8 before "),
            "{told}"
        );
        let text = told.to_string();
        assert!(
            text.contains("exact      no, expected recall 0.9") || text.contains("recall 1.000"),
            "{text}"
        );
        let [expected, found] = worlds.rows(query);
        assert_eq!(found.len(), expected.len(), "{query}");
        let distinct: HashSet<&String> = found.iter().collect();
        let n_found = expected.iter().filter(|row| distinct.contains(row)).count();
        assert!(
            n_found * 10 >= expected.len() * 8,
            "{query}: {n_found} of {}",
            expected.len()
        );
        // Whatever is found belongs to the answer, with its score, and the best come first.
        let all: HashSet<String> = worlds.exact.rows(&full(all)).into_iter().collect();
        assert!(found.iter().all(|row| all.contains(row)), "{query}");
        let score = |row: &String| -> f64 {
            let (_, score) = row.split_once('\t').unwrap();
            let digits = score.trim_matches('"').split('"').next().unwrap();
            digits.parse().unwrap()
        };
        assert!(found.is_sorted_by(|a, b| score(a) >= score(b)), "{found:?}");
    }
}

/// Where many images are the same, a second key of the order decides among all of them.
#[test]
fn equal_scores_are_not_cut() {
    let worlds = Worlds::new();
    // HashEncoder has few directions: many images have one in common.
    let query = "SELECT ?s ?i { {R} } ORDER BY DESC(?s) DESC(STR(?i)) LIMIT 3";
    assert!(!worlds.explain(query).exact);
    let [expected, found] = worlds.rows(query);
    assert_eq!(found, expected);
}

#[test]
fn each_of_several_texts_is_searched_for() {
    let worlds = Worlds::new();
    let query = "SELECT ?q ?i ?s { VALUES ?q { 'lake' 'ship' } ?r a clip:Request ; clip:queryString ?q ; clip:minScore -1 ; clip:limit 5 ; clip:iiifUrl ?i ; clip:score ?s } ORDER BY ?q DESC(?s)";
    let told = worlds.explain(query);
    assert!(!told.exact && told.inputs == 2, "{told}");
    let [expected, found] = worlds.rows(query);
    assert_eq!((found.len(), expected.len()), (10, 10));
    let n_found = expected.iter().filter(|row| found.contains(row)).count();
    assert!(n_found >= 8, "{n_found}");
}

#[test]
fn what_lists_cannot_answer_is_complete() {
    let worlds = Worlds::new();
    for query in [
        // All above a score.
        "SELECT ?i ?s { {R} } ORDER BY DESC(?s)",
        "SELECT (COUNT(*) AS ?n) { {R} FILTER(?s > 0.9) }",
        // Few images.
        "SELECT ?i ?s { {R} ?w :image ?i ; :shows :lake } ORDER BY DESC(?s) LIMIT 10",
        // More than the recall is known of.
        "SELECT ?i ?s { {R} } ORDER BY DESC(?s) LIMIT 2000",
        // The best that were found have too few rows.
        "SELECT ?i ?s { {R} FILTER(REGEX(STR(?i), '/3..7$')) } ORDER BY DESC(?s) LIMIT 60",
        "SELECT ?i ?s { {R} FILTER(?s < 0.6) } ORDER BY DESC(?s) LIMIT 9",
        "SELECT ?i ?s { {R} FILTER(?s > 2) } ORDER BY DESC(?s) LIMIT 9",
        "ASK { {R} FILTER(?s > 2) }",
    ] {
        let told = worlds.explain(query);
        assert!(told.exact && told.expected_recall >= 1.0, "{query}\n{told}");
        let [expected, found] = worlds.rows(query);
        assert_eq!(found, expected, "{query}");
    }
}
