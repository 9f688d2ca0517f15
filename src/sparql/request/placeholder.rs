//! What stands in a query where its clip triples stood.

use super::Fragment;
use crate::sparql::algebra::{self, walk};
use oxrdf::NamedNode;
use spargebra::algebra::GraphPattern;

/// The fragment whose place `pattern` holds.
pub(in crate::sparql) fn placeholder_index(pattern: &GraphPattern) -> Option<usize> {
    let iri = algebra::service_iri(pattern)?;
    iri.strip_prefix(PLACEHOLDER)?.parse().ok()
}

/// Whether any placeholder stands in `pattern`.
pub(in crate::sparql) fn has_placeholder(pattern: &GraphPattern) -> bool {
    walk::any(pattern, &|node| placeholder_index(node).is_some())
}

/// A SERVICE that no query can contain: its scheme is on no allow-list.
const PLACEHOLDER: &str = "urn:x-clip-search:fragment:";

/// It binds what the fragment's table will bind.
pub(super) fn placeholder(index: usize, fragment: &Fragment) -> GraphPattern {
    GraphPattern::Service {
        name: NamedNode::new_unchecked(format!("{PLACEHOLDER}{index}")).into(),
        inner: Box::new(GraphPattern::Values {
            variables: fragment.variables().cloned().collect(),
            bindings: Vec::new(),
        }),
        silent: false,
    }
}
