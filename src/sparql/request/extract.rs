//! Finds the clip triples of a query and sets placeholders where they stood.

use super::error::RequestError;
use super::names::{Names, close_expressions, name_apart, name_nodes};
use super::placeholder::{placeholder, placeholder_index};
use super::refused::{check_classes, check_functions, check_paths};
use super::terms::{clip_name, is_request_type};
use super::{Fragment, graphs_apart, minus};
use crate::sparql::algebra::variables::{self, variable_of};
use crate::sparql::algebra::walk::{self, map_children};
use crate::sparql::algebra::{self, join};
use crate::vocab::{self, HIT_PREFIX, NAMESPACE, Property};
use oxrdf::{NamedNode, Variable};
use spargebra::algebra::{AggregateExpression, GraphPattern};
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};
use std::collections::HashSet;

/// A query whose clip triples are [placeholders](placeholder_index) for `fragments`.
#[derive(Debug)]
pub(in crate::sparql) struct Extracted {
    pub pattern: GraphPattern,
    pub fragments: Vec<Fragment>,
    pub names: Names,
    /// The variables of the fragments that matter outside the place where they stand: the others need no
    /// column in a table.
    pub read: HashSet<Variable>,
    /// For a column that numbers the hits, the best with the highest number.
    pub position: Variable,
}

/// Extracts the clip triples of `pattern`, and leaves nothing there; none if it has no request.
///
/// # Errors
/// [`RequestError`] if a request has an unknown property, a property path or a variable predicate.
pub(in crate::sparql) fn extract(
    pattern: &mut GraphPattern,
) -> Result<Option<Extracted>, RequestError> {
    check_functions(pattern)?;
    check_classes(pattern)?;
    if !has_request(pattern) {
        return Ok(None);
    }
    let mut names = Names::beside(variables::all_variables(pattern));
    // In this order: scopes are told apart by names, so blank nodes need some first; an expression is closed over names
    // that no other scope has; and the groups of a GRAPH are kept apart by columns that are named last.
    let pattern = name_nodes(std::mem::replace(pattern, algebra::unit()), &mut names);
    let pattern = name_apart(pattern, &mut names, true);
    let pattern = close_expressions(pattern, &HashSet::new(), &mut names);
    let pattern = graphs_apart::keep_apart(pattern, &mut names);
    let pattern = minus::write_out_where_values_come_in(pattern, &mut names);
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
pub(in crate::sparql) fn read_variables(
    pattern: &GraphPattern,
    fragments: &[Fragment],
) -> HashSet<Variable> {
    let mut read = HashSet::new();
    walk::visit(pattern, &mut |node| {
        if placeholder_index(node).is_some() {
            return;
        }
        variables::add_variables(node, &mut read);
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
pub(in crate::sparql) fn counts_distinct(pattern: &GraphPattern) -> bool {
    walk::any(pattern, &|node| {
        let GraphPattern::Group { aggregates, .. } = node else {
            return false;
        };
        (aggregates.iter())
            .any(|(_, a)| matches!(a, AggregateExpression::CountSolutions { distinct: true }))
    })
}

fn has_request(pattern: &GraphPattern) -> bool {
    walk::any(pattern, &|node| match node {
        GraphPattern::Bgp { patterns } => patterns.iter().any(is_request_type),
        _ => false,
    })
}

/// The subjects of all requests, after naming: variables.
fn request_subjects(pattern: &GraphPattern) -> HashSet<Variable> {
    let mut subjects = HashSet::new();
    walk::visit(pattern, &mut |node| {
        if let GraphPattern::Bgp { patterns } = node {
            subjects.extend(
                patterns
                    .iter()
                    .filter(|triple| is_request_type(triple))
                    .filter_map(|triple| variable_of(&triple.subject).cloned()),
            );
        }
    });
    subjects
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
        let subject = variable_of(&triple.subject).filter(|subject| subjects.contains(subject));
        let Some(subject) = subject.cloned() else {
            rest.push(triple);
            continue;
        };
        let said = said(&triple, &subject, names)?;
        if matches!(said, Said::Nothing) {
            rest.push(triple);
            continue;
        }
        let index = (found
            .iter()
            .position(|fragment| fragment.subject == subject))
        .unwrap_or(found.len());
        if index == found.len() {
            found.push(fragment(subject, names));
        }
        let columns = &mut found[index].columns;
        // A triple pattern that is written twice says nothing more.
        if let Said::Column(property) = said
            && !columns.contains(&(property, triple.object.clone()))
        {
            columns.push((property, triple.object));
        }
    }
    let mut pattern = GraphPattern::Bgp { patterns: rest };
    for fragment in found {
        pattern = join(pattern, placeholder(fragments.len(), &fragment));
        fragments.push(fragment);
    }
    Ok(pattern)
}

/// What a triple says of a request.
enum Said {
    /// That it is one.
    Type,
    Column(Property),
    /// Nothing to us: its predicate is of another namespace.
    Nothing,
}

/// What `triple` says of the request `subject`.
fn said(triple: &TriplePattern, subject: &Variable, names: &Names) -> Result<Said, RequestError> {
    if let NamedNodePattern::Variable(predicate) = &triple.predicate {
        return Err(RequestError::VariablePredicate {
            subject: names.written(subject),
            predicate: names.written(predicate),
        });
    }
    let Some(name) = clip_name(triple) else {
        return Ok(if is_request_type(triple) {
            Said::Type
        } else {
            Said::Nothing
        });
    };
    let property = Property::from_iri(&format!("{NAMESPACE}{name}")).ok_or_else(|| {
        RequestError::UnknownProperty {
            subject: names.written(subject),
            name: name.to_owned(),
            nearest: vocab::nearest_name(name),
        }
    })?;
    if let TermPattern::Triple(_) = &triple.object {
        return Err(RequestError::TripleTerm {
            subject: names.written(subject),
            property,
        });
    }
    Ok(Said::Column(property))
}

/// A fragment of the request `subject` that says nothing yet.
fn fragment(subject: Variable, names: &mut Names) -> Fragment {
    let written = names.written(&subject);
    let hit = written
        .strip_prefix('<')
        .and_then(|iri| iri.strip_suffix('>'))
        .filter(|iri| iri.starts_with(HIT_PREFIX))
        .map(NamedNode::new_unchecked);
    Fragment {
        subject,
        written,
        hit,
        columns: Vec::new(),
        inputs_id: names.fresh("?inputs".to_owned()),
    }
}
