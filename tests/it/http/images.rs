//! /images: what is known about images.

use super::described::{Shown, fixture, world};
use super::{FORM, Fixture, body_json, content_type, escaped, get, post};
use crate::colours::iiif_url;
use axum::http::StatusCode;
use clip_search::describe::PageQuery;
use clip_search::image_id::image_id;
use clip_search::sparql::SparqlOptions;
use serde_json::{Value, json};
use std::time::Duration;

fn parameters(names: &[&str]) -> String {
    let parameters: Vec<String> = (names.iter())
        .map(|name| format!("image={}", escaped(&iiif_url(name))))
        .collect();
    parameters.join("&")
}

async fn known(names: &[&str], fixture: Fixture) -> Value {
    let router = fixture.router();
    let response = get(&router, &format!("/images?{}", parameters(names)), None).await;
    assert_eq!(response.status(), StatusCode::OK);
    body_json(response).await["images"].take()
}

#[tokio::test]
async fn sizes_services_and_fields_are_told() {
    let mut images = known(&["red", "nothing", "blue", "black"], fixture()).await;
    assert_eq!(images.as_array().unwrap().len(), 3);
    // A store has no order of its own.
    for field in ["title", "rights"] {
        let values = images[0]["fields"][field].as_array_mut().unwrap();
        values.sort_by_key(|value| value["value"].to_string());
    }
    assert_eq!(
        images[0],
        json!({
            "image": iiif_url("red"),
            "id": image_id(&iiif_url("red")),
            "link": format!("{}/full/1000,/0/default.jpg", iiif_url("red")),
            "width": 4000,
            "height": 3000,
            "measured": "info",
            "service": {"version": 3, "profile": "level2"},
            "fields": {
                "title": [{"value": "Red", "language": "en"}, {"value": "Rosso"}, {"value": "Rot", "language": "de"}],
                "maker": [{"value": "Carlo Riva"}],
                "date": [{"value": "1850"}],
                "place": [{"value": "Lugano"}],
                "institution": [{"value": "Musée", "language": "fr"}],
                "rights": [
                    {"value": "https://creativecommons.org/licenses/by/4.0/deed.de", "isIri": true},
                    {"value": "© Museum"},
                ],
                "description": [{"value": "All red.", "language": "en"}],
                "object": [{"value": "https://example.org/work/red", "isIri": true}],
                "manifest": [{"value": "https://example.org/manifest", "isIri": true}],
            },
        })
    );
    assert_eq!(
        images[1],
        json!({
            "image": iiif_url("blue"),
            "id": image_id(&iiif_url("blue")),
            "link": format!("{}/full/640,/0/default.jpg", iiif_url("blue")),
            "width": 640,
            "height": 427,
            "measured": "delivered",
            "fields": {},
        })
    );
    // Of this one nobody knows the size.
    let black = images[2].as_object().unwrap();
    let names: Vec<&str> = black.keys().map(String::as_str).collect();
    assert_eq!(names, ["fields", "id", "image", "link"]);
    assert!(
        black["link"]
            .as_str()
            .unwrap()
            .ends_with("/full/1000,/0/default.jpg")
    );
}

#[tokio::test]
async fn images_are_named_in_the_url_or_in_the_body() {
    let router = world();
    let form = parameters(&["red", "green", "red"]);
    let (first, second) = form.split_once('&').unwrap();
    for response in [
        get(&router, &format!("/images?{form}&image=&unknown=1"), None).await,
        post(&router, "/images", FORM, form.clone()).await,
        post(
            &router,
            &format!("/images?{first}"),
            FORM,
            second.to_owned(),
        )
        .await,
        post(&router, &format!("/images?{form}"), "", "").await,
    ] {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(content_type(&response), "application/json");
        let images = body_json(response).await["images"].take();
        let names: Vec<&str> = (images.as_array().unwrap().iter())
            .map(|image| image["image"].as_str().unwrap())
            .collect();
        // Each once, in the order in which they are asked for.
        assert_eq!(names, [iiif_url("red"), iiif_url("green")]);
    }
    for response in [
        get(&router, "/images", None).await,
        post(&router, "/images", "", "").await,
        get(&router, "/images?image=nothing&image=%20", None).await,
    ] {
        assert_eq!(body_json(response).await, json!({"images": []}));
    }
}

/// A page lays out its pictures by the sizes, before anything else is known.
#[tokio::test]
async fn sizes_are_told_alone_if_that_is_asked() {
    let router = world();
    let form = parameters(&["red", "nothing", "blue"]);
    let mut whole = body_json(get(&router, &format!("/images?{form}"), None).await).await;
    for image in whole["images"].as_array_mut().unwrap() {
        image.as_object_mut().unwrap().remove("fields").unwrap();
    }
    assert_eq!(whole["images"].as_array().unwrap().len(), 2);
    for response in [
        get(&router, &format!("/images?{form}&fields=none"), None).await,
        post(&router, "/images", FORM, format!("fields=none&{form}")).await,
        post(
            &router,
            "/images?fields=all",
            FORM,
            format!("{form}&fields=+none"),
        )
        .await,
    ] {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(body_json(response).await, whole);
    }
    let response = get(&router, &format!("/images?{form}&fields=title"), None).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        body_json(response).await,
        json!({"error": "fields must be all or none, found \"title\""})
    );
}

