//! What a document was asked for, as its label says it.

use serde_json::{Map, Value, json};

/// What a manifest was asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// What the images look like: words, and URLs of other images.
    pub like: &'a [Wanted<'a>],
    /// Words for what they do not look like.
    pub unlike: Option<&'a str>,
}

/// Something to look like.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// Words.
    Text(&'a str),
    /// Another image, by its URL.
    Image(&'a str),
    /// A picture that was sent.
    Picture,
}

/// Longest part of what was asked that stands in a label, in characters.
const MAX_CHARS: usize = 200;

impl Asked<'_> {
    /// The sentence that says what was asked, by language.
    pub(super) fn label(self) -> Value {
        let languages = [
            (
                "en",
                "Images like",
                ["“", "”"],
                "a picture",
                " and ",
                ", but not ",
                "Selected images",
            ),
            (
                "de",
                "Bilder wie",
                ["„", "“"],
                "ein Bild",
                " und ",
                ", aber nicht ",
                "Ausgewählte Bilder",
            ),
            (
                "fr",
                "Images comme",
                ["«\u{a0}", "\u{a0}»"],
                "une image",
                " et ",
                ", mais pas ",
                "Images choisies",
            ),
            (
                "it",
                "Immagini come",
                ["«", "»"],
                "un'immagine",
                " e ",
                ", ma non ",
                "Immagini scelte",
            ),
        ];
        let label = languages.map(
            |(language, like, [open, close], picture, and, not, chosen)| {
                let quoted = |text: &str| format!("{open}{}{close}", cut(text));
                let wanted: Vec<String> = (self.like.iter())
                    .map(|wanted| match wanted {
                        Wanted::Text(text) => quoted(text),
                        Wanted::Image(url) => cut(url),
                        Wanted::Picture => picture.to_owned(),
                    })
                    .collect();
                let unlike = self
                    .unlike
                    .map_or_else(String::new, |text| format!("{not}{}", quoted(text)));
                let text = if wanted.is_empty() {
                    chosen.to_owned()
                } else {
                    format!("{like} {}{unlike}", wanted.join(and))
                };
                (language.to_owned(), json!([text]))
            },
        );
        Value::Object(Map::from_iter(label))
    }
}

/// The beginning of a text, on one line.
fn cut(text: &str) -> String {
    let text = text.trim();
    let mut cut: String = (text.chars().take(MAX_CHARS))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_says_what_was_asked() {
        let like = [Wanted::Text("a ship\n"), Wanted::Image("http://h/i")];
        let asked = Asked {
            like: &like,
            unlike: Some("fog"),
        };
        assert_eq!(
            asked.label(),
            json!({
                "en": ["Images like “a ship” and http://h/i, but not “fog”"],
                "de": ["Bilder wie „a ship“ und http://h/i, aber nicht „fog“"],
                "fr": ["Images comme «\u{a0}a ship\u{a0}» et http://h/i, mais pas «\u{a0}fog\u{a0}»"],
                "it": ["Immagini come «a ship» e http://h/i, ma non «fog»"],
            })
        );
        assert_eq!(
            Asked::default().label()["de"],
            json!(["Ausgewählte Bilder"])
        );
        let long = "x".repeat(1_000_000);
        let like = [Wanted::Text(&long)];
        let label = Asked {
            like: &like,
            unlike: None,
        }
        .label();
        assert!(label["en"][0].as_str().unwrap().len() < 300);
    }
}
