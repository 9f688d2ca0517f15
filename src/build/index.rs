//! What searches read before the features, made beside them: [`run`].

use super::files::{DataDir, Draft};
use crate::collection::identity::Identity;
use crate::collection::open::CollectionError;
use crate::collection::verify::check_features;
use crate::data_dir::{FEATURES, FEATURES_IN_BYTES};
use crate::features::Features;
use crate::features::int8;
use crate::features::npy::{self, FeaturesIn, SumOf};
use crate::features::sum::Sum;
use anyhow::ensure;
use std::path::Path;

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// Images with a vector.
    pub vectors: usize,
    /// Components of a vector.
    pub width: usize,
    /// The length of the file.
    pub size_bytes: u64,
}

/// Makes `features/features.i8` in `data_dir`, in the place of the one that may be there. From then on builds and merges
/// make it anew with the features.
///
/// # Errors
/// If there are no features or others than `features.json` says, a build works there, or the file cannot be written.
/// Whatever was there stays as it was.
pub fn run(data_dir: &Path) -> anyhow::Result<Indexed> {
    let features_path = data_dir.join(FEATURES);
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
    let draft = draft(&dir, &npy.features, &sum)?;
    let indexed = Indexed {
        vectors: npy.features.len(),
        width: npy.features.width(),
        size_bytes: std::fs::metadata(draft.part())?.len(),
    };
    draft.publish()?;
    Ok(indexed)
}

/// The file for new features, which lie at `features_path` until they are published and have the checksum `sum`; `None`
/// where nobody has asked for it.
pub(super) fn drafted_anew(
    dir: &DataDir,
    features_path: &Path,
    sum: &Sum,
) -> anyhow::Result<Option<Draft>> {
    if !dir.path(FEATURES_IN_BYTES).exists() {
        return Ok(None);
    }
    let features = npy::read(features_path)?.features;
    draft(dir, &features, sum).map(Some)
}

fn draft(dir: &DataDir, features: &Features, sum: &Sum) -> anyhow::Result<Draft> {
    Draft::write(&dir.path(FEATURES_IN_BYTES), |file| {
        int8::write(features, sum, file)
    })
}
