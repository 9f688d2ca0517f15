//! The manifest of what was found, or chosen.

use super::asked::Asked;
use super::canvas::{canvas, thumbnail};
use super::search::Version;
use super::words::IMAGE_SEARCH;
use super::{CONTEXT, Links};
use crate::describe::image::DescribedImage;
use serde_json::{Value, json};
use std::num::NonZeroU32;

/// The manifest of `images` at the URL `id`. None if it would have no canvas, of which it must have one.
#[must_use]
pub fn manifest(
    id: &str,
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
        "id": id,
        "type": "Manifest",
        "label": asked.label(),
        "items": canvases,
        "service": search_services(links),
    });
    if let Some(thumbnail) = images.iter().find_map(thumbnail) {
        manifest["thumbnail"] = json!([thumbnail]);
    }
    Some(manifest)
}

/// Version 2 stands first: of viewers that know both, one takes the first and reads version 2 only.
fn search_services(links: &Links) -> Value {
    json!([
        {
            "id": links.search(Version::V2),
            "type": "SearchService2",
        },
        {
            "@context": "http://iiif.io/api/search/1/context.json",
            "@id": links.search(Version::V1),
            "@type": "SearchService1",
            "profile": "http://iiif.io/api/search/1/search",
            "label": IMAGE_SEARCH.english(),
        },
    ])
}
