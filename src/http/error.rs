//! `ApiError`: who must act, and so which status, body and log level a failure gets.

use crate::data_url::DataUrlError;
use crate::encoder::together::EmbedError;
use crate::fetch::FetchError;
use crate::sparql::QueryError;
use crate::sparql::request::error::RequestError;
use axum::extract::multipart::MultipartError;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// A path without a handler.
    #[error("there is nothing at {path}; {routes}")]
    NoSuchPath {
        path: String,
        /// What there is.
        routes: &'static str,
    },
    /// A path that has no such method.
    #[error("{path} does not answer {method}; {routes}")]
    NoSuchMethod {
        method: Method,
        path: String,
        /// What there is.
        routes: &'static str,
    },
    /// A body over the limit.
    #[error(
        "the request body is longer than {limit_bytes} bytes; send less, for instance a smaller image"
    )]
    BodyTooLong { limit_bytes: usize },
    /// A body that did not come.
    #[error("the request body did not arrive within {limit_s} s; send it again")]
    BodyTooSlow { limit_s: u64 },
    /// A body that stopped on its way.
    #[error("nothing more of the request body came for {limit_s} s; send it again")]
    BodyStopped { limit_s: u64 },
    /// The memory for bodies is taken.
    #[error("the service has too many request bodies at hand; try again in {RETRY_AFTER_S} s")]
    TooManyBodies,
    /// A body that is packed in a way that is not read here.
    #[error("a body with Content-Encoding {found} is not read here; send it as it is, or as gzip")]
    BodyEncoding { found: String },
    /// A body that says it is gzip.
    #[error("the body is not gzip, as its Content-Encoding says ({0}); send it again")]
    NotGzip(#[source] std::io::Error),
    /// A body that broke off.
    #[error("the request body cannot be read; send it again")]
    BodyBroken(#[source] axum::Error),
    /// A body in a form that is not read here.
    #[error("a body of type {found} is not read here; send {known}")]
    BodyType { found: String, known: &'static str },
    /// Text that is not UTF-8.
    #[error("{what} is not UTF-8; send it in that encoding")]
    NotUtf8 { what: Cow<'static, str> },
    /// A multipart body that cannot be parsed.
    #[error("the multipart body cannot be read: {}", .0.body_text())]
    Multipart(#[source] MultipartError),
    /// A JSON body that cannot be parsed.
    #[error(
        "the body is not JSON: {0}; send an object such as {{\"str\": \"a lake\", \"limit\": 10}}"
    )]
    Json(#[source] serde_json::Error),
    /// A JSON body of the wrong shape.
    #[error("the body must be a JSON object such as {{\"str\": \"a lake\", \"limit\": 10}}")]
    NotAnObject,
    /// A parameter more than once.
    #[error("the parameter {0} is given more than once; give it once")]
    Repeated(&'static str),
    /// A parameter whose value cannot be used.
    #[error("{name} must be {expected}, found {found}")]
    BadValue {
        name: &'static str,
        expected: &'static str,
        found: String,
    },
    /// The parameter `image` that holds no base64.
    #[error("image: {0}")]
    BadImage(#[source] DataUrlError),
    /// An uploaded file without content.
    #[error("{0}: the uploaded file is empty; send a picture")]
    EmptyFile(&'static str),
    /// A parameter that is nearly the query.
    #[error("there is no query, but a parameter {found}; names are case-sensitive: call it query")]
    MisspeltQuery { found: String },
    /// A request for /sparql without a query.
    #[error(
        "there is no query; send it as the parameter query or as a body of type application/sparql-query"
    )]
    NoQuery,
    /// SPARQL Update.
    #[error(
        "this endpoint is read-only and takes no SPARQL Update; send a query as the parameter query"
    )]
    ReadOnly,
    /// /sparql has no answer.
    #[error(transparent)]
    Query(QueryError),
    /// There is only something to exclude.
    #[error("there is nothing to search for; give a text, the URL of an image or an image")]
    NothingToSearch,
    /// A document of nothing.
    #[error(
        "nothing is asked for; give words as str, the URL of a picture as url, that of an image of the collection as similarTo, or ids of images as id{}",
        Unread(.unread)
    )]
    NothingAsked {
        /// Parameters that came and mean nothing here.
        unread: Vec<String>,
    },
    /// Images are searched for and chosen.
    #[error(
        "id chooses images, and the other parameters search for them; give the one or the others"
    )]
    SearchAndIds,
    /// More images than one request may ask about.
    #[error("one request may ask about {most} images at most; ask about the others in another")]
    TooManyImages { most: usize },
    /// A manifest without a canvas, of which there must be one.
    #[error("no image is found; ask for something else, or with a lower minScore")]
    NothingFound,
    /// Images that viewers could not show.
    #[error(
        "the sizes of these images are not known here, and viewers need them; the operator of this service may run `clip-search build` again, which asks for them"
    )]
    NoSizes,
    /// The address of a search service that no manifest has.
    #[error(
        "no manifest has this search service; take its address from a manifest, as it stands there"
    )]
    NoSuchManifest,
    /// An id that no image has.
    #[error(
        "the collection has no image with the id {}; an id has 40 hexadecimal digits, and /query tells that of each hit as imageId",
        Quoted(.id)
    )]
    NoSuchImage { id: String },
    /// A URL that no image has.
    #[error(
        "the collection has no image at {}; similarTo is the URL of one of its images, as /query tells it, and url that of any picture",
        Quoted(.url)
    )]
    NotInCollection { url: String },
    /// A file that the pages no longer have, or never had.
    #[error("the pages have no file {name}; load the page again")]
    NoSuchAsset { name: String },
    /// The logo of an operator who has none.
    #[error("this service has no logo; its operator sets one with --logo (CLIP_LOGO)")]
    NoLogo,
    /// What is excluded is all that is searched for.
    #[error("exclude cancels all that is searched for; exclude something else")]
    Cancelled,
    /// The parameter `url` or `image` gives no image.
    #[error("{name} gives no image: {reason}")]
    NoImage { name: &'static str, reason: String },
    /// The system gives no more threads.
    #[error("the service is too busy; try again later")]
    NoThread(#[source] std::io::Error),
    /// Too many queries for too long.
    #[error("the service is busy with other queries; try again in {RETRY_AFTER_S} s")]
    Busy,
    /// Too many queries of one client.
    #[error(
        "as many queries from your address run here as one client may have; wait for their answers, or try again in {RETRY_AFTER_S} s"
    )]
    TooManyOfClient,
    /// Too many pictures are on their way.
    #[error("the service is fetching too many pictures; try again in {RETRY_AFTER_S} s")]
    TooManyFetches,
    /// Too many texts and pictures wait for the model.
    #[error(
        "the service has too many texts and pictures to encode; try again in {RETRY_AFTER_S} s"
    )]
    TooManyToEncode,
    /// Work was dropped because the runtime ends.
    #[error("the service is shutting down; try again later")]
    ShuttingDown,
    /// The model does not answer.
    #[error("the model fails")]
    NotReady(#[source] EmbedError),
}

