//! Texts for viewers: by language, and never as markup.

use crate::describe::fields::Value as FieldValue;
use serde_json::{Map, Value, json};

/// The key of texts whose language is not known.
const NO_LANGUAGE: &str = "none";

/// `values` by their languages, for `label`, in which viewers look for no markup.
pub(super) fn labels<'a>(values: impl IntoIterator<Item = &'a FieldValue>) -> Value {
    by_language(values, str::to_owned)
}

/// `values` by their languages, for `value` and `summary`, in which viewers look for markup.
pub(super) fn texts<'a>(values: impl IntoIterator<Item = &'a FieldValue>) -> Value {
    by_language(values, plain)
}

fn by_language<'a>(
    values: impl IntoIterator<Item = &'a FieldValue>,
    form: fn(&str) -> String,
) -> Value {
    let mut map: Map<String, Value> = Map::new();
    for value in values {
        let language = value.language.as_deref().unwrap_or(NO_LANGUAGE);
        let texts = map.entry(language).or_insert_with(|| json!([]));
        if let Value::Array(texts) = texts {
            texts.push(form(&value.value).into());
        }
    }
    Value::Object(map)
}

/// A text without a language.
pub(super) fn neutral(text: &str) -> Value {
    json!({ NO_LANGUAGE: [text] })
}

/// `text` in a form that viewers show as it is.
///
/// They take what begins with `<` and ends with `>` for HTML (Presentation 3, section 4.5). Metadata are texts:
/// such a one is written as HTML that shows it.
fn plain(text: &str) -> String {
    if !(text.starts_with('<') && text.ends_with('>')) {
        return text.to_owned();
    }
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!("<span>{escaped}</span>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::fields::Fields;
    use oxrdf::Literal;

    #[test]
    fn texts_are_sorted_by_language_and_are_no_markup() {
        let mut fields = Fields::default();
        for literal in [
            Literal::new_language_tagged_literal_unchecked("See", "de"),
            Literal::new_simple_literal("<img src=x onerror=alert(1)>"),
            Literal::new_language_tagged_literal_unchecked("Weiher", "de"),
            Literal::new_simple_literal("a < b"),
        ] {
            fields.add("title", FieldValue::from_term(&literal.into()).unwrap());
        }
        assert_eq!(
            texts(fields.get("title")),
            json!({
                "de": ["See", "Weiher"],
                "none": ["<span>&lt;img src=x onerror=alert(1)&gt;</span>", "a < b"],
            })
        );
        let labels = labels(fields.get("title"));
        assert_eq!(labels["none"][0], "<img src=x onerror=alert(1)>");
    }
}
