//! Hits that are put in order only as far as they are read.

use super::Features;
use super::nearest::{self, Hit, Lookup};

/// The hits of a search, read from the best downwards in blocks.
///
/// Finding the best k of n hits and sorting these takes time in proportion to n + k log k; a reader that
/// stops early never pays for sorting the rest.
#[derive(Debug, Clone, Default)]
pub struct Ranking {
    hits: Vec<Hit>,
    /// So many at the start are in order, and were read.
    n_read: usize,
}

impl Ranking {
    /// The hits of a lookup: see [`nearest::of_rows`].
    ///
    /// # Panics
    /// If the widths differ or a row is out of range.
    #[must_use]
    pub fn of_rows(
        features: &Features,
        lookup: Lookup<'_>,
        rows: impl IntoIterator<Item = usize>,
    ) -> Self {
        let Lookup {
            query,
            min_score,
            limit,
        } = lookup;
        Self {
            hits: match limit {
                None => nearest::scored(features, query, min_score, rows),
                limit => nearest::of_rows(features, query, min_score, limit, rows),
            },
            n_read: 0,
        }
    }

    /// Number of hits, read or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hits.len()
    }

    /// Whether there is no hit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// The `n` best hits that were not read yet, best first, with all others that have the same score as
    /// the last of them: no block ends between equal scores. Empty at the end.
    ///
    /// With the hits comes the number of those before them.
    pub fn next_block(&mut self, n: usize) -> (usize, &[Hit]) {
        let start = self.n_read;
        let rest = &mut self.hits[start..];
        let n = n.min(rest.len());
        let mut end = n;
        if n > 0 && n < rest.len() {
            let (_, last, _) = rest.select_nth_unstable_by(n - 1, nearest::best_first);
            let last = last.score;
            for index in n..rest.len() {
                if rest[index].score >= last {
                    rest.swap(end, index);
                    end += 1;
                }
            }
        }
        rest[..end].sort_unstable_by(nearest::best_first);
        self.n_read = start + end;
        (start, &self.hits[start..self.n_read])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::Embedding;
    use ndarray::Array2;
    use proptest::prelude::*;

    proptest! {
        /// Blocks end to end are the sorted hits, and none splits equal scores.
        #[test]
        fn blocks_are_the_sorted_hits(
            angles in proptest::collection::vec(0..12_u8, 1..60),
            sizes in proptest::collection::vec(1..9_usize, 60),
            limit in proptest::option::of(1..50_usize),
        ) {
            let rows: Vec<f32> = angles
                .iter()
                .flat_map(|angle| {
                    let (sin, cos) = (f32::from(*angle) / 4.0).sin_cos();
                    [cos, sin]
                })
                .collect();
            let n = angles.len();
            let features =
                Features::from_unit_rows(Array2::from_shape_vec((n, 2), rows).unwrap());
            let query = Embedding::new(vec![1.0, 0.0]).unwrap();
            let expected = nearest::at_least(&features, &query, -0.5, limit);
            let mut ranking = Ranking::of_rows(&features, Lookup { query: &query, min_score: -0.5, limit }, 0..n);
            prop_assert_eq!(ranking.len(), expected.len());
            let mut found: Vec<Hit> = Vec::new();
            for size in sizes {
                let (start, block) = ranking.next_block(size);
                prop_assert_eq!(start, found.len());
                if let (Some(before), Some(first)) = (found.last(), block.first()) {
                    prop_assert!(before.score > first.score);
                }
                prop_assert!(block.len() >= size.min(expected.len() - start));
                found.extend(block);
            }
            prop_assert_eq!(found, expected);
        }
    }
}
