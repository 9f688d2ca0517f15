//! The shell of the pages, their files, and what an operator may set about them. (What they do in a browser is
//! tested in `web/e2e`.)

use super::{Fixture, content_type, get, large_store, text};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use clip_search::http::HttpSettings;
use clip_search::http::pages::facets::Facets;
use clip_search::http::pages::operator::{Example, Logo, PageSettings};
use serde_json::Value;
use tower::ServiceExt;

async fn ask(router: &Router, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

/// What a page is told.
fn settings_in(page: &str) -> Value {
    let (_, rest) = page
        .split_once("<script type=\"application/json\" id=\"settings\">")
        .expect("the pages are not built; run tools/setup");
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

/// The file that a page's script element names.
fn script_of(page: &str) -> &str {
    let (_, rest) = page
        .split_once("<script type=\"module\" src=\"")
        .expect("the pages are not built; run tools/setup");
    rest.split_once('"').unwrap().0
}

fn with_pages(pages: PageSettings) -> Router {
    let settings = HttpSettings {
        pages,
        ..HttpSettings::default()
    };
    Fixture {
        settings,
        ..Fixture::default()
    }
    .router()
}

#[tokio::test]
async fn pages_carry_their_settings_in_the_visitors_language() {
    let pages = PageSettings {
        accent: Some("#102030".parse().unwrap()),
        footer: vec!["Imprint=https://example.org/?a=1&b=</script>".parse().unwrap()],
        viewers: vec!["Mirador=https://m.example/?{manifest}".parse().unwrap()],
        facets: Facets::of_query(
            "PREFIX ex: <http://example.org/> SELECT * { { ?image ex:by ?value BIND('maker' AS ?facet) } }",
        )
        .unwrap(),
        examples: vec![Example::of_query("a.rq", "# All? Really.\nASK {}")],
        ..PageSettings::default()
    };
    let router = with_pages(pages);
    let german = [
        ("accept-language", "de-CH,en;q=0.5"),
        ("host", "clip.example"),
    ];
    let response = ask(&router, "/", &german).await;
    assert_eq!(response.headers()[header::VARY], "Accept-Language");
    let page = text(response).await;
    assert!(page.contains("<html lang=\"de\">"), "{page}");
    assert!(
        page.contains("<style>:root{--accent:#102030;--accent-dark:#"),
        "{page}"
    );
    let settings = settings_in(&page);
    assert_eq!(settings["language"], "de");
    assert_eq!(settings["endpoint"], "http://clip.example/sparql");
    assert_eq!(settings["nImages"], 5);
    assert_eq!(settings["hasMetadata"], false);
    assert_eq!(settings["logo"], Value::Null);
    assert_eq!(
        settings["footer"][0]["url"],
        "https://example.org/?a=1&b=</script>"
    );
    assert_eq!(settings["viewers"][0]["name"], "Mirador");
    assert_eq!(settings["facets"][0]["pattern"], "?image ex:by ?value");
    assert_eq!(settings["prefixes"]["ex"], "http://example.org/");
    assert_eq!(settings["examples"], Value::Array(Vec::new()));

    let browser = [("accept", "text/html")];
    let settings = settings_in(&text(ask(&router, "/sparql", &browser).await).await);
    assert_eq!(settings["language"], "en");
    assert_eq!(settings["examples"][0]["title"], "All?");
    let terms = settings["vocabulary"].as_array().unwrap();
    assert!(terms.iter().any(|term| term["term"] == "clip:queryString"));
}

#[tokio::test]
async fn below_a_slash_everything_is_one_level_up() {
    let router = Fixture::default().router();
    let browser = [("accept", "text/html")];
    for (path, root) in [("/", ""), ("/sparql", ""), ("/sparql/", "../")] {
        let page = text(ask(&router, path, &browser).await).await;
        assert!(
            script_of(&page).starts_with(&format!("{root}assets/")),
            "{path}"
        );
        assert_eq!(settings_in(&page)["root"], root);
    }
}

#[tokio::test]
async fn a_page_may_ask_its_service_and_the_images_servers_and_nobody_else() {
    let pages = PageSettings {
        image_hosts: vec!["cdn.example:8080".to_owned()],
        ..PageSettings::default()
    };
    let response = get(&with_pages(pages), "/", None).await;
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    let directives: Vec<&str> = policy.split("; ").collect();
    let pictures = "https://cdn.example:8080 http://cdn.example:8080 https://iiif.example.org http://iiif.example.org";
    for expected in [
        "default-src 'none'",
        "script-src 'self'",
        &format!("img-src 'self' data: blob: {pictures}"),
        &format!("connect-src 'self' {pictures}"),
        "base-uri 'none'",
        "form-action 'self'",
    ] {
        assert!(directives.contains(&expected), "{expected} in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn files_of_the_pages_are_compressed_and_kept() {
    let router = Fixture::default().router();
    let page = text(get(&router, "/", None).await).await;
    let script = format!("/{}", script_of(&page));
    for (offered, encoding) in [
        ("gzip, br", Some("br")),
        ("gzip", Some("gzip")),
        ("identity", None),
    ] {
        let response = ask(&router, &script, &[("accept-encoding", offered)]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(content_type(&response), "text/javascript; charset=utf-8");
        let headers = response.headers();
        let found = headers.get(header::CONTENT_ENCODING);
        assert_eq!(found.map(|value| value.to_str().unwrap()), encoding);
        assert_eq!(headers[header::VARY], "Accept-Encoding");
        assert_eq!(
            headers[header::CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
    }
    for path in [
        "/assets/none.js",
        "/assets/manifest.json.br",
        "/assets/..%2Fmanifest.json",
    ] {
        let response = get(&router, path, None).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let compressed = get(&router, &format!("{script}.br"), None).await;
    assert_eq!(compressed.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_operators_logo_is_shown_and_runs_nothing() {
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    let pages = PageSettings {
        logo: Some(Logo {
            bytes: svg.into(),
            media_type: Logo::media_type("SVG").unwrap(),
        }),
        ..PageSettings::default()
    };
    let router = with_pages(pages);
    let page = text(get(&router, "/", None).await).await;
    assert_eq!(settings_in(&page)["logo"], "logo");
    let response = get(&router, "/logo", None).await;
    assert_eq!(content_type(&response), "image/svg+xml");
    let policy = &response.headers()[header::CONTENT_SECURITY_POLICY];
    assert!(policy.to_str().unwrap().contains("sandbox"));
    assert_eq!(text(response).await, svg);
    let response = get(&Fixture::default().router(), "/logo", None).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_description_counts_the_store_and_lists_the_examples() {
    let pages = PageSettings {
        examples: vec![
            Example::of_query(
                "1 a.rq",
                "# Every thing. Expect many.\nSELECT * { ?s ?p \"\\\"\" }",
            ),
            Example::of_query("b.rq", "# Is there one?\nASK {}"),
            Example::of_query("c.rq", "not SPARQL"),
        ],
        ..PageSettings::default()
    };
    let settings = HttpSettings {
        pages,
        public_url: Some("https://example.org/clip/".parse().unwrap()),
        ..HttpSettings::default()
    };
    let router = Fixture {
        settings,
        store: large_store(),
        ..Fixture::default()
    }
    .router();
    let description = text(get(&router, "/sparql", Some("application/n-triples")).await).await;
    let n = large_store().len().unwrap();
    for triple in [
        &*format!(
            "<https://example.org/clip/sparql#graph> <http://rdfs.org/ns/void#triples> \"{n}\""
        ),
        "<http://rdfs.org/ns/void#property> <http://example.org/0> .",
        "<https://example.org/clip/sparql#example-1-a> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/ns/shacl#SPARQLSelectExecutable> .",
        "<https://example.org/clip/sparql#example-1-a> <http://www.w3.org/2000/01/rdf-schema#label> \"Every thing\" .",
        "<https://example.org/clip/sparql#example-1-a> <https://schema.org/target> <https://example.org/clip/sparql> .",
        "<https://example.org/clip/sparql#example-b> <http://www.w3.org/ns/shacl#ask> \"# Is there one?\\nASK {}\" .",
    ] {
        assert!(description.contains(triple), "{triple} in {description}");
    }
    assert!(!description.contains("#example-c"), "{description}");
}
