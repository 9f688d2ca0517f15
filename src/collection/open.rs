//! Opening a data directory: `features.npy`, `imageIds.csv`, `images.csv` and, where it is there, `sizes.csv`
//! become a [`Collection`].

use super::Collection;
use super::identity::{Identity, IdentityError};
use super::report::in_full;
use super::tables::{IdList, Listed};
use super::verify::{check_identity, check_there};
use super::{plain, sizes_file};
use crate::data_dir::{
    FEATURES, FEATURES_IN_BYTES, FEATURES_IN_LISTS, ID_COLUMN, IMAGE_IDS, IMAGES,
};
use crate::features::derived::DerivedError;
use crate::features::int8::Int8;
use crate::features::ivf::Ivf;
use crate::features::npy::{self, FeaturesError, FeaturesIn, Precision, SumOf};
use crate::features::sum::Sum;
use std::path::{Path, PathBuf};

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectionError {
    /// A file of the collection is not there.
    #[error("{0} is missing; run `clip-search build` first")]
    Missing(PathBuf),
    /// A file of the collection is there, and the system does not let us see it.
    #[error("{path} cannot be read; let the user that runs this program read it")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file of the collection stands in for what is to be fetched.
    #[error(
        "{0} is a Git LFS pointer, not the file itself; run `git lfs pull` where it was cloned, or copy the file anew"
    )]
    LfsPointer(PathBuf),
    /// `features.json` cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A file is not the one that `features.json` was written with.
    #[error(
        "{path} is not the file that {identity_path} was written with: it is damaged or was replaced ({difference}); copy the files of the folder anew, or run `clip-search build` again; if another program wrote them, delete {identity_path}"
    )]
    Replaced {
        /// The file.
        path: PathBuf,
        /// `features.json`.
        identity_path: PathBuf,
        /// What is there instead of what.
        difference: String,
    },
    /// `features.npy` cannot be used.
    #[error(transparent)]
    Features(#[from] FeaturesError),
    /// A CSV file cannot be read.
    #[error("{path} cannot be read")]
    Csv {
        /// The file.
        path: PathBuf,
        /// The system's or the parser's words.
        source: csv::Error,
    },
    /// A CSV file lacks a column.
    #[error("{path} has no column {wanted}; its columns are {}", .columns.join(", "))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column looked for.
        wanted: String,
        /// The columns there are.
        columns: Vec<String>,
    },
    /// No column can be the one with the IIIF URLs.
    #[error(
        "{path}: no column holds URLs whose image id is in {ID_COLUMN}; name the column with --iiif-column, one of {}",
        .columns.join(", ")
    )]
    NoUrlColumn {
        /// The file.
        path: PathBuf,
        /// The columns there are.
        columns: Vec<String>,
    },
    /// The two files of the features do not belong together.
    #[error(
        "{ids_path} has {n_ids} ids, but {features_path} has {n_rows} rows; run `clip-search build` again or copy both files anew"
    )]
    Counts {
        /// `imageIds.csv`.
        ids_path: PathBuf,
        /// Ids in it.
        n_ids: usize,
        /// `features.npy`.
        features_path: PathBuf,
        /// Rows in it.
        n_rows: usize,
    },
    /// An id stands twice in `imageIds.csv`.
    #[error("{path}, line {line}: the id {id} stood already in line {first_line}")]
    DuplicateId {
        /// The file.
        path: PathBuf,
        /// Line of the second.
        line: u64,
        /// The id.
        id: String,
        /// Line of the first.
        first_line: u64,
    },
    /// An image with a vector has no URL.
    #[error("{path}, line {line}: {images_path} has no URL for the id {id}")]
    NoUrl {
        /// `imageIds.csv`.
        path: PathBuf,
        /// Line of the id.
        line: u64,
        /// The id.
        id: String,
        /// `images.csv`.
        images_path: PathBuf,
    },
    /// A URL is not text.
    #[error("{path}, line {line}: the column {column} is not valid UTF-8")]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The column.
        column: String,
    },
}

/// A collection with what was noticed while opening it.
pub(super) struct Opened {
    pub(super) collection: Collection,
    pub(super) precision: Precision,
    pub(super) n_renormalised: usize,
    pub(super) iiif_column: String,
    pub(super) n_images: usize,
    /// Images with a vector whose id is not the BLAKE2b id of their URL.
    pub(super) n_foreign_ids: usize,
    /// Whether there is a `sizes.csv` that fits.
    pub(super) has_sizes: bool,
    /// Why there are no sizes although there is such a file.
    pub(super) sizes_problem: Option<String>,
    /// Why the features are not searched in bytes although there is such a file.
    pub(super) int8_problem: Option<String>,
    /// Why they are not searched by lists although there is such a file.
    pub(super) ivf_problem: Option<String>,
}

