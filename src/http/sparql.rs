//! `/sparql`: the SPARQL 1.1 Protocol.

use super::accept::{self, Accept, Description};
use super::body::{self, Field, FieldValue};
use super::error::ApiError;
use super::{AppState, description, pages, stream};
use crate::sparql::QueryRequest;
use crate::sparql::results::{AnswerKind, GraphFormat, TableFormat};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use std::io::Write;
use std::sync::Arc;

const BODY_TYPES: &str =
    "application/x-www-form-urlencoded, application/sparql-query or multipart/form-data";

pub(super) async fn get(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut operation = Operation::default();
    operation.add_all(body::urlencoded(query.unwrap_or_default().as_bytes())?)?;
    if operation.query.is_some() || operation.lacks_query() {
        answer(state, &headers, operation).await
    } else {
        describe(state, &uri, &headers).await
    }
}

pub(super) async fn post(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let mut operation = Operation::default();
    operation.add_all(body::urlencoded(query.unwrap_or_default().as_bytes())?)?;
    let (bytes, _reserved) = state.bodies.read(&headers, body).await?;
    match body::media_type(&headers).as_str() {
        // Blazegraph puts the query into the URL of a POST without body and Content-Type.
        _ if bytes.is_empty() => {}
        "application/x-www-form-urlencoded" => operation.add_all(body::urlencoded(&bytes)?)?,
        "application/sparql-query" => {
            operation.set_query(body::utf8(bytes, "the query".into())?)?
        }
        "application/sparql-update" => return Err(ApiError::ReadOnly),
        "multipart/form-data" => operation.add_all(body::multipart(&headers, bytes).await?)?,
        other => {
            return Err(ApiError::BodyType {
                found: if other.is_empty() { "unknown" } else { other }.to_owned(),
                known: BODY_TYPES,
            });
        }
    }
    answer(state, &headers, operation).await
}

