//! One search of the demo collection, with titles.

use oxrdf::Literal;
use std::num::NonZeroUsize;

/// A query for the `limit` pictures that look most like `text`: score, title and a link to show.
pub(super) fn query(text: &str, limit: NonZeroUsize) -> String {
    // As in N-Triples, which is how SPARQL escapes too.
    let text = Literal::new_simple_literal(text);
    format!(
        r#"PREFIX clip: <https://service.swissartresearch.net/clip/>
PREFIX crm:  <http://www.cidoc-crm.org/cidoc-crm/>
PREFIX la:   <https://linked.art/ns/terms/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT ?score ?title ?link WHERE {{
  ?request a clip:Request ; clip:queryString {text} ; clip:minScore "-1" ; clip:limit {limit} ;
           clip:score ?score ; clip:iiifUrl ?image ; clip:link ?link .
  OPTIONAL {{
    ?object crm:P138i_has_representation / la:digitally_shown_by / la:digitally_available_via
              / la:access_point ?image ;
            rdfs:label ?title .
    FILTER(LANG(?title) = "en")
  }}
}} ORDER BY DESC(?score) LIMIT {limit}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_stays_a_text() {
        let text = "a \"ship\" \\ at\nsea\" } #";
        let query = query(text, NonZeroUsize::MIN);
        spargebra::SparqlParser::new().parse_query(&query).unwrap();
        assert!(
            query.contains(r#""a \"ship\" \\ at\nsea\" } #""#),
            "{query}"
        );
    }
}
