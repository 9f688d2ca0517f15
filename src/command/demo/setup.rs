//! Making the collection and the metadata of a demo, the way anybody makes theirs.

use super::dir::DemoDir;
use super::files::{METADATA, MODEL};
use crate::blocking::blocking;
use crate::build::limit::Limit;
use crate::build::options::{BuildOptions, Source};
use crate::build::{self, Outcome};
use crate::collection::Collection;
use crate::encoder::Encoder;
use crate::encoder::onnx::{ClipEncoder, EncoderOptions};
use crate::engine::Engine;
use crate::fetch::{FetchLimits, Fetcher};
use crate::print::note;
use crate::sparql::{Sparql, SparqlOptions};
use crate::store::{self, LoadTarget};
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;

/// The collection, below the demo directory.
const DATA: &str = "data";
/// The metadata store, below the demo directory.
const STORE: &str = "store";
/// The IIIF URLs that the collection is built from, below the demo directory.
const IMAGES_CSV: &str = "images.csv";

/// Whether the set-up came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetUp {
    /// All is there.
    Finished,
    /// Stopped on request.
    Interrupted,
}

/// Opens the demo's model, with ONNX Runtime from `runtime_library` if that is given. Blocks.
pub(super) fn open_model(
    dir: &DemoDir,
    runtime_library: Option<PathBuf>,
) -> anyhow::Result<Arc<dyn Encoder>> {
    let options = EncoderOptions {
        runtime_library,
        ..EncoderOptions::default()
    };
    Ok(Arc::new(ClipEncoder::open(&dir.path(MODEL), &options)?))
}

/// Builds the collection from the IIIF service at `iiif` (an origin, without a slash), which runs.
pub(super) async fn build(
    dir: &DemoDir,
    iiif: &str,
    encoder: Arc<dyn Encoder>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<SetUp> {
    let started = Instant::now();
    let (fetcher, list) = (fetcher(iiif)?, format!("{iiif}/images.csv"));
    let csv = blocking(move || Ok(fetcher.get_blocking(&list)?)).await?;
    dir.write_file(IMAGES_CSV, &csv)?;
    let mut options = BuildOptions::new(Source::Csv(dir.path(IMAGES_CSV)), dir.path(DATA));
    // Nothing is in the way between this process and itself.
    options.max_failures = Limit::Images(0);
    // Its pictures are others under another port, and with --files.
    options.max_prune = Limit::Percent(100.0);
    options.network.uses_proxy = false;
    let summary = build::run(options, encoder, stop).await?;
    let n_failed: usize = summary.failed.values().sum();
    match summary.outcome {
        Outcome::Finished => {}
        Outcome::Interrupted => return Ok(SetUp::Interrupted),
        Outcome::TooManyFailures => bail!(
            "{n_failed} of {} pictures have no features; {} says why",
            summary.images,
            dir.path(DATA).join("failures.csv").display()
        ),
    }
    note(format_args!(
        "features of {} pictures: {} made over IIIF, {} from earlier runs, in {:.1} s",
        summary.images,
        summary.encoded,
        summary.reused,
        started.elapsed().as_secs_f64()
    ));
    Ok(SetUp::Finished)
}

/// Loads the metadata into a new store; the IIIF service at `iiif` is the base of its relative IRIs.
/// Blocks.
pub(super) fn load(dir: &DemoDir, iiif: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    dir.remove_folder(STORE)?;
    let store = store::open_for_writing(&dir.path(STORE))?;
    let base = format!("{iiif}/");
    let target = LoadTarget {
        base: Some(&base),
        ..LoadTarget::default()
    };
    let n_triples = store::load_file(&store, &dir.path(METADATA), target)?.n_triples;
    note(format_args!(
        "metadata: {n_triples} triples loaded in {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Opens what was set up. Blocks.
pub(super) fn open(
    dir: &DemoDir,
    iiif: &str,
    encoder: Arc<dyn Encoder>,
    options: SparqlOptions,
    runtime: Handle,
) -> anyhow::Result<Sparql> {
    let collection = Collection::open(&dir.path(DATA))?;
    let store = store::open_for_reading(Some(&dir.path(STORE)))?;
    let engine = Engine::new(Arc::new(collection), encoder, fetcher(iiif)?);
    Ok(Sparql::new(store, Arc::new(engine), options, runtime))
}

/// Reaches the demo's own IIIF service, and beside it what anybody's queries reach.
fn fetcher(iiif: &str) -> anyhow::Result<Fetcher> {
    let host = iiif.trim_start_matches("http://");
    let allow = host
        .parse()
        .with_context(|| format!("the IIIF service {iiif} cannot be fetched from"))?;
    Ok(Fetcher::new(
        Handle::current(),
        allow,
        FetchLimits::default(),
    )?)
}