/// A busy service asks its clients to wait so many seconds.
const RETRY_AFTER_S: u16 = 5;

/// The header with the [kind](ApiError::kind) of a failure.
const KIND: HeaderName = HeaderName::from_static("clip-error");

/// Who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Actor {
    /// Who sent the request, who gets the whole story.
    Client,
    /// The operator, for whom the cause is logged; the client gets a short sentence.
    Operator,
}

/// A failure of an endpoint that speaks JSON: `{"error": "…"}`.
#[derive(Debug)]
pub(super) struct JsonError(ApiError);

impl<E: Into<ApiError>> From<E> for JsonError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Internal(cause)
                if matches!(cause.downcast_ref(), Some(FetchError::TooMany)) =>
            {
                Self::TooManyFetches
            }
            QueryError::Internal(cause)
                if matches!(cause.downcast_ref(), Some(EmbedError::Full)) =>
            {
                Self::TooManyToEncode
            }
            other => Self::Query(other),
        }
    }
}

impl From<EmbedError> for ApiError {
    fn from(error: EmbedError) -> Self {
        match error {
            EmbedError::Full => Self::TooManyToEncode,
            EmbedError::Encoder(_) | EmbedError::Stopped => Self::NotReady(error),
        }
    }
}

impl ApiError {
    fn verdict(&self) -> (StatusCode, Actor) {
        use Actor::{Client, Operator};
        match self {
            Self::NoSuchPath { .. }
            | Self::NothingFound
            | Self::NoSizes
            | Self::NoSuchManifest
            | Self::NoSuchAsset { .. }
            | Self::NoLogo
            | Self::NotInCollection { .. }
            | Self::NoSuchImage { .. } => (StatusCode::NOT_FOUND, Client),
            Self::NoSuchMethod { .. } => (StatusCode::METHOD_NOT_ALLOWED, Client),
            Self::BodyTooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, Client),
            Self::BodyTooSlow { .. } | Self::BodyStopped { .. } => {
                (StatusCode::REQUEST_TIMEOUT, Client)
            }
            Self::BodyType { .. } | Self::BodyEncoding { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, Client)
            }
            Self::BodyBroken(_)
            | Self::NotUtf8 { .. }
            | Self::Multipart(_)
            | Self::Json(_)
            | Self::NotAnObject
            | Self::Repeated(_)
            | Self::BadValue { .. }
            | Self::BadImage(_)
            | Self::NothingToSearch
            | Self::NothingAsked { .. }
            | Self::SearchAndIds
            | Self::TooManyImages { .. }
            | Self::Cancelled
            | Self::NoImage { .. }
            | Self::NotGzip(_)
            | Self::EmptyFile(_)
            | Self::MisspeltQuery { .. }
            | Self::NoQuery
            | Self::ReadOnly => (StatusCode::BAD_REQUEST, Client),
            Self::Query(error) => match error {
                QueryError::Malformed(_) | QueryError::Request(_) => {
                    (StatusCode::BAD_REQUEST, Client)
                }
                // The author must ask for less. Not 503, for which RDF4J drops the sentence that says
                // so; not 400, because the same query may be answered when there is less to do.
                QueryError::TimedOut(_) | QueryError::TooMuchMemory(_) | QueryError::Cancelled => {
                    (StatusCode::INTERNAL_SERVER_ERROR, Client)
                }
                QueryError::Service(failed) if failed.is_timeout() => {
                    (StatusCode::GATEWAY_TIMEOUT, Client)
                }
                QueryError::Service(_) => (StatusCode::BAD_GATEWAY, Client),
                QueryError::NotInFormat(_) => (StatusCode::NOT_ACCEPTABLE, Client),
                QueryError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, Operator),
            },
            Self::Busy
            | Self::TooManyBodies
            | Self::TooManyFetches
            | Self::TooManyToEncode
            | Self::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, Client),
            Self::TooManyOfClient => (StatusCode::TOO_MANY_REQUESTS, Client),
            Self::NoThread(_) => (StatusCode::SERVICE_UNAVAILABLE, Operator),
            Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, Operator),
        }
    }

    /// In one word what has happened, where the status does not tell it: pages say it in their visitor's language.
    fn kind(&self) -> Option<&'static str> {
        match self {
            Self::NoImage { .. } | Self::BadImage(_) | Self::EmptyFile(_) => Some("no-image"),
            Self::Cancelled => Some("opposed"),
            Self::Query(QueryError::TimedOut(_) | QueryError::TooMuchMemory(_)) => Some("too-much"),
            Self::Query(QueryError::Request(error)) => match **error {
                RequestError::Image { .. } => Some("no-image"),
                RequestError::Cancelled { .. } => Some("opposed"),
                RequestError::TooManyHits { .. } => Some("too-much"),
                _ => None,
            },
            _ => None,
        }
    }

    /// Tells clients what kind of failure this is, and those of a busy service when to try again.
    fn with_headers(&self, mut response: Response) -> Response {
        if let Some(kind) = self.kind() {
            response
                .headers_mut()
                .insert(KIND, HeaderValue::from_static(kind));
        }
        if matches!(
            self,
            Self::Busy
                | Self::TooManyOfClient
                | Self::TooManyBodies
                | Self::TooManyFetches
                | Self::TooManyToEncode
        ) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
        }
        response
    }

    /// The status, after logging the failure: this is called once, when the response is made.
    fn log(&self) -> StatusCode {
        let (status, actor) = self.verdict();
        match actor {
            Actor::Client => tracing::debug!(status = status.as_u16(), "{self}"),
            Actor::Operator => tracing::error!(status = status.as_u16(), "{}", Causes(self)),
        }
        status
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.log();
        // RDF4J reads this label to know that it may fall back to simpler queries.
        let label = match self {
            Self::Query(QueryError::Malformed(_) | QueryError::Request(_)) => "MALFORMED QUERY: ",
            _ => "",
        };
        let response = text(status, &format!("{label}{self}"));
        self.with_headers(response)
    }
}

impl IntoResponse for JsonError {
    fn into_response(self) -> Response {
        let status = self.0.log();
        let body = axum::Json(json!({ "error": self.0.to_string() }));
        self.0.with_headers((status, body).into_response())
    }
}

/// A response of one line for people and machines.
pub(super) fn text(status: StatusCode, sentence: &str) -> Response {
    const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
    (
        status,
        [(header::CONTENT_TYPE, PLAIN)],
        format!("{sentence}\n"),
    )
        .into_response()
}

/// The beginning of what somebody has sent, in quotes: it may be megabytes long.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(60) {
            Some((end, _)) => write!(f, "{:?}…", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// The end of a sentence on parameters that mean nothing.
struct Unread<'a>(&'a [String]);

impl fmt::Display for Unread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            f.write_str(if at == 0 {
                "; there is no parameter "
            } else {
                ", "
            })?;
            write!(f, "{}", Quoted(name))?;
        }
        Ok(())
    }
}

/// An error and all that caused it, as one line for the log.
pub(super) struct Causes<'a>(pub(super) &'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
