//! Searching for one request, and telling how.

use crate::sparql::error::QueryError;
use crate::sparql::explain::Stage;
use crate::sparql::limits::spent::Spent;
use crate::sparql::query_run::QueryRun;
use crate::sparql::relation::Relation;
use crate::sparql::relation::embed::embed;
use crate::sparql::request::grouping::Request;
use crate::sparql::request::inputs::Tuple;
use crate::sparql::surroundings::candidates::{Found, restriction};
use crate::sparql::surroundings::known::Known;

/// All hits of `request` for its `tuples` that may be in a solution. `found`: which images matter, if that is
/// known already.
pub(super) fn all_hits(
    request: &Request,
    tuples: Vec<Tuple>,
    found: Option<Found>,
    known: &Known<'_>,
    run: &QueryRun<'_>,
    spent: &mut Spent,
) -> Result<Relation, QueryError> {
    let restriction = restriction(request, known, run, &tuples, found)?;
    let mut relation = embedded(request, tuples, run, spent)?;
    run.trace.time(Stage::Search, || {
        relation.search(run, spent, &request.written, &restriction)
    })?;
    let n_hits = relation.counts.hits;
    run.trace
        .request(restriction.explain(run.engine, &relation, 1, n_hits));
    Ok(relation)
}

/// The relation of `request`, in which nothing is searched for yet.
pub(super) fn embedded(
    request: &Request,
    tuples: Vec<Tuple>,
    run: &QueryRun<'_>,
    spent: &mut Spent,
) -> Result<Relation, QueryError> {
    let embed = || embed(run, spent, &request.written, tuples);
    run.trace.time(Stage::Embed, embed)
}
