//! Canvases and the images painted on them.

use super::json::{self, Object, first, list, objects};
use super::model::{Canvas, Image};
use super::{about, picture};
use serde_json::Value;
use std::collections::HashSet;

/// The canvases of a manifest, each once: further sequences are other orders of the same pages.
pub(super) fn canvases(manifest: &Object) -> Vec<Canvas> {
    let of_sequences =
        objects(manifest.get("sequences")).flat_map(|sequence| objects(sequence.get("canvases")));
    let of_items = objects(manifest.get("items"));
    let mut seen = HashSet::new();
    of_sequences
        .chain(of_items)
        .filter(|item| json::is_a(item, "canvas") || !json::has_type(item))
        .map(canvas)
        .filter(|canvas| {
            let id = canvas.id.clone();
            id.is_none_or(|id| seen.insert(id))
        })
        .collect()
}

fn canvas(object: &Object) -> Canvas {
    let mut images = Vec::new();
    for annotation in objects(object.get("images")) {
        add(&mut images, annotation);
    }
    for page in objects(object.get("items")) {
        for annotation in objects(first(page, &["items", "resources"])) {
            if paints(annotation) {
                add(&mut images, annotation);
            }
        }
    }
    Canvas {
        id: json::own_id(object),
        about: about::about(object),
        width: json::pixels(object, "width"),
        height: json::pixels(object, "height"),
        images,
    }
}

/// Whether an annotation shows its body as the canvas's own content. An empty motivation is found, and its images
/// are the page's.
fn paints(annotation: &Object) -> bool {
    let mut motivations = list(annotation.get("motivation"))
        .iter()
        .filter_map(Value::as_str)
        .filter(|motivation| !motivation.trim().is_empty())
        .peekable();
    motivations.peek().is_none()
        || motivations
            .any(|motivation| json::local_name(motivation).eq_ignore_ascii_case("painting"))
}

fn add(images: &mut Vec<Image>, annotation: &Object) {
    match first(annotation, &["body", "resource"]) {
        Some(body) => picture::add(images, body),
        // The image stands where its annotation should.
        None => picture::add(images, &Value::Object(annotation.clone())),
    }
}
