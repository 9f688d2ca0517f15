//! Which variables a pattern names and which it binds, and other names for them.

use super::walk::{expressions, map_inner, map_own_expressions, visit, visit_expression};
use oxrdf::Variable;
use spargebra::algebra::{Expression, GraphPattern};
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

/// The variable of a term pattern.
pub(in crate::sparql) fn variable_of(term: &TermPattern) -> Option<&Variable> {
    match term {
        TermPattern::Variable(variable) => Some(variable),
        TermPattern::NamedNode(_)
        | TermPattern::BlankNode(_)
        | TermPattern::Literal(_)
        | TermPattern::Triple(_) => None,
    }
}

/// The variables of a term pattern: itself, or those of a triple term.
fn variables_of_term(term: &TermPattern) -> Vec<Variable> {
    match term {
        TermPattern::Variable(variable) => vec![variable.clone()],
        TermPattern::Triple(triple) => variables_of_triple(triple),
        TermPattern::NamedNode(_) | TermPattern::BlankNode(_) | TermPattern::Literal(_) => {
            Vec::new()
        }
    }
}

fn variables_of_triple(triple: &TriplePattern) -> Vec<Variable> {
    let mut found = variables_of_term(&triple.subject);
    if let NamedNodePattern::Variable(predicate) = &triple.predicate {
        found.push(predicate.clone());
    }
    found.extend(variables_of_term(&triple.object));
    found
}

/// Rebuilds a triple pattern with `f` applied to its terms, those of triple terms included.
fn map_triple(
    triple: TriplePattern,
    term: &dyn Fn(TermPattern) -> TermPattern,
    name: &dyn Fn(NamedNodePattern) -> NamedNodePattern,
) -> TriplePattern {
    TriplePattern {
        subject: map_term(triple.subject, term, name),
        predicate: name(triple.predicate),
        object: map_term(triple.object, term, name),
    }
}

fn map_term(
    pattern: TermPattern,
    term: &dyn Fn(TermPattern) -> TermPattern,
    name: &dyn Fn(NamedNodePattern) -> NamedNodePattern,
) -> TermPattern {
    match pattern {
        TermPattern::Triple(triple) => {
            TermPattern::Triple(Box::new(map_triple(*triple, term, name)))
        }
        other => term(other),
    }
}

/// The variables of an expression, those inside EXISTS included.
pub(in crate::sparql) fn expression_variables(expression: &Expression) -> HashSet<Variable> {
    let mut found = HashSet::new();
    visit_expression(expression, &mut |e| match e {
        Expression::Variable(v) | Expression::Bound(v) => {
            found.insert(v.clone());
        }
        Expression::Exists(pattern) => found.extend(all_variables(pattern)),
        _ => {}
    });
    found
}

/// Every variable that is written anywhere in `pattern`.
pub(in crate::sparql) fn all_variables(pattern: &GraphPattern) -> HashSet<Variable> {
    let mut found = HashSet::new();
    visit(pattern, &mut |node| add_variables(node, &mut found));
    found
}

/// Adds the variables that a node names itself, without those of its children; what a SERVICE is asked is
/// part of it.
pub(in crate::sparql) fn add_variables(node: &GraphPattern, found: &mut HashSet<Variable>) {
    found.extend(own_variables(node));
    // Who visits all nodes enters EXISTS too; doing so here as well would double the work at every level.
    for expression in expressions(node) {
        visit_expression(expression, &mut |part| {
            if let Expression::Variable(v) | Expression::Bound(v) = part {
                found.insert(v.clone());
            }
        });
    }
    if let GraphPattern::Service { inner, .. } = node {
        found.extend(all_variables(inner));
    }
}

/// The variables that a node itself names outside its expressions.
fn own_variables(node: &GraphPattern) -> Vec<Variable> {
    match node {
        GraphPattern::Bgp { patterns } => patterns.iter().flat_map(variables_of_triple).collect(),
        GraphPattern::Path {
            subject, object, ..
        } => [subject, object]
            .into_iter()
            .flat_map(variables_of_term)
            .collect(),
        GraphPattern::Values { variables, .. } | GraphPattern::Project { variables, .. } => {
            variables.clone()
        }
        GraphPattern::Group {
            variables,
            aggregates,
            ..
        } => variables
            .iter()
            .cloned()
            .chain(aggregates.iter().map(|(v, _)| v.clone()))
            .collect(),
        GraphPattern::Graph {
            name: NamedNodePattern::Variable(v),
            ..
        }
        | GraphPattern::Service {
            name: NamedNodePattern::Variable(v),
            ..
        }
        | GraphPattern::Extend { variable: v, .. } => vec![v.clone()],
        GraphPattern::Graph { .. }
        | GraphPattern::Service { .. }
        | GraphPattern::Join { .. }
        | GraphPattern::Lateral { .. }
        | GraphPattern::LeftJoin { .. }
        | GraphPattern::Filter { .. }
        | GraphPattern::Union { .. }
        | GraphPattern::Minus { .. }
        | GraphPattern::OrderBy { .. }
        | GraphPattern::Distinct { .. }
        | GraphPattern::Reduced { .. }
        | GraphPattern::Slice { .. } => Vec::new(),
    }
}

/// Which of the in-scope variables to count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::sparql) enum Binding {
    /// Bound in every solution. A BIND counts although its expression may fail.
    Certain,
    /// Bound in some solution, perhaps.
    Possible,
}

