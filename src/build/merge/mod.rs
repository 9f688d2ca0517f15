//! Shards of a build become the collection that one build of all would have made: [`run`].
//!
//! Every file is read from its beginning to its end, beside those of the other shards, and written in the order of
//! the input: the length of a collection is no matter of memory, but for four bytes for each image.

mod harvest;
mod images;
mod journals;
mod member;
mod order;
mod shards;
mod source;
mod tables;
pub(super) mod target;

use super::MANIFESTS;
use super::failures::{FAILURES, Stage};
use super::files::{self, DataDir, Draft};
use super::limit::Limit;
use super::metadata::METADATA;
use super::output::Files;
use crate::collection::identity::Sums;
use crate::collection::sizes;
use crate::data_dir::{FEATURES, IDENTITY, IMAGE_IDS, IMAGE_IDS_COLUMN, IMAGES, SIZES};
use anyhow::{Context, ensure};
use member::Member;
use order::Order;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

/// Everything that `clip-search merge` can be told.
#[derive(Debug, Clone)]
pub struct MergeOptions {
    /// The data directory of the merged collection; created if need be.
    pub data_dir: PathBuf,
    /// The data directories of all shards, in any order.
    pub shards: Vec<PathBuf>,
    /// Whether the downloads are taken, too.
    pub with_images: bool,
    /// How many images may have failed before the collection counts as failed.
    pub max_failures: Limit,
}

/// What a merge came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeSummary {
    /// Shards that were put together.
    pub shards: usize,
    /// Rows of the input.
    pub rows: usize,
    /// Rows left out at no loss.
    pub skipped: usize,
    /// Images with a vector.
    pub vectors: usize,
    /// Images without one, by what failed.
    pub failed: BTreeMap<Stage, usize>,
    /// Whether the failures are within the limit.
    pub is_within_limit: bool,
}

impl std::fmt::Display for MergeSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let failed: usize = self.failed.values().sum();
        write!(
            f,
            "{} shards: {} rows, {} skipped, {} vectors, {failed} failed",
            self.shards, self.rows, self.skipped, self.vectors
        )?;
        for (stage, n) in &self.failed {
            write!(f, ", {n} at {stage}")?;
        }
        if self.is_within_limit {
            return Ok(());
        }
        write!(f, "; more failures than allowed, see failures.csv")
    }
}

/// Puts the shards together in `options.data_dir`, which becomes what one build of all images would have made of it,
/// byte for byte, and can be built further.
///
/// # Errors
/// If the folders are not all shards of one build, their files are not whole, the data directory holds anything else
/// than an earlier merge, or it cannot be written. Whatever was there stays as it was.
pub fn run(options: &MergeOptions) -> anyhow::Result<MergeSummary> {
    let members = shards::open(&options.shards)?;
    let n_vectors: usize = members.iter().map(|member| member.identity.images).sum();
    ensure!(
        n_vectors > 0,
        "no shard has a vector, so nothing is written; the failures.csv of each says what happened to its images"
    );
    target::check(&options.data_dir)?;
    let dir = DataDir::lock(&options.data_dir)?;
    // Somebody may have built there meanwhile.
    target::check(&options.data_dir)?;
    target::claim(&dir, members.len())?;
    let first = members.first().context("a merge has at least one shard")?;
    dir.claim_images(first.identity.requested)?;
    let order = Order::of(&members)?;
    let files = draft(&dir, first, &members, &order)?;
    if options.with_images {
        images::take(&dir, &members)?;
    }
    journals::merge(&dir, first, &members)?;
    harvest::take(&dir, first)?;
    files.publish(&dir)?;
    for name in [MANIFESTS, METADATA] {
        if !members.iter().any(|member| member.has(name)) {
            files::remove(&dir.path(name))?;
        }
    }
    let summary = summary(options, first, &members, n_vectors);
    source::merge(&dir, &members, summary.is_within_limit)?;
    Ok(summary)
}

/// The files of the collection.
fn draft(
    dir: &DataDir,
    first: &Member,
    members: &[Member],
    order: &Order,
) -> anyhow::Result<Files> {
    let images_csv = tables::images(&dir.path(IMAGES), members, order)?;
    let (features, features_sum) = tables::features(&dir.path(FEATURES), first, members, order)?;
    let of_ids = [IMAGE_IDS_COLUMN];
    let (image_ids, ids_sum) = tables::lines(dir, IMAGE_IDS, &of_ids, members, order)?;
    let (sizes, sizes_sum) = tables::lines(dir, SIZES, &sizes::COLUMNS, members, order)?;
    let mut identity = first.identity.clone();
    identity.images = order.n_vectors();
    identity.blake2b_256 = Sums {
        features: features_sum.clone(),
        image_ids: ids_sum,
        sizes: Some(sizes_sum),
    };
    let identity = Draft::write(&dir.path(IDENTITY), |file| {
        file.write_all(identity.to_json().as_bytes())
    })?;
    let mut others = vec![tables::failures(&dir.path(FAILURES), members)?];
    if first.has(MANIFESTS) {
        // All have the same: it is a part of their input.
        others.push(tables::copy(dir, MANIFESTS, first)?);
    }
    // One of them has asked for it.
    if let Some(member) = members.iter().find(|member| member.has(METADATA)) {
        others.push(tables::copy(dir, METADATA, member)?);
    }
    Ok(Files {
        images_csv,
        features,
        features_sum,
        sizes,
        identity,
        image_ids,
        others,
    })
}

fn summary(
    options: &MergeOptions,
    first: &Member,
    members: &[Member],
    n_vectors: usize,
) -> MergeSummary {
    let mut failed = BTreeMap::new();
    for (stage, n) in members.iter().flat_map(|member| &member.built.failed) {
        *failed.entry(*stage).or_default() += *n;
    }
    let n_failed: usize = failed.values().sum();
    MergeSummary {
        shards: members.len(),
        rows: first.built.rows,
        skipped: members.iter().map(|member| member.built.skipped).sum(),
        vectors: n_vectors,
        is_within_limit: options.max_failures.allow(n_failed, n_failed + n_vectors),
        failed,
    }
}
