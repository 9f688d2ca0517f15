//! SPARQL 1.0, 1.1 and 1.2 through the door of the program: cases of our own in `tests/w3c/`, in the
//! categories of W3C's test suites, and those suites themselves where `W3C_SPARQL_TESTS` names a folder
//! with `manifest.ttl` files (`sparql/` of <https://github.com/w3c/rdf-tests>).

use crate::sparql::World;
use crate::world::repository;
use clip_search::sparql::results::{GraphFormat, TableFormat};
use clip_search::sparql::{QueryError, QueryRequest, SparqlOptions};
use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::{Graph, GraphName, NamedNode, NamedOrBlankNode, Term, Triple};
use oxigraph::sparql::results::{
    QueryResultsFormat, QueryResultsParser, SliceQueryResultsParserOutput,
};
use oxigraph::sparql::{QueryResults, SparqlEvaluator};
use oxigraph::store::Store;
use std::fs;
use std::path::{Path, PathBuf};
use url::Url;

/// An answer that can be compared.
#[derive(Debug, PartialEq)]
enum Outcome {
    Boolean(bool),
    /// One line a row, in no order; blank nodes are alike, which is close enough to find faults.
    Rows(Vec<String>),
    Graph(String),
}

fn line(solution: &oxigraph::sparql::QuerySolution) -> String {
    let mut cells: Vec<String> = solution
        .iter()
        .map(|(name, term)| match term {
            Term::BlankNode(_) => format!("{name}=_:b"),
            Term::Literal(literal) => format!("{name}={}", number(literal)),
            other => format!("{name}={other}"),
        })
        .collect();
    cells.sort_unstable();
    cells.join(" ")
}

/// Numbers by value and type: `2.0e0` and `2.0E0` are one.
fn number(literal: &oxigraph::model::Literal) -> String {
    let kind = literal.datatype();
    let is_number = ["#integer", "#decimal", "#double", "#float"]
        .iter()
        .any(|name| kind.as_str().ends_with(name));
    match literal.value().parse::<f64>() {
        Ok(value) if is_number => format!("{value:?}^^{kind}"),
        _ => literal.to_string(),
    }
}

