//! The manifests that what was found comes from, as a collection.

use super::CONTEXT;
use super::asked::Asked;
use super::canvas::{label, thumbnail, web_addresses};

use crate::describe::image::DescribedImage;
use serde_json::{Value, json};
use std::collections::HashSet;

/// The collection at the URL `id` of the manifests that `images` know, each once, that of the best image first.
///
/// A manifest has the label and the thumbnail of the first image that knows it: here it stands for that image.
#[must_use]
pub fn collection(id: &str, asked: Asked<'_>, images: &[DescribedImage]) -> Value {
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
        "id": id,
        "type": "Collection",
        "label": asked.label(),
        "items": items,
    })
}

fn manifest(url: &str, image: &DescribedImage) -> Value {
    let mut manifest = json!({ "id": url, "type": "Manifest", "label": label(image) });
    if let Some(thumbnail) = thumbnail(image) {
        manifest["thumbnail"] = json!([thumbnail]);
    }
    manifest
}
