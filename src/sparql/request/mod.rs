//! What one `clip:Request` says: its triples as written.

pub(super) mod branches;
pub(super) mod embedding_literal;
pub mod error;
pub(super) mod extract;
pub(super) mod graphs_apart;
pub(super) mod grouping;
pub(super) mod inputs;
pub(super) mod insert;
pub(super) mod minus;
pub(super) mod names;
pub(super) mod placeholder;
pub(super) mod refused;
pub(super) mod terms;

use crate::sparql::algebra::variables;
use crate::vocab::{Property, Role};
use oxrdf::{NamedNode, Variable};
use spargebra::term::TermPattern;

/// The clip triples with one subject that stand in one basic graph pattern.
#[derive(Debug, Clone)]
pub(super) struct Fragment {
    /// The request's subject.
    pub subject: Variable,
    /// How the subject was written, for messages.
    pub written: String,
    /// Set if the query names one hit by its IRI.
    pub hit: Option<NamedNode>,
    /// The properties with their objects; variables, IRIs or literals.
    pub columns: Vec<(Property, TermPattern)>,
    /// A variable of its own, for joining hits with the inputs that found them.
    pub inputs_id: Variable,
}

impl Fragment {
    /// The variables that the fragment binds.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        std::iter::once(&self.subject).chain(
            self.columns
                .iter()
                .filter_map(|(_, object)| variables::variable_of(object)),
        )
    }

    /// The variable that is given as the object of an output property.
    pub(super) fn output_variable(&self, output: Property) -> Option<&Variable> {
        (self.columns.iter())
            .filter(|(property, _)| *property == output)
            .find_map(|(_, object)| variables::variable_of(object))
    }

    /// The outputs that tell which image it is.
    pub(super) fn images(&self) -> impl Iterator<Item = &(Property, TermPattern)> {
        (self.columns.iter())
            .filter(|(property, _)| matches!(property, Property::IiifUrl | Property::ImageId))
    }

    /// Whether it asks for the rank of the hits.
    pub(super) fn has_rank(&self) -> bool {
        (self.columns.iter()).any(|(property, _)| *property == Property::Rank)
    }

    /// Its inputs, as written.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &(Property, TermPattern)> {
        self.columns
            .iter()
            .filter(|(property, _)| property.role() != Role::Output)
    }
}
