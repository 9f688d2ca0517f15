//! Approximate search beside exact search: `cargo bench --bench approximate -- FOLDER`, where FOLDER was made by
//! `benches/approximate.py make FOLDER N`.
//!
//! Makes what is missing there (`features.i8`, `features.ivf`), then looks for the 10 best of each query with exact search
//! and with approximate search, in turns. The recall is the share of the exact answer that is in the approximate one; a
//! ratio is the median of those within a turn, as seconds alone mean little on a shared machine.

#[path = "common/middle.rs"]
mod middle;

use clip_search::build::index::{self, Wanted};
use clip_search::embedding::Embedding;
use clip_search::features::Features;
use clip_search::features::int8::Int8;
use clip_search::features::ivf::Ivf;
use clip_search::features::nearest::{Hit, Lookup};
use clip_search::features::npy::{self, FeaturesIn, SumOf};
use clip_search::features::sum::Sum;
use clip_search::search::approximate::Approximate;
use clip_search::search::exact::Exact;
use clip_search::search::rows::Rows;
use clip_search::search::{Done, VectorSearch};
use middle::middle;
use std::collections::HashSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Queries of each kind.
const QUERIES: usize = 100;

/// Hits that are asked for.
const LIMIT: usize = 10;

/// Shares of the images that a filter leaves.
const FILTERS: [f64; 4] = [0.5, 0.1, 0.01, 0.001];

fn main() -> Result<(), Box<dyn Error>> {
    let dir = (std::env::args().skip(1).map(PathBuf::from))
        .find(|path| path.is_dir())
        .ok_or("name the folder that `benches/approximate.py make FOLDER N` has filled")?;
    let n_lists = std::env::args().skip(1).find_map(|n| n.parse().ok());
    if n_lists.is_some() || !dir.join("features/features.ivf").exists() {
        let start = Instant::now();
        let made = index::run(&dir, Wanted::Lists { n_lists })?;
        let lists = made.lists.ok_or("no lists were made")?;
        println!(
            "made {} lists of {} vectors in {:.0} s: {} MB, beside {} MB of bytes\n",
            lists.n_lists,
            made.vectors,
            start.elapsed().as_secs_f64(),
            lists.size_bytes >> 20,
            made.size_bytes >> 20,
        );
    }
    let opened = Instant::now();
    let read = npy::read_summed(
        &dir.join("features/features.npy"),
        SumOf::All,
        FeaturesIn::Mapped,
    )?;
    let sum = read.sum.ok_or("no checksum")?;
    let features = read.features;
    let before = private_bytes();
    let start = Instant::now();
    let (ivf, int8) = open(&dir, &features, &sum)?;
    println!(
        "{} x {}, checksum in {:.1} s; lists opened in {:.0} ms with {} MB of memory\n",
        features.len(),
        features.width(),
        opened.elapsed().as_secs_f64(),
        start.elapsed().as_secs_f64() * 1e3,
        private_bytes().saturating_sub(before) >> 20,
    );
    let exact = Exact::new(features.clone());
    // A machine whose memory does not hold all three files is spared this one.
    let in_bytes = int8.is_some();
    let of_bytes = Exact::new(features.clone()).with_int8(int8.clone());
    let approximate = [0.95, 0.98, 0.99].map(|recall| {
        let exact = Exact::new(features.clone()).with_int8(int8.clone());
        let engine = Approximate::new(features.clone(), ivf.clone(), recall, exact);
        (format!("approximate, {recall}"), engine)
    });
    let mut engines: Vec<(&str, &dyn VectorSearch)> = Vec::new();
    if in_bytes {
        engines.push(("int8 before f16", &of_bytes));
    }
    engines.extend((approximate.iter()).map(|(name, engine)| (name.as_str(), engine as _)));
    println!("| queries | images | engine | recall@{LIMIT} | told | scored | ms | x exact, f16 |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for kind in ["texts", "pictures"] {
        let queries = npy::read(&dir.join(kind).with_extension("npy"))?.features;
        let queries: Vec<Embedding> = (0..queries.len().min(QUERIES))
            .map(|row| Embedding::new(queries.row(row).to_vec()))
            .collect::<Result<_, _>>()?;
        compare(kind, "all", &exact, &engines, &queries, None)?;
        for share in FILTERS {
            let mut random = fastrand::Rng::with_seed(7);
            let rows: Rows = (0..features.len())
                .filter(|_| random.f64() < share)
                .collect();
            let queries = &queries[..queries.len().min(QUERIES / 2)];
            let images = format!("{} %", share * 100.0);
            compare(kind, &images, &exact, &engines, queries, Some(&rows))?;
        }
    }
    Ok(())
}

/// Memory that this process has and no other: not the pages of mapped files.
fn private_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = (status.lines())
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kilobytes.unwrap_or(0) << 10
}

fn open(dir: &Path, features: &Features, sum: &Sum) -> Result<(Ivf, Option<Int8>), Box<dyn Error>> {
    let [ivf, int8] = ["features/features.ivf", "features/features.i8"].map(|name| dir.join(name));
    let (none, mapped) = (SumOf::UpTo(0), FeaturesIn::Mapped);
    let ivf = Ivf::open(&ivf, features, sum, none, mapped)?.ok_or("no features.ivf")?;
    let int8 = Int8::open(&int8, features, sum, none, mapped)?;
    Ok((ivf, int8))
}

/// Prints what each engine finds of what the exact one does, and how quickly.
fn compare(
    kind: &str,
    images: &str,
    exact: &dyn VectorSearch,
    engines: &[(&str, &dyn VectorSearch)],
    queries: &[Embedding],
    rows: Option<&Rows>,
) -> Result<(), Box<dyn Error>> {
    let mut ratios = vec![Vec::new(); engines.len()];
    let mut seconds = vec![Vec::new(); engines.len()];
    let mut n_found = vec![0; engines.len()];
    let mut n_expected = 0;
    let mut told = vec![Done::default(); engines.len()];
    // The first one warms up.
    for (turn, query) in queries.iter().take(1).chain(queries).enumerate() {
        let (expected, _, of_exact) = search(exact, query, rows)?;
        let expected: HashSet<usize> = expected.iter().map(|hit| hit.row).collect();
        n_expected += expected.len() * usize::from(turn > 0);
        for (number, (_, engine)) in engines.iter().enumerate() {
            let (found, done, of_engine) = search(*engine, query, rows)?;
            if turn > 0 {
                seconds[number].push(of_engine);
                ratios[number].push(of_engine / of_exact);
                n_found[number] += (found.iter())
                    .filter(|hit| expected.contains(&hit.row))
                    .count();
                told[number] = done;
            }
        }
    }
    for (number, (name, _)) in engines.iter().enumerate() {
        println!(
            "| {kind} | {images} | {name} | {:.3} | {:.3} | {} | {:.2} | {:.3} |",
            n_found[number] as f64 / n_expected.max(1) as f64,
            told[number].expected_recall,
            told[number].images_scored,
            middle(seconds[number].clone()) * 1e3,
            middle(ratios[number].clone()),
        );
    }
    Ok(())
}

fn search(
    engine: &dyn VectorSearch,
    query: &Embedding,
    rows: Option<&Rows>,
) -> Result<(Vec<Hit>, Done, f64), Box<dyn Error>> {
    let lookup = Lookup {
        query,
        min_score: -1.0,
        limit: Some(LIMIT),
    };
    let start = Instant::now();
    let (mut found, done) = engine.each(&[lookup], rows, &|| false)?;
    let seconds = start.elapsed().as_secs_f64();
    Ok((found.pop().unwrap_or_default(), done, seconds))
}
