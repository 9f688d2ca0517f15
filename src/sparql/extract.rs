//! Finds the clip triples of a query and sets placeholders where they stood.
//!
//! Before that, names are made global: blank nodes become variables, and the variables that a
//! sub-SELECT does not project get names of their own, so that one name means one thing in the whole
//! query.

use super::algebra::{self, Binding, join, map_children};
use super::graphs;
use super::request::{Fragment, RequestError};
use crate::vocab::{self, HIT_PREFIX, NAMESPACE, Property};
use oxrdf::vocab::rdf;
use oxrdf::{NamedNode, Variable};
use spargebra::algebra::{AggregateExpression, Expression, Function, GraphPattern};
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

/// A query whose clip triples are [placeholders](placeholder_index) for `fragments`.
#[derive(Debug)]
pub(super) struct Extracted {
    pub pattern: GraphPattern,
    pub fragments: Vec<Fragment>,
    pub names: Names,
    /// The variables of the fragments that matter outside the place where they stand: the others need no
    /// column in a table.
    pub read: HashSet<Variable>,
    /// For a column that numbers the hits, the best with the highest number.
    pub position: Variable,
}

/// Makes variables that occur nowhere else, and remembers what they stand for.
#[derive(Debug, Default)]
pub(super) struct Names {
    used: HashSet<Variable>,
    written: HashMap<Variable, String>,
}

