//! Queries that need only their best rows: hits are joined block by block from the best downwards, until
//! there are rows enough.

use super::asked::Asked;
use super::finish::{finish, ordered_fragments};
use super::gather::Gathered;
use super::shape::{self, Best, Direct};
use super::{direct, search};
use crate::search::Done;
use crate::search::ranking::Ranking;
use crate::sparql::algebra::cells::{ground, has_blank_node, integer};
use crate::sparql::error::QueryError;
use crate::sparql::explain::{RequestExplanation, Stage};
use crate::sparql::limits::spent::Spent;
use crate::sparql::query_run::QueryRun;
use crate::sparql::relation::{Relation, Restriction};
use crate::sparql::rows::companions::Companions;
use crate::sparql::rows::row_maker::{Given, RowMaker};
use crate::sparql::rows::table_maker::TableMaker;
use crate::sparql::surroundings::candidates::restriction;
use crate::sparql::surroundings::inputs::{Effort, tuples};
use crate::sparql::surroundings::known::Known;
use oxigraph::sparql::{QueryResults, QuerySolution, QuerySolutionIter};
use oxrdf::{Term, Variable};
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use std::collections::HashSet;
use std::sync::Arc;

/// How much larger each block is than the one before. All blocks but the last together are then so much
/// smaller than the last.
const GROWTH: usize = 8;

/// Hits that are joined first where each row has an EXISTS: it is evaluated for all rows of a block before the
/// first of them is known to be the best.
const FEW_HITS: usize = 8;

/// The answer to a query that needs only its best rows.
///
/// # Errors
/// [`QueryError`] says who must act.
pub(super) fn answer(
    asked: Asked<'_>,
    best: &Best<'_>,
    gathered: Option<Gathered>,
    run: &QueryRun<'_>,
) -> Result<QueryResults<'static>, QueryError> {
    let (rows, explanation) = best_rows(asked, best, gathered, run)?;
    run.trace.request(explanation);
    Ok(rows.into_results(best))
}

/// The query's pattern with the rows of a sub-SELECT that needs only its best ones in its place; `None` if these
/// cannot be written into a query.
///
/// # Errors
/// [`QueryError`] says who must act.
pub(super) fn rewrite(
    asked: Asked<'_>,
    best: &Best<'_>,
    gathered: Option<Gathered>,
    run: &QueryRun<'_>,
) -> Result<Option<GraphPattern>, QueryError> {
    let (rows, explanation) = best_rows(asked, best, gathered, run)?;
    let extracted = asked.extracted;
    let ordered = ordered_fragments(asked.grouped);
    let is_counted = shape::counts_groups(&extracted.pattern);
    let position = (!ordered.is_empty() && !is_counted).then_some(&extracted.position);
    let Some(table) = rows.into_table(best, position) else {
        return Ok(None);
    };
    run.trace.request(explanation);
    let pattern = shape::replace_slice(extracted.pattern.clone(), &mut Some(table));
    Ok(Some(finish(extracted, pattern, &[], &ordered, run)))
}

/// The first rows of `best`, as many as are needed, and how they were found.
fn best_rows(
    asked: Asked<'_>,
    best: &Best<'_>,
    gathered: Option<Gathered>,
    run: &QueryRun<'_>,
) -> Result<(BestRows, RequestExplanation), QueryError> {
    let is_gathered = gathered.is_some();
    let gathered = match gathered {
        Some(gathered) => gathered,
        None => constant_inputs(asked, best, run)?,
    };
    let companions = gathered.companions.clone();
    let mut blocks = Blocks::rank(asked, best, gathered, run)?;
    let fragment = &asked.extracted.fragments[best.fragment];
    let direct = shape::direct_of_select(&best.select, fragment).filter(|_| is_gathered);
    loop {
        let mut rows = BestRows::new(best);
        let companions = companions.clone();
        match &direct {
            Some(direct) => rows.read_hits(asked, direct, companions, &mut blocks, run)?,
            None => rows.read_joined(asked, best, companions, &mut blocks, run)?,
        }
        if rows.are_enough() || !blocks.ranking.is_cut() {
            return Ok((rows, blocks.explain(run)));
        }
        // After those that an approximate search found come others, and some that it did not find before them.
        blocks.rank_more(run)?;
    }
}

