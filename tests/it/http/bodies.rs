//! What clients send: long, packed, marked, misspelt or empty.

use super::{FORM, Fixture, body_json, escaped, get, multipart, post, send, service, text};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use clip_search::http::HttpSettings;
use serde_json::json;
use std::io::{Cursor, Write};

/// A red picture of `n_bytes` or a little more.
fn red_picture(n_bytes: u32) -> Vec<u8> {
    let picture =
        image::RgbImage::from_pixel(1000, n_bytes.div_ceil(3000), image::Rgb([255, 0, 0]));
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Bmp)
        .unwrap();
    bytes.into_inner()
}

/// The README shows `-F image=@picture.jpg`, and photographs have more than 2 MiB.
#[tokio::test]
async fn uploads_may_be_as_long_as_any_body() {
    let router = service();
    let picture = red_picture(3_300_000);
    let (content_type, form) = multipart(&[
        (
            "name=\"image\"; filename=\"red.bmp\"",
            "image/bmp",
            &picture,
        ),
        ("name=\"limit\"", "", b"1"),
    ]);
    let response = post(&router, "/query", &content_type, form).await;
    assert_eq!(response.status(), StatusCode::OK);
    let found = body_json(response).await;
    assert!(
        found[0]["url"].as_str().unwrap().ends_with("red"),
        "{found}"
    );

    let query = format!("ASK {{}} #{}", "x".repeat(3_300_000));
    for disposition in ["name=\"query\"", "name=\"query\"; filename=\"q.rq\""] {
        let (content_type, form) = multipart(&[(disposition, "", query.as_bytes())]);
        let response = post(&router, "/sparql", &content_type, form).await;
        assert_eq!(response.status(), StatusCode::OK);
    }

    let (content_type, form) = multipart(&[("name=\"image\"; filename=\"x\"", "", &picture)]);
    let settings = HttpSettings {
        body_limit_bytes: 1_000_000,
        ..HttpSettings::default()
    };
    let fixture = Fixture {
        settings,
        ..Fixture::default()
    };
    let response = post(&fixture.router(), "/query", &content_type, form).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn what_is_not_utf8_is_refused_wherever_it_stands() {
    let router = service();
    let latin1 = "SELECT%20(%22%E9%22%20AS%20%3Fx)%20%7B%7D";
    for response in [
        get(&router, &format!("/sparql?query={latin1}"), None).await,
        post(&router, "/sparql", FORM, format!("query={latin1}")).await,
        post(&router, &format!("/sparql?query={latin1}"), "", "").await,
        post(
            &router,
            "/sparql",
            "application/sparql-query",
            b"ASK { \"\xe9\" ?p ?o }".to_vec(),
        )
        .await,
        get(&router, "/query?str=caf%E9", None).await,
        post(&router, "/query", FORM, "str=caf%E9").await,
    ] {
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let sentence = text(response).await;
        assert!(sentence.contains("not UTF-8"), "{sentence}");
    }
    let utf8 = "SELECT%20(%22%C3%A9%22%20AS%20%3Fx)%20%7B%7D";
    let response = get(&router, &format!("/sparql?query={utf8}"), Some("text/csv")).await;
    assert_eq!(text(response).await, "x\r\né\r\n");
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_what_is_asked() {
    let router = service();
    let query = "\u{feff}ASK {}";
    let (content_type, form) =
        multipart(&[("name=\"query\"; filename=\"q.rq\"", "", query.as_bytes())]);
    for response in [
        get(&router, &format!("/sparql?query={}", escaped(query)), None).await,
        post(
            &router,
            "/sparql",
            FORM,
            format!("query={}", escaped(query)),
        )
        .await,
        post(&router, "/sparql", "application/sparql-query", query).await,
        post(&router, "/sparql", &content_type, form).await,
        post(
            &router,
            "/query",
            "application/json",
            "\u{feff}{\"str\": \"red\"}",
        )
        .await,
    ] {
        let status = response.status();
        assert_eq!(status, StatusCode::OK, "{}", text(response).await);
    }
}

#[tokio::test]
async fn packed_bodies_are_unpacked_or_refused_by_name() {
    let router = service();
    let packed = |text: &str| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap()
    };
    let query = format!("query={}", escaped("ASK {}"));
    let json = "{\"str\": \"red\", \"limit\": 1}";
    for (path, content_type, packing, body, status) in [
        ("/sparql", FORM, "gzip", packed(&query), 200),
        (
            "/sparql",
            "application/sparql-query",
            "gzip",
            packed("ASK {}"),
            200,
        ),
        (
            "/sparql",
            "application/sparql-query",
            "identity",
            b"ASK {}".to_vec(),
            200,
        ),
        ("/query", "application/json", "gzip", packed(json), 200),
        ("/query", "application/json", "gzip", json.into(), 400),
        ("/sparql", FORM, "zstd", query.clone().into(), 415),
        ("/query", FORM, "gzip, gzip", b"str=red".to_vec(), 415),
    ] {
        let request = Request::post(path)
            .header("content-type", content_type)
            .header("content-encoding", packing)
            .body(Body::from(body))
            .unwrap();
        let response = send(&router, request).await;
        assert_eq!(response.status(), status, "{path} {packing}");
        if status == 415 {
            let sentence = text(response).await;
            assert!(
                sentence.contains(packing) && sentence.contains("gzip"),
                "{sentence}"
            );
        }
    }
}

#[tokio::test]
async fn who_forgets_the_query_is_told_so() {
    let router = service();
    let query = escaped("ASK {}");
    for (uri, words) in [
        (
            format!("/sparql?Query={query}"),
            ["parameter Query", "call it query"],
        ),
        (
            format!("/sparql?QUERY={query}&format=json"),
            ["QUERY", "call it query"],
        ),
        (
            "/sparql?default-graph-uri=urn:g".to_owned(),
            ["there is no query", "query"],
        ),
        (
            "/sparql?named-graph-uri=urn:g".to_owned(),
            ["there is no query", "query"],
        ),
        (
            "/sparql?explain=true".to_owned(),
            ["there is no query", "query"],
        ),
    ] {
        let response = get(&router, &uri, None).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{uri}");
        let sentence = text(response).await;
        assert!(
            words.iter().all(|word| sentence.contains(word)),
            "{sentence}"
        );
    }
    // These ask what the endpoint is.
    for uri in [
        "/sparql",
        "/sparql?format=turtle",
        "/sparql?_=1",
        "/sparql?default-graph-uri=",
    ] {
        assert_eq!(
            get(&router, uri, None).await.status(),
            StatusCode::OK,
            "{uri}"
        );
    }
}

/// A form with an empty field means the store's default graph and not a graph without a name.
#[tokio::test]
async fn an_empty_graph_is_no_graph() {
    let fixture = Fixture {
        store: super::large_store(),
        ..Fixture::default()
    };
    let router = fixture.router();
    let query = escaped("ASK { ?s ?p ?o }");
    for parameters in [
        "",
        "&default-graph-uri=",
        "&named-graph-uri=&default-graph-uri=%20",
    ] {
        let response = get(&router, &format!("/sparql?query={query}{parameters}"), None).await;
        assert_eq!(body_json(response).await["boolean"], true, "{parameters}");
    }
}

#[tokio::test]
async fn a_member_that_comes_twice_is_refused_as_in_a_form() {
    let router = service();
    for (content_type, body) in [
        ("application/json", "{\"str\": \"red\", \"str\": \"blue\"}"),
        (
            "application/json",
            "{\"str\": \"red\", \"limit\": 1, \"limit\": 2}",
        ),
        (FORM, "str=red&str=blue"),
    ] {
        let response = post(&router, "/query", content_type, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        let sentence = text(response).await;
        assert!(sentence.contains("more than once"), "{sentence}");
    }
}

#[tokio::test]
async fn an_empty_picture_is_an_error_and_an_empty_field_is_none() {
    let router = service();
    let file = |name: &str, kind: &str| {
        multipart(&[(&format!("name=\"image\"; filename=\"{name}\""), kind, b"")])
    };
    for (content_type, body) in [
        file("red.png", "image/png"),
        file("red.png", ""),
        (
            "application/json".to_owned(),
            br#"{"image": "data:image/png;base64,"}"#.to_vec(),
        ),
        (FORM.to_owned(), b"image=data:image/png;base64,".to_vec()),
    ] {
        let response = post(&router, "/query", &content_type, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let sentence = text(response).await;
        assert!(
            sentence.contains("image") && sentence.contains("empty"),
            "{sentence}"
        );
    }
    // What a browser sends for a file field in which nothing was chosen.
    let (content_type, body) = file("", "application/octet-stream");
    let response = post(&router, "/query", &content_type, body).await;
    assert_eq!(body_json(response).await, json!({"status": "OK"}));
}
