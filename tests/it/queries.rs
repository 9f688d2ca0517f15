//! Every file in `queries/` finds the IIIF URLs of data of the shape that its header describes.

use crate::colours::{self, ColourEncoder};
use clip_search::engine::Engine;
use clip_search::fetch::allow::AllowList;
use clip_search::fetch::{FetchLimits, Fetcher};
use clip_search::http::pages::facets::Facets;
use clip_search::sparql::{QueryRequest, Sparql, SparqlOptions};
use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::Term;
use oxigraph::sparql::{QueryResults, QuerySolution, SparqlEvaluator};
use oxigraph::store::Store;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const PREFIXES: &str = "
    @prefix crm: <http://www.cidoc-crm.org/cidoc-crm/> .
    @prefix dcterms: <http://purl.org/dc/terms/> .
    @prefix doap: <http://usefulinc.com/ns/doap#> .
    @prefix edm: <http://www.europeana.eu/schemas/edm/> .
    @prefix la: <https://linked.art/ns/terms/> .
    @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
    @prefix svcs: <http://rdfs.org/sioc/services#> .
    @prefix : <https://example.org/> .
";

fn queries() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("queries")
}

/// The rows of `queries/<file>` over `turtle`, cells joined with a blank.
fn rows(file: &str, turtle: &str) -> Vec<String> {
    let store = Store::new().unwrap();
    let data = format!("{PREFIXES}{turtle}");
    store
        .load_from_slice(RdfFormat::Turtle, data.as_bytes())
        .unwrap();
    let query = std::fs::read_to_string(queries().join(file)).unwrap();
    let evaluated = SparqlEvaluator::new()
        .parse_query(&query)
        .unwrap()
        .on_store(&store)
        .execute();
    let QueryResults::Solutions(solutions) = evaluated.unwrap() else {
        panic!("{file} is no SELECT query");
    };
    assert_eq!(solutions.variables()[0].as_str(), "iiif_url", "{file}");
    solutions
        .map(|solution| {
            let cells: Vec<String> = solution
                .unwrap()
                .iter()
                .map(|(_, term)| match term {
                    Term::NamedNode(iri) => iri.as_str().to_owned(),
                    Term::Literal(literal) => literal.value().to_owned(),
                    Term::BlankNode(_) | Term::Triple(_) => panic!("{term}"),
                })
                .collect();
            cells.join(" ")
        })
        .collect()
}

#[test]
fn linked_art() {
    let turtle = r#"
        :work rdfs:label "A lake" ; crm:P138i_has_representation :visual .
        :visual la:digitally_shown_by :digital .
        :digital la:digitally_available_via [
            a la:DigitalService ;
            dcterms:conformsTo <http://iiif.io/api/image> ;
            la:access_point <https://img.example.org/iiif/2/lake>
        ] .
        :other crm:P128_carries [ la:digitally_shown_by [ la:digitally_available_via [
            dcterms:conformsTo <http://iiif.io/api/image/3> ;
            la:access_point <https://img.example.org/iiif/3/hill/info.json>
        ] ] ] .
        :third crm:P65_shows_visual_item [ la:digitally_shown_by [
            la:access_point <https://img.example.org/hill.jpg> ;
            la:digitally_available_via [
                dcterms:conformsTo <http://iiif.io/api/presentation/3> ;
                la:access_point <https://img.example.org/manifest>
            ]
        ] ] .
    "#;
    assert_eq!(
        rows("linked-art.rq", turtle),
        [
            "https://img.example.org/iiif/2/lake https://example.org/work A lake",
            "https://img.example.org/iiif/3/hill https://example.org/other",
        ]
    );
}

#[test]
fn iiif_image_services() {
    let turtle = "
        <https://img.example.org/a.jpg> a edm:WebResource ;
            svcs:has_service <https://img.example.org/iiif/a> .
        <https://img.example.org/iiif/a> a svcs:Service ;
            dcterms:conformsTo <http://iiif.io/api/image> ;
            doap:implements <http://iiif.io/api/image/2/level1.json> .
        <https://img.example.org/b.jpg> svcs:has_service <https://img.example.org/iiif/b> .
        <https://img.example.org/iiif/b> doap:implements <http://iiif.io/api/image/2/level2.json> .
        :canvas svcs:has_service :search .
        :search dcterms:conformsTo <http://iiif.io/api/search/1> .
    ";
    assert_eq!(
        rows("iiif-image-services.rq", turtle),
        [
            "https://img.example.org/iiif/a https://img.example.org/a.jpg",
            "https://img.example.org/iiif/b https://img.example.org/b.jpg",
        ]
    );
}

#[test]
fn cidoc_crm() {
    let turtle = r#"
        :a rdfs:label "A" ; crm:P138i_has_representation <https://img.example.org/iiif/2/a> .
        <https://img.example.org/i/b/full/max/0/default.jpg> crm:P138_represents :b .
        :c crm:P138i_has_representation <https://img.example.org/i/c/info.json>, :drawing, [] .
    "#;
    assert_eq!(
        rows("cidoc-crm.rq", turtle),
        [
            "https://img.example.org/i/b https://example.org/b",
            "https://img.example.org/i/c https://example.org/c",
            "https://img.example.org/iiif/2/a https://example.org/a A",
        ]
    );
}

