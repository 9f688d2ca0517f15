//! Approximate search: the lists that are nearest to the query are looked at, and no others.
//!
//! How many lists that are was measured when the [inverted file](crate::features::ivf) was made: as many as it takes to
//! find the share of the best images that the operator wants. Among the rows that are looked at hardly anything is lost
//! (one in a thousand): their bits tell which of them may belong into the answer, and these are scored from the features, as
//! [exact](super::exact) search does it. What the lists are no help with is left to that: all images above a score, some
//! thousands of the best, and few rows.

use super::exact::{BLOCK_BYTES, Exact, check_widths};
use super::pool::Pool;
use super::ranking::Ranking;
use super::rows::Rows;
use super::scan::{SCATTERED_COST, Scan};
use super::sift::{Piece, Sift};
use super::{Done, SearchError, VectorSearch};
use crate::features::Features;
use crate::features::ivf::{DEPTHS, Ivf};
use crate::features::nearest::{Hit, Lookup};
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

/// To look at so many rows by their bits takes as long as to read one of them whole, where all count. Where only some do,
/// most of these have to be read after all, and others to know how far one has to look: then nothing is gained.
const BITS_GAIN: usize = 6;

/// What is to be looked at for a lookup.
struct Probe {
    /// The nearest list first.
    pieces: Vec<Piece>,
    n_rows: usize,
    recall: f64,
    /// Of how many best images of all this recall is known.
    depth: usize,
}

impl Approximate {
    /// Searches the lists of `features` so that the share `recall` of the best images is found, and leaves the rest to
    /// `exact`. Where no share of the lists is enough for it, as none is for 1, all is left to that.
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

    /// What is to be looked at to find the hits of a lookup, if these are among the best `depth` of all images; `None` if
    /// exact search is as quick, or the only one that can answer.
    fn probe(&self, lookup: &Lookup<'_>, rows: Option<&Rows>, depth: usize) -> Option<Probe> {
        self.ivf.check().ok()?;
        let n = self.features.len();
        let n_candidates = rows.map_or(n, Rows::len);
        lookup.limit.filter(|limit| *limit < n_candidates)?;
        let effort = self.ivf.recall().effort(depth, self.recall)?;
        let wanted = share_of(n, effort.share);
        let exact_cost = n_candidates.saturating_mul(SCATTERED_COST).min(n);
        if wanted >= n || cost(wanted, rows) >= exact_cost {
            return None;
        }
        let lists = self.ivf.lists();
        let mut probe = Probe {
            pieces: Vec::new(),
            n_rows: 0,
            recall: effort.recall,
            depth: effort.depth,
        };
        for list in lists.nearest_first(lookup.query.as_slice()) {
            if probe.n_rows >= wanted {
                break;
            }
            let places = lists.places(list);
            probe.n_rows += places.len();
            let starts = places.clone().step_by(self.block);
            let pieces = starts.map(|start| (list, start..places.end.min(start + self.block)));
            probe.pieces.extend(pieces);
        }
        (probe.n_rows < n && cost(probe.n_rows, rows) < exact_cost).then_some(probe)
    }

    /// The first probe for a lookup. The best of a tenth of the images are the best ten times as many of all, as far as
    /// one can know before.
    fn first_probe(&self, lookup: &Lookup<'_>, rows: Option<&Rows>) -> Option<Probe> {
        let n = self.features.len();
        let limit = lookup.limit?;
        let depth = match rows.map_or(n, Rows::len) {
            0 => return None,
            n_candidates => limit.saturating_mul(n).div_ceil(n_candidates),
        };
        self.probe(lookup, rows, depth)
    }

