//! /sparql: request forms, formats, errors.

use super::{
    ENDLESS, FORM, Fixture, RESULTS_JSON, RESULTS_XML, body_json, content_type, escaped, get,
    large_store, multipart, post, service, text,
};
use crate::colours::iiif_url;
use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use clip_search::http::HttpSettings;
use clip_search::sparql::SparqlOptions;
use serde_json::{Value, json};
use std::time::Duration;

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
        (&construct, "format=trig", None, "application/trig"),
        (&construct, "output=nquads", None, "application/n-quads"),
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
    let router_with = |timeout| {
        let options = SparqlOptions {
            timeout: Some(timeout),
            ..SparqlOptions::default()
        };
        let fixture = Fixture {
            store: large_store(),
            options,
            ..Fixture::default()
        };
        fixture.router()
    };
    let router = router_with(Duration::from_millis(50));
    // A million rows, none of which is seen before the end.
    let count =
        escaped("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER(STR(?a) > STR(?d)) }");
    let response = get(&router, &format!("/sparql?query={count}"), None).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["clip-error"], "too-much");
    let body = text(response).await;
    assert!(body.starts_with("the query was stopped"), "{body}");
    // Time enough for the first rows, however busy the machine is.
    let response = get(
        &router_with(Duration::from_secs(3)),
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

/// By it a page says in its visitor's language what has happened.
#[tokio::test]
async fn the_kind_of_a_failure_is_told_in_a_word() {
    let router = service();
    for (request, kind) in [
        ("clip:queryURL <http://127.0.0.1:1/>", Some("no-image")),
        ("clip:queryImage \"bm8gaW1hZ2U=\"", Some("no-image")),
        (
            "clip:queryString \"red\" ; clip:excludeString \"red\"",
            Some("opposed"),
        ),
        ("clip:queryString <http://x.example/>", None),
    ] {
        let query = escaped(&format!(
            "SELECT ?i {{ ?r a clip:Request ; {request} ; clip:iiifUrl ?i }}"
        ));
        let response = get(&router, &format!("/sparql?query={query}"), None).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{request}");
        let told = response.headers().get("clip-error");
        assert_eq!(told.map(|word| word.to_str().unwrap()), kind, "{request}");
    }
    for (path, kind) in [
        ("/query?image=bm8gaW1hZ2U=", Some("no-image")),
        ("/query?str=red&exclude=red", Some("opposed")),
        ("/query?limit=0", None),
    ] {
        let response = get(&router, path, None).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
        let told = response.headers().get("clip-error");
        assert_eq!(told.map(|word| word.to_str().unwrap()), kind, "{path}");
    }
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

#[tokio::test]
async fn an_answer_is_explained_on_request() {
    let router = service();
    let query = escaped(
        "SELECT ?i { ?r a clip:Request ; clip:queryString 'a lake' ; clip:iiifUrl ?i } LIMIT 1",
    );
    let explained = format!("/sparql?query={query}&explain=true");
    let response = get(&router, &explained, None).await;
    assert_eq!(content_type(&response), "application/json");
    let body = body_json(response).await;
    let request = &body["requests"][0];
    assert_eq!(request["subject"], "?r", "{body}");
    assert_eq!(request["plan"], "searchFirst", "{body}");
    assert_eq!(request["exact"], true, "{body}");
    for count in [
        "inputs",
        "rowsProbed",
        "imagesScored",
        "hits",
        "hitsJoined",
        "textsEncoded",
    ] {
        assert!(request[count].is_u64(), "{count}: {body}");
    }
    assert!(body["milliseconds"]["join"].is_f64(), "{body}");

    let response = get(&router, &explained, Some("text/plain, */*;q=0.1")).await;
    assert_eq!(content_type(&response), "text/plain; charset=utf-8");
    let body = text(response).await;
    assert!(body.contains("plan       search first: nothing"), "{body}");

    let form = format!("query={query}&explain=1");
    let response = post(&router, "/sparql", FORM, form).await;
    assert_eq!(content_type(&response), "application/json");
    let not = get(
        &router,
        &format!("/sparql?query={query}&explain=false"),
        None,
    )
    .await;
    assert_eq!(content_type(&not), RESULTS_JSON);
    let bad = get(
        &router,
        &format!("/sparql?query={query}&explain=please"),
        None,
    )
    .await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        text(bad).await,
        "explain must be true or false, found please\n"
    );
    let wrong = get(&router, "/sparql?query=SELECT&explain=true", None).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
}
