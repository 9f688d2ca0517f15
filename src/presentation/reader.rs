//! A document written for its reader: texts in the reader's languages come first.
//!
//! Clover and Universal Viewer show the first language of a map, whatever the reader's browser prefers.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// What is written first for a reader who asks for no language that there is.
const OTHERWISE: &str = "en";

/// `document` with the entries of its language maps in the order of `languages`.
pub struct ForReader<'a> {
    /// A document of the Presentation API.
    pub document: &'a Value,
    /// Best first, as `de` or `de-ch`.
    pub languages: &'a [String],
}

impl<'a> ForReader<'a> {
    fn inner(&self, document: &'a Value) -> Self {
        Self {
            document,
            languages: self.languages,
        }
    }

    /// Lower for what the reader likes better.
    fn rank(&self, key: &str) -> usize {
        let is_of = |language: &String| {
            let primary = language.split('-').next();
            language.eq_ignore_ascii_case(key) || primary == Some(key)
        };
        let wanted = self.languages.iter().position(is_of);
        let otherwise = self.languages.len() + usize::from(key != OTHERWISE);
        wanted.unwrap_or(otherwise)
    }
}

impl Serialize for ForReader<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.document {
            Value::Object(members) => {
                let mut entries: Vec<(&String, &Value)> = members.iter().collect();
                if entries.iter().all(|(key, value)| is_text_of(key, value)) {
                    entries.sort_by_key(|(key, _)| self.rank(key));
                }
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, &self.inner(value))?;
                }
                map.end()
            }
            Value::Array(items) => {
                serializer.collect_seq(items.iter().map(|item| self.inner(item)))
            }
            plain => plain.serialize(serializer),
        }
    }
}

/// Whether a member may be one of a language map: a language tag, or "none", with its texts.
fn is_text_of(key: &str, value: &Value) -> bool {
    let primary = key.split('-').next().unwrap_or_default();
    let is_tag =
        (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
    let are_texts = (value.as_array()).is_some_and(|texts| texts.iter().all(Value::is_string));
    (is_tag || key == "none") && are_texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(languages: &[&str], expected: &str) {
        let document = json!({"label": {"de": ["Rot"], "en": ["Red"], "it": ["Rosso"], "none": ["1"]}, "items": [{"id": "a", "be": 1}]});
        let languages: Vec<String> = languages.iter().map(|&tag| tag.to_owned()).collect();
        let written = serde_json::to_string(&ForReader {
            document: &document,
            languages: &languages,
        })
        .unwrap();
        let expected =
            format!("{{\"items\":[{{\"be\":1,\"id\":\"a\"}}],\"label\":{{{expected}}}}}");
        assert_eq!(written, expected);
    }

    #[test]
    fn the_readers_languages_come_first_then_english() {
        check(
            &[],
            r#""en":["Red"],"de":["Rot"],"it":["Rosso"],"none":["1"]"#,
        );
        check(
            &["fr", "it-ch", "de"],
            r#""it":["Rosso"],"de":["Rot"],"en":["Red"],"none":["1"]"#,
        );
    }
}
