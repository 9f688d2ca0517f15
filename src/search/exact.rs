//! Exact search: every image is looked at.
//!
//! In two steps. The vectors are read as they stand in the file, in blocks, by all processors, and each score is
//! estimated: in whatever order of additions is quickest, and as certain as `bounds.rs` says; where there is a file with a
//! byte for each number, that is read instead, and `coarse.rs` says how certain it is. What may belong into the answer is
//! then scored as everything is ([`crate::embedding::Embedding::cosine`]). So answers have the same bits
//! whatever the processor, the number of threads, or the kernel.

use super::pool::{Pool, Stopped};
use super::ranking::Ranking;
use super::rows::Rows;
use super::scan::{Found, SCATTERED, SCATTERED_COST, Scan};
use super::{Done, SearchError, VectorSearch};
use crate::features::Features;
use crate::features::int8::Int8;
use crate::features::nearest::{Hit, Lookup};
use std::sync::Arc;

/// The engine that looks at every image.
pub struct Exact {
    features: Features,
    /// The same in bytes, to be read first.
    int8: Option<Int8>,
    pool: &'static Pool,
    /// Rows that a thread looks at before it asks what is next.
    block: usize,
}

/// A block is read from memory in some 0.1 ms: rarely enough to ask what is next, often enough to stop in time.
pub(super) const BLOCK_BYTES: usize = 1 << 20;

impl Exact {
    /// Searches `features`.
    #[must_use]
    pub fn new(features: Features) -> Self {
        Self::with(features, Pool::shared(), None)
    }

    /// With the same features in bytes, which are read first.
    #[must_use]
    pub fn with_int8(self, int8: Option<Int8>) -> Self {
        Self { int8, ..self }
    }

    /// With the threads of `pool`, and so many rows in a block, if not as many as are quick.
    pub(super) fn with(features: Features, pool: &'static Pool, block: Option<usize>) -> Self {
        let block = block.unwrap_or_else(|| {
            let row_bytes = features.width() * if features.precision() == "f16" { 2 } else { 4 };
            (BLOCK_BYTES / row_bytes.max(1)).clamp(64, 1 << 16)
        });
        Self {
            features,
            int8: None,
            pool,
            block,
        }
    }

    /// Looks at all rows, or at `rows` alone.
    fn scan(
        &self,
        lookups: &[Lookup<'_>],
        rows: Option<&Rows>,
        is_lazy: bool,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Vec<Found>, SearchError> {
        check_widths(&self.features, lookups)?;
        let int8 = (self.int8.as_ref())
            .filter(|_| self.scattered(rows).is_none() && self.features.width() > 0);
        if let Some(int8) = int8.filter(|int8| int8.check().is_ok()) {
            let found = self.scan_with(Some(int8), lookups, rows, is_lazy, is_stopped)?;
            // Whoever changes that file takes nothing from an answer.
            if int8.check().is_ok() {
                return Ok(found);
            }
        }
        self.scan_with(None, lookups, rows, is_lazy, is_stopped)
    }

    fn scan_with(
        &self,
        int8: Option<&Int8>,
        lookups: &[Lookup<'_>],
        rows: Option<&Rows>,
        is_lazy: bool,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Vec<Found>, SearchError> {
        let n = self.features.len();
        let scan = Scan::new(&self.features, int8, lookups, is_lazy);
        let scattered = self.scattered(rows);
        // Those that are looked up are not looked for among others.
        let among = rows.filter(|_| scattered.is_none());
        let scan = Arc::new(scan.among(among));
        let shared = scan.clone();
        match scattered {
            None => {
                let block = self.block;
                let work = move |number: usize| {
                    shared.look_at(number * block..n.min((number + 1) * block));
                };
                self.pool.run(n.div_ceil(block), work, is_stopped)?;
            }
            Some(rows) => {
                let rows = rows.numbers();
                let n_blocks = rows.len().div_ceil(SCATTERED);
                let work = move |block: usize| {
                    let rows = rows.chunks(SCATTERED).nth(block);
                    shared.score_all(rows.unwrap_or_default());
                };
                self.pool.run(n_blocks, work, is_stopped)?;
            }
        }
        self.features.check()?;
        Ok(scan.take_found())
    }

    /// The rows, if they are so few that each is looked up: to look at all takes less time than to look many up.
    fn scattered<'a>(&self, rows: Option<&'a Rows>) -> Option<&'a Rows> {
        rows.filter(|rows| rows.len().saturating_mul(SCATTERED_COST) < self.features.len())
    }

    fn n_scored(&self, lookups: usize, rows: Option<&Rows>) -> Done {
        Done::exactly(rows.map_or(self.features.len(), Rows::len) * lookups)
    }
}

impl VectorSearch for Exact {
    fn name(&self) -> String {
        let precision = self.features.precision();
        match self.int8 {
            Some(_) => format!("exact, int8 before {precision}"),
            None => format!("exact, {precision}"),
        }
    }

    fn expected_recall(&self) -> f64 {
        1.0
    }

    fn each(
        &self,
        lookups: &[Lookup<'_>],
        rows: Option<&Rows>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(Vec<Vec<Hit>>, Done), SearchError> {
        let mut all = Vec::with_capacity(lookups.len());
        for (found, lookup) in self
            .scan(lookups, rows, false, is_stopped)?
            .into_iter()
            .zip(lookups)
        {
            let mut hits = found.hits_and_equals(lookup, &self.features, self.pool, is_stopped)?;
            hits.truncate(lookup.limit.unwrap_or(usize::MAX));
            all.push(hits);
        }
        Ok((all, self.n_scored(lookups.len(), rows)))
    }

    fn ranked(
        &self,
        lookup: Lookup<'_>,
        rows: Option<&Rows>,
        _enough: Option<usize>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(Ranking, Done), SearchError> {
        if rows.is_some() || lookup.limit.is_some() {
            let (mut hits, done) = self.each(&[lookup], rows, is_stopped)?;
            return Ok((Ranking::of_hits(hits.pop().unwrap_or_default()), done));
        }
        let mut found = self.scan(&[lookup], None, true, is_stopped)?;
        let rows = match found.pop() {
            Some(Found::Estimates(rows)) => rows,
            _ => Vec::new(),
        };
        let ranking = Ranking::of_estimates(rows, self.features.clone(), lookup.query, self.pool);
        Ok((ranking, self.n_scored(1, None)))
    }
}

/// Whether all are of the model that the features are of.
pub(super) fn check_widths(features: &Features, lookups: &[Lookup<'_>]) -> Result<(), SearchError> {
    let expected = features.width();
    match (lookups.iter()).find(|lookup| lookup.query.width() != expected) {
        None => Ok(()),
        Some(lookup) => Err(SearchError::Width {
            found: lookup.query.width(),
            expected,
        }),
    }
}

impl From<Stopped> for SearchError {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

#[cfg(test)]
#[path = "exact_tests.rs"]
mod tests;
