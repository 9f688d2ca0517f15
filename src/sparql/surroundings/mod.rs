//! What the rest of a query says of a request: the patterns that are joined with its place, weakened to what is
//! known without the requests that are still open.
//!
//! The answers here are *supersets*: every value that a variable has in a solution is among them. The
//! join with the relation makes the result exact again; what is too much costs time only.

pub(super) mod candidates;
pub(super) mod inputs;
pub(super) mod known;
pub(super) mod parts;
pub(super) mod way;
pub(super) mod weaken;

use crate::sparql::algebra::variables::{Binding, bound_variables};
use crate::sparql::algebra::{self, filters, unit};
use known::Known;
use oxrdf::Variable;
use parts::Parts;
use spargebra::algebra::GraphPattern;
use spargebra::term::GroundTerm;
use std::collections::HashSet;
use way::Step;
use weaken::{Weakening, weaken};

/// A pattern that binds those of the `wanted` variables which the surroundings of `fragment` bind;
/// placeholders stand for the tables in it.
pub(super) fn binding(
    known: &Known<'_>,
    fragment: usize,
    wanted: &HashSet<Variable>,
) -> GraphPattern {
    let apart = binding_apart(known, fragment, wanted);
    let is_bound =
        |pattern: &GraphPattern| wanted.is_subset(&bound_variables(pattern, Binding::Possible));
    if is_bound(&apart) {
        return apart;
    }
    let together = binding_together(known, fragment, wanted);
    if is_bound(&together) { together } else { apart }
}

/// [`binding`] without what is computed from the values that a LATERAL or EXISTS is evaluated with.
fn binding_apart(known: &Known<'_>, fragment: usize, wanted: &HashSet<Variable>) -> GraphPattern {
    let mut surroundings = Parts::for_all(wanted);
    for (step, around) in known.way_up_with_values(fragment) {
        if let Step::Beside(pattern) | Step::Before(pattern) | Step::Around(pattern) = step
            && !surroundings.are_enough()
        {
            surroundings.add(weaken(known, pattern, &around));
        }
        match step {
            Step::Beside(_) => {}
            Step::Before(_) | Step::Around(_) => surroundings.enough = Binding::Possible,
            Step::Through(node) => surroundings.pass(node),
        }
    }
    surroundings.connected()
}

/// [`binding`] with what is computed from such values, once for each set of them: for
/// `?work ex:title ?t BIND(CONCAT("a ", ?t) AS ?text)`, say, where `?text` is wanted. Down the way to the request everything
/// is made weaker, `unknown` being the variables whose values were lost further up; then, from the request up, the parts are
/// joined, each LATERAL around those inside it.
fn binding_together(
    known: &Known<'_>,
    fragment: usize,
    wanted: &HashSet<Variable>,
) -> GraphPattern {
    let mut unknown = HashSet::new();
    let mut weaker = Vec::new();
    for step in known.way_up(fragment).into_iter().rev() {
        let around = unknown.clone();
        let pattern = match step {
            Step::Beside(pattern) | Step::Before(pattern) => weaken(known, pattern, &around),
            Step::Around(pattern) => {
                let mut weakening = Weakening::of(known, &around);
                weakening.lost = std::mem::take(&mut unknown);
                let weaker = weakening.pattern(pattern);
                unknown = weakening.lost;
                weaker
            }
            Step::Through(_) => unit(),
        };
        weaker.push((step, pattern));
    }
    let surroundings = || Parts::for_all(wanted);
    let mut inside = surroundings();
    for (step, pattern) in weaker.into_iter().rev() {
        match step {
            Step::Beside(_) | Step::Before(_) => inside.add(pattern),
            Step::Around(_) => {
                let mut outside = surroundings();
                outside.add(match inside.connected() {
                    right if algebra::is_unit(&right) => pattern,
                    right => GraphPattern::Lateral {
                        left: Box::new(pattern),
                        right: Box::new(right),
                    },
                });
                inside = outside;
            }
            Step::Through(node) => inside.pass(node),
        }
    }
    inside.connected()
}

/// Whether the rows of `fragment` are joined with the rest of the query as they are: nothing on the way
/// up is done only without them, in their number or their order.
pub(super) fn is_plainly_joined(known: &Known<'_>, fragment: usize) -> bool {
    use GraphPattern as P;
    known.way_up(fragment).iter().all(|step| match step {
        Step::Beside(_) => true,
        Step::Before(_) | Step::Around(_) => false,
        Step::Through(node) => matches!(
            node,
            P::Filter { .. }
                | P::Extend { .. }
                | P::Graph { .. }
                | P::Project { .. }
                | P::Distinct { .. }
                | P::Reduced { .. }
                | P::OrderBy { .. }
        ),
    })
}

