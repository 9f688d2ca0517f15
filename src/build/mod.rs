//! The build command: IIIF URLs from a table or from manifests, images from their servers, vectors from the model.
//!
//! What it leaves in the data directory is described in `collection/open.rs`; beside that it keeps
//! `failures.csv`, `source.json`, `runs.json`, `manifests.nt` where the input is manifests, `metadata.nt` where RDF was asked for,
//! the downloads, the journals (`features/build.journal`, `features/sizes.journal`, and of a folder
//! `features/files.journal`), what servers said of their pictures (`features/answers.jsonl`) and which they did not have
//! (`features/gone.jsonl`), what is known of a stream (`harvest/`) and a lock file; of a shard, what `part.rs` describes.

mod answers;
pub mod asked;
mod batches;
mod columns;
mod delivery;
mod discovery;
mod download;
pub mod early;
mod encode;
mod endpoint;
pub mod failures;
mod files;
mod folder;
mod gone;
mod iiif;
pub mod index;
mod journal;
pub mod limit;
mod lines;
mod manifest;
mod measure;
pub mod merge;
mod metadata;
pub mod options;
mod output;
mod part;
mod progress;
mod prune;
pub mod recorded;
mod records;
mod remarks;
pub mod report;
pub mod robots;
pub mod runs;
pub mod shard;
mod sizes;
mod source;
mod statements;
mod table;
pub mod tally;
mod worst;

use crate::blocking::blocking;
use crate::collection::identity::Identity;
use crate::data_dir::{IDENTITY, IMAGES};
use crate::encoder::probe::Probe;
use crate::encoder::{Encoder, ModelLabel};
use crate::image_id;
use answers::Answers;
use anyhow::{Context, ensure};
use encode::{Encoded, Kept};
use endpoint::{MetadataQuery, Spool};
use failures::{Failure, Stage};
use files::{DataDir, Draft};
use folder::Reading;
use gone::Gone;
use journal::{Journal, Key};
use manifest::documents::Documents;
use options::{BuildOptions, Source};
use output::Maker;
use part::Part;
use prune::Vanished;
use recorded::Origin;
use runs::Run;
use shard::Shard;
use sizes::Sizes;
use source::Input;
use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;
use tally::HostTally;

/// What a build came to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BuildSummary {
    /// Whether the build came to its end.
    pub outcome: Outcome,
    /// The shard, if not all images were to be built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Rows of the input, those of other shards included.
    pub rows: usize,
    /// Rows left out at no loss: no URL in them, or the URL of an earlier row.
    pub skipped: usize,
    /// Different images with a usable URL.
    pub images: usize,
    /// Images with a vector from this run.
    pub encoded: usize,
    /// Of these, images that had one from an earlier run and have changed.
    #[serde(default)]
    pub changed: usize,
    /// Images with a vector from an earlier run.
    pub reused: usize,
    /// Images of the collection as it was that the input does not name any more, and that are gone.
    #[serde(default)]
    pub removed: usize,
    /// Such images that are kept (`--prune no`).
    #[serde(default)]
    pub kept: usize,
    /// Images without a vector because something failed, or that could not be looked at again, by what failed.
    pub failed: BTreeMap<failures::Stage, usize>,
    /// Of these, images that were not asked for in this run, since their servers did not have them in an earlier one.
    #[serde(default)]
    pub passed_over: usize,
}

/// How a build ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The collection is written; failures are within the limit.
    Finished,
    /// The collection is written; more images failed than the limit allows.
    TooManyFailures,
    /// Stopped on request. The collection is as before, finished work is kept for the next run.
    Interrupted,
}

impl Outcome {
    /// The exit code of a build that ends so.
    ///
    /// Too many failures are not 2, with which clap ends for a wrong command line; interrupted is that of a process
    /// ended by SIGINT.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Finished => 0,
            Self::TooManyFailures => 3,
            Self::Interrupted => 130,
        }
    }
}

impl std::fmt::Display for BuildSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let failed: usize = self.failed.values().sum();
        if let Some(shard) = self.shard {
            write!(f, "shard {shard}: ")?;
        }
        write!(
            f,
            "{} rows, {} skipped, {} images: {} encoded, {} from earlier runs, {failed} failed",
            self.rows, self.skipped, self.images, self.encoded, self.reused
        )?;
        for (stage, n) in &self.failed {
            write!(f, ", {n} at {stage}")?;
        }
        for (n, what) in [(self.removed, "removed"), (self.kept, "kept")] {
            if n > 0 {
                write!(f, "; {n} that are not in the input any more {what}")?;
            }
        }
        if self.shard.is_some() && self.images == 0 {
            write!(f, "; no image of the input is in this shard")?;
        }
        if self.changed > 0 {
            write!(f, "; {} had changed and were encoded anew", self.changed)?;
        }
        if self.passed_over > 0 {
            let n = self.passed_over;
            write!(
                f,
                "; {n} whose servers did not have them were passed over, --retry-gone 0 asks for them now"
            )?;
        }
        match self.outcome {
            Outcome::Finished => Ok(()),
            Outcome::TooManyFailures => write!(f, "; more failures than allowed, see failures.csv"),
            Outcome::Interrupted => {
                write!(f, "; interrupted, run the same command again to go on")
            }
        }
    }
}

