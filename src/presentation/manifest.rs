//! The manifest of what was found, or chosen.

use super::asked::Asked;
use super::canvas::{canvas, thumbnail};
use super::search::Version;
use super::words::IMAGE_SEARCH;
use super::{CONTEXT, Links};
use crate::describe::image::DescribedImage;
use serde_json::{Value, json};
use std::num::NonZeroU32;

/// The manifest of `images` for these `parameters` of a URL. None if it would have no canvas, of which it must have one.
#[must_use]
pub fn manifest(
    parameters: &str,
    asked: Asked<'_>,
    images: &[DescribedImage],
    links: &Links,
    width_px: NonZeroU32,
) -> Option<Value> {
    let canvases: Vec<Value> = (images.iter())
        .filter_map(|image| canvas(image, links, width_px))
        .collect();
    if canvases.is_empty() {
        return None;
    }
    let mut manifest = json!({
        "@context": CONTEXT,
        "id": links.manifest(parameters),
        "type": "Manifest",
        "label": asked.label(),
        "items": canvases,
        "service": search_services(links, parameters),
    });
    if let Some(thumbnail) = images.iter().find_map(thumbnail) {
        manifest["thumbnail"] = json!([thumbnail]);
    }
    Some(manifest)
}

/// They find canvases of this manifest alone: of viewers, one fails at the first hit on a canvas that it does not have,
/// and others list hits that lead nowhere. Version 2 stands first: who knows both takes the first, and one such viewer
/// reads version 2 only.
fn search_services(links: &Links, parameters: &str) -> Value {
    json!([
        {
            "id": links.search(Version::V2, Some(parameters)),
            "type": "SearchService2",
        },
        {
            "@context": "http://iiif.io/api/search/1/context.json",
            "@id": links.search(Version::V1, Some(parameters)),
            "@type": "SearchService1",
            "profile": "http://iiif.io/api/search/1/search",
            "label": IMAGE_SEARCH.english(),
        },
    ])
}
