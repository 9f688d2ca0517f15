//! What an annotation paints: images, alternatives, parts of images, and their services.

use super::json::{self, Object, first, list};
use super::model::{Image, Service};
use super::text::text;
use crate::collection::sizes::{ApiVersion, Profile};
use crate::iiif::reference::ends_as;
use serde_json::Value;

/// Adds the images in `body`, which an annotation paints.
pub(super) fn add(images: &mut Vec<Image>, body: &Value) {
    collect(images, body, None);
}

/// The depth is that of JSON, which its parser bounds.
fn collect(images: &mut Vec<Image>, body: &Value, choice: Option<usize>) {
    match body {
        Value::Array(bodies) => {
            for body in bodies {
                collect(images, body, choice);
            }
        }
        Value::String(url) if is_image_file(url) => images.push(image_at(url.trim(), choice)),
        Value::Object(object) => collect_object(images, object, choice),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn collect_object(images: &mut Vec<Image>, object: &Object, choice: Option<usize>) {
    let is_choice = json::is_a(object, "choice");
    if is_choice || json::is_a(object, "composite") || json::is_a(object, "list") {
        let mut number = 0;
        for key in ["default", "item", "items"] {
            for body in list(object.get(key)) {
                collect(images, body, if is_choice { Some(number) } else { choice });
                number += 1;
            }
        }
        return;
    }
    let source = first(object, &["source", "full"]);
    if let Some(source) =
        source.filter(|_| json::is_a(object, "specificresource") || !is_image(object))
    {
        let from = images.len();
        collect(images, source, choice);
        // A part of an image may name the service that gives it.
        if let (Some(service), [image]) = (service(object), &mut images[from..]) {
            image.service.get_or_insert(service);
        }
        return;
    }
    if is_image(object) {
        images.push(Image {
            id: json::own_id(object),
            service: service(object),
            choice,
            label: text(object.get("label")),
            format: json::string(object, "format"),
            width: json::pixels(object, "width"),
            height: json::pixels(object, "height"),
        });
    }
}

fn image_at(url: &str, choice: Option<usize>) -> Image {
    Image {
        id: Some(url.to_owned()),
        service: None,
        choice,
        label: text(None),
        format: None,
        width: None,
        height: None,
    }
}

/// Whether a URL alone is that of an image.
fn is_image_file(url: &str) -> bool {
    let endings = ["jpg", "jpeg", "png", "gif", "webp", "tif", "tiff", "jp2"];
    ends_as(url.trim(), &endings)
}

fn is_image(object: &Object) -> bool {
    if json::is_a(object, "image") || json::is_a(object, "stillimage") {
        return true;
    }
    let format = json::string(object, "format");
    if format.is_some_and(|format| format.starts_with("image/")) {
        return true;
    }
    // Sounds, films and texts say so.
    !json::has_type(object)
        && (service(object).is_some() || json::own_id(object).is_some_and(|id| is_image_file(&id)))
}

/// The first image service of `object`. Others are those of search, authentication, physical size.
fn service(object: &Object) -> Option<Service> {
    list(first(object, &["service", "services"]))
        .iter()
        .find_map(image_service)
}

fn image_service(value: &Value) -> Option<Service> {
    let id = json::id(value)?;
    let id = id.strip_suffix("/info.json").unwrap_or(&id).to_owned();
    let Some(object) = value.as_object() else {
        let (version, level) = (None, None);
        return Some(Service { id, version, level });
    };
    let mut signs: Vec<&str> = json::types(object).collect();
    for key in ["@context", "profile", "protocol", "conformsTo"] {
        signs.extend(list(object.get(key)).iter().filter_map(Value::as_str));
    }
    let is_image_api = |sign: &&str| {
        sign.contains("api/image") || sign.contains("image-api") || sign.contains("ImageService")
    };
    let is_level = |sign: &&str| level_of(sign).is_some();
    if !signs.is_empty()
        && !signs
            .iter()
            .any(|sign| is_image_api(sign) || is_level(sign))
    {
        return None;
    }
    Some(Service {
        id,
        version: signs.iter().find_map(|sign| version_of(sign)),
        level: signs.iter().find_map(|sign| level_of(sign)),
    })
}

/// The version of the Image API in `ImageService2`, `http://iiif.io/api/image/2/context.json` or
/// `http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level1`.
fn version_of(sign: &str) -> Option<ApiVersion> {
    ["ImageService", "api/image/", "image-api/"]
        .into_iter()
        .find_map(|before| {
            let (_, rest) = sign.split_once(before)?;
            let is_named = |version: &ApiVersion| rest.starts_with(version.as_str());
            ApiVersion::ALL.into_iter().find(is_named)
        })
}

/// The level in `level1` or `http://iiif.io/api/image/2/level1.json`.
fn level_of(sign: &str) -> Option<Profile> {
    let word = sign[sign.rfind("level")?..].split('.').next();
    (Profile::ALL.into_iter()).find(|level| Some(level.as_str()) == word)
}
