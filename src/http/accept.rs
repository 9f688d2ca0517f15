//! Content negotiation: the formats a client can read, best first (RFC 9110, section 12.5.1).

use crate::sparql::results::{GraphFormat, TableFormat};
use axum::http::{HeaderMap, header};

/// What a client says it can read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Accept {
    ranges: Vec<MediaRange>,
}

#[derive(Debug, Clone, PartialEq)]
struct MediaRange {
    kind: String,
    subkind: String,
    /// 0 means "not this".
    quality: f32,
}

/// A format with the media types by which clients ask for it; the first one is its own.
struct Offer<T: 'static> {
    format: T,
    media_types: &'static [&'static str],
}

/// What can be said about the endpoint itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Description {
    /// The service description as RDF.
    Graph(GraphFormat),
    /// A page for people.
    Html,
}

/// In order of preference among equals. JSON is what most clients parse best; XML before the
/// text formats because RDF4J and Jena list all of them and read CSV as strings without types, which
/// silently loses rows.
const TABLES: [Offer<TableFormat>; 4] = [
    Offer {
        format: TableFormat::Json,
        media_types: &["application/sparql-results+json", "application/json"],
    },
    Offer {
        format: TableFormat::Xml,
        media_types: &[
            "application/sparql-results+xml",
            "application/xml",
            "text/xml",
        ],
    },
    Offer {
        format: TableFormat::Tsv,
        media_types: &["text/tab-separated-values"],
    },
    Offer {
        format: TableFormat::Csv,
        media_types: &["text/csv"],
    },
];

const TURTLE: Offer<GraphFormat> = Offer {
    format: GraphFormat::Turtle,
    media_types: &[
        "text/turtle",
        "application/x-turtle",
        "text/n3",
        "text/rdf+n3",
    ],
};
const N_TRIPLES: Offer<GraphFormat> = Offer {
    format: GraphFormat::NTriples,
    media_types: &["application/n-triples", "text/plain"],
};
const RDF_XML: Offer<GraphFormat> = Offer {
    format: GraphFormat::RdfXml,
    media_types: &["application/rdf+xml", "application/xml", "text/xml"],
};
const JSON_LD: Offer<GraphFormat> = Offer {
    format: GraphFormat::JsonLd,
    media_types: &["application/ld+json", "application/json"],
};
const TRIG: Offer<GraphFormat> = Offer {
    format: GraphFormat::TriG,
    media_types: &["application/trig", "application/x-trig"],
};
const N_QUADS: Offer<GraphFormat> = Offer {
    format: GraphFormat::NQuads,
    media_types: &["application/n-quads", "text/x-nquads", "text/nquads"],
};
/// The formats for quads last: who takes both gets plain triples.
const GRAPHS: [Offer<GraphFormat>; 6] = [TURTLE, N_TRIPLES, RDF_XML, JSON_LD, TRIG, N_QUADS];

