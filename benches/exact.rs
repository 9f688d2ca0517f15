//! Exact search beside what it must cost: `cargo bench --bench exact [-- N]`, a million images of width 512 unless told.
//!
//! A folder after N keeps the files, for `benches/exact.py` to search the same vectors with numpy and faiss.
//!
//! All is measured in turns, and what counts are the medians of the ratios within a turn: seconds alone mean little on a
//! shared machine. Beside them stands the processor time that the process took.

#[expect(dead_code, reason = "other benchmarks use the rest")]
mod common;
#[path = "common/middle.rs"]
mod middle;

use clip_search::embedding::Embedding;
use clip_search::features::Features;
use clip_search::features::int8::{self, Int8};
use clip_search::features::nearest::{Hit, Lookup};
use clip_search::features::npy::{self, FeaturesIn, Precision, SumOf, header};
use clip_search::features::sum::Sum;
use clip_search::search::VectorSearch;
use clip_search::search::exact::Exact;
use clip_search::search::rows::Rows;
use common::{D, Random};
use middle::middle;
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

const TURNS: usize = 7;
const LABELS: usize = 20;

/// What is measured: its name, and the work, which tells whether it found anything.
type Case<'a> = (&'a str, Box<dyn Fn() -> bool + 'a>);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n = (std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok()))
    .unwrap_or(1_000_000);
    let kept = std::env::args()
        .skip(1)
        .map(PathBuf::from)
        .find(|path| path.is_dir());
    let temporary = tempfile::tempdir()?;
    let dir = kept.as_deref().unwrap_or(temporary.path());
    let halves = features(dir, n, Precision::F16)?;
    let singles = features(dir, n, Precision::F32)?;
    let widened: Vec<f32> = (0..n)
        .flat_map(|row| halves.row(row).into_owned())
        .collect();
    // As many bytes as the file in half precision has, to be read.
    let words = vec![1u64; n * D / 4];
    let mut random = Random(1);
    let queries: Vec<Embedding> = (0..LABELS).map(|_| random.embedding()).collect();
    let lookups: Vec<Lookup<'_>> = queries.iter().map(top10).collect();
    let some: Rows = (0..n).step_by(97).collect();
    let int8 = in_bytes(dir, &halves)?;
    let engines = [
        Exact::new(halves.clone()),
        Exact::new(singles),
        Exact::new(halves.clone()).with_int8(Some(int8)),
    ];
    let [of_halves, of_singles, of_bytes] = &engines;
    // 1.1 % of them are above it.
    let above_some = Lookup {
        min_score: 0.1,
        limit: None,
        ..lookups[0]
    };
    let above = |engine: &Exact| {
        let ranked = engine.ranked(above_some, None, None, &|| false);
        ranked.is_ok_and(|(mut ranking, _)| {
            ranking
                .next_block(64, &|| false)
                .is_ok_and(|(_, hits)| hits.len() >= 64)
        })
    };
    let search = |engine: &Exact, lookups: &[Lookup<'_>], rows: Option<&Rows>| {
        black_box(engine.each(lookups, rows, &|| false)).is_ok_and(|(hits, _)| !hits.is_empty())
    };
    let floor = "reading as many bytes, all processors";
    let before = "f32, one thread, as it was";
    let single = "f16 file, top 10";
    let cases: Vec<Case<'_>> = vec![
        (floor, Box::new(|| sum(&words) > 0)),
        (
            before,
            Box::new(|| plain(&widened, &queries[0]).len() == 10),
        ),
        (single, Box::new(|| search(of_halves, &lookups[..1], None))),
        (
            "f32 file, top 10",
            Box::new(|| search(of_singles, &lookups[..1], None)),
        ),
        (
            "f16 file, 1 % of the images",
            Box::new(|| search(of_halves, &lookups[..1], Some(&some))),
        ),
        (
            "f16 file, 20 labels, one by one",
            Box::new(|| {
                lookups
                    .iter()
                    .all(|lookup| search(of_halves, &[*lookup], None))
            }),
        ),
        (
            "f16 file, 20 labels together",
            Box::new(|| search(of_halves, &lookups, None)),
        ),
        (
            "f16 file, all above a score: ranked, first 64",
            Box::new(|| above(of_halves)),
        ),
        (
            "int8 before f16, top 10",
            Box::new(|| search(of_bytes, &lookups[..1], None)),
        ),
        (
            "int8 before f16, 20 labels together",
            Box::new(|| search(of_bytes, &lookups, None)),
        ),
        (
            "int8 before f16, all above a score: ranked, first 64",
            Box::new(|| above(of_bytes)),
        ),
    ];
    let mut seconds = vec![Vec::new(); cases.len()];
    let mut busy = vec![Vec::new(); cases.len()];
    for turn in 0..=TURNS {
        for (number, (name, work)) in cases.iter().enumerate() {
            let (start, of_processor) = (Instant::now(), processor_seconds());
            if !work() {
                return Err(format!("{name} found nothing").into());
            }
            // The first turn warms up.
            if turn > 0 {
                seconds[number].push(start.elapsed().as_secs_f64());
                busy[number].push(processor_seconds() - of_processor);
            }
        }
    }
    println!("{n} x {D}; medians of {TURNS} turns\n");
    println!("| what | ms | processor ms | x the reading | x f32 as it was |");
    println!("| --- | --- | --- | --- | --- |");
    for (number, (name, _)) in cases.iter().enumerate() {
        let ratio_to = |other: usize| {
            middle(
                (0..TURNS)
                    .map(|turn| seconds[number][turn] / seconds[other][turn])
                    .collect(),
            )
        };
        println!(
            "| {name} | {:.1} | {:.0} | {:.2} | {:.2} |",
            middle(seconds[number].clone()) * 1e3,
            middle(busy[number].clone()) * 1e3,
            ratio_to(0),
            ratio_to(1)
        );
    }
    Ok(())
}

