//! What the pages show where scripts do not run, and where the pages themselves have not been built.

use crate::escape;
use crate::http::AppState;

/// `/`: what there is.
pub(super) fn landing(state: &AppState) -> String {
    let n_images = state.sparql.engine().collection().len();
    format!(
        r#"<p>{n_images} images, searched by what they show.</p>
<ul>
<li><a href="sparql">/sparql</a>: SPARQL 1.1 endpoint, where image search and metadata join in one query</li>
<li><a href="query?str=a%20lake">/query?str=a lake</a>: search without SPARQL, answers in JSON; also by <code>url</code> or <code>image</code></li>
<li><a href="openapi.json">/openapi.json</a>: all endpoints and parameters (OpenAPI)</li>
<li><a href="health">/health</a> and <a href="ready">/ready</a>: state of the service</li>
</ul>"#
    )
}

/// `/sparql` without a query: what the endpoint is, and a form to try it.
pub(super) fn endpoint(state: &AppState, endpoint: &str) -> String {
    let n_images = state.sparql.engine().collection().len();
    let endpoint = escape::html(endpoint);
    format!(
        r#"<p>This is a SPARQL 1.1 endpoint (queries only) at <code>{endpoint}</code>. It searches {n_images} images.</p>
<form action="" method="get">
<p><label for="query">Query</label></p>
<p><textarea id="query" name="query" rows="12" cols="80" spellcheck="false" required>{EXAMPLE}</textarea></p>
<p><button type="submit">Run</button></p>
</form>
<p>Formats by <code>Accept</code> or <code>format=</code>: JSON, XML, CSV and TSV for SELECT and ASK; Turtle, N-Triples, RDF/XML and JSON-LD for CONSTRUCT and DESCRIBE. Without a query, this URL gives its service description in the RDF formats.</p>"#
    )
}

/// Already escaped for HTML.
const EXAMPLE: &str = r#"PREFIX clip: &lt;https://service.swissartresearch.net/clip/&gt;
SELECT ?iiif ?score WHERE {
  ?request a clip:Request ;
           clip:queryString "A mountain lake" ;
           clip:minScore "0.2" ;
           clip:score ?score ;
           clip:iiifUrl ?iiif .
}
LIMIT 10"#;

/// A page of its own: `body` under a heading, with the way to the real pages.
pub(super) fn page(title: &str, body: &str) -> String {
    let title = escape::html(title);
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
<p>The search page and the SPARQL workbench were not built into this program: run <code>tools/setup</code>, which builds them in <code>web/dist</code>, then <code>cargo build --release</code> again.</p>
</main>
</body>
</html>
"#
    )
}
