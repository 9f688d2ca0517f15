//! What one `clip:Request` says: its triples as written, and its inputs with their values.

use super::embedding_literal;
use crate::vocab::{self, Property, Role};
use oxrdf::vocab::xsd;
use oxrdf::{NamedNode, Term, Variable};
use spargebra::term::TermPattern;
use std::collections::HashSet;
use std::fmt;

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

/// One input of a request with its value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Value {
    pub property: Property,
    /// The variable that stands in the query; none for a constant.
    pub variable: Option<Variable>,
    pub term: Term,
}

/// The inputs of a request, checked: what is searched for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Inputs {
    pub queries: Vec<QueryInput>,
    pub excluded: Vec<String>,
    pub min_score: Option<f64>,
    pub limit: Option<usize>,
}

/// An input of the query kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum QueryInput {
    Text(String),
    Url(String),
    Image(String),
    SimilarTo(String),
    /// The text of a `clip:Embedding`.
    Embedding(String),
}

/// Why a `clip:Request` cannot become a vector search: always the query author's mistake.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A request without anything to look for.
    #[error(
        "the clip:Request {subject} has nothing to look for; give it clip:queryString, clip:queryURL, clip:queryImage or clip:similarTo"
    )]
    NoQuery {
        /// The subject as written.
        subject: String,
    },
    /// A property that is not in the vocabulary.
    #[error(
        "clip:{name} on the clip:Request {subject} is unknown; did you mean clip:{nearest}? Known are {}",
        vocab::known_names()
    )]
    UnknownProperty {
        /// The subject as written.
        subject: String,
        /// The local name found.
        name: String,
        /// The known name nearest to it.
        nearest: &'static str,
    },
    /// A triple term where a value stands.
    #[error(
        "{property} of the clip:Request {subject} is a triple term; give a literal, an IRI or a variable"
    )]
    TripleTerm {
        /// The subject as written.
        subject: String,
        /// The property it stands for.
        property: Property,
    },
    /// A class that is nearly the one of requests.
    #[error("clip:{name} is unknown; a request is a clip:Request")]
    UnknownClass {
        /// The local name found.
        name: String,
    },
    /// A function that is not in the vocabulary.
    #[error(
        "the function clip:{name} is unknown; there are clip:similarity(?image, \"text\"), clip:similarity(?imageA, ?imageB), clip:exp(?number) and the aggregate clip:centroid(?image)"
    )]
    UnknownFunction {
        /// The local name found.
        name: String,
    },
    /// A function with too few or too many arguments.
    #[error("clip:{name} takes {takes}, found {found}")]
    FunctionArity {
        /// Its local name.
        name: String,
        /// What it takes.
        takes: &'static str,
        /// Number of arguments found.
        found: usize,
    },
    /// A value that is not a number where one is needed.
    #[error("{property} of the clip:Request {subject} must be a number, found {found}")]
    NotANumber {
        /// The subject as written.
        subject: String,
        /// `clip:minScore`.
        property: Property,
        /// The term found.
        found: Shown,
    },
    /// A limit that is not a positive integer.
    #[error("clip:limit of the clip:Request {subject} must be a positive integer, found {found}")]
    NotALimit {
        /// The subject as written.
        subject: String,
        /// The term found.
        found: Shown,
    },
    /// A literal is needed.
    #[error("{property} of the clip:Request {subject} must be a literal, found {found}")]
    NotALiteral {
        /// The subject as written.
        subject: String,
        /// The property.
        property: Property,
        /// The term found.
        found: Shown,
    },
    /// An IRI is needed.
    #[error(
        "{property} of the clip:Request {subject} must be an IRI such as <https://…>, found {found}"
    )]
    NotAnIri {
        /// The subject as written.
        subject: String,
        /// The property.
        property: Property,
        /// The term found.
        found: Shown,
    },
    /// Two different values where there can be one.
    #[error(
        "the clip:Request {subject} has two values for {property}, {first} and {second}; keep one"
    )]
    TwoValues {
        /// The subject as written.
        subject: String,
        /// The property.
        property: Property,
        /// The first value.
        first: Shown,
        /// The second value.
        second: Shown,
    },
    /// An input variable without a value.
    #[error(
        "{property} of the clip:Request {subject} is the variable {variable}, which nothing else in the query binds; write the value into the query or bind it with VALUES (a triple store that calls this service may not have sent the bindings of its other patterns: put the value or the VALUES inside the SERVICE block)"
    )]
    UnboundInput {
        /// The subject as written.
        subject: String,
        /// The property.
        property: Property,
        /// The variable as written.
        variable: String,
    },
    /// A variable as predicate of a request.
    #[error(
        "the clip:Request {subject} has the variable {predicate} as predicate; name the clip: properties one by one"
    )]
    VariablePredicate {
        /// The subject as written.
        subject: String,
        /// The variable as written.
        predicate: String,
    },
    /// A property path that starts or ends at a request.
    #[error(
        "the clip:Request {subject} has the property path {path}; name the clip: properties one by one, without path operators"
    )]
    PropertyPath {
        /// The subject as written.
        subject: String,
        /// The path.
        path: String,
    },
    /// Inputs that cancel each other.
    #[error(
        "the inputs of the clip:Request {subject} cancel each other; exclude something other than what is asked for"
    )]
    Cancelled {
        /// The subject as written.
        subject: String,
    },
    /// An image that is none or cannot be had.
    #[error("{property} of the clip:Request {subject} gives no image: {reason}")]
    Image {
        /// The subject as written.
        subject: String,
        /// `clip:queryURL` or `clip:queryImage`.
        property: Property,
        /// What is wrong, with the URL.
        reason: String,
    },
    /// An embedding that is none, or of another model.
    #[error(
        "clip:similarTo of the clip:Request {subject} has a clip:Embedding that is not one of {width} components; take one that clip:centroid gives here"
    )]
    BadEmbedding {
        /// The subject as written.
        subject: String,
        /// Components of the collection's embeddings.
        width: usize,
    },
    /// More inputs than an operator allows.
    #[error(
        "{property} of the clip:Request {subject} has more than {limit} different values; restrict the variable {variable} further"
    )]
    TooManyInputs {
        /// The subject as written.
        subject: String,
        /// The property.
        property: Property,
        /// The variable as written.
        variable: String,
        /// The limit.
        limit: usize,
    },
    /// More images to fetch or decode than an operator allows.
    #[error(
        "the clip:Request {subject} names more than {limit} images by clip:queryURL or clip:queryImage; ask for fewer, or use clip:similarTo for images of the collection"
    )]
    TooManyImages {
        /// The subject as written.
        subject: String,
        /// The limit.
        limit: usize,
    },
    /// More hits than fit in memory.
    #[error(
        "the clip:Request {subject} has more than {limit} hits; raise clip:minScore, set clip:limit or name fewer inputs"
    )]
    TooManyHits {
        /// The subject as written.
        subject: String,
        /// The limit.
        limit: usize,
    },
    /// More combinations of UNION branches than can be planned.
    #[error(
        "the clip:Request {subject} is spread over UNIONs in more than {limit} combinations; give each UNION branch a request of its own"
    )]
    TooManyAlternatives {
        /// The subject as written.
        subject: String,
        /// The limit.
        limit: usize,
    },
}

