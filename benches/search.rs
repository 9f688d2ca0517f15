//! What a search costs beside what it must cost: `cargo bench`.
//!
//! The collection has the shape of the largest published one: 27,958 vectors of width 512, in float16
//! on disk, here made from a seed. Every figure is the median of several runs and comes with its ratio
//! to a baseline measured in the same run; the seconds alone mean little on a shared machine.

use clip_search::collection::Collection;
use clip_search::embedding::Embedding;
use clip_search::encoder::{Encoder, EncoderError, ImageError, Pixels};
use clip_search::engine::Engine;
use clip_search::features::nearest;
use clip_search::features::npy::{Precision, header};
use clip_search::fetch::allow::AllowList;
use clip_search::fetch::{FetchLimits, Fetcher};
use clip_search::image_id::image_id;
use clip_search::sparql::results::{GraphFormat, TableFormat};
use clip_search::sparql::{QueryRequest, Sparql, SparqlOptions};
use clip_search::store;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const N: usize = 27_958;
const D: usize = 512;

/// Numbers in (-1, 1) from a seed: xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bits = u16::try_from(self.0 >> 48).expect("16 bits are left");
        f32::from(bits) / 32_768.0 - 1.0
    }

    fn embedding(&mut self) -> Embedding {
        let raw = (0..D).map(|_| self.next()).collect();
        Embedding::new(raw).expect("random numbers have a direction")
    }
}

/// Gives each text a direction of its own, at no cost: the model is not what is measured here.
struct NoModel;

impl Encoder for NoModel {
    fn width(&self) -> usize {
        D
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        let seed = |text: &&str| {
            text.bytes()
                .fold(7, |seed: u64, b| seed * 31 + u64::from(b))
        };
        Ok(texts.iter().map(|t| Random(seed(t)).embedding()).collect())
    }

    fn preprocess(&self, _: &[u8]) -> Result<Pixels, ImageError> {
        Err(ImageError::Empty)
    }

    fn encode_images(&self, _: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        Ok(Vec::new())
    }
}

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

fn median<T>(runs: usize, mut work: impl FnMut() -> T) -> Duration {
    black_box(work());
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
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
    // The floor: every number of the matrix is read once.
    let floor = median(21, || {
        (0..N)
            .map(|row| features.row(row).as_chunks::<16>().0)
            .map(|row| {
                row.iter()
                    .fold([0f32; 16], |sum, x| std::array::from_fn(|i| sum[i] + x[i]))
            })
            .fold([0f32; 16], |sum, x| std::array::from_fn(|i| sum[i] + x[i]))
    });
    let one_by_one = median(9, || {
        (0..N)
            .map(|row| {
                features
                    .row(row)
                    .iter()
                    .zip(query.as_slice())
                    .map(|(a, b)| a * b)
                    .sum::<f32>()
            })
            .fold(f32::MIN, f32::max)
    });
    let exact = median(21, || nearest::at_least(features, &query, -1.0, Some(10)));
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
