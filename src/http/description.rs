//! What `/sparql` says about itself: a SPARQL 1.1 Service Description.

use super::AppState;
use super::pages::operator::Example;
use super::statistics::Statistics;
use crate::sparql::{QueryForm, form_of};
use crate::vocab::{NAMESPACE, Property};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Write;
use url::Url;

/// Media type of Turtle.
pub(super) const TURTLE: &str = "text/turtle; charset=utf-8";

/// The URL of the endpoint: as the operator set it, else as the client reached it.
pub(super) fn endpoint_url(public_url: Option<&Url>, headers: &HeaderMap) -> String {
    let base = public_url.cloned().or_else(|| {
        let host = headers.get(header::HOST)?.to_str().ok()?;
        // Set by proxies that speak TLS for us.
        let is_https = headers
            .get("x-forwarded-proto")
            .is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
        let scheme = if is_https { "https" } else { "http" };
        // The parser refuses or escapes whatever would not be safe in an IRI or on a page.
        Url::parse(&format!("{scheme}://{host}/")).ok()
    });
    let base = base.as_ref().map_or("http://localhost", Url::as_str);
    format!("{}/sparql", base.trim_end_matches('/'))
}

/// The description in Turtle.
pub(super) fn turtle(state: &AppState, statistics: &Statistics, endpoint: &str) -> Response {
    let content_type = HeaderValue::from_static(TURTLE);
    let text = format!("{}\n{}", prefixes(), triples(state, statistics, endpoint));
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// A query whose answer is the description: the way to all other formats.
pub(super) fn construct(state: &AppState, statistics: &Statistics, endpoint: &str) -> String {
    let (prefixes, triples) = (prefixes(), triples(state, statistics, endpoint));
    format!("{prefixes}CONSTRUCT {{\n{triples}}} WHERE {{}}")
}

/// `PREFIX` lines, which Turtle and SPARQL write alike.
fn prefixes() -> String {
    format!(
        "PREFIX sd: <http://www.w3.org/ns/sparql-service-description#>
PREFIX formats: <http://www.w3.org/ns/formats/>
PREFIX void: <http://rdfs.org/ns/void#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX schema: <https://schema.org/>
PREFIX sh: <http://www.w3.org/ns/shacl#>
PREFIX clip: <{NAMESPACE}>
"
    )
}

fn triples(state: &AppState, statistics: &Statistics, endpoint: &str) -> String {
    let name = quoted(&state.settings.project_name);
    let collection = state.sparql.engine().collection();
    let n_images = collection.len();
    let options = state.sparql.options();
    let federation = if options.services.is_empty() {
        ""
    } else {
        "\n  sd:feature sd:BasicFederatedQuery ;"
    };
    let limit = options.default_limit.map_or_else(String::new, |limit| {
        format!(" A request without clip:limit gives its best {limit} images only.")
    });
    let checksum = collection.identity().map_or_else(String::new, |identity| {
        let sum = quoted(&format!("blake2b-256:{}", identity.blake2b_256.features));
        format!(" ;\n  <http://purl.org/dc/terms/identifier> {sum}")
    });
    let engine = state.sparql.engine().search_engine();
    let recall = engine.expected_recall();
    let engine = quoted(&format!(
        "The images that requests search; the engine is {}.",
        engine.name()
    ));
    let counts = statistics.turtle();
    let examples = examples(&state.settings.pages.examples, endpoint);
    let properties = Property::ALL
        .map(|property| format!("clip:{}", property.local_name()))
        .join(" , ");
    format!(
        r#"<{endpoint}> a sd:Service ;
  rdfs:label {name} ;
  rdfs:comment "SPARQL over image metadata and CLIP vector search: a request (?request a clip:Request) stands for the images that look like its inputs, with their scores; clip:similarity compares in expressions.{limit}"@en ;
  sd:endpoint <{endpoint}> ;
  sd:supportedLanguage sd:SPARQL11Query , sd:SPARQL12Query ;{federation}
  sd:resultFormat formats:SPARQL_Results_JSON , formats:SPARQL_Results_XML , formats:SPARQL_Results_CSV , formats:SPARQL_Results_TSV , formats:Turtle , formats:N-Triples , formats:RDF_XML , <http://www.w3.org/ns/formats/JSON-LD> , formats:TriG , formats:N-Quads ;
  sd:extensionFunction clip:similarity , clip:exp ;
  sd:extensionAggregate clip:centroid ;
  sd:propertyFeature {properties} ;
  sd:defaultDataset <{endpoint}#dataset> .
<{endpoint}#dataset> a sd:Dataset ;
  sd:defaultGraph <{endpoint}#graph> .
<{endpoint}#graph> a sd:Graph , void:Dataset ;
{counts}  void:sparqlEndpoint <{endpoint}> .
<{endpoint}#images> a void:Dataset ;
  rdfs:comment {engine}@en ;
  clip:expectedRecall {recall:.3e} ;
  void:sparqlEndpoint <{endpoint}> ;
  void:entities {n_images}{checksum} .
clip:similarity a sd:Function ;
  rdfs:comment "Cosine similarity of an image and a text, or of two images."@en .
clip:exp a sd:Function ;
  rdfs:comment "e to the power of a number, to turn scores into shares."@en .
clip:centroid a sd:Aggregate ;
  rdfs:comment "What the images of a group have in common, as an input for clip:similarTo."@en .
{examples}"#
    )
}

/// The queries to try, in the terms in which editors look for them.
fn examples(examples: &[Example], endpoint: &str) -> String {
    let mut text = String::new();
    for example in examples {
        let Ok(form) = form_of(&example.query) else {
            continue;
        };
        let (class, property) = match form {
            QueryForm::Select => ("Select", "select"),
            QueryForm::Ask => ("Ask", "ask"),
            QueryForm::Construct => ("Construct", "construct"),
            // SHACL has no term for it.
            QueryForm::Describe => continue,
        };
        let name = example
            .name
            .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let (title, query) = (quoted(&example.title), quoted(&example.query));
        let comment = match example.comment.as_str() {
            "" => String::new(),
            comment => format!("\n  rdfs:comment {} ;", quoted(comment)),
        };
        let _ = writeln!(
            text,
            "<{endpoint}#example-{name}> a sh:SPARQLExecutable , sh:SPARQL{class}Executable ;
  rdfs:label {title} ;{comment}
  sh:{property} {query} ;
  schema:target <{endpoint}> ."
        );
    }
    text
}

/// A string literal.
fn quoted(text: &str) -> String {
    let mut literal = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            _ => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_where_the_client_reached_it() {
        let mut headers = HeaderMap::new();
        let check = |headers: &HeaderMap, expected: &str| {
            assert_eq!(endpoint_url(None, headers), expected);
        };
        check(&headers, "http://localhost/sparql");
        headers.insert(header::HOST, HeaderValue::from_static("clip.example:5000"));
        check(&headers, "http://clip.example:5000/sparql");
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        check(&headers, "https://clip.example:5000/sparql");
        headers.insert(header::HOST, HeaderValue::from_static("a\"> <b"));
        check(&headers, "http://localhost/sparql");
        let public = Url::parse("https://example.org/clip/").unwrap();
        assert_eq!(
            endpoint_url(Some(&public), &headers),
            "https://example.org/clip/sparql"
        );
    }
}
