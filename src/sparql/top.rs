//! Queries that need only their best rows: hits are joined block by block from the best downwards, until
//! there are rows enough.
//!
//! This is exact where the rows of the query are those of its blocks put together: where its request is
//! joined, filtered and extended, but not counted, subtracted or made distinct on the way up.

use super::candidates::calls_service;
use super::context::Context;
use super::explain::Stage;
use super::extract::{Extracted, has_placeholder, placeholder_index};
use super::plan::{InputObject, Plan, Request};
use super::relation::{self, Spent};
use super::resolve::{Effort, finish};
use super::run::Run;
use super::{QueryError, Sparql, algebra, pattern_of_mut};
use crate::vocab::Property;
use oxigraph::sparql::{QueryResults, QuerySolution, QuerySolutionIter};
use oxrdf::{Term, Variable};
use spargebra::Query;
use spargebra::algebra::{Expression, GraphPattern, OrderExpression};
use std::collections::HashSet;
use std::sync::Arc;

/// A query that needs only its best rows.
struct Top<'a> {
    request: &'a Request,
    fragment: usize,
    /// The SELECT without its LIMIT and OFFSET.
    select: GraphPattern,
    start: usize,
    length: usize,
    is_distinct: bool,
    is_ask: bool,
}

/// Of queries for more rows, all are computed: collecting them one by one would gain nothing.
const MOST_ROWS: usize = 10_000;

/// How much larger each block is than the one before. All blocks but the last together are then so much
/// smaller than the last.
const GROWTH: usize = 8;

impl Sparql {
    /// The answer to a query that needs only its best rows; `None` if it needs all or has no request
    /// that could be cut into blocks.
    pub(super) fn answer_top(
        &self,
        query: &Query,
        extracted: &Extracted,
        plan: &Plan,
        run: &Run<'_>,
    ) -> Result<Option<QueryResults<'static>>, QueryError> {
        let Some(top) = recognise(query, extracted, plan) else {
            return Ok(None);
        };
        let mut tables: Vec<Option<GraphPattern>> = vec![None];
        let context = Context {
            query: extracted,
            tables: &tables,
            most_rows: usize::MAX,
        };
        let Some(tuples) = self.tuples(top.request, &context, run, Effort::Bind)? else {
            return Ok(None);
        };
        let restriction = self.restriction(top.request, &context, run, &tuples)?;
        let (engine, options, written) = (&self.engine, &self.options, &top.request.written);
        let mut spent = Spent::default();
        let mut relation = run.trace.time(Stage::Embed, || {
            relation::embed(engine, options, &run.deadline, &mut spent, written, tuples)
        })?;
        run.deadline.check()?;
        let ranking = run.trace.time(Stage::Search, || {
            relation.ranking(engine, options, &restriction)
        });
        let Some(mut ranking) = ranking else {
            return Ok(None);
        };

        let maker = self.table_maker(extracted);
        let n_hits = ranking.len();
        let mut rows = Rows::new(&top);
        let mut size = options.planner.first_block.max(rows.wanted);
        let is_quick = is_quick(&top.select);
        let mut n_blocks = 0;
        loop {
            run.deadline.check()?;
            let (start, hits) = run.trace.time(Stage::Search, || ranking.next_block(size));
            let end = start + hits.len();
            n_blocks += 1;
            // Without any hit there is one empty block, for the names of the columns.
            relation.show(hits, start, n_hits);
            tables[top.fragment] = Some(relation.table(
                &extracted.fragments[top.fragment],
                &plan.choices[top.fragment],
                &maker,
                true,
                &mut spent,
            )?);
            let mut block = query.clone();
            let pattern = finish(
                extracted,
                top.block(rows.wanted),
                &tables,
                &[top.fragment],
                run,
            );
            if top.is_ask {
                block = Query::Select {
                    dataset: query.dataset().cloned(),
                    base_iri: query.base_iri().cloned(),
                    pattern,
                };
            } else {
                *pattern_of_mut(&mut block) = pattern;
            }
            run.trace
                .time(Stage::Join, || rows.read(run.evaluate(block)?, run))?;
            if rows.are_enough() || end == n_hits {
                run.trace
                    .request(restriction.explain(&relation, n_blocks, end));
                return Ok(Some(rows.into_results(&top)));
            }
            // What is slow to join is joined once more, with all that is left.
            size = if is_quick {
                size.saturating_mul(GROWTH)
            } else {
                usize::MAX
            };
        }
    }
}

impl Top<'_> {
    /// The query for the first `n` rows of a block.
    fn block(&self, n: usize) -> GraphPattern {
        GraphPattern::Slice {
            inner: Box::new(self.select.clone()),
            start: 0,
            length: Some(n),
        }
    }
}

/// The rows found so far.
struct Rows {
    /// How many are needed.
    wanted: usize,
    variables: Arc<[Variable]>,
    found: Vec<QuerySolution>,
    /// For DISTINCT, across blocks.
    seen: Option<HashSet<Vec<Option<Term>>>>,
}

impl Rows {
    fn new(top: &Top<'_>) -> Self {
        Self {
            wanted: top.start + top.length,
            variables: Arc::new([]),
            found: Vec::new(),
            seen: top.is_distinct.then(HashSet::new),
        }
    }

