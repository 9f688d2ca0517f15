//! The fields of an image: values by name, in the order found, each once.

use oxrdf::Term;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The fields whose meaning pages and viewers know; others are passed on under their names.
pub const KNOWN: [&str; 9] = [
    "title",
    "maker",
    "date",
    "place",
    "institution",
    "rights",
    "description",
    "object",
    "manifest",
];

/// Most values of one field: a work may have many makers, and a query may multiply them by mistake.
const MAX_VALUES: usize = 40;

/// Longest value, in characters: some pages of text.
const MAX_CHARS: usize = 10_000;

/// One value of a field.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Value {
    /// The text, or the IRI.
    pub value: String,
    /// Language of the text, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whether it is an IRI.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_iri: bool,
}

/// What is known about an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Vec<Value>)>);

impl Value {
    /// The value that pages can show for `term`; none for blank nodes, triples and empty texts.
    #[must_use]
    pub fn from_term(term: &Term) -> Option<Self> {
        let (value, language, is_iri) = match term {
            // An IRI that is cut is another one.
            Term::NamedNode(iri) if iri.as_str().len() > MAX_CHARS => return None,
            Term::NamedNode(iri) => (iri.as_str().to_owned(), None, true),
            Term::Literal(literal) => (
                shown(literal.value()),
                literal.language().map(str::to_owned),
                false,
            ),
            Term::BlankNode(_) | Term::Triple(_) => return None,
        };
        (!value.is_empty()).then_some(Self {
            value,
            language,
            is_iri,
        })
    }
}

impl Fields {
    /// Adds a value to the field `name`, unless it is there or there are enough.
    ///
    /// A text without a language adds nothing to the same text with one.
    pub fn add(&mut self, name: &str, value: Value) {
        let known = self.0.iter().position(|(known, _)| known == name);
        let at = known.unwrap_or_else(|| {
            self.0.push((name.to_owned(), Vec::new()));
            self.0.len() - 1
        });
        let values = &mut self.0[at].1;
        let is_same = |known: &Value| {
            known.value == value.value
                && known.is_iri == value.is_iri
                && (known.language == value.language || value.language.is_none())
        };
        if values.iter().any(is_same) {
            return;
        }
        if let Some(bare) = (values.iter_mut())
            .find(|known| known.value == value.value && known.language.is_none() && !known.is_iri)
            && !value.is_iri
        {
            *bare = value;
        } else if values.len() < MAX_VALUES {
            values.push(value);
        }
    }

    /// Puts the fields into the order in which `names` has them, so that equal rows make equal fields.
    pub(super) fn sort_like<'a>(&mut self, names: impl Iterator<Item = &'a str> + Clone) {
        self.0
            .sort_by_key(|(name, _)| names.clone().position(|known| known == name));
    }

    /// The values of a field, the first found first.
    #[must_use]
    pub fn get(&self, name: &str) -> &[Value] {
        let field = self.0.iter().find(|(known, _)| known == name);
        field.map_or(&[], |(_, values)| values)
    }

    /// The IRIs among the values of a field.
    pub fn iris(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.get(name).iter();
        values.filter_map(|value| value.is_iri.then_some(value.value.as_str()))
    }

    /// Every field with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Value])> {
        (self.0.iter()).map(|(name, values)| (name.as_str(), values.as_slice()))
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, values) in &self.0 {
            map.serialize_entry(name, values)?;
        }
        map.end()
    }
}

/// `text` without control characters and white space around it, and no longer than pages can show.
fn shown(text: &str) -> String {
    let is_around = |c: char| c.is_whitespace() || c.is_control();
    let mut shown: String = (text.trim_matches(is_around).chars())
        .take(MAX_CHARS + 1)
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    if let Some((end, _)) = shown.char_indices().nth(MAX_CHARS) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxrdf::{BlankNode, Literal, NamedNode};

    fn text(value: &str, language: Option<&str>) -> Value {
        let literal = match language {
            Some(language) => Literal::new_language_tagged_literal(value, language).unwrap(),
            None => Literal::new_simple_literal(value),
        };
        Value::from_term(&literal.into()).unwrap()
    }

    #[test]
    fn values_are_there_once_in_the_order_found() {
        let mut fields = Fields::default();
        for (value, language) in [
            ("Lake", None),
            ("See", Some("de")),
            ("Lake", Some("en")),
            ("Lake", None),
            ("Lake", Some("en")),
            ("Lake", Some("en-GB")),
            ("Lago", None),
        ] {
            fields.add("title", text(value, language));
        }
        fields.add("place", text("Lugano", None));
        let found: Vec<_> = (fields.get("title").iter())
            .map(|value| (value.value.as_str(), value.language.as_deref()))
            .collect();
        assert_eq!(
            found,
            [
                ("Lake", Some("en")),
                ("See", Some("de")),
                ("Lake", Some("en-gb")),
                ("Lago", None)
            ]
        );
        let names: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["title", "place"]);
        assert!(fields.get("maker").is_empty());
    }

    #[test]
    fn hostile_values_are_bounded() {
        let long = text(&"ä".repeat(1_000_000), None).value;
        assert_eq!(long.chars().count(), MAX_CHARS + 1);
        assert_eq!(
            text(" a\u{0}b\u{1b}[31m\nc\t\u{85} ", None).value,
            "a b [31m\nc"
        );
        assert_eq!(text("<script>", None).value, "<script>");
        let mut fields = Fields::default();
        for n in 0..1000 {
            fields.add("maker", text(&n.to_string(), None));
        }
        assert_eq!(fields.get("maker").len(), MAX_VALUES);
    }

    #[test]
    fn only_what_can_be_shown_is_a_value() {
        assert_eq!(Value::from_term(&BlankNode::default().into()), None);
        assert_eq!(
            Value::from_term(&Literal::new_simple_literal(" \n").into()),
            None
        );
        let long = NamedNode::new_unchecked(format!("http://example.org/{}", "x".repeat(20_000)));
        assert_eq!(Value::from_term(&long.into()), None);
        let iri = Value::from_term(&NamedNode::new_unchecked("http://example.org/x").into());
        let json = serde_json::to_string(&iri).unwrap();
        assert_eq!(json, r#"{"value":"http://example.org/x","isIri":true}"#);
    }
}
