//! Why a query has no answer: who must act, and what to do.

use crate::search::SearchError;
use crate::sparql::request::error::RequestError;
use oxigraph::sparql::QueryEvaluationError;
use oxrdf::IriParseError;
use sparesults::QueryResultsParseError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The query's author must act; the text says how.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A request in the query cannot be searched for.
    #[error(transparent)]
    Request(Box<RequestError>),
    /// The query took longer than allowed.
    #[error(
        "the query was stopped after {0} s; ask for less, for instance with a higher clip:minScore, clip:limit or LIMIT"
    )]
    TimedOut(u64),
    /// The query's rows took more memory than allowed, in MiB.
    #[error(
        "the query was stopped because its rows take more than {0} MiB; ask for less, for instance with a higher clip:minScore, or without ORDER BY, GROUP BY or DISTINCT over so many rows"
    )]
    TooMuchMemory(usize),
    /// An endpoint that the query calls by SERVICE fails.
    #[error("{0}; try again later, or ask without this SERVICE, or with SERVICE SILENT")]
    Service(#[source] ServiceError),
    /// The format that the client asks for cannot carry the answer; the text names one that can.
    #[error("{0}")]
    NotInFormat(String),
    /// Nobody waits for the answer any more.
    #[error("the query was cancelled")]
    Cancelled,
    /// We must act: the store or the model failed.
    #[error("the query cannot be evaluated; the service's log says why")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What the author of a query has to change before anything can be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It is not SPARQL; the sentence says where and why.
    #[error("{0}")]
    Syntax(String),
    /// Its brackets stand in each other.
    #[error("the query nests brackets more than {most} deep at line {line}; write it flatter")]
    TooDeep {
        /// How deep they may.
        most: usize,
        /// Where it is deeper.
        line: usize,
    },
    /// It has more of something than can be evaluated.
    #[error("the query has more than {most} {what} (line {line}); {remedy}")]
    TooMany {
        /// How many there may be.
        most: usize,
        /// Of what.
        what: &'static str,
        /// Where there are more.
        line: usize,
        /// What to do instead.
        remedy: &'static str,
    },
    /// It has no rows.
    #[error("the query must be a SELECT")]
    NotSelect,
    /// A graph that the request names.
    #[error("the graph name {0} is not an absolute IRI")]
    GraphName(String),
    /// An address of an image in a search.
    #[error("{url} is not a URL: {error}")]
    NotUrl {
        /// As it came.
        url: String,
        /// Why.
        error: IriParseError,
    },
    /// A SERVICE that is not called.
    #[error(transparent)]
    Service(ServiceError),
    /// A SERVICE without an endpoint.
    #[error(
        "SERVICE has a variable that no endpoint is bound to in its group; bind it there, or name the endpoint by its IRI"
    )]
    UnboundService,
    /// The evaluator cannot do what is asked.
    #[error("{0}")]
    Evaluation(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a SERVICE has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The operator does not allow it.
    #[error(
        "SERVICE <{0}> is not allowed here; send this part of the query to that endpoint yourself, or ask the operator to add it to CLIP_ALLOW_SERVICE"
    )]
    NotAllowed(String),
    /// There is no way to it.
    #[error("SERVICE <{0}> cannot be reached: {1}")]
    Unreachable(String, reqwest::Error),
    /// It refuses.
    #[error("SERVICE <{0}> answered with status {1}: {2}")]
    Status(String, u16, String),
    /// It says more than so many bytes.
    #[error("SERVICE <{0}> answered with more than {1} bytes")]
    TooLarge(String, usize),
    /// Its answer is in a format that is not read.
    #[error("SERVICE <{0}> answered in a format that is none of SPARQL JSON, XML or TSV: {1}")]
    Format(String, String),
    /// Its answer is not what its format says.
    #[error("SERVICE <{0}> gave an answer that cannot be read: {1}")]
    Parse(String, Box<QueryResultsParseError>),
}

impl From<RequestError> for QueryError {
    fn from(error: RequestError) -> Self {
        Self::Request(Box::new(error))
    }
}

impl From<SearchError> for QueryError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Stopped => Self::Cancelled,
            SearchError::Changed(_) | SearchError::Width { .. } => Self::Internal(Box::new(error)),
        }
    }
}

impl QueryError {
    /// Who must act when the evaluator gives up.
    pub(super) fn of_evaluation(error: QueryEvaluationError) -> Self {
        match error {
            QueryEvaluationError::Cancelled => Self::Cancelled,
            QueryEvaluationError::Service(error) => match error.downcast::<ServiceError>() {
                Ok(refused) if matches!(*refused, ServiceError::NotAllowed(_)) => {
                    Malformed::Service(*refused).into()
                }
                Ok(failed) => Self::Service(*failed),
                Err(error) => Malformed::Evaluation(error).into(),
            },
            QueryEvaluationError::UnboundService => Malformed::UnboundService.into(),
            error @ (QueryEvaluationError::UnsupportedCustomFunction(_)
            | QueryEvaluationError::UnsupportedCustomFunctionArity { .. }
            | QueryEvaluationError::InvalidServiceName(_)
            | QueryEvaluationError::UnsupportedService(_)) => {
                Malformed::Evaluation(Box::new(error)).into()
            }
            error => Self::Internal(Box::new(error)),
        }
    }
}

impl ServiceError {
    /// Whether the endpoint took too long.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Unreachable(_, error) if error.is_timeout())
    }
}
