//! What binds the variables that are wanted, gathered on the way up.

use crate::sparql::algebra::variables::{Binding, bound_variables};
use crate::sparql::algebra::{self, filters, join_all};
use oxrdf::Variable;
use spargebra::algebra::GraphPattern;
use std::collections::HashSet;

/// What binds the variables that are wanted, from the inside out.
pub(super) struct Parts<'a> {
    wanted: &'a HashSet<Variable>,
    /// How the wanted variables must be bound for patterns further out not to be needed. Across an
    /// OPTIONAL, MINUS, EXISTS, LIMIT or aggregate those do more than bind: rows that they exclude
    /// still count inside.
    pub(super) enough: Binding,
    parts: Vec<GraphPattern>,
}

impl<'a> Parts<'a> {
    /// Nothing yet; further out is only looked until all `wanted` are bound in every solution.
    pub(super) fn for_all(wanted: &'a HashSet<Variable>) -> Self {
        Self {
            wanted,
            enough: Binding::Certain,
            parts: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, part: GraphPattern) {
        if !algebra::is_unit(&part) {
            self.parts.push(part);
        }
    }

    pub(super) fn are_enough(&self) -> bool {
        let mut bound = HashSet::new();
        for part in &self.parts {
            bound.extend(bound_variables(part, self.enough));
        }
        self.wanted.is_subset(&bound)
    }

    /// Leaves a node with one child on the way up.
    pub(super) fn pass(&mut self, node: &GraphPattern) {
        match node {
            GraphPattern::Filter { expr, .. } if !self.are_enough() => {
                for variable in self.wanted {
                    if let Some(constants) = filters::constants_of(expr, variable) {
                        self.add(algebra::values(variable.clone(), constants));
                    }
                }
            }
            GraphPattern::Graph { name, .. } if !self.parts.is_empty() => {
                // The parts were written inside GRAPH and read that graph.
                let inner = join_all(std::mem::take(&mut self.parts));
                self.parts.push(GraphPattern::Graph {
                    name: name.clone(),
                    inner: Box::new(inner),
                });
            }
            GraphPattern::Slice { .. } | GraphPattern::Group { .. } => {
                self.enough = Binding::Possible;
            }
            _ => {}
        }
    }

    /// The join of the parts that share variables with the wanted ones, directly or through others. A
    /// part that shares nothing would only multiply the rows.
    pub(super) fn connected(self) -> GraphPattern {
        let mut parts = Vec::new();
        for part in self.parts {
            algebra::flatten(part, &mut parts);
        }
        let mut reached = self.wanted.clone();
        let mut chosen = Vec::new();
        loop {
            let (connected, rest): (Vec<_>, Vec<_>) = parts
                .into_iter()
                .partition(|part| !bound_variables(part, Binding::Possible).is_disjoint(&reached));
            if connected.is_empty() {
                return join_all(chosen);
            }
            for part in &connected {
                reached.extend(bound_variables(part, Binding::Possible));
            }
            chosen.extend(connected);
            parts = rest;
        }
    }
}
