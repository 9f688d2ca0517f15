//! SERVICE: only to the endpoints that the operator has allowed, or this one would relay requests.

use crate::results_json::{self, Order, Piece};
use crate::sparql::algebra::variables::{self, Binding};
use crate::sparql::algebra::{self, walk};
use crate::sparql::error::{Malformed, ServiceError};
use crate::sparql::request::placeholder::placeholder_index;
use oxigraph::sparql::{DefaultServiceHandler, QuerySolutionIter, SparqlEvaluator};
use oxrdf::{NamedNode, Variable};
use sparesults::{
    QueryResultsFormat, QueryResultsParser, ReaderQueryResultsParserOutput, ReaderSolutionsParser,
};
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use spargebra::term::NamedNodePattern;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::io::Cursor;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Whether evaluating `pattern` asks another endpoint, which it should not do twice.
pub(in crate::sparql) fn calls_service(pattern: &GraphPattern) -> bool {
    walk::any(pattern, &|node| {
        matches!(node, GraphPattern::Service { .. }) && placeholder_index(node).is_none()
    })
}

/// Answers of other endpoints are refused beyond this size, in bytes.
const MAX_ANSWER: usize = 256 << 20;

/// Time for a call when queries have no time limit.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Answers that are kept while a query runs, and how long each may be: an endpoint that is named by a variable
/// is called for each row.
const MAX_KEPT: usize = 64;

const MAX_KEPT_BYTES: usize = 1 << 20;

/// The endpoints that SERVICE may call.
#[derive(Clone)]
pub(in crate::sparql) struct Services {
    allowed: Arc<HashSet<String>>,
    timeout: Duration,
    runtime: tokio::runtime::Handle,
}

