//! A collection that was built, queried in this process.

use crate::support::TinyEncoder;
use clip_search::collection::Collection;
use clip_search::engine::Engine;
use clip_search::fetch::{FetchLimits, Fetcher};
use clip_search::sparql::{QueryRequest, Sparql, SparqlOptions};
use clip_search::store;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;

/// What answers queries over the data directory `data` and the metadata store at `store`, if there is one.
pub(crate) fn open(data: &Path, store: Option<&Path>) -> Sparql {
    let fetcher = Fetcher::new(
        Handle::current(),
        Default::default(),
        FetchLimits::default(),
    )
    .unwrap();
    let collection = Collection::open(data).unwrap();
    let engine = Engine::new(Arc::new(collection), Arc::new(TinyEncoder), fetcher);
    let store = store::open_for_reading(store).unwrap();
    Sparql::new(
        store,
        Arc::new(engine),
        SparqlOptions::default(),
        Handle::current(),
    )
}

/// The rows of the answer, their terms as SPARQL writes them.
pub(crate) async fn rows(sparql: Sparql, query: String) -> Vec<Vec<String>> {
    let rows = tokio::task::spawn_blocking(move || {
        let request = QueryRequest {
            query: &query,
            ..QueryRequest::default()
        };
        let mut rows = Vec::new();
        let answer = sparql.answer(&request).unwrap();
        let each = answer.for_each_solution(|solution| {
            let row: Vec<String> = solution.iter().map(|(_, term)| term.to_string()).collect();
            rows.push(row);
        });
        each.unwrap();
        rows
    });
    rows.await.unwrap()
}