    fn read(&mut self, results: QueryResults<'_>, run: &Run<'_>) -> Result<(), QueryError> {
        let QueryResults::Solutions(solutions) = results else {
            return Ok(());
        };
        self.variables = solutions.variables().into();
        for solution in solutions {
            run.deadline.check()?;
            let solution = solution.map_err(|error| run.deadline.explain(error))?;
            let is_new = match &mut self.seen {
                Some(seen) => seen.insert(solution.values().to_vec()),
                None => true,
            };
            if is_new {
                self.found.push(solution);
            }
            if self.are_enough() {
                return Ok(());
            }
        }
        run.deadline.check()
    }

    fn are_enough(&self) -> bool {
        self.found.len() >= self.wanted
    }

    fn into_results(self, top: &Top<'_>) -> QueryResults<'static> {
        if top.is_ask {
            return QueryResults::Boolean(!self.found.is_empty());
        }
        let rows = self.found.into_iter().skip(top.start).map(Ok);
        QueryResults::Solutions(QuerySolutionIter::new(self.variables, rows))
    }
}

/// Whether the best rows of `query` come from the best hits of its one request.
fn recognise<'a>(query: &Query, extracted: &Extracted, plan: &'a Plan) -> Option<Top<'a>> {
    let ([request], [choices]) = (&plan.requests[..], &plan.choices[..]) else {
        return None;
    };
    let ([alternative], [fragment]) = (&request.alternatives[..], &request.fragments[..]) else {
        return None;
    };
    let is_constant = |object: &InputObject| matches!(object, InputObject::Constant(_));
    if !choices.is_empty()
        || !(alternative.inputs.iter()).all(|input| is_constant(&input.object))
        || calls_service(&extracted.pattern)
    {
        return None;
    }
    let top = match query {
        Query::Ask { .. } => Top {
            request,
            fragment: *fragment,
            select: GraphPattern::Project {
                inner: Box::new(extracted.pattern.clone()),
                variables: Vec::new(),
            },
            start: 0,
            length: 1,
            is_distinct: false,
            is_ask: true,
        },
        Query::Select { .. } => {
            let GraphPattern::Slice {
                inner: select,
                start,
                length: Some(length),
            } = &extracted.pattern
            else {
                return None;
            };
            Top {
                request,
                fragment: *fragment,
                select: (**select).clone(),
                start: *start,
                length: *length,
                is_distinct: matches!(**select, GraphPattern::Distinct { .. }),
                is_ask: false,
            }
        }
        Query::Construct { .. } | Query::Describe { .. } => return None,
    };
    if top.start.saturating_add(top.length) > MOST_ROWS {
        return None;
    }
    let inner = match &top.select {
        GraphPattern::Distinct { inner } | GraphPattern::Reduced { inner } => inner,
        select => select,
    };
    let GraphPattern::Project { inner, .. } = inner else {
        return None;
    };
    let score = extracted.fragments[*fragment].output_variable(Property::Score);
    let inner = match &**inner {
        GraphPattern::OrderBy { inner, expression } => {
            let by_score = match (expression.first(), score) {
                (Some(OrderExpression::Desc(Expression::Variable(key))), Some(score)) => {
                    key == score
                }
                _ => false,
            };
            if !by_score {
                return None;
            }
            inner
        }
        inner => inner,
    };
    is_linear(inner).then_some(top)
}

/// Whether the solutions of `pattern` for some hits and those for other hits are together its solutions
/// for all of them.
fn is_linear(pattern: &GraphPattern) -> bool {
    if placeholder_index(pattern).is_some() {
        return true;
    }
    match pattern {
        GraphPattern::Join { left, right } => {
            is_linear(if has_placeholder(left) { left } else { right })
        }
        GraphPattern::LeftJoin { left, .. }
        | GraphPattern::Minus { left, .. }
        | GraphPattern::Lateral { left, .. }
        | GraphPattern::Filter { inner: left, .. }
        | GraphPattern::Extend { inner: left, .. }
        | GraphPattern::Graph { inner: left, .. }
        | GraphPattern::Project { inner: left, .. }
        | GraphPattern::OrderBy { inner: left, .. } => is_linear(left),
        GraphPattern::Bgp { .. }
        | GraphPattern::Path { .. }
        | GraphPattern::Union { .. }
        | GraphPattern::Values { .. }
        | GraphPattern::Distinct { .. }
        | GraphPattern::Reduced { .. }
        | GraphPattern::Slice { .. }
        | GraphPattern::Group { .. }
        | GraphPattern::Service { .. } => false,
    }
}

/// Whether oxigraph looks up each hit in what it is joined with, which takes time in proportion to the
/// hits. Anything else it computes whole, for each block anew.
fn is_quick(select: &GraphPattern) -> bool {
    let mut n_selects = 0;
    let mut is_quick = true;
    algebra::visit(select, &mut |node| match node {
        GraphPattern::Project { .. } => n_selects += 1,
        GraphPattern::Minus { .. } | GraphPattern::Group { .. } | GraphPattern::Slice { .. } => {
            is_quick = false;
        }
        _ => {}
    });
    is_quick && n_selects <= 1
}
