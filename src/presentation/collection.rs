//! The manifests that what was found comes from, as a collection.

use super::asked::Asked;
use super::canvas::{label, thumbnail, web_addresses};
use super::search_services::search_services;
use super::{CONTEXT, Links};

use crate::describe::image::DescribedImage;
use serde_json::{Value, json};
use std::collections::HashSet;

/// The collection, for these `parameters` of a URL, of the manifests that `images` know, each once, that of the best
/// image first. It names the services that search all images there are.
///
/// A manifest has the label and the thumbnail of the first image that knows it: here it stands for that image.
#[must_use]
pub fn collection(
    parameters: &str,
    asked: Asked<'_>,
    images: &[DescribedImage],
    links: &Links,
) -> Value {
    let mut seen = HashSet::new();
    let manifests = images
        .iter()
        .flat_map(|image| web_addresses(&image.fields, "manifest").map(move |url| (url, image)));
    let items: Vec<Value> = manifests
        .filter(|(url, _)| seen.insert(*url))
        .map(|(url, image)| manifest(url, image))
        .collect();
    json!({
        "@context": CONTEXT,
        "id": links.collection(parameters),
        "type": "Collection",
        "label": asked.label(),
        "items": items,
        "service": search_services(links, None),
    })
}

fn manifest(url: &str, image: &DescribedImage) -> Value {
    let mut manifest = json!({ "id": url, "type": "Manifest", "label": label(image) });
    if let Some(thumbnail) = thumbnail(image) {
        manifest["thumbnail"] = json!([thumbnail]);
    }
    manifest
}