/// The inputs of a request that has no variables among them.
fn constant_inputs(
    asked: Asked<'_>,
    best: &Best<'_>,
    run: &QueryRun<'_>,
) -> Result<Gathered, QueryError> {
    let known = Known::new(asked.extracted, &[None]);
    let tuples = tuples(best.request, &known, run, Effort::Bind)?;
    Ok(Gathered {
        tuples: tuples.expect("constants are bound"),
        ..Gathered::default()
    })
}

/// The hits of a request with constant inputs, in blocks from the best downwards.
struct Blocks {
    ranking: Ranking,
    /// Shows the hits of one block.
    relation: Relation,
    restriction: Restriction,
    spent: Spent,
    /// What was spent before the first block.
    spent_before: Spent,
    /// Hits that were asked for.
    enough: usize,
    /// Size of the next block.
    size: usize,
    is_quick: bool,
    n_hits: usize,
    n_blocks: usize,
    /// How many hits have been shown.
    end: usize,
}

impl Blocks {
    fn rank(
        asked: Asked<'_>,
        best: &Best<'_>,
        gathered: Gathered,
        run: &QueryRun<'_>,
    ) -> Result<Self, QueryError> {
        let known = Known::new(asked.extracted, &[None]);
        let (request, tuples) = (best.request, gathered.tuples);
        let restriction = restriction(request, &known, run, &tuples, gathered.found)?;
        let mut spent = Spent::default();
        let mut relation = search::embedded(request, tuples, run, &mut spent)?;
        run.deadline.check()?;
        // Constants are one set of inputs.
        let first_block = run.options.planner.first_block;
        let size = if shape::has_exists(&best.select) {
            FEW_HITS.min(first_block)
        } else {
            first_block
        };
        let size = size.max(best.wanted());
        let ranking = (run.trace).time(Stage::Search, || {
            relation.ranking(run, &restriction, Some(size))
        })?;
        Ok(Self {
            n_hits: ranking.len(),
            ranking,
            relation,
            restriction,
            spent_before: spent.clone(),
            spent,
            enough: size,
            size,
            is_quick: shape::is_quick(&best.select),
            n_blocks: 0,
            end: 0,
        })
    }

    /// Begins anew, with more hits: in the end with all, as the engine does not cut many.
    fn rank_more(&mut self, run: &QueryRun<'_>) -> Result<(), QueryError> {
        // What was found before is shown again, or not at all.
        let done = &mut self.relation.counts.done;
        *done = Done::exactly(done.images_scored);
        self.spent = self.spent_before.clone();
        self.enough = self.enough.saturating_mul(GROWTH);
        self.size = self.enough;
        let (relation, restriction) = (&mut self.relation, &self.restriction);
        self.ranking = (run.trace).time(Stage::Search, || {
            relation.ranking(run, restriction, Some(self.enough))
        })?;
        self.n_hits = self.ranking.len();
        self.n_blocks = 0;
        self.end = 0;
        Ok(())
    }

    /// Shows the next block in the relation, unless all were shown. Without any hit there is one empty block, for
    /// the names of the columns.
    fn show_next(&mut self, run: &QueryRun<'_>) -> Result<bool, QueryError> {
        if self.n_blocks > 0 && self.end == self.n_hits {
            return Ok(false);
        }
        run.deadline.check()?;
        let size = self.size;
        let is_stopped = || run.deadline.token.is_cancelled();
        let ranking = &mut self.ranking;
        let block = (run.trace).time(Stage::Search, || ranking.next_block(size, &is_stopped));
        run.deadline.check()?;
        let (start, hits) = block?;
        self.end = start + hits.len();
        self.n_blocks += 1;
        self.relation.show(hits, start, self.n_hits);
        // What is slow to join is joined once more, with all that is left.
        self.size = if self.is_quick {
            size.saturating_mul(GROWTH)
        } else {
            usize::MAX
        };
        Ok(true)
    }

    fn explain(self, run: &QueryRun<'_>) -> RequestExplanation {
        (self.restriction).explain(run.engine, &self.relation, self.n_blocks, self.end)
    }
}

/// The rows found so far.
struct BestRows {
    /// How many are needed.
    wanted: usize,
    variables: Arc<[Variable]>,
    found: Vec<QuerySolution>,
    /// For DISTINCT, across blocks.
    seen: Option<HashSet<Vec<Option<Term>>>>,
}

