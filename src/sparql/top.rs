//! Queries that need only their best rows: hits are joined block by block from the best downwards, until
//! there are rows enough.
//!
//! This is exact where the rows of the query are those of its blocks put together: where its request is
//! joined, filtered and extended, but not counted, subtracted or made distinct on the way up.

use super::beside::Gathered;
use super::candidates::calls_service;
use super::context::Context;
use super::explain::Stage;
use super::extract::{Extracted, has_placeholder, placeholder_index};
use super::plan::{InputObject, Plan, Request};
use super::relation::{self, Relation, Spent};
use super::resolve::{Effort, finish, ordered_fragments};
use super::row::{Given, RowMaker};
use super::run::Run;
use super::straight::{self, Straight};
use super::table::TableOf;
use super::{QueryError, Sparql, algebra};
use crate::vocab::Property;
use oxigraph::sparql::{QueryResults, QuerySolution, QuerySolutionIter};
use oxrdf::{Literal, Term, Variable};
use spargebra::Query;
use spargebra::algebra::{Expression, GraphPattern, OrderExpression};
use spargebra::term::GroundTerm;
use std::collections::HashSet;
use std::convert::Infallible;
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
        gathered: Option<&Gathered>,
    ) -> Result<Option<QueryResults<'static>>, QueryError> {
        let Some(top) = top_of_query(query, extracted, plan) else {
            return Ok(None);
        };
        let rows = self.best_rows(query, extracted, plan, run, &top, gathered.cloned())?;
        Ok(rows.map(|rows| rows.into_results(&top)))
    }

    /// The query's pattern with the rows of a sub-SELECT that needs only its best ones in its place; `None`
    /// if there is no such sub-SELECT.
    pub(super) fn rewrite_top(
        &self,
        query: &Query,
        extracted: &Extracted,
        plan: &Plan,
        run: &Run<'_>,
        gathered: Option<&Gathered>,
    ) -> Result<Option<GraphPattern>, QueryError> {
        let Some(select) = slice_with_request(&extracted.pattern) else {
            return Ok(None);
        };
        let Some(top) = top_of_slice(select, extracted, plan) else {
            return Ok(None);
        };
        let Some(rows) = self.best_rows(query, extracted, plan, run, &top, gathered.cloned())?
        else {
            return Ok(None);
        };
        let ordered = ordered_fragments(plan);
        let is_counted = counts_groups(&extracted.pattern);
        let position = (!ordered.is_empty() && !is_counted).then_some(&extracted.position);
        let Some(table) = rows.into_table(&top, position) else {
            return Ok(None);
        };
        let pattern = replace_slice(extracted.pattern.clone(), &mut Some(table));
        Ok(Some(finish(extracted, pattern, &[], &ordered, run)))
    }

    /// The first rows of `top`, as many as are needed.
    fn best_rows(
        &self,
        query: &Query,
        extracted: &Extracted,
        plan: &Plan,
        run: &Run<'_>,
        top: &Top<'_>,
        gathered: Option<Gathered>,
    ) -> Result<Option<Rows>, QueryError> {
        let mut tables: Vec<Option<GraphPattern>> = vec![None];
        let context = Context {
            query: extracted,
            tables: &tables,
            most_rows: usize::MAX,
        };
        let is_gathered = gathered.is_some();
        let (tuples, found, companions) = match gathered {
            Some(known) => (Some(known.tuples), known.found, known.companions),
            None => {
                let tuples = self.tuples(top.request, &context, run, Effort::Bind)?;
                (tuples, None, Arc::default())
            }
        };
        let Some(tuples) = tuples else {
            return Ok(None);
        };
        let restriction = self.restriction(top.request, &context, run, &tuples, found)?;
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

        let fragment = &extracted.fragments[top.fragment];
        let straight = straight::of_select(&top.select, fragment).filter(|_| is_gathered);
        let straight = straight.map(|straight| {
            let maker = self.straight_maker(extracted, &straight, &companions);
            let givens = maker.givens(&relation, &plan.choices[top.fragment]);
            (straight, maker, givens)
        });
        let maker = self.table_maker(extracted, run, &companions);
        let n_hits = ranking.len();
        let mut rows = Rows::new(top);
        let is_quick = is_quick(&top.select);
        let mut size = if has_exists(&top.select) {
            FEW_HITS.min(options.planner.first_block)
        } else {
            options.planner.first_block
        }
        .max(rows.wanted);
        let mut n_blocks = 0;
        loop {
            run.deadline.check()?;
            let (start, hits) = run.trace.time(Stage::Search, || ranking.next_block(size));
            let end = start + hits.len();
            n_blocks += 1;
            // Without any hit there is one empty block, for the names of the columns.
            relation.show(hits, start, n_hits);
            if let Some((straight, maker, givens)) = &straight {
                run.trace.time(Stage::Join, || {
                    rows.take_from(&relation, straight, maker, givens, run)
                })?;
            } else {
                let table = TableOf {
                    fragment,
                    choices: &plan.choices[top.fragment],
                    is_joined: plan.is_joined[top.fragment],
                    is_ordered: true,
                };
                tables[top.fragment] = Some(relation.table(&table, &maker, &mut spent)?);
                let fragments = &[top.fragment];
                let block = Query::Select {
                    dataset: query.dataset().cloned(),
                    base_iri: query.base_iri().cloned(),
                    pattern: finish(extracted, top.block(rows.wanted), &tables, fragments, run),
                };
                run.trace
                    .time(Stage::Join, || rows.read(run.evaluate(block)?, run))?;
            }
            if rows.are_enough() || end == n_hits {
                run.trace
                    .request(restriction.explain(&relation, n_blocks, end));
                return Ok(Some(rows));
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
            self.push(solution.map_err(|error| run.deadline.explain(error))?);
            if self.are_enough() {
                return Ok(());
            }
        }
        run.deadline.check()
    }

    /// Adds the rows of the hits that are shown, which need no evaluation.
    fn take_from(
        &mut self,
        relation: &Relation,
        straight: &Straight,
        maker: &RowMaker,
        givens: &[Given],
        run: &Run<'_>,
    ) -> Result<(), QueryError> {
        self.variables = straight.variables.clone();
        for given in givens {
            for hit in &relation.searches[given.number].hits {
                if self.are_enough() {
                    return Ok(());
                }
                run.deadline.check()?;
                maker.each_row(hit, given, &mut |mut row| {
                    row.truncate(straight.variables.len());
                    self.push((straight.variables.clone(), row).into());
                });
            }
        }
        Ok(())
    }

    fn push(&mut self, solution: QuerySolution) {
        let is_new = match &mut self.seen {
            Some(seen) => seen.insert(solution.values().to_vec()),
            None => true,
        };
        if is_new {
            self.found.push(solution);
        }
    }

    fn are_enough(&self) -> bool {
        self.found.len() >= self.wanted
    }

    fn into_results(self, top: &Top<'_>) -> QueryResults<'static> {
        if top.is_ask {
            return QueryResults::Boolean(!self.found.is_empty());
        }
        let rows = (self.found.into_iter())
            .skip(top.start)
            .take(top.length)
            .map(Ok);
        QueryResults::Solutions(QuerySolutionIter::new(self.variables, rows))
    }

    /// The rows as inline data, with a column that numbers them in `position`, the first with the highest
    /// number. `None` if that cannot be written: inline data has no blank nodes.
    fn into_table(self, top: &Top<'_>, position: Option<&Variable>) -> Option<GraphPattern> {
        let rows = self.found.get(top.start..).unwrap_or_default();
        let rows = &rows[..rows.len().min(top.length)];
        let bindings = rows.iter().enumerate().map(|(index, row)| {
            let cells = row.values().iter().map(|cell| match cell {
                None => Some(None),
                Some(term) => GroundTerm::try_from(term.clone()).ok().map(Some),
            });
            let number = i64::try_from(rows.len() - index).unwrap_or(i64::MAX);
            let number = position.map(|_| Some(Some(Literal::from(number).into())));
            cells.chain(number).collect::<Option<Vec<_>>>()
        });
        let bindings: Vec<Vec<Option<GroundTerm>>> = bindings.collect::<Option<_>>()?;
        let variables: Vec<Variable> = (self.variables.iter().chain(position)).cloned().collect();
        Some(GraphPattern::Values {
            variables,
            bindings,
        })
    }
}

/// Whether the best rows of `query` come from the best hits of its one request.
fn top_of_query<'a>(query: &Query, extracted: &Extracted, plan: &'a Plan) -> Option<Top<'a>> {
    match query {
        Query::Ask { .. } => {
            let select = GraphPattern::Project {
                inner: Box::new(extracted.pattern.clone()),
                variables: Vec::new(),
            };
            let top = top(select, 0, 1, extracted, plan)?;
            Some(Top {
                is_ask: true,
                ..top
            })
        }
        Query::Select { .. } => top_of_slice(&extracted.pattern, extracted, plan),
        Query::Construct { .. } | Query::Describe { .. } => None,
    }
}