/// What has been read of the tables.
enum Tables {
    /// All, and the checksum of the ids.
    Plain(Box<Listed>, Sum),
    /// The ids alone, of tables that are not plain.
    Any(IdList),
}

/// Files whose checksum costs nothing that an operator would notice at the start: less than half a second, once.
pub(super) const CHEAP_SUM: SumOf = SumOf::UpTo(1 << 28);

pub(super) fn open(
    dir: &Path,
    iiif_column: Option<&str>,
    sum_of: SumOf,
    features_in: FeaturesIn,
) -> Result<Opened, CollectionError> {
    let [features_path, ids_path, images_path] =
        [FEATURES, IMAGE_IDS, IMAGES].map(|name| dir.join(name));
    for path in [&features_path, &ids_path, &images_path] {
        check_there(path)?;
    }
    let identity = Identity::read(dir)?;
    // Only `inspect` tells what takes long to find out.
    let counts_foreign_ids = sum_of == SumOf::All;
    let [int8_path, ivf_path] = [FEATURES_IN_BYTES, FEATURES_IN_LISTS].map(|name| dir.join(name));
    let sum_of_features = match identity {
        Some(_) => sum_of,
        // Without an identity there is nothing to compare with, unless it is what a file beside them was made of.
        None if int8_path.exists() || ivf_path.exists() => SumOf::All,
        None => SumOf::UpTo(0),
    };
    let npy = npy::read_summed(&features_path, sum_of_features, features_in)?;
    let tables = match plain::read(&ids_path, &images_path, iiif_column, counts_foreign_ids) {
        Some((listed, ids_sum)) => Tables::Plain(Box::new(listed), ids_sum),
        None => Tables::Any(IdList::read(&ids_path)?),
    };
    let (n_ids, ids_sum) = match &tables {
        Tables::Plain(listed, ids_sum) => (listed.ids.len(), Some(ids_sum)),
        Tables::Any(ids) => (ids.len(), None),
    };
    if n_ids != npy.features.len() {
        return Err(CollectionError::Counts {
            ids_path,
            n_ids,
            features_path,
            n_rows: npy.features.len(),
        });
    }
    if let Some(identity) = &identity {
        check_identity(dir, identity, &npy, ids_sum)?;
    }
    let features_sum = match &identity {
        Some(identity) => Some(&identity.blake2b_256.features),
        None => npy.sum.as_ref(),
    };
    let (int8, int8_problem) = or_problem(
        features_sum,
        |sum| Int8::open(&int8_path, &npy.features, sum, sum_of, features_in),
        "searches go without it until `clip-search index` has made it anew, and find the same",
    );
    // Whoever has the features in memory does not need all of the lists there, too.
    let (ivf, ivf_problem) = or_problem(
        features_sum,
        |sum| Ivf::open(&ivf_path, &npy.features, sum, sum_of, FeaturesIn::Mapped),
        "searches are exact until `clip-search index --approximate` has made it anew",
    );
    let listed = match tables {
        Tables::Plain(listed, _) => *listed,
        Tables::Any(ids) => ids.with_images(&ids_path, &images_path, iiif_column)?,
    };
    let (sizes, sizes_problem) = match sizes_file::read(dir, identity.as_ref(), &listed.ids) {
        Ok(sizes) => (sizes, None),
        Err(error) => {
            let problem = format!(
                "{}; the sizes of the images are unknown until `clip-search build` is run again",
                in_full(&error)
            );
            (None, Some(problem))
        }
    };
    let has_sizes = sizes.is_some();
    let mut collection = Collection::of(npy.features, listed.ids, listed.urls);
    if let Some(sizes) = sizes {
        collection = collection.with_sizes(sizes);
    }
    collection.identity = identity;
    collection.int8 = int8;
    collection.ivf = ivf;
    Ok(Opened {
        collection,
        precision: npy.precision,
        n_renormalised: npy.n_renormalised,
        iiif_column: listed.column,
        n_images: listed.n_images,
        n_foreign_ids: listed.n_foreign_ids,
        has_sizes,
        sizes_problem,
        int8_problem,
        ivf_problem,
    })
}

/// What was opened by the checksum of the features, or why it was not and `what_now`.
fn or_problem<T>(
    features_sum: Option<&Sum>,
    open: impl FnOnce(&Sum) -> Result<Option<T>, DerivedError>,
    what_now: &str,
) -> (Option<T>, Option<String>) {
    match features_sum.map_or(Ok(None), open) {
        Ok(opened) => (opened, None),
        Err(error) => (None, Some(format!("{error}; {what_now}"))),
    }
}
