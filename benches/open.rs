//! What opening a collection costs: `cargo bench --bench open [-- N]`, a million images of width 512 in float16 unless told.
//!
//! The floor is reading the bytes of all files; beside it stands the same collection with quotes in its table, which is
//! read as any table is. Memory is that of this process without the mapped pages, on Linux.

#[expect(dead_code, reason = "other benchmarks use the rest")]
mod common;

use clip_search::collection::Collection;
use clip_search::collection::identity::{Identity, Sums};
use clip_search::collection::requested::Requested;
use clip_search::collection::sizes;
use clip_search::data_dir::{FEATURES, IDENTITY, IMAGE_IDS, IMAGES, SIZES};
use clip_search::encoder::probe::Probe;
use clip_search::features::npy::{self, Precision, header};
use clip_search::features::sum::{Sum, Summing};
use clip_search::image_id::image_id;
use common::{D, Random, median};
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

const FILES: [&str; 4] = [FEATURES, IMAGE_IDS, IMAGES, SIZES];

fn url(n: usize) -> String {
    let host = n % 1_000_003 / 150_000;
    format!("https://iiif.museum-{host}.example.org/iiif/2/collection%2F{n:010}")
}

fn write_collection(dir: &Path, n: usize) -> Result<(), Box<dyn std::error::Error>> {
    fs::create_dir_all(dir.join("features"))?;
    let create = |name| File::create(dir.join(name)).map(BufWriter::new);
    let [mut features, mut ids, mut images, mut sizes] = [
        create(FEATURES)?,
        create(IMAGE_IDS)?,
        create(IMAGES)?,
        create(SIZES)?,
    ];
    features.write_all(&header(n, D, Precision::F16))?;
    writeln!(ids, "image_id")?;
    writeln!(images, "localIdentifier,iiif_url")?;
    writeln!(sizes, "{}", sizes::COLUMNS.join(","))?;
    let mut random = Random(42);
    // What the vectors are does not matter here, and a million of them take their time.
    let some: Vec<Vec<u8>> = (0..1000)
        .map(|_| {
            let embedding = random.embedding();
            let halves = embedding.as_slice().iter().map(|x| half::f16::from_f32(*x));
            halves.flat_map(half::f16::to_le_bytes).collect()
        })
        .collect();
    for row in 0..n {
        let id = image_id(&url(row));
        features.write_all(&some[row % some.len()])?;
        writeln!(ids, "{id}")?;
        writeln!(images, "{id},{}", url(row))?;
        writeln!(sizes, "{id},{},3000,2,level2,info,,,", 2000 + row % 3000)?;
    }
    for mut file in [features, ids, images, sizes] {
        file.flush()?;
    }
    let identity = Identity::new(
        None,
        &Probe {
            image: random.embedding(),
            text: random.embedding(),
        },
        Requested::Width(640),
        n,
        Sums {
            features: sum(&dir.join(FEATURES))?,
            image_ids: sum(&dir.join(IMAGE_IDS))?,
            sizes: Some(sum(&dir.join(SIZES))?),
        },
    );
    fs::write(dir.join(IDENTITY), identity.to_json())?;
    Ok(())
}

fn sum(path: &Path) -> std::io::Result<Sum> {
    let mut summing = Summing::default();
    std::io::copy(&mut File::open(path)?, &mut summing)?;
    Ok(summing.finish())
}

/// Memory of this process that is not that of files, in bytes.
fn own_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    let kb: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kb * 1024)
}

/// Time that `work` takes for a row, in nanoseconds.
fn each_ns(n: usize, work: impl Fn(usize) -> bool) -> f64 {
    let rows: Vec<usize> = (0..100_000).map(|i| i * 7919 % n).collect();
    let begin = Instant::now();
    assert!(rows.iter().all(|row| black_box(work(*row))), "it is found");
    begin.elapsed().as_secs_f64() * 1e9 / 100_000.0
}

fn report(what: &str, time: Duration, floor: Duration) {
    let ratio = time.as_secs_f64() / floor.as_secs_f64();
    let ms = time.as_secs_f64() * 1e3;
    println!("{what:<46} {ms:>9.1} ms   {ratio:>6.2} x reading the bytes");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n = (std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok()))
    .unwrap_or(1_000_000);
    let dir = tempfile::tempdir()?;
    let dir = dir.path();
    write_collection(dir, n)?;

    let before = own_bytes();
    let collection = Collection::open(dir)?;
    if let (Some(before), Some(after)) = (before, own_bytes()) {
        let own = after.saturating_sub(before);
        let features = fs::metadata(dir.join(FEATURES))?.len();
        #[expect(
            clippy::cast_precision_loss,
            reason = "it is printed with three digits"
        )]
        let (mb, ratio) = (own as f64 / 1e6, own as f64 / features as f64);
        println!("{n} images: {mb:.0} MB beside the mapped file, {ratio:.2} x its size");
    }
    let of_writing = each_ns(n, |row| !url(row).is_empty());
    let of_url = each_ns(n, |row| collection.row_of_url(&url(row)) == Some(row));
    let to_url = each_ns(n, |row| !collection.url(row).is_empty());
    println!(
        "the row of a URL: {:.0} ns; the URL of a row: {to_url:.0} ns",
        of_url - of_writing
    );
    drop(collection);

    let pieces = FILES.map(|name| dir.join(name));
    let floor = median(5, || {
        (pieces.iter())
            .map(|path| fs::read(path).map_or(0, |bytes| bytes.len()))
            .sum::<usize>()
    });
    report("reading the bytes of all files", floor, floor);
    report("open", median(5, || Collection::open(dir)), floor);
    let features = median(5, || npy::read(&dir.join(FEATURES)));
    report("of which the features", features, floor);
    let images = fs::read_to_string(dir.join(IMAGES))?;
    fs::write(
        dir.join(IMAGES),
        images.replacen("iiif_url", "\"iiif_url\"", 1),
    )?;
    drop(images);
    report(
        "open, a table with quotes",
        median(3, || Collection::open(dir)),
        floor,
    );
    Ok(())
}
