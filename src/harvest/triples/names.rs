//! What things are called in RDF: their own names, made whole, and names for what has none.

use crate::harvest::model::{Canvas, Document};
use crate::iiif::image_iri;
use crate::image_id;
use oxrdf::NamedNode;
use url::Url;

/// The name of `document`, which is at `place`: its own, or else that of its place.
#[must_use]
pub fn name(document: &Document, place: &str) -> String {
    let id = match document {
        Document::Manifest(manifest) => &manifest.id,
        Document::Collection(collection) => &collection.id,
    };
    id.as_deref()
        .and_then(|id| absolute(id, place))
        .or_else(|| absolute(place, place))
        .unwrap_or_else(|| skolem(&[place]))
        .into_string()
}

/// The name of `canvas`, the one with this number of the manifest `manifest`, which is at `place`.
#[must_use]
pub fn canvas_name(canvas: &Canvas, number: usize, manifest: &str, place: &str) -> String {
    let own = (canvas.id.as_deref()).and_then(|id| absolute(id, place));
    own.unwrap_or_else(|| skolem(&[manifest, "canvas", &number.to_string()]))
        .into_string()
}

/// `id` as an absolute IRI, relative to `base`.
pub(crate) fn absolute(id: &str, base: &str) -> Option<NamedNode> {
    let iri = image_iri(id.trim());
    if let Ok(node) = NamedNode::new(iri.as_ref()) {
        return Some(node);
    }
    let joined = Url::parse(base).ok()?.join(id.trim()).ok()?;
    NamedNode::new(image_iri(joined.as_str())).ok()
}

/// A name for what has none: a UUID of version 8, which is that of hashes of one's own choice (RFC 9562, 5.8).
pub(super) fn skolem(path: &[&str]) -> NamedNode {
    let mut hex: Vec<u8> = image_id::text_digest(&path.join("\n")).into_bytes();
    hex[12] = b'8';
    hex[16] = b'8';
    let hex = String::from_utf8_lossy(&hex);
    let uuid = format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..32]
    );
    NamedNode::new_unchecked(uuid)
}
