//! What the planner gains, and how near it is to what must be done: `cargo bench --bench plans`.
//! `cargo bench --bench plans -- 1000000` takes so many images; 27,958 unless told otherwise.
//! `-- profile (c)` only answers the queries with that in their names, as planned, a second long each, for a
//! profiler to watch.
//!
//! Clustered vectors of width 512 from a seed, and ten triples for each image. Each query is answered by
//! joining all its hits (*naive*), and as planned; beside these stand stock oxigraph's time for the metadata
//! part alone and the floor: reading the vectors of the images that have to be scored. All figures are
//! criterion's medians of one run; the ratios are what counts.

mod common;

use clip_search::collection::Collection;
use clip_search::embedding::Embedding;
use clip_search::engine::Engine;
use clip_search::features::Features;
use clip_search::fetch::allow::AllowList;
use clip_search::fetch::{FetchLimits, Fetcher};
use clip_search::image_id::image_id;
use clip_search::sparql::results::{GraphFormat, TableFormat};
use clip_search::sparql::{PlannerOptions, QueryRequest, Sparql, SparqlOptions};
use common::{D, NoModel, Random, flat, median, one_pass};
use criterion::{Criterion, SamplingMode};
use ndarray::Array2;
use oxigraph::model::{GraphName, Literal, NamedNode, Quad, Term};
use oxigraph::sparql::results::{QueryResultsFormat, QueryResultsSerializer};
use oxigraph::sparql::{QueryResults, SparqlEvaluator};
use oxigraph::store::Store;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const PREFIXES: &str = "PREFIX : <http://example.org/> PREFIX dct: <http://purl.org/dc/terms/>
PREFIX clip: <https://service.swissartresearch.net/clip/> ";
/// Binds ?i and ?s.
const REQUEST: &str = "?r a clip:Request ; clip:queryString 'lake' ; clip:minScore -1 ; clip:iiifUrl ?i ; clip:score ?s .";
const N_CLUSTERS: usize = 200;
const MOST_NAIVE_ROWS: usize = 2_000_000;

fn url(i: usize) -> String {
    format!("https://iiif.example.org/iiif/2/image_{i:07}")
}

fn collection(n: usize) -> Collection {
    let mut random = Random(42);
    let centres: Vec<Embedding> = (0..N_CLUSTERS).map(|_| random.embedding()).collect();
    let mut matrix = Vec::with_capacity(n * D);
    for i in 0..n {
        let centre = centres[i * 7 % N_CLUSTERS].as_slice();
        let near = centre.iter().map(|x| x + 0.04 * random.next()).collect();
        let embedding = Embedding::new(near).expect("a cluster is not at the origin");
        matrix.extend_from_slice(embedding.as_slice());
    }
    let matrix = Array2::from_shape_vec((n, D), matrix).expect("n rows of width D");
    let urls: Vec<String> = (0..n).map(url).collect();
    let ids = urls.iter().map(|url| image_id(url)).collect();
    Collection::new(Features::from_unit_rows(matrix), ids, urls)
}

/// Ten triples for each image. One in 2, 100 and 10,000 works has the value by which queries choose.
fn metadata(n: usize) -> Result<Store, Box<dyn std::error::Error>> {
    let node = |name: String| NamedNode::new_unchecked(format!("http://example.org/{name}"));
    let quads = (0..n).flat_map(|i| {
        let work = node(format!("work{i}"));
        let text = |text: String| Term::from(Literal::new_simple_literal(text));
        let rare = if i % 10_000 == 1 { "comet" } else { "sky" };
        [
            (
                "http://purl.org/dc/terms/hasFormat",
                NamedNode::new_unchecked(url(i)).into(),
            ),
            (
                "http://purl.org/dc/terms/title",
                text(format!("Work number {i}")),
            ),
            (
                "http://example.org/side",
                node(format!("side{}", i % 2)).into(),
            ),
            (
                "http://example.org/place",
                node(format!("place{}", i % 100)).into(),
            ),
            ("http://example.org/shows", node(rare.to_owned()).into()),
            (
                "http://purl.org/dc/terms/creator",
                node(format!("artist{}", i % 500)).into(),
            ),
            (
                "http://purl.org/dc/terms/created",
                text(format!("{}", 1500 + i % 500)),
            ),
            (
                "http://purl.org/dc/terms/medium",
                node(format!("medium{}", i % 12)).into(),
            ),
            (
                "http://purl.org/dc/terms/identifier",
                text(format!("inv-{i}")),
            ),
            (
                "http://www.w3.org/1999/02/22-rdf-syntax-ns#type",
                node("Work".to_owned()).into(),
            ),
        ]
        .map(|(predicate, object): (&str, Term)| {
            Quad::new(
                work.clone(),
                NamedNode::new_unchecked(predicate),
                object,
                GraphName::DefaultGraph,
            )
        })
    });
    let store = Store::new()?;
    let mut loader = store.bulk_loader();
    loader.load_quads(quads)?;
    loader.commit()?;
    Ok(store)
}

