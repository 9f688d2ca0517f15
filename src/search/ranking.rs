//! Hits that are scored and put in order only as far as they are read.

use super::SearchError;
use super::bounds::Estimate;
use super::pool::Pool;
use super::rows::number;
use super::scan::rescore;
use crate::embedding::Embedding;
use crate::features::Features;
use crate::features::nearest::Hit;

/// The hits of a search, read from the best downwards in blocks.
///
/// Finding the best k of n hits and sorting these takes time in proportion to n + k log k; a reader that
/// stops early never pays for scoring and sorting the rest.
#[derive(Default)]
pub struct Ranking {
    /// Those before `n_read` are scored, in order, and were read.
    rows: Vec<Estimate>,
    n_read: usize,
    /// What scores are made of; `None` if all are known.
    source: Option<(Features, Embedding, &'static Pool)>,
    /// The hits that were read last.
    block: Vec<Hit>,
    /// Whether there may be hits after the last one.
    is_cut: bool,
}

impl Ranking {
    /// Hits in whatever order.
    #[must_use]
    pub fn of_hits(hits: Vec<Hit>) -> Self {
        Self {
            rows: (hits.into_iter())
                .map(|hit| Estimate::known(number(hit.row), hit.score))
                .collect(),
            ..Self::default()
        }
    }

    /// The best hits, in whatever order; there may be more of them.
    pub(super) fn cut_after(hits: Vec<Hit>) -> Self {
        Self {
            is_cut: true,
            ..Self::of_hits(hits)
        }
    }

    /// Hits of which not all are scored.
    pub(super) fn of_estimates(
        rows: Vec<Estimate>,
        features: Features,
        query: &Embedding,
        pool: &'static Pool,
    ) -> Self {
        Self {
            rows,
            source: Some((features, query.clone(), pool)),
            ..Self::default()
        }
    }

    /// Whether there may be hits after the last one: who needs these asks for all.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Number of hits, read or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no hit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The `n` best hits that were not read yet, best first, with all others that have the same score as
    /// the last of them: no block ends between equal scores. Empty at the end.
    ///
    /// With the hits comes the number of those before them.
    ///
    /// # Errors
    /// [`SearchError`] if it is stopped, or the features cannot be read any more.
    pub fn next_block(
        &mut self,
        n: usize,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(usize, &[Hit]), SearchError> {
        let start = self.n_read;
        let rest = &mut self.rows[start..];
        let n = n.min(rest.len());
        self.block.clear();
        if n == 0 {
            return Ok((start, &self.block));
        }
        let mut end = n;
        if n < rest.len() {
            let by_low = |a: &Estimate, b: &Estimate| b.low.total_cmp(&a.low);
            let (_, last, _) = rest.select_nth_unstable_by(n - 1, by_low);
            // So many hits have a score of this or more: what cannot reach it is none of the next n.
            let threshold = last.low;
            for index in n..rest.len() {
                if rest[index].high >= threshold {
                    rest.swap(end, index);
                    end += 1;
                }
            }
        }
        let next = &mut rest[..end];
        if let Some((features, query, pool)) = &self.source {
            rescore(features, query, next, pool, is_stopped)?;
        }
        next.sort_unstable_by(|a, b| b.low.total_cmp(&a.low).then(a.row.cmp(&b.row)));
        let last = next[n - 1].low;
        let end = next.partition_point(|row| row.low >= last);
        self.block.extend(next[..end].iter().map(Estimate::hit));
        self.n_read = start + end;
        Ok((start, &self.block))
    }
}
