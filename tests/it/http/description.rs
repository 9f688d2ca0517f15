//! What the service says of itself, to machines and to people.

use super::{Fixture, content_type, get, text};
use axum::http::StatusCode;
use clip_search::http::HttpSettings;
use clip_search::sparql::SparqlOptions;
use oxigraph::io::{RdfFormat, RdfParser};

#[tokio::test]
async fn a_bare_get_describes_the_service_in_every_rdf_format() {
    let settings = HttpSettings {
        project_name: "Art \"of\" \\ <b>\nAlps".to_owned(),
        public_url: Some("https://example.org/clip/".parse().unwrap()),
        ..HttpSettings::default()
    };
    let options = SparqlOptions {
        services: vec!["https://other.example/sparql".to_owned()],
        default_limit: Some(500),
        ..SparqlOptions::default()
    };
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
        (
            Some("application/trig"),
            "application/trig",
            RdfFormat::TriG,
        ),
        (
            Some("application/n-quads"),
            "application/n-quads",
            RdfFormat::NQuads,
        ),
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
    assert!(
        descriptions[0]
            .join("\n")
            .contains("the engine is exact, f32.")
    );
    for triple in [
        format!(
            "<https://example.org/clip/sparql#images> <{clip}expectedRecall> \"1.000e0\"^^<http://www.w3.org/2001/XMLSchema#double>"
        ),
        format!("{endpoint} {} {endpoint}", sd("endpoint")),
        format!("{endpoint} {} {}", sd("supportedLanguage"), sd("SPARQL11Query")),
        format!("{endpoint} {} {}", sd("supportedLanguage"), sd("SPARQL12Query")),
        format!("{endpoint} {} <http://www.w3.org/ns/formats/TriG>", sd("resultFormat")),
        format!("{endpoint} {} <http://www.w3.org/ns/formats/N-Quads>", sd("resultFormat")),
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
