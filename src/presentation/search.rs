//! Answers of IIIF Content Search, versions 1 and 2: the canvases of the images that look like a text, of the collection
//! or of one manifest.
//!
//! Each hit is an annotation on a whole canvas. Viewers differ in what they need of it:
//!
//! - Mirador and Universal Viewer call version 1, and put `?q=` after the service's id;
//! - Universal Viewer fails where a target has no `#xywh=`, and follows `next` without end: pages are bounded;
//! - Clover calls version 2, and fails where `partOf` is no list, as Presentation 3 has it;
//! - Clover fails at hits on canvases that the open manifest does not have, so that manifests have services of their own.

use super::Links;
use crate::describe::fields::Value as FieldValue;
use crate::describe::image::DescribedImage;
use serde_json::{Value, json};

/// Hits of one page.
pub const PAGE_SIZE: usize = 50;

/// Most pages of a search.
pub const MAX_PAGES: usize = 10;

/// The parameters that the specifications have and that mean nothing here.
pub const IGNORED: [&str; 3] = ["motivation", "date", "user"];

/// A version of Content Search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1.0
    V1,
    /// 2.0
    V2,
}

impl Version {
    /// As it stands in URLs.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// The context of its documents.
    #[must_use]
    pub fn context(self) -> &'static str {
        match self {
            Self::V1 => "http://iiif.io/api/search/1/context.json",
            Self::V2 => "http://iiif.io/api/search/2/context.json",
        }
    }
}

/// One page of what a search finds.
#[derive(Debug)]
pub struct Page<'a> {
    /// Those of the manifest that is searched, as they stand in its URL; none for the whole collection.
    pub manifest: Option<&'a str>,
    /// The parameters that were given, without `page`, as they stand in a URL.
    pub parameters: &'a str,
    /// From 1.
    pub number: usize,
    /// Hits of all pages.
    pub n_hits: usize,
    /// Those of this page, best first. All have a size.
    pub hits: &'a [DescribedImage],
    /// Which of [`IGNORED`] were given.
    pub ignored: &'a [&'a str],
    /// The reader's languages, best first, as `de` or `de-ch`.
    pub languages: &'a [String],
}

impl Page<'_> {
    /// The page as a document of `version`.
    #[must_use]
    pub fn document(&self, version: Version, links: &Links) -> Value {
        let service = links.search(version, self.manifest);
        match version {
            Version::V1 => self.annotation_list(&service, links),
            Version::V2 => self.annotation_page(&service, links),
        }
    }

    fn url(&self, service: &str, number: usize) -> String {
        format!("{service}?{}&page={number}", self.parameters)
    }

    fn n_pages(&self) -> usize {
        self.n_hits.div_ceil(PAGE_SIZE)
    }

    /// The numbers of the pages around this one.
    fn neighbours(&self) -> [(&'static str, Option<usize>); 2] {
        let next = (self.number < self.n_pages()).then_some(self.number + 1);
        let previous = (self.number > 1).then(|| (self.number - 1).min(self.n_pages()));
        [
            ("next", next),
            ("prev", previous.filter(|number| *number > 0)),
        ]
    }

    fn start_index(&self) -> usize {
        (self.number - 1).saturating_mul(PAGE_SIZE)
    }

    /// Version 2.
    fn annotation_page(&self, service: &str, links: &Links) -> Value {
        let id = self.url(service, self.number);
        let page = |number| json!({ "id": self.url(service, number), "type": "AnnotationPage" });
        let items: Vec<Value> = (self.hits.iter())
            .map(|hit| {
                let (text, language) = self.text(hit);
                let mut body =
                    json!({ "type": "TextualBody", "value": text, "format": "text/plain" });
                if let Some(language) = language {
                    body["language"] = language.into();
                }
                json!({
                    "id": format!("{id}#{}", hit.id),
                    "type": "Annotation",
                    "motivation": "commenting",
                    "body": body,
                    "target": target(hit, links),
                })
            })
            .collect();
        let mut collection = json!({
            "id": format!("{service}?{}", self.parameters),
            "type": "AnnotationCollection",
            "total": self.n_hits,
        });
        if self.n_hits > 0 {
            collection["first"] = page(1);
            collection["last"] = page(self.n_pages());
        }
        let mut document = json!({
            "@context": Version::V2.context(),
            "id": id,
            "type": "AnnotationPage",
            "partOf": [collection],
            "startIndex": self.start_index(),
            "items": items,
        });
        for (name, number) in self.neighbours() {
            if let Some(number) = number {
                document[name] = page(number);
            }
        }
        if !self.ignored.is_empty() {
            document["ignored"] = json!(self.ignored);
        }
        document
    }

    /// Version 1.
    fn annotation_list(&self, service: &str, links: &Links) -> Value {
        let id = self.url(service, self.number);
        let annotation_id = |hit: &DescribedImage| format!("{id}#{}", hit.id);
        let resources: Vec<Value> = (self.hits.iter())
            .map(|hit| {
                json!({
                    "@id": annotation_id(hit),
                    "@type": "oa:Annotation",
                    "motivation": "oa:commenting",
                    "resource": {
                        "@type": "cnt:ContentAsText",
                        "format": "text/plain",
                        "chars": self.text(hit).0,
                    },
                    "on": target(hit, links),
                })
            })
            .collect();
        let hits: Vec<Value> = (self.hits.iter())
            .map(|hit| {
                json!({
                    "@type": "search:Hit",
                    "annotations": [annotation_id(hit)],
                    "match": self.text(hit).0,
                })
            })
            .collect();
        let mut layer = json!({
            "@id": format!("{service}?{}", self.parameters),
            "@type": "sc:Layer",
            "total": self.n_hits,
        });
        if self.n_hits > 0 {
            layer["first"] = self.url(service, 1).into();
            layer["last"] = self.url(service, self.n_pages()).into();
        }
        if !self.ignored.is_empty() {
            layer["ignored"] = json!(self.ignored);
        }
        let mut document = json!({
            "@context": ["http://iiif.io/api/presentation/2/context.json", Version::V1.context()],
            "@id": id,
            "@type": "sc:AnnotationList",
            "within": layer,
            "startIndex": self.start_index(),
            "resources": resources,
            "hits": hits,
        });
        for (name, number) in self.neighbours() {
            if let Some(number) = number {
                document[name] = self.url(service, number).into();
            }
        }
        document
    }

    /// What a viewer shows for a hit, with the language of its title.
    fn text<'a>(&self, hit: &'a DescribedImage) -> (String, Option<&'a str>) {
        let title = preferred(hit.fields.get("title"), self.languages);
        let score = hit
            .score
            .map_or_else(String::new, |score| format!("{score:.3}"));
        match title {
            Some(title) => (
                format!("{} ({score})", title.value),
                title.language.as_deref(),
            ),
            None => (score, None),
        }
    }
}

