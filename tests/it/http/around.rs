//! What surrounds the endpoints: probes, failures, CORS, unknown routes, OpenAPI.

use super::{Fixture, body_json, content_type, get, large_store, send, service, text};
use crate::colours;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use clip_search::embedding::Embedding;
use clip_search::encoder::{Encoder, EncoderError, ImageError, Pixels};
use clip_search::http::HttpSettings;
use serde_json::json;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

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

    #[expect(clippy::panic_in_result_fn, reason = "the panic is what is tested")]
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
        assert!(body.contains("model") || body.contains("log"), "{body}");
        assert!(!body.contains("secret"), "{body}");
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

/// A count of many pairs takes hours. Whoever asked for it leaves, and the only place is free again.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_frees_its_place() {
    let fixture = Fixture {
        settings: HttpSettings {
            max_queries: NonZeroUsize::MIN,
            ..HttpSettings::default()
        },
        store: large_store(),
        ..Fixture::default()
    };
    let router = fixture.router();
    let numbers: Vec<String> = (0..4000).map(|n| n.to_string()).collect();
    let numbers = numbers.join(" ");
    let query = format!(
        "SELECT (COUNT(*) AS ?n) {{ ?s ?p ?o . VALUES ?a {{ {numbers} }} VALUES ?b {{ {numbers} }} VALUES ?c {{ {numbers} }} }}"
    );
    let request = Request::post("/sparql")
        .header("content-type", "application/sparql-query")
        .body(Body::from(query))
        .unwrap();
    let waiting = send(&router, request);
    let given_up = tokio::time::timeout(Duration::from_millis(300), waiting).await;
    assert!(given_up.is_err(), "so many pairs were counted at once");
    let next = get(&router, "/query?str=red", None).await;
    assert_eq!(next.status(), StatusCode::OK);
}

/// One client asks for what takes hours, again and again; others are answered, and so is that one once it has left.
#[tokio::test(flavor = "multi_thread")]
async fn one_client_leaves_places_to_others() {
    let one = NonZeroUsize::MIN;
    let fixture = Fixture {
        settings: HttpSettings {
            max_queries: one.saturating_add(1),
            max_queries_per_client: one,
            trust_proxy: true,
            max_wait: Duration::from_millis(200),
            ..HttpSettings::default()
        },
        store: large_store(),
        ..Fixture::default()
    };
    let router = fixture.router();
    let from = |path: &str, address: &str| {
        Request::get(path)
            .header("x-forwarded-for", format!("203.0.113.9, {address}"))
            .body(Body::empty())
            .unwrap()
    };
    let endless = "/sparql?query=SELECT(COUNT(*)AS%3Fn)%7B%3Fa%20%3Fb%20%3Fc.%3Fd%20%3Fe%20%3Ff.%3Fg%20%3Fh%20%3Fi%7D";
    let asked = tokio::spawn({
        let (router, request) = (router.clone(), from(endless, "192.0.2.1"));
        async move { send(&router, request).await }
    });
    // It has its place before the others ask, which lend theirs while they wait for the model.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let refused = loop {
        let response = send(&router, from("/query?str=red", "192.0.2.1")).await;
        if response.status() != StatusCode::OK {
            break response;
        }
    };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "5");
    let body = text(refused).await;
    assert!(body.contains("from your address"), "{body}");
    let other = send(&router, from("/query?str=red", "192.0.2.2")).await;
    assert_eq!(other.status(), StatusCode::OK);
    asked.abort();
    let mut n_refused = 0;
    while send(&router, from("/query?str=red", "192.0.2.1"))
        .await
        .status()
        != StatusCode::OK
    {
        n_refused += 1;
        assert!(
            n_refused < 100,
            "the place of a client that has left stays taken"
        );
    }
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
            let is_answered = response.status() != StatusCode::METHOD_NOT_ALLOWED;
            // What stands for a part of a path names no image.
            let body = text(response).await;
            assert!(!body.contains("there is nothing at"), "{method} {path}");
            assert_eq!(is_answered, is_documented, "{method} {path}");
        }
    }
}
