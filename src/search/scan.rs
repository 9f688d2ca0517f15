//! What several threads look for together in the rows of a collection: estimates first, then scores of what they leave.

use super::SearchError;
use super::best::Best;
use super::bounds::{Estimate, slack};
use super::coarse::{Coarse, Room};
use super::pool::Pool;
use super::rows::{Rows, index, number};
use super::tile::{self, Tile};
use crate::embedding::Embedding;
use crate::features::Features;
use crate::features::int8::Int8;
use crate::features::kernel::with_all_the_processor_has;
use crate::features::nearest::{Hit, Lookup, best_first};
use crate::features::score::score;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where bytes leave the score of more than one row in so many too uncertain, they are read no further: to score a row
/// that lies anywhere takes as long as a better estimate of a dozen that lie together.
const UNCLEAR: usize = 32;

/// Rows at scattered places that a thread scores before it asks what is next.
pub(super) const SCATTERED: usize = 256;

/// To score a row that lies anywhere takes as long as a look at so many that lie together.
pub(super) const SCATTERED_COST: usize = 12;

/// So many rows before it is read, memory is asked for a row at a scattered place.
const AHEAD: usize = 4;

/// What several threads look for together.
pub(super) struct Scan {
    features: Features,
    coarse: Option<Coarse>,
    /// Whether the bytes are worth being read.
    is_coarse_clear: AtomicBool,
    /// `[n_queries, d]`
    queries: Vec<f32>,
    /// By query: lowest score, limit.
    asked: Vec<(f64, Option<usize>)>,
    slack: f32,
    /// Rows that alone are looked for.
    among: Option<Rows>,
    found: Vec<Mutex<Found>>,
}

/// What was found for a query so far.
pub(super) enum Found {
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

    /// The hits of `lookup`, best first; after the last that it asks for those with the same score may follow.
    pub(super) fn hits_and_equals(
        self,
        lookup: &Lookup<'_>,
        features: &Features,
        pool: &Pool,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Vec<Hit>, SearchError> {
        let mut hits = match self {
            Self::Hits(hits) => hits,
            Self::Best(best) => {
                let mut rows = best.finish();
                rescore(features, lookup.query, &mut rows, pool, is_stopped)?;
                (rows.iter().map(Estimate::hit))
                    .filter(|hit| f64::from(hit.score) >= lookup.min_score)
                    .collect()
            }
            Self::Estimates(_) => Vec::new(),
        };
        hits.sort_unstable_by(best_first);
        let last = lookup
            .limit
            .and_then(|limit| hits.get(limit.checked_sub(1)?));
        if let Some(Hit { score: least, .. }) = last.copied() {
            hits.truncate(hits.partition_point(|hit| hit.score >= least));
        }
        Ok(hits)
    }
}

thread_local! {
    static ROOM: RefCell<(Tile, Room)> = RefCell::default();
}

impl Scan {
    /// A search for `lookups` that has found nothing yet; it reads the features in bytes first, where there are such.
    pub(super) fn new(
        features: &Features,
        int8: Option<&Int8>,
        lookups: &[Lookup<'_>],
        is_lazy: bool,
    ) -> Self {
        let queries: Vec<f32> = (lookups.iter())
            .flat_map(|lookup| lookup.query.as_slice())
            .copied()
            .collect();
        Self {
            features: features.clone(),
            coarse: int8.map(|int8| Coarse::new(int8.clone(), &queries, lookups.len())),
            is_coarse_clear: AtomicBool::new(true),
            slack: slack(features.width()),
            asked: lookups
                .iter()
                .map(|lookup| (lookup.min_score, lookup.limit))
                .collect(),
            queries,
            among: None,
            found: (lookups.iter())
                .map(|lookup| Mutex::new(Found::of(lookup.limit, is_lazy)))
                .collect(),
        }
    }

    /// What was found, by lookup.
    pub(super) fn take_found(&self) -> Vec<Found> {
        (0..self.found.len())
            .map(|query| std::mem::replace(&mut *self.lock(query), Found::Hits(Vec::new())))
            .collect()
    }

    /// Among `rows` alone, if given.
    pub(super) fn among(self, rows: Option<&Rows>) -> Self {
        Self {
            among: rows.cloned(),
            ..self
        }
    }

    /// Looks at `rows`, which lie one after the other.
    pub(super) fn look_at(&self, rows: Range<usize>) {
        ROOM.with_borrow_mut(|(tile, room)| {
            if let Some(coarse) = &self.coarse
                && self.is_coarse_clear.load(Ordering::Relaxed)
            {
                coarse.estimate(rows.clone(), room);
                if self.is_clear(room) {
                    let slack = |index: usize| room.slacks[index];
                    self.take(rows.map(number), &room.estimates, slack);
                    return;
                }
                // The rows after these are of the same kind.
                self.is_coarse_clear.store(false, Ordering::Relaxed);
            }
            let n_queries = self.asked.len();
            let estimates = tile.estimates(&self.features, rows.clone(), &self.queries, n_queries);
            self.take(rows.map(number), estimates, |_| self.slack);
        });
    }

    /// What the score of a row must be to belong to the best of a query by those that were looked at so far, less what
    /// the rounding of an estimate comes to.
    pub(super) fn least(&self, query: usize) -> f64 {
        let min_score = self.asked[query].0;
        let least = match &mut *self.lock(query) {
            Found::Best(best) => {
                best.drop_hopeless();
                f64::from(best.threshold()).max(min_score)
            }
            Found::Estimates(_) | Found::Hits(_) => min_score,
        };
        least - f64::from(self.slack)
    }

    /// Looks at `rows`, which lie anywhere, for one query, which has a limit.
    pub(super) fn look_at_some(&self, rows: &[u32], query: usize) {
        let kept = self.estimate_those(rows, query, self.asked[query].0);
        if let Found::Best(best) = &mut *self.lock(query) {
            best.extend(&kept);
        }
    }

    /// Those of `rows`, which lie anywhere, that may have a score of at least `least` with a query.
    fn estimate_those(&self, rows: &[u32], query: usize, least: f64) -> Vec<Estimate> {
        let width = self.features.width();
        let query = &self.queries[query * width..][..width];
        let mut kept = Vec::new();
        for (nth, row) in rows.iter().enumerate() {
            if let Some(later) = rows.get(nth + AHEAD) {
                self.features.fetch(index(*later));
                self.features.fetch_factor(index(*later));
            }
            let estimate = tile::estimate(&self.features, index(*row), query);
            let estimate = Estimate::around(*row, estimate, self.slack);
            if f64::from(estimate.high) >= least {
                kept.push(estimate);
            }
        }
        kept
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
    /// - `estimates`: `[number of rows, n_queries]`, each off by at most the `slack` of its index.
    fn take(
        &self,
        rows: impl Iterator<Item = u32> + Clone,
        estimates: &[f32],
        slack: impl Fn(usize) -> f32,
    ) {
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
                let estimate = Estimate::around(row, estimates[index], slack(index));
                // Few are high enough, and to find them among others takes longer.
                if estimate.high >= threshold
                    && f64::from(estimate.high) >= *min_score
                    && self.among.as_ref().is_none_or(|rows| rows.has(row))
                {
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
    pub(super) fn score_all(&self, rows: &[u32]) {
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

    fn lock(&self, query: usize) -> MutexGuard<'_, Found> {
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
