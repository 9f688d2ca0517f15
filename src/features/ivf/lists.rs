//! Which vectors are together, and which of them are near to a query.

use crate::features::kernel::{quick_dot, with_all_the_processor_has};
use std::ops::Range;

/// Lists of vectors, each with what they are around.
#[derive(Debug, Clone, PartialEq)]
pub struct Lists {
    width: usize,
    /// `[m, d]`
    centroids: Vec<f32>,
    /// `[m]`: the inverse of the length of each, 0 if it has none.
    inverse_lengths: Vec<f32>,
    /// `[m + 1]`: where each list begins, and the last one ends.
    starts: Vec<usize>,
}

impl Lists {
    /// Lists that lie one after the other; `None` if they do not, or a centroid is no vector.
    ///
    /// # Shapes
    /// - `centroids`: `[m, d]` with d = `width`
    /// - `starts`: `[m + 1]`, the first of them 0, ascending
    #[must_use]
    pub fn new(width: usize, centroids: Vec<f32>, starts: Vec<usize>) -> Option<Self> {
        let n_lists = starts.len().checked_sub(1)?;
        let is_sound = starts[0] == 0
            && starts.is_sorted()
            && n_lists.checked_mul(width) == Some(centroids.len())
            && centroids.iter().all(|x| x.is_finite());
        if !is_sound {
            return None;
        }
        let inverse_length = |centroid: &[f32]| match quick_dot(centroid, centroid).sqrt() {
            length if length > 0.0 => 1.0 / length,
            _ => 0.0,
        };
        Some(Self {
            width,
            inverse_lengths: match width {
                0 => vec![0.0; n_lists],
                _ => centroids.chunks_exact(width).map(inverse_length).collect(),
            },
            centroids,
            starts,
        })
    }

    /// What the lists are around, `[m, d]`.
    #[must_use]
    pub fn centroids(&self) -> &[f32] {
        &self.centroids
    }

    /// What a list is around, `[d]`.
    #[must_use]
    pub fn centroid(&self, list: usize) -> &[f32] {
        &self.centroids[list * self.width..][..self.width]
    }

    /// Where each list begins, and the last one ends, `[m + 1]`.
    #[must_use]
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// Number of lists, m.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of rows in all of them.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.starts[self.len()]
    }

    /// The places of the rows of a list.
    #[must_use]
    pub fn places(&self, list: usize) -> Range<usize> {
        self.starts[list]..self.starts[list + 1]
    }

    /// The lists in the order in which a search for `query` reads them: by the angle between it and the centroid. The
    /// product with the centroid would put lists of vectors that differ much (their mean is short) too late; where the
    /// query is a text, far from all of them, twice as many rows had to be read.
    ///
    /// # Shapes
    /// - `query`: `[d]`, of unit norm
    #[must_use]
    pub fn nearest_first(&self, query: &[f32]) -> Vec<usize> {
        let mut scored: Vec<(f32, usize)> = with_all_the_processor_has(
            #[inline(always)]
            || {
                let centroids = self.centroids.chunks_exact(self.width.max(1));
                (centroids.zip(&self.inverse_lengths))
                    .map(|(centroid, inverse)| quick_dot(centroid, query) * inverse)
                    .zip(0..)
                    .collect()
            },
        );
        scored.sort_unstable_by(|(a, one), (b, other)| b.total_cmp(a).then(one.cmp(other)));
        scored.into_iter().map(|(_, list)| list).collect()
    }
}
