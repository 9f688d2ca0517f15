//! Search: which images are nearest to a vector. The engines behind one trait.
//!
//! What the clip relation asks for is the same whichever engine answers: the best of all images, all above a score, only
//! some images, several vectors at once, and hits in blocks from the best downwards.

pub mod approximate;
mod best;
mod bounds;
mod coarse;
pub mod exact;
mod pool;
pub mod ranking;
pub mod rows;
mod scan;
mod sift;
mod tile;

use crate::features::ChangedFile;
use crate::features::nearest::{Hit, Lookup};
use ranking::Ranking;
use rows::Rows;

/// Finds the images that are nearest to vectors.
///
/// # Contract
/// - Each hit belongs to the lookup: its row is one of `rows`, its score not below the lowest. Only [`Done`] says that
///   one may be missing, and how likely.
/// - A score is that of [`crate::embedding::Embedding::cosine`], bit for bit; hits of one score are in the order of their rows.
/// - Over the same files equal questions have equal answers, whatever the machine and whatever else it does.
/// - `rows`, if given, are the only images that count; all are below the number of images.
/// - `is_stopped` is asked every few milliseconds.
pub trait VectorSearch: Send + Sync {
    /// What it is called where a plan is explained.
    fn name(&self) -> String;

    /// The share of the ten best images that it finds: 1 if it looks at all.
    fn expected_recall(&self) -> f64;

    /// The hits of each lookup, best first.
    ///
    /// # Errors
    /// [`SearchError`]
    fn each(
        &self,
        lookups: &[Lookup<'_>],
        rows: Option<&Rows>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(Vec<Vec<Hit>>, Done), SearchError>;

    /// The hits of one lookup, in order only as far as they are read: all of them if there is no `enough`, otherwise at
    /// least the best so many, and [`Ranking::is_cut`] says whether there may be more.
    ///
    /// # Errors
    /// [`SearchError`]
    fn ranked(
        &self,
        lookup: Lookup<'_>,
        rows: Option<&Rows>,
        enough: Option<usize>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(Ranking, Done), SearchError>;
}

/// Which images are looked at, as the operator wants it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Method {
    /// All: every answer is complete.
    #[default]
    Exact,
    /// Those that are likely to belong into the answer, where that is so much quicker.
    Approximate {
        /// The share of the best images that is to be found.
        recall: f64,
    },
}

/// What an engine did for an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Done {
    /// Images that were compared with vectors, times these: of `rows`, where these are given, the others do not count.
    pub images_scored: usize,
    /// Whether every image that belongs into the answer is in it.
    pub is_exact: bool,
    /// The share of the images that belong into an answer which is expected to be in it: 1 if it is exact.
    pub expected_recall: f64,
}

impl Done {
    /// All images were found by looking at so many.
    #[must_use]
    pub fn exactly(images_scored: usize) -> Self {
        Self {
            images_scored,
            is_exact: true,
            expected_recall: 1.0,
        }
    }

    /// This and another piece of work for the same answer.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            images_scored: self.images_scored + other.images_scored,
            is_exact: self.is_exact && other.is_exact,
            expected_recall: self.expected_recall.min(other.expected_recall),
        }
    }
}

impl Default for Done {
    fn default() -> Self {
        Self::exactly(0)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// It was told to stop.
    #[error("the search was stopped")]
    Stopped,
    /// What was searched is not what the collection was opened with.
    #[error(transparent)]
    Changed(#[from] ChangedFile),
    /// The vector is of another model.
    #[error("a vector of {found} numbers cannot be compared with features of {expected}")]
    Width {
        /// That of the vector.
        found: usize,
        /// That of the features.
        expected: usize,
    },
}