impl Accept {
    /// Reads all `Accept` headers; what cannot be read in them is skipped.
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let ranges = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(MediaRange::parse)
            .collect();
        Self { ranges }
    }

    /// Whether the client has no preference: no header, or the `*/*` that curl and many libraries send
    /// unless told otherwise.
    pub(super) fn is_indifferent(&self) -> bool {
        self.ranges
            .iter()
            .all(|range| range.kind == "*" && range.subkind == "*" && range.quality > 0.0)
    }

    /// The format for SELECT and ASK. There always is one: a client that only lists what we do not have
    /// gets what most clients can read.
    pub(super) fn table(&self) -> TableFormat {
        self.best(TABLES.iter()).unwrap_or(TableFormat::Json)
    }

    /// The format for CONSTRUCT and DESCRIBE.
    pub(super) fn graph(&self) -> GraphFormat {
        self.best(GRAPHS.iter()).unwrap_or(GraphFormat::Turtle)
    }

    /// Whether the client would rather read plain text than JSON.
    pub(super) fn prefers_plain_text(&self) -> bool {
        let offers = [
            Offer {
                format: false,
                media_types: &["application/json"],
            },
            Offer {
                format: true,
                media_types: &["text/plain"],
            },
        ];
        self.best(offers.iter()).unwrap_or(false)
    }

    /// Whether the client would rather read plain JSON than JSON-LD: browsers show it.
    pub(super) fn prefers_plain_json(&self) -> bool {
        let offers = [
            Offer {
                format: false,
                media_types: &["application/ld+json"],
            },
            Offer {
                format: true,
                media_types: &["application/json", "text/html"],
            },
        ];
        self.best(offers.iter()).unwrap_or(false)
    }

    /// The form of the service description.
    pub(super) fn description(&self) -> Description {
        let html = Offer {
            format: Description::Html,
            media_types: &["text/html", "application/xhtml+xml"],
        };
        let graphs = GRAPHS.map(|offer| Offer {
            format: Description::Graph(offer.format),
            media_types: offer.media_types,
        });
        self.best(graphs.iter().chain([&html]))
            .unwrap_or(Description::Graph(GraphFormat::Turtle))
    }

    /// The first offer of the highest quality above 0. If there is none, the first that is not refused.
    fn best<'a, T: Copy + 'static>(
        &self,
        offers: impl Iterator<Item = &'a Offer<T>> + Clone,
    ) -> Option<T> {
        let mut best: Option<(f32, T)> = None;
        for offer in offers.clone() {
            let quality = self.quality(offer).unwrap_or(0.0);
            if quality > best.map_or(0.0, |(highest, _)| highest) {
                best = Some((quality, offer.format));
            }
        }
        let mut others = offers.filter(|offer| self.quality(offer) != Some(0.0));
        best.map(|(_, format)| format)
            .or_else(|| others.next().map(|offer| offer.format))
    }

    /// The highest quality among the offer's media types; `None` if no range speaks of it.
    fn quality<T: 'static>(&self, offer: &Offer<T>) -> Option<f32> {
        let own = offer.media_types[0];
        let of_own = self.quality_of(own, Self::specificity);
        let of_others = offer.media_types[1..]
            .iter()
            .filter_map(|name| self.quality_of(name, Self::names));
        // A client that refuses the format under its own name does not mean its other names either.
        if of_own == Some(0.0) {
            return of_own;
        }
        of_own.into_iter().chain(of_others).reduce(f32::max)
    }

    /// The quality of the most specific range for `media_type`.
    fn quality_of(
        &self,
        media_type: &str,
        specificity: impl Fn(&MediaRange, &str) -> Option<u8>,
    ) -> Option<f32> {
        let mut found: Option<(u8, f32)> = None;
        for range in &self.ranges {
            if let Some(specific) = specificity(range, media_type)
                && found.is_none_or(|(so_far, quality)| {
                    specific > so_far || (specific == so_far && range.quality > quality)
                })
            {
                found = Some((specific, range.quality));
            }
        }
        found.map(|(_, quality)| quality)
    }

    fn specificity(range: &MediaRange, media_type: &str) -> Option<u8> {
        let (kind, subkind) = media_type.split_once('/')?;
        match (range.kind.as_str(), range.subkind.as_str()) {
            ("*", "*") => Some(0),
            (k, "*") if k == kind => Some(1),
            (k, s) if k == kind && s == subkind => Some(2),
            _ => None,
        }
    }

    /// Other names of a format count only when they are spelled out: `text/*` does not ask for XML.
    fn names(range: &MediaRange, media_type: &str) -> Option<u8> {
        Self::specificity(range, media_type).filter(|specific| *specific == 2)
    }
}

impl MediaRange {
    /// `type/subtype`, then parameters, of which only `q` matters here.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let (kind, subkind) = parts.next()?.trim().split_once('/')?;
        let quality = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .and_then(|(_, value)| value.trim().parse::<f32>().ok())
            .filter(|quality| quality.is_finite())
            .map_or(1.0, |quality| quality.clamp(0.0, 1.0));
        Some(Self {
            kind: kind.trim().to_ascii_lowercase(),
            subkind: subkind.trim().to_ascii_lowercase(),
            quality,
        })
    }
}

/// The format for SELECT and ASK that a `format` or `output` parameter names.
pub(super) fn table_named(name: &str) -> Option<TableFormat> {
    match name.to_ascii_lowercase().as_str() {
        "json" | "srj" => Some(TableFormat::Json),
        "xml" | "srx" => Some(TableFormat::Xml),
        "csv" => Some(TableFormat::Csv),
        "tsv" => Some(TableFormat::Tsv),
        other => media_type_named(&TABLES, other),
    }
}

