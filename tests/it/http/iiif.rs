//! What IIIF viewers get: manifests, collections, canvases and Content Search.

use super::described::{Shown, fixture, world};
use super::{FORM, Fixture, body_json, content_type, escaped, get, multipart, post, send, text};
use crate::colours::{WIDTH, iiif_url, png};
use crate::support;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use clip_search::collection::Collection;
use clip_search::collection::sizes::{ImageSize, Measured};
use clip_search::features::Features;
use clip_search::http::HttpSettings;
use clip_search::image_id::image_id;
use ndarray::Array2;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

const LD_JSON: &str =
    "application/ld+json;profile=\"http://iiif.io/api/presentation/3/context.json\"";

/// The document at `uri`, which is there.
async fn document(router: &Router, uri: &str) -> Value {
    let response = get(router, uri, None).await;
    assert_eq!(response.status(), StatusCode::OK, "{uri}");
    body_json(response).await
}

/// Fails if a validator that is not ours finds anything.
#[track_caller]
fn assert_valid(documents: &[Value]) {
    let Some(python) = support::python("iiif_prezi3") else {
        return;
    };
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/http/iiif_documents.py"
    );
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = child.stdin.take().unwrap();
    for document in documents {
        writeln!(lines, "{document}").unwrap();
    }
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
}

fn canvas_ids(manifest: &Value) -> Vec<&str> {
    let canvases = manifest["items"].as_array().unwrap();
    canvases
        .iter()
        .map(|canvas| canvas["id"].as_str().unwrap())
        .collect()
}

fn canvas_id(name: &str) -> String {
    format!("http://localhost/iiif/canvas/{}", image_id(&iiif_url(name)))
}

#[tokio::test]
async fn a_manifest_has_a_canvas_for_each_hit_with_all_that_is_known() {
    let router = world();
    let manifest = document(&router, "/iiif/manifest?str=red&minScore=-1&limit=5").await;
    assert_valid(std::slice::from_ref(&manifest));
    assert_eq!(
        manifest["id"],
        "http://localhost/iiif/manifest?str=red&minScore=-1&limit=5"
    );
    assert_eq!(manifest["label"]["de"], json!(["Bilder wie „red“"]));
    // Of black nobody knows the size.
    let ids = canvas_ids(&manifest);
    assert_eq!(ids.len(), 4);
    assert_eq!(ids[..2], [canvas_id("red"), canvas_id("yellow")]);
    let red = &manifest["items"][0];
    assert_eq!(
        red["label"],
        json!({"de": ["Rot"], "en": ["Red"], "none": ["Rosso"]})
    );
    assert_eq!(
        (&red["width"], &red["height"]),
        (&json!(4000), &json!(3000))
    );
    let picture = &red["items"][0]["items"][0]["body"];
    assert_eq!(
        picture["id"],
        "https://iiif.example.org/red/full/1000,/0/default.jpg"
    );
    assert_eq!(
        (&picture["width"], &picture["height"]),
        (&json!(1000), &json!(750))
    );
    let service = json!([{"id": iiif_url("red"), "type": "ImageService3", "profile": "level2"}]);
    assert_eq!(picture["service"], service);
    assert_eq!(red["thumbnail"][0]["service"], service);
    assert_eq!(red["rights"], "http://creativecommons.org/licenses/by/4.0/");
    assert_eq!(
        red["requiredStatement"]["value"],
        json!({"none": ["© Museum"]})
    );
    assert_eq!(red["homepage"][0]["id"], "https://example.org/work/red");
    assert_eq!(
        red["partOf"],
        json!([{"id": "https://example.org/manifest", "type": "Manifest"}])
    );
    assert_eq!(red["summary"], json!({"en": ["All red."]}));
    let pairs: Vec<(&str, &Value)> = (red["metadata"].as_array().unwrap().iter())
        .map(|pair| {
            let label = pair["label"].get("it").or(pair["label"].get("none"));
            (label.unwrap()[0].as_str().unwrap(), &pair["value"])
        })
        .collect();
    let maker = json!({"none": ["Carlo Riva"]});
    assert_eq!(pairs[0], ("Autore", &maker));
    let (label, score) = pairs[pairs.len() - 1];
    assert_eq!(label, "Punteggio");
    let score: f32 = score["none"][0].as_str().unwrap().parse().unwrap();
    assert!(score > 0.99 && score <= 1.0);
}

