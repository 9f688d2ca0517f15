//! The manifest of what was found, or chosen.

use super::asked::Asked;
use super::canvas::{canvas, thumbnail};
use super::search_services::search_services;
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
        "service": search_services(links, Some(parameters)),
    });
    if let Some(thumbnail) = images.iter().find_map(thumbnail) {
        manifest["thumbnail"] = json!([thumbnail]);
    }
    Some(manifest)
}