fn top10(query: &Embedding) -> Lookup<'_> {
    Lookup {
        query,
        min_score: -1.0,
        limit: Some(10),
    }
}

/// A file of random vectors, opened.
fn features(
    dir: &Path,
    n: usize,
    precision: Precision,
) -> Result<Features, Box<dyn std::error::Error>> {
    let path = dir.join(format!("{precision:?}.npy"));
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    file.write_all(&header(n, D, precision))?;
    let mut random = Random(42);
    let mut row = Vec::new();
    for _ in 0..n {
        row.clear();
        precision.write_row(random.embedding().as_slice(), &mut row);
        file.write_all(&row)?;
    }
    file.into_inner()?.sync_all()?;
    let start = Instant::now();
    let features = npy::read(&path)?.features;
    println!(
        "{precision:?} opened in {:.2} s",
        start.elapsed().as_secs_f64()
    );
    Ok(features)
}

/// The features once more, in bytes.
fn in_bytes(dir: &Path, features: &Features) -> Result<Int8, Box<dyn std::error::Error>> {
    let path = dir.join("F16.i8");
    let start = Instant::now();
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    let sum = Sum::of(b"the features of this benchmark");
    int8::write(features, &sum, &mut file)?;
    file.into_inner()?.sync_all()?;
    println!("in bytes in {:.2} s", start.elapsed().as_secs_f64());
    let int8 = Int8::open(&path, features, &sum, SumOf::UpTo(0), FeaturesIn::Mapped)?;
    Ok(int8.ok_or("the file was just written")?)
}

/// Reads all words with all processors.
fn sum(words: &[u64]) -> u64 {
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    let add = |part: &[u64]| {
        let mut sums = [0u64; 16];
        for chunk in part.as_chunks::<16>().0 {
            for (sum, word) in sums.iter_mut().zip(chunk) {
                *sum = sum.wrapping_add(*word);
            }
        }
        sums.iter().fold(0, |all: u64, sum| all.wrapping_add(*sum))
    };
    std::thread::scope(|scope| {
        let parts = words.chunks(words.len().div_ceil(n_threads).max(1));
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || add(part))).collect();
        let sums = threads.into_iter().filter_map(|thread| thread.join().ok());
        sums.fold(0, u64::wrapping_add)
    })
}

/// The best ten as they were found before: one thread, all scores in `f32`, what is found put in order.
fn plain(rows: &[f32], query: &Embedding) -> Vec<Hit> {
    let mut hits: Vec<Hit> = rows
        .chunks_exact(D)
        .enumerate()
        .map(|(row, vector)| {
            let mut sums = [0f32; 16];
            let query = query.as_slice().as_chunks::<16>().0;
            for (x, y) in vector.as_chunks::<16>().0.iter().zip(query) {
                for lane in 0..16 {
                    sums[lane] += x[lane] * y[lane];
                }
            }
            let score = sums.iter().sum();
            Hit { row, score }
        })
        .collect();
    let by_score = |a: &Hit, b: &Hit| b.score.total_cmp(&a.score);
    hits.select_nth_unstable_by(9, by_score);
    hits.truncate(10);
    hits.sort_unstable_by(by_score);
    hits
}

/// What all threads of this process have taken so far, where the system tells (Linux: in hundredths of a second).
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}