#[tokio::test]
async fn services_are_named_as_their_versions_name_them() {
    let router = world();
    let manifest = document(&router, "/iiif/manifest?str=blue&minScore=-1").await;
    assert_valid(std::slice::from_ref(&manifest));
    let picture = |name: &str| {
        let at = canvas_ids(&manifest)
            .iter()
            .position(|id| *id == canvas_id(name));
        let canvas = &manifest["items"][at.unwrap()];
        (canvas, &canvas["items"][0]["items"][0]["body"])
    };
    // Level 0 of version 2: the whole image is all that it surely has.
    let (green, picture_of_green) = picture("green");
    assert_eq!(
        picture_of_green["service"],
        json!([{
            "@id": iiif_url("green"),
            "@type": "ImageService2",
            "profile": "http://iiif.io/api/image/2/level0.json",
        }])
    );
    assert_eq!(
        picture_of_green["id"],
        format!("{}/full/full/0/default.jpg", iiif_url("green"))
    );
    assert_eq!(green.get("thumbnail"), None);
    // A picture that was delivered, of a service that nobody has asked.
    let (_, picture_of_blue) = picture("blue");
    assert_eq!(
        picture_of_blue["id"],
        format!("{}/full/640,/0/default.jpg", iiif_url("blue"))
    );
    assert_eq!(picture_of_blue.get("service"), None);
    let (_, picture_of_yellow) = picture("yellow");
    assert_eq!(picture_of_yellow["service"][0]["@type"], "ImageService1");
    assert!(
        picture_of_yellow["id"]
            .as_str()
            .unwrap()
            .ends_with("/native.jpg")
    );
}

#[tokio::test]
async fn a_canvas_is_the_same_whatever_it_was_found_by() {
    let router = world();
    let [red, blue] = ["red", "blue"].map(|name| image_id(&iiif_url(name)));
    let chosen = document(
        &router,
        &format!("/iiif/manifest?id={blue}&id={red}&id={blue}"),
    )
    .await;
    let chosen_ids = canvas_ids(&chosen);
    // In this order, each once: two canvases with one id are no manifest.
    assert_eq!(chosen_ids, [canvas_id("blue"), canvas_id("red")]);
    assert_eq!(chosen["label"]["en"], json!(["Selected images"]));
    let alone = document(&router, &format!("/iiif/canvas/{red}")).await;
    let context = json!("http://iiif.io/api/presentation/3/context.json");
    assert_eq!(alone["@context"], context);
    let mut expected = chosen["items"][1].clone();
    expected["@context"] = context;
    assert_eq!(alone, expected);
    assert_valid(&[alone, chosen]);
}

#[tokio::test]
async fn query_gives_the_same_manifest() {
    let router = world();
    for parameters in [
        "str=red",
        "str=red&exclude=blue&minScore=0.1&limit=3",
        "similarTo=https%3A%2F%2Fiiif.example.org%2Fred",
    ] {
        let manifest = document(&router, &format!("/iiif/manifest?{parameters}")).await;
        let other = document(
            &router,
            &format!("/query?format=iiif&{parameters}&unknown=1"),
        )
        .await;
        assert_eq!(manifest, other, "{parameters}");
        let posted = post(&router, "/query", FORM, format!("{parameters}&format=iiif")).await;
        assert_eq!(body_json(posted).await, manifest);
        let json = document(&router, &format!("/query?format=json&{parameters}")).await;
        assert_eq!(json.as_array().unwrap().len(), canvas_ids(&manifest).len());
    }
    // A picture is in no URL: the manifest is that of the images it finds.
    let (kind, upload) = multipart(&[
        (
            "name=\"image\"; filename=\"red.png\"",
            "image/png",
            &png([255, 0, 0]),
        ),
        ("name=\"format\"", "", b"iiif"),
    ]);
    let by_picture = body_json(post(&router, "/query", &kind, upload).await).await;
    assert_eq!(by_picture["label"]["fr"], json!(["Images comme une image"]));
    let id = by_picture["id"]
        .as_str()
        .unwrap()
        .strip_prefix("http://localhost")
        .unwrap();
    let again = document(&router, id).await;
    assert_eq!(canvas_ids(&again), canvas_ids(&by_picture));
    let ids = [image_id(&iiif_url("blue")), image_id(&iiif_url("red"))];
    let body = json!({ "id": ids, "format": "iiif" }).to_string();
    let posted = body_json(post(&router, "/query", "application/json", body).await).await;
    assert_eq!(canvas_ids(&posted), [canvas_id("blue"), canvas_id("red")]);
    assert_valid(&[by_picture, posted]);
}

