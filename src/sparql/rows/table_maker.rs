//! The rows of the clip relation as tables for the rewritten query.

use super::companions::Companions;
use super::row_maker::{Given, RowMaker, RowsOf};
use crate::sparql::algebra;
use crate::sparql::algebra::cells::{Row, integer};
use crate::sparql::algebra::walk;
use crate::sparql::limits::spent::Spent;
use crate::sparql::options::SparqlOptions;
use crate::sparql::query_run::QueryRun;
use crate::sparql::relation::Relation;
use crate::sparql::request::Fragment;
use crate::sparql::request::branches::Choices;
use crate::sparql::request::error::RequestError;
use crate::sparql::request::extract::Extracted;
use oxrdf::Variable;
use spargebra::algebra::GraphPattern;
use std::sync::Arc;

/// A row of so many columns counts as one hit: a request has five outputs.
const COLUMNS: usize = 8;

/// Makes the tables of one query.
pub(in crate::sparql) struct TableMaker<'a> {
    query: &'a Extracted,
    run: &'a QueryRun<'a>,
    /// What the hits are put together with.
    companions: Arc<[Companions]>,
    /// Whether large tables may be kept beside the query: a LATERAL would ask for them again for each row.
    keeps_tables: bool,
}

/// Which table is to be made of a relation.
pub(in crate::sparql) struct TableOf<'a> {
    pub fragment: &'a Fragment,
    /// The UNION branches that the fragment stands in.
    pub choices: &'a Choices,
    /// Whether its rows are joined with those of the query: it does not stand in a MINUS or EXISTS.
    pub is_joined: bool,
    /// Whether there is a column for the position, too.
    pub is_ordered: bool,
}

/// Counts the rows of a table.
struct Counter<'a> {
    spent: &'a mut Spent,
    options: &'a SparqlOptions,
    /// The request as written.
    written: &'a str,
    /// How much a row of a hit counts.
    width: usize,
}

impl Counter<'_> {
    /// Counts rows of hits, and of inputs.
    fn count(&mut self, n_hit_rows: usize, n_input_rows: usize) -> Result<(), RequestError> {
        let n_rows = n_hit_rows * self.width + n_input_rows;
        self.spent.rows(n_rows, self.options, self.written)
    }
}

impl<'a> TableMaker<'a> {
    pub(in crate::sparql) fn new(
        query: &'a Extracted,
        run: &'a QueryRun<'a>,
        companions: Arc<[Companions]>,
    ) -> Self {
        let has_lateral = walk::any(&query.pattern, &|node| {
            matches!(node, GraphPattern::Lateral { .. })
        });
        Self {
            query,
            run,
            companions,
            keeps_tables: !has_lateral,
        }
    }

    /// The table that stands for a fragment in the rewritten query: the rows of each hit, with the columns
    /// that the fragment names.
    ///
    /// # Errors
    /// [`RequestError::TooManyHits`] if the tables of the query would not fit in memory.
    pub(in crate::sparql) fn table(
        &self,
        relation: &Relation,
        of: &TableOf<'_>,
        spent: &mut Spent,
    ) -> Result<GraphPattern, RequestError> {
        let rows = RowMaker::new(
            RowsOf {
                fragment: of.fragment,
                first: &[],
                read: &self.query.read,
                companions: self.companions.clone(),
            },
            self.run,
        );
        let givens = rows.givens(relation, of.choices);
        let mut counter = Counter {
            spent,
            options: self.run.options,
            written: &of.fragment.written,
            width: (rows.variables.len() + 2).div_ceil(COLUMNS),
        };
        for given in &givens {
            let n_hits = relation.searches[given.number].hits.len();
            // The first variant of the inputs comes with the hits: exactly as many hits as are allowed are.
            counter.count(n_hits, given.variants.len().saturating_sub(1))?;
        }
        // Inputs stand in a table of their own where a row per hit with its inputs in full would multiply
        // what may be whole images.
        if self.companions.is_empty() && !givens.iter().all(Given::is_small) {
            let hits = self.hits(relation, of, &rows, &givens, true, &mut counter)?;
            return Ok(self.with_inputs_apart(of, rows, givens, hits));
        }
        let rows = rows.with_inputs();
        self.hits(relation, of, &rows, &givens, false, &mut counter)
    }

    /// The hits with the columns of `rows` and, if they are asked for, with their position and the number of
    /// the inputs that found them.
    fn hits(
        &self,
        relation: &Relation,
        of: &TableOf<'_>,
        rows: &RowMaker,
        givens: &[Given],
        is_numbered: bool,
        counter: &mut Counter<'_>,
    ) -> Result<GraphPattern, RequestError> {
        let mut hit_rows: Vec<Row> = Vec::new();
        for (search, hit) in relation.in_order() {
            // The evaluator says why.
            if self.run.deadline.token.is_cancelled() {
                break;
            }
            let Some(given) = Given::of_search(givens, search) else {
                continue;
            };
            let hit = &relation.searches[search].hits[hit];
            let n_before = hit_rows.len();
            rows.each_row(hit, given, &mut |mut row| {
                row.extend(of.is_ordered.then(|| Some(integer(hit.position).into())));
                row.extend(is_numbered.then(|| Some(integer(search).into())));
                hit_rows.push(row);
            });
            let n_more = (hit_rows.len() - n_before).saturating_sub(1);
            counter.count(n_more, 0)?;
        }
        let mut columns = self.columns(of, rows);
        columns.extend(is_numbered.then(|| of.fragment.inputs_id.clone()));
        let most_inline = if of.is_joined && self.keeps_tables {
            self.run.options.planner.inline_rows
        } else {
            usize::MAX
        };
        Ok((self.run.evaluator.tables).place(columns, hit_rows, most_inline))
    }

    fn columns(&self, of: &TableOf<'_>, rows: &RowMaker) -> Vec<Variable> {
        let position = of.is_ordered.then(|| self.query.position.clone());
        rows.variables.iter().cloned().chain(position).collect()
    }

    /// `hits`, which are numbered, joined with a table of the inputs that have these numbers.
    fn with_inputs_apart(
        &self,
        of: &TableOf<'_>,
        rows: RowMaker,
        givens: Vec<Given>,
        hits: GraphPattern,
    ) -> GraphPattern {
        let shown = (self.columns(of, &rows).into_iter()).chain(rows.input_variables.clone());
        let variables = algebra::each_once(shown);
        let mut input_rows = Vec::new();
        for given in givens {
            input_rows.extend((given.variants.into_iter()).map(|variant| {
                let mut row = variant.inputs;
                row.push(Some(integer(given.number).into()));
                row
            }));
        }
        let mut columns = rows.input_variables;
        columns.push(of.fragment.inputs_id.clone());
        let inputs = (self.run.evaluator.tables).place(columns, input_rows, usize::MAX);
        GraphPattern::Project {
            inner: Box::new(algebra::join(inputs, hits)),
            variables,
        }
    }
}
