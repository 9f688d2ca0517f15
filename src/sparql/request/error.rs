//! Why a `clip:Request` cannot become a search.

use crate::vocab::{self, Property};
use oxrdf::Term;
use std::fmt;

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
    pub(super) fn new(term: &Term) -> Self {
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

impl RequestError {
    /// Whether a value of an input is not of the kind that its property takes.
    pub(in crate::sparql) fn is_about_a_value(&self) -> bool {
        matches!(
            self,
            Self::NotANumber { .. }
                | Self::NotALimit { .. }
                | Self::NotALiteral { .. }
                | Self::NotAnIri { .. }
        )
    }
}
