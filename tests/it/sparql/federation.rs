//! Every query text that other SPARQL engines were seen to send for a SERVICE clause, replayed.
//!
//! The texts lie outside the repository (`../shared/federation`); without them nothing is tested.

use super::{World, direction};
use crate::support;
use clip_search::collection::Collection;
use clip_search::features::{Features, nearest};
use clip_search::image_id::image_id;
use clip_search::sparql::{QueryError, SparqlOptions};
use clip_search::vocab::HIT_PREFIX;
use ndarray::Array2;
use oxigraph::model::vocab::rdf;
use oxigraph::model::{GraphName, Literal, NamedNode, Quad, Term};
use oxigraph::sparql::{QueryResults, SparqlEvaluator};
use oxigraph::store::Store;
use spargebra::SparqlParser;
use std::collections::HashSet;

const NAMESPACE: &str = "https://service.swissartresearch.net/clip/";

/// The 40 images that the engines' local data name, and three that they do not.
fn collection() -> Collection {
    let urls: Vec<String> = (0..43)
        .map(|i| format!("https://iiif.example.org/img{i:03}"))
        .collect();
    let rows: Vec<f32> = urls
        .iter()
        .flat_map(|url| direction(url.as_bytes()).as_slice().to_vec())
        .collect();
    let matrix = Array2::from_shape_vec((urls.len(), 4), rows).unwrap();
    let ids = urls.iter().map(|url| image_id(url)).collect();
    Collection::new(Features::from_unit_rows(matrix), ids, urls)
}

fn parser() -> SparqlParser {
    [
        ("clip", NAMESPACE),
        ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
        ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
        ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ]
    .into_iter()
    .fold(SparqlParser::new(), |parser, (prefix, iri)| {
        parser.with_prefix(prefix, iri).unwrap()
    })
    .with_base_iri("http://localhost/")
    .unwrap()
}

/// One node for each text and image, with the minimum scores and limits that the query names.
fn oracle(query: &str) -> Store {
    let store = Store::new().unwrap();
    let collection = collection();
    let literals = literals(query);
    let named = |property: &str| query.contains(property);
    let scores: Vec<Option<Literal>> = if named("minScore") {
        literals
            .iter()
            .filter(|l| l.value().parse::<f64>().is_ok_and(|n| n > 0.0 && n < 1.0))
            .map(|l| Some(l.clone()))
            .collect()
    } else {
        vec![None]
    };
    let limit = limit(query);
    let graphs = graphs(query);
    for (number, text) in literals.iter().enumerate() {
        for (set, score) in scores.iter().enumerate() {
            let bound = score.as_ref().map_or(0.2, |s| s.value().parse().unwrap());
            let query = direction(text.value().as_bytes());
            for hit in nearest::at_least(collection.features(), &query, bound, limit) {
                let node =
                    NamedNode::new_unchecked(format!("{HIT_PREFIX}{number}/{set}/{}", hit.row));
                let add = |predicate: NamedNode, object: Term| {
                    for graph in &graphs {
                        let graph = graph.clone();
                        let quad =
                            Quad::new(node.clone(), predicate.clone(), object.clone(), graph);
                        store.insert(&quad).unwrap();
                    }
                };
                let clip = |name: &str| NamedNode::new_unchecked(format!("{NAMESPACE}{name}"));
                add(rdf::TYPE.into_owned(), clip("Request").into());
                add(clip("queryString"), text.clone().into());
                add(clip("score"), Literal::from(hit.score).into());
                let url = collection.url(hit.row);
                add(clip("iiifUrl"), NamedNode::new_unchecked(&url).into());
                add(
                    clip("imageId"),
                    Literal::from(image_id(&url).as_str()).into(),
                );
                if let Some(limit) = limit {
                    add(
                        clip("limit"),
                        Literal::from(i64::try_from(limit).unwrap()).into(),
                    );
                }
                if let Some(score) = score {
                    add(clip("minScore"), score.clone().into());
                }
            }
        }
    }
    store
}

/// The default graph and every graph that the query names: the relation belongs to all.
fn graphs(query: &str) -> Vec<GraphName> {
    let parsed = parser().parse_query(query).unwrap().to_string();
    ["GRAPH <", "FROM <", "FROM NAMED <"]
        .into_iter()
        .flat_map(|keyword| parsed.split(keyword).skip(1))
        .filter_map(|rest| rest.split('>').next())
        .map(|iri| NamedNode::new_unchecked(iri).into())
        .chain([GraphName::DefaultGraph])
        .collect()
}

