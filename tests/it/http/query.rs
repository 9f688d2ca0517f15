//! /query: search without SPARQL.

use super::{FORM, Fixture, body_json, content_type, escaped, get, multipart, post, service};
use crate::colours::{iiif_url, png};
use axum::Router;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clip_search::image_id::image_id;
use clip_search::sparql::SparqlOptions;
use serde_json::{Value, json};
use tokio::net::TcpListener;

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
async fn the_operator_sets_the_lowest_score() {
    let fixture = Fixture {
        options: SparqlOptions {
            default_min_score: 0.9,
            ..SparqlOptions::default()
        },
        ..Fixture::default()
    };
    let router = fixture.router();
    let images = body_json(get(&router, "/query?str=red", None).await).await;
    assert_eq!(found(&images), ["red"]);
    let images = body_json(get(&router, "/query?str=red&minScore=0.2", None).await).await;
    assert_eq!(found(&images), ["red", "yellow"]);
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
        (
            &format!("image={not_an_image}"),
            vec!["image gives no image"],
        ),
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