fn rows<E: std::fmt::Display>(
    solutions: impl Iterator<Item = Result<oxigraph::sparql::QuerySolution, E>>,
) -> Result<Outcome, String> {
    let mut rows = solutions
        .map(|row| row.map(|row| line(&row)).map_err(|e| e.to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    rows.sort_unstable();
    Ok(Outcome::Rows(rows))
}

fn graph(triples: impl Iterator<Item = Triple>) -> Outcome {
    let mut graph: Graph = triples.collect();
    graph.canonicalize(oxigraph::model::graph::CanonicalizationAlgorithm::Unstable);
    let mut lines: Vec<String> = graph.iter().map(|triple| triple.to_string()).collect();
    lines.sort_unstable();
    Outcome::Graph(lines.join("\n"))
}

fn outcome(results: QueryResults<'_>) -> Result<Outcome, String> {
    match results {
        QueryResults::Boolean(value) => Ok(Outcome::Boolean(value)),
        QueryResults::Solutions(solutions) => rows(solutions),
        QueryResults::Graph(triples) => {
            let triples = triples.collect::<Result<Vec<_>, _>>();
            Ok(graph(triples.map_err(|e| e.to_string())?.into_iter()))
        }
    }
}

/// What a file says the answer is; none for forms that are not compared.
fn expected(path: &Path) -> Option<Outcome> {
    let text = fs::read_to_string(path).ok()?;
    let format = match path.extension()?.to_str()? {
        "srj" => QueryResultsFormat::Json,
        "srx" => QueryResultsFormat::Xml,
        "tsv" => QueryResultsFormat::Tsv,
        "ttl" if !text.contains("result-set#") => return Some(graph(triples(path)?.into_iter())),
        _ => return None,
    };
    let parser = QueryResultsParser::from_format(format);
    match parser.for_slice(text.as_bytes()).ok()? {
        SliceQueryResultsParserOutput::Boolean(value) => Some(Outcome::Boolean(value)),
        SliceQueryResultsParserOutput::Solutions(solutions) => rows(solutions).ok(),
    }
}

fn triples(path: &Path) -> Option<Vec<Triple>> {
    let base = Url::from_file_path(path).ok()?;
    let text = fs::read(path).ok()?;
    RdfParser::from_format(RdfFormat::Turtle)
        .with_base_iri(base.as_str())
        .ok()?
        .for_slice(&text)
        .map(|quad| quad.ok().map(Triple::from))
        .collect()
}

fn load(store: &Store, path: &Path, into: Option<&str>) -> Option<()> {
    let format = RdfFormat::from_extension(path.extension()?.to_str()?)?;
    let base = Url::from_file_path(path).ok()?;
    let mut parser = RdfParser::from_format(format)
        .with_base_iri(base.as_str())
        .ok()?;
    if let Some(name) = into {
        parser = parser.with_default_graph(GraphName::from(NamedNode::new(name).ok()?));
    }
    store
        .load_from_slice(parser, fs::read(path).ok()?.as_slice())
        .ok()
}

fn ours(store: &Store, query: &str) -> Result<Result<Outcome, String>, QueryError> {
    let options = SparqlOptions {
        services: vec!["http://127.0.0.1:9/sparql".to_owned()],
        ..SparqlOptions::default()
    };
    let world = World::with(options, store.clone());
    world.results(query).map(outcome)
}

fn stock(store: &Store, query: &str) -> Result<Outcome, String> {
    let query = SparqlEvaluator::new()
        .parse_query(query)
        .map_err(|e| e.to_string())?;
    outcome(query.on_store(store).execute().map_err(|e| e.to_string())?)
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_str().unwrap().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn our_cases_of_each_category_have_the_answers_of_the_specification() {
    let queries = files(&repository("tests/w3c"), ".rq");
    assert!(queries.len() > 30, "{}", queries.len());
    for path in queries {
        let store = Store::new().unwrap();
        for data in ["data.ttl", "data.trig"].map(|ending| path.with_extension(ending)) {
            if data.exists() {
                load(&store, &data, None).unwrap();
            }
        }
        let query = fs::read_to_string(&path).unwrap();
        let csv = path.with_extension("csv");
        if csv.exists() {
            let world = World::with(SparqlOptions::default(), store);
            let request = QueryRequest {
                query: &query,
                ..QueryRequest::default()
            };
            let mut out = Vec::new();
            let answer = world.sparql.answer(&request).unwrap();
            answer
                .write(TableFormat::Csv, GraphFormat::Turtle, &mut out)
                .unwrap();
            assert_eq!(out, fs::read(csv).unwrap(), "{}", path.display());
            continue;
        }
        let expected = ["tsv", "srj", "srx", "ttl"]
            .iter()
            .find_map(|ending| expected(&path.with_extension(ending)))
            .unwrap_or_else(|| panic!("{} has no expected answer", path.display()));
        let answer = ours(&store, &query).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(answer, Ok(expected), "{}", path.display());
    }
}

/// What became of the cases of a suite.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: usize,
    /// Stock oxigraph does not pass either.
    inherited: usize,
    /// Updates, protocol tests, answers in forms that are not compared.
    skipped: usize,
    /// Stock oxigraph passes.
    faults: Vec<String>,
}

const MF: &str = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#";
const QT: &str = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

struct Manifest(Graph);

impl Manifest {
    fn all(&self, subject: &Term, namespace: &str, name: &str) -> Vec<Term> {
        let predicate = NamedNode::new_unchecked(format!("{namespace}{name}"));
        let subject = match subject {
            Term::NamedNode(node) => NamedOrBlankNode::from(node.clone()),
            Term::BlankNode(node) => node.clone().into(),
            Term::Literal(_) | Term::Triple(_) => return Vec::new(),
        };
        self.0
            .objects_for_subject_predicate(&subject, &predicate)
            .map(Term::from)
            .collect()
    }

    fn file(&self, subject: &Term, namespace: &str, name: &str) -> Option<PathBuf> {
        file(self.all(subject, namespace, name).first()?)
    }

    fn entries(&self) -> Vec<Term> {
        let predicate = NamedNode::new_unchecked(format!("{MF}entries"));
        let lists: Vec<Term> = self
            .0
            .triples_for_predicate(&predicate)
            .map(|t| t.object.into_owned())
            .collect();
        let mut entries = Vec::new();
        for list in lists {
            let mut rest = Some(list);
            while let Some(node) = rest {
                entries.extend(self.all(&node, RDF, "first"));
                rest = self.all(&node, RDF, "rest").pop();
            }
        }
        entries
    }

    fn run(&self, entry: &Term, counts: &mut Counts) -> Option<()> {
        let kind = self.all(entry, RDF, "type").first()?.to_string();
        let kind = kind.rsplit('#').next()?.trim_end_matches('>').to_owned();
        let action = self.all(entry, MF, "action").pop()?;
        let store = Store::new().ok()?;
        let is_syntax =
            kind.starts_with("PositiveSyntaxTest") || kind.starts_with("NegativeSyntaxTest");
        let path = if is_syntax {
            file(&action)?
        } else if kind == "QueryEvaluationTest" {
            self.file(&action, QT, "query")?
        } else {
            return None;
        };
        let query = format!(
            "BASE <{}>\n{}",
            Url::from_file_path(&path).ok()?,
            fs::read_to_string(&path).ok()?
        );
        let (ours_passes, stock_passes) = if is_syntax {
            let is_positive = kind.starts_with("Positive");
            let is_read = match ours(&store, &query) {
                Err(QueryError::Malformed(reason)) if reason.to_string().contains("SERVICE") => {
                    return None;
                }
                Err(QueryError::Malformed(_)) => false,
                Ok(_) | Err(_) => true,
            };
            let stock_reads = SparqlEvaluator::new().parse_query(&query).is_ok();
            (is_read == is_positive, stock_reads == is_positive)
        } else {
            for data in self.all(&action, QT, "data") {
                load(&store, &file(&data)?, None)?;
            }
            for data in self.all(&action, QT, "graphData") {
                let path = file(&data)?;
                load(
                    &store,
                    &path,
                    Some(Url::from_file_path(&path).ok()?.as_str()),
                )?;
            }
            if !self.all(&action, QT, "serviceData").is_empty() {
                return None;
            }
            let expected = Ok(expected(&self.file(entry, MF, "result")?)?);
            let answer = ours(&store, &query).unwrap_or_else(|e| Err(e.to_string()));
            (answer == expected, stock(&store, &query) == expected)
        };
        match (ours_passes, stock_passes) {
            (true, _) => counts.passed += 1,
            (false, false) => counts.inherited += 1,
            (false, true) => counts.faults.push(entry.to_string()),
        }
        Some(())
    }
}

fn file(term: &Term) -> Option<PathBuf> {
    match term {
        Term::NamedNode(node) => Url::parse(node.as_str()).ok()?.to_file_path().ok(),
        Term::BlankNode(_) | Term::Literal(_) | Term::Triple(_) => None,
    }
}

fn run_suite(folder: &Path) -> Counts {
    let mut counts = Counts::default();
    for path in files(folder, "manifest.ttl") {
        let Some(triples) = triples(&path) else {
            eprintln!("{} cannot be read", path.display());
            continue;
        };
        let manifest = Manifest(triples.into_iter().collect());
        for entry in manifest.entries() {
            if manifest.run(&entry, &mut counts).is_none() {
                counts.skipped += 1;
            }
        }
    }
    counts
}

#[test]
fn a_suite_in_the_layout_of_w3c_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().canonicalize().unwrap();
    for (name, text) in [
        (
            "a.rq",
            "SELECT ?o { GRAPH <g.ttl> { <a> <p> ?o } <a> <p> ?o }",
        ),
        ("bad.rq", "SELECT ?o { "),
        ("d.ttl", "<a> <p> 1, 2 ."),
        ("g.ttl", "<a> <p> 2, 3 ."),
        ("right.tsv", "?o\n2\n"),
        ("wrong.tsv", "?o\n3\n"),
        (
            "manifest.ttl",
            "@prefix mf: <http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#> .
             @prefix qt: <http://www.w3.org/2001/sw/DataAccess/tests/test-query#> .
             <> a mf:Manifest ; mf:entries ( <#right> <#wrong> <#good> <#bad> <#bad12> <#update> ) .
             <#right> a mf:QueryEvaluationTest ; mf:result <right.tsv> ;
                 mf:action [ qt:query <a.rq> ; qt:data <d.ttl> ; qt:graphData <g.ttl> ] .
             <#wrong> a mf:QueryEvaluationTest ; mf:result <wrong.tsv> ;
                 mf:action [ qt:query <a.rq> ; qt:data <d.ttl> ; qt:graphData <g.ttl> ] .
             <#good> a mf:PositiveSyntaxTest11 ; mf:action <a.rq> .
             <#bad> a mf:NegativeSyntaxTest11 ; mf:action <bad.rq> .
             <#bad12> a mf:PositiveSyntaxTest ; mf:action <bad.rq> .
             <#update> a mf:UpdateEvaluationTest ; mf:action <a.rq> .",
        ),
    ] {
        fs::write(at.join(name), text).unwrap();
    }
    let expected = Counts {
        passed: 3,
        inherited: 2,
        skipped: 1,
        faults: Vec::new(),
    };
    assert_eq!(run_suite(&at), expected);
}

#[test]
fn the_suites_of_w3c_pass_where_oxigraph_passes() {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests have settings of their own"
    )]
    let Some(folder) = std::env::var_os("W3C_SPARQL_TESTS") else {
        eprintln!("NOT TESTED: W3C_SPARQL_TESTS does not name W3C's test suites");
        return;
    };
    let counts = run_suite(&Path::new(&folder).canonicalize().unwrap());
    println!(
        "{} passed, {} fail in oxigraph, too, {} skipped",
        counts.passed, counts.inherited, counts.skipped
    );
    assert!(counts.passed > 0, "no manifest with tests is there");
    assert_eq!(counts.faults, Vec::<String>::new());
}