/// The parameters that are read. Engines send others (`queryId`, `maxrows`, `infer`, …), which are
/// ignored.
const PARAMETERS: [(&str, Parameter); 7] = [
    ("query", Parameter::Query),
    ("update", Parameter::Update),
    ("default-graph-uri", Parameter::DefaultGraph),
    ("named-graph-uri", Parameter::NamedGraph),
    ("format", Parameter::Format),
    ("output", Parameter::Format),
    ("explain", Parameter::Explain),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parameter {
    Query,
    Update,
    DefaultGraph,
    NamedGraph,
    Format,
    Explain,
}

/// What a client asks for, in the terms of the protocol.
#[derive(Default)]
struct Operation {
    query: Option<String>,
    default_graphs: Vec<String>,
    named_graphs: Vec<String>,
    /// What `output` or `format` says; clients send both, and several times.
    formats: Vec<String>,
    /// Not for the answer, but for how it is found.
    is_explain: bool,
    /// A parameter whose name is that of the query but for its case.
    misspelt: Option<String>,
}

impl Operation {
    fn add_all(&mut self, fields: impl IntoIterator<Item = Field>) -> Result<(), ApiError> {
        fields.into_iter().try_for_each(|field| self.add(field))
    }

    fn add(&mut self, Field { name, value }: Field) -> Result<(), ApiError> {
        let Some((_, parameter)) = PARAMETERS.iter().find(|(known, _)| *known == name) else {
            if name.eq_ignore_ascii_case("query") {
                self.misspelt = Some(name);
            }
            return Ok(());
        };
        let text = match value {
            FieldValue::Text(text) => text,
            FieldValue::File(bytes) => body::utf8(bytes, "an uploaded file".into())?,
        };
        match parameter {
            Parameter::Query => return self.set_query(text),
            Parameter::Update => return Err(ApiError::ReadOnly),
            // What forms send for a field that is left empty.
            Parameter::DefaultGraph | Parameter::NamedGraph if text.trim().is_empty() => {}
            Parameter::DefaultGraph => self.default_graphs.push(text),
            Parameter::NamedGraph => self.named_graphs.push(text),
            Parameter::Format => self.formats.push(text),
            Parameter::Explain => {
                self.is_explain = match text.trim() {
                    "true" | "1" | "" => true,
                    "false" | "0" => false,
                    _ => {
                        return Err(ApiError::BadValue {
                            name: "explain",
                            expected: "true or false",
                            found: text,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn set_query(&mut self, query: String) -> Result<(), ApiError> {
        match self.query.replace(body::without_mark(query)) {
            None => Ok(()),
            Some(_) => Err(ApiError::Repeated("query")),
        }
    }

    /// Whether there is no query, but something that only a query has.
    fn lacks_query(&self) -> bool {
        self.query.is_none()
            && (self.misspelt.is_some()
                || self.is_explain
                || !self.default_graphs.is_empty()
                || !self.named_graphs.is_empty())
    }

    /// The query, of which there must be one.
    fn take_query(&mut self) -> Result<String, ApiError> {
        self.query.take().ok_or_else(|| match self.misspelt.take() {
            Some(found) => ApiError::MisspeltQuery { found },
            None => ApiError::NoQuery,
        })
    }

    /// The formats of the answer. `output` and `format` count only for clients that say nothing in
    /// `Accept`: federation engines send both, and mean what `Accept` says.
    fn formats(&self, accept: &Accept) -> (TableFormat, GraphFormat) {
        let named = self.formats.iter().filter(|_| accept.is_indifferent());
        let table = named.clone().find_map(|name| accept::table_named(name));
        let graph = named.clone().find_map(|name| accept::graph_named(name));
        (
            table.unwrap_or_else(|| accept.table()),
            graph.unwrap_or_else(|| accept.graph()),
        )
    }
}

async fn answer(
    state: Arc<AppState>,
    headers: &HeaderMap,
    mut operation: Operation,
) -> Result<Response, ApiError> {
    if operation.is_explain {
        return explain(state, headers, operation).await;
    }
    let (table, graph) = operation.formats(&Accept::from_headers(headers));
    let query = operation.take_query()?;
    let permit = state.place().await?;
    let response = stream::respond(permit, move |out| {
        let answer = state.sparql.answer(&QueryRequest {
            query: &query,
            default_graphs: operation.default_graphs,
            named_graphs: operation.named_graphs,
            cancellation: out.cancellation(),
            max_time: None,
        })?;
        out.set_content_type(content_type(answer.kind(), table, graph));
        answer.write(table, graph, out)
    });
    Ok(varying(response.await?))
}

/// How the query is answered, as JSON or, for who prefers it, as text.
async fn explain(
    state: Arc<AppState>,
    headers: &HeaderMap,
    mut operation: Operation,
) -> Result<Response, ApiError> {
    let names = |name: &str| operation.formats.iter().any(|format| format == name);
    let is_text = Accept::from_headers(headers).prefers_plain_text() || names("text");
    let query = operation.take_query()?;
    let permit = state.place().await?;
    let response = stream::respond(permit, move |out| {
        let explanation = state.sparql.explain(&QueryRequest {
            query: &query,
            default_graphs: operation.default_graphs,
            named_graphs: operation.named_graphs,
            cancellation: out.cancellation(),
            max_time: None,
        })?;
        if is_text {
            out.set_content_type("text/plain; charset=utf-8");
            write!(out, "{explanation}")?;
        } else {
            out.set_content_type("application/json");
            serde_json::to_writer_pretty(&mut *out, &explanation).map_err(std::io::Error::from)?;
        }
        Ok(out.flush()?)
    });
    Ok(varying(response.await?))
}

/// A request without a query asks what this endpoint is.
async fn describe(
    state: Arc<AppState>,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let endpoint = description::endpoint_url(state.settings.public_url.as_ref(), headers);
    let response = match Accept::from_headers(headers).description() {
        Description::Html => pages::workbench(&state, &endpoint, uri, headers),
        Description::Graph(GraphFormat::Turtle) => {
            let statistics = state.statistics().await?;
            description::turtle(&state, statistics, &endpoint)
        }
        Description::Graph(format) => {
            let statistics = state.statistics().await?;
            let query = description::construct(&state, statistics, &endpoint);
            let permit = state.place().await?;
            stream::respond(permit, move |out| {
                let answer = state.sparql.answer(&QueryRequest {
                    query: &query,
                    cancellation: out.cancellation(),
                    ..QueryRequest::default()
                })?;
                out.set_content_type(format.media_type());
                answer.write(TableFormat::Json, format, out)
            })
            .await?
        }
    };
    Ok(varying(response))
}

/// For SPARQL results the bare type: some clients compare it as a string. Text types say their charset,
/// which would be US-ASCII otherwise.
fn content_type(kind: AnswerKind, table: TableFormat, graph: GraphFormat) -> &'static str {
    match kind {
        AnswerKind::Solutions | AnswerKind::Boolean => match table {
            TableFormat::Json | TableFormat::Xml => table.media_type(),
            TableFormat::Csv => "text/csv; charset=utf-8",
            TableFormat::Tsv => "text/tab-separated-values; charset=utf-8",
        },
        AnswerKind::Graph => match graph {
            GraphFormat::Turtle => description::TURTLE,
            GraphFormat::NTriples
            | GraphFormat::RdfXml
            | GraphFormat::JsonLd
            | GraphFormat::TriG
            | GraphFormat::NQuads => graph.media_type(),
        },
    }
}

/// Names of the parameters that make sense to send.
#[cfg(test)]
pub(super) fn documented_parameters() -> impl Iterator<Item = &'static str> {
    PARAMETERS
        .into_iter()
        .filter(|(_, parameter)| *parameter != Parameter::Update)
        .map(|(name, _)| name)
}

/// Tells caches that the answer depends on `Accept`.
fn varying(mut response: Response) -> Response {
    response
        .headers_mut()
        .append(header::VARY, HeaderValue::from_static("Accept"));
    response
}
