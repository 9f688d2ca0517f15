//! SERVICE: only to the endpoints that the operator has allowed, or this one would relay requests.

use super::{QueryError, algebra};
use oxigraph::sparql::{DefaultServiceHandler, QuerySolutionIter, SparqlEvaluator};
use oxrdf::NamedNode;
use sparesults::{
    QueryResultsFormat, QueryResultsParseError, QueryResultsParser, ReaderQueryResultsParserOutput,
};
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use spargebra::term::NamedNodePattern;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Answers of other endpoints are refused beyond this size, in bytes.
const MAX_ANSWER: usize = 256 << 20;

/// Time for a call when queries have no time limit.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// The endpoints that SERVICE may call.
#[derive(Clone)]
pub(super) struct Services {
    allowed: Arc<HashSet<String>>,
    timeout: Duration,
    runtime: tokio::runtime::Handle,
}

/// Why a SERVICE has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceError {
    #[error(
        "SERVICE <{0}> is not allowed here; send this part of the query to that endpoint yourself, or ask the operator to add it to CLIP_ALLOW_SERVICE"
    )]
    NotAllowed(String),
    #[error("SERVICE <{0}> cannot be reached: {1}")]
    Unreachable(String, reqwest::Error),
    #[error("SERVICE <{0}> answered with status {1}: {2}")]
    Status(String, u16, String),
    #[error("SERVICE <{0}> answered with more than {MAX_ANSWER} bytes")]
    TooLarge(String),
    #[error("SERVICE <{0}> answered in a format that is none of SPARQL JSON, XML or TSV: {1}")]
    Format(String, String),
    #[error("SERVICE <{0}> gave an answer that cannot be read: {1}")]
    Parse(String, QueryResultsParseError),
}

impl Services {
    pub(super) fn new(
        allowed: &[String],
        runtime: tokio::runtime::Handle,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            allowed: Arc::new(allowed.iter().cloned().collect()),
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            runtime,
        }
    }

    /// Refuses a query that names an endpoint which is not allowed, before anything is evaluated;
    /// SILENT does not hide it, since nothing was tried.
    pub(super) fn check(&self, pattern: &GraphPattern) -> Result<(), QueryError> {
        let mut refused = None;
        algebra::visit(pattern, &mut |node| {
            if let GraphPattern::Service {
                name: NamedNodePattern::NamedNode(name),
                ..
            } = node
                && !self.allowed.contains(name.as_str())
            {
                refused = Some(name.as_str().to_owned());
            }
        });
        match refused {
            Some(name) => Err(QueryError::Malformed(
                ServiceError::NotAllowed(name).to_string(),
            )),
            None => Ok(()),
        }
    }

    pub(super) fn register(&self, evaluator: SparqlEvaluator) -> SparqlEvaluator {
        evaluator.with_default_service_handler(self.clone())
    }

    async fn call(&self, name: &str, query: String) -> Result<(String, Vec<u8>), ServiceError> {
        let unreachable = |error| ServiceError::Unreachable(name.to_owned(), error);
        let client = crate::net::client_builder()
            .timeout(self.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(unreachable)?;
        let mut response = client
            .post(name)
            .header(
                reqwest::header::ACCEPT,
                "application/sparql-results+json, application/sparql-results+xml;q=0.9, text/tab-separated-values;q=0.5",
            )
            .header(reqwest::header::CONTENT_TYPE, "application/sparql-query")
            .body(query)
            .send()
            .await
            .map_err(unreachable)?;
        let media_type = response
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(ServiceError::TooLarge(name.to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            let text = String::from_utf8_lossy(&body).chars().take(300).collect();
            return Err(ServiceError::Status(name.to_owned(), status.as_u16(), text));
        }
        Ok((media_type, body))
    }
}

impl DefaultServiceHandler for Services {
    type Error = ServiceError;

    fn handle(
        &self,
        service_name: &NamedNode,
        pattern: &GraphPattern,
        base_iri: Option<&oxiri::Iri<String>>,
    ) -> Result<QuerySolutionIter<'static>, ServiceError> {
        let name = service_name.as_str();
        if !self.allowed.contains(name) {
            return Err(ServiceError::NotAllowed(name.to_owned()));
        }
        let query = Query::Select {
            dataset: None,
            pattern: pattern.clone(),
            base_iri: base_iri.cloned(),
        };
        let (media_type, body) = self.runtime.block_on(self.call(name, query.to_string()))?;
        let format = QueryResultsFormat::from_media_type(&media_type)
            .filter(|format| *format != QueryResultsFormat::Csv)
            .ok_or_else(|| ServiceError::Format(name.to_owned(), media_type))?;
        let parsed = QueryResultsParser::from_format(format)
            .for_reader(std::io::Cursor::new(body))
            .map_err(|error| ServiceError::Parse(name.to_owned(), error))?;
        match parsed {
            ReaderQueryResultsParserOutput::Solutions(solutions) => Ok(QuerySolutionIter::new(
                solutions.variables().to_vec().into(),
                solutions.map(|solution| {
                    solution.map_err(|error| {
                        oxigraph::sparql::QueryEvaluationError::Service(Box::new(error))
                    })
                }),
            )),
            ReaderQueryResultsParserOutput::Boolean(_) => Err(ServiceError::Format(
                name.to_owned(),
                "a boolean".to_owned(),
            )),
        }
    }
}
