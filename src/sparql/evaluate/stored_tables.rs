//! Large tables beside the query instead of in it.
//!
//! Inline data is copied at each step from the algebra to the plan, cell by cell, which takes longer than
//! joining it. A large table is therefore left where it is and named in the query as a SERVICE of its own,
//! which hands out its rows. oxigraph joins a SERVICE by hashing, as it should, but would ask it again for
//! each row that an EXISTS tests.

use super::optimizer;
use crate::sparql::algebra::cells::{Row, ground};
use crate::sparql::algebra::{self, walk};
use oxigraph::sparql::{QuerySolutionIter, ServiceHandler, SparqlEvaluator};
use oxrdf::{NamedNode, Term, Variable};
use spargebra::algebra::GraphPattern;
use std::cell::RefCell;
use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

/// The large tables of one query.
#[derive(Default)]
pub(in crate::sparql) struct StoredTables(RefCell<Vec<Table>>);

#[derive(Clone)]
struct Table {
    variables: Arc<[Variable]>,
    rows: Arc<[Row]>,
}

/// What the names of tables begin with, before their number and that of their rows. They are on no
/// allow-list, and a query that guesses one could only read its own hits.
const PREFIX: &str = "urn:x-clip-search:table:";

impl StoredTables {
    /// A pattern that stands for a table whose rows come best hit first: inline data if it has no more than
    /// `most_inline`. Its terms are no blank nodes.
    pub(in crate::sparql) fn place(
        &self,
        variables: Vec<Variable>,
        rows: Vec<Row>,
        most_inline: usize,
    ) -> GraphPattern {
        if rows.len() <= most_inline {
            return optimizer::hashed(variables, rows.into_iter().map(ground).collect());
        }
        let mut tables = self.0.borrow_mut();
        let inner = Box::new(look_alike(&variables, &rows));
        let table = Table {
            variables: variables.into(),
            rows: rows.into(),
        };
        let name = table.name(tables.len());
        tables.push(table);
        GraphPattern::Service {
            name: name.into(),
            inner,
            silent: false,
        }
    }

    /// Makes the tables known to the evaluator of a query that names them.
    pub(in crate::sparql) fn register(&self, evaluator: SparqlEvaluator) -> SparqlEvaluator {
        (self.0.borrow().iter().enumerate()).fold(evaluator, |evaluator, (number, table)| {
            evaluator.with_service_handler(table.name(number), table.clone())
        })
    }

    /// `pattern` without inline data that says again what a large table beside it says: one column without
    /// gaps and duplicates, which has all terms of the table's column of that name. Each row of the table
    /// would meet one row of it.
    pub(in crate::sparql) fn without_repetitions(&self, pattern: GraphPattern) -> GraphPattern {
        if self.0.borrow().is_empty() {
            return pattern;
        }
        if !matches!(pattern, GraphPattern::Join { .. }) {
            let Ok(pattern) = walk::map_children(pattern, &mut |child| {
                Ok::<_, Infallible>(self.without_repetitions(child))
            });
            return pattern;
        }
        let mut parts = Vec::new();
        algebra::flatten(pattern, &mut parts);
        let tables = self.0.borrow();
        let beside: Vec<&Table> = (parts.iter())
            .filter_map(|part| tables.get(name_of(part)?.number))
            .collect();
        parts.retain(|part| !beside.iter().any(|table| table.repeats(part)));
        drop(tables);
        algebra::join_all((parts.into_iter()).map(|part| self.without_repetitions(part)))
    }
}

impl Table {
    fn name(&self, number: usize) -> NamedNode {
        let n_rows = self.rows.len();
        NamedNode::new_unchecked(format!("{PREFIX}{number}:{n_rows}"))
    }

    fn repeats(&self, pattern: &GraphPattern) -> bool {
        let GraphPattern::Values {
            variables,
            bindings,
        } = pattern
        else {
            return false;
        };
        let [variable] = &variables[..] else {
            return false;
        };
        let Some(column) = self.variables.iter().position(|v| v == variable) else {
            return false;
        };
        let terms: Option<HashSet<Term>> = (bindings.iter())
            .map(|row| row[0].clone().map(Term::from))
            .collect();
        terms.is_some_and(|terms| {
            terms.len() == bindings.len()
                && (self.rows.iter()).all(|row| {
                    row[column]
                        .as_ref()
                        .is_some_and(|term| terms.contains(term))
                })
        })
    }
}

/// What the name of a table says.
struct Name {
    number: usize,
    n_rows: usize,
}

fn name_of(pattern: &GraphPattern) -> Option<Name> {
    let numbers = algebra::service_iri(pattern)?.strip_prefix(PREFIX)?;
    let mut numbers = numbers.split(':').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(Name {
        number: next()?,
        n_rows: next()?,
    })
}

/// Whether the solutions of `pattern` are rows of one table, and come best hit first.
pub(in crate::sparql) fn are_in_order(pattern: &GraphPattern) -> bool {
    match pattern {
        GraphPattern::Filter { inner, .. } | GraphPattern::Extend { inner, .. } => {
            are_in_order(inner)
        }
        _ => name_of(pattern).is_some(),
    }
}

/// How many rows the table has that `pattern` stands for, if it does.
pub(in crate::sparql) fn rows_of(pattern: &GraphPattern) -> Option<usize> {
    match pattern {
        GraphPattern::Values { bindings, .. } => Some(bindings.len()),
        _ => Some(name_of(pattern)?.n_rows),
    }
}

/// A small pattern from which the optimizer takes what it wants to know of the table: which variables it
/// binds to what kind of terms, and about how many rows it has.
fn look_alike(variables: &[Variable], rows: &[Row]) -> GraphPattern {
    let kind = |cell: &Option<Term>| cell.as_ref().map(std::mem::discriminant);
    let mut samples: Vec<&Row> = Vec::new();
    for row in rows {
        let is_new = |column: usize| {
            let kind_here = kind(&row[column]);
            samples
                .iter()
                .all(|sample| kind(&sample[column]) != kind_here)
        };
        if (0..variables.len()).any(is_new) {
            samples.push(row);
        }
    }
    let first = GraphPattern::Values {
        variables: variables.to_vec(),
        bindings: samples.into_iter().cloned().map(ground).collect(),
    };
    let side = rows.len().isqrt();
    let filler = || GraphPattern::Values {
        variables: Vec::new(),
        bindings: vec![Vec::new(); side],
    };
    algebra::join(first, algebra::join(filler(), filler()))
}

impl ServiceHandler for Table {
    type Error = Infallible;

    fn handle(
        &self,
        _: &GraphPattern,
        _: Option<&oxiri::Iri<String>>,
    ) -> Result<QuerySolutionIter<'static>, Infallible> {
        let rows = self.rows.clone();
        let rows = (0..rows.len()).map(move |row| Ok(rows[row].clone()));
        Ok(QuerySolutionIter::from_tuples(self.variables.clone(), rows))
    }
}
