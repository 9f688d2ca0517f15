//! What a search costs beside what it must cost: `cargo bench`.
//!
//! The collection has the shape of the largest published one: 27,958 vectors of width 512, in float16
//! on disk, here made from a seed. Every figure is the median of several runs and comes with its ratio
//! to a baseline measured in the same run; the seconds alone mean little on a shared machine.

mod common;

use clip_search::collection::Collection;
use clip_search::engine::Engine;
use clip_search::features::nearest::Lookup;
use clip_search::features::npy::{Precision, header};
use clip_search::fetch::allow::AllowList;
use clip_search::fetch::{FetchLimits, Fetcher};
use clip_search::image_id::image_id;
use clip_search::search::VectorSearch;
use clip_search::search::exact::Exact;
use clip_search::sparql::results::{GraphFormat, TableFormat};
use clip_search::sparql::{QueryRequest, Sparql, SparqlOptions};
use clip_search::store;
use common::{D, NoModel, Random, flat, median, one_pass};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const N: usize = 27_958;

fn write_collection(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir.join("features"))?;
    let mut random = Random(42);
    let mut npy = header(N, D, Precision::F16);
    let mut images = String::from("iiif_url,localIdentifier\n");
    let mut ids = String::from("image_id\n");
    for i in 0..N {
        for x in random.embedding().as_slice() {
            npy.extend(half::f16::from_f32(*x).to_le_bytes());
        }
        let url = format!("https://iiif.example.org/iiif/2/image_{i:05}");
        let id = image_id(&url);
        writeln!(images, "{url},{id}").expect("a string takes all");
        writeln!(ids, "{id}").expect("a string takes all");
    }
    std::fs::write(dir.join("features/features.npy"), npy)?;
    std::fs::write(dir.join("features/imageIds.csv"), ids)?;
    std::fs::write(dir.join("images.csv"), images)
}

fn report(what: &str, time: Duration, baseline: &str, of_baseline: Duration) {
    let ratio = time.as_secs_f64() / of_baseline.as_secs_f64();
    let ms = time.as_secs_f64() * 1e3;
    println!("{what:<58} {ms:>9.2} ms   {ratio:>7.2} x {baseline}");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    write_collection(dir.path())?;
    let files = [
        "features/features.npy",
        "features/imageIds.csv",
        "images.csv",
    ];
    let read = median(9, || files.map(|file| std::fs::read(dir.path().join(file))));
    let open = median(9, || Collection::open(dir.path()));
    report(
        "open 27,958 x 512 float16",
        open,
        "reading the files' bytes",
        read,
    );

    let collection = Arc::new(Collection::open(dir.path())?);
    let query = Random(1).embedding();
    let features = collection.features();
    let matrix = flat(features);
    let floor = median(21, || one_pass(&matrix));
    let one_by_one = median(9, || {
        (0..N)
            .map(|row| {
                matrix[row * D..][..D]
                    .iter()
                    .zip(query.as_slice())
                    .map(|(a, b)| a * b)
                    .sum::<f32>()
            })
            .fold(f32::MIN, f32::max)
    });
    let lookup = Lookup {
        query: &query,
        min_score: -1.0,
        limit: Some(10),
    };
    let search = Exact::new(features.clone());
    let exact = median(21, || search.each(&[lookup], None, &|| false));
    report("exact top 10", exact, "one pass over the matrix", floor);
    report(
        "exact top 10",
        exact,
        "dot products with one running sum",
        one_by_one,
    );

    let runtime = tokio::runtime::Runtime::new()?;
    let fetcher = Fetcher::new(
        runtime.handle().clone(),
        AllowList::default(),
        FetchLimits::default(),
    )?;
    let engine = Arc::new(Engine::new(collection.clone(), Arc::new(NoModel), fetcher));
    let store = store::open_for_reading(None)?;
    let sparql = Sparql::new(
        store,
        engine,
        SparqlOptions::default(),
        runtime.handle().clone(),
    );
    for (what, query) in [
        (
            "SPARQL, clip:limit 10",
            "SELECT ?i ?s { ?r a clip:Request ; clip:queryString 'lake' ; clip:minScore -1 ; clip:limit 10 ; clip:iiifUrl ?i ; clip:score ?s }",
        ),
        (
            "SPARQL, LIMIT 10 over all 27,958 hits",
            "SELECT ?i ?s { ?r a clip:Request ; clip:queryString 'lake' ; clip:minScore -1 ; clip:iiifUrl ?i ; clip:score ?s } LIMIT 10",
        ),
        (
            "SPARQL, all 27,958 hits as JSON",
            "SELECT ?i ?s { ?r a clip:Request ; clip:queryString 'lake' ; clip:minScore -1 ; clip:iiifUrl ?i ; clip:score ?s }",
        ),
    ] {
        let request = QueryRequest {
            query,
            ..QueryRequest::default()
        };
        let time = median(9, || {
            sparql
                .answer(&request)
                .map(|answer| answer.write(TableFormat::Json, GraphFormat::Turtle, std::io::sink()))
        });
        report(what, time, "exact top 10", exact);
    }
    Ok(())
}
