//! Exact search: every image is looked at.
//!
//! In two steps. The vectors are read as they stand in the file, in blocks, by all processors, and each score is
//! estimated: in whatever order of additions is quickest, and as certain as `bounds.rs` says; where there is a file with a
//! byte for each number, that is read instead, and `coarse.rs` says how certain it is. What may belong into the answer is
//! then scored as everything is ([`crate::embedding::Embedding::cosine`]). So answers have the same bits
//! whatever the processor, the number of threads, or the kernel.

use super::best::Best;
use super::bounds::{Estimate, slack};
use super::coarse::{Coarse, Room};
use super::pool::{Pool, Stopped};
use super::ranking::Ranking;
use super::rows::{Rows, index, number};
use super::tile::Tile;
use super::{Done, SearchError, VectorSearch};
use crate::embedding::Embedding;
use crate::features::Features;
use crate::features::int8::Int8;
use crate::features::kernel::with_all_the_processor_has;
use crate::features::nearest::{Hit, Lookup, best_first};
use crate::features::score::score;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
const BLOCK_BYTES: usize = 1 << 20;

/// Where bytes leave the score of more than one row in so many too uncertain, they are read no further: to score a row
/// that lies anywhere takes as long as a better estimate of a dozen that lie together.
const UNCLEAR: usize = 32;

/// Rows at scattered places that a thread scores before it asks what is next.
pub(super) const SCATTERED: usize = 256;