    /// The hits of a lookup by its lists, those of the `first` probe to begin with, with those that have the score of the
    /// last, and what was done for them; `None` if it has to be left to exact search.
    fn by_lists(
        &self,
        first: Option<Probe>,
        lookup: &Lookup<'_>,
        rows: Option<&Rows>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Option<(Vec<Hit>, Done)>, SearchError> {
        let mut next = first;
        let mut n_scored = 0;
        while let Some(probe) = next {
            n_scored += probe.n_rows;
            let Some((hits, depth)) = self.hits(&probe, lookup, rows, is_stopped)? else {
                return Ok(None);
            };
            if depth <= probe.depth {
                let done = Done {
                    images_scored: n_scored,
                    is_exact: false,
                    expected_recall: probe.recall,
                };
                return Ok(Some((hits, done)));
            }
            // The images that count are further from the query than others are: more has to be read, or all.
            next = self.probe(lookup, rows, depth);
        }
        Ok(None)
    }

    /// The hits of a lookup among what is looked at, and among how many best images of all these are, at least; `None` if
    /// the file was changed meanwhile.
    fn hits(
        &self,
        probe: &Probe,
        lookup: &Lookup<'_>,
        rows: Option<&Rows>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Option<(Vec<Hit>, usize)>, SearchError> {
        // Beside the images that count, as many of all as the recall is known of.
        let of_all = Lookup {
            limit: Some(probe.depth),
            ..*lookup
        };
        let lookups = [*lookup, of_all];
        let lookups = &lookups[..1 + usize::from(rows.is_some())];
        let scan = Arc::new(Scan::new(&self.features, None, lookups, false));
        let sift = Arc::new(Sift::new(
            self.ivf.clone(),
            lookup.query.as_slice(),
            probe.pieces.clone(),
            lookups.iter().filter_map(|lookup| lookup.limit),
            rows.cloned(),
        ));
        let n_pieces = probe.pieces.len();
        let shared = sift.clone();
        (self.pool).run(n_pieces, move |piece| shared.estimate(piece), is_stopped)?;
        sift.read_best(&scan);
        let shared = scan.clone();
        (self.pool).run(n_pieces, move |piece| sift.read(piece, &shared), is_stopped)?;
        // Whoever changes that file takes nothing from an answer.
        if self.ivf.check().is_err() {
            return Ok(None);
        }
        self.features.check()?;
        let mut found = scan.take_found().into_iter().zip(lookups);
        let mut next = || -> Result<Vec<Hit>, SearchError> {
            let (found, lookup) = found.next().expect("as many as lookups");
            found.hits_and_equals(lookup, &self.features, self.pool, is_stopped)
        };
        let hits = next()?;
        let limit = lookup.limit.unwrap_or(usize::MAX);
        if rows.is_none() {
            return Ok(Some((hits, limit)));
        }
        let of_all = next()?;
        let are_there = match (
            of_all.get(probe.depth - 1),
            hits.get(limit.saturating_sub(1)),
        ) {
            (Some(last_of_all), Some(last)) => last_of_all.score <= last.score,
            (Some(_), None) => false,
            // All that are good enough are among them, if others are not.
            (None, _) => of_all.len() < probe.n_rows,
        };
        Ok(Some((hits, probe.depth + usize::from(!are_there))))
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
        // Many lookups share one look at all images, which is as quick as their lists one after the other.
        let mut probes = Vec::with_capacity(lookups.len());
        let mut n_rows = 0;
        for lookup in lookups {
            if is_stopped() {
                return Err(SearchError::Stopped);
            }
            let probe = self.first_probe(lookup, rows);
            n_rows += (probe.as_ref()).map_or(0, |probe| cost(probe.n_rows, rows));
            if n_rows >= self.features.len() {
                return self.exact.each(lookups, rows, is_stopped);
            }
            probes.push(probe);
        }
        let mut all: Vec<Vec<Hit>> = vec![Vec::new(); lookups.len()];
        let mut done = Done::default();
        let mut left = Vec::new();
        for (nth, (lookup, probe)) in lookups.iter().zip(probes).enumerate() {
            let found = self.by_lists(probe, lookup, rows, is_stopped)?;
            let Some((mut hits, done_for_it)) = found else {
                left.push(nth);
                continue;
            };
            hits.truncate(lookup.limit.unwrap_or(usize::MAX));
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
        let probe = self.first_probe(&first, rows);
        match self.by_lists(probe, &first, rows, is_stopped)? {
            Some((hits, done)) => Ok((Ranking::cut_after(hits), done)),
            None => self.exact.ranked(lookup, rows, enough, is_stopped),
        }
    }
}

/// How many rows are read whole in the time that a look at so many by their bits takes, if `rows` alone count.
fn cost(n_rows: usize, rows: Option<&Rows>) -> usize {
    match rows {
        None => n_rows / BITS_GAIN,
        Some(_) => n_rows,
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
