//! The words of the service itself, in the languages of its pages.

use serde_json::{Value, json};

/// A word or sentence in each language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    en: &'static str,
    de: &'static str,
    fr: &'static str,
    it: &'static str,
}

const fn words(en: &'static str, de: &'static str, fr: &'static str, it: &'static str) -> Words {
    Words { en, de, fr, it }
}

/// The names of the fields that viewers show as pairs, in the order in which they are shown.
const FIELDS: [(&str, Words); 5] = [
    ("maker", words("Maker", "Urheber", "Auteur", "Autore")),
    ("date", words("Date", "Datierung", "Date", "Datazione")),
    (
        "technique",
        words("Technique", "Technik", "Technique", "Tecnica"),
    ),
    ("place", words("Place", "Ort", "Lieu", "Luogo")),
    (
        "institution",
        words("Institution", "Institution", "Institution", "Istituzione"),
    ),
];

pub(super) const SCORE: Words = words("Score", "Ähnlichkeit", "Score", "Punteggio");
pub(super) const RIGHTS: Words = words("Rights", "Rechte", "Droits", "Diritti");
pub(super) const OBJECT: Words = words(
    "About this object",
    "Über dieses Objekt",
    "À propos de cet objet",
    "Informazioni sull'oggetto",
);
pub(super) const IMAGE_SEARCH: Words = words(
    "Search by what images show",
    "Suche nach dem, was Bilder zeigen",
    "Recherche par ce que montrent les images",
    "Ricerca per ciò che le immagini mostrano",
);

/// The fields with a name of their own, in the order in which they are shown.
pub(super) fn named_fields() -> impl Iterator<Item = (&'static str, Words)> {
    FIELDS.into_iter()
}

/// Whether `name` is one of [`named_fields`].
pub(super) fn is_named(name: &str) -> bool {
    FIELDS.iter().any(|(known, _)| *known == name)
}

impl Words {
    /// For documents of older versions, which have one language.
    pub(super) fn english(self) -> &'static str {
        self.en
    }

    /// By language, as viewers take it.
    pub(super) fn label(self) -> Value {
        json!({ "en": [self.en], "de": [self.de], "fr": [self.fr], "it": [self.it] })
    }
}
