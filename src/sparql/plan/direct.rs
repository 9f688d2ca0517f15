//! Answers that are the rows of a request as they are.

use super::asked::Asked;
use super::gather::Gathered;
use super::search;
use super::shape::Direct;
use crate::sparql::algebra::cells::Row;
use crate::sparql::error::QueryError;
use crate::sparql::limits::spent::Spent;
use crate::sparql::query_run::QueryRun;
use crate::sparql::relation::Relation;
use crate::sparql::request::extract::Extracted;
use crate::sparql::rows::companions::Companions;
use crate::sparql::rows::row_maker::{Given, RowMaker, RowsOf};
use crate::sparql::surroundings::known::Known;
use oxigraph::sparql::{CancellationToken, QueryResults, QuerySolutionIter};
use spargebra::Query;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// The answer to a query whose rows are those of its request.
///
/// # Errors
/// [`QueryError`] says who must act.
pub(super) fn answer(
    asked: Asked<'_>,
    direct: Direct,
    gathered: Gathered,
    run: &QueryRun<'_>,
) -> Result<QueryResults<'static>, QueryError> {
    let known = Known::new(asked.extracted, &[None]);
    let relation = search::all_hits(
        &asked.grouped.requests[0],
        gathered.tuples,
        gathered.found,
        &known,
        run,
        &mut Spent::default(),
    )?;
    let maker = row_maker(asked.extracted, &direct, gathered.companions, run);
    let rows = HitRows {
        givens: maker.givens(&relation, &asked.grouped.choices[0]),
        n_columns: direct.variables.len(),
        order: relation.in_order().into_iter(),
        maker,
        relation,
        ready: VecDeque::new(),
        token: run.deadline.token.clone(),
    };
    let mut seen = direct.is_distinct.then(HashSet::new);
    let mut rows = rows
        .filter(move |row| (seen.as_mut()).is_none_or(|seen| seen.insert(row.clone())))
        .skip(direct.start)
        .take(direct.length.unwrap_or(usize::MAX));
    if matches!(asked.query, Query::Ask { .. }) {
        return Ok(QueryResults::Boolean(rows.next().is_some()));
    }
    let rows = rows.map(Ok);
    let solutions = QuerySolutionIter::from_tuples(direct.variables, rows);
    Ok(QueryResults::Solutions(solutions))
}

/// Makes rows that begin with the columns of the answer.
pub(super) fn row_maker(
    extracted: &Extracted,
    direct: &Direct,
    companions: Arc<[Companions]>,
    run: &QueryRun<'_>,
) -> RowMaker {
    let of = RowsOf {
        fragment: &extracted.fragments[0],
        first: &direct.variables,
        read: &extracted.read,
        companions,
    };
    RowMaker::new(of, run).with_inputs()
}

/// The rows of a relation, best first.
struct HitRows {
    maker: RowMaker,
    givens: Vec<Given>,
    relation: Relation,
    /// Numbers of the search and of its hit.
    order: std::vec::IntoIter<(usize, usize)>,
    n_columns: usize,
    ready: VecDeque<Row>,
    token: CancellationToken,
}

impl Iterator for HitRows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        while self.ready.is_empty() {
            // Who reads the rows asks why they end.
            if self.token.is_cancelled() {
                return None;
            }
            let (search, hit) = self.order.next()?;
            let Some(given) = Given::of_search(&self.givens, search) else {
                continue;
            };
            let hit = &self.relation.searches[search].hits[hit];
            let (n_columns, ready) = (self.n_columns, &mut self.ready);
            self.maker.each_row(hit, given, &mut |mut row| {
                row.truncate(n_columns);
                ready.push_back(row);
            });
        }
        self.ready.pop_front()
    }
}
