//! GRAPH with a variable around sub-SELECTs: each graph is evaluated for itself (SPARQL 1.1, sections 13.3
//! and 18.6).
//!
//! oxigraph binds the graph's name where triples are read, and a sub-SELECT hides it as it hides any variable
//! that it does not project: what was read from one graph then meets what was read from another. So the name
//! is projected; and where a LIMIT or an aggregate would still take the rows of all graphs together, the
//! group is evaluated once for each name.

use super::algebra::{self, map_children};
use oxrdf::Variable;
use spargebra::algebra::GraphPattern;
use spargebra::term::NamedNodePattern;
use std::convert::Infallible;

/// Makes every GRAPH with a variable in `pattern` keep the graphs of its sub-SELECTs apart. Variables that a
/// sub-SELECT keeps to itself must have names of their own.
pub(super) fn keep_apart(pattern: GraphPattern) -> GraphPattern {
    let Ok(pattern) = map_children(pattern, &mut |child| Ok::<_, Infallible>(keep_apart(child)));
    let GraphPattern::Graph {
        name: NamedNodePattern::Variable(graph),
        inner,
    } = pattern
    else {
        return pattern;
    };
    let reads_together = takes_rows_together(&inner);
    let each = GraphPattern::Graph {
        name: graph.clone().into(),
        inner: Box::new(project(*inner, &graph)),
    };
    if reads_together {
        GraphPattern::Lateral {
            left: Box::new(names(&graph)),
            right: Box::new(each),
        }
    } else {
        each
    }
}

/// The names of the named graphs.
pub(super) fn names(graph: &Variable) -> GraphPattern {
    GraphPattern::Graph {
        name: graph.clone().into(),
        inner: Box::new(algebra::unit()),
    }
}

/// The variable of `left`, if `left` and `right` are the two sides of what [`keep_apart`] makes: the names of
/// the graphs, and a group that is evaluated for each.
pub(super) fn evaluated_for_each<'a>(
    left: &'a GraphPattern,
    right: &GraphPattern,
) -> Option<&'a Variable> {
    match (left, right) {
        (
            GraphPattern::Graph {
                name: NamedNodePattern::Variable(graph),
                inner,
            },
            GraphPattern::Graph {
                name: NamedNodePattern::Variable(same),
                ..
            },
        ) if graph == same && algebra::is_unit(inner) => Some(graph),
        _ => None,
    }
}

/// Whether `pattern` has a node, in the same graph, whose rows depend on those that other graphs have.
fn takes_rows_together(pattern: &GraphPattern) -> bool {
    match pattern {
        GraphPattern::Graph { .. } => false,
        GraphPattern::Slice { .. } | GraphPattern::Group { .. } => true,
        _ => {
            let exists = algebra::exists_patterns(pattern);
            let mut below = algebra::children(pattern).into_iter().chain(exists);
            below.any(takes_rows_together)
        }
    }
}

/// Adds `graph` to what the sub-SELECTs in the same graph project.
fn project(pattern: GraphPattern, graph: &Variable) -> GraphPattern {
    if matches!(pattern, GraphPattern::Graph { .. }) {
        return pattern;
    }
    let Ok(mut pattern) = map_children(pattern, &mut |child| {
        Ok::<_, Infallible>(project(child, graph))
    });
    if let GraphPattern::Project { variables, .. } = &mut pattern
        && !variables.contains(graph)
    {
        variables.push(graph.clone());
    }
    pattern
}
