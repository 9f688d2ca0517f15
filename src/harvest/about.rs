//! What is said of a document or a canvas.

use super::html;
use super::json::{self, Object, first, list, objects};
use super::model::{About, Link, Pair};
use super::text::text;
use serde_json::Value;

/// What `object` says of itself. Of properties that changed their names, both count.
pub(super) fn about(object: &Object) -> About {
    let statement = first(object, &["requiredStatement"]);
    let mut required_statement = pairs(statement);
    let attribution = text(object.get("attribution"));
    if !attribution.is_empty() {
        required_statement.push(Pair {
            label: text(Some(&Value::from("Attribution"))),
            value: attribution,
            links: links(object.get("attribution")),
        });
    }
    About {
        label: text(first(object, &["label", "rdfs:label"])),
        summary: text(first(object, &["summary", "description", "dc:description"])),
        metadata: pairs(object.get("metadata")),
        required_statement,
        rights: rights(object),
        providers: all(object, &["provider"]),
        thumbnails: all(object, &["thumbnail"]),
        homepages: all(object, &["homepage", "related"]),
        see_also: all(object, &["seeAlso"]),
        part_of: all(object, &["partOf", "within"]),
        nav_date: json::string(object, "navDate"),
    }
}

fn pairs(value: Option<&Value>) -> Vec<Pair> {
    objects(value)
        .map(|pair| Pair {
            label: text(pair.get("label")),
            value: text(pair.get("value")),
            links: links(pair.get("value")),
        })
        .filter(|pair| !pair.value.is_empty())
        .collect()
}

/// The targets of links in a text of any form.
fn links(value: Option<&Value>) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest: Vec<&Value> = value.into_iter().collect();
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) => found.extend(html::links(text)),
            Value::Array(values) => rest.extend(values.iter().rev()),
            Value::Object(object) => rest.extend(object.values().rev()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}

fn rights(object: &Object) -> Vec<String> {
    ["rights", "license"]
        .into_iter()
        .flat_map(|key| list(object.get(key)))
        .filter_map(json::id)
        .collect()
}

fn all(object: &Object, keys: &[&str]) -> Vec<Link> {
    keys.iter()
        .flat_map(|key| list(object.get(*key)))
        .map(link)
        .filter(|link| link.id.is_some() || !link.label.is_empty())
        .collect()
}

fn link(value: &Value) -> Link {
    let object = value.as_object();
    let property = |key: &str| object.and_then(|object| object.get(key));
    Link {
        id: json::id(value),
        label: text(property("label")),
        format: object.and_then(|object| json::string(object, "format")),
        homepages: list(property("homepage"))
            .iter()
            .filter_map(json::id)
            .collect(),
    }
}