/// So many rows before it is read, memory is asked for a row at a scattered place.
const AHEAD: usize = 4;

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

    fn check_widths(&self, lookups: &[Lookup<'_>]) -> Result<(), SearchError> {
        let expected = self.features.width();
        match lookups
            .iter()
            .find(|lookup| lookup.query.width() != expected)
        {
            None => Ok(()),
            Some(lookup) => Err(SearchError::Width {
                found: lookup.query.width(),
                expected,
            }),
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
        self.check_widths(lookups)?;
        let int8 = (self.int8.as_ref()).filter(|_| rows.is_none() && self.features.width() > 0);
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
        let queries: Vec<f32> = (lookups.iter())
            .flat_map(|lookup| lookup.query.as_slice())
            .copied()
            .collect();
        let scan = Arc::new(Scan {
            features: self.features.clone(),
            coarse: int8.map(|int8| Coarse::new(int8.clone(), &queries, lookups.len())),
            is_coarse_clear: AtomicBool::new(true),
            slack: slack(self.features.width()),
            asked: lookups
                .iter()
                .map(|lookup| (lookup.min_score, lookup.limit))
                .collect(),
            queries,
            found: (lookups.iter())
                .map(|lookup| Mutex::new(Found::of(lookup.limit, is_lazy)))
                .collect(),
        });
        let shared = scan.clone();
        match rows {
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
        let take = |found: &Mutex<Found>| {
            std::mem::replace(
                &mut *found.lock().unwrap_or_else(PoisonError::into_inner),
                Found::Hits(Vec::new()),
            )
        };
        Ok(scan.found.iter().map(take).collect())
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
            let mut hits = match found {
                Found::Hits(hits) => hits,
                Found::Best(best) => {
                    let mut rows = best.finish();
                    rescore(
                        &self.features,
                        lookup.query,
                        &mut rows,
                        self.pool,
                        is_stopped,
                    )?;
                    rows.into_iter()
                        .map(|row| row.hit())
                        .filter(|hit| f64::from(hit.score) >= lookup.min_score)
                        .collect()
                }
                Found::Estimates(_) => Vec::new(),
            };
            hits.sort_unstable_by(best_first);
            hits.truncate(lookup.limit.unwrap_or(usize::MAX));
            all.push(hits);
        }
        Ok((all, self.n_scored(lookups.len(), rows)))
    }

    fn ranked(
        &self,
        lookup: Lookup<'_>,
        rows: Option<&Rows>,
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

impl From<Stopped> for SearchError {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

/// What several threads look for together.
struct Scan {
    features: Features,
    coarse: Option<Coarse>,
    /// Whether the bytes are worth being read.
    is_coarse_clear: AtomicBool,
    /// `[n_queries, d]`
    queries: Vec<f32>,
    /// By query: lowest score, limit.
    asked: Vec<(f64, Option<usize>)>,
    slack: f32,
    found: Vec<Mutex<Found>>,
}

/// What was found for a query so far.
enum Found {
    /// All hits, scored.
    Hits(Vec<Hit>),
    /// All hits, not all of them scored.
    Estimates(Vec<Estimate>),
    /// What may be among the best.
    Best(Best),
}

impl Found {
    fn of(limit: Option<usize>, is_lazy: bool) -> Self {
        match limit {
            Some(limit) => Self::Best(Best::of(limit)),
            None if is_lazy => Self::Estimates(Vec::new()),
            None => Self::Hits(Vec::new()),
        }
    }
}

impl Scan {
    /// Looks at `rows`, which lie one after the other.
    fn look_at(&self, rows: Range<usize>) {
        thread_local! {
            static ROOM: std::cell::RefCell<(Tile, Room)> = std::cell::RefCell::default();
        }
        ROOM.with_borrow_mut(|(tile, room)| {
            if let Some(coarse) = &self.coarse
                && self.is_coarse_clear.load(Ordering::Relaxed)
            {
                coarse.estimate(rows.clone(), room);
                if self.is_clear(room) {
                    self.take(rows, &room.estimates, |index| room.slacks[index]);
                    return;
                }
                // The rows after these are of the same kind.
                self.is_coarse_clear.store(false, Ordering::Relaxed);
            }
            let n_queries = self.asked.len();
            let estimates = tile.estimates(&self.features, rows.clone(), &self.queries, n_queries);
            self.take(rows, estimates, |_| self.slack);
        });
    }

    /// Whether coarse estimates tell of nearly all rows which side of the lowest score they are on. Among the best it is
    /// the others that they are compared with, and few are near the last of them.
    fn is_clear(&self, room: &Room) -> bool {
        let n_queries = self.asked.len();
        (self.asked.iter().enumerate()).all(|(query, (min_score, limit))| {
            let of_query = room.estimates.iter().zip(&room.slacks);
            let of_query = of_query.skip(query).step_by(n_queries);
            let is_unclear = |(estimate, slack): &(&f32, &f32)| {
                (f64::from(**estimate) - min_score).abs() <= f64::from(**slack)
            };
            limit.is_some()
                || of_query.clone().filter(is_unclear).count() * UNCLEAR <= of_query.len()
        })
    }

    /// Keeps what may belong into the answer.
    ///
    /// # Shapes
    /// - `estimates`: `[rows.len(), n_queries]`, each off by at most the `slack` of its index.
    fn take(&self, rows: Range<usize>, estimates: &[f32], slack: impl Fn(usize) -> f32) {
        let n_queries = self.asked.len();
        let width = self.features.width();
        for (query, (min_score, _)) in self.asked.iter().enumerate() {
            let (is_best, is_lazy, threshold) = match &*self.lock(query) {
                Found::Best(best) => (true, false, best.threshold()),
                Found::Estimates(_) => (false, true, f32::NEG_INFINITY),
                Found::Hits(_) => (false, false, f32::NEG_INFINITY),
            };
            let mut kept: Vec<Estimate> = Vec::new();
            let of_query = (query..estimates.len()).step_by(n_queries);
            for (row, index) in rows.clone().zip(of_query) {
                let estimate = Estimate::around(number(row), estimates[index], slack(index));
                if estimate.high >= threshold && f64::from(estimate.high) >= *min_score {
                    kept.push(estimate);
                }
            }
            if !is_best {
                let vector = &self.queries[query * width..][..width];
                let is_certain =
                    |estimate: &Estimate| is_lazy && f64::from(estimate.low) >= *min_score;
                self.score_some(vector, &mut kept, |estimate| !is_certain(estimate));
                kept.retain(|estimate| f64::from(estimate.low) >= *min_score);
            }
            match &mut *self.lock(query) {
                Found::Best(best) => best.extend(&kept),
                Found::Estimates(rows) => rows.append(&mut kept),
                Found::Hits(hits) => hits.extend(kept.iter().map(Estimate::hit)),
            }
        }
    }

    /// Scores those of `rows` that are to be.
    fn score_some(
        &self,
        query: &[f32],
        rows: &mut [Estimate],
        is_to_be: impl Fn(&Estimate) -> bool,
    ) {
        let mut components = vec![0.0; self.features.width()];
        for row in rows.iter_mut().filter(|row| is_to_be(row)) {
            *row = Estimate::known(
                row.row,
                score_of(&self.features, row.row, query, &mut components),
            );
        }
    }

    /// Scores all of `rows`, which lie anywhere: each is read once, for all queries.
    fn score_all(&self, rows: &[u32]) {
        let width = self.features.width();
        let n_queries = self.asked.len();
        let mut components = vec![0.0; width];
        let mut scores = Vec::with_capacity(rows.len() * n_queries);
        with_all_the_processor_has(
            #[inline(always)]
            || {
                for (nth, row) in rows.iter().enumerate() {
                    if let Some(later) = rows.get(nth + AHEAD) {
                        self.features.fetch(index(*later));
                    }
                    self.features.read_row(index(*row), &mut components);
                    let of_row = (self.queries.chunks_exact(width)).map(|q| score(&components, q));
                    scores.extend(of_row);
                }
            },
        );
        for (query, (min_score, _)) in self.asked.iter().enumerate() {
            let of_query = scores.iter().skip(query).step_by(n_queries);
            let kept: Vec<Estimate> = (rows.iter().zip(of_query))
                .filter(|(_, score)| f64::from(**score) >= *min_score)
                .map(|(row, score)| Estimate::known(*row, *score))
                .collect();
            match &mut *self.lock(query) {
                Found::Best(best) => best.extend(&kept),
                Found::Estimates(rows) => rows.extend(kept),
                Found::Hits(hits) => hits.extend(kept.iter().map(Estimate::hit)),
            }
        }
    }

    fn lock(&self, query: usize) -> std::sync::MutexGuard<'_, Found> {
        (self.found[query].lock()).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Scores those of `rows` whose scores are not known yet.
pub(super) fn rescore(
    features: &Features,
    query: &Embedding,
    rows: &mut [Estimate],
    pool: &Pool,
    is_stopped: &dyn Fn() -> bool,
) -> Result<(), SearchError> {
    let mut unknown: Vec<&mut Estimate> = rows.iter_mut().filter(|row| !row.is_known()).collect();
    // In the order in which they lie in the file.
    unknown.sort_unstable_by_key(|row| row.row);
    let numbers: Arc<Vec<u32>> = Arc::new(unknown.iter().map(|row| row.row).collect());
    let n_blocks = numbers.len().div_ceil(SCATTERED);
    let scores = Arc::new(Mutex::new(vec![0f32; numbers.len()]));
    let (shared, features_, query) = (scores.clone(), features.clone(), query.clone());
    let work = move |block: usize| {
        let start = block * SCATTERED;
        let rows = &numbers[start..numbers.len().min(start + SCATTERED)];
        let mut components = vec![0.0; features_.width()];
        let scored: Vec<f32> = (rows.iter())
            .map(|row| score_of(&features_, *row, query.as_slice(), &mut components))
            .collect();
        let mut scores = shared.lock().unwrap_or_else(PoisonError::into_inner);
        scores[start..start + scored.len()].copy_from_slice(&scored);
    };
    pool.run(n_blocks, work, is_stopped)?;
    features.check()?;
    let scores = scores.lock().unwrap_or_else(PoisonError::into_inner);
    for (row, score) in unknown.into_iter().zip(&*scores) {
        *row = Estimate::known(row.row, *score);
    }
    Ok(())
}

/// The score of a row; `components` is room for it.
fn score_of(features: &Features, row: u32, query: &[f32], components: &mut [f32]) -> f32 {
    with_all_the_processor_has(
        #[inline(always)]
        || {
            features.read_row(index(row), components);
            score(components, query)
        },
    )
}

#[cfg(test)]
#[path = "exact_tests.rs"]
mod tests;
