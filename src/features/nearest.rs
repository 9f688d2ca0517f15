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
    finish(&mut hits, limit);
    hits
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

/// The hits of several lookups, each as [`of_rows`] finds them.
///
/// The vectors are read from memory once for all lookups: a block of rows stays in the cache while it
/// meets one query after the other, so that time goes into arithmetic and not into waiting for memory.
/// Once `is_stopped` the rest of the rows is left out: it is asked before each block.
///
/// # Panics
/// If the widths differ or a row is out of range.
#[must_use]
pub fn each_of_rows(
    features: &Features,
    lookups: &[Lookup<'_>],
    rows: impl IntoIterator<Item = usize>,
    is_stopped: &dyn Fn() -> bool,
) -> Vec<Vec<Hit>> {
    let mut found: Vec<Vec<Hit>> = vec![Vec::new(); lookups.len()];
    let mut rows = rows.into_iter();
    loop {
        let block: Vec<usize> = rows.by_ref().take(ROWS_IN_CACHE).collect();
        if block.is_empty() || is_stopped() {
            break;
        }
        for (lookup, hits) in lookups.iter().zip(&mut found) {
            let Lookup {
                query,
                min_score,
                limit,
            } = *lookup;
            hits.extend(scores(features, query, min_score, block.iter().copied()));
            // What can no longer be among the best takes no memory.
            if let Some(limit) = limit
                && hits.len() >= limit.saturating_mul(2).max(ROWS_IN_CACHE)
            {
                keep_best(hits, limit);
            }
        }
    }
    for (lookup, hits) in lookups.iter().zip(&mut found) {
        finish(hits, lookup.limit);
    }
    found
}

/// 64 vectors of width 512 are 128 KiB, which fits into the second-level cache with the queries.
const ROWS_IN_CACHE: usize = 64;

/// As [`of_rows`], in no order.
pub(super) fn scored(
    features: &Features,
    query: &Embedding,
    min_score: f64,
    rows: impl IntoIterator<Item = usize>,
) -> Vec<Hit> {
    scores(features, query, min_score, rows).collect()
}

fn scores(
    features: &Features,
    query: &Embedding,
    min_score: f64,
    rows: impl IntoIterator<Item = usize>,
) -> impl Iterator<Item = Hit> {
    assert_eq!(features.width(), query.width(), "embedding widths differ");
    rows.into_iter()
        .map(|row| Hit {
            row,
            score: score(features.row(row), query.as_slice()),
        })
        .filter(move |hit| f64::from(hit.score) >= min_score)
}

fn keep_best(hits: &mut Vec<Hit>, limit: usize) {
    if limit == 0 {
        hits.clear();
    } else if limit < hits.len() {
        hits.select_nth_unstable_by(limit - 1, best_first);
        hits.truncate(limit);
    }
}

fn finish(hits: &mut Vec<Hit>, limit: Option<usize>) {
    if let Some(limit) = limit {
        keep_best(hits, limit);
    }
    hits.sort_unstable_by(best_first);
}

/// The order of hits: the higher score first, then the lower row.
pub(super) fn best_first(a: &Hit, b: &Hit) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then(a.row.cmp(&b.row))
}

/// The score of two vectors of unit norm: their cosine in `[-1, 1]`, and 1 if they are the same vector.
///
/// All scores are made here, so that one pair of vectors has one score, bit for bit, whatever plan or
/// function asks for it, and in whatever order: rows are joined and grouped by scores.
///
/// # Shapes
/// `[d]` both.
pub(crate) fn score(a: &[f32], b: &[f32]) -> f32 {
    let cosine = dot(a, b).clamp(-1.0, 1.0);
    // A dot product of f32 numbers with themselves misses 1 by its rounding, by more or less for one
    // vector than for another.
    if cosine > NEARLY_ONE && a == b {
        return 1.0;
    }
    cosine
}

/// Rounding keeps no cosine of equal vectors below this.
const NEARLY_ONE: f32 = 0.999;

/// The dot product of two slices of equal length; `dot(a, b)` has the bits of `dot(b, a)`.
///
/// Sixteen partial sums let the compiler use vector registers; a single running sum would pin the
/// additions to one after the other.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use proptest::prelude::*;

    #[test]
    fn a_scan_ends_when_it_is_stopped() {
        let n = 10 * ROWS_IN_CACHE;
        let features = Features::from_unit_rows(Array2::from_elem((n, 1), 1.0));
        let query = Embedding::new(vec![1.0]).unwrap();
        let lookup = Lookup {
            query: &query,
            min_score: 0.0,
            limit: None,
        };
        let n_asked = std::cell::Cell::new(0);
        let is_stopped = || n_asked.replace(n_asked.get() + 1) == 3;
        let found = each_of_rows(&features, &[lookup, lookup], 0..n, &is_stopped);
        let n_found: Vec<usize> = found.iter().map(Vec::len).collect();
        assert_eq!(n_found, [3 * ROWS_IN_CACHE; 2]);
    }

    proptest! {
        /// Several lookups at once find what each finds alone.
        #[test]
        fn each_is_found_as_if_alone(
            angles in proptest::collection::vec(0..40_u8, 1..300),
            lookups in proptest::collection::vec(
                (0..40_u8, -1.0..1.0_f64, proptest::option::of(0..90_usize)),
                0..6,
            ),
        ) {
            let direction = |angle: u8| {
                let (sin, cos) = (f32::from(angle) / 6.0).sin_cos();
                vec![cos, sin]
            };
            let rows: Vec<f32> = angles.iter().flat_map(|angle| direction(*angle)).collect();
            let n = angles.len();
            let features = Features::from_unit_rows(Array2::from_shape_vec((n, 2), rows).unwrap());
            let queries: Vec<Embedding> = lookups
                .iter()
                .map(|(angle, ..)| Embedding::new(direction(*angle)).unwrap())
                .collect();
            let lookups: Vec<Lookup<'_>> = queries
                .iter()
                .zip(&lookups)
                .map(|(query, (_, min_score, limit))| Lookup {
                    query,
                    min_score: *min_score,
                    limit: *limit,
                })
                .collect();
            let found = each_of_rows(&features, &lookups, 0..n, &|| false);
            prop_assert_eq!(found.len(), lookups.len());
            for (Lookup { query, min_score, limit }, found) in lookups.into_iter().zip(found) {
                prop_assert_eq!(found, at_least(&features, query, min_score, limit));
            }
        }
    }
}
