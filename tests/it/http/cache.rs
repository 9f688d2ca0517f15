//! What is kept, and what is compressed.

use super::{ENDLESS, Fixture, escaped, get, large_store, post, send, service};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use clip_search::sparql::SparqlOptions;
use std::io::Read;
use std::time::Duration;

async fn asking(
    router: &Router,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(router, request.body(Body::empty()).unwrap()).await
}

fn named<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    (response.headers().get(name)).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again() {
    let router = service();
    let query = escaped("ASK {}");
    for uri in [
        &format!("/sparql?query={query}"),
        "/sparql",
        "/query?str=red",
        "/",
        "/openapi.json",
    ] {
        let response = get(&router, uri, None).await;
        assert_eq!(named(&response, "cache-control"), "no-cache", "{uri}");
        let tag = named(&response, "etag").to_owned();
        assert!(tag.starts_with("W/\""), "{uri}: {tag}");
        let vary = response.headers().get_all(header::VARY).iter().count();
        for known in [&tag, "*", &format!("\"x\", {tag}"), &tag[2..]] {
            for method in ["GET", "HEAD"] {
                let again = asking(&router, method, uri, &[("if-none-match", known)]).await;
                assert_eq!(
                    again.status(),
                    StatusCode::NOT_MODIFIED,
                    "{method} {uri} {known}"
                );
                assert_eq!(named(&again, "etag"), tag);
                assert_eq!(again.headers().get_all(header::VARY).iter().count(), vary);
                assert!(to_bytes(again.into_body(), 1).await.unwrap().is_empty());
            }
        }
        let other = asking(&router, "GET", uri, &[("if-none-match", "\"x\"")]).await;
        assert_eq!(other.status(), StatusCode::OK);
    }
    // The same rows in another form are another answer.
    let [json, xml] = [
        "application/sparql-results+json",
        "application/sparql-results+xml",
    ];
    let uri = format!("/sparql?query={query}");
    let tag = named(&get(&router, &uri, Some(json)).await, "etag").to_owned();
    let headers = [("if-none-match", &*tag), ("accept", xml)];
    assert_eq!(
        asking(&router, "GET", &uri, &headers).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn what_changes_or_fails_is_not_kept() {
    let router = service();
    for response in [
        get(&router, "/health", None).await,
        get(&router, "/ready", None).await,
        get(&router, "/missing", None).await,
        get(&router, "/sparql?query=nonsense", None).await,
        get(&router, "/query?url=http://127.0.0.1:1/", None).await,
        post(&router, "/query", "application/json", "{\"str\": \"red\"}").await,
    ] {
        assert_eq!(named(&response, "cache-control"), "no-store");
        assert_eq!(named(&response, "etag"), "");
    }
}

#[tokio::test]
async fn no_browser_guesses_another_type() {
    let router = service();
    for uri in [
        "/",
        "/sparql?query=ASK%20%7B%7D",
        "/query?str=red",
        "/missing",
        "/query?limit=x",
    ] {
        let response = get(&router, uri, None).await;
        assert_eq!(
            named(&response, "x-content-type-options"),
            "nosniff",
            "{uri}"
        );
    }
}

fn with_rows() -> Fixture {
    Fixture {
        store: large_store(),
        ..Fixture::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_answers_are_compressed_for_who_asks() {
    let router = with_rows().router();
    let query = escaped("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 20000");
    for (uri, is_long) in [
        (format!("/sparql?query={query}"), true),
        (format!("/sparql?query={query}&format=csv"), true),
        ("/openapi.json".to_owned(), true),
        ("/sparql?query=ASK%20%7B%7D".to_owned(), false),
        ("/query?str=red".to_owned(), false),
    ] {
        let plain = get(&router, &uri, None).await;
        assert_eq!(named(&plain, "content-encoding"), "");
        let plain = to_bytes(plain.into_body(), usize::MAX).await.unwrap();
        let packed = asking(
            &router,
            "GET",
            &uri,
            &[("accept-encoding", "gzip, deflate, br")],
        )
        .await;
        assert_eq!(packed.status(), StatusCode::OK);
        if !is_long {
            assert_eq!(named(&packed, "content-encoding"), "", "{uri}");
            continue;
        }
        assert_eq!(named(&packed, "content-encoding"), "gzip", "{uri}");
        let varies = packed.headers().get_all(header::VARY);
        assert!(varies.iter().any(|value| {
            value
                .to_str()
                .unwrap()
                .eq_ignore_ascii_case("accept-encoding")
        }));
        let packed = to_bytes(packed.into_body(), usize::MAX).await.unwrap();
        assert!(packed.len() * 2 < plain.len(), "{uri}");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, plain, "{uri}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_answer_does_not_end_well_when_compressed_either() {
    let fixture = Fixture {
        options: SparqlOptions {
            timeout: Some(Duration::from_secs(1)),
            ..SparqlOptions::default()
        },
        ..with_rows()
    };
    let router = fixture.router();
    let uri = format!("/sparql?query={}", escaped(ENDLESS));
    let response = asking(&router, "GET", &uri, &[("accept-encoding", "gzip")]).await;
    assert_eq!(named(&response, "content-encoding"), "gzip");
    assert!(to_bytes(response.into_body(), usize::MAX).await.is_err());
}
