//! Exact search: every image is scored. The reference that any faster search is tested against.

use super::Features;
use crate::embedding::Embedding;

/// An image of the collection with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Row of the image in the features.
    pub row: usize,
    /// Cosine similarity in `[-1, 1]`.
    pub score: f32,
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
    let mut hits = scored(features, query, min_score, rows);
    if let Some(limit) = limit
        && limit < hits.len()
    {
        if limit == 0 {
            return Vec::new();
        }
        hits.select_nth_unstable_by(limit - 1, best_first);
        hits.truncate(limit);
    }
    hits.sort_unstable_by(best_first);
    hits
}

/// As [`of_rows`], in no order.
pub(super) fn scored(
    features: &Features,
    query: &Embedding,
    min_score: f64,
    rows: impl IntoIterator<Item = usize>,
) -> Vec<Hit> {
    assert_eq!(features.width(), query.width(), "embedding widths differ");
    rows.into_iter()
        .map(|row| Hit {
            row,
            score: dot(features.row(row), query.as_slice()),
        })
        .filter(|hit| f64::from(hit.score) >= min_score)
        .collect()
}

/// The order of hits: the higher score first, then the lower row.
pub(super) fn best_first(a: &Hit, b: &Hit) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then(a.row.cmp(&b.row))
}

/// The dot product of two slices of equal length.
///
/// Sixteen partial sums let the compiler use vector registers; a single running sum would pin the
/// additions to one after the other.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<16>();
    let (b_blocks, b_rest) = b.as_chunks::<16>();
    let mut sums = [0f32; 16];
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..16 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}