/// The whole canvas of a hit, as a region: there are viewers that need one.
fn target(hit: &DescribedImage, links: &Links) -> String {
    let canvas = links.canvas(&hit.id);
    match hit.size {
        Some(size) => format!("{canvas}#xywh=0,0,{},{}", size.width, size.height),
        None => canvas,
    }
}

/// The language of those whose own has no value, or who name none: a list in one language reads better than in many.
const COMMON: &str = "en";

/// The value in the first of `languages` that there is one in; else in [`COMMON`], else the first.
fn preferred<'a>(values: &'a [FieldValue], languages: &[String]) -> Option<&'a FieldValue> {
    let main = |tag: &str| tag.split('-').next().map(str::to_ascii_lowercase);
    let in_language = |wanted: &str| {
        values.iter().find(|value| {
            let language = value.language.as_deref();
            language.is_some_and(|language| main(language) == main(wanted))
        })
    };
    (languages.iter().map(String::as_str).chain([COMMON]))
        .find_map(in_language)
        .or(values.first())
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxrdf::Literal;

    #[test]
    fn titles_are_in_the_readers_language_or_english_or_the_first() {
        let value = |text: &str, language: &str| {
            let literal = Literal::new_language_tagged_literal_unchecked(text, language);
            FieldValue::from_term(&literal.into()).unwrap()
        };
        let plain = FieldValue::from_term(&Literal::new_simple_literal("1").into()).unwrap();
        let all = [
            value("See", "de"),
            value("Lake", "en-gb"),
            value("Lac", "fr"),
        ];
        let no_english = [value("See", "de"), plain, value("Lac", "fr")];
        for (values, languages, expected) in [
            (&all, vec![], "Lake"),
            (&all, vec!["fr"], "Lac"),
            (&all, vec!["it"], "Lake"),
            (&all, vec!["it", "de-CH"], "See"),
            (&all, vec!["*"], "Lake"),
            (&no_english, vec![], "See"),
            (&no_english, vec!["fr-CH", "en"], "Lac"),
        ] {
            let languages: Vec<String> = languages.into_iter().map(str::to_owned).collect();
            let found = preferred(values, &languages).unwrap();
            assert_eq!(found.value, expected, "{languages:?}");
        }
        assert!(preferred(&[], &[]).is_none());
    }
}
