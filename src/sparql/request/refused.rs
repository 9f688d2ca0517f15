//! What only looks like a request or a clip function, and would otherwise match nothing.

use super::error::RequestError;
use super::names::Names;
use crate::sparql::algebra::{variables, walk};
use crate::vocab::{self, NAMESPACE};
use oxrdf::Variable;
use oxrdf::vocab::rdf;
use spargebra::algebra::{Expression, Function, GraphPattern};
use spargebra::term::{NamedNodePattern, TermPattern};
use std::collections::HashSet;

/// A misspelt clip function would otherwise be an internal error, or no error at all.
pub(super) fn check_functions(pattern: &GraphPattern) -> Result<(), RequestError> {
    let mut result = Ok(());
    walk::visit(pattern, &mut |node| {
        for expression in walk::expressions(node) {
            walk::visit_expression(expression, &mut |part| {
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
pub(super) fn check_classes(pattern: &GraphPattern) -> Result<(), RequestError> {
    let mut result = Ok(());
    walk::visit(pattern, &mut |node| {
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

pub(super) fn check_paths(
    pattern: &GraphPattern,
    subjects: &HashSet<Variable>,
    names: &Names,
) -> Result<(), RequestError> {
    let mut result = Ok(());
    walk::visit(pattern, &mut |node| {
        if let GraphPattern::Path {
            subject,
            path,
            object,
        } = node
            && path.to_string().contains(NAMESPACE)
        {
            for end in [subject, object] {
                if let Some(variable) = variables::variable_of(end)
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