#[tokio::test]
async fn what_has_no_manifest_is_told_in_a_sentence() {
    let router = world();
    let black = image_id(&iiif_url("black"));
    let many = "id=0&".repeat(1001);
    for (uri, status, word) in [
        ("/iiif/manifest", 400, "give words as str"),
        ("/iiif/collection?id=+", 400, "or ids of images as id"),
        (
            "/iiif/manifest?q=a+lake&Str=x",
            400,
            r#"there is no parameter \"q\", \"Str\""#,
        ),
        ("/iiif/manifest?exclude=red", 400, "nothing to search for"),
        (
            "/iiif/manifest?str=red&minScore=low",
            400,
            "minScore must be a number",
        ),
        ("/iiif/manifest?str=red&limit=1001", 400, "from 1 to 1000"),
        ("/iiif/manifest?str=red&limit=0", 400, "limit"),
        ("/iiif/manifest?str=red&id=0", 400, "the one or the others"),
        (
            &format!("/iiif/manifest?{many}"),
            400,
            "1000 images at most",
        ),
        (
            "/iiif/manifest?str=red&minScore=2",
            404,
            "no image is found",
        ),
        (
            "/iiif/manifest?id=0",
            404,
            r#"no image with the id \"0\"; an id has 40 hexadecimal digits"#,
        ),
        (
            "/iiif/collection?id=0&id=1",
            404,
            "tells that of each hit as imageId",
        ),
        (
            &format!("/iiif/manifest?id={}", "0".repeat(5000)),
            404,
            "no image with the id",
        ),
        (
            "/iiif/manifest?similarTo=https%3A%2F%2Fexample.org",
            404,
            "no image at \\\"https://example.org",
        ),
        (
            &format!("/iiif/manifest?id={black}"),
            404,
            "clip-search build",
        ),
        (&format!("/iiif/canvas/{black}"), 404, "clip-search build"),
        ("/iiif/canvas/0", 404, "no image with the id"),
        ("/iiif/canvas/", 404, "there is nothing at"),
        ("/query?str=red&format=xml", 400, "json or iiif"),
        ("/iiif/search/1?q=red&page=0", 400, "whole number from 1"),
        ("/iiif/search/2?q=red&page=x", 400, "whole number from 1"),
        ("/iiif/search/2?q=red&q=blue", 400, "more than once"),
        ("/iiif/search/3?q=red", 404, "/iiif/search/2"),
    ] {
        let response = get(&router, uri, None).await;
        assert_eq!(response.status().as_u16(), status, "{uri:.100}");
        let text = text(response).await;
        assert!(text.contains(word), "{uri:.100}: {text}");
        assert!(text.len() < 500, "{text}");
    }
}

