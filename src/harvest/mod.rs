//! IIIF Presentation 2 and 3: manifests and collections as bytes in, images and what is said of them out; and the
//! streams that tell what has changed; pure.
//!
//! Real manifests mix the versions, so that one reading serves both: a property counts under any of its names,
//! one thing is as good as a list of one, and what is not understood is passed over.

mod about;
mod canvas;
mod collection;
pub mod discovery;
mod html;
mod json;
pub mod model;
mod picture;
pub mod text;
pub mod triples;

use json::Object;
use model::{Document, Manifest};
use serde_json::Value;

/// Why a document tells of no images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HarvestError {
    /// There is nothing in it.
    #[error("the document is empty")]
    Empty,
    /// A web page.
    #[error("a web page or XML instead of JSON; give the address of the manifest itself")]
    Markup,
    /// No JSON, or JSON that ends early or is nested too deeply.
    #[error("not JSON ({0})")]
    NotJson(String),
    /// JSON of another kind.
    #[error("neither a manifest nor a collection but {0}")]
    Other(String),
    /// JSON of another kind than a stream of activities.
    #[error(
        "no IIIF Change Discovery stream (an OrderedCollection) but {0}; --mode MANIFEST is for manifests and collections"
    )]
    NoStream(String),
    /// JSON of another kind than a page of activities.
    #[error("no page of activities (an OrderedCollectionPage) but {0}")]
    NoPage(String),
}

/// The manifest or collection in `bytes`, of IIIF Presentation 2 or 3.
///
/// # Errors
/// [`HarvestError`] says what the document is instead.
///
/// # Examples
/// ```
/// use clip_search::harvest::{model::Document, parse};
/// let manifest = br#"{"type": "Manifest", "id": "https://example.org/m", "label": {"en": ["A book"]}, "items": []}"#;
/// let Ok(Document::Manifest(manifest)) = parse(manifest) else { panic!() };
/// assert_eq!(manifest.about.label.one(), Some("A book"));
/// ```
pub fn parse(bytes: &[u8]) -> Result<Document, HarvestError> {
    let object = object(bytes)?;
    document(&object).ok_or_else(|| HarvestError::Other(json::kind_in_words(&object)))
}

/// The JSON object in `bytes`.
fn object(bytes: &[u8]) -> Result<Object, HarvestError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = bytes.trim_ascii();
    match bytes.first() {
        None => return Err(HarvestError::Empty),
        Some(b'<') => return Err(HarvestError::Markup),
        Some(_) => {}
    }
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        // Some files claim to be UTF-8 and have a few bytes that are not.
        Err(error) => serde_json::from_str(&String::from_utf8_lossy(bytes))
            .map_err(|_| HarvestError::NotJson(error.to_string()))?,
    };
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(HarvestError::Other("JSON without properties".to_owned())),
    }
}

/// The document that `object` is, if it is one.
fn document(object: &Object) -> Option<Document> {
    if is_manifest(object) {
        Some(Document::Manifest(Box::new(manifest(object))))
    } else if is_collection(object) {
        Some(Document::Collection(Box::new(collection::collection(
            object,
        ))))
    } else {
        None
    }
}

fn is_manifest(object: &Object) -> bool {
    let has_canvases = || {
        object.contains_key("sequences")
            || json::objects(object.get("items")).any(|item| json::is_a(item, "canvas"))
    };
    json::is_a(object, "manifest") || (!json::has_type(object) && has_canvases())
}

fn is_collection(object: &Object) -> bool {
    let has_members = || {
        collection::MEMBERS
            .iter()
            .any(|key| object.contains_key(*key))
    };
    json::is_a(object, "collection") || (!json::has_type(object) && has_members())
}

fn manifest(object: &Object) -> Manifest {
    Manifest {
        id: json::own_id(object),
        presentation: presentation(object),
        about: about::about(object),
        canvases: canvas::canvases(object),
    }
}

/// Version of the Presentation API: what the context says, or else what the properties are those of.
fn presentation(object: &Object) -> u8 {
    let contexts = json::list(object.get("@context"));
    let names = |version: &str| {
        contexts
            .iter()
            .filter_map(Value::as_str)
            .any(|context| context.contains(version))
    };
    if names("/presentation/3") {
        3
    } else if names("/presentation/2") || names("shared-canvas") || object.contains_key("@type") {
        2
    } else {
        3
    }
}
