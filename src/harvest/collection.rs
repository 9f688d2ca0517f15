//! Collections, their members and their pages.

use super::json::{self, Object, list};
use super::model::{Collection, Kind, Member};
use super::text::text;
use super::{about, document, presentation};
use serde_json::Value;

/// The properties that hold members: the last one is that of version 3.
pub(super) const MEMBERS: [&str; 4] = ["collections", "manifests", "members", "items"];

pub(super) fn collection(object: &Object) -> Collection {
    let members = MEMBERS
        .into_iter()
        .flat_map(|key| list(object.get(key)).iter().map(move |value| (key, value)))
        .filter_map(|(key, value)| member(key, value))
        .collect();
    Collection {
        id: json::own_id(object),
        presentation: presentation(object),
        about: about::about(object),
        members,
        first: object.get("first").and_then(json::id),
        next: object.get("next").and_then(json::id),
    }
}

fn member(key: &str, value: &Value) -> Option<Member> {
    let object = value.as_object();
    let is_a = |name| object.is_some_and(|object| json::is_a(object, name));
    let kind = if is_a("manifest") || key == "manifests" {
        Some(Kind::Manifest)
    } else if is_a("collection") || key == "collections" {
        Some(Kind::Collection)
    } else if object.is_some_and(json::has_type) {
        // A canvas or a range, which is in no collection of images.
        return None;
    } else {
        None
    };
    let id = json::id(value);
    let document = object.filter(|object| is_whole(object)).and_then(document);
    (id.is_some() || document.is_some()).then(|| Member {
        id,
        kind,
        label: text(object.and_then(|object| object.get("label"))),
        document,
    })
}

/// Whether a member has what is in it with it, so that it need not be fetched.
fn is_whole(object: &Object) -> bool {
    MEMBERS
        .into_iter()
        .chain(["sequences"])
        .any(|key| !list(object.get(key)).is_empty())
}
