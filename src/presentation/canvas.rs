//! The canvas of an image: its picture, its service and what is known about it.

use super::service::image_service;
use super::words;
use super::{CONTEXT, Links, rights, text};
use crate::collection::sizes::ImageSize;
use crate::describe::fields::{Fields, Value as FieldValue};
use crate::describe::image::DescribedImage;
use crate::iiif::picture::{self, Picture};
use serde_json::{Map, Value, json};
use std::num::NonZeroU32;

/// Width of the pictures in lists, in pixels: sharp on screens with two pixels for one.
const THUMBNAIL_WIDTH_PX: NonZeroU32 = NonZeroU32::new(400).expect("not zero");

/// The fields that are no pairs of `metadata`, because a canvas has a place of its own for them.
const WITH_OWN_PLACE: [&str; 5] = ["title", "description", "object", "manifest", "rights"];

/// The canvas of `image`, without a context; none if nobody knows its size, which a canvas must have.
///
/// The canvas is as large as the image, or as the picture that was delivered, where nothing else is known: the
/// shape is right then, and viewers ask the service for more. The painted picture is at most `width_px` wide, and
/// says its own size.
#[must_use]
pub fn canvas(image: &DescribedImage, links: &Links, width_px: NonZeroU32) -> Option<Value> {
    let size = image.size?;
    let id = links.canvas(&image.id);
    let mut canvas = Map::new();
    canvas.insert("id".to_owned(), id.clone().into());
    canvas.insert("type".to_owned(), "Canvas".into());
    canvas.insert("label".to_owned(), label(image));
    canvas.insert("width".to_owned(), size.width.get().into());
    canvas.insert("height".to_owned(), size.height.get().into());
    canvas.insert("items".to_owned(), painting(image, size, &id, width_px));
    canvas.extend(thumbnail(image).map(|thumbnail| ("thumbnail".to_owned(), json!([thumbnail]))));
    canvas.extend(list("metadata", pairs(image)));
    let descriptions = image.fields.get("description");
    if !descriptions.is_empty() {
        canvas.insert("summary".to_owned(), text::texts(descriptions));
    }
    add_rights(&mut canvas, &image.fields);
    canvas.extend(list("homepage", homepages(&image.fields)));
    let manifests = web_addresses(&image.fields, "manifest");
    let part_of = manifests.map(|url| json!({ "id": url, "type": "Manifest" }));
    canvas.extend(list("partOf", part_of.collect()));
    Some(canvas.into())
}

/// The canvas as a document.
#[must_use]
pub fn document(image: &DescribedImage, links: &Links, width_px: NonZeroU32) -> Option<Value> {
    let mut canvas = canvas(image, links, width_px)?;
    canvas["@context"] = CONTEXT.into();
    Some(canvas)
}

/// A small picture of the image. None where the server has fixed sizes, which may all be large: viewers
/// choose one of these by the service.
pub(super) fn thumbnail(image: &DescribedImage) -> Option<Value> {
    let size = image.size.filter(|size| !picture::is_fixed(*size))?;
    let picture = Picture::new(&image.url, size, THUMBNAIL_WIDTH_PX);
    Some(with_service(picture.resource(), image, size))
}

/// The title; without one the end of the IIIF URL, which most often is a number or name of its owner.
pub(super) fn label(image: &DescribedImage) -> Value {
    let titles = image.fields.get("title");
    if titles.is_empty() {
        let end = image.url.trim_end_matches('/').rsplit('/').next();
        text::neutral(end.unwrap_or(&image.url))
    } else {
        text::labels(titles)
    }
}

/// The annotation that paints the picture, on its page.
fn painting(
    image: &DescribedImage,
    size: ImageSize,
    canvas_id: &str,
    width_px: NonZeroU32,
) -> Value {
    let picture = Picture::new(&image.url, size, width_px);
    json!([{
        "id": format!("{canvas_id}/page"),
        "type": "AnnotationPage",
        "items": [{
            "id": format!("{canvas_id}/painting"),
            "type": "Annotation",
            "motivation": "painting",
            "target": canvas_id,
            "body": with_service(picture.resource(), image, size),
        }],
    }])
}

fn with_service(mut resource: Value, image: &DescribedImage, size: ImageSize) -> Value {
    if let Some(service) = image_service(&image.url, size) {
        resource["service"] = json!([service]);
    }
    resource
}

/// What is shown as label and value: the fields with names of their own, those of the operator, the score.
fn pairs(image: &DescribedImage) -> Vec<Value> {
    let fields = &image.fields;
    let named = words::named_fields()
        .filter(|(name, _)| !fields.get(name).is_empty())
        .map(|(name, words)| pair(words.label(), fields.get(name)));
    let others = (fields.iter())
        .filter(|(name, _)| !words::is_named(name) && !WITH_OWN_PLACE.contains(name))
        .map(|(name, values)| pair(text::neutral(name), values));
    let score = (image.score.iter())
        .map(|score| json!({ "label": words::SCORE.label(), "value": text::neutral(&format!("{score:.3}")) }));
    named.chain(others).chain(score).collect()
}

fn pair(label: Value, values: &[FieldValue]) -> Value {
    json!({ "label": label, "value": text::texts(values) })
}

/// `rights` takes the URIs of few licences; all else is a statement that viewers must show.
fn add_rights(canvas: &mut Map<String, Value>, fields: &Fields) {
    let known = fields.iris("rights").find_map(rights::known);
    let others = (fields.get("rights").iter())
        .filter(|value| !value.is_iri || rights::known(&value.value).is_none());
    let statement = text::texts(others);
    if statement.as_object().is_some_and(|texts| !texts.is_empty()) {
        let label = words::RIGHTS.label();
        canvas.insert(
            "requiredStatement".to_owned(),
            json!({ "label": label, "value": statement }),
        );
    }
    canvas.extend(known.map(|uri| ("rights".to_owned(), uri.into())));
}

fn homepages(fields: &Fields) -> Vec<Value> {
    let pages = web_addresses(fields, "object").map(|url| {
        json!({ "id": url, "type": "Text", "label": words::OBJECT.label(), "format": "text/html" })
    });
    pages.collect()
}

/// The values of a field that a browser can go to. A `javascript:` URL is an IRI, too.
pub(super) fn web_addresses<'a>(fields: &'a Fields, name: &str) -> impl Iterator<Item = &'a str> {
    fields
        .iris(name)
        .filter(|iri| iri.starts_with("https://") || iri.starts_with("http://"))
}

/// A property whose list may not be empty.
fn list(name: &str, values: Vec<Value>) -> Option<(String, Value)> {
    (!values.is_empty()).then(|| (name.to_owned(), values.into()))
}