/// The vectors that are known.
const JOURNAL: &str = "features/build.journal";

/// The sizes that are known.
const SIZES_JOURNAL: &str = "features/sizes.journal";

/// What servers said of the pictures.
const ANSWERS: &str = "features/answers.jsonl";

/// Which pictures servers did not have.
const GONE: &str = "features/gone.jsonl";

/// Of which files the vectors were made.
const FILES_JOURNAL: &str = "features/files.journal";

/// What the manifests of a build say.
const MANIFESTS: &str = "manifests.nt";

/// Builds the collection in `options.data_dir`.
///
/// Images that fail are listed in `failures.csv` and cost nothing but themselves. When `shutdown`
/// completes, or the process is killed, the collection stays as it was; the next build with the same
/// options takes up the finished work and ends with the same bytes as one that was never stopped.
///
/// # Errors
/// If the input cannot be had or has no such column, more images have vanished from it than may, the model
/// cannot be run, the data directory cannot be written, is in use or holds another shard, or no image at all has a
/// vector; a shard may have none.
pub async fn run(
    options: BuildOptions,
    encoder: Arc<dyn Encoder>,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<BuildSummary> {
    let mut shutdown = pin!(shutdown);
    let begun = Instant::now();
    report::check(&options.reports)?;
    ensure!(
        options.prune || options.shard.is_none(),
        "--prune no keeps images that the input does not name, which are of no shard; build shards without it"
    );
    let dir = DataDir::lock(&options.data_dir)?;
    part::check(&dir, options.shard)?;
    let requested = delivery::requested(&options, &dir, encoder.short_edge_px())?;
    dir.check_images(requested)?;
    let (input, drafts) = tokio::select! {
        input = read_input(&options, &dir) => input?,
        () = &mut shutdown => return Ok(BuildSummary::interrupted_at_once()),
    };
    dir.claim_images(requested)?;
    let (options, input, drafts, vanished, part) = blocking(move || {
        let (mut input, mut drafts) = (input, drafts);
        let part = Part::take(&options, &mut input, &drafts)?;
        let vanished = prune::compare(&options, &input, &mut drafts.images_csv)?;
        Ok((options, input, drafts, vanished, part))
    })
    .await?;
    part::claim(&dir, options.shard)?;
    let journal_path = dir.path(JOURNAL);
    let sync_every = options.batch_size.get();
    let sizes_path = dir.path(SIZES_JOURNAL);
    let answers_path = dir.path(ANSWERS);
    let gone_path = dir.path(GONE);
    let (files_path, files) = (dir.path(FILES_JOURNAL), drafts.files.clone());
    let (refreshes, retry_gone) = (options.refreshes, options.retry_gone);
    let (options, mut input, vanished, kept, probe, encoder) = blocking(move || {
        let probe = Probe::of(&*encoder)?;
        let key = Key {
            model: probe.fingerprint(),
            width: u32::try_from(encoder.width()).context("the model's vectors are too wide")?,
            requested,
        };
        let model = key.model;
        check_model(&options.data_dir, &probe, encoder.label())?;
        let mut journal = Journal::open(&journal_path, key, sync_every)?;
        let mut sizes = Sizes::open(&sizes_path, requested, sync_every)?;
        prune::restore(&options, &vanished.kept, &probe, &mut journal, &mut sizes)?;
        let known = (&mut journal, &mut sizes);
        let files = match files {
            Some(files) => {
                let reading =
                    Reading::open(&files_path, model, sync_every, files, &input.images, known);
                Some(reading?)
            }
            None => {
                folder::forget_files(&files_path, model, &input.images, known)?;
                None
            }
        };
        let kept = Kept {
            journal,
            sizes,
            files,
            answers: Answers::open(&answers_path, requested, refreshes, sync_every)?,
            gone: Gone::open(&gone_path, retry_gone)?,
        };
        Ok((options, input, vanished, kept, probe, encoder))
    })
    .await?;
    let label = encoder.label();
    let journal = &kept.journal;
    let before = Before {
        begun,
        n_reused: (input.images.iter())
            .filter(|i| journal.contains(&i.id))
            .count(),
    };
    let n_named = input.images.len();
    // Nobody is asked about images that are kept and whole.
    let bare = vanished.kept.iter().filter(|i| !journal.contains(&i.id));
    input.images.extend(bare.cloned());
    let encoded = encode::encode_all(dir, &input.images, kept, encoder, &options, shutdown).await?;
    input.images.truncate(n_named);
    let maker = Maker { label, probe };
    let made = Made {
        input,
        vanished,
        drafts,
        part,
        encoded,
    };
    blocking(move || finish(&options, &maker, made, &before)).await
}

/// Vectors of two models have nothing to do with each other, and a wrong --model must not cost those that are there.
///
/// # Errors
/// If the collection is of another model.
fn check_model(dir: &Path, probe: &Probe, label: Option<ModelLabel>) -> anyhow::Result<()> {
    let name = |label: Option<ModelLabel>| {
        label.map_or_else(|| "another model".to_owned(), |label| label.to_string())
    };
    if let Ok(Some(identity)) = Identity::read(dir) {
        ensure!(
            identity.model.fingerprint == image_id::hex(&probe.fingerprint()),
            "the vectors in {} are of {}, and this is {}; nothing is changed; name the same model with --model, give another --data-dir, or delete {} to have all images encoded anew",
            dir.display(),
            name(identity.model.label),
            name(label),
            dir.join(IDENTITY).display()
        );
    }
    Ok(())
}

/// What comes of the input and the images.
struct Made {
    input: Input,
    vanished: Vanished,
    drafts: Drafts,
    part: Option<Part>,
    encoded: Encoded,
}

/// What was before the first image was fetched.
struct Before {
    begun: Instant,
    /// Images of the input that had their vector.
    n_reused: usize,
}

/// What the input gives besides the images.
struct Drafts {
    /// `images.csv`.
    images_csv: Draft,
    /// What manifests say, as RDF.
    triples: Option<Draft>,
    /// The files that the images are in.
    files: Option<Arc<folder::Files>>,
    /// What an endpoint was asked for besides, as RDF.
    metadata: Option<Draft>,
    /// How far a stream was read.
    ending: Option<discovery::Ending>,
}

/// The images of the input, and the files that are made of it.
async fn read_input(options: &BuildOptions, dir: &DataDir) -> anyhow::Result<(Input, Drafts)> {
    let images_csv = dir.path(IMAGES);
    let column = options.iiif_column.clone();
    let (mut triples, mut metadata, mut files, mut ending) = (None, None, None, None);
    let (input, images_csv) = match &options.source {
        Source::Csv(path) => {
            let path = path.clone();
            let open = move || table::from_file(&path, &column);
            let column = options.iiif_column.clone();
            blocking(move || source::read(open, &column, &images_csv)).await?
        }
        Source::Sparql { endpoint, query } => {
            let queries = options.metadata_queries.iter();
            let queries: Vec<MetadataQuery> = queries
                .map(|query| MetadataQuery::new(query))
                .collect::<anyhow::Result<_>>()?;
            let spool = Spool::new(dir);
            let input = endpoint::read(endpoint, query, options, &spool, images_csv).await?;
            // Of several machines one asks, and leaves the answer to all.
            let queries = match options.shard {
                Some(shard) if shard.number() > 1 => Vec::new(),
                _ => queries,
            };
            let path = dir.path(metadata::METADATA);
            metadata = endpoint::read_metadata(endpoint, &queries, options, &spool, path).await?;
            metadata::check(dir, metadata.as_ref())?;
            input
        }
        Source::Manifests(roots) => {
            let named = manifest::named(roots).await?;
            let documents = Documents::new(options)?;
            let read = manifest::read(named, documents, options, dir).await?;
            triples = Some(read.triples);
            (read.input, read.images_csv)
        }
        Source::Discovery(stream) => {
            let (read, end) = discovery::read(stream, options, dir).await?;
            triples = Some(read.triples);
            ending = Some(end);
            (read.input, read.images_csv)
        }
        Source::Folder { dir, base_url } => {
            let (input, images_csv, read) =
                folder::read(dir, base_url, options, images_csv).await?;
            files = Some(read);
            (input, images_csv)
        }
    };
    for remark in &input.remarks {
        tracing::warn!("{remark}");
    }
    let drafts = Drafts {
        images_csv,
        triples,
        files,
        metadata,
        ending,
    };
    Ok((input, drafts))
}

/// Writes what was built and counts it.
fn finish(
    options: &BuildOptions,
    maker: &Maker,
    made: Made,
    before: &Before,
) -> anyhow::Result<BuildSummary> {
    let Made {
        mut input,
        vanished,
        drafts,
        mut part,
        mut encoded,
    } = made;
    let n_skipped = input.skipped.len();
    let mut failures: Vec<Failure> = input.failures;
    failures.append(&mut encoded.failures);
    let mut failed = BTreeMap::new();
    for failure in &failures {
        *failed.entry(failure.stage).or_default() += 1;
    }
    let n_failed = failures.len();
    let n_kept = failed.get(&Stage::Refresh).copied().unwrap_or_default();
    let n_changed = encoded.n_changed;
    // A file that has changed has no vector until it is read again.
    let n_replaced = match drafts.files {
        Some(_) => 0,
        None => n_changed,
    };
    failures.extend(input.skipped);
    failures.sort_by_key(|failure| failure.row);
    if part.is_none() || !encoded.interrupted {
        // A shard that is whole names the checksum of this file, and stays so when the next build of it is cut off.
        failures::write(&encoded.dir.path(failures::FAILURES), &failures)?;
    }
    if let Some(part) = &mut part {
        part.failed.clone_from(&failed);
    }
    let n_vectors = input
        .images
        .iter()
        .filter(|i| encoded.journal.contains(&i.id))
        .count();
    let mut summary = BuildSummary {
        outcome: Outcome::Interrupted,
        shard: part.as_ref().map(Part::shard),
        rows: input.n_rows,
        skipped: n_skipped,
        images: input.images.len(),
        encoded: n_vectors - before.n_reused + n_replaced,
        changed: n_changed,
        reused: before.n_reused - n_replaced,
        removed: 0,
        kept: 0,
        failed,
        passed_over: encoded.gone.n_passed,
    };
    let note_run = |hosts: &BTreeMap<String, HostTally>, summary: &BuildSummary| {
        Run::new(
            Origin::of(&options.source).mode(),
            summary,
            hosts,
            before.begun.elapsed(),
        )
        .note(&options.data_dir);
    };
    if !encoded.interrupted {
        summary.removed = vanished.n_removed;
        summary.kept = vanished.kept.len();
        input.images.extend(vanished.kept);
        let (has_triples, has_metadata) = (drafts.triples.is_some(), drafts.metadata.is_some());
        // Shards are loaded when they are one.
        let store = options.store.as_deref().filter(|_| part.is_none());
        if has_triples && store.is_some() {
            manifest::remember(&encoded.dir)?;
        }
        output::publish(
            &encoded.dir,
            &input.images,
            (drafts.images_csv, drafts.triples, drafts.metadata),
            part.as_ref(),
            &mut encoded.journal,
            &encoded.sizes,
            options.precision,
            maker,
        )?;
        if !options.keep_images {
            output::remove_downloads(&encoded.dir, &input.images, &encoded.journal)?;
        }
        if options.prune {
            output::remove_vanished(&encoded.dir, &input.images, &encoded.journal)?;
        }
        (encoded.gone.end_build()).context("the end of the build cannot be written down")?;
        summary.outcome =
            match (options.max_failures).allow(n_failed, n_failed + n_vectors - n_kept) {
                true => Outcome::Finished,
                false => Outcome::TooManyFailures,
            };
        recorded::write(options, &summary)?;
        note_run(&encoded.hosts, &summary);
        report::write(report::Run {
            options,
            summary: &summary,
            failures: &failures,
            hosts: encoded.hosts,
            model: maker.label.as_ref(),
            took: before.begun.elapsed(),
        })?;
        // Last: the collection is whole whatever becomes of the store.
        if has_triples {
            // What is said of images that are kept is, too, and what manifests say that could not be read.
            let goes = options.prune && !summary.failed.contains_key(&Stage::Manifest);
            let ending = drafts.ending.as_ref().filter(|_| options.prune);
            let outdated = ending.map(|ending| ending.outdated(options.crawl.max_document_bytes));
            let outdated = outdated.transpose()?.into_iter().flatten();
            manifest::load(&encoded.dir, store, outdated, goes)?;
        }
        if has_metadata {
            metadata::load(&encoded.dir, store)?;
        }
        if let Some(ending) = drafts.ending {
            ending.keep(options.prune)?;
        }
    } else {
        note_run(&encoded.hosts, &summary);
    }
    Ok(summary)
}

impl BuildSummary {
    fn interrupted_at_once() -> Self {
        Self {
            outcome: Outcome::Interrupted,
            shard: None,
            rows: 0,
            skipped: 0,
            images: 0,
            encoded: 0,
            changed: 0,
            reused: 0,
            removed: 0,
            kept: 0,
            failed: BTreeMap::new(),
            passed_over: 0,
        }
    }
}
