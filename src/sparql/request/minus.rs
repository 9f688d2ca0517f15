//! MINUS where values come in from outside: inside EXISTS, LATERAL and GRAPH with a variable.
//!
//! A MINUS takes away nothing where its sides share no variable (SPARQL 1.1, section 18.5). oxigraph evaluates
//! those groups with the values of what stands before them, and counts these as variables of both sides. So what
//! the sides compare is written out.

use super::names::Names;
use crate::sparql::algebra::variables::{self, Binding, bound_variables};
use crate::sparql::algebra::walk::{self, map_children, map_exists, map_inner};
use oxrdf::{Literal, Variable};
use spargebra::algebra::{Expression, GraphPattern};
use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;

/// Writes out each MINUS of `pattern` that is inside an EXISTS or to the right of a LATERAL. Variables that a
/// sub-SELECT keeps to itself, and those of expressions that nothing in their group binds, must have names of
/// their own.
pub(super) fn write_out_where_values_come_in(
    pattern: GraphPattern,
    names: &mut Names,
) -> GraphPattern {
    if let GraphPattern::Lateral { left, right } = pattern {
        return GraphPattern::Lateral {
            left: Box::new(write_out_where_values_come_in(*left, names)),
            right: Box::new(write_out(*right, names, Extent::All)),
        };
    }
    let Ok(pattern) = map_inner(pattern, &mut |child| {
        Ok::<_, Infallible>(write_out_where_values_come_in(child, names))
    });
    let Ok(pattern) = map_exists(pattern, &mut |inside| {
        Ok::<_, Infallible>(write_out(inside, names, Extent::All))
    });
    pattern
}

/// How far [`write_out`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What is evaluated in the same graph.
    Graph,
    All,
}

/// Compares in each MINUS of `pattern` what its sides have of their own, where they may share nothing but what
/// comes in from outside.
pub(super) fn write_out(pattern: GraphPattern, names: &mut Names, extent: Extent) -> GraphPattern {
    if extent == Extent::Graph && matches!(pattern, GraphPattern::Graph { .. }) {
        return pattern;
    }
    let Ok(pattern) = map_children(pattern, &mut |child| {
        Ok::<_, Infallible>(write_out(child, names, extent))
    });
    let GraphPattern::Minus { left, right } = pattern else {
        return pattern;
    };
    let shared = |binding| -> HashSet<Variable> {
        let other = bound_variables(&right, binding);
        let mut shared = bound_variables(&left, binding);
        shared.retain(|variable| other.contains(variable));
        shared
    };
    let certain = shared(Binding::Certain);
    if (certain.iter())
        .any(|variable| !is_computed(&left, variable) && !is_computed(&right, variable))
    {
        return GraphPattern::Minus { left, right };
    }
    // What the right side names and does not bind, another MINUS in it compares, and has nothing to do with the left.
    let on_the_left = bound_variables(&left, Binding::Possible);
    let named = variables::all_variables(&right).into_iter();
    let renamed = names.fresh_for(named.filter(|named| on_the_left.contains(named)).collect());
    let bound = shared(Binding::Possible);
    let pairs = renamed
        .iter()
        .filter(|(variable, _)| bound.contains(variable));
    let inside = GraphPattern::Filter {
        expr: takes_away(&pairs.collect()),
        inner: Box::new(variables::rename(*right, &renamed)),
    };
    GraphPattern::Filter {
        expr: Expression::Not(Expression::Exists(Box::new(inside)).into()),
        inner: left,
    }
}

/// Whether a BIND or an aggregate in `pattern` computes `variable`, which leaves it unbound where it fails.
fn is_computed(pattern: &GraphPattern, variable: &Variable) -> bool {
    walk::any(pattern, &|node| match node {
        GraphPattern::Extend { variable: own, .. } => own == variable,
        GraphPattern::Group { aggregates, .. } => aggregates.iter().any(|(own, _)| own == variable),
        _ => false,
    })
}

/// Whether two solutions share a value and have no different ones, in `pairs` of variables.
fn takes_away(pairs: &BTreeMap<&Variable, &Variable>) -> Expression {
    let share = (pairs.iter())
        .map(|(&a, &b)| and(Expression::Bound(a.clone()), Expression::Bound(b.clone())))
        .reduce(|a, b| Expression::Or(a.into(), b.into()));
    (pairs.iter())
        .map(|(&left, &right)| {
            let unbound = Expression::Not(Expression::Bound(left.clone()).into());
            Expression::Or(unbound.into(), compatible(right, left).into())
        })
        .fold(
            share.unwrap_or_else(|| Expression::Literal(Literal::from(false))),
            and,
        )
}

/// `variable` is unbound, or the same as `other`.
pub(super) fn compatible(variable: &Variable, other: &Variable) -> Expression {
    let same = Expression::SameTerm(
        Expression::Variable(variable.clone()).into(),
        Expression::Variable(other.clone()).into(),
    );
    let unbound = Expression::Not(Expression::Bound(variable.clone()).into());
    Expression::Or(unbound.into(), same.into())
}

fn and(a: Expression, b: Expression) -> Expression {
    Expression::And(a.into(), b.into())
}
