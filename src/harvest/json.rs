//! JSON-LD as it is written in practice: `id` or `@id`, one thing or a list, types with or without prefix.

use serde_json::{Map, Value};

pub(super) type Object = Map<String, Value>;

/// The things in `value`: one is a list of one, nothing is an empty list.
pub(super) fn list(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(values)) => values,
        Some(one) => std::slice::from_ref(one),
    }
}

/// The things in `value` that have properties.
pub(super) fn objects(value: Option<&Value>) -> impl Iterator<Item = &Object> {
    list(value).iter().filter_map(Value::as_object)
}

/// The value of the first of `keys` that has one.
pub(super) fn first<'a>(object: &'a Object, keys: &[&str]) -> Option<&'a Value> {
    keys.iter()
        .filter_map(|key| object.get(*key))
        .find(|value| !value.is_null())
}

/// The name of a thing, which may stand for the thing.
pub(super) fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(id) => named(id),
        Value::Object(object) => own_id(object),
        _ => None,
    }
}

/// The name of a thing with properties.
pub(super) fn own_id(object: &Object) -> Option<String> {
    let id = first(object, &["id", "@id"])?.as_str()?;
    named(id)
}

fn named(id: &str) -> Option<String> {
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

/// Whether a type is given.
pub(super) fn has_type(object: &Object) -> bool {
    types(object).next().is_some()
}

/// Whether a type is `name` (in lower case) in any vocabulary and case: `sc:Manifest`, `dcTypes:Image`.
pub(super) fn is_a(object: &Object, name: &str) -> bool {
    types(object).any(|kind| local_name(kind).eq_ignore_ascii_case(name))
}

pub(super) fn types(object: &Object) -> impl Iterator<Item = &str> {
    list(first(object, &["type", "@type"]))
        .iter()
        .filter_map(Value::as_str)
        .filter(|kind| !kind.is_empty())
}

/// `Image` of `dctypes:Image` and `http://purl.org/dc/dcmitype/Image`.
pub(super) fn local_name(name: &str) -> &str {
    name.rsplit([':', '#', '/']).next().unwrap_or(name)
}

/// A text property.
pub(super) fn string(object: &Object, key: &str) -> Option<String> {
    named(object.get(key)?.as_str()?)
}

/// A number of pixels, which some write as a text.
pub(super) fn pixels(object: &Object, key: &str) -> Option<u32> {
    let pixels = match object.get(key)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    pixels
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| *n > 0)
}

/// What a document of another kind is called in a message.
pub(super) fn kind_in_words(object: &Object) -> String {
    match types(object).next() {
        Some(kind) => format!(
            "of the type {:?}",
            kind.chars().take(60).collect::<String>()
        ),
        None => "JSON without a type".to_owned(),
    }
}
