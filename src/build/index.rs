//! What searches read before the features, made beside them: [`run`].

use super::files::{DataDir, Draft};
use crate::collection::identity::Identity;
use crate::collection::open::CollectionError;
use crate::data_dir::{FEATURES, FEATURES_IN_BYTES, IDENTITY};
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
    let (draft, indexed, sum) = draft(&dir, &features_path)?;
    if let Some(identity) = Identity::read(data_dir)? {
        let wanted = identity.blake2b_256.features;
        ensure!(
            sum == wanted,
            CollectionError::Replaced {
                path: features_path,
                identity_path: data_dir.join(IDENTITY),
                difference: format!("BLAKE2b {sum} instead of {wanted}"),
            }
        );
    }
    draft.publish()?;
    Ok(indexed)
}

/// The file for new features, which lie at `features_path` until they are published; `None` where nobody has asked for it.
pub(super) fn drafted_anew(dir: &DataDir, features_path: &Path) -> anyhow::Result<Option<Draft>> {
    if !dir.path(FEATURES_IN_BYTES).exists() {
        return Ok(None);
    }
    let (draft, ..) = draft(dir, features_path)?;
    Ok(Some(draft))
}

/// The file, what it holds, and the checksum of what it was made of.
fn draft(dir: &DataDir, features_path: &Path) -> anyhow::Result<(Draft, Indexed, Sum)> {
    let npy = npy::read_summed(features_path, SumOf::All, FeaturesIn::Mapped)?;
    let sum = npy.sum.expect("it was asked for");
    let features = npy.features;
    let draft = Draft::write(&dir.path(FEATURES_IN_BYTES), |file| {
        int8::write(&features, &sum, file)
    })?;
    let indexed = Indexed {
        vectors: features.len(),
        width: features.width(),
        size_bytes: std::fs::metadata(draft.part())?.len(),
    };
    Ok((draft, indexed, sum))
}