/// A query, and its metadata part alone: what is left without the request.
struct Case {
    name: &'static str,
    query: String,
    metadata: Option<String>,
}

fn cases(n: usize) -> Vec<Case> {
    let best = |pattern: &str| {
        format!("SELECT ?i ?s ?t {{ {REQUEST} {pattern} }} ORDER BY DESC(?s) LIMIT 10")
    };
    let joined = |name, pattern: &str| Case {
        name,
        query: best(pattern),
        metadata: Some(format!("SELECT ?i ?t {{ {pattern} }}")),
    };
    let labels: Vec<String> = (0..20).map(|i| format!("'label {i}'")).collect();
    let iris: Vec<String> = (0..10_000.min(n / 2))
        .map(|i| format!("<{}>", url(2 * i)))
        .collect();
    // Some thousand images: one work in 100 is in each place, one in 1,500 has these three.
    let places: Vec<String> = (0..(100_000 / n).clamp(1, 100))
        .map(|i| format!(":place{i}"))
        .collect();
    let some = if n > 500_000 {
        "?w dct:hasFormat ?i ; :place :place7 ; dct:creator :artist7 ; dct:medium :medium7 ."
            .to_owned()
    } else {
        format!(
            "VALUES ?p {{ {} }} ?w :place ?p ; dct:hasFormat ?i .",
            places.join(" ")
        )
    };
    vec![
        Case {
            name: "(a) top 10 of all",
            query: best(""),
            metadata: None,
        },
        joined(
            "(b) top 10 of 50 %",
            "?w dct:hasFormat ?i ; :side :side1 ; dct:title ?t .",
        ),
        joined(
            "(b) top 10 of 1 %",
            "?w dct:hasFormat ?i ; :place :place7 ; dct:title ?t .",
        ),
        joined(
            "(b) top 10 of 0.01 %",
            "?w dct:hasFormat ?i ; :shows :comet ; dct:title ?t .",
        ),
        Case {
            name: "(c) 20 labels over some 1,000 images",
            query: format!(
                "SELECT ?i ?q ?s {{ VALUES ?q {{ {} }} {some} ?r a clip:Request ; clip:queryString ?q ; clip:minScore -1 ; clip:iiifUrl ?i ; clip:score ?s }}",
                labels.join(" ")
            ),
            metadata: Some(format!(
                "SELECT ?i ?q {{ VALUES ?q {{ {} }} {some} }}",
                labels.join(" ")
            )),
        },
        Case {
            name: "(d) VALUES of 10,000 images",
            query: format!(
                "SELECT ?i ?s {{ VALUES ?i {{ {} }} {REQUEST} }}",
                iris.join(" ")
            ),
            metadata: Some(format!(
                "SELECT ?i {{ VALUES ?i {{ {} }} }}",
                iris.join(" ")
            )),
        },
        Case {
            name: "(e) count per artist above a score",
            query: format!(
                "SELECT ?a (COUNT(?i) AS ?n) {{ {REQUEST} ?w dct:hasFormat ?i ; dct:creator ?a FILTER(?s > 0.05) }} GROUP BY ?a"
            ),
            metadata: Some(
                "SELECT ?a (COUNT(?i) AS ?n) { ?w dct:hasFormat ?i ; dct:creator ?a } GROUP BY ?a"
                    .to_owned(),
            ),
        },
    ]
}

fn answer(sparql: &Sparql, query: &str) -> usize {
    let query = format!("{PREFIXES}{query}");
    let request = QueryRequest {
        query: &query,
        ..QueryRequest::default()
    };
    let mut out = Vec::new();
    sparql
        .answer(&request)
        .map_err(|error| error.to_string())
        .and_then(|answer| {
            answer
                .write(TableFormat::Json, GraphFormat::Turtle, &mut out)
                .map_err(|error| error.to_string())
        })
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    out.len()
}

/// As stock oxigraph answers it.
fn answer_alone(store: &Store, query: &str) -> usize {
    let query = format!("{PREFIXES}{query}");
    let results = SparqlEvaluator::new()
        .parse_query(&query)
        .map_err(|error| error.to_string())
        .and_then(|query| {
            query
                .on_store(store)
                .execute()
                .map_err(|error| error.to_string())
        });
    let Ok(QueryResults::Solutions(solutions)) = results else {
        panic!("{query} has no solutions");
    };
    let mut rows = QueryResultsSerializer::from_format(QueryResultsFormat::Json)
        .serialize_solutions_to_writer(Vec::new(), solutions.variables().to_vec())
        .expect("a vector can be written to");
    for solution in solutions {
        let solution = solution.unwrap_or_else(|error| panic!("{query}: {error}"));
        rows.serialize(&solution)
            .expect("a vector can be written to");
    }
    rows.finish().expect("a vector can be written to").len()
}

/// Measures, and tells the medians.
struct Measure {
    criterion: Criterion,
    /// Where criterion keeps what it has measured.
    folder: PathBuf,
    n_images: usize,
}

