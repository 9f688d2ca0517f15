//! Which way a query is answered, and going it.

mod all_hits;
mod asked;
mod best_hits;
mod direct;
mod finish;
mod gather;
mod joined;
pub(super) mod order;
mod search;
mod shape;

use crate::sparql::algebra::query::pattern_of_mut;
use crate::sparql::error::QueryError;
use crate::sparql::explain::Stage;
use crate::sparql::query_run::QueryRun;
use crate::sparql::request::extract::{Extracted, extract};
use crate::sparql::request::grouping::{self, Grouped};
use asked::Asked;
use gather::Gathered;
use oxigraph::sparql::QueryResults;
use shape::{Best, Direct};
use spargebra::Query;

/// The ways to answer a query with requests, those first that do less. All give the same answer, as far as
/// the search engine does.
enum Plan<'a> {
    /// The query needs only its best rows: hits are joined block by block from the best, until there are enough.
    BestHits(Best<'a>, Option<Gathered>),
    /// Nothing is left to evaluate: the hits, put together with what stands beside them, are the answer.
    Direct(Direct, Gathered),
    /// A sub-SELECT needs only its best rows, which take its place.
    BestHitsWithin(Best<'a>, Option<Gathered>),
    /// All hits become tables in the places of their requests.
    AllHits(Option<Gathered>),
}

impl Plan<'_> {
    /// Why this is the way.
    fn reason(&self) -> &'static str {
        match self {
            Self::BestHits(..) => "LIMIT or ASK: its best rows come from the best hits",
            Self::Direct(..) => "nothing stands above the request but columns, order and limit",
            Self::BestHitsWithin(..) => "the best rows of a sub-SELECT come from the best hits",
            Self::AllHits(_) => "every hit may matter",
        }
    }
}

/// What each way needs is told in `shape.rs`; here is the order in which they are tried, the least work first.
fn choose<'a>(asked: Asked<'a>, gathered: Option<Gathered>) -> Plan<'a> {
    if let Some(best) = shape::best_of_query(asked.query, asked.extracted, asked.grouped) {
        return Plan::BestHits(best, gathered);
    }
    let direct = (gathered.as_ref()).and_then(|_| shape::direct(asked.query, asked.extracted));
    let gathered = match (direct, gathered) {
        (Some(direct), Some(gathered)) => return Plan::Direct(direct, gathered),
        (_, gathered) => gathered,
    };
    match shape::best_within(asked.extracted, asked.grouped) {
        Some(best) => Plan::BestHitsWithin(best, gathered),
        None => Plan::AllHits(gathered),
    }
}

/// Begins the answer to `query`, whose rows come as they are read.
///
/// # Errors
/// [`QueryError`] says who must act.
pub(super) fn answer(
    mut query: Query,
    run: &QueryRun<'_>,
) -> Result<QueryResults<'static>, QueryError> {
    let read = run.trace.time(Stage::Parse, || requests_of(&mut query))?;
    let Some((mut extracted, grouped)) = read else {
        // Without a request the store answers alone.
        return evaluate(query, run);
    };
    let gathered = gather::gather(&query, &mut extracted, &grouped, run)?;
    let asked = Asked {
        query: &query,
        extracted: &extracted,
        grouped: &grouped,
    };
    let plan = choose(asked, gathered);
    tracing::debug!("{}", plan.reason());
    let pattern = match plan {
        Plan::BestHits(best, gathered) => return best_hits::answer(asked, &best, gathered, run),
        Plan::Direct(direct, gathered) => return direct::answer(asked, direct, gathered, run),
        Plan::BestHitsWithin(best, gathered) => {
            match best_hits::rewrite(asked, &best, gathered.clone(), run)? {
                Some(pattern) => pattern,
                // Its rows have blank nodes, which no query can name.
                None => all_hits::rewrite(asked, gathered, run)?,
            }
        }
        Plan::AllHits(gathered) => all_hits::rewrite(asked, gathered, run)?,
    };
    *pattern_of_mut(&mut query) = pattern;
    evaluate(query, run)
}

/// The requests of `query`, whose pattern is taken out of it; none if it has no request.
fn requests_of(query: &mut Query) -> Result<Option<(Extracted, Grouped)>, QueryError> {
    let Some(extracted) = extract(pattern_of_mut(query))? else {
        return Ok(None);
    };
    let grouped = grouping::group(&extracted)?;
    Ok(Some((extracted, grouped)))
}

fn evaluate(query: Query, run: &QueryRun<'_>) -> Result<QueryResults<'static>, QueryError> {
    run.trace.time(Stage::Join, || run.evaluate(query))
}
