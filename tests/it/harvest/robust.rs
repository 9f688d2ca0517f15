//! Whatever a document is, reading it ends, and never in a panic.

use clip_search::harvest::model::Document;
use clip_search::harvest::{HarvestError, parse, triples};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A manifest and a collection with all that the reader knows.
fn samples() -> Vec<Value> {
    [
        include_str!("samples/presentation-3.json"),
        include_str!("samples/presentation-2.json"),
        include_str!("samples/collection.json"),
    ]
    .map(|sample| serde_json::from_str(sample).unwrap())
    .to_vec()
}

/// The number of values in `value`, itself included.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(size).sum(),
        Value::Object(object) => object.values().map(size).sum::<usize>(),
        _ => 0,
    }
}

/// Puts `other` in the place of the value with this number.
fn replace(value: &mut Value, number: &mut usize, other: &Value) {
    if *number == 0 {
        *value = other.clone();
    }
    *number = number.wrapping_sub(1);
    match value {
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| replace(value, number, other)),
        Value::Object(object) => object
            .values_mut()
            .for_each(|value| replace(value, number, other)),
        _ => {}
    }
}

/// Reads a document and writes its triples, each of which is one.
fn check(bytes: &[u8]) {
    let Ok(document) = parse(bytes) else {
        return;
    };
    let text = triples::of(&document, "https://example.org/place/m.json", None);
    let parser = oxigraph::io::RdfParser::from_format(oxigraph::io::RdfFormat::NTriples);
    for triple in parser.for_slice(&text) {
        triple.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn documents_with_other_values_in_them_are_read(
        which in 0..3usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize), 1..4),
    ) {
        let mut document = samples().swap_remove(which);
        for (place, what) in changes {
            let others = [
                Value::Null, json!(true), json!(-1.5e300), json!(""), json!("rel/ative"), json!("http://[bad"),
                json!([]), json!({}), json!([[[null]]]), json!("\u{0} \u{fffd}<a href="), json!({"@value": {"@value": 1}}),
                samples().swap_remove(what % 3),
            ];
            let mut number = place.index(size(&document));
            replace(&mut document, &mut number, &others[what]);
        }
        check(document.to_string().as_bytes());
    }

    #[test]
    fn documents_with_other_bytes_in_them_are_read(
        which in 0..3usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = samples().swap_remove(which).to_string().into_bytes();
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        if cuts {
            bytes.truncate(end.index(bytes.len()));
        }
        check(&bytes);
    }
}

#[test]
fn what_is_no_manifest_is_named() {
    for (text, expected) in [
        ("", "the document is empty"),
        (" \n", "the document is empty"),
        (
            "<!DOCTYPE html>",
            "a web page or XML instead of JSON; give the address of the manifest itself",
        ),
        (
            "[]",
            "neither a manifest nor a collection but JSON without properties",
        ),
        (
            "{}",
            "neither a manifest nor a collection but JSON without a type",
        ),
        (
            r#"{"type": "AnnotationPage"}"#,
            "neither a manifest nor a collection but of the type \"AnnotationPage\"",
        ),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), expected);
    }
    let deep = format!(
        "{{\"type\": \"Manifest\", \"items\": {}",
        "[".repeat(100_000)
    );
    for text in [r#"{"type": "Manifest""#, deep.as_str()] {
        let error = parse(text.as_bytes()).unwrap_err();
        assert!(matches!(error, HarvestError::NotJson(_)), "{error}");
    }
}

#[test]
fn marks_and_bytes_that_do_not_belong_are_passed_over() {
    let text = b"\xef\xbb\xbf\n{\"@type\": \"sc:Manifest\", \"label\": \"Z\xfcrich\"}";
    let Ok(Document::Manifest(manifest)) = parse(text) else {
        panic!();
    };
    assert_eq!(manifest.about.label.one(), Some("Z\u{fffd}rich"));
}
