//! The search services of a document, as viewers find them there.

use super::Links;
use super::search::Version;
use super::words::IMAGE_SEARCH;
use serde_json::{Value, json};

/// The services that search the manifest for these parameters of a URL, or the whole collection.
///
/// Those of a manifest find its canvases alone: of viewers, one fails at the first hit on a canvas that it does not have,
/// and others list hits that lead nowhere. Version 2 stands first: who knows both takes the first, and one such viewer
/// reads version 2 only.
pub(super) fn search_services(links: &Links, manifest: Option<&str>) -> Value {
    json!([
        {
            "id": links.search(Version::V2, manifest),
            "type": "SearchService2",
        },
        {
            "@context": "http://iiif.io/api/search/1/context.json",
            "@id": links.search(Version::V1, manifest),
            "@type": "SearchService1",
            "profile": "http://iiif.io/api/search/1/search",
            "label": IMAGE_SEARCH.english(),
        },
    ])
}
