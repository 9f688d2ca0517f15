//! What is in a data directory, for `clip-search inspect`.

use super::Collection;
use super::identity::Identity;
use super::open;
use super::sizes::Measured;
use crate::data_dir::IMAGES;
use crate::features::npy::{FeaturesIn, Precision, SumOf};
use std::error::Error;
use std::path::Path;

/// Counts of a data directory, and everything about it that deserves attention.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Report {
    /// The counts, unless the collection cannot be opened.
    pub counts: Option<Counts>,
    /// Which model made the features, where the directory says so; its checksums are right.
    pub identity: Option<Identity>,
    /// Full sentences; the first says why the collection cannot be opened, if so.
    pub problems: Vec<String>,
}

/// Counts of a collection that can be opened.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Counts {
    /// Rows of `images.csv`.
    pub images: usize,
    /// Images with a vector.
    pub vectors: usize,
    /// Rows of `images.csv` without one.
    pub without_vector: usize,
    /// Components of a vector.
    pub width: usize,
    /// Number format of `features.npy`.
    pub precision: Precision,
    /// Whether there is a `features.i8` that searches read first.
    pub has_int8: bool,
    /// Whether there is a `features.ivf` for approximate search.
    pub has_lists: bool,
    /// The column of `images.csv` with the IIIF URLs.
    pub iiif_column: String,
    /// Images with a vector by what is known of their size; `None` if there is no `sizes.csv` that can be used.
    pub sizes: Option<SizeCounts>,
}

/// Images by what is known of their size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct SizeCounts {
    /// It stands in their info.json.
    pub info: usize,
    /// It is that of the picture that was delivered.
    pub delivered: usize,
    /// Nothing.
    pub unknown: usize,
}

/// Looks at the collection in `dir`, checksums included, whatever the size; `iiif_column` as for [`super::Collection::open_with_column`].
#[must_use]
pub fn inspect(dir: &Path, iiif_column: Option<&str>) -> Report {
    let opened = match open::open(dir, iiif_column, SumOf::All, FeaturesIn::Mapped) {
        Ok(opened) => opened,
        Err(error) => {
            return Report {
                counts: None,
                identity: None,
                problems: vec![in_full(&error)],
            };
        }
    };
    let vectors = opened.collection.len();
    let counts = Counts {
        images: opened.n_images,
        vectors,
        without_vector: opened.n_images.saturating_sub(vectors),
        width: opened.collection.features().width(),
        precision: opened.precision,
        has_int8: opened.collection.int8().is_some(),
        has_lists: opened.collection.ivf().is_some(),
        iiif_column: opened.iiif_column,
        sizes: (opened.has_sizes).then(|| count_sizes(&opened.collection)),
    };
    let noticed = [
        (
            counts.without_vector,
            "rows of images.csv have no vector; run `clip-search build` again to try them anew",
        ),
        (
            opened.n_renormalised,
            "vectors were not of unit length; they are normalised when the collection is opened",
        ),
        (
            opened.n_foreign_ids,
            "images have an id that is not the BLAKE2b id of their URL; they are found under the id in the file",
        ),
    ];
    let mut problems: Vec<String> = noticed
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
    problems.extend(opened.sizes_problem);
    problems.extend(opened.int8_problem);
    problems.extend(opened.ivf_problem);
    if vectors == 0 {
        problems.push(format!(
            "no image of {} has a vector",
            dir.join(IMAGES).display()
        ));
    }
    Report {
        counts: Some(counts),
        identity: opened.collection.identity().cloned(),
        problems,
    }
}

fn count_sizes(collection: &Collection) -> SizeCounts {
    let mut counts = SizeCounts::default();
    for row in 0..collection.len() {
        *match collection.size(row).map(|size| size.measured) {
            Some(Measured::Info) => &mut counts.info,
            Some(Measured::Delivered) => &mut counts.delivered,
            None => &mut counts.unknown,
        } += 1;
    }
    counts
}

/// The error with its causes, as one sentence.
pub(super) fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
