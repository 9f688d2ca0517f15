//! The HTTP service: [`router`] makes it, [`serve`] runs it.

mod accept;
mod bodies;
mod body;
mod cache;
mod client;
mod content_search;
mod described;
mod description;
mod error;
pub mod iiif;
mod images;
mod json;
mod live;
pub mod pages;
mod presentation;
mod query;
pub mod server;
mod socket;
mod sparql;
mod statistics;
mod status;
mod stream;
mod watch;

use crate::describe::PageQuery;
use crate::place;
use crate::place::fair::{Crowded, Place, Places};
use crate::sparql::Sparql;
use crate::store::ViewFiles;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use bodies::Bodies;
use error::ApiError;
pub use live::Live;
use pages::Pages;
use pages::operator::PageSettings;
use server::ConnectionLimits;
use statistics::Statistics;
use std::any::Any;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::cors::{AllowHeaders, Any as AnyOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use url::Url;

/// The OpenAPI document, which a test holds against [`routes`].
const OPENAPI: &str = include_str!("openapi.json");

/// Answers that are shorter fit into one packet and are sent as they are.
const COMPRESSED_BYTES: u64 = 1400;

/// All that a request needs.
pub struct AppState {
    sparql: Sparql,
    settings: HttpSettings,
    /// Places for blocking work.
    places: Places,
    bodies: Arc<Bodies>,
    pages: Pages,
    statistics: OnceCell<Statistics>,
    /// What the store reads; after `sparql`, which is dropped before.
    _store: Option<ViewFiles>,
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Name of the service on its pages and in its descriptions.
    pub project_name: String,
    /// Where clients reach the service, if not where they say they do (`Host`).
    pub public_url: Option<Url>,
    /// Longest request body.
    pub body_limit_bytes: usize,
    /// Queries that run at the same time; more wait.
    pub max_queries: NonZeroUsize,
    /// Of these, those of one client.
    pub max_queries_per_client: NonZeroUsize,
    /// Whether the last address of `X-Forwarded-For` is that of the client.
    pub trust_proxy: bool,
    /// How long a query waits for its turn before its client is told to come back later.
    pub max_wait: Duration,
    /// Looks and links of the pages.
    pub pages: PageSettings,
    /// What tells about images.
    pub page_query: PageQuery,
}

impl Default for HttpSettings {
    fn default() -> Self {
        // A query computes on one core, but it also waits: for image servers, for slow clients.
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let max_queries = cores.saturating_mul(NonZeroUsize::new(4).expect("not zero"));
        Self {
            project_name: "IIIF CLIP Search".to_owned(),
            public_url: None,
            body_limit_bytes: 10 * 1024 * 1024,
            max_queries,
            max_queries_per_client: most_of(max_queries),
            trust_proxy: false,
            max_wait: Duration::from_secs(30),
            pages: PageSettings::default(),
            page_query: PageQuery::default(),
        }
    }
}

/// What one client may have of so many queries, unless an operator says otherwise: three quarters, and not all of
/// several.
#[must_use]
pub fn most_of(max_queries: NonZeroUsize) -> NonZeroUsize {
    let n = max_queries.get();
    NonZeroUsize::new(n - n.div_ceil(4)).unwrap_or(NonZeroUsize::MIN)
}

impl AppState {
    /// The state of a service that answers with `sparql`.
    #[must_use]
    pub fn new(sparql: Sparql, settings: HttpSettings) -> Self {
        let pages = Pages::new(sparql.engine().collection(), &settings.pages);
        Self {
            pages,
            statistics: OnceCell::new(),
            sparql,
            bodies: Arc::new(Bodies::new(settings.body_limit_bytes)),
            places: Places::new(
                settings.max_queries.get(),
                settings.max_queries_per_client.get(),
            ),
            settings,
            _store: None,
        }
    }

    /// The same with the files of its store, which are kept for as long as it is asked.
    #[must_use]
    pub fn with_store_files(self, files: Option<ViewFiles>) -> Self {
        Self {
            _store: files,
            ..self
        }
    }

    /// What answers queries.
    #[must_use]
    pub fn sparql(&self) -> &Sparql {
        &self.sparql
    }

    /// A state that answers with `sparql` within the bounds of this one: its queries and bodies are counted together
    /// with those that still run here.
    #[must_use]
    pub fn successor(&self, sparql: Sparql) -> Self {
        Self {
            bodies: Arc::clone(&self.bodies),
            places: self.places.clone(),
            ..Self::new(sparql, self.settings.clone())
        }
    }

    /// What the metadata store holds: counted by the first who asks.
    async fn statistics(self: &Arc<Self>) -> Result<&Statistics, ApiError> {
        let count = || async {
            let worker = Arc::clone(self);
            self.block(move || Statistics::count(&worker.sparql)).await
        };
        self.statistics.get_or_try_init(count).await
    }

    /// Waits for a place among the queries.
    ///
    /// # Errors
    /// [`ApiError::Busy`] if there is none for too long, and [`ApiError::TooManyOfClient`] if that is the client's doing.
    async fn place(&self) -> Result<Place, ApiError> {
        let client = client::current();
        let place = (self.places.ask(client)).map_err(|Crowded| ApiError::TooManyOfClient)?;
        match tokio::time::timeout(self.settings.max_wait, place).await {
            Ok(place) => Ok(place),
            Err(_) if self.places.has_all_of_its(client) => Err(ApiError::TooManyOfClient),
            Err(_) => Err(ApiError::Busy),
        }
    }

    /// Runs `work` on a thread that may block, when there is a place for it.
    async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let place = self.place().await?;
        let span = tracing::Span::current();
        let runtime = Handle::current();
        join(tokio::task::spawn_blocking(move || {
            let _place = place::hold(place, runtime);
            let _in_request = span.entered();
            work()
        }))
        .await
    }
}

