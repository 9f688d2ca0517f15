//! `ontology/clip.ttl` and `vocab.rs` name the same terms.

use clip_search::vocab::{
    CENTROID, EMBEDDING, EXP, EXPECTED_RECALL, NAMESPACE, Property, REQUEST, Role, SIMILARITY,
};
use oxigraph::io::RdfFormat;
use oxigraph::model::vocab::rdfs;
use oxigraph::model::{NamedNodeRef, TermRef};
use oxigraph::store::Store;
use std::collections::BTreeSet;

fn ontology() -> Store {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ontology/clip.ttl");
    let store = Store::new().unwrap();
    store
        .load_from_slice(RdfFormat::Turtle, &std::fs::read(path).unwrap())
        .unwrap();
    store
}

#[test]
fn the_ontology_defines_every_term_and_no_other() {
    let store = ontology();
    let defined: BTreeSet<String> = store
        .quads_for_pattern(None, Some(rdfs::IS_DEFINED_BY), None, None)
        .map(|quad| quad.unwrap().subject.to_string())
        .collect();
    let known: BTreeSet<String> = Property::ALL
        .into_iter()
        .map(|property| format!("<{NAMESPACE}{}>", property.local_name()))
        .chain(
            [
                REQUEST,
                SIMILARITY,
                EXP,
                CENTROID,
                EMBEDDING,
                EXPECTED_RECALL,
            ]
            .map(|iri| format!("<{iri}>")),
        )
        .collect();
    assert_eq!(defined, known);
}

#[test]
fn every_term_has_a_label_and_a_comment_that_tells_its_role() {
    let store = ontology();
    for property in Property::ALL {
        let iri = format!("{NAMESPACE}{}", property.local_name());
        let subject = NamedNodeRef::new(&iri).unwrap();
        let object = |predicate| {
            store
                .quads_for_pattern(Some(subject.into()), Some(predicate), None, None)
                .map(|quad| quad.unwrap().object)
                .next()
                .unwrap_or_else(|| panic!("{iri} has no {predicate}"))
        };
        object(rdfs::LABEL);
        let role = match property.role() {
            Role::Query | Role::Modifier => "Input.",
            Role::Output => "Output.",
        };
        let comment = object(rdfs::COMMENT);
        let TermRef::Literal(comment) = comment.as_ref() else {
            panic!("{iri}: the comment is no literal")
        };
        assert!(comment.value().starts_with(role), "{iri}");
    }
}
