//! The group that a request stands in: what is joined with it, in parts that share no variables.

use crate::sparql::algebra;
use crate::sparql::algebra::variables::{Binding, bound_variables};
use crate::sparql::request::placeholder::placeholder_index;
use oxrdf::Variable;
use spargebra::algebra::GraphPattern;
use std::collections::{BTreeMap, HashMap};

/// Whether the group of the only placeholder in `pattern` can be taken apart.
pub(super) fn has_group(pattern: &mut GraphPattern) -> bool {
    group_mut(pattern).is_some()
}

/// The group of the only placeholder in `pattern`: the join that it stands in, or itself. `None` if what the
/// group means depends on what is around it, or if that restricts it.
fn group_mut(pattern: &mut GraphPattern) -> Option<&mut GraphPattern> {
    use GraphPattern as P;
    if placeholder_index(pattern).is_some() {
        return Some(pattern);
    }
    match pattern {
        P::Join { .. } => joins_placeholder(pattern).then_some(pattern),
        P::Filter { inner, .. }
        | P::Extend { inner, .. }
        | P::OrderBy { inner, .. }
        | P::Project { inner, .. }
        | P::Distinct { inner }
        | P::Reduced { inner }
        | P::Slice { inner, .. }
        | P::Group { inner, .. }
        | P::LeftJoin { left: inner, .. }
        | P::Minus { left: inner, .. } => group_mut(inner),
        P::Bgp { .. }
        | P::Path { .. }
        | P::Lateral { .. }
        | P::Union { .. }
        | P::Graph { .. }
        | P::Values { .. }
        | P::Service { .. } => None,
    }
}

/// Whether a placeholder is one of the patterns that are joined here.
fn joins_placeholder(pattern: &GraphPattern) -> bool {
    match pattern {
        GraphPattern::Join { left, right } => joins_placeholder(left) || joins_placeholder(right),
        other => placeholder_index(other).is_some(),
    }
}

/// Takes the patterns that are joined with the placeholder away from it.
pub(super) fn take_parts(pattern: &mut GraphPattern) -> Vec<GraphPattern> {
    let Some(group) = group_mut(pattern) else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    algebra::flatten(std::mem::replace(group, algebra::unit()), &mut parts);
    let is_placeholder = |part: &GraphPattern| placeholder_index(part).is_some();
    if let Some(at) = parts.iter().position(is_placeholder) {
        *group = parts.remove(at);
    }
    parts
}

/// Joins the placeholder with `parts` again.
///
/// # Panics
/// If its group is not [there to be taken apart](has_group).
pub(super) fn put_back(pattern: &mut GraphPattern, parts: Vec<GraphPattern>) {
    let group = group_mut(pattern).expect("the parts were taken from this group");
    let placeholder = std::mem::replace(group, algebra::unit());
    *group = algebra::join(algebra::join_all(parts), placeholder);
}

/// The joins of the parts that share variables, directly or through others.
pub(super) fn components(parts: Vec<GraphPattern>) -> Vec<GraphPattern> {
    let parts: Vec<GraphPattern> = parts.into_iter().flat_map(triples_apart).collect();
    // Each part points to an earlier one that it is connected with, or to itself.
    let mut earlier: Vec<usize> = Vec::with_capacity(parts.len());
    let mut part_of: HashMap<Variable, usize> = HashMap::new();
    for (number, part) in parts.iter().enumerate() {
        earlier.push(number);
        for variable in bound_variables(part, Binding::Possible) {
            let other = *part_of.entry(variable).or_insert(number);
            let (a, b) = (
                first_of(&mut earlier, other),
                first_of(&mut earlier, number),
            );
            earlier[a.max(b)] = a.min(b);
        }
    }
    let mut components: BTreeMap<usize, Vec<GraphPattern>> = BTreeMap::new();
    for (number, part) in parts.into_iter().enumerate() {
        let first = first_of(&mut earlier, number);
        components.entry(first).or_default().push(part);
    }
    components.into_values().map(triples_together).collect()
}

/// The first part that `part` is connected with; the way there gets shorter.
fn first_of(earlier: &mut [usize], mut part: usize) -> usize {
    while earlier[part] != part {
        earlier[part] = earlier[earlier[part]];
        part = earlier[part];
    }
    part
}

/// The triple patterns of a group one by one: they need not be connected.
fn triples_apart(pattern: GraphPattern) -> Vec<GraphPattern> {
    match pattern {
        GraphPattern::Bgp { patterns } => (patterns.into_iter())
            .map(|triple| GraphPattern::Bgp {
                patterns: vec![triple],
            })
            .collect(),
        other => vec![other],
    }
}

/// The join of `parts`, with all triple patterns in one group.
fn triples_together(parts: Vec<GraphPattern>) -> GraphPattern {
    let mut triples = Vec::new();
    let mut others = Vec::new();
    for part in parts {
        match part {
            GraphPattern::Bgp { patterns } => triples.extend(patterns),
            other => others.push(other),
        }
    }
    let triples = GraphPattern::Bgp { patterns: triples };
    algebra::join(algebra::join_all(others), triples)
}
