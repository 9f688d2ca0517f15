//! Manifests of real institutions, where `../shared/iiif` is: what is found in them is what other parsers find.

use crate::support;
use clip_search::collection::sizes::ApiVersion;
use clip_search::harvest::model::{Canvas, Document, Image, Kind, Manifest};
use clip_search::harvest::text::Text;
use clip_search::harvest::{HarvestError, parse, triples};
use oxigraph::io::{RdfFormat, RdfParser};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn read(folder: &Path, source: &Value) -> Document {
    let path = folder
        .join("parser-fixtures/fixtures")
        .join(source.as_str().unwrap());
    parse(&fs::read(&path).unwrap()).unwrap()
}

/// As the expected lists have it: a list of phrases for each language.
fn languages(text: &Text) -> BTreeMap<&str, Vec<&str>> {
    let mut languages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for phrase in &text.phrases {
        let language = phrase.language.as_deref().unwrap_or("none");
        languages.entry(language).or_default().push(&phrase.text);
    }
    languages
}

fn same_text(text: &Text, expected: &Value) {
    let expected: BTreeMap<&str, Vec<&str>> = (expected.as_object().unwrap().iter())
        .map(|(language, texts)| {
            let texts = texts
                .as_array()
                .unwrap()
                .iter()
                .map(|text| text.as_str().unwrap());
            (language.trim_start_matches('@'), texts.collect())
        })
        .collect();
    assert_eq!(languages(text), expected);
}

fn images(manifest: &Manifest) -> impl Iterator<Item = (&Canvas, &Image)> {
    (manifest.canvases.iter())
        .flat_map(|canvas| canvas.images.iter().map(move |image| (canvas, image)))
}

#[test]
fn manifests_have_the_expected_images() {
    let Some(folder) = support::shared("iiif") else {
        return;
    };
    let mut n_manifests = 0;
    for entry in fs::read_dir(folder.join("expected")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() == "collections.json" {
            continue;
        }
        n_manifests += 1;
        let expected = json(&path);
        let Document::Manifest(manifest) = read(&folder, &expected["source"]) else {
            panic!("{} is a manifest", path.display());
        };
        assert_eq!(manifest.id.as_deref(), expected["manifest"].as_str());
        assert_eq!(
            u64::from(manifest.presentation),
            expected["presentation"].as_u64().unwrap()
        );
        assert_eq!(
            manifest.canvases.len() as u64,
            expected["n_canvases"].as_u64().unwrap()
        );
        same_text(&manifest.about.label, &expected["label"]);
        let bare: Vec<_> = (manifest.canvases.iter())
            .filter(|canvas| canvas.images.is_empty())
            .map(|canvas| Value::from(canvas.id.clone()))
            .collect();
        assert_eq!(Value::from(bare), expected["canvases_without_image"]);
        let wanted = expected["images"].as_array().unwrap();
        assert_eq!(
            images(&manifest).count(),
            wanted.len(),
            "{}",
            path.display()
        );
        for ((canvas, image), wanted) in images(&manifest).zip(wanted) {
            let service = image.service.as_ref();
            assert_eq!(canvas.id.as_deref(), wanted["canvas"].as_str());
            assert_eq!(image.id.as_deref(), wanted["image"].as_str());
            assert_eq!(service.map(|s| s.id.as_str()), wanted["service"].as_str());
            same_text(&canvas.about.label, &wanted["label"]);
            let api = service
                .and_then(|s| s.version)
                .map(|version| format!("image{}", version.as_str()));
            assert_eq!(api.as_deref(), wanted["api"].as_str());
            let level = service.and_then(|s| s.level).map(|level| level.as_str());
            assert_eq!(level, wanted["level"].as_str());
            let choice = image.choice.map(|number| format!("choice{number}"));
            assert_eq!(choice.as_deref(), wanted["how"].as_str());
        }
    }
    assert_eq!(n_manifests, 7);
}

