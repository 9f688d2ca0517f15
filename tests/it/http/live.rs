//! What is served is replaced while it is asked.

use super::{RESULTS_JSON, escaped, get, text};
use crate::colours::{self, ColourEncoder};
use clip_search::collection::Collection;
use clip_search::engine::Engine;
use clip_search::fetch::{FetchLimits, Fetcher};
use clip_search::http::{AppState, HttpSettings, Live, live_router};
use clip_search::sparql::{Sparql, SparqlOptions};
use oxigraph::model::{GraphName, Literal, NamedNode, Quad};
use oxigraph::store::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::runtime::Handle;

const SWITCHES: usize = 200;
const ASKING: usize = 4;

/// Images of two states, which share no URL: each answer tells whose it is.
fn url_in(state: usize, name: &str) -> String {
    format!("https://state-{state}.example.org/{name}")
}

/// The collection of a state, and a store that knows its red and its yellow image.
fn data(state: usize) -> (Collection, Store) {
    let store = Store::new().unwrap();
    for name in ["red", "yellow"] {
        let image = NamedNode::new(url_in(state, name)).unwrap();
        let title = NamedNode::new("http://example.org/title").unwrap();
        let text = Literal::from(format!("{name} of {state}"));
        store
            .insert(&Quad::new(image, title, text, GraphName::DefaultGraph))
            .unwrap();
    }
    (colours::collection_of(|name| url_in(state, name)), store)
}

fn first() -> AppState {
    let (collection, store) = data(0);
    let allow = String::new().parse().unwrap();
    let fetcher = Fetcher::new(Handle::current(), allow, FetchLimits::default()).unwrap();
    let engine = Engine::new(Arc::new(collection), Arc::new(ColourEncoder), fetcher);
    let options = SparqlOptions::default();
    let sparql = Sparql::new(store, Arc::new(engine), options, Handle::current());
    AppState::new(sparql, HttpSettings::default())
}

fn successor(before: &AppState, state: usize) -> AppState {
    let (collection, store) = data(state);
    let sparql = before.sparql();
    let engine = sparql.engine().over(Arc::new(collection));
    let options = sparql.options().clone();
    let sparql = Sparql::new(store, Arc::new(engine), options, Handle::current());
    before.successor(sparql)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_answer_is_of_one_state() {
    let live = Live::new(Arc::new(first()));
    let router = live_router(live.clone());
    let query = "SELECT ?image ?title { [] a clip:Request ; clip:queryString \"red\" ; clip:minScore 0.5 ; clip:iiifUrl ?image . ?image <http://example.org/title> ?title }";
    let query = format!(
        "/sparql?query={}",
        escaped(&format!(
            "PREFIX clip: <https://service.swissartresearch.net/clip/> {query}"
        ))
    );
    let expected = |state: usize| {
        ["red", "yellow"].map(|name| (url_in(state, name), format!("{name} of {state}")))
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let n_answers = Arc::new(AtomicUsize::new(0));
    let asking: Vec<_> = (0..ASKING)
        .map(|_| {
            let (router, query) = (router.clone(), query.clone());
            let (is_over, n_answers) = (Arc::clone(&is_over), Arc::clone(&n_answers));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let answer = text(get(&router, &query, Some(RESULTS_JSON)).await).await;
                    let (_, rows) = crate::world::table(&answer);
                    let mut rows: Vec<(String, String)> = rows
                        .into_iter()
                        .map(|row| (row[0].clone(), row[1].clone()))
                        .collect();
                    rows.sort();
                    assert!([0, 1].map(expected).iter().any(|of| rows == of), "{answer}");
                    n_answers.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for switch in 1..=SWITCHES {
        let answered = n_answers.load(Ordering::Relaxed);
        live.replace(Arc::new(successor(&live.now(), switch % 2)));
        // Each state is asked.
        while n_answers.load(Ordering::Relaxed) < answered + ASKING
            && asking.iter().all(|task| !task.is_finished())
        {
            tokio::task::yield_now().await;
        }
    }
    is_over.store(true, Ordering::Relaxed);
    for task in asking {
        task.await.unwrap();
    }
    assert!(n_answers.load(Ordering::Relaxed) >= SWITCHES * ASKING);
}

#[tokio::test]
async fn a_query_in_flight_ends_on_the_state_that_it_began_with() {
    let live = Live::new(Arc::new(first()));
    let before = live.now();
    live.replace(Arc::new(successor(&before, 1)));
    assert!(
        before
            .sparql()
            .engine()
            .collection()
            .row_of_url(&url_in(0, "red"))
            .is_some()
    );
    assert!(
        live.now()
            .sparql()
            .engine()
            .collection()
            .row_of_url(&url_in(0, "red"))
            .is_none()
    );
}
