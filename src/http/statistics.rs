//! What the metadata store holds, counted for the service description: VoID statistics.
//!
//! Counting reads the whole store, so it is bounded in time, done once (a store that is served does not change), and
//! by the first who asks for the description. Beyond the bound nothing is said that may be wrong: the terms that were
//! found are listed without counts.

use crate::sparql::results::{GraphFormat, TableFormat};
use crate::sparql::{QueryRequest, Sparql};
use serde_json::Value;
use std::fmt::Write;
use std::time::Duration;

/// How long each of the counts may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most terms of a kind that are listed, the most frequent ones: queries that make the description in other formats have
/// a bound on their triples.
const MAX_TERMS: usize = 200;

/// Solutions that are looked at where counting them all takes too long.
const SAMPLE: usize = 100_000;

/// What is counted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Statistics {
    n_triples: Option<u64>,
    /// Classes with the number of their members.
    classes: Vec<(String, Option<u64>)>,
    /// Predicates with the number of triples that have them.
    properties: Vec<(String, Option<u64>)>,
}

impl Statistics {
    /// Counts what is in the default graph. Blocks.
    pub(super) fn count(sparql: &Sparql) -> Self {
        if !sparql.has_metadata() {
            return Self::default();
        }
        let triples = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }";
        Self {
            n_triples: rows(sparql, triples).and_then(|rows| rows.first()?.1),
            classes: terms(sparql, "?s a ?term"),
            properties: terms(sparql, "?s ?term ?o"),
        }
    }

    /// As properties of a `void:Dataset`, each line ended by `;`.
    pub(super) fn turtle(&self) -> String {
        let mut text = String::new();
        if let Some(n) = self.n_triples {
            let _ = writeln!(text, "  void:triples {n} ;");
        }
        for (term, n) in &self.classes {
            let n = n.map_or_else(String::new, |n| format!(" ; void:entities {n}"));
            let _ = writeln!(text, "  void:classPartition [ void:class <{term}>{n} ] ;");
        }
        for (term, n) in &self.properties {
            let n = n.map_or_else(String::new, |n| format!(" ; void:triples {n}"));
            let _ = writeln!(
                text,
                "  void:propertyPartition [ void:property <{term}>{n} ] ;"
            );
        }
        text
    }
}

/// The values of `?term` in `pattern`, with their numbers if they can be had in time.
fn terms(sparql: &Sparql, pattern: &str) -> Vec<(String, Option<u64>)> {
    let counted = format!(
        "SELECT ?term (COUNT(*) AS ?n) WHERE {{ {pattern} FILTER(ISIRI(?term)) }} GROUP BY ?term ORDER BY DESC(?n) ?term LIMIT {MAX_TERMS}"
    );
    let sampled = format!(
        "SELECT DISTINCT ?term WHERE {{ {{ SELECT ?term WHERE {{ {pattern} }} LIMIT {SAMPLE} }} FILTER(ISIRI(?term)) }} ORDER BY ?term LIMIT {MAX_TERMS}"
    );
    let found = rows(sparql, &counted).or_else(|| rows(sparql, &sampled));
    found
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(term, n)| Some((term?, n)))
        .collect()
}

/// A term and its number, each `None` where the query does not give it.
type Row = (Option<String>, Option<u64>);

/// The solutions of a query of ours; `None` if there are none in time.
fn rows(sparql: &Sparql, query: &str) -> Option<Vec<Row>> {
    let answer = sparql.answer(&QueryRequest {
        query,
        max_time: Some(PATIENCE),
        ..QueryRequest::default()
    });
    let mut json = Vec::new();
    answer
        .ok()?
        .write(TableFormat::Json, GraphFormat::Turtle, &mut json)
        .ok()?;
    let answer: Value = serde_json::from_slice(&json).ok()?;
    let solutions = answer["results"]["bindings"].as_array()?.iter();
    let value = |term: &Value| term["value"].as_str().map(str::to_owned);
    Some(
        solutions
            .map(|row| {
                let n = value(&row["n"]).and_then(|n| n.parse().ok());
                (value(&row["term"]), n)
            })
            .collect(),
    )
}
