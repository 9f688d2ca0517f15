//! From the text of a query to its algebra.

pub mod guard;
mod syntax;

use crate::sparql::error::Malformed;
use crate::vocab::{CENTROID, NAMESPACE};
use oxrdf::NamedNode;
use spargebra::{Query, SparqlParser};
use std::sync::LazyLock;

/// Reads a query, if its shape would not exhaust the stack.
///
/// # Errors
/// [`Malformed`] says where it is no SPARQL, or what it has too much of.
pub(super) fn read(text: &str) -> Result<Query, Malformed> {
    // Editors write a byte order mark at the beginning of a file.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    guard::check(text)?;
    (PARSER.clone()).parse_query(text).map_err(|error| {
        let declared = PREFIXES.map(|(prefix, _)| prefix);
        Malformed::Syntax(syntax::sentence(text, &error.to_string(), &declared))
    })
}

/// The prefixes that callers may leave out.
const PREFIXES: [(&str, &str); 4] = [
    ("clip", NAMESPACE),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

/// The parser that knows [`PREFIXES`], and a base for relative IRIs.
static PARSER: LazyLock<SparqlParser> = LazyLock::new(|| {
    PREFIXES
        .into_iter()
        .try_fold(SparqlParser::new(), |parser, (prefix, iri)| {
            parser.with_prefix(prefix, iri)
        })
        .map(|parser| parser.with_custom_aggregate_function(NamedNode::new_unchecked(CENTROID)))
        .and_then(|parser| parser.with_base_iri("http://localhost/"))
        .expect("the prefixes and the base are valid IRIs")
});