impl Names {
    /// A variable that occurs nowhere in the query; `written` is what messages call it.
    pub(super) fn fresh(&mut self, written: String) -> Variable {
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
    pub(super) fn fresh_for(
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
    pub(super) fn written(&self, variable: &Variable) -> String {
        self.written
            .get(variable)
            .cloned()
            .unwrap_or_else(|| variable.to_string())
    }
}

/// Extracts the clip triples of `pattern`, and leaves nothing there; none if it has no request.
///
/// # Errors
/// [`RequestError`] if a request has an unknown property, a property path or a variable predicate.
pub(super) fn extract(pattern: &mut GraphPattern) -> Result<Option<Extracted>, RequestError> {
    check_functions(pattern)?;
    check_classes(pattern)?;
    if !has_request(pattern) {
        return Ok(None);
    }
    let mut names = Names {
        used: algebra::all_variables(pattern),
        ..Names::default()
    };
    let pattern = name_nodes(std::mem::replace(pattern, algebra::unit()), &mut names);
    let pattern = name_apart(pattern, &mut names, true);
    let pattern = close_expressions(pattern, &HashSet::new(), &mut names);
    let pattern = graphs::keep_apart(pattern, &mut names);
    let subjects = request_subjects(&pattern);
    check_paths(&pattern, &subjects, &names)?;
    let mut fragments = Vec::new();
    let pattern = replace(pattern, &subjects, &mut names, &mut fragments)?;
    let position = names.fresh("?position".to_owned());
    Ok(Some(Extracted {
        read: read_variables(&pattern, &fragments),
        pattern,
        fragments,
        names,
        position,
    }))
}

/// The variables that something beside one fragment names, or that a fragment names twice.
pub(super) fn read_variables(pattern: &GraphPattern, fragments: &[Fragment]) -> HashSet<Variable> {
    let mut read = HashSet::new();
    algebra::visit(pattern, &mut |node| {
        if placeholder_index(node).is_some() {
            return;
        }
        algebra::add_variables(node, &mut read);
    });
    let counts_rows = counts_distinct(pattern);
    let mut seen = HashSet::new();
    for variable in fragments.iter().flat_map(Fragment::variables) {
        if !seen.insert(variable) || counts_rows {
            read.insert(variable.clone());
        }
    }
    read
}

/// Whether there is a `COUNT(DISTINCT *)`, which counts what differs in any variable.
pub(super) fn counts_distinct(pattern: &GraphPattern) -> bool {
    let mut found = false;
    algebra::visit(pattern, &mut |node| {
        if let GraphPattern::Group { aggregates, .. } = node {
            found |= (aggregates.iter())
                .any(|(_, a)| matches!(a, AggregateExpression::CountSolutions { distinct: true }));
        }
    });
    found
}

/// The fragment whose place `pattern` holds.
pub(super) fn placeholder_index(pattern: &GraphPattern) -> Option<usize> {
    match pattern {
        GraphPattern::Service {
            name: NamedNodePattern::NamedNode(name),
            ..
        } => name.as_str().strip_prefix(PLACEHOLDER)?.parse().ok(),
        _ => None,
    }
}

/// Whether any placeholder stands in `pattern`.
pub(super) fn has_placeholder(pattern: &GraphPattern) -> bool {
    let mut found = false;
    algebra::visit(pattern, &mut |node| {
        found |= placeholder_index(node).is_some();
    });
    found
}

/// A SERVICE that no query can contain: its scheme is on no allow-list.
const PLACEHOLDER: &str = "urn:x-clip-search:fragment:";

/// It binds what the fragment's table will bind.
fn placeholder(index: usize, fragment: &Fragment) -> GraphPattern {
    GraphPattern::Service {
        name: NamedNode::new_unchecked(format!("{PLACEHOLDER}{index}")).into(),
        inner: Box::new(GraphPattern::Values {
            variables: fragment.variables().cloned().collect(),
            bindings: Vec::new(),
        }),
        silent: false,
    }
}

fn is_request_type(triple: &TriplePattern) -> bool {
    matches!(
        (&triple.predicate, &triple.object),
        (NamedNodePattern::NamedNode(p), TermPattern::NamedNode(o))
            if p.as_ref() == rdf::TYPE && o.as_str() == vocab::REQUEST
    )
}

fn has_request(pattern: &GraphPattern) -> bool {
    let mut found = false;
    algebra::visit(pattern, &mut |node| {
        if let GraphPattern::Bgp { patterns } = node {
            found |= patterns.iter().any(is_request_type);
        }
    });
    found
}

/// The subjects of all requests, after naming: variables.
fn request_subjects(pattern: &GraphPattern) -> HashSet<Variable> {
    let mut subjects = HashSet::new();
    algebra::visit(pattern, &mut |node| {
        if let GraphPattern::Bgp { patterns } = node {
            subjects.extend(
                patterns
                    .iter()
                    .filter(|triple| is_request_type(triple))
                    .filter_map(|triple| algebra::variable_of(&triple.subject).cloned()),
            );
        }
    });
    subjects
}

/// A misspelt clip function would otherwise be an internal error, or no error at all.
fn check_functions(pattern: &GraphPattern) -> Result<(), RequestError> {
    let mut result = Ok(());
    algebra::visit(pattern, &mut |node| {
        for expression in algebra::expressions(node) {
            algebra::visit_expression(expression, &mut |part| {
                let Expression::FunctionCall(Function::Custom(name), arguments) = part else {
                    return;
                };
                let Some(local) = name.as_str().strip_prefix(NAMESPACE) else {
                    return;
                };
                let (n_arguments, takes) = match name.as_str() {
                    vocab::SIMILARITY => {
                        (2, "two arguments, an image and a text or a second image")
                    }
                    vocab::EXP => (1, "one argument, a number"),
                    _ => {
                        result = Err(RequestError::UnknownFunction {
                            name: local.to_owned(),
                        });
                        return;
                    }
                };
                if arguments.len() != n_arguments {
                    result = Err(RequestError::FunctionArity {
                        name: local.to_owned(),
                        takes,
                        found: arguments.len(),
                    });
                }
            });
        }
    });
    result
}

/// A request whose class is misspelt would otherwise be a pattern that nothing in the store matches.
fn check_classes(pattern: &GraphPattern) -> Result<(), RequestError> {
    let mut result = Ok(());
    algebra::visit(pattern, &mut |node| {
        let GraphPattern::Bgp { patterns } = node else {
            return;
        };
        for triple in patterns {
            if let (NamedNodePattern::NamedNode(predicate), TermPattern::NamedNode(class)) =
                (&triple.predicate, &triple.object)
                && predicate.as_ref() == rdf::TYPE
                && let Some(name) = class.as_str().strip_prefix(NAMESPACE)
                && vocab::is_nearly_request(name)
            {
                result = Err(RequestError::UnknownClass {
                    name: name.to_owned(),
                });
            }
        }
    });
    result
}

/// Turns blank nodes, and the IRIs that are subjects of requests, into variables.
fn name_nodes(pattern: GraphPattern, names: &mut Names) -> GraphPattern {
    let mut iris = HashSet::new();
    algebra::visit(&pattern, &mut |node| {
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

/// Rebuilds every subject and object; the flag tells whether it is the subject of a clip triple.
fn rebuild_terms(
    pattern: GraphPattern,
    f: &mut dyn FnMut(TermPattern, bool) -> TermPattern,
) -> GraphPattern {
    let pattern = match pattern {
        GraphPattern::Bgp { patterns } => GraphPattern::Bgp {
            patterns: patterns
                .into_iter()
                .map(|mut triple| {
                    let is_clip = is_request_type(&triple) || clip_name(&triple).is_some();
                    triple.subject = rebuild_term(triple.subject, is_clip, f);
                    triple.object = rebuild_term(triple.object, false, f);
                    triple
                })
                .collect(),
        },
        GraphPattern::Path {
            subject,
            path,
            object,
        } => GraphPattern::Path {
            subject: rebuild_term(subject, false, f),
            path,
            object: rebuild_term(object, false, f),
        },
        other => other,
    };
    let Ok(pattern) = map_children(pattern, &mut |child| {
        Ok::<_, Infallible>(rebuild_terms(child, f))
    });
    pattern
}

/// Rebuilds a term, or the terms of a triple term.
fn rebuild_term(
    term: TermPattern,
    is_clip_subject: bool,
    f: &mut dyn FnMut(TermPattern, bool) -> TermPattern,
) -> TermPattern {
    let TermPattern::Triple(mut triple) = term else {
        return f(term, is_clip_subject);
    };
    triple.subject = rebuild_term(triple.subject, false, f);
    triple.object = rebuild_term(triple.object, false, f);
    TermPattern::Triple(triple)
}

/// The local name of a triple's predicate, if it is in the clip namespace.
fn clip_name(triple: &TriplePattern) -> Option<&str> {
    match &triple.predicate {
        NamedNodePattern::NamedNode(predicate) => predicate.as_str().strip_prefix(NAMESPACE),
        NamedNodePattern::Variable(_) => None,
    }
}

/// Gives the variables that a sub-SELECT keeps to itself names of their own. `at_root`: only solution
/// modifiers so far, so that the next projection is the query's own.
fn name_apart(pattern: GraphPattern, names: &mut Names, at_root: bool) -> GraphPattern {
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
    let mut hidden = algebra::all_variables(&inner);
    hidden.retain(|variable| !variables.contains(variable));
    let hidden = names.fresh_for(hidden);
    GraphPattern::Project {
        inner: Box::new(algebra::rename(*inner, &hidden)),
        variables,
    }
}

/// Gives names of their own to the variables of an expression that nothing in its group binds, so that
/// they are unbound there, as SPARQL has it, wherever the optimizer moves the expression. (Without
/// this, an EXISTS may see a variable that only a group beside its own binds.)
///
/// `around`: what the groups around an EXISTS and the left sides of LATERALs bind; the pattern sees those
/// values.
fn close_expressions(
    pattern: GraphPattern,
    around: &HashSet<Variable>,
    names: &mut Names,
) -> GraphPattern {
    let mut scope = around.clone();
    if !algebra::expressions(&pattern).is_empty() {
        for child in algebra::children(&pattern) {
            scope.extend(algebra::bound_variables(child, Binding::Possible));
        }
    }
    let unbound: HashSet<Variable> = algebra::expressions(&pattern)
        .into_iter()
        .flat_map(algebra::expression_variables)
        .filter(|variable| !scope.contains(variable))
        .collect();
    let pattern = if unbound.is_empty() {
        pattern
    } else {
        algebra::rename_in_expressions(pattern, &names.fresh_for(unbound))
    };
    let pattern = match pattern {
        GraphPattern::Lateral { left, right } => {
            let mut beside = around.clone();
            beside.extend(algebra::bound_variables(&left, Binding::Possible));
            GraphPattern::Lateral {
                left: Box::new(close_expressions(*left, around, names)),
                right: Box::new(close_expressions(*right, &beside, names)),
            }
        }
        other => {
            let Ok(pattern) = algebra::map_inner(other, &mut |child| {
                Ok::<_, Infallible>(close_expressions(child, around, names))
            });
            pattern
        }
    };
    let Ok(pattern) = algebra::map_exists(pattern, &mut |inside| {
        Ok::<_, Infallible>(close_expressions(inside, &scope, names))
    });
    pattern
}

fn check_paths(
    pattern: &GraphPattern,
    subjects: &HashSet<Variable>,
    names: &Names,
) -> Result<(), RequestError> {
    let mut result = Ok(());
    algebra::visit(pattern, &mut |node| {
        if let GraphPattern::Path {
            subject,
            path,
            object,
        } = node
            && path.to_string().contains(NAMESPACE)
        {
            for end in [subject, object] {
                if let Some(variable) = algebra::variable_of(end)
                    && subjects.contains(variable)
                {
                    result = Err(RequestError::PropertyPath {
                        subject: names.written(variable),
                        path: path.to_string().replace(&format!("<{NAMESPACE}"), "<clip:"),
                    });
                }
            }
        }
    });
    result
}

/// Takes the clip triples out of each basic graph pattern and joins a placeholder per subject instead.
fn replace(
    pattern: GraphPattern,
    subjects: &HashSet<Variable>,
    names: &mut Names,
    fragments: &mut Vec<Fragment>,
) -> Result<GraphPattern, RequestError> {
    let GraphPattern::Bgp { patterns } = pattern else {
        return map_children(pattern, &mut |child| {
            replace(child, subjects, names, fragments)
        });
    };
    let mut rest = Vec::new();
    let mut found: Vec<Fragment> = Vec::new();
    for triple in patterns {
        let Some(subject) = algebra::variable_of(&triple.subject)
            .filter(|subject| subjects.contains(subject))
            .cloned()
        else {
            rest.push(triple);
            continue;
        };
        if let NamedNodePattern::Variable(predicate) = &triple.predicate {
            return Err(RequestError::VariablePredicate {
                subject: names.written(&subject),
                predicate: names.written(predicate),
            });
        }
        let column = match clip_name(&triple) {
            None if is_request_type(&triple) => None,
            None => {
                rest.push(triple);
                continue;
            }
            Some(name) => Some(
                Property::from_iri(&format!("{NAMESPACE}{name}")).ok_or_else(|| {
                    RequestError::UnknownProperty {
                        subject: names.written(&subject),
                        name: name.to_owned(),
                        nearest: vocab::nearest_name(name),
                    }
                })?,
            ),
        };
        if let (Some(property), TermPattern::Triple(_)) = (column, &triple.object) {
            return Err(RequestError::TripleTerm {
                subject: names.written(&subject),
                property,
            });
        }
        let fragment = match found.iter_mut().find(|f| f.subject == subject) {
            Some(fragment) => fragment,
            None => {
                let written = names.written(&subject);
                let hit = written
                    .strip_prefix('<')
                    .and_then(|iri| iri.strip_suffix('>'))
                    .filter(|iri| iri.starts_with(HIT_PREFIX))
                    .map(NamedNode::new_unchecked);
                found.push(Fragment {
                    subject,
                    written,
                    hit,
                    columns: Vec::new(),
                    inputs_id: names.fresh("?inputs".to_owned()),
                });
                found.last_mut().expect("just pushed")
            }
        };
        let column = column.map(|property| (property, triple.object));
        // A triple pattern that is written twice says nothing more.
        fragment
            .columns
            .extend(column.filter(|column| !fragment.columns.contains(column)));
    }
    let mut pattern = GraphPattern::Bgp { patterns: rest };
    for fragment in found {
        pattern = join(pattern, placeholder(fragments.len(), &fragment));
        fragments.push(fragment);
    }
    Ok(pattern)
}
