//! Approximate search: the lists that are nearest to the query are looked at, and no others.
//!
//! How many lists that are was measured when the [inverted file](crate::features::ivf) was made: as many as it takes to
//! find the share of the best images that the operator wants. Among the rows that are looked at nothing is lost: their
//! bytes tell which of them may belong into the answer, and these are scored from the features, as [exact](super::exact)
//! search does it. What the lists are no help with is left to that: all images above a score, some thousands of the best,
//! and few rows.

use super::exact::{BLOCK_BYTES, Exact, check_widths};
use super::pool::Pool;
use super::ranking::Ranking;
use super::rows::Rows;
use super::scan::{SCATTERED_COST, Scan};
use super::{Done, SearchError, VectorSearch};
use crate::features::Features;
use crate::features::ivf::{DEPTHS, Ivf};
use crate::features::nearest::{Hit, Lookup};
use std::ops::Range;
use std::sync::Arc;

/// The engine that looks at what is likely to belong into the answer.
pub struct Approximate {
    features: Features,
    ivf: Ivf,
    /// The share of the best images that is to be found.
    recall: f64,
    exact: Exact,
    pool: &'static Pool,
    /// Rows that a thread looks at before it asks what is next.
    block: usize,
}

/// What is to be looked at for a lookup.
struct Probe {
    /// Places in the lists, the nearest list first.
    places: Vec<Range<usize>>,
    n_rows: usize,
    recall: f64,
}

impl Approximate {
    /// Searches the lists of `features` so that the share `recall` of the best images is found, and leaves the rest to
    /// `exact`.
    #[must_use]
    pub fn new(features: Features, ivf: Ivf, recall: f64, exact: Exact) -> Self {
        let block = (BLOCK_BYTES / features.width().max(1)).clamp(64, 1 << 16);
        Self {
            features,
            ivf,
            recall,
            exact,
            pool: Pool::shared(),
            block,
        }
    }

    /// What is to be looked at; `None` if exact search is as quick, or the only one that can answer.
    fn probe(&self, lookup: &Lookup<'_>, rows: Option<&Rows>) -> Option<Probe> {
        self.ivf.check().ok()?;
        let n = self.features.len();
        let n_candidates = rows.map_or(n, Rows::len);
        let limit = lookup.limit.filter(|limit| *limit < n_candidates)?;
        // The best of a tenth of the images are the best ten times as many of all, as far as one can know.
        let depth = limit.saturating_mul(n).div_ceil(n_candidates);
        let effort = self.ivf.recall().effort(depth, self.recall)?;
        let wanted = share_of(n, effort.share);
        let exact_cost = n_candidates.saturating_mul(SCATTERED_COST).min(n);
        if wanted >= exact_cost {
            return None;
        }
        let lists = self.ivf.lists();
        let mut probe = Probe {
            places: Vec::new(),
            n_rows: 0,
            recall: effort.recall,
        };
        for list in lists.nearest_first(lookup.query.as_slice()) {
            if probe.n_rows >= wanted {
                break;
            }
            let places = lists.places(list);
            probe.n_rows += places.len();
            let starts = places.clone().step_by(self.block);
            (probe.places).extend(starts.map(|start| start..places.end.min(start + self.block)));
        }
        (probe.n_rows < exact_cost).then_some(probe)
    }