/// The service: every route, and what holds for all of them (CORS, panics, tracing).
pub fn router(state: Arc<AppState>) -> Router {
    live_router(Live::new(state))
}

/// The same for a state that is replaced while it is served.
pub fn live_router(live: Live) -> Router {
    let mut router = Router::new();
    for (path, methods) in routes() {
        router = router.route(path, methods);
    }
    let cors = CorsLayer::new()
        .allow_origin(AnyOrigin)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::OPTIONS])
        .allow_headers(AllowHeaders::mirror_request())
        .max_age(Duration::from_secs(24 * 60 * 60));
    // Fast, because it is done between other requests, and rows shrink to a tenth even so.
    let compression = CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(COMPRESSED_BYTES));
    // The path alone: a query may hold an image of megabytes.
    let trace = TraceLayer::new_for_http()
        .make_span_with(|request: &Request| {
            tracing::info_span!("http", method = %request.method(), path = request.uri().path())
        })
        .on_response(DefaultOnResponse::new().level(tracing::Level::INFO))
        // ApiError logs what the operator must know, once.
        .on_failure(());
    router
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        // Bodies are bounded where they are read, with an error that says so.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn(cache::tag))
        .layer(compression)
        .layer(cors)
        .layer(no_sniffing())
        .layer(axum::middleware::from_fn_with_state(
            live.clone(),
            client::identify,
        ))
        .layer(trace)
        .with_state(live)
}

/// Tells browsers to take the types of answers as they are.
fn no_sniffing() -> SetResponseHeaderLayer<HeaderValue> {
    const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
    SetResponseHeaderLayer::overriding(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF)
}

/// Every path with its methods. (Clients POST to `/sparql/` too, and lose the query over a redirect.)
fn routes() -> [(&'static str, MethodRouter<Live>); 18] {
    let query = || get(query::get).post(query::post);
    let sparql = || get(sparql::get).post(sparql::post);
    [
        ("/", get(pages::search)),
        ("/assets/{name}", get(pages::assets::asset)),
        ("/logo", get(pages::logo)),
        ("/sparql", sparql()),
        ("/sparql/", sparql()),
        ("/query", query()),
        ("/query/", query()),
        ("/images", get(images::get).post(images::post)),
        ("/iiif/manifest", get(presentation::manifest)),
        ("/iiif/collection", get(presentation::collection)),
        ("/iiif/canvas/{id}", get(presentation::canvas)),
        ("/iiif/search/1", get(content_search::version_1)),
        ("/iiif/search/2", get(content_search::version_2)),
        (
            "/iiif/search/1/{manifest}",
            get(content_search::version_1_in),
        ),
        (
            "/iiif/search/2/{manifest}",
            get(content_search::version_2_in),
        ),
        ("/health", get(status::health)),
        ("/ready", get(status::ready)),
        ("/openapi.json", get(openapi)),
    ]
}

/// What [`routes`] has, as a part of a sentence.
const ROUTES: &str = "there are GET and POST /sparql, GET and POST /query, GET and POST /images, GET /iiif/manifest, GET /iiif/collection, GET /iiif/canvas/{id}, GET /iiif/search/1, GET /iiif/search/2, GET /iiif/search/1/{manifest}, GET /iiif/search/2/{manifest}, GET /health, GET /ready, GET /openapi.json, GET /assets/{name}, GET /logo and GET /";

/// Serves `router` until `shutdown` is done; then accepts nothing more and waits for requests in
/// flight, [`server::SHUTDOWN_GRACE`] at most.
///
/// Queries that are cut off then end at their next row; a caller that wants to exit at once ends its
/// runtime with [`tokio::runtime::Runtime::shutdown_timeout`].
///
/// # Errors
/// None now: a listener that fails is tried again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    server::serve_within(listener, router, ConnectionLimits::default(), shutdown).await
}

