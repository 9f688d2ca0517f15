//! How far a build is: a bar on a terminal, a line now and then elsewhere.

use super::failures::Stage;
use super::tally::origin;
use super::worst::Worst;
use indicatif::{DecimalBytes, HumanDuration, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Counts images; may be told from several threads.
#[derive(Debug)]
pub(super) struct Progress {
    n_images: usize,
    n_done: AtomicUsize,
    seen: Mutex<Seen>,
    begun: Instant,
    /// Of which no time of this run was needed.
    n_before: usize,
    view: View,
}

/// What came, and what did not.
#[derive(Debug, Default)]
struct Seen {
    bytes: u64,
    changed: usize,
    failed: BTreeMap<Stage, usize>,
    hosts: Worst,
}

impl Display for Seen {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", DecimalBytes(self.bytes))?;
        if self.changed > 0 {
            write!(f, ", {} changed", self.changed)?;
        }
        let n_failed: usize = self.failed.values().sum();
        if n_failed > 0 {
            write!(f, ", {n_failed} failed")?;
            for (nth, (stage, n)) in self.failed.iter().enumerate() {
                let before = if nth == 0 { " (" } else { ", " };
                write!(f, "{before}{n} at {stage}")?;
            }
            write!(f, "; {})", self.hosts)?;
        }
        Ok(())
    }
}

/// How fast it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pace {
    /// Images that are done with, those that failed among them: they take their time, too.
    per_second: f64,
    /// What the others take at this pace; none if nothing can be said yet.
    left: Option<Duration>,
}

impl Pace {
    fn of(n_done: usize, n_left: usize, took: Duration) -> Self {
        let seconds = took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let [done, left] = [n_done, n_left].map(|n| n as f64);
        let is_known = seconds > 0.0 && n_done > 0;
        Self {
            per_second: if is_known { done / seconds } else { 0.0 },
            left: match (n_left, is_known) {
                (0, _) => Some(Duration::ZERO),
                (_, true) => Duration::try_from_secs_f64(left / done * seconds).ok(),
                (_, false) => None,
            },
        }
    }

    /// For people.
    fn left(&self) -> String {
        match self.left {
            Some(left) => HumanDuration(left).to_string(),
            None => "unknown".to_owned(),
        }
    }
}

#[derive(Debug)]
enum View {
    Bar(ProgressBar),
    /// When the last line was written.
    Lines(Mutex<Instant>),
}

const LINE_EVERY: Duration = Duration::from_secs(10);

