//! Queries in the shape that oxigraph's optimizer takes least time for, and those that it is not given.

use crate::sparql::algebra;
use crate::sparql::algebra::walk::{self, map_children};
use oxrdf::Variable;
use spargebra::algebra::GraphPattern;
use spargebra::term::GroundTerm;
use std::convert::Infallible;

/// Most patterns in one join whose order the optimizer may choose.
///
/// Its time grows with the fourth power of their number, and it cannot be interrupted: 100 patterns
/// take a second, 200 take 20 (oxigraph 0.5.13). Longer joins are evaluated in the order written.
const MAX_OPTIMIZED_JOIN: usize = 40;

/// Most OPTIONALs in a row that the optimizer is given: its time grows with their cube.
const MAX_OPTIMIZED_OPTIONALS: usize = 100;

/// Whether the optimizer can be let loose on a pattern.
pub(in crate::sparql) fn is_optimizable(pattern: &GraphPattern) -> bool {
    let mut longest_join = 0;
    let mut n_optionals = 0;
    walk::visit(pattern, &mut |node| {
        longest_join = longest_join.max(join_length(node));
        n_optionals += usize::from(matches!(node, GraphPattern::LeftJoin { .. }));
    });
    longest_join <= MAX_OPTIMIZED_JOIN && n_optionals <= MAX_OPTIMIZED_OPTIONALS
}

/// Number of patterns that are joined at this node, or one more than allowed.
fn join_length(pattern: &GraphPattern) -> usize {
    let mut length = 0;
    let mut open = vec![pattern];
    while let Some(pattern) = open.pop() {
        match pattern {
            GraphPattern::Join { left, right } => open.extend([&**left, &**right]),
            GraphPattern::Filter { inner, .. } | GraphPattern::Graph { inner, .. } => {
                open.push(inner);
            }
            GraphPattern::Bgp { patterns } => length += patterns.len(),
            _ => length += 1,
        }
        if length > MAX_OPTIMIZED_JOIN {
            return length;
        }
    }
    length
}

/// Gives a query with tables a shape that oxigraph takes less time for, without changing its answer.
///
/// Its optimizer hashes every branch of a UNION, rows included, at every UNION around it, so these are
/// made shallow. Of inline data with many rows see [`hashed`].
pub(in crate::sparql) fn ease(pattern: GraphPattern) -> GraphPattern {
    match pattern {
        GraphPattern::Union { .. } => algebra::union_all(
            algebra::into_branches(pattern)
                .into_iter()
                .map(ease)
                .collect(),
        ),
        GraphPattern::Project { ref inner, .. }
            if matches!(**inner, GraphPattern::Values { .. }) =>
        {
            pattern
        }
        // UNDEF matches any value, which hashing cannot find.
        GraphPattern::Values {
            variables,
            bindings,
        } if bindings.len() > FEW_ROWS && bindings.iter().flatten().all(Option::is_some) => {
            hashed(variables, bindings)
        }
        other => {
            let Ok(pattern) = map_children(other, &mut |child| Ok::<_, Infallible>(ease(child)));
            pattern
        }
    }
}

/// Inline data of up to so many rows is joined by going through it.
const FEW_ROWS: usize = 16;

/// Inline data behind a projection, which changes nothing but the plan: oxigraph joins bare VALUES by
/// going through all its rows for every row of the other side, and anything else by hashing.
pub(in crate::sparql) fn hashed(
    variables: Vec<Variable>,
    bindings: Vec<Vec<Option<GroundTerm>>>,
) -> GraphPattern {
    GraphPattern::Project {
        inner: Box::new(GraphPattern::Values {
            variables: variables.clone(),
            bindings,
        }),
        variables,
    }
}
