//! Whether the files of a data directory are there, and are the ones that were written together.

use super::identity::Identity;
use super::open::CollectionError;
use crate::data_dir::{FEATURES, IDENTITY, IMAGE_IDS};
use crate::features::npy::Npy;
use crate::features::sum::Sum;
use crate::git_lfs;
use std::io::ErrorKind;
use std::path::Path;

/// A file that lies in a folder of somebody else is not missing.
pub(super) fn check_there(path: &Path) -> Result<(), CollectionError> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(CollectionError::Missing(path.to_owned())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(CollectionError::Missing(path.to_owned()));
        }
        Err(source) => {
            return Err(CollectionError::Read {
                path: path.to_owned(),
                source,
            });
        }
    }
    match git_lfs::is_pointer(path) {
        true => Err(CollectionError::LfsPointer(path.to_owned())),
        false => Ok(()),
    }
}

/// Whether the files of the features are those that `identity` was written with. Its ids may have become
/// another build's, or its matrix, where somebody copies files while somebody else builds. `ids_sum` is the checksum of
/// the ids, if it is known.
pub(super) fn check_identity(
    dir: &Path,
    identity: &Identity,
    npy: &Npy,
    ids_sum: Option<&Sum>,
) -> Result<(), CollectionError> {
    check_features(dir, identity, npy)?;
    let ids_sum = match ids_sum {
        Some(sum) => sum.clone(),
        None => sum_of(&dir.join(IMAGE_IDS))?,
    };
    match differ(&ids_sum, &identity.blake2b_256.image_ids) {
        Some(difference) => Err(replaced(dir, IMAGE_IDS, difference)),
        None => Ok(()),
    }
}

/// Whether the matrix is that which `identity` was written with, as far as its checksum is known.
pub(crate) fn check_features(
    dir: &Path,
    identity: &Identity,
    npy: &Npy,
) -> Result<(), CollectionError> {
    let (rows, width) = (npy.features.len(), npy.features.width());
    if (rows, width) != (identity.images, identity.width) {
        let shape = format!(
            "{rows} x {width} numbers instead of {} x {}",
            identity.images, identity.width
        );
        return Err(replaced(dir, FEATURES, shape));
    }
    let wanted = &identity.blake2b_256.features;
    match (npy.sum.as_ref()).and_then(|sum| differ(sum, wanted)) {
        Some(difference) => Err(replaced(dir, FEATURES, difference)),
        None => Ok(()),
    }
}

fn differ(found: &Sum, wanted: &Sum) -> Option<String> {
    (found != wanted).then(|| format!("BLAKE2b {found} instead of {wanted}"))
}

fn replaced(dir: &Path, name: &str, difference: String) -> CollectionError {
    CollectionError::Replaced {
        path: dir.join(name),
        identity_path: dir.join(IDENTITY),
        difference,
    }
}

fn sum_of(path: &Path) -> Result<Sum, CollectionError> {
    let content = std::fs::read(path).map_err(|source| CollectionError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(Sum::of(&content))
}
