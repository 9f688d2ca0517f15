//! The service over HTTP: the SPARQL Protocol, /query, and what surrounds them.

use crate::colours::{self, ColourEncoder, iiif_url, png};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clip_search::embedding::Embedding;
use clip_search::encoder::{Encoder, EncoderError, ImageError, Pixels};
use clip_search::engine::Engine;
use clip_search::fetch::{FetchLimits, Fetcher};
use clip_search::http::{AppState, HttpSettings, router, serve};
use clip_search::image_id::image_id;
use clip_search::sparql::{Sparql, SparqlOptions};
use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::{GraphName, Literal, NamedNode, Quad};
use oxigraph::store::Store;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tower::ServiceExt;

const FORM: &str = "application/x-www-form-urlencoded";
const RESULTS_JSON: &str = "application/sparql-results+json";
const RESULTS_XML: &str = "application/sparql-results+xml";

/// The service and what it stands on.
struct Fixture {
    encoder: Arc<dyn Encoder>,
    store: Store,
    allow: String,
    options: SparqlOptions,
    settings: HttpSettings,
}

impl Default for Fixture {
    fn default() -> Self {
        Self {
            encoder: Arc::new(ColourEncoder),
            store: Store::new().unwrap(),
            allow: String::new(),
            options: SparqlOptions::default(),
            settings: HttpSettings::default(),
        }
    }
}