/// The format for CONSTRUCT and DESCRIBE that a `format` or `output` parameter names.
pub(super) fn graph_named(name: &str) -> Option<GraphFormat> {
    match name.to_ascii_lowercase().as_str() {
        "turtle" | "ttl" => Some(GraphFormat::Turtle),
        "n-triples" | "ntriples" | "nt" => Some(GraphFormat::NTriples),
        "rdf+xml" | "rdfxml" | "rdf" | "xml" => Some(GraphFormat::RdfXml),
        "json-ld" | "jsonld" | "json" => Some(GraphFormat::JsonLd),
        "trig" => Some(GraphFormat::TriG),
        "n-quads" | "nquads" | "nq" => Some(GraphFormat::NQuads),
        other => media_type_named(&GRAPHS, other),
    }
}

fn media_type_named<T: Copy + 'static>(offers: &[Offer<T>], name: &str) -> Option<T> {
    offers
        .iter()
        .find(|offer| offer.media_types.contains(&name))
        .map(|offer| offer.format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn accept(text: &'static str) -> Accept {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(text));
        Accept::from_headers(&headers)
    }

    #[track_caller]
    fn check_table(header: &'static str, expected: TableFormat) {
        assert_eq!(accept(header).table(), expected, "Accept: {header}");
    }

    #[test]
    fn each_engine_gets_the_table_format_that_it_means() {
        use TableFormat::{Csv, Json, Tsv, Xml};
        assert_eq!(Accept::default().table(), Json, "Attean sends no Accept");
        for (header, expected) in [
            // rdflib, sparql-http-client, QLever
            ("application/sparql-results+json", Json),
            // Oxigraph
            (
                "application/sparql-results+json, application/sparql-results+xml",
                Json,
            ),
            // Comunica
            (
                "application/sparql-results+json;q=1.0,application/sparql-results+xml;q=0.7",
                Json,
            ),
            // Jena 4.5
            (
                "application/sparql-results+json, application/sparql-results+xml;q=0.9, text/tab-separated-values;q=0.7, text/csv;q=0.5,application/json;q=0.2,application/xml;q=0.2,*/*;q=0.1",
                Json,
            ),
            // Jena 3.0, Corese, Rasqal
            ("application/sparql-results+xml", Xml),
            // RDF4J 2.2
            (
                "text/csv;q=0.8, application/sparql-results+json;q=0.8, application/json;q=0.8, application/sparql-results+xml, application/xml, text/tab-separated-values;q=0.8, application/x-binary-rdf-results-table;q=0.8",
                Xml,
            ),
            // Blazegraph; its order is not fixed
            (
                "text/csv;q=0.8, application/x-binary-rdf-results-table, application/sparql-results+xml;q=0.8, text/tab-separated-values;q=0.8, application/sparql-results+json;q=0.8",
                Json,
            ),
            // Virtuoso
            (
                "application/sparql-results+xml, text/rdf+n3, application/rdf+xml, application/xml",
                Xml,
            ),
            // RDF::Query
            (
                "application/sparql-results+xml;q=0.9,application/rdf+xml;q=0.5,text/turtle;q=0.7,text/xml",
                Xml,
            ),
            // SPARQLWrapper
            (
                "application/sparql-results+json,application/json,text/javascript,application/javascript",
                Json,
            ),
            ("text/csv", Csv),
            ("text/tab-separated-values", Tsv),
            // Chrome
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
                Xml,
            ),
        ] {
            check_table(header, expected);
        }
    }

    #[test]
    fn quality_decides_and_order_breaks_ties() {
        use TableFormat::{Csv, Json, Tsv, Xml};
        for (header, expected) in [
            ("*/*", Json),
            ("", Json),
            ("application/json", Json),
            ("application/xml", Xml),
            ("text/xml;q=0.5, */*;q=0.1", Xml),
            ("application/*", Json),
            ("text/*", Tsv),
            ("text/csv, text/tab-separated-values", Tsv),
            ("text/csv, application/sparql-results+json", Json),
            ("text/csv, application/sparql-results+xml;q=0.9", Csv),
            ("text/csv;q=0.9, application/sparql-results+xml;q=0.90", Xml),
            ("text/csv, */*;q=0.1", Csv),
            ("application/sparql-results+json;q=0, */*", Xml),
            ("application/sparql-results+json;q=0", Xml),
            ("application/sparql-results+json;q=0, application/json", Xml),
            ("APPLICATION/SPARQL-RESULTS+XML", Xml),
            (
                "application/sparql-results+xml ; charset=utf-8 ; q=0.4",
                Xml,
            ),
            ("text/csv;q=nan, application/sparql-results+json;q=0.4", Csv),
            ("text/csv;q=7, application/sparql-results+json;q=0.4", Csv),
            ("text/html", Json),
            ("application/x-binary-rdf-results-table", Json),
            ("image/png;q=1, nonsense, /, ;q=1, a/b/c", Json),
            ("*/*;q=0", Json),
        ] {
            check_table(header, expected);
        }
    }

    #[test]
    fn several_header_lines_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, HeaderValue::from_static("text/csv;q=0.5"));
        headers.append(
            header::ACCEPT,
            HeaderValue::from_static("application/sparql-results+xml"),
        );
        assert_eq!(Accept::from_headers(&headers).table(), TableFormat::Xml);
    }

    #[test]
    fn graphs_are_turtle_unless_asked_otherwise() {
        use GraphFormat::{JsonLd, NQuads, NTriples, RdfXml, TriG, Turtle};
        for (header, expected) in [
            ("*/*", Turtle),
            ("text/turtle", Turtle),
            ("application/n-triples, text/turtle", Turtle),
            ("application/n-triples", NTriples),
            ("text/plain", NTriples),
            ("application/rdf+xml", RdfXml),
            ("application/xml", RdfXml),
            ("application/ld+json", JsonLd),
            ("application/json", JsonLd),
            ("application/trig", TriG),
            ("application/x-trig", TriG),
            ("application/n-quads", NQuads),
            ("text/x-nquads", NQuads),
            ("application/trig, application/n-quads", TriG),
            ("application/trig, application/n-triples", NTriples),
            ("application/sparql-results+json", Turtle),
            ("text/*", Turtle),
            ("application/*", NTriples),
            (
                "text/turtle;q=0.6, application/rdf+xml;q=0.5, application/ld+json;q=0.9",
                JsonLd,
            ),
        ] {
            assert_eq!(accept(header).graph(), expected, "Accept: {header}");
        }
    }

    #[test]
    fn the_description_is_a_page_only_if_that_is_preferred() {
        let turtle = Description::Graph(GraphFormat::Turtle);
        for (header, expected) in [
            ("*/*", turtle),
            ("text/html, text/turtle", turtle),
            ("text/turtle;q=0.6, text/html;q=0.2", turtle),
            ("application/sparql-results+json", turtle),
            ("text/html", Description::Html),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Description::Html,
            ),
            (
                "application/rdf+xml",
                Description::Graph(GraphFormat::RdfXml),
            ),
        ] {
            assert_eq!(accept(header).description(), expected, "Accept: {header}");
        }
        assert_eq!(Accept::default().description(), turtle);
    }

    #[test]
    fn only_a_missing_or_all_embracing_header_is_indifferent() {
        assert!(Accept::default().is_indifferent());
        assert!(accept("*/*").is_indifferent());
        assert!(!accept("text/csv, */*").is_indifferent());
        assert!(!accept("application/*").is_indifferent());
    }

    #[test]
    fn parameters_name_formats() {
        assert_eq!(table_named("JSON"), Some(TableFormat::Json));
        assert_eq!(table_named("text/csv"), Some(TableFormat::Csv));
        assert_eq!(table_named("turtle"), None);
        assert_eq!(graph_named("turtle"), Some(GraphFormat::Turtle));
        assert_eq!(
            graph_named("application/ld+json"),
            Some(GraphFormat::JsonLd)
        );
        assert_eq!(graph_named("TriG"), Some(GraphFormat::TriG));
        for name in ["n-quads", "nquads", "nq", "application/n-quads"] {
            assert_eq!(graph_named(name), Some(GraphFormat::NQuads), "{name}");
        }
        assert_eq!(graph_named("csv"), None);
    }
}
