//! SPARQL algebra, made and taken apart; nothing in this room knows of the clip relation.

pub(super) mod cells;
pub(super) mod filters;
pub(super) mod query;
pub(super) mod variables;
pub(super) mod walk;

use oxrdf::Variable;
use spargebra::algebra::GraphPattern;
use spargebra::term::{GroundTerm, NamedNodePattern};
use std::collections::HashSet;
use std::hash::Hash;

/// The pattern that has one solution, without bindings.
pub(super) fn unit() -> GraphPattern {
    GraphPattern::Bgp {
        patterns: Vec::new(),
    }
}

/// Whether `pattern` is [`unit`].
pub(super) fn is_unit(pattern: &GraphPattern) -> bool {
    matches!(pattern, GraphPattern::Bgp { patterns } if patterns.is_empty())
}

/// The join of two patterns, without needless units.
pub(super) fn join(left: GraphPattern, right: GraphPattern) -> GraphPattern {
    if is_unit(&left) {
        right
    } else if is_unit(&right) {
        left
    } else {
        GraphPattern::Join {
            left: Box::new(left),
            right: Box::new(right),
        }
    }
}

/// The join of any number of patterns.
pub(super) fn join_all(patterns: impl IntoIterator<Item = GraphPattern>) -> GraphPattern {
    patterns.into_iter().fold(unit(), join)
}

/// Adds what a group joins to `parts`, from the left.
pub(super) fn flatten(pattern: GraphPattern, parts: &mut Vec<GraphPattern>) {
    match pattern {
        GraphPattern::Join { left, right } => {
            flatten(*left, parts);
            flatten(*right, parts);
        }
        other => parts.push(other),
    }
}

/// The branches of a UNION, from the left; other patterns are their own only branch.
pub(super) fn branches(pattern: &GraphPattern) -> Vec<&GraphPattern> {
    let mut found = Vec::new();
    let mut open = vec![pattern];
    while let Some(pattern) = open.pop() {
        match pattern {
            GraphPattern::Union { left, right } => open.extend([&**right, &**left]),
            branch => found.push(branch),
        }
    }
    found
}

/// [`branches`], taken apart.
pub(super) fn into_branches(pattern: GraphPattern) -> Vec<GraphPattern> {
    let mut found = Vec::new();
    let mut open = vec![pattern];
    while let Some(pattern) = open.pop() {
        match pattern {
            GraphPattern::Union { left, right } => open.extend([*right, *left]),
            branch => found.push(branch),
        }
    }
    found
}

/// The UNION of `branches`, as shallow as can be; the unit if there are none.
pub(super) fn union_all(mut branches: Vec<GraphPattern>) -> GraphPattern {
    if branches.len() < 2 {
        return branches.pop().unwrap_or_else(unit);
    }
    let right = branches.split_off(branches.len() / 2);
    GraphPattern::Union {
        left: Box::new(union_all(branches)),
        right: Box::new(union_all(right)),
    }
}

/// The IRI of the endpoint that a SERVICE asks; none if a variable names it, or if `pattern` is something else.
pub(super) fn service_iri(pattern: &GraphPattern) -> Option<&str> {
    match pattern {
        GraphPattern::Service {
            name: NamedNodePattern::NamedNode(name),
            ..
        } => Some(name.as_str()),
        _ => None,
    }
}

/// `items` without those that came before.
pub(super) fn each_once<T: Clone + Eq + Hash>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    (items.into_iter())
        .filter(|item| seen.insert(item.clone()))
        .collect()
}

/// `VALUES` with one column.
pub(super) fn values(
    variable: Variable,
    terms: impl IntoIterator<Item = GroundTerm>,
) -> GraphPattern {
    GraphPattern::Values {
        variables: vec![variable],
        bindings: terms.into_iter().map(|term| vec![Some(term)]).collect(),
    }
}
