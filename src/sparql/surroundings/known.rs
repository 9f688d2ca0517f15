//! A query some of whose requests are known.

use super::way::{Step, ascend};
use crate::sparql::algebra::variables::{self, Binding, bound_variables};
use crate::sparql::algebra::walk;
use crate::sparql::evaluate::stored_tables;
use crate::sparql::request::extract::Extracted;
use crate::sparql::request::grouping::Request;
use crate::sparql::request::insert::Tables;
use crate::sparql::request::placeholder::placeholder_index;
use crate::vocab::Role;
use oxrdf::Variable;
use spargebra::algebra::GraphPattern;
use std::collections::HashSet;

/// A query some of whose requests are known.
#[derive(Clone, Copy)]
pub(in crate::sparql) struct Known<'a> {
    pub query: &'a Extracted,
    /// For each fragment its table, once its request has been searched.
    pub tables: &'a [Option<GraphPattern>],
    /// Tables of more rows count as not known yet.
    pub most_rows: usize,
}

impl<'a> Known<'a> {
    pub(in crate::sparql) fn new(query: &'a Extracted, tables: &'a [Option<GraphPattern>]) -> Self {
        Self {
            query,
            tables,
            most_rows: usize::MAX,
        }
    }

    /// `pattern` with tables in the place of their placeholders, as they are inserted in the query. A pattern that is
    /// [weaker](super::weaken::Weakening) has placeholders of known requests only.
    pub(super) fn fill(&self, pattern: GraphPattern, has_named_graphs: bool) -> GraphPattern {
        let tables = Tables {
            of_fragment: self.tables,
            has_named_graphs,
        };
        tables.insert(pattern)
    }

    /// Whether a request in `pattern` is still open.
    pub(super) fn has_unknown(&self, pattern: &GraphPattern) -> bool {
        walk::any(pattern, &|node| {
            placeholder_index(node).is_some_and(|index| !self.is_known(index))
        })
    }

    /// Whether a request that is still open, other than `request`, gives `variable` as an output.
    pub(super) fn is_open_output(&self, variable: &Variable, request: &Request) -> bool {
        let others = (self.query.fragments.iter().enumerate()).filter(|(index, _)| {
            self.tables[*index].is_none() && !request.fragments.contains(index)
        });
        (others.flat_map(|(_, fragment)| &fragment.columns)).any(|(property, object)| {
            property.role() == Role::Output && variables::variable_of(object) == Some(variable)
        })
    }

    /// Whether the table of a fragment is there to be joined with.
    pub(super) fn is_known(&self, fragment: usize) -> bool {
        let n_rows = |table: &GraphPattern| {
            let mut n = 0;
            walk::visit(table, &mut |node| {
                n += stored_tables::rows_of(node).unwrap_or(0);
            });
            n
        };
        (self.tables[fragment].as_ref()).is_some_and(|table| n_rows(table) <= self.most_rows)
    }

    /// What is passed on the way from `fragment` to the root of the query.
    pub(super) fn way_up(&self, fragment: usize) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        ascend(&self.query.pattern, fragment, &mut steps);
        steps
    }

    /// As [`Self::way_up`], with the variables whose values a step is evaluated with.
    pub(super) fn way_up_with_values(&self, fragment: usize) -> Vec<(Step<'_>, HashSet<Variable>)> {
        let mut steps = Vec::new();
        let mut around = HashSet::new();
        for step in self.way_up(fragment).into_iter().rev() {
            let bound = match step {
                Step::Around(pattern) => bound_variables(pattern, Binding::Possible),
                _ => HashSet::new(),
            };
            steps.push((step, around.clone()));
            around.extend(bound);
        }
        steps.reverse();
        steps
    }
}