fn top_of_slice<'a>(
    pattern: &GraphPattern,
    extracted: &Extracted,
    plan: &'a Plan,
) -> Option<Top<'a>> {
    match pattern {
        GraphPattern::Slice {
            inner,
            start,
            length: Some(length),
        } => top((**inner).clone(), *start, *length, extracted, plan),
        _ => None,
    }
}

/// `select` with LIMIT and OFFSET, if the best hits of its request give its best rows.
fn top<'a>(
    select: GraphPattern,
    start: usize,
    length: usize,
    extracted: &Extracted,
    plan: &'a Plan,
) -> Option<Top<'a>> {
    let ([request], [_]) = (&plan.requests[..], &extracted.fragments[..]) else {
        return None;
    };
    let ([alternative], [fragment]) = (&request.alternatives[..], &request.fragments[..]) else {
        return None;
    };
    let is_constant = |object: &InputObject| matches!(object, InputObject::Constant(_));
    if !(alternative.inputs.iter()).all(|input| is_constant(&input.object))
        || calls_service(&select)
        || start.saturating_add(length) > MOST_ROWS
    {
        return None;
    }
    let is_distinct = matches!(select, GraphPattern::Distinct { .. });
    let inner = match &select {
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
    is_linear(inner).then_some(Top {
        request,
        fragment: *fragment,
        select,
        start,
        length,
        is_distinct,
        is_ask: false,
    })
}

