//! The inputs of a request with their values: what is searched for.

use super::branches::Choices;
use super::embedding_literal;
use super::error::{RequestError, Shown};
use crate::vocab::Property;
use oxrdf::vocab::xsd;
use oxrdf::{NamedNode, Term, Variable};
use std::collections::HashSet;

/// One set of input values of a request.
#[derive(Debug, Clone)]
pub(in crate::sparql) struct Tuple {
    pub choices: Choices,
    pub values: Vec<Value>,
    pub inputs: Inputs,
    /// Equal inputs have equal keys.
    pub key: String,
}

/// One input of a request with its value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::sparql) struct Value {
    pub property: Property,
    /// The variable that stands in the query; none for a constant.
    pub variable: Option<Variable>,
    pub term: Term,
}

/// The inputs of a request, checked: what is searched for.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sparql) struct Inputs {
    pub queries: Vec<QueryInput>,
    pub excluded: Vec<String>,
    pub min_score: Option<f64>,
    pub limit: Option<usize>,
}

/// An input of the query kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::sparql) enum QueryInput {
    Text(String),
    Url(String),
    Image(String),
    SimilarTo(String),
    /// The text of a `clip:Embedding`.
    Embedding(String),
}

impl Inputs {
    /// Checks the values of a request's inputs.
    pub(in crate::sparql) fn from_values(
        values: &[Value],
        subject: &str,
    ) -> Result<Self, RequestError> {
        let mut inputs = Self {
            queries: Vec::new(),
            excluded: Vec::new(),
            min_score: None,
            limit: None,
        };
        let mut min_score: Option<(f64, &Term)> = None;
        let mut limit: Option<(usize, &Term)> = None;
        let mut seen = HashSet::new();
        for Value { property, term, .. } in values {
            // The same value twice is one triple.
            if !seen.insert((property, term)) {
                continue;
            }
            match property {
                Property::QueryString
                | Property::QueryImage
                | Property::QueryUrl
                | Property::SimilarTo => {
                    inputs.queries.push(query_input(*property, term, subject)?);
                }
                Property::ExcludeString => {
                    inputs.excluded.push(literal(*property, term, subject)?);
                }
                Property::MinScore => {
                    let number = score(term).ok_or_else(|| RequestError::NotANumber {
                        subject: subject.to_owned(),
                        property: *property,
                        found: Shown::new(term),
                    })?;
                    keep_one(&mut min_score, number, term, *property, subject)?;
                }
                Property::Limit => {
                    let number = positive(term).ok_or_else(|| RequestError::NotALimit {
                        subject: subject.to_owned(),
                        found: Shown::new(term),
                    })?;
                    keep_one(&mut limit, number, term, *property, subject)?;
                }
                Property::IiifUrl
                | Property::Score
                | Property::ImageId
                | Property::Link
                | Property::Rank => {}
            }
        }
        inputs.min_score = min_score.map(|(number, _)| number);
        inputs.limit = limit.map(|(number, _)| number);
        if inputs.queries.is_empty() {
            return Err(RequestError::NoQuery {
                subject: subject.to_owned(),
            });
        }
        Ok(inputs)
    }

    /// A name for these inputs: equal inputs, equal key, in whatever order they were written.
    pub(in crate::sparql) fn key(&self, values: &[Value]) -> String {
        let mut lines: Vec<String> = values
            .iter()
            .filter(|value| !matches!(value.property, Property::MinScore | Property::Limit))
            .map(|value| format!("{} {}", value.property, value.term))
            .collect();
        lines.sort_unstable();
        lines.dedup();
        lines.push(format!("{:?} {:?}", self.min_score, self.limit));
        let mut digest = crate::image_id::text_digest(&lines.join("\n"));
        digest.truncate(32);
        digest
    }
}

fn query_input(property: Property, term: &Term, subject: &str) -> Result<QueryInput, RequestError> {
    Ok(match (property, term) {
        (Property::QueryString, _) => QueryInput::Text(literal(property, term, subject)?),
        (Property::QueryImage, _) => QueryInput::Image(literal(property, term, subject)?),
        (Property::QueryUrl, _) => QueryInput::Url(iri(property, term, subject)?),
        (_, Term::Literal(literal)) if embedding_literal::is_embedding(literal) => {
            QueryInput::Embedding(literal.value().to_owned())
        }
        _ => QueryInput::SimilarTo(iri(property, term, subject)?),
    })
}

/// A literal's lexical form; `"0.2"` counts as a number like `0.2`, since the original service took
/// nothing else.
fn number(term: &Term) -> Option<f64> {
    let Term::Literal(literal) = term else {
        return None;
    };
    let number: f64 = literal.value().trim().parse().ok()?;
    (!number.is_nan()).then_some(number)
}

/// A number that scores are compared with, as FILTER compares an `xsd:float` with it: in single precision,
/// unless it is an `xsd:double`. So a score that an answer shows is no less than itself.
fn score(term: &Term) -> Option<f64> {
    let number = number(term)?;
    let is_double = matches!(term, Term::Literal(literal) if literal.datatype() == xsd::DOUBLE);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "single precision is what is asked for"
    )]
    let single = number as f32;
    Some(if is_double { number } else { single.into() })
}

/// A positive integer, also written as `10.0` or `"10"`.
pub(in crate::sparql) fn positive(term: &Term) -> Option<usize> {
    let number = number(term)?;
    if number < 1.0 || number.fract() != 0.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be a whole number of at least 1; a cast that saturates is a limit above every collection"
    )]
    Some(number as usize)
}

fn literal(property: Property, term: &Term, subject: &str) -> Result<String, RequestError> {
    match term {
        Term::Literal(literal) => Ok(literal.value().to_owned()),
        _ => Err(RequestError::NotALiteral {
            subject: subject.to_owned(),
            property,
            found: Shown::new(term),
        }),
    }
}

/// An IRI; an `xsd:anyURI` or plain literal that holds one is taken as well, since many stores keep
/// IIIF URLs as literals.
fn iri(property: Property, term: &Term, subject: &str) -> Result<String, RequestError> {
    match term {
        Term::NamedNode(node) => Ok(node.as_str().to_owned()),
        Term::Literal(literal) if NamedNode::new(literal.value()).is_ok() => {
            Ok(literal.value().to_owned())
        }
        _ => Err(RequestError::NotAnIri {
            subject: subject.to_owned(),
            property,
            found: Shown::new(term),
        }),
    }
}

fn keep_one<'a, T: PartialEq + Copy>(
    slot: &mut Option<(T, &'a Term)>,
    value: T,
    term: &'a Term,
    property: Property,
    subject: &str,
) -> Result<(), RequestError> {
    match slot {
        Some((first, first_term)) if *first != value => Err(RequestError::TwoValues {
            subject: subject.to_owned(),
            property,
            first: Shown::new(first_term),
            second: Shown::new(term),
        }),
        _ => {
            *slot = Some((value, term));
            Ok(())
        }
    }
}
