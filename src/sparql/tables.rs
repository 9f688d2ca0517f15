//! Large tables beside the query instead of in it.
//!
//! Inline data is copied at each step from the algebra to the plan, cell by cell, which takes longer than
//! joining it. A large table is therefore left where it is and named in the query as a SERVICE of its own,
//! which hands out its rows. oxigraph joins a SERVICE by hashing, as it should, but would ask it again for
//! each row that an EXISTS tests.

use super::algebra;
use oxigraph::sparql::{QuerySolutionIter, ServiceHandler, SparqlEvaluator};
use oxrdf::{NamedNode, Term, Variable};
use spargebra::algebra::GraphPattern;
use spargebra::term::{GroundTerm, NamedNodePattern};
use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::Arc;

/// The large tables of one query.
#[derive(Default)]
pub(super) struct Tables(RefCell<Vec<Table>>);

#[derive(Clone)]
struct Table {
    variables: Arc<[Variable]>,
    rows: Arc<[Vec<Option<GroundTerm>>]>,
}

/// What the names of tables begin with, before their number and that of their rows. They are on no allow-list,
/// and a query that guesses one could only read its own hits.
const PREFIX: &str = "urn:x-clip-search:table:";

impl Tables {
    /// A pattern that stands for a table.
    pub(super) fn place(
        &self,
        variables: Vec<Variable>,
        rows: Vec<Vec<Option<GroundTerm>>>,
    ) -> GraphPattern {
        let mut tables = self.0.borrow_mut();
        let name = name(tables.len(), rows.len());
        let inner = Box::new(look_alike(&variables, &rows));
        tables.push(Table {
            variables: variables.into(),
            rows: rows.into(),
        });
        GraphPattern::Service {
            name: name.into(),
            inner,
            silent: false,
        }
    }

    /// Makes the tables known to the evaluator of a query that names them.
    pub(super) fn register(&self, evaluator: SparqlEvaluator) -> SparqlEvaluator {
        (self.0.borrow().iter().enumerate()).fold(evaluator, |evaluator, (number, table)| {
            evaluator.with_service_handler(name(number, table.rows.len()), table.clone())
        })
    }
}

fn name(number: usize, n_rows: usize) -> NamedNode {
    NamedNode::new_unchecked(format!("{PREFIX}{number}:{n_rows}"))
}

/// How many rows the table has that `pattern` stands for, if it does.
pub(super) fn rows_of(pattern: &GraphPattern) -> Option<usize> {
    match pattern {
        GraphPattern::Values { bindings, .. } => Some(bindings.len()),
        GraphPattern::Service {
            name: NamedNodePattern::NamedNode(name),
            ..
        } => {
            let (_, n_rows) = name.as_str().strip_prefix(PREFIX)?.split_once(':')?;
            n_rows.parse().ok()
        }
        _ => None,
    }
}

/// A small pattern from which the optimizer takes what it wants to know of the table: which variables it
/// binds to what kind of terms, and about how many rows it has.
fn look_alike(variables: &[Variable], rows: &[Vec<Option<GroundTerm>>]) -> GraphPattern {
    let kind = |cell: &Option<GroundTerm>| cell.as_ref().map(std::mem::discriminant);
    let mut samples: Vec<&Vec<Option<GroundTerm>>> = Vec::new();
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
        bindings: samples.into_iter().cloned().collect(),
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
        let rows = (0..rows.len()).map(move |row| {
            let terms = rows[row].iter().map(|term| term.clone().map(Term::from));
            Ok(terms.collect())
        });
        Ok(QuerySolutionIter::from_tuples(self.variables.clone(), rows))
    }
}
