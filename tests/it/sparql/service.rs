//! SERVICE to an endpoint that the operator allows, over the wire.

use super::{World, collection, store};
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use clip_search::sparql::{QueryError, SparqlOptions};

const JSON: &str = "application/sparql-results+json";
const XML: &str = "application/sparql-results+xml";
const TSV: &str = "text/tab-separated-values; charset=utf-8";

/// The same table with its members in another order, and one more, as QLever has it.
const LATE_HEAD: &str = r#"{"results":{"bindings":[{"w":{"type":"uri","value":"http://example.org/w0"}}]},
    "head":{"vars":["w"]},"meta":{"query-time-ms":59,"result-size-total":1}}"#;

/// A table with one row, `?w` = `<http://example.org/w0>`.
fn answer(format: &'static str) -> Response {
    let body = match format {
        JSON => {
            r#"{"head":{"vars":["w"]},"results":{"bindings":[{"w":{"type":"uri","value":"http://example.org/w0"}}]}}"#
        }
        XML => {
            r#"<?xml version="1.0"?><sparql xmlns="http://www.w3.org/2005/sparql-results#"><head><variable name="w"/></head><results><result><binding name="w"><uri>http://example.org/w0</uri></binding></result></results></sparql>"#
        }
        _ => "?w\n<http://example.org/w0>\n",
    };
    ([("content-type", format)], body).into_response()
}

/// An endpoint on loopback; it checks that what it gets is a query.
fn endpoint() -> (tokio::runtime::Runtime, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let checked = |format: &'static str| {
        post(
            async move |body: String| match spargebra::SparqlParser::new().parse_query(&body) {
                Ok(_) => answer(format),
                Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
            },
        )
    };
    let router = Router::new()
        .route("/json", checked(JSON))
        .route("/xml", checked(XML))
        .route("/tsv", checked(TSV))
        .route(
            "/late-head",
            post(async || ([("content-type", JSON)], LATE_HEAD)),
        )
        .route("/html", post(async || axum::response::Html("<p>hello</p>")))
        .route(
            "/fault",
            post(async || (StatusCode::INTERNAL_SERVER_ERROR, "out of order")),
        );
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move { axum::serve(listener, router).await });
    (runtime, base)
}

#[test]
fn an_allowed_endpoint_is_asked_and_its_rows_are_joined() {
    let (_runtime, base) = endpoint();
    let options = SparqlOptions {
        services: ["json", "xml", "tsv", "late-head", "html", "fault"]
            .map(|name| format!("{base}/{name}"))
            .into(),
        ..SparqlOptions::default()
    };
    let world = World::over(collection(), options, store());
    let query = |name: &str, silent: &str| {
        format!(
            "SELECT ?w ?i {{ SERVICE {silent} <{base}/{name}> {{ ?w a <http://example.org/Work> }}
               ?w <http://purl.org/dc/terms/hasFormat> ?i .
               ?r a clip:Request ; clip:queryString 'lake' ; clip:iiifUrl ?i }}"
        )
    };
    for name in ["json", "xml", "tsv", "late-head"] {
        assert_eq!(
            world.rows(&query(name, "")),
            ["<http://example.org/w0>\t<https://iiif.example.org/img0>"],
            "{name}"
        );
    }
    for (name, expected) in [
        (
            "html",
            "answered in a format that is none of SPARQL JSON, XML or TSV: text/html",
        ),
        ("fault", "answered with status 500: out of order"),
        ("other", "is not allowed here"),
    ] {
        let error = world.error(&query(name, ""));
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(
        world.rows(&query("fault", "SILENT")).len(),
        6,
        "SILENT gives one empty row"
    );
    assert_eq!(
        world.rows(&query("other", "SILENT")).len(),
        6,
        "also where nothing is called"
    );
    for (name, is_of_endpoint) in [("html", true), ("fault", true), ("other", false)] {
        let error = world.ask(&query(name, "")).unwrap_err();
        assert_eq!(
            matches!(error, QueryError::Service { .. }),
            is_of_endpoint,
            "{name}: {error:?}"
        );
    }
}

#[test]
fn an_endpoint_may_be_named_by_what_stands_beside_it() {
    let (_runtime, base) = endpoint();
    let options = SparqlOptions {
        services: vec![format!("{base}/json")],
        ..SparqlOptions::default()
    };
    let world = World::over(collection(), options, store());
    let call = "SERVICE ?e { ?w a <http://example.org/Work> }";
    let title = "?w <http://purl.org/dc/terms/title> ?t";
    let values = format!("VALUES (?e ?n) {{ (<{base}/json> 1) (<{base}/json> 2) }}");
    for query in [
        format!("SELECT ?w ?n {{ {values} {call} }}"),
        format!("SELECT ?w ?n {{ {call} {values} }}"),
        format!("SELECT ?w ?n {{ {call} {title} . {values} }}"),
        format!("SELECT ?w ?n {{ {values} OPTIONAL {{ {call} }} }}"),
        format!("SELECT ?w ?n {{ {{ SELECT * {{ {values} {call} }} }} {title} }}"),
        format!(
            "SELECT ?w ?n {{ {values} {call} ?r a clip:Request ; clip:queryString 'x' ; clip:limit 1 ; clip:iiifUrl ?i }}"
        ),
    ] {
        let mut rows = world.rows(&query);
        rows.sort_unstable();
        assert_eq!(
            rows,
            ["<http://example.org/w0>\t1", "<http://example.org/w0>\t2"],
            "{query}"
        );
    }
    // Each name is looked at.
    let error = world.error(&format!(
        "SELECT * {{ VALUES ?e {{ <{base}/xml> }} {call} }}"
    ));
    assert!(error.contains("is not allowed here"), "{error}");
}

#[test]
fn a_service_may_give_a_request_its_input() {
    let (_runtime, base) = endpoint();
    let options = SparqlOptions {
        services: vec![format!("{base}/json")],
        ..SparqlOptions::default()
    };
    let world = World::over(collection(), options, store());
    let rows = world.rows(&format!(
        "SELECT ?q ?i {{ SERVICE <{base}/json> {{ ?w a <http://example.org/Work> }}
           ?w <http://purl.org/dc/terms/title> ?q .
           ?r a clip:Request ; clip:queryString ?q ; clip:limit 1 ; clip:iiifUrl ?i }}"
    ));
    assert_eq!(rows.len(), 1);
    assert!(rows[0].starts_with("\"lake\"\t"), "{rows:?}");
}
