//! GRAPH with a variable: each graph is evaluated for itself (SPARQL 1.1, sections 13.3 and 18.6), and the
//! name joins what that gives.
//!
//! oxigraph binds the graph's name where triples are read. What reads none, then has no name; a sub-SELECT
//! hides it as it hides any variable that it does not project, so that what was read from one graph meets
//! what was read from another; and a MINUS takes it for a variable that both of its sides have. So the
//! name is projected; where that does not keep the graphs apart, the group is evaluated once for each
//! name; and what a MINUS compares is written out.

use super::minus::{Extent, compatible, write_out};
use super::names::Names;
use crate::sparql::algebra;
use crate::sparql::algebra::variables::{self, Binding, bound_variables};
use crate::sparql::algebra::walk::{self, map_children};
use oxrdf::Variable;
use spargebra::algebra::GraphPattern;
use spargebra::term::NamedNodePattern;
use std::collections::HashMap;
use std::convert::Infallible;

/// Makes every GRAPH with a variable in `pattern` keep the graphs apart. Variables that a sub-SELECT keeps
/// to itself, and those of expressions that nothing in their group binds, must have names of their own.
pub(super) fn keep_apart(pattern: GraphPattern, names: &mut Names) -> GraphPattern {
    let Ok(pattern) = map_children(pattern, &mut |child| {
        Ok::<_, Infallible>(keep_apart(child, names))
    });
    let GraphPattern::Graph {
        name: NamedNodePattern::Variable(graph),
        inner,
    } = pattern
    else {
        return pattern;
    };
    if joins(&inner, &graph) {
        return each_graph(*inner, graph, names);
    }
    // What is inside may not see the name: it meets it in a join, once it is evaluated.
    let inside = names.fresh(names.written(&graph));
    let inner = variables::rename(*inner, &HashMap::from([(graph.clone(), inside.clone())]));
    let mut visible = bound_variables(&inner, Binding::Possible);
    visible.remove(&inside);
    visible.insert(graph.clone());
    let mut visible: Vec<Variable> = visible.into_iter().collect();
    visible.sort_unstable();
    GraphPattern::Project {
        inner: Box::new(GraphPattern::Filter {
            expr: compatible(&inside, &graph),
            inner: Box::new(each_graph(inner, graph, names)),
        }),
        variables: visible,
    }
}

/// `GRAPH ?graph { inner }`, whose inside does not see the name.
fn each_graph(inner: GraphPattern, graph: Variable, names: &mut Names) -> GraphPattern {
    let inner = write_out(inner, names, Extent::Graph);
    let stays_apart = binds_name(&inner) && keeps_names(&inner);
    let each = GraphPattern::Graph {
        name: graph.clone().into(),
        inner: Box::new(project(inner, &graph)),
    };
    if stays_apart {
        return each;
    }
    GraphPattern::Lateral {
        left: Box::new(self::names(&graph)),
        right: Box::new(each),
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

/// Whether `pattern` has the same solutions with `graph` bound beforehand as it has with `graph` joined
/// afterwards.
fn joins(pattern: &GraphPattern, graph: &Variable) -> bool {
    use GraphPattern as P;
    let binds = |pattern| bound_variables(pattern, Binding::Certain).contains(graph);
    let reads = (walk::expressions(pattern).into_iter())
        .any(|expression| variables::expression_variables(expression).contains(graph));
    match pattern {
        P::Bgp { .. } | P::Path { .. } | P::Values { .. } | P::Graph { .. } => true,
        P::Join { left, right } | P::Union { left, right } => {
            joins(left, graph) && joins(right, graph)
        }
        P::Filter { inner, .. } => joins(inner, graph) && (!reads || binds(inner)),
        P::Project { inner, .. } | P::Reduced { inner } => joins(inner, graph),
        _ => !variables::all_variables(pattern).contains(graph),
    }
}

/// Whether every solution of `pattern` comes with a triple of the active graph.
pub(super) fn reads_graph(pattern: &GraphPattern) -> bool {
    comes_with(pattern, &|_| false)
}

/// Whether every solution of `pattern` comes with the name of the active graph.
fn binds_name(pattern: &GraphPattern) -> bool {
    // A group without triples is evaluated for each name.
    comes_with(pattern, &algebra::is_unit)
}

/// Whether every solution of `pattern` comes with a triple of the active graph, or is one of a node that
/// `counts` as well.
fn comes_with(pattern: &GraphPattern, counts: &dyn Fn(&GraphPattern) -> bool) -> bool {
    if counts(pattern) {
        return true;
    }
    let comes = |pattern| comes_with(pattern, counts);
    match pattern {
        GraphPattern::Bgp { patterns } => !patterns.is_empty(),
        GraphPattern::Path { .. } => true,
        GraphPattern::Join { left, right } | GraphPattern::Lateral { left, right } => {
            comes(left) || comes(right)
        }
        GraphPattern::Union { left, right } => comes(left) && comes(right),
        GraphPattern::LeftJoin { left: inner, .. }
        | GraphPattern::Minus { left: inner, .. }
        | GraphPattern::Filter { inner, .. }
        | GraphPattern::Extend { inner, .. }
        | GraphPattern::OrderBy { inner, .. }
        | GraphPattern::Project { inner, .. }
        | GraphPattern::Distinct { inner }
        | GraphPattern::Reduced { inner }
        | GraphPattern::Slice { inner, .. } => comes(inner),
        // A table or another graph does not read it.
        GraphPattern::Group { .. }
        | GraphPattern::Graph { .. }
        | GraphPattern::Values { .. }
        | GraphPattern::Service { .. } => false,
    }
}

/// Whether what `pattern` has of one graph does not depend on what it has of others: nothing takes the
/// solutions of all graphs together, or looks beside one without knowing its graph.
fn keeps_names(pattern: &GraphPattern) -> bool {
    let looks_beside = match pattern {
        GraphPattern::Graph { .. } => return true,
        GraphPattern::Slice { .. } | GraphPattern::Group { .. } => return false,
        GraphPattern::LeftJoin { left: inner, .. }
        | GraphPattern::Minus { left: inner, .. }
        | GraphPattern::Distinct { inner } => Some(inner),
        GraphPattern::Filter { inner, .. } | GraphPattern::Extend { inner, .. } => {
            Some(inner).filter(|_| !walk::exists_patterns(pattern).is_empty())
        }
        _ => None,
    };
    looks_beside.is_none_or(|inner| binds_name(inner)) && walk::below(pattern).all(keeps_names)
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