impl Fixture {
    fn router(self) -> Router {
        let allow = self.allow.parse().unwrap();
        let fetcher = Fetcher::new(Handle::current(), allow, FetchLimits::default()).unwrap();
        let engine = Engine::new(Arc::new(colours::collection()), self.encoder, fetcher);
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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = serve(listener, self.router(), async {
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

// --- /sparql: the protocol ---

const ONE_ROW: &str = "SELECT ?x ?y { VALUES ?x { \"ä+b c\" } }";

#[tokio::test]
async fn a_query_is_taken_in_every_form_of_the_protocol() {
    let router = service();
    let query = escaped(ONE_ROW);
    let in_url = format!("query={query}");
    let with_more = format!(
        "queryId=0f3c&infer=true&maxrows=10&timeout=5&{in_url}&results=json&results=xml&$x=1"
    );
    let (multipart_type, multipart_body) = multipart(&[("name=\"query\"", "", ONE_ROW.as_bytes())]);
    for path in ["/sparql", "/sparql/"] {
        for response in [
            get(&router, &format!("{path}?{in_url}"), None).await,
            get(&router, &format!("{path}?{with_more}"), None).await,
            get(
                &router,
                &format!("{path}?{}", in_url.replace('+', "%20")),
                None,
            )
            .await,
            post(&router, path, FORM, in_url.clone()).await,
            post(&router, path, FORM, with_more.clone()).await,
            post(
                &router,
                path,
                "Application/X-WWW-form-urlencoded; charset=utf-8",
                in_url.clone(),
            )
            .await,
            post(&router, path, "application/sparql-query", ONE_ROW).await,
            post(
                &router,
                path,
                "application/sparql-query;charset=utf-8",
                ONE_ROW,
            )
            .await,
            post(
                &router,
                path,
                "application/sparql-query; charset=UTF-8",
                ONE_ROW,
            )
            .await,
            // SPARQLWrapper
            post(
                &router,
                &format!("{path}?format=json&output=json&results=json"),
                "application/sparql-query",
                ONE_ROW,
            )
            .await,
            // Blazegraph
            post(&router, &format!("{path}?{in_url}&queryId=1"), "", "").await,
            post(&router, &format!("{path}?{in_url}"), FORM, "").await,
            post(
                &router,
                &format!("{path}?{in_url}"),
                "application/sparql-query",
                "",
            )
            .await,
            post(&router, &format!("{path}?{in_url}"), "text/plain", "").await,
            post(&router, path, &multipart_type, multipart_body.clone()).await,
        ] {
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(content_type(&response), RESULTS_JSON);
            assert_eq!(
                body_json(response).await,
                json!({
                    "head": {"vars": ["x", "y"]},
                    "results": {"bindings": [{"x": {"type": "literal", "value": "ä+b c"}}]},
                })
            );
        }
    }
}

#[tokio::test]
async fn answers_have_the_format_that_accept_prefers() {
    let router = service();
    let rdf4j = "text/csv;q=0.8, application/sparql-results+json;q=0.8, application/json;q=0.8, application/sparql-results+xml, application/xml, text/tab-separated-values;q=0.8, application/x-binary-rdf-results-table;q=0.8";
    let select = "SELECT ?x { VALUES ?x { 1 } }";
    let construct = "CONSTRUCT { <urn:a> <urn:b> \"c\" } {}";
    for (query, accept, expected_type, expected_start) in [
        (select, None, RESULTS_JSON, "{\"head\""),
        (select, Some("*/*"), RESULTS_JSON, "{\"head\""),
        (select, Some("application/json"), RESULTS_JSON, "{\"head\""),
        (select, Some(RESULTS_XML), RESULTS_XML, "<?xml"),
        (select, Some("application/xml"), RESULTS_XML, "<?xml"),
        (select, Some("text/xml"), RESULTS_XML, "<?xml"),
        (select, Some(rdf4j), RESULTS_XML, "<?xml"),
        (
            select,
            Some("text/csv"),
            "text/csv; charset=utf-8",
            "x\r\n1",
        ),
        (
            select,
            Some("text/tab-separated-values"),
            "text/tab-separated-values; charset=utf-8",
            "?x\n1",
        ),
        (
            select,
            Some("application/x-binary-rdf-results-table"),
            RESULTS_JSON,
            "{",
        ),
        (select, Some("text/turtle"), RESULTS_JSON, "{"),
        (
            "ASK {}",
            None,
            RESULTS_JSON,
            "{\"head\":{},\"boolean\":true}",
        ),
        ("ASK {}", Some(RESULTS_XML), RESULTS_XML, "<?xml"),
        (
            construct,
            None,
            "text/turtle; charset=utf-8",
            "<urn:a> <urn:b> \"c\"",
        ),
        (
            construct,
            Some(RESULTS_JSON),
            "text/turtle; charset=utf-8",
            "<urn:a>",
        ),
        (
            construct,
            Some("application/n-triples"),
            "application/n-triples",
            "<urn:a>",
        ),
        (
            construct,
            Some("application/rdf+xml"),
            "application/rdf+xml",
            "<?xml",
        ),
        (
            construct,
            Some("application/ld+json"),
            "application/ld+json",
            "[",
        ),
        ("DESCRIBE <urn:a>", None, "text/turtle; charset=utf-8", ""),
    ] {
        let response = get(
            &router,
            &format!("/sparql?query={}", escaped(query)),
            accept,
        )
        .await;
        assert_eq!(response.status(), StatusCode::OK, "{query} {accept:?}");
        assert_eq!(content_type(&response), expected_type, "{query} {accept:?}");
        let varies: Vec<_> = response.headers().get_all(header::VARY).iter().collect();
        assert!(varies.iter().any(|value| *value == "Accept"), "{varies:?}");
        let body = text(response).await;
        assert!(
            body.starts_with(expected_start),
            "{query} {accept:?}: {body}"
        );
    }
}

#[tokio::test]
async fn format_counts_only_without_a_preference_in_accept() {
    let router = service();
    let select = escaped("SELECT ?x { VALUES ?x { 1 } }");
    let construct = escaped("CONSTRUCT { <urn:a> <urn:b> 1 } {}");
    for (query, parameters, accept, expected) in [
        (&select, "format=csv", None, "text/csv; charset=utf-8"),
        (&select, "output=xml", Some("*/*"), RESULTS_XML),
        (
            &select,
            "output=html&format=tsv",
            None,
            "text/tab-separated-values; charset=utf-8",
        ),
        (
            &select,
            "format=application%2Fsparql-results%2Bxml",
            None,
            RESULTS_XML,
        ),
        (&select, "format=csv", Some(RESULTS_XML), RESULTS_XML),
        (&select, "format=nonsense", None, RESULTS_JSON),
        (&construct, "format=nt", None, "application/n-triples"),
        (&construct, "format=json", None, "application/ld+json"),
        (&construct, "format=csv", None, "text/turtle; charset=utf-8"),
    ] {
        let uri = format!("/sparql?query={query}&{parameters}");
        let response = get(&router, &uri, accept).await;
        assert_eq!(content_type(&response), expected, "{parameters} {accept:?}");
    }
}

#[tokio::test]
async fn requests_that_are_no_query_get_a_sentence_and_never_a_200() {
    let router = service();
    let ask = escaped("ASK {}");
    let check = async |response: Response<Body>, status: StatusCode, expected: &str| {
        assert_eq!(response.status(), status, "{expected}");
        assert_eq!(content_type(&response), "text/plain; charset=utf-8");
        let body = text(response).await;
        assert!(body.starts_with(expected), "{body}");
        assert_eq!(body.lines().count(), 1, "{body}");
    };
    let bad = StatusCode::BAD_REQUEST;
    let unsupported = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    check(
        post(&router, "/sparql", "", "").await,
        bad,
        "there is no query",
    )
    .await;
    check(
        post(&router, "/sparql", FORM, "x=y").await,
        bad,
        "there is no query",
    )
    .await;
    for response in [
        get(&router, &format!("/sparql?query={ask}&query={ask}"), None).await,
        post(&router, "/sparql", FORM, format!("query={ask}&query={ask}")).await,
        post(
            &router,
            &format!("/sparql?query={ask}"),
            FORM,
            format!("query={ask}"),
        )
        .await,
        post(
            &router,
            &format!("/sparql?query={ask}"),
            "application/sparql-query",
            "ASK {}",
        )
        .await,
    ] {
        check(response, bad, "the parameter query is given more than once").await;
    }
    for response in [
        get(&router, "/sparql?update=CLEAR+ALL", None).await,
        post(&router, "/sparql", FORM, "update=CLEAR+ALL").await,
        post(&router, "/sparql", "application/sparql-update", "CLEAR ALL").await,
    ] {
        check(response, bad, "this endpoint is read-only").await;
    }
    check(
        post(&router, "/sparql", "text/plain", "ASK {}").await,
        unsupported,
        "a body of type text/plain is not read here; send application/",
    )
    .await;
    check(
        post(&router, "/sparql", "", "ASK {}").await,
        unsupported,
        "a body of type unknown",
    )
    .await;
    check(
        post(&router, "/sparql", "application/sparql-query", vec![0xff]).await,
        bad,
        "the query is not UTF-8",
    )
    .await;
    check(
        post(&router, "/sparql", "multipart/form-data", "x").await,
        unsupported,
        "a body of type multipart/form-data without boundary",
    )
    .await;
}

#[tokio::test]
async fn a_malformed_query_is_labelled_for_rdf4j() {
    let router = service();
    for query in [
        "",
        "SELECT",
        "SELECT * { ?s ?p }",
        "CLEAR ALL",
        "ASK {} \u{0}",
    ] {
        let response = get(&router, &format!("/sparql?query={}", escaped(query)), None).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(content_type(&response), "text/plain; charset=utf-8");
        let body = text(response).await;
        assert!(body.starts_with("MALFORMED QUERY: "), "{body}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_the_limit() {
    let settings = HttpSettings {
        body_limit_bytes: 1000,
        ..HttpSettings::default()
    };
    let fixture = Fixture {
        settings,
        ..Fixture::default()
    };
    let router = fixture.router();
    let query = |n: usize| format!("ASK {{}} #{}", "x".repeat(n - 8));
    for (path, content_type) in [
        ("/sparql", "application/sparql-query"),
        ("/sparql", FORM),
        ("/query", FORM),
        ("/query", "application/json"),
    ] {
        let response = post(&router, path, content_type, query(1001)).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        let body = text(response).await;
        assert!(body.contains("longer than 1000 bytes"), "{body}");
    }
    let response = post(&router, "/sparql", "application/sparql-query", query(1000)).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_large_image_in_a_query_is_taken() {
    let query = format!("ASK {{ FILTER(STRLEN(\"{}\") > 0) }}", "A".repeat(3 << 20));
    let response = post(&service(), "/sparql", "application/sparql-query", query).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(body_json(response).await["boolean"], true);
}

#[tokio::test]
async fn a_clip_request_is_answered_with_every_variable_in_the_head() {
    // Without LIMIT and without minScore: the predecessor answered 500, and left out ?request.
    let query = "PREFIX clip: <https://service.swissartresearch.net/clip/>
        SELECT * { ?request a clip:Request ; clip:queryString \"red\" ; clip:score ?score ; clip:iiifUrl ?iiif }";
    let response = post(&service(), "/sparql", "application/sparql-query", query).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(content_type(&response), RESULTS_JSON);
    let answer = body_json(response).await;
    let mut variables: Vec<&str> = answer["head"]["vars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    variables.sort_unstable();
    assert_eq!(variables, ["iiif", "request", "score"]);
    let rows = answer["results"]["bindings"].as_array().unwrap();
    let images: Vec<&Value> = rows.iter().map(|row| &row["iiif"]["value"]).collect();
    assert_eq!(images, [&iiif_url("red"), &iiif_url("yellow")]);
    assert!(
        rows.iter().all(|row| row["request"]["type"] == "uri"),
        "{rows:?}"
    );
}

#[tokio::test]
async fn an_unusable_clip_request_is_the_authors_mistake() {
    let query = "PREFIX clip: <https://service.swissartresearch.net/clip/>
        SELECT * { ?request a clip:Request ; clip:queryURL <http://127.0.0.1:1/> ; clip:iiifUrl ?iiif }";
    let response = post(&service(), "/sparql", "application/sparql-query", query).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let body = text(response).await;
    assert!(body.starts_with("MALFORMED QUERY: "), "{body}");
    assert!(
        body.contains("127.0.0.1") && body.contains("allow list"),
        "{body}"
    );
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_an_error_or_cut_off_but_never_a_whole_answer() {
    let mut options = SparqlOptions::default();
    options.timeout = Some(Duration::from_millis(50));
    let fixture = Fixture {
        store: large_store(),
        options,
        ..Fixture::default()
    };
    let router = fixture.router();
    // A million rows, none of which is seen before the end.
    let count =
        escaped("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER(STR(?a) > STR(?d)) }");
    let response = get(&router, &format!("/sparql?query={count}"), None).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = text(response).await;
    assert!(body.starts_with("the query was stopped"), "{body}");
    let response = get(
        &router,
        &format!("/sparql?query={}", escaped(ENDLESS)),
        None,
    )
    .await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(
        axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn deep_queries_have_the_stack_that_they_need() {
    let query = format!(
        "ASK {{ FILTER({}true{}) }}",
        "(".repeat(190),
        ")".repeat(190)
    );
    let response = post(&service(), "/sparql", "application/sparql-query", query).await;
    assert_eq!(response.status(), StatusCode::OK);
}

// --- /sparql: the description ---

#[tokio::test]
async fn a_bare_get_describes_the_service_in_every_rdf_format() {
    let settings = HttpSettings {
        project_name: "Art \"of\" \\ <b>\nAlps".to_owned(),
        public_url: Some("https://example.org/clip/".parse().unwrap()),
        ..HttpSettings::default()
    };
    let mut options = SparqlOptions::default();
    options.services = vec!["https://other.example/sparql".to_owned()];
    options.default_limit = Some(500);
    let router = Fixture {
        settings,
        options,
        ..Fixture::default()
    }
    .router();
    let json_ld = RdfFormat::JsonLd {
        profile: Default::default(),
    };
    let mut descriptions = Vec::new();
    for (accept, expected, format) in [
        (None, "text/turtle; charset=utf-8", RdfFormat::Turtle),
        (
            Some("text/turtle;q=0.6,text/html;q=0.2"),
            "text/turtle; charset=utf-8",
            RdfFormat::Turtle,
        ),
        (
            Some("application/n-triples"),
            "application/n-triples",
            RdfFormat::NTriples,
        ),
        (
            Some("application/rdf+xml"),
            "application/rdf+xml",
            RdfFormat::RdfXml,
        ),
        (Some("application/ld+json"), "application/ld+json", json_ld),
    ] {
        let response = get(&router, "/sparql?unknown=1", accept).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(content_type(&response), expected);
        let body = text(response).await;
        let mut triples: Vec<String> = RdfParser::from_format(format)
            .for_slice(body.as_bytes())
            .map(|quad| quad.unwrap().to_string())
            .collect();
        triples.sort();
        descriptions.push(triples);
    }
    for other in &descriptions[1..] {
        assert_eq!(*other, descriptions[0]);
    }
    let sd = |name: &str| format!("<http://www.w3.org/ns/sparql-service-description#{name}>");
    let endpoint = "<https://example.org/clip/sparql>";
    let clip = "https://service.swissartresearch.net/clip/";
    assert!(descriptions[0].join("\n").contains("its best 500 images"));
    for triple in [
        format!("{endpoint} {} {endpoint}", sd("endpoint")),
        format!("{endpoint} {} {}", sd("supportedLanguage"), sd("SPARQL11Query")),
        format!("{endpoint} {} {}", sd("feature"), sd("BasicFederatedQuery")),
        format!("{endpoint} {} <{clip}similarity>", sd("extensionFunction")),
        format!("{endpoint} {} <{clip}score>", sd("propertyFeature")),
        format!(
            "{endpoint} {} <http://www.w3.org/ns/formats/SPARQL_Results_JSON>",
            sd("resultFormat")
        ),
        "<https://example.org/clip/sparql#images> <http://rdfs.org/ns/void#entities> \"5\"^^<http://www.w3.org/2001/XMLSchema#integer>".to_owned(),
    ] {
        assert!(descriptions[0].contains(&triple), "{triple} in {:#?}", descriptions[0]);
    }
}

#[tokio::test]
async fn people_get_pages_that_escape_what_they_show() {
    let settings = HttpSettings {
        project_name: "<b>Alps & \"Art\"".to_owned(),
        ..HttpSettings::default()
    };
    let router = Fixture {
        settings,
        ..Fixture::default()
    }
    .router();
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in ["/", "/sparql", "/sparql/"] {
        let response = get(&router, path, Some(browser)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(content_type(&response), "text/html; charset=utf-8");
        let page = text(response).await;
        assert!(page.contains("<html lang=\"en\">"), "{page}");
        assert!(
            page.contains("&lt;b&gt;Alps &amp; &quot;Art&quot;"),
            "{page}"
        );
        assert!(!page.contains("<b>"), "{page}");
        assert!(page.contains("5 images"), "{page}");
    }
}

// --- /query ---

fn found(value: &Value) -> Vec<&str> {
    let images = value.as_array().unwrap();
    images
        .iter()
        .map(|image| image["url"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect()
}

#[tokio::test]
async fn a_text_finds_images_best_first() {
    // Without LIMIT and without minScore: the predecessor answered 500.
    let response = get(&service(), "/query?str=red", None).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(content_type(&response), "application/json");
    let images = body_json(response).await;
    assert_eq!(found(&images), ["red", "yellow"]);
    let best = images[0].as_object().unwrap();
    assert!(best["score"].as_f64().unwrap() > 0.99);
    assert_eq!(best["url"], iiif_url("red"));
    assert_eq!(best["imageId"], image_id(&iiif_url("red")));
    assert_eq!(
        best["link"],
        format!("{}/full/1000,/0/default.jpg", iiif_url("red"))
    );
    assert_eq!(best.len(), 4);
}

#[tokio::test]
async fn parameters_are_taken_from_every_place() {
    let router = service();
    let red = BASE64.encode(png([255, 0, 0]));
    let (upload_type, upload) = multipart(&[
        (
            "name=\"image\"; filename=\"red.png\"",
            "image/png",
            &png([255, 0, 0]),
        ),
        ("name=\"limit\"", "", b"1"),
    ]);
    let (text_type, text_form) = multipart(&[
        ("name=\"image\"", "", red.as_bytes()),
        ("name=\"limit\"", "text/plain", b"1"),
        ("name=\"other\"; filename=\"x\"", "", &[0xff]),
    ]);
    let form = format!("image={}&limit=1", escaped(&red));
    let unescaped_form = format!("image={red}&limit=1");
    let data_url = format!("data:image/png;base64,{red}");
    for path in ["/query", "/query/"] {
        for response in [
            get(&router, &format!("{path}?str=red&limit=1"), None).await,
            get(
                &router,
                &format!("{path}?str=+RED+&limit=1&unknown=1&limit="),
                None,
            )
            .await,
            get(
                &router,
                &format!("{path}?limit=1&image={}", escaped(&red)),
                None,
            )
            .await,
            post(&router, path, FORM, "str=red&limit=1").await,
            post(
                &router,
                path,
                &format!("{FORM}; charset=utf-8"),
                "str=red&limit=1",
            )
            .await,
            post(&router, path, FORM, form.clone()).await,
            post(&router, path, FORM, unescaped_form.clone()).await,
            post(&router, &format!("{path}?limit=1"), FORM, "str=red").await,
            post(&router, &format!("{path}?str=red&limit=1"), "", "").await,
            post(&router, path, &upload_type, upload.clone()).await,
            post(&router, path, &text_type, text_form.clone()).await,
            post(
                &router,
                path,
                "application/json",
                r#"{"str":"red","limit":1}"#,
            )
            .await,
            post(
                &router,
                path,
                "application/json; charset=utf-8",
                json!({"image": data_url, "limit": "1", "minScore": 0.5, "url": null, "x": []})
                    .to_string(),
            )
            .await,
        ] {
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(found(&body_json(response).await), ["red"]);
        }
    }
}

#[tokio::test]
async fn inputs_combine_and_exclude_subtracts() {
    let router = service();
    let green = escaped(&BASE64.encode(png([0, 255, 0])));
    for (parameters, expected) in [
        (format!("str=red&image={green}&limit=1"), vec!["yellow"]),
        (
            "str=red+green&exclude=green&limit=1".to_owned(),
            vec!["red"],
        ),
        ("str=red&minScore=0.9".to_owned(), vec!["red"]),
        ("str=red&minScore=2".to_owned(), vec![]),
        (
            "str=blue&minScore=-1".to_owned(),
            vec!["blue", "black", "red", "green", "yellow"],
        ),
        (
            "str=red&limit=1000000000000".to_owned(),
            vec!["red", "yellow"],
        ),
    ] {
        let response = get(&router, &format!("/query?{parameters}"), None).await;
        let images = body_json(response).await;
        let mut found = found(&images);
        if expected.len() == 5 {
            assert_eq!(found[0], expected[0], "{parameters}");
            found.sort_unstable();
            let mut expected = expected;
            expected.sort_unstable();
            assert_eq!(found, expected, "{parameters}");
        } else {
            assert_eq!(found, expected, "{parameters}");
        }
    }
}

#[tokio::test]
async fn nothing_asked_is_ok() {
    let router = service();
    for response in [
        get(&router, "/query", None).await,
        get(&router, "/query?str=&url=+&image=&limit=5", None).await,
        post(&router, "/query", "", "").await,
        post(&router, "/query", FORM, "str=").await,
        post(&router, "/query", "application/json", "{}").await,
    ] {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(body_json(response).await, json!({"status": "OK"}));
    }
}

#[tokio::test]
async fn a_bad_value_is_named_with_its_parameter_and_the_remedy() {
    let router = service();
    let check = async |response: Response<Body>, words: &[&str]| {
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{words:?}");
        assert_eq!(content_type(&response), "application/json");
        let body = body_json(response).await;
        assert_eq!(body.as_object().unwrap().len(), 1);
        let sentence = body["error"].as_str().unwrap();
        for word in words {
            assert!(sentence.contains(word), "{word:?} in {sentence:?}");
        }
        assert!(sentence.len() < 500, "{sentence}");
    };
    let not_an_image = escaped(&BASE64.encode("not an image"));
    let long = "x".repeat(5000);
    for (parameters, words) in [
        ("str=red&minScore=high", vec!["minScore", "\"high\"", "0.2"]),
        ("str=red&minScore=nan", vec!["minScore", "\"nan\""]),
        ("str=red&minScore=inf", vec!["minScore"]),
        ("minScore=0,2", vec!["minScore", "0,2"]),
        ("str=red&limit=0", vec!["limit", "\"0\"", "10"]),
        ("str=red&limit=-1", vec!["limit", "\"-1\""]),
        ("str=red&limit=1.5", vec!["limit", "1.5"]),
        (&format!("str=red&limit={long}"), vec!["limit", "xxx\"…"]),
        ("str=red&str=blue", vec!["str", "once"]),
        ("exclude=red", vec!["nothing to search for"]),
        ("str=red&exclude=red", vec!["exclude"]),
        ("image=!!!", vec!["image", "base64"]),
        ("image=data:image/png,x", vec!["image", "base64"]),
        (&format!("image={not_an_image}"), vec!["image", "JPEG"]),
        ("url=image.jpg", vec!["image.jpg", "absolute"]),
        ("url=file:///etc/passwd", vec!["file:///etc/passwd", "http"]),
        // The predecessor fetched any URL.
        ("url=http://127.0.0.1:1/", vec!["127.0.0.1", "allow list"]),
        ("url=http://localhost:1/", vec!["localhost", "allow list"]),
        (
            "url=http://169.254.169.254/latest/meta-data/",
            vec!["169.254.169.254"],
        ),
    ] {
        check(
            get(&router, &format!("/query?{parameters}"), None).await,
            &words,
        )
        .await;
        check(
            post(&router, "/query", FORM, parameters.to_owned()).await,
            &words,
        )
        .await;
    }
    for (body, words) in [
        ("{", vec!["JSON"]),
        ("[]", vec!["object"]),
        (
            "{\"str\": [\"red\"]}",
            vec!["str", "string", "[\\\"red\\\"]"],
        ),
        ("{\"str\": \"red\", \"limit\": true}", vec!["limit", "true"]),
        ("{\"str\": \"red\", \"limit\": 2.5}", vec!["limit", "2.5"]),
    ] {
        check(
            post(&router, "/query", "application/json", body).await,
            &words,
        )
        .await;
    }
    let response = post(&router, "/query", "text/plain", "red").await;
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let body = body_json(response).await;
    assert!(
        body["error"].as_str().unwrap().contains("application/json"),
        "{body}"
    );
}

#[tokio::test]
async fn an_image_behind_an_allowed_url_is_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let images = Router::new()
        .route("/blue.png", axum::routing::get(async || png([0, 0, 255])))
        .route("/page", axum::routing::get(async || "<html>"));
    tokio::spawn(async { axum::serve(listener, images).await });
    let fixture = Fixture {
        allow: address.to_string(),
        ..Fixture::default()
    };
    let router = fixture.router();
    let response = get(
        &router,
        &format!("/query?url=http://{address}/blue.png"),
        None,
    )
    .await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(found(&body_json(response).await), ["blue"]);
    for path in ["page", "missing"] {
        let response = get(
            &router,
            &format!("/query?url=http://{address}/{path}"),
            None,
        )
        .await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(body_json(response).await["error"].is_string());
    }
}

// --- around them ---

#[tokio::test]
async fn probes_say_whether_the_service_lives_and_works() {
    let router = service();
    let health = get(&router, "/health", None).await;
    assert_eq!(health.status(), StatusCode::OK);
    let health = body_json(health).await;
    assert_eq!(health["status"], "ok");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    let ready = get(&router, "/ready", None).await;
    assert_eq!(ready.status(), StatusCode::OK);
    assert_eq!(
        body_json(ready).await,
        json!({"status": "ready", "images": 5, "embeddingWidth": 16})
    );
}

/// An encoder that fails, or panics.
struct Broken {
    panics: bool,
}

impl Encoder for Broken {
    fn width(&self) -> usize {
        colours::WIDTH
    }

    fn encode_texts(&self, _: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        assert!(!self.panics, "a bug in the encoder");
        Err(EncoderError::Tokenize("the secret cause".into()))
    }

    fn preprocess(&self, _: &[u8]) -> Result<Pixels, ImageError> {
        Err(ImageError::Empty)
    }

    fn encode_images(&self, _: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        Err(EncoderError::Tokenize("the secret cause".into()))
    }
}

#[tokio::test]
async fn a_failing_model_is_a_500_without_its_cause() {
    let fixture = Fixture {
        encoder: Arc::new(Broken { panics: false }),
        ..Fixture::default()
    };
    let router = fixture.router();
    for (path, status) in [
        ("/query?str=red", StatusCode::INTERNAL_SERVER_ERROR),
        ("/ready", StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let response = get(&router, path, None).await;
        assert_eq!(response.status(), status, "{path}");
        let body = text(response).await;
        assert!(body.contains("model") && !body.contains("secret"), "{body}");
    }
    assert_eq!(get(&router, "/health", None).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_panic_is_a_500_that_browsers_may_read_and_the_service_goes_on() {
    let fixture = Fixture {
        encoder: Arc::new(Broken { panics: true }),
        ..Fixture::default()
    };
    let router = fixture.router();
    let response = get(&router, "/query?str=red", None).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let body = text(response).await;
    assert!(!body.contains("bug in the encoder"), "{body}");
    assert_eq!(get(&router, "/query", None).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn browsers_of_every_origin_may_call() {
    let router = service();
    let preflight = Request::options("/sparql")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-custom")
        .body(Body::empty())
        .unwrap();
    let response = send(&router, preflight).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(
        headers["access-control-allow-headers"],
        "content-type,x-custom"
    );
    let methods = headers["access-control-allow-methods"].to_str().unwrap();
    for method in ["GET", "POST", "OPTIONS"] {
        assert!(methods.contains(method), "{methods}");
    }
    for path in ["/sparql?query=nonsense", "/query?limit=0", "/nowhere"] {
        let response = get(&router, path, None).await;
        assert_eq!(
            response.headers()["access-control-allow-origin"],
            "*",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_wrong_path_or_method_gets_the_list_of_routes() {
    let router = service();
    for path in ["/nowhere", "/sparql/x", "/Sparql", "/query.json"] {
        let response = get(&router, path, None).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(content_type(&response), "text/plain; charset=utf-8");
        let body = text(response).await;
        assert!(
            body.contains(path) && body.contains("POST /sparql"),
            "{body}"
        );
    }
    let put = Request::put("/query").body(Body::empty()).unwrap();
    let response = send(&router, put).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "GET,HEAD,POST");
    let body = text(response).await;
    assert!(body.starts_with("/query does not answer PUT; "), "{body}");
}

#[tokio::test]
async fn openapi_documents_the_methods_that_are_answered_and_no_other() {
    let router = service();
    let document = body_json(get(&router, "/openapi.json", None).await).await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 8, "{:?}", paths.keys());
    for (path, methods) in paths {
        let methods = match methods["$ref"].as_str() {
            Some(reference) => document.pointer(&reference[1..]).unwrap(),
            None => methods,
        };
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
        ] {
            let is_documented = methods.get(method.as_str().to_lowercase()).is_some();
            let request = Request::builder().method(&method).uri(path);
            let response = send(&router, request.body(Body::empty()).unwrap()).await;
            assert_ne!(response.status(), StatusCode::NOT_FOUND, "{method} {path}");
            let is_answered = response.status() != StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(is_answered, is_documented, "{method} {path}");
        }
    }
}

// --- on the wire ---

/// Sends `bytes` and reads one response with a Content-Length; returns its head and body.
async fn exchange(stream: &mut TcpStream, bytes: &[u8], has_body: bool) -> (String, Vec<u8>) {
    stream.write_all(bytes).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap_or_else(|| panic!("{head}"))
        .parse()
        .unwrap();
    let mut body = vec![0; if has_body { length } else { 0 }];
    stream.read_exact(&mut body).await.unwrap();
    (head, body)
}

#[tokio::test]
async fn one_connection_serves_the_odd_requests_of_federation_engines() {
    let address = Fixture::default().serve().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let query = escaped("ASK {}");
    // HEAD: as GET, without the body. If a body came it would be read as the next response's head.
    let head = format!("HEAD /sparql?query={query} HTTP/1.1\r\nHost: x\r\n\r\n");
    let (response, _) = exchange(&mut stream, head.as_bytes(), false).await;
    assert!(response.starts_with("http/1.1 200"), "{response}");
    assert!(
        response.contains("content-type: application/sparql-results+json\r\n"),
        "{response}"
    );
    for request in [
        // Jena
        format!(
            "GET /sparql?query={query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nTE: trailers\r\n\r\n"
        ),
        format!("GET /sparql?query={query} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
        // Blazegraph
        format!(
            "POST /sparql?query={query}&queryId=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        ),
        format!("POST /sparql?query={query} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!(
            "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nASK {{}}\r\n0\r\n\r\n"
        ),
        // A request line of 16 KiB.
        format!(
            "GET /sparql?query={query}%23{} HTTP/1.1\r\nHost: x\r\n\r\n",
            "x".repeat(16 << 10)
        ),
    ] {
        let (response, body) = exchange(&mut stream, request.as_bytes(), true).await;
        assert!(
            response.starts_with("http/1.1 200"),
            "{request}: {response}"
        );
        assert_eq!(body, br#"{"head":{},"boolean":true}"#);
    }
}

#[tokio::test]
async fn a_client_that_still_sends_too_long_a_body_reads_the_answer() {
    let settings = HttpSettings {
        body_limit_bytes: 1000,
        ..HttpSettings::default()
    };
    let fixture = Fixture {
        settings,
        ..Fixture::default()
    };
    let address = fixture.serve().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = "x".repeat(8 << 20);
    let request = format!(
        "POST /query HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (response, body) = exchange(&mut stream, request.as_bytes(), true).await;
    assert!(response.starts_with("http/1.1 413"), "{response}");
    assert!(String::from_utf8(body).unwrap().contains("1000 bytes"));
    // A client that asks first is told at once, without sending.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n"
    );
    let (response, _) = exchange(&mut stream, request.as_bytes(), true).await;
    assert!(response.starts_with("http/1.1 413"), "{response}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_before_the_query_ends_and_leaving_frees_its_place() {
    let settings = HttpSettings {
        max_queries: NonZeroUsize::MIN,
        ..HttpSettings::default()
    };
    let fixture = Fixture {
        store: large_store(),
        settings,
        ..Fixture::default()
    };
    let address = fixture.serve().await;
    let mut first = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /sparql?query={} HTTP/1.1\r\nHost: x\r\n\r\n",
        escaped(ENDLESS)
    );
    first.write_all(request.as_bytes()).await.unwrap();
    let mut start = vec![0; 200_000];
    first.read_exact(&mut start).await.unwrap();
    let start = String::from_utf8_lossy(&start).into_owned();
    assert!(start.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(start.contains("transfer-encoding: chunked"));
    assert!(start.contains("\"bindings\":[{"));

    // The only place is taken, so the next query waits, while the probes answer.
    let mut second = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /sparql?query={} HTTP/1.1\r\nHost: x\r\n\r\n",
        escaped("ASK {}")
    );
    let waiting = exchange(&mut second, request.as_bytes(), true);
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut waiting).await;
    assert!(early.is_err(), "the second query did not wait");
    let mut probe = TcpStream::connect(address).await.unwrap();
    let (ready, _) = exchange(&mut probe, b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n", true).await;
    assert!(ready.starts_with("http/1.1 200"), "{ready}");

    drop(first);
    let (response, body) = waiting.await;
    assert!(response.starts_with("http/1.1 200"), "{response}");
    assert_eq!(body, br#"{"head":{},"boolean":true}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_lets_an_answer_finish_and_closes_idle_connections() {
    let fixture = Fixture {
        store: large_store(),
        ..Fixture::default()
    };
    let (address, server, stop) = fixture.serve_until_stopped().await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    exchange(&mut idle, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", true).await;
    let mut busy = TcpStream::connect(address).await.unwrap();
    let query = escaped("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 100000");
    let request = format!("GET /sparql?query={query} HTTP/1.1\r\nHost: x\r\n\r\n");
    busy.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1000];
    busy.read_exact(&mut answer).await.unwrap();
    stop.send(()).unwrap();
    assert_eq!(
        idle.read(&mut [0]).await.unwrap(),
        0,
        "the idle connection is closed"
    );
    busy.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"0\r\n\r\n"), "the answer is complete");
    server.await.unwrap().unwrap();
}
