//! The service over HTTP: in process where possible, over loopback where the wire matters.

mod around;
mod bodies;
mod cache;
mod carried;
mod connections;
mod described;
mod description;
mod iiif;
mod images;
mod live;
mod pages;
mod protocol;
mod query;
mod service;
mod together;
mod wire;

use crate::colours::{self, ColourEncoder};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, header};
use clip_search::collection::Collection;
use clip_search::encoder::Encoder;
use clip_search::engine::Engine;
use clip_search::fetch::{FetchLimits, Fetcher};
use clip_search::http::server::{ConnectionLimits, serve_within};
use clip_search::http::{AppState, HttpSettings, router};
use clip_search::sparql::{Sparql, SparqlOptions};
use oxigraph::model::{GraphName, Literal, NamedNode, Quad};
use oxigraph::store::Store;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tower::ServiceExt;

const FORM: &str = "application/x-www-form-urlencoded";
const RESULTS_JSON: &str = "application/sparql-results+json";
const RESULTS_XML: &str = "application/sparql-results+xml";

/// The service and what it stands on.
struct Fixture {
    collection: Collection,
    encoder: Arc<dyn Encoder>,
    store: Store,
    allow: String,
    options: SparqlOptions,
    settings: HttpSettings,
    fetches: FetchLimits,
}

impl Default for Fixture {
    fn default() -> Self {
        Self {
            collection: colours::collection(),
            encoder: Arc::new(ColourEncoder),
            store: Store::new().unwrap(),
            allow: String::new(),
            options: SparqlOptions::default(),
            settings: HttpSettings::default(),
            fetches: FetchLimits::default(),
        }
    }
}

impl Fixture {
    fn router(self) -> Router {
        let allow = self.allow.parse().unwrap();
        let fetcher = Fetcher::new(Handle::current(), allow, self.fetches).unwrap();
        let engine = Engine::new(Arc::new(self.collection), self.encoder, fetcher);
        let sparql = Sparql::new(
            self.store,
            Arc::new(engine),
            self.options,
            Handle::current(),
        );
        router(Arc::new(AppState::new(sparql, self.settings)))
    }

    async fn serve(self) -> SocketAddr {
        let (address, _, stop) = self.serve_until_stopped().await;
        // Never sent, never dropped: the server ends with the test's runtime.
        std::mem::forget(stop);
        address
    }

    async fn serve_until_stopped(
        self,
    ) -> (
        SocketAddr,
        tokio::task::JoinHandle<std::io::Result<()>>,
        oneshot::Sender<()>,
    ) {
        self.serve_within(ConnectionLimits::default()).await
    }

    async fn serve_within(
        self,
        limits: ConnectionLimits,
    ) -> (
        SocketAddr,
        tokio::task::JoinHandle<std::io::Result<()>>,
        oneshot::Sender<()>,
    ) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = serve_within(listener, self.router(), limits, async {
            let _ = stopped.await;
        });
        (address, tokio::spawn(server), stop)
    }
}

/// A store in which `?s ?p ?o . ?s2 ?p2 ?o2 . …` has more rows than anybody will ever read.
fn large_store() -> Store {
    let store = Store::new().unwrap();
    for n in 0..1000 {
        let node = NamedNode::new(format!("http://example.org/{n}")).unwrap();
        store
            .insert(&Quad::new(
                node.clone(),
                node,
                Literal::from(n),
                GraphName::DefaultGraph,
            ))
            .unwrap();
    }
    store
}

const ENDLESS: &str = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }";

fn service() -> Router {
    Fixture::default().router()
}

async fn send(router: &Router, request: Request<Body>) -> Response<Body> {
    router.clone().oneshot(request).await.unwrap()
}

async fn get(router: &Router, uri: &str, accept: Option<&str>) -> Response<Body> {
    let mut request = Request::get(uri);
    if let Some(accept) = accept {
        request = request.header(header::ACCEPT, accept);
    }
    send(router, request.body(Body::empty()).unwrap()).await
}

async fn post(
    router: &Router,
    uri: &str,
    content_type: &str,
    body: impl Into<Body>,
) -> Response<Body> {
    let mut request = Request::post(uri);
    if !content_type.is_empty() {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    send(router, request.body(body.into()).unwrap()).await
}

fn content_type(response: &Response<Body>) -> &str {
    response.headers()[header::CONTENT_TYPE].to_str().unwrap()
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

async fn body_json(response: Response<Body>) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

/// Percent-encoded for a URL or a form.
fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn multipart(parts: &[(&str, &str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (disposition, content_type, content) in parts {
        body.extend(format!("--xXx\r\nContent-Disposition: form-data; {disposition}\r\n").bytes());
        if !content_type.is_empty() {
            body.extend(format!("Content-Type: {content_type}\r\n").bytes());
        }
        body.extend(b"\r\n");
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--xXx--\r\n");
    ("multipart/form-data; boundary=xXx".to_owned(), body)
}