/// Pictures of one colour each, and an encoder that knows three colours: yellow is as much red as green,
/// black none of them.
#[test]
fn zero_shot() {
    let turtle = r#"
        @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        :red a skos:Concept ; skos:prefLabel "red"@en , "rot"@de .
        :green a skos:Concept ; skos:prefLabel "green"@en .
        :blue a skos:Concept ; skos:prefLabel "blue"@en , "bleu"@fr .
        :more skos:prefLabel "yellow"@en .
    "#;
    let store = Store::new().unwrap();
    let data = format!("{PREFIXES}{turtle}");
    store
        .load_from_slice(RdfFormat::Turtle, data.as_bytes())
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fetcher = Fetcher::new(
        runtime.handle().clone(),
        AllowList::default(),
        FetchLimits::default(),
    );
    let engine = Engine::new(
        Arc::new(colours::collection()),
        Arc::new(ColourEncoder),
        fetcher.unwrap(),
    );
    let options = SparqlOptions::default();
    let sparql = Sparql::new(store, Arc::new(engine), options, runtime.handle().clone());
    let request = QueryRequest {
        query: &std::fs::read_to_string(queries().join("zero-shot.rq")).unwrap(),
        ..QueryRequest::default()
    };
    let QueryResults::Solutions(solutions) = sparql.answer(&request).unwrap().into_results() else {
        panic!("a SELECT has solutions")
    };
    let mut found: Vec<String> = solutions
        .map(|solution| {
            let solution = solution.unwrap();
            let name = |variable: &str| match solution.get(variable) {
                Some(Term::NamedNode(iri)) => iri.as_str().rsplit('/').next().unwrap().to_owned(),
                other => panic!("{other:?}"),
            };
            let number = |variable: &str| match solution.get(variable) {
                Some(Term::Literal(number)) => number.value().parse::<f64>().unwrap(),
                other => panic!("{other:?}"),
            };
            let (score, share) = (number("score"), number("share"));
            format!("{} {} {score:.2} {share:.2}", name("iiif"), name("class"))
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "black blue 0.00 0.33",
            "black green 0.00 0.33",
            "black red 0.00 0.33",
            "blue blue 0.50 1.00",
            "green green 0.50 1.00",
            "red red 0.50 1.00",
            "yellow green 0.35 0.50",
            "yellow red 0.35 0.50",
        ]
    );
}

#[test]
fn every_query_says_what_it_expects_and_has_a_test() {
    let mut files: Vec<String> = std::fs::read_dir(queries())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "cidoc-crm.rq",
            "facets.rq",
            "iiif-image-services.rq",
            "linked-art.rq",
            // These have their tests in page_queries.rs.
            "page-dublin-core.rq",
            "page-iiif.rq",
            "page-linked-art.rq",
            "page.rq",
            "zero-shot.rq"
        ]
    );
    for file in files {
        let text = std::fs::read_to_string(queries().join(&file)).unwrap();
        assert!(text.starts_with("# ") && text.contains("Expects"), "{file}");
    }
}

/// Images of each year, as the carried facet counts them.
#[test]
fn a_date_is_the_year_that_it_begins_with_before_christ_too() {
    let store = Store::new().unwrap();
    let dates = [
        ("1900", "1900"),
        ("1700-05-03", "1700"),
        ("1850/1860", "1850"),
        ("0800", "800"),
        ("-0044-03-15", "-44"),
        ("ca. 1880", ""),
    ];
    for (at, (date, _)) in dates.iter().enumerate() {
        let turtle = format!(
            "@prefix dct: <http://purl.org/dc/terms/> . <http://h/o{at}> dct:hasFormat <http://h/{at}> ; dct:created {date:?} ."
        );
        store
            .load_from_slice(RdfFormat::Turtle, turtle.as_bytes())
            .unwrap();
    }
    let Facets { prefixes, facets } = Facets::carried();
    let period = facets.iter().find(|facet| facet.name == "period").unwrap();
    let query = format!("SELECT ?value {{ {} }} ORDER BY ?image", period.pattern);
    let solutions = select(&store, &prefixes, &query);
    let years: Vec<String> = (solutions.iter())
        .map(|row| match row.get("value") {
            Some(Term::Literal(year)) => year.value().to_owned(),
            _ => String::new(),
        })
        .collect();
    assert_eq!(years, dates.map(|(_, year)| year));
}

/// The solutions of a query with these prefixes, by their names.
fn select(store: &Store, prefixes: &BTreeMap<String, String>, query: &str) -> Vec<QuerySolution> {
    let prefixes: String = (prefixes.iter())
        .map(|(name, iri)| format!("PREFIX {name}: <{iri}>\n"))
        .collect();
    let results = SparqlEvaluator::new()
        .parse_query(&format!("{prefixes}{query}"))
        .unwrap()
        .on_store(store)
        .execute()
        .unwrap();
    let QueryResults::Solutions(solutions) = results else {
        panic!("a SELECT has solutions");
    };
    solutions.map(Result::unwrap).collect()
}

#[test]
fn every_facet_finds_what_the_collections_of_the_repository_tell() {
    let demo = ["maker", "period", "technique", "place"];
    for (metadata, n_images, told) in [
        ("examples/demo/metadata.ttl", 306, &demo[..]),
        ("examples/metadata.ttl", 12, &demo[..3]),
    ] {
        let store = Store::new().unwrap();
        let turtle = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(metadata)).unwrap();
        let parser = RdfParser::from_format(RdfFormat::Turtle)
            .with_base_iri("http://127.0.0.1:8182/")
            .unwrap();
        store.load_from_slice(parser, &turtle).unwrap();
        let Facets { prefixes, facets } = Facets::carried();
        for facet in facets {
            let query = format!(
                "SELECT (COUNT(DISTINCT ?image) AS ?n) {{ {} FILTER(BOUND(?value)) }}",
                facet.pattern
            );
            let solutions = select(&store, &prefixes, &query);
            let n = solutions[0].get("n").unwrap().to_string();
            let expected = if told.contains(&facet.name.as_str()) {
                n_images
            } else {
                0
            };
            assert!(
                n.starts_with(&format!("\"{expected}\"")),
                "{metadata} {}: {n}",
                facet.name
            );
        }
    }
}
