//! The page queries in `queries/` tell what is known about images, in data of the shapes that their headers name.

use crate::colours::{self, ColourEncoder};
use clip_search::describe::PageQuery;
use clip_search::describe::fields::{Fields, Value};
use clip_search::engine::Engine;
use clip_search::fetch::allow::AllowList;
use clip_search::fetch::{FetchLimits, Fetcher};
use clip_search::sparql::{Cancellation, Sparql, SparqlOptions};
use clip_search::store;
use std::path::Path;
use std::sync::Arc;

const RED: &str = "https://iiif.example.org/red";
const GREEN: &str = "https://iiif.example.org/green";

fn query(file: &str) -> PageQuery {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("queries")
        .join(file);
    PageQuery::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Asks the page query in `file`, and the one that tries all shapes, about an image in `data`, a file's name and
/// text. They say the same; `last` are values that come after all others of their fields.
#[track_caller]
fn check(file: &str, data: (&str, &str), image: &str, expected: &str, last: &[(&str, &str)]) {
    let (name, text) = data;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    let store_dir = dir.path().join("store");
    #[rustfmt::skip]
    let load = ["load", "--store", store_dir.to_str().unwrap(), path.to_str().unwrap()];
    crate::process::run(&mut crate::process::clip_search(&load)).ok();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fetcher = Fetcher::new(
        runtime.handle().clone(),
        AllowList::default(),
        FetchLimits::default(),
    );
    let collection = Arc::new(colours::collection());
    let engine = Engine::new(collection, Arc::new(ColourEncoder), fetcher.unwrap());
    let sparql = Sparql::new(
        store::open_for_reading(Some(&store_dir)).unwrap(),
        Arc::new(engine),
        SparqlOptions::default(),
        runtime.handle().clone(),
    );
    for file in [file, "page.rq"] {
        let images = [image, "https://iiif.example.org/unknown"];
        let mut found = query(file)
            .describe(&sparql, &images, &Cancellation::default())
            .unwrap();
        let fields = found.remove(image).unwrap_or_default();
        assert_eq!(shown(&fields), expected.trim(), "{file}");
        for (name, value) in last {
            let found = fields.get(name).last().map(|value| value.value.as_str());
            assert_eq!(found, Some(*value), "{file}");
        }
        assert!(
            found.values().all(|fields| fields.iter().next().is_none()),
            "{found:?}"
        );
    }
}

/// A line for each field, its values in alphabetical order, as are the lines.
fn shown(fields: &Fields) -> String {
    let mut lines: Vec<String> = (fields.iter())
        .map(|(name, values)| {
            let mut values: Vec<String> = values.iter().map(shown_value).collect();
            values.sort();
            format!("{name}: {};", values.join("; "))
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

fn shown_value(value: &Value) -> String {
    match &value.language {
        Some(language) => format!("{}@{language}", value.value),
        None if value.is_iri => format!("<{}>", value.value),
        None => value.value.clone(),
    }
}

#[test]
fn linked_art() {
    let turtle = r#"
        @prefix aat: <http://vocab.getty.edu/aat/> .
        @prefix crm: <http://www.cidoc-crm.org/cidoc-crm/> .
        @prefix dcterms: <http://purl.org/dc/terms/> .
        @prefix la: <https://linked.art/ns/terms/> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
        @prefix : <https://example.org/> .
        :work a crm:E22_Human-Made_Object ;
            rdfs:label "A lake"@en , "Ein See"@de ;
            crm:P1_is_identified_by [ a crm:E33_E41_Linguistic_Appellation ; crm:P190_has_symbolic_content "Bergsee" ] ,
                [ a crm:E42_Identifier ; crm:P190_has_symbolic_content "inv. 7" ] ;
            crm:P108i_was_produced_by [
                crm:P9_consists_of [ crm:P14_carried_out_by [ rdfs:label "Carlo Riva" ] ] ;
                crm:P32_used_general_technique [ rdfs:label "etching"@en ] ;
                crm:P4_has_time-span [
                    crm:P82a_begin_of_the_begin "1850-01-01T00:00:00Z"^^xsd:dateTime ;
                    crm:P82b_end_of_the_end "1852-12-31T23:59:59Z"^^xsd:dateTime
                ]
            ] ;
            crm:P55_has_current_location [ rdfs:label "Lugano" ] ;
            crm:P52_has_current_owner [ rdfs:label "Museum" ] ;
            crm:P104_is_subject_to [ crm:P2_has_type <http://creativecommons.org/publicdomain/zero/1.0/> ] ;
            crm:P67i_is_referred_to_by [ crm:P2_has_type aat:300435416 ; crm:P190_has_symbolic_content "Water." ] ,
                [ crm:P2_has_type aat:300026687 ; crm:P190_has_symbolic_content "A credit line" ] ;
            crm:P129i_is_subject_of [ la:digitally_carried_by [
                crm:P2_has_type aat:300264578 ; la:access_point <https://example.org/page> ] ] ,
                [ la:digitally_carried_by [
                dcterms:conformsTo <http://iiif.io/api/presentation/3/context.json> ;
                la:access_point <https://example.org/manifest> ] ] ;
            crm:P138i_has_representation [ la:digitally_shown_by [ la:digitally_available_via [
                la:access_point <https://iiif.example.org/red/info.json> ] ] ] .
        :other rdfs:label "Other" ;
            crm:P108i_was_produced_by [ crm:P4_has_time-span [
                crm:P82a_begin_of_the_begin "-0044-03-15T00:00:00Z"^^xsd:dateTime ;
                crm:P82b_end_of_the_end "-0044-03-15T00:00:00Z"^^xsd:dateTime ] ] ;
            crm:P65_shows_visual_item [ la:digitally_shown_by [ la:digitally_available_via [
                la:access_point <https://iiif.example.org/green> ] ] ] .
    "#;
    let data = ("data.ttl", turtle);
    check(
        "page-linked-art.rq",
        data,
        RED,
        "
date: 1850–1852;
description: Water.;
institution: Museum;
maker: Carlo Riva;
manifest: <https://example.org/manifest>;
object: <https://example.org/page>; <https://example.org/work>;
place: Lugano;
rights: <http://creativecommons.org/publicdomain/zero/1.0/>;
technique: etching@en;
title: A lake@en; Bergsee; Ein See@de;",
        &[("object", "https://example.org/work")],
    );
    check(
        "page-linked-art.rq",
        data,
        GREEN,
        "
date: -44;
object: <https://example.org/other>;
title: Other;",
        &[],
    );
}

#[test]
fn dublin_core_and_schema_org() {
    let turtle = r#"
        @prefix dcterms: <http://purl.org/dc/terms/> .
        @prefix foaf: <http://xmlns.com/foaf/0.1/> .
        @prefix schema: <http://schema.org/> .
        @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
        @prefix : <https://example.org/> .
        :work dcterms:hasFormat <https://iiif.example.org/red> ;
            dcterms:title "A lake"@en ; dcterms:creator :riva , "A pupil" ; dcterms:created "1850"^^xsd:gYear ;
            dcterms:medium "etching" ; dcterms:spatial [ foaf:name "no name of a place" ] , :lugano ;
            dcterms:license <https://creativecommons.org/licenses/by/4.0/> ; dcterms:abstract "Water." ;
            foaf:page <https://example.org/page> ; dcterms:isReferencedBy <https://example.org/manifest> .
        :riva foaf:name "Carlo Riva" .
        :lugano <http://www.w3.org/2000/01/rdf-schema#label> "Lugano"@it .
        :picture schema:contentUrl <https://iiif.example.org/green/full/max/0/default.jpg> .
        :painting schema:image :picture ; schema:name "A hill" ; schema:author [ schema:name "Elsa Brunner" ] ;
            schema:dateCreated "1850–1852" ; schema:provider [ schema:name "Museum" ] .
        <https://iiif.example.org/green> dcterms:rights "© Museum" .
    "#;
    let turtle = turtle.replace("[ foaf:name \"no name of a place\" ] , ", "");
    let data = ("data.ttl", turtle.as_str());
    check(
        "page-dublin-core.rq",
        data,
        RED,
        "
date: 1850;
description: Water.;
maker: A pupil; Carlo Riva;
manifest: <https://example.org/manifest>;
object: <https://example.org/page>; <https://example.org/work>;
place: Lugano@it;
rights: <https://creativecommons.org/licenses/by/4.0/>;
technique: etching;
title: A lake@en;",
        &[("object", "https://example.org/work")],
    );
    check(
        "page-dublin-core.rq",
        data,
        GREEN,
        "
date: 1850–1852;
institution: Museum;
maker: Elsa Brunner;
object: <https://example.org/painting>;
rights: © Museum;
title: A hill;",
        &[],
    );
}

#[test]
fn manifests_of_presentation_3() {
    let manifest = r#"{
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": "https://example.org/manifest", "type": "Manifest",
        "label": {"en": ["A book"], "de": ["Ein Buch"]},
        "summary": {"en": ["Of hours."]},
        "rights": "http://creativecommons.org/licenses/by/4.0/",
        "requiredStatement": {"label": {"en": ["Attribution"]}, "value": {"en": ["Ask us."]}},
        "provider": [{"id": "https://example.org/", "type": "Agent", "label": {"fr": ["Musée"]}}],
        "homepage": [{"id": "https://example.org/page", "type": "Text", "label": {"en": ["Page"]}, "format": "text/html"}],
        "metadata": [
            {"label": {"en": ["Date"]}, "value": {"none": ["ca. 1450"]}},
            {"label": {"de": ["Künstler"]}, "value": {"none": ["Meister E"]}},
            {"label": {"en": ["Shelfmark"]}, "value": {"none": ["Ms. 7"]}}
        ],
        "items": [
            {"id": "https://example.org/canvas/1", "type": "Canvas", "label": {"none": ["f. 1r"]}, "width": 4, "height": 3, "items": [
                {"id": "https://example.org/page/1", "type": "AnnotationPage", "items": [
                    {"id": "https://example.org/annotation/1", "type": "Annotation", "motivation": "painting", "target": "https://example.org/canvas/1",
                     "body": {"id": "https://iiif.example.org/red/full/max/0/default.jpg", "type": "Image", "width": 4, "height": 3,
                              "service": [{"id": "https://iiif.example.org/red", "type": "ImageService3", "profile": "level2"}]}}]}]},
            {"id": "https://example.org/canvas/2", "type": "Canvas", "label": {"none": ["f. 1v"]}, "width": 4, "height": 3, "items": [
                {"id": "https://example.org/page/2", "type": "AnnotationPage", "items": [
                    {"id": "https://example.org/annotation/2", "type": "Annotation", "motivation": "painting", "target": "https://example.org/canvas/2",
                     "body": {"id": "https://iiif.example.org/green/full/max/0/default.jpg", "type": "Image", "width": 4, "height": 3,
                              "service": [{"id": "https://iiif.example.org/green", "type": "ImageService3", "profile": "level2"}]}}]}]}
        ]}"#;
    let expected = |canvas: &str| {
        format!(
            "
date: ca. 1450;
description: Of hours.@en;
institution: Musée@fr;
maker: Meister E;
manifest: <https://example.org/manifest>;
object: <https://example.org/page>;
rights: <http://creativecommons.org/licenses/by/4.0/>; Ask us.@en;
title: A book@en; Ein Buch@de; {canvas};"
        )
    };
    for (image, canvas) in [(RED, "f. 1r"), (GREEN, "f. 1v")] {
        let data = ("manifest.jsonld", manifest);
        check(
            "page-iiif.rq",
            data,
            image,
            &expected(canvas),
            &[("title", canvas)],
        );
    }
}

#[test]
fn manifests_of_presentation_2() {
    let manifest = r#"{
        "@context": "http://iiif.io/api/presentation/2/context.json",
        "@id": "https://example.org/manifest", "@type": "sc:Manifest",
        "label": "A book", "description": "Of hours.", "attribution": "Museum",
        "license": "http://creativecommons.org/licenses/by/4.0/",
        "related": "https://example.org/page",
        "metadata": [{"label": [{"@value": "Date", "@language": "en"}, {"@value": "Datum", "@language": "de"}], "value": "1450"}],
        "sequences": [{"@type": "sc:Sequence", "canvases": [
            {"@id": "https://example.org/canvas/0", "@type": "sc:Canvas", "label": "cover", "width": 4, "height": 3},
            {"@id": "https://example.org/canvas/1", "@type": "sc:Canvas", "label": "f. 1r", "width": 4, "height": 3, "images": [
                {"@type": "oa:Annotation", "motivation": "sc:painting", "on": "https://example.org/canvas/1",
                 "resource": {"@id": "https://iiif.example.org/red/full/full/0/default.jpg", "@type": "dctypes:Image",
                              "service": {"@id": "https://iiif.example.org/red", "profile": "http://iiif.io/api/image/2/level2.json"}}}]}
        ]}]}"#;
    check(
        "page-iiif.rq",
        ("manifest.jsonld", manifest),
        RED,
        "
date: 1450;
description: Of hours.;
manifest: <https://example.org/manifest>;
object: <https://example.org/page>;
rights: <http://creativecommons.org/licenses/by/4.0/>; Museum;
title: A book; f. 1r;",
        &[("title", "f. 1r")],
    );
}
