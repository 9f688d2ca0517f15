//! Names that mean one thing in the whole query: blank nodes become variables, and the variables that a
//! sub-SELECT does not project get names of their own.

use super::terms::{is_request_type, rebuild_terms};
use crate::sparql::algebra::variables::{self, Binding};
use crate::sparql::algebra::walk::{self, map_children};
use oxrdf::{NamedNode, Variable};
use spargebra::algebra::GraphPattern;
use spargebra::term::TermPattern;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

/// Makes variables that occur nowhere else, and remembers what they stand for.
#[derive(Debug)]
pub(in crate::sparql) struct Names {
    used: HashSet<Variable>,
    written: HashMap<Variable, String>,
}

impl Names {
    /// Names that are none of the `used` ones.
    pub(super) fn beside(used: HashSet<Variable>) -> Self {
        Self {
            used,
            written: HashMap::new(),
        }
    }

    /// A variable that occurs nowhere in the query; `written` is what messages call it.
    pub(in crate::sparql) fn fresh(&mut self, written: String) -> Variable {
        let mut number = self.written.len();
        loop {
            let name = Variable::new_unchecked(format!("clip_{number}"));
            if self.used.insert(name.clone()) {
                self.written.insert(name.clone(), written);
                return name;
            }
            number += 1;
        }
    }

    /// A new name for each of `variables`, the same each time that the query is read.
    pub(in crate::sparql) fn fresh_for(
        &mut self,
        variables: HashSet<Variable>,
    ) -> HashMap<Variable, Variable> {
        let mut variables: Vec<Variable> = variables.into_iter().collect();
        variables.sort_unstable();
        (variables.into_iter())
            .map(|variable| {
                let fresh = self.fresh(self.written(&variable));
                (variable, fresh)
            })
            .collect()
    }

    /// How the query's author wrote it.
    pub(in crate::sparql) fn written(&self, variable: &Variable) -> String {
        self.written
            .get(variable)
            .cloned()
            .unwrap_or_else(|| variable.to_string())
    }
}

/// Turns blank nodes, and the IRIs that are subjects of requests, into variables.
pub(super) fn name_nodes(pattern: GraphPattern, names: &mut Names) -> GraphPattern {
    let mut iris = HashSet::new();
    walk::visit(&pattern, &mut |node| {
        if let GraphPattern::Bgp { patterns } = node {
            for triple in patterns.iter().filter(|triple| is_request_type(triple)) {
                if let TermPattern::NamedNode(iri) = &triple.subject {
                    iris.insert(iri.clone());
                }
            }
        }
    });
    let mut of_blank = HashMap::new();
    let mut of_iri: HashMap<NamedNode, Variable> = HashMap::new();
    rebuild_terms(pattern, &mut |term, is_clip_subject| match term {
        TermPattern::BlankNode(node) => TermPattern::Variable(
            of_blank
                .entry(node.clone())
                .or_insert_with(|| {
                    // Only `[]` gets an identifier from the parser.
                    let is_anonymous = node.as_ref().unique_id().is_some();
                    names.fresh(if is_anonymous {
                        "[]".to_owned()
                    } else {
                        node.to_string()
                    })
                })
                .clone(),
        ),
        TermPattern::NamedNode(iri) if is_clip_subject && iris.contains(&iri) => {
            TermPattern::Variable(
                of_iri
                    .entry(iri)
                    .or_insert_with_key(|iri| names.fresh(iri.to_string()))
                    .clone(),
            )
        }
        other => other,
    })
}

/// Gives the variables that a sub-SELECT keeps to itself names of their own. `at_root`: only solution
/// modifiers so far, so that the next projection is the query's own.
pub(super) fn name_apart(pattern: GraphPattern, names: &mut Names, at_root: bool) -> GraphPattern {
    let stays_at_root = at_root
        && matches!(
            pattern,
            GraphPattern::Slice { .. }
                | GraphPattern::Distinct { .. }
                | GraphPattern::Reduced { .. }
        );
    let Ok(pattern) = map_children(pattern, &mut |child| {
        Ok::<_, Infallible>(name_apart(child, names, stays_at_root))
    });
    let GraphPattern::Project { inner, variables } = pattern else {
        return pattern;
    };
    if at_root {
        return GraphPattern::Project { inner, variables };
    }
    let mut hidden = variables::all_variables(&inner);
    hidden.retain(|variable| !variables.contains(variable));
    let hidden = names.fresh_for(hidden);
    GraphPattern::Project {
        inner: Box::new(variables::rename(*inner, &hidden)),
        variables,
    }
}

/// Gives names of their own to the variables of an expression that nothing in its group binds, so that
/// they are unbound there, as SPARQL has it, wherever the optimizer moves the expression. (Without
/// this, an EXISTS may see a variable that only a group beside its own binds.)
///
/// `around`: what the groups around an EXISTS and the left sides of LATERALs bind; the pattern sees those
/// values.
pub(super) fn close_expressions(
    pattern: GraphPattern,
    around: &HashSet<Variable>,
    names: &mut Names,
) -> GraphPattern {
    let mut scope = around.clone();
    if !walk::expressions(&pattern).is_empty() {
        for child in walk::children(&pattern) {
            scope.extend(variables::bound_variables(child, Binding::Possible));
        }
    }
    let unbound: HashSet<Variable> = walk::expressions(&pattern)
        .into_iter()
        .flat_map(variables::expression_variables)
        .filter(|variable| !scope.contains(variable))
        .collect();
    let pattern = variables::rename_in_expressions(pattern, &names.fresh_for(unbound));
    let pattern = match pattern {
        GraphPattern::Lateral { left, right } => {
            let mut beside = around.clone();
            beside.extend(variables::bound_variables(&left, Binding::Possible));
            GraphPattern::Lateral {
                left: Box::new(close_expressions(*left, around, names)),
                right: Box::new(close_expressions(*right, &beside, names)),
            }
        }
        other => {
            let Ok(pattern) = walk::map_inner(other, &mut |child| {
                Ok::<_, Infallible>(close_expressions(child, around, names))
            });
            pattern
        }
    };
    let Ok(pattern) = walk::map_exists(pattern, &mut |inside| {
        Ok::<_, Infallible>(close_expressions(inside, &scope, names))
    });
    pattern
}
