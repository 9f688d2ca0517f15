//! What searches read before the features, made beside them: [`run`].

mod measure;

use super::files::{DataDir, Draft};
use crate::collection::identity::Identity;
use crate::collection::open::CollectionError;
use crate::collection::verify::check_features;
use crate::data_dir::{FEATURES, FEATURES_IN_BYTES, FEATURES_IN_LISTS};
use crate::features::Features;
use crate::features::int8;
use crate::features::ivf::{self, Ivf};
use crate::features::npy::{self, FeaturesIn, SumOf};
use crate::features::sum::Sum;
use anyhow::ensure;
use std::path::Path;

/// What is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The features in bytes.
    Bytes,
    /// And in lists, for approximate search.
    Lists {
        /// How many, if not as many as are good for so many images.
        n_lists: Option<usize>,
    },
}

/// What was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Indexed {
    /// Images with a vector.
    pub vectors: usize,
    /// Components of a vector.
    pub width: usize,
    /// The length of the file of bytes.
    pub size_bytes: u64,
    /// The lists, if there are any.
    pub lists: Option<IndexedLists>,
}

/// The lists that were made.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexedLists {
    /// How many.
    pub n_lists: usize,
    /// The length of their file.
    pub size_bytes: u64,
    /// How much of an answer they find.
    pub recall: ivf::Recall,
}

/// Makes `features/features.i8` in `data_dir`, and `features/features.ivf` if lists are wanted, in the place of those that
/// may be there. From then on builds and merges make them anew with the features.
///
/// # Errors
/// If there are no features or others than `features.json` says, a build works there, or a file cannot be written.
/// Whatever was there stays as it was.
pub fn run(data_dir: &Path, wanted: Wanted) -> anyhow::Result<Indexed> {
    let features_path = data_dir.join(FEATURES);
    if let Wanted::Lists {
        n_lists: Some(n_lists),
    } = wanted
    {
        ensure!(
            n_lists <= MOST_LISTS,
            "{n_lists} lists are too many: each query is compared with all of them; {MOST_LISTS} are the most (--lists)"
        );
    }
    // Before anything is locked: a folder that is no collection stays as it is.
    ensure!(
        features_path.exists(),
        CollectionError::Missing(features_path)
    );
    let dir = DataDir::lock(data_dir)?;
    let npy = npy::read_summed(&features_path, SumOf::All, FeaturesIn::Mapped)?;
    if let Some(identity) = Identity::read(data_dir)? {
        check_features(data_dir, &identity, &npy)?;
    }
    let sum = npy.sum.expect("it was asked for");
    let bytes = draft_of_bytes(&dir, &npy.features, &sum)?;
    let lists = match wanted {
        Wanted::Bytes => None,
        Wanted::Lists { n_lists } => Some(draft_of_lists(&dir, &npy.features, &sum, n_lists)?),
    };
    let mut indexed = Indexed {
        vectors: npy.features.len(),
        width: npy.features.width(),
        size_bytes: std::fs::metadata(bytes.part())?.len(),
        lists: None,
    };
    bytes.publish()?;
    if let Some((draft, made)) = lists {
        indexed.lists = Some(made);
        draft.publish()?;
    }
    Ok(indexed)
}

/// The files for new features, which lie at `features_path` until they are published and have the checksum `sum`: those
/// that somebody has asked for.
pub(super) fn drafted_anew(
    dir: &DataDir,
    features_path: &Path,
    sum: &Sum,
) -> anyhow::Result<Vec<Draft>> {
    let is_there = |name: &str| dir.path(name).exists();
    let mut drafts = Vec::new();
    if !is_there(FEATURES_IN_BYTES) && !is_there(FEATURES_IN_LISTS) {
        return Ok(drafts);
    }
    let features = npy::read(features_path)?.features;
    if is_there(FEATURES_IN_BYTES) {
        drafts.push(draft_of_bytes(dir, &features, sum)?);
    }
    if is_there(FEATURES_IN_LISTS) {
        // As many as somebody may have chosen, unless far more images have come, or most have gone.
        let n_lists = Ivf::n_lists_in(&dir.path(FEATURES_IN_LISTS)).filter(|n_lists| {
            let good = good_for(features.len());
            (good / 4..=good.saturating_mul(16)).contains(n_lists)
        });
        let (draft, _) = draft_of_lists(dir, &features, sum, n_lists)?;
        drafts.push(draft);
    }
    Ok(drafts)
}

fn draft_of_bytes(dir: &DataDir, features: &Features, sum: &Sum) -> anyhow::Result<Draft> {
    Draft::write(&dir.path(FEATURES_IN_BYTES), |file| {
        int8::write(features, sum, file)
    })
}

fn draft_of_lists(
    dir: &DataDir,
    features: &Features,
    sum: &Sum,
    n_lists: Option<usize>,
) -> anyhow::Result<(Draft, IndexedLists)> {
    let n_lists = n_lists.unwrap_or_else(|| good_for(features.len()));
    let images = features.len();
    // With ten million it takes a quarter of an hour and more.
    tracing::info!(images, lists = n_lists, "images are sorted into lists");
    let (lists, order) = ivf::lists_of(features, n_lists);
    tracing::info!("how many of the best images the nearest lists have is measured");
    let recall = measure::recall_of(features, &lists, &order)?;
    tracing::info!("the lists are written");
    let draft = Draft::write(&dir.path(FEATURES_IN_LISTS), |file| {
        ivf::write(features, sum, &lists, &order, &recall, file)
    })?;
    let made = IndexedLists {
        n_lists: lists.len(),
        size_bytes: std::fs::metadata(draft.part())?.len(),
        recall,
    };
    Ok((draft, made))
}

/// Lists that a query can be compared with in some milliseconds.
const MOST_LISTS: usize = 65_536;

/// Lists for `n` images: the more there are, the fewer rows have to be read, and the longer it takes to make them, as
/// each image is compared with each list. 28,000 images have 668, a million 4000; more than 4096 there are never.
fn good_for(n: usize) -> usize {
    (n.isqrt() * 4).min(4096)
}
