//! All hits of all requests, put into the query as tables.

use super::asked::Asked;
use super::finish::{finish, ordered_fragments};
use super::gather::Gathered;
use super::search;
use crate::sparql::error::QueryError;
use crate::sparql::explain::Stage;
use crate::sparql::limits::spent::Spent;
use crate::sparql::query_run::QueryRun;
use crate::sparql::request::grouping::Request;
use crate::sparql::request::inputs::Tuple;
use crate::sparql::rows::table_maker::TableMaker;
use crate::sparql::surroundings::candidates::{Found, most_hits};
use crate::sparql::surroundings::inputs::{Effort, tuples};
use crate::sparql::surroundings::known::Known;
use spargebra::algebra::GraphPattern;

/// The query's pattern with the hits of its requests as tables.
///
/// # Errors
/// [`QueryError`] says who must act.
pub(super) fn rewrite(
    asked: Asked<'_>,
    gathered: Option<Gathered>,
    run: &QueryRun<'_>,
) -> Result<GraphPattern, QueryError> {
    let query = asked.extracted;
    let (mut first, companions) = match gathered {
        Some(gathered) => {
            let first = (gathered.tuples, gathered.found);
            (Some(first), gathered.companions)
        }
        None => (None, Default::default()),
    };
    let mut tables: Tables = vec![None; query.fragments.len()];
    let maker = TableMaker::new(query, run, companions);
    let ordered = ordered_fragments(asked.grouped);
    let mut spent = Spent::default();
    let mut open = in_order(asked, &tables, run);
    let mut effort = Effort::Wait;
    while !open.is_empty() {
        let n_open = open.len();
        let mut still_open = Vec::new();
        for request in open {
            let known = Known::new(query, &tables);
            // Only the inputs of a query's single request are known before.
            let inputs = match first.take() {
                Some(inputs) => Some(inputs),
                None => inputs_of(request, &known, run, effort)?,
            };
            let Some((tuples, found)) = inputs else {
                still_open.push(request);
                continue;
            };
            let relation = search::all_hits(request, tuples, found, &known, run, &mut spent)?;
            for &index in &request.fragments {
                run.deadline.check()?;
                let of = asked.table_of(index, ordered.contains(&index));
                tables[index] = Some(maker.table(&relation, &of, &mut spent)?);
            }
        }
        // Ends: whoever made no progress tries harder, and with the last effort (`Fail`) no request stays open.
        effort = if still_open.len() == n_open {
            effort.more()
        } else {
            Effort::Wait
        };
        open = still_open;
    }
    Ok(finish(query, query.pattern.clone(), &tables, &ordered, run))
}

/// The sets of inputs of a request, and which images matter, if that is known.
type Inputs = (Vec<Tuple>, Option<Found>);

/// For each fragment its table, once its request has been searched.
type Tables = Vec<Option<GraphPattern>>;

/// The requests, those first that have few hits: they may restrict the others.
fn in_order<'a>(asked: Asked<'a>, tables: &Tables, run: &QueryRun<'_>) -> Vec<&'a Request> {
    let mut requests: Vec<&Request> = asked.grouped.requests.iter().collect();
    if requests.len() > 1 {
        let known = Known::new(asked.extracted, tables);
        requests.sort_by_cached_key(|request| most_hits(request, &known, run));
    }
    requests
}

fn inputs_of(
    request: &Request,
    known: &Known<'_>,
    run: &QueryRun<'_>,
    effort: Effort,
) -> Result<Option<Inputs>, QueryError> {
    let tuples = (run.trace).time(Stage::Bind, || tuples(request, known, run, effort))?;
    Ok(tuples.map(|tuples| (tuples, None)))
}