/// The outermost LIMIT around the request of `pattern`, in a place where sub-SELECTs are evaluated by
/// themselves: not in an EXISTS, whose variables have values, and not in GRAPH, which they read.
fn slice_with_request(pattern: &GraphPattern) -> Option<&GraphPattern> {
    match pattern {
        GraphPattern::Slice { inner, .. } if has_placeholder(inner) => Some(pattern),
        GraphPattern::Graph { .. } | GraphPattern::Lateral { .. } => None,
        _ => algebra::children(pattern)
            .into_iter()
            .find(|child| has_placeholder(child))
            .and_then(slice_with_request),
    }
}

/// `pattern` with `table` in the place that [`slice_with_request`] finds.
fn replace_slice(pattern: GraphPattern, table: &mut Option<GraphPattern>) -> GraphPattern {
    if matches!(&pattern, GraphPattern::Slice { inner, .. } if has_placeholder(inner)) {
        return table.take().unwrap_or(pattern);
    }
    let Ok(pattern) = algebra::map_inner(pattern, &mut |child| {
        Ok::<_, Infallible>(if has_placeholder(&child) {
            replace_slice(child, table)
        } else {
            child
        })
    });
    pattern
}

/// Whether rows are counted somewhere: `COUNT(DISTINCT *)` would see a column that numbers them.
fn counts_groups(pattern: &GraphPattern) -> bool {
    let mut found = false;
    algebra::visit(pattern, &mut |node| {
        found |= matches!(node, GraphPattern::Group { .. });
    });
    found
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

/// Hits that are joined first where each row has an EXISTS: it is evaluated for all rows of a block before the
/// first of them is known to be the best.
const FEW_HITS: usize = 8;

fn has_exists(pattern: &GraphPattern) -> bool {
    let mut found = false;
    algebra::visit(pattern, &mut |node| {
        found |= !algebra::exists_patterns(node).is_empty();
    });
    found
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
