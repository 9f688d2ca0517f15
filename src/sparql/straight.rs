//! Answers that are the rows of a request as they are: nothing stands above it but a choice of columns, the
//! order of scores, DISTINCT and LIMIT, so the evaluator would only copy them.

use super::beside::{Companions, Gathered};
use super::context::Context;
use super::extract::{Extracted, placeholder_index};
use super::plan::Plan;
use super::relation::{Relation, Spent};
use super::request::Fragment;
use super::row::{Given, Row, RowMaker};
use super::run::Run;
use super::{QueryError, Sparql};
use crate::vocab::Property;
use oxigraph::sparql::{CancellationToken, QueryResults, QuerySolutionIter};
use oxrdf::Variable;
use spargebra::Query;
use spargebra::algebra::{Expression, GraphPattern, OrderExpression};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// A SELECT of this kind.
#[derive(Debug)]
pub(super) struct Straight {
    pub variables: Arc<[Variable]>,
    is_distinct: bool,
    start: usize,
    length: Option<usize>,
}

/// What `query` does with the rows of its only request, if it is of this kind.
pub(super) fn of_query(
    query: &Query,
    pattern: &GraphPattern,
    fragment: &Fragment,
) -> Option<Straight> {
    match query {
        Query::Select { .. } | Query::Ask { .. } => of_select(pattern, fragment),
        Query::Construct { .. } | Query::Describe { .. } => None,
    }
}

/// What a SELECT does with the rows of its only request, if it is of this kind.
pub(super) fn of_select(pattern: &GraphPattern, fragment: &Fragment) -> Option<Straight> {
    let (mut pattern, start, length) = match pattern {
        GraphPattern::Slice {
            inner,
            start,
            length,
        } => (&**inner, *start, *length),
        other => (other, 0, None),
    };
    let is_distinct = matches!(pattern, GraphPattern::Distinct { .. });
    if let GraphPattern::Distinct { inner } | GraphPattern::Reduced { inner } = pattern {
        pattern = inner;
    }
    let GraphPattern::Project { inner, variables } = pattern else {
        return None;
    };
    let mut pattern = &**inner;
    // An ASK needs no column of the SELECT that the parser makes for it.
    if let GraphPattern::Project { inner, .. } = pattern
        && variables.is_empty()
    {
        pattern = inner;
    }
    if let GraphPattern::OrderBy { inner, expression } = pattern {
        let [OrderExpression::Desc(Expression::Variable(key))] = &expression[..] else {
            return None;
        };
        if fragment.output_variable(Property::Score) != Some(key) {
            return None;
        }
        pattern = inner;
    }
    placeholder_index(pattern).is_some().then(|| Straight {
        variables: variables.as_slice().into(),
        is_distinct,
        start,
        length,
    })
}

impl Sparql {
    /// The answer to a query of this kind; `None` if it is of another.
    pub(super) fn answer_straight(
        &self,
        query: &Query,
        extracted: &Extracted,
        plan: &Plan,
        run: &Run<'_>,
        gathered: &mut Gathered,
    ) -> Result<Option<QueryResults<'static>>, QueryError> {
        let Some(straight) = of_query(query, &extracted.pattern, &extracted.fragments[0]) else {
            return Ok(None);
        };
        let context = Context {
            query: extracted,
            tables: &[None],
            most_rows: usize::MAX,
        };
        let request = &plan.requests[0];
        let tuples = std::mem::take(&mut gathered.tuples);
        let found = gathered.found.take();
        let restriction = self.restriction(request, &context, run, &tuples, found)?;
        let relation =
            self.search_for(request, tuples, &restriction, run, &mut Spent::default())?;
        let n_hits = relation.counts.hits;
        run.trace.request(restriction.explain(&relation, 1, n_hits));
        let maker = self.straight_maker(extracted, &straight, &gathered.companions);
        let rows = Rows {
            givens: maker.givens(&relation, &plan.choices[0]),
            n_columns: straight.variables.len(),
            order: relation.in_order().into_iter(),
            maker,
            relation,
            ready: VecDeque::new(),
            token: run.deadline.token.clone(),
        };
        let mut seen = straight.is_distinct.then(HashSet::new);
        let mut rows = rows
            .filter(move |row| (seen.as_mut()).is_none_or(|seen| seen.insert(row.clone())))
            .skip(straight.start)
            .take(straight.length.unwrap_or(usize::MAX));
        if matches!(query, Query::Ask { .. }) {
            return Ok(Some(QueryResults::Boolean(rows.next().is_some())));
        }
        let rows = rows.map(Ok);
        let solutions = QuerySolutionIter::from_tuples(straight.variables, rows);
        Ok(Some(QueryResults::Solutions(solutions)))
    }

    /// Makes rows that begin with the columns of the answer.
    pub(super) fn straight_maker(
        &self,
        extracted: &Extracted,
        straight: &Straight,
        companions: &Arc<[Companions]>,
    ) -> RowMaker {
        let mut maker = RowMaker::new(
            &extracted.fragments[0],
            &straight.variables,
            &extracted.read,
            companions.clone(),
            self.engine.collection().clone(),
            self.options.link_width_px,
        );
        maker.add_inputs();
        maker
    }
}

/// The rows of a relation, best first.
struct Rows {
    maker: RowMaker,
    givens: Vec<Given>,
    relation: Relation,
    /// Numbers of the search and of its hit.
    order: std::vec::IntoIter<(usize, usize)>,
    n_columns: usize,
    ready: VecDeque<Row>,
    token: CancellationToken,
}

impl Iterator for Rows {
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
