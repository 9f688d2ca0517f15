//! Plain exact search: the reference that any faster search is tested against.

use super::Features;
use super::score::score;
use crate::embedding::Embedding;

/// An image of the collection with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Row of the image in the features.
    pub row: usize,
    /// Cosine similarity in `[-1, 1]`.
    pub score: f32,
}

/// What to look for, one of several things at once.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// `[d]` with d = width of the features.
    pub query: &'a Embedding,
    /// Lowest score of a hit.
    pub min_score: f64,
    /// Only the best so many.
    pub limit: Option<usize>,
}

/// The rows of `features` whose cosine with `query` is at least `min_score`, best first; ties go to
/// the lower row. With `limit`, only the best `limit` of them.
///
/// # Shapes
/// - `query`: `[d]` with d = `features.width()`.
///
/// # Panics
/// If the widths differ.
#[must_use]
pub fn at_least(
    features: &Features,
    query: &Embedding,
    min_score: f64,
    limit: Option<usize>,
) -> Vec<Hit> {
    of_rows(features, query, min_score, limit, 0..features.len())
}

/// As [`at_least`], but only the images in `rows` are scored.
///
/// # Panics
/// If the widths differ or a row is out of range.
#[must_use]
pub fn of_rows(
    features: &Features,
    query: &Embedding,
    min_score: f64,
    limit: Option<usize>,
    rows: impl IntoIterator<Item = usize>,
) -> Vec<Hit> {
    assert_eq!(features.width(), query.width(), "embedding widths differ");
    let mut hits: Vec<Hit> = (rows.into_iter())
        .map(|row| Hit {
            row,
            score: score(&features.row(row), query.as_slice()),
        })
        .filter(|hit| f64::from(hit.score) >= min_score)
        .collect();
    if let Some(limit) = limit {
        if 0 < limit && limit < hits.len() {
            hits.select_nth_unstable_by(limit - 1, best_first);
        }
        hits.truncate(limit);
    }
    hits.sort_unstable_by(best_first);
    hits
}

/// The order of hits: the higher score first, then the lower row.
pub(crate) fn best_first(a: &Hit, b: &Hit) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then(a.row.cmp(&b.row))
}
