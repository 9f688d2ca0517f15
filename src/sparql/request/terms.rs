//! The terms of clip triples.

use crate::sparql::algebra::walk::map_children;
use crate::vocab::{self, NAMESPACE};
use oxrdf::vocab::rdf;
use spargebra::algebra::GraphPattern;
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};
use std::convert::Infallible;

pub(super) fn is_request_type(triple: &TriplePattern) -> bool {
    matches!(
        (&triple.predicate, &triple.object),
        (NamedNodePattern::NamedNode(p), TermPattern::NamedNode(o))
            if p.as_ref() == rdf::TYPE && o.as_str() == vocab::REQUEST
    )
}

/// Rebuilds every subject and object; the flag tells whether it is the subject of a clip triple.
pub(super) fn rebuild_terms(
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
pub(super) fn clip_name(triple: &TriplePattern) -> Option<&str> {
    match &triple.predicate {
        NamedNodePattern::NamedNode(predicate) => predicate.as_str().strip_prefix(NAMESPACE),
        NamedNodePattern::Variable(_) => None,
    }
}