impl BestRows {
    fn new(best: &Best<'_>) -> Self {
        Self {
            wanted: best.wanted(),
            variables: Arc::new([]),
            found: Vec::new(),
            seen: best.is_distinct.then(HashSet::new),
        }
    }

    /// Reads rows of the hits themselves, which need no evaluation.
    fn read_hits(
        &mut self,
        asked: Asked<'_>,
        direct: &Direct,
        companions: Arc<[Companions]>,
        blocks: &mut Blocks,
        run: &QueryRun<'_>,
    ) -> Result<(), QueryError> {
        self.variables = direct.variables.clone();
        let maker = direct::row_maker(asked.extracted, direct, companions, run);
        let givens = maker.givens(&blocks.relation, &asked.grouped.choices[0]);
        while blocks.show_next(run)? {
            run.trace.time(Stage::Join, || {
                self.take_from(&blocks.relation, &maker, &givens, run)
            })?;
            if self.are_enough() {
                break;
            }
        }
        Ok(())
    }

    fn take_from(
        &mut self,
        relation: &Relation,
        maker: &RowMaker,
        givens: &[Given],
        run: &QueryRun<'_>,
    ) -> Result<(), QueryError> {
        for given in givens {
            for hit in &relation.searches[given.number].hits {
                if self.are_enough() {
                    return Ok(());
                }
                run.deadline.check()?;
                maker.each_row(hit, given, &mut |mut row| {
                    row.truncate(self.variables.len());
                    self.push((self.variables.clone(), row).into());
                });
            }
        }
        Ok(())
    }

    /// Reads rows of the query in which the hits of a block stand for its request.
    fn read_joined(
        &mut self,
        asked: Asked<'_>,
        best: &Best<'_>,
        companions: Arc<[Companions]>,
        blocks: &mut Blocks,
        run: &QueryRun<'_>,
    ) -> Result<(), QueryError> {
        let (extracted, index) = (asked.extracted, best.fragment);
        let maker = TableMaker::new(extracted, run, companions);
        let of = asked.table_of(index, true);
        let select = GraphPattern::Slice {
            inner: Box::new(best.select.clone()),
            start: 0,
            length: Some(self.wanted),
        };
        while blocks.show_next(run)? {
            let table = maker.table(&blocks.relation, &of, &mut blocks.spent)?;
            let tables = [Some(table)];
            let block = Query::Select {
                dataset: asked.query.dataset().cloned(),
                base_iri: asked.query.base_iri().cloned(),
                pattern: finish(extracted, select.clone(), &tables, &[index], run),
            };
            run.trace
                .time(Stage::Join, || self.read(run.evaluate(block)?, run))?;
            if self.are_enough() {
                break;
            }
        }
        Ok(())
    }

    fn read(&mut self, results: QueryResults<'_>, run: &QueryRun<'_>) -> Result<(), QueryError> {
        let QueryResults::Solutions(solutions) = results else {
            return Ok(());
        };
        self.variables = solutions.variables().into();
        for solution in run.deadline.each(solutions) {
            self.push(solution?);
            if self.are_enough() {
                break;
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

    fn into_results(self, best: &Best<'_>) -> QueryResults<'static> {
        if best.is_ask {
            return QueryResults::Boolean(!self.found.is_empty());
        }
        let rows = (self.found.into_iter())
            .skip(best.start)
            .take(best.length)
            .map(Ok);
        QueryResults::Solutions(QuerySolutionIter::new(self.variables, rows))
    }

    /// The rows as inline data, with a column that numbers them in `position`, the first with the highest
    /// number. `None` if that cannot be written: inline data has no blank nodes.
    fn into_table(self, best: &Best<'_>, position: Option<&Variable>) -> Option<GraphPattern> {
        let rows = self.found.get(best.start..).unwrap_or_default();
        let rows = &rows[..rows.len().min(best.length)];
        let mut terms = rows.iter().flat_map(|row| row.values().iter().flatten());
        if terms.any(has_blank_node) {
            return None;
        }
        let bindings = rows.iter().enumerate().map(|(index, row)| {
            let number = position.map(|_| Some(integer(rows.len() - index).into()));
            ground(row.values().iter().cloned().chain(number).collect())
        });
        Some(GraphPattern::Values {
            variables: (self.variables.iter().chain(position)).cloned().collect(),
            bindings: bindings.collect(),
        })
    }
}
