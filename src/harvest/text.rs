//! Texts in several languages, as both versions write them.

use super::html;
use super::json::{Object, list};
use serde_json::Value;

/// A text, each phrase in its language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// Those of one language in the order of the document.
    pub phrases: Vec<Phrase>,
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// Tag of its language, where one is given.
    pub language: Option<String>,
    /// Without markup.
    pub text: String,
}

impl Text {
    /// One phrase to stand for all: in no language, else in English, else the first.
    #[must_use]
    pub fn one(&self) -> Option<&str> {
        let rank = |phrase: &&Phrase| match phrase.language.as_deref() {
            None => 0,
            Some(tag) if tag.split('-').next() == Some("en") => 1,
            Some(_) => 2,
        };
        let phrase = self.phrases.iter().min_by_key(rank)?;
        Some(&phrase.text)
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    fn add(&mut self, language: Option<&str>, text: &str) {
        let text = html::plain(text);
        let language = language.map(str::trim).filter(|tag| {
            let names_none = ["", "none", "@none", "und", "zxx"];
            !names_none.contains(tag)
        });
        if !text.is_empty() {
            self.phrases.push(Phrase {
                language: language.map(str::to_owned),
                text,
            });
        }
    }
}

/// The text in `value`: a string, a number, `{"@value": …, "@language": …}`, `{"en": ["…"]}`, or a list of these.
pub(super) fn text(value: Option<&Value>) -> Text {
    let mut text = Text::default();
    for value in list(value) {
        match value {
            Value::Object(object) => add_object(&mut text, object),
            value => add_plain(&mut text, None, value),
        }
    }
    text
}

fn add_object(text: &mut Text, object: &Object) {
    if let Some(value) = object.get("@value").or_else(|| object.get("value")) {
        let language = object.get("@language").or_else(|| object.get("language"));
        for value in list(Some(value)) {
            add_plain(text, language.and_then(Value::as_str), value);
        }
        return;
    }
    for (language, values) in object {
        for value in list(Some(values)) {
            match value {
                // `{"en": {"@value": "…"}}` is nobody's rule, but found.
                Value::Object(inner) => {
                    if let Some(value) = inner.get("@value") {
                        add_plain(text, Some(language), value);
                    }
                }
                value => add_plain(text, Some(language), value),
            }
        }
    }
}

fn add_plain(text: &mut Text, language: Option<&str>, value: &Value) {
    match value {
        Value::String(words) => text.add(language, words),
        Value::Number(number) => text.add(language, &number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_read_in_all_forms() {
        for (value, expected) in [
            (json!("A"), vec![(None, "A")]),
            (json!(["A", "B"]), vec![(None, "A"), (None, "B")]),
            (json!(1850), vec![(None, "1850")]),
            (
                json!({"@value": "A", "@language": "en"}),
                vec![(Some("en"), "A")],
            ),
            (
                json!([{"@value": "A", "@language": "en"}, {"@value": "B"}]),
                vec![(Some("en"), "A"), (None, "B")],
            ),
            (
                json!({"en": ["A", "B"], "none": "C"}),
                vec![(Some("en"), "A"), (Some("en"), "B"), (None, "C")],
            ),
            (json!({"@none": ["A"]}), vec![(None, "A")]),
            (json!({"en": {"@value": "A"}}), vec![(Some("en"), "A")]),
            (json!("<p>A<br/>B &amp; C</p>"), vec![(None, "A B & C")]),
            (json!([null, true, [["A"]], " "]), vec![]),
        ] {
            let text = text(Some(&value));
            let found: Vec<_> = (text.phrases.iter())
                .map(|phrase| (phrase.language.as_deref(), phrase.text.as_str()))
                .collect();
            assert_eq!(found, expected, "{value}");
        }
    }

    #[test]
    fn one_phrase_stands_for_all() {
        for (value, expected) in [
            (json!({"de": "D", "none": "N", "en": "E"}), Some("N")),
            (json!({"de": "D", "en-GB": "E"}), Some("E")),
            (json!({"fr": ["F", "G"], "it": "I"}), Some("F")),
            (json!({}), None),
        ] {
            assert_eq!(text(Some(&value)).one(), expected);
        }
    }
}