impl Progress {
    /// Of `n_images`, `n_done` need nothing any more.
    pub(super) fn new(n_images: usize, n_done: usize) -> Self {
        let view = if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template(
                "{bar:30} {pos}/{len} images {per_sec} {eta} left, {msg}",
            )
            .expect("the template is valid");
            let bar = ProgressBar::new(n_images as u64).with_style(style);
            bar.set_position(n_done as u64);
            // The time left is reckoned from this run alone.
            bar.reset_eta();
            View::Bar(bar)
        } else {
            tracing::info!(n_images, n_done, "building");
            View::Lines(Mutex::new(Instant::now()))
        };
        Self {
            n_images,
            n_done: AtomicUsize::new(n_done),
            seen: Mutex::default(),
            begun: Instant::now(),
            n_before: n_done,
            view,
        }
    }

    /// One more image has its vector, or will not get one.
    pub(super) fn advance(&self) {
        let n_done = 1 + self.n_done.fetch_add(1, Ordering::Relaxed);
        match &self.view {
            View::Bar(bar) => bar.inc(1),
            View::Lines(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    let pace = self.pace(self.begun.elapsed());
                    tracing::info!(
                        n_images = self.n_images,
                        n_done,
                        per_second = %format_args!("{:.1}", pace.per_second),
                        left = %pace.left(),
                        came = %self.seen(),
                        "building"
                    );
                }
            }
        }
    }

    /// That of this run, which has taken so long.
    fn pace(&self, took: Duration) -> Pace {
        let n_done = self.n_done.load(Ordering::Relaxed);
        Pace::of(
            n_done.saturating_sub(self.n_before),
            self.n_images.saturating_sub(n_done),
            took,
        )
    }

    /// A picture came.
    pub(super) fn fetched(&self, n_bytes: usize) {
        self.seen().bytes += n_bytes as u64;
        self.show_seen();
    }

    /// An image has another vector than before.
    pub(super) fn changed(&self) {
        self.seen().changed += 1;
        self.show_seen();
    }

    /// An image will not get a vector, or keeps an old one.
    pub(super) fn failed(&self, url: &str, stage: Stage) {
        let mut seen = self.seen();
        *seen.failed.entry(stage).or_default() += 1;
        seen.hosts.add(origin(url));
        drop(seen);
        self.show_seen();
    }

    fn show_seen(&self) {
        if let View::Bar(bar) = &self.view {
            bar.set_message(self.seen().to_string());
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what happened to an image.
    pub(super) fn note(&self, line: &str) {
        match &self.view {
            View::Bar(bar) => bar.println(line),
            View::Lines(_) => tracing::warn!("{line}"),
        }
    }

    /// `model_time` is what runs of the model took, of which `n_at_once` could go on at a time.
    pub(super) fn finish(&self, model_time: Duration, n_at_once: usize) {
        match &self.view {
            View::Bar(bar) => bar.finish(),
            View::Lines(_) => {
                let took = self.begun.elapsed();
                #[expect(clippy::cast_precision_loss, reason = "for people")]
                let all = took.as_secs_f64() * n_at_once.max(1) as f64;
                tracing::info!(
                    n_images = self.n_images,
                    n_done = self.n_done.load(Ordering::Relaxed),
                    per_second = %format_args!("{:.1}", self.pace(took).per_second),
                    model_busy = %format_args!("{:.0} %", 100.0 * model_time.as_secs_f64() / all),
                    came = %self.seen(),
                    "built"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After so many images, the last of them failed, and seconds: images a second, and the time that is left.
    #[track_caller]
    fn check(progress: &Progress, n: usize, n_failed: usize, seconds: u64, expected: (f64, &str)) {
        for nth in 0..n {
            if nth >= n - n_failed {
                progress.failed("http://h/i", Stage::Download);
            }
            progress.advance();
        }
        let pace = progress.pace(Duration::from_secs(seconds));
        assert_eq!((pace.per_second, pace.left().as_str()), expected);
    }

    #[test]
    fn the_time_left_is_that_of_the_others_at_the_pace_of_this_run() {
        let progress = Progress::new(1000, 0);
        check(&progress, 0, 0, 0, (0.0, "unknown"));
        check(&progress, 0, 0, 60, (0.0, "unknown"));
        check(&progress, 1, 0, 0, (0.0, "unknown"));
        check(&progress, 19, 0, 10, (2.0, "8 minutes"));
        // Those that failed need no more time.
        check(&progress, 80, 60, 20, (5.0, "3 minutes"));
        check(&progress, 899, 0, 999, (1.0, "1 second"));
        check(&progress, 1, 1, 1000, (1.0, "0 seconds"));
        // One more than there are, should anybody count so, and no time.
        check(&progress, 1, 0, 0, (0.0, "0 seconds"));
    }

    #[test]
    fn what_earlier_runs_have_done_is_not_of_this_pace() {
        let progress = Progress::new(1_000_000, 999_000);
        check(&progress, 0, 0, 3600, (0.0, "unknown"));
        check(&progress, 100, 0, 10, (10.0, "2 minutes"));
        check(&progress, 900, 10, 100, (10.0, "0 seconds"));
        let nothing_to_do = Progress::new(7, 7);
        check(&nothing_to_do, 0, 0, 0, (0.0, "0 seconds"));
        check(&Progress::new(0, 0), 0, 0, 1, (0.0, "0 seconds"));
    }

    #[test]
    fn a_slow_run_of_many_images_has_an_end() {
        let pace = Pace::of(1, usize::MAX, Duration::from_secs(u64::MAX));
        assert_eq!((pace.left, pace.left().as_str()), (None, "unknown"));
        let pace = Pace::of(usize::MAX, 1, Duration::from_nanos(1));
        assert!(pace.per_second.is_finite());
        assert_eq!(pace.left, Some(Duration::ZERO));
    }
}