#[tokio::test]
async fn no_request_asks_about_too_many() {
    let router = world();
    let many = "image=http%3A%2F%2Fh&".repeat(201);
    for response in [
        get(&router, &format!("/images?{many}"), None).await,
        post(&router, "/images", FORM, many.clone()).await,
    ] {
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let error = body_json(response).await;
        let sentence = error["error"].as_str().unwrap();
        assert!(sentence.contains("200 images at most"), "{sentence}");
    }
    let allowed = "image=http%3A%2F%2Fh&".repeat(200);
    let response = post(&router, "/images", FORM, allowed).await;
    assert_eq!(response.status(), StatusCode::OK);
    let response = post(&router, "/images", "text/plain", "image=x").await;
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_page_query_that_fails_costs_the_fields_only() {
    let slow = "SELECT ?image ?title { VALUES ?image { } ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?title }";
    let refused = "SELECT ?image ?title { VALUES ?image { } SERVICE <http://127.0.0.1:1/> { ?image ?p ?title } }";
    for query in [slow, refused] {
        let shown = Shown {
            page_query: PageQuery::parse(query).unwrap(),
            ..Shown::default()
        };
        let options = SparqlOptions {
            timeout: Some(Duration::from_millis(50)),
            max_memory_bytes: None,
            ..SparqlOptions::default()
        };
        let fixture = Fixture {
            options,
            store: super::large_store(),
            ..shown.fixture()
        };
        let images = known(&["red"], fixture).await;
        assert_eq!(images[0]["width"], 4000, "{query}");
        assert_eq!(images[0]["fields"], json!({}));
    }
}

#[tokio::test]
async fn the_operators_query_has_fields_of_its_own() {
    let shown = Shown {
        page_query: PageQuery::parse(
            "PREFIX dct: <http://purl.org/dc/terms/>
             SELECT ?image ?name ?score {
               { VALUES ?image { } ?work dct:hasFormat ?image ; dct:title ?name }
               UNION
               { VALUES ?image { } ?r a clip:Request ; clip:queryString \"red\" ; clip:iiifUrl ?image ; clip:score ?score }
             }",
        )
        .unwrap(),
        ..Shown::default()
    };
    let images = known(&["red", "blue"], shown.fixture()).await;
    let fields = images[0]["fields"].as_object().unwrap();
    let mut names: Vec<&str> = (fields["name"].as_array().unwrap().iter())
        .map(|name| name["value"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["Red", "Rosso", "Rot"]);
    assert_eq!(fields["score"].as_array().unwrap().len(), 1);
    assert_eq!(
        images[1]["fields"],
        json!({}),
        "blue is below the minimum score"
    );
}

/// No answer names a picture that is wider than its image, where that is known.
#[tokio::test]
async fn a_link_is_the_same_in_all_answers() {
    let names = ["red", "green", "blue", "yellow", "black"];
    let mut expected: Vec<[String; 2]> = (known(&names, fixture()).await.as_array().unwrap())
        .iter()
        .map(|image| ["image", "link"].map(|member| image[member].as_str().unwrap().to_owned()))
        .collect();
    expected.sort_unstable();
    assert!(
        expected
            .iter()
            .any(|[_, link]| link.contains("/full/640,/"))
    );
    let url = format!(
        "/query?similarTo={}&minScore=-1&limit=9",
        escaped(&iiif_url("red"))
    );
    let hits = body_json(get(&world(), &url, None).await).await;
    let mut found: Vec<[String; 2]> = (hits.as_array().unwrap().iter())
        .map(|hit| ["url", "link"].map(|member| hit[member].as_str().unwrap().to_owned()))
        .filter(|[url, _]| names.iter().any(|name| *url == iiif_url(name)))
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    let values: String = (names.iter())
        .map(|name| format!("<{}> ", iiif_url(name)))
        .collect();
    let query = format!(
        "SELECT ?i ?l {{ VALUES ?i {{ {values} }} ?r a clip:Request ; clip:similarTo <{}> ; \
           clip:minScore -1 ; clip:iiifUrl ?i ; clip:link ?l }} ORDER BY ?i",
        iiif_url("red")
    );
    let url = format!("/sparql?query={}", escaped(&query));
    let answer = body_json(get(&world(), &url, None).await).await;
    let mut rows: Vec<[String; 2]> = (answer["results"]["bindings"].as_array().unwrap().iter())
        .map(|row| ["i", "l"].map(|name| row[name]["value"].as_str().unwrap().to_owned()))
        .collect();
    rows.sort_unstable();
    assert_eq!(rows, expected);
}
