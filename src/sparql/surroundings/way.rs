//! The way from a request to the root of its query.

use crate::sparql::algebra::walk;
use crate::sparql::request::placeholder::placeholder_index;
use spargebra::algebra::GraphPattern;

/// A step on the way from a fragment to the root of the query.
pub(super) enum Step<'a> {
    /// A pattern that is joined with what is below.
    Beside(&'a GraphPattern),
    /// The left side of an OPTIONAL or MINUS whose right side is below. What is below and meets none of its
    /// rows changes nothing.
    Before(&'a GraphPattern),
    /// The group that an EXISTS below tests, or the left side of a LATERAL: as [`Self::Before`], and what is
    /// below is evaluated with its values.
    Around(&'a GraphPattern),
    /// A node with what is below as its child.
    Through(&'a GraphPattern),
}

/// Whether `fragment` is below `pattern`; the steps from there up are added to `steps`.
pub(super) fn ascend<'a>(
    pattern: &'a GraphPattern,
    fragment: usize,
    steps: &mut Vec<Step<'a>>,
) -> bool {
    if let Some(index) = placeholder_index(pattern) {
        return index == fragment;
    }
    let step = match pattern {
        GraphPattern::Join { left, right } => {
            if ascend(left, fragment, steps) {
                Step::Beside(right)
            } else if ascend(right, fragment, steps) {
                Step::Beside(left)
            } else {
                return false;
            }
        }
        GraphPattern::LeftJoin { left, right, .. }
        | GraphPattern::Minus { left, right }
        | GraphPattern::Lateral { left, right } => {
            if ascend(left, fragment, steps) {
                return true;
            }
            if ascend(right, fragment, steps) {
                steps.push(match pattern {
                    GraphPattern::Lateral { .. } => Step::Around(left),
                    _ => Step::Before(left),
                });
                return true;
            }
            return is_in_exists(pattern, fragment, steps);
        }
        _ => {
            if walk::children(pattern)
                .into_iter()
                .any(|child| ascend(child, fragment, steps))
            {
                Step::Through(pattern)
            } else {
                return is_in_exists(pattern, fragment, steps);
            }
        }
    };
    steps.push(step);
    true
}

/// Whether `fragment` is in an EXISTS of the node itself.
fn is_in_exists<'a>(pattern: &'a GraphPattern, fragment: usize, steps: &mut Vec<Step<'a>>) -> bool {
    let is_inside = walk::exists_patterns(pattern)
        .into_iter()
        .any(|inside| ascend(inside, fragment, steps));
    if is_inside {
        steps.extend(walk::children(pattern).into_iter().map(Step::Around));
    }
    is_inside
}