impl Measure {
    fn new(n_images: usize) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion");
        Self {
            criterion: Criterion::default()
                .output_directory(&folder)
                .sample_size(10)
                .warm_up_time(Duration::from_millis(500))
                .measurement_time(Duration::from_secs(2)),
            folder,
            n_images,
        }
    }

    /// The median time that `work` takes, on one side of a case.
    fn median<T>(
        &mut self,
        case: &str,
        side: &str,
        mut work: impl FnMut() -> T,
    ) -> Result<Duration, Box<dyn std::error::Error>> {
        let group = format!("{} {case}", self.n_images);
        let mut measured = self.criterion.benchmark_group(&group);
        measured.sampling_mode(SamplingMode::Flat);
        measured.bench_function(side, |bencher| bencher.iter(&mut work));
        measured.finish();
        let estimates = self
            .folder
            .join(group)
            .join(side)
            .join("new/estimates.json");
        let estimates: serde_json::Value = serde_json::from_slice(&std::fs::read(estimates)?)?;
        let nanoseconds = estimates["median"]["point_estimate"].as_f64();
        Ok(Duration::from_secs_f64(
            nanoseconds.ok_or("no median")? / 1e9,
        ))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // cargo passes `--bench` along.
    let n = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(27_958);
    let runtime = tokio::runtime::Runtime::new()?;
    let store = metadata(n)?;
    let collection = Arc::new(collection(n));
    let sparql = |planner: PlannerOptions| -> Result<Sparql, Box<dyn std::error::Error>> {
        let fetcher = Fetcher::new(
            runtime.handle().clone(),
            AllowList::default(),
            FetchLimits::default(),
        )?;
        let engine = Arc::new(Engine::new(collection.clone(), Arc::new(NoModel), fetcher));
        let options = SparqlOptions {
            planner,
            timeout: Some(Duration::from_secs(600)),
            max_hits: usize::MAX,
            ..SparqlOptions::default()
        };
        Ok(Sparql::new(
            store.clone(),
            engine,
            options,
            runtime.handle().clone(),
        ))
    };
    let planned = sparql(PlannerOptions::default())?;
    let mut arguments = std::env::args().skip_while(|argument| argument != "profile");
    if let Some(name) = arguments.nth(1) {
        for case in (cases(n).iter()).filter(|case| case.name.contains(&name)) {
            let once = median(5, || answer(&planned, &case.query));
            let n_runs = Duration::from_secs(1).as_nanos() / once.as_nanos().max(1);
            let n_runs = usize::try_from(n_runs).unwrap_or(1).max(5);
            let time = median(n_runs, || answer(&planned, &case.query));
            println!("{}: {:.2} ms", case.name, ms(time));
            let text = format!("{PREFIXES}{}", case.query);
            let request = QueryRequest {
                query: &text,
                ..QueryRequest::default()
            };
            println!("{}", planned.explain(&request).map_err(|e| e.to_string())?);
        }
        return Ok(());
    }
    let naive = sparql(PlannerOptions {
        probe_rows: Some(0),
        first_block: usize::MAX,
        inline_rows: usize::MAX,
    })?;
    let matrix = flat(collection.features());
    let mut measure = Measure::new(n);
    let pass = measure.median("floor", "one pass", || one_pass(&matrix))?;
    let mut table = format!(
        "{n} images; one pass over their vectors takes {:.2} ms\n\n",
        ms(pass)
    );
    table.push_str(
        "| query | naive | planned | oxigraph alone | floor | planned / (oxigraph + floor) | naive / planned | scored | joined |\n",
    );
    table.push_str("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for Case {
        name,
        query,
        metadata,
    } in cases(n)
    {
        let text = format!("{PREFIXES}{query}");
        let explanation = planned
            .explain(&QueryRequest {
                query: &text,
                ..QueryRequest::default()
            })
            .map_err(|error| error.to_string())?;
        let request = &explanation.requests[0];
        let time = measure.median(name, "planned", || answer(&planned, &query))?;
        // All hits for 20 labels at a million images would not fit into memory.
        let before = (request.inputs * n <= MOST_NAIVE_ROWS)
            .then(|| measure.median(name, "naive", || answer(&naive, &query)))
            .transpose()?;
        let alone = metadata
            .map(|query| measure.median(name, "oxigraph alone", || answer_alone(&store, &query)))
            .transpose()?
            .unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a ratio of counts")]
        let floor = pass.mul_f64(request.images_scored as f64 / n as f64);
        writeln!(
            table,
            "| {name} | {} | {:.2} ms | {:.2} ms | {:.2} ms | {:.2} | {} | {} | {} |",
            before.map_or("–".to_owned(), |before| format!("{:.2} ms", ms(before))),
            ms(time),
            ms(alone),
            ms(floor),
            time.as_secs_f64() / (alone + floor).as_secs_f64(),
            before.map_or("–".to_owned(), |before| {
                format!("{:.1}", before.as_secs_f64() / time.as_secs_f64())
            }),
            request.images_scored,
            request.hits_joined
        )?;
    }
    println!("\n{table}");
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