/// The variables that `pattern` binds.
// Long, for there is an arm for each kind of node.
pub(in crate::sparql) fn bound_variables(
    pattern: &GraphPattern,
    binding: Binding,
) -> HashSet<Variable> {
    use GraphPattern as P;
    match pattern {
        P::Bgp { .. } | P::Path { .. } => own_variables(pattern).into_iter().collect(),
        P::Join { left, right } | P::Lateral { left, right } => {
            let mut found = bound_variables(left, binding);
            found.extend(bound_variables(right, binding));
            found
        }
        P::LeftJoin { left, right, .. } => {
            let mut found = bound_variables(left, binding);
            if binding == Binding::Possible {
                found.extend(bound_variables(right, binding));
            }
            found
        }
        P::Union { left, right } => {
            let mut found = bound_variables(left, binding);
            let other = bound_variables(right, binding);
            match binding {
                Binding::Certain => found.retain(|v| other.contains(v)),
                Binding::Possible => found.extend(other),
            }
            found
        }
        P::Minus { left, .. } => bound_variables(left, binding),
        P::Filter { inner, .. }
        | P::OrderBy { inner, .. }
        | P::Distinct { inner }
        | P::Reduced { inner }
        | P::Slice { inner, .. } => bound_variables(inner, binding),
        P::Graph { inner, .. } | P::Extend { inner, .. } | P::Service { inner, .. } => {
            let mut found = bound_variables(inner, binding);
            found.extend(own_variables(pattern));
            found
        }
        P::Values {
            variables,
            bindings,
        } => variables
            .iter()
            .enumerate()
            .filter(|(column, _)| {
                binding == Binding::Possible || bindings.iter().all(|row| row[*column].is_some())
            })
            .map(|(_, v)| v.clone())
            .collect(),
        P::Project { inner, variables } => {
            let mut found = bound_variables(inner, binding);
            found.retain(|v| variables.contains(v));
            found
        }
        P::Group {
            inner,
            variables,
            aggregates,
        } => {
            let mut found = bound_variables(inner, binding);
            found.retain(|v| variables.contains(v));
            found.extend(aggregates.iter().map(|(v, _)| v.clone()));
            found
        }
    }
}

/// Replaces variables everywhere in `pattern`, SERVICE included.
// Long, for there is an arm for each kind of node.
pub(in crate::sparql) fn rename(
    pattern: GraphPattern,
    names: &HashMap<Variable, Variable>,
) -> GraphPattern {
    if names.is_empty() {
        return pattern;
    }
    let new = |v: Variable| names.get(&v).cloned().unwrap_or(v);
    let new_term = |t: TermPattern| match t {
        TermPattern::Variable(v) => TermPattern::Variable(new(v)),
        other => other,
    };
    let new_name = |n: NamedNodePattern| match n {
        NamedNodePattern::Variable(v) => NamedNodePattern::Variable(new(v)),
        named @ NamedNodePattern::NamedNode(_) => named,
    };
    let new_all = |vs: Vec<Variable>| vs.into_iter().map(new).collect::<Vec<_>>();
    let renamed = match pattern {
        GraphPattern::Bgp { patterns } => GraphPattern::Bgp {
            patterns: (patterns.into_iter())
                .map(|triple| map_triple(triple, &new_term, &new_name))
                .collect(),
        },
        GraphPattern::Path {
            subject,
            path,
            object,
        } => GraphPattern::Path {
            subject: map_term(subject, &new_term, &new_name),
            path,
            object: map_term(object, &new_term, &new_name),
        },
        GraphPattern::Values {
            variables,
            bindings,
        } => GraphPattern::Values {
            variables: new_all(variables),
            bindings,
        },
        GraphPattern::Project { inner, variables } => GraphPattern::Project {
            inner,
            variables: new_all(variables),
        },
        GraphPattern::Group {
            inner,
            variables,
            aggregates,
        } => GraphPattern::Group {
            inner,
            variables: new_all(variables),
            aggregates: aggregates.into_iter().map(|(v, a)| (new(v), a)).collect(),
        },
        GraphPattern::Graph { name, inner } => GraphPattern::Graph {
            name: new_name(name),
            inner,
        },
        GraphPattern::Extend {
            inner,
            variable,
            expression,
        } => GraphPattern::Extend {
            inner,
            variable: new(variable),
            expression,
        },
        GraphPattern::Service {
            name,
            inner,
            silent,
        } => {
            return GraphPattern::Service {
                name: new_name(name),
                inner: Box::new(rename(*inner, names)),
                silent,
            };
        }
        other => other,
    };
    let renamed = rename_in_expressions(renamed, names);
    let Ok(renamed) = map_inner(renamed, &mut |child| {
        Ok::<_, Infallible>(rename(child, names))
    });
    renamed
}

/// Replaces variables in the node's own expressions, the insides of EXISTS included.
pub(in crate::sparql) fn rename_in_expressions(
    pattern: GraphPattern,
    names: &HashMap<Variable, Variable>,
) -> GraphPattern {
    if names.is_empty() {
        return pattern;
    }
    let new = |v: Variable| names.get(&v).cloned().unwrap_or(v);
    let Ok(pattern) = map_own_expressions(pattern, &mut |e| {
        Ok::<_, Infallible>(match e {
            Expression::Variable(v) => Expression::Variable(new(v)),
            Expression::Bound(v) => Expression::Bound(new(v)),
            Expression::Exists(inside) => Expression::Exists(Box::new(rename(*inside, names))),
            other => other,
        })
    });
    pattern
}