#[test]
fn collections_have_the_expected_members() {
    let Some(folder) = support::shared("iiif") else {
        return;
    };
    for expected in json(&folder.join("expected/collections.json"))
        .as_array()
        .unwrap()
    {
        let source = &expected["source"];
        let Document::Collection(collection) = read(&folder, source) else {
            panic!("{source} is a collection");
        };
        assert_eq!(collection.id.as_deref(), expected["id"].as_str());
        assert_eq!(
            u64::from(collection.presentation),
            expected["presentation"].as_u64().unwrap()
        );
        assert_eq!(
            collection.first.as_deref(),
            expected["first"].as_str(),
            "{source}"
        );
        assert_eq!(
            collection.next.as_deref(),
            expected["next"].as_str(),
            "{source}"
        );
        let members: Vec<Value> = (collection.members.iter())
            .map(|member| {
                let kind = member.kind.map(|kind| match kind {
                    Kind::Manifest => "Manifest",
                    Kind::Collection => "Collection",
                });
                assert!(member.document.is_none(), "{source}: all are by reference");
                serde_json::json!({"type": kind, "id": member.id, "how": "by reference"})
            })
            .collect();
        let mut wanted = expected["members"].clone();
        for member in wanted.as_array_mut().unwrap() {
            // Where the property says what its values are, the type may be left out.
            if source.as_str().unwrap().contains("biblissima") {
                member["type"] = "Manifest".into();
            }
        }
        assert_eq!(Value::from(members), wanted, "{source}");
    }
}

/// What stands in all fixtures together, counted by their collector with parsers of others.
#[test]
fn all_manifests_together_have_the_images_that_are_in_them() {
    let Some(folder) = support::shared("iiif/parser-fixtures/fixtures") else {
        return;
    };
    let mut n = BTreeMap::<&str, usize>::new();
    let mut n_others = 0;
    for path in files(&folder) {
        let parsed = parse(&fs::read(&path).unwrap());
        if let Ok(document) = &parsed {
            let text = triples::of(document, "https://example.org/m.json", None);
            let parser = RdfParser::from_format(RdfFormat::NTriples).for_slice(&text);
            let n_triples = parser.map(Result::unwrap).count();
            assert!(n_triples > 4, "{}", path.display());
        }
        let manifest = match parsed {
            Ok(Document::Manifest(manifest)) => manifest,
            Ok(Document::Collection(_)) => {
                *n.entry("collections").or_default() += 1;
                continue;
            }
            Err(error) => {
                assert!(
                    matches!(error, HarvestError::Other(_)),
                    "{}: {error}",
                    path.display()
                );
                n_others += 1;
                continue;
            }
        };
        let mut count =
            |what: &'static str, is: bool| *n.entry(what).or_default() += usize::from(is);
        count("manifests", true);
        for canvas in &manifest.canvases {
            let n_painted = canvas.images.iter().filter(|i| i.choice.is_none()).count();
            count("canvases with several images", n_painted > 1);
        }
        for (_, image) in images(&manifest) {
            let service = image.service.as_ref();
            count("services", service.is_some());
            count("without", service.is_none());
            count(
                "version 1",
                service.is_some_and(|s| s.version == Some(ApiVersion::V1)),
            );
            count("in a choice", image.choice.is_some() && service.is_some());
            let id = image.id.as_deref().unwrap_or_default();
            count(
                "not in the URL",
                service.is_some_and(|s| !id.starts_with(&s.id)),
            );
        }
    }
    // Annotations, a canvas, an index, and what a program has stored.
    assert_eq!(n_others, 13);
    let expected = [
        ("canvases with several images", 46),
        ("collections", 15),
        ("in a choice", 86),
        ("manifests", 126),
        ("not in the URL", 1428),
        ("services", 6038),
        ("version 1", 542),
        ("without", 6),
    ];
    assert_eq!(n, BTreeMap::from(expected));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect();
    files.sort();
    files
}
