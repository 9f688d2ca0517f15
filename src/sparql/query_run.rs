//! One query while it is answered: what all its parts share.

use crate::engine::Engine;
use crate::sparql::algebra::cells::Row;
use crate::sparql::error::QueryError;
use crate::sparql::evaluate::Evaluator;
use crate::sparql::explain::Trace;
use crate::sparql::limits::Deadline;
use crate::sparql::options::SparqlOptions;
use oxigraph::sparql::{QueryResults, QuerySolution};
use oxrdf::{Term, Variable};
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use std::collections::HashSet;
use std::sync::Arc;

/// One query while it is answered.
pub(super) struct QueryRun<'a> {
    pub options: &'a SparqlOptions,
    pub engine: &'a Arc<Engine>,
    pub deadline: Deadline,
    pub trace: Trace,
    pub evaluator: Evaluator<'a>,
}

/// The solutions of a pattern, if they are few.
pub(super) enum Solutions {
    All(Vec<Row>),
    /// There are more than were asked for, and so many were looked at.
    TooMany {
        n_seen: usize,
    },
}

/// The values that a variable has in the solutions of a pattern, if they are few.
pub(super) enum Values {
    /// Every solution has one of these.
    Of {
        terms: HashSet<Term>,
        n_solutions: usize,
    },
    /// A BIND or aggregate that fails leaves it unbound: such a solution goes with any value.
    Unbound {
        n_solutions: usize,
    },
    TooMany {
        n_seen: usize,
    },
}

impl QueryRun<'_> {
    /// Begins the evaluation of the query or of a part of it.
    ///
    /// # Errors
    /// [`QueryError`] says who must act.
    pub(super) fn evaluate(&self, query: Query) -> Result<QueryResults<'static>, QueryError> {
        self.trace.evaluates();
        (self.evaluator.evaluate(query)).map_err(|error| self.deadline.explain(error))
    }

    fn solutions(
        &self,
        pattern: GraphPattern,
    ) -> Result<impl Iterator<Item = Result<QuerySolution, QueryError>>, QueryError> {
        let solutions = match self.evaluate(self.evaluator.select(pattern))? {
            QueryResults::Solutions(solutions) => Some(solutions),
            // A SELECT has nothing else.
            QueryResults::Boolean(_) | QueryResults::Graph(_) => None,
        };
        Ok(self.deadline.each(solutions.into_iter().flatten()))
    }

    /// The distinct values of `variables` in the solutions of `pattern` that bind them all; `None` if
    /// there are more than `limit`.
    ///
    /// # Errors
    /// [`QueryError`] says who must act.
    pub(super) fn distinct(
        &self,
        pattern: GraphPattern,
        variables: &[Variable],
        limit: usize,
    ) -> Result<Option<Vec<Vec<Term>>>, QueryError> {
        let pattern = GraphPattern::Distinct {
            inner: Box::new(project(pattern, variables)),
        };
        let mut found = Vec::new();
        for solution in self.solutions(pattern)? {
            let solution = solution?;
            let values: Option<Vec<Term>> = variables
                .iter()
                .map(|variable| solution.get(variable).cloned())
                .collect();
            found.extend(values);
            if found.len() > limit {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// The solutions of `pattern`, with a cell for each of `variables`, unless there are more than `limit`.
    ///
    /// # Errors
    /// [`QueryError`] says who must act.
    pub(super) fn rows(
        &self,
        pattern: GraphPattern,
        variables: &[Variable],
        limit: usize,
    ) -> Result<Solutions, QueryError> {
        let pattern = GraphPattern::Slice {
            inner: Box::new(project(pattern, variables)),
            start: 0,
            length: Some(limit + 1),
        };
        let rows: Vec<Row> = self
            .solutions(pattern)?
            .map(|solution| Ok(solution?.values().to_vec()))
            .collect::<Result<_, QueryError>>()?;
        Ok(if rows.len() > limit {
            Solutions::TooMany { n_seen: rows.len() }
        } else {
            Solutions::All(rows)
        })
    }

    /// The distinct values of `variable` in the solutions of `pattern`, unless these are more than `limit`.
    ///
    /// # Errors
    /// [`QueryError`] says who must act.
    pub(super) fn values(
        &self,
        pattern: GraphPattern,
        variable: &Variable,
        limit: usize,
    ) -> Result<Values, QueryError> {
        Ok(
            match self.rows(pattern, std::slice::from_ref(variable), limit)? {
                Solutions::TooMany { n_seen } => Values::TooMany { n_seen },
                Solutions::All(rows) => {
                    let n_solutions = rows.len();
                    match rows.into_iter().map(|mut row| row.pop()?).collect() {
                        Some(terms) => Values::Of { terms, n_solutions },
                        None => Values::Unbound { n_solutions },
                    }
                }
            },
        )
    }
}

fn project(pattern: GraphPattern, variables: &[Variable]) -> GraphPattern {
    GraphPattern::Project {
        inner: Box::new(pattern),
        variables: variables.to_vec(),
    }
}
