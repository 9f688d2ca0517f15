//! A query that calls another endpoint: whose fault it is when that fails.

use super::Fixture;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use clip_search::sparql::SparqlOptions;
use std::time::Duration;
use tower::ServiceExt;

/// Status and body of a query that calls `endpoint`, which the operator allows or not.
async fn ask(endpoint: &str, silent: &str, is_allowed: bool) -> (StatusCode, String) {
    let fixture = Fixture {
        options: SparqlOptions {
            services: Vec::from_iter(is_allowed.then(|| endpoint.to_owned())),
            timeout: Some(Duration::from_secs(20)),
            ..SparqlOptions::default()
        },
        ..Fixture::default()
    };
    let query = format!("SELECT ?s ?p ?o {{ SERVICE {silent} <{endpoint}> {{ ?s ?p ?o }} }}");
    let request = Request::post("/sparql")
        .header("content-type", "application/sparql-query")
        .header("accept", "text/csv")
        .body(Body::from(query))
        .unwrap();
    let response = fixture.router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// Ten thousand whole rows, and a last one that breaks off: more than is held back before rows are sent.
fn half_an_answer() -> impl axum::response::IntoResponse {
    let node = |name: &str| format!(r#"{{"type":"uri","value":"http://example.org/{name}"}}"#);
    let row = format!(
        r#"{{"s":{},"p":{},"o":{}}}"#,
        node("s"),
        node("p"),
        node("o")
    );
    let rows = vec![row.as_str(); 10_000].join(",");
    let head = r#"{"head":{"vars":["s","p","o"]}"#;
    let body = format!(r#"{head},"results":{{"bindings":[{rows},{{"s":"#);
    ([("content-type", "application/sparql-results+json")], body)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_is_no_malformed_query() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/sparql", listener.local_addr().unwrap())
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route(
            "/busy",
            axum::routing::post(async || StatusCode::SERVICE_UNAVAILABLE),
        )
        .route("/html", axum::routing::post(async || "<p>hello</p>"))
        .route("/half", axum::routing::post(async || half_an_answer()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let of_base = ["busy", "html", "half"].map(|path| format!("{base}/{path}"));
    for endpoint in std::iter::once(closed).chain(of_base) {
        let (status, body) = ask(&endpoint, "", true).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY, "{body}");
        assert!(body.starts_with(&format!("SERVICE <{endpoint}>")), "{body}");
        let (status, body) = ask(&endpoint, "SILENT", true).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "s,p,o\r\n,,\r\n"));
    }
    // What is not allowed is the author's to change, unless nothing is to be said about it.
    let elsewhere = format!("{base}/elsewhere");
    let (status, body) = ask(&elsewhere, "", false).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    let (status, body) = ask(&elsewhere, "SILENT", false).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "s,p,o\r\n,,\r\n"));
}
