//! The rows of the clip relation as tables for the rewritten query.

use super::beside::Companions;
use super::plan::Choices;
use super::relation::{Relation, Spent, spend};
use super::request::{Fragment, RequestError};
use super::row::{Given, RowMaker, integer};
use super::tables::Tables;
use super::{SparqlOptions, algebra};
use crate::collection::Collection;
use oxigraph::sparql::CancellationToken;
use oxrdf::Variable;
use spargebra::algebra::GraphPattern;
use std::collections::HashSet;
use std::sync::Arc;

/// A row of so many columns counts as one hit: a request has five outputs.
const COLUMNS: usize = 8;

/// What tables are made with.
pub(super) struct TableMaker<'a> {
    pub collection: &'a Arc<Collection>,
    pub options: &'a SparqlOptions,
    /// The variable of the column that numbers the hits.
    pub position: &'a Variable,
    /// The variables that need a column.
    pub read: &'a HashSet<Variable>,
    /// What the hits are put together with.
    pub companions: Arc<[Companions]>,
    /// Stops when the query does.
    pub token: &'a CancellationToken,
    /// Where large tables are kept.
    pub tables: &'a Tables,
    /// Whether they may be: a LATERAL would ask for them again for each row.
    pub keeps_tables: bool,
}

/// Which table is to be made of a relation.
pub(super) struct TableOf<'a> {
    pub fragment: &'a Fragment,
    /// The UNION branches that the fragment stands in.
    pub choices: &'a Choices,
    /// Whether its rows are joined with those of the query: it does not stand in a MINUS or EXISTS.
    pub is_joined: bool,
    /// Whether there is a column for the position, too.
    pub is_ordered: bool,
}

impl Relation {
    /// The table that stands for a fragment in the rewritten query: the rows of each hit, with the columns
    /// that the fragment names.
    ///
    /// # Errors
    /// [`RequestError::TooManyHits`] if the tables of the query would not fit in memory.
    pub(super) fn table(
        &self,
        of: &TableOf<'_>,
        maker: &TableMaker<'_>,
        spent: &mut Spent,
    ) -> Result<GraphPattern, RequestError> {
        let fragment = of.fragment;
        let mut rows = RowMaker::new(
            fragment,
            &[],
            maker.read,
            maker.companions.clone(),
            maker.collection.clone(),
            maker.options.link_width_px,
        );
        let givens = rows.givens(self, of.choices);
        let width = (rows.variables.len() + 2).div_ceil(COLUMNS);
        for given in &givens {
            let n_hits = self.searches[given.number].hits.len();
            // The first variant of the inputs comes with the hits: exactly as many hits as are allowed are.
            let n_rows = n_hits * width + given.variants.len().saturating_sub(1);
            spend(&mut spent.n_rows, n_rows, maker.options, &fragment.written)?;
        }
        // Inputs stand in a table of their own where a row per hit with its inputs in full would multiply
        // what may be whole images.
        let is_apart = maker.companions.is_empty() && !givens.iter().all(Given::is_small);
        if !is_apart {
            rows.add_inputs();
        }
        let mut columns = rows.variables.clone();
        columns.extend(of.is_ordered.then(|| maker.position.clone()));
        let mut variables = columns.clone();
        if is_apart {
            columns.push(fragment.inputs_id.clone());
        }
        let mut hit_rows = Vec::new();
        for (search, hit) in self.in_order() {
            // The evaluator says why.
            if maker.token.is_cancelled() {
                break;
            }
            let Some(given) = Given::of_search(&givens, search) else {
                continue;
            };
            let hit = &self.searches[search].hits[hit];
            let n_before = hit_rows.len();
            rows.each_row(hit, given, &mut |mut row| {
                row.extend(of.is_ordered.then(|| Some(integer(hit.position).into())));
                row.extend(is_apart.then(|| Some(integer(search).into())));
                hit_rows.push(row);
            });
            let n_more = (hit_rows.len() - n_before).saturating_sub(1);
            spend(
                &mut spent.n_rows,
                n_more * width,
                maker.options,
                &fragment.written,
            )?;
        }
        let is_kept = of.is_joined && maker.keeps_tables;
        let most_inline = maker.options.planner.inline_rows;
        let hits = maker.tables.place(
            columns,
            hit_rows,
            if is_kept { most_inline } else { usize::MAX },
        );
        if !is_apart {
            return Ok(hits);
        }
        let mut input_rows = Vec::new();
        for given in givens {
            input_rows.extend((given.variants.into_iter()).map(|variant| {
                let mut row = variant.inputs;
                row.push(Some(integer(given.number).into()));
                row
            }));
        }
        let input_variables = &rows.input_variables;
        for variable in input_variables {
            if !variables.contains(variable) {
                variables.push(variable.clone());
            }
        }
        let mut columns = input_variables.clone();
        columns.push(fragment.inputs_id.clone());
        let inputs = maker.tables.place(columns, input_rows, usize::MAX);
        Ok(GraphPattern::Project {
            inner: Box::new(algebra::join(inputs, hits)),
            variables,
        })
    }
}