impl Services {
    pub(in crate::sparql) fn new(
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

    /// Refuses a query that names an endpoint which is not allowed, before anything is evaluated. With
    /// SILENT the call fails when its turn comes, and has one solution without bindings.
    pub(in crate::sparql) fn check(&self, pattern: &GraphPattern) -> Result<(), Malformed> {
        let mut refused = None;
        walk::visit(pattern, &mut |node| {
            if let GraphPattern::Service {
                name: NamedNodePattern::NamedNode(name),
                silent: false,
                ..
            } = node
                && !self.allowed.contains(name.as_str())
            {
                refused = Some(name.as_str().to_owned());
            }
        });
        match refused {
            Some(name) => Err(Malformed::Service(ServiceError::NotAllowed(name))),
            None => Ok(()),
        }
    }

    pub(in crate::sparql) fn register(&self, evaluator: SparqlEvaluator) -> SparqlEvaluator {
        evaluator.with_default_service_handler(Calls {
            services: self.clone(),
            kept: Mutex::default(),
        })
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
                return Err(ServiceError::TooLarge(name.to_owned(), MAX_ANSWER));
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

/// Evaluates each SERVICE whose endpoint is a variable after what binds that variable beside it, once for
/// each of its values: the evaluator asks for the name when it comes to the call, and joins bind nothing.
pub(in crate::sparql) fn name_endpoints(pattern: GraphPattern) -> GraphPattern {
    if matches!(pattern, GraphPattern::Join { .. }) {
        let mut parts = Vec::new();
        algebra::flatten(pattern, &mut parts);
        let (calls, others): (Vec<_>, Vec<_>) =
            (parts.into_iter()).partition(|part| endpoint_variable(part).is_some());
        let joined = algebra::join_all(others.into_iter().map(name_endpoints));
        return call_after(joined, calls);
    }
    let Ok(pattern) = walk::map_children(pattern, &mut |child| {
        Ok::<_, Infallible>(name_endpoints(child))
    });
    match pattern {
        GraphPattern::LeftJoin {
            left,
            right,
            expression,
        } if is_bound_by(&left, &right) => GraphPattern::Lateral {
            left,
            right: Box::new(GraphPattern::LeftJoin {
                left: Box::new(algebra::unit()),
                right,
                expression,
            }),
        },
        other => other,
    }
}

/// `joined` with each of the `calls`, those first whose endpoint is bound.
fn call_after(mut joined: GraphPattern, mut calls: Vec<GraphPattern>) -> GraphPattern {
    while !calls.is_empty() {
        let next = calls.iter().position(|call| is_bound_by(&joined, call));
        let call = calls.remove(next.unwrap_or(0));
        joined = match next {
            Some(_) => GraphPattern::Lateral {
                left: Box::new(joined),
                right: Box::new(call),
            },
            None => algebra::join(joined, call),
        };
    }
    joined
}

/// Whether `call` is a SERVICE whose endpoint `pattern` may bind.
fn is_bound_by(pattern: &GraphPattern, call: &GraphPattern) -> bool {
    endpoint_variable(call).is_some_and(|variable| {
        variables::bound_variables(pattern, Binding::Possible).contains(variable)
    })
}

/// The variable that names the endpoint of a SERVICE.
fn endpoint_variable(pattern: &GraphPattern) -> Option<&Variable> {
    match pattern {
        GraphPattern::Service {
            name: NamedNodePattern::Variable(variable),
            ..
        } => Some(variable),
        _ => None,
    }
}

/// An answer: its media type and its bytes.
type Body = (String, Arc<[u8]>);

/// The calls of one query.
struct Calls {
    services: Services,
    /// By endpoint and query.
    kept: Mutex<HashMap<(String, String), Body>>,
}

impl Calls {
    fn answer(&self, name: &str, query: String) -> Result<Body, ServiceError> {
        let key = (name.to_owned(), query);
        let known = |kept: &Mutex<HashMap<_, Body>>| {
            let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(&key).cloned()
        };
        if let Some(answer) = known(&self.kept) {
            return Ok(answer);
        }
        let call = self.services.call(name, key.1.clone());
        let (media_type, body) = self.services.runtime.block_on(call)?;
        let body = match QueryResultsFormat::from_media_type(&media_type) {
            Some(QueryResultsFormat::Json) => in_order(body),
            _ => body,
        };
        let answer: Body = (media_type, Arc::from(body));
        check_whole(name, &answer)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if answer.1.len() <= MAX_KEPT_BYTES && kept.len() < MAX_KEPT {
            kept.insert(key, answer.clone());
        }
        Ok(answer)
    }
}

impl DefaultServiceHandler for Calls {
    type Error = ServiceError;

    fn handle(
        &self,
        service_name: &NamedNode,
        pattern: &GraphPattern,
        base_iri: Option<&oxiri::Iri<String>>,
    ) -> Result<QuerySolutionIter<'static>, ServiceError> {
        let name = service_name.as_str();
        if !self.services.allowed.contains(name) {
            tracing::debug!("refused a SERVICE that is not in CLIP_ALLOW_SERVICE: {name}");
            return Err(ServiceError::NotAllowed(name.to_owned()));
        }
        let query = Query::Select {
            dataset: None,
            pattern: pattern.clone(),
            base_iri: base_iri.cloned(),
        };
        let solutions = solutions(name, &self.answer(name, query.to_string())?)?;
        Ok(QuerySolutionIter::new(
            solutions.variables().to_vec().into(),
            solutions.map(|solution| {
                solution.map_err(|error| {
                    oxigraph::sparql::QueryEvaluationError::Service(Box::new(error))
                })
            }),
        ))
    }
}

type Solutions = ReaderSolutionsParser<Cursor<Arc<[u8]>>>;

/// What the endpoint `name` has answered.
fn solutions(name: &str, (media_type, body): &Body) -> Result<Solutions, ServiceError> {
    let format = QueryResultsFormat::from_media_type(media_type)
        .filter(|format| *format != QueryResultsFormat::Csv)
        .ok_or_else(|| ServiceError::Format(name.to_owned(), media_type.clone()))?;
    let parsed = QueryResultsParser::from_format(format)
        .for_reader(Cursor::new(Arc::clone(body)))
        .map_err(|error| ServiceError::Parse(name.to_owned(), Box::new(error)))?;
    match parsed {
        ReaderQueryResultsParserOutput::Solutions(solutions) => Ok(solutions),
        ReaderQueryResultsParserOutput::Boolean(_) => Err(ServiceError::Format(
            name.to_owned(),
            "a boolean".to_owned(),
        )),
    }
}

/// Results in JSON as the parser reads them.
fn in_order(body: Vec<u8>) -> Vec<u8> {
    let order = results_json::order(body.as_slice()).expect("memory can be read");
    let Order::Members(members) = order else {
        return body;
    };
    let bytes = |place: u64| usize::try_from(place).expect("it is a place in memory");
    let pieces = members.pieces().map(|piece| match piece {
        Piece::Text(text) => text,
        Piece::Bytes(Range { start, end }) => &body[bytes(start)..bytes(end)],
    });
    pieces.concat()
}

/// An answer that breaks off must be known for one before rows of it are sent, and SILENT must then have no rows of
/// it: the evaluator would find out when it is there, and too late for both.
fn check_whole(name: &str, answer: &Body) -> Result<(), ServiceError> {
    for solution in solutions(name, answer)? {
        solution.map_err(|error| ServiceError::Parse(name.to_owned(), Box::new(error)))?;
    }
    Ok(())
}