/// A term in a message: long ones (base64 images) are cut.
#[derive(Debug, PartialEq)]
pub struct Shown(String);

impl Shown {
    fn new(term: &Term) -> Self {
        const LONGEST: usize = 80;
        let mut text = term.to_string();
        if let Some((end, _)) = text.char_indices().nth(LONGEST) {
            text.truncate(end);
            text.push('…');
        }
        Self(text)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Fragment {
    /// The variables that the fragment binds.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        std::iter::once(&self.subject).chain(
            self.columns
                .iter()
                .filter_map(|(_, object)| super::algebra::variable_of(object)),
        )
    }

    /// The variable that is given as the object of an output property.
    pub(super) fn output_variable(&self, output: Property) -> Option<&Variable> {
        (self.columns.iter())
            .filter(|(property, _)| *property == output)
            .find_map(|(_, object)| super::algebra::variable_of(object))
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

impl RequestError {
    /// Whether a value of an input is not of the kind that its property takes.
    pub(super) fn is_about_a_value(&self) -> bool {
        matches!(
            self,
            Self::NotANumber { .. }
                | Self::NotALimit { .. }
                | Self::NotALiteral { .. }
                | Self::NotAnIri { .. }
        )
    }
}

impl Inputs {
    /// Checks the values of a request's inputs.
    pub(super) fn from_values(values: &[Value], subject: &str) -> Result<Self, RequestError> {
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
                Property::QueryString => inputs
                    .queries
                    .push(QueryInput::Text(literal(*property, term, subject)?)),
                Property::QueryImage => inputs
                    .queries
                    .push(QueryInput::Image(literal(*property, term, subject)?)),
                Property::QueryUrl => inputs
                    .queries
                    .push(QueryInput::Url(iri(*property, term, subject)?)),
                Property::SimilarTo => inputs.queries.push(match term {
                    Term::Literal(literal) if embedding_literal::is_embedding(literal) => {
                        QueryInput::Embedding(literal.value().to_owned())
                    }
                    term => QueryInput::SimilarTo(iri(*property, term, subject)?),
                }),
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
    pub(super) fn key(&self, values: &[Value]) -> String {
        let mut lines: Vec<String> = values
            .iter()
            .filter(|value| !matches!(value.property, Property::MinScore | Property::Limit))
            .map(|value| format!("{} {}", value.property, value.term))
            .collect();
        lines.sort_unstable();
        lines.dedup();
        lines.push(format!("{:?} {:?}", self.min_score, self.limit));
        let mut digest = crate::image_id::image_id(&lines.join("\n"));
        digest.truncate(32);
        digest
    }
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
pub(super) fn positive(term: &Term) -> Option<usize> {
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
