//! What the bits of an [inverted file](crate::features::ivf) tell of a query: which rows are worth being read.
//!
//! First all rows that are looked at are estimated, by all processors. The best by their estimates are read, and the last
//! of the best of these tells what any other must be able to reach: little is read in vain. Then those are read that can,
//! by all processors. What that is does not depend on who was quicker: the same query has the same answer.

use super::best::Best;
use super::bounds::Estimate;
use super::rows::Rows;
use super::scan::Scan;
use crate::features::ivf::{BitQuery, Estimates, Ivf};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Part of a list: the list, and places in the lists.
pub(super) type Piece = (usize, Range<usize>);

/// Beside twice as many as are wanted, so many rows are read because they have the best estimates: one in so many that are
/// looked at, and some. Among ten million images the last of the best of these is nearly as good as that of all; with 32
/// of them a search for a text takes a fifth longer.
const ONE_IN: usize = 2048;
const SOME: usize = 32;

/// The rows that are looked at for lookups with one query.
pub(super) struct Sift {
    ivf: Ivf,
    query: BitQuery,
    pieces: Vec<Piece>,
    /// By piece, what nearly all scores are not above.
    highest: Vec<Mutex<Vec<f32>>>,
    /// By lookup, how many are read by their estimates alone.
    most: Vec<usize>,
    /// By lookup, the best by their estimates.
    best: Vec<Mutex<Best>>,
    /// By lookup, those of them that were read, ascending, and what others must be able to reach.
    were_read: OnceLock<Vec<(Vec<u32>, f32)>>,
    /// Rows of which the first lookup is.
    among: Option<Rows>,
}

thread_local! {
    static ROOM: RefCell<Estimates> = RefCell::default();
}

impl Sift {
    /// For lookups with these limits, of which the first is `among` some rows.
    ///
    /// # Shapes
    /// - `query`: `[d]`, of unit norm
    pub(super) fn new(
        ivf: Ivf,
        query: &[f32],
        pieces: Vec<Piece>,
        limits: impl Iterator<Item = usize>,
        among: Option<Rows>,
    ) -> Self {
        let n_rows: usize = pieces.iter().map(|(_, places)| places.len()).sum();
        let beside = SOME + n_rows / ONE_IN;
        let most: Vec<usize> = limits
            .map(|limit| limit.saturating_mul(2).saturating_add(beside))
            .collect();
        Self {
            query: ivf.bit_query(query),
            highest: pieces.iter().map(|_| Mutex::default()).collect(),
            best: (most.iter())
                .map(|most| Mutex::new(Best::of(*most)))
                .collect(),
            most,
            were_read: OnceLock::new(),
            ivf,
            pieces,
            among,
        }
    }

    /// Estimates the scores of a piece.
    pub(super) fn estimate(&self, piece: usize) {
        let (list, places) = self.pieces[piece].clone();
        ROOM.with_borrow_mut(|room| {
            self.ivf.estimate(&self.query, list, places.clone(), room);
            for (lookup, best) in self.best.iter().enumerate() {
                let least = lock(best).threshold();
                let kept: Vec<Estimate> = places_from(least, &room.scores)
                    .map(|nth| (self.ivf.row(places.start + nth), room.scores[nth]))
                    .filter(|(row, _)| self.has(lookup, *row))
                    .map(|(row, score)| Estimate::around(row, score, 0.0))
                    .collect();
                if !kept.is_empty() {
                    lock(best).extend(&kept);
                }
            }
            lock(&self.highest[piece]).clone_from(&room.highest);
        });
    }

    /// Has `scan` read the best by their estimates.
    pub(super) fn read_best(&self, scan: &Scan) {
        self.were_read.get_or_init(|| {
            let read = |(lookup, best)| {
                let mut best = std::mem::replace(&mut *lock(best), Best::of(0)).finish();
                // Where thousands are alike, the others are read by all processors.
                best.truncate(self.most[lookup]);
                let rows: Vec<u32> = best.iter().map(|row| row.row).collect();
                scan.look_at_some(&rows, lookup);
                #[expect(clippy::cast_possible_truncation, reason = "rounded down")]
                let least = (scan.least(lookup) as f32).next_down();
                (rows, least)
            };
            self.best.iter().enumerate().map(read).collect()
        });
    }

    /// Has `scan` read what else of a piece may belong into the answer.
    pub(super) fn read(&self, piece: usize, scan: &Scan) {
        let start = self.pieces[piece].1.start;
        let highest = std::mem::take(&mut *lock(&self.highest[piece]));
        for lookup in 0..self.best.len() {
            let (was_read, least) = (self.were_read.get())
                .map_or((&[][..], f32::NEG_INFINITY), |read| {
                    (&read[lookup].0, read[lookup].1)
                });
            let rows: Vec<u32> = places_from(least, &highest)
                .map(|nth| self.ivf.row(start + nth))
                .filter(|row| self.has(lookup, *row) && was_read.binary_search(row).is_err())
                .collect();
            if !rows.is_empty() {
                scan.look_at_some(&rows, lookup);
            }
        }
    }

    fn has(&self, lookup: usize, row: u32) -> bool {
        lookup > 0 || self.among.as_ref().is_none_or(|rows| rows.has(row))
    }
}

/// The places of what is not below `least`. What is no number is not: a damaged file makes a search slower, not poorer.
fn places_from(least: f32, numbers: &[f32]) -> impl Iterator<Item = usize> {
    /// So many are looked at together, as there are few among them.
    const TOGETHER: usize = 32;
    let reaches = move |x: f32| x >= least || x.is_nan();
    (0..)
        .step_by(TOGETHER)
        .zip(numbers.chunks(TOGETHER))
        .filter(move |(_, some)| some.iter().fold(false, |any, x| any | reaches(*x)))
        .flat_map(move |(start, some)| {
            let of_some = some.iter().enumerate();
            of_some
                .filter(move |(_, x)| reaches(**x))
                .map(move |(nth, _)| start + nth)
        })
}

fn lock<T>(one: &Mutex<T>) -> MutexGuard<'_, T> {
    one.lock().unwrap_or_else(PoisonError::into_inner)
}
