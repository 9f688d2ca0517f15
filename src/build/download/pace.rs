//! How many requests a host gets at the same time, and how soon after each other.
//!
//! As TCP finds out what a network takes: more as long as answers are quick, half as many when there were too many.
//! When an image comes never changes what comes, so no vector depends on the pace.

use std::time::Duration;
use tokio::time::Instant;

/// Requests at the same time that a host gets at first: many institutions have one small machine.
const FIRST: usize = 4;
/// An answer is quick if it takes at most so many times as long as the quickest of its kind. From there on more
/// requests only wait for each other.
const SLACK: u32 = 2;
/// An answer within this time is always quick: differences are those of this machine.
const QUICK: Duration = Duration::from_millis(100);
/// Quick answers for one request more at a time, at a host that has never had too many.
const EAGER: u32 = 2;
/// The same at one that has had too many; more if it has more requests at a time.
const CALM: u32 = 8;

/// What is asked for: small files are quicker than pictures, and say nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// info.json, a manifest, robots.txt.
    Document,
    Picture,
}

/// The pace of one host.
#[derive(Debug)]
pub(super) struct Pace {
    /// Most requests at the same time.
    n_places: usize,
    limit: usize,
    /// Whether it is to find out first if there is anyone.
    is_trial: bool,
    n_quick: u32,
    least_document: Option<Duration>,
    least_picture: Option<Duration>,
    /// When it last had too many.
    slowed_at: Option<Instant>,
    /// Between the beginnings of two requests.
    interval: Duration,
    next_at: Option<Instant>,
}

impl Pace {
    /// One request at a time until [`Self::begin`], and up to `n_places` after that; `interval` between two.
    pub(super) fn new(n_places: usize, interval: Duration) -> Self {
        Self {
            n_places,
            limit: 1,
            is_trial: true,
            n_quick: 0,
            least_document: None,
            least_picture: None,
            slowed_at: None,
            interval,
            next_at: None,
        }
    }

    /// Requests that may be under way.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// The host answers.
    pub(super) fn begin(&mut self) {
        if self.is_trial {
            self.is_trial = false;
            self.n_quick = 0;
            self.limit = FIRST.min(self.n_places);
        }
    }

    /// The host does not answer: one request at a time until it does.
    pub(super) fn end(&mut self) {
        self.is_trial = true;
        self.limit = 1;
    }

    /// An answer has come, whole, after this time.
    pub(super) fn note(&mut self, kind: Kind, took: Duration) {
        let least = match kind {
            Kind::Document => &mut self.least_document,
            Kind::Picture => &mut self.least_picture,
        };
        let least = *least.insert(least.map_or(took, |least| least.min(took)));
        if self.limit >= self.n_places || took > QUICK.max(least * SLACK) {
            return;
        }
        self.n_quick += 1;
        let round = u32::try_from(self.limit).unwrap_or(u32::MAX);
        let wanted = match self.slowed_at {
            None => EAGER,
            Some(_) => round.max(CALM),
        };
        if self.n_quick >= wanted {
            self.n_quick = 0;
            self.limit += 1;
        }
    }

    /// The host has too many requests, as one that began at `begun` has found out: half as many from now on. What
    /// others find out that were under way then is no news. Says whether it is.
    pub(super) fn slow(&mut self, begun: Instant, now: Instant) -> bool {
        if self.slowed_at.is_some_and(|at| begun < at) {
            return false;
        }
        self.slowed_at = Some(now);
        self.limit = (self.limit / 2).max(1);
        self.n_quick = 0;
        true
    }

    /// Requests begin no sooner than this after each other.
    pub(super) fn keep_apart(&mut self, interval: Duration) {
        self.interval = self.interval.max(interval);
    }

    /// When the next request may begin, if that is after `now`.
    pub(super) fn next_at(&self, now: Instant) -> Option<Instant> {
        self.next_at.filter(|at| now < *at)
    }

    /// A request begins.
    pub(super) fn step(&mut self, now: Instant) {
        if !self.interval.is_zero() {
            self.next_at = Some(now + jittered_after(self.interval));
        }
    }
}

/// About this pause, from three quarters to five quarters of it: those who failed together do not come back together.
pub(super) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.75 + 0.5 * fastrand::f64())
}

/// At least this pause, and up to a tenth more.
pub(super) fn jittered_after(pause: Duration) -> Duration {
    pause.mul_f64(1.0 + 0.1 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A host of 16 places that has answered.
    fn known() -> Pace {
        let mut pace = Pace::new(16, Duration::ZERO);
        assert_eq!(pace.limit(), 1);
        pace.begin();
        pace
    }

    #[test]
    fn a_quick_host_soon_has_all_places() {
        let mut pace = known();
        let mut limits = vec![pace.limit()];
        for _ in 0..30 {
            pace.note(Kind::Picture, MS * 20);
            limits.push(pace.limit());
        }
        assert_eq!(
            (limits[0], limits[8], limits[24], limits[30]),
            (4, 8, 16, 16)
        );
    }

    #[test]
    fn a_host_whose_answers_take_longer_gets_no_more() {
        let mut pace = known();
        pace.note(Kind::Document, MS * 5);
        pace.note(Kind::Picture, MS * 300);
        assert_eq!(pace.limit(), 5);
        for _ in 0..100 {
            pace.note(Kind::Picture, MS * 700);
        }
        assert_eq!(pace.limit(), 5);
        for _ in 0..4 {
            pace.note(Kind::Picture, MS * 500);
        }
        assert_eq!(pace.limit(), 7, "documents are not the measure of pictures");
    }

    #[test]
    fn too_many_is_half_as_many_once_a_round_and_slowly_more() {
        let mut pace = known();
        for _ in 0..24 {
            pace.note(Kind::Picture, MS);
        }
        let begun = Instant::now();
        let now = begun + MS;
        assert!(pace.slow(begun, now));
        for _ in 0..15 {
            assert!(!pace.slow(begun, now), "under way at the same time");
        }
        assert_eq!(pace.limit(), 8);
        for _ in 0..7 {
            pace.note(Kind::Picture, MS);
        }
        assert_eq!(pace.limit(), 8);
        pace.note(Kind::Picture, MS);
        assert_eq!(pace.limit(), 9);
        for n in 1..9 {
            assert!(pace.slow(now + MS * n, now + MS * n));
        }
        assert_eq!(pace.limit(), 1);
    }

    #[test]
    fn a_host_that_is_back_begins_anew() {
        let mut pace = known();
        pace.end();
        assert_eq!(pace.limit(), 1);
        pace.begin();
        assert_eq!(pace.limit(), FIRST);
        let mut narrow = Pace::new(2, Duration::ZERO);
        narrow.begin();
        assert_eq!(narrow.limit(), 2);
    }

    #[test]
    fn pauses_are_about_as_long_as_they_should_be() {
        for _ in 0..1000 {
            let own = jittered(MS * 1000);
            assert!(own >= MS * 750 && own <= MS * 1250, "{own:?}");
            let wish = jittered_after(MS * 1000);
            assert!(wish >= MS * 1000 && wish <= MS * 1100, "{wish:?}");
        }
    }
}
