//! What a format cannot carry is refused with a sentence; all else comes back as it was.

use super::{RESULTS_JSON, RESULTS_XML, content_type, get, service, text};
use axum::http::StatusCode;
use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::sparql::results::{
    QueryResultsFormat, QueryResultsParser, SliceQueryResultsParserOutput,
};
use url::form_urlencoded::byte_serialize;

async fn ask(query: &str, accept: &str) -> (StatusCode, String, String) {
    let query: String = byte_serialize(query.as_bytes()).collect();
    let response = get(&service(), &format!("/sparql?query={query}"), Some(accept)).await;
    let (status, kind) = (response.status(), content_type(&response).to_owned());
    (status, kind, text(response).await)
}

#[tokio::test]
async fn tables_carry_all_terms_or_say_why_not() {
    for (term, has_xml) in [
        (r#""a\rb\r\nc\td ""#, true),
        (r#""\r""#, true),
        (r#""<&>\"'""#, true),
        (r#""שלום"@he--rtl"#, true),
        (
            r#"<<( <urn:a> <urn:b> <<( <urn:a> <urn:b> "x\ry"@en )>> )>>"#,
            true,
        ),
        (r#""\u0001""#, false),
        (r#""a\fb\u001F""#, false),
        (r#""\uFFFE""#, false),
        (r#"<<( <urn:a> <urn:b> "\u0000" )>>"#, false),
    ] {
        let query = format!("SELECT ?x ?y {{ BIND({term} AS ?x) }}");
        let mut terms = Vec::new();
        for (accept, format) in [
            (RESULTS_JSON, QueryResultsFormat::Json),
            ("text/tab-separated-values", QueryResultsFormat::Tsv),
            (RESULTS_XML, QueryResultsFormat::Xml),
        ] {
            let (status, kind, body) = ask(&query, accept).await;
            if format == QueryResultsFormat::Xml && !has_xml {
                assert_eq!(status, StatusCode::NOT_ACCEPTABLE, "{term}: {body}");
                assert_eq!(kind, "text/plain; charset=utf-8");
                assert!(
                    body.starts_with("a value of ?x has the character U+"),
                    "{body}"
                );
                assert!(body.contains(RESULTS_JSON), "{body}");
                continue;
            }
            assert_eq!(status, StatusCode::OK, "{term} {accept}: {body}");
            if format == QueryResultsFormat::Xml {
                assert!(!body.contains('\r'), "{body}");
            }
            let parsed = QueryResultsParser::from_format(format)
                .for_slice(body.as_bytes())
                .unwrap();
            let SliceQueryResultsParserOutput::Solutions(rows) = parsed else {
                panic!("{body}");
            };
            let rows: Vec<_> = rows.map(Result::unwrap).collect();
            assert_eq!(rows.len(), 1, "{body}");
            terms.push(rows[0].get("x").unwrap().clone());
        }
        assert!(terms.iter().all(|term| *term == terms[0]), "{terms:?}");
        // CSV has no types by design, but no term makes it fail.
        let (status, _, body) = ask(&query, "text/csv").await;
        assert_eq!(status, StatusCode::OK, "{term}: {body}");
    }
}

#[tokio::test]
async fn graphs_carry_all_triples_or_say_why_not() {
    const ALL: &[&str] = &[
        "text/turtle",
        "application/n-triples",
        "application/rdf+xml",
        "application/ld+json",
        "application/trig",
        "application/n-quads",
    ];
    for (triples, refusing, sentence) in [
        (
            r#"<urn:s> <urn:p> "a\rb\r\nc", "x"@en, 1 ; a <urn:C> ."#,
            "",
            "",
        ),
        (r#"<urn:s> <urn:p> "שלום"@he--rtl ."#, "", ""),
        (
            r#"<urn:s> <urn:p> "\u0001" ."#,
            "application/rdf+xml",
            "a value of <urn:p> has the character U+0001",
        ),
        (
            "<urn:s> <http://e/1> 2 .",
            "application/rdf+xml",
            "the predicate <http://e/1> cannot be",
        ),
        (
            "<urn:s> <http://e/> 2 .",
            "application/rdf+xml",
            "the predicate <http://e/> cannot be",
        ),
        (
            "<urn:s> <http://www.w3.org/1999/02/22-rdf-syntax-ns#li> 2 .",
            "application/rdf+xml",
            "the predicate <http://www.w3.org/1999/02/22-rdf-syntax-ns#li> cannot be",
        ),
        (
            "<urn:s> a <http://e/300033618> .",
            "application/rdf+xml",
            "the class <http://e/300033618> cannot be",
        ),
        (
            "<urn:s> <urn:p> <<( <urn:a> <urn:b> 1 )>> .",
            "application/ld+json",
            "a value of <urn:p> is a triple term",
        ),
    ] {
        let mut graphs = Vec::new();
        for accept in ALL {
            let (status, kind, body) =
                ask(&format!("CONSTRUCT {{ {triples} }} {{}}"), accept).await;
            if *accept == refusing {
                assert_eq!(status, StatusCode::NOT_ACCEPTABLE, "{triples}: {body}");
                assert_eq!(kind, "text/plain; charset=utf-8");
                assert!(body.starts_with(sentence), "{body}");
                assert!(body.contains("ask for text/turtle"), "{body}");
                continue;
            }
            assert_eq!(status, StatusCode::OK, "{triples} {accept}: {body}");
            if *accept == "application/ld+json" && triples.contains("--") {
                // Read back, it needs an option that says what a direction becomes.
                assert!(body.contains(r#""@direction":"rtl""#), "{body}");
                continue;
            }
            let format = RdfFormat::from_media_type(accept).unwrap();
            let mut graph: Vec<String> = RdfParser::from_format(format)
                .for_slice(body.as_bytes())
                .map(|quad| {
                    quad.unwrap_or_else(|e| panic!("{accept} {e}: {body}"))
                        .to_string()
                })
                .collect();
            graph.sort_unstable();
            graphs.push(graph);
        }
        assert!(!graphs[0].is_empty());
        assert!(
            graphs.iter().all(|graph| *graph == graphs[0]),
            "{graphs:#?}"
        );
    }
}
