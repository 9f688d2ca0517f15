//! Rows of solutions, and the terms in their cells.

use oxrdf::vocab::xsd;
use oxrdf::{Literal, Term};
use spargebra::term::GroundTerm;

/// Whether a term is, or holds, a blank node.
pub(in crate::sparql) fn has_blank_node(term: &Term) -> bool {
    match term {
        Term::BlankNode(_) => true,
        Term::Triple(triple) => triple.subject.is_blank_node() || has_blank_node(&triple.object),
        Term::NamedNode(_) | Term::Literal(_) => false,
    }
}

/// A solution, a cell for each variable.
pub(in crate::sparql) type Row = Vec<Option<Term>>;

/// The value of a literal of a numeric type.
pub(in crate::sparql) fn number(literal: &Literal) -> Option<f64> {
    let is_number =
        [xsd::INTEGER, xsd::DECIMAL, xsd::DOUBLE, xsd::FLOAT].contains(&literal.datatype());
    literal.value().parse().ok().filter(|_| is_number)
}

/// Length of the text of a term.
pub(in crate::sparql) fn n_bytes(term: &Term) -> usize {
    match term {
        Term::NamedNode(node) => node.as_str().len(),
        Term::Literal(literal) => literal.value().len(),
        Term::BlankNode(node) => node.as_str().len(),
        Term::Triple(triple) => {
            triple.subject.to_string().len()
                + triple.predicate.as_str().len()
                + n_bytes(&triple.object)
        }
    }
}

/// A number as an `xsd:integer`.
pub(in crate::sparql) fn integer(number: usize) -> Literal {
    Literal::from(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A row as inline data has it.
pub(in crate::sparql) fn ground(row: Row) -> Vec<Option<GroundTerm>> {
    (row.into_iter())
        .map(|cell| cell.and_then(|term| GroundTerm::try_from(term).ok()))
        .collect()
}
