//! What an info.json says of its image: size, version of the Image API and compliance level.

use super::ways::{is_version_1, names};
use crate::collection::sizes::{ApiVersion, ImageService, ImageSize, Measured, Profile};
use serde_json::Value;

/// What an info.json says; `None` if it is no JSON.
pub(super) fn json(info: &[u8]) -> Option<Value> {
    serde_json::from_slice(unmarked(info)).ok()
}

/// The size of the image that `info` describes, and the service; `None` if it is no info.json, or one that cannot
/// be right: sizes that are not whole numbers make all of it useless.
pub(super) fn size(info: &Value) -> Option<ImageSize> {
    let [width, height] = ["width", "height"].map(|side| info[side].as_u64());
    let service = version(info).map(|version| ImageService {
        version,
        profile: profile(&info["profile"]),
    });
    ImageSize::new(width?, height?, Measured::Info, service)
}

/// It without a byte order mark, which JSON must not have and some files do.
fn unmarked(info: &[u8]) -> &[u8] {
    info.strip_prefix("\u{feff}".as_bytes()).unwrap_or(info)
}

/// The version that the context names, or else the type, the profile, or the members there are.
fn version(info: &Value) -> Option<ApiVersion> {
    let [context, kind, profile] = ["@context", "type", "profile"].map(|name| &info[name]);
    let named = |value: &Value, part: &str| names(value).iter().any(|name| name.contains(part));
    let is_word = |value: &Value| {
        names(value)
            .first()
            .is_some_and(|name| level(name).is_some())
    };
    // Version 3 has `id`, those before `@id`.
    let has_id = info["id"].is_string();
    if named(context, "/image/3/") || named(kind, "ImageService3") {
        Some(ApiVersion::V3)
    } else if named(context, "/image/2/") || named(kind, "ImageService2") {
        Some(ApiVersion::V2)
    } else if is_version_1(context, profile) {
        Some(ApiVersion::V1)
    } else if named(profile, "/image/2/") {
        Some(ApiVersion::V2)
    } else if named(&info["protocol"], "//iiif.io/api/image") {
        Some(match has_id {
            true => ApiVersion::V3,
            false => ApiVersion::V2,
        })
    } else {
        // Only version 3 writes the level as a bare word.
        (is_word(profile) && has_id).then_some(ApiVersion::V3)
    }
}

/// The level, which each version writes in another way: `level2` (3), `http://iiif.io/api/image/2/level2.json` (2),
/// `http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level2` (1), alone or first in a list.
fn profile(value: &Value) -> Option<Profile> {
    names(value).into_iter().find_map(|name| {
        let word = name.rsplit(['/', '#']).next()?;
        level(word.strip_suffix(".json").unwrap_or(word))
    })
}

fn level(word: &str) -> Option<Profile> {
    Profile::ALL
        .into_iter()
        .find(|level| level.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ApiVersion::{V1, V2, V3};
    use Profile::{Level0, Level1, Level2};

    fn size_in(info: &[u8]) -> Option<ImageSize> {
        size(&json(info)?)
    }

    #[test]
    fn all_versions_say_their_version_and_level() {
        for (members, version, profile) in [
            // 1.0, which has no context.
            (
                r#""profile": "http://library.stanford.edu/iiif/image-api/compliance.html#level0""#,
                Some(V1),
                Some(Level0),
            ),
            (
                r#""@context": "http://library.stanford.edu/iiif/image-api/1.1/context.json",
                   "profile": "http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level1""#,
                Some(V1),
                Some(Level1),
            ),
            (
                r#""@context": "http://iiif.io/api/image/1/context.json", "profile": "http://iiif.io/api/image/1/level2.json""#,
                Some(V1),
                Some(Level2),
            ),
            (
                r#""@context": "http://iiif.io/api/image/2/context.json", "@id": "http://h/i",
                   "protocol": "http://iiif.io/api/image",
                   "profile": ["http://iiif.io/api/image/2/level2.json", {"formats": ["png"]}]"#,
                Some(V2),
                Some(Level2),
            ),
            (
                r#""profile": "http://iiif.io/api/image/2/level0.json""#,
                Some(V2),
                Some(Level0),
            ),
            (
                r#""@id": "http://h/i", "protocol": "http://iiif.io/api/image", "profile": [{"formats": []}]"#,
                Some(V2),
                None,
            ),
            (
                r#""@context": "http://iiif.io/api/image/3/context.json", "id": "http://h/i", "type": "ImageService3",
                   "protocol": "http://iiif.io/api/image", "profile": "level1""#,
                Some(V3),
                Some(Level1),
            ),
            (
                r#""@context": ["http://example.org/own.json", "http://iiif.io/api/image/3/context.json"], "profile": ["level0"]"#,
                Some(V3),
                Some(Level0),
            ),
            (
                r#""type": "ImageService3", "profile": "own""#,
                Some(V3),
                None,
            ),
            (
                r#""id": "http://h/i", "protocol": "http://iiif.io/api/image""#,
                Some(V3),
                None,
            ),
            (
                r#""id": "http://h/i", "profile": "level2""#,
                Some(V3),
                Some(Level2),
            ),
            (r#""profile": "level20""#, None, None),
            (r#""title": "some other JSON""#, None, None),
        ] {
            let text = format!(r#"{{"width": 4000, "height": 3000, {members}}}"#);
            let service = version.map(|version| ImageService { version, profile });
            let expected = ImageSize::new(4000, 3000, Measured::Info, service);
            assert_eq!(size_in(text.as_bytes()), expected, "{members}");
            let marked = format!("\u{feff}{text}");
            assert_eq!(size_in(marked.as_bytes()), expected, "{members}");
        }
    }

    #[test]
    fn sizes_that_no_image_has_are_not_believed() {
        for text in [
            "",
            "{",
            "[]",
            "null",
            "<html>",
            r#"{"width": 3}"#,
            "[4, 3]",
            r#"{"width": 0, "height": 3}"#,
            r#"{"width": -4, "height": 3}"#,
            r#"{"width": 4.5, "height": 3}"#,
            r#"{"width": "4", "height": 3}"#,
            r#"{"width": [4], "height": 3}"#,
            r#"{"width": 2147483648, "height": 3}"#,
            r#"{"width": 99999999999999999999, "height": 3}"#,
            r#"{"width": 1e400, "height": 3}"#,
            "\u{0}\u{fffd}",
        ] {
            assert_eq!(size_in(text.as_bytes()), None, "{text}");
        }
        let deep = format!(
            r#"{{"width": 4, "height": 3, "profile": {}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(size_in(deep.as_bytes()), None);
    }
}