/// The terms that inline data around `fragment` restricts `variable` to: VALUES without UNDEF, or
/// a FILTER that names constants. `None` if there is no such restriction.
pub(super) fn named_constants(
    known: &Known<'_>,
    fragment: usize,
    variable: &Variable,
) -> Option<HashSet<GroundTerm>> {
    let mut found = Vec::new();
    for step in known.way_up(fragment) {
        match step {
            Step::Beside(pattern) => inline_columns(pattern, variable, &mut found),
            // Further out a restriction is one on the rows that are left when no hit matches, too.
            Step::Before(pattern) | Step::Around(pattern) => {
                inline_columns(pattern, variable, &mut found);
                break;
            }
            Step::Through(GraphPattern::Filter { expr, .. }) => {
                found.extend(filters::constants_of(expr, variable).map(HashSet::from_iter));
            }
            // Fewer images below would change which rows are kept or counted.
            Step::Through(GraphPattern::Slice { .. } | GraphPattern::Group { .. }) => break,
            Step::Through(_) => {}
        }
    }
    found.into_iter().min_by_key(HashSet::len)
}

/// A pattern whose solutions bind `variable` to every image that `fragment` can have in a solution of
/// the query; placeholders stand for the tables in it. `None` if nothing restricts it.
pub(super) fn restricting(
    known: &Known<'_>,
    fragment: usize,
    variable: &Variable,
) -> Option<GraphPattern> {
    let wanted = HashSet::from([variable.clone()]);
    let mut surroundings = Parts::for_all(&wanted);
    let mut is_open = true;
    for (step, around) in known.way_up_with_values(fragment) {
        match step {
            // What was found inside a GRAPH is read from there, however far out that is.
            Step::Through(node @ GraphPattern::Graph { .. }) => surroundings.pass(node),
            _ if !is_open => {}
            Step::Beside(pattern) => {
                surroundings.add(weaken(known, pattern, &around));
            }
            Step::Before(pattern) | Step::Around(pattern) => {
                surroundings.add(weaken(known, pattern, &around));
                is_open = false;
            }
            Step::Through(GraphPattern::Slice { .. } | GraphPattern::Group { .. }) => {
                is_open = false;
            }
            Step::Through(node) => surroundings.pass(node),
        }
    }
    let pattern = surroundings.connected();
    bound_variables(&pattern, Binding::Certain)
        .contains(variable)
        .then_some(pattern)
}

/// The lowest value of `score` that the FILTERs around `fragment` let through, if they compare it
/// with a number. A little less, for the sake of rounding: the FILTER itself stays.
pub(super) fn score_floor(known: &Known<'_>, fragment: usize, score: &Variable) -> Option<f64> {
    let mut floor = None;
    for step in known.way_up(fragment) {
        match step {
            Step::Before(_)
            | Step::Around(_)
            | Step::Through(GraphPattern::Slice { .. } | GraphPattern::Group { .. }) => break,
            Step::Through(GraphPattern::Filter { expr, .. }) => {
                let least = filters::lower_bound(expr, score).map(|n| n - ROUNDING);
                floor = least.into_iter().chain(floor).reduce(f64::max);
            }
            Step::Beside(_) | Step::Through(_) => {}
        }
    }
    floor
}

/// Scores are single-precision numbers in [-1, 1]: no comparison with one is off by more.
const ROUNDING: f64 = 1e-6;

/// Adds the terms of each column for `variable` in inline data that every row of `pattern` comes with, if
/// the column has no gaps.
fn inline_columns(
    pattern: &GraphPattern,
    variable: &Variable,
    found: &mut Vec<HashSet<GroundTerm>>,
) {
    match pattern {
        GraphPattern::Values {
            variables,
            bindings,
        } => {
            if let Some(column) = variables.iter().position(|v| v == variable) {
                let terms = bindings.iter().map(|row| row[column].clone());
                found.extend(terms.collect::<Option<HashSet<_>>>());
            }
        }
        GraphPattern::Join { left, right } => {
            inline_columns(left, variable, found);
            inline_columns(right, variable, found);
        }
        GraphPattern::LeftJoin { left: inner, .. }
        | GraphPattern::Minus { left: inner, .. }
        | GraphPattern::Filter { inner, .. }
        | GraphPattern::Graph { inner, .. } => inline_columns(inner, variable, found),
        _ => {}
    }
}