/// The integer that a query gives as `clip:limit`.
fn limit(query: &str) -> Option<usize> {
    let parsed = parser().parse_query(query).unwrap().to_string();
    let (_, rest) = parsed.split_once(&format!("<{NAMESPACE}limit> "))?;
    let digits = rest.trim_start_matches('"');
    digits
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Every literal of a query, from its algebra as text.
fn literals(query: &str) -> HashSet<Literal> {
    let parsed = parser().parse_query(query).unwrap().to_string();
    let mut found = HashSet::new();
    let mut rest = parsed.as_str();
    while let Some(start) = rest.find('"') {
        let bytes = rest.as_bytes();
        let mut end = start + 1;
        while bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        end += 1;
        let suffix = &rest[end..];
        let length = match suffix.as_bytes().first() {
            Some(b'@') => suffix
                .find(|c: char| c.is_whitespace() || c == ')')
                .unwrap_or(0),
            Some(b'^') => suffix.find('>').map_or(0, |i| i + 1),
            _ => 0,
        };
        if let Ok(literal) = rest[start..end + length].parse() {
            found.insert(literal);
        }
        rest = &rest[end + length..];
    }
    // Numbers are written bare.
    for word in parsed.split(|c: char| !(c.is_ascii_digit() || c == '.')) {
        if word.contains('.') && word.parse::<f64>().is_ok() {
            found.insert(Literal::new_typed_literal(
                word,
                oxigraph::model::vocab::xsd::DECIMAL,
            ));
        }
    }
    found
}

/// The query with variables for requests that are named by an IRI: its hits have IRIs of their own.
fn with_variable_subjects(query: &str) -> String {
    const SUBJECT: &str = "<http://example.org/request/";
    let mut text = parser().parse_query(query).unwrap().to_string();
    while let Some(start) = text.find(SUBJECT) {
        let end = start + text[start..].find('>').unwrap();
        let name = format!("?iri{}", &text[start + SUBJECT.len()..end]);
        text.replace_range(start..=end, &name);
    }
    text
}

/// The rows of the answer, sorted, with the hits' IRIs made equal; `yes` or `no` for ASK.
fn rows(results: QueryResults<'_>) -> Vec<String> {
    let mut rows: Vec<String> = match results {
        QueryResults::Boolean(yes) => vec![yes.to_string()],
        QueryResults::Solutions(solutions) => {
            let mut variables = solutions.variables().to_vec();
            variables.sort_unstable();
            solutions
                .map(|solution| {
                    let solution = solution.unwrap();
                    let cells: Vec<String> = variables
                        .iter()
                        .map(|v| match solution.get(v) {
                            Some(Term::NamedNode(n)) if n.as_str().starts_with(HIT_PREFIX) => {
                                "HIT".to_owned()
                            }
                            Some(term) => term.to_string(),
                            None => String::new(),
                        })
                        .collect();
                    format!("{variables:?} {}", cells.join("\t"))
                })
                .collect()
        }
        QueryResults::Graph(triples) => triples.map(|t| t.unwrap().to_string()).collect(),
    };
    rows.sort_unstable();
    rows
}

#[test]
fn texts_of_other_engines_are_answered_or_refused() {
    let Some(folder) = support::shared("federation") else {
        return;
    };
    let world = World::over(
        collection(),
        SparqlOptions::default(),
        Store::new().unwrap(),
    );
    let mut n_answered = 0;
    let mut n_refused = 0;
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "rq"))
        .collect();
    files.sort_unstable();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // It asks for single triples of a relation, which has no answer.
        if name.starts_with("comunica2") {
            continue;
        }
        let query = std::fs::read_to_string(&path).unwrap();
        let parses = parser().parse_query(&query).is_ok();
        match world.results(&query) {
            Ok(results) => {
                assert!(parses, "{name} is no SPARQL but was answered");
                let found = rows(results);
                let expected = rows(
                    SparqlEvaluator::new()
                        .parse_query(&with_variable_subjects(&query))
                        .unwrap()
                        .on_store(&oracle(&query))
                        .execute()
                        .unwrap(),
                );
                // LIMIT without ORDER BY may keep any rows: ours are the best.
                let any_rows = query.contains("LIMIT") && !query.contains("ORDER");
                if query.contains("queryImage") {
                    assert!(!found.is_empty(), "{name}");
                } else if any_rows {
                    assert_eq!(found.len(), expected.len(), "{name}");
                } else {
                    assert_eq!(found, expected, "{name}\n{query}");
                }
                n_answered += 1;
            }
            Err(QueryError::Malformed(reason)) => {
                assert!(
                    !parses || reason.to_string().contains("SERVICE"),
                    "{name} is SPARQL but was refused: {reason}\n{query}"
                );
                n_refused += 1;
            }
            Err(QueryError::Request(reason)) => {
                let reason = reason.to_string();
                let without_value = reason.contains("which nothing else in the query binds");
                // The placeholder that stands for the picture in these two is none.
                let no_picture = name.starts_with("derived-blazegraph-bso_page_");
                // COUNT of a single triple, or of a request whose other half is asked for elsewhere.
                let no_query =
                    reason.contains("nothing to look for") && !query.contains("queryString");
                // The probes with OPTIONAL { ?request clip:thumbnail ?t }, a property that is none.
                let no_property = reason.contains("clip:thumbnail on the clip:Request");
                let expected = without_value || no_picture || no_query || no_property;
                assert!(expected, "{name}: {reason}\n{query}");
                n_refused += 1;
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    println!("{n_answered} answered, {n_refused} refused");
    assert!(
        n_answered > 4 * n_refused,
        "{n_answered} answered, {n_refused} refused"
    );
}