    /// The hits of a lookup among what is looked at; `None` if the file was changed meanwhile.
    fn hits(
        &self,
        probe: &Probe,
        lookup: &Lookup<'_>,
        rows: Option<&Rows>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<Hit>>, SearchError> {
        let lookups = std::slice::from_ref(lookup);
        let scan = Arc::new(Scan::new(
            &self.features,
            Some(self.ivf.codes()),
            lookups,
            false,
        ));
        let (shared, ivf) = (scan.clone(), self.ivf.clone());
        let (places, among) = (probe.places.clone(), rows.cloned());
        let work = move |block: usize| {
            shared.look_into(&ivf, places[block].clone(), among.as_ref());
        };
        self.pool.run(probe.places.len(), work, is_stopped)?;
        // Whoever changes that file takes nothing from an answer.
        if self.ivf.check().is_err() {
            return Ok(None);
        }
        self.features.check()?;
        let mut found = scan.take_found();
        let found = found.pop().expect("one lookup has one answer");
        found
            .hits(lookup, &self.features, self.pool, is_stopped)
            .map(Some)
    }

    /// The hits of a lookup by its lists, and what was done for them; `None` if the file was changed meanwhile.
    fn by_lists(
        &self,
        probe: &Probe,
        lookup: &Lookup<'_>,
        rows: Option<&Rows>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Option<(Vec<Hit>, Done)>, SearchError> {
        let hits = self.hits(probe, lookup, rows, is_stopped)?;
        let done = Done {
            images_scored: probe.n_rows,
            is_exact: false,
            expected_recall: probe.recall,
        };
        Ok(hits.map(|hits| (hits, done)))
    }
}

impl VectorSearch for Approximate {
    fn name(&self) -> String {
        format!(
            "approximate, {} lists; {}",
            self.ivf.lists().len(),
            self.exact.name()
        )
    }

    fn expected_recall(&self) -> f64 {
        const TEN: usize = DEPTHS[0];
        let effort = self.ivf.recall().effort(TEN, self.recall);
        effort.map_or(1.0, |effort| effort.recall)
    }

    fn each(
        &self,
        lookups: &[Lookup<'_>],
        rows: Option<&Rows>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(Vec<Vec<Hit>>, Done), SearchError> {
        check_widths(&self.features, lookups)?;
        let probes: Vec<Option<Probe>> = (lookups.iter())
            .map(|lookup| self.probe(lookup, rows))
            .collect();
        // Many lookups share one look at all images, which is as quick as their lists one after the other.
        let n_rows: usize = probes.iter().flatten().map(|probe| probe.n_rows).sum();
        if n_rows >= self.features.len() {
            return self.exact.each(lookups, rows, is_stopped);
        }
        let mut all: Vec<Vec<Hit>> = vec![Vec::new(); lookups.len()];
        let mut done = Done::default();
        let mut left = Vec::new();
        for (nth, (lookup, probe)) in lookups.iter().zip(&probes).enumerate() {
            let found = match probe {
                Some(probe) => self.by_lists(probe, lookup, rows, is_stopped)?,
                None => None,
            };
            let Some((hits, done_for_it)) = found else {
                left.push(nth);
                continue;
            };
            all[nth] = hits;
            done = done.and(done_for_it);
        }
        if !left.is_empty() {
            let lookups: Vec<Lookup<'_>> = left.iter().map(|nth| lookups[*nth]).collect();
            let (found, done_for_them) = self.exact.each(&lookups, rows, is_stopped)?;
            done = done.and(done_for_them);
            for (nth, hits) in left.into_iter().zip(found) {
                all[nth] = hits;
            }
        }
        Ok((all, done))
    }

    fn ranked(
        &self,
        lookup: Lookup<'_>,
        rows: Option<&Rows>,
        enough: Option<usize>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(Ranking, Done), SearchError> {
        check_widths(&self.features, &[lookup])?;
        if lookup.limit.is_some() {
            let (mut hits, done) = self.each(&[lookup], rows, is_stopped)?;
            return Ok((Ranking::of_hits(hits.pop().unwrap_or_default()), done));
        }
        let first = Lookup {
            limit: enough,
            ..lookup
        };
        let found = match self.probe(&first, rows) {
            Some(probe) => self.by_lists(&probe, &first, rows, is_stopped)?,
            None => None,
        };
        match found {
            Some((hits, done)) => Ok((Ranking::cut_after(hits), done)),
            None => self.exact.ranked(lookup, rows, enough, is_stopped),
        }
    }
}

/// That share of `n`, rounded up.
fn share_of(n: usize, share: f64) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of rows, rounded"
    )]
    {
        (n as f64 * share).ceil() as usize
    }
}

#[cfg(test)]
#[path = "approximate_tests.rs"]
mod tests;
