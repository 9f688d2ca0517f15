//! Queries in the shape that oxigraph's optimizer takes least time for, and those that it is not given.

use crate::sparql::algebra;
use crate::sparql::algebra::variables::{self, Binding, bound_variables};
use crate::sparql::algebra::walk::{self, map_exists, map_inner};
use oxrdf::Variable;
use spargebra::algebra::{Expression, GraphPattern};
use spargebra::term::{GroundTerm, NamedNodePattern};
use std::collections::HashSet;
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

/// Gives a query with tables a shape that oxigraph takes less time for, without changing its answer, and one that
/// its optimizer does not change the answer of.
///
/// The optimizer hashes every branch of a UNION, rows included, at every UNION around it, so these are made
/// shallow. Of inline data with many rows see [`hashed`], of OPTIONAL [`for_itself`].
pub(in crate::sparql) fn ease(pattern: GraphPattern) -> GraphPattern {
    eased(pattern, false, None)
}

/// [`ease`] of what is `joined`, by itself or as a branch, with other groups, and stands in the `graph` of this name.
fn eased(pattern: GraphPattern, joined: bool, graph: Option<&Variable>) -> GraphPattern {
    use GraphPattern as P;
    let joined = match &pattern {
        P::Join { .. } => true,
        P::Project { .. } | P::Group { .. } => false,
        _ => joined,
    };
    let Ok(pattern) = map_exists(pattern, &mut |inside| {
        Ok::<_, Infallible>(eased(inside, false, graph))
    });
    match pattern {
        P::Union { .. } => algebra::union_all(
            algebra::into_branches(pattern)
                .into_iter()
                .map(|branch| eased(branch, joined, graph))
                .collect(),
        ),
        P::LeftJoin {
            left,
            right,
            expression,
        } => {
            let pattern = P::LeftJoin {
                left: Box::new(eased(*left, joined, graph)),
                right: Box::new(eased(*right, true, graph)),
                expression,
            };
            if joined {
                for_itself(pattern, graph)
            } else {
                pattern
            }
        }
        P::Graph { name, inner } => {
            let inner = match &name {
                NamedNodePattern::Variable(graph) => eased(*inner, joined, Some(graph)),
                NamedNodePattern::NamedNode(_) => eased(*inner, joined, None),
            };
            P::Graph {
                name,
                inner: Box::new(inner),
            }
        }
        P::Project { ref inner, .. } if matches!(**inner, P::Values { .. }) => pattern,
        // UNDEF matches any value, which hashing cannot find.
        P::Values {
            variables,
            bindings,
        } if bindings.len() > FEW_ROWS && bindings.iter().flatten().all(Option::is_some) => {
            hashed(variables, bindings)
        }
        other => {
            let Ok(pattern) = map_inner(other, &mut |child| {
                Ok::<_, Infallible>(eased(child, joined, graph))
            });
            pattern
        }
    }
}

/// Puts a projection that hides nothing around an OPTIONAL that must not be evaluated with the values of what it
/// is joined with. The optimizer does that, in sparopt 0.3.9, wherever the left side of the OPTIONAL allows it,
/// and does not look into the right side: a MINUS there then compares variables that it does not have.
fn for_itself(pattern: GraphPattern, graph: Option<&Variable>) -> GraphPattern {
    match &pattern {
        GraphPattern::LeftJoin { left, right, .. }
            if !joins_values(right, &variables::all_variables(left)) =>
        {
            // Expressions may read what an EXISTS or a LATERAL brings in, and triples are read from the graph.
            let mut variables = variables::all_variables(&pattern);
            variables.extend(graph.cloned());
            let mut variables: Vec<Variable> = variables.into_iter().collect();
            variables.sort_unstable();
            GraphPattern::Project {
                inner: Box::new(pattern),
                variables,
            }
        }
        _ => pattern,
    }
}

/// Whether `pattern` has the same solutions with values bound beforehand as it has joined with them afterwards, if those
/// are values of variables that are `beside` it; others the optimizer sees itself. (Paths that match without a triple count
/// as if they needed one, as they do there.)
fn joins_values(pattern: &GraphPattern, beside: &HashSet<Variable>) -> bool {
    use GraphPattern as P;
    let with = |other: &GraphPattern| {
        let mut all = variables::all_variables(other);
        all.extend(beside.iter().cloned());
        all
    };
    let reads_certain = |expression: &Expression, inner: &[&GraphPattern]| {
        (variables::expression_variables(expression).iter()).all(|read| {
            (inner.iter()).any(|inner| bound_variables(inner, Binding::Certain).contains(read))
        })
    };
    if !walk::exists_patterns(pattern).is_empty() {
        return false;
    }
    match pattern {
        P::Bgp { .. } | P::Path { .. } | P::Values { .. } => true,
        P::Graph { inner, .. } => joins_values(inner, beside),
        P::Join { left, right } => {
            joins_values(left, &with(right)) && joins_values(right, &with(left))
        }
        P::Union { left, right } => joins_values(left, beside) && joins_values(right, beside),
        P::Filter { expr, inner } => joins_values(inner, beside) && reads_certain(expr, &[inner]),
        P::LeftJoin {
            left,
            right,
            expression,
        } => {
            let certain = bound_variables(left, Binding::Certain);
            let mut optional = bound_variables(right, Binding::Possible);
            optional.retain(|variable| !certain.contains(variable));
            optional.is_disjoint(beside)
                && joins_values(left, &with(right))
                && joins_values(right, &with(left))
                && (expression.iter()).all(|e| reads_certain(e, &[left, right]))
        }
        P::Extend {
            inner,
            variable,
            expression,
        } => {
            !beside.contains(variable)
                && joins_values(inner, beside)
                && reads_certain(expression, &[inner])
        }
        // That of `hashed`.
        P::Project { inner, .. } => matches!(**inner, P::Values { .. }),
        _ => false,
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