#[tokio::test]
async fn a_collection_has_the_manifests_of_the_hits() {
    let router = world();
    let collection = document(&router, "/iiif/collection?str=red&minScore=-1").await;
    let items = collection["items"].as_array().unwrap();
    let ids: Vec<&str> = items
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    // Red and yellow are of the same book; a manifest that no browser can open is left out.
    assert_eq!(
        ids,
        [
            "https://example.org/manifest",
            "https://example.org/other-manifest"
        ]
    );
    assert_eq!(items[0]["label"]["en"], json!(["Red"]));
    assert_eq!(items[0]["thumbnail"][0]["width"], 400);
    // Its search services look through all images, also those of which it names no manifest.
    for (service, id, hits) in [(0, "id", "items"), (1, "@id", "resources")] {
        let service = collection["service"][service][id].as_str().unwrap();
        let path = service.strip_prefix("http://localhost").unwrap();
        let found = document(&router, &format!("{path}?q=red")).await;
        assert!(!found[hits].as_array().unwrap().is_empty(), "{service}");
    }
    let empty = document(&router, "/iiif/collection?str=red&minScore=2").await;
    assert_eq!(empty["items"], json!([]));
    assert_valid(&[collection, empty]);
}

#[tokio::test]
async fn documents_have_the_media_type_that_the_client_can_read() {
    let router = world();
    let red = image_id(&iiif_url("red"));
    for (uri, ld_json) in [
        ("/iiif/manifest?str=red".to_owned(), LD_JSON.to_owned()),
        ("/iiif/collection?str=red".to_owned(), LD_JSON.to_owned()),
        (format!("/iiif/canvas/{red}"), LD_JSON.to_owned()),
        (
            "/iiif/search/1?q=red".to_owned(),
            LD_JSON.replace("presentation/3", "search/1"),
        ),
        (
            "/iiif/search/2?q=red".to_owned(),
            LD_JSON.replace("presentation/3", "search/2"),
        ),
    ] {
        for (accept, expected) in [
            (None, ld_json.as_str()),
            (Some("*/*"), &ld_json),
            (Some("application/ld+json"), &ld_json),
            (Some("application/json, application/ld+json"), &ld_json),
            (Some("application/json"), "application/json"),
            (
                Some("text/html,application/xhtml+xml,*/*;q=0.8"),
                "application/json",
            ),
        ] {
            let response = get(&router, &uri, accept).await;
            assert_eq!(content_type(&response), expected, "{uri} {accept:?}");
            let vary = response.headers().get_all(header::VARY).iter();
            assert!(vary.into_iter().any(|value| value == "Accept"), "{uri}");
        }
        let request = Request::get(&uri).header(header::ORIGIN, "https://viewer.example");
        let response = send(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let tag = response.headers()[header::ETAG].clone();
        let length = response.headers()[header::CONTENT_LENGTH].clone();
        let head = send(&router, Request::head(&uri).body(Body::empty()).unwrap()).await;
        assert_eq!(
            (head.status(), &head.headers()[header::CONTENT_LENGTH]),
            (StatusCode::OK, &length)
        );
        assert_eq!(text(head).await, "");
        let request = Request::get(&uri).header(header::IF_NONE_MATCH, &tag);
        let again = send(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{uri}");
    }
}

#[tokio::test]
async fn ids_are_absolute_where_clients_reach_the_service() {
    let settings = HttpSettings {
        public_url: Some("https://example.org/clip/".parse().unwrap()),
        ..HttpSettings::default()
    };
    let behind = Fixture {
        settings,
        ..fixture()
    }
    .router();
    let manifest = document(&behind, "/iiif/manifest?str=red").await;
    assert_eq!(
        manifest["id"],
        "https://example.org/clip/iiif/manifest?str=red"
    );
    assert!(canvas_ids(&manifest)[0].starts_with("https://example.org/clip/iiif/canvas/"));
    let service = manifest["service"][1]["@id"].as_str().unwrap();
    assert!(service.starts_with("https://example.org/clip/iiif/search/1/"));
    let found = document(&behind, "/iiif/search/2?q=red").await;
    assert!(
        found["items"][0]["target"]
            .as_str()
            .unwrap()
            .starts_with(canvas_ids(&manifest)[0])
    );
    assert_valid(&[manifest, found]);
    let request = Request::get("/iiif/manifest?str=red")
        .header(header::HOST, "clip.example:8080")
        .header("x-forwarded-proto", "https");
    let response = send(&world(), request.body(Body::empty()).unwrap()).await;
    let id = &body_json(response).await["id"];
    assert_eq!(id, "https://clip.example:8080/iiif/manifest?str=red");
}

#[tokio::test]
async fn a_search_in_a_viewer_finds_the_canvases_of_its_manifest() {
    let router = world();
    let manifest = document(&router, "/iiif/manifest?str=red").await;
    let first = document(&router, "/iiif/search/1?q=red&motivation=painting&user=x").await;
    assert_eq!(first["within"]["total"], 2);
    assert_eq!(first["within"]["ignored"], json!(["motivation", "user"]));
    let on: Vec<&str> = (first["resources"].as_array().unwrap().iter())
        .map(|resource| resource["on"].as_str().unwrap().split_once('#').unwrap().0)
        .collect();
    assert_eq!(on, canvas_ids(&manifest));
    assert_eq!(
        first["resources"][0]["on"],
        format!("{}#xywh=0,0,4000,3000", on[0])
    );
    let second = document(&router, "/iiif/search/2?q=red&date=2000").await;
    assert_eq!(second["ignored"], json!(["date"]));
    assert_eq!(second["items"][0]["target"], first["resources"][0]["on"]);
    assert_eq!(second["partOf"][0]["total"], 2);
    // In the reader's language, where there is a title in it.
    let request = Request::get("/iiif/search/2?q=red")
        .header(header::ACCEPT_LANGUAGE, "fr, de-CH;q=0.8, en;q=0.5");
    let german = body_json(send(&router, request.body(Body::empty()).unwrap()).await).await;
    let body = &german["items"][0]["body"];
    assert_eq!(
        (&body["value"], &body["language"]),
        (&json!("Rot (1.000)"), &json!("de"))
    );
    assert_valid(&[first, second, german]);
}

/// The addresses of a manifest's search services, version 1 first, below the service.
fn services(manifest: &Value) -> [&str; 2] {
    let service = |pointer| manifest.pointer(pointer).unwrap().as_str().unwrap();
    ["/service/1/@id", "/service/0/id"]
        .map(|pointer| service(pointer).strip_prefix("http://localhost").unwrap())
}

/// The canvases that a search finds, best first.
fn targets(page: &Value) -> Vec<&str> {
    let hits = page.get("items").or(page.get("resources")).unwrap();
    (hits.as_array().unwrap().iter())
        .map(|hit| hit.get("on").or(hit.get("target")).unwrap())
        .map(|target| target.as_str().unwrap().split_once('#').unwrap().0)
        .collect()
}

#[tokio::test]
async fn the_services_of_a_manifest_find_none_but_its_canvases() {
    let router = world();
    let [red, yellow] = ["red", "yellow"].map(|name| image_id(&iiif_url(name)));
    let mut documents = Vec::new();
    for (address, found) in [
        // Both look like red, in whatever order they are chosen.
        (format!("id={yellow}&id={red}"), vec!["red", "yellow"]),
        (format!("id={yellow}"), vec!["yellow"]),
        ("str=red&limit=1".to_owned(), vec!["red"]),
        (
            "str=red&minScore=-1&limit=5".to_owned(),
            vec!["red", "yellow"],
        ),
        ("str=blue&limit=1".to_owned(), vec![]),
        (
            format!("similarTo={}&limit=1", escaped(&iiif_url("yellow"))),
            vec!["yellow"],
        ),
    ] {
        let manifest = document(&router, &format!("/iiif/manifest?{address}")).await;
        let expected: Vec<String> = found.into_iter().map(canvas_id).collect();
        for service in services(&manifest) {
            assert!(!service.contains(['?', '&', '%']), "{service}");
            let page = document(&router, &format!("{service}?q=red")).await;
            assert_eq!(targets(&page), expected, "{address}");
            let id = page.get("id").or(page.get("@id")).unwrap();
            assert_eq!(id, &format!("http://localhost{service}?q=red&page=1"));
            documents.push(page);
        }
    }
    assert_valid(&documents);
}

#[tokio::test]
async fn the_id_of_a_document_is_the_url_that_was_asked_for() {
    let router = world();
    for query in [
        "limit=2&minScore=-1&str=red",
        "str=red&exclude=&x=%20y",
        "str=r%65d",
    ] {
        for kind in ["manifest", "collection"] {
            let uri = format!("/iiif/{kind}?{query}");
            let found = document(&router, &uri).await;
            assert_eq!(found["id"], format!("http://localhost{uri}"));
        }
    }
}

#[tokio::test]
async fn a_search_service_of_no_manifest_is_refused() {
    let router = world();
    for (address, status, reason) in [
        (
            "!",
            StatusCode::NOT_FOUND,
            "take its address from a manifest",
        ),
        (
            "_w",
            StatusCode::NOT_FOUND,
            "take its address from a manifest",
        ),
        // limit=x
        ("bGltaXQ9eA", StatusCode::BAD_REQUEST, "limit"),
        // limit=1
        (
            "bGltaXQ9MQ",
            StatusCode::NOT_FOUND,
            "take its address from a manifest",
        ),
    ] {
        for version in [1, 2] {
            let uri = format!("/iiif/search/{version}/{address}?q=red");
            let response = get(&router, &uri, None).await;
            assert_eq!(response.status(), status, "{uri}");
            let error = body_json(response).await;
            assert!(error["error"].as_str().unwrap().contains(reason), "{error}");
        }
    }
}

#[tokio::test]
async fn a_search_for_nothing_finds_nothing() {
    let router = world();
    let mut documents = Vec::new();
    for parameters in ["", "?q=", "?q=+", "?q=&page=3", "?page=2&motivation=x"] {
        let first = document(&router, &format!("/iiif/search/1{parameters}")).await;
        let second = document(&router, &format!("/iiif/search/2{parameters}")).await;
        assert_eq!(
            (&first["within"]["total"], &first["resources"]),
            (&json!(0), &json!([]))
        );
        assert_eq!(
            (&second["partOf"][0]["total"], &second["items"]),
            (&json!(0), &json!([]))
        );
        documents.extend([first, second]);
    }
    assert_valid(&documents);
}

/// 620 images that are more or less red.
fn many_reds() -> Collection {
    let n = 620;
    let mut matrix = Array2::zeros((n, WIDTH));
    for (row, mut features) in matrix.outer_iter_mut().enumerate() {
        let angle = row as f32 / 1000.0;
        (features[0], features[1]) = (angle.cos(), angle.sin());
    }
    let urls: Vec<String> = (0..n).map(|row| iiif_url(&row.to_string())).collect();
    let ids = urls.iter().map(|url| image_id(url)).collect();
    let sizes = vec![ImageSize::new(40, 30, Measured::Info, None); n];
    Collection::new(Features::from_unit_rows(matrix), ids, urls).with_sizes(sizes)
}

#[tokio::test]
async fn who_follows_next_comes_to_an_end() {
    let router = Fixture {
        collection: many_reds(),
        ..Fixture::default()
    }
    .router();
    let mut documents = Vec::new();
    for (version, items, next) in [(1, "resources", "/next"), (2, "items", "/next/id")] {
        let mut uri = format!("/iiif/search/{version}?q=red");
        let (mut pages, mut seen) = (0, std::collections::HashSet::new());
        loop {
            let page = document(&router, &uri).await;
            assert_eq!(page["startIndex"], pages * 50);
            for item in page[items].as_array().unwrap() {
                let target = item.get("on").or(item.get("target")).unwrap();
                assert!(seen.insert(target.to_string()), "{target} is there twice");
            }
            pages += 1;
            let following = page
                .pointer(next)
                .and_then(Value::as_str)
                .map(str::to_owned);
            documents.push(page);
            match following {
                Some(url) => uri = url.strip_prefix("http://localhost").unwrap().to_owned(),
                None => break,
            }
        }
        assert_eq!((pages, seen.len()), (10, 500));
        // Who guesses numbers gets an empty page, not all of it again.
        let beyond = document(&router, &format!("/iiif/search/{version}?q=red&page=11")).await;
        assert_eq!(beyond[items], json!([]));
        let far = usize::MAX;
        let far = document(&router, &format!("/iiif/search/{version}?q=red&page={far}")).await;
        assert_eq!(far[items], json!([]));
        documents.extend([beyond, far]);
    }
    assert_valid(&documents);
    let manifest = document(&router, "/iiif/manifest?str=red&limit=1000").await;
    assert_eq!(canvas_ids(&manifest).len(), 620);
    assert_valid(&[manifest]);
}

#[tokio::test]
async fn hostile_metadata_stay_texts() {
    let shown = Shown {
        turtle: format!(
            "<{red}> dct:title \"<img src=x onerror=alert(1)>\", \"{long}\" ;
               dct:creator \"<script>alert(1)</script>\", \"\\u0000\\u001b[31mred\\u0085\" ;
               dct:description \"<a href='javascript:alert(1)'>x</a>\"@en ;
               dct:rights <javascript:alert(1)>, \"<b>mine</b>\" ; foaf:page <javascript:alert(2)>, <https://example.org/page> ;
               dct:isReferencedBy <file:///etc/passwd> .",
            red = iiif_url("red"),
            long = "x".repeat(1_000_000)
        ),
        ..Shown::default()
    };
    let router = shown.fixture().router();
    let response = get(&router, "/iiif/manifest?str=red&limit=1", None).await;
    let sent = text(response).await;
    assert!(sent.len() < 30_000, "{} bytes", sent.len());
    let manifest: Value = serde_json::from_str(&sent).unwrap();
    let red = &manifest["items"][0];
    let pages: Vec<&Value> = red["homepage"]
        .as_array()
        .unwrap()
        .iter()
        .map(|page| &page["id"])
        .collect();
    assert_eq!(pages, ["https://example.org/page"]);
    assert_eq!(red.get("partOf"), None);
    assert_eq!(red.get("rights"), None);
    let makers = red["metadata"][0]["value"]["none"].as_array().unwrap();
    let mut makers: Vec<&str> = makers.iter().filter_map(Value::as_str).collect();
    // A store gives them in an order of its own.
    makers.sort_unstable();
    assert_eq!(
        makers,
        [
            "<span>&lt;script&gt;alert(1)&lt;/script&gt;</span>",
            "[31mred"
        ]
    );
    let collection = document(&router, "/iiif/collection?str=red").await;
    assert_eq!(collection["items"], json!([]));
    let [first, second] = [1, 2].map(|version| format!("/iiif/search/{version}?q=red"));
    let [first, second] = [
        document(&router, &first).await,
        document(&router, &second).await,
    ];
    assert_valid(&[manifest, collection, first, second]);
    // What is asked stands in the label, and is bounded too.
    let long = "y".repeat(20_000);
    let asked = document(
        &router,
        &format!("/iiif/manifest?str=red+{long}&minScore=-1"),
    )
    .await;
    assert!(asked["label"].to_string().len() < 2000);
    let query = escaped("<b>red</b>");
    assert_valid(&[document(&router, &format!("/iiif/manifest?str={query}&minScore=-1")).await]);
}

#[tokio::test]
async fn texts_come_in_the_readers_language_first() {
    let router = world();
    for (asked, expected) in [
        ("de-CH,de;q=0.9", "\"label\":{\"de\":"),
        ("ja", "\"label\":{\"en\":"),
    ] {
        let request = Request::get("/iiif/manifest?str=red").header("accept-language", asked);
        let response = send(&router, request.body(Body::empty()).unwrap()).await;
        let varies: Vec<&str> = (response.headers().get_all(header::VARY).iter())
            .map(|value| value.to_str().unwrap())
            .collect();
        assert!(varies.join(",").contains("Accept-Language"), "{varies:?}");
        let document = text(response).await;
        assert!(document.contains(expected), "{asked}: {document}");
    }
}