async fn openapi() -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, JSON)], OPENAPI).into_response()
}

async fn no_such_path(uri: Uri) -> ApiError {
    ApiError::NoSuchPath {
        path: uri.path().to_owned(),
        routes: ROUTES,
    }
}

async fn no_such_method(method: Method, uri: Uri) -> ApiError {
    ApiError::NoSuchMethod {
        method,
        path: uri.path().to_owned(),
        routes: ROUTES,
    }
}

/// A bug of ours; the panic hook has printed where, and the client gets a sentence.
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown");
    tracing::error!("a request panicked: {message}");
    error::text(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the service failed at this request; its log says where",
    )
}

/// The result of blocking work; its panic goes on in the caller.
async fn join<T>(work: JoinHandle<T>) -> Result<T, ApiError> {
    match work.await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(result) => Ok(result),
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => Err(ApiError::ShuttingDown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    fn document() -> Value {
        serde_json::from_str(OPENAPI).unwrap()
    }

    fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        names.into_iter().collect()
    }

    #[test]
    fn openapi_has_every_path_and_no_other() {
        let document = document();
        let documented = document["paths"].as_object().unwrap();
        assert_eq!(
            names(documented.keys().map(String::as_str)),
            names(routes().iter().map(|(path, _)| *path))
        );
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn openapi_has_every_parameter_and_no_other() {
        let document = document();
        let in_manifest = || names(content_search::PARAMETERS.into_iter().chain(["manifest"]));
        for (path, known) in [
            ("/query", names(query::PARAMETERS)),
            ("/sparql", names(sparql::documented_parameters())),
            ("/images", names(images::PARAMETERS)),
            ("/iiif/manifest", names(query::parameters_of_documents())),
            ("/iiif/collection", names(query::parameters_of_documents())),
            ("/iiif/search/1", names(content_search::PARAMETERS)),
            ("/iiif/search/2", names(content_search::PARAMETERS)),
            ("/iiif/search/1/{manifest}", in_manifest()),
            ("/iiif/search/2/{manifest}", in_manifest()),
        ] {
            for method in ["get", "post"] {
                let operation = &document["paths"][path][method];
                if operation.is_null() && path.starts_with("/iiif/") {
                    continue;
                }
                let parameters = operation["parameters"].as_array().unwrap();
                let documented = parameters.iter().map(|p| p["name"].as_str().unwrap());
                assert_eq!(names(documented), known, "{method} {path}");
                let Some(bodies) = operation["requestBody"]["content"].as_object() else {
                    continue;
                };
                for (media_type, body) in bodies {
                    let Some(fields) = body["schema"]["properties"].as_object() else {
                        continue;
                    };
                    let documented = fields.keys().map(String::as_str);
                    assert_eq!(names(documented), known, "{method} {path} {media_type}");
                }
            }
        }
    }

    #[tokio::test]
    async fn shutdown_waits_for_requests_in_flight_but_not_for_ever() {
        let (started, mut wait_for_start) = tokio::sync::mpsc::channel(1);
        let router = Router::new().route(
            "/",
            get(async move || {
                started.send(()).await.unwrap();
                std::future::pending::<()>().await;
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let limits = ConnectionLimits {
            shutdown_grace: Duration::from_millis(100),
            ..ConnectionLimits::default()
        };
        let server = server::serve_within(listener, router, limits, shutdown);
        let server = tokio::spawn(server);
        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            .await
            .unwrap();
        wait_for_start.recv().await.unwrap();
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
        // No new connection is served.
        if let Ok(mut late) = TcpStream::connect(address).await {
            assert_eq!(late.read(&mut [0]).await.unwrap_or(0), 0);
        }
    }
}
